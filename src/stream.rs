//! The stream of articles.

use std::iter::FusedIterator;
use std::sync::Arc;

use crate::article::Article;
use crate::error::Error;
use crate::ingest::Ingest;
use crate::options::{Config, OnError};
use crate::pipeline::{Feed, Pipeline};
use crate::progress::{Callback, Progress};
use crate::source::{Absent, Input, Inputs, Numbers, RawArticle, Source};
use crate::stats::Stats;
use crate::trace;

/// What can be done for an article without the others, by any thread.
pub(crate) trait Prepare: Sized + Send + 'static {
    /// What that needs to know.
    type How: Send + Sync + 'static;

    fn prepare(article: RawArticle, how: &Self::How) -> Result<Self, Error>;
}

/// What became of an input.
#[derive(Debug)]
struct Arrival<P> {
    outcome: Result<P, Absent<Error>>,
    /// How many bytes of the source were read up to here.
    read: u64,
}

/// What articles go through last, one after the other, on the caller's thread.
pub(crate) trait Engine {
    type Prepared: Prepare;
    type Admitted: Send + 'static;
    type Article;

    /// None if there is nothing to say of the article.
    fn take(&mut self, admitted: Self::Admitted) -> Result<Option<Self::Article>, Error>;
    fn commit(&mut self) -> Result<(), Error>;
    fn stats(&self) -> Stats;
    /// The totals that are counted here.
    fn stats_mut(&mut self) -> &mut Stats;
}

/// What the articles of a stream go through.
pub(crate) struct Stages<E: Engine> {
    pub(crate) numbers: Numbers,
    pub(crate) how: <E::Prepared as Prepare>::How,
    /// What is done with one prepared article after the other, on any thread.
    pub(crate) admit: Box<Admit<E>>,
    pub(crate) last: E,
}

type Admit<E> = dyn FnMut(<E as Engine>::Prepared) -> Result<<E as Engine>::Admitted, Error> + Send;

/// The articles of a source on their way to the caller.
type Arrivals<E> =
    Pipeline<Input, Arrival<<E as Engine>::Prepared>, Arrival<<E as Engine>::Admitted>>;

/// What an engine makes of a source.
#[derive(Debug)]
pub(crate) struct Engaged<E: Engine> {
    /// None after the end.
    pipeline: Option<Arrivals<E>>,
    pub(crate) engine: E,
    on_error: OnError,
    /// Whether it ended at an error that leaves the engine sound: what was yielded is committed
    /// when more is asked for.
    stopped: bool,
    /// Whether the pipeline did not come back from the last call. What is ahead is lost then, so it
    /// is at its end, and nothing is committed.
    panicked: bool,
    progress: Option<(Callback, Progress)>,
    span: trace::Span,
}

impl<E: Engine> Engaged<E> {
    /// Nothing is read before `start` has made the stages.
    pub(crate) fn new(
        config: &Config,
        source: Box<dyn Source>,
        start: impl FnOnce() -> Result<Stages<E>, Error>,
    ) -> Result<Self, Error> {
        let span = trace::ingest();
        let Stages { numbers, how, mut admit, last: engine } = start()?;
        let settings = config.settings.clone();
        let inputs = Inputs::new(source, settings.clone(), numbers, span.clone());
        let begin = Progress { total_bytes: inputs.total_bytes(), ..Progress::default() };
        let progress = config.progress.clone().map(|callback| (callback, begin));
        let prepare = move |Input { content, read }| {
            let outcome = content
                .decode(&settings)
                .and_then(|article| Ok(E::Prepared::prepare(article, &how)?));
            Arrival { outcome, read }
        };
        let admit = move |Arrival { outcome, read }| {
            let outcome = outcome.and_then(|prepared| Ok(admit(prepared)?));
            Arrival { outcome, read }
        };
        let weigh = |input: &Input| input.content.len();
        let feed = Feed {
            inputs: Box::new(inputs),
            weigh,
            prepare: Arc::new(prepare),
            admit: Box::new(admit),
        };
        let pipeline = Pipeline::new(feed, config.threads)?;
        let on_error = config.on_error;
        Ok(Self {
            pipeline: Some(pipeline),
            engine,
            on_error,
            stopped: false,
            panicked: false,
            progress,
            span,
        })
    }

