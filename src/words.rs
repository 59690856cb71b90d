//! Words: where a text may be cut without parting one.

use unicode_normalization::char::is_combining_mark;

use crate::canonical::is_boundary;

/// Whether a cut there would part a word, or a character.
///
/// Words are letters, digits and marks that follow each other; a mark behind a space begins one.
/// Scripts that do not part words with spaces have the block of ideographs and kana in common, or
/// lie near it: each of their characters is a word.
pub(crate) fn is_inside_word(canonical: &[u8], at: usize) -> bool {
    if at == 0 || at >= canonical.len() {
        return false;
    }
    if !is_boundary(canonical, at) {
        return true;
    }
    let (before, after) = (canonical[at - 1], canonical[at]);
    if before.is_ascii() && after.is_ascii() {
        return before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric();
    }
    let chars = last_char(&canonical[..at]).zip(first_char(&canonical[at..]));
    chars.is_some_and(|(before, after)| is_one_word(before, after))
}

/// Whether two characters that follow each other are of one word.
pub(crate) fn is_one_word(before: char, after: char) -> bool {
    before != ' ' && is_combining_mark(after) || is_of_words(before) && is_of_words(after)
}

/// Whether words are made of it that have several characters. Not all marks are alphabetic to
/// Unicode: an accent that no letter has taken up is not, nor is what joins two consonants of
/// Hindi, and words go on behind both.
fn is_of_words(character: char) -> bool {
    (character.is_alphanumeric() || is_combining_mark(character)) && !stands_alone(character)
}

/// Whether a character is a word by itself, of a script that does not part words with spaces.
///
/// That is more and less than white space vanishes beside (`is_unspaced` of the canonical form). A mark stands
/// between the syllables of Tibetan, so each is a word; full-width letters and digits make words as others do; and
/// the syllables of Yi are cut as ideographs are, but their spaces count.
pub(crate) fn stands_alone(character: char) -> bool {
    // Thai to Myanmar, Khmer; kana, ideographs, and what is beside them.
    matches!(character, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{2E80}'..='\u{A4CF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// The character that some bytes end with, if it is whole.
pub(crate) fn last_char(bytes: &[u8]) -> Option<char> {
    let start = (0..bytes.len()).rev().find(|&start| is_boundary(bytes, start))?;
    first_char(&bytes[start..])
}

/// The character that some bytes begin with, if it is whole.
pub(crate) fn first_char(bytes: &[u8]) -> Option<char> {
    let bytes = &bytes[..bytes.len().min(4)];
    match bytes.utf8_chunks().next()?.valid() {
        "" => None,
        valid => valid.chars().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_scripts() {
        let inside = |text: &str, at| is_inside_word(text.as_bytes(), at);
        assert!(inside("ab", 1) && inside("a1", 1) && inside("äb", 2) && inside("ä", 1));
        assert!(!inside("a b", 1) && !inside("a b", 2) && !inside("a-b", 1) && !inside("ab", 2));
        assert!(!inside("中文", 3) && inside("中文", 1) && !inside("かな", 3));
        assert!(inside("한국", 3) && inside("x\u{301}", 1) && inside("б\u{301}", 2));
        assert!(!inside(" \u{301}a", 1) && inside("-\u{301}a", 1));
        assert!(inside("за\u{301}мок", 6) && inside("सम्मान", 9) && inside(" \u{301}a", 3));
        assert!(!inside("क् क", 6) && !inside("日\u{301}本", 5));
    }
}
