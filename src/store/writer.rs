//! The one writer of an index: what is in memory becomes a run, and a manifest that names it.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::error::{IndexError, io, wrap};
use super::group;
use super::known::{Contents, Known, Status};
use super::manifest::{Lock, Manifest, Merging, Recipe, RunName};
use super::pending::Pending;
use super::run::{self, GroupStart, Groups, Run, RunWriter, Table};
use super::sealed::Sealed;
use super::storage::{Directory, Storage};
use super::table::{Cut, Entry, ID_KEY_BITS, hash, hash_of_id, prefix};
use crate::article::Article;
use crate::error::Error;
use crate::index::Index;
use crate::index::originals::Originals;
use crate::index::table::{self, MAX_KEY_BITS};
use crate::index::text::Texts;
use crate::index::to_usize;
use crate::options::Versions;

/// All articles, those that are not committed too, and those among them that newer versions
/// replace, in order.
pub(crate) struct Staged {
    pub(crate) sealed: Arc<Sealed>,
    pub(crate) older: Vec<u64>,
}

pub(crate) struct Writer {
    storage: Arc<dyn Storage>,
    _lock: Lock,
    /// How many compress.
    threads: NonZero<usize>,
    /// What becomes of an article whose id comes again with other content.
    versions: Versions,
    manifest: Manifest<Recipe>,
    sealed: Arc<Sealed>,
    known: Known,
    pending: Pending,
    /// The ids that came with other content since the last commit, if that replaces what was there.
    changed: BTreeSet<Arc<str>>,
    /// Whether articles were dropped since the last commit.
    cut: bool,
    /// Whether files were begun since the last commit.
    begun: bool,
    merging: Merging,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.begun {
            self.manifest.tidy_if_current(&*self.storage);
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("path", &self.sealed.path())
            .field("manifest", &self.manifest)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Opens the index in a directory for writing, or makes one.
    pub(crate) fn open(path: &Path, recipe: Recipe) -> Result<Self, Error> {
        let directory =
            Directory::create(path).map_err(io("create", "the directory")).map_err(wrap(path))?;
        Self::open_in(Arc::new(directory), path, recipe).map_err(wrap(path))
    }

    pub(crate) fn open_in(
        storage: Arc<dyn Storage>,
        path: &Path,
        recipe: Recipe,
    ) -> Result<Self, IndexError> {
        let (lock, manifest) = Manifest::lock(&*storage)?;
        let manifest = manifest.unwrap_or_else(|| Manifest::new(recipe));
        if manifest.recipe != recipe {
            return Err(IndexError::recipe(manifest.recipe, recipe));
        }
        let sealed = Arc::new(Sealed::open(&*storage, &manifest, path.to_owned())?);
        let known = Known::of(&sealed)?;
        manifest.begin(&*storage)?;
        Ok(Self {
            storage,
            _lock: lock,
            threads: NonZero::<usize>::MIN,
            versions: Versions::default(),
            manifest,
            sealed,
            known,
            pending: Pending::default(),
            changed: BTreeSet::new(),
            cut: false,
            begun: false,
            merging: Merging::default(),
        })
    }

    /// Lets so many threads compress what is committed, and prepare what is ingested from another index.
    pub(crate) fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = threads;
        self
    }

    pub(crate) fn threads(&self) -> NonZero<usize> {
        self.threads
    }

    pub(crate) fn with_versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Whether there is an index to others.
    pub(crate) fn is_committed(&self) -> bool {
        self.manifest.commit > 0
    }

    /// The articles that are committed.
    pub(crate) fn sealed(&self) -> &Arc<Sealed> {
        &self.sealed
    }

    /// Of some runs, of which all but the last are those of the index, keeps what comes before the
    /// group with an article, and says with which article that begins. Nothing is pending then.
    /// Until the next commit, nobody else knows. The ids of what goes are known on: it is ingested
    /// again, each id with what it has now.
    pub(crate) fn cut(&mut self, sealed: &Sealed, article: u64) -> Result<u64, Error> {
        let at = sealed.runs().partition_point(|run| run.directory.articles.end <= article);
        let (before, run) = (&sealed.runs()[..at], &sealed.runs()[at]);
        let groups = run.group_of(article).unwrap_or(0);
        let mut cut = || {
            let mut runs = before.to_vec();
            if groups > 0 {
                let number = self.begin_run()?;
                runs.push(self.open_run(run::write_head(&*self.storage, number, run, groups)?)?);
            }
            self.sealed.with_runs(runs).map(Arc::new)
        };
        let done = cut();
        self.sealed = done.map_err(|error| self.wrap(error))?;
        self.pending = Pending::default();
        self.changed.clear();
        self.cut = true;
        Ok(self.sealed.article_count())
    }

