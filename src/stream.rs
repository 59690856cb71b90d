//! The stream of articles.

use std::iter::FusedIterator;
use std::sync::Arc;

use crate::article::Article;
use crate::deduper::Deduper;
use crate::error::Error;
use crate::options::{Config, OnError};
use crate::pipeline::{Feed, Pipeline};
use crate::progress::{Callback, Progress};
use crate::source::{Input, Inputs, Parts, Skip, Source};
use crate::stats::Stats;
use crate::trace;

/// What can be done for an article without the others, by any thread.
pub(crate) trait Prepare: Sized + Send + 'static {
    /// What that needs to know.
    type How: Send + Sync + 'static;

    fn prepare(parts: Parts, how: &Self::How) -> Result<Self, Error>;
}

/// What became of an input.
#[derive(Debug)]
struct Arrival<P> {
    /// An article, or why there is none.
    outcome: Result<Result<P, Skip>, Error>,
    /// How many bytes of the source were read up to here.
    read: u64,
}

/// What takes one prepared article after the other.
pub(crate) trait Engine {
    type Prepared: Prepare;
    type Article;

    /// None if there is nothing to say of the article.
    fn admit(&mut self, prepared: Self::Prepared) -> Result<Option<Self::Article>, Error>;
    fn commit(&mut self) -> Result<(), Error>;
    fn stats(&self) -> Stats;
    /// The totals that are counted here.
    fn stats_mut(&mut self) -> &mut Stats;
}

/// What an engine makes of a source.
#[derive(Debug)]
pub(crate) struct Engaged<E: Engine> {
    /// None after the end.
    pipeline: Option<Pipeline<Input, Arrival<E::Prepared>>>,
    pub(crate) engine: E,
    on_error: OnError,
    progress: Option<(Callback, Progress)>,
    span: trace::Span,
}

impl<E: Engine> Engaged<E> {
    /// `start` makes the engine, and says how it is to be prepared for; nothing was read before that.
    pub(crate) fn new(
        config: &Config,
        source: Box<dyn Source>,
        start: impl FnOnce() -> Result<(E, <E::Prepared as Prepare>::How), Error>,
    ) -> Result<Self, Error> {
        let span = trace::ingest();
        let inputs = Inputs::new(source, config.settings.clone(), span.clone());
        let (engine, how) = start()?;
        let begin = Progress { total_bytes: inputs.total_bytes(), ..Progress::default() };
        let progress = config.progress.clone().map(|callback| (callback, begin));
        let settings = config.settings.clone();
        let work = move |Input { content, read }| {
            let outcome = content.decode(&settings).and_then(|decoded| match decoded {
                Ok(parts) => E::Prepared::prepare(parts, &how).map(Ok),
                Err(why) => Ok(Err(why)),
            });
            Arrival { outcome, read }
        };
        let weigh = |input: &Input| input.content.len();
        let feed = Feed { inputs: Box::new(inputs), weigh, work: Arc::new(work) };
        let pipeline = Pipeline::new(feed, config.threads)?;
        let on_error = config.on_error;
        Ok(Self { pipeline: Some(pipeline), engine, on_error, progress, span })
    }

    fn end(&mut self) {
        self.pipeline = None;
        trace::ended(&self.span, &self.engine.stats());
    }

    pub(crate) fn next(&mut self) -> Option<Result<E::Article, Error>> {
        loop {
            let Some(Arrival { outcome, read }) = self.pipeline.as_mut()?.next() else {
                let committed = self.engine.commit();
                if let Err(error) = &committed {
                    trace::failed(&self.span, error);
                    self.engine.stats_mut().errors += 1;
                }
                self.end();
                return committed.err().map(Err);
            };
            let article = match outcome {
                Ok(Ok(prepared)) => match self.engine.admit(prepared).transpose() {
                    Some(article) => article,
                    None => continue, // it is in the index already
                },
                Ok(Err(why)) => {
                    self.engine.stats_mut().skipped.count(why);
                    continue;
                }
                Err(error) => Err(error),
            };
            if let Err(error) = &article {
                trace::failed(&self.span, error);
                self.engine.stats_mut().errors += 1;
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

/// The articles of a source, in order, without what they repeat.
///
/// Made by [`ingest`](crate::ingest) and [`Options::ingest`](crate::Options::ingest). An input that
/// cannot be read yields an error in its place, and the stream goes on; after an error that
/// [is fatal](Error::is_fatal), and after any with [`OnError::Stop`], it ends. Articles are read as they are asked for, with more than one
/// thread a few batches ahead. Dropping the stream early is fine; what was not committed to an index on disk is then not in it.
///
/// A `?` on each item leaves the loop at the first input that cannot be read; a `match` lets it go on, as the example of [`Error`]
/// does.
#[derive(Debug)]
pub struct Articles(Engaged<Deduper>);

impl Articles {
    pub(crate) fn new(config: &Config, source: Box<dyn Source>) -> Result<Self, Error> {
        let start = || {
            let deduper = Deduper::with_config(config)?;
            let how = deduper.how();
            Ok((deduper, how))
        };
        Engaged::new(config, source, start).map(Self)
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
        self.0.engine.checkpoint()
    }

    /// Totals of the articles yielded so far.
    pub fn stats(&self) -> Stats {
        self.0.engine.stats()
    }
}

impl Iterator for Articles {
    type Item = Result<Article, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl FusedIterator for Articles {}
