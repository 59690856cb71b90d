//! Anchors: places that any two equal runs of text have in common.
//!
//! The canonical text is cut into overlapping grams of k bytes. Of every window of w grams the
//! least, under a random order, is kept: winnowing (Schleimer, Wilkerson, Aiken 2003), also known
//! as random minimizers (Roberts et al. 2004). Which gram a window keeps depends on the bytes of
//! the window alone, so two equal runs of T = w + k - 1 bytes keep the same one, wherever they
//! stand. On random text 2 / (w + 1) of all places are kept.
//!
//! Five rules keep this true and cheap:
//!
//! - Grams are ordered by the eight bytes in their middle. First come those with the end of a clause
//!   there: a full stop before a space, then another sign (`:`, `?` and the like), then a comma; within
//!   each kind, by a hash of these bytes. What texts have in common by chance are phrases, seldom the end
//!   of one clause with the beginning of the next, so fewer of the grams that are kept stand elsewhere too
//!   (12 % instead of 17 % in debates). And as such places are seldom close to each other, fewer are kept.
//! - Then come grams whose middle bytes begin with a space, as words are what copies share. Windows without
//!   a space are done again with all grams.
//! - Ties go to the leftmost, which is a function of the window too. ("Keep the previous minimum"
//!   is not: then two equal runs could keep different places, and comparing them there can find
//!   less than T bytes.)
//! - Leftmost ties would keep every place of a long run of dashes. A run that repeats itself
//!   with period d is its own copy d bytes on, so [`Anchors::periods`] says so once, and only
//!   the windows at its edges keep anchors.
//! - Only hashes below a threshold can win in nearly all windows, so only those are compared with
//!   each other; windows without any are done again with a higher threshold. The upper bits of the
//!   hash suffice for that, and are worked out for all grams by vector instructions.

mod candidates;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::cell::Cell;
use std::mem::take;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use self::candidates::{Block, Candidates, Found, Kept, Kind, ORDERED, Step};

/// The version of the choice of anchors, their keys included: an index on disk is of use only to
/// the same one.
#[cfg(feature = "index")]
pub(crate) const VERSION: u32 = 5;

/// The sizes that anchors are chosen with.
///
/// The guarantee is for runs of `span` bytes; `gram` and `window` follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

    /// Bytes of a gram before those that it is ordered by, which are in its middle.
    fn before_ordered(&self) -> usize {
        (self.gram - ORDERED) / 2
    }

    /// w: how many grams a window holds.
    pub fn window(&self) -> usize {
        self.span - self.gram + 1
    }
}

/// The anchors of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Anchors {
    /// Where they stand, in increasing order.
    pub places: Vec<Anchor>,
    /// Places where the text begins to repeat itself, with the distance: from `at` on it equals the text from
    /// `at + distance` on, for so long that anchors inside were left out.
    pub periods: Vec<Period>,
}

impl Anchors {
    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        let periods = self.periods.capacity() * size_of::<Period>();
        self.places.capacity() * size_of::<Anchor>() + periods
    }
}

/// A gram that was kept: byte offset into the canonical text, and the hash of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Anchor {
    /// Offset of the gram's first byte.
    pub at: u32,
    /// Where the first window begins that the gram was kept for. The last such window is the one
    /// before `first` of the next anchor, or the one that begins with the gram if that is earlier.
    pub first: u32,
    /// Hash of the gram.
    pub key: u64,
}

/// A stretch of text that equals itself `distance` bytes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
///
/// # Examples
///
/// ```
/// use dedup::anchors::{Scheme, anchors};
/// use dedup::canonical::canonicalise;
///
/// let scheme = Scheme::new(32);
/// let keys = |text: &str| -> Vec<u64> {
///     let canonical = canonicalise(text);
///     anchors(canonical.as_bytes(), &scheme).places.iter().map(|anchor| anchor.key).collect()
/// };
/// // Both have the same thirty-two bytes, so they have an anchor in common.
/// let one = keys("The ferry was late: the cable had to be greased.");
/// let other = keys("Why? They say the cable had to be greased. Again.");
/// assert!(one.iter().any(|key| other.contains(key)));
/// ```
pub fn anchors(canonical: &[u8], scheme: &Scheme) -> Anchors {
    let mut chosen = Anchors::default();
    anchors_into(canonical, scheme, &mut chosen);
    chosen
}

