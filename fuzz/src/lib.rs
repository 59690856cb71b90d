//! The readers of formats, as the library has them, for targets that feed them bytes.
//!
//! They are compiled in here, as they are no part of the library's interface.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "targets use a part of each module")]

use std::io::BufReader;

#[path = "../../src/source"]
mod source {
    pub(crate) mod charset;
    pub(crate) mod document;
    pub(crate) mod feeds;
    pub(crate) mod html;
    pub(crate) mod limits;
    pub(crate) mod mail;
    pub(crate) mod parquet;
    pub(crate) mod warc;
}

use source::document::Document;
use source::limits::Limits;

/// Small enough to be met by what a fuzzer writes.
const LIMITS: Limits =
    Limits { article: 1 << 12, record: 1 << 14, decompression_ratio: 16, nesting: 8 };

fn check(document: &Document) {
    assert!(document.text.len() as u64 <= LIMITS.article);
}

/// Reads a page.
pub fn html(bytes: &[u8], strict: bool) {
    if let Ok(document) = source::html::decode(bytes, &LIMITS, strict) {
        check(&document);
        assert!(!strict || document.replaced == 0);
    }
}

/// Reads a mail.
pub fn mail(bytes: &[u8], strict: bool) {
    if let Ok(document) = source::mail::decode(bytes, &LIMITS, strict) {
        check(&document);
    }
}

/// Reads the mails of an mbox, through a buffer of some bytes, which must not matter.
pub fn mbox(bytes: &[u8], buffer: usize) {
    let read = |buffer| -> Vec<Option<Vec<u8>>> {
        let reader = BufReader::with_capacity(buffer, bytes);
        source::mail::MboxRecords::new(reader, LIMITS.record)
            .map(|record| record.ok().map(|record| record.bytes))
            .collect()
    };
    let records = read(buffer.max(1));
    assert_eq!(records, read(1 << 16));
    assert!(records.iter().flatten().map(Vec::len).sum::<usize>() <= bytes.len());
    for record in records.iter().flatten() {
        mail(record, false);
    }
}

/// Reads the records of an archive, through a buffer of some bytes, which must not matter.
pub fn warc(bytes: &[u8], buffer: usize) {
    let read = |buffer| -> Vec<Option<Vec<u8>>> {
        let reader = BufReader::with_capacity(buffer, bytes);
        source::warc::WarcRecords::new(reader, LIMITS.record)
            .map(|record| record.ok().map(|record| record.bytes))
            .collect()
    };
    let records = read(buffer.max(1));
    assert_eq!(records, read(1 << 16));
    for record in records.iter().flatten() {
        if let Ok(Some(document)) = source::warc::decode(record, &LIMITS, false) {
            check(&document);
        }
    }
}

/// Reads the entries of a feed.
pub fn feed(bytes: &[u8], strict: bool) {
    let Ok(entries) = source::feeds::FeedEntries::new(bytes, &LIMITS, strict) else { return };
    for entry in entries.flatten() {
        if let Ok(document) = source::feeds::decode(&entry.bytes, &LIMITS) {
            check(&document);
        }
    }
}

/// Reads the rows of a Parquet file.
pub fn parquet(bytes: &[u8], strict: bool) {
    let columns = source::parquet::Columns { text: "text".to_owned(), id: "meta.id".to_owned() };
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    let rows = source::parquet::ParquetRows::new(bytes, columns, LIMITS, strict);
    // A damaged count of rows may be any number.
    for document in rows.expect("a thread").take(1000).flatten() {
        check(&document);
    }
}
