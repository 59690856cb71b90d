//! The engine: one article after another through the index.

#[cfg(feature = "index")]
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use crate::article::{Article, Block, Change, Origin, Place, Provenance, Repeat, Segment};
use crate::canonical::{Canonical, is_boundary};
use crate::criteria::Criteria;
use crate::cut::{self, Paragraphs, Units};
use crate::error::Error;
use crate::forms::{Forms, Spare};
use crate::index::Index;
#[cfg(feature = "index")]
use crate::index::base::Base;
use crate::index::table::MAX_PLACE;
use crate::index::text::Removed;
use crate::near;
#[cfg(feature = "index")]
use crate::options::Versions;
use crate::options::{Config, Options};
#[cfg(feature = "index")]
use crate::pipeline::{Feed, Pipeline};
use crate::resolve::{self, Incoming, Match, RemovedBlock, Room};
use crate::source::{Document, Parts};
use crate::stats::Stats;
#[cfg(feature = "index")]
use crate::store::{self, IndexError, Known, Recipe, Status, Writer};
use crate::stream::{Engine, Prepare};
use crate::text::Text;

/// Takes articles one by one and gives them back with what they repeat.
///
/// The engine under [`ingest`](crate::ingest), for callers whose articles come from a queue, a crawler or
/// a database. "Earlier" means pushed earlier.
///
/// Articles are prepared on the caller's thread; on several, those that come through [`Options::source`] are.
///
/// # Examples
///
/// ```
/// let mut deduper = dedup::Deduper::new();
/// let body = "The harbour was quiet that night, and only the gulls kept the watchman company.";
/// assert_eq!(deduper.push("monday", body)?.text(), body);
///
/// let tuesday = deduper.push("tuesday", format!("{body}\nThen it rained."))?;
/// assert_eq!(tuesday.text(), format!("{body}\nThen it rained."), "79 bytes are below `min_paragraph`");
///
/// let mut deduper = dedup::Options::new().min_paragraph(40).deduper()?;
/// deduper.push("monday", body)?;
/// let tuesday = deduper.push("tuesday", format!("{body}\nThen it rained."))?;
/// assert_eq!(tuesday.text(), "Then it rained.");
/// assert_eq!(&*tuesday.blocks()[0].sources[0].first.id, "monday");
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Debug)]
pub struct Deduper {
    index: Index,
    criteria: Criteria,
    memory: usize,
    /// Whether the index lacks an article or a part of one, as text could not be read, or it is not known
    /// what of it is on disk.
    broken: bool,
    stats: Stats,
    /// The last number that was an article's id, as it came without one.
    last_number: usize,
    spare: Spare,
    room: Room,
    #[cfg(feature = "index")]
    writer: Option<Box<Writer>>,
    #[cfg(feature = "index")]
    versions: Versions,
}

/// The longest article, in bytes: canonical offsets have 32 bits, and normalisation can lengthen a
/// text threefold.
pub(crate) const LONGEST: usize = (u32::MAX / 3) as usize;

pub(crate) fn check_length(id: &str, text: &str) -> Result<(), Error> {
    if text.len() > LONGEST {
        let (len, limit) = (text.len() as u64, LONGEST as u64);
        return Err(Error::TooLong { id: id.to_owned(), len, limit });
    }
    Ok(())
}

/// What can be known of an article without the others.
#[derive(Debug)]
pub(crate) struct Prepared {
    id: Arc<str>,
    provenance: Provenance,
    original: Text,
    /// Only paragraphs that have canonical bytes.
    paragraphs: Vec<Range<usize>>,
    forms: Box<Forms>,
    /// With an index on disk.
    #[cfg(feature = "index")]
    digest: Option<blake3::Hash>,
}

/// What articles are prepared by.
pub(crate) struct How {
    criteria: Criteria,
    spare: Spare,
    /// The articles that need no work if they come again as they were.
    #[cfg(feature = "index")]
    known: Option<Arc<Known>>,
}

impl Prepare for Prepared {
    type How = How;

    fn prepare(parts: Parts, how: &How) -> Result<Self, Error> {
        #[cfg(feature = "index")]
        if let Some(known) = &how.known {
            return Self::unless_known(parts, known, how);
        }
        let (id, provenance, text) = parts;
        Self::of_text(id, provenance, text.into(), &how.criteria, &how.spare)
    }
}

