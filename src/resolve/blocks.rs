//! Blocks: what is removed, and the kept text that stands for it.

use std::ops::Range;

use super::Match;
use crate::cut::Units;
use crate::error::Error;
use crate::index::text::{Kept, Removed};
use crate::index::{Index, to_usize};
use crate::near::{Change, NearCopy, SHORTEST_REFERENCE};

/// A run of units that go, as they follow each other here and in their source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemovedBlock {
    pub(crate) units: Range<usize>,
    /// Where its text is kept: one part, or several where it takes several runs to cover it, or
    /// the source was itself part copy.
    pub(crate) parts: Vec<Removed>,
    /// Whether it is a near copy, and where it says something else than its source.
    pub(crate) near: bool,
    pub(crate) changes: Vec<Change>,
}

impl RemovedBlock {
    /// The parts that are not kept here. The runs of a near copy may be so short that naming the
    /// text would take more than the text.
    pub(crate) fn references(&self) -> impl Iterator<Item = Removed> {
        let least = if self.changes.is_empty() { 0 } else { SHORTEST_REFERENCE };
        self.parts.iter().copied().filter(move |part| part.end - part.start >= least)
    }
}

/// Gives every unit that goes its source, and the kept text that stands for it.
///
/// # Errors
///
/// If a base cannot be read.
pub(crate) fn blocks(
    index: &Index,
    canonical: &[u8],
    units: &Units<'_>,
    matches: &[Match],
    near: Vec<NearCopy>,
) -> Result<Vec<RemovedBlock>, Error> {
    let (mut blocks, mut runs) = of_covered(units, matches);
    for copy in near {
        let unit = units.of_paragraph(copy.paragraph);
        let start = runs.len();
        runs.extend(copy.runs);
        blocks.push(Traced {
            units: unit..unit + 1,
            runs: start..runs.len(),
            near: true,
            changes: copy.changes,
        });
    }
    blocks.sort_by_key(|block| block.units.start);
    // Traced as a whole, a run that repeats itself is one part; unit by unit it would
    // be as many as there are.
    let base = index.texts.end();
    let mut tracer = Tracer { index, base, canonical, traced: Vec::new(), origins: Vec::new() };
    blocks
        .into_iter()
        .map(|Traced { units, runs: of_block, near, changes }| {
            let mut parts = Vec::new();
            for run in &runs[of_block] {
                tracer.trace(run, &mut parts)?;
            }
            Ok(RemovedBlock { units, parts, near, changes })
        })
        .collect()
}

/// The blocks of the units that go, as they are covered, and the runs of all.
fn of_covered(units: &Units<'_>, matches: &[Match]) -> (Vec<Traced>, Vec<Match>) {
    let mut blocks: Vec<Traced> = Vec::new();
    let mut runs: Vec<Match> = Vec::new();
    let mut cover = Cover { matches, begun: 0, last: None };
    for (number, unit) in units.canonical.iter().enumerate() {
        if !units.removed[number] || !units.goes_on(number) {
            cover.last = None;
        }
        if !units.removed[number] {
            continue;
        }
        let mut at = unit.start;
        while at < unit.end {
            let before = cover.last;
            let Some(found) = cover.take(at, unit) else {
                at += 1; // a space between two matches
                continue;
            };
            let begins_unit = at == unit.start;
            let continues = begins_unit && before == Some(found);
            if begins_unit && !continues {
                blocks.push(Traced {
                    units: number..number,
                    runs: runs.len()..runs.len(),
                    near: false,
                    changes: Vec::new(),
                });
            }
            // The space before it, if there is one, belongs to the match too.
            let start = if continues { units.canonical[number - 1].end } else { at };
            let end = found.end.min(unit.end);
            match runs.last_mut() {
                Some(before) if continues && before.end == start => before.end = end,
                _ => runs.push(Match { start, end, source: found.place_of(start) }),
            }
            let block = blocks.last_mut().expect("BUG: a unit begins a block or goes on with one");
            block.units.end = number + 1;
            block.runs.end = runs.len();
            at = end;
        }
    }
    (blocks, runs)
}

/// Finds matches that together have all of the units that go, few of them.
struct Cover<'a> {
    /// Sorted; none lies in another.
    matches: &'a [Match],
    /// How many of them begin at or before the place at hand.
    begun: usize,
    /// The one that was taken last, unless it is not to go on.
    last: Option<Match>,
}

impl Cover<'_> {
    /// Takes the match that a place in a unit is of: the one that goes on, or else what reaches furthest.
    fn take(&mut self, at: usize, unit: &Range<usize>) -> Option<Match> {
        while self.matches.get(self.begun).is_some_and(|found| found.start <= at) {
            self.begun += 1;
        }
        // No match lies in another, so the last that has begun reaches furthest.
        let furthest = self.begun.checked_sub(1).map(|last| self.matches[last]);
        let furthest = furthest.filter(|found| found.end > at);
        let goes_on = self.last.filter(|last| last.end > at);
        let has_all = |found: &Match| found.end >= unit.end;
        let found = match goes_on {
            // It ends in this unit, of which something else may have all.
            Some(last) if at == unit.start && !has_all(&last) => {
                furthest.filter(has_all).unwrap_or(last)
            }
            Some(last) => last,
            None => furthest?,
        };
        self.last = Some(found);
        Some(found)
    }
}

