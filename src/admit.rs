//! Admitting: one article after another through the index.

use crate::criteria::Criteria;
use crate::cut::{CutUnits, Paragraphs, Units};
use crate::error::Error;
use crate::index::Index;
use crate::index::table::MAX_PLACE;
use crate::index::text::Removed;
use crate::near::{self, NearCopy};
use crate::options::Options;
use crate::prepare::Prepared;
use crate::resolve::{self, Incoming, Match, RemovedBlock, Room};

/// Finds what an article repeats, and remembers what is new of it.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) index: Index,
    criteria: Criteria,
    /// The most memory that texts and ways back to the originals take; beyond, they lie in files.
    memory: usize,
    /// Whether the index lacks an article or a part of one, as text could not be read, or it is not known
    /// what of it is on disk.
    pub(crate) broken: bool,
    room: Room,
}

/// An article that went through the index, which filled in
/// [`Forms::found`](crate::forms::Forms::found): all that is left is to say what that is.
#[derive(Debug)]
pub(crate) struct Admitted(pub(crate) Prepared);

/// What of an article stood before.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Found {
    /// Sorted; none lies inside another.
    pub(crate) matches: Vec<Match>,
    /// Canonical bytes that stood before, and spaces between them.
    pub(crate) covered: usize,
    pub(crate) blocks: Vec<RemovedBlock>,
    /// What goes or stays as a whole, if that is not each paragraph.
    pub(crate) cut_units: Option<CutUnits>,
    /// That of the index with this article in it.
    pub(crate) size: Size,
}

/// What an index takes.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Size {
    /// Bytes of memory without the kept text.
    pub(crate) memory: usize,
    /// Bytes of kept text.
    pub(crate) text: u64,
}

impl Admission {
    pub(crate) fn new(index: Index, criteria: Criteria) -> Self {
        Self { index, criteria, memory: Options::MEMORY, broken: false, room: Room::default() }
    }

    pub(crate) fn with_memory(self, memory: usize) -> Self {
        Self { memory, ..self }
    }

    pub(crate) fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// The most of that which the ways back to the originals take, kept by who reports. Mostly they
    /// take a fiftieth of what their texts do, and are worth more: with an eighth, 10 GB of which
    /// three tenths are copies took 7 % longer within 256 MiB.
    pub(crate) fn memory_of_originals(&self) -> usize {
        self.memory / 2
    }

    pub(crate) fn size(&self) -> Size {
        Size { memory: self.index.memory(), text: self.index.texts.kept() }
    }

    /// Says no after an error that left the index incomplete.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.index.beneath {
            _ if !self.broken => Ok(()),
            Some(base) => Err(base.broken()),
            None => {
                Err(Error::of_spill(std::io::Error::other("kept text could not be read before")))
            }
        }
    }

    /// Takes the next article.
    ///
    /// # Errors
    ///
    /// If the index is full, or text cannot be put into a file: neither changes the index. If what
    /// is in a file cannot be read, all later articles fail too.
    pub(crate) fn admit(&mut self, mut prepared: Prepared) -> Result<Admitted, Error> {
        self.check()?;
        if self.index.texts.end() + prepared.forms.canonical.len() as u64 > MAX_PLACE - 1 {
            return Err(Error::Full);
        }
        let memory = self.memory - self.memory_of_originals().min(self.index.ways_back);
        self.index.texts.log().spill_beyond(memory)?;
        self.index.ways_back += prepared.forms.departures.len();
        self.broken = true;
        let mut found = std::mem::take(&mut prepared.forms.found);
        self.resolve(&prepared, &mut found)?;
        self.broken = false;
        found.size = self.size();
        prepared.forms.found = found;
        Ok(Admitted(prepared))
    }

    /// The runs of a text that stood in earlier articles. The index stays as it is.
    ///
    /// # Errors
    ///
    /// If the index lacks an article, or kept text cannot be read.
    pub(crate) fn find(&mut self, prepared: &Prepared) -> Result<Vec<Match>, Error> {
        self.check()?;
        let query = Incoming { is_query: true, ..prepared.forms.incoming() };
        let mut matches = Vec::new();
        resolve::find(&mut self.index, &query, &self.criteria, &mut self.room, &mut matches)?;
        Ok(matches)
    }

    /// Finds what an article repeats, in the memory of what was found of another.
    fn resolve(&mut self, prepared: &Prepared, found: &mut Found) -> Result<(), Error> {
        let Found { matches, covered, blocks, cut_units, .. } = found;
        let forms = &prepared.forms;
        let incoming = forms.incoming();
        resolve::find(&mut self.index, &incoming, &self.criteria, &mut self.room, matches)?;
        let covering: Vec<Match> = matches
            .iter()
            .map(|found| resolve::whole_characters(incoming.canonical, found))
            .collect();
        let removed = resolve::covered_units(incoming.canonical, incoming.paragraphs, &covering);
        let near = match (self.criteria.near, &forms.near_anchors) {
            (Some(share), Some(anchors)) => near::near_copies(
                &mut self.index,
                &incoming,
                anchors,
                &removed,
                &self.criteria,
                share,
            )?,
            _ => Vec::new(),
        };
        *covered = covered_bytes(incoming.canonical, &covering, &near);
        let paragraphs = Paragraphs {
            canonical: &forms.canonical,
            ranges: &prepared.parts.paragraphs,
            canonical_ranges: &forms.paragraphs,
            language: prepared.parts.provenance.language(),
        };
        let units = Units::new(self.criteria.cut, &paragraphs, &covering, removed, &near);
        *blocks = resolve::blocks(&self.index, &forms.canonical.bytes, &units, &covering, near)?;
        let kept_elsewhere: Vec<Removed> =
            blocks.iter().flat_map(RemovedBlock::references).collect();
        self.index.texts.push(&forms.canonical.bytes, &kept_elsewhere);
        *cut_units = units.into_cut();
        Ok(())
    }
}

/// How many bytes lie in matches, or in runs of near copies, or are a space between two.
fn covered_bytes(canonical: &[u8], matches: &[Match], near: &[NearCopy]) -> usize {
    if near.is_empty() {
        return resolve::covered_bytes(canonical, matches);
    }
    let runs = near.iter().flat_map(|copy| &copy.runs);
    let mut all: Vec<Match> = matches.iter().chain(runs).copied().collect();
    all.sort_by_key(|found| found.start);
    resolve::covered_bytes(canonical, &all)
}
