//! How far a stream is.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// How far a stream is, as [`Options::progress`](crate::Options::progress) tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Articles yielded so far.
    pub articles: u64,
    /// Errors yielded so far.
    pub errors: u64,
    /// Bytes of the source that were read up to the last input: those of compressed files as they lie there,
    /// and those of files that were passed over too.
    pub bytes: u64,
    /// How many bytes there are, where that is known: of files, not of streams.
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