/// The same, in the memory of others.
pub(crate) fn anchors_into(canonical: &[u8], scheme: &Scheme, chosen: &mut Anchors) {
    choose(canonical, scheme, true, chosen);
}

/// The same, with those inside periodic stretches too: for those who do not want to find that a text
/// repeats itself.
pub(crate) fn all_anchors_into(canonical: &[u8], scheme: &Scheme, chosen: &mut Anchors) {
    choose(canonical, scheme, false, chosen);
}

fn choose(canonical: &[u8], scheme: &Scheme, heed_periods: bool, chosen: &mut Anchors) {
    assert!(u32::try_from(canonical.len()).is_ok(), "a text of 4 GiB or more");
    chosen.places.clear();
    chosen.periods.clear();
    if canonical.len() < scheme.span {
        return;
    }
    // As many as there are on average, and some more.
    chosen.places.reserve(canonical.len() * 9 / 4 / scheme.window() + 4);
    let mut chooser = Chooser {
        canonical,
        scheme: *scheme,
        chosen: take(chosen),
        heed_periods,
        last: None,
        periodic: None,
        too_short: None,
        room: ROOM.take().unwrap_or_default(),
    };
    chooser.run();
    let Chooser { room, .. } = chooser;
    *chosen = chooser.chosen;
    ROOM.set(Some(room).filter(|room| room.memory() <= ROOM_KEPT));
}

/// The hash of canonical bytes under which they are looked up.
pub(crate) fn key(canonical: &[u8], domain: u64) -> u64 {
    xxh3_64_with_seed(canonical, domain)
}

/// Windows whose candidates are held at a time, if these are not wide: those that reach over the
/// end are looked at twice.
const STRETCH: usize = 1 << 16;

/// Memory that is used again for the next text: without it, those of a kilobyte took a third longer.
#[derive(Default)]
struct Room {
    block: Block,
    /// One for each level of candidates that is not at work.
    spare: Vec<Found>,
}

impl Room {
    fn memory(&self) -> usize {
        self.spare.iter().map(Found::memory).sum()
    }
}

/// What a thread may keep of it.
const ROOM_KEPT: usize = 1 << 20;

thread_local! {
    static ROOM: Cell<Option<Box<Room>>> = const { Cell::new(None) };
}

/// Bytes of a stretch that tell how many words and ends of clauses are to be expected: so many, or
/// a sixteenth of it if that is more.
const SAMPLE: usize = 1 << 10;

struct Chooser<'a> {
    canonical: &'a [u8],
    scheme: Scheme,
    chosen: Anchors,
    heed_periods: bool,
    /// The place kept last, with its rank.
    last: Option<(usize, i32)>,
    /// A stretch known to equal itself: start, end, distance.
    periodic: Option<(usize, usize, usize)>,
    /// A stretch that was too short for that: end, distance.
    too_short: Option<(usize, usize)>,
    room: Box<Room>,
}

