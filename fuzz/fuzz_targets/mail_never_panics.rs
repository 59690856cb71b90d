//! Any bytes are read as a mail without a panic, and within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [strict, content @ ..] = data else { return };
    dedup_fuzz::mail(content, strict % 2 == 1);
});
