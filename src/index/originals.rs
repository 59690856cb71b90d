//! The way back from coordinates to the originals: what article one belongs to, and where that departs from its
//! canonical form.
//!
//! Asked when places are reported, not when texts are compared: so this lies apart from the
//! [`texts`](super::text), and who reports needs no text.
//!
//! Articles may stand on a [`Base`], to which what is asked of its own is passed on.

use std::ops::Range;
use std::sync::Arc;

use super::base::Base;
use super::departures::{self, Departures, Packed};
use super::ids::Ids;
use super::log::Log;
use super::starts::Starts;
use super::to_usize;
use crate::canonical::Departure;
use crate::error::Error;

pub(crate) struct Originals {
    starts: Starts,
    ids: Ids,
    departures: Departures,
    /// What came before, if it lies elsewhere.
    base: Option<Arc<dyn Base>>,
    /// The first coordinate, and the number of the first article, that are held here.
    first: u64,
    first_article: usize,
}

/// Not all that leads back to them.
impl std::fmt::Debug for Originals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Originals").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Default for Originals {
    fn default() -> Self {
        Self {
            starts: Starts::from_coordinate(0),
            ids: Ids::default(),
            departures: Departures::default(),
            base: None,
            first: 0,
            first_article: 0,
        }
    }
}

/// A place in an article, in bytes of its canonical text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) article: usize,
    pub(crate) start: usize,
}

/// An article, as it is held.
#[cfg(feature = "index")]
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: Arc<str>,
    /// The mark of its end included.
    pub(crate) coordinates: Range<u64>,
    /// As [`departures`] encodes them.
    pub(crate) departures: Vec<u8>,
}

impl Originals {
    /// No articles above a base.
    #[cfg(feature = "index")]
    pub(crate) fn above(base: Arc<dyn Base>) -> Self {
        let (first, first_article) = (base.end(), base.articles());
        let starts = Starts::from_coordinate(first);
        Self { starts, base: Some(base), first, first_article, ..Self::default() }
    }

    /// Forgets the articles that are held here, which the base has by now.
    #[cfg(feature = "index")]
    pub(crate) fn rest_on(&mut self, base: Arc<dyn Base>) {
        self.departures.clear();
        *self = Self { departures: std::mem::take(&mut self.departures), ..Self::above(base) };
    }

    /// How many articles there are.
    pub(crate) fn len(&self) -> usize {
        self.first_article + self.starts.len()
    }

    pub(crate) fn id(&mut self, article: usize) -> Result<Arc<str>, Error> {
        match self.base_of(article) {
            Some(base) => base.id(article),
            None => Ok(self.ids.get(article - self.first_article)),
        }
    }

    /// The base, if an article is one of its own.
    fn base_of(&self, article: usize) -> Option<&dyn Base> {
        self.base.as_deref().filter(|_| article < self.first_article)
    }

    /// What leads back to the originals, of which the oldest may be put into a file.
    pub(crate) fn log(&mut self) -> &mut Log {
        self.departures.log()
    }

    /// Bytes of memory of all but that.
    pub(crate) fn memory(&self) -> usize {
        self.starts.memory() + self.ids.memory() + self.departures.memory()
    }

    /// The article that a coordinate belongs to.
    ///
    /// # Errors
    ///
    /// If the base cannot be read.
    pub(crate) fn locate(&self, coordinate: u64) -> Result<Located, Error> {
        if let Some(base) = self.base.as_deref().filter(|_| coordinate < self.first) {
            return base.locate(coordinate);
        }
        let (number, start) = self.starts.containing(coordinate);
        let start = to_usize(coordinate - start.coordinate);
        Ok(Located { article: self.first_article + number, start })
    }

    /// The original byte range of canonical bytes of an article; hands the departures among them to `found`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub(crate) fn original_range(
        &mut self,
        article: usize,
        canonical: Range<usize>,
        found: impl FnMut(Departure, &[u8]),
    ) -> Result<Range<usize>, Error> {
        self.departures_from(article, canonical.start)?.original_range(canonical, found)
    }

    /// Whether the original bytes of an article, where its canonical text is `canonical` from
    /// `start` on, are `original`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub(crate) fn is_original(
        &mut self,
        article: usize,
        start: usize,
        canonical: &[u8],
        original: &[u8],
    ) -> Result<bool, Error> {
        let mut rest = original;
        let mut at = 0;
        let mut reader = self.departures_from(article, start)?;
        while let Some((departure, literal)) = reader.next()? {
            let Some(end) = departure.canonical_end().checked_sub(start).filter(|&end| end > 0)
            else {
                continue; // it ends before
            };
            let from = (departure.canonical as usize).saturating_sub(start);
            if from >= canonical.len() {
                break;
            }
            let before = &canonical[at.min(from)..from];
            let Some(after) = rest.strip_prefix(before).and_then(|rest| rest.strip_prefix(literal))
            else {
                return Ok(false);
            };
            (rest, at) = (after, end);
        }
        Ok(rest == canonical.get(at..).unwrap_or_default())
    }

    /// The departures of an article, from some place not after `canonical` on.
    fn departures_from(
        &mut self,
        article: usize,
        canonical: usize,
    ) -> Result<departures::Reader<'_>, Error> {
        if let Some(base) = self.base_of(article) {
            return base.departures(article, canonical);
        }
        let Range { start, end } = self.starts.get(article - self.first_article);
        Ok(self.departures.reader(start.departures..end.departures, canonical))
    }

    /// Adds an article by the length of its canonical text.
    pub(crate) fn push(&mut self, id: Arc<str>, canonical_len: usize, departures: &Packed) {
        self.departures.push(departures);
        self.starts.push(canonical_len as u64 + 1, self.departures.end());
        self.ids.push(id);
    }

    /// The article held here with that number, the first being 0; none behind the last.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    #[cfg(feature = "index")]
    pub(crate) fn held(&mut self, number: usize) -> Result<Option<Held>, Error> {
        if number >= self.starts.len() {
            return Ok(None);
        }
        let id = self.ids.get(number);
        let Range { start, end } = self.starts.get(number);
        let departures = self.departures.encoded(start.departures..end.departures)?;
        Ok(Some(Held { id, coordinates: start.coordinate..end.coordinate, departures }))
    }
}
