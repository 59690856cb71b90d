//! The usual record: an object whose fields are strings, read in one pass.
//!
//! Finds what `serde_json` would, or nothing: what is unusual or wrong is left to that. Of two
//! passes over a text and two copies of it, with a buffer that grows, this leaves one of each.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

use std::cell::Cell;

use memchr::memchr2;
use serde_core::de::IgnoredAny;

use super::{Document, Field, Fields, Found, Lenient};
use crate::text::string_of;
use crate::vector::{self, BLOCK, Mask, Vector, load, pad};

thread_local! {
    /// Room to unescape the text in, and that for other strings: it is cleared once, and what is
    /// copied from there takes no more memory than it needs.
    static ROOM: [Cell<Vec<u8>>; 2] = const { [Cell::new(Vec::new()), Cell::new(Vec::new())] };
}

/// The most that a thread keeps of each. To copy longer texts costs more than to clear room for each.
const ROOM_KEPT: usize = 1 << 16;

/// Texts of fewer bytes take memory of their own: in that of their records, those of 700 bytes took
/// 2 % longer, and those of 4 KB 2 % less.
const SHORT: usize = 1 << 11;

/// What a record states, if it is as usual and has a text; if not, the record.
pub(super) fn parse(record: Vec<u8>, fields: &Fields) -> Result<Document, Vec<u8>> {
    let [text_room, room] = ROOM.with(|rooms| rooms.each_ref().map(Cell::take));
    let mut rest = Rest { bytes: &record, text_room, room };
    let parsed = parse_rest(&mut rest, fields);
    let Rest { text_room, room, .. } = rest;
    let document = match parsed {
        Some((found, Text::Apart(text))) => Found { text, ..found }.document().ok_or(record),
        Some((found, Text::InRoom(len))) => match simdutf8::basic::from_utf8(&text_room[..len]) {
            Ok(text) => {
                let text = Some(in_memory_of(record, text));
                Ok(Found { text, ..found }.document().expect("BUG: there is a text"))
            }
            Err(_) => Err(record),
        },
        None => Err(record),
    };
    ROOM.with(|rooms| {
        for (kept, room) in rooms.iter().zip([text_room, room]) {
            if room.len() <= ROOM_KEPT {
                kept.set(room);
            }
        }
    });
    document
}

/// A copy of the text of a record, in the memory of that, unless it would waste much: nearly all of
/// a record is text, and the allocator is asked once for both. With several threads, what one
/// allocates another frees, and each waits for the other.
fn in_memory_of(mut record: Vec<u8>, text: &str) -> String {
    // What is known of memory that is larger than its text needs a block of its own, which for a
    // short one takes longer.
    if text.len() < SHORT || record.capacity() > 2 * text.len() {
        return text.to_owned();
    }
    record.clear();
    let mut string = String::from_utf8(record).expect("BUG: nothing is text");
    string.push_str(text);
    string
}

/// Where the text of a record is.
enum Text {
    /// The first bytes of its room, which are not known to be UTF-8.
    InRoom(usize),
    /// A long one in memory of its own; or there is none.
    Apart(Option<String>),
}

fn parse_rest(rest: &mut Rest<'_>, fields: &Fields) -> Option<(Found, Text)> {
    let (mut found, mut text) = (Found::default(), Text::Apart(None));
    rest.take(b'{')?;
    loop {
        let name = rest.name()?;
        rest.take(b':')?;
        let twice = match fields.below(name).map(|fields| fields.kept) {
            None => rest.skip().map(|()| false)?,
            Some(Some(Field::Text)) => {
                !matches!(std::mem::replace(&mut text, rest.text()?), Text::Apart(None))
            }
            Some(Some(Field::Id)) => {
                Lenient(found.id) = rest.short()?;
                std::mem::replace(&mut found.has_id, true)
            }
            Some(Some(Field::Title)) => rest.first(&mut found.title).map(|()| false)?,
            Some(Some(Field::Date)) => rest.first(&mut found.date).map(|()| false)?,
            Some(Some(Field::Language)) => rest.first(&mut found.language).map(|()| false)?,
            Some(None) => return None,
        };
        if twice {
            return None;
        }
        if rest.take(b',').is_none() {
            rest.take(b'}')?;
            rest.blank();
            return rest.bytes.is_empty().then_some((found, text));
        }
    }
}

/// What is still to be read.
struct Rest<'a> {
    bytes: &'a [u8],
    /// For the text, which may have to stay there while other strings are read.
    text_room: Vec<u8>,
    room: Vec<u8>,
}

