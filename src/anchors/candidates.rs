//! The grams that may be the least of a window, found at many places at once.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "a text has less than 4 GiB, so u32 counts its grams; smaller types are meant to cut off"
)]
#![expect(clippy::needless_bitwise_bool, reason = "`&&` and `||` are branches")]

use std::hint::select_unpredictable;
use std::ops::Range;

use crate::vector::{self, Mask as _, Set, Vector, load, pad};

/// Bytes that the order of grams looks at: those in the middle of each. Texts are passed without
/// what comes before the first of them, so a gram seems to begin with these here.
pub(super) const ORDERED: usize = 8;

/// What the two first bytes of a gram, the two behind, and so on are multiplied by, and what mixes their sum.
pub(super) const FACTORS: [u16; ORDERED / 2] = [0x9E37, 0x85EB, 0xC2B3, 0x27D5];
pub(super) const MIXER: u16 = 0x6A4D;
pub(super) const MIXED: u32 = 7;

/// The upper bits of the hash of a gram that begins with these words; they decide in nearly all windows.
///
/// All of it is arithmetic of sixteen bits, which every vector unit has: to hash each gram this way
/// costs less than to fetch the bytes of one in six.
#[inline(always)]
fn gate(words: [u16; ORDERED / 2]) -> u16 {
    let mut sum = 0_u16;
    for (word, factor) in words.iter().zip(FACTORS) {
        sum = sum.wrapping_add(word.wrapping_mul(factor));
    }
    (sum ^ (sum >> MIXED)).wrapping_mul(MIXER)
}

/// Bits of the hash below the gate: where a window has thousands of words, the least gates are often equal.
pub(super) const LOWER_BITS: u32 = 11;

/// What a gram is multiplied by for them.
pub(super) const LOWER_FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

#[inline(always)]
fn hash(gram: u64, gate: u16) -> i32 {
    let lower = (gram.wrapping_mul(LOWER_FACTOR) >> (u64::BITS - LOWER_BITS)) as i32;
    i32::from(gate) << LOWER_BITS | lower
}

/// The least ranks, where a gram is but the bytes that it is ordered by: of those with the end of a
/// clause in their middle that is no full stop, of those with a comma there, of those that begin
/// with a space, of those that do not, and of those that are periodic. Below are those with a full
/// stop.
pub(super) const ENDS: i32 = 1 << (u16::BITS + LOWER_BITS);
pub(super) const COMMAS: i32 = 2 * ENDS;
pub(super) const WORDS: i32 = 3 * ENDS;
pub(super) const WITHIN_WORDS: i32 = 4 * ENDS;
pub(super) const PERIODIC: i32 = 8 * ENDS;

/// What ends a clause or a part of one, before a space.
pub(super) const SIGNS: Set = Set::new(b".:;!?)\",");

/// Where in a gram that is; the space is behind it.
pub(super) const SIGN: usize = 4;

#[inline(always)]
fn is_periodic(gram: u64) -> bool {
    gram == gram.rotate_left(u64::BITS / 2)
}

/// The place in the order of a gram that begins with these bytes and has this gate; the least wins.
///
/// First come grams with a full stop in the middle, then with another end of a clause there, then
/// with a comma, then those that begin with a space, then all others but those with a period of
/// one, two or four bytes (dashes, dot leaders, table rules): a short row of them is no anchor.
/// Those that begin inside a character, and have no end of a clause in their middle, come last of
/// all: so in scripts without spaces one in three is looked at.
///
/// Never negative, but signed, as AVX2 compares signed numbers only.
#[inline(always)]
fn rank(gram: u64, gate: u16) -> i32 {
    // Without branches, as the hash decides and not what is likely.
    let first = gram & 0xFF;
    let of_others = if first & 0xC0 == 0x80 { i32::MAX } else { WITHIN_WORDS };
    let of_words = class_of_word(gram);
    let class = if (first == u64::from(b' ')) | (of_words < WORDS) { of_words } else { of_others };
    let periodic = if is_periodic(gram) { PERIODIC } else { 0 };
    hash(gram, gate) | class | periodic
}

/// The same, of one that begins with a space or has the end of a clause or a comma in its middle,
/// and is not periodic.
#[inline(always)]
fn rank_of_word(gram: u64, gate: u16) -> i32 {
    hash(gram, gate) | class_of_word(gram)
}

