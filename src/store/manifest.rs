//! The manifest: which runs make up the index, and by which recipe.

use std::fmt;
use std::io::ErrorKind;

use super::error::{IndexError, Wrong, io};
use super::file::{self, Kind};
use super::fingerprints::FingerprintRecipe;
use super::storage::{LOCK, Storage};
use super::wire::{Input, checksum, put_u32, put_u64};
use crate::anchors::Scheme;
use crate::criteria::{Criteria, Cut, Share, WithinArticle};
use crate::index::table::GRANULE;

/// The version of the format; see [`_format`](crate::_format).
pub(crate) const VERSION: u32 = 2;

pub(crate) const MANIFEST: &str = "manifest";
pub(crate) const MANIFEST_NEW: &str = "manifest.new";

const MAGIC: usize = 8;
const HEAD: usize = MAGIC + size_of::<u32>();
const RUN: usize = 3 * size_of::<u64>();
const CHECKSUM: usize = size_of::<u64>();
/// The most bytes of a manifest: those of a few hundred thousand runs, where ten would be many.
const LONGEST: usize = 1 << 24;
/// The greatest number of a commit or a run. There are always more to come.
const LAST_NUMBER: u64 = u64::MAX / 2;

/// What a store is made by, as its manifest says.
pub(crate) trait Rules: Clone {
    /// What the manifest begins with.
    const KIND: Kind;
    /// What such a store is called.
    const WHAT: &str;

    fn put(&self, bytes: &mut Vec<u8>);

    fn take(input: &mut Input<'_>) -> Result<Self, Wrong>;
}

/// What a store is whose manifest begins with some bytes.
fn what(bytes: &[u8]) -> Option<&'static str> {
    let text = (Recipe::KIND, Recipe::WHAT);
    let fingerprints = (FingerprintRecipe::KIND, FingerprintRecipe::WHAT);
    let mut known = [text, fingerprints].into_iter();
    known.find(|(kind, _)| bytes.starts_with(&kind.magic)).map(|(_, what)| what)
}

/// How text becomes entries: an index answers only to the recipe that it was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Recipe {
    /// The version of the [canonical form](crate::canonical).
    pub canonical: u32,
    /// The version of the [splitter](crate::split).
    pub split: u32,
    /// The version of the choice of [anchors](crate::anchors).
    pub anchors: u32,
    /// Bytes of canonical text that a place in a table stands for.
    pub granule: u32,
    /// `min_span`.
    pub span: u32,
    /// Bytes in a gram; a window has `span - gram + 1` grams.
    pub gram: u32,
    /// `min_paragraph`.
    pub min_paragraph: u32,
    /// The version of the rules for near copies and sentences; 0 where neither is asked for.
    pub rules: u32,
    /// The seed of the hashes.
    pub seed: u64,
    /// `near`, in parts of a million; 0 without it.
    pub near: u32,
    /// `cut`: 0 for paragraphs, 1 for sentences, 2 for spans.
    pub cut: u32,
    /// `within_article`: the length from which a run goes; 0 for all, [`u64::MAX`] for none.
    pub within_article: u64,
}

impl Recipe {
    pub(crate) fn new(criteria: &Criteria) -> Self {
        let Criteria { scheme, min_paragraph, within_article, near, cut } = criteria;
        let size = |value| u32::try_from(value).expect("BUG: the options keep sizes small");
        Self {
            canonical: crate::canonical::VERSION,
            split: crate::split::VERSION,
            anchors: crate::anchors::VERSION,
            granule: u32::from(GRANULE),
            span: size(scheme.span()),
            gram: size(scheme.gram()),
            min_paragraph: size(*min_paragraph),
            rules: match (near, cut) {
                (None, Cut::Paragraph | Cut::Span) => 0,
                (Some(_), _) | (_, Cut::Sentence) => crate::criteria::VERSION,
            },
            seed: 0,
            near: near.map_or(0, Share::millionths),
            cut: match cut {
                Cut::Paragraph => 0,
                Cut::Sentence => 1,
                Cut::Span => 2,
            },
            within_article: match within_article {
                WithinArticle::Remove => 0,
                WithinArticle::RemoveFrom(bytes) => *bytes as u64,
                WithinArticle::Keep => u64::MAX,
            },
        }
    }

