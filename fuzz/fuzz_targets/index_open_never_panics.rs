//! Whatever the files of an index hold, opening, reading and searching it ends, without a panic.
//!
//! The input is a list of changes to a small index, as `damage.rs` describes it.
#![no_main]

#[path = "../damage.rs"]
mod damage;

use std::path::Path;
use std::sync::OnceLock;

use damage::{Files, number};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    static SOUND: OnceLock<Files> = OnceLock::new();
    let Some(files) = SOUND.get_or_init(sound).damaged(data, block_places) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    files.write(dir.path());
    let Ok(index) = dedup::Index::open(dir.path()) else { return };
    let _ = index.verify();
    for article in index.articles().flatten() {
        let _ = index.original(article.id());
        let _ = index.find(article.text());
        let _ = index.sources_at(article.number());
    }
});

/// The manifest and the run of a small index.
fn sound() -> Files {
    let dir = tempfile::tempdir().expect("a directory");
    let line = |n: u32| format!("Entry {n}: the {} gauge was read, and it was dry.", n * 7919);
    let mut deduper = options(dir.path()).deduper().expect("an index");
    for n in 0..4 {
        let text =
            [line(n), "\u{201c}Quoted\u{201d}  ".to_owned(), line(n / 2), line(n / 2)].join("\r\n");
        deduper.push(n.to_string(), text).expect("pushed");
    }
    deduper.checkpoint().expect("committed");
    Files::read(dir.path())
}

fn options(dir: &Path) -> dedup::Options {
    let mut options = dedup::Options::new();
    options.min_span(40).min_paragraph(12).index(dir);
    options
}

/// Where the payloads of all blocks lie, and how long they are.
fn block_places(directory: &[u8]) -> Vec<(usize, usize)> {
    let texts = number(directory, 64);
    let groups = number(directory, 72);
    let pages: usize = (0..3).map(|table| number(directory, 80 + 32 * table + 16)).sum();
    let mut entry = 176;
    let mut place = 16;
    let mut places = Vec::new();
    for (count, size, at) in [(texts, 8, 0), (groups, 32, 0), (pages, 16, 8)] {
        for _ in 0..count {
            let len = directory[entry + at..entry + at + 4].try_into().expect("four bytes");
            let len = u32::from_le_bytes(len) as usize;
            places.push((place, len));
            place += len + 8;
            entry += size;
        }
    }
    places
}
