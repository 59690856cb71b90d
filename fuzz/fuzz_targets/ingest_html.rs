//! Any bytes as a page.
#![no_main]

#[path = "../support.rs"]
mod support;

use dedup::{Format, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [kind, read_buffer, content @ ..] = data else { return };
    let mut options = Options::new();
    options.format(Format::Html).strict_encoding(kind & 1 != 0);
    support::ingest(options, "input.html", *read_buffer, content);
});
