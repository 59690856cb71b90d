//! What the stream yields: an article, what of it is new, and where the rest was first seen.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::source::Document;
use crate::text::Text;

/// The accessors of what an article's source states of it, for every kind of article: of its field `provenance`.
macro_rules! stated_accessors {
    () => {
        /// The file that the article came from, if it came from one.
        pub fn path(&self) -> Option<&std::path::Path> {
            self.provenance.path()
        }

        /// Which record of its file the article was, from 1, in a file of many; in a file of lines, the
        /// line.
        ///
        /// Ids need not be unique, nor are path and record where a file is read twice or articles come from
        /// readers. [`Place::article`](crate::Place::article) is.
        pub fn record(&self) -> Option<u64> {
            self.provenance.record
        }

        /// The title or subject, where its format states one.
        pub fn title(&self) -> Option<&str> {
            self.provenance.title.as_deref()
        }

        /// When it was published or sent, where its format states that: RFC 3339 where the date could be
        /// read, else as it stands there.
        pub fn date(&self) -> Option<&str> {
            self.provenance.date.as_deref()
        }

        /// The language, where its format states one: a BCP 47 tag, or what stands there instead.
        pub fn language(&self) -> Option<&str> {
            self.provenance.language()
        }
    };
}

/// The same of how it was read.
macro_rules! decoding_accessors {
    () => {
        /// The encoding it was in, by its name in the WHATWG Encoding Standard; none if that was UTF-8.
        pub fn encoding(&self) -> Option<&'static str> {
            self.provenance.encoding
        }

        /// How many sequences of bytes could not be decoded and became U+FFFD.
        pub fn replaced(&self) -> u64 {
            self.provenance.replaced
        }

        /// How many attachments were left out.
        pub fn attachments(&self) -> u64 {
            self.provenance.attachments
        }
    };
}

#[cfg(feature = "index")]
pub(crate) use {decoding_accessors, stated_accessors};

/// One article, as it was, with what it repeats.
///
/// All ranges are byte ranges of [`original`](Self::original), on character boundaries. A clone
/// shares the text; while any part of an article lives, its whole original does.
#[derive(Clone, Debug)]
pub struct Article {
    pub(crate) id: Arc<str>,
    pub(crate) provenance: Provenance,
    pub(crate) number: usize,
    pub(crate) original: Text,
    /// Bytes of canonical text, and those of them that lie in repeats.
    pub(crate) canonical_len: usize,
    pub(crate) covered: usize,
    pub(crate) paragraphs: Vec<Range<usize>>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) repeats: Vec<Repeat>,
    pub(crate) blocks: Vec<Block>,
}

impl Article {
    /// The article's name: the record's own id, as its [`Format`](crate::Format) has it, or the path below the root that was given, with
    /// the number for a record without id; for a pushed article what the caller said.
    ///
    /// Bytes of a path that are not UTF-8 are `\xFF` and the like in the id.
    pub fn id(&self) -> &str {
        &self.id
    }

    stated_accessors!();
    decoding_accessors!();

    /// The article as it was read, without a byte order mark.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The original as shared bytes.
    pub fn bytes(&self) -> &Bytes {
        self.original.as_bytes()
    }

