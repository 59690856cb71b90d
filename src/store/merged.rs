//! Sorted streams as one.

use std::iter::Peekable;

use super::error::IndexError;

/// What several streams have, each of them sorted by a key; of equal keys those of the first stream
/// come first.
pub(crate) struct Merged<I: Iterator, K> {
    inputs: Vec<Peekable<I>>,
    key: K,
}

impl<T, I, K> Merged<I, K>
where
    I: Iterator<Item = Result<T, IndexError>>,
    K: Fn(&T) -> u64,
{
    pub(crate) fn new(inputs: impl Iterator<Item = I>, key: K) -> Self {
        Self { inputs: inputs.map(Iterator::peekable).collect(), key }
    }
}

impl<T, I, K> Iterator for Merged<I, K>
where
    I: Iterator<Item = Result<T, IndexError>>,
    K: Fn(&T) -> u64,
{
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let Self { inputs, key } = self;
        if let [input] = &mut inputs[..] {
            return input.next();
        }
        let next = inputs.iter_mut().filter_map(|input| {
            // An error comes at once.
            let key = input.peek()?.as_ref().map_or(0, &*key);
            Some((key, input))
        });
        // The first of several with the least key.
        next.min_by_key(|(key, _)| *key).and_then(|(_, input)| input.next())
    }
}
