//! Descriptions of articles: what was removed of them, what departs from the canonical form, and
//! how they were cut into segments.

use std::ops::Range;

use bytes::Bytes;

use super::error::Wrong;
use super::wire::{Input, put_varint, unzigzag, zigzag};
use crate::article::Segment;
use crate::index::departures::encoded::{self, Decoder};
use crate::index::departures::{Checkpoint, Reader};
use crate::index::text::tail::Held;

/// A group is closed when it has this many bytes.
pub(crate) const FULL: usize = 1 << 15;

const DIGEST: usize = blake3::OUT_LEN;

/// Appends the description of an article, with its segments as [`encode_segments`] wrote them.
pub(crate) fn encode(bytes: &mut Vec<u8>, held: &Held, digest: &blake3::Hash, segments: &[u8]) {
    put_varint(bytes, held.id.len() as u64);
    bytes.extend_from_slice(held.id.as_bytes());
    bytes.extend_from_slice(digest.as_bytes());
    put_varint(bytes, held.end - held.start - 1);
    put_varint(bytes, held.removed.len() as u64);
    let mut at = held.start;
    for part in &held.removed {
        put_varint(bytes, part.start - at);
        put_varint(bytes, part.end - part.start);
        put_varint(bytes, zigzag(part.start.wrapping_sub(part.origin).cast_signed()));
        put_varint(bytes, part.period.unwrap_or(0));
        at = part.end;
    }
    put_varint(bytes, held.departures.len() as u64);
    bytes.extend_from_slice(&held.departures);
    bytes.extend_from_slice(segments);
}

/// The segments of the article with that number, with their count.
pub(crate) fn encode_segments(segments: &[Segment], article: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, segments.len() as u64);
    for segment in segments {
        let len = segment.range().len() as u64;
        match segment {
            Segment::New { .. } => put_varint(&mut bytes, len << 1),
            Segment::Seen { first, .. } => {
                put_varint(&mut bytes, len << 1 | 1);
                put_varint(&mut bytes, (article - first.article) as u64);
                put_varint(&mut bytes, first.range.start as u64);
                put_varint(&mut bytes, first.range.len() as u64);
            }
        }
    }
    bytes
}

/// Consecutive articles.
#[derive(Debug)]
pub(crate) struct Group {
    first_article: u64,
    records: Vec<Record>,
    pieces: Vec<Piece>,
    checkpoints: Vec<Checkpoint>,
    bytes: Bytes,
}

/// What is known of an article; ranges are of the group's own lists.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its coordinates, the mark of the end included.
    pub(crate) coordinates: Range<u64>,
    pub(crate) digest: blake3::Hash,
    /// Bytes of the original.
    pub(crate) original_len: u64,
    id: Range<usize>,
    pieces: Range<usize>,
    departures: Range<usize>,
    checkpoints: Range<usize>,
    segments: Range<usize>,
}

/// Coordinates that lie together, in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) place: Text,
}

/// Where the text of a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// At this offset of the run's kept text.
    Kept(u64),
    /// At another coordinate, repeated after so many bytes.
    Removed { origin: u64, period: u64 },
}

/// A segment, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSegment {
    pub(crate) range: Range<u64>,
    /// For a removed one, the article and the bytes where its text is kept.
    pub(crate) first: Option<(u64, Range<u64>)>,
}

impl Group {
    /// Reads descriptions that reach from the first coordinate, article and kept byte to those
    /// after.
    pub(crate) fn decode(
        bytes: Vec<u8>,
        coordinates: Range<u64>,
        articles: Range<u64>,
        kept: Range<u64>,
    ) -> Result<Self, Wrong> {
        let mut group = Self {
            first_article: articles.start,
            records: Vec::new(),
            pieces: Vec::new(),
            checkpoints: Vec::new(),
            bytes: Bytes::new(),
        };
        let mut input = Input::new(&bytes);
        let (mut at, mut kept_at) = (coordinates.start, kept.start);
        while !input.is_empty() {
            let record = group.record(&mut input, bytes.len(), at, kept_at)?;
            at = record.coordinates.end;
            kept_at += group.kept_len(&record);
            group.records.push(record);
        }
        let agrees = at == coordinates.end
            && kept_at == kept.end
            && articles.end.checked_sub(articles.start) == Some(group.records.len() as u64);
        group.bytes = bytes.into();
        if agrees { Ok(group) } else { Err(Wrong("a group does not end where the next begins")) }
    }

