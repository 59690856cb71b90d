//! Anchors: places that any two equal runs of text have in common.
//!
//! The canonical text is cut into overlapping grams of k bytes. Of every window of w grams the
//! least, under a random order, is kept: winnowing (Schleimer, Wilkerson, Aiken 2003), also known
//! as random minimizers (Roberts et al. 2004). Which gram a window keeps depends on the bytes of
//! the window alone, so two equal runs of T = w + k - 1 bytes keep the same one, wherever they
//! stand. On random text 2 / (w + 1) of all places are kept.
//!
//! Four rules keep this true and cheap:
//!
//! - Grams that begin with a space come first, by a hash of their first eight bytes. A window of
//!   text has dozens of them, of which one is the least as often as one of all grams would be, and
//!   only one byte in six has to be hashed. Windows without a space are done again with all grams.
//! - Ties go to the leftmost, which is a function of the window too. ("Keep the previous minimum"
//!   is not: then two equal runs could keep different places, and comparing them there can find
//!   less than T bytes.)
//! - Leftmost ties would keep every place of a long run of dashes. A run that repeats itself
//!   with period d is its own copy d bytes on, so [`Anchors::periods`] says so once, and only
//!   the windows at its edges keep anchors.
//! - Only hashes below a threshold can win in nearly all windows, so only those are compared with
//!   each other; windows without any are done again with a higher threshold.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::mask::gather;

/// The version of the choice of anchors, their keys included: an index on disk is of use only to the same one.
#[cfg(feature = "index")]
pub(crate) const VERSION: u32 = 2;

/// The sizes that anchors are chosen with.
///
/// The guarantee is for runs of `span` bytes; `gram` and `window` follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    span: usize,
    gram: usize,
}

impl Scheme {
    /// The least span.
    pub const MIN_SPAN: usize = 32;

    /// The scheme that finds every run of `span` bytes.
    ///
    /// Grams have an eighth of the span, between 8 and 32 bytes: longer grams are rarer, which
    /// saves comparisons; shorter ones leave a wider window, which saves memory.
    ///
    /// # Panics
    ///
    /// If `span` is below [`MIN_SPAN`](Self::MIN_SPAN).
    pub fn new(span: usize) -> Self {
        assert!(span >= Self::MIN_SPAN, "a span of {span} bytes is too short");
        Self { span, gram: (span / 8).clamp(8, 32) }
    }

    /// A scheme with grams of a length of their own.
    pub(crate) fn with_gram(span: usize, gram: usize) -> Self {
        debug_assert!(gram >= ORDERED && gram < span, "BUG: {gram} bytes of {span}");
        Self { span, gram }
    }

    /// T: the length in bytes of the runs that are found.
    pub fn span(&self) -> usize {
        self.span
    }

    /// k: the length in bytes of a gram.
    pub fn gram(&self) -> usize {
        self.gram
    }

    /// w: how many grams a window holds.
    pub fn window(&self) -> usize {
        self.span - self.gram + 1
    }
}

/// The anchors of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchors {
    /// Where they stand, in increasing order.
    pub places: Vec<Anchor>,
    /// Places where the text begins to repeat itself, with the distance: the text at `at + distance`
    /// equals that at `at` for long enough that anchors inside were left out.
    pub periods: Vec<Period>,
}

/// A gram that was kept: byte offset into the canonical text, and the hash of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Offset of the gram's first byte.
    pub at: u32,
    /// Hash of the gram.
    pub key: u64,
}

/// A stretch of text that equals itself `distance` bytes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Where the stretch begins.
    pub at: u32,
    /// How far apart the equal bytes are.
    pub distance: u32,
}

/// Chooses the anchors of a canonical text; a text shorter than the span has none.
///
/// # Panics
///
/// If `canonical` is 4 GiB or longer.
///
/// # Complexity
///
/// Linear in the length of the text.
pub fn anchors(canonical: &[u8], scheme: &Scheme) -> Anchors {
    choose(canonical, scheme, true)
}

/// The same, with those inside periodic stretches too: for those who do not want to find that a text
/// repeats itself.
pub(crate) fn all_anchors(canonical: &[u8], scheme: &Scheme) -> Anchors {
    choose(canonical, scheme, false)
}