#[inline(always)]
fn class_of_word(gram: u64) -> i32 {
    let [sign, behind] = [SIGN, SIGN + 1].map(|at| (gram >> (8 * at)) as u8);
    select_unpredictable(behind == b' ', CLASSES[usize::from(sign)], WORDS)
}

/// The least rank of grams with a sign in their middle, before a space; if it ends nothing, [`WORDS`].
static CLASSES: [i32; 256] = {
    let mut classes = [WORDS; 256];
    let mut at = 0;
    while at < SIGNS.bytes().len() {
        classes[SIGNS.bytes()[at] as usize] = ENDS;
        at += 1;
    }
    classes[b'.' as usize] = 0;
    classes[b',' as usize] = COMMAS;
    classes
};

#[cfg(test)]
pub(super) fn rank_of(gram: &[u8]) -> i32 {
    rank(u64::from_le_bytes(*gram.first_chunk().unwrap()), gate_of(gram))
}

#[cfg(test)]
fn gate_of(gram: &[u8]) -> u16 {
    gate(std::array::from_fn(|word| u16::from_le_bytes([gram[2 * word], gram[2 * word + 1]])))
}

/// Which grams of a window are looked at. Whatever is chosen of them is the least of its window, as
/// all others rank higher: so how many there are costs time, and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidates {
    pub(super) kind: Kind,
    /// The highest gate that they may have, where their kind asks for a low one.
    pub(super) highest: u16,
}

/// What candidates have in common. But for [`All`](Self::All), they are not periodic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Those with a full stop in their middle and a low gate: for windows that hold some.
    Stops,
    /// Those with a full stop in their middle, or another end of a clause and a low gate: for
    /// windows that hold many such ends.
    Ends,
    /// The same with commas: for windows that hold many, as lists of numbers do.
    Commas,
    /// Those that have the end of a clause or a comma in their middle, or begin with a space and
    /// have a low gate.
    Words,
    /// Those that begin with a character and have a low gate: for windows without any of these.
    Characters,
    /// All of them.
    All,
}

impl Candidates {
    /// Six in a window on average, if all text is like this: one window in four hundred has none.
    /// Of words alone at least two, as some clauses are long.
    pub(super) fn first(window: usize, sample: &[u8]) -> Self {
        let Counts { stops, ends, commas, words } = vector::run(Sample(sample));
        let in_window = |count: u32| {
            let of_sample = window as u64 * u64::from(count) / sample.len().max(1) as u64;
            usize::try_from(of_sample).expect("BUG: more signs than bytes")
        };
        let [stops, ends, commas, words] = [stops, ends, commas, words].map(in_window);
        if stops >= 3 {
            Self::some_of(Kind::Stops, stops, 6)
        } else if ends >= MANY {
            Self::some_of(Kind::Ends, ends, 6)
        } else if commas >= MANY {
            Self::some_of(Kind::Commas, commas, 6)
        } else {
            Self::some_of(Kind::Words, words, 6 - (ends + commas).min(4))
        }
    }

    /// More of them, for windows that have none of these.
    pub(super) fn next(self, window: usize) -> Self {
        let Self { kind, highest } = self;
        if highest < u16::MAX {
            return Self { kind, highest: highest.saturating_mul(4) };
        }
        match kind {
            // As if each word had six bytes.
            Kind::Stops | Kind::Ends | Kind::Commas => Self::some_of(Kind::Words, window / 6, 6),
            Kind::Words => Self::some_of(Kind::Characters, window, 16),
            Kind::Characters | Kind::All => Self { kind: Kind::All, highest },
        }
    }

    /// About `count` in a window, which has so many `grams` of the kind.
    fn some_of(kind: Kind, grams: usize, count: usize) -> Self {
        let gates = usize::from(u16::MAX) * count / grams.max(1);
        Self { kind, highest: u16::try_from(gates).unwrap_or(u16::MAX).max(1) }
    }
}

/// Some text, whose last bytes are not looked at.
struct Sample<'a>(&'a [u8]);

/// So many ends of clauses, or commas, in a window that not all are looked at.
const MANY: usize = 12;

/// How many there are in a sample.
#[derive(Default)]
struct Counts {
    stops: u32,
    /// Stops among them.
    ends: u32,
    commas: u32,
    words: u32,
}

