//! Settings: a public builder, checked once, then a private [`Config`].

use std::io::BufRead;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::anchors::Scheme;
use crate::criteria::{Criteria, Cut, Share, WithinArticle};
use crate::deduper::Deduper;
use crate::error::Error;
#[cfg(feature = "index")]
use crate::filter::{Filter, FilteredArticles};
use crate::prepare::LONGEST;
use crate::progress::{Callback, Progress};
use crate::setting::words;
use crate::source::{Field, Fields, Files, Format, Limits, Rules, Settings, Source, Stream};
use crate::stream::Articles;

/// How to ingest: the settings, and the ways to start.
///
/// Settings are checked when they are used: by [`ingest`](Self::ingest), [`deduper`](Self::deduper) and the
/// other methods that start something.
///
/// # Examples
///
/// ```
/// use dedup::Options;
///
/// let mut deduper = Options::new().min_span(300).deduper()?;
/// assert!(Options::new().min_span(10).deduper().is_err());
///
/// // Options that are used more than once need a name before they are set.
/// let mut options = Options::new();
/// options.min_span(300).min_paragraph(100);
/// let (mut news, mut laws) = (options.deduper()?, options.deduper()?);
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    min_span: Option<usize>,
    min_paragraph: Option<usize>,
    within_article: Option<WithinArticle>,
    near: Option<f64>,
    cut: Option<Cut>,
    threads: Option<usize>,
    text_field: Option<String>,
    id_field: Option<String>,
    title_field: Option<String>,
    date_field: Option<String>,
    language_field: Option<String>,
    format: Option<Format>,
    limits: Option<Limits>,
    strict_encoding: Option<bool>,
    hidden: Option<bool>,
    ignore_rules: Option<bool>,
    read_buffer: Option<usize>,
    memory: Option<usize>,
    on_error: Option<OnError>,
    progress: Option<Callback>,
    #[cfg(feature = "index")]
    index: Option<PathBuf>,
    #[cfg(feature = "index")]
    versions: Option<Versions>,
    #[cfg(feature = "index")]
    against: Option<PathBuf>,
}

/// What to do with an article whose id is in the index already, with other content.
///
/// Needs the feature `index`.
#[cfg(feature = "index")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Versions {
    /// It is taken in like any other. The older version stays as an earlier article, and the id leads to
    /// the [newest](crate::Index::article).
    #[default]
    Keep,
    /// It replaces the older version when it is committed: the index is then what it would be if the older
    /// version had never come. Where that was the first to say something, the next copy keeps it, as after
    /// [`Index::withdraw`](crate::Index::withdraw).
    ///
    /// Until the commit the older version counts as earlier, so the stream yields only what the
    /// newer one says beyond it; [`Index::articles`](crate::Index::articles) has the newer one
    /// whole. The commit ingests again what came after the first article replaced, and a few dozen
    /// articles before it: once, however many are replaced. What came earlier is copied. Articles
    /// after the first one replaced get new numbers, those among them that the stream yielded since
    /// the last commit.
    ///
    /// The id of a file is its path below the directory that is ingested. So `1.txt` of one
    /// directory replaces `1.txt` of another, unless a directory that holds both is ingested. And
    /// of two records that state the same id, in one file or in two, only the later one stays.
    Replace,
    /// It is an error in its place in the stream.
    Refuse,
}

#[cfg(feature = "index")]
words!(Versions, "versions", Keep: "keep", Replace: "replace", Refuse: "refuse");

/// What a stream does after an error that does not have to end it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnError {
    /// It goes on with the next input; the error stands in the place of what could not be read.
    #[default]
    Skip,
    /// It ends with the error.
    Stop,
}

words!(OnError, "on_error", Skip: "skip", Stop: "stop");

impl Options {
    /// The least `min_span`, in bytes.
    pub const LEAST_SPAN: usize = Scheme::MIN_SPAN;
    /// The greatest `min_span`, in bytes.
    pub const GREATEST_SPAN: usize = 1 << 20;

    /// There must be fewer threads than this.
    pub const MOST_THREADS: usize = 1 << 12;

