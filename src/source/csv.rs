//! CSV and TSV: a record is a row, which may have line breaks within quotes.
//!
//! Rows are cut by the rules of the crate `csv`, whose core then reads each: so a row has a limit,
//! and broken ones cost the reading thread nothing.

use std::cell::Cell;
use std::io::BufRead;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use memchr::{memchr2, memchr3};

use super::document::{Document, Failure, Problem, RawRecord};
use super::encoding::{MARK, decode};
use super::json::Field;
use super::stream::Peeked;
use crate::text::string_of;

/// The rows of a stream that are not blank.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    reader: R,
    dialect: Dialect,
    limit: u64,
    number: u64,
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RowStart,
    FieldStart,
    Plain,
    Quoted,
    /// A quote within quotes: the end of the field, or the first half of a quote.
    Quote,
    /// Behind a backslash within quotes that means a quote.
    Escape,
}

impl<R: BufRead> Rows<Peeked<R>> {
    /// Rows of at most `limit` bytes. A byte order mark is of no row: a quote behind it opens a field.
    pub(crate) fn new(mut reader: Peeked<R>, dialect: Dialect, limit: u64) -> Self {
        let mark = reader.skip_mark();
        Self { reader, dialect, limit, number: 0, offset: mark as u64 }
    }
}

impl<R: BufRead> Rows<R> {
    /// Scans on from `state` for the end of a row. Bytes before `Scanned::start` are of no row.
    fn scan(dialect: Dialect, state: &mut State, buffer: &[u8]) -> Scanned {
        let Dialect { delimiter, escapes } = dialect;
        // Without escapes, nothing but a quote ends what is quoted.
        let escape = if escapes { b'\\' } else { b'"' };
        let mut at = 0;
        let mut start = 0;
        while at < buffer.len() {
            let byte = buffer[at];
            *state = match *state {
                State::RowStart if matches!(byte, b'\r' | b'\n') => {
                    start = at + 1;
                    State::RowStart
                }
                State::RowStart | State::FieldStart | State::Quote if byte == b'"' => State::Quoted,
                State::Escape => State::Quoted,
                State::Quoted => match memchr2(b'"', escape, &buffer[at..]) {
                    Some(quote) => {
                        at += quote;
                        if buffer[at] == b'"' { State::Quote } else { State::Escape }
                    }
                    None => return Scanned { start, end: buffer.len(), whole: false },
                },
                _ => match memchr3(delimiter, b'\r', b'\n', &buffer[at..]) {
                    None => {
                        *state = State::Plain;
                        return Scanned { start, end: buffer.len(), whole: false };
                    }
                    Some(plain) => {
                        at += plain;
                        if buffer[at] != delimiter {
                            return Scanned { start, end: at + 1, whole: true };
                        }
                        State::FieldStart
                    }
                },
            };
            at += 1;
        }
        Scanned { start, end: buffer.len(), whole: false }
    }
}

struct Scanned {
    start: usize,
    end: usize,
    whole: bool,
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<RawRecord, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        let mut len = 0;
        let mut state = State::RowStart;
        let mut offset = self.offset;
        let number = self.number + 1;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let failure = Failure::of_file(error);
                    return Some(Err(failure.at(number, self.offset)));
                }
            };
            if buffer.is_empty() {
                match state {
                    State::RowStart => return None,
                    State::Quoted | State::Escape => {
                        let failure = Failure::of_file(Problem::Truncated);
                        return Some(Err(failure.at(number, offset)));
                    }
                    _ => break,
                }
            }
            let scanned = Self::scan(self.dialect, &mut state, buffer);
            let row = &buffer[scanned.start..scanned.end];
            if len == 0 {
                offset = self.offset + scanned.start as u64;
            }
            len += row.len() as u64;
            if len > self.limit {
                bytes = Vec::new();
            } else {
                bytes.extend_from_slice(row);
            }
            self.offset += scanned.end as u64;
            self.reader.consume(scanned.end);
            if scanned.whole {
                break;
            }
        }
        self.number = number;
        if len > self.limit {
            let failure = Failure::of_record(Problem::TooLong { limit: self.limit });
            return Some(Err(failure.at(number, offset)));
        }
        Some(Ok(RawRecord { bytes, number, offset }))
    }
}

