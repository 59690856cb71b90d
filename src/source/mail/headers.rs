//! The headers of a message or a part: where they end, and the value of one.

use std::ops::Range;

use super::super::encoding;
use super::{Delimiter, Lines, Open};

/// The longest value of a header, in bytes; what comes behind is not read. The time that
/// `mail_parser` takes for encoded words grows with its square.
const LONGEST_VALUE: usize = 1 << 13;

/// The headers of a message or a part, as they stand.
#[derive(Clone, Copy)]
pub(super) struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    /// The headers from here to an empty line, to one that is none of theirs and so begins the
    /// body, or to a delimiter, which then begins there.
    pub(super) fn read(lines: &mut Lines<'a>, open: &[Open]) -> (Self, Option<(usize, Delimiter)>) {
        let (bytes, start) = (lines.bytes, lines.at);
        while let Some(line) = lines.next() {
            let content = &bytes[line.clone()];
            let headers = Self(&bytes[start..line.start]);
            if let Some(delimiter) = Delimiter::find(content, open) {
                return (headers, Some((line.start, delimiter)));
            }
            // A line of blanks is of the header before it: RFC 5322, section 4.2.
            let folded = line.start > start && is_folded(content);
            if content.trim_ascii().is_empty() && !folded {
                return (headers, None);
            }
            if !folded && name(content).is_none() && !is_envelope(content) {
                lines.at = line.start;
                return (headers, None);
            }
        }
        (Self(&bytes[start..]), None)
    }

    /// The headers, each with its name and its value, which may be folded.
    pub(super) fn fields(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let bytes = self.0;
        let mut lines = Lines { bytes, at: 0 }.peekable();
        std::iter::from_fn(move || {
            loop {
                let Range { start, mut end } = lines.next()?;
                while let Some(more) = lines.next_if(|line| is_folded(&bytes[line.clone()])) {
                    end = more.end;
                }
                let field = &bytes[start..end];
                if let Some(name) = name(field) {
                    return Some((name.trim_ascii_end(), &field[name.len() + 1..]));
                }
            }
        })
    }

    /// The value of the last header of this name, as `mail_parser` reads it: with a line end.
    pub(super) fn get(self, name: &str) -> Option<Vec<u8>> {
        let named = self.fields().filter(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        let (_, value) = named.last()?;
        let value = start_of(value.trim_ascii());
        let value = value.strip_prefix(encoding::MARK).unwrap_or(value);
        let mut decoded = Vec::with_capacity(value.len() + 1);
        if simdutf8::basic::from_utf8(value).is_ok() {
            decoded.extend_from_slice(value);
        } else {
            // Lines that are not UTF-8 are of one encoding, as one program wrote them, and short ones tell
            // little of it. In encoded words raw bytes are of the encoding that the word names.
            let lines = || Lines { bytes: value, at: 0 }.map(|line| &value[line]);
            let raw: Vec<&[u8]> = lines().filter(|line| is_raw(line)).collect();
            let raw = raw.concat();
            let text = encoding::decode(&raw, false)
                .map_or_else(|_| String::from_utf8_lossy(&raw), |raw| raw.text);
            let mut raw = text.split_inclusive('\n');
            for line in lines() {
                let raw = is_raw(line).then(|| raw.next().unwrap_or_default().as_bytes());
                decoded.extend_from_slice(raw.unwrap_or(line));
            }
        }
        decoded.push(b'\n');
        Some(decoded)
    }
}

/// Whether nothing but a guess tells the encoding of a line of a value.
fn is_raw(line: &[u8]) -> bool {
    memchr::memmem::find(line, b"=?").is_none() && simdutf8::basic::from_utf8(line).is_err()
}

/// What is read of a value: of a long one no part of a word, or, where it has no white space, of a character.
fn start_of(value: &[u8]) -> &[u8] {
    if value.len() <= LONGEST_VALUE {
        return value;
    }
    let is_start = |&end: &usize| !matches!(value[end], 0x80..0xc0);
    let end = value[..=LONGEST_VALUE].iter().rposition(u8::is_ascii_whitespace);
    // A character of UTF-8 has four bytes at most; other encodings have no bytes that tell.
    let end = end.or_else(|| (LONGEST_VALUE - 3..=LONGEST_VALUE).rev().find(is_start));
    &value[..end.unwrap_or(LONGEST_VALUE)]
}

/// The name that a header begins with, with blanks that may stand before its colon.
fn name(line: &[u8]) -> Option<&[u8]> {
    let name = &line[..memchr::memchr(b':', line)?];
    let letters = name.trim_ascii_end();
    let is_name = !letters.is_empty() && letters.iter().all(u8::is_ascii_graphic);
    is_name.then_some(name)
}

/// Whether a line goes on with the header before it.
fn is_folded(line: &[u8]) -> bool {
    matches!(line, [b' ' | b'\t', ..])
}

/// Whether a line among headers is what programs that deliver mail put before them.
fn is_envelope(line: &[u8]) -> bool {
    line.strip_prefix(b">").unwrap_or(line).starts_with(b"From ")
}