    /// What this recipe looks for, if this version of the crate follows it.
    pub(crate) fn criteria(&self) -> Result<Criteria, IndexError> {
        #[cfg(not(feature = "sentences"))]
        if self.cut == 1 {
            let (what, feature) = ("an index that is cut into sentences", "sentences");
            return Err(IndexError::Feature { what, feature });
        }
        let greatest = crate::Options::GREATEST_SPAN;
        let span = (self.span as usize).clamp(crate::Options::LEAST_SPAN, greatest);
        let criteria = Criteria {
            scheme: Scheme::new(span),
            min_paragraph: (self.min_paragraph as usize).clamp(1, span),
            within_article: match self.within_article {
                0 => WithinArticle::Remove,
                u64::MAX => WithinArticle::Keep,
                bytes => WithinArticle::RemoveFrom(
                    usize::try_from(bytes).map_or(span, |bytes| bytes.clamp(span, greatest)),
                ),
            },
            near: Share::from_millionths(self.near),
            cut: match self.cut {
                #[cfg(feature = "sentences")]
                1 => Cut::Sentence,
                2 => Cut::Span,
                _ => Cut::Paragraph,
            },
        };
        let expected = Self::new(&criteria);
        if *self == expected { Ok(criteria) } else { Err(IndexError::recipe(*self, expected)) }
    }
}

impl Rules for Recipe {
    const KIND: Kind = Kind { magic: *b"dedupIDX", version: VERSION };
    const WHAT: &str = "an index with text";

    fn put(&self, bytes: &mut Vec<u8>) {
        for value in [
            self.canonical,
            self.split,
            self.anchors,
            self.granule,
            self.span,
            self.gram,
            self.min_paragraph,
            self.rules,
        ] {
            put_u32(bytes, value);
        }
        put_u64(bytes, self.seed);
        put_u32(bytes, self.near);
        put_u32(bytes, self.cut);
        put_u64(bytes, self.within_article);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Wrong> {
        let recipe = Self {
            canonical: input.u32()?,
            split: input.u32()?,
            anchors: input.u32()?,
            granule: input.u32()?,
            span: input.u32()?,
            gram: input.u32()?,
            min_paragraph: input.u32()?,
            rules: input.u32()?,
            seed: input.u64()?,
            near: input.u32()?,
            cut: input.u32()?,
            within_article: input.u64()?,
        };
        Ok(recipe)
    }
}

impl Recipe {
    /// Each of its parts, in words.
    fn parts(&self) -> [String; 12] {
        let Self { canonical, split, anchors, granule, span, gram, min_paragraph, seed, .. } = self;
        [
            format!("min_span {span}"),
            format!("min_paragraph {min_paragraph}"),
            match self.near {
                0 => "no near copies".to_owned(),
                near => format!("near {}", f64::from(near) / 1e6),
            },
            match self.cut {
                0 => "whole paragraphs".to_owned(),
                1 => "cut into sentences".to_owned(),
                2 => "cut to spans".to_owned(),
                other => format!("cut by an unknown rule {other}"),
            },
            match self.within_article {
                0 => "repeats within an article removed".to_owned(),
                u64::MAX => "repeats within an article kept".to_owned(),
                bytes => format!("repeats within an article kept below {bytes} bytes"),
            },
            match self.rules {
                0 => String::new(),
                rules => format!("rules for near copies and sentences {rules}"),
            },
            format!("grams of {gram} bytes"),
            format!("places of {granule} bytes"),
            format!("seed {seed}"),
            format!("canonical form {canonical}"),
            format!("splitter {split}"),
            format!("anchors {anchors}"),
        ]
    }

    /// The parts that another has otherwise.
    pub(crate) fn beside(&self, other: &Self) -> String {
        let parts = self.parts().into_iter().zip(other.parts());
        joined(parts.filter(|(own, other)| own != other).map(|(own, _)| own))
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(self.parts()))
    }
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// A run, as the manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunName {
    pub(crate) number: u64,
    pub(crate) len: u64,
    /// The checksum of its directory.
    pub(crate) checksum: u64,
}

