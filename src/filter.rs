//! The engine of an index without text: paragraphs whose fingerprints were seen go.

use std::borrow::Cow;
use std::iter::FusedIterator;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::article::{Provenance, is_repeat, joined, reading_accessors, stated_accessors};
use crate::canonical::canonicalise;
use crate::cut::cuts;
use crate::error::Error;
use crate::options::Config;
use crate::prepare::check_length;
use crate::source::{Document, Numbers, RawArticle, Source};
use crate::split;
use crate::stats::Stats;
use crate::store::{FingerprintRecipe, FingerprintWriter};
use crate::stream::{Engaged, Engine, Prepare, Stages};
use crate::text::Text;

/// Takes articles one by one and gives them back without the paragraphs that were seen before.
///
/// Needs the feature `index`.
///
/// A filter is to [`Fingerprints`](crate::Fingerprints) what a [`Deduper`](crate::Deduper) is to an
/// index with text. It is made by [`Options::filter`](crate::Options::filter), and recognises whole
/// paragraphs of at least `min_paragraph` bytes, wherever they come. Neither where they stood is
/// kept nor which articles there were, so an article that comes twice loses all of these
/// paragraphs. What was not [committed](Self::checkpoint) is lost when the filter is dropped. See
/// [`Fingerprints`](crate::Fingerprints) for the odds of a mistake.
///
/// # Examples
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("seen.dedup");
/// let report = "Three barges left the basin before dawn, the keeper wrote, with timber for the new bridge.";
/// let mut filter = dedup::Options::new().filter(&dir)?;
/// filter.push("herald", report)?;
/// let courier = filter.push("courier", format!("By wire.\n\n{report}"))?;
/// assert_eq!(courier.text(), "By wire.");
/// assert!(courier.segments()[1].seen);
/// filter.checkpoint()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Filter {
    writer: FingerprintWriter,
    stats: Stats,
}

impl Filter {
    pub(crate) fn new(path: &Path, config: &Config) -> Result<Self, Error> {
        let writer = FingerprintWriter::open(path, config.criteria.min_paragraph)?;
        Ok(Self { writer, stats: Stats::default() })
    }

    /// Takes the next article.
    ///
    /// # Errors
    ///
    /// If the article is longer than 1.4 GB, or the fingerprints cannot be read; neither changes them.
    ///
    /// # Complexity
    ///
    /// Linear in the length of the text. Each paragraph costs a hash and a look at a page of each
    /// run; there are as many runs as the logarithm of the commits.
    pub fn push(
        &mut self,
        id: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<FilteredArticle, Error> {
        self.take_raw(RawArticle::pushed(id, text))
    }

    /// Takes the next article with all that is known of it. A document without an id is named by its
    /// number, from 1.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_document(&mut self, mut document: Document) -> Result<FilteredArticle, Error> {
        let id = document.id.take();
        let id = id.unwrap_or_else(|| (self.stats.articles + 1).to_string());
        self.take_raw(RawArticle::of(document, id, None, None))
    }

    /// Commits the fingerprints of what was pushed so far.
    ///
    /// # Errors
    ///
    /// If they cannot be written. In that case what was committed before is safe, and the filter is
    /// of no further use.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.writer.commit()
    }

    /// Totals so far. `blocks` counts runs of removed paragraphs, `repeats` the removed paragraphs;
    /// `index_bytes` is the memory of what is not committed yet.
    pub fn stats(&self) -> Stats {
        Stats { index_bytes: self.writer.memory() as u64, ..self.stats.clone() }
    }

    fn take_raw(&mut self, article: RawArticle) -> Result<FilteredArticle, Error> {
        self.filter(Marked::prepare(article, &self.writer.recipe())?)
    }

    fn filter(&mut self, marked: Marked) -> Result<FilteredArticle, Error> {
        let Marked { id, provenance, original, paragraphs, fingerprints } = marked;
        let seen = self.writer.insert(&fingerprints)?;
        let runs: Vec<Range<usize>> = runs(&seen);
        let cuts = cuts(original.as_bytes(), &paragraphs, runs.iter());
        let mut segments = Vec::with_capacity(2 * cuts.len() + 1);
        let (mut at, mut removed) = (0, 0);
        for cut in cuts {
            if at < cut.start {
                segments.push(FilteredSegment { range: at..cut.start, seen: false });
            }
            (at, removed) = (cut.end, removed + cut.len());
            segments.push(FilteredSegment { range: cut, seen: true });
        }
        if at < original.len() {
            segments.push(FilteredSegment { range: at..original.len(), seen: false });
        }
        self.stats.count(&provenance, original.len(), removed);
        self.stats.blocks += runs.len() as u64;
        self.stats.repeats += seen.iter().map(|&seen| u64::from(seen)).sum::<u64>();
        Ok(FilteredArticle { id, provenance, original, paragraphs, segments })
    }
}

