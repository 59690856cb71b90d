//! What stands above the base: the part that is sealed next.

use std::ops::Range;
use std::sync::Arc;

use super::Texts;
use crate::error::Error;
use crate::index::base::Base;

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
        let first = base.end();
        Self { base: Some(base), first, end: first, ..Self::default() }
    }

    /// Forgets the texts that are held here, which the base has by now.
    pub(crate) fn rest_on(&mut self, base: Arc<dyn Base>) {
        self.kept.clear();
        *self = Self { kept: std::mem::take(&mut self.kept), ..Self::above(base) };
    }

    /// The coordinates of the articles that are held here.
    pub(crate) fn held_coordinates(&self) -> Range<u64> {
        self.first..self.end
    }

    /// The removed parts of an article that is held here, by its coordinates.
    pub(crate) fn held_removed(
        &self,
        coordinates: &Range<u64>,
    ) -> impl Iterator<Item = RemovedPart> {
        let Range { start: from, end: to } = *coordinates;
        let first = self.parts.last_starting(0, from);
        let places = (first..).map_while(|number| Some((number, self.parts.get(number)?)));
        let places = places.skip_while(move |(_, part)| part.start < from);
        places.take_while(move |(_, part)| part.start < to).filter_map(|(number, part)| {
            let (start, end) = (part.start, self.part_end(number));
            // The first has no text, nor have those of which another stands for the rest of a group.
            (start < end).then(|| {
                let (source, period) = self.stands_for(number);
                let period = (period < u64::MAX).then_some(period);
                RemovedPart { start, end, origin: self.origin(source), period }
            })
        })
    }

    /// The kept text that is held here from an address on: as much as lies together.
    pub(crate) fn held_text(&mut self, address: u64) -> Result<&[u8], Error> {
        self.kept.first(address, u64::MAX)
    }
}
