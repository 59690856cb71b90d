//! Lines that are not blank, found by masks of what the bytes are.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

use std::mem::take;
use std::ops::Range;

use crate::vector::{BLOCK, Mask, Set, Vector, load};

/// The bytes of a block, two before it and two after it.
type BlockBytes = [u8; BLOCK + 4];

/// What is known of a block: a bit for each byte, and what comes before.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// Last bytes of line breaks.
    breaks: u64,
    /// Where text begins after what ends a paragraph: a blank line, a hard line break. Until that
    /// is found, the last bytes of hard line breaks; and before, all that may be the last byte of
    /// one, or of a line break beyond ASCII.
    fresh: u64,
    /// Neither space, tab nor line break of ASCII.
    ink: u64,
    /// First bytes of characters that take two columns: East Asian ones (U+3000 to U+D7FF, full-width
    /// forms from U+FF00 to U+FF60, and beyond U+FFFF).
    wide: u64,
    /// Of these, those before and behind which lines may end, as Hangul (U+A000 to U+D7FF) has spaces for that.
    pieces: u64,
    /// Bytes that take no column: all but the first of a character, and the first of combining marks
    /// of their first block.
    zero: u64,
    dots: u64,
    /// Bars and tabs.
    signs: u64,
    /// By how many the bytes of the window before the block are more than their columns. It may wrap around.
    excess: u32,
}

impl Block {
    #[inline(always)]
    fn of<V: Vector>(bytes: &BlockBytes) -> Self {
        const BLANKS: Set = Set::new(b"\t\n\x0B\x0C\r ");
        const FEEDS: Set = Set::new(b"\n\x0B\x0C\r");
        const SIGNS: Set = Set::new(b"\t|");
        const LAST: Set = Set::new(b"\x85\xA8\xA9");
        const BEFORE_LAST: Set = Set::new(b"\xC2\x80");
        let it = load::<V>(bytes, 2);
        let pairs = it.equal(b'\r') & load::<V>(bytes, 3).equal(b'\n');
        let may_end_lines = it.among(&LAST) & load::<V>(bytes, 1).among(&BEFORE_LAST);
        let mut wide = it.within(0xE3..=0xFF).bits();
        let mut pieces = wide;
        if wide != 0 {
            let (next, second) = (load::<V>(bytes, 3), load::<V>(bytes, 4));
            let full = next.equal(0xBC) | next.equal(0xBD) & second.within(0x80..=0xA0);
            wide &= !(it.within(0xEE..=0xEF) & !(it.equal(0xEF) & full)).bits();
            pieces = wide & !it.within(0xEA..=0xED).bits();
        }
        Self {
            breaks: it.among(&FEEDS).bits() & !pairs.bits(),
            fresh: (it.equal(0x0C) | may_end_lines).bits(),
            ink: !it.among(&BLANKS).bits(),
            wide,
            pieces,
            zero: (it.within(0x80..=0xBF) | it.equal(0xCC)).bits(),
            dots: it.equal(b'.').bits(),
            signs: it.among(&SIGNS).bits(),
            excess: 0,
        }
    }

    /// Finds the line breaks among what may be rare ones; whether there are any beyond ASCII.
    #[cold]
    fn find_rare_breaks(&mut self, bytes: &BlockBytes) -> bool {
        let (mut any, mut rare) = (false, take(&mut self.fresh));
        while rare != 0 {
            let at = rare.trailing_zeros() as usize;
            let bit = rare & rare.wrapping_neg();
            let (is_break, is_hard) = match bytes[at..at + 3] {
                [_, _, 0x0C] | [0xE2, 0x80, 0xA9] => (bit, bit),
                [0xE2, 0x80, 0xA8] | [_, 0xC2, 0x85] => (bit, 0),
                _ => (0, 0),
            };
            self.breaks |= is_break;
            self.fresh |= is_hard;
            any |= is_break & self.ink != 0;
            rare &= !bit;
        }
        any
    }

    /// The end of the text, as many bytes into the block if it is in there, ends a line.
    fn end_at(&mut self, end: usize) {
        let Some(end) = 1_u64.checked_shl(u32::try_from(end).unwrap_or(u32::MAX)) else { return };
        self.breaks = self.breaks & (end - 1) | end;
        self.ink &= end - 1;
    }
}