    /// What is left: the [`New`](Segment::New) segments joined, every byte as it was.
    ///
    /// Copies only when something was removed from the middle.
    pub fn text(&self) -> Cow<'_, str> {
        let new = self.segments.iter().filter_map(|segment| match segment {
            Segment::New { range } => Some(range),
            Segment::Seen { .. } => None,
        });
        joined(&self.original, new)
    }

    /// The original cut into what is new and what was seen before, in reading order, without gap or
    /// overlap.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The runs of text that stood somewhere earlier, removed or not, sorted; none lies inside another.
    ///
    /// A [near copy](crate::Options::near) is a [block](Self::blocks). Its runs are here only where they are repeats without that option
    /// too.
    pub fn repeats(&self) -> &[Repeat] {
        &self.repeats
    }

    /// The removed paragraphs, in runs that follow each other here and in their source.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The paragraphs, as [`split::paragraphs`](crate::split::paragraphs) finds them.
    pub fn paragraphs(&self) -> &[Range<usize>] {
        &self.paragraphs
    }

    /// The number of the article, in order of arrival, from 0: what [`Place::article`] says of it.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The share of the canonical text that stood nowhere earlier: 1 for an article that is all new, 0
    /// for one that is covered by repeats, or has no text.
    ///
    /// Text in a repeat counts as seen even where its paragraph was kept for what else it says.
    pub fn novelty(&self) -> f64 {
        share(self.canonical_len - self.covered, self.canonical_len)
    }

    /// Whether the article has text, and none of it is left.
    pub fn is_repeat(&self) -> bool {
        !self.paragraphs.is_empty()
            && self.segments.iter().all(|segment| match segment {
                Segment::New { range } => {
                    let overlaps = |paragraph: &Range<usize>| {
                        range.start < paragraph.end && paragraph.start < range.end
                    };
                    !self.paragraphs.iter().any(overlaps)
                }
                Segment::Seen { .. } => true,
            })
    }

    /// The earlier article that the [repeats](Self::repeats), and near copies, lead to most, if any does.
    ///
    /// A run that stood in several articles counts for the one that its repeat names.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut deduper = dedup::Deduper::new();
    /// let report = "The ferry does not run on Sunday, as the cable has to be greased before the ice \
    ///               comes, says the harbour office.";
    /// deduper.push("herald", report)?;
    /// let copy = deduper.push("courier", format!("From our correspondent.\n\n{report}"))?;
    /// let closest = copy.closest().unwrap();
    /// assert_eq!(&*closest.id, "herald");
    /// assert!(closest.share > 0.8 && copy.novelty() < 0.2 && !copy.is_repeat());
    /// # Ok::<(), dedup::Error>(())
    /// ```
    pub fn closest(&self) -> Option<Closest> {
        let repeats = self.repeats.iter().map(|repeat| (&repeat.range, &repeat.source));
        let near = self.blocks.iter().filter(|block| block.near);
        let near = near.flat_map(|block| &block.sources);
        let near = near.map(|source| (&source.range, &source.first));
        let mut runs: Vec<(&Range<usize>, &Place)> =
            repeats.chain(near).filter(|(_, source)| source.article != self.number).collect();
        runs.sort_by_key(|(range, _)| range.start);
        let mut of_source: BTreeMap<usize, (usize, usize, &Place)> = BTreeMap::new();
        for (range, source) in runs {
            let (bytes, reached, _) = of_source.entry(source.article).or_insert((0, 0, source));
            // They may overlap.
            *bytes += range.end.saturating_sub(range.start.max(*reached));
            *reached = range.end.max(*reached);
        }
        // The earliest of several that hold as much.
        let most = of_source.values().rev().max_by_key(|(bytes, ..)| *bytes);
        most.map(|&(bytes, _, source)| Closest {
            article: source.article,
            id: source.id.clone(),
            share: share(bytes, self.paragraphs.iter().map(ExactSizeIterator::len).sum()),
        })
    }

    /// The BLAKE3 digest of the original, computed when asked for: a name for the content that
    /// holds across collections, and against those who would forge one.
    pub fn digest(&self) -> blake3::Hash {
        blake3::hash(self.original.as_bytes())
    }
}

/// Parts of a text, end to end; copied only if there are several.
pub(crate) fn joined<'a>(
    text: &'a str,
    parts: impl Iterator<Item = &'a Range<usize>> + Clone,
) -> Cow<'a, str> {
    let mut some = parts.clone();
    match (some.next(), some.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => Cow::Borrowed(&text[only.clone()]),
        _ => {
            let mut joined = String::with_capacity(parts.clone().map(ExactSizeIterator::len).sum());
            joined.extend(parts.map(|part| &text[part.clone()]));
            Cow::Owned(joined)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shares are not exact")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

/// The earlier article that holds most of an article.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Closest {
    /// The number of the article.
    pub article: usize,
    /// The id of the article.
    pub id: Arc<str>,
    /// The share of the bytes of all paragraphs that lie in repeats from there, from 0 to 1.
    pub share: f64,
}

/// Where an article came from, and what its format says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Provenance {
    pub(crate) path: Option<Arc<PathBuf>>,
    pub(crate) record: Option<u64>,
    pub(crate) title: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) encoding: Option<&'static str>,
    pub(crate) replaced: u64,
    pub(crate) attachments: u64,
}

