//! Reporting: what became of an article, in places of the originals.

use std::ops::Range;

use crate::admit::{Admitted, Found, Size};
use crate::article::{Article, Block, Change, Origin, Parts, Place, Repeat, Segment, bytes_kept};
use crate::canonical::{Canonical, whole_characters, without_spaces};
use crate::cut::{self, CutUnits};
use crate::error::Error;
use crate::forms::Spare;
use crate::index::originals::Originals;
use crate::index::text::Removed;
use crate::prepare::Prepared;
use crate::resolve::{Match, RemovedBlock};
use crate::stats::Stats;

/// Says where in which article was what an article repeats, and counts.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) originals: Originals,
    /// The most memory that the ways back to the originals take; beyond, they lie in a file.
    memory: usize,
    /// What the index took with the last article in it, the originals aside.
    size: Size,
    pub(crate) stats: Stats,
    spare: Spare,
    /// Whether other threads prepare what is reported.
    pub(crate) threads: bool,
}

impl Reporter {
    /// Forms go to `spare` when nobody needs them any more.
    pub(crate) fn new(originals: Originals, memory: usize, spare: Spare) -> Self {
        Self {
            originals,
            memory,
            size: Size::default(),
            stats: Stats::default(),
            spare,
            threads: false,
        }
    }

    pub(crate) fn with_memory(self, memory: usize) -> Self {
        Self { memory, ..self }
    }

    /// What forms that are needed again are taken from.
    pub(crate) fn spare(&self) -> &Spare {
        &self.spare
    }

    /// Totals so far.
    pub(crate) fn stats(&self) -> Stats {
        self.stats_beside(self.size)
    }

    /// Totals so far, with an index of that size.
    pub(crate) fn stats_beside(&self, size: Size) -> Stats {
        Stats {
            index_bytes: (size.memory + self.originals.memory()) as u64,
            text_bytes: size.text,
            ..self.stats.clone()
        }
    }

    /// Puts into a file what takes too much memory.
    ///
    /// # Errors
    ///
    /// If the file cannot be made or written. Nothing is lost.
    pub(crate) fn spill(&mut self) -> Result<(), Error> {
        self.originals.log().spill_beyond(self.memory)
    }

