//! An index without text: the fingerprints of paragraphs.

mod set;

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::set::{Page, Run};
use super::cache::Cache;
use super::error::{IndexError, Wrong, io, wrap};
use super::file::Kind;
use super::manifest::{Lock, MANIFEST, Manifest, Merging, Rules};
use super::merged::Merged;
use super::storage::{Directory, Storage};
use super::wire::{Input, put_u32};
use crate::canonical::canonicalise;
use crate::error::Error;
use crate::prepare::check_length;

/// Bytes of pages that are kept at hand.
const PAGE_CACHE: usize = 64 << 20;

/// All fingerprints there may be.
const ALL: Range<u128> = 0..1 << u64::BITS;

const KEY: usize = blake3::KEY_LEN;

/// How paragraphs become fingerprints.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FingerprintRecipe {
    /// The version of the [canonical form](crate::canonical).
    pub canonical: u32,
    /// The version of the [splitter](crate::split).
    pub split: u32,
    /// The shortest paragraph that has a fingerprint, in bytes of canonical form.
    pub min_paragraph: u32,
    key: [u8; KEY],
}

impl FingerprintRecipe {
    pub(crate) fn new(min_paragraph: usize, key: [u8; KEY]) -> Self {
        Self {
            canonical: crate::canonical::VERSION,
            split: crate::split::VERSION,
            min_paragraph: u32::try_from(min_paragraph).expect("BUG: the options keep sizes small"),
            key,
        }
    }

    /// With a key that nobody knows yet.
    fn random(min_paragraph: usize) -> Result<Self, IndexError> {
        let mut key = [0; KEY];
        getrandom::fill(&mut key).map_err(|error| io("draw a key for", MANIFEST)(error.into()))?;
        Ok(Self::new(min_paragraph, key))
    }

    /// An error unless this version of the crate makes the same fingerprints.
    fn check(self) -> Result<(), IndexError> {
        self.agrees(Self::new(self.min_paragraph as usize, self.key))
    }

    fn agrees(self, expected: Self) -> Result<(), IndexError> {
        if self == expected {
            Ok(())
        } else {
            Err(IndexError::Fingerprints { found: self, expected })
        }
    }

    /// The fingerprint of a paragraph in canonical form; none if it is too short.
    pub(crate) fn fingerprint(&self, canonical: &[u8]) -> Option<u64> {
        let hash = || {
            let hash = blake3::keyed_hash(&self.key, canonical);
            u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("BUG: a hash has 32 bytes"))
        };
        (canonical.len() >= self.min_paragraph as usize).then(hash)
    }
}

/// Says which key it is, not what it is.
impl fmt::Display for FingerprintRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { canonical, split, min_paragraph, key } = self;
        let key = blake3::hash(key).to_hex();
        write!(
            f,
            "min_paragraph {min_paragraph}, canonical form {canonical}, splitter {split}, the key {}",
            &key[..8]
        )
    }
}

impl fmt::Debug for FingerprintRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FingerprintRecipe({self})")
    }
}

impl Rules for FingerprintRecipe {
    const KIND: Kind = Kind { magic: *b"dedupFPM", version: set::VERSION };
    const WHAT: &str = "fingerprints";

    fn put(&self, bytes: &mut Vec<u8>) {
        for value in [self.canonical, self.split, self.min_paragraph, 0] {
            put_u32(bytes, value);
        }
        bytes.extend_from_slice(&self.key);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Wrong> {
        let (canonical, split, min_paragraph) = (input.u32()?, input.u32()?, input.u32()?);
        if input.u32()? != 0 {
            return Err(Wrong("bytes are set that mean nothing"));
        }
        Ok(Self { canonical, split, min_paragraph, key: input.array()? })
    }
}

/// The fingerprints of paragraphs that were seen, on disk: an index without text.
///
/// Needs the feature `index`.
///
/// A fingerprint is 64 bits of the keyed BLAKE3 hash of a paragraph's canonical form. To fill a set
/// of them, see
/// [`Options::filter`](crate::Options::filter).
///
/// *Odds.* The hash alone decides, so a paragraph that was never seen may be taken for one that
/// was. With N fingerprints the odds of that are N in 2⁶⁴ for each paragraph asked about: with a
/// billion, one in eighteen billion. A set that grows to N has taken one paragraph for another at
/// some time with odds of N² in 2⁶⁵: 3 % for a billion, 0.03 % for a hundred million.
///
/// *Key.* Its 256 bits are drawn at random when the set is made. Without them nobody can make a
/// paragraph that is taken for another. They stand in the manifest, so whoever may read the files
/// can.
///
/// *Size.* Sorting saves `log₂ N` bits, so N fingerprints take some 66 − log₂ N bits each: below 6
/// bytes from three hundred thousand on, 4.5 for a billion.
///
/// A set shows the last commit from before it was opened, whatever a writer does meanwhile. A clone
/// shares what was read.
///
/// # Examples
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("seen.dedup");
/// let notice = "The reading room closes at noon on Saturday, and opens again on Tuesday at nine in the morning.";
/// let mut filter = dedup::Options::new().filter(&dir)?;
/// assert_eq!(filter.push("friday", notice)?.text(), notice);
/// assert_eq!(filter.push("monday", format!("Good morning.\n{notice}"))?.text(), "Good morning.");
/// filter.checkpoint()?;
///
/// let seen = dedup::Fingerprints::open(&dir)?;
/// assert_eq!(seen.len(), 1);
/// assert!(seen.contains(notice)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fingerprints {
    storage: Arc<dyn Storage>,
    runs: Arc<Runs>,
    manifest: Manifest<FingerprintRecipe>,
}

