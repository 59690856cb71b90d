//! What a text is looked up by, as far as that follows from the text alone: whoever prepares it works that out, as one
//! text at a time is looked up.

use std::ops::Range;

use crate::anchors::{Anchors, all_anchors_into, anchors_into, key};
use crate::criteria::{Criteria, WithinArticle};

/// What a text is looked up by.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Keys {
    pub(super) anchors: Anchors,
    /// Paragraphs below the span that count, each with the key of all of it. Longer ones hold an anchor.
    pub(super) paragraphs: Vec<(Range<usize>, u64)>,
}

/// Keeps the keys of paragraphs apart from those of grams.
const PARAGRAPH_DOMAIN: u64 = 1 << 63;

impl Keys {
    /// Becomes those of a text and of its paragraphs, in the memory of the one before.
    pub(crate) fn refill(
        &mut self,
        canonical: &[u8],
        all_paragraphs: &[Range<usize>],
        criteria: &Criteria,
    ) {
        let Self { anchors, paragraphs } = self;
        let scheme = criteria.scheme;
        match criteria.within_article {
            WithinArticle::Remove => anchors_into(canonical, &scheme, anchors),
            _ => all_anchors_into(canonical, &scheme, anchors),
        }
        let lengths = criteria.min_paragraph..scheme.span();
        paragraphs.clear();
        paragraphs.extend(
            all_paragraphs
                .iter()
                .filter(|range| lengths.contains(&range.len()))
                .map(|range| (range.clone(), key(&canonical[range.clone()], PARAGRAPH_DOMAIN))),
        );
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        let paragraphs = self.paragraphs.capacity() * size_of::<(Range<usize>, u64)>();
        self.anchors.memory() + paragraphs
    }
}
