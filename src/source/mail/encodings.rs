//! What mail is encoded in on its way, and that the web does not have.

use std::ops::Range;

use encoding_rs::{EUC_KR, GBK};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;

use super::{Lines, before_line_end};
use crate::source::encoding::{Decoded, replace};

/// The bytes that base64 stands for, and whether it is sound. Without what is strange to it, but
/// for the text that programs of mailing lists append, which stays as it is.
pub(super) fn decode_base64(body: &[u8]) -> (Vec<u8>, bool) {
    if let Some(decoded) = base64_decode(body) {
        return (decoded, true);
    }
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    // Damage changes a byte here and there, while no text has ten letters between its blanks, dots
    // and strokes throughout.
    let is_text = |line: &Range<usize>| {
        let line = body[line.clone()].trim_ascii();
        let strange = line.iter().filter(|byte| !is_base64(byte)).count();
        strange > 0 && strange * 10 >= line.len()
    };
    let text = Lines { bytes: body, at: 0 }.find(is_text).map_or(body.len(), |line| line.start);
    let (encoded, text) = body.split_at(text);
    let encoded: Vec<u8> = encoded.iter().copied().filter(is_base64).collect();
    let mut decoded = base64_decode(&encoded).unwrap_or_default();
    if !text.is_empty() && !decoded.is_empty() && !decoded.ends_with(b"\n") {
        decoded.push(b'\n');
    }
    decoded.extend_from_slice(text);
    (decoded, false)
}

/// The bytes that quoted-printable stands for, and whether it is sound. An `=` that begins no code
/// stays as it is.
///
/// The decoder of `mail_parser` takes `= 41` for a code and drops what is cut off; that of the
/// crate `quoted_printable` drops all bytes that are not ASCII.
pub(super) fn decode_quoted_printable(body: &[u8]) -> (Vec<u8>, bool) {
    let mut decoded = Vec::with_capacity(body.len());
    let mut sound = true;
    for line in (Lines { bytes: body, at: 0 }) {
        let line = &body[line];
        let end = &line[before_line_end(line, line.len())..];
        // Blanks at the end of a line were added on its way: RFC 2045, section 6.7, rule 3.
        let content = line.trim_ascii_end();
        let joined = content.strip_suffix(b"=");
        let mut rest = joined.unwrap_or(content);
        while let Some(at) = memchr::memchr(b'=', rest) {
            decoded.extend_from_slice(&rest[..at]);
            let hex = |at: usize| {
                char::from(*rest.get(at)?).to_digit(16).and_then(|it| u8::try_from(it).ok())
            };
            if let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2)) {
                decoded.push(high << 4 | low);
                rest = &rest[at + 3..];
            } else {
                sound = false;
                decoded.push(b'=');
                rest = &rest[at + 1..];
            }
        }
        decoded.extend_from_slice(rest);
        if joined.is_none() {
            decoded.extend_from_slice(end);
        }
    }
    (decoded, sound)
}

/// The text of a charset that the web does not know, so that its encodings do not include it, but some
/// mail has: one of seven bits, or a code page of DOS. None if it is another.
pub(super) fn decode_as_mail(label: &[u8], bytes: &[u8]) -> Option<Decoded<'static>> {
    let is_one_of =
        |labels: &[&str]| labels.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(label));
    let (name, text, replaced) = if is_one_of(&["utf-7", "unicode-1-1-utf-7"]) {
        let (text, replaced) = decode_utf_7(bytes);
        ("UTF-7", text, replaced)
    } else if is_one_of(&["iso-2022-kr", "csiso2022kr"]) {
        let (text, replaced) = replace(&unshift_korean(bytes), EUC_KR);
        ("ISO-2022-KR", text, replaced)
    } else if is_one_of(&["hz-gb-2312", "hz"]) {
        let (text, replaced) = replace(&unshift_chinese(bytes), GBK);
        ("HZ-GB-2312", text, replaced)
    } else if is_one_of(&["ibm437", "cp437", "437", "cspc8codepage437"]) {
        ("IBM437", decode_code_page_437(bytes), 0)
    } else if is_one_of(&["ibm850", "cp850", "850", "cspc850multilingual"]) {
        ("IBM850", charset_decoder(b"ibm850")?(bytes), 0)
    } else {
        return None;
    };
    Some(Decoded { text: text.into(), encoding: Some(name), replaced })
}