impl Fingerprints {
    /// Opens the fingerprints in a directory.
    ///
    /// Reads the manifest and the directory of each run: half a percent of the files.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if there are none, they are of another version, or what was read is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::open_in(Arc::new(Directory::new(path)), path).map_err(wrap(path))
    }

    pub(crate) fn open_in(storage: Arc<dyn Storage>, path: &Path) -> Result<Self, IndexError> {
        let (manifest, runs) = Manifest::<FingerprintRecipe>::open(&*storage, |manifest| {
            manifest.recipe.check()?;
            Runs::open(&*storage, manifest, path)
        })?;
        Ok(Self { storage, runs: Arc::new(runs), manifest })
    }

    /// The directory that they are in.
    pub fn path(&self) -> &Path {
        &self.runs.path
    }

    /// What they were made with.
    pub fn recipe(&self) -> FingerprintRecipe {
        self.manifest.recipe
    }

    /// How many there are: as many as different paragraphs were seen.
    pub fn len(&self) -> u64 {
        self.runs.list.iter().map(|run| run.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the files that they are in, apart from the manifest, which has some hundred bytes.
    pub fn bytes(&self) -> u64 {
        self.runs.list.iter().map(|run| run.named.len).sum()
    }

    /// Whether a text was seen as a paragraph. One that is shorter than `min_paragraph` never is.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the fingerprints cannot be read. [`Error::TooLong`]: if the text is
    /// longer than an article may be.
    pub fn contains(&self, paragraph: &str) -> Result<bool, Error> {
        check_length("", paragraph)?;
        let canonical = canonicalise(paragraph);
        let fingerprint = self.manifest.recipe.fingerprint(&canonical.bytes);
        let contains = |fingerprint| self.runs.contain(fingerprint);
        fingerprint.map_or(Ok(false), contains).map_err(wrap(self.path()))
    }

    /// All of them, run by run.
    #[cfg(test)]
    pub(crate) fn collect(&self) -> Result<Vec<u64>, IndexError> {
        self.runs.list.iter().flat_map(|run| run.fingerprints(ALL)).collect()
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: the first thing that is wrong.
    pub fn verify(&self) -> Result<(), Error> {
        let verify = || {
            Manifest::<FingerprintRecipe>::check_since(self.manifest.commit, &*self.storage)?;
            for run in &self.runs.list {
                run.fingerprints(ALL).try_for_each(|fingerprint| fingerprint.map(|_| ()))?;
            }
            Ok(())
        };
        verify().map_err(wrap(self.path()))
    }

    /// Makes an empty set in a directory, with the key and the rest of the recipe of this one, so
    /// that the two can be
    /// [merged](Self::merge) after each has grown elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if there is something in the directory, or it cannot be written.
    pub fn create_like(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let mut writer = Writer::create(path, |_| Ok(self.recipe()))?;
        if writer.manifest.commit > 0 {
            return Err(wrap(path)(IndexError::Occupied));
        }
        writer.commit()
    }

    /// Adds all fingerprints of other sets to the one in a directory, which is made with the recipe
    /// of the first if it is not there.
    ///
    /// The result is what one set would be that had seen all of the paragraphs.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if they were not made by one recipe, with one key (see
    /// [`create_like`](Self::create_like)), or some cannot be read or written. After an error the
    /// set in the directory is as it was.
    ///
    /// # Complexity
    ///
    /// Reads each file once from front to end, and writes one, holding only some pages in memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let (a, b, all) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("all"));
    /// use dedup::{Fingerprints, Options};
    ///
    /// let notice = "The reading room closes at noon on Saturday, and opens again on Tuesday at nine in the morning.";
    /// let report = "Three barges left the basin before dawn, the keeper wrote, with timber for the new bridge.";
    /// let mut filter = Options::new().filter(&a)?;
    /// filter.push("friday", notice)?;
    /// filter.checkpoint()?;
    /// // With the key of the first, or the two could not be merged.
    /// Fingerprints::open(&a)?.create_like(&b)?;
    /// let mut filter = Options::new().filter(&b)?;
    /// filter.push("monday", report)?;
    /// filter.checkpoint()?;
    ///
    /// Fingerprints::merge(&all, [&a, &b])?;
    /// let seen = Fingerprints::open(&all)?;
    /// assert!(seen.contains(notice)? && seen.contains(report)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn merge<P: AsRef<Path>>(
        path: impl AsRef<Path>,
        others: impl IntoIterator<Item = P>,
    ) -> Result<(), Error> {
        Self::merge_part(path, others, 0, 1)
    }

    /// As [`merge`](Self::merge), but takes only one of `parts` parts of the others, of equal size
    /// and counted from 0. So several machines can each merge one part of the same files, and the
    /// parts merged are all of it.
    ///
    /// The parts are cut by the first bits of the fingerprints.
    ///
    /// # Errors
    ///
    /// As `merge`, and [`Error::Option`] unless `part` is less than `parts`.
    pub fn merge_part<P: AsRef<Path>>(
        path: impl AsRef<Path>,
        others: impl IntoIterator<Item = P>,
        part: u64,
        parts: u64,
    ) -> Result<(), Error> {
        let path = path.as_ref();
        if part >= parts {
            let problem = format!("{part} is not one of {parts}, counted from 0");
            return Err(Error::Option { option: "part", problem });
        }
        let others = others.into_iter().map(Self::open).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = others.first() else { return Ok(()) };
        // Before there is a set that nobody wanted.
        for other in &others {
            other.recipe().agrees(first.recipe()).map_err(wrap(other.path()))?;
        }
        let mut writer = Writer::create(path, |_| Ok(first.recipe()))?;
        first.recipe().agrees(writer.recipe()).map_err(wrap(first.path()))?;
        let cut = |part: u64| (u128::from(part) << u64::BITS).div_ceil(u128::from(parts));
        writer.merge(&others, &(cut(part)..cut(part + 1))).map_err(wrap(path))
    }
}

/// Runs that are searched as one.
#[derive(Debug)]
struct Runs {
    path: PathBuf,
    /// The largest first.
    list: Vec<Arc<Run>>,
    pages: Cache<Arc<Page>>,
}

impl Runs {
    fn open(
        storage: &dyn Storage,
        manifest: &Manifest<FingerprintRecipe>,
        path: &Path,
    ) -> Result<Self, IndexError> {
        let open = |&named| Run::open(storage, named).map(Arc::new);
        let list = manifest.runs.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), list, pages: Cache::new(PAGE_CACHE) })
    }

    fn contain(&self, fingerprint: u64) -> Result<bool, IndexError> {
        for run in &self.list {
            let Some(at) = run.page_of(fingerprint) else { continue };
            let page = self.pages.get((run.named.number, at), || {
                let page = Arc::new(run.page(at)?);
                let size = page.size();
                Ok::<_, IndexError>((page, size))
            })?;
            if run.page_has(at, &page, fingerprint)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Fingerprints are as good as random, and nobody can choose them, so they are their own hashes.
#[derive(Clone, Copy, Debug, Default)]
struct Own(u64);

impl Hasher for Own {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("BUG: only fingerprints are hashed")
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

/// The one writer of a set.
pub(crate) struct Writer {
    storage: Arc<dyn Storage>,
    _lock: Lock,
    manifest: Manifest<FingerprintRecipe>,
    runs: Runs,
    /// Those that are not committed.
    new: HashSet<u64, BuildHasherDefault<Own>>,
    /// Whether an error left it open what is on disk.
    broken: bool,
    merging: Merging,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.broken {
            self.manifest.tidy_if_current(&*self.storage);
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("path", &self.runs.path)
            .field("manifest", &self.manifest)
            .field("new", &self.new.len())
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Opens the set in a directory for writing, or makes one.
    pub(crate) fn open(path: &Path, min_paragraph: usize) -> Result<Self, Error> {
        Self::create(path, |found| match found {
            Some(found) => Ok(FingerprintRecipe::new(min_paragraph, found.key)),
            None => FingerprintRecipe::random(min_paragraph),
        })
    }

    /// `recipe` says what is asked for, given what is there.
    fn create(
        path: &Path,
        recipe: impl FnOnce(Option<FingerprintRecipe>) -> Result<FingerprintRecipe, IndexError>,
    ) -> Result<Self, Error> {
        let storage =
            Directory::create(path).map_err(io("create", "the directory")).map_err(wrap(path))?;
        Self::open_in(Arc::new(storage), path, recipe).map_err(wrap(path))
    }

    pub(crate) fn open_in(
        storage: Arc<dyn Storage>,
        path: &Path,
        recipe: impl FnOnce(Option<FingerprintRecipe>) -> Result<FingerprintRecipe, IndexError>,
    ) -> Result<Self, IndexError> {
        let (lock, manifest) = Manifest::<FingerprintRecipe>::lock(&*storage)?;
        let expected = recipe(manifest.as_ref().map(|manifest| manifest.recipe))?;
        let manifest = manifest.unwrap_or_else(|| Manifest::new(expected));
        manifest.recipe.agrees(expected)?;
        manifest.recipe.check()?;
        let runs = Runs::open(&*storage, &manifest, path)?;
        manifest.begin(&*storage)?;
        let new = HashSet::default();
        let merging = Merging::default();
        Ok(Self { storage, _lock: lock, manifest, runs, new, broken: false, merging })
    }

    pub(crate) fn recipe(&self) -> FingerprintRecipe {
        self.manifest.recipe
    }

    /// Bytes of memory that hold what is not committed.
    pub(crate) fn memory(&self) -> usize {
        // A byte beside each place of the table, an eighth of which are free.
        self.new.capacity() * 8 / 7 * (size_of::<u64>() + 1)
    }

    /// Whether fingerprints are there; they are when this returns.
    pub(crate) fn insert(&mut self, fingerprints: &[Option<u64>]) -> Result<Vec<bool>, Error> {
        self.sound().map_err(wrap(&self.runs.path))?;
        // What was committed is looked at first: an error changes nothing.
        let in_runs = |fingerprint: &Option<u64>| match fingerprint {
            Some(fingerprint) if !self.new.contains(fingerprint) => self.runs.contain(*fingerprint),
            _ => Ok(false),
        };
        let mut seen = fingerprints
            .iter()
            .map(in_runs)
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrap(&self.runs.path))?;
        for (fingerprint, seen) in fingerprints.iter().zip(&mut seen) {
            if let (Some(fingerprint), false) = (fingerprint, *seen) {
                *seen = !self.new.insert(*fingerprint);
            }
        }
        Ok(seen)
    }

    fn sound(&self) -> Result<(), IndexError> {
        if self.broken { Err(IndexError::Poisoned) } else { Ok(()) }
    }

    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        let mut commit = || {
            self.sound()?;
            // A set without fingerprints is one too.
            if self.new.is_empty() && self.manifest.commit > 0 {
                return Ok(());
            }
            self.broken = true;
            let mut runs = self.runs.list.clone();
            if !self.new.is_empty() {
                let mut sorted: Vec<u64> = self.new.iter().copied().collect();
                sorted.sort_unstable();
                runs.push(self.write(sorted.into_iter().map(Ok))?);
            }
            let lens: Vec<u64> = runs.iter().map(|run| run.named.len).collect();
            if let Some(small) = self.merging.due(&lens) {
                let number = self.manifest.next_run;
                let merged = runs[small..].iter().map(|run| run.fingerprints(ALL));
                let merged = self.write(Merged::new(merged, |&fingerprint| fingerprint));
                self.merging.settle(&mut runs, small, merged, &*self.storage, number)?;
            }
            self.seal(runs)
        };
        let committed = commit();
        committed.map_err(wrap(&self.runs.path))
    }

    /// Makes one run of all there are and those of others in a range.
    fn merge(&mut self, others: &[Fingerprints], range: &Range<u128>) -> Result<(), IndexError> {
        self.broken = true;
        let runs = self.runs.list.clone();
        let own = runs.iter().map(|run| run.fingerprints(ALL));
        let others = others.iter().flat_map(|other| &other.runs.list);
        let merged = own.chain(others.map(|run| run.fingerprints(range.clone())));
        let merged = self.write(Merged::new(merged, |&fingerprint| fingerprint))?;
        self.seal(vec![merged])
    }

    fn write(
        &mut self,
        fingerprints: impl Iterator<Item = Result<u64, IndexError>>,
    ) -> Result<Arc<Run>, IndexError> {
        let number = self.manifest.begin_run(&*self.storage)?;
        let named = set::write(&*self.storage, number, fingerprints)?;
        Run::open(&*self.storage, named).map(Arc::new)
    }

    /// Makes some runs the set.
    fn seal(&mut self, runs: Vec<Arc<Run>>) -> Result<(), IndexError> {
        self.manifest.advance(runs.iter().map(|run| run.named).collect(), &*self.storage)?;
        self.runs.list = runs;
        self.new.clear();
        self.broken = false;
        // The commit stands, whatever becomes of the leftovers.
        let _ = self.manifest.tidy(&*self.storage);
        Ok(())
    }
}