impl vector::Task for Sample<'_> {
    type Output = Counts;

    #[inline(always)]
    fn run<V: Vector>(self) -> Counts {
        let mut counts = Counts::default();
        for bytes in self.0.windows(vector::BLOCK + 1).step_by(vector::BLOCK) {
            let (sign, behind): (V, V) = (load(bytes, 0), load(bytes, 1));
            let space = behind.equal(b' ');
            counts.stops += (sign.equal(b'.') & space).bits().count_ones();
            let commas = (sign.equal(b',') & space).bits().count_ones();
            counts.commas += commas;
            counts.ends += (sign.among(&SIGNS) & space).bits().count_ones() - commas;
            counts.words += space.bits().count_ones();
        }
        counts
    }
}

/// Grams that are looked at together.
const BLOCK: usize = 256;

/// The bytes that the grams of a block are ordered by.
type BlockBytes = [u8; BLOCK + ORDERED];

/// The gates of a block: of the grams at even offsets, then of those at odd ones, as words of
/// sixteen bits lie beside each other in memory only at every second offset.
type Gates = [u16; BLOCK];

/// One bit for each gram of a block.
type Masks = [u64; BLOCK / 64];

/// Where the gate of a gram lies.
#[inline(always)]
fn gate_at(offset: u8) -> usize {
    usize::from(offset.rotate_right(1))
}

/// Candidates that are compared with their neighbours together, and how many neighbours on each side.
pub(super) const LANES: usize = 16;
pub(super) const REACH: usize = 32;

/// What is known of the grams of a block for a moment.
#[derive(Debug)]
pub(super) struct Block {
    gates: Gates,
    offsets: [u32; BLOCK + 64],
}

impl Default for Block {
    fn default() -> Self {
        Self { gates: [0; BLOCK], offsets: [0; BLOCK + 64] }
    }
}

/// Some candidates, and on each side as many neighbours as are looked at.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) places: &'a [u32; REACH + LANES + REACH],
    pub(super) ranks: &'a [i32; REACH + LANES + REACH],
    pub(super) window: u32,
}

/// What is done by other instructions where there are such.
pub(super) trait Instructions {
    type Vector: Vector;

    /// Writes the places and ranks of the candidates at some positions behind the first [`REACH`]
    /// of [`Found`], and says how many there are then.
    #[inline(always)]
    fn scan(
        found: &mut Found,
        block: &mut Block,
        text: &[u8],
        positions: Range<usize>,
        candidates: Candidates,
    ) -> usize
    where
        Self: Sized,
    {
        found.scan_blocks::<Self>(block, text, positions, candidates)
    }

    /// Writes which bits of a mask are set, counted from `start`, and says how many. In the room
    /// behind, anything may be written.
    #[inline(always)]
    fn ones(mask: u64, start: u32, room: &mut [u32; 64]) -> usize {
        ones(mask, start, room)
    }

    /// Whether there is `nearest`.
    const VECTORS: bool = false;

    /// Finds the `lefts` of candidates (see [`Found`]), and says which are kept, and which are
    /// followed by windows without any.
    fn nearest(_around: Around<'_>, _lefts: &mut [u32; LANES]) -> (u16, u16) {
        unreachable!("BUG: not asked for")
    }
}

/// What every processor of the architecture has.
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
type Baseline = super::neon::Neon;
#[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
type Baseline = Portable;

/// What processors of all architectures have.
#[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
pub(super) struct Portable;

#[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
impl Instructions for Portable {
    type Vector = vector::Baseline;
}

