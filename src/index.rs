//! The index: what was seen, and where. The only state that lasts from article to article.
//!
//! Places are *coordinates*: offsets into the canonical texts of all articles, laid end to end in
//! order of arrival, removed text included. [`text`] turns a coordinate into bytes; [`table`] maps
//! the hash of a gram, of a gram with context, or of a paragraph to about where it stood;
//! [`originals`] leads back from coordinates to the articles as they came.
//!
//! An index may stand on a [`base`], which holds the articles that came before.

pub(crate) mod base;
pub(crate) mod checkpoints;
mod chunk;
pub(crate) mod departures;
mod ids;
mod log;
pub(crate) mod originals;
mod starts;
pub(crate) mod table;
pub(crate) mod text;

use std::ops::Range;
use std::sync::Arc;

use self::base::Base;
use self::table::Table;
use self::text::Texts;

/// A number of what is in memory, or a length in an article. Those of an index on disk are checked
/// when that is opened.
#[inline]
pub(crate) fn to_usize(value: u64) -> usize {
    usize::try_from(value).expect("BUG: beyond the address space")
}

/// A number of 48 bits.
#[derive(Clone, Copy, Debug, Default)]
struct Packed48([u16; 3]);

impl Packed48 {
    fn new(bits: u64) -> Self {
        debug_assert!(bits >> 48 == 0, "48 bits are too few");
        #[expect(clippy::cast_possible_truncation, reason = "in parts")]
        Self([bits as u16, (bits >> 16) as u16, (bits >> 32) as u16])
    }

    fn get(self) -> u64 {
        let [low, middle, high] = self.0.map(u64::from);
        low | middle << 16 | high << 32
    }
}

/// The number in some bits of a word.
#[inline]
fn field(word: u64, bits: Range<u32>) -> u64 {
    word >> bits.start & ((1 << bits.len()) - 1)
}

/// Everything that is remembered of the articles so far.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) texts: Texts,
    /// Grams, and grams with context, to their coordinates.
    pub(crate) anchors: Table,
    /// Paragraphs too short to hold an anchor for certain, by their whole canonical form.
    pub(crate) paragraphs: Table,
    /// Where the entries of the texts' base are looked up, unless they are in the tables here.
    pub(crate) beneath: Option<Arc<dyn Base>>,
    /// Bytes of what leads back to the originals of the texts that are held here. It is kept
    /// elsewhere, but what it takes of the memory for both is not for texts.
    pub(crate) ways_back: usize,
}

/// Not what it remembers, which is the text of all articles.
impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("text", &self.texts.kept())
            .field("memory", &self.memory())
            .finish_non_exhaustive()
    }
}

impl Index {
    /// An index on top of another, which is asked for everything that it has.
    #[cfg(feature = "index")]
    pub(crate) fn above(base: Arc<dyn Base>) -> Self {
        let tables = || Table::from_place(base.end());
        let (anchors, paragraphs) = (tables(), tables());
        let texts = Texts::above(base.clone());
        Self { texts, anchors, paragraphs, beneath: Some(base), ways_back: 0 }
    }

    /// Forgets the texts that are held here, which the base has by now; entries stay.
    #[cfg(feature = "index")]
    pub(crate) fn rest_on(&mut self, base: Arc<dyn Base>) {
        self.texts.rest_on(base);
        self.ways_back = 0;
    }

    /// Bytes of memory that the index holds, the text excluded.
    pub(crate) fn memory(&self) -> usize {
        self.anchors.memory() + self.paragraphs.memory() + self.texts.memory()
    }
}
