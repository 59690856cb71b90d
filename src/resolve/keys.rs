//! What a text is looked up by, as far as that follows from the text alone: whoever prepares it works that out, as one
//! text at a time is looked up.

use std::hint::select_unpredictable;
use std::ops::Range;

use crate::anchors::{Anchor, Anchors, Scheme, all_anchors_into, anchors_into, key};
use crate::criteria::{Criteria, WithinArticle};

/// What a text is looked up by.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Keys {
    pub(super) anchors: Anchors,
    /// The text beside the gram of each.
    pub(super) sides: Vec<Sides>,
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
        let Self { anchors, sides, paragraphs } = self;
        let scheme = criteria.scheme;
        match criteria.within_article {
            WithinArticle::Remove => anchors_into(canonical, &scheme, anchors),
            _ => all_anchors_into(canonical, &scheme, anchors),
        }
        let (half, span) = (half_slack(scheme.gram(), scheme), scheme.span());
        sides.clear();
        sides.extend((0..anchors.places.len()).map(|number| {
            let gram = Context::of(anchors, number, canonical.len(), scheme);
            Sides::of(canonical, gram, half, span)
        }));
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
        self.anchors.memory() + self.sides.capacity() * size_of::<Sides>() + paragraphs
    }
}

/// Part of the text around an anchor: from `back` bytes before it to `ahead` bytes after its start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    pub(super) at: usize,
    pub(super) back: usize,
    pub(super) ahead: usize,
    /// Where the first and the last of the runs of T bytes begin that hold it, and have their anchor in it.
    pub(super) first: usize,
    pub(super) last: usize,
}

impl Context {
    /// The gram of an anchor, which is that of all runs from its first on, up to those of the next.
    #[inline]
    pub(super) fn of(anchors: &Anchors, number: usize, len: usize, scheme: Scheme) -> Self {
        let Anchor { at, first, .. } = anchors.places[number];
        let (at, first) = (at as usize, first as usize);
        let last = at.min(len - scheme.span());
        let next = anchors.places.get(number + 1);
        let last = next.map_or(last, |next| last.min(next.first as usize - 1));
        Self { at, back: 0, ahead: scheme.gram(), first, last }
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.at - self.back..self.at + self.ahead
    }
}

/// Half of what is left of a run beside so many bytes of it: at least so far the run reaches beyond them on one side.
pub(super) fn half_slack(context: usize, scheme: Scheme) -> usize {
    (scheme.span() - context).div_ceil(2)
}

/// Four bits of each hash of the text beside a context.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Sides {
    /// That of the left side in the upper half.
    pub(super) check: u8,
    /// All bits of a half that stands for nothing, as no run reaches so far on that side.
    absent: u8,
}

impl Sides {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "1.2 % of the instructions of an ingest, otherwise")]
    pub(super) fn of(canonical: &[u8], context: Context, len: usize, span: usize) -> Self {
        let Range { start, end } = context.range();
        let left = start.checked_sub(len).map_or(0, |from| check(&canonical[from..start]));
        let right = canonical.get(end..end + len).map_or(0, check);
        // Half of them, without a branch, as nothing foretells which.
        let left_absent = select_unpredictable(context.first + len > start, 0xF0, 0);
        let right_absent = select_unpredictable(context.last + span < end + len, 0x0F, 0);
        Self { check: left << 4 | right, absent: left_absent | right_absent }
    }

    /// Whether a run that reaches far enough to one side may stand at a place with this check.
    pub(super) fn may_equal(self, check: u8) -> bool {
        let different = self.check ^ check | self.absent;
        different >> 4 == 0 || different << 4 == 0
    }
}

/// Four bits of a hash of some of the bytes: the first, middle and last eight tell nearly all texts
/// apart that begin or end alike, at a quarter of the cost of all bytes.
fn check(side: &[u8]) -> u8 {
    let (Some(first), Some(last)) = (side.first_chunk(), side.last_chunk()) else {
        return (key(side, 0) >> 60) as u8;
    };
    let middle = side[(side.len() - 8) / 2..].first_chunk().unwrap_or(first);
    let [first, middle, last] = [first, middle, last].map(|bytes| u64::from_le_bytes(*bytes));
    let mixed = first.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ middle.wrapping_mul(0xC2B2_AE3D_27D4_EB4F).rotate_left(23)
        ^ last.wrapping_mul(0x1656_67B1_9E37_79F9).rotate_left(41);
    ((mixed ^ mixed >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as u8
}
