//! `dedup` itself.

use std::hint::black_box;
use std::io::{Error, Result};
use std::path::Path;

use dedup::{Article, Options};

use crate::rivals::Found;

pub(crate) fn one_thread(path: &Path) -> Result<Found> {
    ingest(path, 1)
}

pub(crate) fn two_threads(path: &Path) -> Result<Found> {
    ingest(path, 2)
}

fn ingest(path: &Path, threads: usize) -> Result<Found> {
    let mut articles = Options::new().threads(threads).ingest(path).map_err(Error::other)?;
    let mut repeated = 0;
    for article in &mut articles {
        repeated += covered(black_box(&article.map_err(Error::other)?));
    }
    let stats = articles.stats();
    Ok(Found { text: stats.bytes_in, repeated, removed: stats.bytes_removed })
}

/// Bytes of the article that lie in a repeat; repeats are sorted and may overlap.
fn covered(article: &Article) -> u64 {
    let (mut bytes, mut end) = (0, 0);
    for repeat in article.repeats() {
        bytes += repeat.range.end.saturating_sub(repeat.range.start.max(end));
        end = end.max(repeat.range.end);
    }
    bytes as u64
}
