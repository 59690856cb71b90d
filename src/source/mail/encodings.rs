//! What mail is encoded in on its way, and that the web does not have.

use std::ops::Range;

use mail_parser::decoders::base64::base64_decode;

use super::{Lines, before_line_end};

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

/// Whether a charset is UTF-7, which had a longer name at first (RFC 1642).
pub(super) fn is_utf_7(label: &[u8]) -> bool {
    [b"utf-7".as_slice(), b"unicode-1-1-utf-7"].iter().any(|it| it.eq_ignore_ascii_case(label))
}

/// The text of UTF-7 (RFC 2152), and how much of it was replaced.
///
/// The decoder of `mail_parser` loses what ends a shift, and one that nothing ends.
pub(super) fn decode_utf_7(bytes: &[u8]) -> (String, u64) {
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
