//! The index on disk, from outside: what it gives back, and that it comes to the same in any number of steps.
//!
//! `DEDUP_CORPORA` sets how many seeded corpora are tried and `DEDUP_SEED` the first of their seeds.

#[allow(dead_code, reason = "shared with the tests of the oracle")]
mod support {
    //! Small corpora full of traps.
    pub(crate) mod corpus;
}

use std::path::Path;

use dedup::{Article, Deduper, Index, Options, Segment};
use support::corpus::{Recipe, Rng};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

fn options(recipe: &Recipe) -> Options {
    let mut options = Options::new();
    options.min_span(recipe.min_span).min_paragraph(recipe.min_paragraph);
    options
}

fn writer(recipe: &Recipe, dir: &Path) -> Deduper {
    options(recipe).index(dir).deduper().expect("the index opens")
}

/// What two engines have to agree on.
fn outcome(article: &Article) -> impl PartialEq + std::fmt::Debug {
    (
        article.original().to_owned(),
        article.segments().to_vec(),
        article.repeats().to_vec(),
        article.blocks().to_vec(),
    )
}

fn check_steps(seed: u64) {
    let recipe = Recipe::seeded(seed);
    let mut rng = Rng(seed ^ 0xD15C);
    let articles = recipe.build();
    let dir = tempfile::tempdir().unwrap();
    let mut at_once = options(&recipe).deduper().unwrap();
    let mut in_steps = writer(&recipe, dir.path());
    let mut expected = Vec::new();
    for (number, text) in articles.iter().enumerate() {
        match rng.below(4) {
            0 => in_steps.checkpoint().unwrap(),
            1 => {
                in_steps.checkpoint().unwrap();
                drop(in_steps);
                in_steps = writer(&recipe, dir.path());
            }
            _ => {}
        }
        let id = format!("a{number}");
        let article = at_once.push(id.as_str(), text.as_str()).unwrap();
        let stepped = in_steps.push_new(id.as_str(), text.as_str()).unwrap().expect("it is new");
        assert_eq!(outcome(&article), outcome(&stepped), "seed {seed}, article {number}");
        if rng.below(3) == 0 {
            // A second time there is nothing to do, before and after a commit.
            assert!(in_steps.push_new(id.as_str(), text.as_str()).unwrap().is_none());
        }
        expected.push(article);
    }
    in_steps.checkpoint().unwrap();
    drop(in_steps);
    check_contents(&recipe, dir.path(), &expected, seed);
}

fn check_contents(recipe: &Recipe, dir: &Path, expected: &[Article], seed: u64) {
    let index = Index::open(dir).unwrap();
    index.verify().unwrap();
    let stored: Vec<_> = index.articles().map(Result::unwrap).collect();
    assert_eq!(stored.len(), expected.len());
    let mut left = 0;
    for (number, (stored, article)) in stored.iter().zip(expected).enumerate() {
        assert_eq!((stored.number(), stored.id()), (number, article.id()));
        assert_eq!(stored.text(), article.text(), "seed {seed}, article {number}");
        assert_eq!(stored.digest(), article.digest());
        assert_eq!(stored.original_len(), article.original().len());
        assert_eq!(index.original(article.id()).unwrap().unwrap(), article.original());
        assert_eq!(index.article(article.id()).unwrap().unwrap(), *stored);
        assert_eq!(stored.segments().len(), article.segments().len());
        for (stored, segment) in stored.segments().iter().zip(article.segments()) {
            assert_eq!(stored.range, segment.range());
            match (&stored.first, segment) {
                (None, Segment::New { .. }) => {}
                (Some(reference), Segment::Seen { first, .. }) => {
                    assert_eq!((reference.article, &reference.range), (first.article, &first.range));
                    assert_eq!(index.id(reference.article).unwrap(), first.id);
                }
                other => panic!("seed {seed}, article {number}: {other:?}"),
            }
        }
        left += stored.text().len() as u64;
    }
    let stats = index.stats();
    assert_eq!((stats.articles, stats.bytes_kept), (expected.len() as u64, left));
    assert!(index.article("nobody").unwrap().is_none());
    assert!(index.original("nobody").unwrap().is_none());

    // Whatever is asked, it is what ingesting it next would report.
    let mut questions: Vec<String> = Recipe::seeded(seed ^ 0xA5A5).build();
    questions.extend(Recipe { salt: recipe.salt ^ 1, ..recipe.clone() }.build());
    questions.extend(expected.iter().map(|article| article.original().to_owned()));
    if let [first, .., last] = expected {
        questions.push(format!("{}\n\n{}", last.original(), first.original()));
    }
    for question in questions {
        let mut next = options(recipe).deduper().unwrap();
        for article in expected {
            next.push(article.id(), article.original()).unwrap();
        }
        let article = next.push("", question.as_str()).unwrap();
        assert_eq!(index.find(&question).unwrap(), article.repeats(), "seed {seed}: {question:?}");
    }
}

#[test]
fn in_steps_and_at_once_are_the_same() {
    let first = setting("DEDUP_SEED", 1);
    for seed in first..first + setting("DEDUP_CORPORA", 60) {
        check_steps(seed);
    }
}
