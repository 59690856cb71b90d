//! The files below some paths, sorted name by name.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType};
use std::path::{Path, PathBuf};

#[cfg(feature = "ignore")]
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::document::Problem;
use super::stream::Steady;
use super::{Item, Skip, Source, Stream};
use crate::error::{Error, Position};

/// What of a directory is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) hidden: bool,
    #[cfg(feature = "ignore")]
    pub(crate) ignore_rules: bool,
}

/// The files below some paths, as streams.
#[derive(Debug)]
pub(crate) struct Files {
    walk: Walk,
    read_buffer: usize,
    total_bytes: Option<u64>,
}

impl Files {
    /// Without the directories in `own`, which need not exist yet. With `sum`, all directories are
    /// read here for the sizes of their files.
    ///
    /// # Errors
    ///
    /// If one of `roots` is neither a file nor a directory.
    pub(crate) fn new(
        roots: Vec<PathBuf>,
        own: Vec<PathBuf>,
        rules: Rules,
        read_buffer: usize,
        sum: bool,
    ) -> Result<Self, Error> {
        for root in &roots {
            let metadata = root.metadata().map_err(|error| failed(root, error))?;
            if !metadata.is_file() && !metadata.is_dir() {
                return Err(failed(root, Problem::Special));
            }
        }
        let total_bytes = sum.then(|| {
            let walk = Walk::new(roots.clone(), own.clone(), rules);
            walk.filter_map(|found| match found {
                Ok(Found::File { path, .. }) => path.metadata().ok().map(|file| file.len()),
                _ => None,
            })
            .sum()
        });
        Ok(Self { walk: Walk::new(roots, own, rules), read_buffer, total_bytes })
    }
}

impl Source for Files {
    fn next_item(&mut self) -> Option<Result<Item, Error>> {
        Some(self.walk.next()?.and_then(|found| match found {
            Found::Skipped(path, why) => Ok(Item::Skipped(path, why)),
            Found::File { path, asked_for } => {
                let (reader, len) = File::open(&path)
                    .and_then(|file| Steady::open(file, self.read_buffer))
                    .map_err(|error| failed(&path, error))?;
                Ok(Item::Stream(Stream {
                    name: self.walk.name(&path),
                    path: Some(path),
                    reader,
                    len: Some(len),
                    asked_for,
                }))
            }
        }))
    }

    fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }
}

fn failed(path: &Path, problem: impl Into<Problem>) -> Error {
    Error::Input { position: Position::of(path), source: problem.into() }
}

/// Goes through directories without opening files.
#[derive(Debug)]
struct Walk {
    rules: Rules,
    /// Directories that are passed over: what the stream writes is nothing that it reads.
    own: Vec<PathBuf>,
    /// The paths that come later.
    roots: std::vec::IntoIter<PathBuf>,
    /// The path at hand, and the directories from it down to where the walk is.
    root: PathBuf,
    levels: Vec<Level>,
}

/// What a directory has, or where something of it could not be read.
type Entry = Result<(OsString, PathBuf, FileType), Error>;

#[derive(Debug)]
struct Level {
    entries: std::vec::IntoIter<Entry>,
    #[cfg(feature = "ignore")]
    patterns: Option<Gitignore>,
}

enum Found {
    File {
        path: PathBuf,
        /// By its own name, not as part of a directory.
        asked_for: bool,
    },
    Skipped(PathBuf, Skip),
}

impl Walk {
    fn new(roots: Vec<PathBuf>, own: Vec<PathBuf>, rules: Rules) -> Self {
        Self { rules, own, roots: roots.into_iter(), root: PathBuf::new(), levels: Vec::new() }
    }

    /// Whether a directory is one of its own, by whatever path.
    fn is_own(&self, path: &Path) -> bool {
        let is = |own: &PathBuf| {
            own.canonicalize().is_ok_and(|own| path.canonicalize().is_ok_and(|it| it == own))
        };
        self.own.iter().any(is)
    }

    /// The name of a file below the root, the same on every system.
    fn name(&self, path: &Path) -> String {
        let below =
            path.strip_prefix(&self.root).ok().filter(|below| !below.as_os_str().is_empty());
        let below =
            below.unwrap_or_else(|| Path::new(path.file_name().unwrap_or(path.as_os_str())));
        let names: Vec<_> = below.iter().map(text_of).collect();
        names.join("/")
    }

