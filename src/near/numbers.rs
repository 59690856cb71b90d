//! Numbers: what no near copy changes. Two reports that differ in a number are different, and so are
//! the fourth update and the fifth.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::parts_words;

/// `char::is_numeric` does not know them, as they are letters to Unicode. They are parts of common
/// words too, so they count only where they change.
const IDEOGRAPHIC: &str =
    "一二两兩三四五六七八九十百千万萬亿億兆零壹壱贰貳弐叁參参肆伍陆陸柒捌玖拾佰仟";

/// Whether two stretches have the same digits, of any script.
pub(super) fn have_same_digits(a: &[u8], b: &[u8]) -> bool {
    let digits = |text: &[u8]| -> Vec<char> {
        let chars = text.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
        chars.filter(|&c| c.is_numeric() || IDEOGRAPHIC.contains(c)).collect()
    };
    digits(a) == digits(b)
}

/// Whether some words have the same numbers as others: the same with digits and in Roman numerals, and, where
/// both have some, the same numerals, months and days. Where one has none, "second" may as well be "again".
pub(super) fn have_same_numbers(a: &[u8], b: &[u8]) -> bool {
    if !numbers(a).eq(numbers(b)) {
        return false;
    }
    let first: Vec<String> = numerals(a).collect();
    if first.is_empty() {
        return true; // as most are
    }
    let second: Vec<String> = numerals(b).collect();
    second.is_empty() || first == second
}

/// The words that have digits, or are Roman numerals, in order, without what stands around them:
/// `-5` and `5`, or `1.5` and `1,5`, are two numbers. Characters that are words by themselves stand
/// around them too.
fn numbers(words: &[u8]) -> impl Iterator<Item = &str> {
    let words = words.utf8_chunks().flat_map(|chunk| chunk.valid().split(parts_words));
    let bare = words.map(|word| {
        let word = word.trim_start_matches(['"', '\'', '(', '[', '{', '*', '_']);
        let word = without_end(word);
        // "6-month" has the number 6, and what is said of it.
        match word.rsplit_once('-') {
            Some((number, rest)) if is_plain(rest) => without_end(number),
            _ => word,
        }
    });
    bare.filter(|word| word.chars().any(char::is_numeric) || is_roman(word))
}

fn without_end(word: &str) -> &str {
    word.trim_end_matches(['.', ',', ';', ':', '!', '?', '"', '\'', ')', ']', '}', '*', '_'])
}

/// Whether a part of a word is a word itself, not a unit or a part of a code.
fn is_plain(part: &str) -> bool {
    part.chars().count() > 2 && part.chars().all(char::is_alphabetic)
}

/// Whether a word is a Roman numeral, of more than one letter: one is mostly something else. "DVD" is none.
fn is_roman(word: &str) -> bool {
    fn without<'a>(text: &'a str, letter: &str) -> &'a str {
        // Clocks have "IIII".
        (0..4).fold(text, |rest, _| rest.strip_prefix(letter).unwrap_or(rest))
    }
    let mut rest = without(word, "M");
    for (one, five, ten) in [("C", "D", "M"), ("X", "L", "C"), ("I", "V", "X")] {
        let less = rest.strip_prefix(one);
        let less = less.and_then(|rest| rest.strip_prefix(five).or(rest.strip_prefix(ten)));
        rest = less.unwrap_or_else(|| without(rest.strip_prefix(five).unwrap_or(rest), one));
    }
    word.len() > 1 && rest.is_empty()
}

/// The numerals and the names of months and days among some words, in order, without their endings: "die
/// vierte" and "der vierten" are the same.
fn numerals(words: &[u8]) -> impl Iterator<Item = String> {
    let chunks = words.utf8_chunks().map(|chunk| chunk.valid());
    let words = chunks.flat_map(|text| text.split(|c| !char::is_alphabetic(c)));
    words.filter_map(|word| {
        let mut word = word.to_lowercase();
        let stem = NUMERALS.stem(&word)?.len();
        word.truncate(stem);
        Some(word)
    })
}

static NUMERALS: LazyLock<Numerals> = LazyLock::new(Numerals::read);

/// What numerals are made of, each part with the languages that it is of: a bit for each.
struct Numerals {
    stems: HashMap<&'static str, u16>,
    endings: HashMap<&'static str, u16>,
}

