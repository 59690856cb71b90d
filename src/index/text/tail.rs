//! What stands above the base, article by article: the part that is sealed next.

use std::ops::Range;
use std::sync::Arc;

use super::Texts;
use crate::error::Error;
use crate::index::base::Base;

/// An article, as it is held.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: Arc<str>,
    pub(crate) start: u64,
    /// The coordinate after its last byte, that of the mark of the end included.
    pub(crate) end: u64,
    pub(crate) removed: Vec<RemovedPart>,
    /// As [`departures`](crate::index::departures) encodes them.
    pub(crate) departures: Vec<u8>,
}

/// A removed part of an article, and the kept text that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RemovedPart {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) origin: u64,
    /// The length of the kept text if that is repeated.
    pub(crate) period: Option<u64>,
}

impl Texts {
    /// No texts above a base.
    pub(crate) fn above(base: Arc<dyn Base>) -> Self {
        let (first, first_article) = (base.end(), base.articles());
        Self { base: Some(base), first, end: first, first_article, ..Self::default() }
    }

    /// The coordinates of the articles that are held here.
    pub(crate) fn held_coordinates(&self) -> Range<u64> {
        self.first..self.end
    }

    /// The article held here with that number, the first being 0; none behind the last.
    pub(crate) fn held(&mut self, number: usize) -> Result<Option<Held>, Error> {
        let Some(article) = self.articles.get(number) else { return Ok(None) };
        let (start, id) = (article.start, article.id.clone());
        let end = self.articles.get(number + 1).map_or(self.end, |next| next.start);
        let departures = self.departures_of(number);
        let departures = self.departures.encoded(departures)?;
        let from = self.pieces.partition_point(|piece| piece.start() < start);
        let to = from + self.pieces[from..].partition_point(|piece| piece.start() < end);
        let removed = (from..to).filter(|&at| self.pieces[at].is_removed()).map(|at| {
            let (origin, period) = self.origin(self.pieces[at]);
            RemovedPart { start: self.pieces[at].start(), end: self.piece_end(at), origin, period }
        });
        Ok(Some(Held { id, start, end, removed: removed.collect(), departures }))
    }

    /// The kept text that is held here from an address on: as much as lies together.
    pub(crate) fn held_text(&mut self, address: u64) -> Result<&[u8], Error> {
        self.kept.first(address, u64::MAX)
    }
}
