//! A disk in memory that keeps what a real one may lose.
//!
//! Every change is logged. From the log, [`Disk::images`] makes what a crash may leave after any
//! operation: of what was not synced, any part, in any order.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::storage::{Input, Output, Storage};

/// Bytes that are lost or kept together: less than any disk's, so that small files have many.
const SECTOR: usize = 64;

/// A change to the disk.
#[derive(Clone, Debug)]
enum Change {
    Link {
        name: String,
        inode: usize,
    },
    Rename {
        from: String,
        to: String,
        inode: usize,
    },
    Unlink {
        name: String,
    },
    Write {
        inode: usize,
        offset: usize,
        bytes: Vec<u8>,
    },
    Sync {
        inode: usize,
    },
    /// A sync that failed: what it should have written never will be.
    LostSync {
        inode: usize,
    },
    SyncNames,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The operation does nothing.
    Nothing,
    /// A write does half of what it should.
    Half,
}

/// Names, and the contents of files.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<String, usize>,
    inodes: Vec<Arc<Vec<u8>>>,
    /// What was there, durable, before the log.
    first: Image,
    log: Vec<Change>,
    /// Operations so far, reads included.
    operations: usize,
    fault: Option<(usize, Fault, io::ErrorKind)>,
}

/// The disk; a clone is the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    locked: Arc<AtomicBool>,
}

/// Names and contents while a crash is played through.
#[derive(Clone, Default)]
struct Durable {
    names: BTreeMap<String, usize>,
    inodes: BTreeMap<usize, Vec<u8>>,
}

