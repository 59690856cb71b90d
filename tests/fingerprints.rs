//! The index without text: what goes, what stays, and what it takes.
//!
//! `DEDUP_CORPORA` sets how many seeded corpora are tried and `DEDUP_SEED` the first of their
//! seeds. With `DEDUP_BLESS` the golden set is written anew.

#[allow(dead_code, reason = "shared with the tests of the oracle")]
mod support {
    //! Small corpora full of traps.
    pub(crate) mod corpus;
}

use std::collections::HashSet;
use std::path::Path;

use dedup::{
    Document, Error, Filter, FilteredArticle, Fingerprints, IndexError, Options, canonical, split,
};
use support::corpus::{Recipe, Rng};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

fn filter(recipe: &Recipe, dir: &Path) -> Filter {
    Options::new().min_paragraph(recipe.min_paragraph).filter(dir).expect("it opens")
}

/// The definition, word by word: the paragraphs that were seen.
fn removed(text: &str, min_paragraph: usize, seen: &mut HashSet<Vec<u8>>) -> Vec<bool> {
    split::paragraphs(text)
        .into_iter()
        .map(|range| canonical::canonicalise(&text[range]).as_bytes().to_vec())
        .filter(|form| !form.is_empty())
        .map(|form| form.len() >= min_paragraph && !seen.insert(form))
        .collect()
}

fn check(article: &FilteredArticle, removed: &[bool]) {
    assert_eq!(article.paragraphs().len(), removed.len());
    let (mut at, mut text) = (0, String::new());
    for segment in article.segments() {
        assert_eq!(segment.range.start, at);
        at = segment.range.end;
        if !segment.seen {
            text += &article.original()[segment.range.clone()];
        }
    }
    assert_eq!(at, article.original().len());
    assert_eq!(article.text(), text);
    assert_eq!(article.digest(), blake3::hash(article.original().as_bytes()));
    assert_eq!(article.is_repeat(), !removed.is_empty() && !removed.contains(&false));
    for (paragraph, &removed) in article.paragraphs().iter().zip(removed) {
        let segment =
            article.segments().iter().find(|segment| segment.range.contains(&paragraph.start));
        let segment = segment.expect("segments tile");
        assert!(segment.range.end >= paragraph.end);
        assert_eq!(segment.seen, removed, "{:?}", &article.original()[paragraph.clone()]);
    }
}

#[test]
fn paragraphs_that_were_seen_go_and_no_others() {
    let first = setting("DEDUP_SEED", 1);
    let mut gone = 0;
    for seed in first..first + setting("DEDUP_CORPORA", 60) {
        let recipe = Recipe::seeded(seed);
        let mut rng = Rng(seed ^ 0xF17E);
        let dir = tempfile::tempdir().unwrap();
        let mut filter = filter(&recipe, dir.path());
        let mut seen = HashSet::new();
        for text in recipe.build() {
            match rng.below(4) {
                0 => filter.checkpoint().unwrap(),
                1 => {
                    filter.checkpoint().unwrap();
                    drop(filter);
                    filter = self::filter(&recipe, dir.path());
                }
                _ => {}
            }
            let removed = removed(&text, recipe.min_paragraph, &mut seen);
            gone += removed.iter().filter(|&&removed| removed).count();
            check(&filter.push("", text).unwrap(), &removed);
        }
        filter.checkpoint().unwrap();
        let set = Fingerprints::open(dir.path()).unwrap();
        set.verify().unwrap();
        assert_eq!(set.len(), seen.len() as u64, "seed {seed}");
    }
    assert!(gone > 100, "{gone}");
}

#[test]
fn documents_keep_what_is_known_of_them_and_have_a_number_at_least() {
    let dir = tempfile::tempdir().unwrap();
    let mut filter = Options::new().filter(dir.path()).unwrap();
    for (id, name) in [(None, "1"), (Some("herald"), "herald"), (None, "3")] {
        let mut document = Document::new("", line(7).repeat(9));
        document.id = id.map(str::to_owned);
        document.title = Some("Notice".to_owned());
        let article = filter.push_document(document).unwrap();
        assert_eq!((article.id(), article.title()), (name, Some("Notice")));
        assert_eq!(article.is_repeat(), name != "1");
    }
    assert_eq!(filter.stats().articles, 3);
}

fn line(n: usize) -> String {
    format!(
        "Entry {n}: the {} gauge was read twice, and both times it was dry, says the keeper.",
        n * 7919
    )
}

