//! Lines that are not blank, found by masks of what the bytes are.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

use std::mem::take;
use std::ops::Range;

use super::vector::{BLOCK, Vector};

/// The bytes of a block, two before it and one after it.
type BlockBytes = [u8; BLOCK + 3];

/// What is known of a block: a bit for each byte, and what comes before.
#[derive(Clone, Copy, Debug, Default)]

struct Block {
    /// Last bytes of line breaks.
    breaks: u64,
    /// Last bytes of those that end the paragraph too.
    hard: u64,
    /// Neither space, tab nor line break of ASCII.
    ink: u64,
    /// First bytes of characters that take two columns: East Asian ones (U+3000 to U+D7FF, and
    /// beyond U+FFFF).
    wide: u64,
    /// Bytes that take no column: all but the first of a character, and the first of combining marks
    /// of their first block.
    zero: u64,
    dots: u64,
    /// Bars and tabs, and dots after three dots.
    signs: u64,
    /// Where the text of a line begins, and last bytes of its line break.
    edges: u64,
    /// Where text begins after what ends a paragraph: a blank line, a hard line break.
    fresh: u64,
    /// Columns of the window before the block.
    columns: usize,
    /// Where the line begins in which the block begins.
    line: usize,
}

impl Block {
    #[inline(always)]
    fn look<V: Vector>(&mut self, bytes: &BlockBytes) {
        let load = |from: usize| {
            let bytes = bytes[from..].first_chunk().expect("BUG: no block");
            // SAFETY: `paragraphs` asks for vectors only for which it found the instructions.
            #[expect(unsafe_code, reason = "the one way to make a vector")]
            unsafe {
                V::load(bytes)
            }
        };
        let (it, before) = (load(2), load(1));
        let tab = it.equal(b'\t');
        let feeds = it.within(b'\n'..=b'\r');
        let pairs = it.equal(b'\r') & load(3).equal(b'\n');
        let separators = it.within(0xA8..=0xA9) & before.equal(0x80) & load(0).equal(0xE2);
        let wide_breaks = it.equal(0x85) & before.equal(0xC2) | separators;
        self.breaks = (feeds | wide_breaks).bits() & !pairs.bits();
        self.hard = (it.equal(0x0C) | separators & it.equal(0xA9)).bits();
        self.ink = !(feeds | tab | it.equal(b' ')).bits();
        self.wide = (it.within(0xE3..=0xED) | it.within(0xF0..=0xFF)).bits();
        self.zero = (it.within(0x80..=0xBF) | it.equal(0xCC)).bits();
        self.dots = it.equal(b'.').bits();
        self.signs = (tab | it.equal(b'|')).bits();
    }
}

/// Where the text of a line begins, and the last byte of its line break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub(super) text: usize,
    pub(super) end: usize,
}

/// What comes before a block: the start of the line that reaches into it, columns, dots.
#[derive(Clone, Copy, Debug)]
struct Before {
    line: usize,
    columns: usize,
    dots: u64,
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
    /// Finds where texts of lines begin and end.
    #[inline(always)]
    fn find_edges(&mut self, blocks: &mut [Block]) {
        let Self { mut starts, mut open, mut fresh } = *self;
        // A sum carries bits through the runs of ones that they stand in, to the bit after.
        for block in blocks {
            let Block { breaks, ink, hard, .. } = *block;
            let space = !ink & !breaks;
            let (sum, carried) = space.overflowing_add(breaks << 1 | starts);
            let texts = sum & ink;
            starts = breaks >> 63 | u64::from(carried);
            let (sum, carried) = (!breaks).overflowing_add(texts | open);
            let ends = sum & breaks;
            open = u64::from(carried);
            let (sum, carried) = (!texts).overflowing_add(breaks & !ends | hard | fresh);
            block.fresh = sum & texts;
            block.edges = texts | ends;
            fresh = u64::from(carried);
        }
        *self = Self { starts, open, fresh };
    }
}

