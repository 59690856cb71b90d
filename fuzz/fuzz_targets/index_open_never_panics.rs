//! Whatever the files of an index hold, opening, reading and searching it ends, without a panic.
//!
//! The input is a list of changes to a small index: offset (two bytes) and value. Checksums of the directory and the
//! manifest are made to agree afterwards, so that what lies behind them is reached; if the first byte is odd, those of
//! all blocks too.
#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const RUN: &str = "run-0000000000000001";

fuzz_target!(|data: &[u8]| {
    static SOUND: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    let (mut manifest, mut run) = SOUND.get_or_init(sound).clone();
    let Some((&blocks, changes)) = data.split_first() else { return };
    let sound = run.clone();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % run.len();
        run[at] = change[2];
    }
    let trailer = run.len() - 32;
    let directory = number(&sound, trailer);
    if blocks % 2 == 1 {
        for (at, len) in block_places(&sound[directory..trailer]) {
            let sum = xxh3_64_with_seed(&run[at..at + len], (1 << 40) + at as u64);
            run[at + len..at + len + 8].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let sum = xxh3_64(&run[directory..trailer]).to_le_bytes();
    run[trailer + 16..trailer + 24].copy_from_slice(&sum);
    let end = manifest.len() - 8;
    manifest[end - 8..end].copy_from_slice(&sum);
    let sum = xxh3_64(&manifest[..end]).to_le_bytes();
    manifest[end..].copy_from_slice(&sum);

    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("manifest"), &manifest).expect("written");
    std::fs::write(dir.path().join(RUN), &run).expect("written");
    let Ok(index) = dedup::Index::open(dir.path()) else { return };
    let _ = index.verify();
    for article in index.articles().flatten() {
        let _ = index.original(article.id());
        let _ = index.find(article.text());
    }
});

/// The manifest and the run of a small index.
fn sound() -> (Vec<u8>, Vec<u8>) {
    let dir = tempfile::tempdir().expect("a directory");
    let line = |n: u32| format!("Entry {n}: the {} gauge was read, and it was dry.", n * 7919);
    let mut deduper = options(dir.path()).deduper().expect("an index");
    for n in 0..4 {
        let text =
            [line(n), "\u{201c}Quoted\u{201d}  ".to_owned(), line(n / 2), line(n / 2)].join("\r\n");
        deduper.push(n.to_string(), text).expect("pushed");
    }
    deduper.checkpoint().expect("committed");
    let read = |name: &str| std::fs::read(dir.path().join(name)).expect("written");
    (read("manifest"), read(RUN))
}

fn options(dir: &Path) -> dedup::Options {
    let mut options = dedup::Options::new();
    options.min_span(40).min_paragraph(12).index(dir);
    options
}

fn number(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) as usize
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
