//! The index on disk, from outside: what it gives back, and that it comes to the same in any number of steps.
//!
//! `DEDUP_CORPORA` sets how many seeded corpora are tried and `DEDUP_SEED` the first of their
//! seeds; `DEDUP_KILLS` how often a writer is killed. With `DEDUP_BLESS` the golden index is
//! written anew.

#[allow(dead_code, reason = "shared with the tests of the oracle")]
mod support {
    //! Small corpora full of traps.
    pub(crate) mod corpus;
}

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use dedup::{
    Article, Cut, Deduper, Document, Error, FilteredArticle, Format, Index, IndexError, OnError,
    Options, Repeat, Segment, Versions, WithinArticle,
};
use support::corpus::{Recipe, Rng};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

fn options(recipe: &Recipe) -> Options {
    let mut options = Options::new();
    options.min_span(recipe.min_span).min_paragraph(recipe.min_paragraph);
    match recipe.salt % 4 {
        1 => options.near(0.6),
        2 => options.cut(Cut::Span),
        3 => options.within_article(WithinArticle::Keep),
        _ => &mut options,
    };
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
    let rest = expected.len().saturating_sub(1);
    assert_eq!(index.articles_from(1).size_hint(), (rest.min(1), Some(rest)));
    let mut left = 0;
    for (number, (stored, article)) in stored.iter().zip(expected).enumerate() {
        assert_eq!((stored.number(), stored.id()), (number, article.id()));
        assert_eq!(stored.text(), article.text(), "seed {seed}, article {number}");
        assert_eq!(stored.is_repeat(), article.is_repeat(), "seed {seed}, article {number}");
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
                    assert_eq!(
                        (reference.article, &reference.range),
                        (first.article, &first.range)
                    );
                    assert_eq!(index.id_at(reference.article).unwrap().as_ref(), Some(&first.id));
                }
                other => panic!("seed {seed}, article {number}: {other:?}"),
            }
        }
        left += stored.text().len() as u64;
        let sources = index.sources_at(number).unwrap().unwrap();
        let reported = article.blocks().iter().flat_map(|block| {
            // Of these, short runs are not stored.
            let changed = !block.changes.is_empty();
            let sources = &sources;
            block.sources.iter().filter(move |source| !changed || sources.contains(source))
        });
        assert_eq!(sources, reported.cloned().collect::<Vec<_>>(), "seed {seed}, article {number}");
    }
    assert!(index.sources_at(expected.len()).unwrap().is_none());
    let stats = index.stats();
    assert_eq!((stats.articles, stats.bytes_kept), (expected.len() as u64, left));
    assert!(index.article("nobody").unwrap().is_none());
    assert!(index.original("nobody").unwrap().is_none());

    // Whatever is asked, it is what an engine finds that has the same articles.
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
        let found = next.find(&question).unwrap();
        assert_eq!(index.find(&question).unwrap(), found, "seed {seed}: {question:?}");
    }
}

/// Which bytes lie in repeats of other articles.
fn covered(repeats: &[Repeat], number: usize, len: usize) -> Vec<bool> {
    let mut covered = vec![false; len];
    for repeat in repeats.iter().filter(|repeat| repeat.source.article != number) {
        covered[repeat.range.clone()].fill(true);
    }
    covered
}

/// What is asked of an engine is what it would report, but for what a text has of itself; and nobody
/// sees that it was asked.
fn check_queries(seed: u64) {
    let recipe = Recipe::seeded(seed);
    let mut rng = Rng(seed ^ 0xA5CED);
    let dir = tempfile::tempdir().unwrap();
    let mut engines = [options(&recipe).deduper().unwrap(), writer(&recipe, dir.path())];
    let mut unasked = options(&recipe).deduper().unwrap();
    // All that stands in other articles, whatever an article has of itself.
    let mut others = options(&recipe).within_article(WithinArticle::Keep).deduper().unwrap();
    for (number, text) in recipe.build().iter().enumerate() {
        let id = format!("a{number}");
        let most = others.push(id.as_str(), text.as_str()).unwrap();
        let most = covered(most.repeats(), number, text.len());
        let expected = unasked.push(id.as_str(), text.as_str()).unwrap();
        let least = covered(expected.repeats(), number, text.len());
        let is_own = |repeat: &Repeat| repeat.source.article == number;
        for deduper in &mut engines {
            let found = deduper.find(text).unwrap();
            let prepared = deduper.preparer().prepare(Document::new("", text.as_str())).unwrap();
            assert_eq!(deduper.find_prepared(&prepared).unwrap(), found);
            let bytes = covered(&found, number, text.len());
            let between = bytes.iter().zip(least.iter().zip(&most));
            assert!(
                between.into_iter().all(|(found, (least, most))| least <= found && found <= most),
                "seed {seed}, article {number}"
            );
            if !expected.repeats().iter().any(is_own) {
                assert_eq!(found, expected.repeats(), "seed {seed}, article {number}");
            }
            let article = deduper.push(id.as_str(), text.as_str()).unwrap();
            assert_eq!(outcome(&expected), outcome(&article), "seed {seed}, article {number}");
        }
        if rng.below(4) == 0 {
            engines[1].checkpoint().unwrap();
        }
    }
    assert_eq!(engines[0].stats(), unasked.stats());
}

#[test]
fn what_is_asked_about_is_found_and_not_taken_in() {
    let first = setting("DEDUP_SEED", 1);
    for seed in first..first + setting("DEDUP_CORPORA", 60) {
        check_queries(seed);
    }
}

#[test]
fn in_steps_and_at_once_are_the_same() {
    let first = setting("DEDUP_SEED", 1);
    for seed in first..first + setting("DEDUP_CORPORA", 60) {
        check_steps(seed);
    }
}

/// The bytes of all files of a directory.
fn files(dir: &Path) -> Vec<Vec<u8>> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn what_stands_in_another_index_goes_and_is_not_added_to() {
    for seed in 1..60 {
        let recipe = Recipe::seeded(seed);
        let articles = recipe.build();
        let (archive, today) = articles.split_at(articles.len() / 2);
        let dir = tempfile::tempdir().unwrap();
        let mut at_once = options(&recipe).deduper().unwrap();
        let mut writer = writer(&recipe, dir.path());
        for (number, text) in archive.iter().enumerate() {
            let id = format!("a{number}");
            at_once.push(id.as_str(), text.as_str()).unwrap();
            writer.push(id.as_str(), text.as_str()).unwrap();
        }
        writer.checkpoint().unwrap();
        let before = files(dir.path());
        // Even while another writes.
        let mut against = options(&recipe).against(dir.path()).deduper().unwrap();
        for (number, text) in today.iter().enumerate() {
            let id = format!("b{number}");
            let expected = at_once.push(id.as_str(), text.as_str()).unwrap();
            let article = against.push(id.as_str(), text.as_str()).unwrap();
            assert_eq!(outcome(&expected), outcome(&article), "seed {seed}, article {number}");
        }
        assert_eq!(files(dir.path()), before);
    }
}

