//! Any bytes as text in any encoding, strict or not; and text in UTF-16, which comes back as it was.
#![no_main]

#[path = "../support.rs"]
mod support;

use dedup::Options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [kind, read_buffer, content @ ..] = data else { return };
    let mut options = Options::new();
    options.strict_encoding(kind & 1 != 0);
    let name = ["input.txt", "input.jsonl", "input.csv"][usize::from(kind >> 1) % 3];
    support::ingest(options, name, *read_buffer, content);

    let Ok(text) = std::str::from_utf8(content) else { return };
    let text = text.trim_start_matches('\u{feff}');
    if text.len() > 1000 {
        return;
    }
    let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    let bytes: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
    let mut articles = Options::new()
        .threads(1)
        .reader("input.txt", std::io::Cursor::new(bytes))
        .expect("valid options");
    let article = articles.next().expect("an article").expect("sound UTF-16");
    assert_eq!(article.original(), text);
});
