//! Preparing: what can be done for an article without the others, by any thread.

use std::ops::Range;
use std::sync::Arc;

use crate::article::Provenance;
use crate::criteria::Criteria;
use crate::error::Error;
use crate::forms::{Forms, Spare};
use crate::source::RawArticle;
#[cfg(feature = "index")]
use crate::store::{Contents, Status};
use crate::stream::Prepare;
use crate::text::Text;

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
    pub(crate) id: Arc<str>,
    pub(crate) provenance: Provenance,
    pub(crate) original: Text,
    /// Only paragraphs that have canonical bytes.
    pub(crate) paragraphs: Vec<Range<usize>>,
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
        Self {
            id,
            provenance,
            original: text,
            paragraphs: Vec::new(),
            forms: Box::default(),
            digest: Some(digest),
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
            id,
            provenance,
            original: text,
            paragraphs,
            forms,
            #[cfg(feature = "index")]
            digest: None,
        })
    }
}
