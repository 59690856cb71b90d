//! What a reader makes of the bytes of one article.

/// An article as its format states it.
///
/// # Examples
///
/// What a [`Source`](crate::Source) knows of an article goes into the fields:
///
/// ```
/// use dedup::{Document, Options};
///
/// let mut document = Document::new("4711", "The ferry does not run on Sunday.");
/// document.title = Some("Notice".to_owned());
/// document.language = Some("en".to_owned());
///
/// let mut articles = Options::new().source([Ok(document.into())].into_iter())?;
/// assert_eq!(articles.next().unwrap()?.title(), Some("Notice"));
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// The text.
    pub text: String,
    /// The article's name, where the format gives it one.
    ///
    /// A caller's document without one is named by the number of documents so far, from 1; with an
    /// index on disk, by the next number that none of its articles had when the stream began. So
    /// such documents are new however often they come. A stream that names some documents by
    /// numbers should name all of them.
    pub id: Option<String>,
    /// The title or subject.
    pub title: Option<String>,
    /// When it was published or sent: RFC 3339 where the format's date could be read, else as stated.
    pub date: Option<String>,
    /// The language, as a BCP 47 tag, where the format states it.
    pub language: Option<String>,
    /// The encoding that it was decoded from, by its name in the WHATWG Encoding Standard; `None` for UTF-8.
    pub encoding: Option<&'static str>,
    /// How many byte sequences could not be decoded and became U+FFFD.
    pub replaced: u64,
    /// How many attachments were left out.
    pub attachments: u64,
}

impl Document {
    /// A document of which only the name and the text are known. For one without a name, set the text of the
    /// [default](Self::default).
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { text: text.into(), id: Some(id.into()), ..Self::default() }
    }

    /// Bytes of memory beside its own.
    pub(crate) fn memory(&self) -> usize {
        let Self { text, id, title, date, language, .. } = self;
        let stated = [id, title, date, language].into_iter().flatten();
        text.capacity() + stated.map(String::capacity).sum::<usize>()
    }
}

/// Words with a space between two. Not by a list of them, which takes many times what a long title
/// of short words does.
#[cfg(feature = "html")]
pub(crate) fn spaced<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut spaced = String::new();
    for word in words {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
}

/// The bytes of one record, not looked at yet.
#[derive(Debug)]
pub(crate) struct RawRecord {
    pub(crate) bytes: Vec<u8>,
    /// The record's number in its file, from 1 (for lines: the line number).
    pub(crate) number: u64,
    /// Offset of its first byte in the (decompressed) stream.
    pub(crate) offset: u64,
}

/// What a format yields, in order.
#[derive(Debug)]
pub(crate) enum Record {
    /// Bytes that any thread can make a document of.
    Raw(RawRecord),
    /// A document of a format whose records cannot be told from their decoding, and its number in the
    /// file, from 1.
    #[cfg(feature = "parquet")]
    Document(Document, u64),
    /// A record that is no article.
    #[cfg(feature = "warc")]
    NoArticle,
}

/// Why a record could not be read, and where in its file.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) problem: Problem,
    pub(crate) number: Option<u64>,
    pub(crate) offset: Option<u64>,
    /// Whether records behind this one can still be read.
    pub(crate) recoverable: bool,
}

impl Failure {
    /// What is wrong with one record; those behind it can still be read.
    pub(crate) fn of_record(problem: impl Into<Problem>) -> Self {
        Self { problem: problem.into(), number: None, offset: None, recoverable: true }
    }

    /// What ends the reading of a file.
    pub(crate) fn of_file(problem: impl Into<Problem>) -> Self {
        Self { recoverable: false, ..Self::of_record(problem) }
    }

    /// The same, at a place in its file.
    #[must_use]
    pub(crate) fn at(self, number: u64, offset: u64) -> Self {
        Self { number: Some(number), offset: Some(offset), ..self }
    }
}

impl<P: Into<Problem>> From<P> for Failure {
    fn from(problem: P) -> Self {
        Self::of_record(problem)
    }
}