fn choose(canonical: &[u8], scheme: &Scheme, heed_periods: bool) -> Anchors {
    assert!(u32::try_from(canonical.len()).is_ok(), "a text of 4 GiB or more");
    if canonical.len() < scheme.span {
        return Anchors::default();
    }
    let mut chooser = Chooser {
        canonical,
        scheme: *scheme,
        chosen: Anchors {
            // As many as there are on average, and some more.
            places: Vec::with_capacity(canonical.len() * 9 / 4 / scheme.window() + 4),
            periods: Vec::new(),
        },
        heed_periods,
        last: None,
        periodic: None,
    };
    chooser.run();
    chooser.chosen
}

/// The hash of canonical bytes under which they are looked up.
pub(crate) fn key(canonical: &[u8], domain: u64) -> u64 {
    xxh3_64_with_seed(canonical, domain)
}

/// Bytes that the order of grams looks at.
const ORDERED: usize = 8;

/// The place of a gram among others of its kind: a multiplicative hash of the two halves of its
/// first bytes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
fn hash(first: u32, second: u32) -> u32 {
    let mixed = first.wrapping_mul(0x9E37_79B1).wrapping_add(second.wrapping_mul(0x85EB_CA77));
    (mixed ^ (mixed >> 15)).wrapping_mul(0xC2B2_AE3D) >> (u32::BITS - HASH_BITS)
}

/// The place in the order of a gram that begins with these two halves; the least wins.
///
/// Grams that begin with a space come first, then all others but those with a period of one, two
/// or four bytes (dashes, dot leaders, table rules): a short row of them is no anchor. Bytes
/// inside a character come last of all, so that anchors stand on character boundaries where there
/// is any.
#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
fn rank(first: u32, second: u32) -> u32 {
    // Without branches, as `hash` decides and not what is likely.
    let begins = first & 0xFF;
    let within_words = u32::from(begins != u32::from(b' ')) << HASH_BITS;
    let periodic = u32::from(first == second) << (HASH_BITS + 1);
    let inside = if begins & 0xC0 == 0x80 { u32::MAX } else { 0 };
    hash(first, second) | within_words | periodic | inside
}

fn halves_of(gram: [u8; ORDERED]) -> (u32, u32) {
    let [first, second] = gram.as_chunks().0 else {
        unreachable!("BUG: eight bytes are two halves")
    };
    (u32::from_le_bytes(*first), u32::from_le_bytes(*second))
}

/// The least rank of grams that do not begin with a space, and that are periodic.
const WITHIN_WORDS: u32 = 1 << HASH_BITS;
const PERIODIC: u32 = 2 * WITHIN_WORDS;

const HASH_BITS: u32 = 30;

/// Which grams of a window are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidates {
    /// Those that begin with a space and rank no higher than this.
    Words(u32),
    /// Those that rank no higher than this.
    All(u32),
}

impl Candidates {
    /// Eight in a window on average: one window in some thousands has none.
    fn first(window: usize) -> Self {
        Self::Words(Self::eight_in(window / 6))
    }

    /// More of them, for windows that have none of these.
    fn next(self, window: usize) -> Self {
        match self {
            Self::Words(threshold) if threshold < WITHIN_WORDS - 1 => Self::Words(WITHIN_WORDS - 1),
            Self::Words(_) => Self::All(WITHIN_WORDS | Self::eight_in(window)),
            Self::All(threshold @ ..PERIODIC) => {
                let hash = (threshold - WITHIN_WORDS).saturating_mul(3);
                Self::All(hash.saturating_add(WITHIN_WORDS).min(PERIODIC))
            }
            Self::All(_) => Self::All(u32::MAX),
        }
    }

    fn eight_in(grams: usize) -> u32 {
        let grams = u32::try_from(grams).unwrap_or(u32::MAX).max(1);
        (WITHIN_WORDS / grams).max(1).saturating_mul(8).min(WITHIN_WORDS - 1)
    }

    fn threshold(self) -> u32 {
        match self {
            Self::Words(threshold) | Self::All(threshold) => threshold,
        }
    }
}

/// Grams that are hashed at a time.
const BLOCK: usize = 256;

/// The bytes that the grams of a block are ordered by.
type BlockBytes = [u8; BLOCK + ORDERED];

