//! Which articles an index has, and with what content: those that come again as they were need no
//! work.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::IndexError;
use super::sealed::Sealed;
use crate::index::table::first_bits;

/// The first half of a BLAKE3 digest: enough that nobody finds two that agree.
type Half = [u8; 16];

fn half(digest: &blake3::Hash) -> Half {
    *digest.as_bytes().first_chunk().expect("BUG: a digest has 32 bytes")
}

pub(super) fn half_of_id(id: &str) -> Half {
    half(&blake3::hash(id.as_bytes()))
}

/// Whether an article is in an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    New,
    Unchanged,
    Changed,
}

impl Status {
    fn of(known: Option<Half>, digest: &blake3::Hash) -> Self {
        match known {
            None => Self::New,
            Some(content) if content == half(digest) => Self::Unchanged,
            Some(_) => Self::Changed,
        }
    }
}

/// The newest contents of articles, by their ids.
///
/// Sorted, with a directory by the first bits of an id: 33 bytes an article. A hash map takes 38 to
/// 75, and half as much again while it grows.
#[derive(Default)]
pub(crate) struct Contents {
    versions: Vec<Version>,
    /// For each beginning of an id, in order, where its versions begin; and their end.
    starts: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Version {
    id: Half,
    content: Half,
}

/// The mean number of versions that one start is kept for.
const LOCATED: usize = 16;

impl Contents {
    /// Those of an index, and whether an article comes again that is no other than the one before: where
    /// it was changed back, and what lay between was withdrawn or stands elsewhere now.
    pub(super) fn of(sealed: &Sealed) -> Result<(Self, bool), IndexError> {
        let mut versions = Vec::new();
        for run in sealed.runs() {
            for at in 0..run.groups() {
                let group = run.group(at)?;
                versions.extend(group.records().map(|(_, record)| Version {
                    id: half_of_id(group.id(record)),
                    content: half(&record.digest),
                }));
            }
        }
        Ok(Self::newest(versions))
    }

    fn newest(mut versions: Vec<Version>) -> (Self, bool) {
        versions.sort_by_key(|version| version.id); // and by age, as they came so
        let mut comes_again = false;
        versions.dedup_by(|later, earlier| {
            let is_newer = later.id == earlier.id;
            if is_newer {
                comes_again |= later.content == earlier.content;
                *earlier = *later;
            }
            is_newer
        });
        versions.shrink_to_fit();
        let mut contents = Self { versions, starts: Vec::new() };
        contents.locate();
        (contents, comes_again)
    }

    /// Makes the directory anew.
    fn locate(&mut self) {
        let beginnings = self.versions.len().div_ceil(LOCATED).next_power_of_two();
        self.starts.clear();
        self.starts.reserve_exact(beginnings + 1);
        for (at, version) in self.versions.iter().enumerate() {
            let beginning = beginning(&version.id, beginnings);
            if self.starts.len() <= beginning {
                self.starts.resize(beginning + 1, at);
            }
        }
        self.starts.resize(beginnings + 1, self.versions.len());
    }

    pub(crate) fn status(&self, id: &str, digest: &blake3::Hash) -> Status {
        Status::of(self.content(&half_of_id(id)), digest)
    }

    /// Whether there is an article of that id, whatever its content.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.content(&half_of_id(id)).is_some()
    }

    fn content(&self, id: &Half) -> Option<Half> {
        self.find(id).ok().map(|at| self.versions[at].content)
    }

    /// Where the version of an id is, or would be.
    fn find(&self, id: &Half) -> Result<usize, usize> {
        let beginning = beginning(id, self.starts.len().saturating_sub(1).max(1));
        let &[start, end] = self.starts.get(beginning..=beginning + 1).ok_or(0_usize)? else {
            return Err(0);
        };
        let found = self.versions[start..end].binary_search_by_key(id, |version| version.id);
        found.map(|at| start + at).map_err(|at| start + at)
    }

    /// Adds versions of different articles, newer than all before.
    fn absorb(&mut self, newer: impl Iterator<Item = Version>) {
        let mut new = Vec::new();
        for version in newer {
            match self.find(&version.id) {
                Ok(at) => self.versions[at] = version,
                Err(at) => new.push((at, version)),
            }
        }
        new.sort_unstable_by_key(|(_, version)| version.id);
        let mut end = self.versions.len();
        let mut to = end + new.len();
        self.versions.reserve_exact(new.len());
        self.versions.extend(new.iter().map(|(_, version)| version));
        // From the end on: what moves, moves to where nothing is that has yet to move.
        for (at, version) in new.into_iter().rev() {
            to -= end - at;
            self.versions.copy_within(at..end, to);
            to -= 1;
            self.versions[to] = version;
            end = at;
        }
        self.locate();
    }

    fn memory(&self) -> usize {
        self.versions.capacity() * size_of::<Version>()
            + self.starts.capacity() * size_of::<usize>()
    }
}

/// What is known of an index that is written to.
pub(super) struct Known {
    /// What was committed when it was opened, for any thread to look at.
    pub(super) committed: Arc<Contents>,
    /// What came since, but for the last few.
    since: Contents,
    /// The last few: ids with contents.
    last: HashMap<Half, Half>,
}

