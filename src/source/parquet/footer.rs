//! The footer of a Parquet file, as far as it must be known before the library reads it.
//!
//! The library builds the schema by recursion, without a limit: a footer of some megabytes, which
//! claims a hundred thousand groups one in the other, overflows the stack, and that is no panic
//! which could be caught. So the list of the schema's elements, in Thrift's compact protocol, is gone
//! through here, and the depth of the tree is counted.

use ::parquet::file::reader::ChunkReader;

use super::super::document::Problem;
use super::super::limits::Limits;
use crate::varint;

/// # Errors
///
/// If the file is too short for its footer, if that is longer than a record may be, or if the
/// schema is nested too deep or cannot be read.
pub(super) fn check(input: &impl ChunkReader, limits: &Limits) -> Result<(), Problem> {
    /// What a thread's stack bears in any build, whatever the limits allow.
    const DEEPEST: usize = 256;
    /// The length of the metadata, and the mark of the format.
    const TAIL: u64 = 8;
    let before_tail = input.len().checked_sub(TAIL).ok_or(Problem::Truncated)?;
    let tail = input.get_bytes(before_tail, 8).map_err(super::problem)?;
    let [a, b, c, d, b'P', b'A', b'R', b'1'] = tail[..] else {
        return Err(Problem::Truncated);
    };
    let len = u64::from(u32::from_le_bytes([a, b, c, d]));
    if len > limits.record {
        return Err(Problem::TooLong { limit: limits.record });
    }
    let start = before_tail.checked_sub(len).ok_or(Problem::Truncated)?;
    let len = usize::try_from(len).map_err(Problem::invalid)?;
    let metadata = input.get_bytes(start, len).map_err(super::problem)?;
    let nesting = limits.nesting.min(DEEPEST);
    let depth = Thrift { bytes: &metadata }.schema_depth();
    match depth {
        Some(depth) if depth <= nesting => Ok(()),
        Some(_) => Err(Problem::Nesting { limit: nesting }),
        None => Err(Problem::invalid("the footer has no schema")),
    }
}

/// What of a message in the compact protocol was not read yet.
struct Thrift<'a> {
    bytes: &'a [u8],
}

/// Types of values, by their numbers in the protocol.
mod kind {
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const STRUCT: u8 = 12;
}

