//! What was read and unpacked lately.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The number of a run, and of a block in it.
pub(crate) type Key = (u64, usize);

/// At least this many values stay, however large: an article's removed text is read by way of its
/// own group and of those that have it, by turns. With one, each of some hundred thousand parts
/// unpacked 16 MiB again.
const LEAST: usize = 4;

/// Values up to a total size, but a few at least; those asked for since they were last looked at
/// stay longest (clock).
#[derive(Debug)]
pub(crate) struct Cache<V> {
    inner: Mutex<Inner<V>>,
    capacity: usize,
}

#[derive(Debug)]
struct Inner<V> {
    values: HashMap<Key, Entry<V>>,
    /// In the order in which they are looked at for removal.
    order: VecDeque<Key>,
    size: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    size: usize,
    asked_for: bool,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let inner = Inner { values: HashMap::new(), order: VecDeque::new(), size: 0 };
        Self { inner: Mutex::new(inner), capacity }
    }

    /// The value of a key, made if need be. Two threads may both make it; neither waits.
    pub(crate) fn get<E>(
        &self,
        key: Key,
        make: impl FnOnce() -> Result<(V, usize), E>,
    ) -> Result<V, E> {
        // Each change leaves the parts in agreement, so a panic elsewhere does not matter here.
        let lock = || self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = lock().values.get_mut(&key) {
            entry.asked_for = true;
            return Ok(entry.value.clone());
        }
        let (value, size) = make()?;
        let mut inner = lock();
        let entry = Entry { value: value.clone(), size, asked_for: false };
        inner.size += size;
        match inner.values.insert(key, entry) {
            Some(before) => inner.size -= before.size,
            None => inner.order.push_back(key),
        }
        while inner.size > self.capacity && inner.order.len() > LEAST {
            inner.drop_one();
        }
        Ok(value)
    }
}

impl<V> Inner<V> {
    fn drop_one(&mut self) {
        let Some(key) = self.order.pop_front() else { return };
        match self.values.get_mut(&key) {
            Some(entry) if entry.asked_for => {
                entry.asked_for = false;
                self.order.push_back(key);
            }
            _ => self.size -= self.values.remove(&key).map_or(0, |entry| entry.size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays() {
        let cache = Cache::new(10);
        let get = |at: usize| {
            let mut made = false;
            let value = cache.get((0, at), || {
                made = true;
                Ok::<_, ()>((at, 3))
            });
            assert_eq!(value, Ok(at));
            made
        };
        assert!(get(1));
        for at in 2..100 {
            assert!(get(at));
            assert!(!get(1), "after {at}");
        }
        assert!(get(2));
        assert!(cache.inner.lock().unwrap().size <= 12);
    }

    #[test]
    fn a_few_stay_that_are_too_large() {
        let cache = Cache::new(10);
        let mut made = 0;
        let mut get = |at: usize| {
            let value = cache.get((0, at), || {
                made += 1;
                Ok::<_, ()>((at, 100))
            });
            assert_eq!(value, Ok(at));
            made
        };
        for _ in 0..10 {
            (0..4).for_each(|at| assert!(get(at) <= 4));
        }
        assert_eq!((4..8).map(&mut get).last(), Some(8));
        assert_eq!(get(0), 9);
    }
}
