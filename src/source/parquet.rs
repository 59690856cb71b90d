//! Parquet: files of columns, of which the text and the id are read.
//!
//! The library that reads them may panic on damaged files, so it runs on a thread of its own, and
//! a panic there is an error here. It also believes some of what a file claims; what that could
//! do to memory and stack is checked before: the lengths of the column chunks, and the depth of the
//! schema, which is built by recursion. What remains is the length of a page, which may claim up to
//! 2 GiB.

mod footer;
mod gzip;

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use ::parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use ::parquet::file::serialized_reader::ReadOptionsBuilder;
use ::parquet::record::reader::RowIter;
use ::parquet::record::{Field as Value, Row};
use ::parquet::schema::types::{SchemaDescriptor, Type};
use bytes::Bytes;

use super::document::{Document, Failure, Problem, Record};
use super::json::{Field, whole};
use super::limits::Limits;
use super::stream::{OnDisk, Reader, Steady, read_whole};
use super::{Settings, within_limit};

/// Reads a file where it lies, and any other stream from memory, of which it takes as much as a
/// record may.
///
/// # Errors
///
/// If a stream is too long or breaks off, a file cannot be opened, or no thread be started.
pub(crate) fn open(
    reader: Reader,
    file: Option<OnDisk<'_>>,
    settings: &Settings,
) -> Result<ParquetRows, Failure> {
    if let Some(OnDisk { path, taken }) = file {
        let file = File::open(path).and_then(Steady::new).map_err(Failure::of_file)?;
        let file = Steadily { file: Arc::new(file), taken: taken.clone() };
        let at_end = file.clone();
        return ParquetRows::new(file, settings, move || at_end.file.check());
    }
    let bytes = read_whole(reader, settings.limits.record)?;
    ParquetRows::new(Bytes::from(bytes), settings, || Ok(()))
}

/// A file of which is counted what was taken.
#[derive(Clone)]
struct Steadily {
    file: Arc<Steady>,
    taken: Arc<AtomicU64>,
}

impl Length for Steadily {
    fn len(&self) -> u64 {
        self.file.file().len()
    }
}

impl ChunkReader for Steadily {
    type T = BufReader<File>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.file.file().get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.file.file().get_bytes(start, length)?;
        self.taken.fetch_add(length as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// A row as a document.
type DecodedRow = Result<Document, Failure>;

/// The rows of a file as documents, in their order.
#[derive(Debug)]
pub(crate) struct ParquetRows {
    batches: Option<Receiver<Vec<DecodedRow>>>,
    batch: std::vec::IntoIter<DecodedRow>,
    number: u64,
    worker: Option<JoinHandle<()>>,
}

impl ParquetRows {
    /// Starts to read `input`, at whose end `check` may have something to say.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    fn new(
        input: impl ChunkReader + Clone + 'static,
        settings: &Settings,
        check: impl Fn() -> std::io::Result<()> + Send + 'static,
    ) -> Result<Self, Failure> {
        /// Batches that wait to be taken: enough for both sides to work at a time.
        const WAITING: usize = 4;
        let (sender, receiver) = sync_channel(WAITING);
        let names = settings.names.clone();
        let (limits, strict) = (settings.limits, settings.strict);
        let worker =
            std::thread::Builder::new().name("dedup-parquet".to_owned()).spawn(move || {
                let mut rows = Batches { sender, batch: Vec::new(), bytes: 0 };
                let read = read(input, &names, limits, strict, &mut rows);
                // What a changed file told is not to be trusted, so that is said first.
                if let Err(failure) = check().map_err(Failure::from).and(read) {
                    // If nobody waits for it, nobody is to know.
                    rows.push(Err(Failure { recoverable: false, ..failure }));
                }
            });
        let worker = worker.map_err(Failure::of_file)?;
        let batch = Vec::new().into_iter();
        Ok(Self { batches: Some(receiver), batch, number: 0, worker: Some(worker) })
    }
}

/// Rows on their way to who takes them. One by one, each would wake a thread on either side.
struct Batches {
    sender: SyncSender<Vec<DecodedRow>>,
    batch: Vec<DecodedRow>,
    /// Of the documents in the batch.
    bytes: usize,
}

impl Batches {
    /// Bytes of a batch, unless a row is longer.
    const FULL: usize = 1 << 16;

    /// Whether there is still somebody who takes them.
    fn push(&mut self, row: DecodedRow) -> bool {
        self.bytes += size_of::<DecodedRow>() + row.as_ref().map_or(0, Document::memory);
        self.batch.push(row);
        self.bytes < Self::FULL || self.send()
    }

