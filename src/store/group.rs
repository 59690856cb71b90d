//! Descriptions of articles: what was removed of them, what departs from the canonical form, and
//! how they were cut into segments.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::error::Wrong;
use super::pending::Noted;
use super::wire::{Input, put_prefixed, unzigzag, zigzag};
use crate::article::{Provenance, Segment};
use crate::index::checkpoints::Checkpoints;
use crate::index::departures::Reader;
use crate::index::departures::encoded::{self, Decoder};
use crate::index::originals::Held;
use crate::index::text::tail::RemovedPart;
use crate::varint;

/// A group is closed when it has this many bytes.
pub(crate) const FULL: usize = 1 << 15;

const DIGEST: usize = blake3::OUT_LEN;

/// Appends the description of an article, with its segments as [`encode_segments`] wrote them.
pub(crate) fn encode(
    bytes: &mut Vec<u8>,
    held: &Held,
    removed: &[RemovedPart],
    noted: &Noted<'_>,
    record_before: u64,
) {
    put_prefixed(bytes, held.id.as_bytes());
    bytes.extend_from_slice(noted.digest.as_bytes());
    noted.stated.encode(record_before, bytes);
    let Range { start, end } = held.coordinates;
    varint::put(bytes, end - start - 1);
    varint::put(bytes, removed.len() as u64);
    let mut at = start;
    for part in removed {
        varint::put(bytes, part.start - at);
        varint::put(bytes, part.end - part.start);
        varint::put(bytes, zigzag(part.start.wrapping_sub(part.origin).cast_signed()));
        varint::put(bytes, part.period.unwrap_or(0));
        at = part.end;
    }
    put_prefixed(bytes, &held.departures);
    bytes.extend_from_slice(noted.segments);
}

/// What is stated of an article, by the bit that says so.
const TITLE: u8 = 1;
const DATE: u8 = 2;
const LANGUAGE: u8 = 4;
const PATH: u8 = 8;
const RECORD: u8 = 16;

/// What is stated of an article, as it is stored: where it came from, and what its format says of
/// it. Records mostly follow each other, so their numbers are told by the difference from that of
/// the article before; the bytes of paths and languages repeat themselves, which compression sees to.
#[derive(Clone, Copy)]
pub(super) struct Stated<'a> {
    pub(super) title: Option<&'a str>,
    pub(super) date: Option<&'a str>,
    pub(super) language: Option<&'a str>,
    pub(super) path: Option<&'a [u8]>,
    pub(super) record: Option<u64>,
}

impl<'a> Stated<'a> {
    /// All but the path, whose bytes are [`path_bytes`].
    pub(super) fn without_path(provenance: &'a Provenance) -> Self {
        let Provenance {
            path: _,
            record,
            title,
            date,
            language,
            encoding: _,
            replaced: _,
            attachments: _,
        } = provenance;
        let [title, date, language] = [title, date, language].map(Option::as_deref);
        Self { title, date, language, path: None, record: *record }
    }

    pub(super) fn encode(&self, record_before: u64, bytes: &mut Vec<u8>) {
        let Self { title, date, language, path, record } = *self;
        let strings = [
            (TITLE, title.map(str::as_bytes)),
            (DATE, date.map(str::as_bytes)),
            (LANGUAGE, language.map(str::as_bytes)),
            (PATH, path),
        ];
        let what = bytes.len();
        bytes.push(0);
        for (bit, string) in strings {
            if let Some(string) = string {
                bytes[what] |= bit;
                put_prefixed(bytes, string);
            }
        }
        if let Some(record) = record {
            bytes[what] |= RECORD;
            varint::put(bytes, zigzag(record.wrapping_sub(record_before).cast_signed()));
        }
    }

    pub(super) fn take(input: &mut Input<'a>, record_before: u64) -> Result<Self, Wrong> {
        let [what] = input.array()?;
        if what >= RECORD << 1 {
            return Err(Wrong("an article has what nobody knows of"));
        }
        let mut bytes = |bit| if what & bit == 0 { Ok(None) } else { input.prefixed().map(Some) };
        let (title, date, language) = (bytes(TITLE)?, bytes(DATE)?, bytes(LANGUAGE)?);
        let path = bytes(PATH)?;
        let text = |bytes: Option<&'a [u8]>| {
            bytes.map(str::from_utf8).transpose().map_err(|_| Wrong("a title or date is not UTF-8"))
        };
        let record = if what & RECORD == 0 {
            None
        } else {
            Some(record_before.wrapping_add(unzigzag(input.varint()?).cast_unsigned()))
        };
        Ok(Self { title: text(title)?, date: text(date)?, language: text(language)?, path, record })
    }
}

/// The bytes of a path: those that the system has for it, where that is bytes, else UTF-8.
pub(super) fn path_bytes(path: &Path) -> Cow<'_, [u8]> {
    #[cfg(unix)]
    return Cow::Borrowed(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    #[cfg(not(unix))]
    return Cow::Owned(path.to_string_lossy().into_owned().into_bytes());
}

