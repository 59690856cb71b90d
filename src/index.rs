//! The index: what was seen, and where. The only state that lasts from article to article.
//!
//! Places are *coordinates*: offsets into the canonical texts of all articles, laid end to end in
//! order of arrival, removed text included. [`text`] turns a coordinate into bytes; [`table`] maps
//! the hash of a gram, of a gram with context, or of a paragraph to the coordinates where it stood.

pub(crate) mod table;
pub(crate) mod text;

use self::table::Table;
use self::text::Texts;

/// Everything that is remembered of the articles so far.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) texts: Texts,
    /// Grams, and grams with context, to their coordinates.
    pub(crate) anchors: Table,
    /// Paragraphs shorter than the span to their entry in `paragraphs`.
    pub(crate) paragraph_keys: Table,
    pub(crate) paragraphs: Vec<ShortParagraph>,
}

/// A paragraph too short to hold an anchor for certain, found by its whole canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortParagraph(u64);

impl ShortParagraph {
    const LEN_BITS: u32 = 24;

    /// The longest paragraph that has an entry; the options keep `min_span` below it.
    pub(crate) const MAX_LEN: usize = (1 << Self::LEN_BITS) - 1;

    pub(crate) fn new(start: u64, len: usize) -> Self {
        debug_assert!(len <= Self::MAX_LEN && start <= table::MAX_PLACE);
        Self(start << Self::LEN_BITS | len as u64)
    }

    pub(crate) fn start(self) -> u64 {
        self.0 >> Self::LEN_BITS
    }

    pub(crate) fn len(self) -> usize {
        usize::try_from(self.0 & Self::MAX_LEN as u64).expect("BUG: 24 bits")
    }
}

impl Index {
    /// Bytes of memory that the index holds, the text excluded.
    pub(crate) fn memory(&self) -> usize {
        self.anchors.memory()
            + self.paragraph_keys.memory()
            + self.paragraphs.capacity() * size_of::<ShortParagraph>()
            + self.texts.bookkeeping_memory()
    }
}
