//! What counts as a repeat, and what of it goes.

use std::fmt;
use std::str::FromStr;

use crate::anchors::Scheme;
use crate::error::Error;
#[cfg(feature = "serde")]
use crate::setting::word_or_number;
use crate::setting::{unknown, words};

/// The version of the rules for near copies and for sentences, those of the library that finds them
/// included: an index on disk that was made with either is of use only to the same one.
#[cfg(feature = "index")]
pub(crate) const VERSION: u32 = 7;

/// What is removed from an article where text is covered.
///
/// # Examples
///
/// ```
/// use dedup::{Cut, Options};
///
/// let notice = "the pool stays closed until the new boiler has been delivered, mounted and inspected, which the \
///               city expects to take three weeks if the weather allows the crane to be set up, and five if it \
///               does not, said the head of the department";
/// let mut deduper = Options::new().cut(Cut::Span).deduper()?;
/// deduper.push("monday", notice)?;
/// let tuesday = deduper.push("tuesday", format!("We hear that {notice} yesterday."))?;
/// assert_eq!(tuesday.text(), "We hear that yesterday.");
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cut {
    /// Paragraphs that are covered from end to end.
    #[default]
    Paragraph,
    /// Sentences that are covered from end to end, of paragraphs that are not.
    ///
    /// Needs the feature `sentences`; the module of that name says what a sentence is.
    Sentence,
    /// Whatever is covered, to the last whole word on either side.
    ///
    /// What is left of a paragraph may no longer be a sentence. Words are runs of letters, marks and digits;
    /// in scripts that do not separate words by spaces, every character is a word.
    Span,
}

words!(Cut, "cut", Paragraph: "paragraph", Sentence: "sentence", Span: "span");

/// What to do with text that came earlier in the same article, and in no article before.
///
/// [Near copies](crate::Options::near) of text in the same article are removed only with
/// [`Remove`](Self::Remove).
///
/// # Examples
///
/// ```
/// use dedup::{Options, WithinArticle};
///
/// let refrain = "Row on, row on, the river is wide, the tide is slow, and the morning star has left the sky.";
/// let song = format!("{refrain}\n\nThe first verse.\n\n{refrain}");
/// let mut options = Options::new();
/// let shortened = options.deduper()?.push("song", song.as_str())?;
/// assert_eq!(shortened.text(), format!("{refrain}\n\nThe first verse."));
///
/// options.within_article(WithinArticle::Keep);
/// let whole = options.deduper()?.push("song", song.as_str())?;
/// assert_eq!(whole.text(), song);
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WithinArticle {
    /// It is removed like any other.
    #[default]
    Remove,
    /// It stays, and is not reported: a refrain belongs to its song.
    Keep,
    /// It is removed if the run has at least so many bytes of canonical form, from `min_span` to
    /// [`Options::GREATEST_SPAN`](crate::Options::GREATEST_SPAN): a refrain stays, while an article
    /// that was pasted twice does not.
    RemoveFrom(usize),
}

/// As the word, or the number, that it is made of.
impl fmt::Display for WithinArticle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => f.pad("remove"),
            Self::Keep => f.pad("keep"),
            Self::RemoveFrom(bytes) => bytes.fmt(f),
        }
    }
}

/// Of `remove`, `keep`, or the bytes from which on it is removed.
impl FromStr for WithinArticle {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "remove" => Ok(Self::Remove),
            "keep" => Ok(Self::Keep),
            _ => word.parse().map(Self::RemoveFrom).map_err(|_| {
                unknown("within_article", word, &["remove", "keep", "a number of bytes"])
            }),
        }
    }
}

/// `RemoveFrom` as a number.
#[cfg(feature = "serde")]
impl serde::Serialize for WithinArticle {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::RemoveFrom(bytes) if serializer.is_human_readable() => {
                bytes.serialize(serializer)
            }
            _ => serializer.collect_str(self),
        }
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for WithinArticle {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word_or_number(deserializer)
    }
}

/// A share, in parts of a million: compared without rounding, and on every machine alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(u32);

impl Share {
    const ALL: u32 = 1_000_000;

    /// From a fraction, if it is from one half to one.
    pub(crate) fn new(share: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        (0.5..=1.0).contains(&share).then(|| Self((share * f64::from(Self::ALL)).round() as u32))
    }

    /// The greatest part of `whole` that may be missing.
    pub(crate) fn rest(self, whole: usize) -> usize {
        let least = (whole as u128 * u128::from(self.0)).div_ceil(u128::from(Self::ALL));
        whole - usize::try_from(least).expect("BUG: no more than the whole")
    }

    #[cfg(feature = "index")]
    pub(crate) fn millionths(self) -> u32 {
        self.0
    }

    #[cfg(feature = "index")]
    pub(crate) fn from_millionths(share: u32) -> Option<Self> {
        (Self::ALL / 2..=Self::ALL).contains(&share).then_some(Self(share))
    }

    /// Whether `part` is at least this share of `whole`.
    pub(crate) fn is_reached(self, part: usize, whole: usize) -> bool {
        part as u128 * u128::from(Self::ALL) >= whole as u128 * u128::from(self.0)
    }
}

/// The options that decide what a repeat is and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Criteria {
    pub(crate) scheme: Scheme,
    pub(crate) min_paragraph: usize,
    pub(crate) within_article: WithinArticle,
    pub(crate) near: Option<Share>,
    pub(crate) cut: Cut,
}
