//! Bytes that only grow: the newest in memory, older ones in a temporary file if they have to be.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::mem::replace;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::chunk::{Chunk, Supply, thread};
use super::to_usize;
use crate::error::Error;
use crate::processor::prefetch;
use crate::read_at::{read_exact_at, write_all_at};

/// Bytes are held, and put into the file, in chunks of this size, so that growth copies nothing.
const CHUNK: usize = Chunk::SIZE;

/// Bytes that are put into the file at a time.
///
/// The system takes memory for the file in pieces as large as what is written at once. For all of a
/// chunk they are large pages, which a machine beneath a virtual one may have to find first
/// (`Pages` in the module `chunk`): half a gigabyte then took 2.2 ns a byte, and 0.2 to 0.9 in
/// smaller parts, against 0.16 and 0.18 where large pages are at hand.
const PART: usize = 1 << 17;

/// Bytes of the file that are read at a time, and held in case they are wanted again.
const BLOCK: usize = 1 << 12;

/// Blocks that are held: 4 MiB. Which one stands where follows from its number alone.
const HELD: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Log {
    /// All but the last are full.
    chunks: Vec<Chunk>,
    len: u64,
    spilled: Option<Spilled>,
    supply: Supply,
    /// Whether chunks are made ready and put into the file on other threads.
    threads: bool,
}

impl Log {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of memory, but for a chunk on its way to the file.
    pub(crate) fn memory(&self) -> usize {
        let held = self.spilled.as_ref().map_or(0, |_| HELD * BLOCK);
        // For each article, so not by a look at each chunk; only the first is not made for all it can hold.
        let oldest = self.oldest();
        let first = self.chunks.first().filter(|_| oldest == 0).map_or(0, Chunk::memory);
        first + self.chunks.len().saturating_sub(oldest.max(1)) * CHUNK + held
    }

    /// Has memory made ready before it is wanted, and chunks put into the file, on other threads.
    pub(crate) fn use_threads(&mut self) {
        self.threads = true;
    }

    #[cfg(all(test, feature = "index"))]
    pub(crate) fn uses_threads(&self) -> bool {
        self.threads
    }

