//! Removes repeated text from collections of articles.
//!
//! [`ingest`] turns files of articles into a stream of the same articles, in which every repeated block
//! of paragraphs stays where it first appears and is removed everywhere else. Each removed block says
//! where its text was first seen, and every match was compared in full.
//!
//! ```no_run
//! for article in dedup::ingest("newsletters/")? {
//!     let article = article?;
//!     println!("{}: {}", article.id(), article.text());
//!     for block in article.blocks() {
//!         let first = &block.sources[0].first;
//!         println!("  {} paragraphs stood in {} already", block.paragraphs.len(), first.id);
//!     }
//! }
//! # Ok::<(), dedup::Error>(())
//! ```
//!
//! An input that cannot be read is an [`Error`] in its place. The `?` above ends the loop there; a `match`
//! lets it go on.
//!
//! # Where to start
//!
//! - [`ingest`] reads files and directories; [`Options`] has all settings.
//! - Articles from elsewhere come through a [`Source`], or are pushed into a [`Deduper`], for which a [`Preparer`]
//!   prepares them on other threads.
//! - [`Deduper::find`] says where a text stood, without taking it in.
//! - With the feature `index`, what was seen can be kept on disk: `Options::index` ingests against it, and
//!   `Index` reads it. `Fingerprints` are an index without text.
//! - [`_design`] defines what counts as a repeat, and `docs/format.md` the files of the index. The stages are
//!   open in [`split`], [`canonical`] and [`anchors`].
//!
//! # Features
//!
//! None is on by default: the crate then reads text, Markdown and JSON in UTF-8, uncompressed, and keeps its
//! index in memory.
//!
//! - Compression: `gzip`, `zstd`, `bzip2`, `xz`.
//! - Formats: `csv`, `html`, `mail`, `warc`, `feeds`, `parquet`; see [`Format`]. What is not UTF-8:
//!   `encodings`.
//! - `index`: the index on disk, and fingerprints.
//! - `sentences`: [`Cut::Sentence`]. `ignore`: [`Options::ignore_rules`].
//! - `serde`: what is said of articles can be serialized ([`Segment`], [`Repeat`], [`Block`], [`Closest`], [`Stats`] and
//!   the like), though not the articles, as only the caller knows which of their texts is wanted; settings such
//!   as [`Cut`] and [`Format`] can be read and written, as the words that they are displayed as.
//! - `tracing`: the spans `ingest` and `file` for streams, and the events `failed` (a warning),
//!   `skipped` (with path and reason), `ended` and, at the level of debugging, `opened`.
//!
//! To ask for something that a build leaves out is an error that names the feature. README.md says what each
//! feature costs.
//!
//! # Numbers
//!
//! Ranges are bytes of a text, and articles are numbered in order of arrival: both are `usize`, as what they index in
//! memory. Totals of a stream or an index are `u64` ([`Stats`]), as are records of a file: there may be more of them than
//! memory holds. Lengths that are settings are in bytes.
//!
//! # How it works
//!
//! ```text
//! source -> split -> canonical -> anchors -> resolve -> near -> cut -> Article
//! bytes     ranges   bytes + map  places     matches    copies  units, segments
//! `------ pure, parallel per article ------' `- in input order, with the index -'
//! ```

pub mod anchors;
pub mod canonical;
pub mod split;

#[cfg(feature = "sentences")]
pub mod sentences;

mod admit;
mod article;
mod criteria;
mod cut;
mod deduper;
mod error;
#[cfg(feature = "index")]
mod filter;
mod forms;
mod index;
mod ingest;
mod mask;
mod near;
mod options;
mod pipeline;
mod prepare;
mod processor;
mod progress;
#[cfg(test)]
mod random;
mod read_at;
mod report;
mod resolve;
mod room;
mod setting;
mod source;
mod stats;
#[cfg(feature = "index")]
mod store;
mod stream;
mod text;
mod trace;
mod varint;
mod vector;
mod words;

use std::path::Path;

pub use crate::article::{Article, Block, Change, Closest, Origin, Place, Repeat, Segment};
pub use crate::criteria::{Cut, WithinArticle};
pub use crate::deduper::{Deduper, PreparedDocument, Preparer};
pub use crate::error::{Error, Position, RecordError};
#[cfg(feature = "index")]
pub use crate::filter::{Filter, FilteredArticle, FilteredArticles, FilteredSegment};
#[cfg(feature = "index")]
pub use crate::options::Versions;
pub use crate::options::{OnError, Options};
pub use crate::progress::Progress;
pub use crate::source::{Document, Format, Item, Limits, Problem, Skip, Skipped, Source, Stream};
pub use crate::stats::Stats;
#[cfg(feature = "index")]
pub use crate::store::{
    Boilerplate, BoilerplateFree, Cluster, FingerprintRecipe, Fingerprints, Frequent, Index,
    IndexError, IndexStats, Passage, Recipe, Reference, Reprint, StoredArticle, StoredArticles,
    StoredSegment,
};
pub use crate::stream::Articles;
#[doc(no_inline)]
pub use blake3::Hash;
#[doc(no_inline)]
pub use bytes::Bytes;

/// Streams the articles of a file or a directory tree, without what they repeat.
///
/// Reads files of every [`Format`] that this build has, compressed or not, in the order of their
/// paths, sorted name by name: `a/b.txt` comes before `a-b.txt`. Names and contents tell what each
/// file is. Nothing is written to disk, except that kept text beyond a gibibyte goes to temporary
/// files ([`Options::memory`]). For other settings, see [`Options`].
///
/// # Errors
///
/// If `path` does not exist or cannot be looked at. What goes wrong later, with one file or one
/// record, is an error in its place in the stream, and the stream goes on.
///
/// # Examples
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// let block = "A paragraph that is long enough to be recognised when it comes again, as it will.";
/// std::fs::write(dir.path().join("1.txt"), format!("One.\n{block}\n"))?;
/// std::fs::write(dir.path().join("2.txt"), format!("Two.\n{block}\n"))?;
///
/// let texts: Vec<String> = dedup::ingest(dir.path())?
///     .map(|article| Ok(article?.text().into_owned()))
///     .collect::<Result<_, dedup::Error>>()?;
/// assert_eq!(texts, [format!("One.\n{block}\n"), "Two.".to_owned()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ingest(path: impl AsRef<Path>) -> Result<Articles, Error> {
    Options::new().ingest(path)
}

#[doc = include_str!("../docs/design.md")]
pub mod _design {}

#[cfg(feature = "index")]
#[doc = include_str!("../docs/format.md")]
pub mod _format {}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
