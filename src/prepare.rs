//! Preparing: what can be done for an article without the others, by any thread.

use std::ops::Range;
use std::sync::Arc;

use crate::article::Provenance;
use crate::criteria::Criteria;
use crate::error::Error;
use crate::forms::{Forms, Spare};
use crate::source::Parts;
#[cfg(feature = "index")]
use crate::store::{self, Known, Status};
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
    pub(crate) known: Option<Arc<Known>>,
}

impl Prepare for Prepared {
    type How = How;

    fn prepare(parts: Parts, how: &How) -> Result<Self, Error> {
        #[cfg(feature = "index")]
        if let Some(known) = &how.known {
            return Self::unless_known(parts, known, how);
        }
        let (id, provenance, text) = parts;
        Self::of_text(id, provenance, text.into(), &how.criteria, &how.spare)
    }
}

impl Prepared {
    /// With its digest; only that if the article is known.
    #[cfg(feature = "index")]
    fn unless_known(
        (id, provenance, text): Parts,
        known: &Known,
        How { criteria, spare, .. }: &How,
    ) -> Result<Self, Error> {
        let text = Text::from(text);
        let digest = blake3::hash(text.as_bytes());
        if store::status(known, &id, &digest) == Status::Unchanged {
            return Ok(Self::unprepared(id, provenance, text, digest));
        }
        let prepared = Self::of_text(id, provenance, text, criteria, spare)?;
        Ok(Self { digest: Some(digest), ..prepared })
    }

    /// An article that is in the index already; if another version came since, it needs work after all.
    #[cfg(feature = "index")]
    pub(crate) fn unprepared(
        id: Arc<str>,
        provenance: Provenance,
        original: Text,
        digest: blake3::Hash,
    ) -> Self {
        Self {
            id,
            provenance,
            original,
            paragraphs: Vec::new(),
            forms: Box::default(),
            digest: Some(digest),
        }
    }

    pub(crate) fn of_text(
        id: Arc<str>,
        provenance: Provenance,
        text: Text,
        criteria: &Criteria,
        spare: &Spare,
    ) -> Result<Self, Error> {
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
