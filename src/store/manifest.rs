//! The manifest: which runs make up the index, and by which recipe.

use std::fmt;
use std::io::ErrorKind;

use super::error::{IndexError, Wrong, io};
use super::storage::Storage;
use super::wire::{Input, checksum, put_u32, put_u64};
use crate::anchors::Scheme;
use crate::index::table::GRANULE;

/// The version of the format; see [`_format`](crate::_format).
pub(crate) const VERSION: u32 = 2;

pub(crate) const MANIFEST: &str = "manifest";
pub(crate) const MANIFEST_NEW: &str = "manifest.new";

const MAGIC: [u8; 8] = *b"dedupIDX";
const HEAD: usize = MAGIC.len() + size_of::<u32>();
const RUN: usize = 3 * size_of::<u64>();
const CHECKSUM: usize = size_of::<u64>();

/// How text becomes entries: an index answers only to the recipe that it was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The seed of the hashes.
    pub seed: u64,
}

impl Recipe {
    pub(crate) fn new(scheme: &Scheme, min_paragraph: usize) -> Self {
        let size = |value| u32::try_from(value).expect("BUG: the options keep sizes small");
        Self {
            canonical: crate::canonical::VERSION,
            split: crate::split::VERSION,
            anchors: crate::anchors::VERSION,
            granule: u32::from(GRANULE),
            span: size(scheme.span()),
            gram: size(scheme.gram()),
            min_paragraph: size(min_paragraph),
            seed: 0,
        }
    }

    /// The scheme of this recipe, if this version of the crate follows it.
    pub(crate) fn scheme(&self) -> Result<Scheme, IndexError> {
        let span =
            (self.span as usize).clamp(crate::Options::LEAST_SPAN, crate::Options::GREATEST_SPAN);
        let scheme = Scheme::new(span);
        let expected = Self::new(&scheme, (self.min_paragraph as usize).clamp(1, span));
        if *self == expected {
            Ok(scheme)
        } else {
            Err(IndexError::Recipe { found: *self, expected })
        }
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        for value in [
            self.canonical,
            self.split,
            self.anchors,
            self.granule,
            self.span,
            self.gram,
            self.min_paragraph,
            0,
        ] {
            put_u32(bytes, value);
        }
        put_u64(bytes, self.seed);
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
            seed: {
                if input.u32()? != 0 {
                    return Err(Wrong("bytes are set that mean nothing"));
                }
                input.u64()?
            },
        };
        Ok(recipe)
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { canonical, split, anchors, granule, span, gram, min_paragraph, seed } = self;
        write!(
            f,
            "min_span {span}, min_paragraph {min_paragraph}, grams of {gram} bytes, places of \
             {granule} bytes, seed {seed}, canonical form {canonical}, splitter {split}, anchors \
             {anchors}"
        )
    }
}

/// A run, as the manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunName {
    pub(crate) number: u64,
    pub(crate) len: u64,
    /// The checksum of its directory.
    pub(crate) checksum: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) recipe: Recipe,
    /// The number of the commit, from 1.
    pub(crate) commit: u64,
    pub(crate) next_run: u64,
    pub(crate) runs: Vec<RunName>,
}

impl Manifest {
    pub(crate) fn new(recipe: Recipe) -> Self {
        Self { recipe, commit: 0, next_run: 1, runs: Vec::new() }
    }

    /// The manifest of an index; none if there is none.
    pub(crate) fn read(storage: &dyn Storage) -> Result<Option<Self>, IndexError> {
        let file = match storage.open(MANIFEST) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(io("open", MANIFEST))?,
        };
        let len = file.len().map_err(io("read", MANIFEST))?;
        let len = usize::try_from(len).map_err(|_| Wrong("it is too long").at(MANIFEST, 0))?;
        let mut bytes = vec![0; len];
        file.read_at(&mut bytes, 0).map_err(io("read", MANIFEST))?;
        Self::decode(&bytes).map(Some)
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

    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_u32(&mut bytes, VERSION);
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
        let (head, sum) = bytes
            .split_last_chunk::<CHECKSUM>()
            .filter(|(head, _)| head.len() >= HEAD && head.starts_with(&MAGIC))
            .ok_or(wrong(Wrong("it is no manifest")))?;
        let mut input = Input::new(&head[MAGIC.len()..]);
        let version = input.u32().map_err(wrong)?;
        let sound = checksum(head) == u64::from_le_bytes(*sum);
        // Another version may have its checksum elsewhere, so this comes first.
        if version != VERSION {
            let file = MANIFEST.to_owned();
            return Err(IndexError::Version { file, found: version, supported: VERSION });
        }
        if !sound {
            return Err(wrong(Wrong("its checksum does not agree")));
        }
        Self::take(&mut input).map_err(wrong)
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Wrong> {
        let recipe = Recipe::take(input)?;
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
        if runs.iter().any(|run| run.number >= next_run) {
            return Err(Wrong("a run has a number that is yet to be given"));
        }
        Ok(Self { recipe, commit, next_run, runs })
    }
}