/// The right to write.
pub(crate) type Lock = Box<dyn Send + Sync>;

/// When runs are merged: mostly as soon as one has not more than twice the size of the next.
#[derive(Debug, Default)]
pub(crate) struct Merging {
    /// The number of runs from which it is tried again.
    least: usize,
}

impl Merging {
    /// From which run on all are to become one, if any are.
    pub(crate) fn due(&self, lens: &[u64]) -> Option<usize> {
        let from = runs_to_merge(lens);
        (lens.len() - from > 1 && lens.len() >= self.least).then_some(from)
    }

    /// Puts the run with that number in the place of those from `from` on. If it could not be
    /// written for lack of room, that is put off: what is new needs less, and is to be committed.
    /// Then not tried at each commit, as it might fill the disk each time.
    pub(crate) fn settle<R>(
        &mut self,
        runs: &mut Vec<R>,
        from: usize,
        merged: Result<R, IndexError>,
        storage: &dyn Storage,
        number: u64,
    ) -> Result<(), IndexError> {
        match merged {
            Ok(merged) => {
                // There is room again, if there was none.
                self.least = 0;
                runs.truncate(from);
                runs.push(merged);
                Ok(())
            }
            Err(error) if error.is_lack_of_room() => {
                self.least = 2 * runs.len();
                let name = file::file_name(number);
                match storage.remove(&name) {
                    // There may have been no room for so much as a name.
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    removed => removed.map_err(io("remove", &name)),
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// From which run on all are to become one, so that each has more than twice the size of the next.
///
/// Not only the last may be too large for the one before it: where newer versions replaced what came with
/// them, a commit adds what came before those as a run of its own.
fn runs_to_merge(lens: &[u64]) -> usize {
    let mut from = lens.len();
    let (mut next, mut all) = (None, 0);
    for (at, len) in lens.iter().enumerate().rev() {
        all += len;
        if next.is_none_or(|next| next * 2 >= *len) {
            (from, next) = (at, Some(all));
        } else {
            next = Some(*len);
        }
    }
    from
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest<R> {
    pub(crate) recipe: R,
    /// The number of the commit, from 1.
    pub(crate) commit: u64,
    pub(crate) next_run: u64,
    pub(crate) runs: Vec<RunName>,
}

impl<R: Rules> Manifest<R> {
    pub(crate) fn new(recipe: R) -> Self {
        Self { recipe, commit: 0, next_run: 1, runs: Vec::new() }
    }

    /// The manifest of what is to be written, with the right to write it; none if there is nothing yet.
    pub(crate) fn lock(storage: &dyn Storage) -> Result<(Lock, Option<Self>), IndexError> {
        let ours = |name: &String| {
            [LOCK, MANIFEST, MANIFEST_NEW].contains(&&**name) || file::number_of(name).is_some()
        };
        // Not to make an index amid somebody's letters, nor to leave so much as a lock there.
        if Self::read(storage)?.is_none()
            && !storage.list().map_err(io("list", "."))?.iter().all(ours)
        {
            return Err(IndexError::Occupied);
        }
        let lock = storage.lock().map_err(io("lock", LOCK))?.ok_or(IndexError::Locked)?;
        Ok((lock, Self::read(storage)?))
    }

    /// Makes ready for writing on.
    ///
    /// A manifest stands before the first run does, so that runs without one are never what a crash left.
    pub(crate) fn begin(&self, storage: &dyn Storage) -> Result<(), IndexError> {
        self.check_current(storage)?;
        // Some systems do not remove what a reader has open; then a later writer will.
        let _ = self.tidy(storage);
        if self.commit == 0 { self.write(storage) } else { Ok(()) }
    }

    /// Says no unless this manifest, the last one read or written, is the one that is there.
    ///
    /// The lock is on a file, and the directory that has it may be moved away, and another index be
    /// put in its place. What is written by name would be the end of that.
    pub(crate) fn check_current(&self, storage: &dyn Storage) -> Result<(), IndexError> {
        match Self::read(storage)? {
            None if self.commit == 0 => Ok(()),
            None => Err(IndexError::Missing),
            Some(found) if (found.commit, &found.runs) == (self.commit, &self.runs) => Ok(()),
            Some(_) => Err(IndexError::Occupied),
        }
    }

    /// Removes what this manifest, the last one written, does not name: leftovers of a crash, and
    /// runs that were merged. What cannot be removed is an error, after all others were.
    pub(crate) fn tidy(&self, storage: &dyn Storage) -> Result<(), IndexError> {
        let mut done = Ok(());
        for name in storage.list().map_err(io("list", "."))? {
            let number = file::number_of(&name);
            let named = |run: &RunName| Some(run.number) == number;
            if name == MANIFEST_NEW || number.is_some() && !self.runs.iter().any(named) {
                let removed = storage.remove(&name).map_err(io("remove", &name));
                done = done.and(removed);
            }
        }
        done
    }

    /// Removes what a commit that failed, or never came, leaves behind, which may be as large as
    /// the index. It is kept if the manifest is another by now, which may name it: an error is no
    /// proof that a manifest was not replaced.
    pub(crate) fn tidy_if_current(&self, storage: &dyn Storage) {
        if self.check_current(storage).is_ok() {
            let _ = self.tidy(storage);
        }
    }

    /// The manifest of an index; none if there is none, or nothing was committed yet.
    pub(crate) fn read(storage: &dyn Storage) -> Result<Option<Self>, IndexError> {
        Ok(Self::read_begun(storage)?.filter(|manifest| manifest.commit > 0))
    }

    /// The same, though nothing may have been committed yet.
    pub(crate) fn read_begun(storage: &dyn Storage) -> Result<Option<Self>, IndexError> {
        let file = match storage.open(MANIFEST) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Self::check_absent(storage);
            }
            file => file.map_err(io("open", MANIFEST))?,
        };
        let len = file.len().map_err(io("read", MANIFEST))?;
        let len = usize::try_from(len).ok().filter(|&len| len <= LONGEST);
        let len = len.ok_or(Wrong("it is too long").at(MANIFEST, 0))?;
        let mut bytes = vec![0; len];
        file.read_at(&mut bytes, 0).map_err(io("read", MANIFEST))?;
        Self::decode(&bytes).map(Some)
    }

    /// An error unless there is a manifest, of this commit or a later one.
    pub(crate) fn check_since(commit: u64, storage: &dyn Storage) -> Result<(), IndexError> {
        if Self::read(storage)?.ok_or(IndexError::Missing)?.commit < commit {
            return Err(Wrong("it is older than it was").at(MANIFEST, 0));
        }
        Ok(())
    }

    /// Reads the manifest of an index, and opens what that names.
    pub(crate) fn open<T>(
        storage: &dyn Storage,
        open: impl Fn(&Self) -> Result<T, IndexError>,
    ) -> Result<(Self, T), IndexError>
    where
        Self: PartialEq,
    {
        let mut before = None;
        loop {
            let manifest = Self::read(storage)?.ok_or(IndexError::Missing)?;
            match open(&manifest) {
                Ok(opened) => return Ok((manifest, opened)),
                // Between the two reads a writer may have merged runs and removed them.
                Err(_) if before.as_ref() != Some(&manifest) => before = Some(manifest),
                Err(error) => return Err(error),
            }
        }
    }

    /// Where no manifest is, there are no runs: somebody has lost it, and another would be the end of them.
    fn check_absent(storage: &dyn Storage) -> Result<Option<Self>, IndexError> {
        let names = match storage.list() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            names => names.map_err(io("list", "."))?,
        };
        let is_run = |name: &String| file::number_of(name).is_some();
        // Unless it came between the two looks.
        if names.iter().any(is_run) && storage.open(MANIFEST).is_err() {
            return Err(Wrong("it is not there, although runs are").at(MANIFEST, 0));
        }
        Ok(None)
    }

    /// Replaces the manifest of an index; it is durable when this returns.
    pub(crate) fn write(&self, storage: &dyn Storage) -> Result<(), IndexError> {
        let mut file = storage.create(MANIFEST_NEW).map_err(io("create", MANIFEST_NEW))?;
        file.write(&self.encode()).map_err(io("write", MANIFEST_NEW))?;
        file.sync().map_err(io("sync", MANIFEST_NEW))?;
        drop(file);
        storage.rename(MANIFEST_NEW, MANIFEST).map_err(io("replace", MANIFEST))?;
        storage.sync_names().map_err(io("sync the name of", MANIFEST))
    }

    /// Commits these runs as the whole index, their names made durable before. The commit stands when this returns.
    pub(crate) fn advance(
        &mut self,
        runs: Vec<RunName>,
        storage: &dyn Storage,
    ) -> Result<(), IndexError> {
        storage.sync_names().map_err(io("sync the names in", "."))?;
        self.check_current(storage)?;
        let next = Self { commit: self.commit + 1, runs, ..self.clone() };
        next.write(storage)?;
        *self = next;
        Ok(())
    }

    /// A number for a run that is to be written. Until the next commit, no manifest names it.
    pub(crate) fn begin_run(&mut self, storage: &dyn Storage) -> Result<u64, IndexError> {
        self.check_current(storage)?;
        let number = self.next_run;
        self.next_run += 1;
        Ok(number)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = R::KIND.magic.to_vec();
        put_u32(&mut bytes, R::KIND.version);
        self.recipe.put(&mut bytes);
        put_u64(&mut bytes, self.commit);
        put_u64(&mut bytes, self.next_run);
        put_u64(&mut bytes, self.runs.len() as u64);
        for run in &self.runs {
            put_u64(&mut bytes, run.number);
            put_u64(&mut bytes, run.len);
            put_u64(&mut bytes, run.checksum);
        }
        let sum = checksum(&bytes);
        put_u64(&mut bytes, sum);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let wrong = |wrong: Wrong| wrong.at(MANIFEST, 0);
        if let Some(found) = what(bytes).filter(|&found| found != R::WHAT) {
            return Err(IndexError::OtherKind { found, expected: R::WHAT });
        }
        let (head, sum) = bytes
            .split_last_chunk::<CHECKSUM>()
            .filter(|(head, _)| head.len() >= HEAD && head.starts_with(&R::KIND.magic))
            .ok_or(wrong(Wrong("it is no manifest")))?;
        let mut input = Input::new(&head[MAGIC..]);
        let version = input.u32().map_err(wrong)?;
        let sound = checksum(head) == u64::from_le_bytes(*sum);
        // Another version may have its checksum elsewhere, so this comes first.
        let supported = R::KIND.version;
        if version != supported {
            let file = MANIFEST.to_owned();
            return Err(IndexError::Version { file, found: version, supported });
        }
        if !sound {
            return Err(wrong(Wrong("its checksum does not agree")));
        }
        Self::take(&mut input).map_err(wrong)
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Wrong> {
        let recipe = R::take(input)?;
        let (commit, next_run) = (input.u64()?, input.u64()?);
        let count = input.u64()?;
        let (runs, rest) = input.rest().as_chunks::<RUN>();
        if runs.len() as u64 != count || !rest.is_empty() {
            return Err(Wrong("its length does not agree with the number of runs"));
        }
        let runs = runs
            .iter()
            .map(|bytes| {
                let mut input = Input::new(bytes);
                Ok(RunName { number: input.u64()?, len: input.u64()?, checksum: input.u64()? })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if commit.max(next_run) > LAST_NUMBER {
            return Err(Wrong("a number is greater than any index comes to"));
        }
        if runs.iter().any(|run| run.number >= next_run) {
            return Err(Wrong("a run has a number that is yet to be given"));
        }
        Ok(Self { recipe, commit, next_run, runs })
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulated::Disk;
    use super::*;

    #[test]
    fn rules_have_a_version_where_they_are_asked_for() {
        let criteria = |near, cut| Criteria {
            scheme: Scheme::new(200),
            min_paragraph: 80,
            within_article: WithinArticle::Remove,
            near,
            cut,
        };
        let near = Share::new(0.8);
        assert!(near.is_some());
        for (near, cut, rules) in [
            (None, Cut::Paragraph, 0),
            (None, Cut::Span, 0),
            (near, Cut::Span, crate::criteria::VERSION),
            #[cfg(feature = "sentences")]
            (None, Cut::Sentence, crate::criteria::VERSION),
        ] {
            let recipe = Recipe::new(&criteria(near, cut));
            assert_eq!(recipe.rules, rules);
            assert!(recipe.criteria().is_ok());
            let other = Recipe { rules: rules + 1, ..recipe };
            let error = other.criteria().unwrap_err().to_string();
            assert!(error.contains("near copies and sentences"), "{error}");
            let mut bytes = Vec::new();
            other.put(&mut bytes);
            assert_eq!(Recipe::take(&mut Input::new(&bytes)), Ok(other));
        }
    }

    #[test]
    fn the_page_of_the_format_has_the_versions_that_are_written() {
        let page = include_str!("../../docs/format.md");
        for (what, version) in [
            ("canonical form (`dedup::canonical`)", crate::canonical::VERSION),
            ("splitter (`dedup::split`)", crate::split::VERSION),
            ("choice of anchors (`dedup::anchors`)", crate::anchors::VERSION),
            ("rules for near copies and sentences", crate::criteria::VERSION),
            ("format", VERSION),
            // And those of fingerprints.
            ("canonical form", crate::canonical::VERSION),
            ("splitter", crate::split::VERSION),
        ] {
            let field = format!("version of the {what}: {version}");
            let stated = page.match_indices(&field).any(|(at, field)| {
                !page[at + field.len()..].starts_with(|next: char| next.is_ascii_digit())
            });
            assert!(stated, "{field}");
        }
    }

    #[test]
    fn numbers_that_leave_none_to_come_are_refused() {
        let criteria = crate::options::Options::new().check().unwrap().criteria;
        let with = |commit, next_run| {
            let mut bytes = Vec::new();
            Recipe::new(&criteria).put(&mut bytes);
            for number in [commit, next_run, 0] {
                put_u64(&mut bytes, number);
            }
            Manifest::<Recipe>::take(&mut Input::new(&bytes)).map(|manifest| manifest.commit)
        };
        assert_eq!(with(7, 3), Ok(7));
        assert!(with(u64::MAX, 3).is_err() && with(7, u64::MAX).is_err());
    }

    #[test]
    fn a_merge_that_was_put_off_is_tried_later_and_then_at_once_again() {
        let disk = Disk::default();
        let name = file::file_name(7);
        let mut merging = Merging::default();
        let mut runs = vec![1_u64; 3];
        for full in [true, false] {
            let from = merging.due(&runs).unwrap();
            assert_eq!(from, 0);
            let merged = if full {
                disk.create(&name).unwrap();
                let room = std::io::Error::from(ErrorKind::StorageFull);
                Err(io("write", &name)(room))
            } else {
                Ok(runs.iter().sum())
            };
            merging.settle(&mut runs, from, merged, &disk, 7).unwrap();
            if full {
                assert_eq!((runs.len(), disk.list().unwrap().len()), (3, 0));
                while merging.due(&runs).is_none() {
                    runs.push(1);
                }
                assert_eq!(runs.len(), 6);
            }
        }
        assert_eq!(runs, [6]);
        runs.push(4);
        assert_eq!(merging.due(&runs), Some(0));
    }

    #[test]
    fn a_merge_is_put_off_too_if_there_is_no_room_for_its_name() {
        let (disk, name) = (Disk::default(), file::file_name(7));
        let mut runs = vec![1_u64; 3];
        let merged = Err(io("create", &name)(ErrorKind::StorageFull.into()));
        Merging::default().settle(&mut runs, 0, merged, &disk, 7).unwrap();
        assert_eq!(runs, [1; 3]);
    }

    #[test]
    fn runs_stay_few_and_are_seldom_rewritten() {
        let mut lens: Vec<u64> = Vec::new();
        let mut written = 0;
        for _ in 0..1000 {
            lens.push(10);
            let from = runs_to_merge(&lens);
            let merged: u64 = lens.drain(from..).sum();
            written += merged;
            lens.push(merged);
            assert!(lens.len() <= 10, "{lens:?}");
        }
        assert_eq!(lens.iter().sum::<u64>(), 10_000);
        // Several come at once.
        assert_eq!(runs_to_merge(&[9000, 900, 300, 1000, 10]), 1);
        assert_eq!(runs_to_merge(&[9000, 3000, 1000, 10]), 3);
        assert!(written < 10_000 * 12, "{written}");
    }
}
