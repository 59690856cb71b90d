//! The stream of articles.

use std::iter::FusedIterator;

use crate::article::Article;
use crate::deduper::{Deduper, Stats};
use crate::error::Error;
use crate::options::{Config, OnError};
use crate::pipeline::{Arrival, Pipeline};
use crate::progress::{Callback, Progress};
use crate::source::{Inputs, Source};
use crate::trace;

/// The articles of a source, in order, without what they repeat.
///
/// Made by [`ingest`](crate::ingest) and [`Options::ingest`](crate::Options::ingest). An input that
/// cannot be read yields an error in its place, and the stream goes on; after an error that
/// [is fatal](Error::is_fatal), and after any with [`OnError::Stop`], it ends. Articles are read as they are asked for, with more than one
/// thread a few batches ahead. Dropping the stream early is fine.
#[derive(Debug)]
pub struct Articles {
    /// None after the end.
    pipeline: Option<Pipeline>,
    deduper: Deduper,
    on_error: OnError,
    progress: Option<(Callback, Progress)>,
    span: trace::Span,
}

impl Articles {
    pub(crate) fn new(config: Config, source: Box<dyn Source>) -> Result<Self, Error> {
        let span = trace::ingest();
        let inputs = Inputs::new(source, config.settings.clone(), span.clone());
        let deduper = Deduper::with_config(&config)?;
        #[cfg(feature = "index")]
        let config = Config { known: deduper.committed(), ..config };
        let on_error = config.on_error;
        let start = Progress { total_bytes: inputs.total_bytes(), ..Progress::default() };
        let progress = config.progress.clone().map(|callback| (callback, start));
        let pipeline = Some(Pipeline::new(inputs, config)?);
        Ok(Self { pipeline, deduper, on_error, progress, span })
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

    fn end(&mut self) {
        self.pipeline = None;
        trace::ended(&self.span, &self.deduper.stats());
    }
}

impl Iterator for Articles {
    type Item = Result<Article, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(Arrival { outcome, read }) = self.pipeline.as_mut()?.next() else {
                let committed = self.deduper.commit();
                if let Err(error) = &committed {
                    trace::failed(&self.span, error);
                    self.deduper.count_error();
                }
                self.end();
                return committed.err().map(Err);
            };
            let article = match outcome {
                Ok(Ok(prepared)) => match self.deduper.admit(prepared).transpose() {
                    Some(article) => article,
                    None => continue, // it is in the index already
                },
                Ok(Err(why)) => {
                    self.deduper.count_skipped(why);
                    continue;
                }
                Err(error) => Err(error),
            };
            if let Err(error) = &article {
                trace::failed(&self.span, error);
                self.deduper.count_error();
                if error.is_fatal() || self.on_error == OnError::Stop {
                    self.end();
                }
            }
            if let Some((callback, progress)) = &mut self.progress {
                progress.articles += u64::from(article.is_ok());
                progress.errors += u64::from(article.is_err());
                progress.bytes = read;
                callback.call(progress);
            }
            return Some(article);
        }
    }
}

impl FusedIterator for Articles {}
