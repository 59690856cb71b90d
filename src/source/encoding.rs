//! Bytes become text.

use std::borrow::Cow;

use super::document::{Failure, Problem};
use crate::text::string_of;

/// The byte order mark of UTF-8.
pub(crate) const MARK: &[u8] = "\u{feff}".as_bytes();

/// Text, and what it was before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded<'a> {
    pub(crate) text: Cow<'a, str>,
    /// None if it was UTF-8.
    pub(crate) encoding: Option<&'static str>,
    /// How many sequences of bytes became U+FFFD.
    pub(crate) replaced: u64,
}

#[cfg(feature = "encodings")]
impl Decoded<'_> {
    /// The text, if all of it could be decoded or that is not asked for.
    pub(crate) fn check(self, strict: bool) -> Result<Self, Problem> {
        if strict && self.replaced > 0 {
            let encoding = self.encoding.unwrap_or(encoding_rs::UTF_8.name());
            return Err(Problem::Undecodable { encoding, sequences: self.replaced });
        }
        Ok(self)
    }
}

/// The text of some bytes, without byte order mark.
///
/// A byte order mark tells UTF-8 and UTF-16. Without one, bytes that are UTF-8 are taken as such;
/// so are those with surrogates, or with more sound sequences of several bytes than broken ones:
/// UTF-8 with damage. The rest is left to a detector.
///
/// # Errors
///
/// If the text is not UTF-8 and this build cannot read it, or if `strict` and not all of it can be
/// decoded.
pub(crate) fn decode(bytes: &[u8], strict: bool) -> Result<Decoded<'_>, Failure> {
    let marked = bytes.strip_prefix(MARK);
    let mark = if marked.is_some() { 3 } else { 0 };
    let bytes = marked.unwrap_or(bytes);
    match simdutf8::compat::from_utf8(bytes) {
        Ok(text) => Ok(Decoded { text: Cow::Borrowed(text), encoding: None, replaced: 0 }),
        Err(error) => {
            let sound = error.valid_up_to();
            damaged(bytes, marked.is_some(), sound, strict).map_err(|problem| {
                let offset = Some(mark + sound as u64);
                Failure { offset, ..Failure::of_record(problem) }
            })
        }
    }
}

/// As [`decode`], for bytes whose encoding may be `declared`, more than once even. The first that says
/// anything holds, unless there is a byte order mark.
///
/// A label that the WHATWG Encoding Standard does not know says nothing, unless it is a code page of
/// Windows by the name that it has in Python and Java. Nor does ASCII, which
/// programs declare that never looked: where it is true, the text is UTF-8 too. And two
/// declarations do not hold against what is there: Latin-1, whose words are never UTF-8 of several
/// bytes throughout, and, unless `strict`, UTF-8 itself.
///
/// # Errors
///
/// As [`decode`], but without an offset: declared bytes are mostly made of others.
#[cfg(feature = "html")]
pub(crate) fn decode_declared(
    bytes: &[u8],
    declared: impl IntoIterator<Item: AsRef<[u8]>>,
    strict: bool,
) -> Result<Decoded<'_>, Failure> {
    use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

    let declared = match Encoding::for_bom(bytes) {
        Some(_) => None,
        None => declared.into_iter().find_map(|label| of_label(label.as_ref())),
    };
    // Looked at only where it matters.
    let is_utf8 = || !bytes.is_ascii() && simdutf8::basic::from_utf8(bytes).is_ok();
    let believed = declared.filter(|&encoding| match encoding {
        _ if encoding == UTF_8 => strict,
        _ if encoding == WINDOWS_1252 => !is_utf8(),
        _ => true,
    });
    match believed {
        Some(encoding) => Ok(decode_as(bytes, encoding, strict)?),
        None => decode(bytes, strict).map_err(|failure| Failure { offset: None, ..failure }),
    }
}

/// The encoding that a declaration means, if it says anything.
#[cfg(feature = "html")]
fn of_label(label: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let encoding = encoding_rs::Encoding::for_label_no_replacement(label);
    encoding.or_else(|| code_page(label)).filter(|_| !is_ascii_label(label))
}

/// Whether a declaration says anything: those behind it do not count.
#[cfg(feature = "html")]
pub(crate) fn is_known_label(label: &[u8]) -> bool {
    of_label(label).is_some()
}

