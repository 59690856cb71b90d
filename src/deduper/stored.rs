//! What an index on disk adds to the engine: it is loaded, committed, and ingested from.

use std::num::NonZero;
use std::sync::Arc;

use super::Deduper;
use crate::article::{Origin, Parts};
use crate::criteria::Criteria;
use crate::error::Error;
use crate::index::Index;
use crate::index::base::Base;
use crate::index::originals::Originals;
use crate::pipeline::{Feed, Pipeline};
use crate::prepare::{How, Prepared};
use crate::source::RawArticle;
use crate::stats::Stats;
use crate::store::{Contents, Found, IndexError, Recipe, Sealed, Status, Writer};
use crate::stream::Prepare;

impl Deduper {
    /// An engine that writes an index, which is yet to be read.
    pub(crate) fn of_writer(writer: Writer, criteria: Criteria) -> Self {
        let deduper = Self::on(Index::default(), Originals::default(), criteria);
        Self { writer: Some(Box::new(writer)), ..deduper }
    }

    /// An engine that goes on where an index on disk ends.
    pub(crate) fn writing(writer: Writer, criteria: Criteria) -> Result<Self, Error> {
        let mut deduper = Self::of_writer(writer, criteria);
        deduper.load()?;
        Ok(deduper)
    }

    /// An engine on top of an index that stays as it is.
    pub(crate) fn above(base: Arc<dyn Base>, criteria: Criteria) -> Self {
        Self::on(Index::above(base.clone()), Originals::above(base), criteria)
    }

    /// Reads what is committed anew.
    fn load(&mut self) -> Result<(), Error> {
        if let Some(writer) = &self.writer {
            (self.admission.index, self.reporter.originals) =
                writer.load().map_err(|error| writer.wrap(error))?;
            if writer.threads().get() > 1 {
                self.use_threads_for_memory();
            }
        }
        Ok(())
    }