/// Some grams of a block, with a column for each thing that is known of them.
struct Grams {
    count: usize,
    offsets: [u32; BLOCK + Self::LANES],
    /// The halves of the bytes that they are ordered by.
    firsts: [u32; BLOCK],
    seconds: [u32; BLOCK],
    ranks: [u32; BLOCK],
    selected: [Candidate; BLOCK],
}

impl Grams {
    /// Grams that are done together, some of which there may not be: how often that is done is predicted more easily.
    const LANES: usize = 8;

    fn new() -> Self {
        Self {
            count: 0,
            offsets: [0; BLOCK + Self::LANES],
            firsts: [0; BLOCK],
            seconds: [0; BLOCK],
            ranks: [0; BLOCK],
            selected: [Candidate::NONE; BLOCK],
        }
    }

    /// Takes those of a block that the masks have a bit for.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
    fn take(&mut self, bytes: &BlockBytes, masks: [u64; BLOCK / 64]) {
        self.count = 0;
        for (start, mut mask) in (0_u32..).step_by(64).zip(masks) {
            let count = mask.count_ones() as usize;
            let room = &mut self.offsets[self.count..][..count.next_multiple_of(Self::LANES)];
            for lanes in room.as_chunks_mut::<{ Self::LANES }>().0 {
                for offset in lanes {
                    *offset = start + mask.trailing_zeros();
                    mask &= mask.wrapping_sub(1);
                }
            }
            self.count += count;
        }
        let halves = self.firsts[..self.count].iter_mut().zip(&mut self.seconds[..self.count]);
        for ((first, second), &offset) in halves.zip(&self.offsets[..self.count]) {
            // Below the length of the block anyway, as the compiler can see now.
            let gram = bytes[offset as usize % BLOCK..].first_chunk();
            (*first, *second) = halves_of(*gram.expect("BUG: a gram beyond the block"));
        }
    }

    /// Works out the ranks.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
    fn rank(&mut self) {
        let lanes = ..self.count.next_multiple_of(Self::LANES);
        let halves = self.firsts[lanes].iter().zip(&self.seconds[lanes]);
        for (rank_of, (&first, &second)) in self.ranks[lanes].iter_mut().zip(halves) {
            *rank_of = rank(first, second);
        }
    }

    /// Adds those whose rank is not above the threshold.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
    fn select(&mut self, start: usize, threshold: u32, found: &mut Vec<Candidate>) {
        let mut count = 0;
        for (&offset, &rank) in self.offsets[..self.count].iter().zip(&self.ranks[..self.count]) {
            // Without branches, which would be mispredicted at every candidate.
            self.selected[count % BLOCK] = Candidate::new(start + offset as usize, rank);
            count += usize::from(rank <= threshold);
        }
        found.extend_from_slice(&self.selected[..count]);
    }
}

/// One bit for each gram of the block that begins with a space.
#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
fn spaces(bytes: &BlockBytes) -> [u64; BLOCK / 64] {
    let mut masks = [0; BLOCK / 64];
    for (mask, bytes) in masks.iter_mut().zip(bytes.as_chunks::<64>().0) {
        let mut spaces = [0_u8; 64];
        for (space, &byte) in spaces.iter_mut().zip(bytes) {
            *space = u8::from(byte == b' ');
        }
        *mask = gather(&spaces);
    }
    masks
}

/// One bit for each gram of the block whose hash is not above `threshold`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
fn survivors(bytes: &BlockBytes, threshold: u32) -> [u64; BLOCK / 64] {
    let mut pairs = [0; BLOCK + ORDERED / 2 + 2];
    let mut halves = [0; BLOCK + ORDERED / 2];
    let mut survives = [0; BLOCK];
    for (i, pair) in pairs.iter_mut().enumerate() {
        *pair = u16::from_le_bytes([bytes[i], bytes[i + 1]]);
    }
    for (i, half) in halves.iter_mut().enumerate() {
        *half = u32::from(pairs[i]) | u32::from(pairs[i + 2]) << 16;
    }
    for (i, survives) in survives.iter_mut().enumerate() {
        *survives = u8::from(hash(halves[i], halves[i + 4]) <= threshold);
    }
    let mut masks = [0; BLOCK / 64];
    for (mask, bytes) in masks.iter_mut().zip(survives.as_chunks().0) {
        *mask = gather(bytes);
    }
    masks
}

