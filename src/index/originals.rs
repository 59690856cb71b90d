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
use super::log::{Log, last_before, push};
use super::{COORDINATE_BITS, Fields, to_usize};
use crate::canonical::Departure;
use crate::error::Error;

/// Coordinates for which one number of an article is kept: for a quarter of them, that would be one
/// more byte of index in a hundred.
const LOCATED: u64 = 1 << 14;

#[derive(Debug, Default)]
pub(crate) struct Originals {
    articles: Vec<Start>,
    ids: Ids,
    /// For each [`LOCATED`] coordinates the article that the first one is of, counted from the
    /// first that is held here; or one before that, if the number is too great.
    articles_of: Vec<u32>,
    departures: Departures,
    /// The first coordinate of the next article.
    end: u64,
    /// What came before, if it lies elsewhere.
    base: Option<Arc<dyn Base>>,
    /// The first coordinate, and the number of the first article, that are held here.
    first: u64,
    first_article: usize,
}

/// Where an article begins: its first coordinate, and its first departure and checkpoint.
///
/// In one word: with each in one of its own, and a pointer to the id, it took 40 bytes, and the
/// index of articles of 500 bytes a quarter more.
#[derive(Clone, Copy, Debug)]
struct Start(Fields);

impl Start {
    const COORDINATE: Range<u32> = 0..COORDINATE_BITS;
    /// More than for coordinates, as white space leaves little of a text but departures.
    const DEPARTURES: Range<u32> = Self::COORDINATE.end..88;
    const CHECKPOINTS: Range<u32> = 88..128;

    fn new(coordinate: u64, departures: departures::Stored) -> Self {
        let checkpoints = departures.checkpoints as u64;
        let departures = Fields::of(departures.at, Self::DEPARTURES)
            | Fields::of(checkpoints, Self::CHECKPOINTS);
        Self(Fields::of(coordinate, Self::COORDINATE) | departures)
    }

    fn coordinate(self) -> u64 {
        self.0.get(Self::COORDINATE)
    }

    fn departures(self) -> departures::Stored {
        let checkpoints = to_usize(self.0.get(Self::CHECKPOINTS));
        departures::Stored { at: self.0.get(Self::DEPARTURES), checkpoints }
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
        Self { base: Some(base), first, end: first, first_article, ..Self::default() }
    }

    /// How many articles there are.
    pub(crate) fn len(&self) -> usize {
        self.first_article + self.articles.len()
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
        self.articles.capacity() * size_of::<Start>()
            + self.articles_of.capacity() * size_of::<u32>()
            + self.departures.memory()
            + self.ids.memory()
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
        let first = self.articles_of[to_usize((coordinate - self.first) / LOCATED)] as usize;
        let number =
            last_before(&self.articles, first, |article| article.coordinate() <= coordinate);
        let start = to_usize(coordinate - self.articles[number].coordinate());
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
        let stored = self.departures_of(article - self.first_article);
        Ok(self.departures.reader(stored, canonical))
    }

    /// Those of the article held here with that number, the first being 0.
    fn departures_of(&self, number: usize) -> Range<departures::Stored> {
        let next = self.articles.get(number + 1);
        let end = next.map_or_else(|| self.departures.end(), |next| next.departures());
        self.articles[number].departures()..end
    }

    /// Adds an article by the length of its canonical text.
    pub(crate) fn push(&mut self, id: Arc<str>, canonical_len: usize, departures: &Packed) {
        let start = self.end;
        let number = u32::try_from(self.articles.len()).unwrap_or(u32::MAX);
        self.ids.push(id);
        push(&mut self.articles, Start::new(start, self.departures.end()));
        self.departures.push(departures);
        self.end = start + canonical_len as u64 + 1;
        while self.first + self.articles_of.len() as u64 * LOCATED < self.end {
            push(&mut self.articles_of, number);
        }
    }

    /// The article held here with that number, the first being 0; none behind the last.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    #[cfg(feature = "index")]
    pub(crate) fn held(&mut self, number: usize) -> Result<Option<Held>, Error> {
        let Some(article) = self.articles.get(number) else { return Ok(None) };
        let start = article.coordinate();
        let end = self.articles.get(number + 1).map_or(self.end, |next| next.coordinate());
        let id = self.ids.get(number);
        let departures = self.departures_of(number);
        let departures = self.departures.encoded(departures)?;
        Ok(Some(Held { id, coordinates: start..end, departures }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_places_fit() {
        for places in [[1 << 40, 0, 0], [0, (1 << 47) - 1, 0], [0, 0, u64::from(u32::MAX)]] {
            let [start, at, checkpoints] = places;
            let departures = departures::Stored { at, checkpoints: to_usize(checkpoints) };
            let start_of = Start::new(start, departures);
            assert_eq!((start_of.coordinate(), start_of.departures()), (start, departures));
        }
    }

    #[test]
    fn articles_are_located_as_by_a_look_at_all() {
        let mut originals = Originals::default();
        let mut starts = Vec::new();
        for number in 0..3000_usize {
            let len =
                if number % 100 == 7 { 9000 + number } else { number * 37 % 900 * (number % 3) };
            starts.push(originals.end);
            originals.push("".into(), len, &Packed::default());
        }
        for coordinate in (0..originals.end).step_by(13).chain(starts.iter().copied()) {
            let article = starts.partition_point(|&start| start <= coordinate) - 1;
            let start = to_usize(coordinate - starts[article]);
            assert_eq!(originals.locate(coordinate).unwrap(), Located { article, start });
        }
        assert_eq!(last_before(&starts, 2, |&start| start <= starts[2]), 2);
        assert_eq!(last_before(&starts, 2, |&start| start <= starts[2999]), 2999);
    }
}
