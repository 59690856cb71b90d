//! What can go wrong, and where.

use std::path::{Path, PathBuf};

/// An error, with the path and position it belongs to.
///
/// In the stream an error takes the place of the article that could not be read, and the stream
/// goes on, unless [`is_fatal`](Self::is_fatal).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or record is not UTF-8.
    #[error("{}: not UTF-8 from byte {offset} on", place(path, *line))]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The line of the record, from 1, in a file of records.
        line: Option<u64>,
        /// How many bytes of the file or line are sound.
        offset: usize,
    },
    /// A record is not what it should be.
    #[error("{}: not a JSON object with the fields asked for", place(path, Some(*line)))]
    Record {
        /// The file.
        path: PathBuf,
        /// The line of the record, from 1.
        line: u64,
        /// What is wrong.
        source: RecordError,
    },
    /// An article is longer than this crate takes.
    #[error("{id}: an article of {len} bytes; the limit is {limit}")]
    TooLong {
        /// The article's id.
        id: String,
        /// The file that it is in, if it is in one.
        path: Option<PathBuf>,
        /// Its length in bytes.
        len: u64,
        /// The greatest length.
        limit: u64,
    },
    /// The index has no places left: it counts a tebibyte of canonical text.
    #[error("the index is full: it counts one tebibyte of text")]
    Full,
    /// An option has a value that it cannot have, or that has no effect.
    #[error("option {option}: {problem}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// The index on disk.
    #[cfg(feature = "index")]
    #[error("index {}", path.display())]
    Index {
        /// Its directory.
        path: PathBuf,
        /// What is wrong with it.
        source: crate::store::IndexError,
    },
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread {
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// The file or directory that the error is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { path, .. } | Self::Encoding { path, .. } | Self::Record { path, .. } => {
                Some(path)
            }
            #[cfg(feature = "index")]
            Self::Index { path, .. } => Some(path),
            Self::TooLong { path, .. } => path.as_deref(),
            Self::Full | Self::Option { .. } | Self::Thread { .. } => None,
        }
    }

    /// The line of the record that the error is about, from 1.
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::Encoding { line, .. } => *line,
            Self::Record { line, .. } => Some(*line),
            _ => None,
        }
    }

    /// Whether nothing more will come: the stream ends after this error.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Full | Self::Option { .. } | Self::Thread { .. } => true,
            #[cfg(feature = "index")]
            Self::Index { source, .. } => !source.is_about_an_article(),
            _ => false,
        }
    }
}

/// What is wrong with a record, and in which column.
#[derive(Debug)]
pub struct RecordError(serde_json::Error);

impl RecordError {
    pub(crate) fn new(error: serde_json::Error) -> Self {
        Self(error)
    }

    /// The column, in bytes from 1; 0 if the problem has no place.
    pub fn column(&self) -> usize {
        self.0.column()
    }
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // To the parser every record is line 1; its line in the file stands in the error above.
        let text = self.0.to_string();
        let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
        write!(f, "{problem}, at column {}", self.column())
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

fn place(path: &Path, line: Option<u64>) -> String {
    match line {
        Some(line) => format!("{}, line {line}", path.display()),
        None => path.display().to_string(),
    }
}
