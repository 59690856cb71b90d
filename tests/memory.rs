//! Kept text beyond the budget lies in a file, and nothing else changes.

use std::fmt::Write as _;

use dedup::{Article, Options};

/// Articles of lines of words, with stretches of earlier articles in them: 9 MB.
fn articles() -> Vec<String> {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut articles: Vec<String> = Vec::new();
    for number in 0..90 {
        let mut article = String::new();
        while article.len() < 100_000 {
            if number > 0 && random(4) == 0 {
                let earlier = &articles[random(number)];
                let start = random(earlier.len());
                let end = (start + 100 + random(3000)).min(earlier.len());
                article += &earlier[start..end];
                article += ["\n", "\n\n", "  \r\n"][random(3)];
            }
            for _ in 0..40 {
                let word = 100_000 + random(900_000);
                write!(article, "w{word:x}").unwrap();
                article += [" ", " ", " ", " ", "\n", "  "][random(6)];
            }
            article += "\n\n";
        }
        articles.push(article);
    }
    articles
}

#[test]
fn a_small_budget_changes_nothing() {
    let all = articles();
    let run = |memory: usize| -> Vec<Article> {
        let mut deduper = Options::new().memory(memory).deduper().unwrap();
        let push = |(number, text): (usize, &String)| {
            deduper.push(number.to_string(), text.clone()).unwrap()
        };
        all.iter().enumerate().map(push).collect()
    };
    let (memory, file) = (run(usize::MAX), run(0));
    let repeats: usize = memory.iter().map(|article| article.repeats().len()).sum();
    assert!(repeats > 1000, "{repeats} repeats");
    for (memory, file) in memory.iter().zip(&file) {
        assert_eq!(memory.segments(), file.segments());
        assert_eq!(memory.repeats(), file.repeats());
        assert_eq!(memory.blocks(), file.blocks());
    }
}

#[test]
fn text_that_fills_a_chunk_to_its_end_is_found_in_the_file() {
    let chunk = 1 << 21;
    let mut all = articles().concat();
    all.retain(|c| c != '\n' && c != '\r');
    let all = all.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    // With the mark of its end, one chunk.
    let (first, rest) = all.split_at(chunk - 1);
    let mut first = first.trim_end().to_owned();
    first += &"x".repeat(chunk - 1 - first.len());
    let second = rest[..3 << 20].trim();
    let mut deduper = Options::new().memory(0).deduper().unwrap();
    deduper.push("first", first).unwrap();
    deduper.push("second", second).unwrap();
    assert!(deduper.push("third", &second[1..500_000]).unwrap().is_repeat());
}

/// What lies in a file when it is committed gets into the index on disk, and what is committed is
/// read from there.
#[cfg(feature = "index")]
#[test]
fn a_small_budget_changes_nothing_with_an_index_on_disk() {
    let all = articles();
    let dir = tempfile::tempdir().unwrap();
    let open = || Options::new().memory(0).index(dir.path()).deduper().unwrap();
    let (mut reference, mut deduper) = (Options::new().deduper().unwrap(), open());
    let mut expected = Vec::new();
    for (number, text) in all.iter().enumerate() {
        if number == 60 {
            drop(deduper);
            deduper = open();
        }
        let here = reference.push(number.to_string(), text.as_str()).unwrap();
        let there = deduper.push(number.to_string(), text.as_str()).unwrap();
        assert_eq!(here.segments(), there.segments());
        assert_eq!(here.repeats(), there.repeats());
        assert_eq!(here.blocks(), there.blocks());
        expected.push(here);
        if number % 30 == 29 {
            deduper.checkpoint().unwrap();
        }
    }
    let index = dedup::Index::open(dir.path()).unwrap();
    index.verify().unwrap();
    for (stored, article) in index.articles().zip(&expected) {
        assert_eq!(stored.unwrap().text(), article.text());
    }
}
