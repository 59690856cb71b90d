//! The response of a web server, as an archive keeps it.

use std::borrow::Cow;
use std::io::Read;

use super::super::document::Problem;
use super::super::limits::Limits;
use super::Headers;

/// A page that was asked for.
pub(super) struct Response<'a> {
    pub(super) content_type: Option<String>,
    pub(super) body: Cow<'a, [u8]>,
}

impl<'a> Response<'a> {
    /// The response in `block`; none if the page was not sent, or packed in a way that is not read.
    pub(super) fn read(block: &'a [u8], limits: &Limits) -> Result<Option<Self>, Problem> {
        let headers = Headers::read(&block[..block.len().min(super::LONGEST_HEADERS)]);
        let status = block.split(u8::is_ascii_whitespace).nth(1);
        if !block.starts_with(b"HTTP/") {
            return Err(Problem::invalid("a response begins with \"HTTP/\""));
        }
        if !status.is_some_and(|status| status.len() == 3 && status.starts_with(b"2")) {
            return Ok(None);
        }
        let mut body = Cow::Borrowed(&block[headers.length..]);
        if headers.get("Transfer-Encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked"))
            && let Some(joined) = join_chunks(&body)?
        {
            body = joined.into();
        }
        if let Some(encoding) = headers.get("Content-Encoding") {
            match encoding.to_ascii_lowercase().as_str() {
                // Crawlers unpack, and leave the header.
                "gzip" | "x-gzip" if body.starts_with(b"\x1f\x8b") => {
                    body =
                        unpack(flate2::bufread::MultiGzDecoder::new(&*body), &body, limits)?.into();
                }
                "deflate" if is_zlib(&body) => {
                    body = unpack(flate2::bufread::ZlibDecoder::new(&*body), &body, limits)?.into();
                }
                "deflate" => {
                    body =
                        unpack(flate2::bufread::DeflateDecoder::new(&*body), &body, limits)?.into();
                }
                "" | "identity" | "none" | "gzip" | "x-gzip" => {}
                _ => return Ok(None),
            }
        }
        let content_type = headers.get("Content-Type").map(str::to_owned);
        Ok(Some(Self { content_type, body }))
    }
}

/// The chunks of `body` put together; none if it does not begin as a chunk does, as where an
/// archive keeps the header of a transfer that it undid.
fn join_chunks(body: &[u8]) -> Result<Option<Vec<u8>>, Problem> {
    let mut joined = Vec::with_capacity(body.len());
    let mut rest = body;
    let mut first = true;
    loop {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return if first { Ok(None) } else { Err(Problem::Truncated) };
        };
        let size = rest[..end].split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(size).ok().and_then(|it| usize::from_str_radix(it, 16).ok());
        rest = &rest[end + 1..];
        match size {
            None if first => return Ok(None),
            None => return Err(Problem::invalid("a chunk has no length")),
            Some(0) => return Ok(Some(joined)),
            Some(size) if size > rest.len() => return Err(Problem::Truncated),
            Some(size) => {
                joined.extend_from_slice(&rest[..size]);
                rest = &rest[size..];
                rest = rest.strip_prefix(b"\r").unwrap_or(rest);
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
        first = false;
    }
}

/// Whether `body` begins with the header of zlib, which servers leave out of what they call so.
fn is_zlib(body: &[u8]) -> bool {
    matches!(*body, [method, flags, ..]
        if method & 0x0f == 8 && (u16::from(method) << 8 | u16::from(flags)) % 31 == 0)
}

fn unpack(reader: impl Read, packed: &[u8], limits: &Limits) -> Result<Vec<u8>, Problem> {
    let by_ratio = (packed.len() as u64).saturating_mul(limits.decompression_ratio);
    let by_ratio = by_ratio.max(Limits::RATIO_FREE);
    let limit = by_ratio.min(limits.record);
    let mut unpacked = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut unpacked).map_err(|error| match error
        .kind()
    {
        std::io::ErrorKind::UnexpectedEof => Problem::Truncated,
        _ => Problem::invalid(error),
    })?;
    if unpacked.len() as u64 > limit {
        return Err(if limit < by_ratio {
            Problem::TooLong { limit }
        } else {
            Problem::Ratio { limit: limits.decompression_ratio }
        });
    }
    Ok(unpacked)
}
