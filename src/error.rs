//! What can go wrong, and where.

use std::path::{Path, PathBuf};

use crate::source::Problem;

/// An error, with the path and position it belongs to.
///
/// In a stream, an error takes the place of the article that could not be read, and the stream goes
/// on unless the error [is fatal](Self::is_fatal).
///
/// An error displays what failed and where; its [source](std::error::Error::source) says why. So a
/// message for people should show the whole chain, as below.
///
/// # Examples
///
/// ```
/// fn chain(error: &dyn std::error::Error) -> String {
///     match error.source() {
///         Some(source) => format!("{error}: {}", chain(source)),
///         None => error.to_string(),
///     }
/// }
///
/// let lines = "{\"text\":\"One article.\"}\n{\"body\":\"Another.\"}\n{\"text\":\"A third.\"}\n";
/// let (mut texts, mut errors) = (Vec::new(), Vec::new());
/// for article in dedup::Options::new().reader("news.jsonl", lines.as_bytes())? {
///     match article {
///         Ok(article) => texts.push(article.text().into_owned()),
///         Err(error) => errors.push(chain(&error)),
///     }
/// }
/// assert_eq!(texts, ["One article.", "A third."]);
/// assert_eq!(
///     errors,
///     ["cannot read news.jsonl:2 (byte 24): not a JSON object with the fields asked for: the field \"text\" is missing"]
/// );
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, a directory or a record could not be read.
    #[error("cannot read {position}")]
    #[non_exhaustive]
    Input {
        /// Where it is.
        position: Position,
        /// What is wrong with it.
        source: Problem,
    },
    /// A [`Source`](crate::Source) of the caller's failed.
    #[error("the source of articles failed")]
    #[non_exhaustive]
    Source {
        /// What went wrong there.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A pushed article, or a text that is looked up, is longer than this crate takes.
    #[error("{}an article of {len} bytes; the limit is {limit}", before(id))]
    #[non_exhaustive]
    TooLong {
        /// The article's id; empty if it has none.
        id: String,
        /// Its length in bytes.
        len: u64,
        /// The greatest length.
        limit: u64,
    },
    /// The index has no places left: it counts a tebibyte of canonical text.
    #[error("the index is full: it counts one tebibyte of text")]
    Full,
    /// Kept text could not be moved to a temporary file, or read from it.
    #[error("cannot keep text in a temporary file in {}", path.display())]
    #[non_exhaustive]
    Spill {
        /// The directory for temporary files.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An option has an impossible value, or one that has no effect.
    #[error("option {option}: {problem}")]
    #[non_exhaustive]
    Option {
        /// The option's name.
        option: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// Something is wrong with the index on disk.
    #[cfg(feature = "index")]
    #[error("index {}", shown(path))]
    #[non_exhaustive]
    Index {
        /// Its directory.
        path: PathBuf,
        /// What is wrong with it.
        source: crate::store::IndexError,
    },
    /// A thread could not be started.
    #[error("cannot start a thread")]
    #[non_exhaustive]
    Thread {
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// An error for a [`Source`](crate::Source) to report.
    pub fn of_source(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Source { source: error.into() }
    }

    /// An error of text that was to be kept in the directory for temporary files.
    pub(crate) fn of_spill(source: std::io::Error) -> Self {
        Self::Spill { path: std::env::temp_dir(), source }
    }

    /// The file or directory that the error is about, or the name of the stream.
    pub fn path(&self) -> Option<&Path> {
        match self {
            #[cfg(feature = "index")]
            Self::Index { path, .. } => Some(path),
            Self::Spill { path, .. } => Some(path),
            _ => self.position().map(|position| &*position.path),
        }
    }

    /// Where in the input the error is: what cannot be read, or the article that an index refuses.
    pub fn position(&self) -> Option<&Position> {
        match self {
            Self::Input { position, .. } => Some(position),
            #[cfg(feature = "index")]
            Self::Index { source: crate::IndexError::Changed { position, .. }, .. } => {
                position.as_ref()
            }
            _ => None,
        }
    }

    /// What is wrong with the input.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Input { source, .. } => Some(source),
            _ => None,
        }
    }

    /// What is wrong with the index on disk, or with the fingerprints; [`path`](Self::path) says where they are.
    ///
    /// Needs the feature `index`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("news.dedup");
    /// use dedup::{IndexError, Options};
    ///
    /// let deduper = Options::new().index(&dir).deduper()?;
    /// let error = Options::new().index(&dir).deduper().unwrap_err();
    /// assert!(matches!(error.index_error(), Some(IndexError::Locked))); // so it is to be tried again later
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "index")]
    pub fn index_error(&self) -> Option<&crate::IndexError> {
        match self {
            Self::Index { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Whether the stream that yielded this error ends after it, so that nothing more will come.
    ///
    /// A [`Deduper`](crate::Deduper) takes no more articles after an index on disk could not be read or
    /// written, or a temporary file not be read. After [`Full`](Self::Full) it takes shorter ones, and
    /// after a temporary file could not be written any, once there is room.
    ///
    /// An option that is refused leaves what was made before as it is.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Full | Self::Spill { .. } | Self::Thread { .. } => true,
            #[cfg(feature = "index")]
            Self::Index { source, .. } => !source.is_about_an_article(),
            _ => false,
        }
    }
}

