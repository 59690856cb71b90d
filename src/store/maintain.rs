//! Taking articles out of an index, and joining indexes.
//!
//! Both ingest again what they change (the first index to be joined does not change), so by
//! construction the result is what ingesting the remaining, or the joined, articles gives.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::error::{IndexError, io, wrap};
use super::known::half_of_id;
use super::manifest::{Manifest, Recipe};
use super::storage::{Directory, Storage};
use super::writer::Writer;
use super::{Index, StoredArticle};
use crate::deduper::Deduper;
use crate::error::Error;
use crate::options::{Config, Options, all_cores};

impl Index {
    /// Takes articles out of the index in a directory: all versions of every id that is chosen.
    /// Returns how many articles that were. An id that was chosen is not asked about again. One that
    /// was not is asked about at each of its versions, and has to get the same answer.
    ///
    /// The index is then what it would be if they had never come: where one of them was the first
    /// to say something, the next copy keeps it, so no other article loses a byte. When this
    /// returns, no file of the index has their own text any more. Articles after the first one
    /// taken out get new numbers. Readers that are open keep what they have. Nor is it remembered what
    /// was withdrawn: an article that comes again is taken in again.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the index has a writer, or cannot be read or written.
    /// [`Error::Thread`]: if no threads can be started. After an error the index is as it was,
    /// unless that says that a file cannot be removed, as on some systems while a reader has it
    /// open: then the articles are withdrawn, but their text is there until the next writer removes
    /// the file.
    ///
    /// # Complexity
    ///
    /// What comes after the first article taken out is ingested again, and is held in memory
    /// meanwhile. What comes before is read, and copied as far as it lies in the same run.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("news.dedup");
    /// let notice = "The reading room closes at noon on Saturday, and opens again on Tuesday at nine in the morning.";
    /// let mut deduper = dedup::Options::new().index(&dir).deduper()?;
    /// deduper.push("agency/1", notice)?;
    /// assert_eq!(deduper.push("paper/1", notice)?.text(), "");
    /// deduper.checkpoint()?;
    /// drop(deduper);
    ///
    /// assert_eq!(dedup::Index::withdraw(&dir, |id| id.starts_with("agency/"))?, 1);
    /// let index = dedup::Index::open(&dir)?;
    /// assert!(index.article("agency/1")?.is_none());
    /// assert_eq!(index.article("paper/1")?.unwrap().text(), notice);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn withdraw(
        path: impl AsRef<Path>,
        is_chosen: impl FnMut(&str) -> bool,
    ) -> Result<u64, Error> {
        let path = path.as_ref();
        let storage: Arc<dyn Storage> = Arc::new(Directory::new(path));
        withdraw_in(&storage, path, is_chosen)
    }

    /// Adds the articles of other indexes to the one in a directory, which is made if it is not
    /// there. Without other indexes nothing is done.
    ///
    /// The result is what ingesting the articles of `others` into it gives, one index after the
    /// other. So it does not matter on which machine they were ingested first. An article is skipped if
    /// it has the id and the content of one that is there already, and that is the newest of its id.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the indexes were not made by the same [`Recipe`], or one cannot be read
    /// or written.
    /// [`Error::Thread`]: if no threads can be started. After an error the index is as it was.
    ///
    /// # Complexity
    ///
    /// The first of `others` is copied into an index without articles, linear in its files. The
    /// rest is ingested, linear in the originals, since only comparing the texts tells which were
    /// seen. What is new of them is held in memory until the end.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let (north, south, all) = (dir.path().join("north"), dir.path().join("south"), dir.path().join("all"));
    /// let wire = "The ferry across the lower reach does not run on Sunday, says the harbour office.";
    /// for (path, paper) in [(&north, "herald"), (&south, "courier")] {
    ///     let mut deduper = dedup::Options::new().index(path).deduper()?;
    ///     deduper.push(paper, wire)?;
    ///     deduper.checkpoint()?;
    /// }
    ///
    /// dedup::Index::merge(&all, [&north, &south])?;
    /// let index = dedup::Index::open(&all)?;
    /// assert_eq!(index.article("herald")?.unwrap().text(), wire);
    /// assert_eq!(index.article("courier")?.unwrap().text(), "");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn merge<P: AsRef<Path>>(
        path: impl AsRef<Path>,
        others: impl IntoIterator<Item = P>,
    ) -> Result<(), Error> {
        let path = path.as_ref();
        let others: Vec<P> = others.into_iter().collect();
        // One that cannot be joined is told before the work of hours, and before there is a
        // directory that nobody wanted.
        let mut recipe = None;
        for other in &others {
            let other = Index::open(other)?;
            other.check_recipe(*recipe.get_or_insert(other.recipe))?;
        }
        let mut into: Option<Deduper> = None;
        for other in others {
            let other = Index::open(other)?;
            let deduper = match &mut into {
                Some(deduper) => deduper,
                none => none.insert(writing(&other, path)?),
            };
            other.check_recipe(deduper.recipe())?;
            // What comes first repeats nothing that it did not repeat before.
            if deduper.adopt(&other.sealed)? {
                continue;
            }
            deduper.ingest_stored(&other.sealed, 0..other.sealed.article_count())?;
        }
        into.as_mut().map_or(Ok(()), Deduper::checkpoint)
    }

    /// Makes another index of the same articles in another order: by `key`, and those with the same
    /// key in the order of this index.
    ///
    /// Of equal texts the first in order stays, so the key decides which: with
    /// [`Reverse`](std::cmp::Reverse) of the length it is the one in the longest article, with the
    /// [date](StoredArticle::date) the earliest, and any other key can be made of what is known of
    /// an article. All keys must be known before the first article, so a finished index can do
    /// this, and a stream cannot.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if there are articles in the other index already, this one cannot be read,
    /// or the other cannot be written. [`Error::Thread`]: if no threads can be started. After an
    /// error there is nothing new in the other index.
    ///
    /// # Complexity
    ///
    /// Reads this index twice, and ingests it once. The keys are held in memory, and so is what is
    /// kept, until the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cmp::Reverse;
    /// use dedup::{Index, Options};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let (arrived, by_length) = (dir.path().join("arrived"), dir.path().join("by-length"));
    /// let wire = "The ferry across the lower reach does not run on Sunday, says the harbour office.";
    /// let mut deduper = Options::new().index(&arrived).deduper()?;
    /// deduper.push("agency", wire)?;
    /// deduper.push("herald", format!("{wire}\n\nOur reporter found it in dock."))?;
    /// deduper.checkpoint()?;
    ///
    /// Index::open(&arrived)?.rearrange(&by_length, |article| Reverse(article.original_len()))?;
    /// let index = Index::open(&by_length)?;
    /// assert!(index.article("herald")?.unwrap().text().starts_with(wire));
    /// assert_eq!(index.article("agency")?.unwrap().text(), "");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rearrange<K: Ord>(
        &self,
        path: impl AsRef<Path>,
        mut key: impl FnMut(&StoredArticle) -> K,
    ) -> Result<(), Error> {
        let path = path.as_ref();
        let mut deduper = writing(self, path)?;
        if deduper.articles() > 0 {
            return Err(wrap(path)(IndexError::Occupied));
        }
        let mut order = Vec::new();
        for (number, article) in (0..).zip(self.articles()) {
            order.push((key(&article?), number));
        }
        order.sort();
        let order: Vec<u64> = order.into_iter().map(|(_, number)| number).collect();
        deduper.ingest_again(&self.sealed, order.into_iter())?;
        deduper.checkpoint()
    }
}

