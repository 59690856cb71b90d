//! What holds for every input: no panic, the totals add up, and no article is beyond its limit.

use std::io::{BufReader, Cursor};

use dedup::{Limits, Options};

/// The limit for articles.
pub const LONGEST: u64 = 1 << 12;

/// Sends bytes through `Options::reader` as a file of this name, in small reads.
pub fn ingest(mut options: Options, name: &str, read_buffer: u8, bytes: &[u8]) {
    let limits = Limits::new().article(LONGEST).record(1 << 14).nesting(16).window(1 << 20);
    options.threads(1).min_span(32).limits(limits);
    let capacity = usize::from(read_buffer) + 1;
    let reader = BufReader::with_capacity(capacity, Cursor::new(bytes.to_vec()));
    let mut articles = options.reader(name, reader).expect("valid options");
    let mut results = 0;
    for article in &mut articles {
        results += 1;
        match article {
            Ok(article) => assert!(article.original().len() as u64 <= LONGEST),
            Err(error) => assert_eq!(error.path(), Some(name.as_ref()), "{error}"),
        }
    }
    let stats = articles.stats();
    assert_eq!(stats.articles + stats.errors, results);
    assert_eq!(stats.bytes_in, stats.bytes_kept + stats.bytes_removed);
}
