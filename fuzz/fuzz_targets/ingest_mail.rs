//! Any bytes as a mail, or behind the separator of an mbox.
#![no_main]

#[path = "../support.rs"]
mod support;

use dedup::Options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [kind, read_buffer, content @ ..] = data else { return };
    let mut options = Options::new();
    options.strict_encoding(kind & 2 != 0);
    if kind & 1 == 0 {
        support::ingest(options, "input.eml", *read_buffer, content);
    } else {
        let content = [b"From a Mon May  6 07:08:09 2024\n", content].concat();
        support::ingest(options, "input.mbox", *read_buffer, &content);
    }
});
