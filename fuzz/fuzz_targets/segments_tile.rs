//! The segments of an article tile it, its text is its new segments, and the rest can be rebuilt.
#![no_main]

use dedup::{Options, Segment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut deduper =
        Options::new().min_span(32).min_paragraph(8).deduper().expect("valid options");
    for (n, original) in text.split('\0').enumerate() {
        let article = deduper.push(n.to_string(), original).expect("any text can be pushed");
        assert_eq!(article.original(), original);

        let mut end = 0;
        let mut kept = String::new();
        for segment in article.segments() {
            let range = segment.range();
            assert_eq!(range.start, end, "segments leave no gap and do not overlap");
            assert!(!range.is_empty());
            end = range.end;
            if let Segment::New { range, .. } = segment {
                kept.push_str(&original[range.clone()]);
            }
        }
        assert_eq!(end, original.len());
        assert_eq!(article.text(), kept);
    }
});
