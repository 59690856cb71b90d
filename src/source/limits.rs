//! How much of what a file claims is believed.

/// The limits of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The longest text of an article, in bytes.
    pub(crate) article: u64,
    /// The longest record, in bytes, before it is decoded.
    pub(crate) record: u64,
    /// How many times longer than its source decompressed data may be.
    pub(crate) decompression_ratio: u64,
    /// How deep structures may be nested.
    pub(crate) nesting: usize,
}

impl Limits {
    /// As long as this, decompressed data may be whatever its source was.
    pub(crate) const RATIO_FREE: u64 = 16 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self { article: 1 << 30, record: 1 << 30, decompression_ratio: 1024, nesting: 128 }
    }
}
