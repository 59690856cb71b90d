//! Where articles begin: in the coordinates, and in what leads back to the originals.
//!
//! In groups: the first article of a group is told in full, the others by how far they are behind
//! it. With each told in full, an article took 16 bytes instead of 8. By how long each is, in as few
//! bytes as that needs, it took 7, but whoever looked for one had to pass over those before it: up
//! to 5 % of an ingest.

use std::ops::Range;

use super::departures::Stored;
use super::log::{last_before, push};
use super::{Packed48, field, to_usize};

/// The most articles of a group.
const GROUP: usize = 16;

/// Coordinates for which one number of a group is kept: for a quarter of them, that would be one
/// more byte of index in a hundred.
const LOCATED: u64 = 1 << 14;

#[derive(Debug)]
pub(super) struct Starts {
    groups: Vec<Group>,
    entries: Vec<Entry>,
    /// Where the next article will begin.
    end: Start,
    /// For each [`LOCATED`] coordinates the group that the first one is of, or one before that, if
    /// the number is too great.
    groups_of: Vec<u32>,
}

/// Where an article begins: its first coordinate, and its departures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) coordinate: u64,
    pub(super) departures: Stored,
}

/// Articles that follow each other.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// The number of the first.
    first: usize,
    start: Start,
}

/// How far an article is behind the first of its group.
#[derive(Clone, Copy, Debug, Default)]
struct Entry(Packed48);

impl Entry {
    const COORDINATE: Range<u32> = 0..24;
    const DEPARTURES: Range<u32> = 24..41;
    const CHECKPOINTS: Range<u32> = 41..48;

    /// None if it is too far: it then begins a group of its own.
    fn between(group: Start, start: Start) -> Option<Self> {
        let checkpoints = start.departures.checkpoints - group.departures.checkpoints;
        let distances = [
            (start.coordinate - group.coordinate, Self::COORDINATE),
            (start.departures.at - group.departures.at, Self::DEPARTURES),
            (checkpoints as u64, Self::CHECKPOINTS),
        ];
        let bits = distances.into_iter().try_fold(0, |bits, (distance, field)| {
            (distance >> field.len() == 0).then_some(bits | distance << field.start)
        })?;
        Some(Self(Packed48::new(bits)))
    }

    fn behind(self, group: Start) -> Start {
        let bits = self.0.get();
        let checkpoints = to_usize(field(bits, Self::CHECKPOINTS));
        Start {
            coordinate: group.coordinate + field(bits, Self::COORDINATE),
            departures: Stored {
                at: group.departures.at + field(bits, Self::DEPARTURES),
                checkpoints: group.departures.checkpoints + checkpoints,
            },
        }
    }
}

impl Starts {
    /// Those of no articles, of which the first will begin at a coordinate.
    pub(super) fn from_coordinate(coordinate: u64) -> Self {
        let end = Start { coordinate, departures: Stored::default() };
        Self { groups: Vec::new(), entries: Vec::new(), end, groups_of: Vec::new() }
    }

    /// How many articles there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an article, by how many coordinates it has, and where its departures end.
    pub(super) fn push(&mut self, coordinates: u64, departures: Stored) {
        let start = self.end;
        let group = self.groups.last().filter(|group| self.len() - group.first < GROUP);
        let entry = group.and_then(|group| Entry::between(group.start, start));
        if entry.is_none() {
            push(&mut self.groups, Group { first: self.entries.len(), start });
        }
        push(&mut self.entries, entry.unwrap_or_default());
        self.end = Start { coordinate: start.coordinate + coordinates, departures };
        let group = u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX);
        while self.first() + self.groups_of.len() as u64 * LOCATED < self.end.coordinate {
            push(&mut self.groups_of, group);
        }
    }

    /// The number of the article that a coordinate belongs to, and where that begins.
    pub(super) fn containing(&self, coordinate: u64) -> (usize, Start) {
        let first = self.groups_of[to_usize((coordinate - self.first()) / LOCATED)] as usize;
        let is_before = |group: &Group| group.start.coordinate <= coordinate;
        let number = last_before(&self.groups, first, is_before);
        let Group { first, start } = self.groups[number];
        let end = self.groups.get(number + 1).map_or(self.len(), |next| next.first);
        let entries = &self.entries[first..end];
        let is_before = |entry: &Entry| entry.behind(start).coordinate <= coordinate;
        let before = entries.partition_point(is_before) - 1;
        (first + before, entries[before].behind(start))
    }

    /// Where an article begins and ends.
    pub(super) fn get(&self, number: usize) -> Range<Start> {
        // None has more articles, so it is not before that one.
        let group = last_before(&self.groups, number / GROUP, |group| group.first <= number);
        let start = self.groups[group].start;
        let next = self.groups.get(group + 1);
        let end = match self.entries.get(number + 1) {
            Some(end) if next.is_none_or(|next| number + 1 < next.first) => end.behind(start),
            _ => next.map_or(self.end, |next| next.start),
        };
        self.entries[number].behind(start)..end
    }

    /// The first coordinate of the first article.
    fn first(&self) -> u64 {
        self.groups.first().map_or(self.end.coordinate, |group| group.start.coordinate)
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.groups.capacity() * size_of::<Group>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.groups_of.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    #[test]
    fn articles_begin_where_they_were_pushed() {
        for first in [0, 5000] {
            let mut random = random(first);
            let mut starts = Starts::from_coordinate(first);
            let mut expected = vec![starts.end];
            for number in 0..3000 {
                // Some are too long for a group, in one way or another.
                let far = |every| [1, 900][usize::from(number % 100 == every)];
                let coordinates = 1 + random([2, 900, 40_000][number / 10 % 3] * far(7)) as u64;
                let mut departures = starts.end.departures;
                departures.at += (random(300) * far(8)) as u64;
                departures.checkpoints += random(3) * far(9);
                starts.push(coordinates, departures);
                let coordinate = expected[number].coordinate + coordinates;
                expected.push(Start { coordinate, departures });
                let earlier = number * number % (number + 1);
                assert_eq!(starts.get(earlier), expected[earlier]..expected[earlier + 1]);
            }
            assert_eq!((starts.len(), starts.end), (3000, expected[3000]));
            assert!(starts.groups.len() > 3000 / GROUP + 20);
            for (number, range) in expected.windows(2).enumerate() {
                let (start, end) = (range[0], range[1]);
                assert_eq!(starts.get(number), start..end);
                for coordinate in [start.coordinate, end.coordinate - 1] {
                    assert_eq!(starts.containing(coordinate), (number, start));
                }
            }
        }
    }

    #[test]
    fn short_articles_take_little() {
        let mut starts = Starts::from_coordinate(0);
        for number in 0..100_000_u64 {
            starts.push(500, Stored { at: number * 9, checkpoints: 0 });
        }
        assert!((800_000..880_000).contains(&starts.memory()));
    }
}
