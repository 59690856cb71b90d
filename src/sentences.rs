//! Sentences, for [`Cut::Sentence`](crate::Cut::Sentence).
//!
//! They are found by the rules and abbreviations of the crate `sentencex`, which knows some thirty languages:
//!
//! - Where an article says which language it is in, the rules of that language hold, or those of
//!   English if the crate does not know it (`und`, or `German` for `de`).
//! - Otherwise a sentence ends where it does by the rules of both German and English, so that the
//!   abbreviations of both hold ("z. B.", "am 5. Mai", "Dr. Brown").
//! - A number in brackets behind the end of a sentence begins the next one ("… ist. (2) Wer …").
//! - A quotation mark that opens belongs to what it stands before, one that closes to what it stands behind.
//! - What has neither letter nor digit, such as a quotation mark that was set apart, is no sentence
//!   of its own: it belongs to the one before, or to the first.

use std::borrow::Cow;
use std::ops::Range;

use sentencex::get_sentence_boundaries;

/// The languages that text is taken to be in, one or the other, if nothing is said.
const LANGUAGES: [&str; 2] = ["de", "en"];

/// The byte ranges of the sentences of a paragraph: sorted, disjoint, on character boundaries,
/// without white space at their ends. What lies between two is white space, or nothing.
///
/// `language` is a BCP 47 tag, of which the first part counts. See the [module](self) for text without one.
///
/// # Examples
///
/// ```
/// use dedup::sentences::sentences;
///
/// let text = "Am 5. Mai kam z. B. Dr. Brown. He left at 5 p.m. and was not seen again.";
/// let found: Vec<&str> = sentences(text, None).into_iter().map(|range| &text[range]).collect();
/// assert_eq!(found, ["Am 5. Mai kam z. B. Dr. Brown.", "He left at 5 p.m. and was not seen again."]);
/// ```
pub fn sentences(text: &str, language: Option<&str>) -> Vec<Range<usize>> {
    let numbers: Vec<Range<usize>> = bullet(text).into_iter().chain(numbers(text)).collect();
    let plain = without(text, &numbers);
    let ends = |language: &str| -> Vec<usize> {
        let ends = ends(language, &plain).into_iter();
        // A number belongs to what it stands before.
        let before_number = |end: usize| {
            let next = numbers.partition_point(|number| number.end < end);
            let inside = |number: &&Range<usize>| number.start < end;
            numbers.get(next).filter(inside).map_or(end, |number| number.start)
        };
        ends.map(before_number).map(|end| beside_quotes(text, end)).collect()
    };
    let mut ends = match language.and_then(|tag| tag.split(['-', '_']).next()) {
        Some(language) if !language.is_empty() => ends(&language.to_ascii_lowercase()),
        _ => {
            let [first, second] = LANGUAGES.map(ends);
            let second: std::collections::BTreeSet<usize> = second.into_iter().collect();
            first.into_iter().filter(|end| second.contains(end)).collect()
        }
    };
    ends.push(text.len());
    let mut sentences: Vec<Range<usize>> = Vec::with_capacity(ends.len());
    let mut start = 0;
    let mut has_word = false;
    for end in ends {
        // Whatever the library says, ranges are sorted and can be cut.
        let Some(sentence) = text.get(start..end) else { continue };
        let trimmed = sentence.trim_start();
        let first = end - trimmed.len();
        let last = first + trimmed.trim_end().len();
        if first < last {
            let is_word = text[first..last].contains(char::is_alphanumeric);
            match sentences.last_mut() {
                // The first has what was before it.
                Some(before) if !is_word || !has_word => before.end = last,
                _ => sentences.push(first..last),
            }
            has_word |= is_word;
        }
        start = end;
    }
    sentences
}

/// The bullet that a list item begins with, and the space behind it. To the library an item is one sentence.
fn bullet(text: &str) -> Option<Range<usize>> {
    let rest = text.strip_prefix(['\u{2022}', '\u{2023}', '\u{25AA}', '\u{25E6}', '\u{B7}'])?;
    let item = rest.strip_prefix(' ')?;
    Some(0..text.len() - item.len())
}

/// Bytes that the library sees at a time: in text without spaces, such as Chinese, or of many
/// quotation marks, its time grows with their square. Paragraphs are shorter, as a rule.
const WINDOW: usize = 1 << 13;

/// Of these, as many are behind an end that counts at least, as what follows has a say in it.
const AHEAD: usize = 1 << 9;

