//! Anchors: places that any two equal runs of text have in common.
//!
//! The canonical text is cut into overlapping grams of k bytes. Of every window of w grams the
//! least, under a random order, is kept: winnowing (Schleimer, Wilkerson, Aiken 2003), also known
//! as random minimizers (Roberts et al. 2004). Which gram a window keeps depends on the bytes of
//! the window alone, so two equal runs of T = w + k - 1 bytes keep the same one, wherever they
//! stand. On random text 2 / (w + 1) of all places are kept.
//!
//! Three rules keep this true and cheap:
//!
//! - The order is a hash of the first eight bytes of the gram. Ties go to the leftmost, which is a
//!   function of the window too. ("Keep the previous minimum" is not: then two equal runs could
//!   keep different places, and comparing them there can find less than T bytes.)
//! - Leftmost ties would keep every place of a long run of dashes. A run that repeats itself
//!   with period d is its own copy d bytes on, so [`Anchors::periods`] says so once, and only
//!   the windows at its edges keep anchors.
//! - Only hashes below a threshold can win in nearly all windows, so only those enter the queue;
//!   windows without any are done again without the threshold.

use std::collections::VecDeque;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::canonical::is_space;

/// The version of the choice of anchors, their keys included: an index on disk is of use only to the same one.
#[cfg(feature = "index")]
pub(crate) const VERSION: u32 = 1;

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
    assert!(u32::try_from(canonical.len()).is_ok(), "a text of 4 GiB or more");
    if canonical.len() < scheme.span {
        return Anchors::default();
    }
    let mut chooser = Chooser {
        canonical,
        scheme: *scheme,
        next_window: 0,
        chosen: Anchors::default(),
        last: None,
        periodic: None,
    };
    chooser.run();
    chooser.chosen
}

/// The hash of canonical bytes under which they are looked up; spaces of both kinds are equal.
pub(crate) fn key(canonical: &[u8], domain: u64) -> u64 {
    const ON_STACK: usize = 256;
    if memchr::memchr(b'\n', canonical).is_none() {
        return xxh3_64_with_seed(canonical, domain);
    }
    let spaced = |bytes: &mut [u8]| {
        bytes.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        xxh3_64_with_seed(bytes, domain)
    };
    if canonical.len() <= ON_STACK {
        let mut buffer = [0; ON_STACK];
        buffer[..canonical.len()].copy_from_slice(canonical);
        spaced(&mut buffer[..canonical.len()])
    } else {
        spaced(&mut canonical.to_vec())
    }
}

/// Bytes that the order of grams looks at.
const ORDERED: usize = 8;

