//! JSON: values one after another or in one array, each of them a record of which a few fields are kept.

mod flat;
mod repair;

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

use memchr::memchr2;
use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess,
    Unexpected, Visitor,
};

use super::document::{Document, Failure, Problem, RawRecord};
use super::encoding::decode;
use crate::error::RecordError;

/// What is kept of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Text,
    Id,
    Title,
    Date,
    Language,
}

#[cfg(any(feature = "csv", feature = "parquet"))]
impl Field {
    /// Whether it is an error if there are two of it; of what is only passed on, the first counts.
    pub(crate) fn is_unique(self) -> bool {
        matches!(self, Self::Text | Self::Id)
    }
}

/// Which fields of a record are kept, as a tree of names: `meta.id` is below `meta`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    kept: Option<Field>,
    below: Vec<(String, Fields)>,
}

impl Fields {
    /// Adds a field by its path. False if it lies inside another one, or another inside it.
    pub(crate) fn add(&mut self, path: &str, field: Field) -> bool {
        let mut node = self;
        for name in names(path) {
            if node.kept.is_some() {
                return false;
            }
            let at = node.below.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                node.below.push((name.into_owned(), Self::default()));
                node.below.len() - 1
            });
            node = &mut node.below[at].1;
        }
        let free = node.kept.is_none() && node.below.is_empty();
        if free {
            node.kept = Some(field);
        }
        free
    }

    fn below(&self, name: &str) -> Option<&Self> {
        self.below.iter().find(|(known, _)| known == name).map(|(_, below)| below)
    }
}

/// The names along a path: parted by dots, or a JSON Pointer (RFC 6901) if it starts with a slash.
fn names(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let (path, parted) = match path.strip_prefix('/') {
        Some(pointer) => (pointer, '/'),
        None => (path, '.'),
    };
    path.split(parted).map(move |name| {
        if parted == '/' && name.contains('~') {
            name.replace("~1", "/").replace("~0", "~").into()
        } else {
            name.into()
        }
    })
}

/// The fields of a record as its bytes have them, those that are not quite JSON among them.
///
/// # Errors
///
/// If the bytes are no text, no JSON object, or have no string in the field of the text.
pub(crate) fn decode_record(
    bytes: Vec<u8>,
    fields: &Fields,
    text_field: &str,
    strict: bool,
) -> Result<Document, Failure> {
    let bytes = match flat::parse(bytes, fields) {
        Ok(document) => return Ok(document),
        Err(bytes) => bytes,
    };
    let decoded = decode(&bytes, strict)?;
    let parse = |record: &str| parse(record, fields, text_field);
    let (document, replaced) = match parse(&decoded.text) {
        Ok(document) => (document, 0),
        Err(error) => repair::repaired(&decoded.text)
            .filter(|&(_, replaced)| !strict || replaced == 0)
            .and_then(|(record, replaced)| Some((parse(&record).ok()?, replaced)))
            .ok_or_else(|| Problem::Json(RecordError::new(error)))?,
    };
    let replaced = decoded.replaced + replaced;
    Ok(Document { encoding: decoded.encoding, replaced, ..document })
}

fn parse(record: &str, fields: &Fields, text_field: &str) -> Result<Document, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(record);
    let mut found = Found::default();
    deserializer.deserialize_map(Object { fields, found: &mut found })?;
    deserializer.end()?;
    found.document().ok_or_else(|| {
        serde_json::Error::custom(format_args!("the field {text_field:?} is missing"))
    })
}

#[derive(Default)]
struct Found {
    text: Option<String>,
    id: Option<String>,
    /// Whether there was an id, even if that is null.
    has_id: bool,
    title: Option<String>,
    date: Option<String>,
    language: Option<String>,
}

impl Found {
    /// None without a text.
    fn document(self) -> Option<Document> {
        let Self { text, id, title, date, language, .. } = self;
        Some(Document { text: text?, id, title, date, language, ..Document::default() })
    }
}

/// An object, in which the fields are or below which they are.
struct Object<'a> {
    fields: &'a Fields,
    found: &'a mut Found,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(FieldName)? {
            let Some(fields) = self.fields.below(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let found = &mut *self.found;
            let twice = match fields.kept {
                Some(Field::Text) => found.text.replace(map.next_value::<String>()?).is_some(),
                Some(Field::Id) => {
                    found.id = map.next_value_seed(Id)?;
                    std::mem::replace(&mut found.has_id, true)
                }
                Some(Field::Title) => first(&mut map, &mut found.title)?,
                Some(Field::Date) => first(&mut map, &mut found.date)?,
                Some(Field::Language) => first(&mut map, &mut found.language)?,
                None => {
                    map.next_value_seed(Inside { fields, found })?;
                    false
                }
            };
            if twice {
                return Err(A::Error::custom(format_args!("the field {name:?} stands twice")));
            }
        }
        Ok(())
    }
}