    /// Reads a directory, so that its entries come next.
    fn enter(&mut self, path: &Path) -> Result<(), Error> {
        let entries = fs::read_dir(path).map_err(|error| failed(path, error))?;
        let mut entries: Vec<_> = entries
            .map(|entry| {
                let entry = entry.map_err(|error| failed(path, error))?;
                match entry.file_type() {
                    Ok(file_type) => Ok((entry.file_name(), entry.path(), file_type)),
                    Err(error) => Err(failed(&entry.path(), error)),
                }
            })
            .collect();
        #[cfg(feature = "ignore")]
        let patterns =
            self.rules.ignore_rules.then(|| patterns(path, |error| entries.push(Err(error))));
        // Errors have no name, and come first.
        entries.sort_by(|a, b| {
            a.as_ref().ok().map(|entry| &entry.0).cmp(&b.as_ref().ok().map(|entry| &entry.0))
        });
        self.levels.push(Level {
            entries: entries.into_iter(),
            #[cfg(feature = "ignore")]
            patterns,
        });
        Ok(())
    }

    /// Whether something in the directory at hand is left out by the patterns there or above.
    #[cfg(feature = "ignore")]
    fn is_ignored(&self, path: &Path, is_dir: bool) -> bool {
        let mut matches = self
            .levels
            .iter()
            .rev()
            .filter_map(|level| level.patterns.as_ref())
            .map(|patterns| patterns.matched(path, is_dir));
        matches.find(|found| !found.is_none()).is_some_and(|found| found.is_ignore())
    }

    #[cfg(not(feature = "ignore"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn is_ignored(&self, _: &Path, _: bool) -> bool {
        false
    }

    /// What an entry of the directory at hand is. None if it was a directory and is entered.
    fn visit(
        &mut self,
        name: &OsStr,
        path: PathBuf,
        file_type: FileType,
    ) -> Option<Result<Found, Error>> {
        let skip = |path, why| Some(Ok(Found::Skipped(path, why)));
        if !self.rules.hidden && name.as_encoded_bytes().starts_with(b".") {
            return skip(path, Skip::Hidden);
        }
        if self.is_ignored(&path, file_type.is_dir()) {
            return skip(path, Skip::Ignored);
        }
        if file_type.is_dir() {
            if self.is_own(&path) {
                return skip(path, Skip::Index);
            }
            return self.enter(&path).err().map(Err);
        }
        let is_file = if file_type.is_symlink() {
            // Links to directories are not followed: they may lead in circles, and out of the tree.
            match path.metadata() {
                Err(error) => return Some(Err(failed(&path, error))),
                Ok(target) if target.is_dir() => return skip(path, Skip::Link),
                Ok(target) => target.is_file(),
            }
        } else {
            file_type.is_file()
        };
        if is_file {
            Some(Ok(Found::File { path, asked_for: false }))
        } else {
            skip(path, Skip::Special)
        }
    }
}

impl Iterator for Walk {
    type Item = Result<Found, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(level) = self.levels.last_mut() else {
                self.root = self.roots.next()?;
                let root = self.root.clone();
                // It was a file or a directory when the walk began.
                if !root.is_dir() {
                    return Some(Ok(Found::File { path: root, asked_for: true }));
                }
                if self.is_own(&root) {
                    return Some(Ok(Found::Skipped(root, Skip::Index)));
                }
                if let Err(error) = self.enter(&root) {
                    return Some(Err(error));
                }
                continue;
            };
            match level.entries.next() {
                None => _ = self.levels.pop(),
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok((name, path, file_type))) => {
                    if let Some(found) = self.visit(&name, path, file_type) {
                        return Some(found);
                    }
                }
            }
        }
    }
}

/// A name as text: bytes that are no UTF-8 as `\xFF`, and a backslash before an `x` as `\x5C`, so that
/// two names do not become one.
fn text_of(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace(r"\x", r"\x5Cx"));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")));
    }
    text
}

/// The patterns of a directory's `.gitignore` and `.ignore`, none if it has neither. What is wrong
/// with some goes to `fail`; the others hold.
#[cfg(feature = "ignore")]
fn patterns(directory: &Path, mut fail: impl FnMut(Error)) -> Gitignore {
    let mut builder = GitignoreBuilder::new(directory);
    // Of two that disagree the later holds.
    for name in [".gitignore", ".ignore"] {
        let file = directory.join(name);
        if file.is_file()
            && let Some(error) = builder.add(&file)
        {
            fail(failed(&file, Problem::invalid(error)));
        }
    }
    builder.build().unwrap_or_else(|error| {
        fail(failed(directory, Problem::invalid(error)));
        Gitignore::empty()
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn no_two_names_become_one() {
        let names: [&[u8]; 6] =
            [b"a\xff", br"a\xFF", br"a\\xFF", b"a\\\xff", br"a\x5CxFF", "ä\\b".as_bytes()];
        let texts = names.map(|name| text_of(OsStr::from_bytes(name)));
        assert_eq!(texts[0], r"a\xFF");
        assert_eq!(texts[1], r"a\x5CxFF");
        assert_eq!(texts[5], r"ä\b");
        for (at, text) in texts.iter().enumerate() {
            assert!(!texts[..at].contains(text), "{text}");
        }
    }
}
