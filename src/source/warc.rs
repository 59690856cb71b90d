//! WARC and WET: archives of web pages.
//!
//! Each record has headers, which tell its length, and a block of that length. Nothing that the
//! headers claim is believed before it was held against the limits.

mod http;

use std::io::{BufRead, Read};

use self::http::Response;
use super::document::{Document, Failure, Problem, RawRecord, Record};
use super::encoding::{MARK, decode_declared};
use super::format::is_warc_version;
use super::html::{self, Markup};
use super::limits::Limits;
use super::stream::read_up_to;

/// The longest line of a header, in bytes.
const LONGEST_LINE: usize = 1 << 16;

/// The longest headers of a record, in bytes.
const LONGEST_HEADERS: usize = 1 << 20;

/// The records of an archive: those that can be articles each with its headers, and of requests,
/// metadata and the like that they are there.
#[derive(Debug)]
pub(crate) struct WarcRecords<R> {
    reader: R,
    /// The longest record, in bytes.
    limit: u64,
    /// That of the record at hand.
    number: u64,
    offset: u64,
    /// Whether the place of the next record has been lost.
    lost: bool,
    ended: bool,
}

impl<R: BufRead> WarcRecords<R> {
    pub(crate) fn new(reader: R, limit: u64) -> Self {
        Self { reader, limit, number: 0, offset: 0, lost: false, ended: false }
    }

    /// Reads a line into `line`, to which it adds at most `LONGEST_LINE` bytes.
    fn line(&mut self, line: &mut Vec<u8>) -> std::io::Result<usize> {
        let read = self.reader.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', line)?;
        self.offset += read as u64;
        Ok(read)
    }

    fn record(&mut self) -> Result<Option<Record>, Failure> {
        let mut bytes = Vec::new();
        self.number += 1;
        let Some(offset) = self.find(&mut bytes)? else { return Ok(None) };
        self.lost = true;
        self.take_headers(&mut bytes)?;
        let headers = Headers::read(&bytes);
        let length = headers.get("Content-Length");
        let Some(length) = length.and_then(|length| length.parse::<u64>().ok()) else {
            return Err(Problem::invalid("the length of the record is not stated").into());
        };
        self.lost = false;
        let wanted = headers.get("WARC-Type").is_some_and(|kind| {
            ["response", "resource", "conversion"].iter().any(|it| kind.eq_ignore_ascii_case(it))
        });
        if !wanted || length > self.limit {
            self.skip(length)?;
            if wanted {
                return Err(Problem::TooLong { limit: self.limit }.into());
            }
            return Ok(Some(Record::NoArticle));
        }
        // The length is a claim: memory grows with what is there.
        let start = bytes.len();
        read_up_to(&mut self.reader, length, &mut bytes).map_err(Failure::of_file)?;
        let read = (bytes.len() - start) as u64;
        self.offset += read;
        if read < length {
            return Err(Failure::of_file(Problem::Truncated));
        }
        Ok(Some(Record::Raw(RawRecord { bytes, number: self.number, offset })))
    }

    /// Moves behind the first line of the next record, which it puts into `line`; says where that
    /// begins, if there is one.
    fn find(&mut self, line: &mut Vec<u8>) -> Result<Option<u64>, Failure> {
        loop {
            let offset = self.offset;
            line.clear();
            if self.line(line).map_err(Failure::of_file)? == 0 {
                return Ok(None);
            }
            if offset == 0 && line.starts_with(MARK) {
                line.drain(..MARK.len());
            }
            if is_warc_version(line) {
                return Ok(Some(offset));
            }
            if !self.lost && !line.trim_ascii().is_empty() {
                self.lost = true;
                return Err(
                    Problem::invalid("a record begins with its version, as \"WARC/1.1\"").into()
                );
            }
        }
    }

