//! The response of a web server, as an archive keeps it.

use std::borrow::Cow;
use std::io::Read;

use super::super::document::Problem;
use super::super::limits::Limits;
use super::Headers;

/// The most codings that are undone. Servers apply one or two; each costs a copy of the body.
const MOST_CODINGS: usize = 8;

/// Bytes of a body by which text is told from what is packed.
const HEAD: usize = 512;

/// A page that was asked for.
pub(super) struct Response<'a> {
    pub(super) content_type: Option<String>,
    pub(super) body: Cow<'a, [u8]>,
}

impl<'a> Response<'a> {
    /// The response in `block`; none if the page was not sent, or packed in a way that is not read.
    pub(super) fn read(mut block: &'a [u8], limits: &Limits) -> Result<Option<Self>, Problem> {
        if !block.starts_with(b"HTTP/") {
            return Err(Problem::invalid("a response begins with \"HTTP/\""));
        }
        let (headers, sent) = loop {
            let headers = Headers::read(&block[..block.len().min(super::LONGEST_HEADERS)]);
            let sent = &block[headers.length..];
            match status(block) {
                Some([b'2', ..]) => break (headers, sent),
                // Others come before that of the page.
                Some([b'1', ..]) if sent.starts_with(b"HTTP/") => block = sent,
                _ => return Ok(None),
            }
        };
        let codings = ["Content-Encoding", "Transfer-Encoding"];
        let codings = codings.iter().flat_map(|header| headers.list(header));
        if codings.clone().count() > MOST_CODINGS {
            return Ok(None);
        }
        let mut body = Cow::Borrowed(sent);
        // As they were applied one after the other, the last is undone first.
        for coding in codings.rev() {
            let name = coding.split(';').next().unwrap_or_default().trim();
            let undone = match name.to_ascii_lowercase().as_str() {
                "chunked" => join_chunks(&body)?,
                // Crawlers unpack, and leave the header.
                "gzip" | "x-gzip" if !body.starts_with(b"\x1f\x8b") => None,
                "deflate" if is_text(&body) => None,
                "gzip" | "x-gzip" => {
                    Some(unpack(flate2::bufread::MultiGzDecoder::new(&*body), sent, limits)?)
                }
                "deflate" if is_zlib(&body) => {
                    Some(unpack(flate2::bufread::ZlibDecoder::new(&*body), sent, limits)?)
                }
                "deflate" => {
                    Some(unpack(flate2::bufread::DeflateDecoder::new(&*body), sent, limits)?)
                }
                "" | "identity" | "none" => None,
                _ if is_unpacked(&body) => None,
                _ => return Ok(None),
            };
            body = undone.map_or(body, Cow::Owned);
        }
        let content_type = headers.get("Content-Type").map(str::to_owned);
        Ok(Some(Self { content_type, body }))
    }
}

/// The digits that tell what became of a request, if `block` begins with them as it should.
fn status(block: &[u8]) -> Option<&[u8]> {
    block.split(u8::is_ascii_whitespace).nth(1).filter(|status| status.len() == 3)
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
        let line = &rest[..end];
        rest = &rest[end + 1..];
        let size = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(size).ok().filter(|size| !size.starts_with('+'));
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        // The first line of a text may be a number too: there all must be as the protocol has it.
        if first && !line.ends_with(b"\r") {
            return Ok(None);
        }
        match size {
            None if first => return Ok(None),
            None => return Err(Problem::invalid("a chunk has no length")),
            Some(0) if first && !is_trailers(rest) => return Ok(None),
            Some(0) => return Ok(Some(joined)),
            // It may be a text too, as "100" and "years" on the next line; but archives that cut
            // bodies short are many, such texts few, and nothing tells them apart.
            Some(size) if size > rest.len() => return Err(Problem::Truncated),
            Some(size) => {
                let (chunk, behind) = rest.split_at(size);
                let end =
                    [b"\r\n".as_slice(), b"\n"].iter().find_map(|end| behind.strip_prefix(*end));
                rest = match end {
                    None if first && !behind.is_empty() => return Ok(None),
                    end => end.unwrap_or(behind),
                };
                joined.extend_from_slice(chunk);
            }
        }
        first = false;
    }
}

/// Whether `rest` is what may stand behind the last chunk: headers, and a blank line.
fn is_trailers(rest: &[u8]) -> bool {
    let is_header = |line: &[u8]| {
        let name = line.split(|&byte| byte == b':').next().filter(|name| name.len() < line.len());
        name.is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
    };
    let mut lines = rest.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    lines.by_ref().take_while(|line| !line.is_empty()).all(is_header) && lines.all(<[u8]>::is_empty)
}

/// Whether `body` begins as text does, which has no control characters.
///
/// A deflated body has no mark, and text may begin as zlib does. But packed bytes hardly ever go on for
/// so long without a control character, and those of a short body, packed by the fixed code, end with 0 or 1.
fn is_text(body: &[u8]) -> bool {
    let head = &body[..body.len().min(HEAD)];
    // ISO-2022 has the escape.
    head.iter().all(|&byte| !byte.is_ascii_control() || byte == 0x1b || byte.is_ascii_whitespace())
}

/// Whether `body` is text although it is said to be packed in a way that is not read.
///
/// A short one may have no control characters by chance; then it is not UTF-8 too.
fn is_unpacked(body: &[u8]) -> bool {
    is_text(body) && (body.len() >= HEAD || std::str::from_utf8(body).is_ok())
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
