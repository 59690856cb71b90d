//! Any bytes are read as a feed without a panic, and within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [strict, content @ ..] = data else { return };
    dedup_fuzz::feed(content, strict % 2 == 1);
});
