//! Removed parts, in order.
//!
//! In groups: where the first of a group is, is told in full, and of all of them how far they are
//! behind it. With each told in full, a part took 16 bytes instead of 12.5, and the index of a
//! newsletter that has one for every 250 kept bytes 7 % more.

use std::ops::Range;

use super::Source;
use crate::index::log::{last_before, push};
use crate::index::table::MAX_PLACE;
use crate::index::{field, to_usize};

/// Parts of a group.
const GROUP: usize = 32;

/// The bits of a distance from the first of a group.
const DISTANCE_BITS: u32 = 27;

/// The distance that is too far: a short one for the tests within the crate.
const FAR: u64 = if cfg!(test) { 1 << 12 } else { 1 << DISTANCE_BITS };

#[derive(Debug, Default)]
pub(super) struct Parts {
    groups: Vec<Place>,
    /// One that would be too far from the first of its group begins the next, and the one before it
    /// stands for the rest of the group. All but the last of those are empty then, as is the text
    /// behind them.
    entries: Vec<Entry>,
}

/// Where a part is: its first coordinate, and the address of the kept text behind it.
///
/// Where it ends is not told: as much before the next part as text is kept between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) address: u64,
}

/// What a part stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Plain(Source),
    /// Text that repeats itself, by its number among such.
    Periodic(usize),
}

/// In 96 bits: how far it is from the first of its group, what it stands for, and two flags that say
/// what that is.
#[derive(Clone, Copy, Debug)]
struct Entry([u32; 3]);

impl Entry {
    const START: Range<u32> = 0..DISTANCE_BITS;
    const ADDRESS: Range<u32> = DISTANCE_BITS..2 * DISTANCE_BITS;
    const IS_PERIODIC: Range<u32> = Self::ADDRESS.end..Self::ADDRESS.end + 1;
    const IS_IN_BASE: Range<u32> = Self::IS_PERIODIC.end..Self::IS_PERIODIC.end + 1;
    /// The upper bits of what it stands for, of which the others are a word.
    const TARGET: Range<u32> = Self::IS_IN_BASE.end..u64::BITS;

    /// None if it is too far.
    fn between(group: Place, place: Place) -> Option<Self> {
        let start = place.start - group.start;
        let address = place.address - group.address;
        (start.max(address) < FAR)
            .then(|| Self::of(start << Self::START.start | address << Self::ADDRESS.start, 0))
    }

    #[expect(clippy::cast_possible_truncation, reason = "in parts")]
    fn of(fields: u64, target: u32) -> Self {
        Self([fields as u32, (fields >> 32) as u32, target])
    }

    fn fields(self) -> u64 {
        u64::from(self.0[0]) | u64::from(self.0[1]) << 32
    }

    fn behind(self, group: Place) -> Place {
        let fields = self.fields();
        Place {
            start: group.start + field(fields, Self::START),
            address: group.address + field(fields, Self::ADDRESS),
        }
    }

    fn with_target(self, target: Target) -> Self {
        let (number, flag) = match target {
            Target::Plain(Source::Kept(address)) => (address, 0),
            Target::Plain(Source::InBase(coordinate)) => (coordinate, 1 << Self::IS_IN_BASE.start),
            Target::Periodic(number) => (number as u64, 1 << Self::IS_PERIODIC.start),
        };
        debug_assert!(number < MAX_PLACE, "no coordinate is so great");
        #[expect(clippy::cast_possible_truncation, reason = "in parts")]
        Self::of(self.fields() | flag | number >> 32 << Self::TARGET.start, number as u32)
    }

    fn target(self) -> Target {
        let fields = self.fields();
        let number = field(fields, Self::TARGET) << 32 | u64::from(self.0[2]);
        if field(fields, Self::IS_PERIODIC) == 1 {
            Target::Periodic(to_usize(number))
        } else if field(fields, Self::IS_IN_BASE) == 1 {
            Target::Plain(Source::InBase(number))
        } else {
            Target::Plain(Source::Kept(number))
        }
    }
}

impl Parts {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds one that stands for nothing yet.
    pub(super) fn push(&mut self, place: Place) {
        let group = self.groups.last().filter(|_| !self.entries.len().is_multiple_of(GROUP));
        let entry = group.and_then(|&group| Entry::between(group, place));
        if entry.is_none() {
            while let Some(&last) = self.entries.last()
                && !self.entries.len().is_multiple_of(GROUP)
            {
                push(&mut self.entries, last);
            }
            push(&mut self.groups, place);
        }
        push(&mut self.entries, entry.unwrap_or(Entry([0; 3])));
    }