    /// Appends the headers of a record, up to a blank line, to its first line.
    fn take_headers(&mut self, bytes: &mut Vec<u8>) -> Result<(), Failure> {
        loop {
            let start = bytes.len();
            let read = self.line(bytes).map_err(Failure::of_file)?;
            let line = &bytes[start..];
            if !line.ends_with(b"\n") {
                return Err(if read < LONGEST_LINE {
                    Failure::of_file(Problem::Truncated)
                } else {
                    Problem::TooLong { limit: LONGEST_LINE as u64 }.into()
                });
            }
            if line.trim_ascii().is_empty() {
                return Ok(());
            }
            if bytes.len() > LONGEST_HEADERS {
                return Err(Problem::TooLong { limit: LONGEST_HEADERS as u64 }.into());
            }
        }
    }

    fn skip(&mut self, length: u64) -> Result<(), Failure> {
        let mut block = self.reader.by_ref().take(length);
        let read = std::io::copy(&mut block, &mut std::io::sink()).map_err(Failure::of_file)?;
        self.offset += read;
        if read < length { Err(Failure::of_file(Problem::Truncated)) } else { Ok(()) }
    }
}

impl<R: BufRead> Iterator for WarcRecords<R> {
    type Item = Result<Record, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let start = self.offset;
        match self.record() {
            Ok(record) => {
                self.ended = record.is_none();
                record.map(Ok)
            }
            Err(failure) => {
                self.ended = !failure.recoverable;
                Some(Err(failure.at(self.number, start)))
            }
        }
    }
}

/// The document that a record is; none if it is no text, or not the page that was asked for.
pub(crate) fn decode(
    record: &[u8],
    limits: &Limits,
    strict: bool,
) -> Result<Option<Document>, Failure> {
    let headers = Headers::read(record);
    let block = &record[headers.length..];
    let is_response =
        headers.get("WARC-Type").is_some_and(|kind| kind.eq_ignore_ascii_case("response"));
    let content_type = headers.get("Content-Type");
    let response;
    let (content_type, body) = if is_response {
        // Records of type response are of other protocols too.
        if content_type.is_some_and(|kind| media_type(kind) != "application/http") {
            return Ok(None);
        }
        let Some(read) = Response::read(block, limits)? else {
            return Ok(None);
        };
        response = read;
        (response.content_type.as_deref(), response.body.as_ref())
    } else {
        (content_type, block)
    };
    let content_type = content_type.unwrap_or_default();
    let declared = charset_of(content_type);
    let media_type = media_type(content_type);
    let markup = Markup::of_media_type(&media_type)
        .or_else(|| (!says_something(&media_type) && html::is_page(body)).then_some(Markup::Html));
    let mut document = if let Some(markup) = markup {
        html::decode(body, declared, markup, strict)?
    } else if media_type == "text/plain" {
        let decoded = decode_declared(body, declared, strict)?;
        let (encoding, replaced) = (decoded.encoding, decoded.replaced);
        let text = decoded.text.into_owned();
        Document { text, encoding, replaced, ..Document::default() }
    } else {
        return Ok(None);
    };
    document.id = headers.get("WARC-Target-URI").map(|uri| uri.trim_matches(['<', '>']).to_owned());
    document.date = headers.get("WARC-Date").map(str::to_owned).or(document.date);
    Ok(Some(document))
}

/// A content type without its parameters, in lower case. Some servers send it in quotes.
fn media_type(content_type: &str) -> String {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim_matches(['"', '\'', ' ', '\t']).to_ascii_lowercase()
}

/// Whether a media type tells what is sent. As browsers have it, what is no media type or says
/// "unknown" does not.
fn says_something(media_type: &str) -> bool {
    const NOTHING: [&str; 3] = ["unknown/unknown", "application/unknown", "*/*"];
    media_type.contains('/') && !NOTHING.contains(&media_type)
}

/// The encoding that a content type names.
fn charset_of(content_type: &str) -> Option<&[u8]> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        name.trim().eq_ignore_ascii_case("charset").then_some(value.as_bytes())
    })
}

/// Headers: a line, then names and values up to a blank line.
#[derive(Debug)]
struct Headers<'a> {
    /// What does not look like a header is left out, as are values that are not UTF-8.
    fields: Vec<(&'a str, &'a str)>,
    /// The bytes of all, with the blank line.
    length: usize,
}

