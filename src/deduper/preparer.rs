//! Preparing apart from the engine, for callers that have threads of their own.

use std::fmt;
use std::sync::Arc;

use super::Deduper;
use crate::article::{Article, Repeat};
use crate::criteria::Criteria;
use crate::error::Error;
use crate::prepare::{How, Prepared};
use crate::source::{Document, RawArticle};
use crate::stream::Prepare;

/// Prepares documents for a [`Deduper`], on any thread.
///
/// Several threads that push into one engine share it behind a lock, and who holds that works while all
/// others wait. A third to half of the work on an article takes no other articles, and a preparer does
/// that before the lock is taken. A clone is cheap, and works for the same engine.
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
///
/// let deduper = dedup::Deduper::new();
/// let preparer = deduper.preparer();
/// let deduper = Mutex::new(deduper);
/// let report = "The ferry does not run on Sunday, as the cable has to be greased before the ice comes.";
/// let push = |id: &str| -> Result<_, dedup::Error> {
///     let prepared = preparer.prepare(dedup::Document::new(id, report))?;
///     deduper.lock().unwrap().push_prepared(prepared)
/// };
/// let (first, second) = std::thread::scope(|scope| {
///     let other = scope.spawn(|| push("courier"));
///     (push("herald"), other.join().unwrap())
/// });
/// let articles = [first?, second?].map(|article| article.expect("no index on disk has it"));
/// assert_eq!(articles.iter().filter(|article| article.is_repeat()).count(), 1);
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Clone)]
pub struct Preparer(Arc<How>);

impl Preparer {
    /// Does what can be done for a document without the others.
    ///
    /// # Errors
    ///
    /// If its text is longer than 1.4 GB.
    ///
    /// # Complexity
    ///
    /// Linear in the length of the text.
    pub fn prepare(&self, mut document: Document) -> Result<PreparedDocument, Error> {
        let id = document.id.take();
        let is_named = id.is_some();
        let article = RawArticle::of(document, id.unwrap_or_default(), None, None);
        let prepared = Prepared::prepare(article, &self.0)?;
        Ok(PreparedDocument { prepared, is_named, criteria: self.0.criteria })
    }
}

impl fmt::Debug for Preparer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preparer").field("criteria", &self.0.criteria).finish_non_exhaustive()
    }
}

/// A document that [`Deduper::push_prepared`] takes. Until then it holds the text, its canonical form, and what
/// that is looked up by.
#[must_use = "what is not pushed was prepared for nothing"]
pub struct PreparedDocument {
    prepared: Prepared,
    /// Whether the document has an id of its own.
    is_named: bool,
    /// What it was prepared by.
    criteria: Criteria,
}

impl PreparedDocument {
    /// The id of the document, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.is_named.then_some(&*self.prepared.parts.id)
    }

    /// The text of the document.
    pub fn text(&self) -> &str {
        &self.prepared.parts.original
    }

    /// Whether an engine with some criteria can do without preparing the document once more.
    fn is_ready(&self, criteria: &Criteria) -> bool {
        #[cfg(feature = "index")]
        if self.prepared.is_unprepared() {
            return false;
        }
        self.criteria == *criteria
    }
}