impl Prepared {
    /// With its digest; only that if the article is known.
    #[cfg(feature = "index")]
    fn unless_known(
        (id, provenance, text): Parts,
        known: &Known,
        How { criteria, spare, .. }: &How,
    ) -> Result<Self, Error> {
        let text = Text::from(text);
        let digest = blake3::hash(text.as_bytes());
        if store::status(known, &id, &digest) == Status::Unchanged {
            return Ok(Self::unprepared(id, provenance, text, digest));
        }
        let prepared = Self::of_text(id, provenance, text, criteria, spare)?;
        Ok(Self { digest: Some(digest), ..prepared })
    }

    /// An article that is in the index already; if another version came since, it needs work after all.
    #[cfg(feature = "index")]
    fn unprepared(
        id: Arc<str>,
        provenance: Provenance,
        original: Text,
        digest: blake3::Hash,
    ) -> Self {
        Self {
            id,
            provenance,
            original,
            paragraphs: Vec::new(),
            forms: Box::default(),
            digest: Some(digest),
        }
    }

    fn of_text(
        id: Arc<str>,
        provenance: Provenance,
        text: Text,
        criteria: &Criteria,
        spare: &Spare,
    ) -> Result<Self, Error> {
        check_length(&id, &text)?;
        let mut forms = spare.take();
        let paragraphs = forms.refill(&text, criteria);
        Ok(Self {
            id,
            provenance,
            original: text,
            paragraphs,
            forms,
            #[cfg(feature = "index")]
            digest: None,
        })
    }
}

impl Deduper {
    /// An engine with the default [`Options`].
    pub fn new() -> Self {
        Options::new().deduper().expect("BUG: the defaults are possible")
    }

    #[cfg_attr(not(feature = "index"), expect(clippy::unnecessary_wraps))]
    pub(crate) fn with_config(config: &Config) -> Result<Self, Error> {
        #[cfg(feature = "index")]
        if let Some(path) = &config.index {
            let recipe = Recipe::new(&config.criteria);
            let writer = Writer::open(path, recipe)?.with_threads(config.threads);
            let deduper = Self::writing(writer, config.criteria)?;
            return Ok(Self { versions: config.versions, memory: config.memory, ..deduper });
        }
        #[cfg(feature = "index")]
        if let Some(path) = &config.against {
            let deduper = store::Index::open(path)?.engine(&config.criteria)?;
            return Ok(Self { memory: config.memory, ..deduper });
        }
        let mut deduper = Self::on(Index::default(), config.criteria);
        if config.threads.get() > 1 {
            deduper.index.texts.use_threads();
        }
        Ok(Self { memory: config.memory, ..deduper })
    }

    /// An engine that goes on where an index on disk ends.
    #[cfg(feature = "index")]
    pub(crate) fn writing(writer: Writer, criteria: Criteria) -> Result<Self, Error> {
        let index = writer.load().map_err(|error| writer.wrap(error))?;
        Ok(Self { index, ..Self::of_writer(writer, criteria) })
    }

    /// How many articles there are, those of an index on disk among them.
    #[cfg(feature = "index")]
    pub(crate) fn articles(&self) -> usize {
        self.index.texts.len()
    }

    /// What an index on disk is made by.
    #[cfg(feature = "index")]
    pub(crate) fn recipe(&self) -> Recipe {
        Recipe::new(&self.criteria)
    }

    fn on(index: Index, criteria: Criteria) -> Self {
        Self {
            index,
            criteria,
            memory: Options::MEMORY,
            broken: false,
            stats: Stats::default(),
            last_number: 0,
            spare: Spare::default(),
            room: Room::default(),
            #[cfg(feature = "index")]
            writer: None,
            #[cfg(feature = "index")]
            versions: Versions::default(),
        }
    }

    /// An engine on top of an index that stays as it is.
    #[cfg(feature = "index")]
    pub(crate) fn above(base: Arc<dyn Base>, criteria: Criteria) -> Self {
        Self::on(Index::above(base), criteria)
    }