#[test]
fn a_commit_that_fails_at_the_end_is_counted_and_told() {
    for on_error in [OnError::Skip, OnError::Stop] {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("index");
        let told = Arc::new(Mutex::new(Vec::new()));
        let tells = told.clone();
        let items = (0..20).map(move |number: usize| match number {
            // Ends the stream, if errors do.
            15 if on_error == OnError::Stop => Err(Error::of_source("no article")),
            _ => Ok(Document::new(number.to_string(), "A notice.").into()),
        });
        let mut articles = Options::new()
            .index(&dir)
            .on_error(on_error)
            .progress(move |progress| tells.lock().unwrap().push(progress.errors))
            .source(items)
            .unwrap();
        assert!(articles.by_ref().take(10).all(|article| article.is_ok()));
        std::fs::remove_dir_all(&dir).unwrap();
        let rest: Vec<_> = articles.by_ref().collect();
        let errors = rest.iter().filter(|result| result.is_err()).count() as u64;
        assert_eq!(errors, 1 + u64::from(on_error == OnError::Stop));
        assert!(matches!(rest.last(), Some(Err(Error::Index { .. }))));
        let told = told.lock().unwrap();
        assert_eq!((told.len(), told.last()), (10 + rest.len(), Some(&errors)));
        assert_eq!(articles.stats().errors, errors);
    }
}

#[test]
fn an_index_to_go_against_that_cannot_be_read_is_named_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let text = "The ferry does not run on Sunday, says the notice at the pier. ".repeat(9);
    let mut writer = Options::new().index(dir.path()).deduper().unwrap();
    writer.push("notice", text.as_str()).unwrap();
    writer.checkpoint().unwrap();
    let mut deduper = Options::new().against(dir.path()).deduper().unwrap();
    // What is looked up first lies right behind the head.
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("run-") {
            let mut bytes = std::fs::read(&path).unwrap();
            let end = bytes.len().min(4000);
            bytes[16..end].fill(b'#');
            // In place, as the index has it open.
            std::fs::OpenOptions::new().write(true).open(path).unwrap().write_all(&bytes).unwrap();
        }
    }
    for number in 0..3 {
        let error = deduper.push(number.to_string(), text.as_str()).unwrap_err();
        let Error::Index { path, source, .. } = error else { panic!("{error:?}") };
        assert_eq!(path, dir.path());
        assert_eq!(matches!(source, IndexError::Poisoned), number > 0, "{source:?}");
    }
}

#[test]
fn articles_that_are_not_committed_yet_take_little_and_are_counted() {
    const ARTICLES: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    for number in 0..ARTICLES {
        let mut document = Document::new(format!("notices/{number}"), format!("Notice {number}."));
        (document.title, document.language) = (Some("Ferry".to_owned()), Some("en".to_owned()));
        deduper.push_document(document).unwrap();
    }
    let each = deduper.stats().index_bytes / ARTICLES;
    assert!((100..220).contains(&each), "{each} bytes an article");
    deduper.checkpoint().unwrap();
    drop(deduper);
    // What is known of those that are committed.
    let deduper = Options::new().index(dir.path()).deduper().unwrap();
    let each = deduper.stats().index_bytes / ARTICLES;
    assert!((32..100).contains(&each), "{each} bytes an article");
    let index = Index::open(dir.path()).unwrap();
    for (number, article) in index.articles().enumerate() {
        let article = article.unwrap();
        assert_eq!(article.id(), format!("notices/{number}"));
        assert_eq!((article.title(), article.language()), (Some("Ferry"), Some("en")));
    }
}

#[test]
fn documents_without_an_id_get_none_that_an_index_to_go_against_has() {
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    for id in ["3", "4"] {
        deduper.push(id, id).unwrap();
    }
    deduper.checkpoint().unwrap();
    drop(deduper);
    let unnamed = || {
        let mut document = Document::new("", "New.");
        document.id = None;
        document
    };
    let mut options = Options::new();
    let mut deduper = options.against(dir.path()).deduper().unwrap();
    for id in ["5", "6"] {
        assert_eq!(deduper.push_document(unnamed()).unwrap().unwrap().id(), id);
    }
    let source = [unnamed(), unnamed()].map(|document| Ok(document.into()));
    let articles = options.source(source.into_iter()).unwrap();
    let ids: Vec<String> = articles.map(|article| article.unwrap().id().to_owned()).collect();
    assert_eq!(ids, ["5", "6"]);
}

#[test]
fn an_index_to_go_against_must_be_there_and_made_alike() {
    let dir = tempfile::tempdir().unwrap();
    let against = |options: &mut Options, path: &Path| options.against(path).deduper().map(|_| ());
    assert!(against(&mut Options::new(), &dir.path().join("nothing")).is_err());
    Options::new().index(dir.path()).deduper().unwrap().checkpoint().unwrap();
    against(&mut Options::new(), dir.path()).unwrap();
    let within = "repeats within an article";
    let (removed, kept) = (format!("{within} removed"), format!("{within} kept below 500 bytes"));
    for (options, made, asked) in [
        (Options::new().min_span(300), "min_span 200", "min_span 300"),
        (Options::new().near(0.8), "no near copies;", "near 0.8, rules"),
        (Options::new().cut(Cut::Span), "with whole paragraphs;", "cut to spans"),
        (Options::new().within_article(WithinArticle::RemoveFrom(500)), &*removed, &*kept),
        (Options::new().index(dir.path().join("other")), "another index", ""),
    ] {
        let error = against(options, dir.path()).unwrap_err();
        let text = std::error::Error::source(&error).unwrap_or(&error).to_string();
        assert!(text.contains(made) && text.contains(asked), "{text}");
        assert!(!text.contains("seed"), "only what differs is said: {text}");
    }
}

/// What makes some ids so long that a run has several groups of articles, between which it can be cut.
fn long(number: usize) -> String {
    "-".repeat(if number.is_multiple_of(3) { 1 << 15 } else { 0 })
}

#[test]
fn all_versions_of_what_is_withdrawn_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    for (id, text) in [("a", "one"), ("b", "two"), ("a", "three")] {
        deduper.push(id, text).unwrap();
    }
    deduper.checkpoint().unwrap();
    drop(deduper);
    assert_eq!(Index::open(dir.path()).unwrap().numbers("a").unwrap(), [0, 2]);
    let mut ids = std::collections::HashSet::from(["a".to_owned()]);
    assert_eq!(Index::withdraw(dir.path(), |id| ids.remove(id)).unwrap(), 2);
    let index = Index::open(dir.path()).unwrap();
    assert!(index.original("a").unwrap().is_none() && index.numbers("a").unwrap().is_empty());
    assert_eq!(index.numbers("b").unwrap(), [0]);
}