/// Which columns of a table are kept.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    dialect: Dialect,
    /// How many the head has. They may be as many as its bytes, so nothing is held for each.
    len: usize,
    text_column: String,
    kept: Vec<(usize, Field)>,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// The character between its fields.
    delimiter: u8,
    /// Whether a quote within quotes has a backslash before it, as Spark and databases write it; it
    /// may also be doubled.
    escapes: bool,
}

impl Dialect {
    /// That of a table which begins so. The delimiter is that of the usual ones which the first row
    /// has most of, not counting what stands in quotes, unless it is known or stated.
    pub(crate) fn of(head: &[u8], delimiter: Option<u8>) -> Self {
        let head = head.strip_prefix(MARK).unwrap_or(head);
        let delimiter = delimiter
            .or_else(|| stated_delimiter(head))
            .unwrap_or_else(|| commonest_delimiter(head));
        // By the rules of others, a quote that is not doubled ends its field.
        let is_within = |at| match head.get(at + 2) {
            Some(&next) => next != delimiter && !matches!(next, b'"' | b'\r' | b'\n'),
            None => false,
        };
        let escapes = memchr::memmem::find_iter(head, b"\\\"").any(is_within);
        Self { delimiter, escapes }
    }
}

fn commonest_delimiter(head: &[u8]) -> u8 {
    let is_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    let count = |delimiter| {
        let unquoted = head.split(|&byte| byte == b'"').step_by(2).flatten();
        let row = unquoted.skip_while(is_end).take_while(|byte| !is_end(byte));
        row.filter(|&&byte| byte == delimiter).count()
    };
    // Of equals the last, so the comma.
    *b"|\t;,".iter().max_by_key(|&&delimiter| count(delimiter)).unwrap_or(&b',')
}

/// The delimiter that a line before the head states, for Excel: `sep=;`. No byte beyond ASCII is
/// one: rows are UTF-8 when their fields are read, and it would part characters.
fn stated_delimiter(row: &[u8]) -> Option<u8> {
    let (sep, rest) = row.split_at_checked(b"sep=".len())?;
    match rest {
        [delimiter @ ..0x80, b'\r' | b'\n', ..] if sep.eq_ignore_ascii_case(b"sep=") => {
            Some(*delimiter)
        }
        _ => None,
    }
}

impl Columns {
    /// Finds the columns of these names in the first row of a table.
    ///
    /// # Errors
    ///
    /// If there is no column for the text, or several of one name that is asked for the text or the id.
    pub(crate) fn read<R: BufRead>(
        rows: &mut Rows<R>,
        names: &[(String, Field)],
        strict: bool,
    ) -> Result<Option<Self>, Failure> {
        let dialect = rows.dialect;
        let is_head = |row: &Result<RawRecord, _>| match row {
            Ok(row) => stated_delimiter(&row.bytes).is_none(),
            Err(_) => true,
        };
        let Some(row) = rows.find(is_head) else { return Ok(None) };
        let fatal = |failure: Failure| Failure { recoverable: false, ..failure };
        let row = row.map_err(fatal)?;
        let at_head = |failure: Failure| fatal(failure.at(row.number, row.offset));
        let head = decode(&row.bytes, strict).map_err(at_head)?;
        let (mut kept, mut column_name) = (Vec::new(), Vec::new());
        let mut twice = None;
        let len = fields(&head.text, dialect, |column, part, is_last| {
            column_name.extend_from_slice(part);
            if is_last {
                let name = String::from_utf8_lossy(&column_name);
                if let Some((name, field)) = names.iter().find(|(known, _)| known == name.trim()) {
                    if kept.iter().all(|(_, known)| known != field) {
                        kept.push((column, *field));
                    } else if field.is_unique() {
                        twice = Some(name);
                    }
                }
                column_name.clear();
            }
        });
        if let Some(name) = twice {
            return Err(at_head(Problem::column_twice(name).into()));
        }
        let is_text = |(_, field): &&(String, Field)| *field == Field::Text;
        let text_column = names.iter().find(is_text).map(|(name, _)| name.clone());
        let text_column = text_column.unwrap_or_default();
        if kept.iter().all(|&(_, field)| field != Field::Text) {
            return Err(at_head(Problem::Column { name: text_column }.into()));
        }
        Ok(Some(Self { dialect, len, text_column, kept }))
    }