    /// Takes the next article.
    ///
    /// # Errors
    ///
    /// If the article is longer than 1.4 GB, or the index is full; neither changes the index. If kept
    /// text cannot be written to or read from a temporary file ([`Options::memory`]); after a failure to read, every
    /// later call fails too. With an index on disk, if that cannot be read, which ends the use of it too, or has this very
    /// article (see `push_new`).
    ///
    /// # Complexity
    ///
    /// Linear in the length of the text, whatever was pushed before.
    pub fn push(
        &mut self,
        id: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<Article, Error> {
        let (id, text): (Arc<str>, String) = (id.into().into(), text.into());
        match self.take_parts((id.clone(), Provenance::default(), text))? {
            Some(article) => Ok(article),
            #[cfg(feature = "index")]
            None => {
                let writer = self.writer.as_ref().expect("BUG: nothing is known without an index");
                Err(writer.wrap(IndexError::Unchanged { id: id.to_string() }))
            }
            #[cfg(not(feature = "index"))]
            None => unreachable!("BUG: nothing is known without an index"),
        }
    }

    /// Takes the next article, unless the index on disk has it already, with the same content: then there is nothing
    /// to do, and the answer is none.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push) otherwise.
    #[cfg(feature = "index")]
    pub fn push_new(
        &mut self,
        id: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<Option<Article>, Error> {
        self.take_parts((id.into().into(), Provenance::default(), text.into()))
    }

    /// Takes the next article with all that is known of it: title and date stay with it, in the index on disk too, and sentences
    /// are told by its language. One without an id gets its number, from 1, as an id; on top of an index on disk the next number
    /// that is no article's id, so it is new whenever it comes. The answer is none if the index on disk has it already, with the
    /// same content.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push) otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut deduper = dedup::Deduper::new();
    /// let mut document = dedup::Document::new("4711", "The ferry does not run on Sunday.");
    /// document.title = Some("Notice".to_owned());
    /// let article = deduper.push_document(document)?.expect("no index on disk has it");
    /// assert_eq!((article.id(), article.title()), ("4711", Some("Notice")));
    /// # Ok::<(), dedup::Error>(())
    /// ```
    pub fn push_document(&mut self, mut document: Document) -> Result<Option<Article>, Error> {
        let stated = document.id.take();
        let number = if stated.is_some() { self.last_number } else { self.next_number() };
        let id = stated.unwrap_or_else(|| number.to_string());
        let (text, provenance) = Provenance::of(document, None, None);
        let article = self.take_parts((id.into(), provenance, text))?;
        self.last_number = number;
        Ok(article)
    }

    /// What an article without an id is called.
    fn next_number(&self) -> usize {
        // From the last one on, as after a withdrawal the numbers that are taken may be many.
        let first = self.last_number.max(self.index.texts.len()) + 1;
        #[cfg(feature = "index")]
        if let Some(writer) = &self.writer {
            return writer.free_number(first);
        }
        first
    }

    /// Takes an article that nothing was done with yet; only a hash of it is made if the index on disk has it already.
    fn take_parts(&mut self, (id, provenance, text): Parts) -> Result<Option<Article>, Error> {
        let text = Text::from(text);
        #[cfg(feature = "index")]
        if self.writer.is_some() {
            let digest = blake3::hash(text.as_bytes());
            return self.admit(Prepared::unprepared(id, provenance, text, digest));
        }
        let prepared = Prepared::of_text(id, provenance, text, &self.criteria, &self.spare)?;
        self.admit(prepared)
    }

    /// Takes articles that another index has, unless this one has them already.
    #[cfg(feature = "index")]
    pub(crate) fn ingest_stored(
        &mut self,
        sealed: &Arc<store::Sealed>,
        numbers: impl Iterator<Item = u64> + Send + 'static,
    ) -> Result<(), Error> {
        let writer = self.writer.as_ref().expect("BUG: what is stored goes to an index on disk");
        for prepared in self.prepared(sealed, numbers, writer.committed().clone())? {
            self.admit(prepared?)?;
        }
        Ok(())
    }

    /// Takes articles that another index let in, as they came: even those that came again with the same content.
    #[cfg(feature = "index")]
    pub(crate) fn ingest_again(
        &mut self,
        sealed: &Arc<store::Sealed>,
        numbers: impl Iterator<Item = u64> + Send + 'static,
    ) -> Result<(), Error> {
        for prepared in self.prepared(sealed, numbers, Arc::default())? {
            self.check()?;
            self.take(prepared?)?;
        }
        Ok(())
    }

    /// Prepares articles that another index has, on all threads, but for those that are known.
    #[cfg(feature = "index")]
    fn prepared<N: Iterator<Item = u64> + Send + 'static>(
        &self,
        sealed: &Arc<store::Sealed>,
        numbers: N,
        known: Arc<Known>,
    ) -> Result<impl Iterator<Item = Result<Prepared, Error>> + use<N>, Error> {
        let (sealed, how) = (sealed.clone(), How { known: Some(known), ..self.how() });
        let threads = self.writer.as_ref().map_or(NonZero::<usize>::MIN, |writer| writer.threads());
        let inputs = Box::new(numbers.map(move |number| sealed.parts(number)));
        let weigh = |parts: &Result<Parts, Error>| parts.as_ref().map_or(0, |parts| parts.2.len());
        let work = Arc::new(move |parts: Result<Parts, Error>| {
            parts.and_then(|parts| Prepared::prepare(parts, &how))
        });
        Pipeline::new(Feed { inputs, weigh, work }, threads)
    }

    /// Commits what was pushed so far to the [index on disk](Options::index).
    ///
    /// # Errors
    ///
    /// If there is no index on disk, or it cannot be written. Then what was committed before is safe,
    /// and the engine is of no further use.
    #[cfg(feature = "index")]
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        if self.writer.is_none() {
            let problem = "is not set, so there is nothing to commit to".to_owned();
            return Err(Error::Option { option: "index", problem });
        }
        self.commit()
    }

