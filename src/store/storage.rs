//! The files of an index: everything that touches the medium goes through here.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::read_at::read_exact_at;

/// A flat directory of files, which are written once from front to end.
pub(crate) trait Storage: Debug + Send + Sync {
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new, empty file; one that is there by that name is emptied.
    fn create(&self, name: &str) -> io::Result<Box<dyn Output>>;

    fn open(&self, name: &str) -> io::Result<Box<dyn Input>>;

    /// Replaces the file `to`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes names durable.
    fn sync_names(&self) -> io::Result<()>;

    /// The right to write, while what is returned lives. None if somebody has it.
    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>>;
}

/// A file that is being written.
pub(crate) trait Output: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file that is read.
pub(crate) trait Input: Debug + Send + Sync {
    fn len(&self) -> io::Result<u64>;

    /// Fills `bytes` with those from `offset` on.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A directory of the file system.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
}

/// Locked by the writer. Never removed: whoever waits for a removed file waits alone.
pub(crate) const LOCK: &str = "lock";

impl Directory {
    /// The directory that a path leads to now: a relative one is to lead to it from another working
    /// directory too, and a link that is pointed elsewhere does not take a writer along.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.canonicalize().unwrap_or_else(|_| path.to_owned()) }
    }

    /// Makes the directory if it is not there, and those above it; their names are durable then.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|above| !above.as_os_str().is_empty() && !above.is_dir())
            .collect();
        std::fs::create_dir_all(path)?;
        for made in missing {
            let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
            Self::new(parent.unwrap_or(Path::new("."))).sync_names()?;
        }
        Ok(Self::new(path))
    }
}

impl Storage for Directory {
    fn list(&self) -> io::Result<Vec<String>> {
        std::fs::read_dir(&self.path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Output>> {
        let path = self.path.join(name);
        check_file(&path)?;
        Ok(Box::new(File::create(path)?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Input>> {
        let path = self.path.join(name);
        check_file(&path)?;
        Ok(Box::new(File::open(path)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    #[cfg(unix)]
    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Elsewhere a directory cannot be opened like a file; there the file system's own journal has
    /// to keep the order of names.
    #[cfg(not(unix))]
    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let path = self.path.join(LOCK);
        check_file(&path)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(Lock(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// An error if something is there that is no file. To open a pipe is to wait for whoever is at its other end.
///
/// It is looked at before it is opened, which every system can do. To open it without waiting (`O_NONBLOCK`)
/// would be an error for a file that a file server has a lease on, and may set a device going.
fn check_file(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
        }
        // What is not there, or cannot be looked at, is for the caller to meet.
        _ => Ok(()),
    }
}

struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a child process that is just being started may share it for a moment.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl Output for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Input for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        read_exact_at(self, bytes, offset)
    }
}
