//! Pins the auto traits of the public types: losing one would break callers far away.

use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};

use dedup::anchors::{Anchor, Anchors, Period, Scheme};
use dedup::canonical::Canonical;
use dedup::{
    Article, Articles, Block, Change, Closest, Cut, Deduper, Document, Error, Format, Item, Limits,
    OnError, Options, Origin, Place, Position, PreparedDocument, Preparer, Problem, Progress,
    RecordError, Repeat, Segment, Skip, Skipped, Stats, Stream, WithinArticle,
};

fn send<T: Send + Unpin + 'static>() {}
fn send_sync<T: Send + Sync + Unpin + 'static>() {}
fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
fn key<T: Clone + Eq + Hash>() {}

#[test]
fn values_can_be_shared_between_threads() {
    send_sync::<Article>();
    send_sync::<Block>();
    send_sync::<Change>();
    send_sync::<Closest>();
    send_sync::<Cut>();
    send_sync::<Error>();
    send_sync::<Options>();
    send_sync::<PreparedDocument>();
    send_sync::<Preparer>();
    send_sync::<Place>();
    send_sync::<Repeat>();
    send_sync::<Segment>();
    send_sync::<Origin>();
    send_sync::<Stats>();
    send_sync::<Document>();
    send_sync::<Format>();
    send_sync::<Limits>();
    send_sync::<OnError>();
    send_sync::<Position>();
    send_sync::<Problem>();
    send_sync::<Progress>();
    send_sync::<RecordError>();
    send_sync::<Skip>();
    send_sync::<Skipped>();
    send_sync::<WithinArticle>();
    send_sync::<Anchor>();
    send_sync::<Anchors>();
    send_sync::<Period>();
    send_sync::<Scheme>();
    send_sync::<Canonical>();
}

#[test]
fn engines_can_be_sent_to_another_thread() {
    send::<Articles>();
    send::<Deduper>();
    send::<Item>();
    send::<Stream>();
}

#[test]
fn values_survive_a_caught_panic() {
    unwind_safe::<Article>();
    unwind_safe::<Block>();
    unwind_safe::<Options>();
    unwind_safe::<Place>();
    unwind_safe::<Repeat>();
    unwind_safe::<Segment>();
    unwind_safe::<Origin>();
    unwind_safe::<Stats>();
    unwind_safe::<Document>();
    unwind_safe::<Limits>();
    unwind_safe::<Progress>();
}

#[test]
fn places_and_settings_can_be_keys() {
    key::<Block>();
    key::<Change>();
    key::<Cut>();
    key::<Format>();
    key::<Limits>();
    key::<OnError>();
    key::<Origin>();
    key::<Place>();
    key::<Position>();
    key::<Repeat>();
    key::<Segment>();
    key::<Skip>();
    key::<WithinArticle>();
}

#[cfg(feature = "index")]
#[test]
fn places_and_settings_of_an_index_can_be_keys() {
    key::<dedup::FilteredSegment>();
    key::<dedup::Passage>();
    key::<dedup::Recipe>();
    key::<dedup::Reference>();
    key::<dedup::StoredSegment>();
    key::<dedup::Versions>();
}

#[cfg(feature = "index")]
#[test]
fn an_index_can_be_shared_between_threads() {
    send_sync::<dedup::Index>();
    send_sync::<dedup::IndexError>();
    send_sync::<dedup::IndexStats>();
    send_sync::<dedup::Recipe>();
    send_sync::<dedup::Boilerplate>();
    send_sync::<dedup::BoilerplateFree>();
    send_sync::<dedup::Cluster>();
    send_sync::<dedup::Frequent>();
    send_sync::<dedup::Passage>();
    send_sync::<dedup::Reprint>();
    send_sync::<dedup::Reference>();
    send_sync::<dedup::StoredArticle>();
    send_sync::<dedup::StoredArticles>();
    send_sync::<dedup::StoredSegment>();
    send_sync::<dedup::Versions>();
    send_sync::<dedup::Fingerprints>();
    send_sync::<dedup::FingerprintRecipe>();
    send_sync::<dedup::FilteredArticle>();
    send_sync::<dedup::FilteredSegment>();
    send::<dedup::Filter>();
    send::<dedup::FilteredArticles>();
}
