//! The frame that files of runs have in common: a header, blocks with checksums, a directory and a trailer.

use std::io::ErrorKind;

use super::error::{IndexError, Wrong, io};
use super::manifest::RunName;
use super::storage::{self, Storage};
use super::wire::{Input, block_checksum, checksum, put_u32, put_u64};

const END: [u8; 8] = *b"dedupEND";
pub(crate) const HEADER: usize = 8 + 2 * size_of::<u32>();
const TRAILER: usize = 3 * size_of::<u64>() + END.len();
pub(crate) const CHECKSUM: usize = size_of::<u64>();

/// What a file is: the magic that it begins with, and the version of its format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u32,
}

pub(crate) fn file_name(number: u64) -> String {
    format!("run-{number:016x}")
}

/// The number of the run in a file of that name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let number = u64::from_str_radix(name.strip_prefix("run-")?, 16).ok()?;
    (file_name(number) == name).then_some(number)
}

/// A block in the file: its place follows from those before it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockRef {
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

impl BlockRef {
    /// Bytes in the file, the checksum included.
    pub(crate) fn size(self) -> u64 {
        u64::from(self.len) + CHECKSUM as u64
    }
}

/// Gives out blocks that lie back to back, behind the header.
#[derive(Debug)]
pub(crate) struct Blocks {
    pub(crate) end: u64,
}

impl Blocks {
    pub(crate) fn new() -> Self {
        Self { end: HEADER as u64 }
    }

    pub(crate) fn next(&mut self, len: u32) -> BlockRef {
        let block = BlockRef { offset: self.end, len };
        self.end = self.end.saturating_add(block.size());
        block
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Reader {
    file: Box<dyn storage::Input>,
    name: String,
    number: u64,
}

impl Reader {
    /// Opens a file that a manifest names, and reads its directory: with it comes the offset where
    /// that begins.
    pub(crate) fn open(
        storage: &dyn Storage,
        kind: Kind,
        named: RunName,
    ) -> Result<(Self, Vec<u8>, u64), IndexError> {
        let name = file_name(named.number);
        let damaged = |what, offset| Wrong(what).at(&name, offset);
        let file = storage.open(&name).map_err(io("open", &name))?;
        let len = file.len().map_err(io("read", &name))?;
        if len != named.len || len < (HEADER + TRAILER) as u64 {
            return Err(damaged("its length is not the one in the manifest", len));
        }
        let mut header = [0; HEADER];
        file.read_at(&mut header, 0).map_err(io("read", &name))?;
        let mut input = Input::new(&header);
        let head = (|| Ok::<_, Wrong>((input.array()?, input.u32()?, input.u32()?)))();
        let (magic, version, zero) = head.map_err(|wrong| wrong.at(&name, 0))?;
        if magic != kind.magic || zero != 0 {
            return Err(damaged("it is no run", 0));
        }
        if version != kind.version {
            let supported = kind.version;
            return Err(IndexError::Version { file: name, found: version, supported });
        }
        let trailer_at = len - TRAILER as u64;
        let mut trailer = [0; TRAILER];
        file.read_at(&mut trailer, trailer_at).map_err(io("read", &name))?;
        let mut input = Input::new(&trailer);
        let tail =
            (|| Ok::<_, Wrong>((input.u64()?, input.u64()?, input.u64()?, input.array()?)))();
        let (offset, directory_len, sum, magic) =
            tail.map_err(|wrong| wrong.at(&name, trailer_at))?;
        if magic != END
            || sum != named.checksum
            || offset.checked_add(directory_len) != Some(trailer_at)
        {
            return Err(damaged("its trailer is wrong", trailer_at));
        }
        // No longer than the file.
        let directory_len = usize::try_from(directory_len)
            .map_err(|_| damaged("its directory is too long", offset))?;
        let mut directory = vec![0; directory_len];
        file.read_at(&mut directory, offset).map_err(io("read", &name))?;
        if checksum(&directory) != sum {
            return Err(damaged("the checksum of the directory does not agree", offset));
        }
        Ok((Self { file, name, number: named.number }, directory, offset))
    }

    /// Something about what begins at an offset is wrong.
    pub(crate) fn wrong(&self, wrong: Wrong, offset: u64) -> IndexError {
        wrong.at(&self.name, offset)
    }

    /// The payload of a block, which agrees with its checksum.
    pub(crate) fn block(&self, block: BlockRef) -> Result<Vec<u8>, IndexError> {
        // The directory has ended with the file, so this is no longer than the file.
        let mut bytes = vec![0; block.len as usize + CHECKSUM];
        self.file.read_at(&mut bytes, block.offset).map_err(io("read", &self.name))?;
        let sum = bytes.split_off(block.len as usize);
        let expected = block_checksum(&bytes, self.number, block.offset);
        if sum == expected.to_le_bytes() {
            Ok(bytes)
        } else {
            Err(self.wrong(Wrong("the checksum of a block does not agree"), block.offset))
        }
    }
}

/// Writes a file: blocks one after the other, then the directory.
pub(crate) struct Writer {
    file: Box<dyn storage::Output>,
    name: String,
    number: u64,
    buffer: Vec<u8>,
    offset: u64,
}

impl Writer {
    /// Bytes that are written at a time.
    const BUFFER: usize = 1 << 20;

    pub(crate) fn create(
        storage: &dyn Storage,
        kind: Kind,
        number: u64,
    ) -> Result<Self, IndexError> {
        let name = file_name(number);
        let file = storage.create(&name).map_err(io("create", &name))?;
        let mut header = kind.magic.to_vec();
        put_u32(&mut header, kind.version);
        put_u32(&mut header, 0);
        let mut writer = Self { file, name, number, buffer: Vec::new(), offset: 0 };
        writer.write(&header)?;
        Ok(writer)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        self.offset += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= Self::BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), IndexError> {
        if !self.buffer.is_empty() {
            self.file.write(&self.buffer).map_err(io("write", &self.name))?;
            self.buffer.clear();
        }
        Ok(())
    }

    pub(crate) fn block(&mut self, payload: &[u8]) -> Result<BlockRef, IndexError> {
        let block = BlockRef { offset: self.offset, len: self.fits(payload.len())? };
        let sum = block_checksum(payload, self.number, self.offset);
        self.write(payload)?;
        self.write(&sum.to_le_bytes())?;
        Ok(block)
    }

    /// A length that has 32 bits in the file.
    pub(crate) fn fits(&self, len: usize) -> Result<u32, IndexError> {
        u32::try_from(len).map_err(|_| IndexError::Io {
            action: "write",
            file: self.name.clone(),
            source: ErrorKind::FileTooLarge.into(),
        })
    }

    /// Ends the file; it is durable when this returns, its name is not.
    pub(crate) fn finish(mut self, directory: &[u8]) -> Result<RunName, IndexError> {
        let sum = checksum(directory);
        let mut trailer = Vec::new();
        put_u64(&mut trailer, self.offset);
        put_u64(&mut trailer, directory.len() as u64);
        put_u64(&mut trailer, sum);
        trailer.extend_from_slice(&END);
        self.write(directory)?;
        self.write(&trailer)?;
        self.flush()?;
        self.file.sync().map_err(io("sync", &self.name))?;
        Ok(RunName { number: self.number, len: self.offset, checksum: sum })
    }
}