/// Works out the gates of a block, and says which of its grams are candidates, but for periodic ones.
///
/// Few loops have a branch, so the compiler makes vector code of them.
#[inline(always)]
fn survivors<I: Instructions>(
    gates: &mut Gates,
    bytes: &BlockBytes,
    candidates: Candidates,
) -> Masks {
    let (even, odd) = gates.split_at_mut(BLOCK / 2);
    for (start, gates) in [&mut *even, &mut *odd].into_iter().enumerate() {
        let words = |at: usize| bytes[start + at..].as_chunks().0;
        let words = words(0).iter().zip(words(2)).zip(words(4)).zip(words(6));
        for (of_gram, (((&first, &second), &third), &fourth)) in gates.iter_mut().zip(words) {
            *of_gram = gate([first, second, third, fourth].map(u16::from_le_bytes));
        }
    }
    let mut passes = [0_u8; BLOCK];
    let highest = candidates.highest;
    for ((passes, &even), &odd) in passes.as_chunks_mut().0.iter_mut().zip(&*even).zip(&*odd) {
        let low: u16 = if even <= highest { 0x00FF } else { 0 };
        let high: u16 = if odd <= highest { 0xFF00 } else { 0 };
        *passes = (low | high).to_le_bytes();
    }
    let mut masks = [0; BLOCK / 64];
    for (number, mask) in masks.iter_mut().enumerate() {
        let passes = !load::<I::Vector>(&passes, 64 * number).equal(0).bits();
        *mask = among_candidates::<I::Vector>(&bytes[64 * number..], candidates, passes);
    }
    masks
}

/// Which of 64 grams are candidates, but for periodic ones, given those whose gate is low enough.
#[inline(always)]
pub(super) fn among_candidates<V: Vector>(
    bytes: &[u8],
    candidates: Candidates,
    low_enough: u64,
) -> u64 {
    let (first, sign, behind): (V, V, V) =
        (load(bytes, 0), load(bytes, SIGN), load(bytes, SIGN + 1));
    let space = behind.equal(b' ');
    let (stop, comma) = (sign.equal(b'.'), sign.equal(b','));
    match candidates.kind {
        Kind::Stops => (stop & space).bits() & low_enough,
        Kind::Ends => {
            let ends = sign.among(&SIGNS) & space & !comma;
            ends.bits() & (low_enough | stop.bits())
        }
        Kind::Commas => {
            let ends = sign.among(&SIGNS) & space;
            ends.bits() & (low_enough | !comma.bits())
        }
        Kind::Words => {
            let ends = sign.among(&SIGNS) & space;
            first.equal(b' ').bits() & low_enough | ends.bits()
        }
        Kind::Characters => !first.within(0x80..=0xBF).bits() & low_enough,
        Kind::All => u64::MAX,
    }
}

#[inline(always)]
fn ones(mut mask: u64, start: u32, room: &mut [u32; 64]) -> usize {
    let ones = mask.count_ones() as usize;
    // Four at once, some of which there may not be: how often that is done is predicted more easily.
    for lanes in room.as_chunks_mut::<4>().0 {
        if mask == 0 {
            break;
        }
        for lane in lanes {
            *lane = start + mask.trailing_zeros();
            mask &= mask.wrapping_sub(1);
        }
    }
    ones
}

/// The candidates at some positions, with a column for each thing that is known of them.
///
/// Places are counted from the first window, which is 1. On each side stand [`REACH`] others that
/// rank lower than any, the nearest of them at 0 and at the end, so that no window reaches over
/// these.
#[derive(Debug, Default)]
pub(super) struct Found {
    window: u32,
    count: usize,
    pub(super) places: Vec<u32>,
    pub(super) ranks: Vec<i32>,
    /// For each the place of the nearest before it that would win over it, or any place too far
    /// before it to share a window.
    lefts: Vec<u32>,
    /// Those that are the least of any window.
    kept: Vec<u32>,
    kept_count: usize,
    /// Those behind which there are windows without any, counted from the one at 0.
    gaps: Vec<u32>,
    /// What [`Self::compare_in_order`] knows of them.
    befores: Vec<u32>,
    rights: Vec<u32>,
}

/// A gram that is the least of some windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// The first of these windows; the last is that which begins with the gram.
    pub(super) first: usize,
    pub(super) at: usize,
    pub(super) rank: i32,
}

impl Found {
    /// Bytes held on the heap, nearly.
    pub(super) fn memory(&self) -> usize {
        let Self { places, lefts, kept, befores, rights, .. } = self;
        // The ranks are as many as the places.
        let columns = [places, places, lefts, kept, befores, rights];
        size_of::<u32>() * columns.map(Vec::capacity).iter().sum::<usize>()
    }

    /// Finds the candidates for some windows, and those that are the least of any.
    pub(super) fn find(
        &mut self,
        block: &mut Block,
        text: &[u8],
        window: usize,
        windows: Range<usize>,
        candidates: Candidates,
    ) {
        self.window = u32::try_from(window).expect("BUG: a window longer than a text");
        #[cfg(target_arch = "x86_64")]
        if super::x86::find(self, block, text, windows.clone(), candidates) {
            return;
        }
        self.find_with::<Baseline>(block, text, windows, candidates);
    }