    /// The default of [`min_paragraph`](Self::min_paragraph).
    const MIN_PARAGRAPH: usize = 80;

    /// The default of [`memory`](Self::memory).
    pub(crate) const MEMORY: usize = 1 << 30;

    /// The longest article, in bytes: 1.4 GB. No [limit](Limits::article) lets a longer one through.
    pub const LONGEST_ARTICLE: u64 = LONGEST as u64;

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The length from which any run of text that occurs earlier is a repeat, in bytes of canonical
    /// form, wherever paragraphs end. Default: 200.
    ///
    /// From [`LEAST_SPAN`](Self::LEAST_SPAN) to [`GREATEST_SPAN`](Self::GREATEST_SPAN). The memory of the
    /// index is in inverse proportion to it.
    pub fn min_span(&mut self, bytes: usize) -> &mut Self {
        self.min_span = Some(bytes);
        self
    }

    /// The length from which a whole paragraph that was a whole paragraph earlier is a repeat, in
    /// bytes of canonical form. Default: 80, or `min_span` if that is less.
    ///
    /// At least 1, and less than `min_span`, since a paragraph of that length is a repeat anyway. For
    /// fingerprints, which know no spans, up to [`GREATEST_SPAN`](Self::GREATEST_SPAN).
    pub fn min_paragraph(&mut self, bytes: usize) -> &mut Self {
        self.min_paragraph = Some(bytes);
        self
    }

    /// What to do with text that came earlier in the same article only. Default:
    /// [`WithinArticle::Remove`].
    ///
    /// With another value, text that repeats itself every few bytes, such as a long row of dashes, costs more
    /// time.
    pub fn within_article(&mut self, policy: WithinArticle) -> &mut Self {
        self.within_article = Some(policy);
        self
    }

    /// Removes near copies too: paragraphs of which at least this share of canonical bytes stands
    /// in one region of an earlier kept text, in the same order, though words between were changed,
    /// added or dropped. From 0.5 to 1. Default: near copies are not looked for.
    ///
    /// A paragraph is a near copy only if all of its changes are small:
    ///
    /// - none is longer than 64 bytes, as most new sentences would be: a shorter one, or a "not",
    ///   does not keep the paragraph;
    /// - the numbers in the words that a change touches, Roman ones too, are the same on both
    ///   sides, with their signs, and so are the numerals, months and days of the week that both
    ///   sides have, in thirteen European languages: "the fourth update" and "the fifth" are
    ///   different;
    /// - none lies in a link or an address.
    ///
    /// It goes as a whole, whatever [`cut`](Self::cut) says of exact repeats.
    ///
    /// A paragraph of less than [`min_paragraph`](Self::min_paragraph) bytes is a near copy only right after
    /// another one that it follows in the source too.
    ///
    /// What is found depends on the articles alone but, unlike with exact repeats, is not all there
    /// is. An earlier text is looked at only where it shares an anchor of 20 bytes with the
    /// paragraph, in one of the first eight places of that anchor. If the anchor stood in three
    /// places or more, they must share two: one common phrase makes no copy.
    ///
    /// [`Block::changes`](crate::Block::changes) says what was changed. An exact copy of a near
    /// copy names that as its source.
    ///
    /// The index takes two to three times the memory, and ingesting two to five times as long;
    /// `docs/quality.md` has the numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut deduper = dedup::Options::new().near(0.8).deduper()?;
    /// let report = "The ferry across the lower reach does not run on Sunday, says the harbour office, as the \
    ///               cable has to be greased before the ice comes.";
    /// deduper.push("herald", report)?;
    /// let edited = report.replace("ferry", "boat");
    /// let copy = deduper.push("courier", edited.as_str())?;
    /// let change = &copy.blocks()[0].changes[0];
    /// assert!(copy.is_repeat());
    /// assert_eq!((&edited[change.range.clone()], &report[change.source.range.clone()]), ("boat", "ferry"));
    ///
    /// let news = deduper.push("gazette", report.replace("Sunday", "28 May"))?;
    /// assert!(!news.is_repeat());
    /// # Ok::<(), dedup::Error>(())
    /// ```
    pub fn near(&mut self, share: f64) -> &mut Self {
        self.near = Some(share);
        self
    }

