//! Settings: a public builder, checked once, then a private [`Config`].

use std::num::NonZero;
use std::path::Path;
#[cfg(feature = "index")]
use std::path::PathBuf;

use crate::anchors::Scheme;
use crate::deduper::Deduper;
use crate::error::Error;
use crate::index::ShortParagraph;
use crate::stream::Articles;

/// How to ingest.
///
/// # Examples
///
/// ```
/// use dedup::Options;
///
/// let mut deduper = Options::new().min_span(300).deduper()?;
/// assert!(Options::new().min_span(10).deduper().is_err());
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    min_span: Option<usize>,
    min_paragraph: Option<usize>,
    threads: Option<usize>,
    text_field: Option<String>,
    id_field: Option<String>,
    read_buffer: Option<usize>,
    #[cfg(feature = "index")]
    index: Option<PathBuf>,
    #[cfg(feature = "index")]
    versions: Option<Versions>,
}

/// What becomes of an article whose id is in the index already, with other content.
#[cfg(feature = "index")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Versions {
    /// It is taken in like any other. The older version stays, as an earlier article; the
    /// [newest](crate::Index::article) has the id.
    #[default]
    Keep,
    /// It is an error, which takes its place in the stream.
    Refuse,
}

impl Options {
    /// The least `min_span`, in bytes.
    pub const LEAST_SPAN: usize = Scheme::MIN_SPAN;
    /// The greatest `min_span`, in bytes.
    pub const GREATEST_SPAN: usize = 1 << 20;

    /// There must be fewer threads than this.
    pub const MOST_THREADS: usize = 1 << 12;

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The length from which any run of text that occurs earlier is a repeat, in bytes of canonical
    /// form, wherever paragraphs end. Default: 200.
    ///
    /// From [`LEAST_SPAN`](Self::LEAST_SPAN) to [`GREATEST_SPAN`](Self::GREATEST_SPAN). Memory for the
    /// index is in inverse proportion.
    pub fn min_span(&mut self, bytes: usize) -> &mut Self {
        self.min_span = Some(bytes);
        self
    }

    /// The length from which a whole paragraph that was a whole paragraph earlier is a repeat, in
    /// bytes of canonical form. Default: 80, or `min_span` if that is less.
    ///
    /// Must be less than `min_span`: a paragraph as long as that is a repeat anyway.
    pub fn min_paragraph(&mut self, bytes: usize) -> &mut Self {
        self.min_paragraph = Some(bytes);
        self
    }

    /// How many threads work. Default: as many as the machine has cores.
    ///
    /// Has no influence on the result. One thread starts none.
    pub fn threads(&mut self, threads: usize) -> &mut Self {
        self.threads = Some(threads);
        self
    }

    /// The field of a JSONL record that holds the text. Default: `text`.
    pub fn text_field(&mut self, name: impl Into<String>) -> &mut Self {
        self.text_field = Some(name.into());
        self
    }

    /// The field of a JSONL record that holds its id, a string or a number. Default: `id`.
    ///
    /// A record without it is named by its file and line.
    pub fn id_field(&mut self, name: impl Into<String>) -> &mut Self {
        self.id_field = Some(name.into());
        self
    }

    /// How many bytes to read of a file of records at a time. Default: 1 MiB.
    ///
    /// Has no influence on the result.
    pub fn read_buffer(&mut self, bytes: usize) -> &mut Self {
        self.read_buffer = Some(bytes);
        self
    }

    /// The directory of the index on disk, which is made if it is not there. Default: none; the index
    /// is in memory and ends with the stream.
    ///
    /// Articles that are in it count as earlier. One that comes again with the same id and the same
    /// content is passed over, and [counted](crate::Stats::unchanged). What is new is committed when the stream
    /// is exhausted, and by `checkpoint`; never when it is dropped. There is one writer at a
    /// time, and any number of readers; see [`Index`](crate::Index).
    #[cfg(feature = "index")]
    pub fn index(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.index = Some(path.into());
        self
    }

    /// What becomes of an article whose id is in the index already, with other content. Default:
    /// [`Versions::Keep`].
    #[cfg(feature = "index")]
    pub fn versions(&mut self, versions: Versions) -> &mut Self {
        self.versions = Some(versions);
        self
    }