/// Where the text of a line begins, and the last byte of its line break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub(super) text: usize,
    pub(super) end: usize,
}

/// What reaches into a block, each 1 or 0.
#[derive(Clone, Copy, Debug)]
struct Reaching {
    /// The start of a line, with nothing but white space since.
    starts: u64,
    /// A line with text.
    open: u64,
    /// What ends a paragraph, with no text since.
    fresh: u64,
}

impl Reaching {
    /// Finds where texts of lines begin and end in some blocks, the first of them at `at`, and adds
    /// the places to `edges`, of which there are `len`.
    #[inline(always)]
    fn list_edges(
        &mut self,
        blocks: &mut [Block],
        mut at: usize,
        edges: &mut Vec<usize>,
        mut len: usize,
    ) -> usize {
        let Self { mut starts, mut open, mut fresh } = *self;
        // A sum carries bits through the runs of ones that they stand in, to the bit after.
        for block in blocks {
            let Block { breaks, ink, fresh: hard, .. } = *block;
            let space = !ink & !breaks;
            let (sum, carried) = space.overflowing_add(breaks << 1 | starts);
            let texts = sum & ink;
            starts = breaks >> 63 | u64::from(carried);
            let (sum, carried) = (!breaks).overflowing_add(texts | open);
            let ends = sum & breaks;
            open = u64::from(carried);
            let (sum, carried) = (!texts).overflowing_add(breaks & !ends | hard | fresh);
            block.fresh = sum & texts;
            fresh = u64::from(carried);
            len = list(texts | ends, at, edges, len);
            at += BLOCK;
        }
        *self = Self { starts, open, fresh };
        len
    }
}

/// What comes before a block.
#[derive(Clone, Copy, Debug)]
struct Before {
    excess: u32,
    dots: u64,
}

impl Before {
    /// Counts what takes no column in some blocks; whether there may be signs of tables.
    #[inline(always)]
    fn count(&mut self, blocks: &mut [Block]) -> bool {
        let Self { mut excess, mut dots } = *self;
        let mut any = 0;
        for block in blocks {
            block.excess = excess;
            let more = block.zero.count_ones().wrapping_sub(block.wide.count_ones());
            excess = excess.wrapping_add(more);
            any |= block.signs | block.dots & (block.dots << 1 | dots >> 63);
            dots = block.dots;
        }
        *self = Self { excess, dots };
        any != 0
    }
}

/// The memory of a window.
#[derive(Debug, Default)]
pub(super) struct Room {
    blocks: Vec<Block>,
    /// By turns where the text of a line begins and the last byte of its line break.
    edges: Vec<usize>,
    signs: Vec<usize>,
}

impl Room {
    pub(super) fn memory(&self) -> usize {
        let Self { blocks, edges, signs } = self;
        let places = (edges.capacity() + signs.capacity()) * size_of::<usize>();
        blocks.capacity() * size_of::<Block>() + places
    }
}

/// A passage of a text that begins where a line does: its lines, and what its bytes are.
#[derive(Debug)]
pub(super) struct Window<'a> {
    text: &'a [u8],
    start: usize,
    /// Where the next begins, and whether a paragraph does.
    next: usize,
    fresh: bool,
    /// Of this window, and room.
    blocks: Vec<Block>,
    /// By turns where the text of a line begins and the last byte of its line break; and room.
    edges: Vec<usize>,
    edges_len: usize,
    signs: Vec<usize>,
    has_wide_breaks: bool,
}

impl<'a> Window<'a> {
    /// Blocks of a window, if a line ends in them. All of it stays in the first-level cache.
    const BLOCKS: usize = 64;

    pub(super) fn new(text: &'a [u8], room: &mut Room) -> Self {
        let Room { blocks, edges, signs } = take(room);
        Self {
            text,
            start: 0,
            next: 0,
            fresh: true,
            blocks,
            edges,
            edges_len: 0,
            signs,
            has_wide_breaks: false,
        }
    }

    /// Leaves its memory to the next.
    pub(super) fn leave(self, room: &mut Room) {
        let Self { blocks, edges, signs, .. } = self;
        *room = Room { blocks, edges, signs };
    }

