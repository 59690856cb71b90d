//! Spans and events: `tracing`'s with the feature of that name, nothing without.

#[cfg(feature = "tracing")]
pub(crate) use self::with::*;
#[cfg(not(feature = "tracing"))]
pub(crate) use self::without::*;

#[cfg(feature = "tracing")]
mod with {
    use std::path::Path;

    use crate::error::Error;
    use crate::source::{Format, Skip};
    use crate::stats::Stats;

    pub(crate) type Span = tracing::Span;

    /// All of a stream of articles.
    pub(crate) fn ingest() -> Span {
        tracing::info_span!("ingest")
    }

    /// One file, while it is read.
    pub(crate) fn file(ingest: &Span, name: &str) -> Span {
        tracing::info_span!(parent: ingest, "file", name)
    }

    pub(crate) fn opened(file: &Span, format: Format, encoding: Option<&str>) {
        tracing::debug!(parent: file, ?format, encoding, "opened");
    }

    pub(crate) fn skipped(span: &Span, path: &Path, why: Skip) {
        tracing::info!(parent: span, path = %path.display(), ?why, "skipped");
    }

    pub(crate) fn failed(ingest: &Span, error: &Error) {
        let error: &dyn std::error::Error = error;
        tracing::warn!(parent: ingest, error, "failed");
    }

    pub(crate) fn ended(ingest: &Span, stats: &Stats) {
        tracing::info!(
            parent: ingest,
            articles = stats.articles,
            bytes_in = stats.bytes_in,
            bytes_removed = stats.bytes_removed,
            errors = stats.errors,
            skipped = stats.skipped.total(),
            "ended"
        );
    }
}

#[cfg(not(feature = "tracing"))]
mod without {
    use std::path::Path;

    use crate::error::Error;
    use crate::source::{Format, Skip};
    use crate::stats::Stats;

    #[derive(Clone, Debug)]
    pub(crate) struct Span;

    pub(crate) fn ingest() -> Span {
        Span
    }

    pub(crate) fn file(_: &Span, _: &str) -> Span {
        Span
    }

    pub(crate) fn opened(_: &Span, _: Format, _: Option<&str>) {}

    pub(crate) fn skipped(_: &Span, _: &Path, _: Skip) {}

    pub(crate) fn failed(_: &Span, _: &Error) {}

    pub(crate) fn ended(_: &Span, _: &Stats) {}
}
