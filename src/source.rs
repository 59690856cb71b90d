//! Sources: whatever articles come from becomes a stream of inputs in their declared order, and an
//! input becomes an article.
//!
//! Reading is cheap and in order; making text of what was read is neither, and any thread may do it.
//!
//! ```text
//! Source -> Stream -> decompressed -> UTF-8 -> records   |   Document
//! walk      file      compression     encoding lines, …  |   json, …
//! `------------------- one thread, in order -----------' | `- any thread -'
//! ```

mod compression;
#[cfg(feature = "csv")]
mod csv;
#[cfg(any(feature = "mail", feature = "feeds"))]
mod date;
mod document;
mod encoding;
#[cfg(feature = "feeds")]
mod feeds;
mod format;
#[cfg(feature = "html")]
mod html;
mod json;
mod limits;
mod lines;
#[cfg(feature = "mail")]
mod mail;
#[cfg(feature = "parquet")]
mod parquet;
mod stream;
mod walk;
#[cfg(feature = "warc")]
mod warc;

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::compression::Compression;
pub use self::document::{Document, Problem};
use self::document::{Failure, RawRecord, Record};
pub use self::format::Format;
use self::format::{Opened, is_binary, is_resource_fork};
pub(crate) use self::json::{Field, Fields};
pub use self::limits::Limits;
use self::stream::{Metered, OnDisk, Peeked, Reader};
pub(crate) use self::walk::{Files, Rules};
use crate::article::Provenance;
use crate::error::{Error, Position};
use crate::text::Text;
use crate::trace;

/// Where articles come from, if not from files: a database, a queue, an object store.
///
/// Any iterator over `Result<Item, Error>` that can be sent between threads is a source. Items are
/// taken in order and one at a time, by whichever thread of the stream has nothing else to do, the
/// caller's among them.
///
/// With more than one [thread](crate::Options::threads), items are taken ahead in batches of 64 to
/// 256 KiB of text. No article comes out before its batch is full or the source has ended, and
/// dropping the stream waits for the item that is being taken. So use one thread for a source that
/// waits, as for a queue or a terminal: then each article comes out before the next item is asked
/// for.
///
/// # Examples
///
/// ```
/// use dedup::{Document, Error, Item, Options, Stream};
///
/// let rows = [("1", "The first article."), ("2", "The second article.")];
/// let page = "{\"id\":\"3\",\"text\":\"The third article.\"}\n";
/// let documents = rows.into_iter().map(|(id, text)| Document::new(id, text).into());
/// let streams = [Stream::new("page-1.jsonl", page.as_bytes()).into()];
/// let source = documents.chain(streams).map(Ok::<Item, Error>);
///
/// let articles: Vec<_> = Options::new().source(source)?.collect::<Result<_, _>>()?;
/// let ids: Vec<_> = articles.iter().map(|article| article.id()).collect();
/// assert_eq!(ids, ["1", "2", "3"]);
/// # Ok::<(), Error>(())
/// ```
pub trait Source: Send {
    /// The next item; `None` at the end, after which it is not asked again.
    ///
    /// # Errors
    ///
    /// An error takes the item's place in the stream of articles. [`Error::of_source`] makes one
    /// of any other error.
    fn next_item(&mut self) -> Option<Result<Item, Error>>;

    /// How many bytes all items have together, where that is known. [`Progress`](crate::Progress) shows it.
    fn total_bytes(&self) -> Option<u64> {
        None
    }
}

impl<I: Iterator<Item = Result<Item, Error>> + Send> Source for I {
    fn next_item(&mut self) -> Option<Result<Item, Error>> {
        self.next()
    }
}

/// What a [`Source`] yields.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// An article.
    Document(Document),
    /// Bytes that hold one article or many.
    Stream(Stream),
    /// Something that is skipped, and counted.
    Skipped(PathBuf, Skip),
}

impl From<Document> for Item {
    fn from(document: Document) -> Self {
        Self::Document(document)
    }
}

impl From<Stream> for Item {
    fn from(stream: Stream) -> Self {
        Self::Stream(stream)
    }
}

/// Bytes that hold one article or many, read as a file of the same name would be.
///
/// Name and content tell compression, format and encoding. What tells no format is text.
pub struct Stream {
    name: String,
    path: Option<PathBuf>,
    reader: Reader,
    len: Option<u64>,
    asked_for: bool,
}