#[test]
fn what_is_withdrawn_was_never_there() {
    let first = setting("DEDUP_SEED", 1);
    for seed in first..first + setting("DEDUP_CORPORA", 60) / 2 {
        let recipe = Recipe::seeded(seed);
        let mut rng = Rng(seed ^ 0x717D);
        let dir = tempfile::tempdir().unwrap();
        let mut deduper = writer(&recipe, dir.path());
        let mut rest = options(&recipe).deduper().unwrap();
        let mut expected = Vec::new();
        let mut withdrawn = 0;
        for (number, text) in recipe.build().into_iter().enumerate() {
            let goes = rng.below(3) == 0;
            let id = format!("{}{number}{}", if goes { "withdrawn" } else { "a" }, long(number));
            deduper.push(id.as_str(), text.as_str()).unwrap();
            if goes {
                withdrawn += 1;
            } else {
                expected.push(rest.push(id, text).unwrap());
            }
            if rng.below(2) == 0 {
                deduper.checkpoint().unwrap();
            }
        }
        deduper.checkpoint().unwrap();
        drop(deduper);
        let count = Index::withdraw(dir.path(), |id| id.starts_with("withdrawn")).unwrap();
        assert_eq!(count, withdrawn);
        check_contents(&recipe, dir.path(), &expected, seed);
    }
}

#[test]
fn what_is_replaced_was_never_there() {
    let first = setting("DEDUP_SEED", 1);
    let mut replaced = 0;
    for seed in first..first + setting("DEDUP_CORPORA", 60) / 2 {
        let recipe = Recipe::seeded(seed);
        let mut rng = Rng(seed ^ 0x0EE2);
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(&recipe);
        options.index(dir.path()).versions(Versions::Replace);
        let mut deduper = options.deduper().unwrap();
        let mut newest: Vec<(String, String)> = Vec::new();
        let contents = |newest: &[(String, String)]| {
            let mut reference = self::options(&recipe).deduper().unwrap();
            let push =
                |(id, text): &(String, String)| reference.push(id.as_str(), text.as_str()).unwrap();
            newest.iter().map(push).collect::<Vec<_>>()
        };
        for (number, text) in recipe.build().into_iter().enumerate() {
            // Few ids, so that many come again, within a commit and after it.
            let of_id = if rng.below(2) == 0 { rng.below(4) } else { number };
            let id = format!("a{of_id}{}", long(of_id));
            let before = newest.iter().position(|(other, _)| *other == id);
            let same = before.is_some_and(|before| newest[before].1 == text);
            let pushed = deduper.push_new(id.as_str(), text.as_str()).unwrap();
            assert_eq!(pushed.is_none(), same, "seed {seed}, article {number}");
            if same {
                continue;
            }
            if let Some(before) = before {
                newest.remove(before);
                replaced += 1;
            }
            newest.push((id, text));
            match rng.below(6) {
                0 | 1 => {
                    deduper.checkpoint().unwrap();
                    check_contents(&recipe, dir.path(), &contents(&newest), seed);
                }
                2 => {
                    deduper.checkpoint().unwrap();
                    drop(deduper);
                    deduper = options.deduper().unwrap();
                }
                _ => {}
            }
        }
        deduper.checkpoint().unwrap();
        drop(deduper);
        check_contents(&recipe, dir.path(), &contents(&newest), seed);
    }
    assert!(replaced > 10, "{replaced}");
}

#[test]
fn what_is_replaced_again_and_again_takes_no_more_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new();
    options.index(dir.path()).min_paragraph(1).versions(Versions::Replace);
    let mut deduper = options.deduper().unwrap();
    // So short that the next article begins in the same granule.
    deduper.push("stays", "ab").unwrap();
    deduper.checkpoint().unwrap();
    for version in 10..20 {
        deduper.push("changes", format!("This is version {version}.")).unwrap();
        deduper.checkpoint().unwrap();
        assert_eq!(Index::open(dir.path()).unwrap().stats().paragraphs, 2, "{version}");
    }
}

#[test]
fn what_is_replaced_in_the_commit_that_it_came_with_leaves_few_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new();
    let mut deduper = options.index(dir.path()).versions(Versions::Replace).deduper().unwrap();
    for commit in 0..20 {
        // Much that stays, in a group of its own, and little behind it.
        let words: Vec<String> = (0..2000).map(|at| (at * 7919 + commit).to_string()).collect();
        deduper.push(format!("{commit}{}", long(0)), words.join(" ")).unwrap();
        for version in ["first", "second"] {
            deduper.push(format!("notice {commit}"), version).unwrap();
        }
        deduper.checkpoint().unwrap();
        let runs = Index::open(dir.path()).unwrap().stats().runs;
        assert!(runs < 8, "{runs} after {} commits", commit + 1);
    }
    Index::open(dir.path()).unwrap().verify().unwrap();
}

#[test]
fn withdrawn_text_that_cannot_be_removed_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    for (id, text) in [("kept", "The gauge reads two metres."), ("gone", "It does not.")] {
        deduper.push(id, text).unwrap();
    }
    deduper.checkpoint().unwrap();
    drop(deduper);
    // Named like a run, and no file that could be removed.
    let leftover = "run-ffffffffffffffff";
    std::fs::create_dir(dir.path().join(leftover)).unwrap();
    for _ in 0..2 {
        let error = Index::withdraw(dir.path(), |id| id == "gone").unwrap_err();
        let Error::Index { source: IndexError::Io { action, file, .. }, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((action, &*file), ("remove", leftover));
        let index = Index::open(dir.path()).unwrap();
        let left: Vec<_> =
            index.articles().map(|article| article.unwrap().id().to_owned()).collect();
        assert_eq!(left, ["kept"]);
    }
    // Others go on.
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    deduper.push("more", "The gauge reads three metres.").unwrap();
    deduper.checkpoint().unwrap();
    drop(deduper);
    std::fs::remove_dir(dir.path().join(leftover)).unwrap();
    assert_eq!(Index::withdraw(dir.path(), |id| id == "gone").unwrap(), 0);
}

