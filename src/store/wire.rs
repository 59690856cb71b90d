//! Numbers as bytes, and back: reading is total, whatever the bytes.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::error::Wrong;
use crate::varint;

/// The checksum of bytes that lie in a place of their own.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The checksum of a block of a run, which no other block has, wherever it is moved to.
pub(crate) fn block_checksum(payload: &[u8], run: u64, offset: u64) -> u64 {
    xxh3_64_with_seed(payload, (run << 40).wrapping_add(offset))
}

pub(crate) fn put_u32(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u64(bytes: &mut Vec<u8>, value: u64) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

/// Bytes with their length before them.
pub(crate) fn put_prefixed(bytes: &mut Vec<u8>, value: &[u8]) {
    varint::put(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// A signed number as an unsigned one: small if it is near zero.
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// The bits of some bytes from one on, the least first: at least 57. Behind the bytes there are zeros.
#[inline]
pub(crate) fn bits_from(bytes: &[u8], bit: usize) -> u64 {
    let rest = bytes.get(bit / 8..).unwrap_or_default();
    let word = match rest.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    word >> (bit % 8)
}

/// Takes numbers from the front of bytes that nobody vouches for.
#[derive(Clone, Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Wrong("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Wrong("it ends early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Wrong> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Wrong> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Wrong> {
        varint::take(&mut self.rest).ok_or(Wrong("a number has no end"))
    }

    /// A length or count, which is no more than `most`.
    pub(crate) fn length(&mut self, most: usize) -> Result<usize, Wrong> {
        let value = self.varint()?;
        usize::try_from(value)
            .ok()
            .filter(|&value| value <= most)
            .ok_or(Wrong("a length is beyond its bounds"))
    }

    /// Bytes with their length before them.
    pub(crate) fn prefixed(&mut self) -> Result<&'a [u8], Wrong> {
        let len = self.length(self.rest.len())?;
        self.bytes(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            assert_eq!(zigzag(unzigzag(value)), value);
        }
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
        assert!(Input::new(&[0xFF; 11]).varint().is_err());
        assert!(Input::new(&[0x80]).varint().is_err());
    }
}