/// As [`decode`], for bytes that the text may be made of.
pub(crate) fn decode_owned(bytes: Vec<u8>, strict: bool) -> Result<Decoded<'static>, Failure> {
    match string_of(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
            Ok(Decoded { text: Cow::Owned(text), encoding: None, replaced: 0 })
        }
        Err(bytes) => {
            let Decoded { text, encoding, replaced } = decode(&bytes, strict)?;
            Ok(Decoded { text: Cow::Owned(text.into_owned()), encoding, replaced })
        }
    }
}

/// The text of bytes that are not UTF-8 throughout.
#[cfg(feature = "encodings")]
fn damaged(bytes: &[u8], marked: bool, sound: usize, strict: bool) -> Result<Decoded<'_>, Problem> {
    use encoding_rs::{Encoding, UTF_8};

    let (encoding, bytes) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) if !marked => (encoding, &bytes[mark..]),
        _ if marked || mostly_utf8(bytes) => (UTF_8, bytes),
        _ => (detect(bytes, sound), bytes),
    };
    decode_as(bytes, encoding, strict)
}

/// The text of bytes without a byte order mark.
#[cfg(feature = "encodings")]
fn decode_as(
    bytes: &[u8],
    encoding: &'static encoding_rs::Encoding,
    strict: bool,
) -> Result<Decoded<'static>, Problem> {
    let (text, replaced) = replace(bytes, encoding);
    let decoded = Decoded {
        text: Cow::Owned(text),
        encoding: (encoding != encoding_rs::UTF_8).then(|| encoding.name()),
        replaced,
    };
    decoded.check(strict)
}

#[cfg(not(feature = "encodings"))]
fn damaged(_: &[u8], _: bool, _: usize, _: bool) -> Result<Decoded<'_>, Problem> {
    Err(Problem::Feature { what: "text that is not UTF-8", feature: "encodings" })
}

/// Whether bytes are rather UTF-8 with damage than something else.
#[cfg(feature = "encodings")]
fn mostly_utf8(bytes: &[u8]) -> bool {
    /// What is broken in one place may be damage of any length, or a word of another encoding, of
    /// which two bytes now and then are a sound sequence by chance. Counted once, two in five short
    /// Japanese texts in EUC-JP passed for UTF-8; so, four in a thousand.
    const MOST: u32 = 3;

    // More than is taken away for where it stands.
    let pairs = i64::try_from(surrogate_pairs(bytes)).unwrap_or(i64::MAX / 8);
    let mut balance = pairs * (i64::from(MOST) + 1);
    let (mut here, mut last) = (0, [].as_slice());
    for chunk in bytes.utf8_chunks() {
        let (sound, broken) = (chunk.valid(), chunk.invalid());
        let continued = sound.bytes().filter(|byte| byte & 0xC0 == 0xC0).count();
        balance += i64::try_from(continued).unwrap_or(i64::MAX / 2);
        here = if sound.is_empty() { here } else { 0 } + u32::from(!broken.is_empty());
        balance -= i64::from(!broken.is_empty() && here <= MOST);
        last = broken;
    }
    // A text may be cut off in the middle of a character.
    let is_cut = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    balance + i64::from(is_cut && here <= MOST) > 0
}

/// How many pairs of surrogates there are in UTF-8, as programs write that have it from UTF-16 unit by
/// unit. Other encodings have these bytes only where three or more certain characters meet, of which
/// the first is rare in any.
#[cfg(feature = "encodings")]
fn surrogate_pairs(bytes: &[u8]) -> usize {
    let is_pair = |&at: &usize| {
        matches!(bytes[at..], [_, 0xA0..=0xAF, 0x80..=0xBF, 0xED, 0xB0..=0xBF, 0x80..=0xBF, ..])
    };
    memchr::memchr_iter(0xED, bytes).filter(is_pair).count()
}