impl<'a> Rest<'a> {
    fn blank(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.bytes {
            self.bytes = rest;
        }
    }

    /// Takes a sign, and blanks before it.
    fn take(&mut self, sign: u8) -> Option<()> {
        self.blank();
        let (&next, rest) = self.bytes.split_first()?;
        (next == sign).then(|| self.bytes = rest)
    }

    /// Takes the name of a field, in plain ASCII.
    fn name(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let is_plain = |&byte: &u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        let end = self.bytes.iter().position(|byte| !is_plain(byte))?;
        let (name, rest) = self.bytes.split_at(end);
        self.bytes = rest;
        self.take(b'"')?;
        str::from_utf8(name).ok()
    }

    /// Takes a string as the text.
    fn text(&mut self) -> Option<Text> {
        self.take(b'"')?;
        let (len, taken) = vector::run(Unescape { bytes: self.bytes, room: &mut self.text_room })?;
        self.bytes = &self.bytes[taken..];
        if len <= ROOM_KEPT {
            return Some(Text::InRoom(len));
        }
        let mut string = std::mem::take(&mut self.text_room);
        string.truncate(len);
        if string.capacity() > 2 * len {
            string.shrink_to_fit(); // much else stands in the record, or much of it was escapes
        }
        string_of(string).ok().map(|string| Text::Apart(Some(string)))
    }

    /// Takes a string that is no text: mostly a short one without escapes.
    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let end = memchr2(b'"', b'\\', self.bytes)?;
        let plain = &self.bytes[..end];
        if self.bytes[end] == b'"' && plain.iter().all(|&byte| byte > 0x1F) {
            self.bytes = &self.bytes[end + 1..];
            return string_of(plain.to_vec()).ok();
        }
        let bytes = &self.bytes[..self.bytes.len().min(ROOM_KEPT)];
        let (len, taken) = vector::run(Unescape { bytes, room: &mut self.room })?;
        self.bytes = &self.bytes[taken..];
        string_of(self.room[..len].to_vec()).ok()
    }

    /// Takes a string, a whole number, or null, which is none.
    fn short(&mut self) -> Option<Lenient> {
        self.blank();
        if let Some(rest) = self.bytes.strip_prefix(b"null") {
            self.bytes = rest;
            return Some(Lenient(None));
        }
        let digits = self.bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return self.string().map(|string| Lenient(Some(string)));
        }
        let (number, rest) = self.bytes.split_at(digits);
        // All with 19 digits are below 2^64.
        if digits > 19 || number[0] == b'0' && digits > 1 {
            return None;
        }
        self.bytes = rest;
        Some(Lenient(Some(str::from_utf8(number).ok()?.to_owned())))
    }

    /// Takes a value, and keeps it if none is kept so far: long ones that come again would cost
    /// room for the rest of the record each.
    fn first(&mut self, kept: &mut Option<String>) -> Option<()> {
        if kept.is_some() {
            return self.skip();
        }
        Lenient(*kept) = self.short()?;
        Some(())
    }

    /// Takes any value.
    fn skip(&mut self) -> Option<()> {
        let mut values = serde_json::Deserializer::from_slice(self.bytes).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        let (value, rest) = self.bytes.split_at(values.byte_offset());
        self.bytes = rest;
        simdutf8::basic::from_utf8(value).is_ok().then_some(())
    }
}

/// The bytes of a block, and all that could be copied from behind it.
const WINDOW: usize = 2 * BLOCK + LONGEST;

/// What is written with a block: bytes that count, and those that are copied with the last of them.
const WRITTEN: usize = 2 * BLOCK + 4;

/// The bytes of the longest escape: two surrogates.
const LONGEST: usize = 12;

/// Writes the string at whose start, behind the quote, `bytes` are into the room. Says how long it
/// is, and how many of the bytes it takes, the other quote included. None if it is no string.
struct Unescape<'a> {
    bytes: &'a [u8],
    room: &'a mut Vec<u8>,
}

impl vector::Task for Unescape<'_> {
    type Output = Option<(usize, usize)>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Self::Output {
        let most = self.bytes.len() + WRITTEN;
        if self.room.len() < most {
            self.room.resize(most, 0);
        }
        if V::MOVES { self.block_by_block::<V>() } else { self.escape_by_escape::<V>() }
    }
}