    pub(crate) fn next(&mut self) -> Option<Result<E::Article, Error>> {
        if self.panicked {
            self.pipeline = None;
        }
        loop {
            let Some(pipeline) = &mut self.pipeline else {
                return if std::mem::take(&mut self.stopped) { self.end() } else { None };
            };
            self.panicked = true;
            let arrival = pipeline.next();
            self.panicked = false;
            let Some(Arrival { outcome, read }) = arrival else { return self.end() };
            let article = match outcome {
                Ok(admitted) => self.engine.take(admitted).transpose(), // none if it is in the index already
                Err(Absent::Skipped(why)) => {
                    self.engine.stats_mut().skipped.count(why);
                    None
                }
                Err(Absent::Failed(error)) => Some(Err(error)),
            };
            if let Some((_, progress)) = &mut self.progress {
                progress.bytes = read;
            }
            let is_fatal = matches!(&article, Some(Err(error)) if error.is_fatal());
            if is_fatal || self.on_error == OnError::Stop && matches!(article, Some(Err(_))) {
                self.pipeline = None;
                self.stopped = !is_fatal;
            }
            self.tell(article.as_ref());
            if is_fatal {
                trace::ended(&self.span, &self.engine.stats());
            }
            if article.is_some() {
                return article;
            }
        }
    }

    /// Commits what was yielded; says so if that fails.
    fn end(&mut self) -> Option<Result<E::Article, Error>> {
        self.pipeline = None;
        let failed = self.engine.commit().err().map(Err);
        if failed.is_some() {
            self.tell(failed.as_ref());
        }
        trace::ended(&self.span, &self.engine.stats());
        failed
    }

    /// Counts what is yielded, if anything is of an input, and tells who wants to know how far the
    /// stream is.
    fn tell(&mut self, article: Option<&Result<E::Article, Error>>) {
        if let Some(Err(error)) = article {
            trace::failed(&self.span, error);
            self.engine.stats_mut().errors += 1;
        }
        if let Some((callback, progress)) = &mut self.progress {
            progress.articles += u64::from(matches!(article, Some(Ok(_))));
            progress.errors += u64::from(matches!(article, Some(Err(_))));
            callback.call(progress);
        }
    }
}

/// The articles of a source, in order, without what they repeat.
///
/// Made by [`ingest`](crate::ingest) and [`Options::ingest`](crate::Options::ingest). Articles are
/// read as they are asked for, with more than one thread a few batches ahead.
///
/// An input that cannot be read yields an error in its place, and the stream goes on. It ends after
/// an error that
/// [is fatal](Error::is_fatal), and after any error with [`OnError::Stop`]. A `?` on each item
/// leaves the loop at the first input that cannot be read; a `match` lets it go on, as in the
/// example of [`Error`].
///
/// With an index on disk, what was yielded is committed when the stream says that it is at its end,
/// unless a fatal error ended it. The index has no other writer until the stream is dropped.
/// Dropping the stream early is fine; what was not committed is then not in the index.
///
/// A panic of a [`Source`] or a reader reaches the caller in its place, behind all articles that
/// came before it, with any number of threads. After that the stream is at its end, and does not
/// commit.
#[derive(Debug)]
#[must_use = "articles are read, and what is new of them is committed, only as they are asked for"]
pub struct Articles(Engaged<Ingest>);

impl Articles {
    pub(crate) fn new(config: &Config, source: Box<dyn Source>) -> Result<Self, Error> {
        Engaged::new(config, source, || Ingest::start(config)).map(Self)
    }

    /// Commits the articles yielded so far to the [index on disk](crate::Options::index). At the
    /// end of the stream that happens by itself.
    ///
    /// What was committed does not come again after a crash. So whatever is written of the articles
    /// should be safe before; or it is made of the index, from the first number that is missing on
    /// ([`Index::articles_from`](crate::Index::articles_from)).
    ///
    /// Needs the feature `index`.
    ///
    /// # Errors
    ///
    /// If there is no index on disk, which changes nothing; or if it cannot be written. In that case what was
    /// committed before is safe, and the stream is of no further use.
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