/// The likeliest encoding, judged by the words with bytes beyond ASCII from a little before the first
/// that is not UTF-8.
///
/// To score a byte takes some thirty instructions for each encoding that the detector knows, and no pair
/// of ASCII bytes has a score. By these words alone, each of 26,000 texts in 23 encodings and 44 languages,
/// of 100 bytes to 300 KB, got the answer that it gets by all bytes.
#[cfg(feature = "encodings")]
fn detect(bytes: &[u8], sound: usize) -> &'static encoding_rs::Encoding {
    use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

    /// What may be UTF-8 by chance.
    const BEFORE: usize = 1 << 16;
    /// Bytes beyond ASCII that are enough to tell an encoding of several bytes: a quarter was.
    const FEW: usize = 1 << 10;
    /// The same of the others, some of which differ in one letter, or the ends of quotations. With half
    /// of it one text got another answer, with a quarter 12.
    const ENOUGH: usize = 1 << 14;

    let mut rest = &bytes[sound.saturating_sub(BEFORE)..];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut feed = |enough: usize| {
        let (words, is_end) = next_words(&mut rest, enough);
        detector.feed(&words, is_end);
        (detector.guess(None, Utf8Detection::Deny), is_end)
    };
    match feed(FEW) {
        (encoding, is_end) if is_end || !encoding.is_single_byte() => encoding,
        _ => feed(ENOUGH).0,
    }
}

/// The next words with bytes beyond ASCII, until there are `enough` of these; and whether the text ends
/// before.
#[cfg(feature = "encodings")]
fn next_words(rest: &mut &[u8], enough: usize) -> (Vec<u8>, bool) {
    let (mut words, mut count) = (Vec::new(), 0);
    while count < enough {
        let Some(word) = next_word(rest) else { return (words, true) };
        words.extend_from_slice(word);
        count += word.iter().map(|byte| usize::from(!byte.is_ascii())).sum::<usize>();
    }
    (words, false)
}

/// The next word with bytes beyond ASCII, with the space before it and behind; or a part of it, if it is
/// long.
#[cfg(feature = "encodings")]
fn next_word<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    /// Bytes of a word before the first beyond ASCII, and behind it before another of ASCII ends it:
    /// else the detector would read all of a file without spaces.
    const SIDE: usize = 64;
    /// Bytes behind these of a word that has no ASCII there.
    const LONGEST: usize = 1 << 10;

    // No encoding of several bytes has these in a character.
    let is_space = |byte: &u8| *byte <= b' ';
    let at = encoding_rs::Encoding::ascii_valid_up_to(rest);
    let before = &rest[at.saturating_sub(SIDE)..at];
    let space = before.iter().rev().position(is_space);
    let start = at - space.map_or(before.len(), |space| space + 1);
    let behind = &rest[at..rest.len().min(at + SIDE + LONGEST)];
    let (near, far) = behind.split_at(behind.len().min(SIDE));
    let space = near.iter().position(is_space);
    // Behind ASCII a character ends, or goes on beyond it, with what the next word begins with then.
    let cut = || far.iter().position(u8::is_ascii).map_or(behind.len(), |ascii| SIDE + ascii + 1);
    let end = at + space.map_or_else(cut, |space| space + 1);
    let word = &rest[start..end];
    *rest = &rest[end..];
    (at < end).then_some(word)
}

/// The encoding that an XML declaration at the start of `bytes` names.
#[cfg(feature = "html")]
pub(crate) fn in_xml_declaration(bytes: &[u8]) -> Option<&[u8]> {
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let end = declaration.iter().take(256).position(|&byte| byte == b'>')?;
    let declaration = &declaration[..end];
    let at = memchr::memmem::find(declaration, b"encoding")? + b"encoding".len();
    let value = declaration[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, value) = value.split_first().filter(|&(quote, _)| b"'\"".contains(quote))?;
    // What can be read in ASCII is not UTF-16, whatever it says.
    value.split(|&byte| byte == quote).next().filter(|label| !is_utf16_label(label))
}

/// The code pages of Windows that the Encoding Standard knows by other names only.
#[cfg(feature = "html")]
fn code_page(label: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    Some(match &*label.trim_ascii().to_ascii_lowercase() {
        b"cp932" => encoding_rs::SHIFT_JIS,
        b"cp936" | b"ms936" => encoding_rs::GBK,
        b"cp949" | b"ms949" => encoding_rs::EUC_KR,
        b"cp950" | b"ms950" => encoding_rs::BIG5,
        _ => return None,
    })
}

/// Whether `label` means UTF-16, which nothing can be that was found in ASCII.
#[cfg(feature = "html")]
pub(crate) fn is_utf16_label(label: &[u8]) -> bool {
    use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

    Encoding::for_label(label).is_some_and(|it| it == UTF_16LE || it == UTF_16BE)
}

