//! Parquet: files of columns, of which the text and the id are read.
//!
//! The library that reads them may panic on damaged files, so it runs on a thread of its own, and
//! a panic there is an error here. It also believes some of what a file claims; what that could
//! do to memory and stack is checked before: the lengths of the column chunks, and the depth of the
//! schema, which is built by recursion. What remains is the length of a page, which may claim up to
//! 2 GiB.

mod footer;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use ::parquet::record::reader::RowIter;
use ::parquet::record::{Field, Row};
use ::parquet::schema::types::Type;

use super::document::{Document, Failure, Problem};
use super::limits::Limits;

/// The columns that an article is made of, by their names or, within groups, their paths with dots.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) text: String,
    /// A file may be without it.
    pub(crate) id: String,
}

/// The rows of a file as documents, in their order.
#[derive(Debug)]
pub(crate) struct ParquetRows {
    rows: Option<Receiver<Result<Document, Failure>>>,
    worker: Option<JoinHandle<()>>,
}

impl ParquetRows {
    /// Starts to read `input`: a file, or bytes in memory.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub(crate) fn new(
        input: impl ChunkReader + 'static,
        columns: Columns,
        limits: Limits,
        strict: bool,
    ) -> Result<Self, Failure> {
        /// Rows that wait to be taken: enough for both sides to work at a time.
        const WAITING: usize = 4;
        let (sender, receiver) = sync_channel(WAITING);
        let worker = std::thread::Builder::new().name("parquet".to_owned()).spawn(move || {
            if let Err(problem) = read(input, &columns, limits, strict, &sender) {
                // If nobody waits for it, nobody is to know.
                let _ = sender.send(Err(Failure::of_file(problem)));
            }
        });
        let worker = worker.map_err(Failure::of_file)?;
        Ok(Self { rows: Some(receiver), worker: Some(worker) })
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Document, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.as_ref()?.recv() {
            Ok(Err(failure)) if !failure.recoverable => {
                self.rows = None;
                Some(Err(failure))
            }
            Ok(row) => Some(row),
            Err(_) => {
                self.rows = None;
                let panic = self.worker.take()?.join().err()?;
                let message = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("no message");
                let problem = Problem::Panicked { message: message.to_owned() };
                Some(Err(Failure::of_file(problem)))
            }
        }
    }
}

impl Drop for ParquetRows {
    fn drop(&mut self) {
        // Without a receiver the worker ends at its next row.
        self.rows = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Sends every row of `input`, until nobody takes them.
fn read(
    input: impl ChunkReader + 'static,
    columns: &Columns,
    limits: Limits,
    strict: bool,
    rows: &SyncSender<Result<Document, Failure>>,
) -> Result<(), Problem> {
    footer::check(&input, &limits)?;
    let len = input.len();
    let file = SerializedFileReader::new(input).map_err(problem)?;
    let schema = file.metadata().file_metadata().schema();
    let Some(text) = Path::find(schema, &columns.text) else {
        return Err(Problem::invalid(format!("there is no column {:?}", columns.text)));
    };
    let id = Path::find(schema, &columns.id);
    let chosen: Vec<&Path> = [Some(&text), id.as_ref()].into_iter().flatten().collect();
    check_chunks(file.metadata(), &chosen, len, &limits)?;
    let projection = project(schema, &chosen, 0).map_err(problem)?;
    for row in RowIter::from_file(Some(projection), &file).map_err(problem)? {
        // A reader that failed cannot be trusted with the next row.
        let row = row.map_err(problem)?;
        let document = document(&row, &text, id.as_ref(), &limits, strict);
        if rows.send(document.map_err(Failure::of_record)).is_err() {
            break;
        }
    }
    Ok(())
}

fn document(
    row: &Row,
    text: &Path,
    id: Option<&Path>,
    limits: &Limits,
    strict: bool,
) -> Result<Document, Problem> {
    let mut document = Document::default();
    document.text = match text.value(row) {
        Some(Field::Str(text)) => text.clone(),
        Some(Field::Bytes(bytes)) => {
            let mut text = String::with_capacity(bytes.len());
            for chunk in bytes.data().utf8_chunks() {
                text.push_str(chunk.valid());
                if !chunk.invalid().is_empty() {
                    text.push(char::REPLACEMENT_CHARACTER);
                    document.replaced += 1;
                }
            }
            if strict && document.replaced > 0 {
                let sequences = document.replaced;
                return Err(Problem::Undecodable { encoding: "UTF-8", sequences });
            }
            text
        }
        None | Some(Field::Null) => return Err(Problem::invalid("the text is null")),
        Some(_) => return Err(Problem::invalid("the text column does not hold text")),
    };
    document.id = match id.and_then(|id| id.value(row)) {
        None | Some(Field::Null) => None,
        Some(Field::Str(id)) => Some(id.clone()),
        Some(Field::Byte(id)) => Some(id.to_string()),
        Some(Field::Short(id)) => Some(id.to_string()),
        Some(Field::Int(id)) => Some(id.to_string()),
        Some(Field::Long(id)) => Some(id.to_string()),
        Some(Field::UByte(id)) => Some(id.to_string()),
        Some(Field::UShort(id)) => Some(id.to_string()),
        Some(Field::UInt(id)) => Some(id.to_string()),
        Some(Field::ULong(id)) => Some(id.to_string()),
        Some(_) => return Err(Problem::invalid("an id is a string or a whole number")),
    };
    document.within(limits)
}

/// The names that lead to a column.
#[derive(Debug, PartialEq, Eq)]
struct Path(Vec<String>);

impl Path {
    /// The column that `name` means: the one of that name, or the one of the rest of the name in
    /// the group of the first part.
    fn find(schema: &Type, name: &str) -> Option<Self> {
        let mut names = Vec::new();
        let mut rest = name;
        let mut group = schema;
        loop {
            let field = |name: &str| group.get_fields().iter().find(|it| it.name() == name);
            if field(rest).is_some_and(|field| field.is_primitive()) {
                names.push(rest.to_owned());
                return Some(Self(names));
            }
            let (first, behind) = rest.split_once('.')?;
            group = field(first).filter(|field| field.is_group())?;
            names.push(first.to_owned());
            rest = behind;
        }
    }

    fn value<'a>(&self, row: &'a Row) -> Option<&'a Field> {
        let (last, groups) = self.0.split_last()?;
        let field = |row: &'a Row, name: &str| {
            row.get_column_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
        };
        let row = groups.iter().try_fold(row, |row, name| match field(row, name) {
            Some(Field::Group(row)) => Some(row),
            _ => None,
        })?;
        field(row, last)
    }
}