fn path_of(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    return <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into();
    #[cfg(not(unix))]
    return String::from_utf8_lossy(bytes).into_owned().into();
}

/// The segments of the article with that number, with their count.
pub(crate) fn encode_segments(segments: &[Segment], article: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint::put(&mut bytes, segments.len() as u64);
    for segment in segments {
        let len = segment.range().len() as u64;
        match segment {
            Segment::New { .. } => varint::put(&mut bytes, len << 1),
            Segment::Seen { first, .. } => {
                varint::put(&mut bytes, len << 1 | 1);
                varint::put(&mut bytes, (article - first.article) as u64);
                varint::put(&mut bytes, first.range.start as u64);
                varint::put(&mut bytes, first.range.len() as u64);
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
    checkpoints: Checkpoints,
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
    stated: Range<usize>,
    /// The number that the article has in its file.
    place_in_file: Option<u64>,
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
            checkpoints: Checkpoints::default(),
            bytes: Bytes::new(),
        };
        let mut input = Input::new(&bytes);
        let (mut at, mut kept_at, mut record_before) = (coordinates.start, kept.start, 0);
        while !input.is_empty() {
            let record = group.record(&mut input, bytes.len(), at, kept_at, record_before)?;
            at = record.coordinates.end;
            record_before = record.place_in_file.unwrap_or(record_before);
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
        record_before: u64,
    ) -> Result<Record, Wrong> {
        let id = input.prefixed()?;
        let id_at = len - input.rest().len() - id.len();
        str::from_utf8(id).map_err(|_| Wrong("an id is not UTF-8"))?;
        let digest = blake3::Hash::from_bytes(input.array::<DIGEST>()?);
        let stated_at = len - input.rest().len();
        let place_in_file = Stated::take(input, record_before)?.record;
        let stated = stated_at..len - input.rest().len();
        let canonical_len = input.length(u32::MAX as usize)?;
        let end =
            start.checked_add(canonical_len as u64 + 1).ok_or(Wrong("coordinates overflow"))?;

        let first_piece = self.pieces.len();
        self.read_pieces(input, start..end, kept)?;

        let departures = input.prefixed()?;
        let departures_end = len - input.rest().len();
        let departures_at = departures_end - departures.len();
        let first_checkpoint = self.checkpoints.heads();
        let (checkpoints, original_len) =
            encoded::check(departures, canonical_len).ok_or(Wrong("departures make no sense"))?;
        self.checkpoints.push_article(&checkpoints);

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
            stated,
            place_in_file,
            pieces: first_piece..self.pieces.len(),
            departures: departures_at..departures_end,
            checkpoints: first_checkpoint..self.checkpoints.heads(),
            segments: segments_at..len - input.rest().len(),
        })
    }

    /// Reads which parts of the text at some coordinates were removed; what was kept begins at an
    /// offset of the run's kept text.
    fn read_pieces(
        &mut self,
        input: &mut Input<'_>,
        coordinates: Range<u64>,
        mut kept: u64,
    ) -> Result<(), Wrong> {
        let Range { start: mut at, end } = coordinates;
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
                let place = Text::Kept(kept);
                self.pieces.push(Piece { start: at, end: at + gap, place });
                kept += gap;
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
        self.pieces.push(Piece { start: at, end, place: Text::Kept(kept) });
        Ok(())
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
            + self.checkpoints.memory()
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

    /// Where an article came from, and what its format said of it.
    pub(crate) fn provenance(&self, record: &Record) -> Provenance {
        let stated = Stated::take(&mut Input::new(&self.bytes[record.stated.clone()]), 0);
        let stated = stated.expect("BUG: it could be read before");
        Provenance {
            path: stated.path.map(|path| Arc::new(path_of(path))),
            record: record.place_in_file,
            title: stated.title.map(str::to_owned),
            date: stated.date.map(str::to_owned),
            language: stated.language.map(str::to_owned),
            ..Provenance::default()
        }
    }

    /// All departures, with their original bytes.
    pub(crate) fn departures(&self, record: &Record) -> Decoder<'_> {
        Decoder::new(&self.bytes[record.departures.clone()])
    }

    /// The departures from some place not after `canonical` on.
    pub(crate) fn departures_from(&self, record: &Record, canonical: usize) -> Reader<'static> {
        let (checkpoint, _) = self.checkpoints.around(record.checkpoints.clone(), canonical);
        encoded::read(&self.bytes.slice(record.departures.clone()), checkpoint)
    }

    /// The bytes that are left of an article.
    pub(crate) fn new_ranges(&self, number: u64, record: &Record) -> Vec<Range<u64>> {
        let segments = self.segments(number, record).into_iter();
        segments.filter(|segment| segment.first.is_none()).map(|new| new.range).collect()
    }

    /// How many bytes these are.
    pub(crate) fn bytes_left(&self, number: u64, record: &Record) -> u64 {
        self.new_ranges(number, record).iter().map(|new| new.end - new.start).sum()
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