    fn record(
        &mut self,
        input: &mut Input<'_>,
        len: usize,
        start: u64,
        kept: u64,
    ) -> Result<Record, Wrong> {
        let id = input.prefixed()?;
        let id_at = len - input.rest().len() - id.len();
        str::from_utf8(id).map_err(|_| Wrong("an id is not UTF-8"))?;
        let digest = blake3::Hash::from_bytes(input.array::<DIGEST>()?);
        let canonical_len = input.length(u32::MAX as usize)?;
        let end =
            start.checked_add(canonical_len as u64 + 1).ok_or(Wrong("coordinates overflow"))?;

        let first_piece = self.pieces.len();
        let (mut at, mut kept_at) = (start, kept);
        for _ in 0..input.length(input.rest().len())? {
            // The mark of the end is always kept.
            let left =
                u32::try_from(end - 1 - at).expect("BUG: an article is below 4 GiB") as usize;
            let gap = input.length(left)? as u64;
            let part = input.length(left)? as u64;
            let back = unzigzag(input.varint()?);
            let period = input.varint()?;
            if part == 0 || part > left as u64 - gap || period >= part {
                return Err(Wrong("a removed part has impossible lengths"));
            }
            if gap > 0 {
                let place = Text::Kept(kept_at);
                self.pieces.push(Piece { start: at, end: at + gap, place });
                kept_at += gap;
            }
            let part_start = at + gap;
            at = part_start + part;
            let origin = part_start.wrapping_sub(back.cast_unsigned());
            if origin > end {
                return Err(Wrong("removed text is said to stand later"));
            }
            let period = if period == 0 { part } else { period };
            let place = Text::Removed { origin, period };
            self.pieces.push(Piece { start: part_start, end: at, place });
        }
        self.pieces.push(Piece { start: at, end, place: Text::Kept(kept_at) });

        let departures = input.prefixed()?;
        let departures_end = len - input.rest().len();
        let departures_at = departures_end - departures.len();
        let first_checkpoint = self.checkpoints.len();
        let (checkpoints, original_len) =
            encoded::check(departures, canonical_len).ok_or(Wrong("departures make no sense"))?;
        self.checkpoints.extend(checkpoints);

        let segments_at = len - input.rest().len();
        let mut segmented = 0_u64;
        for segment in Segments::new(input)? {
            segmented = segment?.range.end;
        }
        if segmented != original_len as u64 {
            return Err(Wrong("segments do not tile their article"));
        }
        Ok(Record {
            coordinates: start..end,
            digest,
            original_len: original_len as u64,
            id: id_at..id_at + id.len(),
            pieces: first_piece..self.pieces.len(),
            departures: departures_at..departures_end,
            checkpoints: first_checkpoint..self.checkpoints.len(),
            segments: segments_at..len - input.rest().len(),
        })
    }

    fn kept_len(&self, record: &Record) -> u64 {
        let kept = |piece: &&Piece| matches!(piece.place, Text::Kept(_));
        self.pieces(record).iter().filter(kept).map(|piece| piece.end - piece.start).sum()
    }

    /// Bytes of memory, roughly.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
            + size_of_val(&self.records[..])
            + size_of_val(&self.pieces[..])
            + size_of_val(&self.checkpoints[..])
    }

    /// The articles, with their numbers.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u64, &Record)> + '_ {
        (self.first_article..).zip(&self.records)
    }

    pub(crate) fn article(&self, number: u64) -> Option<&Record> {
        self.records.get(usize::try_from(number.checked_sub(self.first_article)?).ok()?)
    }

    /// The article at a coordinate, with its number.
    pub(crate) fn article_at(&self, coordinate: u64) -> Option<(u64, &Record)> {
        let at = self.records.partition_point(|record| record.coordinates.end <= coordinate);
        Some((self.first_article + at as u64, self.records.get(at)?))
    }

    pub(crate) fn piece(&self, coordinate: u64) -> Option<Piece> {
        let at = self.pieces.partition_point(|piece| piece.end <= coordinate);
        self.pieces.get(at).copied().filter(|piece| piece.start <= coordinate)
    }

    pub(crate) fn pieces(&self, record: &Record) -> &[Piece] {
        &self.pieces[record.pieces.clone()]
    }

    pub(crate) fn id(&self, record: &Record) -> &str {
        str::from_utf8(&self.bytes[record.id.clone()]).expect("BUG: it was UTF-8 when it was read")
    }

    /// All departures, with their original bytes.
    pub(crate) fn departures(&self, record: &Record) -> Decoder<'_> {
        Decoder::new(&self.bytes[record.departures.clone()])
    }

    /// The departures from some place not after `canonical` on.
    pub(crate) fn departures_from(&self, record: &Record, canonical: usize) -> Reader<'static> {
        let checkpoints = &self.checkpoints[record.checkpoints.clone()];
        encoded::read(&self.bytes.slice(record.departures.clone()), checkpoints, canonical)
    }

    pub(crate) fn segments(&self, number: u64, record: &Record) -> Vec<StoredSegment> {
        let mut input = Input::new(&self.bytes[record.segments.clone()]);
        let segments = Segments::new(&mut input).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut segments = segments.expect("BUG: they could be read before");
        for segment in &mut segments {
            if let Some((article, _)) = &mut segment.first {
                *article = number.saturating_sub(*article);
            }
        }
        segments
    }
}

/// Reads segments; for now, `first` says how many articles back.
struct Segments<'i, 'b> {
    input: &'i mut Input<'b>,
    left: usize,
    at: u64,
}

impl<'i, 'b> Segments<'i, 'b> {
    fn new(input: &'i mut Input<'b>) -> Result<Self, Wrong> {
        let left = input.length(input.rest().len())?;
        Ok(Self { input, left, at: 0 })
    }

    fn segment(&mut self) -> Result<StoredSegment, Wrong> {
        let tag = self.input.varint()?;
        let overflow = Wrong("a segment is too long");
        let end = self.at.checked_add(tag >> 1).ok_or(overflow)?;
        let range = std::mem::replace(&mut self.at, end)..end;
        if tag & 1 == 0 {
            return Ok(StoredSegment { range, first: None });
        }
        let (back, start, len) = (self.input.varint()?, self.input.varint()?, self.input.varint()?);
        let end = start.checked_add(len).ok_or(overflow)?;
        Ok(StoredSegment { range, first: Some((back, start..end)) })
    }
}

impl Iterator for Segments<'_, '_> {
    type Item = Result<StoredSegment, Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.segment())
    }
}