/// Not the text.
impl fmt::Debug for PreparedDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedDocument").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Deduper {
    /// What prepares documents for this engine on other threads.
    pub fn preparer(&self) -> Preparer {
        Preparer(Arc::new(self.how()))
    }

    /// Takes the next article, of a document that was [prepared](Preparer::prepare).
    /// "Earlier" means pushed earlier, whichever was prepared first.
    ///
    /// In all else this is [`push_document`](Self::push_document). What was prepared for an engine
    /// with other [`Options`](crate::Options) is prepared once more.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), except that no article is too long.
    pub fn push_prepared(&mut self, document: PreparedDocument) -> Result<Option<Article>, Error> {
        let PreparedDocument { mut prepared, is_named, criteria } = document;
        let id = is_named.then(|| prepared.parts.id.clone());
        self.take_named(id, |deduper, id| {
            prepared.parts.id = id;
            if criteria != *deduper.admission.criteria() {
                prepared = deduper.prepare(prepared.into_raw())?;
            }
            deduper.admit(prepared)
        })
    }

    /// As [`find`](Self::find), of a document that was [prepared](Preparer::prepare): so whoever holds
    /// the engine does no more than look it up. It can be pushed afterwards.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find), except that no text is too long.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut deduper = dedup::Deduper::new();
    /// let preparer = deduper.preparer();
    /// let report = "The ferry does not run on Sunday, as the cable has to be greased before the ice comes.";
    /// deduper.push("herald", report)?;
    ///
    /// let letter = preparer.prepare(dedup::Document::new("letter", report))?;
    /// assert_eq!(&*deduper.find_prepared(&letter)?[0].source.id, "herald");
    /// # Ok::<(), dedup::Error>(())
    /// ```
    pub fn find_prepared(&mut self, document: &PreparedDocument) -> Result<Vec<Repeat>, Error> {
        if document.is_ready(self.admission.criteria()) {
            self.find_in(&document.prepared)
        } else {
            self.find(document.text())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    const REPORT: &str = "The ferry across the lower reach does not run on Sunday, says the harbour \
        office, because the cable has to be greased before the ice comes.";

    /// What is said of an article, but for the forms it took.
    fn said(article: &Article) -> String {
        format!("{:?}", (article.id(), article.title(), article.segments(), article.repeats()))
    }

    fn documents() -> impl Iterator<Item = Document> {
        let texts = [REPORT.to_owned(), format!("{REPORT}\n\nNew."), String::new(), REPORT.into()];
        texts.into_iter().cycle().take(40).enumerate().map(|(number, text)| {
            let mut document = Document::new(format!("{number}"), text);
            document.title = Some(format!("Report {number}"));
            if number % 3 == 0 {
                document.id = None;
            }
            document
        })
    }

    #[test]
    fn what_is_prepared_apart_is_taken_as_what_is_pushed() {
        let (mut pushed, mut deduper) = (Deduper::new(), Deduper::new());
        let preparer = deduper.preparer();
        let ready: Vec<PreparedDocument> = std::thread::scope(|scope| {
            let prepare = |document| scope.spawn(|| preparer.prepare(document).unwrap());
            let handles: Vec<_> = documents().map(prepare).collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        for (document, ready) in documents().zip(ready) {
            let expected = pushed.push_document(document).unwrap().unwrap();
            let article = deduper.push_prepared(ready).unwrap().unwrap();
            assert_eq!(said(&article), said(&expected));
        }
        assert_eq!(deduper.stats(), pushed.stats());
        assert_eq!(deduper.stats().blocks, 29);
    }

    #[test]
    fn what_other_options_prepared_is_prepared_once_more() {
        let other =
            Options::new().min_span(100).within_article(crate::WithinArticle::Keep).deduper();
        let preparer = other.unwrap().preparer();
        let (mut pushed, mut deduper) = (Deduper::new(), Deduper::new());
        for document in documents() {
            let expected = pushed.push_document(document.clone()).unwrap().unwrap();
            let document = preparer.prepare(document).unwrap();
            let article = deduper.push_prepared(document).unwrap().unwrap();
            assert_eq!(said(&article), said(&expected));
        }
        assert_eq!(deduper.stats(), pushed.stats());
    }

    #[cfg(feature = "index")]
    fn options_against(dir: &std::path::Path) -> Options {
        let mut options = Options::new();
        options.against(dir.join("news.dedup"));
        options
    }

    #[cfg(feature = "index")]
    #[test]
    fn what_an_index_on_disk_has_is_not_taken_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::new();
        options.index(dir.path().join("news.dedup"));
        let report = || Document::new("report", REPORT);
        let mut deduper = options.deduper().unwrap();
        let before = deduper.preparer();
        assert!(deduper.push_prepared(before.prepare(report()).unwrap()).unwrap().is_some());
        deduper.checkpoint().unwrap();
        for preparer in [before, deduper.preparer()] {
            let again = preparer.prepare(report()).unwrap();
            assert!(deduper.push_prepared(again).unwrap().is_none());
        }
        // What was known when it was prepared has another version when it is pushed.
        let old = deduper.preparer().prepare(report()).unwrap();
        deduper.push("report", "It runs.").unwrap();
        let again = deduper.push_prepared(old).unwrap().unwrap();
        assert_eq!((again.number(), again.text().as_ref()), (2, ""));
        // What this engine knows, another one may not.
        let preparer = deduper.preparer();
        let known = || preparer.prepare(report()).unwrap();
        let mut others = [Deduper::new(), options_against(dir.path()).deduper().unwrap()];
        assert_eq!(deduper.find_prepared(&known()).unwrap().len(), 1);
        for (other, text) in others.iter_mut().zip([REPORT, ""]) {
            let found = other.find_prepared(&known()).unwrap();
            assert_eq!(found.len(), usize::from(text.is_empty()));
            let taken = other.push_prepared(known()).unwrap().unwrap();
            assert_eq!((taken.paragraphs().len(), taken.text().as_ref()), (1, text));
            assert!(other.push("copy", REPORT).unwrap().is_repeat());
        }
        // And what has no id is new whatever is known.
        let mut unnamed = report();
        unnamed.id = None;
        let unnamed = deduper.preparer().prepare(unnamed).unwrap();
        assert_eq!(deduper.push_prepared(unnamed).unwrap().unwrap().id(), "4");
        deduper.checkpoint().unwrap();
        drop(deduper);
        let index = crate::Index::open(dir.path().join("news.dedup")).unwrap();
        index.verify().unwrap();
        assert_eq!(index.original("4").unwrap().as_deref(), Some(REPORT));
    }
}
