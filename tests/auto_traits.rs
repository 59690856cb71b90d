//! Pins the auto traits of the public types: losing one would break callers far away.

use std::panic::{RefUnwindSafe, UnwindSafe};

use dedup::{
    Article, Articles, Block, Deduper, Error, Options, Place, Repeat, Segment, Source, Stats,
};

fn send<T: Send + Unpin + 'static>() {}
fn send_sync<T: Send + Sync + Unpin + 'static>() {}
fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

#[test]
fn values_can_be_shared_between_threads() {
    send_sync::<Article>();
    send_sync::<Block>();
    send_sync::<Error>();
    send_sync::<Options>();
    send_sync::<Place>();
    send_sync::<Repeat>();
    send_sync::<Segment>();
    send_sync::<Source>();
    send_sync::<Stats>();
}

#[test]
fn engines_can_be_sent_to_another_thread() {
    send::<Articles>();
    send::<Deduper>();
}

#[test]
fn values_survive_a_caught_panic() {
    unwind_safe::<Article>();
    unwind_safe::<Block>();
    unwind_safe::<Options>();
    unwind_safe::<Place>();
    unwind_safe::<Repeat>();
    unwind_safe::<Segment>();
    unwind_safe::<Source>();
    unwind_safe::<Stats>();
}

#[cfg(feature = "index")]
#[test]
fn an_index_can_be_shared_between_threads() {
    send_sync::<dedup::Index>();
    send_sync::<dedup::IndexError>();
    send_sync::<dedup::IndexStats>();
    send_sync::<dedup::Recipe>();
    send_sync::<dedup::Reference>();
    send_sync::<dedup::StoredArticle>();
    send_sync::<dedup::StoredArticles>();
    send_sync::<dedup::StoredSegment>();
    send_sync::<dedup::Versions>();
}