    /// Whether there is an index on disk to write to.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.writer.is_some()
    }

    /// How many articles there are, those of an index on disk among them.
    pub(crate) fn articles(&self) -> usize {
        self.reporter.originals.len()
    }

    /// What an index on disk is made by.
    pub(crate) fn recipe(&self) -> Recipe {
        Recipe::new(self.admission.criteria())
    }

    /// Totals that are counted elsewhere.
    pub(crate) fn stats_mut(&mut self) -> &mut Stats {
        &mut self.reporter.stats
    }

    /// Commits what was pushed so far to the [index on disk](crate::Options::index).
    ///
    /// Needs the feature `index`.
    ///
    /// # Errors
    ///
    /// If there is no index on disk, which changes nothing; or if it cannot be written. In that case what was
    /// committed before is safe, and the engine is of no further use.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        if self.writer.is_none() {
            return Err(Self::nowhere_to_commit());
        }
        self.check()?;
        // Whatever fails, it is not known what is on disk. A failed sync above all: the pages it
        // did not write count as written, so a second one succeeds without having done it.
        self.admission.broken = true;
        let (index, originals) = (&mut self.admission.index, &mut self.reporter.originals);
        if let Some(writer) = &mut self.writer
            && let Some(staged) = writer.older_versions(index, originals)?
        {
            // Only older versions go, so each id is known with the content that it keeps, and what
            // is in memory is more than is left, but no less.
            let from = writer.cut(&staged.sealed, staged.older[0])?;
            writer.shorten(index, originals);
            self.ingest_from(from, &staged.sealed, &staged.older)?;
            self.admission.broken = true;
        }
        if let Some(writer) = &mut self.writer {
            writer.commit(&mut self.admission.index, &mut self.reporter.originals)?;
        }
        self.admission.broken = false;
        Ok(())
    }

    /// Why nothing can be committed without an index on disk.
    pub(crate) fn nowhere_to_commit() -> Error {
        let problem = "is not set, so there is nothing to commit to".to_owned();
        Error::Option { option: "index", problem }
    }

    /// The article with its digest, all but the index done, unless it is in the index on disk.
    pub(super) fn unless_known(&self, prepared: Prepared) -> Result<Option<Prepared>, Error> {
        // Of what another engine knew nothing may be done yet, nor of what this one knows in another version.
        let prepare = |prepared: Prepared| {
            if prepared.is_unprepared() { self.prepare(prepared.into_raw()) } else { Ok(prepared) }
        };
        let Some(writer) = &self.writer else { return prepare(prepared).map(Some) };
        let digest =
            prepared.digest.unwrap_or_else(|| blake3::hash(prepared.parts.original.as_bytes()));
        let status = writer.status(&prepared.parts.id, &digest);
        if status == Status::Unchanged {
            return Ok(None);
        }
        if writer.refuses(status) {
            let Parts { id, provenance, .. } = &prepared.parts;
            let (id, position) = (id.to_string(), provenance.position());
            return Err(writer.wrap(IndexError::Changed { id, position }));
        }
        Ok(Some(Prepared { digest: Some(digest), ..prepare(prepared)? }))
    }

    /// Where the removed parts of an article of the base, of which nothing is taken, are kept.
    pub(crate) fn sources(&mut self, base: &Sealed, found: &Found) -> Result<Vec<Origin>, Error> {
        let prepared = self.prepare(base.raw_article(found.number)?)?;
        // The parts are ranges of the canonical form, so this has to be that of the description.
        let canonical = &prepared.forms.canonical.bytes;
        if !base.has_canonical(found, canonical).map_err(|error| base.wrap(error))? {
            return Err(base.wrap(base.wrong(found, "an article has another canonical form")));
        }
        let removed = found.removed();
        let sources = removed.iter().map(|part| self.reporter.source(&prepared, part).transpose());
        sources.flatten().collect()
    }

    /// Takes the articles of another index, of the same recipe, as they are, if there are none yet;
    /// says whether it did.
    pub(crate) fn adopt(&mut self, other: &Sealed) -> Result<bool, Error> {
        let Some(writer) = self.writer.as_mut().filter(|_| self.reporter.originals.len() == 0)
        else {
            return Ok(false);
        };
        let adopted = writer.adopt(other).map_err(|error| writer.wrap(error))?;
        if adopted {
            self.load()?;
        }
        Ok(adopted)
    }

    /// Takes articles that another index has, unless this one has them already.
    pub(crate) fn ingest_stored(
        &mut self,
        sealed: &Arc<Sealed>,
        numbers: impl Iterator<Item = u64> + Send + 'static,
    ) -> Result<(), Error> {
        let writer = self.writer.as_ref().expect("BUG: what is stored goes to an index on disk");
        for prepared in self.prepared(sealed, numbers, writer.committed().clone())? {
            self.admit(prepared?)?;
        }
        Ok(())
    }

    /// Takes articles that another index let in, as they came: even those that came again with the
    /// same content.
    pub(crate) fn ingest_again(
        &mut self,
        sealed: &Arc<Sealed>,
        numbers: impl Iterator<Item = u64> + Send + 'static,
    ) -> Result<(), Error> {
        for prepared in self.prepared(sealed, numbers, Arc::default())? {
            self.check()?;
            self.take(prepared?)?;
        }
        Ok(())
    }

    /// Prepares articles that another index has, on all threads, but for those that are known.
    fn prepared<N: Iterator<Item = u64> + Send + 'static>(
        &self,
        sealed: &Arc<Sealed>,
        numbers: N,
        known: Arc<Contents>,
    ) -> Result<impl Iterator<Item = Result<Prepared, Error>> + use<N>, Error> {
        type Input = Result<RawArticle, Error>;

        let (sealed, how) = (sealed.clone(), How { known: Some(known), ..self.how() });
        let threads = self.writer.as_ref().map_or(NonZero::<usize>::MIN, |writer| writer.threads());
        let inputs = Box::new(numbers.map(move |number| sealed.raw_article(number)));
        let weigh = |article: &Input| article.as_ref().map_or(0, |article| article.text.len());
        let prepare = Arc::new(move |article: Input| {
            article.and_then(|article| Prepared::prepare(article, &how))
        });
        Pipeline::new(
            Feed { inputs, weigh, prepare, admit: Box::new(|prepared| prepared) },
            threads,
        )
    }

    /// Makes the index that of the articles in `sealed` without some of them, given in order and at
    /// least one: what came before the group of the first stays, the rest is ingested again.
    pub(crate) fn ingest_without(
        &mut self,
        sealed: &Arc<Sealed>,
        unwanted: &[u64],
    ) -> Result<(), Error> {
        let writer = self.writer.as_mut().expect("BUG: what is sealed has a writer");
        let from = writer.cut(sealed, unwanted[0])?;
        writer.forget_ids()?;
        self.load()?;
        self.ingest_from(from, sealed, unwanted)
    }

    /// Ingests again the articles in `sealed` from one on, where the index was cut, without some.
    fn ingest_from(
        &mut self,
        from: u64,
        sealed: &Arc<Sealed>,
        unwanted: &[u64],
    ) -> Result<(), Error> {
        self.admission.broken = false;
        // Each was let in before, and counted.
        let stats = self.reporter.stats.clone();
        let unwanted = unwanted.to_vec();
        let wanted = move |number: &u64| unwanted.binary_search(number).is_err();
        let done = self.ingest_again(sealed, (from..sealed.article_count()).filter(wanted));
        self.reporter.stats = stats;
        // Then what was cut is not whole again, and must not be committed so.
        self.admission.broken = done.is_err();
        done
    }
}