    /// Goes on to the next lines, if there are any.
    #[inline(always)]
    pub(super) fn advance<V: Vector>(&mut self) -> bool {
        let text = self.text;
        if self.next >= text.len() {
            return false;
        }
        self.start = self.next;
        self.edges_len = 0;
        self.signs.clear();
        self.has_wide_breaks = false;
        let mut blocks = 0;
        let mut reaching = Reaching { starts: 1, open: 0, fresh: u64::from(self.fresh) };
        let mut before = Before { excess: 0, dots: 0 };
        while self.next == self.start {
            let at = self.start + blocks * BLOCK;
            let count = Self::BLOCKS.min((text.len() - at) / BLOCK + 1);
            if self.blocks.len() < blocks + count {
                self.blocks.resize(blocks + count, Block::default());
            }
            let new = &mut self.blocks[blocks..blocks + count];
            self.has_wide_breaks |= look::<V>(text, at, new);
            if let Some(last) = new.iter().rposition(|block| block.breaks != 0) {
                let after = new[last].breaks.leading_zeros() as usize;
                self.next = at + (last + 1) * BLOCK - after;
            }
            self.edges_len = reaching.list_edges(new, at, &mut self.edges, self.edges_len);
            let dots = before.dots;
            if before.count(new) {
                list_signs(new, dots, at, &mut self.signs);
            }
            blocks += count;
        }
        // Of a line that goes on behind the window there may be text in it already.
        self.fresh = match self.edges[..self.edges_len] {
            [.., text] if self.edges_len % 2 == 1 => self.line(text).1,
            _ => reaching.fresh == 1,
        };
        true
    }

    /// Its lines that are not blank, but for one whose end lies behind it.
    pub(super) fn lines(&self) -> impl ExactSizeIterator<Item = Edges> {
        let (lines, _) = self.edges[..self.edges_len].as_chunks();
        lines.iter().map(|&[text, end]| Edges { text, end })
    }

    /// Bars, tabs, and dots after three dots.
    pub(super) fn signs(&self) -> &[usize] {
        &self.signs
    }

    /// Those within `range`.
    pub(super) fn signs_in(&self, range: &Range<usize>) -> &[usize] {
        let first = self.signs.partition_point(|&sign| sign < range.start);
        let end = self.signs.partition_point(|&sign| sign < range.end);
        &self.signs[first..end]
    }

    /// Whether it has line breaks beyond ASCII.
    pub(super) fn has_wide_breaks(&self) -> bool {
        self.has_wide_breaks
    }

    /// Where the line begins whose text begins at `text`, and whether a paragraph ended since the
    /// text before.
    #[inline(always)]
    pub(super) fn line(&self, text: usize) -> (usize, bool) {
        let at = text - self.start;
        let block = &self.blocks[at / BLOCK];
        let before = block.breaks << 1 << (BLOCK - 1 - at % BLOCK);
        let spaces =
            if before == 0 { self.blanks_before(text) } else { before.leading_zeros() as usize };
        (text - spaces, block.fresh >> (at % BLOCK) & 1 == 1)
    }

    /// The end of the last byte before `end` that is neither white space nor line break of ASCII.
    #[inline(always)]
    pub(super) fn text_end(&self, end: usize) -> usize {
        let at = end - self.start - 1;
        let before = self.blocks[at / BLOCK].ink << (BLOCK - 1 - at % BLOCK);
        if before == 0 {
            let end = end - usize::from(self.text[end - 1] == b'\r');
            return end - self.blanks_before(end);
        }
        end - before.leading_zeros() as usize
    }

    /// How many spaces and tabs there are before `end`.
    #[cold]
    fn blanks_before(&self, end: usize) -> usize {
        let blank = |&&byte: &&u8| matches!(byte, b' ' | b'\t');
        self.text[..end].iter().rev().take_while(blank).count()
    }

    /// The columns of some characters; of 4 GiB and more, perhaps too many.
    #[inline(always)]
    pub(super) fn columns(&self, range: &Range<usize>) -> usize {
        range.end
            - range.start
            - self.excess(range.end).wrapping_sub(self.excess(range.start)) as usize
    }

    #[inline(always)]
    fn excess(&self, at: usize) -> u32 {
        let at = at - self.start;
        let block = &self.blocks[at / BLOCK];
        let below = (1 << (at % BLOCK)) - 1;
        let zero = block.excess.wrapping_add((block.zero & below).count_ones());
        zero.wrapping_sub((block.wide & below).count_ones())
    }