    /// Streams the articles of a file or a directory tree; see [`ingest`](crate::ingest).
    ///
    /// # Errors
    ///
    /// If an option has no possible value or no effect, if `path` does not exist, or if threads
    /// cannot be started.
    pub fn ingest(&self, path: impl AsRef<Path>) -> Result<Articles, Error> {
        self.ingest_all([path])
    }

    /// Streams the articles of several files or directory trees, one after the other as given.
    ///
    /// Ids are relative to the path that an article was found under, so articles of two paths may
    /// share an id; their numbers ([`Place::article`](crate::Place::article)) differ.
    ///
    /// # Errors
    ///
    /// As [`ingest`](Self::ingest), for any of the paths.
    pub fn ingest_all<P: AsRef<Path>>(
        &self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Articles, Error> {
        let paths = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        Articles::new(self.check()?, paths)
    }

    /// An engine for articles that the caller pushes.
    ///
    /// # Errors
    ///
    /// If an option has no possible value or no effect.
    pub fn deduper(&self) -> Result<Deduper, Error> {
        for (option, set) in [
            ("text_field", self.text_field.is_some()),
            ("id_field", self.id_field.is_some()),
            ("read_buffer", self.read_buffer.is_some()),
            ("threads", self.threads.is_some_and(|threads| threads != 1)),
        ] {
            if set {
                return problem(option, "has no effect on articles that are pushed one by one");
            }
        }
        Deduper::with_config(&self.check()?)
    }

    pub(crate) fn check(&self) -> Result<Config, Error> {
        let min_span = self.min_span.unwrap_or(200);
        if !(Self::LEAST_SPAN..=Self::GREATEST_SPAN).contains(&min_span) {
            let range =
                format!("{min_span} is not from {} to {}", Self::LEAST_SPAN, Self::GREATEST_SPAN);
            return problem("min_span", range);
        }
        const { assert!(Self::GREATEST_SPAN <= ShortParagraph::MAX_LEN) }
        if let Some(bytes) = self.min_paragraph.filter(|&bytes| bytes >= min_span) {
            let text = format!(
                "{bytes} has no effect: {min_span} bytes, the min_span, are a repeat anyway"
            );
            return problem("min_paragraph", text);
        }
        if self.min_paragraph == Some(0) {
            return problem("min_paragraph", "0: a paragraph has at least one byte");
        }
        if self.text_field.is_some() && self.text_field == self.id_field {
            return problem("id_field", "is the text_field too");
        }
        let threads = match self.threads {
            None => std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            Some(threads @ Self::MOST_THREADS..) => {
                let text = format!("{threads} is {} or more", Self::MOST_THREADS);
                return problem("threads", text);
            }
            Some(threads) => match NonZero::new(threads) {
                Some(threads) => threads,
                None => return problem("threads", "0: somebody has to do the work"),
            },
        };
        if self.read_buffer == Some(0) {
            return problem("read_buffer", "0 bytes at a time never end");
        }
        #[cfg(feature = "index")]
        if self.versions.is_some() && self.index.is_none() {
            return problem("versions", "has no effect without an index");
        }
        Ok(Config {
            #[cfg(feature = "index")]
            index: self.index.clone(),
            #[cfg(feature = "index")]
            versions: self.versions.unwrap_or_default(),
            #[cfg(feature = "index")]
            known: None,
            scheme: Scheme::new(min_span),
            min_paragraph: self.min_paragraph.unwrap_or(80).min(min_span),
            threads,
            text_field: self.text_field.clone().unwrap_or_else(|| "text".into()),
            id_field: self.id_field.clone().unwrap_or_else(|| "id".into()),
            read_buffer: self.read_buffer.unwrap_or(1 << 20),
        })
    }
}

fn problem<T>(option: &'static str, problem: impl Into<String>) -> Result<T, Error> {
    Err(Error::Option { option, problem: problem.into() })
}

/// Options that were checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) scheme: Scheme,
    pub(crate) min_paragraph: usize,
    pub(crate) threads: NonZero<usize>,
    pub(crate) text_field: String,
    pub(crate) id_field: String,
    pub(crate) read_buffer: usize,
    #[cfg(feature = "index")]
    pub(crate) index: Option<PathBuf>,
    #[cfg(feature = "index")]
    pub(crate) versions: Versions,
    /// The articles that need no work if they come again as they were.
    #[cfg(feature = "index")]
    pub(crate) known: Option<std::sync::Arc<crate::store::Known>>,
}
