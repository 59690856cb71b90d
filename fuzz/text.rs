//! Text of other scripts than the Latin one, which bytes hardly ever come to.

/// Bytes as text, the small letters of which become those of a script: Latin, Chinese, Thai,
/// syllables of Hangul that marks are added to, kana with marks of their own, letters of two bytes
/// that differ in either, or letters that combine.
pub fn of_script(script: u8, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let first = match script & 7 {
        1 => '\u{4e2d}',
        2 => '\u{e30}',
        3 => '\u{1100}',
        4 => '\u{3088}',
        5 => '\u{ee}',
        6 => '\u{2f0}',
        _ => return text.into_owned(),
    };
    let letter = |c: char| match c {
        'a'..='z' => char::from_u32(u32::from(first) + u32::from(c) - u32::from('a')).unwrap_or(c),
        _ => c,
    };
    text.chars().map(letter).collect()
}