    /// Columns of the first piece of a text that a wrap keeps together: a word, or one wide character
    /// that is none of Hangul. It may go on behind a text that a white space or line break beyond ASCII
    /// ends, up to the end of its block.
    #[inline(always)]
    pub(super) fn first_word(&self, text: &Range<usize>) -> usize {
        let at = text.start - self.start;
        let block = &self.blocks[at / BLOCK];
        let ends = (!block.ink | block.pieces) >> (at % BLOCK);
        if ends == 0 {
            return self.columns(&(text.start..self.word_end(text)));
        }
        let len = ends.trailing_zeros();
        let first = |mask: u64| (mask >> (at % BLOCK) & ((1 << len) - 1)).count_ones();
        let columns = (len - first(block.zero) + first(block.wide)) as usize;
        if len == 0 { 2 } else { columns }
    }

    /// Where the first piece ends that begins in a block before.
    fn word_end(&self, text: &Range<usize>) -> usize {
        let first = (text.start - self.start) / BLOCK + 1;
        // Those of this window: there may be none behind the first, if a line break beyond ASCII
        // ends the window.
        let end = (text.end - self.start).div_ceil(BLOCK);
        for (at, block) in (first..).zip(self.blocks.get(first..end).unwrap_or_default()) {
            let ends = !block.ink | block.pieces;
            if ends != 0 {
                return self.start + at * BLOCK + ends.trailing_zeros() as usize;
            }
        }
        text.end
    }
}

/// Adds the places of the ones in `mask`, the first of which is `at`; returns how many places there are.
#[inline(always)]
fn list(mask: u64, at: usize, places: &mut Vec<usize>, len: usize) -> usize {
    if places.len() < len + BLOCK {
        places.resize(len + 4 * BLOCK, 0);
    }
    // A few without branches, that are hard to predict.
    let room: &mut [usize; BLOCK] = places[len..].first_chunk_mut().expect("BUG: no room");
    let count = mask.count_ones() as usize;
    let mut left = mask;
    for place in &mut room[..4] {
        *place = at + left.trailing_zeros() as usize;
        left &= left.wrapping_sub(1);
    }
    if count > 4 {
        for place in &mut room[4..count] {
            *place = at + left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
        }
    }
    len + count
}

/// Adds the places of bars, tabs, and dots after three dots in some blocks, the first of them at
/// `at`. `before` are the dots of the block before.
#[inline(never)]
fn list_signs(blocks: &[Block], mut before: u64, at: usize, places: &mut Vec<usize>) {
    for (&Block { dots, signs, .. }, at) in blocks.iter().zip((at..).step_by(BLOCK)) {
        let two = dots & (dots << 1 | before >> 63);
        let four = two & (two << 2 | (before & before << 1) >> 62);
        before = dots;
        let mut signs = signs | four;
        while signs != 0 {
            places.push(at + signs.trailing_zeros() as usize);
            signs &= signs - 1;
        }
    }
}

/// Looks at some blocks of `text`, the first of them at `at`; after its end, which ends a line, are
/// zeros. Whether there are line breaks beyond ASCII.
#[inline(always)]
fn look<V: Vector>(text: &[u8], mut at: usize, blocks: &mut [Block]) -> bool {
    let mut wide_breaks = false;
    for block in blocks {
        if let Some(bytes) = text.get(at.wrapping_sub(2)..).and_then(<[u8]>::first_chunk) {
            *block = Block::of::<V>(bytes);
            if block.fresh != 0 {
                wide_breaks |= block.find_rare_breaks(bytes);
            }
        } else {
            let bytes = pad(text, at);
            *block = Block::of::<V>(&bytes);
            wide_breaks |= block.find_rare_breaks(&bytes);
            block.end_at(text.len() - at);
        }
        at += BLOCK;
    }
    wide_breaks
}

/// The block at `at` where the text does not reach around it.
#[cold]
fn pad(text: &[u8], at: usize) -> BlockBytes {
    let mut padded = [0; BLOCK + 4];
    let from = at.saturating_sub(2);
    let (before, rest) = (from + 2 - at, &text[from..]);
    let len = rest.len().min(padded.len() - before);
    padded[before..before + len].copy_from_slice(&rest[..len]);
    padded
}
