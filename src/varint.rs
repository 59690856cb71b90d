//! Numbers in as few bytes as they need (LEB128): seven bits a byte, the least first, the high bit
//! set on all but the last.

/// The bytes of the longest number.
pub(crate) const LONGEST: usize = 10;

#[expect(clippy::cast_possible_truncation, reason = "seven bits")]
pub(crate) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Takes one from the front. None if the bytes end before the number does, or it is too great.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7F);
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            assert!(bytes.len() <= LONGEST);
            assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None);
            bytes.push(7);
            let mut rest = &bytes[..];
            assert_eq!((take(&mut rest), rest), (Some(value), &[7][..]));
        }
        assert_eq!(take(&mut &[0xFF; 11][..]), None);
        let beyond = [&[0xFF; 9][..], &[2]].concat();
        assert_eq!(take(&mut &beyond[..]), None);
    }
}