/// Something that is lost or kept.
#[derive(Clone)]
enum Pending<'a> {
    Name(&'a Change),
    Sector { inode: usize, offset: usize, bytes: &'a [u8] },
}

impl Durable {
    fn apply(&mut self, pending: &Pending<'_>) {
        match pending {
            Pending::Name(Change::Link { name, inode }) => {
                self.names.insert(name.clone(), *inode);
                self.inodes.entry(*inode).or_default();
            }
            Pending::Name(Change::Rename { from, to, inode }) => {
                if self.names.get(from) == Some(inode) {
                    self.names.remove(from);
                }
                self.names.insert(to.clone(), *inode);
                self.inodes.entry(*inode).or_default();
            }
            Pending::Name(Change::Unlink { name }) => {
                self.names.remove(name);
            }
            Pending::Name(_) => unreachable!("only names"),
            Pending::Sector { inode, offset, bytes } => {
                let file = self.inodes.entry(*inode).or_default();
                let end = offset + bytes.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[*offset..end].copy_from_slice(bytes);
            }
        }
    }

    fn image(&self) -> Image {
        self.names.iter().map(|(name, inode)| (name.clone(), self.inodes[inode].clone())).collect()
    }
}

impl Disk {
    pub(crate) fn from_image(image: &Image) -> Self {
        let disk = Self::default();
        {
            let mut state = disk.state.lock().unwrap();
            for (name, bytes) in image {
                let inode = state.inodes.len();
                state.inodes.push(Arc::new(bytes.clone()));
                state.names.insert(name.clone(), inode);
            }
            state.first = image.clone();
        }
        disk
    }

    /// Makes the operation with that number fail.
    pub(crate) fn fail(&self, operation: usize, fault: Fault, kind: io::ErrorKind) {
        self.state.lock().unwrap().fault = Some((operation, fault, kind));
    }

    /// Whether the operation that was to fail has come.
    pub(crate) fn has_failed(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.fault.is_some_and(|(operation, ..)| operation < state.operations)
    }

    /// How many changes there were.
    pub(crate) fn changes(&self) -> usize {
        self.state.lock().unwrap().log.len()
    }

    pub(crate) fn operations(&self) -> usize {
        self.state.lock().unwrap().operations
    }

    /// What everybody sees while nothing crashes.
    pub(crate) fn live(&self) -> Image {
        let state = self.state.lock().unwrap();
        let content = |inode: usize| state.inodes[inode].to_vec();
        state.names.iter().map(|(name, &inode)| (name.clone(), content(inode))).collect()
    }

    /// What may be there if the machine stops after so many changes: all of it if little is not
    /// durable, else `most` choices, those of nothing, everything, and all but one or only one among them.
    pub(crate) fn images(
        &self,
        changes: usize,
        most: usize,
        mut random: impl FnMut() -> u64,
        mut visit: impl FnMut(Image),
    ) {
        let state = self.state.lock().unwrap();
        let mut durable = Durable::default();
        for (inode, (name, bytes)) in state.first.iter().enumerate() {
            durable.names.insert(name.clone(), inode);
            durable.inodes.insert(inode, bytes.clone());
        }
        let mut pending: Vec<Pending<'_>> = Vec::new();
        for change in &state.log[..changes] {
            let of = |pending: &Pending<'_>, file: usize| matches!(pending, Pending::Sector { inode, .. } if *inode == file);
            match change {
                Change::Link { .. } | Change::Rename { .. } | Change::Unlink { .. } => {
                    pending.push(Pending::Name(change));
                }
                Change::Write { inode, offset, bytes } => {
                    for (at, bytes) in bytes.chunks(SECTOR).enumerate() {
                        let offset = offset + at * SECTOR;
                        pending.push(Pending::Sector { inode: *inode, offset, bytes });
                    }
                }
                Change::Sync { inode } => {
                    let synced = pending.iter().filter(|pending| of(pending, *inode));
                    synced.for_each(|sector| durable.apply(sector));
                    pending.retain(|pending| !of(pending, *inode));
                }
                Change::LostSync { inode } => pending.retain(|pending| !of(pending, *inode)),
                Change::SyncNames => {
                    let names = pending.iter().filter(|it| matches!(it, Pending::Name(_)));
                    names.for_each(|name| durable.apply(name));
                    pending.retain(|pending| !matches!(pending, Pending::Name(_)));
                }
            }
        }
        let mut image = |kept: &dyn Fn(usize) -> bool| {
            let mut durable = durable.clone();
            for (at, pending) in pending.iter().enumerate() {
                if kept(at) {
                    durable.apply(pending);
                } else if let Pending::Sector { inode, offset, bytes } = pending
                    && (offset / SECTOR + bytes.len()).is_multiple_of(3)
                {
                    // A length may be durable before the bytes are.
                    let zeros = &[0; SECTOR][..bytes.len()];
                    durable.apply(&Pending::Sector {
                        inode: *inode,
                        offset: *offset,
                        bytes: zeros,
                    });
                }
            }
            visit(durable.image());
        };
        let count = pending.len();
        if count < usize::BITS as usize && 1 << count <= most {
            (0..1_usize << count).for_each(|chosen| image(&|at| chosen >> at & 1 == 1));
            return;
        }
        image(&|_| false);
        image(&|_| true);
        for one in 0..count.min(most / 4) {
            image(&|at| at == one);
            image(&|at| at != one);
        }
        for _ in 2 + 2 * count.min(most / 4)..most {
            // Few, many, or half.
            let (a, b, c) = (random(), random(), random());
            let bits = match a % 3 {
                0 => a & b & c,
                1 => a | b | c,
                _ => b,
            };
            let other = random();
            image(&|at| (if at < 64 { bits } else { other }) >> (at % 64) & 1 == 1);
        }
    }
}

impl State {
    /// Counts an operation; an error if it is the one to fail.
    fn operation(&mut self) -> Result<(), (Fault, io::Error)> {
        let number = self.operations;
        self.operations += 1;
        match self.fault {
            Some((operation, fault, kind)) if operation == number => Err((fault, kind.into())),
            _ => Ok(()),
        }
    }

    fn inode(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn fails((_, error): (Fault, io::Error)) -> io::Error {
    error
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state.lock().unwrap();
        state.operation().map_err(fails)?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Output>> {
        let mut state = self.state.lock().unwrap();
        state.operation().map_err(fails)?;
        let inode = state.inodes.len();
        state.inodes.push(Arc::default());
        state.names.insert(name.to_owned(), inode);
        state.log.push(Change::Link { name: name.to_owned(), inode });
        Ok(Box::new(Writing { state: self.state.clone(), inode }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Input>> {
        let mut state = self.state.lock().unwrap();
        state.operation().map_err(fails)?;
        let inode = state.inode(name)?;
        let bytes = state.inodes[inode].clone();
        Ok(Box::new(Reading { state: self.state.clone(), bytes }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.operation().map_err(fails)?;
        let inode = state.inode(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), inode);
        state.log.push(Change::Rename { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.operation().map_err(fails)?;
        state.inode(name)?;
        state.names.remove(name);
        state.log.push(Change::Unlink { name: name.to_owned() });
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.operation().map_err(fails)?;
        state.log.push(Change::SyncNames);
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        self.state.lock().unwrap().operation().map_err(fails)?;
        let free = !self.locked.swap(true, Ordering::SeqCst);
        Ok(free.then(|| Box::new(Lock(self.locked.clone())) as Box<dyn Send + Sync>))
    }
}

struct Lock(Arc<AtomicBool>);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

struct Writing {
    state: Arc<Mutex<State>>,
    inode: usize,
}

impl Output for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        let done = state.operation();
        let bytes = match &done {
            Ok(()) => bytes,
            Err((Fault::Half, _)) => &bytes[..bytes.len() / 2],
            Err((Fault::Nothing, _)) => &[],
        };
        let offset = state.inodes[self.inode].len();
        Arc::make_mut(&mut state.inodes[self.inode]).extend_from_slice(bytes);
        state.log.push(Change::Write { inode: self.inode, offset, bytes: bytes.to_vec() });
        done.map_err(fails)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        let done = state.operation();
        state.log.push(match done {
            Ok(()) => Change::Sync { inode: self.inode },
            Err(_) => Change::LostSync { inode: self.inode },
        });
        done.map_err(fails)
    }
}

#[derive(Debug)]
struct Reading {
    state: Arc<Mutex<State>>,
    bytes: Arc<Vec<u8>>,
}

impl Input for Reading {
    fn len(&self) -> io::Result<u64> {
        self.state.lock().unwrap().operation().map_err(fails)?;
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.state.lock().unwrap().operation().map_err(fails)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.bytes.get(offset..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(rest.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
