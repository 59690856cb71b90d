//! What a reader makes of the bytes of one article.

use super::limits::Limits;

/// An article as its format states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// The text.
    pub text: String,
    /// The article's name, where the format gives it one.
    pub id: Option<String>,
    /// Its title or subject.
    pub title: Option<String>,
    /// When it was published or sent: RFC 3339 where the format's date could be read, else as stated.
    pub date: Option<String>,
    /// Its language, as a BCP 47 tag, where the format states it.
    pub language: Option<String>,
    /// The encoding that was decoded, by its name in the WHATWG Encoding Standard; none for UTF-8.
    pub encoding: Option<&'static str>,
    /// How many byte sequences could not be decoded and became U+FFFD.
    pub replaced: u64,
    /// How many attachments were left out.
    pub attachments: u64,
}

impl Document {
    /// The document, if its text is no longer than an article may be.
    pub(crate) fn within(self, limits: &Limits) -> Result<Self, Problem> {
        let (len, limit) = (self.text.len() as u64, limits.article);
        if len > limit { Err(Problem::Article { len, limit }) } else { Ok(self) }
    }
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

/// What can be wrong with a record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("cannot be read")]
    Io(#[from] std::io::Error),
    #[error("ends too early")]
    Truncated,
    #[error("longer than {limit} bytes, the limit")]
    TooLong { limit: u64 },
    #[error("an article of {len} bytes of text; the limit is {limit}")]
    Article { len: u64, limit: u64 },
    #[error("it expands to more than {limit} times its size, the limit")]
    Ratio { limit: u64 },
    #[error("nested deeper than {limit} levels, the limit")]
    Nesting { limit: usize },
    #[error("not {encoding}: {sequences} byte sequences cannot be decoded")]
    Undecodable { encoding: &'static str, sequences: u64 },
    #[error("not what its format says")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the reader panicked: {message}")]
    Panicked { message: String },
}

impl Problem {
    pub(crate) fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Invalid(problem.into())
    }
}