/// The memory of a window.
#[derive(Debug, Default)]
pub(super) struct Room {
    blocks: Vec<Block>,
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
}

impl<'a> Window<'a> {
    /// Blocks of a window, if a line ends in them. All of it stays in the first-level cache.
    const BLOCKS: usize = 64;

    pub(super) fn new(text: &'a [u8], room: &mut Room) -> Self {
        let Room { blocks, edges, signs } = take(room);
        Self { text, start: 0, next: 0, fresh: true, blocks, edges, edges_len: 0, signs }
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
        let mut blocks = 0;
        let mut before = Before { line: self.start, columns: 0, dots: 0 };
        let mut reaching = Reaching { starts: 1, open: 0, fresh: u64::from(self.fresh) };
        while before.line == self.start {
            let at = self.start + blocks * BLOCK;
            let count = Self::BLOCKS.min((text.len() - at) / BLOCK + 1);
            if self.blocks.len() < blocks + count {
                self.blocks.resize(blocks + count, Block::default());
            }
            let new = &mut self.blocks[blocks..blocks + count];
            look::<V>(text, at, new);
            if let Some(end) =
                text.len().checked_sub(at + (count - 1) * BLOCK).filter(|&end| end < BLOCK)
            {
                // The end of the text ends a line.
                let last = new.last_mut().expect("BUG: no block");
                let end = 1 << end;
                last.breaks = last.breaks & (end - 1) | end;
                last.ink &= end - 1;
            }
            reaching.find_edges(new);
            self.list(blocks..blocks + count, &mut before);
            blocks += count;
        }
        // Of a line that goes on behind the window there may be text in it already.
        self.fresh = match self.edges[..self.edges_len] {
            [.., text] if self.edges_len % 2 == 1 => self.line(text).1,
            _ => reaching.fresh == 1,
        };
        true
    }

    /// Lists what was found in some blocks.
    #[inline(always)]
    fn list(&mut self, range: Range<usize>, before: &mut Before) {
        let mut at = self.start + range.start * BLOCK;
        let mut edges_len = self.edges_len;
        let Before { mut line, mut columns, mut dots } = *before;
        let mut all_signs = 0;
        for block in &mut self.blocks[range.clone()] {
            block.columns = columns;
            block.line = line;
            columns += BLOCK + block.wide.count_ones() as usize - block.zero.count_ones() as usize;
            let after_break = at + BLOCK - block.breaks.leading_zeros() as usize;
            line = if block.breaks == 0 { line } else { after_break };
            if self.edges.len() < edges_len + BLOCK {
                self.edges.resize(edges_len + 4 * BLOCK, 0);
            }
            // A few without branches, that are hard to predict.
            let edges: &mut [usize; BLOCK] =
                self.edges[edges_len..].first_chunk_mut().expect("BUG: no room");
            let count = block.edges.count_ones() as usize;
            let mut left = block.edges;
            for edge in &mut edges[..4] {
                *edge = at + left.trailing_zeros() as usize;
                left &= left.wrapping_sub(1);
            }
            if count > 4 {
                for edge in &mut edges[4..count] {
                    *edge = at + left.trailing_zeros() as usize;
                    left &= left.wrapping_sub(1);
                }
            }
            edges_len += count;
            let two = block.dots & (block.dots << 1 | dots >> 63);
            block.signs |= two & (two << 2 | (dots & dots << 1) >> 62);
            dots = block.dots;
            all_signs |= block.signs;
            at += BLOCK;
        }
        self.edges_len = edges_len;
        self.next = line;
        *before = Before { line, columns, dots };
        if all_signs != 0 {
            self.list_signs(range);
        }
    }