    #[inline(always)]
    pub(super) fn find_with<I: Instructions>(
        &mut self,
        block: &mut Block,
        text: &[u8],
        windows: Range<usize>,
        candidates: Candidates,
    ) {
        self.scan::<I>(
            block,
            text,
            windows.start..windows.end + self.window as usize - 1,
            candidates,
        );
        self.gaps.clear();
        if I::VECTORS && self.is_sparse() {
            self.compare_neighbours::<I>();
        } else {
            self.compare_in_order();
        }
    }

    /// Finds the candidates.
    #[inline(always)]
    fn scan<I: Instructions>(
        &mut self,
        block: &mut Block,
        text: &[u8],
        positions: Range<usize>,
        candidates: Candidates,
    ) {
        self.make_room(REACH);
        for step in 0..REACH {
            self.places[REACH - 1 - step] = (step as u32).wrapping_mul(self.window).wrapping_neg();
            self.ranks[step] = -1;
        }
        let end = positions.len() as u32 + 1;
        let known = I::scan(self, block, text, positions, candidates);
        self.count = known - REACH;
        self.make_room(known + LANES + REACH);
        for step in 0..LANES + REACH {
            self.places[known + step] = end.wrapping_add((step as u32).wrapping_mul(self.window));
            self.ranks[known + step] = -1;
        }
    }

    /// The same, block after block.
    #[inline(always)]
    fn scan_blocks<I: Instructions>(
        &mut self,
        block: &mut Block,
        text: &[u8],
        positions: Range<usize>,
        candidates: Candidates,
    ) -> usize {
        let Range { start: first, end } = positions;
        let Block { gates, offsets } = block;
        let mut end_of_text;
        let mut known = REACH;
        for start in positions.step_by(BLOCK) {
            let bytes = &text[start..];
            let bytes: &BlockBytes = if let Some(bytes) = bytes.first_chunk() {
                bytes
            } else {
                end_of_text = pad(bytes);
                &end_of_text
            };
            let mut masks = survivors::<I>(gates, bytes, candidates);
            let here = end - start;
            if here < BLOCK {
                masks[here / 64] &= (1 << (here % 64)) - 1;
                masks[here / 64 + 1..].fill(0);
            }
            let mut count = 0;
            for (start, mask) in (0_u32..).step_by(64).zip(masks) {
                let room =
                    offsets[count..].first_chunk_mut().expect("BUG: more grams than a block has");
                count += I::ones(mask, start, room);
            }
            self.make_room(known + BLOCK);
            let columns = (
                self.places[known..].first_chunk_mut().expect("BUG: no room"),
                self.ranks[known..].first_chunk_mut().expect("BUG: no room"),
            );
            let grams = Grams {
                bytes,
                gates,
                offsets: &offsets[..count],
                base: (start - first) as u32 + 1,
            };
            known += match candidates.kind {
                Kind::Stops | Kind::Ends | Kind::Commas | Kind::Words => grams
                    .select(columns, |gram, gate| (rank_of_word(gram, gate), !is_periodic(gram))),
                Kind::Characters => {
                    grams.select(columns, |gram, gate| (rank(gram, gate), !is_periodic(gram)))
                }
                Kind::All => grams.select(columns, |gram, gate| (rank(gram, gate), true)),
            };
        }
        known
    }

    /// Makes room for so many candidates.
    #[inline]
    pub(super) fn make_room(&mut self, len: usize) {
        if self.places.len() < len {
            self.grow(len);
        }
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        let len = len.max(2 * self.places.len());
        self.places.resize(len, 0);
        self.ranks.resize(len, -1);
    }

    /// Whether no window reaches over more candidates than neighbours are looked at.
    #[inline(always)]
    fn is_sparse(&self) -> bool {
        let (places, ahead) = (&self.places[..self.count + REACH], &self.places[REACH..]);
        let least = places.iter().zip(ahead).map(|(place, ahead)| ahead.wrapping_sub(*place)).min();
        // Beyond that, places outside would overflow into places inside.
        least >= Some(self.window) && self.window < u32::MAX / 2 / (LANES + 2 * REACH) as u32
    }

