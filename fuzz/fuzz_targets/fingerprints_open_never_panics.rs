//! Whatever the files of an index without text hold, opening, asking, merging and going on with it
//! ends, without a panic.
//!
//! The input is a list of changes to a small set, as `damage.rs` describes it.
#![no_main]

#[path = "../damage.rs"]
mod damage;

use std::sync::OnceLock;

use damage::{Files, number};
use dedup::{Fingerprints, Options};
use libfuzzer_sys::fuzz_target;

/// Enough for two pages.
const PARAGRAPHS: usize = 600;

fuzz_target!(|data: &[u8]| {
    static SOUND: OnceLock<Files> = OnceLock::new();
    let Some(files) = SOUND.get_or_init(sound).damaged(data, page_places) else { return };
    let dir = tempfile::tempdir().expect("a directory");
    files.write(dir.path());
    let Ok(set) = Fingerprints::open(dir.path()) else { return };
    let sound = set.verify().is_ok();
    for number in [0, PARAGRAPHS / 2, PARAGRAPHS - 1, PARAGRAPHS] {
        let _ = set.contains(&paragraph(number));
    }
    let merged = dir.path().join("merged");
    let created = set.create_like(&merged).is_ok();
    let merged = created && Fingerprints::merge(&merged, [dir.path()]).is_ok();
    assert!(merged || !sound, "what was verified cannot be merged");
    if let Ok(mut filter) = Options::new().min_paragraph(12).filter(dir.path()) {
        let _ = filter.push("", paragraph(1)).and_then(|_| filter.checkpoint());
    }
});

fn paragraph(number: usize) -> String {
    format!("Entry {number}: the {} gauge was read, and it was dry.", number * 7919)
}

/// The manifest and the run of a small set.
fn sound() -> Files {
    let dir = tempfile::tempdir().expect("a directory");
    let mut filter = Options::new().min_paragraph(12).filter(dir.path()).expect("a set");
    let text: Vec<String> = (0..PARAGRAPHS).map(paragraph).collect();
    filter.push("", text.join("\n")).expect("pushed");
    filter.checkpoint().expect("committed");
    Files::read(dir.path())
}

/// Where the payloads of all pages lie, and how long they are.
fn page_places(directory: &[u8]) -> Vec<(usize, usize)> {
    let mut place = 16;
    let pages = directory[24..].chunks_exact(16).take(number(directory, 16));
    let len =
        |page: &[u8]| u32::from_le_bytes(page[8..12].try_into().expect("four bytes")) as usize;
    pages
        .map(|page| {
            let payload = (place, len(page));
            place += payload.1 + 8;
            payload
        })
        .collect()
}
