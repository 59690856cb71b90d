//! Any bytes as a feed, and inside an entry of one.
#![no_main]

#[path = "../support.rs"]
mod support;

use dedup::Options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [kind, read_buffer, content @ ..] = data else { return };
    let mut options = Options::new();
    options.strict_encoding(kind & 1 != 0);
    let feed = match kind >> 1 & 3 {
        0 | 1 => content.to_vec(),
        2 => [b"<rss><channel><item>".as_slice(), content, b"</item></channel></rss>"].concat(),
        _ => [b"<feed><entry>".as_slice(), content, b"</entry></feed>"].concat(),
    };
    support::ingest(options, "input.rss", *read_buffer, &feed);
});
