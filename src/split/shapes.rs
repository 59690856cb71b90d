//! What decides whether a line goes on in the next, looked at only where there is a next; and the
//! width to which lines were wrapped.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
#![expect(clippy::needless_bitwise_bool, reason = "`&&` and `||` are branches")]

use std::ops::Range;

use super::opening::{LOWER, UPPER};
use super::{NARROWEST_WRAP, WIDEST_WRAP};
use crate::vector::{BLOCK, Mask, Vector, load};

/// Lines that are looked at together: as many shapes as a block has room for; and pairs of
/// neighbours among them.
const LINES: usize = BLOCK / size_of::<Shape>();
pub(super) const PAIRS: usize = LINES - 1;

/// What decides whether a line goes on, as bytes that are compared with those of other lines at
/// once: columns without quote marks and trailing space; the columns to which the line before would
/// reach with what must fit before the first place where this one could have been broken;
/// [`UPPER`], [`LOWER`] or 0.
type Shape = [u8; 4];

const COLUMNS: u32 = 0;
const REACH: u32 = 1;
const STARTS: u32 = 2;

/// The shapes of lines, and room.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    lines: Vec<Shape>,
    len: usize,
}

impl Shapes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn memory(&self) -> usize {
        self.lines.capacity() * size_of::<Shape>()
    }

    /// Makes room for `more` lines, and for a block from each on.
    #[inline]
    pub(super) fn reserve(&mut self, more: usize) {
        let len = self.len + more + LINES;
        if self.lines.len() < len {
            self.lines.resize(len + LINES, Shape::default());
        }
    }

    /// Adds a line for which there is room.
    #[inline(always)]
    pub(super) fn push(&mut self, columns: usize, reach: usize, starts: u8) {
        self.lines[self.len] = [narrow(columns), narrow(reach), starts, 0];
        self.len += 1;
    }

    /// Forgets all lines but `len`.
    #[inline(always)]
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = len;
    }

    /// Whether a line, which with the first word of the next one would reach so far, may be the first of a
    /// paragraph: it does not begin in lower case, and that word would not have fitted into as many columns as
    /// the line before it has.
    pub(super) fn may_begin_a_paragraph(&self, line: usize, reach: usize) -> bool {
        let columns_before = usize::from(self.lines[line - 1][COLUMNS as usize]);
        self.lines[line][STARTS as usize] != LOWER && reach >= columns_before
    }

    /// Forgets a line.
    pub(super) fn forget(&mut self, line: usize) {
        self.lines.copy_within(line + 1..self.len, line);
        self.len -= 1;
    }

    #[inline(always)]
    fn load<V: Vector>(&self, at: usize) -> V {
        load(self.lines[at..].as_flattened(), 0)
    }

    /// Of neighbours from line `at` on, which are not wider than `width`, and which of these were
    /// broken off because the first word of the second did not fit: a bit in four for each of
    /// [`PAIRS`].
    #[inline(always)]
    fn fitting<V: Vector>(lines: V, width: usize) -> (u64, u64) {
        let width = narrow(width);
        let fit = lines.within(0..=width).bits() >> COLUMNS;
        let fits = fit & fit >> 4;
        (fits, fits & lines.within(width..=u8::MAX).bits() >> (4 + REACH))
    }

    /// As [`Self::fitting`] has the second.
    #[inline(always)]
    pub(super) fn full<V: Vector>(&self, at: usize, width: usize) -> u64 {
        Self::fitting(self.load::<V>(at), width).1
    }

    /// The greatest width at which the breaks that `width` explains are explained still.
    pub(super) fn most(&self, lines: Range<usize>, width: usize) -> usize {
        let fits = |line: &Shape| usize::from(line[COLUMNS as usize]) <= width;
        let pairs = self.lines[lines].windows(2).filter(|pair| fits(&pair[0]) && fits(&pair[1]));
        let reaches = pairs.map(|pair| usize::from(pair[1][REACH as usize]));
        reaches.filter(|&reach| reach >= width).min().unwrap_or(width)
    }

    /// The widths of some lines.
    pub(super) fn widths(&self, lines: Range<usize>) -> Widths {
        let mut widths = Widths::default();
        for line in &self.lines[lines] {
            widths.insert(Widths::of(usize::from(line[COLUMNS as usize])));
        }
        widths
    }

    /// Of neighbours from line `at` on, of which the second begins in lower case, as [`Self::full`] has
    /// those that go on.
    #[inline(always)]
    pub(super) fn lower<V: Vector>(&self, at: usize) -> u64 {
        self.load::<V>(at).equal(LOWER).bits() >> (4 + STARTS)
    }

    /// Whether line `at` is as wide as lines are whose sentence runs on into the next, whatever the width.
    pub(super) fn may_run_on(&self, at: usize) -> bool {
        let ([columns, ..], [next, reach, ..]) = (self.lines[at], self.lines[at + 1]);
        (NARROWEST_WRAP..=90).contains(&usize::from(columns)) && next <= reach
    }

    /// The width to which some lines, of at least three, were wrapped, if they show one. `present`
    /// has those to be tried.
    #[inline(always)]
    pub(super) fn wrap_width<V: Vector>(
        &self,
        lines: Range<usize>,
        present: Widths,
        quoted: bool,
    ) -> Option<usize> {
        // Wider lines may be neighbours that were never wrapped, so narrower widths are tried too;
        // eight bound the work.
        let Widths(mut present) = present;
        for _ in 0..8 {
            let over = present.checked_ilog2()?;
            present &= !(1 << over);
            let width = NARROWEST_WRAP + over as usize;
            let (mut pairs, mut full, mut upper) = (0, 0, 0);
            for at in (lines.start..lines.end - 1).step_by(PAIRS) {
                let shapes = self.load::<V>(at);
                let (fits, fulls) = Self::fitting(shapes, width);
                let of_lines = pairs_of(lines.end - 1 - at);
                let uppers = shapes.equal(UPPER).bits() >> (4 + STARTS);
                pairs += (fits & of_lines).count_ones() as usize;
                full += (fulls & of_lines).count_ones() as usize;
                upper += (fits & uppers & of_lines).count_ones() as usize;
            }
            // Few lines prove little: then every break must be explained, and a line begin in the
            // middle of a sentence unless they are quoted. Many that nearly all begin in upper case are
            // verse or a list, unless they are full without exception, which German prose can be.
            let all = full == pairs;
            let few = all & (quoted | (upper < pairs));
            let many = all | (upper * 10 < pairs * 8) & (full * 10 >= pairs * 6);
            if (full >= 2) & if pairs <= 3 { few } else { many } {
                return Some(width);
            }
        }
        None
    }
}

