//! CSV and TSV: a record is a row, which may have line breaks within quotes.
//!
//! Rows are cut by the rules of the crate `csv`, which then reads each: so a row has a limit, and broken ones
//! cost the reading thread nothing.

use std::io::BufRead;

use memchr::{memchr, memchr3};

use super::document::{Document, Failure, Problem, RawRecord};
use super::encoding::decode;
use super::json::Field;

/// The rows of a stream that are not blank.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    reader: R,
    delimiter: u8,
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
}

impl<R: BufRead> Rows<R> {
    pub(crate) fn new(reader: R, delimiter: u8, limit: u64) -> Self {
        Self { reader, delimiter, limit, number: 0, offset: 0 }
    }

    /// Scans on from `state` for the end of a row. Bytes before `Scanned::start` are of no row.
    fn scan(delimiter: u8, state: &mut State, buffer: &[u8]) -> Scanned {
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
                State::Quoted => match memchr(b'"', &buffer[at..]) {
                    Some(quote) => {
                        at += quote;
                        State::Quote
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
                    State::Quoted => {
                        let failure = Failure::of_file(Problem::Truncated);
                        return Some(Err(failure.at(number, offset)));
                    }
                    _ => break,
                }
            }
            let scanned = Self::scan(self.delimiter, &mut state, buffer);
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
    delimiter: u8,
    text_column: String,
    text: usize,
    others: Vec<(usize, Field)>,
}

/// The character between the fields of a table: that of the usual ones that its head has most of.
pub(crate) fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
    let count = |delimiter| {
        let unquoted = line.unwrap_or_default().split(|&byte| byte == b'"').step_by(2);
        unquoted.flatten().filter(|&&byte| byte == delimiter).count()
    };
    // Of equals the last, so the comma.
    *b"|\t;,".iter().max_by_key(|&&delimiter| count(delimiter)).unwrap_or(&b',')
}

impl Columns {
    /// Finds the columns of these names in the first row of a table.
    ///
    /// # Errors
    ///
    /// If there is no row, or no column for the text.
    pub(crate) fn read<R: BufRead>(
        rows: &mut Rows<R>,
        names: &[(String, Field)],
        strict: bool,
    ) -> Result<Option<Self>, Failure> {
        let delimiter = rows.delimiter;
        let Some(row) = rows.next() else { return Ok(None) };
        let end = |failure: Failure| Failure { recoverable: false, ..failure };
        let row = row.map_err(end)?;
        let end = |failure: Failure| end(failure.at(row.number, row.offset));
        let head = decode(&row.bytes, strict).map_err(end)?;
        let head = fields(&head.text, delimiter).map_err(end)?;
        let column = |name: &str| head.iter().position(|column| column.trim() == name);
        let name_of = |field| names.iter().find(|(_, of)| *of == field).map(|(name, _)| name);
        let text_column = name_of(Field::Text).cloned().unwrap_or_default();
        let Some(text) = column(&text_column) else {
            return Err(end(Problem::Column { name: text_column }.into()));
        };
        let others = names
            .iter()
            .filter(|(_, field)| *field != Field::Text)
            .filter_map(|(name, field)| Some((column(name)?, *field)))
            .collect();
        Ok(Some(Self { delimiter, text_column, text, others }))
    }

    /// The fields of a row that are kept.
    ///
    /// # Errors
    ///
    /// If the bytes are no text, or the row is too short to have the column of the text.
    pub(crate) fn decode(&self, bytes: &[u8], strict: bool) -> Result<Document, Failure> {
        let decoded = decode(bytes, strict)?;
        let row = fields(&decoded.text, self.delimiter)?;
        let Some(text) = row.get(self.text) else {
            return Err(Problem::Column { name: self.text_column.clone() }.into());
        };
        let mut document = Document {
            text: text.to_owned(),
            encoding: decoded.encoding,
            replaced: decoded.replaced,
            ..Document::default()
        };
        for (column, field) in &self.others {
            let Some(value) = row.get(*column).filter(|value| !value.is_empty()) else { continue };
            let value = Some(value.to_owned());
            match field {
                Field::Text => {}
                Field::Id => document.id = value,
                Field::Title => document.title = value,
                Field::Date => document.date = value,
                Field::Language => document.language = value,
            }
        }
        Ok(document)
    }
}

/// The fields of one row.
fn fields(row: &str, delimiter: u8) -> Result<csv::StringRecord, Failure> {
    let mut fields = csv::StringRecord::new();
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(row.len().max(1))
        .from_reader(row.as_bytes())
        .read_record(&mut fields)
        .map_err(|error| Failure::of_record(Problem::invalid(error)))?;
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn rows(text: &[u8], buffer: usize, limit: u64) -> Vec<Result<Vec<u8>, Problem>> {
        Rows::new(BufReader::with_capacity(buffer, text), b',', limit)
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

    proptest! {
        /// The rows are those that the crate `csv` finds in the whole table.
        #[test]
        fn rows_are_cut_as_csv_would(text in "[a\",\r\n]{0,40}", buffer in 1_usize..9) {
            let mut whole = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes());
            let expected: Vec<_> = whole.records().map(Result::unwrap).collect();
            let rows = rows(text.as_bytes(), buffer, 1000);
            for (at, row) in rows.iter().enumerate() {
                match row {
                    Ok(row) => {
                        let row = fields(std::str::from_utf8(row).unwrap(), b',').unwrap();
                        prop_assert_eq!(row.iter().collect::<Vec<_>>(), expected[at].iter().collect::<Vec<_>>());
                    }
                    // Quotes that are never closed, which csv lets pass.
                    Err(problem) => prop_assert!(matches!(problem, Problem::Truncated)),
                }
            }
            prop_assert_eq!(rows.len(), expected.len());
        }
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
            ("id|text", b'|'),
        ] {
            assert_eq!(delimiter(head.as_bytes()), found, "{head}");
        }
    }
}
