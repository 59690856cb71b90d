//! Preparing: what can be done for an article without the others, by any thread.

#[cfg(feature = "index")]
use std::sync::Arc;

use crate::article::Parts;
use crate::criteria::Criteria;
use crate::error::Error;
use crate::forms::{Forms, Spare};
use crate::source::RawArticle;
#[cfg(feature = "index")]
use crate::store::{Contents, Status};
use crate::stream::Prepare;

/// The longest article, in bytes: canonical offsets have 32 bits, and normalisation can lengthen a
/// text threefold.
pub(crate) const LONGEST: usize = (u32::MAX / 3) as usize;

pub(crate) fn check_length(id: &str, text: &str) -> Result<(), Error> {
    if text.len() > LONGEST {
        let (len, limit) = (text.len() as u64, LONGEST as u64);
        return Err(Error::TooLong { id: id.to_owned(), len, limit });
    }
    Ok(())
}

/// What can be known of an article without the others.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What the caller gets as it is.
    pub(crate) parts: Parts,
    pub(crate) forms: Box<Forms>,
    /// With an index on disk.
    #[cfg(feature = "index")]
    pub(crate) digest: Option<blake3::Hash>,
}

/// What articles are prepared by.
pub(crate) struct How {
    pub(crate) criteria: Criteria,
    pub(crate) spare: Spare,
    /// The articles that need no work if they come again as they were.
    #[cfg(feature = "index")]
    pub(crate) known: Option<Arc<Contents>>,
}

impl Prepare for Prepared {
    type How = How;

    fn prepare(article: RawArticle, how: &How) -> Result<Self, Error> {
        #[cfg(feature = "index")]
        if let Some(known) = &how.known {
            return Self::unless_known(article, known, how);
        }
        Self::of(article, &how.criteria, &how.spare)
    }
}

impl Prepared {
    /// With its digest; only that if the article is known.
    #[cfg(feature = "index")]
    fn unless_known(
        article: RawArticle,
        known: &Contents,
        How { criteria, spare, .. }: &How,
    ) -> Result<Self, Error> {
        let digest = blake3::hash(article.text.as_bytes());
        if known.status(&article.id, &digest) == Status::Unchanged {
            return Ok(Self::unprepared(article, digest));
        }
        let prepared = Self::of(article, criteria, spare)?;
        Ok(Self { digest: Some(digest), ..prepared })
    }

    /// An article that is in the index already; if another version came since, it needs work after all.
    #[cfg(feature = "index")]
    pub(crate) fn unprepared(article: RawArticle, digest: blake3::Hash) -> Self {
        let RawArticle { id, provenance, text } = article;
        let parts = Parts { id, provenance, original: text, paragraphs: Vec::new() };
        Self { parts, forms: Box::default(), digest: Some(digest) }
    }

    /// Whether it is such an article, or one without paragraphs, which may as well be prepared again.
    #[cfg(feature = "index")]
    pub(crate) fn is_unprepared(&self) -> bool {
        self.digest.is_some() && self.parts.paragraphs.is_empty()
    }

    /// The article with which nothing was done yet.
    pub(crate) fn into_raw(self) -> RawArticle {
        let Parts { id, provenance, original: text, .. } = self.parts;
        RawArticle { id, provenance, text }
    }

    /// Has the caller get a copy of short parts, in memory of its own thread; those that another
    /// thread allocated go back to be freed with the forms.
    pub(crate) fn copy_short_parts(&mut self) {
        if self.parts.is_short() {
            let copied = self.parts.copied();
            self.forms.passed = Some(std::mem::replace(&mut self.parts, copied));
        }
    }

    pub(crate) fn of(
        article: RawArticle,
        criteria: &Criteria,
        spare: &Spare,
    ) -> Result<Self, Error> {
        let RawArticle { id, provenance, text } = article;
        check_length(&id, &text)?;
        let mut forms = spare.take();
        let paragraphs = forms.refill(&text, criteria);
        Ok(Self {
            parts: Parts { id, provenance, original: text, paragraphs },
            forms,
            #[cfg(feature = "index")]
            digest: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::options::Options;
    use crate::source::Document;

    #[test]
    fn the_caller_gets_short_parts_in_memory_of_its_own() {
        let criteria = Options::new().check().unwrap().criteria;
        let spare = Spare::default();
        let long = "x".repeat(1 << 13);
        for (text, title, is_copied) in
            [("Der Föhn.\n\nEr weht.", "Wetter", true), (&long, "", false), ("kurz", &long, false)]
        {
            let mut document = Document::new("4711", text);
            (document.title, document.language) = (Some(title.to_owned()), Some("de".into()));
            let path = Some(Arc::new("news.jsonl".into()));
            let raw = RawArticle::of(document, "4711".to_owned(), path, Some(3));
            let mut prepared = Prepared::of(raw, &criteria, &spare).unwrap();
            let Parts { id, provenance, original, paragraphs } = &prepared.parts;
            let before = Parts {
                id: id.clone(),
                provenance: provenance.clone(),
                original: original.clone(),
                paragraphs: paragraphs.clone(),
            };
            let place = original.as_ptr();
            prepared.copy_short_parts();
            assert_eq!(prepared.parts, before);
            let was_copied = prepared.parts.original.as_ptr() != place;
            assert_eq!((was_copied, prepared.forms.passed.is_some()), (is_copied, is_copied));
            spare.give(prepared.forms);
            let mut forms = spare.take();
            forms.refill("", &criteria);
            assert!(forms.passed.is_none());
        }
    }
}
