//! What an anchor is looked up by, its gram or more of the text around it, and what tells of a place whether it
//! is worth a look.

use std::hint::select_unpredictable;
use std::ops::Range;

use crate::anchors::{Anchor, Anchors, Scheme, key};

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
