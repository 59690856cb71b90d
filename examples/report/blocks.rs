//! The removed blocks that are worth a look, and how long all of them are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

use dedup::{Article, Block};

use crate::text;

/// Blocks shown in either list.
pub(crate) const SHOWN: usize = 20;

/// Places shown of each.
const PLACES: usize = 3;

/// Blocks that are counted at a time.
const COUNTED: usize = 2048;

/// Where a text stands.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) id: String,
    pub(crate) range: Range<usize>,
}

impl Spot {
    pub(crate) fn new(id: &str, range: &Range<usize>) -> Self {
        Self { id: text::name(id), range: range.clone() }
    }
}

/// A block, and how often it was removed.
#[derive(Debug)]
pub(crate) struct Removed {
    key: u64,
    pub(crate) text: String,
    pub(crate) bytes: usize,
    pub(crate) paragraphs: usize,
    pub(crate) changes: usize,
    pub(crate) copies: u64,
    /// The first of the copies.
    pub(crate) copied_to: Vec<Spot>,
    /// Where it is kept.
    pub(crate) kept_in: Vec<Spot>,
    pub(crate) sources: usize,
    /// The number of the block in the stream.
    order: u64,
}

impl Removed {
    fn new(key: u64, order: u64, article: &Article, block: &Block) -> Self {
        let kept = block.sources.iter().take(PLACES);
        Self {
            key,
            text: text::paragraphs(&article.original()[block.range.clone()]),
            bytes: block.range.len(),
            paragraphs: block.paragraphs.len(),
            changes: block.changes.len(),
            copies: 0,
            copied_to: Vec::new(),
            kept_in: kept.map(|source| Spot::new(&source.first.id, &source.first.range)).collect(),
            sources: block.sources.len(),
            order,
        }
    }

    fn count(&mut self, article: &Article, block: &Block) {
        self.copies += 1;
        if self.copied_to.len() < PLACES {
            self.copied_to.push(Spot::new(article.id(), &block.range));
        }
    }
}

/// Lengths from a power of two to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Class {
    pub(crate) from: usize,
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

/// The blocks of a stream, in a bounded amount of memory.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    seen: u64,
    largest: Vec<Removed>,
    frequent: HashMap<u64, Removed>,
    missed: u64,
    classes: Vec<Class>,
}

impl Blocks {
    pub(crate) fn add(&mut self, article: &Article) {
        for block in article.blocks() {
            self.seen += 1;
            self.classify(block.range.len());
            self.weigh(article, block);
            self.count(article, block);
        }
    }

    /// The longest blocks. Copies of one text that are of one length are one block.
    pub(crate) fn largest(&self) -> Vec<&Removed> {
        self.largest.iter().collect()
    }

    /// The blocks that were removed most often, and more than once.
    pub(crate) fn frequent(&self) -> Vec<&Removed> {
        let mut found: Vec<&Removed> =
            self.frequent.values().filter(|block| block.copies > 1).collect();
        found.sort_by_key(|block| (std::cmp::Reverse((block.copies, block.bytes)), block.order));
        found.truncate(SHOWN);
        found
    }

    /// How many copies of a block may have been missed where it was counted.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    /// How many blocks there are of each length.
    pub(crate) fn classes(&self) -> &[Class] {
        let used = |class: &Class| class.blocks > 0;
        let first = self.classes.iter().position(used).unwrap_or_default();
        &self.classes[first..]
    }

    fn classify(&mut self, bytes: usize) {
        let class = bytes.checked_ilog2().unwrap_or_default() as usize;
        while self.classes.len() <= class {
            self.classes.push(Class { from: 1 << self.classes.len(), ..Class::default() });
        }
        self.classes[class].blocks += 1;
        self.classes[class].bytes += bytes as u64;
    }

