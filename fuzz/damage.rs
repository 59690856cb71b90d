//! Damage to a small index on disk that consists of one run.
//!
//! An input is a list of changes to the run: offset (two bytes) and value. Checksums of the
//! directory and the manifest are made to agree afterwards, so that what lies behind them is
//! reached; if the first byte is odd, those of all blocks too.

use std::path::Path;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const RUN: &str = "run-0000000000000001";

/// The manifest and the run.
pub struct Files {
    manifest: Vec<u8>,
    run: Vec<u8>,
}

impl Files {
    pub fn read(dir: &Path) -> Self {
        let read = |name: &str| std::fs::read(dir.join(name)).expect("written");
        Self { manifest: read("manifest"), run: read(RUN) }
    }

    pub fn write(&self, dir: &Path) {
        std::fs::write(dir.join("manifest"), &self.manifest).expect("written");
        std::fs::write(dir.join(RUN), &self.run).expect("written");
    }

    /// These, with the changes that the input asks for; none if it is empty. `places` says where
    /// the payloads of all blocks lie by a sound directory, and how long they are.
    pub fn damaged(
        &self,
        input: &[u8],
        places: impl FnOnce(&[u8]) -> Vec<(usize, usize)>,
    ) -> Option<Self> {
        let (&blocks, changes) = input.split_first()?;
        let (mut manifest, mut run) = (self.manifest.clone(), self.run.clone());
        for change in changes.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % run.len();
            run[at] = change[2];
        }
        let trailer = run.len() - 32;
        let directory = number(&self.run, trailer);
        if blocks % 2 == 1 {
            for (at, len) in places(&self.run[directory..trailer]) {
                let sum = xxh3_64_with_seed(&run[at..at + len], (1 << 40) + at as u64);
                run[at + len..at + len + 8].copy_from_slice(&sum.to_le_bytes());
            }
        }
        let sum = xxh3_64(&run[directory..trailer]).to_le_bytes();
        run[trailer + 16..trailer + 24].copy_from_slice(&sum);
        let end = manifest.len() - 8;
        manifest[end - 8..end].copy_from_slice(&sum);
        let sum = xxh3_64(&manifest[..end]).to_le_bytes();
        manifest[end..].copy_from_slice(&sum);
        Some(Self { manifest, run })
    }
}

/// Eight bytes, as docs/format.md has integers.
pub fn number(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) as usize
}