impl Unescape<'_> {
    #[inline(always)]
    fn escape_by_escape<V: Vector>(self) -> Option<(usize, usize)> {
        let Self { bytes, room: out } = self;
        let (mut at, mut len) = (0, 0);
        while at < bytes.len() {
            let padded;
            let window: &[u8; WINDOW] = if let Some(window) = bytes[at..].first_chunk() {
                window
            } else {
                padded = pad(&bytes[at..]);
                &padded
            };
            let room: &mut [u8; WRITTEN] =
                out[len..].first_chunk_mut().expect("BUG: text grew as it was unescaped");
            let it = load::<V>(window, 0);
            let mut stops = (it.equal(b'"') | it.equal(b'\\') | it.within(0..=0x1F)).bits();
            room[..BLOCK].copy_from_slice(&window[..BLOCK]);
            let (mut end, mut left_out) = (0, 0);
            while stops != 0 {
                let stop = stops.trailing_zeros() as usize;
                let to = stop - left_out;
                if window[stop] == b'"' {
                    return Some((len + to, at + stop + 1));
                }
                let simple = SIMPLE[usize::from(window[stop + 1])];
                if window[stop] == b'\\' && simple != 0 {
                    end = stop + 2;
                    room[to] = simple;
                    room[to + 1..][..BLOCK].copy_from_slice(&window[end..][..BLOCK]);
                    left_out += 1;
                } else {
                    let escape = Escape::of(window[stop..].first_chunk()?)?;
                    end = stop + escape.len;
                    let behind = to + escape.character_len;
                    room[to..to + 4].copy_from_slice(&escape.character);
                    room[behind..][..BLOCK].copy_from_slice(&window[end..][..BLOCK]);
                    left_out += escape.len - escape.character_len;
                }
                stops &= if end < BLOCK { u64::MAX << end } else { 0 };
            }
            let end = end.max(BLOCK);
            at += end;
            len += end - left_out;
        }
        None
    }

    /// The same without a branch for each escape: there is often one a line, and where is not foreseen.
    #[inline(always)]
    fn block_by_block<V: Vector>(self) -> Option<(usize, usize)> {
        let Self { bytes, room: out } = self;
        let (mut at, mut len) = (0, 0);
        let mut is_escaped = false;
        while at < bytes.len() {
            let padded;
            let block: &[u8; BLOCK] = if let Some(block) = bytes[at..].first_chunk() {
                block
            } else {
                padded = pad(&bytes[at..]);
                &padded
            };
            let room = out[len..].first_chunk_mut().expect("BUG: text grew as it was unescaped");
            let Marks { begins, escaped, stops, meant } =
                Marks::of(load::<V>(block, 0), is_escaped);
            let kept = !begins & !stops & stops.wrapping_sub(1);
            *room = meant.keep(kept);
            len += kept.count_ones() as usize;
            if stops == 0 {
                at += BLOCK;
                is_escaped = begins >> (BLOCK - 1) == 1;
                continue;
            }
            let stop = stops.trailing_zeros() as usize;
            if escaped >> stop & 1 == 0 {
                return (block[stop] == b'"').then_some((len, at + stop + 1));
            }
            at = at + stop - 1;
            is_escaped = false;
            // In most scripts the next character is written so too.
            loop {
                let rest = &bytes[at..];
                let escape = Escape::of(&rest.first_chunk().copied().unwrap_or_else(|| pad(rest)))?;
                out[len..len + 4].copy_from_slice(&escape.character);
                len += escape.character_len;
                at += escape.len;
                if !bytes[at..].starts_with(b"\\u") {
                    break;
                }
            }
        }
        None
    }
}

/// What stands in a block: a bit for each byte.
struct Marks<V> {
    /// Backslashes that begin escapes.
    begins: u64,
    /// The bytes behind them.
    escaped: u64,
    /// Bytes that end the string, belong to an escape of more than two bytes, or are wrong.
    stops: u64,
    /// The bytes, or what they stand for behind backslashes.
    meant: V,
}

impl<V: Vector> Marks<V> {
    #[inline(always)]
    fn of(bytes: V, is_escaped: bool) -> Self {
        let (quote, backslash) = (bytes.equal(b'"'), bytes.equal(b'\\'));
        let mut simple = quote | backslash | bytes.equal(b'/');
        let mut meant = bytes;
        for [letter, character] in LETTERS {
            let is_letter = bytes.equal(letter);
            simple = simple | is_letter;
            meant = meant.replace(is_letter, character);
        }
        let (quote, backslash, simple) = (quote.bits(), backslash.bits(), simple.bits());
        let control = bytes.within(0..=0x1F).bits();
        // Of backslashes in a row every second one begins an escape, from the first on. Without a
        // loop: the difference carries along each row and turns every second bit of it, and that of
        // the byte behind if it is escaped (as simdjson does).
        let every_second = u64::MAX / 3 * 2;
        let first = u64::from(is_escaped);
        let rows = backslash & !first;
        let pairs = (rows << 1 | every_second).wrapping_sub(rows) ^ every_second;
        let (begins, escaped) = (pairs & backslash, pairs ^ (backslash | first));
        let stops = (quote | control) & !escaped | escaped & !simple;
        Self { begins, escaped, stops, meant: bytes.select(meant, escaped) }
    }
}