/// Where sentences end by the rules of a language.
fn ends(language: &str, text: &str) -> Vec<usize> {
    let boundary = |at: usize| text.floor_char_boundary(at);
    let (mut ends, mut start) = (Vec::new(), 0);
    while text.len() - start > WINDOW {
        let window = &text[start..boundary(start + WINDOW)];
        let known = boundary(start + WINDOW - AHEAD);
        let before = ends.len();
        let found = get_sentence_boundaries(language, window);
        let found = found.iter().map(|found| start + found.end_byte);
        // Whatever the library says, the next window begins further on.
        ends.extend(found.filter(|&end| end > start).take_while(|&end| end <= known));
        // A sentence that is longer than that goes on.
        start = ends[before..].last().copied().unwrap_or(known);
    }
    let rest = get_sentence_boundaries(language, &text[start..]);
    ends.extend(rest.iter().map(|found| start + found.end_byte));
    ends
}

/// Where numbers in brackets stand behind the end of a sentence, as in laws ("… ist. (2) Wer …"),
/// with the spaces behind them. The library knows no end of a sentence before a bracket with a
/// digit.
fn numbers(text: &str) -> Vec<Range<usize>> {
    const LONGEST: usize = 3;
    let mut numbers = Vec::new();
    for (start, _) in text.match_indices(" (") {
        let rest = &text[start + 2..];
        let inside = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let behind = &rest[inside..];
        if text[..start].ends_with(['.', '!', '?'])
            && (1..=LONGEST).contains(&inside)
            && let Some(next) = behind.strip_prefix(") ")
        {
            numbers.push(start + 1..text.len() - next.trim_start_matches(' ').len());
        }
    }
    numbers
}

/// The end, before a quotation mark that opens, or behind one that closes. What the library takes for the pair of a
/// mark may be another one, as `“` opens in one language and closes in the other, and marks do go missing.
fn beside_quotes(text: &str, end: usize) -> usize {
    let (Some(before), Some(behind)) = (text.get(..end), text.get(end..)) else { return end };
    let space = char::is_whitespace;
    let words = &before[..end - len_of_quotes(before.chars().rev())];
    let rest = &behind[len_of_quotes(behind.chars())..];
    if words.ends_with(space) && !behind.starts_with(space) {
        words.len()
    } else if !before.ends_with(space) && (rest.is_empty() || rest.starts_with(space)) {
        text.len() - rest.len()
    } else {
        end
    }
}

/// Bytes of the quotation marks that come first, of which a few are looked at: a row of them could take time quadratic in it.
fn len_of_quotes(chars: impl Iterator<Item = char>) -> usize {
    chars.take(4).take_while(|&c| is_quote(c)).map(char::len_utf8).sum()
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '«' | '»' | '‹' | '›' | '\u{2018}'..='\u{201F}')
}