    /// The fields of a row that are kept.
    ///
    /// # Errors
    ///
    /// If the bytes are no text, the row is too short to have the column of the text, or has more
    /// behind its columns.
    pub(crate) fn decode(&self, bytes: &[u8], strict: bool) -> Result<Document, Failure> {
        let decoded = decode(bytes, strict)?;
        let mut text = None;
        let [mut id, mut title, mut date, mut language] = [const { Vec::new() }; 4];
        let mut is_wide = false;
        let len = fields(&decoded.text, self.dialect, |column, part, _| {
            // Programs that end every field with a delimiter leave empty ones.
            is_wide |= column >= self.len && !part.is_empty();
            let Some((_, field)) = self.kept.iter().find(|(kept, _)| *kept == column) else {
                return;
            };
            let value = match field {
                Field::Text => text.get_or_insert_default(),
                Field::Id => &mut id,
                Field::Title => &mut title,
                Field::Date => &mut date,
                Field::Language => &mut language,
            };
            value.extend_from_slice(part);
        });
        if is_wide {
            // Mostly a text with delimiters and without quotes: what is in its column is but a part of it.
            let what = format!("the row has {len} fields, the head {}", self.len);
            return Err(Problem::invalid(what).into());
        }
        let Some(text) = text else {
            return Err(Problem::Column { name: self.text_column.clone() }.into());
        };
        let value = |value: Vec<u8>| Some(string(value)).filter(|value| !value.is_empty());
        Ok(Document {
            text: string(text),
            id: value(id),
            title: value(title),
            date: value(date),
            language: value(language),
            encoding: decoded.encoding,
            replaced: decoded.replaced,
            ..Document::default()
        })
    }
}

thread_local! {
    /// A dialect and a reader for it: to build one takes longer than to read a row, and its clone,
    /// in csv-core 0.1.13, finds no delimiters.
    static READER: Cell<Option<(Dialect, Reader)>> = const { Cell::new(None) };
}

/// Gives the fields of one row by parts, each with the number of its column and whether it is the
/// last of the field. Says how many fields there are.
fn fields(row: &str, dialect: Dialect, mut take: impl FnMut(usize, &[u8], bool)) -> usize {
    let mut reader = match READER.take() {
        Some((known, reader)) if known == dialect => reader,
        _ => {
            let Dialect { delimiter, escapes } = dialect;
            let escape = escapes.then_some(b'\\');
            ReaderBuilder::new().delimiter(delimiter).escape(escape).build()
        }
    };
    reader.reset();
    let mut rest = row.as_bytes();
    let mut room = [0; 1 << 10];
    let mut column = 0;
    loop {
        let (result, read, written) = reader.read_field(rest, &mut room);
        rest = &rest[read..];
        match result {
            // Without more input the next call ends the field.
            ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {
                take(column, &room[..written], false);
            }
            ReadFieldResult::Field { record_end } => {
                take(column, &room[..written], true);
                column += 1;
                if record_end {
                    break;
                }
            }
            ReadFieldResult::End => break,
        }
    }
    READER.set(Some((dialect, reader)));
    column
}

