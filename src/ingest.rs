//! The last stage of a stream of articles, on the caller's thread, and what goes before.

use crate::admit::Admitted;
use crate::article::Article;
use crate::deduper::Deduper;
use crate::error::Error;
use crate::options::Config;
use crate::prepare::Prepared;
use crate::report::Reporter;
use crate::stats::Stats;
use crate::stream::{Engine, Stages};

/// What is left to the caller's thread.
#[derive(Debug)]
pub(crate) enum Ingest {
    /// To report: articles are admitted ahead, by any thread.
    InMemory(Box<Reporter>),
    /// All but to prepare: what is committed to an index on disk has to be what was yielded, and no more.
    #[cfg(feature = "index")]
    OnDisk(Box<Deduper>),
}

impl Ingest {
    pub(crate) fn start(config: &Config) -> Result<Stages<Self>, Error> {
        let mut deduper = Deduper::with_config(config)?;
        if config.threads.get() > 1 {
            deduper.use_threads();
        }
        let (numbers, how) = (deduper.numbers(), deduper.how());
        #[cfg(feature = "index")]
        if deduper.is_on_disk() {
            let last = Self::OnDisk(Box::new(deduper));
            return Ok(Stages { numbers, how, admit: Box::new(Ok), last });
        }
        let (mut admission, reporter) = deduper.into_stages();
        let admit = Box::new(move |prepared| Ok(admission.admit(prepared)?.0));
        Ok(Stages { numbers, how, admit, last: Self::InMemory(Box::new(reporter)) })
    }

    /// Commits what was reported so far.
    ///
    /// # Errors
    ///
    /// If there is no index on disk, or it cannot be written.
    #[cfg(feature = "index")]
    pub(crate) fn checkpoint(&mut self) -> Result<(), Error> {
        match self {
            Self::OnDisk(deduper) => deduper.checkpoint(),
            Self::InMemory(_) => Err(Deduper::nowhere_to_commit()),
        }
    }
}

impl Engine for Ingest {
    type Prepared = Prepared;
    /// Admitted, if nothing but to report is left.
    type Admitted = Prepared;
    type Article = Article;

    fn take(&mut self, prepared: Prepared) -> Result<Option<Article>, Error> {
        match self {
            Self::InMemory(reporter) => {
                reporter.spill()?;
                reporter.report(Admitted(prepared)).map(Some)
            }
            #[cfg(feature = "index")]
            Self::OnDisk(deduper) => deduper.admit(prepared),
        }
    }

    fn commit(&mut self) -> Result<(), Error> {
        match self {
            Self::InMemory(_) => Ok(()),
            #[cfg(feature = "index")]
            Self::OnDisk(deduper) => deduper.checkpoint(),
        }
    }

    fn stats(&self) -> Stats {
        match self {
            Self::InMemory(reporter) => reporter.stats(),
            #[cfg(feature = "index")]
            Self::OnDisk(deduper) => deduper.stats(),
        }
    }

    fn stats_mut(&mut self) -> &mut Stats {
        match self {
            Self::InMemory(reporter) => &mut reporter.stats,
            #[cfg(feature = "index")]
            Self::OnDisk(deduper) => deduper.stats_mut(),
        }
    }
}