    /// Commits to the index on disk, if there is one.
    #[cfg_attr(not(feature = "index"), expect(clippy::unused_self, clippy::unnecessary_wraps))]
    fn commit(&mut self) -> Result<(), Error> {
        #[cfg(feature = "index")]
        if self.writer.is_some() {
            self.check()?;
            // Whatever fails, it is not known what is on disk. A failed sync above all: the pages it
            // did not write count as written, so a second one succeeds without having done it.
            self.broken = true;
            if self.versions == Versions::Replace
                && let Some(writer) = &mut self.writer
                && let Some(staged) = writer.older_versions(&mut self.index)?
            {
                self.ingest_without(&staged.sealed, &staged.older)?;
                self.broken = true;
            }
            if let Some(writer) = &mut self.writer {
                writer.commit(&mut self.index)?;
            }
            self.broken = false;
        }
        Ok(())
    }

    /// Takes the articles of another index, of the same recipe, as they are, if there are none yet; says whether it did.
    #[cfg(feature = "index")]
    pub(crate) fn adopt(&mut self, other: &store::Sealed) -> Result<bool, Error> {
        let Some(writer) = self.writer.as_mut().filter(|_| self.index.texts.len() == 0) else {
            return Ok(false);
        };
        let adopted = writer.adopt(other).map_err(|error| writer.wrap(error))?;
        if adopted {
            self.index = writer.load().map_err(|error| writer.wrap(error))?;
        }
        Ok(adopted)
    }

    /// Makes the index that of the articles in `sealed` without some of them, given in order and at least one: what came before the
    /// run of the first stays, the rest is ingested again.
    #[cfg(feature = "index")]
    pub(crate) fn ingest_without(
        &mut self,
        sealed: &Arc<store::Sealed>,
        unwanted: &[u64],
    ) -> Result<(), Error> {
        let writer = self.writer.as_mut().expect("BUG: what is sealed has a writer");
        let from = writer.cut(sealed, unwanted[0])?;
        self.index = writer.load().map_err(|error| writer.wrap(error))?;
        self.broken = false;
        // Each was let in before, and counted.
        let stats = self.stats.clone();
        let unwanted = unwanted.to_vec();
        let wanted = move |number: &u64| unwanted.binary_search(number).is_err();
        let done = self.ingest_again(sealed, (from..sealed.article_count()).filter(wanted));
        self.stats = stats;
        // Then what was cut is not whole again, and must not be committed so.
        self.broken = done.is_err();
        done
    }

    #[cfg(all(test, feature = "index"))]
    pub(crate) fn replacing(self) -> Self {
        Self { versions: Versions::Replace, ..self }
    }