/// A block before its runs are followed to kept text.
struct Traced {
    units: Range<usize>,
    /// The numbers of its runs.
    runs: Range<usize>,
    near: bool,
    changes: Vec<Change>,
}

/// Appends a part, or makes one of it and the last if they go on here and in the kept text, or are
/// the same kept text again.
fn join(parts: &mut Vec<Removed>, part: Removed) {
    match parts.last_mut() {
        Some(last) if last.end == part.start && goes_on(last, &part) => {
            last.end = part.end;
            last.period += part.period;
        }
        Some(last) if last.end == part.start && comes_again(last, &part) => last.end = part.end,
        _ => parts.push(part),
    }
}

/// Whether both are plain, and the kept text of the second follows that of the first.
fn goes_on(first: &Removed, second: &Removed) -> bool {
    first.period == first.end - first.start
        && second.period == second.end - second.start
        && first.origin + first.period as u64 == second.origin
}

/// Whether the first is its kept text some times, and the second the same, the last time perhaps in part.
fn comes_again(first: &Removed, second: &Removed) -> bool {
    first.origin == second.origin
        && (first.end - first.start).is_multiple_of(first.period)
        && (second.period == first.period
            || second.end - second.start == second.period && second.period < first.period)
}

/// Follows sources to kept text, through what is removed of the article at hand as well.
struct Tracer<'a> {
    index: &'a Index,
    base: u64,
    /// The article at hand.
    canonical: &'a [u8],
    /// What was removed of this article so far.
    traced: Vec<Removed>,
    /// The kept text that the source at hand stands for.
    origins: Vec<Kept>,
}

impl Tracer<'_> {
    /// Appends the kept text that a run stands for.
    fn trace(&mut self, run: &Match, parts: &mut Vec<Removed>) -> Result<(), Error> {
        let &Match { start, end, source } = run;
        let here = self.base + start as u64;
        // A source that reaches into its own copy repeats with their distance as the period.
        let period = to_usize((here - source).min((end - start) as u64));
        self.find_origins(source, source + period as u64)?;
        if self.origins.len() > 1 && end - start > period {
            self.simplify_origins(start..end, period);
        }
        let mut add = |part| {
            join(&mut self.traced, part);
            join(parts, part);
        };
        if let [Kept { origin, len, period: plain }] = self.origins[..]
            && len == plain
        {
            add(Removed { start, end, origin, period });
            return Ok(());
        }
        let mut at = start;
        for kept in self.origins.iter().cycle() {
            let len = to_usize(kept.len).min(end - at);
            let period = to_usize(kept.period).min(len);
            add(Removed { start: at, end: at + len, origin: kept.origin, period });
            at += len;
            if at == end {
                break;
            }
        }
        Ok(())
    }

    /// Finds fewer origins for what repeats itself, if one period of it is kept in one place. Two
    /// for each time, of a byte each in a row of dots and spaces, took 16 bytes of index and a
    /// place in the report for each byte.
    fn simplify_origins(&mut self, run: Range<usize>, period: usize) {
        let Self { base, canonical, ref traced, ref mut origins, .. } = *self;
        let len = run.len() as u64;
        let kept = |origin: u64| {
            let own = to_usize(origin.checked_sub(base)?);
            canonical.get(own..own + period)
        };
        // The last part that repeats itself like this run may be the beginning of the same row.
        let row = traced.iter().rev().take(8).find_map(|part| {
            let offset = (run.start - part.start) % period;
            let (last, first) = kept(part.origin)?.split_at(offset);
            let is_same = part.period == period
                && canonical[run.start..].starts_with(first)
                && canonical[run.start + first.len()..].starts_with(last);
            is_same.then_some((part.origin, offset as u64))
        });
        if let Some((origin, offset)) = row {
            let first = Kept::within(origin, period as u64, offset, len);
            origins.clear();
            origins.push(first);
            if first.len < len {
                origins.push(Kept::within(origin, period as u64, 0, len - first.len));
            }
        }
    }

    fn find_origins(&mut self, start: u64, end: u64) -> Result<(), Error> {
        let Self { index, base, ref traced, ref mut origins, .. } = *self;
        origins.clear();
        if start < base {
            index.texts.origins(start..end.min(base), origins)?;
        }
        let mut at = start.max(base);
        while at < end {
            let own = to_usize(at - base);
            let next = traced.partition_point(|part| part.end <= own);
            let kept = match traced.get(next) {
                Some(part) if part.start <= own => {
                    let rest = (end - at).min((part.end - own) as u64);
                    let offset = (own - part.start) as u64;
                    Kept::within(part.origin, part.period as u64, offset, rest)
                }
                Some(part) => Kept::plain(at, (end - at).min((part.start - own) as u64)),
                None => Kept::plain(at, end - at),
            };
            at += kept.len;
            let own = origins.last_mut().filter(|before| before.origin >= base);
            if !own.is_some_and(|before| before.join(kept)) {
                origins.push(kept);
            }
        }
        Ok(())
    }
}