#[test]
fn nothing_is_withdrawn_from_an_index_that_is_yet_to_be_committed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    let problem = || match Index::withdraw(&path, |_| true) {
        Err(Error::Index { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    assert!(matches!(problem(), IndexError::Missing));
    assert!(!path.exists());
    let mut deduper = Options::new().index(&path).deduper().unwrap();
    deduper.push("letter", "Dear all").unwrap();
    // Who wants it gone has to come again.
    assert!(matches!(problem(), IndexError::Locked));
    drop(deduper);
    assert!(matches!(problem(), IndexError::Missing));
    std::fs::remove_dir_all(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(problem(), IndexError::Missing));
    assert_eq!(files(&path).len(), 0);
}

#[test]
fn withdrawn_text_is_in_no_file() {
    let secret = "zq4 Kjv";
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    deduper.push("kept", "The gauge at the old mill reads two metres.").unwrap();
    deduper.checkpoint().unwrap();
    deduper.push(secret, format!("{secret} is said once, and nobody repeats it.")).unwrap();
    deduper.checkpoint().unwrap();
    drop(deduper);
    // Text is compressed, but so short a one stands there as it is.
    let holds = |files: Vec<Vec<u8>>| {
        files.iter().any(|file| file.windows(secret.len()).any(|at| at == secret.as_bytes()))
    };
    assert!(holds(files(dir.path())));
    Index::withdraw(dir.path(), |id| id == secret).unwrap();
    assert!(!holds(files(dir.path())));
    Index::withdraw(dir.path(), |_| true).unwrap();
    let index = Index::open(dir.path()).unwrap();
    index.verify().unwrap();
    assert_eq!(index.stats().articles, 0);
    assert!(index.find("anything at all").unwrap().is_empty());

    // What was replaced is gone too, whether it was committed or not.
    let mut options = Options::new();
    let mut deduper = options.index(dir.path()).versions(Versions::Replace).deduper().unwrap();
    deduper.push("letter", format!("{secret} was a mistake.")).unwrap();
    deduper.checkpoint().unwrap();
    assert!(holds(files(dir.path())));
    deduper.push("letter", format!("{secret} was another.")).unwrap();
    deduper.push("letter", "Corrected.").unwrap();
    deduper.checkpoint().unwrap();
    assert!(!holds(files(dir.path())));
    assert_eq!(Index::open(dir.path()).unwrap().stats().articles, 1);
}

/// What a format says of an article.
type Stated = [Option<String>; 5];

fn stated(dir: &Path) -> Vec<(String, Stated)> {
    let index = Index::open(dir).unwrap();
    index.verify().unwrap();
    index
        .articles()
        .map(|article| {
            let article = article.unwrap();
            let own = |text: Option<&str>| text.map(str::to_owned);
            let path = article.path().map(|path| path.display().to_string());
            let record = article.record().map(|record| record.to_string());
            let (title, date) = (own(article.title()), own(article.date()));
            (article.id().to_owned(), [path, record, title, date, own(article.language())])
        })
        .collect()
}

#[test]
fn what_callers_state_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    let mut notice = Document::new("notice", "The ferry does not run on Sunday.");
    notice.title = Some("Ferry".to_owned());
    notice.language = Some("en".to_owned());
    let mut nameless = notice.clone();
    (nameless.id, nameless.date) = (None, Some("2026-01-05".to_owned()));
    let first = deduper.push_document(notice.clone()).unwrap().expect("it is new");
    assert_eq!((first.title(), first.language()), (Some("Ferry"), Some("en")));
    assert!(deduper.push_document(notice.clone()).unwrap().is_none());
    assert_eq!(deduper.push_document(nameless).unwrap().unwrap().id(), "2");
    notice.text.push_str(" Nor on Monday.");
    let changed = deduper.push_document(notice).unwrap().expect("both versions are kept");
    assert_eq!(changed.id(), "notice");
    deduper.checkpoint().unwrap();
    let text = |text: &str| Some(text.to_owned());
    let notice = [None, None, text("Ferry"), None, text("en")];
    let nameless = [None, None, text("Ferry"), text("2026-01-05"), text("en")];
    let expected = [("notice", notice.clone()), ("2", nameless), ("notice", notice)];
    assert_eq!(stated(dir.path()), expected.map(|(id, stated)| (id.to_owned(), stated)));
}

#[test]
fn articles_without_an_id_are_never_versions_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut nameless = Document::new("", "");
    nameless.id = None;
    let mut push = |texts: &[&str]| {
        let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
        let ids: Vec<String> = texts
            .iter()
            .map(|text| {
                nameless.text = (*text).to_owned();
                deduper.push_document(nameless.clone()).unwrap().unwrap().id().to_owned()
            })
            .collect();
        deduper.checkpoint().unwrap();
        ids
    };
    assert_eq!(push(&["one", "two", "three"]), ["1", "2", "3"]);
    assert_eq!(push(&["four", "one"]), ["4", "5"]);
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    deduper.push("7", "seven").unwrap();
    deduper.checkpoint().unwrap();
    drop(deduper);
    Index::withdraw(dir.path(), |id| ["1", "2"].contains(&id)).unwrap();
    // Four are left, and the next numbers are taken.
    assert_eq!(push(&["six", "eight"]), ["6", "8"]);
}

#[test]
fn documents_of_a_stream_that_have_no_id_are_never_versions_of_others() {
    for versions in [Versions::Keep, Versions::Replace, Versions::Refuse] {
        let dir = tempfile::tempdir().unwrap();
        let mut ids = Vec::new();
        for (day, threads) in ["Monday", "Tuesday", "Wednesday"].into_iter().zip([1, 2, 1]) {
            let documents = [(None, "1"), (Some("5"), "2"), (None, "3")].map(|(id, text)| {
                let mut document = Document::new("", format!("{day} {text}"));
                document.id = id.filter(|_| day == "Monday").map(str::to_owned);
                Ok(document.into())
            });
            let mut options = Options::new();
            options.index(dir.path()).versions(versions).threads(threads);
            for article in options.source(documents.into_iter()).unwrap() {
                ids.push(article.unwrap().id().to_owned());
            }
        }
        assert_eq!(ids, ["1", "5", "3", "4", "6", "7", "8", "9", "10"]);
        assert_eq!(Index::open(dir.path()).unwrap().articles().count(), ids.len());
    }
}

#[test]
fn copies_of_periodic_text_have_one_source_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    let texts = [40_000, 39_995, 39_000].map(|lines| "x\n".repeat(lines));
    for (number, text) in texts.iter().enumerate() {
        let article = deduper.push(number.to_string(), text.as_str()).unwrap();
        assert_eq!(article.blocks().iter().map(|block| block.sources.len()).sum::<usize>(), 1);
        deduper.checkpoint().unwrap();
    }
    let index = Index::open(dir.path()).unwrap();
    for (number, text) in texts.iter().enumerate() {
        assert_eq!(index.original(&number.to_string()).unwrap().unwrap(), *text);
    }
}

