//! Text that is the same on every machine, made as fast as it can be written.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to a number under a seed: any of them can be had at any time.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = Self(seed);
        random.0 = random.next().wrapping_add(number);
        random.0 = random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, all about equally likely.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).expect("below `bound`")
    }
}

/// Words come in so many octaves of 2^n words, each octave as likely as any other: of 2^18 words the n-th
/// is as likely as 1/n within a factor of two, and common ones are short, as in languages.
const OCTAVES: u32 = 18;

/// At most five bytes, so that three and a space fit into 16.
#[rustfmt::skip]
const SYLLABLES: [&str; 64] = [
    "a", "e", "i", "o", "un", "an", "er", "in", "de", "ge", "be", "ver", "the", "of", "to", "das",
    "der", "die", "und", "ist", "mit", "von", "for", "as", "on", "re", "con", "ter", "al", "ti",
    "en", "es", "is", "lich", "keit", "ung", "tag", "wo", "ster", "ein", "mu", "tra", "pol",
    "über", "gen", "ment", "tion", "ner", "ka", "li", "ma", "no", "pe", "ro", "sa", "ta", "zu",
    "grö", "hän", "berg", "land", "work", "light", "sea",
];

/// A syllable as a number, the first byte lowest, and its length in bits. The last is empty.
const PACKED: [(u128, u32); 65] = {
    let mut packed = [(0, 0); 65];
    let mut at = 0;
    while at < SYLLABLES.len() {
        let bytes = SYLLABLES[at].as_bytes();
        while (packed[at].1 as usize) < 8 * bytes.len() {
            packed[at].0 |= (bytes[packed[at].1 as usize / 8] as u128) << packed[at].1;
            packed[at].1 += 8;
        }
        at += 1;
    }
    packed
};

/// Appends a word and a space, or at times a comma and a space.
fn append_word(random: &mut Random, text: &mut Vec<u8>) {
    let bits = random.next();
    let octave = ((bits >> 32) * u64::from(OCTAVES)) >> 32;
    let rank = (1 << octave) | usize::try_from(bits & ((1 << octave) - 1)).expect("18 bits");
    // A word is put together in a register and copied with its padding: no table of words to miss, no
    // length to guess.
    let syllable = |digit: u32| {
        let rest = rank >> (6 * digit);
        PACKED[if rest == 0 { 64 } else { rest % 64 }]
    };
    let (mut word, mut length) = syllable(0);
    for digit in 1..3 {
        let (bytes, more) = syllable(digit);
        word |= bytes << length;
        length += more;
    }
    word |= u128::from(b' ') << length;
    let end = text.len() + length as usize / 8 + 1;
    text.extend_from_slice(&word.to_le_bytes());
    text.truncate(end);
    if (bits >> 20).trailing_zeros() >= 4 {
        text.pop();
        text.extend_from_slice(b", ");
    }
}

/// Appends a paragraph of one to seven sentences, without a line break after it.
fn append_paragraph(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..=random.below(7) {
        let start = text.len();
        for _ in 0..6 + random.below(14) {
            append_word(random, text);
        }
        text[start].make_ascii_uppercase();
        while matches!(text.last(), Some(b' ' | b',')) {
            text.pop();
        }
        text.extend_from_slice(b". ");
    }
    text.pop();
}

/// Appends paragraphs, each with `end` after it, until there are `bytes` bytes.
fn append_article(random: &mut Random, bytes: usize, end: &str, text: &mut Vec<u8>) {
    let least = text.len() + bytes;
    while text.len() < least {
        append_paragraph(random, text);
        text.extend_from_slice(end.as_bytes());
    }
}

/// An article of at least `bytes` bytes and at most a paragraph more, one paragraph a line.
pub fn article(random: &mut Random, bytes: usize) -> String {
    let mut text = Vec::with_capacity(bytes + 2000);
    append_article(random, bytes, "\n", &mut text);
    String::from_utf8(text).expect("syllables are text")
}

/// Articles of which a given share are copies of earlier ones.
#[derive(Clone, Copy, Debug)]
pub struct Collection {
    /// Another seed, other articles.
    pub seed: u64,
    /// Their mean length in bytes; the shortest have half of that, the longest half as much again.
    pub article_bytes: u64,
    /// How many in a thousand are copies.
    pub copies: u64,
}

impl Collection {
    /// Appends an article as a JSONL record: a function of its number alone. A copy is of any earlier
    /// article, so its original may lie the whole collection back.
    fn append_record(&self, number: u64, records: &mut Vec<u8>) {
        records.extend_from_slice(format!("{{\"id\":\"{number}\",\"text\":\"").as_bytes());
        let mut number = number;
        let mut random = Random::new(self.seed, number);
        while number > 0 && random.below(1000) < self.copies {
            number = random.below(number);
            random = Random::new(self.seed, number);
        }
        let bytes = self.article_bytes / 2 + random.below(self.article_bytes + 1);
        let bytes = usize::try_from(bytes).expect("an article fits into memory");
        // Nothing but line breaks needs an escape.
        append_article(&mut random, bytes, "\\n", records);
        records.extend_from_slice(b"\"}\n");
    }

    /// Writes records of at least `bytes` bytes.
    ///
    /// # Errors
    ///
    /// If `out` has any.
    pub fn write(&self, bytes: u64, out: &mut impl Write) -> Result<()> {
        let mut record = Vec::new();
        let (mut number, mut written) = (0, 0);
        while written < bytes {
            record.clear();
            self.append_record(number, &mut record);
            out.write_all(&record)?;
            written += record.len() as u64;
            number += 1;
        }
        out.flush()
    }

    /// Creates a file of records of at least `bytes` bytes.
    ///
    /// # Errors
    ///
    /// If that is impossible.
    pub fn create(&self, bytes: u64, path: &Path) -> Result<()> {
        self.write(bytes, &mut BufWriter::with_capacity(1 << 20, File::create(path)?))
    }
}

/// The same text as mail has it: lines of 72 columns, blank lines between paragraphs.
pub fn wrap(text: &str) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 60);
    for paragraph in text.lines() {
        let mut columns = 0;
        for word in paragraph.split(' ') {
            let width = word.chars().count();
            if columns > 0 && columns + 1 + width > 72 {
                wrapped.push('\n');
                columns = 0;
            } else if columns > 0 {
                wrapped.push(' ');
                columns += 1;
            }
            wrapped.push_str(word);
            columns += width;
        }
        wrapped.push_str("\n\n");
    }
    wrapped
}

/// The same text with what typesetting adds: quotes, dashes, soft hyphens.
pub fn typeset(text: &str) -> String {
    text.replace(". ", ".“ – „").replace("ver", "ver\u{ad}")
}