#[test]
fn a_stream_is_the_same_on_any_number_of_threads() {
    let place = tempfile::tempdir().unwrap();
    let letters = place.path().join("letters");
    std::fs::create_dir(&letters).unwrap();
    for n in 0..40 {
        let lines = [format!("Letter {n}"), line(n), line(n / 2), line(n % 7)];
        std::fs::write(letters.join(format!("{n:02}.txt")), lines.join("\n")).unwrap();
    }
    let texts = |threads| {
        let dir = place.path().join(format!("seen{threads}"));
        let mut options = Options::new();
        let mut articles = options.threads(threads).filter_all(&dir, [&letters]).unwrap();
        let texts: Vec<String> =
            articles.by_ref().map(|article| article.unwrap().text().into_owned()).collect();
        let stats = articles.stats();
        assert_eq!(stats.bytes_in, stats.bytes_kept + stats.bytes_removed);
        drop(articles);
        // What is exhausted is committed; what is dropped before is not.
        assert_eq!(Fingerprints::open(&dir).unwrap().len(), 40);
        let again: Vec<_> =
            options.filter_all(&dir, [&letters]).unwrap().map(Result::unwrap).collect();
        assert!(again.iter().all(|article| article.text().starts_with("Letter ")));
        assert!(again.iter().all(|article| article.path().is_some() && article.text().len() < 10));
        texts
    };
    let one = texts(1);
    assert_eq!(one[8], "Letter 8\n".to_owned() + &line(8));
    assert_eq!(texts(2), one);
    assert_eq!(texts(5), one);

    let dropped = place.path().join("dropped");
    assert_eq!(Options::new().filter_all(&dropped, [&letters]).unwrap().take(3).count(), 3);
    assert!(matches!(
        Fingerprints::open(&dropped).unwrap_err(),
        Error::Index { source: IndexError::Missing, .. }
    ));
}

#[test]
fn the_other_kind_of_index_is_named() {
    let place = tempfile::tempdir().unwrap();
    let (text, fingerprints) = (place.path().join("text"), place.path().join("fingerprints"));
    let options = Options::new();
    options.clone().index(&text).deduper().unwrap().checkpoint().unwrap();
    options.filter(&fingerprints).unwrap().checkpoint().unwrap();
    let said = |error: Error| match error {
        Error::Index { source, .. } => source.to_string(),
        error => panic!("{error}"),
    };
    let no_text = "the directory has fingerprints; asked for is an index with text";
    let no_fingerprints = "the directory has an index with text; asked for is fingerprints";
    assert_eq!(said(dedup::Index::open(&fingerprints).unwrap_err()), no_text);
    assert_eq!(said(options.clone().index(&fingerprints).deduper().unwrap_err()), no_text);
    assert_eq!(said(Fingerprints::open(&text).unwrap_err()), no_fingerprints);
    assert_eq!(said(options.filter(&text).unwrap_err()), no_fingerprints);
}

#[cfg(unix)]
#[test]
fn a_writer_leaves_alone_what_took_the_place_of_its_fingerprints() {
    let place = tempfile::tempdir().unwrap();
    let [own, other, away] = ["own", "other", "away"].map(|name| place.path().join(name));
    for (dir, commits) in [(&own, 2), (&other, 3)] {
        let mut filter = Options::new().filter(dir).unwrap();
        for number in 0..commits {
            filter.push(number.to_string(), line(number).repeat(9)).unwrap();
            filter.checkpoint().unwrap();
        }
    }
    let mut filter = Options::new().filter(&own).unwrap();
    filter.push("late", line(9).repeat(9)).unwrap();
    std::fs::rename(&own, &away).unwrap();
    std::fs::rename(&other, &own).unwrap();
    let error = filter.checkpoint().unwrap_err();
    assert!(matches!(error, Error::Index { source: IndexError::Occupied, .. }), "{error:?}");
    for (dir, len) in [(&away, 2), (&own, 3)] {
        let found = Fingerprints::open(dir).unwrap();
        found.verify().unwrap();
        assert_eq!(found.len(), len);
        assert!(!found.contains(&line(9).repeat(9)).unwrap());
    }
}

