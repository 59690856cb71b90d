//! Any bytes as a table.
#![no_main]

#[path = "../support.rs"]
mod support;

use dedup::{Format, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [read_buffer, content @ ..] = data else { return };
    let mut options = Options::new();
    options.format(Format::Csv);
    // A line before the head may state the delimiter, and tells what the head has to be.
    let head: &[u8] = if content.starts_with(b"sep=") { b"" } else { b"id,text\n" };
    let table = [head, content].concat();
    support::ingest(options, "input", *read_buffer, &table);
});
