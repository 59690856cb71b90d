//! The index: what was seen, and where. The only state that lasts from article to article.
//!
//! Places are *coordinates*: offsets into the canonical texts of all articles, laid end to end in
//! order of arrival, removed text included. [`text`] turns a coordinate into bytes; [`table`] maps
//! the hash of a gram, of a gram with context, or of a paragraph to about where it stood.

mod departures;
mod log;
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
    /// Paragraphs too short to hold an anchor for certain, by their whole canonical form.
    pub(crate) paragraphs: Table,
}

impl Index {
    /// Bytes of memory that the index holds, the text excluded.
    pub(crate) fn memory(&self) -> usize {
        self.anchors.memory() + self.paragraphs.memory() + self.texts.bookkeeping_memory()
    }
}