    /// Makes the articles of another index, blocks as they are, the first of this one, which must
    /// have none. Until the next commit, nobody else knows. Says no if that is not what ingesting
    /// them gives.
    pub(crate) fn adopt(&mut self, other: &Sealed) -> Result<bool, IndexError> {
        assert!(self.sealed.runs().is_empty() && self.pending.is_empty(), "BUG: it has articles");
        if other.runs().is_empty() {
            return Ok(true);
        }
        let (committed, comes_again) = Contents::of(other)?;
        if comes_again {
            return Ok(false);
        }
        let number = self.begin_run()?;
        let run = self.open_run(run::merge(&*self.storage, number, other.runs())?)?;
        self.sealed = Arc::new(self.sealed.with_runs(vec![run])?);
        self.known = Known::new(committed);
        self.cut = true;
        Ok(true)
    }

    /// What newer versions replace since the last commit; none if there is nothing. What is not
    /// committed is in a run that no manifest names.
    pub(crate) fn older_versions(
        &mut self,
        index: &mut Index,
        originals: &mut Originals,
    ) -> Result<Option<Staged>, Error> {
        if self.changed.is_empty() {
            return Ok(None);
        }
        let run = self.write_run(index, originals)?;
        let staged = || {
            let mut runs = self.sealed.runs().to_vec();
            runs.push(run);
            let staged = self.sealed.with_runs(runs)?;
            let mut older = Vec::new();
            for id in &self.changed {
                let mut versions = staged.articles_named(id)?;
                versions.pop();
                older.extend(versions.iter().map(|version| version.number));
            }
            older.sort_unstable();
            Ok((!older.is_empty()).then(|| Staged { sealed: Arc::new(staged), older }))
        };
        staged().map_err(|error| self.wrap(error))
    }

    /// Forgets the ids that no article has any more: a [`cut`](Self::cut) leaves them known.
    pub(crate) fn forget_ids(&mut self) -> Result<(), Error> {
        self.known = Known::of(&self.sealed).map_err(|error| self.wrap(error))?;
        Ok(())
    }

    /// Makes of an index in memory, which has all that was committed before [`cut`](Self::cut), what
    /// [`load`](Self::load) would make of what is left, without reading that.
    pub(crate) fn shorten(&self, index: &mut Index, originals: &mut Originals) {
        let end = self.sealed.coordinates();
        for (table, entries) in
            [(Table::Anchors, &mut index.anchors), (Table::Paragraphs, &mut index.paragraphs)]
        {
            entries.retain(|posting| table.is_before(&Entry::of_posting(0, posting), end, 0));
        }
        index.rest_on(self.sealed.clone());
        originals.rest_on(self.sealed.clone());
    }

    /// The committed articles as an index in memory: entries in tables, texts and the ways back to
    /// the originals where they are.
    pub(crate) fn load(&self) -> Result<(Index, Originals), IndexError> {
        let texts = Texts::above(self.sealed.clone());
        let (anchors, paragraphs) = (self.table(Table::Anchors)?, self.table(Table::Paragraphs)?);
        let index = Index { texts, anchors, paragraphs, ..Index::default() };
        Ok((index, Originals::above(self.sealed.clone())))
    }

    fn table(&self, table: Table) -> Result<table::Table, IndexError> {
        let runs = self.sealed.runs();
        let count = runs.iter().map(|run| run.directory.entries(table)).sum();
        let (key_bits, entries) = run::entries(runs, table);
        let end = self.sealed.coordinates();
        let mut loaded = table::Table::with_key_bits(key_bits, count, end);
        for entry in entries {
            let entry = entry?;
            let posting = entry.posting(end).ok_or_else(|| self.sealed.beyond())?;
            loaded.insert(hash(entry.key, key_bits), posting);
        }
        Ok(loaded)
    }

    /// What was committed when the index was opened.
    pub(crate) fn committed(&self) -> &Arc<Contents> {
        &self.known.committed
    }

    pub(crate) fn status(&self, id: &str, digest: &blake3::Hash) -> Status {
        self.known.status(id, digest)
    }

