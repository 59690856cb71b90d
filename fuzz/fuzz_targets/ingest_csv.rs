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
    let table = [b"id,text\n", content].concat();
    support::ingest(options, "input", *read_buffer, &table);
});
