//! Compressed streams, told by their first bytes.

use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::document::Problem;
use super::limits::Limits;
use super::stream::{Blocks, Reader};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Compression {
    /// As many bytes of a stream as [`of`](Self::of) looks at.
    pub(crate) const HEAD: usize = 10;

    /// How a stream that starts so is compressed, if it is.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match head {
            // A frame to be skipped, such as some writers put in front.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            // A block, or the end if there is none.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
                Some(Self::Bzip2)
            }
            _ => {
                let others = [Self::Gzip, Self::Zstd, Self::Xz];
                others.into_iter().find(|compression| head.starts_with(compression.start()))
            }
        }
    }

    /// What all streams begin with, as a rule. Of bzip2 that is text.
    fn start(self) -> &'static [u8] {
        match self {
            Self::Gzip => &[0x1f, 0x8b, 0x08],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Self::Bzip2 => b"BZh",
            Self::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0x00],
        }
    }

    /// Whether a file's extension only says that it is compressed.
    pub(crate) fn is_extension(extension: &str) -> bool {
        Self::of_extension(extension).is_some()
    }

    fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstd),
            "bz2" => Some(Self::Bzip2),
            "xz" => Some(Self::Xz),
            _ => None,
        }
    }

    /// The compression that a stream's name tells, if the stream ended before its first bytes
    /// could: what there is of it, often nothing, is then neither an empty text nor a short one.
    /// What is there whole and is not compressed may have such a name.
    pub(crate) fn cut_off(name: &str, head: &[u8]) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        let compression = Self::of_extension(&extension.to_ascii_lowercase())?;
        let start = compression.start();
        let is_part = start.starts_with(head) || head.starts_with(start);
        (is_part && head.len() < Self::HEAD && Self::of(head).is_none()).then_some(compression)
    }

    /// What is wrong with a stream that was cut off.
    pub(crate) fn truncated(self) -> Problem {
        let source = std::io::ErrorKind::UnexpectedEof.into();
        Problem::Compression { compression: self.name(), source }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// The stream that was compressed, all members of it.
    ///
    /// `taken` counts the bytes that were taken from `reader`.
    ///
    /// # Errors
    ///
    /// If this build cannot decompress it.
    pub(crate) fn open(
        self,
        reader: Reader,
        taken: Arc<AtomicU64>,
        limits: &Limits,
    ) -> Result<Reader, Problem> {
        let inner = self.decoder(Box::new(Blocks::new(reader)), limits)?;
        let expanded =
            Expanded { inner, compression: self, taken, out: 0, ratio: limits.decompression_ratio };
        Ok(Box::new(BufReader::with_capacity(1 << 16, expanded)))
    }

    fn decoder(self, reader: Reader, limits: &Limits) -> Result<Box<dyn Read + Send>, Problem> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => Ok(Box::new(gzip::Members::new(reader))),
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                let failed = |source| Problem::Compression { compression: self.name(), source };
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(reader).map_err(failed)?;
                decoder.window_log_max(limits.window.ilog2()).map_err(failed)?;
                Ok(Box::new(decoder))
            }
            #[cfg(feature = "bzip2")]
            Self::Bzip2 => Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(reader))),
            #[cfg(feature = "xz")]
            Self::Xz => {
                // What it takes beside the window counts too.
                const BESIDE: u64 = 128;
                let kib = u32::try_from((limits.window >> 10) + BESIDE).unwrap_or(u32::MAX);
                Ok(Box::new(lzma_rust2::XzReader::new_mem_limit(reader, true, kib)))
            }
            #[allow(unreachable_patterns, reason = "unless a feature is missing")]
            _ => {
                let (_, _) = (reader, limits);
                let what = match self {
                    Self::Gzip => "gzip compression",
                    Self::Zstd => "zstd compression",
                    Self::Bzip2 => "bzip2 compression",
                    Self::Xz => "xz compression",
                };
                Err(Problem::Feature { what, feature: self.name() })
            }
        }
    }
}

/// A decompressor that stops when too much comes out of it.
struct Expanded {
    inner: Box<dyn Read + Send>,
    compression: Compression,
    taken: Arc<AtomicU64>,
    out: u64,
    ratio: u64,
}

impl Read for Expanded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|error| {
            let damaged = error.raw_os_error().is_none()
                && error.kind() != std::io::ErrorKind::Interrupted
                && !error
                    .get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Problem>);
            if damaged {
                let compression = self.compression.name();
                Problem::Compression { compression, source: error }.into()
            } else {
                error
            }
        })?;
        self.out += read as u64;
        let taken = self.taken.load(Ordering::Relaxed);
        let allowed = self.ratio.saturating_mul(taken).max(Limits::RATIO_FREE);
        if self.out > allowed {
            return Err(Problem::Ratio { limit: self.ratio }.into());
        }
        Ok(read)
    }
}