/// The fewest articles that make way for others.
const FEW: usize = 1024;

impl Known {
    /// What an index says, with nothing since.
    pub(super) fn of(sealed: &Sealed) -> Result<Self, IndexError> {
        let (committed, _) = Contents::of(sealed)?;
        Ok(Self::new(committed))
    }

    pub(super) fn new(committed: Contents) -> Self {
        Self { committed: Arc::new(committed), since: Contents::default(), last: HashMap::new() }
    }

    pub(super) fn status(&self, id: &str, digest: &blake3::Hash) -> Status {
        Status::of(self.content(&half_of_id(id)), digest)
    }

    /// Whether there is an article of that id, whatever its content.
    pub(super) fn has(&self, id: &str) -> bool {
        self.content(&half_of_id(id)).is_some()
    }

    fn content(&self, id: &Half) -> Option<Half> {
        let last = self.last.get(id).copied();
        last.or_else(|| self.since.content(id)).or_else(|| self.committed.content(id))
    }

    /// Notes an article that comes; says what was known of it before.
    pub(super) fn note(&mut self, id: &str, digest: &blake3::Hash) -> Status {
        let id = half_of_id(id);
        let status = Status::of(self.content(&id), digest);
        if status == Status::Unchanged {
            return status; // it is ingested again
        }
        self.last.insert(id, half(digest));
        // A sixteenth is moved with all others, so an article is moved sixteen times.
        if self.last.len() >= FEW.max(self.since.versions.len() / 16) {
            self.since.absorb(self.last.drain().map(|(id, content)| Version { id, content }));
        }
        status
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        // Seven eighths of what a map has are used at most, each with a byte beside it.
        let last = self.last.capacity() * 8 / 7 * (size_of::<Version>() + 1);
        self.committed.memory() + self.since.memory() + last
    }
}

/// The first bits of an id, of which there are so many values: a power of two.
fn beginning(id: &Half, values: usize) -> usize {
    let first = u64::from_be_bytes(*id.first_chunk().expect("BUG: half a digest has 16 bytes"));
    first_bits(first, values.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    /// Versions of up to so many articles. Half of the ids begin alike, as if somebody had made
    /// them so.
    fn versions(articles: usize, seed: u64) -> Vec<Version> {
        let mut random = random(seed);
        let mut version = || {
            let mut id = half_of_id(&random(articles).to_string());
            if id[15].is_multiple_of(2) {
                id[..4].fill(7);
            }
            Version { id, content: [u8::from(random(40) == 0); 16] }
        };
        (0..articles).map(|_| version()).collect()
    }

    #[test]
    fn the_newest_version_of_each_article_is_known() {
        for articles in [0, 1, 2, LOCATED, LOCATED + 1, 1000, 20_000] {
            let mut model = HashMap::new();
            let committed = versions(articles, 3);
            let again = committed
                .iter()
                .map(|version| model.insert(version.id, version.content) == Some(version.content));
            let changed_back = again.fold(false, |any, again| any | again);
            let (mut contents, comes_again) = Contents::newest(committed);
            assert_eq!(comes_again, changed_back, "{articles} articles");
            for seed in 4..8 {
                let newer = versions(articles / 2, seed);
                let newer: HashMap<Half, Half> =
                    newer.into_iter().map(|Version { id, content }| (id, content)).collect();
                model.extend(&newer);
                contents.absorb(newer.into_iter().map(|(id, content)| Version { id, content }));
                assert_eq!(contents.versions.len(), model.len());
                assert!(contents.versions.is_sorted_by(|one, next| one.id < next.id));
                for (id, content) in &model {
                    assert_eq!(contents.content(id), Some(*content), "{articles} articles");
                }
                for number in 0..1000 {
                    let id = half_of_id(&number.to_string());
                    assert_eq!(contents.content(&id), model.get(&id).copied());
                }
            }
        }
    }

    #[test]
    fn what_came_last_counts() {
        let [first, second] = [b"first", b"again"].map(|text| blake3::hash(text));
        let committed = vec![Version { id: half_of_id("a"), content: half(&first) }];
        let mut known = Known::new(Contents::newest(committed).0);
        assert_eq!(known.status("a", &first), Status::Unchanged);
        assert_eq!(known.note("a", &second), Status::Changed);
        for number in 0..3 * FEW {
            assert_eq!(known.status("a", &first), Status::Changed);
            assert_eq!(known.status("a", &second), Status::Unchanged);
            assert_eq!(known.note(&number.to_string(), &first), Status::New);
        }
        assert!(known.since.versions.len() > FEW);
        assert_eq!(known.committed.status("a", &first), Status::Unchanged);
        assert_eq!(known.note("0", &first), Status::Unchanged);
        assert_eq!(known.note("0", &second), Status::Changed);
        assert_eq!(known.note("0", &first), Status::Changed);
        assert!(known.has("0") && !known.has("c") && !known.committed.has("0"));
    }
}
