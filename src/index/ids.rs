//! The ids of articles, end to end. An allocation for each took 24 bytes and more beside the id,
//! and as long as all articles are remembered.

use std::sync::Arc;

use memchr::memchr_iter;

use super::log::{push, reserve};
use super::text::END;

/// Ids of which the first is found without a look at others.
const GROUP: usize = 16;

/// Ids that are held ready, as repeats name few articles again and again. Which one stands where
/// follows from its number alone.
const READY: usize = 128;

#[derive(Debug)]
pub(super) struct Ids {
    /// Each with [`END`] behind it.
    bytes: Vec<u8>,
    /// Where the groups begin.
    groups: Vec<u64>,
    len: usize,
    ready: Vec<Option<(usize, Arc<str>)>>,
}

impl Default for Ids {
    fn default() -> Self {
        Self { bytes: Vec::new(), groups: Vec::new(), len: 0, ready: vec![None; READY] }
    }
}

impl Ids {
    pub(super) fn push(&mut self, id: Arc<str>) {
        if self.len.is_multiple_of(GROUP) {
            push(&mut self.groups, self.bytes.len() as u64);
        }
        reserve(&mut self.bytes, id.len() + 1);
        self.bytes.extend_from_slice(id.as_bytes());
        self.bytes.push(END);
        self.ready[self.len % READY] = Some((self.len, id));
        self.len += 1;
    }

    /// The id with a number, counted from the first.
    pub(super) fn get(&mut self, number: usize) -> Arc<str> {
        match &mut self.ready[number % READY] {
            Some((known, id)) if *known == number => id.clone(),
            ready => {
                let id = read(&self.bytes, &self.groups, number);
                ready.insert((number, id)).1.clone()
            }
        }
    }

    /// Bytes of memory, but for those that are held ready.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.groups.capacity() * size_of::<u64>()
    }
}

fn read(bytes: &[u8], groups: &[u64], number: usize) -> Arc<str> {
    let bytes = &bytes[super::to_usize(groups[number / GROUP])..];
    let mut ends = memchr_iter(END, bytes);
    let start = match number % GROUP {
        0 => 0,
        before => ends.nth(before - 1).map_or(0, |end| end + 1),
    };
    let end = ends.next().expect("BUG: there is an end behind each id");
    str::from_utf8(&bytes[start..end]).expect("BUG: an id was text").into()
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
        let len: usize = (0..3000).map(|number| id(number).len() + 1).sum();
        assert!(ids.memory() < len * 5 / 4 + 3000);
    }
}
