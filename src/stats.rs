//! The totals of what came through.

use crate::article::Provenance;
use crate::source::Skipped;

/// Totals of a stream, or of a [`Deduper`](crate::Deduper).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Articles that came through.
    pub articles: u64,
    /// Bytes of their originals.
    pub bytes_in: u64,
    /// Bytes of what is left of them.
    pub bytes_kept: u64,
    /// Bytes of what was removed, line breaks included.
    pub bytes_removed: u64,
    /// Removed blocks.
    pub blocks: u64,
    /// Reported repeats, removed or not.
    pub repeats: u64,
    /// Bytes of memory that the index holds, kept text excluded.
    pub index_bytes: u64,
    /// Bytes of kept text, in canonical form; with an index on disk, only of what is not committed yet.
    pub text_bytes: u64,
    /// Errors in the stream.
    pub errors: u64,
    /// Articles skipped because the index on disk had them, with the same id and content.
    pub unchanged: u64,
    /// What was skipped, by reason. With the feature `tracing`, events say which files these were.
    pub skipped: Skipped,
    /// Articles that were not in UTF-8.
    pub reencoded: u64,
    /// Sequences of bytes that could not be decoded and became U+FFFD.
    pub replaced: u64,
    /// Attachments that were left out.
    pub attachments: u64,
}

impl Stats {
    /// An article, by its length and what was removed of it.
    pub(crate) fn count(&mut self, provenance: &Provenance, len: usize, removed: usize) {
        self.articles += 1;
        self.bytes_in += len as u64;
        self.bytes_kept += (len - removed) as u64;
        self.bytes_removed += removed as u64;
        self.reencoded += u64::from(provenance.encoding.is_some());
        self.replaced += provenance.replaced;
        self.attachments += provenance.attachments;
    }
}
