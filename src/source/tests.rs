//! Every format tells the same articles.

use std::fs;
use std::io::Read as _;

use super::document::{Document, Failure};
use super::limits::Limits;
use super::{feeds, html, mail, parquet, warc};

#[path = "../../tests/support/folder.rs"]
mod folder;

use self::folder::SAMPLES;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut reader = flate2::read::GzEncoder::new(bytes, flate2::Compression::default());
    let mut packed = Vec::new();
    reader.read_to_end(&mut packed).unwrap();
    packed
}

/// The documents in a file; none if no format of these reads it.
fn documents(path: &std::path::Path) -> Option<Vec<Document>> {
    let limits = Limits::default();
    let mut bytes = fs::read(path).unwrap();
    let mut name = path.to_str().unwrap().to_owned();
    if let Some(unpacked) = name.strip_suffix(".gz") {
        name = unpacked.to_owned();
        let mut reader = flate2::read::MultiGzDecoder::new(bytes.as_slice());
        let mut unpacked = Vec::new();
        reader.read_to_end(&mut unpacked).unwrap();
        bytes = unpacked;
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let documents: Result<Vec<Document>, Failure> = match extension {
        "eml" => mail::decode(&bytes, &limits, true).map(|document| vec![document]),
        _ if mail::is_maildir_message(path) => {
            mail::decode(&bytes, &limits, true).map(|document| vec![document])
        }
        "mbox" => mail::MboxRecords::new(bytes.as_slice(), limits.record)
            .map(|record| mail::decode(&record?.bytes, &limits, true))
            .collect(),
        "html" => html::decode(&bytes, &limits, true).map(|document| vec![document]),
        "warc" | "wet" => warc::WarcRecords::new(bytes.as_slice(), limits.record)
            .filter_map(|record| {
                record.and_then(|record| warc::decode(&record.bytes, &limits, true)).transpose()
            })
            .collect(),
        "rss" | "atom" => feeds::FeedEntries::new(bytes.as_slice(), &limits, true)
            .unwrap()
            .map(|entry| feeds::decode(&entry?.bytes, &limits))
            .collect(),
        "parquet" => {
            let columns = parquet::Columns { text: "text".to_owned(), id: "id".to_owned() };
            let file = fs::File::open(path).unwrap();
            parquet::ParquetRows::new(file, columns, limits, true).unwrap().collect()
        }
        _ => return None,
    };
    Some(documents.unwrap())
}

#[test]
fn every_format_tells_the_same_articles() {
    let dir = tempfile::tempdir().unwrap();
    let entries = folder::entries(gzip);
    folder::write(&entries, &dir.path().join("formats"), &dir.path().join("plain"));
    let mut features = std::collections::BTreeSet::new();
    for entry in &entries {
        let Some(documents) = documents(&dir.path().join("formats").join(&entry.path)) else {
            continue;
        };
        features.insert(entry.feature);
        let path = &entry.path;
        assert_eq!(documents.len(), entry.samples.len(), "{path}");
        for (number, (document, &sample)) in documents.iter().zip(&entry.samples).enumerate() {
            let plain = dir.path().join("plain").join(path).join(format!("{number:03}.txt"));
            assert_eq!(document.text, fs::read_to_string(plain).unwrap(), "{path}");
            let sample = &SAMPLES[sample];
            if entry.feature != "html" {
                assert!(document.id.as_ref().is_some_and(|id| id.ends_with(sample.id)), "{path}");
            }
            if entry.feature != "parquet" {
                let date = document.date.as_deref().map(|date| date.replace("+00:00", "Z"));
                assert_eq!(date.as_deref(), Some(sample.date), "{path}");
            }
            if !matches!(entry.feature, "parquet" | "warc") {
                assert_eq!(document.title.as_deref(), Some(sample.title), "{path}");
                assert_eq!(document.language.as_deref(), Some("de"), "{path}");
            }
        }
    }
    assert_eq!(
        features.into_iter().collect::<Vec<_>>(),
        ["feeds", "html", "mail", "parquet", "warc"]
    );
}