    /// One candidate is the least of a window if that window finds room between the next before it that wins
    /// over it and the next behind.
    #[inline(always)]
    fn compare_neighbours<I: Instructions>(&mut self) {
        self.make_room_for_results();
        let lanes = self.count.next_multiple_of(LANES);
        if self.places[REACH] > self.window {
            self.gaps.push(0);
        }
        for (number, lefts) in self.lefts[..lanes].as_chunks_mut().0.iter_mut().enumerate() {
            let start = number * LANES;
            let around = Around {
                places: self.places[start..].first_chunk().expect("BUG: neighbours on both sides"),
                ranks: self.ranks[start..].first_chunk().expect("BUG: neighbours on both sides"),
                window: self.window,
            };
            let (mut kept, mut wide) = I::nearest(around, lefts);
            let here = u16::MAX >> (start + LANES).saturating_sub(self.count);
            (kept, wide) = (kept & here, wide & here);
            let room = self.kept[self.kept_count..].first_chunk_mut().expect("BUG: no room");
            self.kept_count += I::ones(kept.into(), start as u32, room);
            while wide != 0 {
                self.gaps.push(start as u32 + wide.trailing_zeros() + 1);
                wide &= wide - 1;
            }
        }
    }

    /// The same one by one, for any number of candidates. From each, a chain leads to the one
    /// before it that wins over it, and so on: those passed by on the way have found the one behind
    /// that wins over them, and are met no more.
    fn compare_in_order(&mut self) {
        self.make_room_for_results();
        let ends = REACH - 1..REACH + self.count + 1;
        let (places, ranks) = (&self.places[ends.clone()], &self.ranks[ends]);
        self.befores.resize(places.len(), 0);
        self.rights.resize(places.len(), 0);
        let (befores, rights) = (&mut self.befores[..], &mut self.rights[..]);
        for this in 1..places.len() {
            let mut before = this - 1;
            while ranks[before] > ranks[this] {
                rights[before] = places[this];
                before = befores[before] as usize;
            }
            befores[this] = before as u32;
        }
        for this in 1..places.len() {
            if places[this] - places[this - 1] > self.window {
                self.gaps.push(this as u32 - 1);
            }
        }
        for this in 1..=self.count {
            self.lefts[this - 1] = places[befores[this] as usize];
            self.kept[self.kept_count] = this as u32 - 1;
            self.kept_count += usize::from(rights[this] - self.lefts[this - 1] > self.window);
        }
    }

    fn make_room_for_results(&mut self) {
        self.kept_count = 0;
        let len = self.count + LANES + 64;
        if self.lefts.len() < len {
            self.lefts.resize(len, 0);
            self.kept.resize(len, 0);
        }
    }

    /// Passes on, in order of their places, those that are the least of any window, and ranges of
    /// windows without candidates.
    #[inline(never)]
    pub(super) fn each(&self, start: usize, mut on: impl FnMut(Step)) {
        let mut kept =
            self.kept[..self.kept_count].iter().map(|&number| number as usize).peekable();
        let place = |number: usize| self.places[REACH + number];
        let keep = |number: usize| {
            let place = place(number);
            let windows =
                place.wrapping_sub(self.lefts[number]).min(place).min(self.window) as usize;
            let at = start + place as usize - 1;
            Step::Kept(Kept { first: at + 1 - windows, at, rank: self.ranks[REACH + number] })
        };
        for &gap in &self.gaps {
            let gap = gap as usize;
            while let Some(number) = kept.next_if(|&number| number < gap) {
                on(keep(number));
            }
            let before = self.places[REACH - 1 + gap] as usize;
            on(Step::Gap(start + before..start + place(gap) as usize - self.window as usize));
        }
        for number in kept {
            on(keep(number));
        }
    }
}

pub(super) enum Step {
    Kept(Kept),
    Gap(Range<usize>),
}

/// Some grams of a block.
struct Grams<'a> {
    bytes: &'a BlockBytes,
    gates: &'a Gates,
    offsets: &'a [u32],
    /// The place of the first gram of the block.
    base: u32,
}