    /// Reports the next article.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub(crate) fn report(&mut self, admitted: Admitted) -> Result<Article, Error> {
        let Admitted(mut prepared) = admitted;
        if self.threads {
            prepared.copy_short_parts();
        }
        let forms = &prepared.forms;
        self.originals.push(prepared.parts.id.clone(), forms.canonical.len(), &forms.departures);
        self.size = forms.found.size;
        let number = self.originals.len() - 1;
        let repeats = self.repeats(&prepared, number, &forms.found.matches)?;
        let (blocks, segments) = self.blocks(&prepared)?;
        let len = prepared.parts.original.len();
        self.stats.count(&prepared.parts.provenance, len, len - bytes_kept(&segments));
        self.stats.blocks += blocks.len() as u64;
        self.stats.repeats += repeats.len() as u64;
        let (canonical_len, covered) = (forms.canonical.len(), forms.found.covered);
        self.spare.give(prepared.forms);
        let Parts { id, provenance, original, paragraphs } = prepared.parts;
        Ok(Article {
            id,
            provenance,
            number,
            original,
            canonical_len,
            covered,
            paragraphs,
            segments,
            repeats,
            blocks,
        })
    }

    /// Reports where the text of an article stood that is not taken in.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub(crate) fn find(
        &mut self,
        prepared: &Prepared,
        matches: &[Match],
    ) -> Result<Vec<Repeat>, Error> {
        self.repeats(prepared, self.originals.len(), matches)
    }

    /// The repeats of the article that has a number, or would get it.
    fn repeats(
        &mut self,
        prepared: &Prepared,
        number: usize,
        matches: &[Match],
    ) -> Result<Vec<Repeat>, Error> {
        let mut repeats: Vec<Repeat> = Vec::with_capacity(matches.len());
        for found in matches {
            let Some(repeat) = self.repeat(prepared, number, found)? else { continue };
            // No match lies in another, but without spaces and halves of characters two may begin
            // or end alike.
            match repeats.last_mut() {
                Some(last) if last.range.end == repeat.range.end => {}
                Some(last) if last.range.start == repeat.range.start => *last = repeat,
                _ => repeats.push(repeat),
            }
        }
        Ok(repeats)
    }

    /// What was removed, and the segments that this leaves.
    fn blocks(&mut self, prepared: &Prepared) -> Result<(Vec<Block>, Vec<Segment>), Error> {
        let Found { blocks: removed, cut_units, .. } = &prepared.forms.found;
        let (units, paragraphs) = match cut_units {
            Some(CutUnits { ranges, paragraphs }) => (&ranges[..], Some(paragraphs)),
            None => (&prepared.parts.paragraphs[..], None),
        };
        let paragraph = |unit| paragraphs.map_or(unit, |paragraphs| paragraphs[unit]);
        let mut blocks = Vec::with_capacity(removed.len());
        let mut cuts = Vec::with_capacity(removed.len());
        for block in removed {
            let RemovedBlock { units: gone, .. } = block;
            let (first, last) = (gone.start, gone.end - 1);
            let paragraphs = paragraph(first)..paragraph(last) + 1;
            let range = units[first].start..units[last].end;
            let block = self.block(prepared, block, paragraphs, range)?;
            cuts.push((gone.clone(), block.sources[0].first.clone()));
            blocks.push(block);
        }
        let segments = cut::segments(prepared.parts.original.as_bytes(), units, &cuts);
        Ok((blocks, segments))
    }

    /// The repeat that a match is, without the spaces and the parts of characters at its ends.
    ///
    /// None if that leaves nothing, as of an ellipsis that repeats its own first dot.
    fn repeat(
        &mut self,
        prepared: &Prepared,
        number: usize,
        found: &Match,
    ) -> Result<Option<Repeat>, Error> {
        let whole = prepared.forms.canonical.whole(found.start..found.end);
        let source = found.place_of(whole.start);
        let Some((range, source, exact)) = self.pair(prepared, whole, source, None)? else {
            return Ok(None);
        };
        let is_own = source.article == number;
        if is_own && source.range.start >= range.start {
            return Ok(None);
        }
        Ok(Some(Repeat { range, source, exact, canonical_len: found.end - found.start }))
    }

    fn block(
        &mut self,
        prepared: &Prepared,
        block: &RemovedBlock,
        paragraphs: Range<usize>,
        range: Range<usize>,
    ) -> Result<Block, Error> {
        let mut sources = Vec::with_capacity(block.parts.len());
        for part in &block.parts {
            sources.extend(self.source(prepared, part)?);
        }
        let mut changes = Vec::with_capacity(block.changes.len());
        for change in &block.changes {
            let range = between(&prepared.forms.canonical, &change.here);
            changes.push(Change { range, source: self.place_between(&change.there)? });
        }
        Ok(Block { paragraphs, range, sources, changes, near: block.near })
    }

    /// Where a removed part of an article is kept. None if there is no whole character in it.
    pub(crate) fn source(
        &mut self,
        prepared: &Prepared,
        part: &Removed,
    ) -> Result<Option<Origin>, Error> {
        let period = (part.period < part.end - part.start).then_some(part.period);
        let pair = self.pair(prepared, part.start..part.end, part.origin, period)?;
        Ok(pair.map(|(range, first, exact)| Origin { range, first, exact }))
    }

    /// Original bytes of canonical ones at coordinates of one article, of which there may be none.
    fn place_between(&mut self, coordinates: &Range<u64>) -> Result<Place, Error> {
        let located = self.originals.locate(coordinates.start)?;
        let start = located.start;
        let len = usize::try_from(coordinates.end - coordinates.start).expect("BUG: in an article");
        let mut range =
            self.originals.original_range(located.article, start..start + len.max(1), |_, _| {})?;
        if len == 0 {
            range.end = range.start;
        }
        Ok(Place { article: located.article, id: self.originals.id(located.article)?, range })
    }

    /// Original ranges of canonical bytes here and of the equal ones at `source`, and whether they
    /// agree byte for byte. None if there is no whole character in them.
    fn pair(
        &mut self,
        prepared: &Prepared,
        canonical: Range<usize>,
        source: u64,
        period: Option<usize>,
    ) -> Result<Option<(Range<usize>, Place, bool)>, Error> {
        let bytes = &prepared.forms.canonical.bytes;
        let Some(within) = trim(bytes, canonical.clone()) else { return Ok(None) };
        let trimmed = within.start - canonical.start;
        let (skipped, len) = match period {
            None => (trimmed, within.len()),
            Some(period) => {
                let skipped = trimmed % period;
                let one = within.start..(within.start + period - skipped).min(within.end);
                let Some(one) = trim(bytes, one) else { return Ok(None) };
                (skipped, one.len())
            }
        };
        let originals = &mut self.originals;
        let located = originals.locate(source + skipped as u64)?;
        let there = located.start..located.start + len;
        let (range, ours) = prepared.forms.canonical.to_original_with(&within);
        let original = prepared.parts.original.as_bytes();
        // Where both depart alike from canonical bytes that are the same, they are the same.
        let mut ours = ours.iter();
        let mut alike = within.len() == len;
        let range_there =
            originals.original_range(located.article, there.clone(), |theirs, literal| {
                alike = alike
                    && ours.next().is_some_and(|ours| {
                        let place = ours.canonical as usize + there.start;
                        place == theirs.canonical as usize + within.start
                            && ours.canonical_len == theirs.canonical_len
                            && original[ours.original as usize..ours.original_end()] == *literal
                    });
            })?;
        alike = alike && ours.next().is_none();
        let exact = range.len() == range_there.len()
            && (alike
                || originals.is_original(
                    located.article,
                    there.start,
                    &bytes[within.start..within.start + len],
                    &original[range.clone()],
                )?);
        let id = originals.id(located.article)?;
        let first = Place { article: located.article, id, range: range_there };
        Ok(Some((range, first, exact)))
    }
}

/// The original bytes of canonical ones, of which there may be none.
fn between(canonical: &Canonical, range: &Range<usize>) -> Range<usize> {
    if range.is_empty() {
        let at = canonical.to_original(range.start..range.start + 1).start;
        return at..at;
    }
    canonical.to_original(range.clone())
}

/// The part of a canonical range that is whole characters, without spaces at its ends.
fn trim(bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let trimmed = without_spaces(bytes, whole_characters(bytes, range));
    (!trimmed.is_empty()).then_some(trimmed)
}
