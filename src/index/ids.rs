//! The ids of articles, end to end, each by what it has in common with the one before, as ids are
//! often paths, addresses or numbers. An allocation for each took 24 bytes and more beside the id,
//! and as long as all articles are remembered; whole ids took up to a third of the index of short
//! articles.

use std::sync::Arc;

use super::log::{push, reserve};
use super::to_usize;
use crate::varint;

/// Ids of which the first is told in full.
const GROUP: usize = 16;

/// Ids that are held ready, as repeats name few articles again and again. Which one stands where
/// follows from its number alone.
const READY: usize = 128;

#[derive(Debug)]
pub(super) struct Ids {
    /// Of each how many bytes it has in common with the one before, how many others, and those.
    bytes: Vec<u8>,
    /// Where the groups begin.
    groups: Vec<u64>,
    len: usize,
    last: Arc<str>,
    ready: Vec<Option<(usize, Arc<str>)>>,
}

impl Default for Ids {
    fn default() -> Self {
        let (bytes, groups, last) = (Vec::new(), Vec::new(), Arc::default());
        Self { bytes, groups, len: 0, last, ready: vec![None; READY] }
    }
}

impl Ids {
    pub(super) fn push(&mut self, id: Arc<str>) {
        if self.len.is_multiple_of(GROUP) {
            push(&mut self.groups, self.bytes.len() as u64);
            self.last = Arc::default();
        }
        let in_common = self.last.bytes().zip(id.bytes()).take_while(|(last, next)| last == next);
        let (shared, rest) = id.as_bytes().split_at(in_common.count());
        reserve(&mut self.bytes, 2 * varint::LONGEST + rest.len());
        varint::put(&mut self.bytes, shared.len() as u64);
        varint::put(&mut self.bytes, rest.len() as u64);
        self.bytes.extend_from_slice(rest);
        self.ready[self.len % READY] = Some((self.len, id.clone()));
        self.last = id;
        self.len += 1;
    }

    /// The id with a number, counted from the first.
    pub(super) fn get(&mut self, number: usize) -> Arc<str> {
        match &mut self.ready[number % READY] {
            Some((known, id)) if *known == number => id.clone(),
            ready => {
                let group = &self.bytes[to_usize(self.groups[number / GROUP])..];
                let id = read(group, number % GROUP).expect("BUG: there is such an id");
                ready.insert((number, id)).1.clone()
            }
        }
    }

    /// Bytes of memory, but for those that are held ready.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.groups.capacity() * size_of::<u64>()
    }
}

/// The id behind so many others of a group.
fn read(group: &[u8], before: usize) -> Option<Arc<str>> {
    let mut id = Vec::new();
    let mut bytes = group;
    for _ in 0..=before {
        let [shared, len] = [varint::take(&mut bytes)?, varint::take(&mut bytes)?].map(to_usize);
        id.truncate(shared);
        let rest;
        (rest, bytes) = bytes.split_at_checked(len)?;
        id.extend_from_slice(rest);
    }
    str::from_utf8(&id).ok().map(Arc::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_that_were_pushed() {
        let id = |number: usize| -> Arc<str> {
            match number % 7 {
                0 => "".into(),
                1 => format!("päth/{number}").into(),
                3 => format!("pàth/{number}").into(),
                2 => "x".repeat(number % 300).into(),
                _ => number.to_string().into(),
            }
        };
        let mut ids = Ids::default();
        for number in 0..3000 {
            ids.push(id(number));
            assert_eq!(ids.get(number), id(number));
            let earlier = number * number % (number + 1);
            assert_eq!(ids.get(earlier), id(earlier));
        }
        for number in (0..3000).rev().chain(0..3000) {
            assert_eq!(ids.get(number), id(number));
        }
    }

    #[test]
    fn ids_that_are_alike_take_little() {
        let mut ids = Ids::default();
        for number in 0..100_000 {
            ids.push(format!("letters/2026-11/{number:09}").into());
        }
        assert!((300_000..600_000).contains(&ids.memory()));
    }
}