/// A bit in four for each of the first `pairs`, of [`PAIRS`] at most.
#[inline(always)]
pub(super) fn pairs_of(pairs: usize) -> u64 {
    0x1111_1111_1111_1111 >> (4 * (LINES - pairs.min(PAIRS)))
}

/// Widths of lines to which text may have been wrapped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Widths(u64);

impl Widths {
    /// The width of a line of so many columns.
    #[inline(always)]
    pub(super) fn of(columns: usize) -> Self {
        let over = columns.wrapping_sub(NARROWEST_WRAP);
        Self(if over <= WIDEST_WRAP - NARROWEST_WRAP { 1 << over } else { 0 })
    }

    /// The greatest of them that is not above `most`.
    pub(super) fn widest(self, most: usize) -> Option<usize> {
        let over = most.checked_sub(NARROWEST_WRAP)?.min(63);
        let over = (self.0 & u64::MAX >> (63 - over)).checked_ilog2()?;
        Some(NARROWEST_WRAP + over as usize)
    }

    #[inline(always)]
    pub(super) fn insert(&mut self, Self(others): Self) {
        self.0 |= others;
    }
}

/// Columns of a line, of which those that may be joined have few.
fn narrow(columns: usize) -> u8 {
    u8::try_from(columns).unwrap_or(u8::MAX)
}
