//! The index: what was seen, and where. The only state that lasts from article to article.
//!
//! Places are *coordinates*: offsets into the canonical texts of all articles, laid end to end in
//! order of arrival, removed text included. [`text`] turns a coordinate into bytes; [`table`] maps
//! the hash of a gram, of a gram with context, or of a paragraph to the coordinates where it stood.

pub(crate) mod base;
pub(crate) mod table;
pub(crate) mod text;

use std::sync::Arc;

use self::base::Base;
use self::table::{Posting, Table};
use self::text::Texts;
use crate::error::Error;

/// Everything that is remembered of the articles so far.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) texts: Texts,
    /// Grams, and grams with context, to their coordinates.
    pub(crate) anchors: Table,
    /// Paragraphs shorter than the span to their entry in `paragraphs`.
    pub(crate) paragraph_keys: Table,
    pub(crate) paragraphs: Vec<ShortParagraph>,
    /// Where the entries of the texts' base are looked up, unless they are in the tables here.
    beneath: Option<Arc<dyn Base>>,
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
    /// An index on top of another, which is asked for everything that it has.
    #[cfg(feature = "index")]
    pub(crate) fn above(base: Arc<dyn Base>) -> Self {
        Self { beneath: Some(base.clone()), ..Self::on_texts_of(base) }
    }

    /// An index on top of the texts of another, whose entries the caller inserts.
    #[cfg(feature = "index")]
    pub(crate) fn on_texts_of(base: Arc<dyn Base>) -> Self {
        Self { texts: Texts::above(base), ..Self::default() }
    }

    /// Forgets the texts that are held here, which the base has by now; entries stay.
    #[cfg(feature = "index")]
    pub(crate) fn rest_on(&mut self, base: Arc<dyn Base>) {
        self.texts = Texts::above(base);
    }

    /// The paragraphs in the order of their keys; see [`Table::entries`].
    #[cfg(feature = "index")]
    pub(crate) fn paragraph_entries(&self) -> impl Iterator<Item = (u64, ShortParagraph)> + '_ {
        self.paragraph_keys.entries().map(|(key, posting)| {
            let at = usize::try_from(posting.place).expect("BUG: beyond memory");
            (key, self.paragraphs[at])
        })
    }

    /// What went wrong first with the base, since this was asked last.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.texts.base().and_then(Base::failure)
    }

    /// Collects the postings under a key of the table of anchors, oldest first, with a few of other
    /// keys among them.
    pub(crate) fn postings(&self, key: u64) -> Vec<Posting> {
        let mut found = Vec::new();
        if let Some(base) = &self.beneath {
            base.anchors(key, &mut found);
        }
        found.extend(self.anchors.postings(key));
        found
    }

    /// The first paragraph under a key that `is` the one looked for.
    pub(crate) fn find_paragraph(
        &self,
        key: u64,
        is: impl Fn(ShortParagraph) -> bool,
    ) -> Option<ShortParagraph> {
        let mut beneath = Vec::new();
        if let Some(base) = &self.beneath {
            base.paragraphs(key, &mut beneath);
        }
        let here = self.paragraph_keys.postings(key).map(|posting| {
            self.paragraphs[usize::try_from(posting.place).expect("BUG: beyond memory")]
        });
        beneath.into_iter().chain(here).find(|&paragraph| is(paragraph))
    }

    pub(crate) fn insert_paragraph(&mut self, key: u64, paragraph: ShortParagraph) {
        let place = self.paragraphs.len() as u64;
        self.paragraphs.push(paragraph);
        self.paragraph_keys.insert(key, Posting { place, hot: false });
    }

    /// Bytes of memory that the index holds, the text excluded.
    pub(crate) fn memory(&self) -> usize {
        self.anchors.memory()
            + self.paragraph_keys.memory()
            + self.paragraphs.capacity() * size_of::<ShortParagraph>()
            + self.texts.bookkeeping_memory()
    }
}
