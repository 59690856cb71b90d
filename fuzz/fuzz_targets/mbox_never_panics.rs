//! Any bytes are read as an mbox without a panic, within the limits, and the same through every buffer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [buffer, content @ ..] = data else { return };
    dedup_fuzz::mbox(content, usize::from(*buffer));
});