    fn send(&mut self) -> bool {
        self.bytes = 0;
        self.sender.send(std::mem::take(&mut self.batch)).is_ok()
    }
}

/// What was read before a panic is sent too.
impl Drop for Batches {
    fn drop(&mut self) {
        self.send();
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Record, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = loop {
            if let Some(row) = self.batch.next() {
                break row;
            }
            let Ok(batch) = self.batches.as_ref()?.recv() else {
                self.batches = None;
                let panic = self.worker.take()?.join().err()?;
                let message = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("no message");
                let problem = Problem::Panicked { message: message.to_owned() };
                return Some(Err(Failure::of_file(problem)));
            };
            self.batch = batch.into_iter();
        };
        match row {
            Err(failure) if !failure.recoverable => {
                self.batches = None;
                Some(Err(failure))
            }
            row => {
                self.number += 1;
                let number = Some(self.number);
                Some(match row {
                    Ok(document) => Ok(Record::Document(document, self.number)),
                    Err(failure) => Err(Failure { number, ..failure }),
                })
            }
        }
    }
}

impl Drop for ParquetRows {
    fn drop(&mut self) {
        // Without a receiver the worker ends at its next batch.
        self.batches = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Sends every row of `input`, until nobody takes them.
///
/// # Errors
///
/// What ends the reading of the file.
fn read(
    input: impl ChunkReader + Clone + 'static,
    names: &[(String, Field)],
    limits: Limits,
    strict: bool,
    rows: &mut Batches,
) -> Result<(), Failure> {
    footer::check(&input, &limits)?;
    let len = input.len();
    let file = SerializedFileReader::new(input.clone()).map_err(problem)?;
    let schema = file.metadata().file_metadata().schema();
    let mut columns = Vec::new();
    for (name, field) in names {
        match Path::find(schema, name) {
            Some((_, kind)) if !may_hold(kind, *field) => match field {
                Field::Text => return Err(no_text().into()),
                Field::Id => return Err(no_ids(name).into()),
                Field::Title | Field::Date | Field::Language => {}
            },
            Some((path, kind)) if !path.is_ambiguous(schema) => {
                columns.push(Column { path, field: *field, logical: Logical::of(kind) });
            }
            Some(_) if field.is_unique() => return Err(Problem::column_twice(name).into()),
            None if *field == Field::Text => {
                return Err(Problem::Column { name: name.clone() }.into());
            }
            // Of two columns of one name the library would read the last for both.
            Some(_) | None => {}
        }
    }
    let chosen: Vec<&Path> = columns.iter().map(|column| &column.path).collect();
    check_chunks(file.metadata(), &chosen, len, &limits)?;
    let projection = project(schema, &chosen, 0).map_err(problem)?;
    let schema = SchemaDescriptor::new(Arc::new(with_bytes(schema).map_err(problem)?));
    let options = ReadOptionsBuilder::new().with_parquet_schema(Arc::new(schema)).build();
    let packed = input.clone();
    let file = SerializedFileReader::new_with_options(input, options).map_err(problem)?;
    let file = gzip::Unpacked::new(file, packed);
    let limit = limits.decompression_ratio;
    let mut left = len.saturating_mul(limit).max(Limits::RATIO_FREE);
    for (number, row) in (1..).zip(RowIter::from_file(Some(projection), &file).map_err(problem)?) {
        // A reader that failed cannot be trusted with the next row.
        let row = row.map_err(|error| Failure {
            number: Some(number),
            ..Failure::of_file(problem(error))
        })?;
        let document = document(&row, &columns, strict).map_err(Failure::of_record);
        // Of a dictionary each row takes a bit, or none: the lengths of chunks do not tell what comes out.
        let len = document.as_ref().map_or(0, |document| document.text.len() as u64);
        left = left.checked_sub(len + 1).ok_or_else(|| Failure {
            number: Some(number),
            ..Failure::of_file(Problem::Ratio { limit })
        })?;
        // Too long texts need not wait in memory.
        let document = document.and_then(|document| within_limit(document, &limits));
        if !rows.push(document) {
            break;
        }
    }
    Ok(())
}

/// A column that is read.
struct Column {
    path: Path,
    field: Field,
    logical: Logical,
}

/// What the values of a column are, where the library does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logical {
    AsGiven,
    /// It gives those in nanoseconds as any other numbers, and all without their zone: UTC, or not known.
    Time {
        nanoseconds: bool,
        is_utc: bool,
    },
    /// Given as bytes.
    Uuid,
}

impl Logical {
    fn of(kind: &Type) -> Self {
        match kind.get_basic_info().logical_type_ref() {
            Some(LogicalType::Timestamp(time)) => Self::Time {
                nanoseconds: time.unit == TimeUnit::NANOS,
                is_utc: time.is_adjusted_to_u_t_c,
            },
            Some(LogicalType::Uuid) => Self::Uuid,
            _ => Self::AsGiven,
        }
    }
}

/// Whether a column may hold values of a field. Told by the first row, it would be an error for each.
fn may_hold(kind: &Type, field: Field) -> bool {
    use ::parquet::basic::Type::{BOOLEAN, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY, INT96};

    let info = kind.get_basic_info();
    if kind.is_group() || info.has_repetition() && info.repetition() == Repetition::REPEATED {
        return false;
    }
    let physical = kind.get_physical_type();
    match field {
        Field::Text => matches!(physical, BYTE_ARRAY | FIXED_LEN_BYTE_ARRAY),
        Field::Id => !matches!(physical, BOOLEAN | INT96),
        Field::Title | Field::Date | Field::Language => true,
    }
}

fn no_text() -> Problem {
    Problem::invalid("the text column does not hold text")
}

fn no_ids(column: &str) -> Problem {
    Problem::invalid(format!(
        "an id is a string or a whole number, which column {column:?} does not hold"
    ))
}

fn document(row: &Row, columns: &[Column], strict: bool) -> Result<Document, Problem> {
    let mut document = Document::default();
    for Column { path, field, logical } in columns {
        let value = path.value(row).unwrap_or(&Value::Null);
        match field {
            Field::Text => (document.text, document.replaced) = text(value, strict)?,
            Field::Id => document.id = id(value, *logical)?,
            Field::Title => document.title = words(value),
            Field::Date => {
                document.date = date(value, *logical).or_else(|| words(value));
            }
            Field::Language => document.language = words(value),
        }
    }
    Ok(document)
}

/// A schema in which strings are no more than bytes: one string that is no UTF-8 would be an error
/// of the library's, which ends the file.
fn with_bytes(schema: &Type) -> Result<Type, ParquetError> {
    use ::parquet::basic::Type::BYTE_ARRAY;

    let info = schema.get_basic_info();
    if schema.is_primitive() {
        let is_string = schema.get_physical_type() == BYTE_ARRAY
            && matches!(
                info.converted_type(),
                ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON
            );
        return if is_string {
            let bytes = Type::primitive_type_builder(schema.name(), BYTE_ARRAY);
            bytes.with_repetition(info.repetition()).build()
        } else {
            Ok(schema.clone())
        };
    }
    let fields = schema.get_fields().iter().map(|field| with_bytes(field).map(Arc::new));
    group_like(schema, fields.collect::<Result<_, _>>()?)
}

/// A text, and how many sequences of bytes were replaced in it.
fn text(value: &Value, strict: bool) -> Result<(String, u64), Problem> {
    match value {
        Value::Str(text) => Ok((text.clone(), 0)),
        Value::Bytes(bytes) => {
            if let Ok(text) = simdutf8::basic::from_utf8(bytes.data()) {
                return Ok((text.to_owned(), 0)); // as most are
            }
            let mut text = String::with_capacity(bytes.len());
            let mut replaced = 0;
            for chunk in bytes.data().utf8_chunks() {
                text.push_str(chunk.valid());
                if !chunk.invalid().is_empty() {
                    text.push(char::REPLACEMENT_CHARACTER);
                    replaced += 1;
                }
            }
            if strict && replaced > 0 {
                return Err(Problem::Undecodable { encoding: "UTF-8", sequences: replaced });
            }
            Ok((text, replaced))
        }
        Value::Null => Err(Problem::invalid("the text is null")),
        _ => Err(no_text()),
    }
}

fn id(value: &Value, logical: Logical) -> Result<Option<String>, Problem> {
    match value {
        Value::Null => Ok(None),
        // As tables have it in which some rows have no id.
        Value::Float(number) if number.is_nan() => Ok(None),
        Value::Double(number) if number.is_nan() => Ok(None),
        Value::Bytes(bytes) if logical == Logical::Uuid => Ok(Some(uuid(bytes.data()))),
        value => match words(value).or_else(|| whole_number(value)) {
            Some(id) => Ok(Some(id)),
            None => Err(Problem::invalid("an id is a string or a whole number")),
        },
    }
}

/// A whole number of a type that others have too: databases count in decimals, and tables with
/// gaps in floating point.
fn whole_number(value: &Value) -> Option<String> {
    match value {
        Value::Float(number) => whole(f64::from(*number)),
        Value::Double(number) => whole(*number),
        Value::Decimal(number) if number.scale() == 0 => {
            let bytes = number.data();
            let is_negative = bytes.first()? & 0x80 != 0;
            let mut wide = [if is_negative { 0xff } else { 0 }; 16];
            let start = wide.len().checked_sub(bytes.len())?;
            wide[start..].copy_from_slice(bytes);
            Some(i128::from_be_bytes(wide).to_string())
        }
        _ => None,
    }
}

/// A UUID as RFC 9562 writes it.
fn uuid(bytes: &[u8]) -> String {
    let mut uuid = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
        let _ = write!(uuid, "{hyphen}{byte:02x}");
    }
    uuid
}

/// A string, or a whole number as one; nothing of any other value.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::Str(words) => Some(words.clone()),
        // Older programs do not say that a string is one.
        Value::Bytes(bytes) => str::from_utf8(bytes.data()).ok().map(str::to_owned),
        Value::Byte(number) => Some(number.to_string()),
        Value::Short(number) => Some(number.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Long(number) => Some(number.to_string()),
        Value::UByte(number) => Some(number.to_string()),
        Value::UShort(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::ULong(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A day or a time, as RFC 3339 has it; without a zone if none is known.
fn date(value: &Value, logical: Logical) -> Option<String> {
    use jiff::civil::Date;
    use jiff::tz::Offset;
    use jiff::{Timestamp, ToSpan};

    let time = match value {
        Value::Date(days) => {
            let span = 0.days().try_days(*days).ok()?;
            return Some(Date::new(1970, 1, 1).ok()?.checked_add(span).ok()?.to_string());
        }
        Value::TimestampMillis(time) => Timestamp::from_millisecond(*time),
        Value::TimestampMicros(time) => Timestamp::from_microsecond(*time),
        Value::Long(time) if matches!(logical, Logical::Time { nanoseconds: true, .. }) => {
            Timestamp::from_nanosecond(i128::from(*time))
        }
        _ => return None,
    };
    let time = time.ok()?;
    Some(match logical {
        Logical::Time { is_utc: false, .. } => Offset::UTC.to_datetime(time).to_string(),
        _ => time.to_string(),
    })
}

/// The names that lead to a column.
#[derive(Debug, PartialEq, Eq)]
struct Path(Vec<String>);

impl Path {
    /// The column or group that `name` means, and its type: the column of that name, or what the rest
    /// of the name means in the group of the first part, or else the group of that name.
    fn find<'a>(schema: &'a Type, name: &str) -> Option<(Self, &'a Type)> {
        let mut names = Vec::new();
        let mut rest = name;
        let mut group = schema;
        loop {
            let field = |name: &str| group.get_fields().iter().find(|it| it.name() == name);
            let found = field(rest);
            let within = rest.split_once('.').and_then(|(first, behind)| {
                let inner = field(first).filter(|field| field.is_group())?;
                Some((inner, first, behind))
            });
            match within {
                Some((inner, first, behind)) if found.is_none_or(|found| found.is_group()) => {
                    names.push(first.to_owned());
                    group = inner;
                    rest = behind;
                }
                _ => {
                    names.push(rest.to_owned());
                    return Some((Self(names), found?));
                }
            }
        }
    }

    /// Whether one of the names stands twice where it leads on.
    fn is_ambiguous(&self, schema: &Type) -> bool {
        let mut group = schema;
        self.0.iter().any(|name| {
            let mut same = group.get_fields().iter().filter(|field| field.name() == name);
            group = same.next().map_or(group, AsRef::as_ref);
            same.next().is_some()
        })
    }

    fn value<'a>(&self, row: &'a Row) -> Option<&'a Value> {
        let (last, groups) = self.0.split_last()?;
        let field = |row: &'a Row, name: &str| {
            row.get_column_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
        };
        let row = groups.iter().try_fold(row, |row, name| match field(row, name) {
            Some(Value::Group(row)) => Some(row),
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
    group_like(schema, fields)
}

/// A group as another is, with other `fields`.
fn group_like(group: &Type, fields: Vec<Arc<Type>>) -> Result<Type, ParquetError> {
    let info = group.get_basic_info();
    let mut group = Type::group_type_builder(group.name())
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
            check_codec(chunk.compression())?;
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

/// Whether what is packed so can be read; what the library says names a feature of its own.
fn check_codec(codec: Compression) -> Result<(), Problem> {
    let unread = match codec {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::ZSTD(_)
        | Compression::GZIP(_)
        | Compression::LZ4_RAW => return Ok(()),
        Compression::LZO => "LZO",
        // The library takes whatever comes out of such a page.
        Compression::BROTLI(_) => "Brotli",
        // Given up for `LZ4_RAW`: the library fails at some of the frames in which Hadoop has it.
        Compression::LZ4 => "LZ4 in the frames of Hadoop",
    };
    let what =
        format!("its columns are packed with {unread}; Snappy, zstd, gzip and LZ4_RAW are read");
    Err(Problem::invalid(what))
}

fn problem(error: ParquetError) -> Problem {
    match error {
        ParquetError::EOF(_) => Problem::Truncated,
        other => Problem::invalid(other),
    }
}

#[cfg(test)]
mod tests {
    use ::parquet::basic::{GzipLevel, ZstdLevel};
    use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
    use ::parquet::file::properties::{WriterProperties, WriterVersion};
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;
    use bytes::Bytes;

    use super::*;

    fn file(compression: Compression, texts: &[Option<&str>]) -> Bytes {
        file_of(WriterVersion::PARQUET_1_0, compression, texts)
    }

    fn file_of(version: WriterVersion, compression: Compression, texts: &[Option<&str>]) -> Bytes {
        let schema = "message schema {
            REQUIRED BYTE_ARRAY other (UTF8);
            OPTIONAL BYTE_ARRAY text (UTF8);
            OPTIONAL INT64 id;
            OPTIONAL group meta { OPTIONAL BYTE_ARRAY url (UTF8); REQUIRED BYTE_ARRAY raw; }
            OPTIONAL BYTE_ARRAY a.b (UTF8);
        }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = WriterProperties::builder().set_writer_version(version);
        let properties = properties.set_compression(compression).build();
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

    /// A file of columns of strings and one of numbers.
    fn written<const ROWS: usize>(
        schema: &str,
        strings: &[[&[u8]; ROWS]],
        numbers: &[i64; ROWS],
    ) -> Bytes {
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for values in strings {
            let values = values.map(|value| ByteArray::from(value.to_vec()));
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
        }
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(numbers, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap().into()
    }

    fn settings(text: &str, id: &str, strict: bool) -> Settings {
        let names = [(text, Field::Text), (id, Field::Id)];
        Settings {
            format: None,
            limits: Limits::default(),
            strict,
            names: names.map(|(name, field)| (name.to_owned(), field)).to_vec(),
            fields: crate::source::Fields::default(),
        }
    }

    /// The document of a row.
    fn document(row: Result<Record, Failure>) -> Result<Document, Failure> {
        row.map(|record| {
            let Record::Document(document, _) = record else { panic!("bytes of a row") };
            document
        })
    }

    fn rows(file: Bytes, text: &str, id: &str, strict: bool) -> ParquetRows {
        ParquetRows::new(file, &settings(text, id, strict), || Ok(())).unwrap()
    }

    fn texts(file: &Bytes, text: &str, id: &str) -> Vec<(String, Option<String>)> {
        let rows = rows(file.clone(), text, id, false).map(|row| document(row).unwrap());
        rows.map(|document| (document.text, document.id)).collect()
    }

    const TEXTS: [Option<&str>; 3] = [Some("Käse"), Some("und Brot"), Some("Ende")];

    #[test]
    fn columns_are_read_in_every_packing_and_wherever_they_are() {
        let expected = [("Käse", "7"), ("und Brot", "8"), ("Ende", "7")]
            .map(|(text, id)| (text.to_owned(), Some(id.to_owned())));
        let zstd = Compression::ZSTD(ZstdLevel::default());
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            zstd,
            Compression::LZ4_RAW,
            Compression::GZIP(GzipLevel::default()),
        ] {
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                let file = file_of(version, compression, &TEXTS);
                assert_eq!(texts(&file, "text", "id"), expected, "{compression}, {version:?}");
            }
        }
        let plain = file(Compression::UNCOMPRESSED, &TEXTS);
        let x = ("x".to_owned(), Some("x".to_owned()));
        assert_eq!(texts(&plain, "meta.url", "other"), vec![x; 3]);
        let replaced = rows(plain.clone(), "meta.raw", "none", false).next().unwrap();
        let replaced = document(replaced).unwrap();
        assert_eq!(
            (replaced.text.as_str(), replaced.replaced, replaced.id),
            ("K\u{fffd}se", 1, None)
        );
        let strict = rows(plain.clone(), "meta.raw", "none", true).next().unwrap().unwrap_err();
        assert!(matches!(strict.problem, Problem::Undecodable { .. }) && strict.recoverable);
        assert_eq!(texts(&plain, "a.b", "id")[0].0, "x");
    }

    /// A file whose last page of text nobody can ask for.
    #[derive(Clone)]
    struct Panicking(Bytes, std::ops::Range<u64>);

    impl Length for Panicking {
        fn len(&self) -> u64 {
            Length::len(&self.0)
        }
    }

    impl ChunkReader for Panicking {
        type T = <Bytes as ChunkReader>::T;

        fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
            assert!(!self.1.contains(&start), "there is no such page");
            self.0.get_read(start)
        }

        fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
            assert!(!self.1.contains(&start), "there is no such page");
            self.0.get_bytes(start, length)
        }
    }

    #[test]
    fn a_panic_is_an_error_behind_the_rows_before_it() {
        let file = file(Compression::UNCOMPRESSED, &TEXTS);
        let metadata = SerializedFileReader::new(file.clone()).unwrap().metadata().clone();
        let (start, len) = metadata.row_group(1).column(1).byte_range();
        let file = Panicking(file, start..start + len);
        let rows = ParquetRows::new(file, &settings("text", "id", false), || Ok(())).unwrap();
        let read: Vec<_> = rows.map(document).collect();
        let [Ok(first), Ok(second), Err(failure)] = &read[..] else { panic!("{read:?}") };
        assert_eq!([&*first.text, &*second.text], ["Käse", "und Brot"]);
        assert!(
            matches!(&failure.problem, Problem::Panicked { message } if message == "there is no such page")
        );
    }

    #[test]
    fn a_packing_that_is_not_read_is_an_error_that_names_it() {
        let packed = |codec: u8| {
            let mut file = file(Compression::SNAPPY, &TEXTS).to_vec();
            // In the footer the codec follows the name of the column.
            let places = memchr::memmem::find_iter(&file, b"\x04text\x15\x02");
            let places: Vec<_> = places.map(|at| at + 6).collect();
            assert_eq!(places.len(), 2, "one for each group of rows");
            for at in places {
                file[at] = 2 * codec;
            }
            Bytes::from(file)
        };
        for (codec, name) in [(3, "LZO"), (4, "Brotli"), (5, "LZ4")] {
            let mut rows = rows(packed(codec), "text", "id", false);
            let Problem::Invalid(what) = rows.next().unwrap().unwrap_err().problem else {
                panic!("another problem than the packing")
            };
            let what = what.to_string();
            assert!(what.contains("packed with") && what.contains(name), "{what}");
            assert!(rows.next().is_none());
            // It does not matter how columns are packed that are not read.
            assert_eq!(texts(&packed(codec), "other", "id").len(), TEXTS.len());
        }
    }

    #[test]
    fn no_more_comes_out_of_a_chunk_than_it_says() {
        let long = "x".repeat(40 << 20);
        let file = file(Compression::GZIP(GzipLevel::default()), &[Some(&*long)]);
        assert!(file.len() < 1 << 20);
        let mut found = rows(file.clone(), "text", "id", false);
        assert!(matches!(found.next().unwrap().unwrap_err().problem, Problem::Ratio { .. }));
        let mut settings = settings("text", "id", false);
        settings.limits.decompression_ratio = 1 << 20;
        let mut found = ParquetRows::new(file.clone(), &settings, || Ok(())).unwrap();
        assert_eq!(document(found.next().unwrap()).unwrap().text, long);
        // A chunk that says less has to keep to it.
        let metadata = ::parquet::file::metadata::ParquetMetaDataReader::new();
        let metadata = metadata.parse_and_finish(&file).unwrap();
        let said = metadata.row_group(0).column(1).uncompressed_size();
        let varint = |value: i64| -> Vec<u8> {
            let sevens = |at: u32| u8::try_from(value >> (7 * at) & 0x7f).unwrap();
            (0..4).map(|at| sevens(at) | if at < 3 { 0x80 } else { 0 }).collect()
        };
        let (of_chunk, less) = (varint(2 * said), varint(2 * (said >> 1)));
        let at = memchr::memmem::rfind(&file, &of_chunk).unwrap();
        let mut damaged = file.to_vec();
        damaged[at..][..less.len()].copy_from_slice(&less);
        let mut found = ParquetRows::new(Bytes::from(damaged), &settings, || Ok(())).unwrap();
        let Problem::Invalid(what) = found.next().unwrap().unwrap_err().problem else { panic!() };
        assert!(what.to_string().contains("longer than it is said to be"), "{what}");
    }

    #[test]
    fn a_column_that_holds_no_ids_is_one_error_that_names_it() {
        for (column, name) in [
            ("OPTIONAL group no (LIST) { REPEATED group list { OPTIONAL INT64 element; } }", "no"),
            ("OPTIONAL group a { OPTIONAL group no { OPTIONAL INT64 element; } }", "a.no"),
            ("REPEATED INT64 no;", "no"),
            ("OPTIONAL BOOLEAN no;", "no"),
        ] {
            let schema = format!("message schema {{ REQUIRED BYTE_ARRAY text; {column} }}");
            let schema = Arc::new(parse_message_type(&schema).unwrap());
            let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
            let mut group = writer.next_row_group().unwrap();
            let two = ["a", "b"].map(ByteArray::from);
            let mut columns = group.next_column().unwrap().unwrap();
            columns.typed::<ByteArrayType>().write_batch(&two, None, None).unwrap();
            columns.close().unwrap();
            let mut columns = group.next_column().unwrap().unwrap();
            if name == "no" && column.contains("BOOLEAN") {
                columns.typed::<BoolType>().write_batch(&[], Some(&[0, 0]), None).unwrap();
            } else {
                let repeated = column.contains("REPEATED").then_some(&[0_i16, 0][..]);
                columns.typed::<Int64Type>().write_batch(&[], Some(&[0, 0]), repeated).unwrap();
            }
            columns.close().unwrap();
            group.close().unwrap();
            let file = Bytes::from(writer.into_inner().unwrap());
            let mut found = rows(file.clone(), "text", name, false);
            let failure = found.next().unwrap().unwrap_err();
            let Problem::Invalid(problem) = &failure.problem else { panic!("{failure:?}") };
            assert!(problem.to_string().contains(&format!("{name:?}")), "{problem}");
            assert!(!failure.recoverable && found.next().is_none());
            let none = ("a".to_owned(), None);
            assert_eq!(texts(&file, "text", "id")[0], none);
            // Other fields are ignored where they are of another type.
            let mut settings = settings("text", "id", true);
            settings.names.push((name.to_owned(), Field::Title));
            let mut found = ParquetRows::new(file, &settings, || Ok(())).unwrap();
            assert_eq!(document(found.next().unwrap()).unwrap().title, None);
        }
    }

    #[test]
    fn of_two_columns_none_is_the_text_or_the_id() {
        for (schema, name) in [
            ("REQUIRED BYTE_ARRAY a; REQUIRED BYTE_ARRAY a;", "a"),
            ("REQUIRED group a { REQUIRED BYTE_ARRAY b; REQUIRED BYTE_ARRAY b; }", "a.b"),
            (
                "REQUIRED group a { REQUIRED BYTE_ARRAY b; } \
                 REQUIRED group a { REQUIRED BYTE_ARRAY b; }",
                "a.b",
            ),
        ] {
            let schema = format!(
                "message schema {{ {schema} REQUIRED BYTE_ARRAY other; REQUIRED INT64 number; }}"
            );
            let file = written(&schema, &[[b"x"], [b"y"], [b"z"]], &[1]);
            for (text, id) in [(name, "other"), ("other", name)] {
                let mut found = rows(file.clone(), text, id, false);
                let failure = found.next().unwrap().unwrap_err();
                let Problem::Invalid(problem) = &failure.problem else { panic!("{failure:?}") };
                assert!(problem.to_string().contains(&format!("{name:?}")), "{problem}");
                assert!(!failure.recoverable && found.next().is_none());
            }
            let mut settings = settings("other", "id", true);
            settings.names.push((name.to_owned(), Field::Title));
            let mut found = ParquetRows::new(file, &settings, || Ok(())).unwrap();
            let title = document(found.next().unwrap()).unwrap().title;
            assert_eq!(title, None, "{schema}");
        }
    }

    /// As older programs write strings, and newer ones times.
    #[test]
    fn strings_need_no_annotation_and_times_may_have_nanoseconds() {
        let schema = "message schema {
            REQUIRED BYTE_ARRAY text;
            REQUIRED BYTE_ARRAY id;
            REQUIRED BYTE_ARRAY title;
            REQUIRED group meta { REQUIRED INT64 date (TIMESTAMP(NANOS,true)); }
        }";
        let strings: [[&[u8]; 2]; 3] =
            [["Käse".as_bytes(), b"Brot"], [b"a", b"\xff"], ["Ü".as_bytes(), b"\xff"]];
        let file = written(schema, &strings, &[1_714_979_289_123_456_789, 0]);
        let mut settings = settings("text", "id", true);
        settings.names.push(("title".to_owned(), Field::Title));
        settings.names.push(("meta.date".to_owned(), Field::Date));
        let mut rows = ParquetRows::new(file.clone(), &settings, || Ok(())).unwrap();
        let expected = Document {
            title: Some("Ü".to_owned()),
            date: Some("2024-05-06T07:08:09.123456789Z".to_owned()),
            ..Document::new("a", "Käse")
        };
        assert_eq!(document(rows.next().unwrap()).unwrap(), expected);
        let problem = rows.next().unwrap().unwrap_err().problem;
        assert!(matches!(problem, Problem::Invalid(_)), "an id that is no text: {problem}");
        settings.names.remove(1);
        let mut rows = ParquetRows::new(file, &settings, || Ok(())).unwrap();
        let last = document(rows.nth(1).unwrap()).unwrap();
        let expected = (None, Some("1970-01-01T00:00:00Z"));
        assert_eq!((last.title.as_deref(), last.date.as_deref()), expected);
    }