    fn weigh(&mut self, article: &Article, block: &Block) {
        let bytes = block.range.len();
        if self.largest.len() == SHOWN
            && self.largest.last().is_some_and(|least| bytes < least.bytes)
        {
            return;
        }
        let key = key(block);
        if let Some(known) =
            self.largest.iter_mut().find(|known| (known.key, known.bytes) == (key, bytes))
        {
            return known.count(article, block);
        }
        let at = self.largest.partition_point(|known| known.bytes >= bytes);
        if at < SHOWN {
            let mut removed = Removed::new(key, self.seen, article, block);
            removed.count(article, block);
            self.largest.insert(at, removed);
            self.largest.truncate(SHOWN);
        }
    }

    fn count(&mut self, article: &Article, block: &Block) {
        let key = key(block);
        match self.frequent.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().count(article, block),
            Entry::Vacant(free) => {
                free.insert(Removed::new(key, self.seen, article, block)).count(article, block);
            }
        }
        // The rarer half goes; what it had is missed where a block of it comes again (Misra and Gries 1982).
        if self.frequent.len() > 2 * COUNTED {
            let mut copies: Vec<u64> = self.frequent.values().map(|block| block.copies).collect();
            let (_, &mut median, _) = copies.select_nth_unstable(COUNTED);
            self.frequent.retain(|_, block| block.copies > median);
            self.missed += median;
        }
    }
}

/// A name for the kept text: if two of the few blocks at hand shared one by chance, they would be
/// counted as one.
fn key(block: &Block) -> u64 {
    let mut hasher = DefaultHasher::new();
    for source in &block.sources {
        (source.first.article, &source.first.range).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digits that look like nothing else, the more the greater the number is.
    fn line(number: usize) -> String {
        let digits =
            |at: u64| (number as u64 * 2 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (at * at));
        let words = u64::from(6 + number.checked_ilog10().unwrap_or_default());
        let words: Vec<String> = (0..words).map(|at| format!("{:016x}", digits(at))).collect();
        format!("Line {number}, {}", words.join(" "))
    }

    /// Counts the blocks of articles with these lines, each of which is a block of its own.
    fn counted(articles: impl IntoIterator<Item = Vec<usize>>) -> Blocks {
        let mut deduper = dedup::Deduper::new();
        let mut blocks = Blocks::default();
        for (number, lines) in articles.into_iter().enumerate() {
            let lines: Vec<String> = lines.iter().map(|of| line(*of)).collect();
            let text = lines.join(&format!("\n\n{number}\n\n"));
            blocks.add(&deduper.push(number.to_string(), text).unwrap());
        }
        blocks
    }

    #[test]
    fn lists_are_in_order_and_copies_are_counted() {
        let blocks = counted([vec![1, 20, 300], vec![1, 20], vec![300, 1], vec![1]]);
        let of = |list: Vec<&Removed>| {
            list.iter().map(|block| (block.text[..8].to_owned(), block.copies)).collect::<Vec<_>>()
        };
        let [one, twenty, hundreds] = ["Line 1, ", "Line 20,", "Line 300"].map(str::to_owned);
        assert_eq!(of(blocks.largest()), [(hundreds, 1), (twenty, 1), (one.clone(), 3)]);
        assert_eq!(of(blocks.frequent()), [(one, 3)]);
        assert_eq!(blocks.missed(), 0);
        let classes = blocks.classes();
        assert_eq!(classes.iter().map(|class| class.blocks).sum::<u64>(), 5);
        assert!(classes[0].blocks > 0);
        assert_eq!(blocks.largest()[2].copied_to.len(), PLACES);
    }

    #[test]
    fn no_more_copies_are_missed_than_is_said() {
        // One line comes with every article; the others come in twice as many as can be counted, and again.
        let rare = 2 * COUNTED + 500;
        let once = (1..=rare).map(|at| vec![0, at]);
        let blocks = counted(once.clone().chain(once));
        let copies = 2 * rare as u64 - 1;
        let most = blocks.frequent()[0];
        assert!(blocks.missed() > 0 && blocks.missed() < 5, "{}", blocks.missed());
        assert!(
            (copies - blocks.missed()..=copies).contains(&most.copies),
            "{} of {copies}",
            most.copies
        );
        assert!(blocks.frequent.len() <= 2 * COUNTED + 1);
    }
}