#[test]
fn what_formats_state_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let (letters, dir) = (place.path().join("letters"), place.path().join("index"));
    std::fs::create_dir(&letters).unwrap();
    let body = "The gauge at the old mill is read at six in the morning, and again when the lamps are lit.";
    let mut lines = Vec::new();
    for n in 0..300 {
        let mut line = serde_json::json!({ "text": format!("Entry {n}\n{body}") });
        for (name, every) in [("id", 2), ("title", 3), ("date", 5), ("language", 7)] {
            if n % every == 0 {
                line[name] = format!("{name} {n}").into();
            }
        }
        lines.push(line.to_string());
        if n % 11 == 0 {
            lines.push(String::new());
        }
    }
    std::fs::write(letters.join("a.jsonl"), lines.join("\n")).unwrap();
    std::fs::write(letters.join("b.txt"), "Alone.").unwrap();
    let mut articles = Options::new().index(&dir).ingest(&letters).unwrap();
    let mut expected = Vec::new();
    while let Some(article) = articles.next() {
        let article = article.unwrap();
        let own = |text: Option<&str>| text.map(str::to_owned);
        let path = article.path().map(|path| path.display().to_string());
        let record = article.record().map(|record| record.to_string());
        let (title, date) = (own(article.title()), own(article.date()));
        let stated = [path, record, title, date, own(article.language())];
        expected.push((article.id().to_owned(), stated));
        if expected.len() == 100 {
            articles.checkpoint().unwrap();
        }
    }
    drop(articles);
    assert!(expected.iter().all(|(_, [path, ..])| path.is_some()));
    assert!(
        (1..5).all(|at| expected.iter().filter(|(_, stated)| stated[at].is_some()).count() > 40)
    );
    assert_eq!(stated(&dir), expected);

    // Whatever ingests articles again keeps it.
    let gone = |id: &str| id == "id 42";
    assert_eq!(Index::withdraw(&dir, gone).unwrap(), 1);
    expected.retain(|(id, _)| !gone(id));
    assert_eq!(stated(&dir), expected);
    let merged = place.path().join("merged");
    Index::merge(&merged, [&dir]).unwrap();
    assert_eq!(stated(&merged), expected);
    let mut options = Options::new();
    let mut deduper = options.index(&dir).versions(Versions::Replace).deduper().unwrap();
    deduper.push("id 2", "Read no more.").unwrap();
    deduper.checkpoint().unwrap();
    expected.retain(|(id, _)| id != "id 2");
    expected.push(("id 2".to_owned(), Stated::default()));
    assert_eq!(stated(&dir), expected);
}

#[test]
fn merged_is_ingested_one_after_the_other() {
    let first = setting("DEDUP_SEED", 1);
    for seed in first..first + setting("DEDUP_CORPORA", 60) / 2 {
        let recipe = Recipe::seeded(seed);
        let parts = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut at_once = options(&recipe).deduper().unwrap();
        let mut expected = Vec::new();
        let articles = recipe.build();
        let half = articles.len() / 2;
        for (part, articles) in parts.iter().zip([&articles[..half], &articles[half..]]) {
            let mut deduper = writer(&recipe, part.path());
            for text in articles {
                let id = format!("a{}", expected.len());
                deduper.push(id.as_str(), text.as_str()).unwrap();
                expected.push(at_once.push(id, text.as_str()).unwrap());
            }
            deduper.checkpoint().unwrap();
        }
        let merged = tempfile::tempdir().unwrap();
        Index::merge(merged.path(), parts.iter().map(tempfile::TempDir::path)).unwrap();
        check_contents(&recipe, merged.path(), &expected, seed);
    }
}

#[test]
fn what_cannot_be_merged_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let [one, other, into] = ["one", "other", "into"].map(|name| dir.path().join(name));
    for (path, span) in [(&one, 200), (&other, 300)] {
        let mut deduper = Options::new().min_span(span).index(path).deduper().unwrap();
        deduper.push("1", "The ferry is late.").unwrap();
        deduper.checkpoint().unwrap();
    }
    assert!(Index::merge(&into, [&one, &other]).is_err());
    assert!(!into.exists());
    assert!(Index::merge(&into, [&one, &dir.path().join("nowhere")]).is_err());
    assert!(!into.exists());
}

#[test]
fn what_comes_again_unchanged_is_not_merged() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let mut deduper = Options::new().index(path("first")).deduper().unwrap();
    for (id, text) in [("x", "one"), ("x", "two"), ("y", "three"), ("x", "one")] {
        deduper.push(id, text).unwrap();
    }
    deduper.checkpoint().unwrap();
    // Now the two versions that are alike follow each other.
    let index = Index::open(path("first")).unwrap();
    index.rearrange(path("sorted"), |article| article.text() != "one").unwrap();
    assert_eq!(Index::open(path("sorted")).unwrap().stats().articles, 4);
    for (name, first) in [("once", "sorted"), ("again", "first")] {
        let others = [path(first), path("sorted")];
        let others = if name == "once" { &others[..1] } else { &others[..] };
        Index::merge(path(name), others).unwrap();
        let merged = Index::open(path(name)).unwrap();
        let ids: Vec<String> =
            merged.articles().map(|article| article.unwrap().id().to_owned()).collect();
        let expected: &[&str] =
            if name == "once" { &["x", "x", "y"] } else { &["x", "x", "y", "x", "x"] };
        assert_eq!(ids, expected, "{name}");
        merged.verify().unwrap();
    }
}

#[test]
fn a_new_version_stands_beside_the_old_or_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    deduper.push("x", "one").unwrap();
    let unchanged = deduper.push("x", "one").unwrap_err();
    assert!(matches!(unchanged, Error::Index { source: IndexError::Unchanged { .. }, .. }));
    assert!(!unchanged.is_fatal());
    deduper.push("x", "two").unwrap();
    deduper.checkpoint().unwrap();
    drop(deduper);
    let index = Index::open(dir.path()).unwrap();
    assert_eq!(index.stats().articles, 2);
    assert_eq!(index.original("x").unwrap().unwrap(), "two");

    let mut options = Options::new();
    options.index(dir.path()).versions(Versions::Refuse);
    let mut deduper = options.deduper().unwrap();
    assert!(deduper.push_new("x", "two").unwrap().is_none());
    let changed = deduper.push_new("x", "one").unwrap_err();
    assert!(matches!(changed, Error::Index { source: IndexError::Changed { .. }, .. }));
    assert!(!changed.is_fatal());
    assert!(changed.position().is_none());
    assert!(deduper.push_new("y", "one").unwrap().is_some());
    assert!(Options::new().versions(Versions::Refuse).deduper().is_err());
    assert!(Deduper::new().checkpoint().is_err());
}

#[test]
fn a_version_that_is_refused_says_where_it_stands() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a.jsonl");
    let lines = ["one", "two", "one"].map(|text| format!("{{\"id\":\"x\",\"text\":\"{text}\"}}\n"));
    std::fs::write(&file, lines.concat()).unwrap();

    for threads in [1, 2] {
        let dir = place.path().join(format!("{threads}.dedup"));
        let mut options = Options::new();
        options.index(&dir).versions(Versions::Refuse).threads(threads);
        let mut articles = options.ingest(&file).unwrap();
        assert_eq!(articles.next().unwrap().unwrap().original(), "one");
        let refused = articles.next().unwrap().unwrap_err();
        let position = refused.position().unwrap();
        assert_eq!((&position.path, position.record), (&file, Some(2)));
        let said = refused.index_error().unwrap().to_string();
        let expected =
            format!("x of {}:2 is in the index already, with other content", file.display());
        assert_eq!(said, expected);
        // The third line is what the index has.
        assert!(articles.next().is_none());
        assert_eq!(articles.stats().unchanged, 1);
    }
}