/// A character that is written by its number.
struct Escape {
    character: [u8; 4],
    character_len: usize,
    len: usize,
}

impl Escape {
    /// An escape of one or two units of UTF-16.
    #[inline(never)]
    fn of(bytes: &[u8; LONGEST]) -> Option<Self> {
        let (first, second) = bytes.split_at(LONGEST / 2);
        let unit = unit(first)?;
        let (code, len) = match unit {
            0xD800..0xDC00 => {
                let low = self::unit(second).filter(|low| matches!(low, 0xDC00..0xE000))?;
                (0x1_0000 + (unit - 0xD800) * 0x400 + (low - 0xDC00), LONGEST)
            }
            _ => (unit, LONGEST / 2),
        };
        let mut character = [0; 4];
        let character_len = char::from_u32(code)?.encode_utf8(&mut character).len();
        Some(Self { character, character_len, len })
    }
}

/// The unit of UTF-16 that an escape like `\u00e4` at the start is.
pub(super) fn unit(bytes: &[u8]) -> Option<u32> {
    let digits: &[u8; 4] = bytes.strip_prefix(b"\\u")?.first_chunk()?;
    let digits = digits.map(|digit| u32::from(DIGITS[usize::from(digit)]));
    let unit = digits.iter().fold(0, |unit, digit| unit << 4 | digit);
    digits.iter().all(|&digit| digit < 0x10).then_some(unit)
}