/// Keeps the first of several: of what is only passed on, a second one is no error.
fn first<'de, A: MapAccess<'de>>(map: &mut A, kept: &mut Option<String>) -> Result<bool, A::Error> {
    if kept.is_some() {
        map.next_value::<IgnoredAny>()?;
    } else {
        Lenient(*kept) = map.next_value()?;
    }
    Ok(false)
}

/// A value that holds fields if it is an object.
struct Inside<'a> {
    fields: &'a Fields,
    found: &'a mut Found,
}

impl<'de> DeserializeSeed<'de> for Inside<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inside<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Object { fields: self.fields, found: self.found }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        IgnoredAny.visit_seq(seq).map(drop)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A field's name, borrowed unless it has escapes.
struct FieldName;

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for FieldName {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// An id: a string, a whole number, or nothing.
struct Id;

impl<'de> DeserializeSeed<'de> for Id {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Id {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a string or a whole number")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<Self::Value, E> {
        Ok(Some(id.to_owned()))
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Self::Value, E> {
        Ok(Some(id.to_string()))
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<Self::Value, E> {
        Ok(Some(id.to_string()))
    }

    fn visit_f64<E: Error>(self, id: f64) -> Result<Self::Value, E> {
        // Tables in which some rows have no id write 1.0 for 1.
        match whole(id) {
            Some(id) => Ok(Some(id)),
            None => Err(E::invalid_type(Unexpected::Float(id), &self)),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A whole number as an id, if it is one and was not rounded.
pub(super) fn whole(number: f64) -> Option<String> {
    /// Below, each whole number is one of its own: of greater ones, two ids would be the same.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    (number.fract() == 0.0 && number.abs() < EXACT).then(|| format!("{:.0}", number + 0.0))
}

/// What is kept if it is a string or a whole number, and left where it is otherwise.
struct Lenient(Option<String>);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LenientVisitor)
    }
}

struct LenientVisitor;

impl<'de> Visitor<'de> for LenientVisitor {
    type Value = Lenient;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Lenient, E> {
        Ok(Lenient(Some(value.to_owned())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Lenient, E> {
        Ok(Lenient(Some(value.to_string())))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Lenient, E> {
        Ok(Lenient(Some(value.to_string())))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Lenient, E> {
        Ok(Lenient(None))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Lenient, E> {
        Ok(Lenient(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Lenient, E> {
        Ok(Lenient(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Lenient, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Lenient(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Lenient, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| Lenient(None))
    }
}

/// The values of a stream: those of the array that it is, or those that stand in it one after another.
///
/// Only strings and brackets are looked at; whether a value is sound is for its decoder to say.
#[derive(Debug)]
pub(crate) struct Values<R> {
    reader: R,
    limit: u64,
    nesting: usize,
    place: Place,
    number: u64,
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    InSequence,
    InArray { first: bool },
    End,
}

impl<R: BufRead> Values<R> {
    pub(crate) fn new(reader: R, limit: u64, nesting: usize) -> Self {
        Self { reader, limit, nesting, place: Place::Start, number: 0, offset: 0 }
    }

    fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
        self.offset += bytes as u64;
    }

    /// The next byte that is no white space, not consumed.
    fn peek(&mut self) -> std::io::Result<Option<u8>> {
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            let blank = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let found = buffer.get(blank).copied();
            let end = buffer.is_empty();
            self.consume(blank);
            if found.is_some() || end {
                return Ok(found);
            }
        }
    }

    /// Moves to the start of the next value. False at the end.
    fn find(&mut self) -> Result<bool, Problem> {
        let mut byte = self.peek()?;
        if self.place == Place::Start {
            // A byte order mark, by parts, as the buffer may hold but one byte.
            for mark in "\u{feff}".bytes() {
                if byte == Some(mark) {
                    self.consume(1);
                    byte = self.peek()?;
                }
            }
            self.place = Place::InSequence;
            if byte == Some(b'[') {
                self.consume(1);
                self.place = Place::InArray { first: true };
                byte = self.peek()?;
            }
        }
        match (self.place, byte) {
            (Place::InSequence, Some(b'{')) => Ok(true),
            (Place::InArray { .. }, Some(b']')) => self.end_array(),
            (Place::InArray { first: true }, Some(_)) => {
                self.place = Place::InArray { first: false };
                Ok(true)
            }
            (Place::InArray { first: false }, Some(b',')) => {
                self.consume(1);
                match self.peek()? {
                    // A comma too many, as after each value.
                    Some(b']') => self.end_array(),
                    Some(_) => Ok(true),
                    None => Err(Problem::Truncated),
                }
            }
            (Place::InArray { .. }, None) => Err(Problem::Truncated),
            (Place::InArray { .. }, Some(_)) => Err(Problem::invalid("there is no comma")),
            (Place::InSequence, Some(_)) => Err(Problem::invalid("there is no JSON object")),
            (Place::InSequence, None) | (Place::Start | Place::End, _) => Ok(false),
        }
    }

    /// Moves behind the bracket that ends the array.
    fn end_array(&mut self) -> Result<bool, Problem> {
        self.consume(1);
        self.place = Place::End;
        match self.peek()? {
            None => Ok(false),
            Some(_) => Err(Problem::invalid("something stands behind the array")),
        }
    }

    /// Takes a value.
    fn take(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let mut problem = None;
        let mut scan = Scan::default();
        let mut len = 0;
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                buffer => buffer.map_err(Failure::of_file)?,
            };
            if buffer.is_empty() {
                // A number in a sequence would end here, but none is let in.
                return Err(Failure::of_file(Problem::Truncated));
            }
            let end = scan.end(buffer);
            let taken = end.unwrap_or(buffer.len());
            len += taken as u64;
            if len > self.limit {
                problem = Some(Problem::TooLong { limit: self.limit });
                bytes = Vec::new();
            } else {
                bytes.extend_from_slice(&buffer[..taken]);
            }
            self.consume(taken);
            if end.is_some() {
                break;
            }
        }
        if scan.deepest > self.nesting {
            problem = problem.or(Some(Problem::Nesting { limit: self.nesting }));
        }
        problem.map_or(Ok(bytes), |problem| Err(Failure::of_record(problem)))
    }
}

/// How long the value is that `bytes` start with, if its end is among them.
pub(crate) fn end_of_value(bytes: &[u8]) -> Option<usize> {
    Scan::default().end(bytes)
}

/// Where in a value the scan for its end stands.
#[derive(Default)]
struct Scan {
    depth: usize,
    deepest: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// How many bytes of `buffer` belong to the value, if it ends in there.
    fn end(&mut self, buffer: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < buffer.len() {
            if self.escaped {
                self.escaped = false;
                at += 1;
            } else if self.in_string {
                at += memchr2(b'"', b'\\', &buffer[at..])?;
                self.escaped = buffer[at] == b'\\';
                self.in_string = self.escaped;
                at += 1;
                if !self.in_string && self.depth == 0 {
                    return Some(at);
                }
            } else {
                match buffer[at] {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => {
                        self.depth += 1;
                        self.deepest = self.deepest.max(self.depth);
                    }
                    // The end of a number or a word is not part of it.
                    b']' | b'}' | b',' if self.depth == 0 => return Some(at),
                    b']' | b'}' => {
                        self.depth -= 1;
                        if self.depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        None
    }
}

impl<R: BufRead> Iterator for Values<R> {
    type Item = Result<RawRecord, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.number + 1;
        match self.find() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(problem) => {
                return Some(Err(Failure::of_file(problem).at(number, self.offset)));
            }
        }
        self.number = number;
        let offset = self.offset;
        Some(match self.take() {
            Ok(bytes) => Ok(RawRecord { bytes, number, offset }),
            Err(failure) => Err(failure.at(number, offset)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// The values and failures in order; a failure that ends all ends in an exclamation mark.
    fn values(text: &str, limit: u64, nesting: usize) -> Vec<String> {
        let all = |buffer| -> Vec<String> {
            let reader = BufReader::with_capacity(buffer, text.as_bytes());
            let mut values = Values::new(reader, limit, nesting);
            let mut found = Vec::new();
            for value in values.by_ref() {
                match value {
                    Ok(value) => {
                        let start = usize::try_from(value.offset).unwrap();
                        assert_eq!(&text.as_bytes()[start..][..value.bytes.len()], value.bytes);
                        found.push(String::from_utf8(value.bytes).unwrap());
                    }
                    Err(failure) => {
                        let mark = if failure.recoverable { "" } else { "!" };
                        found.push(format!("{}{mark}", failure.problem));
                        if !failure.recoverable {
                            break;
                        }
                    }
                }
            }
            found
        };
        let found = all(1);
        for buffer in [2, 3, 7, 1000] {
            assert_eq!(all(buffer), found, "{text}");
        }
        found
    }

    #[test]
    fn arrays_and_sequences_are_cut_at_their_values() {
        for (text, found) in [
            ("", &[][..]),
            (" [ ] \n", &[]),
            (
                "\u{feff}[{\"a\":[1,{}]} , \"]\\\"\" ,5,null]",
                &["{\"a\":[1,{}]}", "\"]\\\"\"", "5", "null"],
            ),
            ("{\"a\":\n1}\n{}{\"}\":\"\\\\\"}", &["{\"a\":\n1}", "{}", "{\"}\":\"\\\\\"}"]),
            ("[{},{},]", &["{}", "{}"]),
            ("[{},", &["{}", "it ends in the middle of a record!"]),
            ("[{}", &["{}", "it ends in the middle of a record!"]),
            ("[{} {}]", &["{}", "not as its format asks!"]),
            ("[{}] 1", &["{}", "not as its format asks!"]),
            ("{} 1", &["{}", "not as its format asks!"]),
            ("{\"a", &["it ends in the middle of a record!"]),
        ] {
            // Numbers keep the spaces behind them, which JSON allows.
            let cut = values(text, 1000, 9);
            let cut: Vec<&str> = cut.iter().map(|value| value.trim_end()).collect();
            assert_eq!(cut, found, "{text}");
        }
    }

    #[test]
    fn a_value_beyond_a_limit_is_passed_over() {
        assert_eq!(
            values("[{\"a\":\"0123456789\"},{},[[[[]]]],{}]", 12, 3),
            [
                "a record of more than 12 bytes, the limit",
                "{}",
                "nested more than 3 deep, the limit",
                "{}"
            ]
        );
    }

    fn fields(paths: &[(&str, Field)]) -> Option<Fields> {
        let mut fields = Fields::default();
        paths.iter().all(|(path, field)| fields.add(path, *field)).then_some(fields)
    }

    #[test]
    fn fields_are_found_along_their_paths() {
        let fields = fields(&[
            ("data.body", Field::Text),
            ("data.meta.id", Field::Id),
            ("/a.b/c~1d", Field::Title),
            ("when", Field::Date),
            ("lang", Field::Language),
        ])
        .unwrap();
        let record = r#"{"data":5,"data":{"x":[{"body":1}],"body":"B","meta":{"id":7}},
            "a.b":{"c/d":"T"},"when":{"x":1},"when":2026,"lang":null}"#;
        let document = parse(record, &fields, "data.body").unwrap();
        assert_eq!(
            document,
            Document {
                text: "B".into(),
                id: Some("7".into()),
                title: Some("T".into()),
                date: Some("2026".into()),
                ..Document::default()
            }
        );
        let missing = parse(r#"{"data":[{"body":"B"}]}"#, &fields, "data.body").unwrap_err();
        assert!(missing.to_string().contains("\"data.body\" is missing"), "{missing}");
    }

    #[test]
    fn what_python_writes_is_read() {
        let fields = fields(&[("text", Field::Text), ("id", Field::Id)]).unwrap();
        let read = |record: &str, strict| {
            decode_record(record.as_bytes().to_vec(), &fields, "text", strict)
                .map(|document| (document.text, document.id, document.replaced))
                .map_err(|failure| match failure.problem {
                    Problem::Json(error) => error.to_string(),
                    other => other.to_string(),
                })
        };
        let document = |text: &str, id: Option<&str>, replaced| {
            Ok((text.to_owned(), id.map(str::to_owned), replaced))
        };
        for strict in [false, true] {
            let read = |record: &str| read(record, strict);
            assert_eq!(read(r#"{"text":"a","score":NaN}"#), document("a", None, 0));
            assert_eq!(read("{\"text\":\"a\tb\"}"), document("a\tb", None, 0));
            for (id, number) in [("1.0", "1"), ("-2e3", "-2000"), ("-0.0", "0"), ("NaN", "")] {
                let id = read(&format!(r#"{{"id":{id},"text":"a"}}"#));
                assert_eq!(id, document("a", Some(number).filter(|it| !it.is_empty()), 0));
            }
            for id in ["1.5", "9007199254740992.0", "12345678901234567890123", "{}", "true"] {
                let problem = read(&format!(r#"{{"id":{id},"text":"a"}}"#)).unwrap_err();
                assert!(problem.contains("a string or a whole number"), "{problem}");
            }
            // What is not mended is told as it stands.
            let problem = read(r#"{"x":NaN,"text":5}"#).unwrap_err();
            assert!(problem.ends_with(", at column 6"), "{problem}");
        }
        let half = r#"{"text":"a \ud83d b","title":"\udE00"}"#;
        assert_eq!(read(half, false), document("a \u{fffd} b", None, 2));
        assert!(read(half, true).is_err());
    }

    #[test]
    fn a_field_inside_another_is_none() {
        assert!(fields(&[("a.b", Field::Text), ("a.c", Field::Id)]).is_some());
        assert!(fields(&[("a.b", Field::Text), ("a", Field::Id)]).is_none());
        assert!(fields(&[("a", Field::Text), ("a.b", Field::Id)]).is_none());
        assert!(fields(&[("a", Field::Text), ("a", Field::Id)]).is_none());
    }

    #[test]
    fn depth_takes_no_stack() {
        let fields = fields(&[("text", Field::Text)]).unwrap();
        let deep =
            format!("{{\"x\":{}{},\"text\":\"a\"}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse(&deep, &fields, "text").unwrap().text, "a");
    }
}