/// The part of `schema` with the columns of `paths`, of which `depth` names led to here.
fn project(schema: &Type, paths: &[&Path], depth: usize) -> Result<Type, ParquetError> {
    let mut fields = Vec::new();
    for field in schema.get_fields() {
        let within: Vec<&Path> = paths
            .iter()
            .copied()
            .filter(|path| path.0.get(depth).is_some_and(|name| name == field.name()))
            .collect();
        if within.is_empty() {
            continue;
        }
        let whole = within.iter().any(|path| path.0.len() == depth + 1);
        fields.push(if whole {
            field.clone()
        } else {
            Arc::new(project(field, &within, depth + 1)?)
        });
    }
    let info = schema.get_basic_info();
    let mut group = Type::group_type_builder(schema.name())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(fields);
    if info.has_repetition() {
        group = group.with_repetition(info.repetition());
    }
    group.build()
}

/// Whether the chunks of the columns lie in the file and are not too long.
fn check_chunks(
    metadata: &ParquetMetaData,
    columns: &[&Path],
    len: u64,
    limits: &Limits,
) -> Result<(), Problem> {
    for group in metadata.row_groups() {
        for chunk in group.columns() {
            if !columns.iter().any(|column| column.0 == chunk.column_path().parts()) {
                continue;
            }
            let first = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            let start = u64::try_from(first.min(chunk.data_page_offset()));
            let packed = u64::try_from(chunk.compressed_size());
            let unpacked = u64::try_from(chunk.uncompressed_size());
            let (Ok(start), Ok(packed), Ok(unpacked)) = (start, packed, unpacked) else {
                return Err(Problem::invalid("a length is negative"));
            };
            if start.checked_add(packed).is_none_or(|end| end > len) {
                return Err(Problem::Truncated);
            }
            // Dictionaries repeat values for two bytes or less.
            let limit = limits.decompression_ratio;
            if unpacked > packed.saturating_mul(limit).max(Limits::RATIO_FREE) {
                return Err(Problem::Ratio { limit });
            }
        }
    }
    Ok(())
}

fn problem(error: ParquetError) -> Problem {
    match error {
        ParquetError::EOF(_) => Problem::Truncated,
        other => Problem::invalid(other),
    }
}

#[cfg(test)]
mod tests {
    use ::parquet::basic::{Compression, ZstdLevel};
    use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;
    use bytes::Bytes;

    use super::*;