/// The text that the parts of a field are.
fn string(mut parts: Vec<u8>) -> String {
    parts.shrink_to_fit();
    string_of(parts).expect("BUG: a field of a text is no text")
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    const COMMAS: Dialect = Dialect { delimiter: b',', escapes: false };

    fn rows(text: &[u8], buffer: usize, limit: u64) -> Vec<Result<Vec<u8>, Problem>> {
        rows_in(COMMAS, text, buffer, limit)
    }

    fn rows_in(
        dialect: Dialect,
        text: &[u8],
        buffer: usize,
        limit: u64,
    ) -> Vec<Result<Vec<u8>, Problem>> {
        let reader = BufReader::with_capacity(buffer, text);
        Rows::new(Peeked::new(reader, 3), dialect, limit)
            .map(|row| match row {
                Ok(row) => {
                    let start = usize::try_from(row.offset).unwrap();
                    assert_eq!(&text[start..][..row.bytes.len()], row.bytes);
                    Ok(row.bytes)
                }
                Err(failure) => Err(failure.problem),
            })
            .collect()
    }

    /// The fields of a row.
    fn fields_of(row: &str) -> Vec<String> {
        fields_in(COMMAS, row)
    }

    fn fields_in(dialect: Dialect, row: &str) -> Vec<String> {
        let mut values = Vec::new();
        let len = fields(row, dialect, |column, part, _| {
            values.resize(column + 1, String::new());
            values[column].push_str(str::from_utf8(part).unwrap());
        });
        assert_eq!(len, values.len());
        values
    }

    proptest! {
        /// The rows are those that the crate `csv` finds in the whole table.
        #[test]
        fn rows_are_cut_as_csv_would(text in "\u{feff}?[a\",\\\\\r\n]{0,40}", buffer in 1_usize..9, escapes: bool) {
            let mut table = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .escape(escapes.then_some(b'\\'))
                .from_reader(text.as_bytes());
            let expected: Vec<_> = table.records().map(Result::unwrap).collect();
            let dialect = Dialect { delimiter: b',', escapes };
            let rows = rows_in(dialect, text.as_bytes(), buffer, 1000);
            for (at, row) in rows.iter().enumerate() {
                match row {
                    Ok(row) => {
                        let row = fields_in(dialect, str::from_utf8(row).unwrap());
                        prop_assert_eq!(row, expected[at].iter().collect::<Vec<_>>());
                    }
                    // Quotes that are never closed, which csv lets pass.
                    Err(problem) => prop_assert!(matches!(problem, Problem::Truncated)),
                }
            }
            prop_assert_eq!(rows.len(), expected.len());
        }
    }

    #[test]
    fn a_field_may_be_longer_than_its_parts() {
        for len in [1023, 1024, 1025, 5000] {
            let long = "x".repeat(len);
            let row = format!("a,\"{long}\"\"\",{long},,\r\n");
            assert_eq!(fields_of(&row), ["a", &format!("{long}\""), &long, "", ""]);
        }
    }

    #[test]
    fn nothing_is_held_for_a_column_that_is_not_kept() {
        let head = format!("x{} text ,other\n", ",".repeat(10_000));
        let mut rows = Rows::new(Peeked::new(head.as_bytes(), 3), COMMAS, 1 << 20);
        let names = [("text", Field::Text), ("id", Field::Id)];
        let names = names.map(|(name, field)| (name.to_owned(), field));
        let columns = Columns::read(&mut rows, &names, true).unwrap().unwrap();
        assert_eq!((columns.len, columns.kept), (10_002, vec![(10_000, Field::Text)]));
    }

    #[test]
    fn a_long_row_is_passed_over() {
        let text = format!("a,b\n\"{}\n\",c\nd,e\n", "x".repeat(10_000));
        for buffer in [1, 100, 100_000] {
            let rows = rows(text.as_bytes(), buffer, 100);
            assert!(matches!(
                &rows[..],
                [Ok(first), Err(Problem::TooLong { limit: 100 }), Ok(last)]
                    if first == b"a,b\n" && last == b"d,e\n"
            ));
        }
    }

    #[test]
    fn the_delimiter_is_the_commonest_of_the_head() {
        for (head, found) in [
            ("", b','),
            ("text", b','),
            ("id;text;\"a,b,c,d\"\n,,,,,,", b';'),
            ("\nid\ttext", b'\t'),
            ("\r\n\"one,\ntwo\";text\n,,,", b';'),
            ("id|text", b'|'),
            ("\u{feff}Sep=;\r\nid;text,a,b", b';'),
            ("sep=\t\na,b", b'\t'),
            ("sep=ab,c\n", b','),
        ] {
            let dialect = Dialect { delimiter: found, escapes: false };
            assert_eq!(Dialect::of(head.as_bytes(), None), dialect, "{head}");
            let tabs = Dialect { delimiter: b'\t', ..dialect };
            assert_eq!(Dialect::of(head.as_bytes(), Some(b'\t')), tabs, "{head}");
        }
    }

    #[test]
    fn quotes_may_have_backslashes_before_them() {
        for (row, fields) in [
            ("1,\"She said \\\"no\\\", twice\",x\n", &["1", "She said \"no\", twice", "x"][..]),
            ("2,\"a\\\\\",\"\"\"b\"\"\"\n", &["2", "a\\", "\"b\""]),
            ("3,a\\\"b,c\n", &["3", "a\\\"b", "c"]),
        ] {
            let escapes = Dialect { escapes: true, ..COMMAS };
            assert_eq!(fields_in(escapes, row), fields, "{row}");
            for buffer in [1, 2, 100] {
                let two = row.repeat(2);
                let rows = rows_in(escapes, two.as_bytes(), buffer, 1000);
                assert!(rows.iter().all(|it| it.as_ref().is_ok_and(|it| *it == row.as_bytes())));
                assert_eq!(rows.len(), 2, "{row}");
            }
        }
        for (head, escapes) in [
            ("id,text\n1,\"She said \\\"no\\\"\"\n", true),
            ("id,text\n1,\"in C:\\a\\\",2\n2,\"in C:\\\"\n", false),
            ("id,text\n1,\"in C:\\\"\"a\"\"\"\n", false),
            ("id,text\n1,\"a\\\"", false),
        ] {
            assert_eq!(Dialect::of(head.as_bytes(), None).escapes, escapes, "{head}");
        }
    }

    #[test]
    fn a_line_before_the_head_may_state_the_delimiter() {
        let names = [("text", Field::Text)].map(|(name, field)| (name.to_owned(), field));
        for (table, number) in [("sep=;\r\nid;text\r\n1;a\r\n", 3), ("id;text\n1;a\n", 2)] {
            let dialect = Dialect::of(table.as_bytes(), None);
            let mut rows = Rows::new(Peeked::new(table.as_bytes(), 3), dialect, 1 << 20);
            let columns = Columns::read(&mut rows, &names, true).unwrap().unwrap();
            let row = rows.next().unwrap().unwrap();
            let document = columns.decode(&row.bytes, true).unwrap();
            assert_eq!((document.text.as_str(), row.number), ("a", number), "{table}");
        }
    }

    #[test]
    fn of_two_columns_none_is_the_text_or_the_id() {
        for (head, twice) in [
            ("id,text,text", Some("text")),
            ("text,id,x, id ", Some("id")),
            // Of what is only passed on the first counts, and others do not matter.
            ("title,text,title,x,x", None),
        ] {
            let table = format!("{head}\na,b,c,d,e\n");
            let articles =
                crate::Options::new().reader("a.csv", std::io::Cursor::new(table)).unwrap();
            let articles: Vec<_> = articles.collect();
            match (&articles[..], twice) {
                ([Ok(article)], None) => {
                    assert_eq!((article.title(), &*article.text()), (Some("a"), "b"));
                }
                ([Err(error)], Some(twice)) => {
                    let Some(Problem::Invalid(what)) = error.problem() else { panic!("{error:?}") };
                    assert!(what.to_string().contains(&format!("{twice:?}")), "{what}");
                    let position = error.position().unwrap();
                    assert_eq!((position.record, position.offset), (Some(1), Some(0)), "{head}");
                    assert_eq!(error.path(), Some("a.csv".as_ref()));
                }
                _ => panic!("{head}: {articles:?}"),
            }
        }
    }

    #[test]
    fn no_delimiter_parts_a_character() {
        // The second half of an umlaut, behind which the column of the text begins, and before
        // which a text ends.
        for table in
            [&b"sep=\xA4\n\xC3\xA4text\n\xC3\xA41\xC3\xA4\n"[..], b"sep=\xA7\nid\xA7text\n1\xA7a\n"]
        {
            let articles = crate::Options::new().reader("a.csv", table).unwrap();
            let articles: Vec<_> = articles.collect();
            let [Err(error)] = &articles[..] else { panic!("{articles:?}") };
            assert!(error.problem().is_some(), "{error}");
        }
    }
}