    /// An engine that writes an index, which is yet to be read.
    #[cfg(feature = "index")]
    pub(crate) fn of_writer(writer: Writer, criteria: Criteria) -> Self {
        let deduper = Self::on(Index::default(), criteria);
        Self { writer: Some(Box::new(writer)), ..deduper }
    }

    /// Says no after an error that left the index incomplete.
    fn check(&self) -> Result<(), Error> {
        if !self.broken {
            return Ok(());
        }
        #[cfg(feature = "index")]
        if let Some(writer) = &self.writer {
            return Err(writer.wrap(IndexError::Poisoned));
        }
        let source = std::io::Error::other("kept text could not be read before");
        Err(Error::Spill { source })
    }

    /// What articles for this engine are prepared by.
    pub(crate) fn how(&self) -> How {
        How {
            criteria: self.criteria,
            spare: self.spare.clone(),
            #[cfg(feature = "index")]
            known: self.writer.as_ref().map(|writer| writer.committed().clone()),
        }
    }

    /// Totals so far.
    pub fn stats(&self) -> Stats {
        Stats {
            index_bytes: self.index.memory() as u64,
            text_bytes: self.index.texts.kept(),
            ..self.stats.clone()
        }
    }

    /// Takes the next article, all but the index done. None if it is in the index already.
    fn admit(&mut self, prepared: Prepared) -> Result<Option<Article>, Error> {
        self.check()?;
        #[cfg(feature = "index")]
        let Some(prepared) = self.unless_known(prepared)? else {
            self.stats.unchanged += 1;
            return Ok(None);
        };
        self.take(prepared).map(Some)
    }

    /// Takes an article with all that is known of it.
    fn take(&mut self, prepared: Prepared) -> Result<Article, Error> {
        #[cfg(feature = "index")]
        let digest = prepared.digest;
        if self.index.texts.end() + prepared.forms.canonical.len() as u64 > MAX_PLACE - 1 {
            return Err(Error::Full);
        }
        self.index.texts.spill(self.memory)?;
        self.broken = true;
        let article = self.resolve(prepared)?;
        self.broken = false;
        #[cfg(feature = "index")]
        if let (Some(writer), Some(digest)) = (&mut self.writer, digest) {
            writer.note(&article, digest);
        }
        Ok(article)
    }

    /// The article with its digest, all but the index done, unless it is in the index on disk.
    #[cfg(feature = "index")]
    fn unless_known(&self, prepared: Prepared) -> Result<Option<Prepared>, Error> {
        let Some(writer) = &self.writer else { return Ok(Some(prepared)) };
        let digest = prepared.digest.unwrap_or_else(|| blake3::hash(prepared.original.as_bytes()));
        let status = writer.status(&prepared.id, &digest);
        if status == Status::Unchanged {
            return Ok(None);
        }
        if status == Status::Changed && self.versions == Versions::Refuse {
            return Err(writer.wrap(IndexError::Changed { id: prepared.id.to_string() }));
        }
        let unprepared = prepared.paragraphs.is_empty() && !prepared.original.is_empty();
        let prepared = if unprepared {
            let Prepared { id, provenance, original, .. } = prepared;
            Prepared::of_text(id, provenance, original, &self.criteria, &self.spare)?
        } else {
            prepared
        };
        Ok(Some(Prepared { digest: Some(digest), ..prepared }))
    }

