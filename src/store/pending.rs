//! Articles that are not committed yet: what the index in memory does not know of them.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::Wrong;
use super::group::{Stated, encode_segments, path_bytes};
use super::run::Totals;
use super::wire::{Input, put_prefixed};
use crate::article::{Article, bytes_kept};

/// In as few bytes as in a group, one after the other: there are as many as a stream has, which
/// commits at its end. With values for each, an article took some 250 bytes instead of 45.
#[derive(Default)]
pub(super) struct Pending {
    records: Vec<u8>,
    len: u64,
    last_path: Option<Arc<PathBuf>>,
    totals: Totals,
}

/// What is known of an article.
pub(super) struct Noted<'a> {
    pub(super) digest: blake3::Hash,
    /// As [`encode_segments`] wrote them.
    pub(super) segments: &'a [u8],
    pub(super) stated: Stated<'a>,
}

/// The path of an article: none, that of the article before, or another.
const NONE: u8 = 0;
const SAME: u8 = 1;
const OTHER: u8 = 2;

impl Pending {
    pub(super) fn push(&mut self, article: &Article, digest: &blake3::Hash) {
        let Article { number, provenance, segments, .. } = article;
        let records = &mut self.records;
        records.extend_from_slice(digest.as_bytes());
        put_prefixed(records, &encode_segments(segments, *number));
        match &provenance.path {
            None => records.push(NONE),
            Some(path) if self.last_path.as_ref() == Some(path) => records.push(SAME),
            Some(path) => {
                records.push(OTHER);
                put_prefixed(records, &path_bytes(path));
                self.last_path = Some(path.clone());
            }
        }
        Stated::without_path(provenance).encode(0, records);
        self.len += 1;
        self.totals.bytes_in += segments.last().map_or(0, |last| last.range().end) as u64;
        self.totals.bytes_left += bytes_kept(segments) as u64;
    }

    /// What is known of each, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Noted<'_>> {
        let mut input = Input::new(&self.records);
        let mut last_path = None;
        std::iter::from_fn(move || {
            if input.is_empty() {
                return None;
            }
            let mut next = || {
                let digest = blake3::Hash::from_bytes(input.array()?);
                let segments = input.prefixed()?;
                let path = match input.array()? {
                    [OTHER] => Some(input.prefixed()?),
                    [SAME] => last_path,
                    _ => None,
                };
                last_path = path.or(last_path);
                let stated = Stated { path, ..Stated::take(&mut input, 0)? };
                Ok::<_, Wrong>(Noted { digest, segments, stated })
            };
            Some(next().expect("BUG: it was written as it is read"))
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.records.capacity()
    }
}
