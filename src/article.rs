//! What the stream yields: an article, what of it is new, and where the rest was first seen.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "index")]
use crate::error::Position;
use crate::source::Document;
use crate::text::Text;

/// The accessors of what an article's source states of it, for every kind of article: of its field
/// `provenance`.
macro_rules! stated_accessors {
    () => {
        /// The file that the article came from, if it came from one.
        pub fn path(&self) -> Option<&std::path::Path> {
            self.provenance.path()
        }

        /// Which record of its file the article was, from 1, if the file has many; in a file of lines, the
        /// number of the line.
        ///
        /// Neither ids nor paths and records need be unique: a file may be read twice, and articles
        /// may come from readers. The number of an article, as in
        /// [`Place::article`](crate::Place::article), is unique.
        pub fn record(&self) -> Option<u64> {
            self.provenance.record
        }

        /// The title or subject, where its format states one.
        pub fn title(&self) -> Option<&str> {
            self.provenance.title.as_deref()
        }

        /// When it was published or sent, where its format states that: in RFC 3339 if the date could be
        /// read, else as stated.
        pub fn date(&self) -> Option<&str> {
            self.provenance.date.as_deref()
        }

        /// The language, where its format states one: a BCP 47 tag, or whatever is stated instead.
        pub fn language(&self) -> Option<&str> {
            self.provenance.language()
        }
    };
}