    fn resolve(&mut self, prepared: Prepared) -> Result<Article, Error> {
        let forms = &prepared.forms;
        let incoming = Incoming {
            canonical: &forms.canonical.bytes,
            anchors: &forms.anchors,
            own_anchors: forms.own_anchors.as_ref(),
            paragraphs: &forms.paragraphs,
        };
        let matches = resolve::find(&mut self.index, &incoming, &self.criteria, &mut self.room)?;
        let covering: Vec<Match> = matches
            .iter()
            .map(|found| resolve::whole_characters(incoming.canonical, found))
            .collect();
        let removed = resolve::covered_units(incoming.canonical, incoming.paragraphs, &covering);
        let near = match (self.criteria.near, &forms.near_anchors) {
            (Some(share), Some(anchors)) => near::near_copies(
                &mut self.index,
                &incoming,
                anchors,
                &removed,
                &self.criteria,
                share,
            )?,
            _ => Vec::new(),
        };
        let paragraphs = Paragraphs {
            canonical: &forms.canonical,
            ranges: &prepared.paragraphs,
            canonical_ranges: &forms.paragraphs,
            language: prepared.provenance.language(),
        };
        let units = Units::new(self.criteria.cut, &paragraphs, &covering, removed, &near);
        let covered = if near.is_empty() {
            resolve::covered_bytes(&covering)
        } else {
            let runs = near.iter().flat_map(|copy| &copy.runs);
            let mut all: Vec<Match> = covering.iter().chain(runs).copied().collect();
            all.sort_by_key(|found| found.start);
            resolve::covered_bytes(&all)
        };
        let found = resolve::blocks(&self.index, &units, &covering, near)?;
        let references = found.iter().flat_map(RemovedBlock::references);
        self.index.texts.push(
            prepared.id.clone(),
            &forms.canonical.bytes,
            &forms.departures,
            &references.collect::<Vec<Removed>>(),
        );

        let mut repeats = Vec::with_capacity(matches.len());
        for found in &matches {
            repeats.extend(self.repeat(&prepared, found)?);
        }
        let mut blocks = Vec::with_capacity(found.len());
        let mut cuts = Vec::with_capacity(found.len());
        for block in &found {
            let RemovedBlock { units: gone, .. } = block;
            let (first, last) = (gone.start, gone.end - 1);
            let paragraphs = units.paragraph(first)..units.paragraph(last) + 1;
            let range = units.ranges[first].start..units.ranges[last].end;
            let block = self.block(&prepared, block, paragraphs, range)?;
            cuts.push((gone.clone(), block.sources[0].first.clone()));
            blocks.push(block);
        }
        let segments = cut::segments(prepared.original.as_bytes(), &units.ranges, &cuts);
        let new = segments.iter().filter(|segment| matches!(segment, Segment::New { .. }));
        let kept: usize = new.map(|segment| segment.range().len()).sum();
        let len = prepared.original.len();
        self.stats.count(&prepared.provenance, len, len - kept);
        self.stats.blocks += blocks.len() as u64;
        self.stats.repeats += repeats.len() as u64;
        let canonical_len = forms.canonical.len();
        self.spare.give(prepared.forms);
        Ok(Article {
            id: prepared.id,
            provenance: prepared.provenance,
            number: self.index.texts.len() - 1,
            canonical_len,
            covered,
            original: prepared.original,
            paragraphs: prepared.paragraphs,
            segments,
            repeats,
            blocks,
        })
    }

    /// The repeat that a match is, without the spaces and the parts of characters at its ends.
    ///
    /// None if that leaves nothing, as of an ellipsis that repeats its own first dot.
    fn repeat(&mut self, prepared: &Prepared, found: &Match) -> Result<Option<Repeat>, Error> {
        let whole = prepared.forms.canonical.whole(found.start..found.end);
        let source = found.place_of(whole.start);
        let Some((range, source, exact)) = self.pair(prepared, whole, source, None)? else {
            return Ok(None);
        };
        let own = self.index.texts.len() - 1 == source.article;
        if own && source.range.start >= range.start {
            return Ok(None);
        }
        Ok(Some(Repeat { range, source, exact, canonical_len: found.end - found.start }))
    }

    fn block(
        &mut self,
        prepared: &Prepared,
        block: &RemovedBlock,
        paragraphs: Range<usize>,
        range: Range<usize>,
    ) -> Result<Block, Error> {
        let mut sources = Vec::with_capacity(block.parts.len());
        for part in &block.parts {
            let period = (part.period < part.end - part.start).then_some(part.period);
            let pair = self.pair(prepared, part.start..part.end, part.origin, period)?;
            sources.extend(pair.map(|(range, first, exact)| Origin { range, first, exact }));
        }
        let mut changes = Vec::with_capacity(block.changes.len());
        for change in &block.changes {
            let range = between(&prepared.forms.canonical, &change.here);
            changes.push(Change { range, source: self.place_between(&change.there)? });
        }
        Ok(Block { paragraphs, range, sources, changes, near: block.near })
    }