    /// Whether an article of that id is in the index, or will be.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.known.has(id)
    }

    pub(crate) fn wrap(&self, source: IndexError) -> Error {
        self.sealed.wrap(source)
    }

    /// Whether the index is to have no article of a status.
    pub(crate) fn refuses(&self, status: Status) -> bool {
        status == Status::Changed && self.versions == Versions::Refuse
    }

    /// Notes the article that the index has taken in last.
    pub(crate) fn note(&mut self, article: &Article, digest: blake3::Hash) {
        let status = self.known.note(&article.id, &digest);
        if status == Status::Changed && self.versions == Versions::Replace {
            self.changed.insert(article.id.clone());
        }
        self.pending.push(article, &digest);
    }

    /// Bytes of memory: of what is known of all articles, and of those that are not committed.
    pub(crate) fn memory(&self) -> usize {
        self.known.memory() + self.pending.memory()
    }

    /// Commits what is in memory; then the texts are on disk, and no longer in `index`. After an
    /// error it is not known what is on disk, and the writer is of no further use.
    pub(crate) fn commit(
        &mut self,
        index: &mut Index,
        originals: &mut Originals,
    ) -> Result<(), Error> {
        // An index without articles is one too.
        if self.pending.is_empty() && self.manifest.commit > 0 && !self.cut {
            return Ok(());
        }
        self.begun = true;
        let mut runs = self.sealed.runs().to_vec();
        if !self.pending.is_empty() {
            runs.push(self.write_run(index, originals)?);
        }
        self.seal(runs).map_err(|source| self.wrap(source))?;
        index.rest_on(self.sealed.clone());
        originals.rest_on(self.sealed.clone());
        // The commit stands, whatever becomes of the leftovers.
        let _ = self.manifest.tidy(&*self.storage);
        self.begun = false;
        Ok(())
    }

    /// Makes `runs` the index.
    fn seal(&mut self, mut runs: Vec<Arc<Run>>) -> Result<(), IndexError> {
        let lens: Vec<u64> = runs.iter().map(|run| run.named.len).collect();
        if let Some(small) = self.merging.due(&lens) {
            let number = self.begin_run()?;
            let merged = run::merge(&*self.storage, number, &runs[small..])
                .and_then(|named| self.open_run(named));
            self.merging.settle(&mut runs, small, merged, &*self.storage, number)?;
        }
        self.manifest.advance(runs.iter().map(|run| run.named).collect(), &*self.storage)?;
        self.sealed = Arc::new(self.sealed.with_runs(runs)?);
        self.pending = Pending::default();
        self.changed.clear();
        self.cut = false;
        Ok(())
    }

    /// A number for a run that is to be written.
    fn begin_run(&mut self) -> Result<u64, IndexError> {
        let number = self.manifest.begin_run(&*self.storage)?;
        self.begun = true;
        Ok(number)
    }

    fn open_run(&self, named: RunName) -> Result<Arc<Run>, IndexError> {
        Run::open(&*self.storage, named).map(Arc::new)
    }

    /// Writes what is pending as a run. Until the next commit, nobody else knows.
    fn write_run(
        &mut self,
        index: &mut Index,
        originals: &mut Originals,
    ) -> Result<Arc<Run>, Error> {
        let sealed = self.sealed.clone();
        let wrap = wrap(sealed.path());
        let number = self.begin_run().map_err(wrap)?;
        let texts = &mut index.texts;
        let coordinates = texts.held_coordinates();
        let first = sealed.article_count();
        let mut writer =
            RunWriter::create(&*self.storage, self.threads, number, coordinates.start, first)
                .map_err(wrap)?;
        let mut address = 0;
        while address < texts.kept() {
            let text = texts.held_text(address)?;
            writer.text(text).map_err(wrap)?;
            address += text.len() as u64;
        }
        let mut groups = Groups::new(&mut writer);
        let (mut kept, mut record_before) = (0, 0);
        let mut ids = Vec::with_capacity(to_usize(self.pending.len()));
        for (at, noted) in self.pending.iter().enumerate() {
            let held = originals.held(at)?.expect("BUG: an article is noted that is not held");
            let gone: Vec<_> = texts.held_removed(&held.coordinates).collect();
            let article = first + at as u64;
            let Range { start, end } = held.coordinates;
            kept += end - start - gone.iter().map(|part| part.end - part.start).sum::<u64>();
            let describe = |bytes: &mut Vec<u8>| {
                if bytes.is_empty() {
                    record_before = 0; // the first of its group, which is read alone
                }
                group::encode(bytes, &held, &gone, &noted, record_before);
                record_before = noted.stated.record.unwrap_or(record_before);
            };
            let next = GroupStart { coordinate: end, article: article + 1, kept };
            groups.article(next, describe).map_err(wrap)?;
            let key = prefix(hash_of_id(&held.id), ID_KEY_BITS);
            ids.push(Entry { key, place: article, value: 0 });
        }
        groups.finish().map_err(wrap)?;
        writer.end_groups(coordinates.end, first + self.pending.len(), self.pending.totals());
        write_tables(&mut writer, index, (coordinates.start, first), ids).map_err(wrap)?;
        writer.finish().and_then(|named| self.open_run(named)).map_err(wrap)
    }
}

/// Writes the tables of a run that begins with an article's first coordinate and number: what an
/// index has of texts from there on, and ids.
fn write_tables(
    writer: &mut RunWriter,
    index: &Index,
    (coordinate, article): (u64, u64),
    mut ids: Vec<Entry>,
) -> Result<(), IndexError> {
    for (table, entries) in
        [(Table::Anchors, &index.anchors), (Table::Paragraphs, &index.paragraphs)]
    {
        let key_bits = entries.key_bits();
        // Older places in the granule that the run begins in may come along. They are in another
        // run: where that is one with this and cut again, they would be twice as many each time.
        let entries = entries
            .entries_from(coordinate)
            .map(|(key, posting)| Entry::of_posting(prefix(key, MAX_KEY_BITS), posting))
            .filter(|entry| !table.is_before(entry, coordinate, article));
        let cut = Cut::new(entries.map(Ok), MAX_KEY_BITS - key_bits);
        writer.table(table, key_bits, cut)?;
    }
    ids.sort_by_key(|entry| entry.key);
    writer.table(Table::Ids, ID_KEY_BITS, ids.into_iter().map(Ok))
}
