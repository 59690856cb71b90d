//! The engine: one article after another, on the caller's thread.

mod preparer;
#[cfg(feature = "index")]
mod stored;

use std::sync::Arc;

pub use self::preparer::{PreparedDocument, Preparer};
use crate::admit::Admission;
use crate::article::{Article, Repeat};
use crate::criteria::Criteria;
use crate::error::Error;
use crate::forms::Spare;
use crate::index::Index;
use crate::index::originals::Originals;
use crate::options::{Config, Options};
use crate::prepare::{How, Prepared};
use crate::report::Reporter;
#[cfg(feature = "index")]
use crate::source::free_number;
use crate::source::{Document, Numbers, RawArticle};
use crate::stats::Stats;
#[cfg(feature = "index")]
use crate::store::{self, IndexError, Recipe, Writer};

/// Takes articles one by one and gives them back with what they repeat.
///
/// This is the engine under [`ingest`](crate::ingest), for callers whose articles come from a
/// queue, a crawler or a database. "Earlier" means pushed earlier.
///
/// Articles are worked on by the caller's thread. To use several, let them come through
/// [`Options::source`], or have a [`Preparer`] do what can be done before an article is pushed.
///
/// # Examples
///
/// ```
/// let mut deduper = dedup::Deduper::new();
/// let body = "The harbour was quiet that night, and only the gulls kept the watchman company.";
/// assert_eq!(deduper.push("monday", body)?.text(), body);
///
/// let tuesday = deduper.push("tuesday", format!("{body}\nThen it rained."))?;
/// assert_eq!(tuesday.text(), format!("{body}\nThen it rained."), "79 bytes are below `min_paragraph`");
///
/// let mut deduper = dedup::Options::new().min_paragraph(40).deduper()?;
/// deduper.push("monday", body)?;
/// let tuesday = deduper.push("tuesday", format!("{body}\nThen it rained."))?;
/// assert_eq!(tuesday.text(), "Then it rained.");
/// assert_eq!(&*tuesday.blocks()[0].sources[0].first.id, "monday");
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Debug)]
pub struct Deduper {
    admission: Admission,
    reporter: Reporter,
    /// The last number that was an article's id, as it came without one.
    last_number: u64,
    #[cfg(feature = "index")]
    writer: Option<Box<Writer>>,
}

impl Deduper {
    /// An engine with the default [`Options`].
    pub fn new() -> Self {
        Options::new().deduper().expect("BUG: the defaults are possible")
    }

    pub(crate) fn with_config(config: &Config) -> Result<Self, Error> {
        #[cfg(feature = "index")]
        if let Some(path) = &config.index {
            let writer = Writer::open(path, Recipe::new(&config.criteria))?
                .with_threads(config.threads)
                .with_versions(config.versions);
            return Ok(Self::writing(writer, config.criteria)?.with_memory(config.memory));
        }
        let mut deduper = Self::in_memory(config)?;
        if config.threads.get() > 1 {
            deduper.use_threads_for_memory();
        }
        Ok(deduper.with_memory(config.memory))
    }

    /// An engine that writes no index on disk, though it may stand on one.
    #[cfg_attr(not(feature = "index"), expect(clippy::unnecessary_wraps))]
    fn in_memory(config: &Config) -> Result<Self, Error> {
        #[cfg(feature = "index")]
        if let Some(path) = &config.against {
            return store::Index::open(path)?.engine(&config.criteria);
        }
        Ok(Self::on(Index::default(), Originals::default(), config.criteria))
    }

    /// Has memory made ready, and what is beyond the budget written, on other threads.
    fn use_threads_for_memory(&mut self) {
        self.admission.index.texts.log().use_threads();
        self.reporter.originals.log().use_threads();
    }

    fn with_memory(self, memory: usize) -> Self {
        let admission = self.admission.with_memory(memory);
        let reporter = self.reporter.with_memory(admission.memory_of_originals());
        Self { admission, reporter, ..self }
    }

    fn on(index: Index, originals: Originals, criteria: Criteria) -> Self {
        let admission = Admission::new(index, criteria);
        let memory = admission.memory_of_originals();
        Self {
            admission,
            reporter: Reporter::new(originals, memory, Spare::default()),
            last_number: 0,
            #[cfg(feature = "index")]
            writer: None,
        }
    }

