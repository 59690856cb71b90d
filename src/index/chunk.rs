//! Memory for bytes that only grow.

use std::ops::Deref;

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
        }
        later
    }

    /// The same memory without bytes.
    pub(super) fn cleared(self) -> Self {
        match self {
            Self::Heap(mut bytes) => {
                bytes.clear();
                Self::Heap(bytes)
            }
            #[cfg(target_os = "linux")]
            Self::Mapped { map, .. } => Self::Mapped { map, len: 0 },
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
        }
    }
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
            chunk = chunk.cleared();
            assert!(chunk.is_empty() && chunk.fill(b"abc").is_empty() && *chunk == *b"abc");
            assert!((Chunk::SIZE..2 * Chunk::SIZE).contains(&chunk.memory()));
        }
    }
}
