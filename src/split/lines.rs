//! Lines that are not blank, found by masks of what the bytes are.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

use std::ops::Range;

use super::vector::{BLOCK, Vector};

/// The bytes of a block, two before it and one after it.
type BlockBytes = [u8; BLOCK + 3];

/// What the bytes of a block are, a bit for each.
#[derive(Clone, Copy, Debug, Default)]
struct Masks {
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
    /// Bars and tabs.
    bars: u64,
}

impl Masks {
    #[inline(always)]
    fn look<V: Vector>(&mut self, bytes: &BlockBytes) {
        let load = |from: usize| V::load(bytes[from..].first_chunk().expect("BUG: no block"));
        let (it, before) = (load(2), load(1));
        let tab = it.equal(b'\t');
        let feeds = it.within(b'\n'..=b'\r');
        let feed_next = it.equal(b'\n') >> 1 | u64::from(bytes[BLOCK + 2] == b'\n') << 63;
        let separators = it.within(0xA8..=0xA9) & before.equal(0x80) & load(0).equal(0xE2);
        // One by one: who copies the whole right after waits until all are written.
        self.breaks = feeds & !(it.equal(b'\r') & feed_next)
            | it.equal(0x85) & before.equal(0xC2)
            | separators;
        self.hard = it.equal(0x0C) | separators & it.equal(0xA9);
        self.ink = !(feeds | it.equal(b' ') | tab);
        self.wide = it.within(0xE3..=0xED) | it.within(0xF0..=0xFF);
        self.zero = it.within(0x80..=0xBF) | it.equal(0xCC);
        self.dots = it.equal(b'.');
        self.bars = it.equal(b'|') | tab;
    }
}

/// What a block says about the lines in it: a bit for each byte, and what comes before.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Block {
    breaks: u64,
    ink: u64,
    wide: u64,
    zero: u64,
    /// First bytes of text after what ends a paragraph: a blank line, a hard line break.
    fresh: u64,
    /// Columns of the window before the block.
    columns: usize,
    /// Where the line begins in which the block begins.
    line: usize,
}

/// Where the text of a line begins, and the last byte of its line break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub(super) text: usize,
    pub(super) end: usize,
}

/// A passage of a text that begins where a line does: its lines, and what its bytes are.
#[derive(Debug)]
pub(super) struct Window<'a> {
    text: &'a [u8],
    start: usize,
    /// Where the next begins, and whether a paragraph does.
    next: usize,
    fresh: bool,
    masks: Vec<Masks>,
    blocks: Vec<Block>,
    /// By turns where the text of a line begins and the last byte of its line break; and room.
    edges: Vec<usize>,
    edges_len: usize,
    signs: Vec<usize>,
}

impl<'a> Window<'a> {
    /// Blocks of a window, if a line ends in them. All of it stays in the first-level cache.
    const BLOCKS: usize = 64;

    pub(super) fn new(text: &'a [u8]) -> Self {
        let blocks = Self::BLOCKS.min(text.len() / BLOCK + 1);
        Self {
            text,
            start: 0,
            next: 0,
            fresh: true,
            masks: vec![Masks::default(); blocks],
            blocks: Vec::with_capacity(blocks),
            edges: Vec::new(),
            edges_len: 0,
            signs: Vec::new(),
        }
    }

    /// Goes on to the next lines, if there are any.
    #[inline(always)]
    pub(super) fn advance<V: Vector>(&mut self) -> bool {
        let text = self.text;
        if self.next >= text.len() {
            return false;
        }
        self.start = self.next;
        self.blocks.clear();
        self.signs.clear();
        let mut edges_len = 0;
        let (mut at, mut columns, mut line) = (self.start, 0, self.start);
        // What reaches into a block: the start of a line and white space, the text of a line, what
        // ends a paragraph and no text since. Then the dots before it.
        let (mut starts, mut open, mut fresh) = (1, 0, u64::from(self.fresh));
        let mut dots_before = 0;
        while at <= text.len() && line == self.start {
            let count = self.masks.len().min((text.len() - at) / BLOCK + 1);
            look::<V>(text, at, &mut self.masks[..count]);
            for masks in &self.masks[..count] {
                let Masks { mut breaks, mut ink, wide, zero, .. } = *masks;
                if text.len() - at < BLOCK {
                    // The end of the text ends a line.
                    let end = 1 << (text.len() - at);
                    breaks = breaks & (end - 1) | end;
                    ink &= end - 1;
                }
                // A sum carries bits through the runs of ones that they stand in, to the bit after.
                let space = !ink & !breaks;
                let (sum, carried) = space.overflowing_add(breaks << 1 | starts);
                let texts = sum & ink;
                starts = breaks >> 63 | u64::from(carried);
                let (sum, carried) = (!breaks).overflowing_add(texts | open);
                let ends = sum & breaks;
                open = u64::from(carried);
                let (sum, carried) = (!texts).overflowing_add(breaks & !ends | masks.hard | fresh);
                let fresh_texts = sum & texts;
                fresh = u64::from(carried);

                self.blocks.push(Block {
                    breaks,
                    ink,
                    wide,
                    zero,
                    fresh: fresh_texts,
                    columns,
                    line,
                });
                columns += BLOCK + wide.count_ones() as usize - zero.count_ones() as usize;
                if breaks != 0 {
                    let after = breaks.leading_zeros();
                    line = at + BLOCK - after as usize;
                    self.next = line;
                    // Also if the text that follows is in this block.
                    self.fresh = (fresh | fresh_texts >> (63 - after)) != 0;
                }
                let mut edges = texts | ends;
                if self.edges.len() < edges_len + BLOCK {
                    self.edges.resize(edges_len + 2 * BLOCK, 0);
                }
                while edges != 0 {
                    self.edges[edges_len] = at + edges.trailing_zeros() as usize;
                    edges_len += 1;
                    edges &= edges - 1;
                }
                let two = masks.dots & (masks.dots << 1 | dots_before >> 63);
                let two_before: u64 = dots_before & dots_before << 1;
                let mut signs = masks.bars | two & (two << 2 | two_before >> 62);
                dots_before = masks.dots;
                while signs != 0 {
                    self.signs.push(at + signs.trailing_zeros() as usize);
                    signs &= signs - 1;
                }
                at += BLOCK;
            }
        }
        self.edges_len = edges_len;
        true
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
fn look<V: Vector>(text: &[u8], start: usize, masks: &mut [Masks]) {
    let mut padded = [0; BLOCK + 3];
    for (masks, at) in masks.iter_mut().zip((start..).step_by(BLOCK)) {
        let whole = text.get(at.wrapping_sub(2)..).and_then(<[u8]>::first_chunk);
        masks.look::<V>(whole.unwrap_or_else(|| {
            let from = at.saturating_sub(2);
            let (before, rest) = (from + 2 - at, &text[from..]);
            let len = rest.len().min(padded.len() - before);
            padded.fill(0);
            padded[before..before + len].copy_from_slice(&rest[..len]);
            &padded
        }));
    }
}