/// What is wrong with an input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The system could not read it.
    #[error("the system could not read it")]
    Io(#[source] std::io::Error),
    /// It ends in the middle of a record.
    #[error("it ends in the middle of a record")]
    Truncated,
    /// The file was written to while it was read, so what came from it may be of two versions.
    #[error("it changed while it was read")]
    Changed,
    /// A record is longer than [`Limits::record`](crate::Limits::record).
    #[error("a record of more than {limit} bytes, the limit")]
    #[non_exhaustive]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// An article's text is longer than [`Limits::article`](crate::Limits::article).
    #[error("an article of {len} bytes of text; the limit is {limit}")]
    #[non_exhaustive]
    Article {
        /// Its length.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// Parts lie inside parts, deeper than [`Limits::nesting`](crate::Limits::nesting).
    #[error("nested more than {limit} deep, the limit")]
    #[non_exhaustive]
    Nesting {
        /// The limit.
        limit: usize,
    },
    /// Compressed data expands more than
    /// [`Limits::decompression_ratio`](crate::Limits::decompression_ratio) allows.
    #[error("it expands to more than {limit} times its size, the limit")]
    #[non_exhaustive]
    Ratio {
        /// The limit.
        limit: u64,
    },
    /// Compressed data is damaged or cut off, or asks for more memory than
    /// [`Limits::window`](crate::Limits::window).
    #[error("the {compression} data is damaged{}", or_too_much(compression))]
    #[non_exhaustive]
    Compression {
        /// The kind of compression.
        compression: &'static str,
        /// What the decompressor said.
        source: std::io::Error,
    },
    /// Some bytes cannot be decoded, where [strictness](crate::Options::strict_encoding) was asked for.
    #[error("not {encoding}: {sequences} byte sequences cannot be decoded")]
    #[non_exhaustive]
    Undecodable {
        /// The encoding, by its name in the WHATWG Encoding Standard.
        encoding: &'static str,
        /// How many sequences of bytes it does not have.
        sequences: u64,
    },
    /// This build of the crate leaves out what is needed.
    #[error("{what} needs the feature `{feature}` of the crate `dedup`")]
    #[non_exhaustive]
    Feature {
        /// What was met.
        what: &'static str,
        /// The feature to turn on.
        feature: &'static str,
    },
    /// It is no text of any kind, though it was asked for by name.
    #[error("it is binary")]
    Binary,
    /// It is a socket, a pipe or a device.
    #[error("neither a file nor a directory; what can only be streamed goes to `Options::reader`")]
    Special,
    /// JSON is broken, or lacks what was asked for.
    #[error("not a JSON object with the fields asked for")]
    Json(#[source] crate::error::RecordError),
    /// A table, or a row of it, lacks the column asked for.
    #[error("the column {name:?} is missing")]
    #[non_exhaustive]
    Column {
        /// The column's name.
        name: String,
    },
    /// It is not what its format asks for.
    #[error("not as its format asks")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The library that reads the format panicked, as the one for Parquet may on damaged files.
    #[error("its reader panicked: {message}")]
    #[non_exhaustive]
    Panicked {
        /// What the panic said.
        message: String,
    },
}

/// What else may be wrong with compressed data of a kind that says how much memory it needs.
fn or_too_much(compression: &str) -> &'static str {
    match compression {
        "zstd" | "xz" => ", or asks for more memory than the limit",
        _ => "",
    }
}

impl Problem {
    pub(crate) fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Invalid(what.into())
    }

    /// Of two columns of a table nothing says which is meant.
    #[cfg(any(feature = "csv", feature = "parquet"))]
    pub(crate) fn column_twice(name: &str) -> Self {
        Self::invalid(format!("the table has the column {name:?} twice"))
    }
}

/// A problem found below a reader goes through [`std::io::Error`] and comes out as it was.
impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(problem) => problem,
            Err(error) => Self::Io(error),
        }
    }
}

impl From<Problem> for std::io::Error {
    fn from(problem: Problem) -> Self {
        Self::other(problem)
    }
}