impl Numerals {
    fn read() -> Self {
        let mut numerals = Self { stems: HashMap::new(), endings: HashMap::from([("", u16::MAX)]) };
        let mut language = 1;
        for line in include_str!("numerals.txt").lines().filter(|line| !line.starts_with('#')) {
            let (parts, words) = match line.strip_prefix('+') {
                Some(endings) => (&mut numerals.endings, endings),
                None => (&mut numerals.stems, line),
            };
            for word in words.split_whitespace() {
                *parts.entry(word).or_default() |= language;
            }
            if line.starts_with('+') {
                language = u16::checked_mul(language, 2).expect("BUG: more languages than bits");
            }
        }
        numerals
    }

    /// A word without its ending, the longest there is, if it is one stem, or several, of a language.
    fn stem<'a>(&self, word: &'a str) -> Option<&'a str> {
        const LONGEST: usize = 63;
        // The languages in which stems lead to each place.
        let mut reached = [0; LONGEST + 1];
        reached[0] = u16::MAX;
        if word.len() > LONGEST {
            return None;
        }
        for start in 0..word.len() {
            if reached[start] == 0 {
                continue;
            }
            for end in start + 1..=word.len() {
                let stem = word.get(start..end).and_then(|part| self.stems.get(part));
                reached[end] |= reached[start] & stem.unwrap_or(&0);
            }
        }
        let ends = |&end: &usize| {
            let ending = word.get(end..).and_then(|part| self.endings.get(part));
            reached[end] & ending.unwrap_or(&0) != 0
        };
        (1..=word.len()).find(ends).map(|end| &word[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roman_numerals_are_told_from_other_capitals() {
        for numeral in
            ["II", "IV", "VIII", "IIII", "XIX", "XL", "XCIX", "CDXLIV", "MCMXCIV", "MMXXVI"]
        {
            assert!(is_roman(numeral), "{numeral}");
        }
        for word in ["", "I", "X", "DVD", "DM", "LCD", "IIIII", "VV", "IC", "MILL", "Mix", "XIIX"] {
            assert!(!is_roman(word), "{word}");
        }
    }

    #[test]
    fn numbers_are_parted_from_the_words_behind_them() {
        let of = |words: &str| numbers(words.as_bytes()).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of("a 6-month trial, \"xlib6g*-Pakete\" and -5."), ["6", "xlib6g", "-5"]);
        assert_eq!(
            of("2026-11-30 CVE-2020 12-kg 3-a1b DVD IV. (1,5)"),
            ["2026-11-30", "CVE-2020", "12-kg", "3-a1b", "IV", "1,5",]
        );
    }

    #[test]
    fn numerals_are_known_in_whatever_form() {
        for (words, stems) in [
            ("die Vierte, der vierten; viertes", "vier vier vier"),
            (
                "einundzwanzig, dreihundertste zweiundsechzigsten",
                "einundzwanzig dreihundert zweiundsechzig",
            ),
            ("twenty-first of *May*; FIVE sixths", "twenty first may five six"),
            ("les deuxièmes, trois", "deux trois"),
            ("veintidós segundas mayo", "veintidós segund mayo"),
            ("quinto venerdì", "quint venerdì"),
            ("drugiego stycznia", "drugi styczni"),
            ("второго января", "втор январ"),
            ("tredje måndagen", "tredje måndag"),
            ("zweig dreist achtung often seven-up trees", "seven"),
            ("", ""),
        ] {
            assert_eq!(numerals(words.as_bytes()).collect::<Vec<_>>().join(" "), stems, "{words}");
        }
        let long = "zwei".repeat(1000);
        assert_eq!(numerals(long.as_bytes()).count(), 0);
    }

    #[test]
    fn numerals_count_where_both_sides_have_some() {
        let same = |a: &str, b: &str| have_same_numbers(a.as_bytes(), b.as_bytes());
        assert!(!same("die vierte", "eine fünfte") && !same("in May", "in June"));
        assert!(!same("two or three", "two"));
        assert!(same("the vierte", "vierten") && same("a second time", "again") && same("", "six"));
        assert!(!same("3", "three") && !same("IV", "V"));
    }
}