    /// Forgets what is held; what comes next is held as this was.
    #[cfg(feature = "index")]
    pub(crate) fn clear(&mut self) {
        let supply = std::mem::take(&mut self.supply);
        *self = Self { supply, threads: self.threads, ..Self::default() };
    }

    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        while !bytes.is_empty() {
            // Not by the last chunk, which is empty if it was put into the file.
            if self.len - bytes.len() as u64 == self.chunks.len() as u64 * CHUNK as u64 {
                // The memory of what is on its way to the file is to be used again.
                self.finish_writing();
                // The first grows as it fills: most collections are small.
                let is_first = self.chunks.is_empty();
                let chunk = if is_first { Chunk::small() } else { self.supply.take(self.threads) };
                self.chunks.push(chunk);
            }
            bytes = self.chunks.last_mut().expect("BUG: a chunk was pushed").fill(bytes);
        }
    }

    /// The first of the bytes `at..at + len`: at least one, as many as lie together.
    #[inline]
    pub(crate) fn first(&mut self, at: u64, len: u64) -> Result<&[u8], Error> {
        let (bytes, offset) = self.around(at)?;
        let bytes = &bytes[offset..];
        let len = usize::try_from(len).map_or(bytes.len(), |len| len.min(bytes.len()));
        Ok(&bytes[..len])
    }

    /// The last of the `len` bytes up to and with that at `at`: at least one, as many as lie together.
    #[inline]
    pub(crate) fn last(&mut self, at: u64, len: u64) -> Result<&[u8], Error> {
        let (bytes, offset) = self.around(at)?;
        let bytes = &bytes[..=offset];
        let skipped = usize::try_from(len).map_or(0, |len| bytes.len().saturating_sub(len));
        Ok(&bytes[skipped..])
    }

    /// Fetches the memory around an address, unless that is in the file.
    pub(crate) fn prefetch(&self, at: u64) {
        // Of a chunk in the file there is nothing in memory.
        prefetch(&self.chunks[to_usize(at / CHUNK as u64)], to_usize(at % CHUNK as u64));
    }

    /// Of the `back` bytes up to and with that at `at`, and the `ahead` bytes from it on, those
    /// that lie together with it; and how many of them are before it.
    #[inline]
    pub(crate) fn between(
        &mut self,
        at: u64,
        back: u64,
        ahead: u64,
    ) -> Result<(&[u8], usize), Error> {
        let (bytes, offset) = self.around(at)?;
        let start = usize::try_from(back).map_or(0, |back| (offset + 1).saturating_sub(back));
        let len = usize::try_from(ahead).map_or(bytes.len(), |len| len.min(bytes.len() - offset));
        Ok((&bytes[start..offset + len], offset - start))
    }

    /// Appends the bytes `at..end` to `target`.
    pub(crate) fn copy(&mut self, at: u64, end: u64, target: &mut Vec<u8>) -> Result<(), Error> {
        let mut at = at;
        while at < end {
            let bytes = self.first(at, end - at)?;
            target.extend_from_slice(bytes);
            at += bytes.len() as u64;
        }
        Ok(())
    }

    /// Bytes that lie together, and where that at `at` is among them.
    #[inline]
    fn around(&mut self, at: u64) -> Result<(&[u8], usize), Error> {
        let chunk = to_usize(at / CHUNK as u64);
        if let Some(spilled) = self.spilled.as_mut().filter(|spilled| chunk < spilled.chunks) {
            return spilled.around(at);
        }
        Ok((&self.chunks[chunk], to_usize(at % CHUNK as u64)))
    }

    /// The oldest chunk that is neither in the file nor on its way.
    fn oldest(&self) -> usize {
        self.spilled
            .as_ref()
            .map_or(0, |spilled| spilled.chunks + usize::from(spilled.writing.is_some()))
    }

    /// Moves the oldest bytes into a temporary file until what is left takes at most `budget` bytes
    /// of memory, or cannot be moved; with threads, two chunks more may be on their way.
    ///
    /// # Errors
    ///
    /// If the file cannot be made or written. Nothing is lost.
    pub(crate) fn spill_beyond(&mut self, budget: usize) -> Result<(), Error> {
        while self.memory() > budget && self.can_spill() {
            self.spill()?;
        }
        Ok(())
    }

    /// Whether there is a full chunk in memory.
    fn can_spill(&self) -> bool {
        self.chunks.get(self.oldest()).is_some_and(Chunk::is_full)
    }

    /// Puts the oldest chunk in memory into the file, or has that done on another thread.
    ///
    /// # Errors
    ///
    /// If the file cannot be made or written; the chunk then stays in memory.
    fn spill(&mut self) -> Result<(), Error> {
        self.finish_writing();
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            None => self.spilled.insert(Spilled::new().map_err(Error::of_spill)?),
        };
        let chunk = &mut self.chunks[spilled.chunks];
        let at = spilled.chunks as u64 * CHUNK as u64;
        if self.threads {
            let (file, chunk) = (spilled.file.clone(), chunk.share());
            spilled.writing = thread().spawn(move || file.write(&chunk, at)).ok();
        }
        if spilled.writing.is_none() {
            spilled.file.write(chunk, at).map_err(Error::of_spill)?;
            self.note_written();
        }
        Ok(())
    }

    /// Waits for the chunk on its way to the file, which seldom takes as long as to fill another.
    fn finish_writing(&mut self) {
        let writing = self.spilled.as_mut().and_then(|spilled| spilled.writing.take());
        match writing.map(JoinHandle::join) {
            None => {}
            Some(Ok(Ok(()))) => self.note_written(),
            // The chunk is in memory still. From now on the one who wants one written waits for it,
            // and gets the error if it persists: nothing is taken in that there is no room for.
            Some(_) => self.threads = false,
        }
    }

    /// The oldest chunk in memory is in the file.
    fn note_written(&mut self) {
        let spilled = self.spilled.as_mut().expect("BUG: what was written has a file");
        let chunk = replace(&mut self.chunks[spilled.chunks], Chunk::small());
        spilled.chunks += 1;
        self.supply.give_back(chunk);
    }
}

