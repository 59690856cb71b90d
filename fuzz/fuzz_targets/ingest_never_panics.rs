//! Any bytes, as a file of any format, go through `ingest` without a panic, and the totals add up.
#![no_main]

use std::fs;

use dedup::Options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [format, read_buffer, content @ ..] = data else { return };
    let extension = ["txt", "md", "jsonl"][usize::from(format % 3)];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("input").with_extension(extension);
    fs::write(&path, content).expect("a temporary file");

    let mut articles = Options::new()
        .threads(1)
        .min_span(32)
        .read_buffer(usize::from(*read_buffer) + 1)
        .ingest(&path)
        .expect("valid options and an existing file");
    let results = articles.by_ref().count();
    let stats = articles.stats();
    assert_eq!(stats.articles + stats.errors, results as u64);
    assert_eq!(stats.bytes_in, stats.bytes_kept + stats.bytes_removed);
});
