//! Any bytes behind the start of a compressed file, and sound compressed files with one byte changed.
#![no_main]

#[path = "../support.rs"]
mod support;

use std::io::Write;

use dedup::Options;
use libfuzzer_sys::fuzz_target;

const STARTS: [&[u8]; 4] = [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh91AY&SY", b"\xfd7zXZ\0"];

fuzz_target!(|data: &[u8]| {
    let [kind, read_buffer, at, content @ ..] = data else { return };
    let bytes = if kind & 4 == 0 {
        [STARTS[usize::from(kind % 4)], content].concat()
    } else {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).expect("memory");
        let mut bytes = encoder.finish().expect("memory");
        let at = usize::from(*at) % bytes.len();
        bytes[at] ^= kind;
        bytes
    };
    let name = if kind & 8 == 0 { "input.txt" } else { "input.jsonl" };
    support::ingest(Options::new(), name, *read_buffer, &bytes);
});