impl Stream {
    /// A stream of this name.
    pub fn new(name: impl Into<String>, reader: impl BufRead + Send + 'static) -> Self {
        Self { name: name.into(), path: None, reader: Box::new(reader), len: None, asked_for: true }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why something was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Skip {
    /// A file in a directory that is of no kind this crate reads.
    Unknown,
    /// A file in a directory that is no text, whatever its name says.
    Binary,
    /// A hidden file or directory, where [`Options::hidden`](crate::Options::hidden) is off.
    Hidden,
    /// A file or directory that an ignore file names, where
    /// [`Options::ignore_rules`](crate::Options::ignore_rules) is on.
    Ignored,
    /// A symbolic link to a directory.
    Link,
    /// The directory of the index that the stream itself writes or reads.
    Index,
    /// A socket, pipe or device in a directory.
    Special,
    /// A record of a web archive that is no article: a request or metadata, a response other than
    /// success, what is no text, or is packed in a way that is not read.
    NoArticle,
}

/// How much was skipped, by reason; [`Skip`] explains each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Skipped {
    /// Files of no kind this crate reads.
    pub unknown: u64,
    /// Files that are no text.
    pub binary: u64,
    /// Hidden files and directories.
    pub hidden: u64,
    /// Files and directories that an ignore file names.
    pub ignored: u64,
    /// Links to directories.
    pub links: u64,
    /// Directories of the stream's own index.
    pub indexes: u64,
    /// Sockets, pipes and devices.
    pub special: u64,
    /// Records that are no articles.
    pub no_article: u64,
}

impl Skipped {
    /// All together.
    pub fn total(&self) -> u64 {
        let Self { unknown, binary, hidden, ignored, links, indexes, special, no_article } = self;
        unknown + binary + hidden + ignored + links + indexes + special + no_article
    }

    pub(crate) fn count(&mut self, why: Skip) {
        *match why {
            Skip::Unknown => &mut self.unknown,
            Skip::Binary => &mut self.binary,
            Skip::Hidden => &mut self.hidden,
            Skip::Ignored => &mut self.ignored,
            Skip::Link => &mut self.links,
            Skip::Index => &mut self.indexes,
            Skip::Special => &mut self.special,
            Skip::NoArticle => &mut self.no_article,
        } += 1;
    }
}

/// How streams are read.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) format: Option<Format>,
    pub(crate) limits: Limits,
    pub(crate) strict: bool,
    /// The names of the fields as given; that of the text is the first.
    pub(crate) names: Vec<(String, Field)>,
    /// The same, as paths into a record.
    pub(crate) fields: Fields,
}

impl Settings {
    fn text_field(&self) -> &str {
        &self.names[0].0
    }
}

/// What one article is made of, or what came instead of it.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) content: Content,
    /// How many bytes of the source were read up to here.
    pub(crate) read: u64,
}

#[derive(Debug)]
pub(crate) enum Content {
    Record(Record, Arc<Context>),
    Document(Document, u64),
    Absent(Absent<Error>),
}

/// Why there is no article.
#[derive(Debug)]
pub(crate) enum Absent<E> {
    Skipped(Skip),
    Failed(E),
}

impl<E> From<E> for Absent<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}

/// What all records of a stream have in common.
pub(crate) struct Context {
    name: String,
    path: Option<Arc<PathBuf>>,
    format: Format,
    decode: format::Decode,
    encoding: Option<&'static str>,
}

/// An article as it was read, with which nothing was done yet.
pub(crate) struct RawArticle {
    pub(crate) id: Arc<str>,
    pub(crate) provenance: Provenance,
    pub(crate) text: Text,
}

impl RawArticle {
    /// An article of which a caller said no more.
    pub(crate) fn pushed(id: impl Into<String>, text: impl Into<String>) -> Self {
        let (id, text): (String, String) = (id.into(), text.into());
        Self { id: id.into(), provenance: Provenance::default(), text: text.into() }
    }

    pub(crate) fn of(
        document: Document,
        id: impl Into<Arc<str>>,
        path: Option<Arc<PathBuf>>,
        record: Option<u64>,
    ) -> Self {
        let (text, provenance) = Provenance::of(document, path, record);
        Self { id: id.into(), provenance, text: text.into() }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, format, .. } = self;
        f.debug_struct("Context")
            .field("name", name)
            .field("format", format)
            .finish_non_exhaustive()
    }
}

impl Context {
    fn failed(&self, failure: Failure) -> Error {
        let path = self.path.as_ref().map_or(Path::new(&self.name), |path| path.as_path());
        let record = failure.number.filter(|_| !self.format.is_whole_file());
        Error::Input {
            position: Position { path: path.to_owned(), record, offset: failure.offset },
            source: failure.problem,
        }
    }

