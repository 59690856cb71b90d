//! What stands above the base, article by article: the part that is sealed next.

use std::ops::Range;
use std::sync::Arc;

use super::{Piece, Texts};
use crate::index::base::Base;

/// An article, as it is held.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    pub(crate) id: &'a str,
    pub(crate) start: u64,
    /// The coordinate after its last byte, that of the mark of the end included.
    pub(crate) end: u64,
    pub(crate) departures: &'a [u8],
    pieces: &'a [Piece],
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

impl Held<'_> {
    pub(crate) fn removed(&self) -> impl Iterator<Item = RemovedPart> + '_ {
        self.pieces.iter().enumerate().filter(|(_, piece)| piece.origin != piece.start).map(
            |(at, piece)| RemovedPart {
                start: piece.start,
                end: self.pieces.get(at + 1).map_or(self.end, |next| next.start),
                origin: piece.origin,
                period: (piece.period != u64::MAX).then_some(piece.period),
            },
        )
    }
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

    /// The articles that are held here.
    pub(crate) fn held(&self) -> impl Iterator<Item = Held<'_>> + '_ {
        let mut pieces = &self.pieces[..];
        (0..self.articles.len()).map(move |at| {
            let article = &self.articles[at];
            let next = self.articles.get(at + 1);
            let end = next.map_or(self.end, |next| next.start);
            let (own, later) = pieces.split_at(pieces.partition_point(|piece| piece.start < end));
            pieces = later;
            let departures =
                article.departures..next.map_or(self.departures.len(), |next| next.departures);
            Held {
                id: &article.id,
                start: article.start,
                end,
                departures: &self.departures[departures],
                pieces: own,
            }
        })
    }

    /// The kept text that is held here, in order.
    pub(crate) fn held_text(&self) -> impl Iterator<Item = &[u8]> + '_ {
        self.chunks.iter().map(Vec::as_slice)
    }
}
