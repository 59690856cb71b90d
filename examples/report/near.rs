//! Near copies beside the text they are copies of.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use dedup::{Article, Block, Place};

use crate::blocks::Spot;
use crate::text;

/// Pairs shown, the longest.
const SHOWN: usize = 10;

/// Bytes shown of a pair, but for the last piece.
const PAIR: usize = 2400;

/// Characters shown of a piece.
const PIECE: usize = 240;

/// A near copy and its source.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) kept: Spot,
    pub(crate) removed: Spot,
    pub(crate) changes: usize,
    pub(crate) pieces: Vec<Piece>,
    /// Whether there are more pieces.
    pub(crate) more: bool,
}

/// A part of both, which is the same but for typography, or changed.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) changed: bool,
    pub(crate) kept: String,
    pub(crate) removed: String,
}

/// The longest near copies of a stream, one of each source.
#[derive(Debug)]
pub(crate) struct NearCopies {
    originals: Originals,
    longest: Vec<Pair>,
}

impl NearCopies {
    /// # Errors
    ///
    /// If there can be no temporary file.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { originals: Originals::new()?, longest: Vec::new() })
    }

    /// # Errors
    ///
    /// If the temporary file cannot be written or read.
    pub(crate) fn add(&mut self, article: &Article) -> io::Result<()> {
        self.originals.add(article)?;
        for block in article.blocks().iter().filter(|block| !block.changes.is_empty()) {
            let least = self.longest.last().map_or(0, |pair| pair.removed.range.len());
            if self.longest.len() == SHOWN && block.range.len() <= least {
                continue;
            }
            let kept = kept(block);
            let same = |pair: &Pair| (&pair.kept.id, &pair.kept.range) == (&kept.id, &kept.range);
            if let Some(at) = self.longest.iter().position(same) {
                if block.range.len() <= self.longest[at].removed.range.len() {
                    continue;
                }
                self.longest.remove(at);
            }
            let pair = self.pair(article, block, kept)?;
            let at = self
                .longest
                .partition_point(|known| known.removed.range.len() >= block.range.len());
            self.longest.insert(at, pair);
            self.longest.truncate(SHOWN);
        }
        Ok(())
    }

    pub(crate) fn longest(&self) -> &[Pair] {
        &self.longest
    }

    fn pair(&mut self, article: &Article, block: &Block, kept: Spot) -> io::Result<Pair> {
        let same = block.sources.iter().map(|source| (false, &source.range, &source.first));
        let changed = block.changes.iter().map(|change| (true, &change.range, &change.source));
        let mut parts: Vec<(bool, &Range<usize>, &Place)> = same.chain(changed).collect();
        parts.sort_by_key(|(_, range, _)| (range.start, range.end));

        let original = article.original();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut reached = block.range.start;
        let (mut shown, mut more) = (0, false);
        for (changed, range, place) in parts {
            more = shown > PAIR;
            if more {
                break;
            }
            // Spaces that are of neither part.
            let between = &original[reached..range.start.max(reached)];
            reached = range.end.max(reached);
            let there = self.originals.read(place)?;
            let there = there.as_deref().unwrap_or("[…]");
            for piece in
                [piece(false, between, between), piece(changed, there, &original[range.clone()])]
            {
                shown += piece.kept.len() + piece.removed.len();
                pieces.push(piece);
            }
        }
        if !more {
            let rest = &original[reached.min(block.range.end)..block.range.end];
            pieces.push(piece(false, rest, rest));
        }
        let removed = Spot::new(article.id(), &block.range);
        Ok(Pair { kept, removed, changes: block.changes.len(), pieces, more })
    }
}

/// From the first to the last byte of the source, as far as it is one.
fn kept(block: &Block) -> Spot {
    let first = &block.sources[0].first;
    let of_it = block
        .sources
        .iter()
        .map(|source| &source.first)
        .chain(block.changes.iter().map(|change| &change.source));
    let range = of_it
        .filter(|place| place.article == first.article)
        .fold(first.range.clone(), |range, place| {
            range.start.min(place.range.start)..range.end.max(place.range.end)
        });
    Spot::new(&first.id, &range)
}

fn piece(changed: bool, kept: &str, removed: &str) -> Piece {
    let short = |text: &str| {
        if text.len() <= PIECE {
            return text::visible(text);
        }
        // The spaces at the ends part it from its neighbours.
        let end =
            |space: Option<char>| if space.is_some_and(char::is_whitespace) { " " } else { "" };
        let (head, tail) = (end(text.chars().next()), end(text.chars().next_back()));
        format!("{head}{}{tail}", text::excerpt(text, PIECE))
    };
    Piece { changed, kept: short(kept), removed: short(removed) }
}

/// The articles of the stream as they came, in a temporary file: an article is told of its sources by their
/// places alone. Eight bytes of memory for each.
#[derive(Debug)]
struct Originals {
    file: File,
    /// The number of the first article: those before it are in an index.
    first: usize,
    ends: Vec<u64>,
}

impl Originals {
    fn new() -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile()?, first: 0, ends: Vec::new() })
    }

    fn add(&mut self, article: &Article) -> io::Result<()> {
        if self.ends.is_empty() {
            self.first = article.number();
        }
        let end = self.ends.last().copied().unwrap_or_default();
        // Numbers that no article has are of empty ones.
        self.ends.resize(article.number() - self.first, end);
        self.file.seek(SeekFrom::Start(end))?;
        self.file.write_all(article.bytes())?;
        self.ends.push(end + article.bytes().len() as u64);
        Ok(())
    }

    /// None if the article is not of the stream.
    fn read(&mut self, place: &Place) -> io::Result<Option<String>> {
        let Some(at) = place.article.checked_sub(self.first) else { return Ok(None) };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.file.seek(SeekFrom::Start(start + place.range.start as u64))?;
        let mut bytes = vec![0; place.range.len()];
        self.file.read_exact(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}