#[test]
fn merged_is_all_in_one() {
    let place = tempfile::tempdir().unwrap();
    let dir = |name: &str| place.path().join(name);
    let options = Options::new();
    options.filter(dir("a")).unwrap().checkpoint().unwrap();
    let a = Fingerprints::open(dir("a")).unwrap();
    a.create_like(dir("b")).unwrap();
    assert!(matches!(
        a.create_like(dir("b")).unwrap_err(),
        Error::Index { source: IndexError::Occupied, .. }
    ));
    for (name, range) in [("a", 0..3000), ("b", 2000..5000)] {
        let mut filter = options.filter(dir(name)).unwrap();
        for n in range {
            filter.push("", line(n)).unwrap();
            if n % 1000 == 999 {
                filter.checkpoint().unwrap();
            }
        }
    }
    let check = |name: &str, range: std::ops::Range<usize>| {
        let set = Fingerprints::open(dir(name)).unwrap();
        set.verify().unwrap();
        assert_eq!(set.len(), range.len() as u64);
        for n in (0..6000).step_by(7) {
            assert_eq!(set.contains(&line(n)).unwrap(), range.contains(&n), "{n}");
        }
    };
    check("a", 0..3000);
    check("b", 2000..5000);
    Fingerprints::merge(dir("whole"), [dir("a"), dir("b")]).unwrap();
    check("whole", 0..5000);

    let parts: Vec<_> = (0..3).map(|part| dir(&format!("part{part}"))).collect();
    for (at, part) in (0..).zip(&parts) {
        Fingerprints::merge_part(part, [dir("a"), dir("b")], at, 3).unwrap();
        let len = Fingerprints::open(part).unwrap().len();
        assert!((1500..1850).contains(&len), "{len}");
    }
    Fingerprints::merge(dir("joined"), &parts).unwrap();
    check("joined", 0..5000);
    assert!(matches!(
        Fingerprints::merge_part(dir("no"), [dir("a")], 3, 3).unwrap_err(),
        Error::Option { option: "part", .. }
    ));

    // Into one that is there; and never with another key.
    Fingerprints::merge(dir("b"), [dir("a")]).unwrap();
    check("b", 0..5000);
    options.filter(dir("stranger")).unwrap().checkpoint().unwrap();
    Fingerprints::merge(dir("new"), [dir("a"), dir("stranger")]).unwrap_err();
    assert!(!dir("new").exists());
    let error = Fingerprints::merge(dir("a"), [dir("stranger")]).unwrap_err();
    let message = std::error::Error::source(&error).unwrap().to_string();
    assert!(message.matches("the key").count() == 2, "{message}");
    check("a", 0..3000);
}

#[test]
fn six_bytes_are_enough() {
    let place = tempfile::tempdir().unwrap();
    let mut taken = Vec::new();
    for count in [1, 100, 10_000, 400_000] {
        let dir = place.path().join(count.to_string());
        let mut filter = Options::new().min_paragraph(1).filter(&dir).unwrap();
        let paragraphs: Vec<String> = (0..count).map(|n| n.to_string()).collect();
        filter.push("", paragraphs.join(".\n\n")).unwrap();
        filter.checkpoint().unwrap();
        let files: u64 = std::fs::read_dir(&dir)
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert_eq!(Fingerprints::open(&dir).unwrap().len(), count);
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        taken.push(files as f64 / count as f64);
    }
    println!("bytes a paragraph: {taken:.2?}");
    assert!(taken[2] < 6.8 && taken[3] < 6.0, "{taken:?}");
}

#[test]
fn what_has_no_effect_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for options in [
        Options::new().min_span(300),
        Options::new().memory(1),
        Options::new().index(dir.path()),
        Options::new().min_paragraph(0),
        Options::new().min_paragraph(1 << 30),
        Options::new().threads(2),
    ] {
        assert!(matches!(options.filter(dir.path()).unwrap_err(), Error::Option { .. }));
    }
    let mut options = Options::new();
    options.min_paragraph(500).filter(dir.path()).unwrap().checkpoint().unwrap();
    let error = Options::new().filter(dir.path()).unwrap_err();
    let message = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        message.contains("min_paragraph 500") && message.contains("min_paragraph 80"),
        "{message}"
    );
    assert!(error.is_fatal());
    // One is not taken for the other.
    assert!(dedup::Index::open(dir.path()).is_err());
    let _open = options.filter(dir.path()).unwrap();
    assert!(matches!(
        options.filter(dir.path()).unwrap_err(),
        Error::Index { source: IndexError::Locked, .. }
    ));
}

/// Fingerprints written once are read by whatever comes later with the same version of the format.
#[test]
fn the_golden_fingerprints_are_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fingerprints-v1");
    if std::env::var_os("DEDUP_BLESS").is_some() {
        let _ = std::fs::remove_dir_all(&dir);
        let mut filter = Options::new().filter(&dir).unwrap();
        for n in 0..700 {
            filter.push("", line(n)).unwrap();
            if n == 599 {
                filter.checkpoint().unwrap();
            }
        }
        filter.checkpoint().unwrap();
    }
    let set = Fingerprints::open(&dir).unwrap();
    set.verify().unwrap();
    assert_eq!(set.len(), 700);
    for n in 0..1400 {
        assert_eq!(set.contains(&line(n)).unwrap(), n < 700, "{n}");
    }
    // Typography and spacing do not count.
    assert!(set.contains(&format!("  {}\n", line(3).replace(' ', "\n"))).unwrap());
}