#[cfg(feature = "gzip")]
mod gzip {
    use std::io::{BufRead, Chain, ErrorKind, Read, Result};

    use flate2::bufread::MultiGzDecoder;

    /// What the decoder takes of a header before it judges it, and the shortest there is.
    const HEADER: usize = 10;

    /// The members of a gzip stream, behind which there may be zeros, as tapes and block devices leave
    /// them and gzip(1) passes over them.
    ///
    /// For the decoder they are a member with a bad header. That it was these that it met is told by what it
    /// took last. A loop over members here would know too, but makes streams of many small ones slow.
    pub(super) struct Members<R>(MultiGzDecoder<Taken<Chain<R, &'static [u8]>>>);

    impl<R: BufRead> Members<R> {
        pub(super) fn new(reader: R) -> Self {
            let reader = reader.chain([].as_slice());
            Self(MultiGzDecoder::new(Taken { reader, zeros: 0, ended: false }))
        }
    }

    impl<R: BufRead> Read for Members<R> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let error = match self.0.read(buffer) {
                // Within and at the end of a member there is a header.
                Err(error) if self.0.header().is_none() => error,
                read => return read,
            };
            let met = match error.kind() {
                ErrorKind::InvalidInput => self.0.get_ref().zeros >= HEADER,
                // Fewer zeros may be the rest of a header that was cut off. With as many more as a header
                // has, they are a bad one if it had nothing else.
                ErrorKind::UnexpectedEof if self.0.get_ref().ended => {
                    *self.0.get_mut().reader.get_mut().1 = &[0; HEADER];
                    let again = self.0.read(buffer);
                    let is_bad = again.is_err_and(|it| it.kind() == ErrorKind::InvalidInput);
                    is_bad && self.0.header().is_none() && self.0.get_ref().zeros >= HEADER
                }
                _ => false,
            };
            if met && self.0.get_mut().only_zeros_are_left()? { Ok(0) } else { Err(error) }
        }
    }

    /// A reader that knows how many zeros were read last, and whether it came to its end. What is
    /// consumed from its buffer is not looked at, for that would make small members slow: headers are read.
    struct Taken<R> {
        reader: R,
        zeros: usize,
        ended: bool,
    }

    impl<R: BufRead> Taken<R> {
        /// Goes past what is left, which changes nothing of what was read last, so that this can be asked again.
        fn only_zeros_are_left(&mut self) -> Result<bool> {
            loop {
                let bytes = self.reader.fill_buf()?;
                if bytes.is_empty() || bytes.iter().any(|&byte| byte != 0) {
                    return Ok(bytes.is_empty());
                }
                let len = bytes.len();
                self.reader.consume(len);
            }
        }
    }

    impl<R: BufRead> Read for Taken<R> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let len = self.reader.read(buffer)?;
            let zeros = buffer[..len].iter().rev().take_while(|&&byte| byte == 0).count();
            self.zeros = if zeros == len { self.zeros + len } else { zeros };
            self.ended = len == 0;
            Ok(len)
        }
    }

    impl<R: BufRead> BufRead for Taken<R> {
        fn fill_buf(&mut self) -> Result<&[u8]> {
            self.reader.fill_buf()
        }

        fn consume(&mut self, len: usize) {
            self.zeros = 0;
            self.reader.consume(len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_not_taken_for_a_compressed_stream() {
        for text in ["", "BZh9 is how a bzip2 file starts", "PK", "\u{1f}"] {
            assert_eq!(Compression::of(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_stream_that_ends_within_its_first_bytes_is_cut_off() {
        let gzip = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3];
        let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, b'a'];
        for (name, head) in [
            ("news/a.txt.gz", &gzip),
            ("a.jsonl.ZST", &zstd),
            ("a.bz2", b"BZh91AY&SY"),
            ("a.txt.xz", &[0xfd, b'7', b'z', b'X', b'Z', 0, 0, 4, 0xe6, 0xd6]),
        ] {
            for len in 0..=head.len() {
                let head = &head[..len];
                let told = Compression::of(head).or(Compression::cut_off(name, head));
                assert!(told.is_some(), "{name}, {len} bytes");
                assert_eq!(Compression::cut_off("a.txt", head), None);
            }
        }
        // Programs that unpack on the way leave names as they are.
        for text in ["a", "BZ is short", "plain text, unpacked"] {
            assert_eq!(Compression::cut_off("a.txt.bz2", text.as_bytes()), None, "{text}");
        }
    }
}