/// An engine for the index in a directory, by the recipe of another.
fn writing(other: &Index, path: &Path) -> Result<Deduper, Error> {
    let config = Options::new().index(path).check()?;
    Deduper::with_config(&Config { criteria: other.criteria, ..config })
}

pub(super) fn withdraw_in(
    storage: &Arc<dyn Storage>,
    path: &Path,
    mut is_chosen: impl FnMut(&str) -> bool,
) -> Result<u64, Error> {
    let wrap = wrap(path);
    let begun = Manifest::<Recipe>::read_begun(&**storage).map_err(wrap)?;
    let recipe = begun.ok_or(wrap(IndexError::Missing))?.recipe;
    let criteria = recipe.criteria().map_err(wrap)?;
    let writer = Writer::open_in(storage.clone(), path, recipe).map_err(wrap)?;
    if !writer.is_committed() {
        return Err(wrap(IndexError::Missing));
    }
    let writer = writer.with_threads(all_cores());
    let sealed = writer.sealed().clone();
    let count = sealed.article_count();
    let (mut chosen, mut ids) = (Vec::new(), HashSet::new());
    for number in 0..count {
        let article = sealed.article(number).map_err(wrap)?;
        // Who takes an id off a list chooses it once, and means all of its versions.
        let id = half_of_id(article.id());
        if ids.contains(&id) || is_chosen(article.id()) {
            ids.insert(id);
            chosen.push(number);
        }
    }
    let mut deduper = Deduper::of_writer(writer, criteria);
    if !chosen.is_empty() {
        deduper.ingest_without(&sealed, &chosen)?;
        deduper.checkpoint()?;
    }
    // Who withdraws a text wants to know that it is gone, where others do not mind leftovers.
    let manifest = Manifest::<Recipe>::read(&**storage).map_err(wrap)?;
    manifest.map_or(Ok(()), |manifest| manifest.tidy(&**storage)).map_err(wrap)?;
    storage.sync_names().map_err(io("sync the names in", ".")).map_err(wrap)?;
    Ok(chosen.len() as u64)
}