/// Adds the candidates among the grams at some positions.
fn scan(
    canonical: &[u8],
    positions: Range<usize>,
    candidates: Candidates,
    found: &mut Vec<Candidate>,
) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") {
        #[target_feature(enable = "avx2,bmi1")]
        fn scan_avx2(
            canonical: &[u8],
            positions: Range<usize>,
            candidates: Candidates,
            found: &mut Vec<Candidate>,
        ) {
            scan_portable(canonical, positions, candidates, found);
        }
        // SAFETY: the instructions that it is compiled for were just found to be there.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        return unsafe { scan_avx2(canonical, positions, candidates, found) };
    }
    scan_portable(canonical, positions, candidates, found);
}

/// Compiled for every instruction set that [`scan`] knows; few loops have a branch, so the
/// compiler makes vector code of them.
#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
fn scan_portable(
    canonical: &[u8],
    positions: Range<usize>,
    candidates: Candidates,
    found: &mut Vec<Candidate>,
) {
    let end = positions.end;
    let mut grams = Grams::new();
    let mut padded = [0; BLOCK + ORDERED];
    for start in positions.step_by(BLOCK) {
        let bytes = &canonical[start..];
        let bytes = bytes.first_chunk().unwrap_or_else(|| {
            padded[..bytes.len()].copy_from_slice(bytes);
            &padded
        });
        let mut masks = match candidates {
            Candidates::Words(_) => spaces(bytes),
            Candidates::All(threshold @ WITHIN_WORDS..PERIODIC) => {
                survivors(bytes, threshold - WITHIN_WORDS)
            }
            Candidates::All(_) => [u64::MAX; BLOCK / 64],
        };
        let here = end - start;
        if here < BLOCK {
            masks[here / 64] &= (1 << (here % 64)) - 1;
            masks[here / 64 + 1..].fill(0);
        }
        grams.take(bytes, masks);
        grams.rank();
        grams.select(start, candidates.threshold(), found);
    }
}

/// A gram and its rank in one word, so that the least of several is the leftmost of the least rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate(u64);

impl Candidate {
    /// More than any other.
    const NONE: Self = Self(u64::MAX);

    fn new(at: usize, rank: u32) -> Self {
        Self(u64::from(rank) << 32 | at as u64)
    }

    fn rank(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    fn at(self) -> usize {
        self.0 as u32 as usize
    }
}

/// Windows whose candidates are held at a time, if these are not wide: those that reach over the end are looked at twice.
const STRETCH: usize = 1 << 16;

struct Chooser<'a> {
    canonical: &'a [u8],
    scheme: Scheme,
    chosen: Anchors,
    heed_periods: bool,
    /// The place kept last, with its rank.
    last: Option<(usize, u32)>,
    /// A stretch known to equal itself: start, end, distance.
    periodic: Option<(usize, usize, usize)>,
}

