//! The index on disk: what it takes to write, to open, to read and to search, and how large it is.
//!
//! One table for each `.jsonl` file of `{"id", "text"}` lines named on the command line, or in the
//! directory that `DEDUP_CORPORA_DIR` names.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dedup::{Fingerprints, Index, Options};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let named = std::env::args_os().skip(1).map(PathBuf::from);
    let mut corpora: Vec<PathBuf> = named.filter(|path| path.is_file()).collect();
    if let Some(dir) = std::env::var_os("DEDUP_CORPORA_DIR") {
        for file in std::fs::read_dir(dir)? {
            corpora.push(file?.path());
        }
    }
    corpora.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    if corpora.is_empty() {
        println!("no corpora: name .jsonl files, or their directory in DEDUP_CORPORA_DIR");
    }
    corpora.iter().try_for_each(|path| measure(path))
}

fn measure(corpus: &Path) -> Result<()> {
    println!("{}", corpus.display());
    let dir = tempfile::tempdir()?;
    for time in ["first", "second"] {
        let start = Instant::now();
        let mut articles = Options::new().index(dir.path()).ingest(corpus)?;
        let count = articles.by_ref().flatten().count();
        let stats = articles.stats();
        assert_eq!(count as u64, stats.articles);
        line(
            &format!("{time} ingest, {count} articles"),
            start.elapsed(),
            std::fs::metadata(corpus)?.len(),
        );
    }

    joined(corpus, dir.path())?;
    fingerprints(corpus)?;

    let start = Instant::now();
    let index = Index::open(dir.path())?;
    line("open", start.elapsed(), 0);
    let stats = index.stats();
    let start = Instant::now();
    let mut bytes = 0;
    for article in index.articles() {
        bytes += article?.text().len() as u64;
    }
    line("articles", start.elapsed(), bytes);
    assert_eq!(bytes, stats.bytes_kept);
    let mut texts = Vec::new();
    let mut articles = Vec::new();
    for article in index.articles() {
        let article = article?;
        texts.extend_from_slice(article.text().as_bytes());
        articles.push(article.into_text());
    }
    let start = Instant::now();
    index.verify()?;
    line("verify", start.elapsed(), stats.bytes_in);

    // A paragraph's worth from the midst of one article in every so many.
    let paragraphs: Vec<String> = articles
        .iter()
        .step_by(articles.len().div_ceil(40))
        .filter(|text| text.len() > 2000)
        .map(|text| text.chars().skip(500).take(500).collect())
        .collect();
    for time in ["cold", "warm"] {
        let start = Instant::now();
        let found: usize = paragraphs
            .iter()
            .map(|paragraph| index.find(paragraph).map(|repeats| repeats.len()))
            .sum::<std::result::Result<_, _>>()?;
        assert!(found >= paragraphs.len());
        line(
            &format!("find a paragraph, {time}"),
            start.elapsed() / u32::try_from(paragraphs.len().max(1))?,
            0,
        );
    }

    // The kept text is canonical, what was streamed is not: close enough to compare how both compress.
    let at_once = zstd::bulk::compress(&texts, 3)?.len() as f64 / texts.len() as f64;
    let stored = stats.stored_text_bytes as f64 / stats.text_bytes as f64;
    println!(
        "  {:34}{:8.4}  of zstd -3 on all at once: {at_once:.4}, {:+.1} %",
        "stored text a byte",
        stored,
        (stored / at_once - 1.0) * 100.0
    );
    let index_bytes = stats.index_bytes as f64 / stats.text_bytes as f64;
    println!("  {:34}{index_bytes:8.4}", "index a byte of kept text");
    Ok(())
}

/// What it takes to join an index to none, and to one that is there, beside ingesting its articles
/// on one thread.
fn joined(corpus: &Path, index: &Path) -> Result<()> {
    let place = tempfile::tempdir()?;
    let bytes = Index::open(index)?.stats().bytes_in;
    let start = Instant::now();
    Options::new().threads(1).index(place.path().join("once")).ingest(corpus)?.for_each(drop);
    line("ingest on one thread", start.elapsed(), bytes);
    let start = Instant::now();
    Index::merge(place.path().join("copy"), [index])?;
    line("merge into an empty one", start.elapsed(), bytes);
    let mut other = Options::new().index(place.path().join("other")).deduper()?;
    other.push("one", "An article that nothing repeats.")?;
    other.checkpoint()?;
    drop(other);
    let start = Instant::now();
    Index::merge(place.path().join("other"), [index])?;
    line("merge into another", start.elapsed(), bytes);
    Ok(())
}

/// The index without text.
fn fingerprints(corpus: &Path) -> Result<()> {
    let place = tempfile::tempdir()?;
    for time in ["first", "second"] {
        let start = Instant::now();
        let mut articles = Options::new().filter_all(place.path(), [corpus])?;
        articles.by_ref().for_each(drop);
        let stats = articles.stats();
        line(&format!("fingerprints, {time} time"), start.elapsed(), stats.bytes_in);
        let kept = stats.bytes_kept as f64 / stats.bytes_in as f64;
        println!("  {:34}{kept:8.4}", "kept of a byte");
    }
    let set = Fingerprints::open(place.path())?;
    let bytes = set.bytes() as f64 / set.len() as f64;
    println!("  {:34}{bytes:8.4}  of {}", "bytes a fingerprint", set.len());
    Ok(())
}

fn line(what: &str, time: Duration, bytes: u64) {
    let speed = bytes as f64 / 1e6 / time.as_secs_f64();
    if bytes > 0 {
        println!("  {what:34}{time:>12.2?}  {speed:6.0} MB/s");
    } else {
        println!("  {what:34}{time:>12.2?}");
    }
}
