//! How far a stream is.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// How far a stream is, as [`Options::progress`](crate::Options::progress) tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Progress {
    /// Articles yielded so far.
    pub articles: u64,
    /// Errors yielded so far.
    pub errors: u64,
    /// Bytes of the source that were read up to the last input, files that were skipped included. Those of a
    /// compressed file count as they lie there.
    pub bytes: u64,
    /// How many bytes there are, where that is known: for files, but not for streams.
    pub total_bytes: Option<u64>,
}

/// What is called with each [`Progress`].
#[derive(Clone)]
pub(crate) struct Callback(Arc<AssertUnwindSafe<Call>>);

type Call = Box<dyn Fn(&Progress) + Send + Sync>;

impl Callback {
    pub(crate) fn new(callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(AssertUnwindSafe(Box::new(callback))))
    }

    pub(crate) fn call(&self, progress: &Progress) {
        (self.0)(progress);
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callback")
    }
}