#[cfg(feature = "html")]
fn is_ascii_label(label: &[u8]) -> bool {
    use encoding_rs::{Encoding, WINDOWS_1252};

    let name = label.trim_ascii().to_ascii_lowercase();
    // The other is what the C library calls it where no locale is set.
    Encoding::for_label(label) == Some(WINDOWS_1252)
        && (name.ends_with(b"ascii") || name == b"ansi_x3.4-1968")
}

/// The text, and how many sequences of bytes were replaced in it.
#[cfg(feature = "encodings")]
pub(super) fn replace(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> (String, u64) {
    use encoding_rs::DecoderResult;

    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    // Not into the text itself: the decoder would write zeros over all that it has room for each time
    // it comes to something broken.
    let mut block = "\0".repeat(BLOCK);
    let mut replaced = 0;
    let mut rest = bytes;
    loop {
        let (result, read, written) =
            decoder.decode_to_str_without_replacement(rest, &mut block, true);
        rest = &rest[read..];
        text.push_str(&block[..written]);
        match result {
            DecoderResult::InputEmpty => return (text, replaced),
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                text.push(char::REPLACEMENT_CHARACTER);
                replaced += 1;
            }
        }
    }
}

/// Bytes of text that are decoded at a time.
#[cfg(feature = "encodings")]
const BLOCK: usize = 1 << 14;

/// A stream in UTF-16, which its byte order mark tells, as UTF-8.
#[cfg(feature = "encodings")]
pub(crate) struct Utf16<R> {
    reader: R,
    decoder: encoding_rs::Decoder,
    encoding: &'static str,
    strict: bool,
    /// Text, and the part of it that was not taken yet.
    block: Vec<u8>,
    rest: std::ops::Range<usize>,
    malformed: bool,
    end: bool,
}

#[cfg(feature = "encodings")]
impl<R: std::io::BufRead> Utf16<R> {
    /// Takes a stream at whose start `head` stands. None if that is no UTF-16.
    pub(crate) fn new(reader: R, head: &[u8], strict: bool) -> Result<Self, R> {
        let (encoding, _) = match encoding_rs::Encoding::for_bom(head) {
            Some(found) if found.0 != encoding_rs::UTF_8 => found,
            _ => return Err(reader),
        };
        let decoder = encoding.new_decoder_with_bom_removal();
        Ok(Self {
            reader,
            decoder,
            encoding: encoding.name(),
            strict,
            block: vec![0; BLOCK],
            rest: 0..0,
            malformed: false,
            end: false,
        })
    }

    pub(crate) fn encoding(&self) -> &'static str {
        self.encoding
    }
}

#[cfg(feature = "encodings")]
impl<R: std::io::BufRead> std::io::Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        super::stream::read_buffered(self, buffer)
    }
}