    /// What is cut from an article. Default: [`Cut::Paragraph`].
    pub fn cut(&mut self, cut: Cut) -> &mut Self {
        self.cut = Some(cut);
        self
    }

    /// How many threads work. Default: as many as the machine has cores.
    ///
    /// Has no influence on the result. With one, no thread is started, except for Parquet, which is
    /// read on a thread of its own. Where articles are pushed, the threads only work on commits to
    /// an index on disk: they compress, and they prepare what is ingested again in place of older
    /// versions. If there may be more than one, another thread makes memory ready there and writes what
    /// goes to temporary files; without an index to write to, that is so wherever there is more than one core.
    pub fn threads(&mut self, threads: usize) -> &mut Self {
        self.threads = Some(threads);
        self
    }

    /// The field of a record that holds the text, or the column of a table. Default: `text`.
    ///
    /// In JSON, dots lead into objects: `meta.body` is the field `body` of the object `meta`. A
    /// JSON Pointer (RFC 6901) reaches names that have dots themselves: `/meta.body` is a field of
    /// that name. In tables, names are taken as they are, and in Parquet dots lead into groups.
    ///
    /// An object that has the text or the id twice is an error, as is a table with two such columns. Of
    /// what is only passed on, as the title, the first counts, and in Parquet none.
    pub fn text_field(&mut self, name: impl Into<String>) -> &mut Self {
        self.text_field = Some(name.into());
        self
    }

    /// The field of a record that holds its id, a string or a whole number; names as for
    /// [`text_field`](Self::text_field). Default: `id`.
    ///
    /// A record without an id, or with an empty one, is named by its file and number.
    pub fn id_field(&mut self, name: impl Into<String>) -> &mut Self {
        self.id_field = Some(name.into());
        self
    }

    /// The field of a record for [`Article::title`](crate::Article::title); names as for
    /// [`text_field`](Self::text_field). Default: `title`.
    ///
    /// A value that is neither a string nor a whole number is ignored. The default gives way to another field
    /// that was set to this name or to one inside it: with `id_field("title")`, articles have no title until
    /// `title_field` is set too. The same holds for the defaults of date, language and id.
    pub fn title_field(&mut self, name: impl Into<String>) -> &mut Self {
        self.title_field = Some(name.into());
        self
    }

    /// The same for [`Article::date`](crate::Article::date). Default: `date`.
    pub fn date_field(&mut self, name: impl Into<String>) -> &mut Self {
        self.date_field = Some(name.into());
        self
    }

    /// The same for [`Article::language`](crate::Article::language). Default: `language`.
    pub fn language_field(&mut self, name: impl Into<String>) -> &mut Self {
        self.language_field = Some(name.into());
        self
    }

    /// The format of everything that is read. Default: the name and content of each file tell.
    ///
    /// When it is set, no file of a directory is skipped for being of another kind or no text: a
    /// picture is then an article, or an error. A format that needs a feature is refused without it.
    /// The names of fields, such as [`text_field`](Self::text_field), are for JSON, tables and
    /// Parquet, and are refused beside another format.
    pub fn format(&mut self, format: Format) -> &mut Self {
        self.format = Some(format);
        self
    }

    /// What an input may ask of this machine. Default: [`Limits::new`].
    pub fn limits(&mut self, limits: Limits) -> &mut Self {
        self.limits = Some(limits);
        self
    }

    /// Whether an article with bytes that cannot be decoded is an error. Default: `false`; such bytes become
    /// U+FFFD and are [counted](crate::Article::replaced).
    ///
    /// Text that is taken for another encoding than UTF-8, mostly windows-1252, is no error:
    /// [`Article::encoding`](crate::Article::encoding) says which.
    ///
    /// Without the feature `encodings`, all that is not UTF-8 is an error.
    pub fn strict_encoding(&mut self, strict: bool) -> &mut Self {
        self.strict_encoding = Some(strict);
        self
    }

    /// Whether to read hidden files and directories, those whose names start with a dot. Default: `true`.
    pub fn hidden(&mut self, read: bool) -> &mut Self {
        self.hidden = Some(read);
        self
    }