impl Thrift<'_> {
    /// How deep the schema is nested; none if there is no reading it.
    fn schema_depth(&mut self) -> Option<usize> {
        /// The fields of a file's metadata and of an element of its schema.
        const SCHEMA: i16 = 2;
        const CHILDREN: i16 = 5;
        let mut field = 0;
        loop {
            let kind = self.field(&mut field)??;
            if field == SCHEMA && kind == kind::LIST {
                break;
            }
            self.skip(kind, 0)?;
        }
        let (kind, elements) = self.list()?;
        if kind != kind::STRUCT {
            return None;
        }
        // For every open group, how many of its children are still to come.
        let mut open: Vec<u64> = Vec::new();
        let mut deepest = 0;
        for _ in 0..elements {
            let mut children = 0;
            let mut field = 0;
            while let Some(kind) = self.field(&mut field)? {
                if field == CHILDREN && kind == kind::I32 {
                    children = u64::try_from(self.number()?).ok()?;
                } else {
                    self.skip(kind, 0)?;
                }
            }
            while let Some(left) = open.last_mut() {
                if let Some(fewer) = left.checked_sub(1) {
                    *left = fewer;
                    break;
                }
                open.pop();
            }
            open.push(children);
            deepest = deepest.max(open.len());
        }
        Some(deepest)
    }

    /// The type of the next field of a structure, whose number is counted on from the last; or
    /// that there is none.
    #[expect(clippy::option_option, reason = "the outer one is for what cannot be read")]
    fn field(&mut self, number: &mut i16) -> Option<Option<u8>> {
        let header = self.byte()?;
        if header == 0 {
            return Some(None);
        }
        *number = match header >> 4 {
            0 => i16::try_from(self.number()?).ok()?,
            further => number.checked_add(i16::from(further))?,
        };
        Some(Some(header & 0x0f))
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        varint::take(&mut self.bytes)
    }

    /// A signed number in zigzag order.
    fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        let magnitude = i64::try_from(value >> 1).ok()?;
        Some(if value & 1 == 0 { magnitude } else { !magnitude })
    }

    fn list(&mut self) -> Option<(u8, u64)> {
        let header = self.byte()?;
        let len = match header >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        // An element takes a byte at least.
        (len <= self.bytes.len() as u64).then_some((header & 0x0f, len))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        /// As deep as the library skips.
        const DEEPEST: usize = 64;
        if depth == DEEPEST {
            return None;
        }
        match kind {
            kind::TRUE | kind::FALSE => {}
            kind::BYTE => drop(self.byte()?),
            kind::I16 | kind::I32 | kind::I64 => drop(self.varint()?),
            kind::DOUBLE => self.bytes = self.bytes.get(8..)?,
            kind::BINARY => {
                let len = usize::try_from(self.varint()?).ok()?;
                self.bytes = self.bytes.get(len..)?;
            }
            kind::LIST | kind::SET => {
                let (kind, len) = self.list()?;
                for _ in 0..len {
                    match kind {
                        // In a list a truth value is a byte.
                        kind::TRUE | kind::FALSE => drop(self.byte()?),
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
            }
            kind::STRUCT => {
                let mut field = 0;
                while let Some(kind) = self.field(&mut field)? {
                    self.skip(kind, depth + 1)?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A file whose schema has groups of one child each, one in the other.
    fn nested(depth: usize) -> Bytes {
        let mut metadata = vec![0x15, 0x02, 0x19, 0xfc];
        let mut len = depth + 1;
        while len >= 0x80 {
            metadata.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
            len >>= 7;
        }
        metadata.push(u8::try_from(len).unwrap());
        for _ in 0..depth {
            // The name, in field 4, and one child, in field 5.
            metadata.extend_from_slice(&[0x48, 0x01, b'g', 0x15, 0x02, 0x00]);
        }
        metadata.extend_from_slice(&[0x15, 0x0c, 0x38, 0x01, b't', 0x00]);
        metadata.extend_from_slice(&[0x16, 0x00, 0x19, 0x0c, 0x00]);
        let mut file = b"PAR1".to_vec();
        file.extend_from_slice(&metadata);
        file.extend_from_slice(&u32::try_from(metadata.len()).unwrap().to_le_bytes());
        file.extend_from_slice(b"PAR1");
        file.into()
    }

    #[test]
    fn the_depth_of_the_schema_has_a_limit() {
        let limits = Limits::default();
        assert!(check(&nested(limits.nesting - 1), &limits).is_ok());
        for depth in [limits.nesting, 1000, 100_000] {
            let problem = check(&nested(depth), &limits).unwrap_err();
            assert!(matches!(problem, Problem::Nesting { .. }), "{depth}");
        }
    }

    #[test]
    fn a_footer_that_does_not_fit_is_an_error() {
        let limits = Limits::default();
        let sound = nested(3);
        assert!(matches!(check(&sound.slice(..7), &limits), Err(Problem::Truncated)));
        assert!(matches!(check(&sound.slice(..sound.len() - 1), &limits), Err(Problem::Truncated)));
        let cut = sound.slice(9..);
        assert!(matches!(check(&cut, &limits), Err(Problem::Truncated)));
        let short = Limits { record: 4, ..limits };
        assert!(matches!(check(&sound, &short), Err(Problem::TooLong { limit: 4 })));
        let mut long_list = sound.to_vec();
        long_list[7] = 0xfc;
        long_list[8] = 0xff;
        assert!(check(&Bytes::from(long_list), &limits).is_err());
    }
}