/// The same of how it was read, and of what.
macro_rules! reading_accessors {
    () => {
        /// The article as it was read, without a byte order mark.
        pub fn original(&self) -> &str {
            &self.original
        }

        /// The original as shared bytes.
        pub fn bytes(&self) -> &bytes::Bytes {
            self.original.as_bytes()
        }

        /// The encoding it was in, by its name in the WHATWG Encoding Standard; `None` for UTF-8.
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
pub(crate) use {reading_accessors, stated_accessors};

/// One article as it was, and what it repeats.
///
/// All ranges are byte ranges of [`original`](Self::original), on character boundaries. A clone
/// shares the text: as long as any part of an article lives, so does its whole original.
#[derive(Clone, Debug)]
pub struct Article {
    pub(crate) id: Arc<str>,
    pub(crate) provenance: Provenance,
    pub(crate) number: usize,
    pub(crate) original: Text,
    /// Bytes of canonical text, and those of them that lie in repeats or are a space between two.
    pub(crate) canonical_len: usize,
    pub(crate) covered: usize,
    pub(crate) paragraphs: Vec<Range<usize>>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) repeats: Vec<Repeat>,
    pub(crate) blocks: Vec<Block>,
}

impl Article {
    /// The article's name.
    ///
    /// A record is named by its own id, as its [`Format`](crate::Format) has it, or else by its
    /// file and its number there; a file by its path below the root that was given; and a pushed
    /// article by what the caller said. Bytes of a path that are not UTF-8 are `\xFF` and the like
    /// in the id.
    pub fn id(&self) -> &str {
        &self.id
    }

    stated_accessors!();
    reading_accessors!();

    /// What is left: the [`New`](Segment::New) segments joined, byte for byte as they were.
    ///
    /// Copies only when something was removed from the middle.
    pub fn text(&self) -> Cow<'_, str> {
        let new = self.segments.iter().filter_map(|segment| match segment {
            Segment::New { range } => Some(range),
            Segment::Seen { .. } => None,
        });
        joined(&self.original, new)
    }

    /// The original, cut into what is new and what was seen before, in reading order and without gaps or
    /// overlaps.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The runs of text that came earlier, removed or not, sorted; none lies inside another.
    ///
    /// [Near copies](crate::Options::near) are among the [blocks](Self::blocks); their runs are
    /// here only if they would be repeats without that option too.
    pub fn repeats(&self) -> &[Repeat] {
        &self.repeats
    }

    /// The removed paragraphs. Those that follow each other here and in their source form one block.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The paragraphs, as [`split::paragraphs`](crate::split::paragraphs) finds them.
    pub fn paragraphs(&self) -> &[Range<usize>] {
        &self.paragraphs
    }

    /// The number of the article, in order of arrival, from 0, those of an index on disk among them.
    /// [`Place::article`] refers to it.
    ///
    /// With an index on disk it holds until an article before it is withdrawn, or replaced by a newer version,
    /// which may be by the next commit (`Versions::Replace`).
    pub fn number(&self) -> usize {
        self.number
    }

    /// The share of the canonical text that came nowhere earlier: 1 for an article that is all new, 0
    /// for one that is covered by repeats or has no text.
    ///
    /// Text in a repeat counts as seen even where its paragraph was kept because of what else it says.
    /// Of a [near copy](crate::Options::near) what it has in common with its source counts as seen, and
    /// its changes as new: so it is not 0 though nothing is left. The space between two repeats is not new.
    pub fn novelty(&self) -> f64 {
        share_of((self.canonical_len - self.covered) as u64, self.canonical_len as u64)
    }

    /// Whether the article has text of which nothing is left.
    ///
    /// A copy of an article of less than [`min_span`](crate::Options::min_span) bytes keeps its short
    /// paragraphs, such as a heading, and is no repeat then. That it is a copy says its
    /// [`digest`](Self::digest).
    pub fn is_repeat(&self) -> bool {
        let new = self.segments.iter().filter(|segment| matches!(segment, Segment::New { .. }));
        is_repeat(&self.paragraphs, new.map(Segment::range))
    }

    /// The earlier article that holds most of this one, by its [repeats](Self::repeats) and near
    /// copies; `None` if no earlier article holds any of it.
    ///
    /// A run that came in several articles counts only for the one that its repeat names.
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
        let ends = self.paragraphs.iter().scan(0, |end, paragraph| {
            *end += paragraph.len();
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        // Runs go across line breaks, which are in no paragraph.
        let before = |place: usize| {
            let begun = self.paragraphs.partition_point(|paragraph| paragraph.start < place);
            begun
                .checked_sub(1)
                .map_or(0, |last| ends[last] - self.paragraphs[last].end.saturating_sub(place))
        };
        let mut of_source: BTreeMap<usize, (usize, usize, &Place)> = BTreeMap::new();
        for (range, source) in runs {
            let (bytes, reached, _) = of_source.entry(source.article).or_insert((0, 0, source));
            // They may overlap.
            *bytes += before(range.end).saturating_sub(before(range.start.max(*reached)));
            *reached = range.end.max(*reached);
        }
        // The earliest of several that hold as much.
        let most = of_source.values().rev().max_by_key(|(bytes, ..)| *bytes);
        most.map(|&(bytes, _, source)| Closest {
            article: source.article,
            id: source.id.clone(),
            share: share_of(bytes as u64, ends.last().map_or(0, |&end| end as u64)),
        })
    }

    /// The BLAKE3 digest of the original, computed when asked for: a name for the content that
    /// is the same in every collection, and that nobody can forge.
    pub fn digest(&self) -> blake3::Hash {
        blake3::hash(self.original.as_bytes())
    }
}

/// Whether there are paragraphs, and none has a part of what is kept.
pub(crate) fn is_repeat(
    paragraphs: &[Range<usize>],
    mut kept: impl Iterator<Item = Range<usize>>,
) -> bool {
    // Not by a look at all paragraphs: of those between which something is kept there may be many.
    let is_in_one = |kept: Range<usize>| {
        let at = paragraphs.partition_point(|paragraph| paragraph.end <= kept.start);
        paragraphs.get(at).is_some_and(|paragraph| paragraph.start < kept.end)
    };
    !paragraphs.is_empty() && !kept.any(is_in_one)
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
pub(crate) fn share_of(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The earlier article that holds most of an article.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Closest {
    /// The number of the article.
    pub article: usize,
    /// The id of the article.
    pub id: Arc<str>,
    /// The share of the bytes of all paragraphs that repeat it, from 0 to 1.
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

    /// Where in the input it stands, if it came from a file.
    #[cfg(feature = "index")]
    pub(crate) fn position(&self) -> Option<Position> {
        self.path().map(|path| Position { record: self.record, ..Position::of(path) })
    }

    /// Bytes of memory beside its own.
    fn memory(&self) -> usize {
        let stated = [&self.title, &self.date, &self.language];
        stated.into_iter().flatten().map(String::capacity).sum()
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

/// What of an article is known without the others, and goes to the caller as it is.
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Parts {
    pub(crate) id: Arc<str>,
    pub(crate) provenance: Provenance,
    pub(crate) original: Text,
    /// Only paragraphs that have canonical bytes.
    pub(crate) paragraphs: Vec<Range<usize>>,
}

impl Parts {
    /// Whether to copy them takes less time than to free what another thread allocated, for which
    /// both may have to wait.
    pub(crate) fn is_short(&self) -> bool {
        let Self { id, provenance, original, .. } = self;
        original.len() + id.len() + provenance.memory() < 8 << 10
    }

    /// The same in memory that the thread at hand allocates, but for the path, which all articles
    /// of a file share, and which goes over.
    pub(crate) fn copied(&mut self) -> Self {
        let Self { id, provenance, original, paragraphs } = self;
        let path = provenance.path.take();
        Self {
            id: Arc::from(&**id),
            provenance: Provenance { path, ..provenance.clone() },
            original: original.copied(),
            paragraphs: paragraphs.clone(),
        }
    }
}

/// A part of an article.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Segment {
    /// Text that is kept.
    #[non_exhaustive]
    New {
        /// Where it stands.
        range: Range<usize>,
    },
    /// Text that was removed: a [`Block`], with the line breaks that were removed with it.
    #[non_exhaustive]
    Seen {
        /// Where it stood.
        range: Range<usize>,
        /// Where its text, or the first part of it, is kept.
        first: Place,
    },
}

/// How many bytes of an article its segments leave.
pub(crate) fn bytes_kept(segments: &[Segment]) -> usize {
    let new = segments.iter().filter(|segment| matches!(segment, Segment::New { .. }));
    new.map(|segment| segment.range().len()).sum()
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
/// The source may itself have been removed from its article; a [`Block`] leads to text that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Repeat {
    /// Where it stands here. A character that the run ends inside is left out.
    pub range: Range<usize>,
    /// Where the same text stood before. A character there of which the text is only a part is
    /// included whole.
    pub source: Place,
    /// Whether the two agree byte for byte, not just in canonical form.
    pub exact: bool,
    /// The length of the run in bytes of canonical form.
    pub canonical_len: usize,
}

/// Removed paragraphs that follow each other here and in their source, or the removed part of a paragraph if
/// [`Options::cut`](crate::Options::cut) asks for parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Block {
    /// Which of the article's [`paragraphs`](Article::paragraphs) it consists of, or is a part of.
    pub paragraphs: Range<usize>,
    /// From the start of the first to the end of the last, or of what is removed of them. Line
    /// breaks that were removed with them are in the [segment](Segment::Seen), not here.
    pub range: Range<usize>,
    /// Where the text is kept: in one place, or in several where it takes several runs to cover the block, or the
    /// source was itself part copy.
    pub sources: Vec<Origin>,
    /// Where a [near copy](crate::Options::near) differs from its source. Empty for all other
    /// blocks, and for a near copy that is word for word a part of a longer paragraph.
    pub changes: Vec<Change>,
    pub(crate) near: bool,
}

impl Block {
    /// Whether it is a [near copy](crate::Options::near). One that changed nothing, as it is a part
    /// of a longer paragraph, is one too.
    pub fn is_near(&self) -> bool {
        self.near
    }
}

/// A difference between a near copy and its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Change {
    /// What stood here, in whole words; empty where some were dropped.
    pub range: Range<usize>,
    /// What stands in its place in the source; empty where words were added.
    pub source: Place,
}

/// A part of a removed block, and the kept text that is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Origin {
    /// Where the part stood here, without what has no canonical form before it: white space and
    /// the `>` of a quote, which are removed with it and are in the range of the [`Block`]. Two parts
    /// may share a character, such as an ellipsis, if its canonical form is cut between them.
    pub range: Range<usize>,
    /// Where it is kept. If the part repeats itself, as a row of dashes does, this is one period and so
    /// shorter than the part.
    pub first: Place,
    /// Whether the two agree byte for byte, not just in canonical form. A part that is longer than one
    /// period never does, even if it is that period again and again.
    pub exact: bool,
}
