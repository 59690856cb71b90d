//! Any bytes as JSON: by line, in an array or one after another, with fields at any depth.
#![no_main]

#[path = "../support.rs"]
mod support;

use dedup::Options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [kind, read_buffer, content @ ..] = data else { return };
    let mut options = Options::new();
    if kind & 1 != 0 {
        options.text_field("a.text").id_field("/a/i~1d").title_field("b.c.title");
    }
    let name = if kind & 2 != 0 { "input.json" } else { "input.jsonl" };
    support::ingest(options, name, *read_buffer, content);
});
