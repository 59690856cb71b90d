//! What can be wrong with an index on disk.

use std::path::Path;

use super::fingerprints::FingerprintRecipe;
use super::manifest::Recipe;
use crate::error::{Error, Position};

/// What is wrong with an index on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A file of the index could not be read or written.
    #[error("cannot {action} {file}")]
    #[non_exhaustive]
    Io {
        /// What was tried: `read`, `write`, `sync` and the like.
        action: &'static str,
        /// The file, in the index's directory.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The directory has no manifest.
    #[error("there is no index here")]
    Missing,
    /// The directory has fingerprints where an index with text was looked for, or the reverse.
    #[error("the directory has {found}; asked for is {expected}")]
    #[non_exhaustive]
    OtherKind {
        /// What there is.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// The directory has something other than the index that was looked for, or an index where
    /// there may be none.
    #[error("there is something else in the directory already")]
    Occupied,
    /// The index was written in another version of the format.
    #[error("{file} has version {found} of the format; this is version {supported}")]
    #[non_exhaustive]
    Version {
        /// The file, in the index's directory.
        file: String,
        /// The version of the file.
        found: u32,
        /// The version that this crate reads and writes.
        supported: u32,
    },
    /// The index was made with sizes or rules other than those asked for.
    #[error("the index was made with {}; asked for is {}", found.beside(expected), expected.beside(found))]
    #[non_exhaustive]
    Recipe {
        /// What the index was made with.
        found: Box<Recipe>,
        /// What was asked for, by the options or by this version of the crate.
        expected: Box<Recipe>,
    },
    /// The index was made by rules that this build of the crate does not have.
    #[error("{what} needs the feature `{feature}` of the crate `dedup`")]
    #[non_exhaustive]
    Feature {
        /// How it was made.
        what: &'static str,
        /// The feature to turn on.
        feature: &'static str,
    },
    /// Fingerprints were made with a recipe or key other than that asked for.
    #[error("the fingerprints were made with {found}; asked for is {expected}")]
    #[non_exhaustive]
    Fingerprints {
        /// What they were made with.
        found: FingerprintRecipe,
        /// What was asked for, by the options, by another set, or by this version of the crate.
        expected: FingerprintRecipe,
    },
    /// A file of the index is damaged.
    #[error("{file} is damaged at byte {offset}: {what}")]
    #[non_exhaustive]
    Damaged {
        /// The file, in the index's directory.
        file: String,
        /// Where the part begins that is damaged.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Another writer has the index open, in this program or another: a stream is one until it is dropped, even
    /// at its end.
    #[error("another writer has the index open")]
    Locked,
    /// After an earlier error it is not known what is on disk; what was committed before is safe.
    #[error("an earlier error ended the use of this index; open it again")]
    Poisoned,
    /// An article was pushed that is there already.
    #[error("{id} is in the index already, with this content")]
    #[non_exhaustive]
    Unchanged {
        /// The article's id.
        id: String,
    },
    /// An id came again with other content, which the options say is an error.
    #[error("{id}{} is in the index already, with other content", of(position.as_ref()))]
    #[non_exhaustive]
    Changed {
        /// The article's id.
        id: String,
        /// Where the newer article stands, if it came from a file.
        position: Option<Position>,
    },
}

impl IndexError {
    pub(crate) fn recipe(found: Recipe, expected: Recipe) -> Self {
        Self::Recipe { found: Box::new(found), expected: Box::new(expected) }
    }

    /// Whether there was no room for what was to be written.
    pub(crate) fn is_lack_of_room(&self) -> bool {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};

        let full = |kind| matches!(kind, StorageFull | QuotaExceeded | FileTooLarge);
        matches!(self, Self::Io { source, .. } if full(source.kind()))
    }

    /// Whether the index is fine, and others may come.
    pub(crate) fn is_about_an_article(&self) -> bool {
        matches!(self, Self::Unchanged { .. } | Self::Changed { .. })
    }
}

/// For people to read behind the id of an article.
fn of(position: Option<&Position>) -> String {
    position.map_or_else(String::new, |position| format!(" of {position}"))
}

/// What is wrong with some bytes; who read them knows where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) &'static str);

impl Wrong {
    pub(crate) fn at(self, file: &str, offset: u64) -> IndexError {
        IndexError::Damaged { file: file.to_owned(), offset, what: self.0 }
    }
}

/// Says what was tried with which file when the system reports an error.
pub(crate) fn io(action: &'static str, file: &str) -> impl FnOnce(std::io::Error) -> IndexError {
    move |source| IndexError::Io { action, file: file.to_owned(), source }
}

/// Says which directory has the index that something is wrong with.
pub(crate) fn wrap(path: &Path) -> impl Fn(IndexError) -> Error + Copy {
    move |source| Error::Index { path: path.to_owned(), source }
}