    /// Whether to leave out what a `.gitignore` or `.ignore` file names. Default: `false`.
    ///
    /// A bad pattern is an error in its place, and the others hold.
    ///
    /// Needs the feature `ignore`.
    pub fn ignore_rules(&mut self, heed: bool) -> &mut Self {
        self.ignore_rules = Some(heed);
        self
    }

    /// How many bytes to read of a file at a time. Default: 1 MiB.
    ///
    /// Has no influence on the result.
    pub fn read_buffer(&mut self, bytes: usize) -> &mut Self {
        self.read_buffer = Some(bytes);
        self
    }

    /// How many bytes of memory kept text may take, together with what leads back from it to the originals.
    /// Older text goes to temporary files. Default: 1 GiB.
    ///
    /// Has no influence on the result. To compare a match with text in a file costs a read of 4
    /// KiB, mostly from the page cache of the system. With an index on disk, what was committed is
    /// read from there and takes up none of this memory. The index itself stays in memory and comes
    /// on top ([`Stats::index_bytes`](crate::Stats::index_bytes)), and so do the articles at hand: with
    /// several threads, for each of them some 4 MiB of text, or one article that is longer, and a
    /// few times that for what is made of it. Some 16 MiB are used whatever the budget is.
    ///
    /// The files lie where the system keeps temporary ones ([`std::env::temp_dir`]; on Unix,
    /// `TMPDIR` says where). They have no name, so nothing is left of them. Name another directory
    /// where that one is in memory too, as `/tmp` often is.
    pub fn memory(&mut self, bytes: usize) -> &mut Self {
        self.memory = Some(bytes);
        self
    }

    /// The directory of the index on disk, which is made if it is not there. Default: none; the index
    /// is in memory and ends with the stream.
    ///
    /// Articles in it count as earlier. One that comes again with the same id and the same content
    /// is skipped and
    /// [counted](crate::Stats::unchanged).
    ///
    /// What is new is committed at the end of the stream, and by `checkpoint`. It is never
    /// committed when the stream is dropped, as it is by a `?` that leaves the loop at the first
    /// file that cannot be read. There is one writer at a time, until the stream or engine is
    /// dropped, and any number of readers; see
    /// [`Index`](crate::Index).
    ///
    /// A commit may merge what it adds with what earlier ones added: mostly with little of it,
    /// seldom with all. For a moment this takes as much room on the disk again; where there is
    /// none, it is put off.
    ///
    /// Ids tell what comes again, so no two articles should share one: each would be another
    /// version of the other, and both would be taken in anew whenever they come. A record that
    /// states no id gets one of its file and number; [`Format`] says what states an id in each
    /// format. Captures of one page in web archives share one, and so does a mail that was sent to
    /// two lists.
    ///
    /// Needs the feature `index`.
    #[cfg(feature = "index")]
    pub fn index(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.index = Some(path.into());
        self
    }

    /// What to do with an article whose id is in the index already, with other content. Default:
    /// [`Versions::Keep`].
    ///
    /// Needs the feature `index`.
    #[cfg(feature = "index")]
    pub fn versions(&mut self, versions: Versions) -> &mut Self {
        self.versions = Some(versions);
        self
    }

    /// An [index on disk](crate::Index) whose articles count as earlier, though nothing is added to
    /// it: to hold today's news against the archive, or a training set against a test set. Default:
    /// none.
    ///
    /// It must have been made with the same options. Its articles have the first numbers. Cannot be
    /// combined with an [`index`](Self::index) to write to: there, ingest the articles that are to count as
    /// earlier first, or copy their index, and [`Index::articles_from`](crate::Index::articles_from) passes over
    /// them.
    ///
    /// Needs the feature `index`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("archive.dedup");
    /// use dedup::{Index, Options};
    ///
    /// let notice = "The reading room closes at noon on Saturday, and opens again on Tuesday at nine in the morning.";
    /// let mut archive = Options::new().index(&dir).deduper()?;
    /// archive.push("friday", notice)?;
    /// archive.checkpoint()?;
    ///
    /// let mut today = Options::new().against(&dir).deduper()?;
    /// assert!(today.push("monday", notice)?.is_repeat());
    /// assert_eq!(Index::open(&dir)?.stats().articles, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "index")]
    pub fn against(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.against = Some(path.into());
        self
    }