/// Where values are true, in runs.
fn runs(values: &[bool]) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut runs = Vec::new();
    for run in values.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        if run[0] {
            runs.push(start..end);
        }
        start = end;
    }
    runs
}

/// An article, and the fingerprints of its paragraphs.
#[derive(Debug)]
pub(crate) struct Marked {
    id: Arc<str>,
    provenance: Provenance,
    original: Text,
    /// Only paragraphs that have canonical bytes.
    paragraphs: Vec<Range<usize>>,
    fingerprints: Vec<Option<u64>>,
}

impl Prepare for Marked {
    type How = FingerprintRecipe;

    fn prepare(article: RawArticle, recipe: &FingerprintRecipe) -> Result<Self, Error> {
        let RawArticle { id, provenance, text } = article;
        check_length(&id, &text)?;
        let canonical = canonicalise(&text);
        let mut forms = Vec::new();
        let paragraphs = split::with_forms(&text, &canonical, &mut forms);
        let fingerprints =
            forms.into_iter().map(|form| recipe.fingerprint(&canonical.bytes[form])).collect();
        Ok(Self { id, provenance, original: text, paragraphs, fingerprints })
    }
}

impl Engine for Filter {
    type Prepared = Marked;
    type Admitted = Marked;
    type Article = FilteredArticle;

    fn take(&mut self, marked: Marked) -> Result<Option<FilteredArticle>, Error> {
        self.filter(marked).map(Some)
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.checkpoint()
    }

    fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }

    fn stats(&self) -> Stats {
        self.stats()
    }
}

/// The articles of a source, in order, without the paragraphs whose fingerprints were seen. In
/// everything else, a stream like [`Articles`](crate::Articles).
///
/// Made by [`Options::filter_all`](crate::Options::filter_all). What is new is committed at the end
/// of the stream. Needs the feature `index`.
#[derive(Debug)]
#[must_use = "articles are read, and what is new of them is committed, only as they are asked for"]
pub struct FilteredArticles(Engaged<Filter>);

impl FilteredArticles {
    pub(crate) fn new(
        path: &Path,
        config: &Config,
        source: Box<dyn Source>,
    ) -> Result<Self, Error> {
        let start = || {
            let filter = Filter::new(path, config)?;
            let how = filter.writer.recipe();
            let numbers = Numbers::behind(0, |_| false);
            // Nothing ahead of the caller: what is committed has to be what was yielded, and no more.
            Ok(Stages { numbers, how, admit: Box::new(Ok), last: filter })
        };
        Engaged::new(config, source, start).map(Self)
    }

    /// Commits the fingerprints of the articles yielded so far.
    ///
    /// # Errors
    ///
    /// As [`Filter::checkpoint`].
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.0.engine.checkpoint()
    }

    /// Totals of the articles yielded so far, as [`Filter::stats`].
    pub fn stats(&self) -> Stats {
        self.0.engine.stats()
    }
}

impl Iterator for FilteredArticles {
    type Item = Result<FilteredArticle, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl FusedIterator for FilteredArticles {}

/// One article as it was, and which of its paragraphs were seen before.
///
/// All ranges are byte ranges of [`original`](Self::original), on character boundaries. A clone
/// shares the text.
#[derive(Clone, Debug)]
pub struct FilteredArticle {
    id: Arc<str>,
    provenance: Provenance,
    original: Text,
    paragraphs: Vec<Range<usize>>,
    segments: Vec<FilteredSegment>,
}

/// A part of a [`FilteredArticle`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FilteredSegment {
    /// Where it stands in the original.
    pub range: Range<usize>,
    /// Whether it was removed: paragraphs that were seen before, with the line breaks that were
    /// removed with them.
    pub seen: bool,
}

impl FilteredArticle {
    /// The article's name; see [`Article::id`](crate::Article::id).
    pub fn id(&self) -> &str {
        &self.id
    }

    stated_accessors!();
    reading_accessors!();

    /// What is left, every byte as it was. Copies only when something was removed from the middle.
    pub fn text(&self) -> Cow<'_, str> {
        let kept = self.segments.iter().filter(|segment| !segment.seen);
        joined(&self.original, kept.map(|segment| &segment.range))
    }

    /// The original, cut into what is kept and what was removed, in reading order and without gaps
    /// or overlaps.
    pub fn segments(&self) -> &[FilteredSegment] {
        &self.segments
    }

    /// Whether the article has text of which nothing is left.
    pub fn is_repeat(&self) -> bool {
        let kept = self.segments.iter().filter(|segment| !segment.seen);
        is_repeat(&self.paragraphs, kept.map(|segment| segment.range.clone()))
    }

    /// The paragraphs, as [`split::paragraphs`] finds them.
    pub fn paragraphs(&self) -> &[Range<usize>] {
        &self.paragraphs
    }

    /// The BLAKE3 digest of the original, computed when asked for; see
    /// [`Article::digest`](crate::Article::digest).
    pub fn digest(&self) -> blake3::Hash {
        blake3::hash(self.original.as_bytes())
    }
}