/// Where in the input something is.
///
/// Displayed as `path:record (byte offset)`, without the parts that are unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Position {
    /// The file or directory, or the name of the stream.
    pub path: PathBuf,
    /// The number of the record in its file, from 1; in a file of lines, that of the line.
    pub record: Option<u64>,
    /// The first byte that is not as it should be, or else where the record starts. Counted from 0, after
    /// decompression, and in UTF-8 if the file is in UTF-16.
    pub offset: Option<u64>,
}

impl Position {
    /// A file or directory as a whole.
    pub(crate) fn of(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), record: None, offset: None }
    }
}

/// An id for people to read what is said of it.
fn before(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!("{id}: ") }
}

/// A path for people to read: one that is empty would not be seen.
fn shown(path: &Path) -> std::path::Display<'_> {
    if path.as_os_str().is_empty() { Path::new("\"\"") } else { path }.display()
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", shown(&self.path))?;
        if let Some(record) = self.record {
            write!(f, ":{record}")?;
        }
        match self.offset {
            Some(offset) => write!(f, " (byte {offset})"),
            None => Ok(()),
        }
    }
}

/// What is wrong with a record, and where in it.
#[derive(Debug)]
pub struct RecordError(serde_json::Error);

impl RecordError {
    pub(crate) fn new(error: serde_json::Error) -> Self {
        Self(error)
    }

    /// The line within the record, from 1; 0 if the problem has no place.
    pub fn line(&self) -> usize {
        self.0.line()
    }

    /// The column in that line, in bytes from 1; 0 if the problem has no place, or is the line
    /// break before the line.
    pub fn column(&self) -> usize {
        self.0.column()
    }
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        let (line, column) = (self.line(), self.column());
        let problem = text.strip_suffix(&format!(" at line {line} column {column}"));
        f.write_str(problem.unwrap_or(&text))?;
        match (line, column) {
            (0, _) | (1, 0) => Ok(()),
            // Most records are a line, whose number in the file stands in the error above.
            (1, column) => write!(f, ", at column {column}"),
            (line, 0) => write!(f, ", at line {line} of the record"),
            (line, column) => write!(f, ", at line {line} of the record, column {column}"),
        }
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_need_not_have_a_name() {
        for (id, message) in [
            ("a", "a: an article of 9 bytes; the limit is 8"),
            ("", "an article of 9 bytes; the limit is 8"),
        ] {
            let error = Error::TooLong { id: id.to_owned(), len: 9, limit: 8 };
            assert_eq!(error.to_string(), message);
        }
    }
}