    fn decode(&self, record: Record, settings: &Settings) -> Result<RawArticle, Absent<Error>> {
        let (document, number, offset) = match record {
            Record::Raw(RawRecord { bytes, number, offset }) => {
                ((self.decode)(bytes, settings), number, Some(offset))
            }
            #[cfg(feature = "parquet")]
            Record::Document(document, number) => (Ok(Some(document)), number, None),
            #[cfg(feature = "warc")]
            Record::NoArticle => return Err(Absent::Skipped(Skip::NoArticle)),
        };
        let within_limit = |document| within_limit(document, &settings.limits);
        let document = document.and_then(|document| document.map(within_limit).transpose());
        let document = document.map_err(|failure| {
            // Decoders count from the start of the record.
            let offset = offset.map(|offset| offset + failure.offset.unwrap_or(0));
            self.failed(Failure { number: Some(number), offset, ..failure })
        });
        let mut document = document?.ok_or(Absent::Skipped(Skip::NoArticle))?;
        if self.encoding.is_some() {
            document.encoding = self.encoding;
            document.replaced += document.text.matches('\u{fffd}').count() as u64;
        }
        let number = Some(number).filter(|_| !self.format.is_whole_file());
        // An empty field states nothing, as in a table.
        let stated = document.id.take().filter(|id| !id.is_empty());
        let id = stated.unwrap_or_else(|| match number {
            Some(number) => format!("{}:{number}", self.name),
            None => self.name.clone(),
        });
        Ok(RawArticle::of(document, id, self.path.clone(), number))
    }
}

/// # Errors
///
/// If the text is too long.
fn within_limit(document: Document, limits: &Limits) -> Result<Document, Failure> {
    let (len, limit) = (document.text.len() as u64, limits.article);
    if len > limit {
        return Err(Failure::of_record(Problem::Article { len, limit }));
    }
    Ok(document)
}

impl Content {
    /// Bytes of memory, roughly.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Record(record, _) => match record {
                Record::Raw(record) => record.bytes.len(),
                #[cfg(feature = "parquet")]
                Record::Document(document, _) => document.memory(),
                #[cfg(feature = "warc")]
                Record::NoArticle => 0,
            },
            Self::Document(document, _) => document.memory(),
            Self::Absent(_) => 0,
        }
    }

    /// The article.
    ///
    /// # Errors
    ///
    /// If it is passed over, or the record is not as its format and the settings ask.
    pub(crate) fn decode(self, settings: &Settings) -> Result<RawArticle, Absent<Error>> {
        match self {
            Self::Record(record, context) => context.decode(record, settings),
            Self::Document(document, number) => {
                let id = document.id.clone().unwrap_or_else(|| number.to_string());
                let document = within_limit(document, &settings.limits).map_err(|failure| {
                    Error::Input { position: Position::of(&id), source: failure.problem }
                })?;
                Ok(RawArticle::of(document, id, None, None))
            }
            Self::Absent(why) => Err(why),
        }
    }
}

/// What documents without an id are called: the number of documents so far, those that came before
/// the stream too, or the next that no article has. In an index, one that came again would be
/// another version of an article that has nothing to do with it.
pub(crate) struct Numbers {
    last: u64,
    is_taken: Box<dyn Fn(&str) -> bool + Send>,
}

impl Numbers {
    pub(crate) fn behind(last: u64, is_taken: impl Fn(&str) -> bool + Send + 'static) -> Self {
        Self { last, is_taken: Box::new(is_taken) }
    }

    /// That of the next document. One with an id has no use for it, and an index is not asked.
    fn next(&mut self, is_named: bool) -> u64 {
        self.last += 1;
        if !is_named {
            self.last = free_number(self.last, &self.is_taken);
        }
        self.last
    }
}

/// The first number from one on that is no article's id.
pub(crate) fn free_number(first: u64, is_taken: impl Fn(&str) -> bool) -> u64 {
    let mut number = first;
    while is_taken(&number.to_string()) {
        number += 1;
    }
    number
}

/// The inputs of a source, in order, with errors where they occur.
pub(crate) struct Inputs {
    source: Box<dyn Source>,
    settings: Arc<Settings>,
    at_hand: Option<AtHand>,
    /// Bytes of the items before.
    read: u64,
    numbers: Numbers,
    span: trace::Span,
}

/// The stream that is being read.
struct AtHand {
    context: Arc<Context>,
    records: format::Records,
    len: Option<u64>,
    taken: Arc<AtomicU64>,
    /// Open as long as the stream is.
    _span: trace::Span,
}

impl AtHand {
    /// How many bytes were taken: not more than there are, wherever some are read twice.
    fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed).min(self.len.unwrap_or(u64::MAX))
    }
}

impl Inputs {
    pub(crate) fn new(
        source: Box<dyn Source>,
        settings: Arc<Settings>,
        numbers: Numbers,
        span: trace::Span,
    ) -> Self {
        Self { source, settings, at_hand: None, read: 0, numbers, span }
    }

    pub(crate) fn total_bytes(&self) -> Option<u64> {
        self.source.total_bytes()
    }