/// The text of the first code page of DOS, the one that `mail_parser` does not have.
fn decode_code_page_437(bytes: &[u8]) -> String {
    /// From 0x80 on; what is below is ASCII.
    const UPPER: [char; 128] = [
        'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å', 'É', 'æ',
        'Æ', 'ô', 'ö', 'ò', 'û', 'ù', 'ÿ', 'Ö', 'Ü', '¢', '£', '¥', '₧', 'ƒ', 'á', 'í', 'ó', 'ú',
        'ñ', 'Ñ', 'ª', 'º', '¿', '⌐', '¬', '½', '¼', '¡', '«', '»', '░', '▒', '▓', '│', '┤', '╡',
        '╢', '╖', '╕', '╣', '║', '╗', '╝', '╜', '╛', '┐', '└', '┴', '┬', '├', '─', '┼', '╞', '╟',
        '╚', '╔', '╩', '╦', '╠', '═', '╬', '╧', '╨', '╤', '╥', '╙', '╘', '╒', '╓', '╫', '╪', '┘',
        '┌', '█', '▄', '▌', '▐', '▀', 'α', 'ß', 'Γ', 'π', 'Σ', 'σ', 'µ', 'τ', 'Φ', 'Θ', 'Ω', 'δ',
        '∞', 'φ', 'ε', '∩', '≡', '±', '≥', '≤', '⌠', '⌡', '÷', '≈', '°', '∙', '·', '√', 'ⁿ', '²',
        '■', '\u{a0}',
    ];

    let upper = |byte: u8| UPPER.get(usize::from(byte).checked_sub(UPPER.len())?).copied();
    bytes.iter().map(|&byte| upper(byte).unwrap_or(char::from(byte))).collect()
}

/// The byte of a character of two, as encodings of eight bits have it.
fn shifted(byte: u8) -> u8 {
    if matches!(byte, 0x21..=0x7E) { byte | 0x80 } else { byte }
}

/// ISO-2022-KR (RFC 1557) as EUC-KR: Korean stands between two controls, or up to the end of a line.
fn unshift_korean(bytes: &[u8]) -> Vec<u8> {
    let mut unshifted = Vec::with_capacity(bytes.len());
    let (mut rest, mut is_korean) = (bytes, false);
    while let Some((&first, behind)) = rest.split_first() {
        // What says that all of this is used.
        rest = rest.strip_prefix(b"\x1b$)C").unwrap_or(behind);
        if rest.len() < behind.len() {
            continue;
        }
        match first {
            0x0E => is_korean = true,
            0x0F => is_korean = false,
            _ => {
                is_korean &= first != b'\n';
                unshifted.push(if is_korean { shifted(first) } else { first });
            }
        }
    }
    unshifted
}

/// HZ (RFC 1843) as GBK: Chinese stands between `~{` and `~}`, or up to the end of a line.
fn unshift_chinese(bytes: &[u8]) -> Vec<u8> {
    let mut unshifted = Vec::with_capacity(bytes.len());
    let (mut rest, mut is_chinese) = (bytes, false);
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        let behind_escape = || Some((*behind.first()?, &behind[1..]));
        match behind_escape().filter(|_| first == b'~') {
            Some((b'{', after)) if !is_chinese => (is_chinese, rest) = (true, after),
            Some((b'}', after)) if is_chinese => (is_chinese, rest) = (false, after),
            Some((b'\n', after)) if !is_chinese => rest = after, // the line goes on
            Some((b'~', after)) if !is_chinese => {
                unshifted.push(b'~');
                rest = after;
            }
            _ => {
                is_chinese &= first != b'\n';
                unshifted.push(if is_chinese { shifted(first) } else { first });
            }
        }
    }
    unshifted
}

/// The text of UTF-7 (RFC 2152), and how much of it was replaced.
///
/// The decoder of `mail_parser` loses what ends a shift, and one that nothing ends.
fn decode_utf_7(bytes: &[u8]) -> (String, u64) {
    let mut text = String::with_capacity(bytes.len());
    let mut replaced = 0;
    let mut replace = |char| {
        replaced += u64::from(char == char::REPLACEMENT_CHARACTER);
        char
    };
    let mut rest = bytes;
    while let Some((&first, behind)) = rest.split_first() {
        if first != b'+' {
            text.push(replace(if first.is_ascii() { first.into() } else { '\u{fffd}' }));
            rest = behind;
            continue;
        }
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let end = behind.iter().position(|byte| !is_base64(byte)).unwrap_or(behind.len());
        let (shifted, behind) = behind.split_at(end);
        let units = base64_decode(shifted).unwrap_or_default();
        if units.len() < 2 {
            text.push('+');
            text.extend(shifted.iter().map(|&byte| char::from(byte)));
        }
        let units = units.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
        let chars = char::decode_utf16(units);
        text.extend(chars.map(|char| replace(char.unwrap_or(char::REPLACEMENT_CHARACTER))));
        rest = behind.strip_prefix(b"-").unwrap_or(behind);
    }
    (text, replaced)
}