impl<'a> Headers<'a> {
    /// Reads the headers that `bytes` begins with.
    fn read(bytes: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let line = &rest[..end];
            let first = at == 0;
            at += end;
            if line.trim_ascii().is_empty() {
                break;
            }
            if let Some((name, value)) =
                std::str::from_utf8(line).ok().and_then(|it| it.split_once(':'))
                && !first
            {
                fields.push((name.trim(), value.trim()));
            }
        }
        Self { fields, length: at }
    }

    /// The value of the first header of this name.
    fn get(&self, name: &str) -> Option<&'a str> {
        let field = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.map(|&(_, value)| value)
    }

    /// What all headers of this name list.
    fn list(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a str> + Clone {
        let named = self.fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        named.flat_map(|&(_, value)| value.split(','))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn record(kind: &str, content_type: &str, block: &[u8]) -> Vec<u8> {
        let mut record = format!(
            "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://example.org/ä\r\n\
             WARC-Date: 2024-05-06T07:08:09Z\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n",
            block.len()
        )
        .into_bytes();
        record.extend_from_slice(block);
        record.extend_from_slice(b"\r\n\r\n");
        record
    }

    fn response(headers: &str, body: &[u8]) -> Vec<u8> {
        let mut block = headers.replace('\n', "\r\n").into_bytes();
        block.extend_from_slice(body);
        record("response", "application/http; msgtype=response", &block)
    }

    fn read_all(archive: &[u8]) -> Vec<Result<Option<Document>, Failure>> {
        let limits = Limits { record: 1 << 16, article: 1 << 16, ..Limits::default() };
        WarcRecords::new(std::io::BufReader::with_capacity(7, archive), limits.record)
            .map(|record| record.and_then(|record| document(record, &limits)))
            .collect()
    }

    fn document(record: Record, limits: &Limits) -> Result<Option<Document>, Failure> {
        let Record::Raw(record) = record else { return Ok(None) };
        decode(&record.bytes, limits, true)
    }

    fn read(archive: &[u8]) -> Option<Document> {
        let mut documents = read_all(archive);
        assert_eq!(documents.len(), 1);
        documents.remove(0).unwrap()
    }

    #[test]
    fn pages_and_extracted_texts_are_read_and_the_rest_is_passed_over() {
        let archive = [
            record("warcinfo", "application/warc-fields", b"software: x\r\n"),
            record("request", "application/http; msgtype=request", b"GET / HTTP/1.1\r\n\r\n"),
            response("HTTP/1.1 200 OK\nContent-Type: text/html; charset=latin1\n\n", b"<p>K\xe4se"),
            record("conversion", "text/plain", "Grüße\n".as_bytes()),
            record("resource", "text/plain; charset=utf-8", b"a"),
            response("HTTP/1.1 200 OK\ncontent-type: image/png\n\n", b"\x89PNG"),
            response("HTTP/1.1 404 Not Found\nContent-Type: text/html\n\n", b"<p>no"),
            record("response", "text/dns", b"no"),
        ]
        .concat();
        let limits = Limits::default();
        let read: Vec<Option<Document>> = WarcRecords::new(archive.as_slice(), limits.record)
            .map(|record| document(record.unwrap(), &limits).unwrap())
            .collect();
        let texts: Vec<Option<&str>> =
            read.iter().map(|it| it.as_ref().map(|it| it.text.as_str())).collect();
        assert_eq!(texts, [None, None, Some("Käse"), Some("Grüße\n"), Some("a"), None, None, None]);
        let page = read[2].as_ref().unwrap();
        assert_eq!(page.id.as_deref(), Some("https://example.org/ä"));
        assert_eq!(page.date.as_deref(), Some("2024-05-06T07:08:09Z"));
        assert_eq!(page.encoding, Some("windows-1252"));
    }

    #[test]
    fn any_version_begins_a_record() {
        let record = record("conversion", "text/plain", b"a");
        for (version, is_one) in [
            ("WARC/0.17", true),
            ("WARC/0.18", true),
            ("WARC/2.0\t", true),
            ("WARC/1", false),
            ("WARC/1.", false),
            ("WARC/.1", false),
            ("WARC/1.0.1", false),
            ("WARC/1.x", false),
            ("warc/0.9", false),
        ] {
            let record = String::from_utf8(record.clone()).unwrap().replace("WARC/1.0", version);
            let read = read_all(record.as_bytes());
            assert_eq!(matches!(&read[..], [Ok(Some(_))]), is_one, "{version}");
        }
    }

    #[test]
    fn a_page_needs_no_type() {
        let page = "<!DOCTYPE html><html><body>K\u{e4}se";
        for (kind, body, expected) in [
            ("", page, Some("Käse")),
            ("Content-Type:\n", page, Some("Käse")),
            ("Content-Type: html\n", page, Some("Käse")),
            ("Content-Type: unknown/unknown; charset=utf-8\n", page, Some("Käse")),
            ("Content-Type: \"text/html\"\n", "<p>Käse", Some("Käse")),
            ("Content-Type: 'Text/HTML; charset=utf-8'\n", "<p>Käse", Some("Käse")),
            ("Content-Type: \"text/plain\"\n", "Käse", Some("Käse")),
            ("Content-Type: image/png\n", page, None),
            ("Content-Type: application/octet-stream\n", page, None),
            ("", "<p>Käse", None),
            ("", "<?xml version='1.0'?><rss><title>Käse</title></rss>", None),
        ] {
            let sent = response(&format!("HTTP/1.1 200 OK\n{kind}\n"), body.as_bytes());
            assert_eq!(read(&sent).map(|page| page.text).as_deref(), expected, "{kind}{body}");
            if let Some(kind) = kind.trim_end().strip_prefix("Content-Type:") {
                let resource = record("resource", kind.trim(), body.as_bytes());
                assert_eq!(read(&resource).map(|page| page.text).as_deref(), expected, "{kind}");
            }
        }
    }

    #[test]
    fn what_is_sent_before_a_page_is_passed_over() {
        let page = "HTTP/1.1 200 OK\nContent-Type: text/plain\n\n";
        let before =
            "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nContent-Type: image/png\n\n";
        assert_eq!(read(&response(&format!("{before}{page}"), b"a")).unwrap().text, "a");
        let other = page.replace("200 OK", "404 Not Found");
        assert_eq!(read(&response(&format!("{before}{other}"), b"a")), None);
        for cut in [before, "HTTP/1.1 100 Continue", "HTTP/1.1 100 Continue\n\na"] {
            assert_eq!(read(&response(cut, b"")), None, "{cut}");
        }
    }

    #[test]
    fn chunks_and_compression_are_undone() {
        let chunked = "HTTP/1.1 200 OK\nContent-Type: text/plain\nTransfer-Encoding: chunked\n\n";
        let body = b"3;x=y\r\nK\xc3\xa4\r\n2\r\nse\r\n0\r\nTrailer: x\r\n\r\n";
        assert_eq!(read(&response(chunked, body)).unwrap().text, "Käse");
        // Crawlers write the header although they have joined the chunks.
        assert_eq!(read(&response(chunked, "Käse".as_bytes())).unwrap().text, "Käse");
        let broken = read_all(&response(chunked, b"3\r\nabc\r\nzz\r\n"));
        assert!(matches!(broken[..], [Err(Failure { problem: Problem::Invalid(_), .. })]));
        let cut = read_all(&response(chunked, b"3\r\nabc\r\n5\r\nab"));
        assert!(matches!(cut[..], [Err(Failure { problem: Problem::Truncated, .. })]));

        let text = "Grüße ".repeat(100);
        let level = flate2::Compression::default();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(text.as_bytes()).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(text.as_bytes()).unwrap();
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), level);
        deflate.write_all(text.as_bytes()).unwrap();
        let (gzip, zlib) = (gzip.finish().unwrap(), zlib.finish().unwrap());
        let deflate = deflate.finish().unwrap();
        for (encoding, body) in
            [("gzip", &gzip), ("x-gzip", &gzip), ("deflate", &zlib), ("deflate", &deflate)]
        {
            let headers = format!(
                "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Encoding: {encoding}\n\n"
            );
            assert_eq!(read(&response(&headers, body)).unwrap().text, text, "{encoding}");
            let cut = read_all(&response(&headers, &body[..body.len() / 2]));
            assert!(cut[0].is_err(), "{encoding}");
        }
        for encoding in ["gzip", "deflate"] {
            let headers = format!(
                "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Encoding: {encoding}\n\n"
            );
            // The second begins as zlib does, and the third as a block that has no header.
            for plain in ["plain after all", "(So sagt sie.)", "Käse\r\n", ""] {
                let read = read(&response(&headers, plain.as_bytes()));
                assert_eq!(read.unwrap().text, plain, "{encoding}");
            }
        }
    }

    #[test]
    fn what_is_not_undone_is_read_where_the_crawler_undid_it() {
        let latin = [b"K\xe4se ".repeat(200), b"\n".to_vec()].concat();
        for coding in ["br", "zstd", "UTF-8"] {
            let headers = format!(
                "HTTP/1.1 200 OK\nContent-Type: text/plain; charset=latin1\nContent-Encoding: {coding}\n\n"
            );
            for plain in ["plain after all", "Grüße\r\n", ""] {
                let headers = headers.replace("latin1", "utf-8");
                assert_eq!(read(&response(&headers, plain.as_bytes())).unwrap().text, plain);
            }
            assert!(read(&response(&headers, &latin)).unwrap().text.starts_with("Käse"));
            // The second has no control characters, by chance; the third is a frame of zstd.
            for packed in [&b"\x0b\x01\x80ab\x03"[..], b"\x8b!\x80abc\xe4", b"(\xb5/\xfd$!abc"] {
                assert_eq!(read(&response(&headers, packed)), None, "{coding}: {packed:?}");
            }
        }
    }

    #[test]
    fn codings_are_undone_in_turn() {
        let gzip = |bytes: &[u8]| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).unwrap();
            gzip.finish().unwrap()
        };
        let chunked = |bytes: &[u8]| {
            let mut chunked = format!("{:x}\r\n", bytes.len()).into_bytes();
            chunked.extend_from_slice(bytes);
            chunked.extend_from_slice(b"\r\n0\r\n\r\n");
            chunked
        };
        let text = "Käse ".repeat(20);
        let plain = text.as_bytes();
        for (headers, body) in [
            ("Transfer-Encoding: gzip, chunked\n", chunked(&gzip(plain))),
            ("Transfer-Encoding: Chunked;x=y\n", chunked(plain)),
            ("Transfer-Encoding: identity\nTransfer-Encoding: chunked\n", chunked(plain)),
            ("Content-Encoding: gzip\nTransfer-Encoding: chunked\n", chunked(&gzip(plain))),
            ("Content-Encoding: gzip, gzip\n", gzip(&gzip(plain))),
            ("Content-Encoding: identity, gzip\n", gzip(plain)),
            ("Content-Encoding: \nTransfer-Encoding: \n", plain.to_vec()),
        ] {
            let response =
                response(&format!("HTTP/1.1 200 OK\nContent-Type: text/plain\n{headers}\n"), &body);
            assert_eq!(read(&response).unwrap().text, text, "{headers}");
        }
        let unknown =
            "HTTP/1.1 200 OK\nContent-Type: text/plain\nTransfer-Encoding: br, chunked\n\n";
        assert_eq!(read(&response(unknown, &chunked(b"\x0b\x01"))), None);
    }

    #[test]
    fn a_body_whose_chunks_were_joined_may_begin_like_a_chunk() {
        let chunked = "HTTP/1.1 200 OK\nContent-Type: text/plain\nTransfer-Encoding: chunked\n\n";
        for text in [
            "+5\r\nabcde\r\n",
            "Abbe\nund Dom",
            "3\r\nabcdef\r\n",
            "0\nx",
            "0\r\nfoo and so on",
            "0\r\nfoo: bar\r\nand so on\r\n",
            "0\r\n\r\nfoo",
        ] {
            assert_eq!(read(&response(chunked, text.as_bytes())).unwrap().text, text);
        }
        for nothing in ["0\r\n", "0\r\n\r\n", "0\r\n\n\r\n", "0\r\nDigest: x\r\n\r\n"] {
            assert_eq!(read(&response(chunked, nothing.as_bytes())).unwrap().text, "");
        }
        let cut = read_all(&response(chunked, b"100\r\nyears of solitude"));
        assert!(matches!(cut[..], [Err(Failure { problem: Problem::Truncated, .. })]));
    }

    #[test]
    fn a_byte_order_mark_is_of_no_record() {
        let mut archive = b"\xef\xbb\xbf".to_vec();
        archive.extend(record("conversion", "text/plain", b"a"));
        assert_eq!(read(&archive).unwrap().text, "a");
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let level = flate2::Compression::best();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(&vec![b'a'; 1 << 20]).unwrap();
        let headers = "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Encoding: gzip\n\n";
        // Members of one size: packing them all would take a debug build a minute.
        let bomb = response(headers, &gzip.finish().unwrap().repeat(17));
        let read = read_all(&bomb);
        assert!(matches!(read[..], [Err(Failure { problem: Problem::TooLong { .. }, .. })]));
        let limits = Limits { decompression_ratio: 10, ..Limits::default() };
        let record = WarcRecords::new(bomb.as_slice(), limits.record).next().unwrap().unwrap();
        let failure = document(record, &limits).unwrap_err();
        assert!(matches!(failure.problem, Problem::Ratio { limit: 10 }));
    }

    #[test]
    fn damage_to_one_record_leaves_the_next_readable() {
        let good = record("conversion", "text/plain", b"good");
        let texts = |archive: &[u8]| -> Vec<Option<String>> {
            let documents = read_all(archive).into_iter();
            documents.map(|it| it.ok().flatten().map(|document| document.text)).collect()
        };
        let good_text = Some("good".to_owned());
        let stray = [b"stray\nlines\n".to_vec(), good.clone()].concat();
        assert_eq!(texts(&stray), [None, good_text.clone()]);
        let no_length = b"WARC/1.1\r\nWARC-Type: conversion\r\n\r\nx\r\n\r\n".to_vec();
        assert_eq!(texts(&[no_length, good.clone()].concat()), [None, good_text.clone()]);
        let too_short = String::from_utf8(good.clone()).unwrap().replace("th: 4", "th: 2");
        assert_eq!(
            texts(&[too_short.into_bytes(), good.clone()].concat()),
            [Some("go".to_owned()), None, good_text.clone()]
        );
        let long = record("conversion", "text/plain", &vec![b'x'; 1 << 17]);
        assert_eq!(texts(&[long, good.clone()].concat()), [None, good_text.clone()]);
        let line = format!("WARC/1.0\r\nX: {}\r\n\r\n", "x".repeat(1 << 17));
        assert_eq!(texts(&[line.into_bytes(), good.clone()].concat()), [None, good_text]);
        let huge = b"WARC/1.0\nWARC-Type: request\nContent-Length: 18446744073709551615\n\nx";
        let read = read_all(huge);
        assert!(matches!(read[..], [Err(Failure { problem: Problem::Truncated, .. })]));
    }

    #[test]
    fn what_breaks_off_between_two_records_is_about_the_next() {
        struct Broken;

        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }

        let one = record("conversion", "text/plain", b"one");
        let reader = std::io::BufReader::new(one.chain(Broken));
        let mut records = WarcRecords::new(reader, 1 << 16);
        assert!(records.next().unwrap().is_ok());
        assert_eq!(records.next().unwrap().unwrap_err().number, Some(2));
        assert!(records.next().is_none());
    }

    #[test]
    fn an_archive_may_end_anywhere() {
        let archive = [
            response("HTTP/1.1 200 OK\nContent-Type: text/html\n\n", b"<p>one"),
            record("conversion", "text/plain", b"two"),
        ]
        .concat();
        for at in 0..archive.len() {
            let read = read_all(&archive[..at]);
            let last = read.last();
            let end = archive[..at].ends_with(b"one\r\n\r\n") || at == 0;
            assert_eq!(
                last.is_none_or(Result::is_ok),
                end || at + 4 >= archive.len() || {
                    // Between two records, or within the line ends behind one.
                    let one = archive.windows(3).position(|it| it == b"one").unwrap() + 3;
                    (one..=one + 4).contains(&at)
                },
                "{at}"
            );
        }
        for at in 0..archive.len() {
            for byte in [0, b'\n', b'9', b':', 0xff] {
                let mut damaged = archive.clone();
                damaged[at] = byte;
                assert!(read_all(&damaged).len() <= 3);
            }
        }
    }
}