impl Chooser<'_> {
    fn run(&mut self) {
        let windows = self.canonical.len() - self.scheme.span + 1;
        let window = self.scheme.window();
        let stretch = STRETCH.max(8 * window);
        for start in (0..windows).step_by(stretch) {
            let end = windows.min(start + stretch);
            let sample = SAMPLE.max((end - start) / 16);
            let sample = &self.canonical[start..end.min(start + sample)];
            self.winnow(start..end, Candidates::first(window, sample));
        }
    }

    /// Keeps a gram for each of the windows, which are named by their first byte.
    fn winnow(&mut self, windows: Range<usize>, candidates: Candidates) {
        let window = self.scheme.window();
        let start = windows.start;
        let mut found = self.room.spare.pop().unwrap_or_default();
        let ordered = &self.canonical[self.scheme.before_ordered()..];
        found.find(&mut self.room.block, ordered, window, windows, candidates);
        found.each(start, |step| match step {
            Step::Kept(Kept { first, at, rank }) => self.keep(first, at, rank),
            Step::Gap(windows) => {
                assert!(candidates.kind != Kind::All, "BUG: a window without grams");
                self.winnow(windows, candidates.next(window));
            }
        });
        self.room.spare.push(found);
    }

    /// Keeps the gram at `at` for the windows from `first` to `at`, or fewer.
    // It and its caller are compiled apart: together, as the compiler does or not by what else the
    // crate has, anchors take 3 % more instructions.
    #[inline(never)]
    fn keep(&mut self, first: usize, at: usize, rank: i32) {
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
        let key = key(gram, 0);
        #[expect(clippy::cast_possible_truncation, reason = "`choose` checked the length")]
        self.chosen.places.push(Anchor { at: at as u32, first: first as u32, key });
    }

    /// Finds how far the text around `first` and `second` equals itself.
    fn measure_period(&mut self, first: usize, second: usize) {
        let equal = |a: usize, b: usize| self.canonical[a] == self.canonical[b];
        let distance = second - first;
        if self.too_short.is_some_and(|(end, of)| of == distance && second < end) {
            return; // measured before: to do so at each of its anchors would cost as many times its length
        }
        let ahead =
            (second..self.canonical.len()).take_while(|&at| equal(at, at - distance)).count();
        let floor = self.periodic.map_or(0, |(_, end, _)| end.min(first));
        let back = (floor..first).rev().take_while(|&at| equal(at, at + distance)).count();
        let (start, end) = (first - back, second + ahead);
        if end - start >= self.scheme.span + distance {
            self.periodic = Some((start, end, distance));
            #[expect(clippy::cast_possible_truncation, reason = "`choose` checked the length")]
            self.chosen.periods.push(Period { at: start as u32, distance: distance as u32 });
        } else {
            self.too_short = Some((end, distance));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::candidates::rank_of;
    use super::*;

    fn ranks(text: &[u8], scheme: &Scheme) -> Vec<i32> {
        text.windows(scheme.gram()).map(|gram| rank_of(&gram[(gram.len() - 8) / 2..])).collect()
    }

    /// The definition: the leftmost least gram of every window.
    fn by_definition(text: &[u8], scheme: &Scheme) -> Vec<usize> {
        let ranks = ranks(text, scheme);
        let mut places = Vec::new();
        for start in 0..(text.len() + 1).saturating_sub(scheme.span()) {
            let window = start..start + scheme.window();
            // It stays the least until it has left, or a lesser one enters.
            let least = match places.last() {
                Some(&last) if last >= start && ranks[last] <= ranks[window.end - 1] => last,
                _ => window.min_by_key(|&at| (ranks[at], at)).unwrap(),
            };
            if places.last() != Some(&least) {
                places.push(least);
            }
        }
        places
    }

    fn places(anchors: &Anchors) -> Vec<usize> {
        anchors.places.iter().map(|anchor| anchor.at as usize).collect()
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

    /// Letters, with spaces in the place of one of them.
    fn random_words(len: usize, alphabet: u64, state: u64) -> Vec<u8> {
        let letters = random(len, alphabet, state).into_iter();
        letters.map(|byte| if byte == b'a' { b' ' } else { byte }).collect()
    }

    #[test]
    fn equals_the_definition_where_nothing_is_periodic() {
        for span in [32, 33, 64, 200, 512] {
            let scheme = Scheme::new(span);
            for len in [0, span - 1, span, span + 1, 5000, 9000] {
                let text = random(len, 20, span as u64);
                let anchors = anchors(&text, &scheme);
                assert!(anchors.periods.is_empty());
                let places = places(&anchors);
                assert_eq!(places, by_definition(&text, &scheme), "span {span}, length {len}");
            }
        }
    }

    #[test]
    fn equals_the_definition_whatever_the_text() {
        let mut texts = Vec::new();
        for (seed, alphabet) in [
            "esta tan la con ",
            "ab cdefg",
            "äöü ßé à",
            "中文字符測試",
            "-. ",
            "\u{301}a ",
            "abcdé .,",
            // So many commas, or ends of clauses, that not all are looked at, and some that come before them.
            ",,,    ab:",
            ":::::::      abcdefgh.",
        ]
        .into_iter()
        .enumerate()
        {
            let characters: Vec<char> = alphabet.chars().collect();
            let numbers = random(25_000, characters.len() as u64, seed as u64);
            let text: String =
                numbers.iter().map(|number| characters[usize::from(number - b'a')]).collect();
            texts.push(text);
        }
        let words: Vec<String> =
            (0..300).map(|n| " ".to_owned() + &texts[1][n * 7..][..8]).collect();
        let mut by_rank = words.clone();
        by_rank.sort_by_key(|word| rank_of(word.as_bytes()));
        texts.push(by_rank.concat().repeat(9));
        by_rank.reverse();
        texts.push(by_rank.concat().repeat(9));
        // Few words, and then many.
        texts.push(texts[3][..9000].to_owned() + &words.concat().repeat(4) + &texts[3][..30_000]);
        for text in &texts {
            let mut anchors = Anchors::default();
            for span in [32, 64, 200, 512, 20_000] {
                let scheme = Scheme::new(span);
                all_anchors_into(text.as_bytes(), &scheme, &mut anchors);
                let places = places(&anchors);
                let expected = by_definition(text.as_bytes(), &scheme);
                assert!(places == expected, "span {span}: {:?}", &text[..30]);
            }
        }
    }

    #[test]
    fn anchors_know_the_windows_that_they_were_kept_for() {
        for (seed, alphabet) in [(1, 2), (2, 4), (3, 12), (4, 20)] {
            for len in [70, 500, 9000, STRETCH + 3000] {
                let text = random_words(len, alphabet, seed);
                for span in [32, 64, 200] {
                    let scheme = Scheme::new(span);
                    let mut anchors = Anchors::default();
                    all_anchors_into(&text, &scheme, &mut anchors);
                    let ranks = ranks(&text, &scheme);
                    let mut before = None;
                    for start in 0..(text.len() + 1).saturating_sub(span) {
                        let window = start..start + scheme.window();
                        let at = window.min_by_key(|&at| (ranks[at], at)).unwrap();
                        let number =
                            anchors.places.partition_point(|anchor| anchor.first as usize <= start);
                        let anchor = anchors.places[number - 1];
                        assert_eq!(anchor.at as usize, at, "span {span}, window {start}");
                        if before.replace(at) != Some(at) {
                            assert_eq!(anchor.first as usize, start, "span {span}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn stretches_are_chosen_from_as_one() {
        let text = random_words(3 * STRETCH, 20, 5);
        for span in [32, 200, 20_000] {
            let scheme = Scheme::new(span);
            let anchors = anchors(&text, &scheme);
            let places = places(&anchors);
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
            let places = places(&anchors);
            let mut left_out = 0;
            for start in 0..=text.len() - scheme.span() {
                let chosen = by_definition(&text[start..start + scheme.span()], &scheme)[0] + start;
                if places.contains(&chosen) {
                    continue;
                }
                left_out += 1;
                let own_copy = anchors.periods.iter().any(|period| {
                    let (at, distance) = (period.at as usize, period.distance as usize);
                    let run = (at + distance..text.len())
                        .take_while(|&i| text[i] == text[i - distance])
                        .count();
                    start >= at + distance && start + scheme.span() <= at + distance + run
                });
                assert!(own_copy, "{unit:?}: window at {start}");
            }
            assert!(left_out > 0, "{unit:?}");
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
}