    /// Original bytes of canonical ones at coordinates of one article, of which there may be none.
    fn place_between(&mut self, coordinates: &Range<u64>) -> Result<Place, Error> {
        let texts = &mut self.index.texts;
        let located = texts.locate(coordinates.start)?;
        let start = located.start;
        let len = usize::try_from(coordinates.end - coordinates.start).expect("BUG: in an article");
        let mut range =
            texts.original_range(located.article, start..start + len.max(1), |_, _| {})?;
        if len == 0 {
            range.end = range.start;
        }
        Ok(Place { article: located.article, id: texts.id(located.article)?, range })
    }

    /// Original ranges of canonical bytes here and of the equal ones at `source`, and whether they
    /// agree byte for byte. None if there is no whole character in them.
    fn pair(
        &mut self,
        prepared: &Prepared,
        canonical: Range<usize>,
        source: u64,
        period: Option<usize>,
    ) -> Result<Option<(Range<usize>, Place, bool)>, Error> {
        let bytes = &prepared.forms.canonical.bytes;
        let Some(within) = trim(bytes, canonical.clone()) else { return Ok(None) };
        let trimmed = within.start - canonical.start;
        let (skipped, len) = match period {
            None => (trimmed, within.len()),
            Some(period) => {
                let skipped = trimmed % period;
                let one = within.start..(within.start + period - skipped).min(within.end);
                let Some(one) = trim(bytes, one) else { return Ok(None) };
                (skipped, one.len())
            }
        };
        let texts = &mut self.index.texts;
        let located = texts.locate(source + skipped as u64)?;
        let there = located.start..located.start + len;
        let (range, ours) = prepared.forms.canonical.to_original_with(&within);
        let original = prepared.original.as_bytes();
        // Where both depart alike from canonical bytes that are the same, they are the same.
        let mut ours = ours.iter();
        let mut alike = within.len() == len;
        let range_there =
            texts.original_range(located.article, there.clone(), |theirs, literal| {
                alike = alike
                    && ours.next().is_some_and(|ours| {
                        let place = ours.canonical as usize + there.start;
                        place == theirs.canonical as usize + within.start
                            && ours.canonical_len == theirs.canonical_len
                            && original[ours.original as usize..ours.original_end()] == *literal
                    });
            })?;
        alike = alike && ours.next().is_none();
        let exact = range.len() == range_there.len()
            && (alike || texts.is_original(located.article, there, &original[range.clone()])?);
        let id = texts.id(located.article)?;
        let first = Place { article: located.article, id, range: range_there };
        Ok(Some((range, first, exact)))
    }
}

impl Engine for Deduper {
    type Prepared = Prepared;
    type Article = Article;

    fn admit(&mut self, prepared: Prepared) -> Result<Option<Article>, Error> {
        self.admit(prepared)
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.commit()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }

    fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }
}

impl Default for Deduper {
    fn default() -> Self {
        Self::new()
    }
}

/// The original bytes of canonical ones, of which there may be none.
fn between(canonical: &Canonical, range: &Range<usize>) -> Range<usize> {
    if range.is_empty() {
        let at = canonical.to_original(range.start..range.start + 1).start;
        return at..at;
    }
    canonical.to_original(range.clone())
}