/// A multiplicative hash of the first bytes of a gram: its place in the order, but for the
/// exceptions that [`rank`] makes.
fn hash(word: u64) -> u64 {
    (word ^ (word >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The place of a gram in the order; the least wins. Never below its [`hash`].
///
/// Grams with a period of one, two or four bytes (dashes, dot leaders, table rules) come last, so
/// that a short row of them is no anchor; bytes inside a character come after all, so that anchors
/// stand on character boundaries where there is any.
fn rank(word: u64, hash: u64) -> u64 {
    if word & 0xC0 == 0x80 {
        u64::MAX
    } else if word == word.rotate_left(32) {
        hash | 1 << 63
    } else {
        hash
    }
}

struct Chooser<'a> {
    canonical: &'a [u8],
    scheme: Scheme,
    /// The first window that has not kept a gram yet; windows are named by their first byte.
    next_window: usize,
    chosen: Anchors,
    /// The place kept last, with its rank.
    last: Option<(usize, u64)>,
    /// A stretch known to equal itself: start, end, distance.
    periodic: Option<(usize, usize, usize)>,
}

impl Chooser<'_> {
    fn run(&mut self) {
        let windows = self.canonical.len() - self.scheme.span + 1;
        // Five survivors a window on average: one window in a hundred and fifty has none.
        let threshold = u64::MAX / self.scheme.window() as u64 * 5;
        let positions = windows + self.scheme.window() - 1;
        self.winnow(0, positions, windows, threshold);
    }

    /// Keeps a gram for every window from `next_window` to `windows`, with the grams at
    /// `from..to` that rank below `threshold`.
    fn winnow(&mut self, from: usize, to: usize, windows: usize, threshold: u64) {
        const BLOCK: usize = 4096;
        let window = self.scheme.window();
        let mut queue: VecDeque<(usize, u64)> = VecDeque::new();
        let mut buffer = [0_u8; BLOCK + ORDERED];
        let mut survivors = [0_u16; BLOCK];
        let mut block = from;
        while block < to {
            let count = BLOCK.min(to - block);
            let bytes =
                &self.canonical[block..(block + count + ORDERED - 1).min(self.canonical.len())];
            for (target, &byte) in buffer.iter_mut().zip(bytes) {
                *target = if byte == b'\n' { b' ' } else { byte };
            }
            // Without a branch, which would be mispredicted at every survivor.
            let mut kept = 0;
            let words = buffer.windows(ORDERED).take(count);
            for (offset, bytes) in (0_u16..).zip(words) {
                let word = u64::from_le_bytes(bytes.try_into().expect("BUG: eight bytes"));
                survivors[kept] = offset;
                kept += usize::from(hash(word) <= threshold);
            }
            for &offset in &survivors[..kept] {
                let offset = usize::from(offset);
                let bytes = &buffer[offset..offset + ORDERED];
                let word = u64::from_le_bytes(bytes.try_into().expect("BUG: eight bytes"));
                let rank = rank(word, hash(word));
                if rank > threshold {
                    continue;
                }
                let at = block + offset;
                let begun = (at + 1).saturating_sub(window).min(windows);
                if self.next_window < begun {
                    self.settle(&mut queue, begun, threshold);
                }
                while queue.back().is_some_and(|&(_, last)| last > rank) {
                    queue.pop_back();
                }
                queue.push_back((at, rank));
            }
            block += count;
        }
        self.settle(&mut queue, windows, threshold);
    }

    /// Lets every window before `end` keep its least gram; the queue holds all their grams.
    fn settle(&mut self, queue: &mut VecDeque<(usize, u64)>, end: usize, threshold: u64) {
        while self.next_window < end {
            let window = self.scheme.window();
            match queue.front() {
                Some(&(at, rank)) if at < self.next_window + window => {
                    if at >= self.next_window {
                        self.keep(at, rank);
                        self.next_window = (at + 1).min(end);
                    }
                    if at < self.next_window {
                        queue.pop_front();
                    }
                }
                next => {
                    // No gram of these windows is below the threshold.
                    let until =
                        next.map_or(end, |&(at, _)| (at + 1).saturating_sub(window).min(end));
                    assert!(threshold < u64::MAX, "BUG: a window without grams");
                    let from = self.next_window;
                    self.winnow(from, until + window - 1, until, threshold.saturating_mul(3));
                }
            }
        }
    }

    /// Keeps the gram at `at` for the window at `next_window` and those after it.
    fn keep(&mut self, at: usize, rank: u64) {
        let span = self.scheme.span;
        if let Some((last, last_rank)) = self.last {
            if last == at
                && self.chosen.places.last().is_some_and(|anchor| anchor.at as usize == at)
            {
                return; // for earlier windows already
            }
            if last != at && last_rank == rank && self.periodic.is_none_or(|(_, end, _)| at >= end)
            {
                self.measure_period(last, at);
            }
        }
        self.last = Some((at, rank));
        if let Some((start, end, distance)) = self.periodic {
            // The windows from `next_window` to `at` keep this gram. They need no anchor if the
            // same run stands `distance` bytes before and is found as the text's own copy.
            if self.next_window >= start + distance && at + span <= end {
                return;
            }
        }
        let gram = &self.canonical[at..at + self.scheme.gram];
        #[expect(clippy::cast_possible_truncation, reason = "`anchors` checked the length")]
        self.chosen.places.push(Anchor { at: at as u32, key: key(gram, 0) });
    }

    /// Finds how far the text around `first` and `second` equals itself.
    fn measure_period(&mut self, first: usize, second: usize) {
        let equal = |a: usize, b: usize| {
            let (a, b) = (self.canonical[a], self.canonical[b]);
            a == b || is_space(a) && is_space(b)
        };
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
        let spaced: Vec<u8> =
            text.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }).collect();
        let ranks: Vec<u64> = spaced
            .windows(ORDERED)
            .map(|word| {
                let word = u64::from_le_bytes(word.try_into().unwrap());
                rank(word, hash(word))
            })
            .collect();
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
    fn line_breaks_and_spaces_are_one() {
        let scheme = Scheme::new(32);
        let text = random(4000, 3, 5);
        let spaces: Vec<u8> = text.iter().map(|&b| if b == b'a' { b' ' } else { b }).collect();
        let breaks: Vec<u8> = text.iter().map(|&b| if b == b'a' { b'\n' } else { b }).collect();
        assert_eq!(anchors(&spaces, &scheme), anchors(&breaks, &scheme));
    }
}
