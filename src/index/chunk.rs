//! Memory for bytes that only grow.

use std::mem::replace;
use std::ops::Deref;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A page of most systems, if not of more.
#[cfg(target_os = "linux")]
const PAGE: usize = 1 << 12;

/// Up to [`Chunk::SIZE`] bytes.
#[derive(Debug)]
pub(super) enum Chunk {
    Heap(Vec<u8>),
    /// What is mapped has all of its length from the start, of which so much is filled.
    #[cfg(target_os = "linux")]
    Mapped {
        map: memmap2::MmapMut,
        len: usize,
    },
    /// A full one that another thread reads too.
    Shared(Arc<Chunk>),
}

impl Chunk {
    /// A large page of most processors.
    pub(super) const SIZE: usize = 1 << 21;

    /// One that takes no more memory than it needs.
    pub(super) fn small() -> Self {
        Self::Heap(Vec::new())
    }

    /// One that will be filled.
    ///
    /// In a large page, if the system gives one when it is asked: 38,000 faults of small pages took 12 % of
    /// the time of ingesting 119 MB of debates.
    pub(super) fn full_sized() -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(map) = memmap2::MmapMut::map_anon(Self::SIZE) {
            // A system that has none gives small ones.
            let _ = map.advise(memmap2::Advice::HugePage);
            return Self::Mapped { map, len: 0 };
        }
        Self::Heap(Vec::with_capacity(Self::SIZE))
    }

    /// Has the system give it its memory now, and not when it is filled.
    fn touched(self) -> Self {
        #[cfg(target_os = "linux")]
        if let Self::Mapped { mut map, len } = self {
            // Not by one call for all of it, which other threads that ask for memory would have to wait for.
            map.iter_mut().step_by(PAGE).for_each(|byte| *byte = 0);
            return Self::Mapped { map, len };
        }
        self
    }

    /// Takes as many of the bytes as there is room for; returns the rest.
    pub(super) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(Self::SIZE - self.len()));
        match self {
            Self::Heap(filled) => filled.extend_from_slice(now),
            #[cfg(target_os = "linux")]
            Self::Mapped { map, len } => {
                map[*len..*len + now.len()].copy_from_slice(now);
                *len += now.len();
            }
            Self::Shared(_) => debug_assert!(now.is_empty(), "a chunk that is not full is shared"),
        }
        later
    }

    /// The same bytes, for another thread: no more can be added here.
    pub(super) fn share(&mut self) -> Arc<Self> {
        let shared = match replace(self, Self::small()) {
            Self::Shared(shared) => shared,
            own => Arc::new(own),
        };
        *self = Self::Shared(shared.clone());
        shared
    }

    /// The same memory without bytes; none if another thread still reads them.
    pub(super) fn cleared(self) -> Self {
        match self {
            Self::Heap(mut bytes) => {
                bytes.clear();
                Self::Heap(bytes)
            }
            #[cfg(target_os = "linux")]
            Self::Mapped { map, .. } => Self::Mapped { map, len: 0 },
            Self::Shared(shared) => Arc::into_inner(shared).map_or_else(Self::small, Self::cleared),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == Self::SIZE
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Heap(bytes) => bytes.capacity(),
            #[cfg(target_os = "linux")]
            Self::Mapped { map, .. } => map.len(),
            Self::Shared(shared) => shared.memory(),
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            #[cfg(target_os = "linux")]
            Self::Mapped { map, len } => &map[..*len],
            Self::Shared(shared) => shared,
        }
    }
}

/// Where chunks that will be filled come from.
#[derive(Debug, Default)]
pub(super) struct Supply {
    /// One that is no longer wanted where it was: new memory has to be cleared first.
    spare: Option<Chunk>,
    next: Option<JoinHandle<Chunk>>,
}

impl Supply {
    pub(super) fn give_back(&mut self, chunk: Chunk) {
        // From now on one comes back for each that is taken.
        self.next = None;
        self.spare = Some(chunk.cleared());
    }

    /// An empty one. If there are `threads`, the one after it is made ready on another.
    ///
    /// To clear new memory took 2 to 40 % of an ingest by one thread, as the machine beneath a virtual one had it at hand or not;
    /// with several, it is the caller's thread that fills chunks, of which all others wait: where memory was not at hand, two
    /// threads took a tenth less time so, on two cores, and elsewhere as long.
    pub(super) fn take(&mut self, threads: bool) -> Chunk {
        if let Some(chunk) = self.spare.take() {
            return chunk;
        }
        let made = self.next.take().and_then(|next| next.join().ok());
        if threads {
            // If there is no thread, it is made when it is wanted.
            self.next = thread().spawn(|| Chunk::full_sized().touched()).ok();
        }
        made.unwrap_or_else(Chunk::full_sized)
    }
}

/// One that does for a chunk what the caller's thread need not wait for.
pub(super) fn thread() -> std::thread::Builder {
    std::thread::Builder::new().name("dedup-memory".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_hold_what_they_were_given() {
        let bytes: Vec<u8> =
            (0..Chunk::SIZE + 1000).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for mut chunk in [Chunk::small(), Chunk::full_sized(), Chunk::Heap(Vec::with_capacity(9))] {
            let mut rest = &bytes[..];
            for part in [0, 1, 4096, 100_000, bytes.len()] {
                assert!(!chunk.is_full());
                let (now, _) = rest.split_at(part.min(rest.len()));
                let left = chunk.fill(now).len();
                rest = &rest[now.len() - left..];
                assert_eq!(*chunk, bytes[..bytes.len() - rest.len()]);
            }
            assert!(chunk.is_full() && rest.len() == 1000);
            assert_eq!(chunk.fill(rest), rest);
            let shared = chunk.share();
            assert!(chunk.is_full() && *chunk == **shared && chunk.share().is_full());
            assert_eq!(chunk.fill(rest), rest);
            drop(shared);
            chunk = chunk.cleared();
            assert!(chunk.is_empty() && chunk.fill(b"abc").is_empty() && *chunk == *b"abc");
            assert!((Chunk::SIZE..2 * Chunk::SIZE).contains(&chunk.memory()));
        }
    }

    #[test]
    fn chunks_come_from_where_they_are_at_hand() {
        for threads in [false, true] {
            let mut supply = Supply::default();
            for _ in 0..3 {
                let mut chunk = supply.take(threads);
                assert!(chunk.is_empty() && chunk.memory() == Chunk::SIZE);
                assert_eq!(supply.next.is_some(), threads);
                assert!(chunk.fill(&vec![7; Chunk::SIZE]).is_empty() && chunk.is_full());
                supply.give_back(chunk);
                assert!(supply.next.is_none());
                assert!(supply.take(threads).is_empty());
            }
        }
    }
}