/// The part of a canonical range that is whole characters, without spaces at its ends.
fn trim(bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let Range { mut start, mut end } = range;
    while start < end && (!is_boundary(bytes, start) || bytes[start] == b' ') {
        start += 1;
    }
    while start < end && (!is_boundary(bytes, end) || bytes[end - 1] == b' ') {
        end -= 1;
    }
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "The ferry across the lower reach does not run on Sunday, says the harbour \
        office, because the cable has to be greased before the ice comes.";

    fn second(first: &str, second: &str) -> Article {
        let mut deduper = Deduper::new();
        deduper.push("first", first).unwrap();
        deduper.push("second", second).unwrap()
    }

    #[test]
    fn the_line_breaks_that_part_more_stay() {
        for (original, text) in [
            (format!("A\n{REPORT}\n\nB\n"), "A\n\nB\n"),
            (format!("A\n\n{REPORT}\nB\n"), "A\n\nB\n"),
            (format!("A\n{REPORT}\nB\n"), "A\nB\n"),
            (format!("A\r\n{REPORT}\r\n\r\nB"), "A\r\n\r\nB"),
            (format!("{REPORT}\n\nB\n"), "B\n"),
            (format!("A\n\n{REPORT}\n"), "A"),
            (REPORT.to_owned(), ""),
        ] {
            let article = second(REPORT, &original);
            assert_eq!(article.text(), text, "{original:?}");
            assert_eq!(article.blocks().len(), 1);
        }
    }

    #[test]
    fn lines_that_repeat_themselves_are_one_block_of_one_period() {
        let mut deduper = Deduper::new();
        let article = deduper.push("x", "x\n".repeat(10_000)).unwrap();
        assert_eq!(article.text(), "x");
        let [block] = article.blocks() else { panic!("{} blocks", article.blocks().len()) };
        assert_eq!(block.sources.len(), 1);
        assert_eq!(block.sources[0].first.range, 0..1);
        assert_eq!(block.sources[0].range, 2..19_999);
    }

    #[test]
    fn many_periodic_stretches_do_not_slow_each_other_down() {
        // Sixteen times the stretches took 200 times as long when each anchor looked at all.
        let rules = |count: usize| {
            let runs = (0..count).map(|i| format!("{}x", "-".repeat(200 + i * 37 % 400)));
            runs.collect::<String>()
        };
        let time = |count: usize| {
            let text = rules(count);
            let start = std::time::Instant::now();
            Deduper::new().push("rules", text).unwrap();
            start.elapsed()
        };
        time(500);
        let (few, many) = (time(500), time(8000));
        assert!(many < few * 100, "{few:?} for 500, {many:?} for 8000");
    }

    #[test]
    fn a_source_in_two_parts_is_named_in_two_parts() {
        let mut deduper = Deduper::new();
        let other = REPORT.replace("ferry", "chain ferry").replace("Sunday", "Monday");
        deduper.push("a", REPORT).unwrap();
        deduper.push("b", format!("{other}\n{REPORT}")).unwrap();
        let copy = deduper.push("c", format!("{other}\n{REPORT}")).unwrap();
        assert_eq!(copy.text(), "");
        let [block] = copy.blocks() else { panic!("{} blocks", copy.blocks().len()) };
        let firsts: Vec<&str> = block.sources.iter().map(|source| &*source.first.id).collect();
        assert_eq!(firsts, ["b", "a"]);
    }

    #[test]
    fn a_short_paragraph_repeats_a_whole_one_and_not_its_like_nearby() {
        let mut deduper = Options::new().min_span(32).min_paragraph(8).deduper().unwrap();
        deduper.push("first", "-\n- - - - -").unwrap();
        let second = deduper.push("second", "- - - - -").unwrap();
        let [repeat] = second.repeats() else { panic!("{:?}", second.repeats()) };
        assert_eq!(repeat.source.range, 2..11);
    }

    #[test]
    fn an_article_knows_what_it_repeats() {
        let novelty = |article: &Article| (article.novelty() * 100.0).round();
        let mut deduper = Deduper::new();
        let other = REPORT.replace("ferry", "tram").replace("Sunday", "Monday");
        let first = deduper.push("first", REPORT).unwrap();
        assert!((novelty(&first), first.is_repeat(), first.closest()) == (100.0, false, None));
        deduper.push("second", other.as_str()).unwrap();
        let empty = deduper.push("empty", "\n").unwrap();
        assert!((novelty(&empty), empty.is_repeat(), empty.closest()) == (0.0, false, None));
        let copy = deduper.push("copy", format!("\n{REPORT}\n\n")).unwrap();
        assert!((novelty(&copy), copy.is_repeat(), copy.number()) == (0.0, true, 3));
        assert_eq!(copy.closest().map(|closest| closest.article), Some(0));
        let both = deduper.push("both", format!("{other}\n\n{REPORT}\n\nNew.")).unwrap();
        let closest = both.closest().unwrap();
        assert_eq!((closest.article, &*closest.id), (0, "first"));
        assert!((0.45..0.55).contains(&closest.share), "{closest:?}");
        assert!((1.0..5.0).contains(&novelty(&both)) && !both.is_repeat());
        // Its own text is no earlier article.
        let unseen = REPORT.replace("ferry", "funicular").replace("cable", "rope");
        let doubled = deduper.push("doubled", format!("{unseen}\n\n{unseen}")).unwrap();
        assert_eq!(doubled.blocks().len(), 1);
        assert_eq!(doubled.closest(), None);
    }
}