#[cfg(feature = "encodings")]
impl<R: std::io::BufRead> std::io::BufRead for Utf16<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        use encoding_rs::DecoderResult;

        const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

        while self.rest.is_empty() && !self.end {
            if self.malformed {
                return Err(Problem::Undecodable { encoding: self.encoding, sequences: 1 }.into());
            }
            let bytes = self.reader.fill_buf()?;
            let room = self.block.len() - REPLACEMENT.len();
            let last = bytes.is_empty();
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                bytes,
                &mut self.block[..room],
                last,
            );
            self.reader.consume(read);
            self.rest = 0..written;
            match result {
                DecoderResult::InputEmpty => self.end = last,
                DecoderResult::OutputFull => {}
                // What stands before it comes first.
                DecoderResult::Malformed(..) if self.strict => self.malformed = true,
                DecoderResult::Malformed(..) => {
                    self.rest.end += REPLACEMENT.len();
                    self.block[written..self.rest.end].copy_from_slice(REPLACEMENT);
                }
            }
        }
        Ok(&self.block[self.rest.clone()])
    }

    fn consume(&mut self, bytes: usize) {
        self.rest.start += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_is_not_copied() {
        for text in ["", "plain", "Grüße, \u{0}, 語"] {
            let decoded = decode(text.as_bytes(), true).unwrap();
            assert!(matches!(decoded.text, Cow::Borrowed(same) if same == text));
            let owned = decode_owned(format!("\u{feff}{text}").into_bytes(), true).unwrap();
            assert_eq!(owned, Decoded { text: text.into(), encoding: None, replaced: 0 });
        }
    }

    #[cfg(not(feature = "encodings"))]
    #[test]
    fn what_is_not_utf8_names_the_feature() {
        let failure = decode(b"Gr\xfc\xdfe", false).unwrap_err();
        assert_eq!(failure.offset, Some(2));
        assert!(failure.problem.to_string().contains("`encodings`"), "{}", failure.problem);
    }

    #[cfg(feature = "encodings")]
    mod with_encodings {
        use std::io::{BufReader, Read};

        use super::*;

        fn latin(text: &str) -> Vec<u8> {
            let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(text);
            assert!(!unmappable, "{text}");
            bytes.into_owned()
        }

        #[test]
        fn german_of_a_single_byte_each_is_told() {
            for text in [
                "Grüße aus Köln",
                "Die Gemeinde prüft, ob die Brücke über die Wörnitz größer werden muß.",
                "„Das fängt ja gut an“, sagte er – und schloß die Tür.",
                "5 € für das Öl; Straße, Maß, Übung, ÄRGER",
                "Im Café saß Renée und las über Fjällräven.",
            ] {
                let bytes = latin(text);
                let decoded = decode(&bytes, true).unwrap();
                assert_eq!((&*decoded.text, decoded.replaced), (text, 0));
                assert_eq!(decoded.encoding, Some("windows-1252"));
            }
        }

        #[test]
        fn far_into_a_file_an_umlaut_is_still_seen() {
            let text = format!("{}Die Brücke ist geschlossen.", "plain text ".repeat(200_000));
            assert_eq!(decode(&latin(&text), true).unwrap().text, text);
        }

        #[test]
        fn words_far_apart_are_judged_together() {
            // Of these both encodings have the first.
            let text = format!("“Да” {}Мост закрыт до осени.", "plain text ".repeat(200_000));
            let (bytes, _, unmappable) = encoding_rs::WINDOWS_1251.encode(&text);
            assert!(!unmappable);
            assert_eq!(decode(&bytes, true).unwrap().text, text);
        }

        #[test]
        fn characters_are_whole_where_words_are_cut() {
            use encoding_rs::{BIG5, GB18030, SHIFT_JIS};

            // Of many of these characters the second byte is ASCII; of the last two and four.
            for (encoding, text) in [
                (SHIFT_JIS, "ソフトウェアの表示能力を十分に予測する。"),
                (BIG5, "功能許可證蓋檔案已經關閉，因為系統無法處理。"),
                (GB18030, "丂丄丅汉字输入的时候㐀㐁㐂，窗口就会关闭。"),
            ] {
                for ascii in (0..40).chain([5000]) {
                    let text = format!("{text}{}", "x".repeat(ascii)).repeat(9);
                    let bytes = encoding.encode(&text).0;
                    let decoded = decode(&bytes, true).unwrap();
                    assert_eq!(decoded.text, text, "{}, {ascii}", encoding.name());
                    let mut rest = &*bytes;
                    let words =
                        std::iter::from_fn(|| next_word(&mut rest)).collect::<Vec<_>>().concat();
                    let (words, _, broken) = encoding.decode(&words);
                    assert!(!broken, "{words}");
                    assert!(ascii < 5000 || words.len() < 4000, "{}", words.len());
                }
            }
        }

        #[test]
        fn utf8_with_one_broken_byte_anywhere_stays_utf8() {
            let text = "Grüße an die Bürger der Städte: schöne Ostern, viel Vergnügen!";
            for at in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
                for broken in [0x80, 0xBF, 0xC3, 0xF5, 0xFF] {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes.insert(at, broken);
                    let failure = decode(&bytes, true).unwrap_err();
                    assert!(failure.offset.is_some_and(|offset| offset <= at as u64));
                    let decoded = decode(&bytes, false).unwrap();
                    assert_eq!((decoded.encoding, decoded.replaced), (None, 1));
                    let (before, after) = text.split_at(at);
                    assert_eq!(decoded.text, format!("{before}\u{fffd}{after}"));
                }
            }
        }

        #[test]
        fn surrogates_do_not_make_it_another_encoding() {
            let pair = b"\xed\xa0\xbd\xed\xb8\x80".as_slice();
            for (before, pairs) in [("An English text ", 1), ("Schöne Grüße ", 1), ("Öl ", 7)] {
                let bytes = [before.as_bytes(), &pair.repeat(pairs), b" and no more"].concat();
                let decoded = decode(&bytes, false).unwrap();
                assert_eq!(decoded.encoding, None, "{before}");
                let replaced = "\u{fffd}".repeat(6 * pairs);
                assert_eq!(decoded.text, format!("{before}{replaced} and no more"));
                assert!(decode(&bytes, true).is_err());
            }
        }

        #[test]
        fn what_another_encoding_has_of_utf8_by_chance_is_no_utf8() {
            use encoding_rs::{EUC_JP, EUC_KR, GB18030, SHIFT_JIS, WINDOWS_874};

            for (encoding, text) in [
                (EUC_JP, "日本語のテキストです。長い文章を書いてみます。"),
                (EUC_JP, "東京の天気は晴れ。明日は雨が降るでしょう。"),
                (SHIFT_JIS, "日本語のテキストです。長い文章を書いてみます。"),
                (GB18030, "今天天气很好，我们去公园散步，然后回家吃饭。"),
                (EUC_KR, "오늘 날씨가 좋아서 공원에 산책하러 갔습니다."),
                (WINDOWS_874, "วันนี้อากาศดีมาก เราไปเดินเล่นที่สวนสาธารณะ"),
            ] {
                let (bytes, _, unmappable) = encoding.encode(text);
                assert!(!unmappable, "{text}");
                let decoded = decode(&bytes, true).unwrap();
                assert_eq!(decoded.text, text);
            }
        }

        #[test]
        fn utf8_that_is_cut_off_stays_utf8() {
            let text = "Die Brücke bleibt gesperrt bis Ende März";
            let start = text.find('ü').unwrap() + 'ü'.len_utf8();
            for end in start..text.len() {
                let cut = &text.as_bytes()[..end];
                let decoded = decode(cut, false).unwrap();
                let replaced = u64::from(!text.is_char_boundary(end));
                assert_eq!((decoded.encoding, decoded.replaced), (None, replaced), "{end}");
            }
        }

        fn utf16(text: &str, big: bool) -> Vec<u8> {
            let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
            units
                .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()
        }

        #[test]
        fn time_does_not_depend_on_how_much_is_broken() {
            // Quadratic time took a minute here, where a debug build takes a second.
            let start = std::time::Instant::now();
            let text = "Käsë ";
            let count = 1 << 19;
            let bytes = [text.as_bytes(), b"\xff"].concat().repeat(count);
            let decoded = decode(&bytes, false).unwrap();
            assert_eq!((decoded.encoding, decoded.replaced), (None, count as u64));
            assert!(decoded.text == format!("{text}\u{fffd}").repeat(count));

            // A surrogate alone, in a buffer that holds many.
            let bytes = [&b"\xff\xfe"[..], &b"\x00\xd8".repeat(count)].concat();
            let reader = BufReader::with_capacity(1 << 20, &*bytes);
            let Ok(mut stream) = Utf16::new(reader, &bytes[..2], false) else { panic!("a mark") };
            let mut read = String::new();
            stream.read_to_string(&mut read).unwrap();
            assert!(read == "\u{fffd}".repeat(count));
            assert!(start.elapsed() < std::time::Duration::from_secs(20));
        }

        #[test]
        fn utf16_is_told_by_its_mark() {
            let text = "Grüße, 語, 😀\n";
            for (big, name) in [(false, "UTF-16LE"), (true, "UTF-16BE")] {
                let bytes = utf16(text, big);
                let decoded = decode(&bytes, true).unwrap();
                assert_eq!((&*decoded.text, decoded.encoding), (text, Some(name)));

                let odd = &bytes[..bytes.len() - 1];
                assert!(decode(odd, true).is_err());
                assert_eq!(decode(odd, false).unwrap().replaced, 1);
                for (buffer, long) in
                    [(1, text.to_owned()), (5, text.repeat(500)), (5000, text.repeat(5000))]
                {
                    let bytes = utf16(&long, big);
                    let reader = BufReader::with_capacity(buffer, &*bytes);
                    let Ok(mut stream) = Utf16::new(reader, &bytes[..2], true) else {
                        panic!("{name} has a mark")
                    };
                    let mut read = String::new();
                    stream.read_to_string(&mut read).unwrap();
                    assert!(read == long);
                    assert_eq!(stream.encoding(), name);
                }
            }
        }
    }

    #[cfg(feature = "html")]
    mod declared {
        use super::*;

        fn read(bytes: &[u8], declared: &str) -> (String, Option<&'static str>) {
            let decoded = decode_declared(bytes, Some(declared.as_bytes()), true).unwrap();
            (decoded.text.into_owned(), decoded.encoding)
        }

        #[test]
        fn a_mark_wins_over_a_declaration_and_that_over_a_guess() {
            let utf16: Vec<u8> = "\u{feff}Käse".encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(read(&utf16, "iso-8859-1"), ("Käse".into(), Some("UTF-16LE")));
            assert_eq!(read("\u{feff}Käse".as_bytes(), "latin1"), ("Käse".into(), None));
            let cyrillic = ("Kд".into(), Some("windows-1251"));
            assert_eq!(read(b"K\xe4", "windows-1251"), cyrillic);
            assert_eq!(read(b"K\xe4se", "latin1"), ("Käse".into(), Some("windows-1252")));
            assert_eq!(read(b"Brot", "latin1"), ("Brot".into(), Some("windows-1252")));
            assert_eq!(read("Käse".as_bytes(), "UTF-8"), ("Käse".into(), None));
            // So short that a guess is wrong.
            let japanese = ("日本".into(), Some("Shift_JIS"));
            assert_eq!(read(b"\x93\xfa\x96\x7b", " CP932"), japanese);
        }

        #[test]
        fn a_declaration_that_what_is_there_belies_does_not_hold() {
            assert_eq!(read("Käse".as_bytes(), "latin1"), ("Käse".into(), None));
            let latin = b"Gr\xfc\xdfe aus K\xf6ln";
            assert!(decode_declared(latin, Some(b"utf-8"), true).is_err());
            let decoded = decode_declared(latin, Some(b"utf-8"), false).unwrap();
            assert_eq!(
                (&*decoded.text, decoded.encoding),
                ("Grüße aus Köln", Some("windows-1252"))
            );
            // Any other encoding of several bytes may look like UTF-8 for a few words.
            let utf8 = "Ã¤".encode_utf16().map(|unit| u8::try_from(unit).unwrap_or(b'?'));
            assert_eq!(read(&utf8.collect::<Vec<_>>(), "gbk").1, Some("GBK"));
        }

        #[test]
        fn a_declaration_of_ascii_or_of_nothing_known_is_no_declaration() {
            for label in ["us-ascii", "ASCII", "ANSI_X3.4-1968", "unknown-8bit", "x-nonsense", ""] {
                assert_eq!(read("Käse".as_bytes(), label).0, "Käse", "{label}");
            }
        }

        #[test]
        fn what_cannot_be_decoded_is_counted() {
            let bytes = [&b"a\xffb\xff\xffc"[..], "Käsë Öl ä".as_bytes()].concat();
            let decoded = decode_declared(&bytes, Some(b"utf-8"), false).unwrap();
            let text = "a\u{fffd}b\u{fffd}\u{fffd}cKäsë Öl ä";
            assert_eq!((&*decoded.text, decoded.replaced), (text, 3));
            let failure = decode_declared(&bytes, Some(b"utf-8"), true).unwrap_err();
            assert!(matches!(
                failure.problem,
                Problem::Undecodable { encoding: "UTF-8", sequences: 3 }
            ));
            let long = [0xff; 5000];
            let decoded = decode_declared(&long, Some(b"shift_jis"), false).unwrap();
            assert_eq!(decoded.replaced, 5000);
        }

        #[test]
        fn the_declaration_of_xml_is_found() {
            let found = |xml: &'static str| in_xml_declaration(xml.as_bytes());
            let label = b"ISO-8859-1".as_slice();
            assert_eq!(found("<?xml version='1.0' encoding='ISO-8859-1'?>"), Some(label));
            assert_eq!(found("<?xml version=\"1.0\" encoding = \"ISO-8859-1\" ?><a>"), Some(label));
            for none in ["<?xml version='1.0'?><a encoding='x'>", "<?xml encoding=", "<?xml", "<a>"]
            {
                assert_eq!(found(none), None, "{none}");
            }
            assert_eq!(found("<?xml encoding='utf-16'?>"), None);
        }
    }
}
