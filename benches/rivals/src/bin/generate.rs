//! Writes made articles as JSONL: `generate --bytes 8G [--copies 0.3] [--seed 1] [--article-bytes 4000]`
//! to standard output, or to `--out FILE`.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};

use dedup_rivals::arguments::Arguments;
use dedup_rivals::text::Collection;

fn main() -> std::io::Result<()> {
    let mut arguments = Arguments::new();
    let bytes = arguments.number("--bytes").expect("--bytes: how many");
    let collection = Collection {
        copies: arguments.thousandths("--copies").unwrap_or(300),
        seed: arguments.number("--seed").unwrap_or(1),
        article_bytes: arguments.number("--article-bytes").unwrap_or(4000),
    };
    let mut out: Box<dyn Write> = match arguments.value("--out") {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(stdout().lock()),
    };
    assert!(arguments.rest().is_empty(), "an argument without a name");
    collection.write(bytes, &mut BufWriter::with_capacity(1 << 20, &mut out))
}