impl Chooser<'_> {
    fn run(&mut self) {
        let windows = self.canonical.len() - self.scheme.span + 1;
        let window = self.scheme.window();
        let stretch = STRETCH.max(8 * window);
        let mut found = Vec::new();
        for start in (0..windows).step_by(stretch) {
            let windows = start..windows.min(start + stretch);
            self.winnow(windows, Candidates::first(window), &mut found);
        }
    }

    /// Keeps a gram for each of the windows, which are named by their first byte. What `found` holds is overwritten.
    ///
    /// The candidates of the window at hand are held in two parts, of which each is asked for its least without a look at the
    /// others: before `middle`, each candidate is replaced by the least from it on; of those behind, `entered` is the least.
    fn winnow(
        &mut self,
        windows: Range<usize>,
        candidates: Candidates,
        found: &mut Vec<Candidate>,
    ) {
        let window = self.scheme.window();
        found.clear();
        let positions = windows.start..windows.end + window - 1;
        scan(self.canonical, positions, candidates, found);
        let mut start = windows.start; // of the window at hand
        let (mut first, mut middle, mut end) = (0, 0, 0);
        let mut entered = Candidate::NONE;
        while start < windows.end {
            while let Some(&next) = found.get(end).filter(|next| next.at() < start + window) {
                entered = entered.min(next);
                end += 1;
            }
            if first == middle {
                first += found[first..end].iter().take_while(|gone| gone.at() < start).count();
                middle = end;
                entered = Candidate::NONE;
                let mut least = Candidate::NONE;
                for candidate in found[first..middle].iter_mut().rev() {
                    least = least.min(*candidate);
                    *candidate = least;
                }
            }
            if first == end {
                // No window before the next candidate has any.
                let next = found.get(end).map_or(windows.end, |next| next.at() + 1 - window);
                let until = next.min(windows.end);
                assert!(candidates.threshold() < u32::MAX, "BUG: a window without grams");
                self.winnow(start..until, candidates.next(window), &mut Vec::new());
                start = until;
                continue;
            }
            let mut least = found[first].min(entered);
            self.keep(start, least.at(), least.rank());
            // Until it has left the window, only a lesser one that enters takes its place.
            while let Some(&next) = found.get(end).filter(|next| next.at() < least.at() + window) {
                entered = entered.min(next);
                end += 1;
                if next.rank() < least.rank() {
                    least = next;
                    start = least.at() + 1 - window;
                    self.keep(start, least.at(), least.rank());
                }
            }
            start = least.at() + 1;
            first += found[first..middle].iter().take_while(|gone| gone.at() < start).count();
        }
    }

    /// Keeps the gram at `at` for the windows from `first` to `at`, or fewer.
    fn keep(&mut self, first: usize, at: usize, rank: u32) {
        let span = self.scheme.span;
        if self.last == Some((at, rank)) {
            return; // kept for windows of the stretch before
        }
        if let Some((last, last_rank)) = self.last
            && last_rank == rank
            && self.heed_periods
            && self.periodic.is_none_or(|(_, end, _)| at >= end)
        {
            self.measure_period(last, at);
        }
        self.last = Some((at, rank));
        if let Some((start, end, distance)) = self.periodic {
            // The windows from `first` to `at` need no anchor if the same run stands `distance`
            // bytes before and is found as the text's own copy.
            if first >= start + distance && at + span <= end {
                return;
            }
        }
        let gram = &self.canonical[at..at + self.scheme.gram];
        #[expect(clippy::cast_possible_truncation, reason = "`anchors` checked the length")]
        self.chosen.places.push(Anchor { at: at as u32, key: key(gram, 0) });
    }

    /// Finds how far the text around `first` and `second` equals itself.
    fn measure_period(&mut self, first: usize, second: usize) {
        let equal = |a: usize, b: usize| self.canonical[a] == self.canonical[b];
        let distance = second - first;
        let ahead =
            (second..self.canonical.len()).take_while(|&at| equal(at, at - distance)).count();
        let floor = self.periodic.map_or(0, |(_, end, _)| end.min(first));
        let back = (floor..first).rev().take_while(|&at| equal(at, at + distance)).count();
        let (start, end) = (first - back, second + ahead);
        if end - start >= self.scheme.span + distance {
            self.periodic = Some((start, end, distance));
            #[expect(clippy::cast_possible_truncation, reason = "`anchors` checked the length")]
            self.chosen.periods.push(Period { at: start as u32, distance: distance as u32 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: the leftmost least gram of every window.
    fn by_definition(text: &[u8], scheme: &Scheme) -> Vec<usize> {
        let half = |gram: &[u8]| u32::from_le_bytes(*gram.first_chunk().unwrap());
        let ranks: Vec<u32> =
            text.windows(ORDERED).map(|gram| rank(half(gram), half(&gram[4..]))).collect();
        let mut places = Vec::new();
        for start in 0..(text.len() + 1).saturating_sub(scheme.span()) {
            let least = (start..start + scheme.window()).min_by_key(|&at| (ranks[at], at)).unwrap();
            if places.last() != Some(&least) {
                places.push(least);
            }
        }
        places
    }

    fn random(len: usize, alphabet: u64, mut state: u64) -> Vec<u8> {
        (0..len)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                b'a' + u8::try_from((state >> 33) % alphabet).unwrap()
            })
            .collect()
    }

    #[test]
    fn equals_the_definition_where_nothing_is_periodic() {
        for span in [32, 33, 64, 200, 512] {
            let scheme = Scheme::new(span);
            for len in [0, span - 1, span, span + 1, 5000, 9000] {
                let text = random(len, 20, span as u64);
                let anchors = anchors(&text, &scheme);
                assert!(anchors.periods.is_empty());
                let places: Vec<usize> =
                    anchors.places.iter().map(|anchor| anchor.at as usize).collect();
                assert_eq!(places, by_definition(&text, &scheme), "span {span}, length {len}");
            }
        }
    }

    #[test]
    fn stretches_are_chosen_from_as_one() {
        let text: Vec<u8> = random(3 * STRETCH, 20, 5)
            .into_iter()
            .map(|byte| if byte == b'a' { b' ' } else { byte })
            .collect();
        for span in [32, 200, 20_000] {
            let scheme = Scheme::new(span);
            let anchors = anchors(&text, &scheme);
            let places: Vec<usize> =
                anchors.places.iter().map(|anchor| anchor.at as usize).collect();
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{span}");
            let end = STRETCH.max(8 * scheme.window());
            // All windows near the end of a stretch, and some more that reach over it.
            for at in (end - 50..end + 50).chain((end - span..end).step_by(span / 20)) {
                let chosen = by_definition(&text[at..at + span], &scheme)[0] + at;
                assert!(places.binary_search(&chosen).is_ok(), "span {span}, window {at}");
            }
        }
    }

    #[test]
    fn what_is_left_out_of_periodic_text_repeats_itself() {
        let scheme = Scheme::new(64);
        for unit in ["-", "ab", "abc", "ab cd", "0123456", "eine Zeile mit Text\n", "ä", "中"] {
            let mut text = random(300, 20, 7);
            text.extend(unit.repeat(4000 / unit.len()).into_bytes());
            text.extend(random(300, 20, 9));
            let anchors = anchors(&text, &scheme);
            assert!(anchors.places.len() < 700, "{unit:?}: {} anchors", anchors.places.len());
            let places: Vec<usize> =
                anchors.places.iter().map(|anchor| anchor.at as usize).collect();
            let mut kept = 0;
            for start in 0..=text.len() - scheme.span() {
                let chosen = by_definition(&text[start..start + scheme.span()], &scheme)[0] + start;
                kept += 1;
                let own_copy = anchors.periods.iter().any(|period| {
                    let (at, distance) = (period.at as usize, period.distance as usize);
                    let run = (at + distance..text.len())
                        .take_while(|&i| text[i] == text[i - distance])
                        .count();
                    start >= at + distance && start + scheme.span() <= at + distance + run
                });
                assert!(own_copy || places.contains(&chosen), "{unit:?}: window at {start}");
            }
            assert!(kept > 0);
        }
    }

    #[test]
    fn density_is_that_of_random_minimizers() {
        let scheme = Scheme::new(200);
        let text = random(1 << 20, 26, 1);
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let density = anchors(&text, &scheme).places.len() as f64 / text.len() as f64;
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let expected = 2.0 / (scheme.window() + 1) as f64;
        assert!((density / expected - 1.0).abs() < 0.05, "{density} against {expected}");
    }

    #[test]
    fn candidates_are_the_same_on_every_instruction_set() {
        let half = |bytes: &[u8]| u32::from_le_bytes(*bytes.first_chunk().unwrap());
        for seed in 0..20 {
            let text: Vec<u8> = random(3 * BLOCK, if seed % 2 == 0 { 4 } else { 24 }, seed)
                .into_iter()
                .map(|byte| if byte == b'b' { b' ' } else { byte })
                .collect();
            let positions = 7..2 * BLOCK + 99;
            let few = Candidates::first(50);
            let many = few.next(50);
            let all = many.next(50);
            for candidates in [few, many, all, all.next(50), Candidates::All(u32::MAX)] {
                let (mut here, mut portable) = (Vec::new(), Vec::new());
                scan(&text, positions.clone(), candidates, &mut here);
                scan_portable(&text, positions.clone(), candidates, &mut portable);
                let expected: Vec<Candidate> = positions
                    .clone()
                    .map(|at| Candidate::new(at, rank(half(&text[at..]), half(&text[at + 4..]))))
                    .filter(|found| found.rank() <= candidates.threshold())
                    .filter(|found| match candidates {
                        // Higher words were candidates before.
                        Candidates::All(threshold @ WITHIN_WORDS..PERIODIC) => {
                            found.rank() % WITHIN_WORDS <= threshold % WITHIN_WORDS
                        }
                        _ => true,
                    })
                    .collect();
                assert!(here == expected && portable == expected, "{candidates:?}");
            }
        }
    }
}