    fn input(&self, content: Content) -> Input {
        let taken = self.at_hand.as_ref().map_or(0, AtHand::taken);
        Input { content, read: self.read + taken }
    }

    /// Opens a stream, unless something stands instead of its records.
    fn open(&mut self, stream: Stream) -> Option<Content> {
        let Stream { name, path, reader, len, asked_for } = stream;
        let span = trace::file(&self.span, &name);
        let place = path.clone().unwrap_or_else(|| name.clone().into());
        let taken = Arc::new(AtomicU64::new(0));
        let why = match open(&name, path.as_deref(), reader, &taken, asked_for, &self.settings) {
            Ok((format, opened)) => {
                let Opened { records, decode, encoding } = opened;
                trace::opened(&span, format, encoding);
                let path = path.map(Arc::new);
                let context = Arc::new(Context { name, path, format, decode, encoding });
                self.at_hand = Some(AtHand { context, records, len, taken, _span: span });
                return None;
            }
            Err(Absent::Skipped(why)) => {
                trace::skipped(&span, &place, why);
                Absent::Skipped(why)
            }
            Err(Absent::Failed(Failure { problem: source, number: record, offset, .. })) => {
                let position = Position { path: place, record, offset };
                Absent::Failed(Error::Input { position, source })
            }
        };
        self.read += len.unwrap_or(taken.load(Ordering::Relaxed));
        Some(Content::Absent(why))
    }

    fn close(&mut self) {
        if let Some(AtHand { len, taken, .. }) = self.at_hand.take() {
            self.read += len.unwrap_or(taken.load(Ordering::Relaxed));
        }
    }
}

/// Finds out what a stream is.
fn open(
    name: &str,
    path: Option<&Path>,
    reader: Reader,
    taken: &Arc<AtomicU64>,
    asked_for: bool,
    settings: &Settings,
) -> Result<(Format, Opened), Absent<Failure>> {
    let mut raw = Peeked::new(Metered::new(reader, taken.clone()), Compression::HEAD);
    if let Some(error) = raw.broken() {
        return Err(Failure::of_file(error).into());
    }
    let compression = Compression::of(raw.head());
    if let Some(compression) = Compression::cut_off(name, raw.head()) {
        return Err(Failure::of_file(compression.truncated()).into());
    }
    let mut reader: Reader = Box::new(raw);
    if let Some(compression) = compression {
        reader =
            compression.open(reader, taken.clone(), &settings.limits).map_err(Failure::of_file)?;
    }
    let mut peeked = Peeked::new(reader, Format::HEAD);
    if let Some(error) = peeked.broken() {
        return Err(Failure::of_file(error).into());
    }
    let head = peeked.head();
    let told = settings
        .format
        .or_else(|| path.and_then(Format::of_place))
        .or_else(|| Format::of_name(name).map(|named| named.within(head)))
        .or_else(|| Format::of_content(head));
    let is_binary = match told {
        _ if settings.format.is_some() => false,
        None | Some(Format::Text | Format::Html) => is_binary(head),
        Some(_) => is_resource_fork(head),
    };
    if is_binary {
        return Err(if asked_for {
            Failure::of_file(Problem::Binary).into()
        } else {
            Absent::Skipped(Skip::Binary)
        });
    }
    let format = told.or_else(|| asked_for.then(|| Format::of_nameless(head)));
    let format = format.ok_or(Absent::Skipped(Skip::Unknown))?;
    let file = path.filter(|_| compression.is_none()).map(|path| OnDisk { path, taken });
    Ok((format, format.open(peeked, file, settings)?))
}

impl Iterator for Inputs {
    type Item = Input;

    fn next(&mut self) -> Option<Input> {
        loop {
            if let Some(at_hand) = &mut self.at_hand {
                match at_hand.records.next() {
                    Some(Ok(record)) => {
                        let content = Content::Record(record, at_hand.context.clone());
                        return Some(self.input(content));
                    }
                    Some(Err(failure)) => {
                        let goes_on = failure.recoverable;
                        let error = at_hand.context.failed(failure);
                        let input = self.input(Content::Absent(error.into()));
                        if !goes_on {
                            self.close();
                        }
                        return Some(input);
                    }
                    None => self.close(),
                }
            }
            let content = match self.source.next_item()? {
                Err(error) => Content::Absent(error.into()),
                Ok(Item::Skipped(path, why)) => {
                    trace::skipped(&self.span, &path, why);
                    Content::Absent(Absent::Skipped(why))
                }
                Ok(Item::Document(document)) => {
                    self.read += document.text.len() as u64;
                    let number = self.numbers.next(document.id.is_some());
                    Content::Document(document, number)
                }
                Ok(Item::Stream(stream)) => match self.open(stream) {
                    Some(content) => content,
                    None => continue,
                },
            };
            return Some(self.input(content));
        }
    }
}
