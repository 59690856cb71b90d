//! Units that end where the text says so: lines, paragraphs, whole texts.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::Result;
use std::path::Path;

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64;

use crate::input::{articles, texts};
use crate::rivals::{Found, Unit};

/// A set of what is a hash already.
pub(crate) type Hashes = HashSet<u64, BuildHasherDefault<Already>>;

#[derive(Default)]
pub(crate) struct Already(u64);

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("BUG: the set holds u64 only")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

pub(crate) fn read(path: &Path) -> Result<Found> {
    let mut found = Found::default();
    texts(path, |text| found.text += text.len() as u64)?;
    Ok(found)
}

/// Lines whose hash was seen.
pub(crate) fn hashed(path: &Path, each: &mut dyn FnMut(Unit<'_>)) -> Result<()> {
    let mut seen = Hashes::default();
    units(path, lines, |line| !seen.insert(xxh3_64(line)), each)
}

pub(crate) fn exact(path: &Path, each: &mut dyn FnMut(Unit<'_>)) -> Result<()> {
    let mut seen: HashSet<Box<[u8]>> = HashSet::new();
    units(path, lines, |line| seen.contains(line) || !seen.insert(line.into()), each)
}

pub(crate) fn paragraphs(path: &Path, each: &mut dyn FnMut(Unit<'_>)) -> Result<()> {
    let mut seen = Hashes::default();
    let blank = memmem::Finder::new(b"\n\n");
    let split = |text: &[u8], each: &mut dyn FnMut(&[u8])| {
        let mut start = 0;
        for end in blank.find_iter(text) {
            each(&text[start..end + 2]);
            start = end + 2;
        }
        each(&text[start..]);
    };
    units(path, split, |paragraph| !seen.insert(xxh3_64(paragraph)), each)
}

pub(crate) fn documents(path: &Path, each: &mut dyn FnMut(Unit<'_>)) -> Result<()> {
    let mut seen = Hashes::default();
    let whole = |text: &[u8], each: &mut dyn FnMut(&[u8])| each(text);
    units(path, whole, |text| !seen.insert(xxh3_64(text)), each)
}

/// Lines with their ends.
fn lines(text: &[u8], each: &mut dyn FnMut(&[u8])) {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text) {
        each(&text[start..=end]);
        start = end + 1;
    }
    each(&text[start..]);
}

fn units(
    path: &Path,
    split: impl Fn(&[u8], &mut dyn FnMut(&[u8])),
    mut seen: impl FnMut(&[u8]) -> bool,
    each: &mut dyn FnMut(Unit<'_>),
) -> Result<()> {
    articles(path, |id, text| {
        let mut start = 0;
        split(text.as_bytes(), &mut |unit| {
            let end = start + unit.len();
            each(Unit { id, range: start..end, seen: seen(unit) });
            start = end;
        });
    })
}