#[test]
fn another_recipe_says_both() {
    let dir = tempfile::tempdir().unwrap();
    Options::new().index(dir.path()).deduper().unwrap().checkpoint().unwrap();
    let error = Options::new().min_span(300).index(dir.path()).deduper().unwrap_err();
    let message = std::error::Error::source(&error).unwrap().to_string();
    let made = "min_span 200, grams of 25 bytes";
    let asked = "min_span 300, grams of 32 bytes";
    assert_eq!(message, format!("the index was made with {made}; asked for is {asked}"));
    assert_eq!(error.path(), Some(dir.path()));
    assert!(error.is_fatal());
}

#[test]
fn a_stream_commits_when_it_is_exhausted_and_not_when_it_is_dropped() {
    let place = tempfile::tempdir().unwrap();
    let (letters, dir) = (place.path().join("letters"), place.path().join("index"));
    std::fs::create_dir(&letters).unwrap();
    for n in 0..20 {
        std::fs::write(letters.join(format!("{n:02}.txt")), format!("Letter {n}")).unwrap();
    }
    let ingest = |threads| Options::new().threads(threads).index(&dir).ingest(&letters).unwrap();
    let mut articles = ingest(1);
    assert_eq!(articles.by_ref().take(3).map(Result::unwrap).count(), 3);
    drop(articles);
    assert!(matches!(
        Index::open(&dir).unwrap_err(),
        Error::Index { source: IndexError::Missing, .. }
    ));
    let mut articles = ingest(2);
    assert_eq!(articles.by_ref().take(3).map(Result::unwrap).count(), 3);
    articles.checkpoint().unwrap();
    drop(articles);
    assert_eq!(Index::open(&dir).unwrap().stats().articles, 3);
    let mut articles = ingest(3);
    assert_eq!(articles.by_ref().map(Result::unwrap).count(), 17);
    assert_eq!(articles.stats().unchanged, 3);
    drop(articles);
    assert_eq!(Index::open(&dir).unwrap().stats().articles, 20);

    let error = Options::new().index(&letters).deduper().unwrap_err();
    assert!(matches!(error, Error::Index { source: IndexError::Occupied, .. }));
    assert!(!letters.join("lock").exists());
}

#[test]
fn an_index_that_has_lost_its_manifest_is_not_begun_anew() {
    let place = tempfile::tempdir().unwrap();
    let options = || Options::new().index(place.path()).deduper();
    let mut deduper = options().unwrap();
    deduper.push("letter", "Dear all").unwrap();
    // Nothing is committed yet: no index to readers, and no loss.
    let missing = Index::open(place.path()).unwrap_err();
    assert!(matches!(missing, Error::Index { source: IndexError::Missing, .. }));
    deduper.checkpoint().unwrap();
    drop(deduper);
    let index = Index::open(place.path()).unwrap();
    assert_eq!(index.id_at(0).unwrap().as_deref(), Some("letter"));
    assert_eq!(index.id_at(1).unwrap(), None);
    drop(index);

    let manifest = std::fs::read(place.path().join("manifest")).unwrap();
    std::fs::remove_file(place.path().join("manifest")).unwrap();
    for error in [options().unwrap_err(), Index::open(place.path()).unwrap_err()] {
        assert!(
            matches!(error, Error::Index { source: IndexError::Damaged { .. }, .. }),
            "{error}"
        );
    }
    std::fs::write(place.path().join("manifest"), manifest).unwrap();
    assert_eq!(Index::open(place.path()).unwrap().stats().articles, 1);
    assert!(dedup::Fingerprints::open(place.path()).is_err());
}

/// Puts something that is no file at a path: a pipe, which whoever opens it waits at for ever, a
/// socket, or a folder.
#[cfg(unix)]
fn make_no_file(kind: usize, path: &Path) {
    match kind {
        0 => {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.expect("mkfifo").success());
        }
        1 => drop(std::os::unix::net::UnixListener::bind(path).expect("a socket")),
        _ => std::fs::create_dir(path).expect("a folder"),
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_an_error_at_once() {
    let place = tempfile::tempdir().unwrap();
    let [index, seen, aside] = ["index", "seen", "aside"].map(|name| place.path().join(name));
    of_commits(&index, "article", 1);
    let mut filter = Options::new().filter(&seen).unwrap();
    filter.push("article", article_of(1).1).unwrap();
    filter.checkpoint().unwrap();
    drop(filter);

    for dir in [&index, &seen] {
        for entry in std::fs::read_dir(dir).unwrap().collect::<Vec<_>>() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = dir.join(&name);
            std::fs::rename(&path, &aside).unwrap();
            for kind in 0..3 {
                make_no_file(kind, &path);
                let reading = [
                    Index::open(&index).err(),
                    Options::new().against(&index).deduper().err(),
                    dedup::Fingerprints::open(&seen).err(),
                ];
                let writing = [
                    Options::new().index(&index).deduper().err(),
                    Index::withdraw(&index, |_| false).err(),
                    Options::new().filter(&seen).err(),
                ];
                for (at, error) in reading.into_iter().chain(writing).enumerate() {
                    // The lock is for writers alone.
                    let is_met = (at % 3 == 2) == (dir == &seen) && (name != "lock" || at > 2);
                    assert_eq!(error.is_some(), is_met, "{name}, {kind}, {at}: {error:?}");
                    let Some(error) = error else { continue };
                    let Some(IndexError::Io { file, source, .. }) = error.index_error() else {
                        panic!("{error:?}");
                    };
                    assert_eq!(
                        (file, source.to_string().as_str()),
                        (&name, "it is no regular file")
                    );
                }
                if kind == 2 { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) }
                    .unwrap();
            }
            std::fs::rename(&aside, &path).unwrap();
        }
    }
    Index::open(&index).unwrap().verify().unwrap();
    dedup::Fingerprints::open(&seen).unwrap().verify().unwrap();
}