    #[inline(never)]
    fn list_signs(&mut self, range: Range<usize>) {
        let at = self.start + range.start * BLOCK;
        for (block, at) in self.blocks[range].iter().zip((at..).step_by(BLOCK)) {
            let mut signs = block.signs;
            while signs != 0 {
                self.signs.push(at + signs.trailing_zeros() as usize);
                signs &= signs - 1;
            }
        }
    }

    /// Its lines that are not blank, but for one whose end lies behind it.
    pub(super) fn lines(&self) -> impl Iterator<Item = Edges> {
        let (lines, _) = self.edges[..self.edges_len].as_chunks();
        lines.iter().map(|&[text, end]| Edges { text, end })
    }

    /// Bars, tabs, and dots after three dots.
    pub(super) fn signs(&self) -> &[usize] {
        &self.signs
    }

    /// Where the line begins whose text begins at `text`, and whether a paragraph ended since the text before.
    #[inline(always)]
    pub(super) fn line(&self, text: usize) -> (usize, bool) {
        let at = text - self.start;
        let block = &self.blocks[at / BLOCK];
        let before = block.breaks & ((1 << (at % BLOCK)) - 1);
        let after_break = text - at % BLOCK + BLOCK - before.leading_zeros() as usize;
        let start = if before == 0 { block.line } else { after_break };
        (start, block.fresh >> (at % BLOCK) & 1 == 1)
    }

    /// The end of the last byte before `end` that is neither white space nor line break of ASCII.
    #[inline(always)]
    pub(super) fn text_end(&self, end: usize) -> usize {
        let at = end - self.start - 1;
        let mut block = at / BLOCK;
        let mut ink = self.blocks[block].ink & (u64::MAX >> (BLOCK - 1 - at % BLOCK));
        while ink == 0 {
            block -= 1;
            ink = self.blocks[block].ink;
        }
        self.start + (block + 1) * BLOCK - ink.leading_zeros() as usize
    }

    /// Columns between the start of the window and `at`.
    #[inline(always)]
    pub(super) fn columns(&self, at: usize) -> usize {
        let at = at - self.start;
        let block = &self.blocks[at / BLOCK];
        let below = (1 << (at % BLOCK)) - 1;
        let wide = (block.wide & below).count_ones() as usize;
        block.columns + at % BLOCK + wide - (block.zero & below).count_ones() as usize
    }

    /// Columns of the first piece of `text` that a wrap keeps together: a word, or one wide character.
    #[inline(always)]
    pub(super) fn first_word(&self, text: Range<usize>) -> usize {
        let (mut at, end) = (text.start - self.start, text.end - self.start);
        let mut columns = 0;
        loop {
            let block = &self.blocks[at / BLOCK];
            let ends = (!block.ink | block.wide) >> (at % BLOCK);
            let rest = (BLOCK - at % BLOCK).min(end - at);
            let len = rest.min(ends.trailing_zeros() as usize);
            let counted =
                (block.zero >> (at % BLOCK)).unbounded_shl(64 - u32::try_from(len).unwrap_or(64));
            columns += len - counted.count_ones() as usize;
            at += len;
            if len == 0 && at + self.start == text.start {
                return 2; // a wide character
            }
            if ends != 0 || at >= end {
                return columns;
            }
        }
    }
}

/// Looks at as many blocks of `text` from `start` on as there are `masks`; after its end are zeros.
#[inline(always)]
fn look<V: Vector>(text: &[u8], start: usize, blocks: &mut [Block]) {
    let mut padded = [0; BLOCK + 3];
    for (block, at) in blocks.iter_mut().zip((start..).step_by(BLOCK)) {
        let whole = text.get(at.wrapping_sub(2)..).and_then(<[u8]>::first_chunk);
        block.look::<V>(whole.unwrap_or_else(|| {
            let from = at.saturating_sub(2);
            let (before, rest) = (from + 2 - at, &text[from..]);
            let len = rest.len().min(padded.len() - before);
            padded.fill(0);
            padded[before..before + len].copy_from_slice(&rest[..len]);
            &padded
        }));
    }
}
