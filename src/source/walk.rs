//! The order of inputs: paths sorted name by name, then position in the file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Input;
use crate::error::Error;

/// The inputs below some paths, in order, with errors where they occur.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// The paths that come later.
    roots: std::vec::IntoIter<PathBuf>,
    /// The path at hand, and what is below it.
    root: PathBuf,
    walk: Option<walkdir::IntoIter>,
    records: Option<Records>,
    read_buffer: usize,
    skipped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Records,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "txt" | "text" | "md" | "markdown" => Some(Self::Text),
            "jsonl" | "ndjson" => Some(Self::Records),
            _ => None,
        }
    }
}

impl Inputs {
    /// # Errors
    ///
    /// If one of `roots` is neither a file nor a directory.
    pub(crate) fn new(roots: Vec<PathBuf>, read_buffer: usize) -> Result<Self, Error> {
        for root in &roots {
            let read_error = |source| Error::Read { path: root.clone(), source };
            let metadata = root.metadata().map_err(read_error)?;
            if !metadata.is_file() && !metadata.is_dir() {
                let kind = std::io::ErrorKind::InvalidInput;
                let problem = "neither a file nor a directory";
                return Err(read_error(std::io::Error::new(kind, problem)));
            }
        }
        Ok(Self {
            roots: roots.into_iter(),
            root: PathBuf::new(),
            walk: None,
            records: None,
            read_buffer,
            skipped: 0,
        })
    }

    /// The next entry below the roots.
    fn entry(&mut self) -> Option<walkdir::Result<walkdir::DirEntry>> {
        loop {
            if let Some(entry) = self.walk.as_mut().and_then(Iterator::next) {
                return Some(entry);
            }
            self.root = self.roots.next()?;
            self.walk = Some(walkdir::WalkDir::new(&self.root).sort_by_file_name().into_iter());
        }
    }

    /// How many entries were passed over that are of no kind this crate reads.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The name of a file below the root, the same on every system.
    fn name(&self, path: &Path) -> Arc<str> {
        let below =
            path.strip_prefix(&self.root).ok().filter(|below| !below.as_os_str().is_empty());
        let below =
            below.unwrap_or_else(|| Path::new(path.file_name().unwrap_or(path.as_os_str())));
        let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
        names.join("/").into()
    }

    fn open(&mut self, path: &Path, format: Format) -> Result<Option<Input>, Error> {
        let read_error = |source| Error::Read { path: path.to_owned(), source };
        let name = self.name(path);
        let path = Arc::new(path.to_owned());
        match format {
            Format::Text => {
                let bytes = std::fs::read(&*path).map_err(read_error)?;
                Ok(Some(Input { path, name, line: None, bytes }))
            }
            Format::Records => {
                let file = File::open(&*path).map_err(read_error)?;
                let reader = BufReader::with_capacity(self.read_buffer, file);
                self.records = Some(Records { reader, path, name, line: 0 });
                Ok(None)
            }
        }
    }
}

impl Iterator for Inputs {
    type Item = Result<Input, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.records.as_mut().and_then(Iterator::next) {
                Some(Ok(input)) => return Some(Ok(input)),
                end_or_error => {
                    self.records = None;
                    if end_or_error.is_some() {
                        return end_or_error;
                    }
                }
            }
            let entry = match self.entry()? {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(&self.root).to_owned();
                    return Some(Err(Error::Read { path, source: error.into() }));
                }
            };
            if entry.file_type().is_dir() {
                continue;
            }
            // A file that was asked for by its name is read whatever that is.
            let format = if entry.depth() == 0 {
                Some(Format::of(entry.path()).unwrap_or(Format::Text))
            } else {
                Format::of(entry.path()).filter(|_| is_file(&entry))
            };
            let Some(format) = format else {
                self.skipped += 1;
                continue;
            };
            match self.open(entry.path(), format) {
                Ok(Some(input)) => return Some(Ok(input)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Whether an entry is a file, or a link to one. Links to directories are not followed, as they may
/// lead in circles.
fn is_file(entry: &walkdir::DirEntry) -> bool {
    entry.file_type().is_file()
        || entry.path_is_symlink() && entry.path().metadata().is_ok_and(|it| it.is_file())
}

/// The lines of a file of records.
#[derive(Debug)]
struct Records {
    reader: BufReader<File>,
    path: Arc<PathBuf>,
    name: Arc<str>,
    line: u64,
}

impl Iterator for Records {
    type Item = Result<Input, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        /// A longer line cannot be an article; what follows it in its file is not read.
        const LONGEST: u64 = 8 << 30;
        loop {
            let mut bytes = Vec::new();
            match self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) if bytes.len() as u64 == LONGEST => {
                    return Some(Err(Error::TooLong {
                        id: format!("{}:{}", self.name, self.line + 1),
                        path: Some(self.path.to_path_buf()),
                        len: LONGEST,
                        limit: LONGEST - 1,
                    }));
                }
                Ok(_) => {}
                Err(source) => {
                    return Some(Err(Error::Read { path: self.path.to_path_buf(), source }));
                }
            }
            self.line += 1;
            if self.line == 1 && bytes.starts_with("\u{feff}".as_bytes()) {
                bytes.drain(..3);
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return Some(Ok(Input {
                path: self.path.clone(),
                name: self.name.clone(),
                line: Some(self.line),
                bytes,
            }));
        }
    }
}