    /// What a stream does after an error. Default: [`OnError::Skip`].
    pub fn on_error(&mut self, policy: OnError) -> &mut Self {
        self.on_error = Some(policy);
        self
    }

    /// Calls `callback` on the caller's thread before each article or error is yielded, and for
    /// each input that is skipped, such as an article that an index on disk has already. If it
    /// panics, the caller does not get that article, though later ones are compared with it.
    ///
    /// When it is set, directories are read twice, the first time for the sizes of their files.
    pub fn progress(&mut self, callback: impl Fn(&Progress) + Send + Sync + 'static) -> &mut Self {
        self.progress = Some(Callback::new(callback));
        self
    }

    /// Streams the articles of a file or a directory tree; see [`ingest`](crate::ingest).
    ///
    /// # Errors
    ///
    /// - If an option has an impossible value or no effect.
    /// - If `path` does not exist or is neither a file nor a directory.
    /// - If threads cannot be started.
    /// - With an index on disk, `Error::Index`: if it has a writer already, was made with other
    ///   options, or cannot be read or written.
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
        let config = self.check()?;
        #[cfg(feature = "index")]
        let own = config.index.iter().chain(&config.against).cloned().collect();
        #[cfg(not(feature = "index"))]
        let own = Vec::new();
        let source = Box::new(files(&config, own, paths)?);
        Articles::new(&config, source)
    }

    /// Streams the articles of a reader, such as standard input, as if it were a file of this name.
    ///
    /// A name that tells no format is fine: then the content tells, and content that tells none is
    /// text. Some 8 KiB are read for that before anything comes out. Use one thread for a reader
    /// that waits for what is still to be written; see [`Source`].
    ///
    /// # Errors
    ///
    /// As [`ingest`](Self::ingest), but for the path.
    ///
    /// # Examples
    ///
    /// ```
    /// let lines = "{\"text\":\"One article.\"}\n{\"text\":\"Another.\"}\n";
    /// let articles = dedup::Options::new().reader("standard input", lines.as_bytes())?;
    /// let ids: Vec<String> =
    ///     articles.map(|article| Ok(article?.id().to_owned())).collect::<Result<_, dedup::Error>>()?;
    /// assert_eq!(ids, ["standard input:1", "standard input:2"]);
    /// # Ok::<(), dedup::Error>(())
    /// ```
    pub fn reader(
        &self,
        name: impl Into<String>,
        reader: impl BufRead + Send + 'static,
    ) -> Result<Articles, Error> {
        self.source(std::iter::once(Ok(Stream::new(name, reader).into())))
    }

    /// Streams the articles of a source of the caller's; [`Source`] has an example.
    ///
    /// # Errors
    ///
    /// As [`ingest`](Self::ingest), but for the path.
    pub fn source(&self, source: impl Source + 'static) -> Result<Articles, Error> {
        self.check_source()?;
        Articles::new(&self.check()?, Box::new(source))
    }

    /// An engine for articles that the caller pushes.
    ///
    /// # Errors
    ///
    /// - If an option has an impossible value, or no effect here, as all have that say how to read.
    /// - With an index on disk, as [`ingest`](Self::ingest).
    pub fn deduper(&self) -> Result<Deduper, Error> {
        self.check_pushed()?;
        Deduper::with_config(&self.check()?)
    }

    /// An engine for articles that the caller pushes, which removes whole paragraphs that were seen
    /// before. It knows them by their [`Fingerprints`](crate::Fingerprints) in a directory, which
    /// is made if it is not there.
    ///
    /// Needs the feature `index`.
    ///
    /// # Errors
    ///
    /// If an option has an impossible value or no effect, as all have that speak of runs of text or
    /// of articles that were seen; [`Error::Index`] if the fingerprints have a writer, another
    /// recipe, or cannot be read.
    #[cfg(feature = "index")]
    pub fn filter(&self, fingerprints: impl AsRef<Path>) -> Result<Filter, Error> {
        self.check_pushed()?;
        Filter::new(fingerprints.as_ref(), &self.check_filter()?)
    }

    /// Streams the articles of files or directory trees, as [`ingest_all`](Self::ingest_all) does,
    /// without the whole paragraphs that were seen before; see [`filter`](Self::filter).
    ///
    /// Needs the feature `index`.
    ///
    /// # Errors
    ///
    /// As [`ingest`](Self::ingest) and [`filter`](Self::filter).
    #[cfg(feature = "index")]
    pub fn filter_all<P: AsRef<Path>>(
        &self,
        fingerprints: impl AsRef<Path>,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<FilteredArticles, Error> {
        let config = self.check_filter()?;
        let own = vec![fingerprints.as_ref().to_owned()];
        let source = Box::new(files(&config, own, paths)?);
        FilteredArticles::new(fingerprints.as_ref(), &config, source)
    }

    /// As [`filter_all`](Self::filter_all), of a [source](Self::source).
    ///
    /// Needs the feature `index`.
    ///
    /// # Errors
    ///
    /// As `filter_all`, but for the paths.
    #[cfg(feature = "index")]
    pub fn filter_source(
        &self,
        fingerprints: impl AsRef<Path>,
        source: impl Source + 'static,
    ) -> Result<FilteredArticles, Error> {
        self.check_source()?;
        FilteredArticles::new(fingerprints.as_ref(), &self.check_filter()?, Box::new(source))
    }

    /// As [`filter_all`](Self::filter_all), of a [reader](Self::reader).
    ///
    /// Needs the feature `index`.
    ///
    /// # Errors
    ///
    /// As `filter_all`, but for the paths.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("seen.dedup");
    /// let report = "Three barges left the basin before dawn, the keeper wrote, with timber for the new bridge.";
    /// let lines = format!("{{\"text\":\"{report}\"}}\n").repeat(2);
    /// let articles = dedup::Options::new().filter_reader(&dir, "news.jsonl", std::io::Cursor::new(lines))?;
    /// let texts: Vec<String> =
    ///     articles.map(|article| Ok(article?.text().into_owned())).collect::<Result<_, dedup::Error>>()?;
    /// assert_eq!(texts, [report, ""]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "index")]
    pub fn filter_reader(
        &self,
        fingerprints: impl AsRef<Path>,
        name: impl Into<String>,
        reader: impl BufRead + Send + 'static,
    ) -> Result<FilteredArticles, Error> {
        self.filter_source(fingerprints, std::iter::once(Ok(Stream::new(name, reader).into())))
    }

    #[cfg(feature = "index")]
    fn check_filter(&self) -> Result<Config, Error> {
        let without_effect = [
            ("min_span", self.min_span.is_some()),
            ("memory", self.memory.is_some()),
            ("index", self.index.is_some()),
            ("versions", self.versions.is_some()),
            ("against", self.against.is_some()),
            ("near", self.near.is_some()),
            ("cut", self.cut.is_some()),
            ("within_article", self.within_article.is_some()),
        ];
        refuse(without_effect, "has no effect on fingerprints of paragraphs")?;
        let min_paragraph = self.min_paragraph.unwrap_or(Self::MIN_PARAGRAPH);
        if !(1..=Self::GREATEST_SPAN).contains(&min_paragraph) {
            let range = format!("{min_paragraph} is not from 1 to {}", Self::GREATEST_SPAN);
            return problem("min_paragraph", range);
        }
        let config = Self { min_paragraph: None, ..self.clone() }.check()?;
        Ok(Config { criteria: Criteria { min_paragraph, ..config.criteria }, ..config })
    }

    /// Whether there are commits, which threads work on.
    #[cfg_attr(not(feature = "index"), expect(clippy::unused_self))]
    fn has_index(&self) -> bool {
        #[cfg(feature = "index")]
        return self.index.is_some();
        #[cfg(not(feature = "index"))]
        return false;
    }

    /// Refuses what has no effect without a stream.
    fn check_pushed(&self) -> Result<(), Error> {
        let without_effect = [
            ("text_field", self.text_field.is_some()),
            ("id_field", self.id_field.is_some()),
            ("title_field", self.title_field.is_some()),
            ("date_field", self.date_field.is_some()),
            ("language_field", self.language_field.is_some()),
            ("format", self.format.is_some()),
            ("limits", self.limits.is_some()),
            ("strict_encoding", self.strict_encoding.is_some()),
            ("hidden", self.hidden.is_some()),
            ("ignore_rules", self.ignore_rules.is_some()),
            ("read_buffer", self.read_buffer.is_some()),
            ("on_error", self.on_error.is_some()),
            ("progress", self.progress.is_some()),
            ("threads", self.threads.is_some_and(|threads| threads != 1) && !self.has_index()),
        ];
        refuse(without_effect, "has no effect on articles that are pushed one by one")
    }

    /// Refuses what has no effect without files.
    fn check_source(&self) -> Result<(), Error> {
        let without_effect = [
            ("hidden", self.hidden.is_some()),
            ("ignore_rules", self.ignore_rules.is_some()),
            ("read_buffer", self.read_buffer.is_some()),
        ];
        refuse(without_effect, "has no effect on what is not read from files")
    }

    pub(crate) fn check(&self) -> Result<Config, Error> {
        let criteria = self.criteria()?;
        let (names, fields) = self.fields()?;
        let limits = self.limits.unwrap_or_default();
        if let Err(text) = limits.check() {
            return problem("limits", text);
        }
        let threads = self.thread_count()?;
        if self.read_buffer == Some(0) {
            return problem("read_buffer", "0 bytes at a time never end");
        }
        #[cfg(feature = "index")]
        if self.versions.is_some() && self.index.is_none() {
            return problem("versions", "has no effect without an index");
        }
        #[cfg(feature = "index")]
        if self.against.is_some() && self.index.is_some() {
            return problem("against", "cannot be heeded while another index is written");
        }
        #[cfg(not(feature = "ignore"))]
        if self.ignore_rules == Some(true) {
            return problem("ignore_rules", "needs the feature `ignore` of the crate `dedup`");
        }
        if let Some(lack) = self.format.and_then(Format::lack) {
            return problem("format", lack.to_string());
        }
        let settings = Settings {
            format: self.format,
            limits,
            strict: self.strict_encoding.unwrap_or(false),
            names,
            fields,
        };
        Ok(Config {
            #[cfg(feature = "index")]
            index: self.index.clone(),
            #[cfg(feature = "index")]
            versions: self.versions.unwrap_or_default(),
            #[cfg(feature = "index")]
            against: self.against.clone(),
            criteria,
            threads,
            settings: Arc::new(settings),
            rules: Rules {
                hidden: self.hidden.unwrap_or(true),
                #[cfg(feature = "ignore")]
                ignore_rules: self.ignore_rules.unwrap_or(false),
            },
            read_buffer: self.read_buffer.unwrap_or(1 << 20),
            memory: self.memory.unwrap_or(Self::MEMORY),
            on_error: self.on_error.unwrap_or_default(),
            progress: self.progress.clone(),
        })
    }

    /// What a repeat is, and what becomes of it.
    fn criteria(&self) -> Result<Criteria, Error> {
        let min_span = self.min_span.unwrap_or(200);
        if !(Self::LEAST_SPAN..=Self::GREATEST_SPAN).contains(&min_span) {
            let range =
                format!("{min_span} is not from {} to {}", Self::LEAST_SPAN, Self::GREATEST_SPAN);
            return problem("min_span", range);
        }
        if let Some(bytes) = self.min_paragraph.filter(|&bytes| bytes >= min_span) {
            let text = format!(
                "{bytes} has no effect: {min_span} bytes, the min_span, are a repeat anyway"
            );
            return problem("min_paragraph", text);
        }
        if self.min_paragraph == Some(0) {
            return problem("min_paragraph", "0: a paragraph has at least one byte");
        }
        #[cfg(not(feature = "sentences"))]
        if self.cut == Some(Cut::Sentence) {
            return problem("cut", "needs the feature `sentences` of the crate `dedup`");
        }
        if let Some(WithinArticle::RemoveFrom(bytes)) = self.within_article
            && !(min_span..=Self::GREATEST_SPAN).contains(&bytes)
        {
            let range = Self::GREATEST_SPAN;
            let text = format!("{bytes} is not from {min_span}, the min_span, to {range}");
            return problem("within_article", text);
        }
        let near = match self.near {
            None => None,
            Some(share) => match Share::new(share) {
                Some(share) => Some(share),
                None => return problem("near", format!("{share} is not from 0.5 to 1")),
            },
        };
        Ok(Criteria {
            scheme: Scheme::new(min_span),
            min_paragraph: self.min_paragraph.unwrap_or(Self::MIN_PARAGRAPH).min(min_span),
            within_article: self.within_article.unwrap_or_default(),
            near,
            cut: self.cut.unwrap_or_default(),
        })
    }

    fn thread_count(&self) -> Result<NonZero<usize>, Error> {
        match self.threads {
            None => Ok(all_cores()),
            Some(threads @ Self::MOST_THREADS..) => {
                problem("threads", format!("{threads} is {} or more", Self::MOST_THREADS))
            }
            Some(threads) => match NonZero::new(threads) {
                Some(threads) => Ok(threads),
                None => problem("threads", "0: somebody has to do the work"),
            },
        }
    }

    /// The names of the fields, and the same as paths.
    fn fields(&self) -> Result<(Vec<(String, Field)>, Fields), Error> {
        let all = [
            ("text_field", &self.text_field, "text", Field::Text),
            ("id_field", &self.id_field, "id", Field::Id),
            ("title_field", &self.title_field, "title", Field::Title),
            ("date_field", &self.date_field, "date", Field::Date),
            ("language_field", &self.language_field, "language", Field::Language),
        ];
        let without_fields = self.format.filter(|format| !format.has_fields());
        let mut names = Vec::new();
        let mut fields = Fields::default();
        // A default gives way to what was set.
        for (option, name, _, field) in &all {
            if let Some(name) = name {
                if let Some(format) = without_fields {
                    return problem(option, format!("has no effect on the format {format}"));
                }
                if !fields.add(name, *field) {
                    return problem(option, format!("{name} is, or lies in, another field"));
                }
                names.push((name.clone(), *field));
            }
        }
        for (option, name, default, field) in all {
            if name.is_none() {
                if fields.add(default, field) {
                    names.push((default.to_owned(), field));
                } else if field == Field::Text {
                    let text =
                        format!("has to be set: its default, {default}, is or holds another field");
                    return problem(option, text);
                }
            }
        }
        names.sort_by_key(|(_, field)| *field != Field::Text);
        Ok((names, fields))
    }
}

