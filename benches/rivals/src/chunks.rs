//! Content-defined chunks: units that end where a rolling hash says so.

use std::collections::HashMap;
use std::io::Result;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::input::texts;
use crate::lines::Hashes;
use crate::rivals::Found;

pub(crate) fn fastcdc(path: &Path) -> Result<Found> {
    let mut found = Found::default();
    let mut first: HashMap<blake3::Hash, u64> = HashMap::new();
    texts(path, |text| {
        for chunk in ::fastcdc::v2020::FastCDC::new(text.as_bytes(), 256, 1024, 4096) {
            let bytes = &text.as_bytes()[chunk.offset..chunk.offset + chunk.length];
            let place = found.text + chunk.offset as u64;
            let seen = *first.entry(blake3::hash(bytes)).or_insert(place) != place;
            found.unit(chunk.length, seen);
        }
        found.text += text.len() as u64;
    })?;
    Ok(found)
}

pub(crate) fn gearhash(path: &Path) -> Result<Found> {
    /// Ten bits: 1 KiB on average.
    const MASK: u64 = 0x3FF << 54;
    let mut found = Found::default();
    let mut seen = Hashes::default();
    texts(path, |text| {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let mut hasher = ::gearhash::Hasher::default();
            let end = hasher.next_match(rest, MASK).unwrap_or(rest.len());
            found.unit(end, !seen.insert(xxh3_64(&rest[..end])));
            rest = &rest[end..];
        }
        found.text += text.len() as u64;
    })?;
    Ok(found)
}
