//! The list of them.

use std::io::Result;
use std::ops::Range;
use std::path::Path;

use crate::{chunks, engine, lines, shingles, substrings};

/// A way to find repeats.
#[derive(Clone, Copy, Debug)]
pub struct Rival {
    /// A name for tables and arguments.
    pub name: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
    /// Runs it over a file.
    pub run: fn(&Path) -> Result<Found>,
}

/// What a rival found in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Bytes of all texts.
    pub text: u64,
    /// Bytes that it says occurred earlier.
    pub repeated: u64,
    /// Bytes that it would remove, line breaks after them included.
    pub removed: u64,
}

/// A part of a text that goes or stays as a whole. Those of a text tile it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// Which text.
    pub id: &'a str,
    /// Where in it.
    pub range: Range<usize>,
    /// Whether it goes.
    pub seen: bool,
}

/// A rival that judges units: calls what it is given with each, in order.
pub type Filter = fn(&Path, &mut dyn FnMut(Unit<'_>)) -> Result<()>;

/// The filters that docs/quality.md is about.
pub const FILTERS: [(&str, Filter); 3] = [
    ("lines", lines::hashed),
    ("13-grams", shingles::of_13_words),
    ("7-grams", shingles::of_7_words),
];

impl Found {
    /// What a filter finds.
    fn count(path: &Path, filter: Filter) -> Result<Self> {
        let mut found = Self::default();
        filter(path, &mut |unit| {
            found.text += unit.range.len() as u64;
            found.unit(unit.range.len(), unit.seen);
        })?;
        Ok(found)
    }

    /// Adds a unit that goes or stays as a whole.
    pub(crate) fn unit(&mut self, bytes: usize, seen: bool) {
        if seen {
            self.repeated += bytes as u64;
            self.removed += bytes as u64;
        }
    }
}

/// All of them, `dedup` first.
pub const ALL: [Rival; 12] = [
    Rival { name: "dedup", what: "`dedup::ingest`, 1 thread", run: engine::one_thread },
    Rival { name: "dedup-2", what: "`dedup::ingest`, 2 threads", run: engine::two_threads },
    Rival { name: "read", what: "reading the texts and nothing else", run: lines::read },
    Rival {
        name: "lines",
        what: "set of the xxh3 of each line",
        run: |path| Found::count(path, lines::hashed),
    },
    Rival {
        name: "exact-lines",
        what: "set of the lines themselves",
        run: |path| Found::count(path, lines::exact),
    },
    Rival {
        name: "paragraphs",
        what: "set of the xxh3 of what blank lines part",
        run: |path| Found::count(path, lines::paragraphs),
    },
    Rival {
        name: "documents",
        what: "set of the xxh3 of each text",
        run: |path| Found::count(path, lines::documents),
    },
    Rival {
        name: "fastcdc",
        what: "FastCDC chunks of 1 KiB, BLAKE3, hash map",
        run: chunks::fastcdc,
    },
    Rival {
        name: "gearhash",
        what: "gear hash chunks of 1 KiB, xxh3, hash set",
        run: chunks::gearhash,
    },
    Rival {
        name: "bloom",
        what: "Bloom filter of 13-grams, 8 in 10 of a line's",
        run: |path| Found::count(path, shingles::of_13_words),
    },
    Rival {
        name: "minhash",
        what: "MinHash of 5-grams, 128 minima, 16 bands",
        run: shingles::minhash,
    },
    Rival {
        name: "suffix-array",
        what: "libsais: all runs of 200 bytes that occurred",
        run: substrings::find,
    },
];

/// Files larger than this are too much for the suffix array, which takes 13 bytes of memory for one.
pub const MOST_FOR_SUFFIX_ARRAY: u64 = 160 << 20;

/// Those that can take on a file of so many bytes.
pub fn able(bytes: u64) -> impl Iterator<Item = Rival> {
    ALL.into_iter().filter(move |it| it.name != "suffix-array" || bytes <= MOST_FOR_SUFFIX_ARRAY)
}

/// The rival of a name.
pub fn named(name: &str) -> Option<Rival> {
    ALL.into_iter().find(|rival| rival.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Collection;

    /// Two in five articles are exact copies, so all find about as much.
    #[test]
    fn all_find_copies() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("made.jsonl");
        let collection = Collection { seed: 7, article_bytes: 3000, copies: 400 };
        collection.create(2_000_000, &path).expect("room for a file");
        let found = |name: &str| (named(name).expect("in the list").run)(&path).expect("a file");
        let truth = found("documents");
        assert!(truth.repeated.abs_diff(truth.text * 2 / 5) < truth.text / 10, "{truth:?}");
        for rival in ALL {
            let found = found(rival.name);
            assert_eq!(found.text, truth.text, "{}", rival.name);
            let (least, most) = match rival.name {
                "read" => (0, 0),
                _ => (truth.repeated - truth.text / 100, truth.repeated + truth.text / 100),
            };
            assert!((least..=most).contains(&found.repeated), "{} {found:?} {truth:?}", rival.name);
        }
        assert_eq!(found("dedup"), found("dedup-2"));
        assert_eq!(found("lines"), found("exact-lines"));
    }
}