/// As many threads as the machine has cores, as far as it says.
pub(crate) fn all_cores() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// The files below some paths, but for those of an index of its own.
fn files<P: AsRef<Path>>(
    config: &Config,
    own: Vec<PathBuf>,
    paths: impl IntoIterator<Item = P>,
) -> Result<Files, Error> {
    let paths = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
    Files::new(paths, own, config.rules, config.read_buffer, config.progress.is_some())
}

/// An error for the first of some options that is set; `why` says what is wrong with that.
fn refuse(options: impl IntoIterator<Item = (&'static str, bool)>, why: &str) -> Result<(), Error> {
    match options.into_iter().find(|(_, is_set)| *is_set) {
        Some((option, _)) => problem(option, why),
        None => Ok(()),
    }
}

fn problem<T>(option: &'static str, problem: impl Into<String>) -> Result<T, Error> {
    Err(Error::Option { option, problem: problem.into() })
}

/// Options that were checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) criteria: Criteria,
    pub(crate) threads: NonZero<usize>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) rules: Rules,
    pub(crate) read_buffer: usize,
    pub(crate) memory: usize,
    pub(crate) on_error: OnError,
    pub(crate) progress: Option<Callback>,
    #[cfg(feature = "index")]
    pub(crate) index: Option<PathBuf>,
    #[cfg(feature = "index")]
    pub(crate) against: Option<PathBuf>,
    #[cfg(feature = "index")]
    pub(crate) versions: Versions,
}