/// Makes an index of so many commits.
#[cfg(unix)]
fn of_commits(dir: &Path, name: &str, commits: usize) {
    let mut deduper = Options::new().index(dir).deduper().unwrap();
    for number in 0..commits {
        let (id, text) = article_of(number);
        deduper.push(format!("{name}/{id}"), text).unwrap();
        deduper.checkpoint().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_writer_leaves_alone_what_took_the_place_of_its_index() {
    let place = tempfile::tempdir().unwrap();
    let [own, other, away] = ["own", "other", "away"].map(|name| place.path().join(name));
    of_commits(&own, "own", 2);
    of_commits(&other, "other", 3);
    let (before, others) = (files(&own), files(&other));
    let mut deduper = Options::new().index(&own).deduper().unwrap();
    deduper.push("late", article_of(9).1).unwrap();
    std::fs::rename(&own, &away).unwrap();
    std::fs::rename(&other, &own).unwrap();
    for expected in [IndexError::Occupied, IndexError::Poisoned] {
        let Err(Error::Index { source, .. }) = deduper.checkpoint() else { panic!("{expected}") };
        assert_eq!(source.to_string(), expected.to_string());
    }
    drop(deduper);
    assert_eq!((files(&away), files(&own)), (before, others));

    // Nor what a second writer did, whom nothing kept out.
    let mut first = Options::new().index(&own).deduper().unwrap();
    first.push("first", article_of(10).1).unwrap();
    std::fs::remove_file(own.join("lock")).unwrap();
    let mut second = Options::new().index(&own).deduper().unwrap();
    second.push("second", article_of(11).1).unwrap();
    second.checkpoint().unwrap();
    let others = files(&own);
    let error = first.checkpoint().unwrap_err();
    assert!(matches!(error, Error::Index { source: IndexError::Occupied, .. }), "{error:?}");
    assert_eq!(files(&own), others);
    second.push("third", article_of(12).1).unwrap();
    second.checkpoint().unwrap();
    Index::open(&own).unwrap().verify().unwrap();

    // And where nothing is left, nothing is begun.
    let mut deduper = Options::new().index(&away).deduper().unwrap();
    deduper.push("late", article_of(9).1).unwrap();
    std::fs::remove_dir_all(&away).unwrap();
    std::fs::create_dir(&away).unwrap();
    let error = deduper.checkpoint().unwrap_err();
    assert!(matches!(error, Error::Index { source: IndexError::Missing, .. }), "{error:?}");
    assert_eq!(files(&away).len(), 0);
}

#[cfg(unix)]
#[test]
fn a_link_that_is_pointed_elsewhere_does_not_take_the_writer_along() {
    let place = tempfile::tempdir().unwrap();
    let [own, other, link] = ["own", "other", "link"].map(|name| place.path().join(name));
    of_commits(&own, "own", 2);
    of_commits(&other, "other", 3);
    let others = files(&other);
    std::os::unix::fs::symlink(&own, &link).unwrap();
    let mut deduper = Options::new().index(&link).deduper().unwrap();
    deduper.push("late", article_of(9).1).unwrap();
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&other, &link).unwrap();
    deduper.checkpoint().unwrap();
    assert_eq!(files(&other), others);
    assert!(Index::open(&own).unwrap().article("late").unwrap().is_some());
}

#[test]
fn nothing_is_committed_where_there_is_no_index_and_nothing_ends_by_that() {
    let is_refused =
        |error: Error| matches!(error, Error::Option { option: "index", .. }) && !error.is_fatal();
    let mut deduper = Deduper::new();
    assert!(is_refused(deduper.checkpoint().unwrap_err()));
    deduper.push("first", article_of(1).1).unwrap();
    let lines = &b"{\"text\":\"One article.\"}\n"[..];
    let mut articles = Options::new().reader("news.jsonl", lines).unwrap();
    assert!(is_refused(articles.checkpoint().unwrap_err()));
    assert_eq!(articles.map(Result::unwrap).count(), 1);
}

/// Whoever logs them does not want the text of all articles.
#[test]
fn what_is_printed_for_programmers_is_short() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    let mut deduper = Options::new().index(&path).deduper().unwrap();
    let mut memory = Deduper::new();
    for number in 0..200 {
        let (id, text) = article_of(number);
        deduper.push(id.clone(), text.clone()).unwrap();
        memory.push(id, text).unwrap();
    }
    deduper.checkpoint().unwrap();
    let index = Index::open(&path).unwrap();
    let mut articles = index.articles();
    assert_eq!(articles.by_ref().map(Result::unwrap).count(), 200);
    let printed = [
        format!("{deduper:?}"),
        format!("{memory:?}"),
        format!("{index:?}"),
        format!("{articles:?}"),
    ];
    for printed in printed {
        assert!(printed.len() < 4000, "{} bytes: {}", printed.len(), &printed[..200]);
    }
}

/// Whatever the format, what the stream writes is nothing that it reads.
#[test]
fn an_index_in_the_folder_that_is_read_is_no_article() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), article_of(1).1).unwrap();
    let (index, other) = (dir.path().join("index"), dir.path().join("other"));
    of_commits(&other, "other", 1);
    // Those of the other index are files as any others, and errors in a build that reads UTF-8 alone.
    let place = |article: Result<&str, &Error>| match article {
        Ok(id) => dir.path().join(id),
        Err(error) => error.path().unwrap().to_owned(),
    };
    for times in 0..2 {
        let mut options = Options::new();
        options.format(Format::Text).index(dir.path().join("index/../index"));
        let mut articles = options.ingest(dir.path()).unwrap();
        let places: Vec<PathBuf> =
            articles.by_ref().map(|it| place(it.as_ref().map(Article::id))).collect();
        assert!(places.iter().all(|place| !place.starts_with(&index)), "{places:?}");
        assert_eq!(places.contains(&dir.path().join("a.txt")), times == 0);
        assert_eq!(articles.stats().skipped.indexes, 1);
    }
    assert!(Index::open(&index).unwrap().article("a.txt").unwrap().is_some());
    // Nor is one that is itself a path to be read, as where a shell makes paths of `*`.
    let mut options = Options::new();
    let mut articles = options.format(Format::Text).index(&index).ingest(&index).unwrap();
    assert_eq!(articles.by_ref().count(), 0);
    assert_eq!(articles.stats().skipped.indexes, 1);
    drop(articles);
    let mut options = Options::new();
    let articles = options.format(Format::Text).against(&other).ingest(dir.path()).unwrap();
    let mut places = articles.map(|article| place(article.as_ref().map(Article::id)));
    assert!(places.all(|place| !place.starts_with(&other)));
    let seen = dir.path().join("seen");
    let mut filtered = Options::new().format(Format::Text).filter_all(&seen, [dir.path()]).unwrap();
    let mut places = filtered.by_ref().map(|it| place(it.as_ref().map(FilteredArticle::id)));
    assert!(places.all(|place| !place.starts_with(&seen)));
    assert_eq!(filtered.stats().skipped.indexes, 1);
}

/// Articles for the golden index: each way in which a text can depart from its canonical form, and
/// repeats of all kinds.
fn golden_articles() -> Vec<(&'static str, String)> {
    let notice = "The upper lock is closed for repairs until the water falls; boats wait at the lower basin \
                  until the keeper waves them through, one by one, and in the order in which they came \
                  up or down the river.";
    let report = "Three barges left the basin before dawn, the keeper wrote, with timber for the new bridge.";
    vec![
        ("one", format!("Morning\n{notice}\n{report}\n")),
        ("two", format!("Noon\r\n\r\n{}\r\n", notice.replace(' ', "  "))),
        (
            "drei",
            format!(
                "„Abend“ – sagt er…\u{a0}Gute\u{ad}n Abend!\n\n\n> {report}\n\n{notice} {report}"
            ),
        ),
        ("empty", String::new()),
        ("rows", format!("{}\n{report}\n{report}", "-".repeat(900))),
        ("two", "A second version.".to_owned()),
    ]
}

