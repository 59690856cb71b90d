//! What an input may ask of this machine.

use crate::options::Options;

/// Limits that hold whatever an input claims: they bound memory and time on hostile or broken files.
///
/// What exceeds a limit is an error in its place, and the stream goes on after it where the format allows.
///
/// # Examples
///
/// ```
/// use dedup::{Limits, Options};
///
/// let mut options = Options::new();
/// options.limits(Limits::new().article(16 << 20).record(64 << 20));
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    pub(crate) article: u64,
    pub(crate) record: u64,
    pub(crate) decompression_ratio: u64,
    pub(crate) nesting: usize,
    pub(crate) window: u64,
}

impl Limits {
    /// Decompressed bytes that no [ratio](Self::decompression_ratio) forbids, however few they came
    /// from: 16 MiB.
    pub const RATIO_FREE: u64 = 16 << 20;

    /// The defaults.
    pub fn new() -> Self {
        Self {
            article: 1 << 30,
            record: 1 << 30,
            decompression_ratio: 256,
            nesting: 256,
            window: 128 << 20,
        }
    }

    /// The longest text of one article, in bytes of UTF-8. Default: 1 GiB, at most
    /// [`Options::LONGEST_ARTICLE`].
    ///
    /// While an article is looked at, it takes four to five times its bytes in memory, and up to 36
    /// times if all its lines are of a byte or two.
    #[must_use]
    pub fn article(mut self, bytes: u64) -> Self {
        self.article = bytes;
        self
    }

    /// The longest record, in bytes as they stand in the decompressed file: a line of JSONL, a row, a
    /// mail with its attachments, a whole file that is one article. Default: 1 GiB.
    ///
    /// A record that is being read takes up to about twice this in memory, and about three times
    /// where it is decoded or unescaped to become text: in mail, in feeds, and in encodings other
    /// than UTF-8.
    #[must_use]
    pub fn record(mut self, bytes: u64) -> Self {
        self.record = bytes;
        self
    }

    /// How many bytes may come out of a compressed file for each byte of it that was read. Default: 256.
    ///
    /// Up to [`RATIO_FREE`](Self::RATIO_FREE) bytes may come out of any file. Of a Parquet file the
    /// texts of its rows count, which a dictionary may repeat, and a byte for each row.
    #[must_use]
    pub fn decompression_ratio(mut self, ratio: u64) -> Self {
        self.decompression_ratio = ratio;
        self
    }

    /// How deep parts may lie inside parts: values in a `.json` file, parts of a mail, elements of
    /// a feed, types of a Parquet file (where it is 256 at most). Default: 256.
    ///
    /// Lines of JSON and web pages need no such limit, since depth takes no memory in them.
    #[must_use]
    pub fn nesting(mut self, levels: usize) -> Self {
        self.nesting = levels;
        self
    }

    /// The memory that a `.zst` or `.xz` file may ask for to look back in, in bytes; for `.zst`
    /// rounded down to a power of two. From 1 KiB to 2 GiB. Default: 128 MiB, which is what `zstd` itself
    /// allows.
    #[must_use]
    pub fn window(mut self, bytes: u64) -> Self {
        self.window = bytes;
        self
    }

    /// The name of a limit that has no possible value, and what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.article > Options::LONGEST_ARTICLE {
            let longest = Options::LONGEST_ARTICLE;
            return Err(format!("article: {} is more than {longest}", self.article));
        }
        for (name, value) in [
            ("article", self.article),
            ("record", self.record),
            ("decompression_ratio", self.decompression_ratio),
            ("nesting", self.nesting as u64),
        ] {
            if value == 0 {
                return Err(format!("{name}: 0 lets nothing through"));
            }
        }
        // What zstd itself can take.
        if self.window < 1 << 10 || self.window > 1 << 31 {
            return Err(format!("window: {} is not from 1 KiB to 2 GiB", self.window));
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