/// The text with spaces in these ranges.
fn without<'a>(text: &'a str, ranges: &[Range<usize>]) -> Cow<'a, str> {
    if ranges.is_empty() {
        return text.into();
    }
    let mut plain = text.to_owned();
    for range in ranges {
        plain.replace_range(range.clone(), &" ".repeat(range.len()));
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, language: Option<&str>) -> Vec<&'a str> {
        sentences(text, language).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn abbreviations_of_both_languages() {
        for (language, text, expected) in [
            (None, "Das ist so. Das auch.", 2),
            (None, "Die Ausgaben, d. h. die Kosten, stiegen. Das war klar!", 2),
            (None, "Mr. Smith met Prof. Dr. Kahn. They talked? Yes.", 3),
            (None, "Am 24. Dezember bzw. am 1. Januar ist zu.", 1),
            (Some("de-AT"), "Am 24. Dezember bzw. am 1. Januar ist zu. Sonst nicht.", 2),
            (Some("ja"), "今日は晴れです。明日は雨です。", 2),
            (Some("xx"), "One. Two.", 2),
            (Some(""), "One is here. Two is there.", 2),
            (None, "", 0),
            (None, "   ", 0),
            (None, "no end", 1),
        ] {
            let found = found(text, language);
            assert_eq!(found.len(), expected, "{found:?}");
        }
    }

    #[test]
    fn numbers_in_brackets_begin_sentences() {
        let text =
            "Das gilt nur hier. (2) Wer es weiß, sagt es. (3a) Das gilt vgl. (4) auch (5) dort.";
        let expected = [
            "Das gilt nur hier.",
            "(2) Wer es weiß, sagt es.",
            "(3a) Das gilt vgl. (4) auch (5) dort.",
        ];
        assert_eq!(found(text, None), expected);
        assert_eq!(found(text, Some("de")), expected);
    }

    #[test]
    fn quotation_marks_belong_to_what_is_quoted() {
        for text in [
            "Dann kam er. |‚Nein.‘ |Das war es.",
            "Er ging \"fort. |\"Weil es spät war\", hieß es. |Dann kam er.",
            "He left. |“Because it was late,” he said. |Then he came.",
        ] {
            let expected: Vec<&str> = text.split('|').map(str::trim_end).collect();
            assert_eq!(found(&text.replace('|', ""), None), expected);
        }
    }

    #[test]
    fn signs_are_no_sentences() {
        for text in ["“ Alles ist gut. ” Das auch.", "… । Alles ist gut. Das auch."] {
            for language in [None, Some("hi"), Some("en")] {
                let found = found(text, language);
                let has_word = |found: &&str| found.contains(char::is_alphanumeric);
                assert!(found.iter().all(has_word), "{found:?}");
            }
        }
        assert_eq!(found("…", None), ["…"]);
    }

    #[test]
    fn list_items_have_sentences() {
        for bullet in ["", "- ", "* ", "• ", "◦ "] {
            let text = format!("{bullet}Das ist der erste Satz. Das ist der zweite.");
            let first = format!("{bullet}Das ist der erste Satz.");
            assert_eq!(found(&text, None), [&first, "Das ist der zweite."]);
        }
    }

    /// How long it takes, the least of three times, as other programs may run.
    fn time(text: &str) -> std::time::Duration {
        let once = || {
            let start = std::time::Instant::now();
            assert!(!super::sentences(text, None).is_empty());
            start.elapsed()
        };
        (0..3).map(|_| once()).min().unwrap()
    }

    #[test]
    fn long_text_takes_no_longer_a_byte() {
        let usual = "Es war einmal ein Haus am See, sagte sie, und ging. ";
        assert_eq!(super::sentences(&usual.repeat(6400), None).len(), 6400);
        for (piece, few, times) in [
            (usual, WINDOW, 32),
            // Without spaces, and of quotation marks.
            ("今日は天気が良いです。", WINDOW, 6),
            ("नमस्ते।", WINDOW / 2, 12),
            ("“他说。”", WINDOW / 2, 12),
            ("«a. ", WINDOW / 2, 12),
            ("'", WINDOW / 2, 12),
        ] {
            let text = |bytes: usize| piece.repeat(bytes / piece.len());
            // Clocks of shared machines lie now and then.
            let is_linear = (0..8).any(|_| {
                let (one, many) = (time(&text(few)), time(&text(few * times)));
                many < one * u32::try_from(times * 4).unwrap()
            });
            assert!(
                is_linear,
                "{piece}: {times} times as much takes more than four times as long a byte"
            );
        }
    }

    #[test]
    fn long_text_has_the_sentences_of_its_parts() {
        let sentences = |numbers: std::ops::Range<usize>| -> Vec<String> {
            let sentence = |n: usize| match n % 4 {
                0 => format!("Am {n}. Mai kam z. B. Dr. Brown, und „alle“ sahen ihn."),
                1 => format!("No. {n} left at 5 p.m. and was not seen again!"),
                2 => format!(
                    "({}) Wer {}fragt, der hört es.",
                    n % 1000,
                    "immer wieder ".repeat(n % 9)
                ),
                _ => "Wirklich?".to_owned(),
            };
            numbers.map(sentence).collect()
        };
        let expected = sentences(1..2000);
        let text = expected.join(" ");
        assert!(text.len() > 8 * WINDOW);
        assert_eq!(found(&text, None), expected);
        // One that is longer than what is looked at is still one.
        let long = format!("Many {}end.", "words and ".repeat(3000));
        assert_eq!(found(&format!("Short. {long} Short."), None), ["Short.", &long, "Short."]);
    }

    proptest::proptest! {
        #[test]
        fn anything_is_cut_between_characters(text in "\\PC{0,60}|[a-z.?! \n\"„“。…()0-9]{0,80}|(wort|[.] [(]1[)] |é[.] [(]a[)]  |Ja)*", language in 0..4_usize) {
            let language = [None, Some("de"), Some("en"), Some("zh")][language];
            let mut at = 0;
            for range in sentences(&text, language) {
                assert!(text[at..range.start].trim().is_empty());
                assert!(!text[range.clone()].trim().is_empty());
                at = range.end;
            }
            assert!(text[at..].trim().is_empty());
        }
    }
}