    /// Takes the next article.
    ///
    /// # Errors
    ///
    /// - If the article is longer than 1.4 GB, or the index is full. Neither changes the index.
    /// - If kept text cannot be written to a temporary file or read from it ([`Options::memory`]).
    ///   After a failure to read, every later call fails too.
    /// - If an index on disk cannot be read, after which every later call fails too, or has this
    ///   very article already (see `push_new`).
    ///
    /// # Complexity
    ///
    /// Linear in the length of the text, whatever was pushed before.
    pub fn push(
        &mut self,
        id: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<Article, Error> {
        let article = RawArticle::pushed(id, text);
        #[cfg(feature = "index")]
        let id = article.id.clone();
        match self.take_raw(article)? {
            Some(article) => Ok(article),
            #[cfg(feature = "index")]
            None => {
                let writer = self.writer.as_ref().expect("BUG: nothing is known without an index");
                Err(writer.wrap(IndexError::Unchanged { id: id.to_string() }))
            }
            #[cfg(not(feature = "index"))]
            None => unreachable!("BUG: nothing is known without an index"),
        }
    }

    /// Takes the next article, unless the index on disk has it already with the same content. Then
    /// there is nothing to do, and this returns `None`.
    ///
    /// Needs the feature `index`.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push) otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("news.dedup");
    /// let mut deduper = dedup::Options::new().index(&dir).deduper()?;
    /// let notice = "The ferry does not run on Sunday.";
    /// assert!(deduper.push_new("notice", notice)?.is_some());
    /// assert!(deduper.push_new("notice", notice)?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "index")]
    pub fn push_new(
        &mut self,
        id: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<Option<Article>, Error> {
        self.take_raw(RawArticle::pushed(id, text))
    }

    /// Takes the next article with all that is known of it: title and date stay with it, in the
    /// index on disk too, and its language decides where sentences end. Returns `None` if the index
    /// on disk has it already with the same content, whatever else is said of it now.
    ///
    /// A document without an id is named by its number, from 1. With an index on disk it gets the next
    /// number that is no article's id, so it is new whenever it comes.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push) otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut deduper = dedup::Deduper::new();
    /// let mut document = dedup::Document::new("4711", "The ferry does not run on Sunday.");
    /// document.title = Some("Notice".to_owned());
    /// let article = deduper.push_document(document)?.expect("no index on disk has it");
    /// assert_eq!((article.id(), article.title()), ("4711", Some("Notice")));
    /// # Ok::<(), dedup::Error>(())
    /// ```
    pub fn push_document(&mut self, mut document: Document) -> Result<Option<Article>, Error> {
        let id = document.id.take().map(Arc::from);
        self.take_named(id, |deduper, id| {
            deduper.take_raw(RawArticle::of(document, id, None, None))
        })
    }

    /// Where the runs of a text stood, in articles that were pushed or that an index on disk has. Nothing
    /// is taken in: what is pushed later is not held against the text.
    ///
    /// A text of less than `min_span` bytes is found only where it was a whole paragraph, of at least
    /// `min_paragraph` bytes. What the text has of itself is not among the runs, so of text that goes
    /// on repeating itself after a few bytes, as a row of dashes does, only the first part is. Nor are
    /// near copies.
    ///
    /// A run is as long as it can be, so its source may be a later article than the first that has a part of
    /// it, and may have been removed there.
    ///
    /// # Errors
    ///
    /// If the text is longer than 1.4 GB, or a temporary file or an index on disk cannot be read.
    ///
    /// # Complexity
    ///
    /// Linear in the length of the text, whatever was pushed before.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut deduper = dedup::Deduper::new();
    /// let notice = "The reading room closes at noon on Saturday, and opens again on Tuesday at nine in the morning.";
    /// deduper.push("notices", format!("To all readers.\n\n{notice}"))?;
    ///
    /// let repeats = deduper.find(notice)?;
    /// assert_eq!((&*repeats[0].source.id, &repeats[0].source.range), ("notices", &(17..112)));
    /// assert_eq!(deduper.stats().articles, 1);
    /// # Ok::<(), dedup::Error>(())
    /// ```
    pub fn find(&mut self, text: &str) -> Result<Vec<Repeat>, Error> {
        let query = self.prepare(RawArticle::pushed("", text))?;
        let repeats = self.find_in(&query)?;
        self.reporter.spare().give(query.forms);
        Ok(repeats)
    }

    fn find_in(&mut self, query: &Prepared) -> Result<Vec<Repeat>, Error> {
        let matches = self.admission.find(query)?;
        self.reporter.find(query, &matches)
    }

    /// Takes an article by its id, or else by its number.
    fn take_named<T>(
        &mut self,
        id: Option<Arc<str>>,
        take: impl FnOnce(&mut Self, Arc<str>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let number = if id.is_some() { self.last_number } else { self.next_number() };
        let article = take(self, id.unwrap_or_else(|| number.to_string().into()))?;
        self.last_number = number;
        Ok(article)
    }

    /// What the documents of a stream are called that have no id.
    pub(crate) fn numbers(&self) -> Numbers {
        let last = self.reporter.originals.len() as u64;
        #[cfg(feature = "index")]
        if let Some(writer) = &self.writer {
            let known = writer.committed().clone();
            return Numbers::behind(last, move |id| known.has(id));
        }
        #[cfg(feature = "index")]
        if let Some(base) = self.admission.index.beneath.clone() {
            return Numbers::behind(last, move |id| base.has(id));
        }
        Numbers::behind(last, |_| false)
    }

    /// What an article without an id is called.
    fn next_number(&self) -> u64 {
        // From the last one on, as after a withdrawal the numbers that are taken may be many.
        let first = self.last_number.max(self.reporter.originals.len() as u64) + 1;
        #[cfg(feature = "index")]
        if let Some(writer) = &self.writer {
            return free_number(first, |id| writer.has(id));
        }
        #[cfg(feature = "index")]
        if let Some(base) = &self.admission.index.beneath {
            return free_number(first, |id| base.has(id));
        }
        first
    }

    /// Takes an article that nothing was done with yet; only a hash of it is made if the index on
    /// disk has it already.
    fn take_raw(&mut self, article: RawArticle) -> Result<Option<Article>, Error> {
        #[cfg(feature = "index")]
        if self.writer.is_some() {
            let digest = blake3::hash(article.text.as_bytes());
            return self.admit(Prepared::unprepared(article, digest));
        }
        let prepared = self.prepare(article)?;
        self.admit(prepared)
    }

    fn prepare(&self, article: RawArticle) -> Result<Prepared, Error> {
        Prepared::of(article, self.admission.criteria(), self.reporter.spare())
    }

    /// Says no after an error that left the index incomplete.
    fn check(&self) -> Result<(), Error> {
        #[cfg(feature = "index")]
        if let Some(writer) = self.writer.as_ref().filter(|_| self.admission.broken) {
            return Err(writer.wrap(IndexError::Poisoned));
        }
        self.admission.check()
    }

    /// Has articles reported that other threads prepare.
    pub(crate) fn use_threads(&mut self) {
        self.reporter.threads = true;
    }

    /// What articles for this engine are prepared by.
    pub(crate) fn how(&self) -> How {
        How {
            criteria: *self.admission.criteria(),
            spare: self.reporter.spare().clone(),
            #[cfg(feature = "index")]
            known: self.writer.as_ref().map(|writer| writer.committed().clone()),
        }
    }

    /// The stages that an article goes through, for those who have each on another thread.
    pub(crate) fn into_stages(self) -> (Admission, Reporter) {
        (self.admission, self.reporter)
    }

    /// Totals so far.
    pub fn stats(&self) -> Stats {
        #[cfg_attr(not(feature = "index"), expect(unused_mut, reason = "nothing else takes any"))]
        let mut size = self.admission.size();
        #[cfg(feature = "index")]
        if let Some(writer) = &self.writer {
            size.memory += writer.memory();
        }
        self.reporter.stats_beside(size)
    }

    /// Takes the next article, all but the index done. None if it is in the index already.
    pub(crate) fn admit(&mut self, prepared: Prepared) -> Result<Option<Article>, Error> {
        self.check()?;
        #[cfg(feature = "index")]
        let Some(prepared) = self.unless_known(prepared)? else {
            self.reporter.stats.unchanged += 1;
            return Ok(None);
        };
        self.take(prepared).map(Some)
    }

    /// Takes an article with all that is known of it.
    fn take(&mut self, prepared: Prepared) -> Result<Article, Error> {
        #[cfg(feature = "index")]
        let digest = prepared.digest;
        self.reporter.spill()?; // before the index is changed
        let admitted = self.admission.admit(prepared)?;
        // Whatever happens before it is noted: what is committed would be shifted against what is noted.
        self.admission.broken = true;
        let article = self.reporter.report(admitted)?;
        #[cfg(feature = "index")]
        if let (Some(writer), Some(digest)) = (&mut self.writer, digest) {
            writer.note(&article, digest);
        }
        self.admission.broken = false;
        Ok(article)
    }
}

impl Default for Deduper {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "The ferry across the lower reach does not run on Sunday, says the harbour \
        office, because the cable has to be greased before the ice comes.";

    fn second(first: &str, second: &str) -> Article {
        let mut deduper = Deduper::new();
        deduper.push("first", first).unwrap();
        deduper.push("second", second).unwrap()
    }

    #[test]
    fn the_line_breaks_that_part_more_stay() {
        for (original, text) in [
            (format!("A\n{REPORT}\n\nB\n"), "A\n\nB\n"),
            (format!("A\n\n{REPORT}\nB\n"), "A\n\nB\n"),
            (format!("A\n{REPORT}\nB\n"), "A\nB\n"),
            (format!("A\r\n{REPORT}\r\n\r\nB"), "A\r\n\r\nB"),
            (format!("{REPORT}\n\nB\n"), "B\n"),
            (format!("A\n\n{REPORT}\n"), "A"),
            (REPORT.to_owned(), ""),
        ] {
            let article = second(REPORT, &original);
            assert_eq!(article.text(), text, "{original:?}");
            assert_eq!(article.blocks().len(), 1);
        }
    }

    #[test]
    fn lines_that_repeat_themselves_are_one_block_of_one_period() {
        let mut deduper = Deduper::new();
        let article = deduper.push("x", "x\n".repeat(10_000)).unwrap();
        assert_eq!(article.text(), "x");
        let [block] = article.blocks() else { panic!("{} blocks", article.blocks().len()) };
        assert_eq!(block.sources.len(), 1);
        assert_eq!(block.sources[0].first.range, 0..1);
        assert_eq!(block.sources[0].range, 2..19_999);
    }

    #[test]
    fn many_periodic_stretches_do_not_slow_each_other_down() {
        // Sixteen times the stretches took 200 times as long when each anchor looked at all.
        let rules = |count: usize| {
            let runs = (0..count).map(|i| format!("{}x", "-".repeat(200 + i * 37 % 400)));
            runs.collect::<String>()
        };
        let time = |count: usize| {
            let text = rules(count);
            let start = std::time::Instant::now();
            Deduper::new().push("rules", text).unwrap();
            start.elapsed()
        };
        time(500);
        let (few, many) = (time(500), time(8000));
        assert!(many < few * 100, "{few:?} for 500, {many:?} for 8000");
    }

    #[test]
    fn a_source_in_two_parts_is_named_in_two_parts() {
        let mut deduper = Deduper::new();
        let other = REPORT.replace("ferry", "chain ferry").replace("Sunday", "Monday");
        deduper.push("a", REPORT).unwrap();
        deduper.push("b", format!("{other}\n{REPORT}")).unwrap();
        let copy = deduper.push("c", format!("{other}\n{REPORT}")).unwrap();
        assert_eq!(copy.text(), "");
        let [block] = copy.blocks() else { panic!("{} blocks", copy.blocks().len()) };
        let firsts: Vec<&str> = block.sources.iter().map(|source| &*source.first.id).collect();
        assert_eq!(firsts, ["b", "a"]);
    }

    #[test]
    fn a_short_paragraph_repeats_a_whole_one_and_not_its_like_nearby() {
        let mut deduper = Options::new().min_span(32).min_paragraph(8).deduper().unwrap();
        deduper.push("first", "-\n- - - - -").unwrap();
        let second = deduper.push("second", "- - - - -").unwrap();
        let [repeat] = second.repeats() else { panic!("{:?}", second.repeats()) };
        assert_eq!(repeat.source.range, 2..11);
    }

    #[test]
    fn an_article_knows_what_it_repeats() {
        let novelty = |article: &Article| (article.novelty() * 100.0).round();
        let mut deduper = Deduper::new();
        let other = REPORT.replace("ferry", "tram").replace("Sunday", "Monday");
        let first = deduper.push("first", REPORT).unwrap();
        assert!((novelty(&first), first.is_repeat(), first.closest()) == (100.0, false, None));
        deduper.push("second", other.as_str()).unwrap();
        let empty = deduper.push("empty", "\n").unwrap();
        assert!((novelty(&empty), empty.is_repeat(), empty.closest()) == (0.0, false, None));
        let copy = deduper.push("copy", format!("\n{REPORT}\n\n")).unwrap();
        assert!((novelty(&copy), copy.is_repeat(), copy.number()) == (0.0, true, 3));
        assert_eq!(copy.closest().map(|closest| closest.article), Some(0));
        let both = deduper.push("both", format!("{other}\n\n{REPORT}\n\nNew.")).unwrap();
        let closest = both.closest().unwrap();
        assert_eq!((closest.article, &*closest.id), (0, "first"));
        assert!((0.45..0.55).contains(&closest.share), "{closest:?}");
        assert!((1.0..5.0).contains(&novelty(&both)) && !both.is_repeat());
        // Its own text is no earlier article.
        let unseen = REPORT.replace("ferry", "funicular").replace("cable", "rope");
        let doubled = deduper.push("doubled", format!("{unseen}\n\n{unseen}")).unwrap();
        assert_eq!(doubled.blocks().len(), 1);
        assert_eq!(doubled.closest(), None);
    }

    #[test]
    fn nothing_is_new_of_paragraphs_that_stood_in_different_articles() {
        let other = REPORT.replace("ferry", "tram").replace("Sunday", "Monday");
        let mut deduper = Deduper::new();
        deduper.push("first", REPORT).unwrap();
        deduper.push("second", other.as_str()).unwrap();
        let both = deduper.push("both", format!("{other}\n\n{REPORT}")).unwrap();
        assert!(both.is_repeat() && both.novelty() == 0.0, "{}", both.novelty());
    }

    #[test]
    fn a_paragraph_that_stands_whole_elsewhere_does_not_go_on_in_another() {
        let paragraphs: Vec<String> = [3, 5, 7, 11]
            .map(|n| {
                let word = |k: usize| format!(" {}", n * (k + 90) * (k + 100));
                let words: String = (0..40).map(word).collect();
                format!("Notice{words}.")
            })
            .to_vec();
        let mut deduper = Deduper::new();
        let first = deduper.push("first", paragraphs.join("\n")).unwrap();
        let order = [2, 1, 3, 0];
        let other = order.map(|number| paragraphs[number].as_str()).join("\n");
        let second = deduper.push("second", other).unwrap();
        assert_eq!(second.blocks().len(), 4);
        for (block, number) in second.blocks().iter().zip(order) {
            let [source] = &*block.sources else { panic!("{block:?}") };
            assert_eq!((&source.range, &*source.first.id), (&block.range, "first"));
            assert_eq!(source.first.range, first.paragraphs()[number]);
        }
    }

    #[cfg(feature = "index")]
    #[test]
    fn threads_write_what_is_beyond_the_memory_whether_an_index_is_beneath_or_not() {
        let dir = tempfile::tempdir().unwrap();
        Options::new().index(dir.path()).deduper().unwrap().checkpoint().unwrap();
        let config = |options: &Options, threads| {
            let threads = std::num::NonZero::new(threads).unwrap();
            Config { threads, ..options.check().unwrap() }
        };
        let uses_threads = |deduper: &mut Deduper| {
            let logs = [deduper.admission.index.texts.log(), deduper.reporter.originals.log()];
            logs.map(|log| log.uses_threads())
        };
        for options in [&Options::new(), &*Options::new().against(dir.path())] {
            for threads in [1, 2] {
                let mut deduper = Deduper::with_config(&config(options, threads)).unwrap();
                assert_eq!(uses_threads(&mut deduper), [threads > 1; 2]);
            }
        }
        let mut options = Options::new();
        options.index(dir.path()).versions(crate::Versions::Replace);
        for threads in [1, 2] {
            let mut deduper = Deduper::with_config(&config(&options, threads)).unwrap();
            // The second time, what was committed is an older version.
            for text in ["new", "newer"] {
                deduper.push("notice", format!("{text} with {threads}")).unwrap();
                assert_eq!(uses_threads(&mut deduper), [threads > 1; 2]);
                deduper.checkpoint().unwrap();
            }
            assert_eq!(uses_threads(&mut deduper), [threads > 1; 2]);
        }
    }

    #[test]
    fn line_breaks_are_no_share_of_the_closest() {
        let mut deduper = Deduper::new();
        let text = format!("{REPORT} {}", REPORT.to_uppercase());
        let lines = text.replace(' ', "\n\n\n\n");
        deduper.push("first", lines.as_str()).unwrap();
        let second = deduper.push("second", format!("New, and a word.\n\n{lines}")).unwrap();
        let share = second.closest().unwrap().share;
        assert!((0.9..0.95).contains(&share), "{share}");
    }
}
