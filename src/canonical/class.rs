//! What characters are to the canonical form.

use std::sync::OnceLock;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Whether a byte is white space by itself.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | 0x1C..=0x1F | b' ')
}

pub(super) fn is_line_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    Plain,
    Space,
    Vanishing,
    Folding,
    /// May combine with what stands before it.
    Composing,
    /// A mark that combines with nothing, and of which Form C says only in what order it stands among others.
    Mark,
    /// A starter that Form C replaces by others, or a ligature.
    Decomposing,
}

pub(super) fn fold(character: char) -> &'static [u8] {
    match character {
        '\u{201C}'..='\u{201F}'
        | '\u{AB}'
        | '\u{BB}'
        | '\u{5F4}'
        | '\u{2033}'
        | '\u{301D}'..='\u{301F}'
        | '\u{FF02}' => b"\"",
        '\u{2018}'..='\u{201B}'
        | '\u{2039}'
        | '\u{203A}'
        | '\u{2BB}'
        | '\u{2BC}'
        | '\u{5F3}'
        | '\u{2032}'
        | '\u{FF07}' => b"'",
        '\u{2010}'..='\u{2015}'
        | '\u{2212}'
        | '\u{58A}'
        | '\u{5BE}'
        | '\u{FE58}'
        | '\u{FE63}'
        | '\u{FF0D}' => b"-",
        '\u{2026}' => b"...",
        // Decoders of Japanese and Chinese encodings take one code for either: the wave dash of Shift JIS and
        // EUC-JP or the full-width tilde, and so on; and the middle dot of GB 2312.
        '\u{301C}' | '\u{FF5E}' => b"~",
        '\u{2225}' => "\u{2016}".as_bytes(),
        '\u{FFE0}' => "\u{A2}".as_bytes(),
        '\u{FFE1}' => "\u{A3}".as_bytes(),
        '\u{FFE2}' => "\u{AC}".as_bytes(),
        '\u{30FB}' => "\u{B7}".as_bytes(),
        _ => b"",
    }
}

/// The letters of a ligature of Latin. Those who set text choose whether to have them, and many programs that read PDF
/// leave them in.
pub(super) fn ligature(character: char) -> &'static str {
    match character {
        '\u{FB00}' => "ff",
        '\u{FB01}' => "fi",
        '\u{FB02}' => "fl",
        '\u{FB03}' => "ffi",
        '\u{FB04}' => "ffl",
        '\u{FB05}' | '\u{FB06}' => "st",
        _ => "",
    }
}

/// Whether the canonical form leaves the character out.
pub(crate) fn is_zero_width(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether a character is of a script that does not part words with spaces, or a sign that is set like one of it:
/// Thai, Lao, Tibetan, Burmese and Khmer; ideographs, kana and Bopomofo, with their punctuation, and full-width forms.
///
/// Not Hangul, whose words have spaces between them.
pub(super) fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{E00}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        // Angle brackets that Form C replaces by those of the next line.
        | '\u{2329}' | '\u{232A}'
        | '\u{2E80}'..='\u{2FFF}' | '\u{3001}'..='\u{3029}' | '\u{3030}'..='\u{3098}' | '\u{309B}'..='\u{312F}'
        | '\u{3190}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE4F}'
        | '\u{FF01}'..='\u{FF9F}' | '\u{FFE0}'..='\u{FFE6}' | '\u{1AFF0}'..='\u{1B16F}'
        | '\u{20000}'..='\u{3FFFF}')
}

pub(super) fn class(character: char) -> Class {
    // Made a page at a time when first met: asking the normalisation tables for every character of
    // a Chinese or Russian text costs several times what all the rest of this module does, and for
    // all characters before the first one costs ten milliseconds.
    static PAGES: [OnceLock<Box<[Class; PAGE]>>; PLANES / PAGE] =
        [const { OnceLock::new() }; PLANES / PAGE];
    const PAGE: usize = 256;
    const PLANES: usize = 0x4_0000; // those with letters and signs
    let code = character as usize;
    if let Some(byte) = u8::try_from(code).ok().filter(u8::is_ascii) {
        return if is_blank(byte) { Class::Space } else { Class::Plain };
    }
    let Some(page) = PAGES.get(code / PAGE) else { return classify(character) };
    page.get_or_init(|| {
        let first = character as u32 & !0xFF;
        let mut classes = Box::new([Class::Plain; PAGE]);
        for (class, code) in classes.iter_mut().zip(first..) {
            *class = char::from_u32(code).map_or(Class::Plain, classify);
        }
        classes
    })[code % PAGE]
}

/// Whether Form C may reorder or join the character with what stands before it.
fn reaches_back(character: char) -> bool {
    unicode_normalization::char::canonical_combining_class(character) != 0
        || is_nfc_quick(std::iter::once(character)) == IsNormalized::Maybe
}

fn classify(character: char) -> Class {
    if character.is_whitespace() {
        Class::Space
    } else if is_zero_width(character) {
        Class::Vanishing
    } else if !fold(character).is_empty() {
        Class::Folding
    } else if reaches_back(character) {
        let composes = is_nfc_quick(std::iter::once(character)) != IsNormalized::Yes;
        if composes { Class::Composing } else { Class::Mark }
    } else if is_nfc_quick(std::iter::once(character)) != IsNormalized::Yes {
        let first = std::iter::once(character).nfd().next();
        if first.is_some_and(reaches_back) { Class::Composing } else { Class::Decomposing }
    } else if !ligature(character).is_empty() {
        Class::Decomposing
    } else {
        Class::Plain
    }
}
