//! Encoded words in the values of headers: RFC 2047.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;

use super::super::encoding::decode_declared;
use super::encodings::{decode_as_mail, decode_quoted_printable};

/// A value in which neighbouring words of one charset are one word.
///
/// Programs cut characters in two where a word ends, though the standard forbids it, and
/// `mail_parser` decodes each word by itself. It also loses the end of base64 without padding, what
/// ends a shift of UTF-7, and all that is not ASCII in charsets that it does not know.
pub(super) fn join_words(value: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let Some((mut word, mut behind)) = Word::read(&rest[at..]) else {
            joined.extend_from_slice(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        joined.extend_from_slice(&rest[..at]);
        while let Some((next, end)) = Word::read(behind.trim_ascii_start())
            && next.charset.eq_ignore_ascii_case(word.charset)
        {
            word.append(&next.bytes);
            behind = end;
        }
        word.write(&mut joined);
        rest = behind;
    }
    joined.extend_from_slice(rest);
    joined
}

/// An encoded word.
struct Word<'a> {
    charset: &'a [u8],
    bytes: Vec<u8>,
}

impl<'a> Word<'a> {
    /// The word that a value begins with, and what comes behind it. None if it is not whole: that
    /// is left to `mail_parser`.
    fn read(value: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let value = value.strip_prefix(b"=?")?;
        let (charset, value) = value.split_at(memchr::memchr(b'?', value)?);
        // Behind a star stands the language: RFC 2231, section 5.
        let charset = charset.split(|&byte| byte == b'*').next().unwrap_or_default();
        if charset.is_empty() || !charset.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let [b'?', encoding, b'?', value @ ..] = value else { return None };
        let end = memchr::memmem::find(value, b"?=")?;
        let (encoded, behind) = (&value[..end], &value[end + 2..]);
        // Another word in it is the one that ends there.
        if encoded.contains(&b'\n') || memchr::memmem::find(encoded, b"=?").is_some() {
            return None;
        }
        let bytes = match encoding {
            b'b' | b'B' => base64_decode(encoded)?,
            b'q' | b'Q' => decode_q(encoded),
            _ => return None,
        };
        Some((Self { charset, bytes }, behind))
    }

    fn append(&mut self, bytes: &[u8]) {
        /// What switches ISO-2022-JP back to ASCII. At the end of a word it is right, but by the
        /// Encoding Standard it is an error if another switch follows.
        const TO_ASCII: &[u8] = b"\x1b(B";

        if bytes.starts_with(b"\x1b") && self.bytes.ends_with(TO_ASCII) {
            self.bytes.truncate(self.bytes.len() - TO_ASCII.len());
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn write(&self, value: &mut Vec<u8>) {
        let hex = |digit: u8| b"0123456789ABCDEF"[usize::from(digit)];
        let decoded = if let Some(decoded) = decode_as_mail(self.charset, &self.bytes) {
            Some(decoded.text)
        } else if charset_decoder(self.charset).is_none() {
            let decoded = decode_declared(&self.bytes, [self.charset], false);
            decoded.ok().map(|decoded| decoded.text)
        } else {
            None
        };
        let (charset, bytes) = match &decoded {
            Some(text) => (b"utf-8".as_slice(), text.as_bytes()),
            None => (self.charset, &*self.bytes),
        };
        value.extend_from_slice(b"=?");
        value.extend_from_slice(charset);
        value.extend_from_slice(b"?q?");
        for &byte in bytes {
            if byte.is_ascii_alphanumeric() {
                value.push(byte);
            } else {
                value.extend_from_slice(&[b'=', hex(byte >> 4), hex(byte & 15)]);
            }
        }
        value.extend_from_slice(b"?=");
    }
}

/// The bytes that the encoding "Q" stands for: quoted-printable, but for blanks, which are
/// underscores, or stand there though they should not.
fn decode_q(encoded: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(encoded.len());
    for &byte in encoded {
        match byte {
            b'_' | b' ' => body.extend_from_slice(b"=20"),
            byte => body.push(byte),
        }
    }
    decode_quoted_printable(&body).0
}
