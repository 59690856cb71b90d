//! JSONL: a record is a line.

use std::io::BufRead;

use memchr::memchr;

use super::document::{Failure, Problem, RawRecord};
use super::encoding::MARK;

/// The lines of a stream that are not blank.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    limit: u64,
    number: u64,
    offset: u64,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `limit` bytes, line end not counted.
    pub(crate) fn new(reader: R, limit: u64) -> Self {
        Self { reader, limit, number: 0, offset: 0 }
    }

    /// Takes the rest of the line, its end included, or as much of it as comes to `limit` bytes;
    /// says how much that is.
    fn take_line(&mut self, limit: u64, mut take: impl FnMut(&[u8])) -> std::io::Result<u64> {
        let mut taken = 0;
        while taken < limit {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            let most = usize::try_from(limit - taken).unwrap_or(usize::MAX).min(buffer.len());
            let end = memchr(b'\n', &buffer[..most]);
            let len = end.map_or(most, |end| end + 1);
            take(&buffer[..len]);
            self.reader.consume(len);
            self.offset += len as u64;
            taken += len as u64;
            if end.is_some() || len == 0 {
                break;
            }
        }
        Ok(taken)
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<RawRecord, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Nearly always the line lies in the buffer whole, and takes just the room that it needs.
            let mut bytes = Vec::new();
            let offset = self.offset;
            let read =
                self.take_line(self.limit.saturating_add(1), |part| bytes.extend_from_slice(part));
            let number = self.number + 1;
            let end = |error: std::io::Error, offset| {
                Some(Err(Failure::of_file(error).at(number, offset)))
            };
            match read {
                Ok(0) => return None,
                Ok(_) => self.number = number,
                Err(error) => return end(error, self.offset),
            }
            if bytes.len() as u64 > self.limit && bytes.last() != Some(&b'\n') {
                if let Err(error) = self.take_line(u64::MAX, |_| {}) {
                    return end(error, self.offset);
                }
                let problem = Problem::TooLong { limit: self.limit };
                return Some(Err(Failure::of_record(problem).at(number, offset)));
            }
            let text = bytes.strip_prefix(MARK).unwrap_or(&bytes);
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return Some(Ok(RawRecord { bytes, number, offset }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_passed_over_and_the_next_is_read() {
        let text = format!("12345\n\n{}\n12345\r\n1234", "x".repeat(100_000));
        let found: Vec<_> = Lines::new(text.as_bytes(), 5)
            .map(|line| match line {
                Ok(line) => (line.number, line.offset, Some(line.bytes)),
                Err(failure) => {
                    assert!(failure.recoverable);
                    (failure.number.unwrap(), failure.offset.unwrap(), None)
                }
            })
            .collect();
        let line = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(
            found,
            [(1, 0, line("12345\n")), (3, 7, None), (4, 100_008, None), (5, 100_015, line("1234"))]
        );
    }
}