/// What hexadecimal digits are worth; 0xFF for other bytes. Which of them are letters is not foreseen.
static DIGITS: [u8; 256] = {
    let mut digits = [0xFF; 256];
    let mut value = 0;
    while value < 0x10 {
        let digit = b"0123456789abcdef"[value as usize];
        digits[digit as usize] = value;
        digits[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    digits
};

/// The letters of escapes, each with the character that it stands for. Other signs stand for themselves.
const LETTERS: [[u8; 2]; 5] = [*b"b\x08", *b"f\x0C", *b"n\n", *b"r\r", *b"t\t"];

/// The bytes that escapes of two bytes stand for, by the second; 0 for others.
static SIMPLE: [u8; 256] = {
    let mut simple = [0; 256];
    (simple[b'"' as usize], simple[b'\\' as usize], simple[b'/' as usize]) = (b'"', b'\\', b'/');
    let mut at = 0;
    while at < LETTERS.len() {
        let [name, character] = LETTERS[at];
        simple[name as usize] = character;
        at += 1;
    }
    simple
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields() -> Fields {
        let mut fields = Fields::default();
        for (path, field) in [
            ("text", Field::Text),
            ("id", Field::Id),
            ("title", Field::Title),
            ("meta.date", Field::Date),
            ("lang", Field::Language),
        ] {
            assert!(fields.add(path, field));
        }
        fields
    }

    /// What `serde_json` finds, if the bytes are text.
    fn slow(record: &[u8]) -> Option<super::super::Document> {
        super::super::parse(str::from_utf8(record).ok()?, &fields(), "text").ok()
    }

    fn flat(record: &[u8]) -> Option<super::super::Document> {
        parse(record.to_vec(), &fields()).ok()
    }

    #[test]
    fn usual_records_are_read() {
        for record in [
            r#"{"id":"a","lang":"de","text":"„Ä\"\\\/\b\f\n\r\t\u00e4\u20AC\ud83d\ude00"}"#,
            " {\n\"text\" : \"\" , \"id\":17,\"x\":[1,{\"y\":\"]\"}],\"z\":-1.5e3,\"w\":true} \r\n",
            r#"{"text":"a","title":null,"lang":0,"id":9999999999999999999,"v":{}}"#,
        ] {
            assert_eq!(flat(record.as_bytes()), slow(record.as_bytes()));
            assert!(flat(record.as_bytes()).is_some(), "{record}");
        }
    }

    #[test]
    fn escapes_stand_anywhere_in_a_block() {
        for escape in ["\\n", "\\\\", "\\u00e4", "\\u20ac", "\\ud83d\\ude00", "\\\"\\n", "ä", ""] {
            for before in 0..140 {
                for behind in [0, 1, 63, 64, 65, 200] {
                    let (x, y) = ("x".repeat(before), "y".repeat(behind));
                    let record = format!("{{\"text\":\"{x}{escape}{y}\",\"id\":\"{x}{escape}\"}}");
                    let found = flat(record.as_bytes());
                    assert!(found.is_some() && found == slow(record.as_bytes()), "{record}");
                }
            }
        }
    }

    /// Short texts take memory of their own, others that of the record, and long ones that of the room.
    #[test]
    fn records_of_all_lengths_are_read() {
        for len in [0, SHORT / 2, SHORT, 3 * SHORT, ROOM_KEPT - 9, ROOM_KEPT + 9, 3 * ROOM_KEPT] {
            let text = "Zeile „eins“\\n\\u00e4\\\"".repeat(len / 24);
            for title in ["", "a\\tb", "ä", &"\\n".repeat(ROOM_KEPT / 3), &"x".repeat(len)] {
                let others = format!("\"title\":\"{title}\",\"id\":\"\\n{title}\"");
                for record in [
                    format!("{{\"text\":\"{text}\",{others}}}"),
                    format!("{{{others},\"text\":\"{text}\"}}"),
                ] {
                    assert!(slow(record.as_bytes()).is_some() && !record.contains('\n'));
                    let found = flat(record.as_bytes());
                    let is_long = title.len() > ROOM_KEPT; // and has escapes as an id
                    assert!(found == slow(record.as_bytes()) || is_long && found.is_none());
                    for unusual in ["é\",\"meta\":{}}", "\",\"text\":\"\"}", "\\x\"}", "\"} 1"] {
                        let mut record = record.clone().into_bytes();
                        record.truncate(record.len() - 2);
                        record.extend_from_slice(unusual.as_bytes());
                        assert_eq!(parse(record.clone(), &fields()), Err(record));
                    }
                    let mut broken = record.into_bytes();
                    let at = broken.len() - 4;
                    broken[at] = 0xE4;
                    assert_eq!(parse(broken.clone(), &fields()), Err(broken));
                }
            }
        }
    }

    /// To unescape a long one takes as much room as what is left of the record, and there may be many.
    #[test]
    fn a_field_that_comes_again_is_passed_over() {
        for again in ["\"b\"", "\"\\ud800\"", "1.5", "[{}]", "99999999999999999999"] {
            let record =
                format!("{{\"title\":null,\"title\":\"a\",\"title\":{again},\"text\":\"\"}}");
            let found = flat(record.as_bytes()).unwrap();
            assert_eq!(found.title.as_deref(), Some("a"), "{record}");
            assert_eq!(Some(found), slow(record.as_bytes()), "{record}");
        }
    }

    proptest! {
        #[test]
        fn finds_what_serde_json_does_or_nothing(
            parts in prop::collection::vec(
                prop_oneof![
                    8 => prop::sample::select(vec![
                        "\"text\":", "\"id\":", "\"title\":", "\"lang\":", "\"meta\":", "\"x\":", "\"t\\u0065xt\":",
                        ",", ",", ",", "{", "}", "[", "]", ":", "\"", " ", "\n",
                        "\"a\"", "\"\\n\"", "1", "0", "-1", "1.5", "01", "99999999999999999999", "null", "true", "[1]",
                        "{\"date\":\"d\"}", "\\", "\\u12", "\\ud800", "\\ud83d\\ude00", "\u{feff}", "\u{1}", "é",
                    ]).prop_map(str::to_owned),
                    1 => "[a-zä„]{0,80}",
                ],
                0..12,
            ),
            broken in any::<bool>(),
        ) {
            let mut record = format!("{{{}}}", parts.concat()).into_bytes();
            if broken {
                let middle = record.len() / 2;
                record[middle] = 0xE4;
            }
            if let Some(found) = flat(&record) {
                prop_assert_eq!(Some(found), slow(&record));
            }
        }

        #[test]
        fn every_usual_record_is_read(text in "(?s).{0,200}", id in "(?s).{0,9}", language in "[a-z]{2}") {
            let record = format!(
                "{{\"id\":{},\"lang\":{},\"text\":{}}}",
                serde_json::to_string(&id).unwrap(),
                serde_json::to_string(&language).unwrap(),
                serde_json::to_string(&text).unwrap(),
            );
            let found = flat(record.as_bytes()).unwrap();
            prop_assert_eq!((&found.text, found.id.as_ref()), (&text, Some(&id)));
            prop_assert_eq!(Some(found), slow(record.as_bytes()));
        }
    }
}