#[test]
fn another_version_says_both() {
    let dir = tempfile::tempdir().unwrap();
    Options::new().index(dir.path()).deduper().unwrap().checkpoint().unwrap();
    let manifest = dir.path().join("manifest");
    let mut bytes = std::fs::read(&manifest).unwrap();
    bytes[8] = 1;
    std::fs::write(manifest, bytes).unwrap();
    let error = Index::open(dir.path()).unwrap_err();
    let Error::Index { source: IndexError::Version { found: 1, supported, .. }, .. } = error else {
        panic!("{error:?}");
    };
    assert!(supported > 1);
}

/// An index written once is read by whatever comes later with the same version of the format.
#[test]
fn the_golden_index_is_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/index-v2");
    let mut expected = Vec::new();
    let mut reference = Deduper::new();
    for (id, text) in golden_articles() {
        expected.push(reference.push(id, text).unwrap());
    }
    if std::env::var_os("DEDUP_BLESS").is_some() {
        let _ = std::fs::remove_dir_all(&dir);
        let mut lines = String::new();
        for (id, text) in golden_articles() {
            let title = format!("Title of {id}");
            lines += &serde_json::json!({ "id": id, "text": text, "title": title }).to_string();
            lines += "\n";
        }
        let lines = std::io::Cursor::new(lines);
        let mut articles = Options::new().index(&dir).reader("golden.jsonl", lines).unwrap();
        assert_eq!(articles.by_ref().take(5).flatten().count(), 5);
        articles.checkpoint().unwrap();
        assert_eq!(articles.by_ref().flatten().count(), 1);
    }
    let index = Index::open(&dir).unwrap();
    index.verify().unwrap();
    let stored: Vec<_> = index.articles().map(Result::unwrap).collect();
    assert_eq!(stored.len(), expected.len());
    for (stored, article) in stored.iter().zip(&expected) {
        assert_eq!((stored.id(), stored.text()), (article.id(), &*article.text()));
        assert_eq!(stored.title().unwrap(), format!("Title of {}", article.id()));
        assert_eq!(stored.record(), Some(stored.number() as u64 + 1));
    }
    assert_eq!(index.original("two").unwrap().unwrap(), "A second version.");
    for (id, text) in golden_articles() {
        if id != "two" {
            assert_eq!(index.original(id).unwrap().unwrap(), text);
        }
    }
    let mut next = Deduper::new();
    for (id, text) in golden_articles() {
        next.push(id, text).unwrap();
    }
    let question =
        golden_articles().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n\n");
    let repeats = index.find(&question).unwrap();
    assert_eq!(repeats, next.find(&question).unwrap());
    assert!(!repeats.is_empty());
}

#[test]
fn contained_is_what_would_vanish() {
    let dir = tempfile::tempdir().unwrap();
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    for (id, text) in golden_articles() {
        deduper.push_new(id, text).unwrap();
    }
    deduper.checkpoint().unwrap();
    let index = Index::open(dir.path()).unwrap();
    for (id, text) in golden_articles() {
        let vanishes = text.len() > 200;
        assert_eq!(index.contains(&text).unwrap(), vanishes, "{id}");
    }
    assert!(!index.contains("").unwrap());
    assert!(!index.contains(&"a row of its own ".repeat(100)).unwrap());
}

#[test]
fn a_sign_that_is_left_alone_may_be_a_quote_mark() {
    let parts = [
        "The upper lock is closed for repairs until noon,",
        "and boats wait at the basin below it until then.",
    ];
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new();
    options.min_span(40).cut(Cut::Span).index(dir.path());
    let mut deduper = options.deduper().unwrap();
    deduper.push("first", parts.join("\n\nThen: ")).unwrap();
    for (id, sign) in [("quote", ">"), ("hash", "#")] {
        let article = deduper.push(id, parts.join(&format!(" {sign} "))).unwrap();
        assert_eq!((&*article.text(), article.is_repeat()), (sign, false));
    }
    deduper.checkpoint().unwrap();
    let index = Index::open(dir.path()).unwrap();
    let is_repeat = |id| index.article(id).unwrap().unwrap().is_repeat();
    assert_eq!(["quote", "hash"].map(is_repeat), [true, false]);
}

/// Commits of a writer that is killed at any moment: three articles each.
fn article_of(number: usize) -> (String, String) {
    let line = |n: usize| {
        format!("Entry {n}: the {} gauge was read twice, and both times it was dry.", n * 7919)
    };
    let lines: Vec<String> = (0..40).map(|at| line(number * 25 + at)).collect();
    (format!("a{number}"), lines.join("\n"))
}

const COMMIT: usize = 3;

/// The other side of the next test.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os("DEDUP_CHILD") else { return };
    let mut deduper = Options::new().index(dir).deduper().unwrap();
    for number in 0.. {
        let (id, text) = article_of(number);
        deduper.push_new(id, text).unwrap();
        if number % COMMIT == COMMIT - 1 {
            deduper.checkpoint().unwrap();
        }
    }
}

#[test]
fn a_killed_writer_leaves_its_last_commit() {
    let kills = setting("DEDUP_KILLS", 12);
    let dir = tempfile::tempdir().unwrap();
    let mut rng = Rng(setting("DEDUP_SEED", 1));
    let mut count = 0;
    let mut killed_with_news = 0;
    for _ in 0..kills {
        if count > 400 {
            std::fs::remove_dir_all(dir.path()).unwrap();
            count = 0;
        }
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_it_is_killed", "--nocapture"])
            .env("DEDUP_CHILD", dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_micros(rng.next() % 80_000));
        child.kill().unwrap();
        let _ = child.wait().unwrap();
        let index = match Index::open(dir.path()) {
            Ok(index) => index,
            Err(Error::Index { source: IndexError::Missing, .. }) if count == 0 => continue,
            Err(error) => panic!("{error:?}"),
        };
        index.verify().unwrap();
        let articles = usize::try_from(index.stats().articles).unwrap();
        assert!(articles >= count && articles % COMMIT == 0, "{articles} after {count}");
        killed_with_news += usize::from(articles > count);
        count = articles;
    }
    println!("{kills} kills, {killed_with_news} of them after new commits");
    // The next ingest comes to the same as if nobody had been killed.
    let mut deduper = Options::new().index(dir.path()).deduper().unwrap();
    let mut reference = Deduper::new();
    for number in 0..count + COMMIT {
        let (id, text) = article_of(number);
        let expected = reference.push(id.as_str(), text.as_str()).unwrap();
        let pushed = deduper.push_new(id, text).unwrap();
        assert_eq!(pushed.is_none(), number < count);
        if let Some(article) = pushed {
            assert_eq!(outcome(&article), outcome(&expected));
        }
    }
    deduper.checkpoint().unwrap();
    Index::open(dir.path()).unwrap().verify().unwrap();
}
