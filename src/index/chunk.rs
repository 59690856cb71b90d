//! Memory for bytes that only grow.

use std::mem::replace;
use std::ops::Deref;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A page of most systems, if not of more.
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

    /// One that will be filled, in pages of a size.
    fn full_sized(pages: PageSize) -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(map) = memmap2::MmapMut::map_anon(Self::SIZE) {
            // A system that has none gives small ones, and one that always gives large ones is told
            // when not to.
            let _ = map.advise(match pages {
                PageSize::Large => memmap2::Advice::HugePage,
                PageSize::Small => memmap2::Advice::NoHugePage,
            });
            return Self::Mapped { map, len: 0 };
        }
        let _ = pages;
        Self::Heap(Vec::with_capacity(Self::SIZE))
    }

    /// Has the system give it the first page now, and not when it is filled.
    fn touch_first(&mut self) {
        self.touch_every(Self::SIZE);
    }

    /// The same of all pages. Not by one call, which other threads that ask for memory would have to wait for.
    fn touch_all(&mut self) {
        self.touch_every(PAGE);
    }

    fn touch_every(&mut self, step: usize) {
        let mapped: &mut [u8] = match self {
            #[cfg(target_os = "linux")]
            Self::Mapped { map, len: 0 } => map,
            _ => &mut [],
        };
        mapped.iter_mut().step_by(step).for_each(|byte| *byte = 0);
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

/// In what pages the system gives the memory of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PageSize {
    Large,
    Small,
}

/// What pages to ask for.
///
/// Large ones, unless one took so long that small ones are likely to take less. Where the system
/// has it at hand, a large page takes
/// 0.09 ms, and the small ones of a chunk 0.65. But the machine beneath a virtual one may have
/// taken back what was free, in large pages, and give it again in small ones: then a large page
/// took 4.4 ms, and small ones 0.65 still, as those had been in use a moment ago. Debates took 1.37
/// times as long with two threads by large pages alone then as by small ones alone; where large
/// pages are at hand, small ones alone took 1.12 times as long with one thread, and 1.03 times with
/// two.
#[derive(Debug, Default)]
struct Pages {
    /// Chunks that get small pages before a large one is tried again.
    small: u32,
    /// How many it were the last time: twice as many whenever large ones are as slow again.
    patience: u32,
}

impl Pages {
    /// A large page that takes longer is slow.
    const SLOW: Duration = Duration::from_millis(1);

    /// Chunks with small pages after a large one that was slow, if the one before was not.
    const PATIENCE: u32 = 32;

    fn next(&mut self) -> PageSize {
        match self.small.checked_sub(1) {
            None => PageSize::Large,
            Some(left) => {
                self.small = left;
                PageSize::Small
            }
        }
    }

    /// Learns how long it took to get the first page of a chunk.
    fn learn(&mut self, size: PageSize, time: Duration) {
        if size == PageSize::Large {
            let is_slow = time > Self::SLOW;
            self.patience =
                if is_slow { self.patience.saturating_mul(2).max(Self::PATIENCE) } else { 0 };
            self.small = self.patience;
        }
    }
}

/// An empty chunk whose first page is there, of which size that was wanted, and how long it took.
#[derive(Debug)]
struct Made {
    chunk: Chunk,
    size: PageSize,
    time: Duration,
}

impl Made {
    fn new(size: PageSize) -> Self {
        let mut chunk = Chunk::full_sized(size);
        let start = Instant::now();
        chunk.touch_first();
        Self { chunk, size, time: start.elapsed() }
    }

    fn touched(mut self) -> Self {
        self.chunk.touch_all();
        self
    }
}

/// Where chunks that will be filled come from.
#[derive(Debug, Default)]
pub(super) struct Supply {
    /// One that is no longer wanted where it was: new memory has to be cleared first.
    spare: Option<Chunk>,
    next: Option<JoinHandle<Made>>,
    pages: Pages,
}

impl Supply {
    pub(super) fn give_back(&mut self, chunk: Chunk) {
        // From now on one comes back for each that is taken.
        self.next = None;
        self.spare = Some(chunk.cleared());
    }

    /// An empty one. If there are `threads`, the one after it is made ready on another.
    ///
    /// To clear new memory took 2 to 40 % of an ingest by one thread, as the machine beneath a
    /// virtual one had it at hand or not; with several, one at a time fills chunks, for which all
    /// others wait: where memory was not at hand, two threads took a tenth less time so, on two
    /// cores, and elsewhere as long.
    pub(super) fn take(&mut self, threads: bool) -> Chunk {
        if let Some(chunk) = self.spare.take() {
            return chunk;
        }
        let next = self.next.take().and_then(|next| next.join().ok());
        let Made { chunk, size, time } = next.unwrap_or_else(|| Made::new(self.pages.next()));
        self.pages.learn(size, time);
        if threads {
            let size = self.pages.next();
            // If there is no thread, it is made when it is wanted.
            self.next = thread().spawn(move || Made::new(size).touched()).ok();
        }
        chunk
    }
}

/// One that does for a chunk what who fills chunks need not wait for.
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
        let [large, small] = [PageSize::Large, PageSize::Small].map(Chunk::full_sized);
        for mut chunk in [Chunk::small(), large, small, Chunk::Heap(Vec::with_capacity(9))] {
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

    #[test]
    fn small_pages_are_asked_for_after_slow_large_ones_and_longer_each_time() {
        let (slow, fast) = (Pages::SLOW * 2, Pages::SLOW / 2);
        let mut pages = Pages::default();
        // How many small ones are asked for after a large one that took some time.
        let mut small_after = |time| {
            assert_eq!(pages.next(), PageSize::Large);
            pages.learn(PageSize::Large, time);
            let mut small = 0;
            while pages.small > 0 {
                assert_eq!(pages.next(), PageSize::Small);
                pages.learn(PageSize::Small, fast);
                small += 1;
            }
            small
        };
        assert_eq!(
            [fast, slow, slow, slow, fast, slow].map(&mut small_after),
            [0, 32, 64, 128, 0, 32]
        );
        // However long it goes on.
        let mut pages = Pages { small: 0, patience: u32::MAX - 1 };
        pages.learn(PageSize::Large, slow);
        assert_eq!(pages.next(), PageSize::Small);
    }
}
