//! The spans and events of the feature `tracing`.
#![cfg(feature = "tracing")]

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps a line for each span and event.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("memory");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("dedup")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(format!("span {}", span.metadata().name()));
        span.record(&mut fields);
        self.lines.lock().expect("no panic").push(fields.0);
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(format!("{}", event.metadata().level()));
        event.record(&mut fields);
        self.lines.lock().expect("no panic").push(fields.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn files_skips_errors_and_the_end_are_told() {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, content) in [("a.txt", "text"), ("b.bin", "\0\0\0"), ("c.jsonl", "no")] {
        std::fs::write(dir.path().join(name), content).expect("a file");
    }
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        // Without threads of its own, the stream tells everything to this one.
        let articles = dedup::Options::new().threads(1).ingest(dir.path()).expect("a folder");
        assert_eq!(articles.count(), 2);
    });
    let lines = log.lines.lock().expect("no panic");
    let mut starts = [
        "span ingest",
        "span file name=\"a.txt\"",
        "DEBUG message=opened format=Text",
        "span file name=\"b.bin\"",
        "INFO message=skipped",
        "span file name=\"c.jsonl\"",
        "DEBUG message=opened format=JsonLines",
        "WARN message=failed",
        "INFO message=ended articles=1",
    ]
    .into_iter();
    for line in lines.iter() {
        let start = starts.next().unwrap_or_else(|| panic!("{lines:#?}"));
        assert!(line.starts_with(start), "{line}\n{lines:#?}");
    }
    assert_eq!(starts.next(), None);
}