    /// Where a part is; none behind the last.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<Place> {
        let entry = self.entries.get(number)?;
        Some(entry.behind(self.groups[number / GROUP]))
    }

    /// Where a part is that there is.
    #[inline]
    pub(super) fn place(&self, number: usize) -> Place {
        self.entries[number].behind(self.groups[number / GROUP])
    }

    pub(super) fn target(&self, number: usize) -> Target {
        self.entries[number].target()
    }

    /// Says what the part stands for that was added without.
    pub(super) fn set_target(&mut self, number: usize, target: Target) {
        self.entries[number] = self.entries[number].with_target(target);
    }

    /// The last part that does not start after a coordinate, as `first` does not.
    #[inline]
    pub(super) fn last_starting(&self, first: usize, coordinate: u64) -> usize {
        self.last(first, coordinate, |place| place.start)
    }

    /// The last part behind which no text is kept from before an address on, as from `first` none is.
    pub(super) fn last_at(&self, first: usize, address: u64) -> usize {
        self.last(first, address, |place| place.address)
    }

    /// The last that has no more of something than is asked for, as `first` does not.
    #[inline]
    fn last(&self, first: usize, most: u64, of: impl Fn(Place) -> u64) -> usize {
        let number = last_before(&self.groups, first / GROUP, |&group| of(group) <= most);
        let first = first.max(number * GROUP);
        let end = self.entries.len().min((number + 1) * GROUP);
        let group = self.groups[number];
        let is_before = |entry: &Entry| of(entry.behind(group)) <= most;
        first + self.entries[first..end].partition_point(is_before) - 1
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.groups.capacity() * size_of::<Place>() + self.entries.capacity() * size_of::<Entry>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    #[test]
    fn the_greatest_numbers_fit_into_an_entry() {
        let far = (1 << DISTANCE_BITS) - 1;
        let places = [[0, 0, MAX_PLACE - 1], [0, far, 0], [far, 0, 0], [far, far, MAX_PLACE - 1]];
        for [start, address, number] in places {
            let targets = [
                Target::Plain(Source::Kept(number)),
                Target::Plain(Source::InBase(number)),
                Target::Periodic(to_usize(number)),
            ];
            for target in targets {
                let entry = Entry::of(start | address << DISTANCE_BITS, 0).with_target(target);
                let place = entry.behind(Place { start: 5, address: 3 });
                assert_eq!(place, Place { start: start + 5, address: address + 3 });
                assert_eq!(entry.target(), target);
            }
        }
    }

    #[test]
    fn parts_are_found_as_by_a_look_at_all() {
        let mut random = random(5);
        let mut parts = Parts::default();
        let mut place = Place { start: 70, address: 0 };
        let mut all = Vec::new();
        for number in 0..2000_u64 {
            let far = if number % 50 == 7 { 9000 } else { 90 };
            let kept = random(far) as u64;
            place.start += kept + 1 + random(far) as u64;
            place.address += kept;
            parts.push(place);
            let target = Target::Plain(Source::Kept(number));
            parts.set_target(parts.len() - 1, target);
            all.push((place, target));
        }
        assert!(parts.len() > all.len() + 100);
        let mut number = 0;
        for (before, &(place, target)) in all.iter().enumerate() {
            let next = all.get(before + 1).map(|&(next, _)| next);
            number = parts.last_starting(number, place.start);
            assert_eq!((parts.place(number), parts.target(number)), (place, target));
            assert_eq!(parts.get(number + 1), next);
            let end = next.map_or(place.start + 90, |next| next.start);
            for first in [0, number.saturating_sub(70), number] {
                for coordinate in [place.start, end - 1] {
                    assert_eq!(parts.last_starting(first, coordinate), number);
                }
                // Of those without text between them, the last.
                let last = parts.last_at(first, place.address);
                assert_eq!(parts.place(last).address, place.address);
                assert!(parts.get(last + 1).is_none_or(|next| next.address > place.address));
            }
        }
        assert_eq!((number, parts.get(number + 1)), (parts.len() - 1, None));
    }
}
