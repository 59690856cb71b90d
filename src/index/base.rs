//! What an index in memory may stand on: one that was sealed before and lies elsewhere.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::departures::Reader;
use super::originals::Located;
use super::table::Posting;
use super::text::Kept;
use crate::error::Error;

/// Articles that came before those in memory, and cannot change any more.
///
/// Every answer may fail, as what it is read from may. Text is asked for at coordinates of the base
/// only.
pub(crate) trait Base: Debug + Send + Sync {
    /// The first coordinate after all.
    #[cfg(feature = "index")]
    fn end(&self) -> u64;

    /// How many articles there are.
    #[cfg(feature = "index")]
    fn articles(&self) -> usize;

    /// Appends the postings under a key of the table of anchors, oldest first, with a few of other
    /// keys among them.
    fn anchors(&self, key: u64, found: &mut Vec<Posting>) -> Result<(), Error>;

    /// The same of the table of paragraphs.
    fn paragraphs(&self, key: u64, found: &mut Vec<Posting>) -> Result<(), Error>;

    /// As the methods of [`Texts`](super::text::Texts) by these names.
    fn ahead(&self, coordinate: u64) -> Result<Bytes, Error>;
    fn behind(&self, coordinate: u64) -> Result<Bytes, Error>;
    fn origins(&self, coordinates: Range<u64>) -> Result<Vec<Kept>, Error>;

    /// As the methods of [`Originals`](super::originals::Originals) by these names.
    fn locate(&self, coordinate: u64) -> Result<Located, Error>;
    fn id(&self, article: usize) -> Result<Arc<str>, Error>;

    /// Whether an article has an id, as far as can be read: whoever goes on will be told of what cannot.
    #[cfg(feature = "index")]
    fn has(&self, id: &str) -> bool;

    /// What is said after an answer failed, and an index on top lacks a part of an article.
    fn broken(&self) -> Error;

    /// The departures of an article, from some place not after `canonical` on.
    fn departures(&self, article: usize, canonical: usize) -> Result<Reader<'static>, Error>;
}
