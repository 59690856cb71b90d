//! The stream of articles.

use std::iter::FusedIterator;
use std::path::PathBuf;

use crate::article::Article;
use crate::deduper::{Deduper, Stats};
use crate::error::Error;
use crate::options::Config;
use crate::pipeline::Pipeline;
use crate::source::Inputs;

/// The articles below some paths, in order, without what they repeat.
///
/// Made by [`ingest`](crate::ingest) and [`Options::ingest`](crate::Options::ingest). An input that
/// cannot be read yields an error in its place, and the stream goes on; after an error that
/// [is fatal](Error::is_fatal) it ends. Articles are read as they are asked for, with more than one
/// thread a few batches ahead. Dropping the stream early is fine.
#[derive(Debug)]
pub struct Articles {
    /// None after the end.
    pipeline: Option<Pipeline>,
    deduper: Deduper,
}

impl Articles {
    pub(crate) fn new(config: Config, paths: Vec<PathBuf>) -> Result<Self, Error> {
        let inputs = Inputs::new(paths, config.read_buffer)?;
        let deduper = Deduper::with_config(&config)?;
        #[cfg(feature = "index")]
        let config = Config { known: deduper.committed(), ..config };
        Ok(Self { pipeline: Some(Pipeline::new(inputs, config)?), deduper })
    }

    /// Commits the articles yielded so far to the [index on disk](crate::Options::index). When the stream is
    /// exhausted, that happens by itself.
    ///
    /// # Errors
    ///
    /// If there is no index on disk, or it cannot be written. Then what was committed before is safe, and the stream is
    /// of no further use.
    #[cfg(feature = "index")]
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.deduper.checkpoint()
    }

    /// Totals of the articles yielded so far.
    pub fn stats(&self) -> Stats {
        self.deduper.stats()
    }
}

impl Iterator for Articles {
    type Item = Result<Article, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let article = loop {
            let arrival = self.pipeline.as_mut()?.next();
            self.deduper.count_skipped(arrival.skipped);
            let Some(outcome) = arrival.outcome else {
                break self.deduper.commit().err().map(Err);
            };
            // None is an article that is in the index already.
            let admitted = outcome.and_then(|prepared| self.deduper.admit(prepared));
            if let Some(article) = admitted.transpose() {
                break Some(article);
            }
        };
        if let Some(Err(_)) = article {
            self.deduper.count_error();
        }
        if article.as_ref().is_none_or(|article| article.as_ref().is_err_and(Error::is_fatal)) {
            self.pipeline = None;
        }
        article
    }
}

impl FusedIterator for Articles {}