    fn file(compression: Compression, texts: &[Option<&str>]) -> Bytes {
        let schema = "message schema {
            REQUIRED BYTE_ARRAY other (UTF8);
            OPTIONAL BYTE_ARRAY text (UTF8);
            OPTIONAL INT64 id;
            OPTIONAL group meta { OPTIONAL BYTE_ARRAY url (UTF8); REQUIRED BYTE_ARRAY raw; }
            OPTIONAL BYTE_ARRAY a.b (UTF8);
        }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        for texts in texts.chunks(2) {
            let mut group = writer.next_row_group().unwrap();
            let array = |text: &str| ByteArray::from(text.as_bytes().to_vec());
            let values: Vec<ByteArray> = texts.iter().flatten().map(|it| array(it)).collect();
            let levels: Vec<i16> = texts.iter().map(|text| i16::from(text.is_some())).collect();
            let all = vec![array("x"); texts.len()];
            let ones = vec![1_i16; texts.len()];
            for (number, (values, levels)) in [
                (&all, None),
                (&values, Some(&levels)),
                (&all, None),
                (&all, Some(&vec![2; texts.len()])),
                (&vec![ByteArray::from(b"K\xe4se".to_vec()); texts.len()], Some(&ones)),
                (&all, Some(&ones)),
            ]
            .into_iter()
            .enumerate()
            {
                let mut column = group.next_column().unwrap().unwrap();
                if number == 2 {
                    let ids: Vec<i64> = (7..).take(texts.len()).collect();
                    column.typed::<Int64Type>().write_batch(&ids, Some(&ones), None).unwrap();
                } else {
                    let levels = levels.map(Vec::as_slice);
                    column.typed::<ByteArrayType>().write_batch(values, levels, None).unwrap();
                }
                column.close().unwrap();
            }
            group.close().unwrap();
        }
        writer.into_inner().unwrap().into()
    }

    fn rows(file: Bytes, text: &str, id: &str, strict: bool) -> ParquetRows {
        let columns = Columns { text: text.to_owned(), id: id.to_owned() };
        ParquetRows::new(file, columns, Limits::default(), strict).unwrap()
    }

    fn texts(file: &Bytes, text: &str, id: &str) -> Vec<(String, Option<String>)> {
        let rows = rows(file.clone(), text, id, false).map(Result::unwrap);
        rows.map(|document| (document.text, document.id)).collect()
    }

    const TEXTS: [Option<&str>; 3] = [Some("Käse"), Some("und Brot"), Some("Ende")];

    #[test]
    fn columns_are_read_in_every_packing_and_wherever_they_are() {
        let expected = [("Käse", "7"), ("und Brot", "8"), ("Ende", "7")]
            .map(|(text, id)| (text.to_owned(), Some(id.to_owned())));
        let zstd = Compression::ZSTD(ZstdLevel::default());
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd] {
            assert_eq!(texts(&file(compression, &TEXTS), "text", "id"), expected);
        }
        let plain = file(Compression::UNCOMPRESSED, &TEXTS);
        let x = ("x".to_owned(), Some("x".to_owned()));
        assert_eq!(texts(&plain, "meta.url", "other"), vec![x; 3]);
        let replaced = rows(plain.clone(), "meta.raw", "none", false).next().unwrap().unwrap();
        assert_eq!(
            (replaced.text.as_str(), replaced.replaced, replaced.id),
            ("K\u{fffd}se", 1, None)
        );
        let strict = rows(plain.clone(), "meta.raw", "none", true).next().unwrap().unwrap_err();
        assert!(matches!(strict.problem, Problem::Undecodable { .. }) && strict.recoverable);
        assert_eq!(texts(&plain, "a.b", "id")[0].0, "x");
    }

    #[test]
    fn a_file_on_disk_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        std::fs::write(&path, file(Compression::SNAPPY, &TEXTS)).unwrap();
        let columns = Columns { text: "text".to_owned(), id: "id".to_owned() };
        let file = std::fs::File::open(path).unwrap();
        let rows = ParquetRows::new(file, columns, Limits::default(), true).unwrap();
        assert_eq!(rows.map(Result::unwrap).count(), 3);
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_an_error() {
        let file = file(Compression::UNCOMPRESSED, &[Some("a"), None, Some("b")]);
        let read: Vec<_> = rows(file.clone(), "text", "id", false).collect();
        assert_eq!(read.len(), 3);
        assert!(read[1].as_ref().is_err_and(|failure| failure.recoverable));
        for (text, id) in [("none", "id"), ("meta", "id"), ("meta.none", "id"), ("id", "id")] {
            assert!(rows(file.clone(), text, id, false).next().unwrap().is_err(), "{text}");
        }
        let limits = Limits { article: 3, ..Limits::default() };
        let columns = Columns { text: "text".to_owned(), id: "id".to_owned() };
        let long = super::tests::file(Compression::UNCOMPRESSED, &TEXTS);
        let failure = ParquetRows::new(long, columns, limits, false).unwrap().next().unwrap();
        assert!(matches!(failure.unwrap_err().problem, Problem::Article { limit: 3, .. }));
    }

    #[test]
    fn rows_that_nobody_takes_are_not_read() {
        let file = file(Compression::UNCOMPRESSED, &[Some("a"); 100]);
        let mut rows = rows(file, "text", "id", false);
        assert_eq!(rows.next().unwrap().unwrap().text, "a");
        drop(rows);
    }

    #[test]
    fn a_file_may_end_anywhere() {
        let whole = file(Compression::SNAPPY, &TEXTS);
        for at in 0..whole.len() {
            let read: Vec<_> = rows(whole.slice(..at), "text", "id", false).collect();
            assert!(matches!(read[..], [Err(_)]), "{at}");
        }
    }

    #[test]
    fn damage_is_an_error_or_does_not_matter() {
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let whole = file(zstd, &TEXTS);
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = whole.to_vec();
                damaged[at] ^= flip;
                let read = rows(damaged.into(), "text", "id", true).take(100).count();
                assert!(read <= 100);
            }
        }
    }
}
