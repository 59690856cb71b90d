//! What an index in memory may stand on: one that was sealed before and lies elsewhere.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use super::ShortParagraph;
use super::table::Posting;
use super::text::{Located, Slice};
use crate::error::Error;

/// Articles that came before those in memory, and cannot change any more.
///
/// Reading them may fail, in the midst of a comparison. So that comparing need not know, an answer
/// that could not be had is one that equals nothing, and the [`failure`](Self::failure) stays: who
/// asked looks there before anything is said about an article.
pub(crate) trait Base: Debug + Send + Sync {
    /// The first coordinate after all.
    #[cfg(feature = "index")]
    fn end(&self) -> u64;

    /// How many articles there are.
    #[cfg(feature = "index")]
    fn articles(&self) -> usize;

    /// Appends the postings under a key of the table of anchors, oldest first.
    fn anchors(&self, key: u64, found: &mut Vec<Posting>);

    /// Appends the paragraphs under a key, oldest first.
    fn paragraphs(&self, key: u64, found: &mut Vec<ShortParagraph>);

    /// As the methods of [`Texts`](super::text::Texts) by these names.
    fn ahead(&self, coordinate: u64) -> Slice<'_>;
    fn behind(&self, coordinate: u64) -> Slice<'_>;
    fn origins(&self, coordinates: Range<u64>) -> Vec<(u64, u64)>;
    fn locate(&self, coordinate: u64) -> Located;
    fn id(&self, article: usize) -> Arc<str>;
    fn original_range(&self, article: usize, canonical: Range<usize>) -> Range<usize>;
    fn is_original(&self, article: usize, canonical: Range<usize>, original: &[u8]) -> bool;

    /// What went wrong first, since this was asked last.
    fn failure(&self) -> Option<Error>;
}
