//! In every mode, the segments of an article tile it, its text is its new segments, and the rest
//! can be rebuilt.
#![no_main]

#[path = "../text.rs"]
mod text;

use dedup::{Cut, Options, Segment, WithinArticle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (mode, data) = input;
    let text = text::of_script(mode >> 5, data);
    let mut options = Options::new();
    options.min_span(32).min_paragraph(8);
    if mode & 1 != 0 {
        options.near(0.5);
    }
    match mode >> 1 & 3 {
        1 => _ = options.cut(Cut::Span),
        2 => _ = options.cut(Cut::Sentence),
        _ => {}
    }
    match mode >> 3 & 3 {
        1 => _ = options.within_article(WithinArticle::Keep),
        2 => _ = options.within_article(WithinArticle::RemoveFrom(50)),
        _ => {}
    }
    let mut deduper = options.deduper().expect("valid options");
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
        for change in article.blocks().iter().flat_map(|block| &block.changes) {
            assert!(original.get(change.range.clone()).is_some());
        }
    }
});