impl Grams<'_> {
    /// Writes the places and ranks of those that are wanted, and says how many there are.
    #[inline(always)]
    fn select(
        &self,
        (places, ranks): (&mut [u32; BLOCK], &mut [i32; BLOCK]),
        rank: impl Fn(u64, u16) -> (i32, bool),
    ) -> usize {
        let mut count = 0;
        for &offset in self.offsets {
            // Below the length of a block anyway, as the compiler can see now.
            let at = offset as u8;
            let gram =
                self.bytes[usize::from(at)..].first_chunk().expect("BUG: a gram beyond the block");
            let (rank, wanted) = rank(u64::from_le_bytes(*gram), self.gates[gate_at(at)]);
            // Without branches, which would be mispredicted at every candidate.
            places[count % BLOCK] = self.base + offset;
            ranks[count % BLOCK] = rank;
            count += usize::from(wanted);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_come_before_other_ends_and_these_before_words() {
        let classes: [(i32, &[&str]); 6] = [
            (0, &["rain. Sn", " day. No"]),
            (ENDS, &["ows)\" Th", " was: bu", "\u{FC}rd! Es"]),
            (COMMAS, &["rain, sn", "(ab), (b"]),
            (WORDS, &[" rain.Sn", " rain-sn", " a, b, c"]),
            (WITHIN_WORDS, &["rain.Sno", "rain-sno", "ain, sno", "3.14159,"]),
            (PERIODIC, &["--------", ". . . . ", "abcdabcd"]),
        ];
        for (least, grams) in classes {
            for gram in grams {
                let rank = rank_of(gram.as_bytes());
                let class = rank & !(ENDS - 1);
                assert!(class == least || least == PERIODIC && class >= PERIODIC, "{gram:?}");
            }
        }
        let inside = |text: &'static str| rank_of(&text.as_bytes()[1..]);
        assert_eq!(inside("\u{E9}\u{E9}\u{E9}\u{E9}a"), i32::MAX);
        assert!(inside("\u{E9}tat. Le") < ENDS);
    }

    #[test]
    fn the_widest_windows_have_few_candidates() {
        for (sample, expected) in [
            ("some words without an end ", Kind::Words),
            ("no, stop, but, commas, ", Kind::Commas),
            ("There are ends. ", Kind::Stops),
        ] {
            let sample = sample.repeat(1 << 15);
            let Candidates { kind, highest } = Candidates::first(1 << 20, sample.as_bytes());
            assert_eq!(kind, expected);
            assert!(highest < 10, "{highest}");
        }
    }

    type Find = fn(&mut Found, &mut Block, &[u8], Range<usize>, Candidates);

    /// All that this processor can do.
    fn finders() -> Vec<(&'static str, Find)> {
        #[cfg_attr(
            not(target_arch = "x86_64"),
            expect(unused_mut, reason = "others have one instruction set")
        )]
        let mut finders: Vec<(&str, Find)> = vec![
            ("portable", |found, block, text, windows, of| {
                found.find_with::<Portable>(block, text, windows, of);
            }),
            ("all that there is", |found, block, text, windows, of| {
                found.find(block, text, found.window as usize, windows, of);
            }),
        ];
        #[cfg(target_arch = "x86_64")]
        {
            use super::super::x86::{find_avx2, find_avx512};
            use crate::processor::{Level, level};
            if level() >= Level::Avx2 {
                finders.push(("AVX2", |found, block, text, windows, of| {
                    // SAFETY: it is there.
                    #[expect(unsafe_code, reason = "the one way to call it")]
                    unsafe {
                        find_avx2(found, block, text, windows, of);
                    }
                }));
            }
            if level() >= Level::Avx512 {
                finders.push(("AVX-512", |found, block, text, windows, of| {
                    // SAFETY: it is there.
                    #[expect(unsafe_code, reason = "the one way to call it")]
                    unsafe {
                        find_avx512(found, block, text, windows, of);
                    }
                }));
            }
        }
        finders
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Event {
        Kept { windows: Range<usize>, rank: i32 },
        None(Range<usize>),
    }

    /// The leftmost least candidate of each window.
    fn by_definition(
        text: &[u8],
        window: usize,
        windows: Range<usize>,
        candidates: Candidates,
    ) -> Vec<Event> {
        let is_end =
            |signs: &[u8], at: usize| signs.contains(&text[at + 4]) && text[at + 5] == b' ';
        let Candidates { kind, highest } = candidates;
        let is_low = |at: usize| gate_of(&text[at..]) <= highest;
        let is_candidate = |at: usize| match kind {
            Kind::Stops => is_end(b".", at) && is_low(at),
            Kind::Ends => is_end(b".", at) || is_end(b":;!?)\"", at) && is_low(at),
            Kind::Commas => is_end(b".:;!?)\"", at) || is_end(b",", at) && is_low(at),
            Kind::Words => text[at] == b' ' && is_low(at) || is_end(b".:;!?)\",", at),
            Kind::Characters => text[at] & 0xC0 != 0x80 && is_low(at),
            Kind::All => true,
        };
        let differs = |at: usize| text[at..at + 4] != text[at + 4..at + 8];
        let is_chosen = |at: usize| is_candidate(at) && (kind == Kind::All || differs(at));
        // Once for each, not for each window that it lies in.
        let grams = windows.end - 1 + window;
        let ranks: Vec<Option<(i32, usize)>> =
            (0..grams).map(|at| is_chosen(at).then(|| (rank_of(&text[at..]), at))).collect();
        let mut events: Vec<Event> = Vec::new();
        for start in windows {
            let mut least = None;
            for rank in &ranks[start..start + window] {
                if rank.is_some() && (least.is_none() || *rank < least) {
                    least = *rank;
                }
            }
            match (events.last_mut(), least) {
                (Some(Event::Kept { windows, .. }), Some((_, at))) if windows.end == at + 1 => {}
                (Some(Event::None(windows)), None) => windows.end += 1,
                (_, Some((rank, at))) => events.push(Event::Kept { windows: start..at + 1, rank }),
                (_, None) => events.push(Event::None(start..start + 1)),
            }
        }
        events
    }

    fn texts() -> Vec<Vec<u8>> {
        let mut state = 3_u64;
        let mut below = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from((state >> 33) % most).unwrap()
        };
        let mut texts = Vec::new();
        for alphabet in [
            "ab",
            "abcdefghijklm ",
            "a é中🦀b ",
            "-. ",
            "äöü",
            " ",
            "e t a o i",
            "abcdé .,",
            "abcdefghijklmnop .. ",
        ] {
            let characters: Vec<char> = alphabet.chars().collect();
            for _ in 0..3 {
                let len = 100 + below(900);
                let text: String =
                    (0..len).map(|_| characters[below(characters.len() as u64)]).collect();
                texts.push(text.into_bytes());
            }
            let unit = &texts.last().unwrap()[..7 + below(50)].to_vec();
            texts.push([texts.last().unwrap().as_slice(), &unit.repeat(20)].concat());
        }
        let bytes: Vec<u8> = (0..2000).map(|_| u8::try_from(below(256)).unwrap()).collect();
        texts.push(bytes);
        texts
    }

    #[test]
    fn found_is_what_the_definition_says_on_every_instruction_set() {
        let (mut found, mut block) = (Found::default(), Block::default());
        for text in texts() {
            for window in [2, 25, 57, 176, 600] {
                let Some(grams) = (text.len() - ORDERED + 1).checked_sub(window + 3) else {
                    continue;
                };
                let kinds = [Kind::Stops, Kind::Ends, Kind::Commas, Kind::Words, Kind::Characters];
                let candidates = kinds
                    .into_iter()
                    .flat_map(|kind| [0, 3000, 12_000, u16::MAX].map(|highest| (kind, highest)))
                    .chain([(Kind::All, u16::MAX)])
                    .map(|(kind, highest)| Candidates { kind, highest });
                for candidates in candidates {
                    let windows = 2..grams + 3;
                    let expected = by_definition(&text, window, windows.clone(), candidates);
                    for (name, find) in finders() {
                        found.window = u32::try_from(window).unwrap();
                        find(&mut found, &mut block, &text, windows.clone(), candidates);
                        let mut events = Vec::new();
                        found.each(windows.start, |step| {
                            events.push(match step {
                                Step::Kept(Kept { first, at, rank }) => {
                                    Event::Kept { windows: first..at + 1, rank }
                                }
                                Step::Gap(windows) => Event::None(windows),
                            });
                        });
                        let text = String::from_utf8_lossy(&text);
                        assert_eq!(events, expected, "{name}, {window}, {candidates:?}: {text}");
                    }
                }
            }
        }
    }
}
