//! The records of archives are those that another reader finds, whoever wrote them.

use std::collections::HashMap;
use std::io::BufReader;

use dedup::Format;
use dedup_reference::{corpus, mails, read};
use warc::{BufferedBody, Record, RecordType, WarcHeader, WarcReader, WarcWriter};

/// What the archive's own reader says should be read: address, date and text of each record.
fn reference(archive: &[u8]) -> (Vec<(String, String, String)>, u64) {
    let mut articles = Vec::new();
    let mut others = 0;
    for record in WarcReader::new(BufReader::new(archive)).iter_raw_records() {
        let (headers, body) = record.expect("a sound record");
        let headers: HashMap<_, _> = headers.as_ref().iter().collect();
        let header = |name: WarcHeader| {
            headers.get(&name).map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let body = match header(WarcHeader::WarcType).as_deref() {
            Some("response") => {
                let at = body.windows(4).position(|window| window == b"\r\n\r\n").expect("a body");
                let (head, body) = (&body[..at], &body[at + 4..]);
                head.starts_with(b"HTTP/1.1 200").then_some(body)
            }
            Some("conversion" | "resource") => Some(&body[..]),
            _ => None,
        };
        let Some(body) = body else {
            others += 1;
            continue;
        };
        articles.push((
            header(WarcHeader::TargetURI).expect("an address"),
            header(WarcHeader::Date).expect("a date"),
            String::from_utf8(body.to_vec()).expect("UTF-8"),
        ));
    }
    (articles, others)
}

fn record(
    kind: RecordType,
    number: usize,
    content_type: &str,
    body: &[u8],
) -> Record<BufferedBody> {
    let mut record = Record::<BufferedBody>::with_body(body);
    record.set_warc_type(kind);
    let headers = [
        (WarcHeader::TargetURI, format!("https://example.org/{number}?a=b&c=%20")),
        (WarcHeader::ContentType, content_type.to_owned()),
        (WarcHeader::Unknown("x-other".to_owned()), "WARC/1.0".to_owned()),
    ];
    for (name, value) in headers {
        record.set_header(name, value).expect("a header");
    }
    record
}

/// An archive of these texts, as crawlers write it: a record on the archive, then of each page the
/// request, the response and what is known of it, or its text alone.
fn archive(texts: &[String]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut writer = WarcWriter::new(&mut archive);
    let mut write = |kind, number, content_type, body: &[u8]| {
        let record = record(kind, number, content_type, body);
        writer.write(&record).expect("memory");
    };
    write(RecordType::WarcInfo, 0, "application/warc-fields", b"software: none\r\n");
    for (number, text) in texts.iter().enumerate() {
        if number % 3 == 0 {
            write(RecordType::Conversion, number, "text/plain", text.as_bytes());
            continue;
        }
        let status = if number % 3 == 1 { "200 OK" } else { "404 Not Found" };
        let response =
            format!("HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{text}");
        write(RecordType::Request, number, "application/http", b"GET / HTTP/1.1\r\n\r\n");
        write(RecordType::Response, number, "application/http", response.as_bytes());
        write(RecordType::Metadata, number, "application/warc-fields", b"fetchTimeMs: 7\r\n");
    }
    archive
}

fn compare(texts: &[String]) {
    let archive = archive(texts);
    let (expected, others) = reference(&archive);
    assert!(expected.len() >= texts.len() / 2);
    let (articles, skipped) = read(Format::Warc, &archive);
    assert_eq!((articles.len(), skipped), (expected.len(), others));
    for (article, (address, date, text)) in articles.iter().zip(&expected) {
        assert_eq!(article.id(), address);
        assert_eq!(article.date(), Some(&date[..]));
        assert_eq!(article.original(), text, "{address}");
    }
}

#[test]
fn records_of_corpora() {
    for name in ["debian-news-de", "bitcoinops-de"] {
        match corpus(name) {
            Some(texts) => compare(&texts),
            None => println!("skipped: the corpora are not here"),
        }
    }
}

/// Bodies that hold what separates records: the source of every mail that `mail-parser` is tested with
/// and is UTF-8, and records in records.
#[test]
fn records_with_awkward_bodies() {
    let mails = mails().into_iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let mut texts: Vec<String> = mails.collect();
    texts.extend(
        ["", "\r\n", "\r\n\r\n", "\n\n\n", "WARC/1.0\r\n\r\n", "x\r\n\r\n\r\n\r\nx"]
            .map(str::to_owned),
    );
    let inner = archive(&texts[..3]);
    texts.push(String::from_utf8(inner).expect("UTF-8"));
    compare(&texts);
}
