//! What is made of a text before it is looked up, in memory that is used again for later texts.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::admit::Found;
use crate::anchors::Anchors;
use crate::article::Parts;
use crate::canonical::{Canonical, canonicalise_into};
use crate::criteria::Criteria;
use crate::index::departures::Packed;
use crate::resolve::{Incoming, Keys, Match};
use crate::{near, resolve, split};

/// The forms of one text.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Forms {
    pub(crate) canonical: Canonical,
    /// Canonical ranges of the paragraphs.
    pub(crate) paragraphs: Vec<Range<usize>>,
    pub(crate) departures: Packed,
    pub(crate) keys: Keys,
    /// If the article is held against itself by other criteria.
    pub(crate) own_keys: Option<Keys>,
    /// If near copies are looked for.
    pub(crate) near_anchors: Option<Anchors>,
    /// What the index knows of the text, when it was asked.
    pub(crate) found: Found,
    /// What whoever prepares the next article is to free, as the caller has a copy.
    pub(crate) passed: Option<Parts>,
}

impl Forms {
    /// Becomes the forms of a text; returns the paragraphs of that which have canonical bytes.
    pub(crate) fn refill(&mut self, text: &str, criteria: &Criteria) -> Vec<Range<usize>> {
        self.passed = None;
        let Self { canonical, paragraphs, departures, keys, .. } = self;
        canonicalise_into(text, canonical);
        let all = split::with_forms(text, canonical, paragraphs);
        keys.refill(&canonical.bytes, paragraphs, criteria);
        self.own_keys = resolve::own_criteria(criteria).map(|own| {
            let mut keys = Keys::default();
            keys.refill(&canonical.bytes, &[], &own);
            keys
        });
        self.near_anchors = criteria.near.map(|_| near::anchors(&canonical.bytes));
        departures.refill(text.as_bytes(), &canonical.departures);
        all
    }

    /// What the index is asked about.
    pub(crate) fn incoming(&self) -> Incoming<'_> {
        Incoming {
            canonical: &self.canonical.bytes,
            keys: &self.keys,
            own_keys: self.own_keys.as_ref(),
            paragraphs: &self.paragraphs,
            is_query: false,
        }
    }

    fn memory(&self) -> usize {
        let Self { canonical, paragraphs, departures, keys, found, .. } = self;
        let paragraphs = paragraphs.capacity() * size_of::<Range<usize>>();
        let matches = found.matches.capacity() * size_of::<Match>();
        canonical.memory() + paragraphs + departures.memory() + keys.memory() + matches
    }
}

/// Forms that nobody needs any more, for whoever prepares the next article: without them, a text of
/// 500 bytes took a tenth longer. Shared by all threads, as one prepares what another is done with.
#[derive(Clone, Default)]
#[expect(clippy::vec_box, reason = "they come and go in their boxes")]
pub(crate) struct Spare(Arc<Mutex<Vec<Box<Forms>>>>);

/// Not the texts that they were made of.
impl std::fmt::Debug for Spare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spare").finish_non_exhaustive()
    }
}

impl Spare {
    /// The most memory that is kept for one text.
    const KEPT: usize = 1 << 22;

    pub(crate) fn take(&self) -> Box<Forms> {
        self.forms().pop().unwrap_or_default()
    }

    /// Held for a moment only, so nobody waits long: if others made new forms meanwhile, as they
    /// once did, one in twenty of 500 bytes was made anew.
    #[expect(clippy::vec_box, reason = "as above")]
    fn forms(&self) -> MutexGuard<'_, Vec<Box<Forms>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps forms, unless they took much more memory than their text needed: many short texts on
    /// their way would hold that of long ones.
    pub(crate) fn give(&self, mut given: Box<Forms>) {
        // Others take their place.
        (given.own_keys, given.near_anchors) = (None, None);
        (given.found.blocks, given.found.cut_units) = (Vec::new(), None);
        let usual = 8 * given.canonical.len() + (1 << 12);
        if given.memory() <= usual.min(Self::KEPT) {
            self.forms().push(given);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::options::Options;

    #[test]
    fn spare_memory_is_used_again_unless_it_is_much() {
        let criteria = Options::new().check().unwrap().criteria;
        let spare = Spare::default();
        let give = |text: &str| {
            let mut forms = spare.take();
            forms.refill(text, &criteria);
            let memory = forms.memory();
            spare.give(forms);
            memory
        };
        let long = "Words that fill a line.\n".repeat(10_000);
        let memory = give(&long);
        let taken = spare.take();
        assert_eq!(taken.memory(), memory);
        spare.give(taken);
        give("short");
        assert_eq!(spare.take().memory(), 0, "it was that of the long text");
        give(&long.repeat(20));
        assert_eq!(spare.take().memory(), 0);
    }

    proptest! {
        #[test]
        fn forms_are_the_same_in_any_memory(
            texts in prop::collection::vec(
                prop::collection::vec("[a-z]{0,9}|“|…|\u{ad}|e\u{301}|\n|\r\n|  |\t|\n> |[A-Z][a-z ]{90}|-{300}", 0..200),
                0..5,
            ),
        ) {
            let criteria = Options::new().check().unwrap().criteria;
            let mut used = Forms::default();
            for words in texts {
                let text = words.concat();
                let mut fresh = Forms::default();
                prop_assert_eq!(used.refill(&text, &criteria), fresh.refill(&text, &criteria));
                prop_assert!(used == fresh, "{text:?}");
            }
        }
    }
}