impl Provenance {
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref().map(PathBuf::as_path)
    }

    pub(crate) fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// Parts a document from its text.
    pub(crate) fn of(
        document: Document,
        path: Option<Arc<PathBuf>>,
        record: Option<u64>,
    ) -> (String, Self) {
        let Document { text, id: _, title, date, language, encoding, replaced, attachments } =
            document;
        (text, Self { path, record, title, date, language, encoding, replaced, attachments })
    }
}

/// A part of an article.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Segment {
    /// Text that is kept.
    #[non_exhaustive]
    New {
        /// Where it stands.
        range: Range<usize>,
    },
    /// Text that was removed: a [`Block`], with the line breaks that went with it.
    #[non_exhaustive]
    Seen {
        /// Where it stood.
        range: Range<usize>,
        /// Where its text, or the first part of it, is kept.
        first: Place,
    },
}

impl Segment {
    /// Where the segment stands in the original.
    pub fn range(&self) -> Range<usize> {
        match self {
            Self::New { range } | Self::Seen { range, .. } => range.clone(),
        }
    }
}

/// A place in an article that came earlier, or earlier in the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Place {
    /// The number of the article, in order of arrival, from 0.
    pub article: usize,
    /// The id of the article.
    pub id: Arc<str>,
    /// The bytes in that article's original.
    pub range: Range<usize>,
}

/// A run of text that equals an earlier one in canonical form.
///
/// A run of at least `min_span` bytes cannot be lengthened on either side without differing from
/// its source. A shorter one consists of whole paragraphs that were whole paragraphs in the source.
/// The source may itself have been removed where it stands: for kept text see [`Block`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repeat {
    /// Where it stands here. Where a run ends inside a character, that is left out.
    pub range: Range<usize>,
    /// Where the same text stood before, all of a character of which that is a part.
    pub source: Place,
    /// Whether the two agree byte for byte, not just in canonical form.
    pub exact: bool,
    /// The length of the run in bytes of canonical form.
    pub canonical_len: usize,
}

/// Removed paragraphs that followed each other in their source too, or a part of one that
/// [`Options::cut`](crate::Options::cut) asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// Which of the article's [`paragraphs`](Article::paragraphs) it is of.
    pub paragraphs: Range<usize>,
    /// From the start of the first to the end of the last, or of what goes of them. The line breaks that go too are in its
    /// [segment](Segment::Seen), not here.
    pub range: Range<usize>,
    /// Where the text is kept: in one place, or in several where the source was itself part copy.
    pub sources: Vec<Origin>,
    /// Where a [near copy](crate::Options::near) says something else than its source; empty for all others, and for a near copy that
    /// is word for word a part of a longer paragraph.
    pub changes: Vec<Change>,
    pub(crate) near: bool,
}

impl Block {
    /// Whether it is a [near copy](crate::Options::near), even one that changed nothing, as it is a part of a longer paragraph: none of them
    /// is among the [repeats](Article::repeats).
    pub fn is_near(&self) -> bool {
        self.near
    }
}

/// A difference between a near copy and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What stood here, in whole words; empty where some were dropped.
    pub range: Range<usize>,
    /// What stands for it in the source; empty where words were added.
    pub source: Place,
}

/// A part of a removed block, and the kept text that is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// Where the part stood here. Two may share a character, like an ellipsis, of whose canonical form each is a part.
    pub range: Range<usize>,
    /// Where it is kept. Shorter than the part if that repeats itself, as a row of dashes does: then this
    /// is one period.
    pub first: Place,
    /// Whether the two agree byte for byte, not just in canonical form.
    pub exact: bool,
}