#[derive(Debug)]
struct Spilled {
    file: Arc<TemporaryFile>,
    /// How many chunks the file holds.
    chunks: usize,
    /// The chunk after them, on its way.
    writing: Option<JoinHandle<std::io::Result<()>>>,
    held: Vec<Held>,
}

/// A file in the directory for temporary files, of which nothing is left: on Unix it has no name from
/// the start, elsewhere it is removed when it is closed. By hand, as the crate `tempfile` brings five others.
#[derive(Debug)]
struct TemporaryFile {
    file: File,
    #[cfg(not(unix))]
    path: std::path::PathBuf,
}

impl TemporaryFile {
    fn new() -> std::io::Result<Self> {
        let mut options = File::options();
        // Only if there is none of that name, so that nobody else can have laid it out.
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        for attempt in 0..64 {
            let random = RandomState::new().hash_one(attempt);
            let path = std::env::temp_dir().join(format!("dedup-{random:016x}.text"));
            match options.open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                #[cfg(unix)]
                Ok(file) => {
                    std::fs::remove_file(path)?;
                    return Ok(Self { file });
                }
                #[cfg(not(unix))]
                Ok(file) => return Ok(Self { file, path }),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    fn write(&self, bytes: &[u8], at: u64) -> std::io::Result<()> {
        (at..)
            .step_by(PART)
            .zip(bytes.chunks(PART))
            .try_for_each(|(at, part)| write_all_at(&self.file, part, at))
    }
}

#[cfg(test)]
impl TemporaryFile {
    /// A file that is there already, and not to be removed.
    fn of(file: File) -> Self {
        Self {
            file,
            #[cfg(not(unix))]
            path: std::path::PathBuf::new(),
        }
    }
}

#[cfg(not(unix))]
impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // What cannot be removed now is for the system to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[derive(Clone, Debug, Default)]
struct Held {
    /// The number of the block plus one; zero for none.
    number: u64,
    bytes: Vec<u8>,
}

impl Spilled {
    fn new() -> std::io::Result<Self> {
        let file = TemporaryFile::new()?.into();
        Ok(Self { file, chunks: 0, writing: None, held: vec![Held::default(); HELD] })
    }

    fn around(&mut self, at: u64) -> Result<(&[u8], usize), Error> {
        let number = at / BLOCK as u64;
        let held = &mut self.held[to_usize(number % HELD as u64)];
        if held.number != number + 1 {
            held.number = 0;
            held.bytes.resize(BLOCK, 0);
            read_exact_at(&self.file.file, &mut held.bytes, number * BLOCK as u64)
                .map_err(Error::of_spill)?;
            held.number = number + 1;
        }
        Ok((&held.bytes, to_usize(at % BLOCK as u64)))
    }
}

/// Pushes with little to spare.
pub(super) fn push<T>(vec: &mut Vec<T>, item: T) {
    reserve(vec, 1);
    vec.push(item);
}

/// Makes room for so many items, and few to spare: room that doubles would be a third of a large
/// index on average, and two thirds while it moves.
pub(super) fn reserve<T>(vec: &mut Vec<T>, items: usize) {
    if vec.capacity() - vec.len() < items {
        vec.reserve_exact((vec.len() / 16).max(items).max(16));
    }
}

/// The last of sorted items that is before something, as the one at `first` is: mostly one of the
/// next few, so the steps grow from one.
pub(super) fn last_before<T>(items: &[T], first: usize, is_before: impl Fn(&T) -> bool) -> usize {
    let (mut before, mut step) = (first, 1);
    while items.get(before + step).is_some_and(&is_before) {
        before += step;
        step *= 2;
    }
    let after = items.len().min(before + step);
    before + items[before..after].partition_point(is_before) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(threads: bool) -> Log {
        Log { threads, ..Log::default() }
    }

    #[test]
    fn reads_the_same_from_memory_and_file() {
        let byte = |at: u64| u8::try_from((at * at / 7 + at) % 251).unwrap();
        let bytes: Vec<u8> = (0..3 * CHUNK as u64 + 1000).map(byte).collect();
        let check = |log: &mut Log| {
            for at in (0..log.len()).step_by(977) {
                let from = &bytes[to_usize(at)..];
                let first = log.first(at, 3000).unwrap();
                assert!(!first.is_empty() && first.len() <= 3000 && from.starts_with(first));
                let up_to = &bytes[..=to_usize(at)];
                let last = log.last(at, 3000).unwrap();
                assert!(!last.is_empty() && last.len() <= 3000 && up_to.ends_with(last));
            }
            let mut copy = Vec::new();
            log.copy(5, log.len(), &mut copy).unwrap();
            assert!(copy == bytes[5..]);
        };
        for threads in [false, true] {
            let mut log = log(threads);
            for part in bytes.chunks(99_991) {
                log.append(part);
            }
            assert_eq!(log.len(), bytes.len() as u64);
            check(&mut log);
            for spilled in 1..=3 {
                assert!(log.can_spill());
                log.spill().unwrap();
                check(&mut log);
                assert_eq!(log.oldest(), spilled);
                assert!(log.memory() <= (4 - spilled) * CHUNK + HELD * BLOCK);
            }
            assert!(!log.can_spill());
            log.finish_writing();
            check(&mut log);
        }
    }

    #[test]
    fn goes_on_behind_a_full_chunk_that_lies_in_the_file() {
        let bytes: Vec<u8> = (0..2 * CHUNK).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for threads in [false, true] {
            let mut log = log(threads);
            log.append(&bytes[..CHUNK]);
            log.spill().unwrap();
            log.append(&bytes[CHUNK..]);
            let mut copy = Vec::new();
            log.copy(0, log.len(), &mut copy).unwrap();
            assert!(copy == bytes);
        }
    }

    #[test]
    fn what_cannot_be_written_stays_in_memory_and_is_told() {
        let bytes: Vec<u8> = (0..4 * CHUNK).map(|at| u8::try_from(at % 241).unwrap()).collect();
        for threads in [false, true] {
            let mut log = log(threads);
            log.append(&bytes[..2 * CHUNK]);
            log.spill().unwrap();
            log.finish_writing();
            // One that is there, and open to be read alone.
            let file = File::open(std::env::current_exe().unwrap()).unwrap();
            let spilled = log.spilled.as_mut().unwrap();
            let file = Arc::new(TemporaryFile::of(file));
            let writable = replace(&mut spilled.file, file);
            if threads {
                log.spill().unwrap(); // nobody has waited for it
                log.append(&bytes[2 * CHUNK..3 * CHUNK]);
                assert_eq!(log.oldest(), 1);
            } else {
                log.append(&bytes[2 * CHUNK..3 * CHUNK]);
            }
            for _ in 0..3 {
                let Err(Error::Spill { .. }) = log.spill() else { panic!("it was written") };
            }
            assert!(log.memory() >= 2 * CHUNK && log.can_spill());
            log.spilled.as_mut().unwrap().file = writable;
            log.spill().unwrap();
            log.append(&bytes[3 * CHUNK..]);
            log.spill().unwrap();
            let mut copy = Vec::new();
            log.copy(0, log.len(), &mut copy).unwrap();
            assert!(copy == bytes);
        }
    }
}