    #[test]
    fn a_time_of_no_known_zone_has_none() {
        for (unit, time) in [("MILLIS", 1), ("MICROS", 1000), ("NANOS", 1_000_000)] {
            for (is_utc, zone) in [(true, "Z"), (false, "")] {
                let schema = format!(
                    "message schema {{
                        REQUIRED BYTE_ARRAY text;
                        REQUIRED INT64 date (TIMESTAMP({unit},{is_utc}));
                    }}"
                );
                let file = written(&schema, &[[b"a"]], &[1_709_634_030_000 * time]);
                let mut settings = settings("text", "id", true);
                settings.names.push(("date".to_owned(), Field::Date));
                let mut rows = ParquetRows::new(file, &settings, || Ok(())).unwrap();
                let date = document(rows.next().unwrap()).unwrap().date;
                let expected = format!("2024-03-05T10:20:30{zone}");
                assert_eq!(date.as_deref(), Some(&*expected), "{unit}, {is_utc}");
            }
        }
    }

    #[test]
    fn a_dictionary_repeats_no_more_than_the_limit() {
        // Each pair of rows has one with one text.
        let text = "x".repeat(1 << 16);
        let file = file(Compression::UNCOMPRESSED, &[Some(&*text); 700]);
        let mut settings = settings("text", "id", true);
        assert_eq!(ParquetRows::new(file.clone(), &settings, || Ok(())).unwrap().count(), 700);
        settings.limits.decompression_ratio = 1;
        let rows: Vec<_> = ParquetRows::new(file.clone(), &settings, || Ok(())).unwrap().collect();
        let last = rows.len() - 1;
        assert_eq!(last, file.len() / (text.len() + 1));
        let failure = rows.into_iter().next_back().unwrap().unwrap_err();
        assert!(matches!(failure.problem, Problem::Ratio { limit: 1 }));
        assert_eq!(failure.number, Some(last as u64 + 1));
    }

    #[test]
    fn an_id_may_be_a_uuid() {
        use ::parquet::data_type::{FixedLenByteArray, FixedLenByteArrayType};

        let schema = "message schema {
            REQUIRED BYTE_ARRAY text (UTF8);
            REQUIRED FIXED_LEN_BYTE_ARRAY (16) id (UUID);
        }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values = [ByteArray::from("Käse")];
        column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let ids = [FixedLenByteArray::from(ByteArray::from((0xf0..=0xff).collect::<Vec<u8>>()))];
        column.typed::<FixedLenByteArrayType>().write_batch(&ids, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        let uuid = "f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff";
        assert_eq!(texts(&file, "text", "id"), [("Käse".to_owned(), Some(uuid.to_owned()))]);
    }

    #[test]
    fn a_string_that_is_no_utf_8_is_an_error_of_its_row_or_replaced() {
        let broken = |at: &str| {
            let mut file = file(Compression::UNCOMPRESSED, &TEXTS).to_vec();
            for place in memchr::memmem::find_iter(&file.clone(), at) {
                file[place] = 0xff;
            }
            Bytes::from(file)
        };
        let file = broken("und Brot");
        let read: Vec<_> = texts(&file, "text", "id").into_iter().map(|(text, _)| text).collect();
        assert_eq!(read, ["Käse", "\u{fffd}nd Brot", "Ende"]);
        let read: Vec<_> = rows(file.clone(), "text", "id", true).map(document).collect();
        let [Ok(_), Err(failure), Ok(_)] = &read[..] else { panic!("{read:?}") };
        assert!(matches!(failure.problem, Problem::Undecodable { .. }));
        assert_eq!((failure.number, failure.recoverable), (Some(2), true));
        let read: Vec<_> = rows(file, "other", "text", false).map(document).collect();
        assert!(matches!(read[..], [Ok(_), Err(_), Ok(_)]), "an id that is no text: {read:?}");
    }

    #[test]
    fn an_id_may_be_a_whole_number_of_any_type() {
        use ::parquet::data_type::{DoubleType, Int64Type};

        let schema = "message schema {
            REQUIRED BYTE_ARRAY text (UTF8);
            REQUIRED DOUBLE double;
            REQUIRED INT64 decimal (DECIMAL(18,0));
            REQUIRED INT64 price (DECIMAL(18,2));
        }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values = ["a", "b", "c"].map(ByteArray::from);
        column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values = [1.0, f64::NAN, 1.5];
        column.typed::<DoubleType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
        for values in [[7, -7, i64::MAX], [100, 200, 300]] {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        let ids = |name| -> Vec<_> {
            let rows = rows(file.clone(), "text", name, true).map(document);
            rows.map(|row| row.ok().map(|document| document.id)).collect()
        };
        let id = |id: &str| Some(Some(id.to_owned()));
        assert_eq!(ids("double"), [id("1"), Some(None), None]);
        assert_eq!(ids("decimal"), [id("7"), id("-7"), id("9223372036854775807")]);
        assert_eq!(ids("price"), [None, None, None]);
    }

    #[test]
    fn a_file_on_disk_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        std::fs::write(&path, file(Compression::SNAPPY, &TEXTS)).unwrap();
        let taken = Arc::default();
        let settings = settings("text", "id", true);
        let read = || {
            let file = OnDisk { path: &path, taken: &taken };
            open(Box::new(std::io::empty()), Some(file), &settings).unwrap()
        };
        assert_eq!(read().map(Result::unwrap).count(), 3);
        assert!(taken.load(Ordering::Relaxed) > 0);
        let file = OnDisk { path: &dir.path().join("b.parquet"), taken: &taken };
        let failure = open(Box::new(std::io::empty()), Some(file), &settings).unwrap_err();
        assert!(matches!(failure.problem, Problem::Io(_)));
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_an_error() {
        let file = file(Compression::UNCOMPRESSED, &[Some("a"), None, Some("b")]);
        let read: Vec<_> = rows(file.clone(), "text", "id", false).collect();
        assert_eq!(read.len(), 3);
        assert!(read[1].as_ref().is_err_and(|failure| failure.recoverable));
        for (text, id) in [("none", "id"), ("meta", "id"), ("meta.none", "id"), ("id", "id")] {
            let mut rows = rows(file.clone(), text, id, false);
            let failure = rows.next().unwrap().unwrap_err();
            let is_missing = matches!(failure.problem, Problem::Column { .. });
            assert_eq!(is_missing, text.contains("none"), "{text}");
            // The columns of a file are those of all its rows.
            assert!(!failure.recoverable && rows.next().is_none(), "{text}");
        }
    }

    #[test]
    fn rows_that_nobody_takes_are_not_read() {
        let file = file(Compression::UNCOMPRESSED, &[Some("a"); 100]);
        let mut rows = rows(file, "text", "id", false);
        assert_eq!(document(rows.next().unwrap()).unwrap().text, "a");
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
        for compression in [
            Compression::ZSTD(ZstdLevel::default()),
            Compression::LZ4_RAW,
            Compression::GZIP(GzipLevel::default()),
        ] {
            let whole = file(compression, &TEXTS);
            for at in 0..whole.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut damaged = whole.to_vec();
                    damaged[at] ^= flip;
                    let read = rows(damaged.into(), "text", "id", true).take(100).count();
                    assert!(read < 100, "{compression}, byte {at}: no end");
                }
            }
        }
    }
}
