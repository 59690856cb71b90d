//! Measures how cost grows: `growth [--sizes 0.5G,1G,2G,4G,8G] [--copies 0.3] [--threads 1] [--dir DIR]`.
//!
//! Three tables: by size, by share of copies, and by length of articles; the last two at the least size. Each
//! row is one ingest of a generated file by a process of its own, so that peak memory is that row's.

use std::path::Path;
use std::time::Instant;

use cpu_time::ProcessTime;
use dedup::Options;
use dedup_rivals::arguments::Arguments;
use dedup_rivals::child::{CHILD, peak_memory, run};
use dedup_rivals::text::Collection;

fn main() {
    let mut arguments = Arguments::new();
    if let Some(threads) = arguments.number(CHILD) {
        return child(threads, Path::new(&arguments.rest()[0]));
    }
    let sizes = arguments
        .numbers("--sizes")
        .unwrap_or_else(|| [5, 10, 20, 40, 80].map(|it| it * 100_000_000).into());
    let least = *sizes.iter().min().expect("a size");
    let copies = arguments.thousandths("--copies").unwrap_or(300);
    let threads = arguments.number("--threads").unwrap_or(1).to_string();
    let scratch = match arguments.value("--dir") {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let scratch = scratch.expect("a directory");
    assert!(arguments.rest().is_empty(), "an argument without a name");
    let mut collection = Collection { seed: 1, article_bytes: 4000, copies };
    let path = scratch.path().join("made.jsonl");
    let measure = |collection: &Collection, bytes, what: &str| {
        collection.create(bytes, &path).expect("room for a file");
        let numbers = run(&[&threads], &path);
        let &[seconds, cpu_seconds, text, removed, kept, index, peak] = &numbers[..] else {
            panic!("not what a child prints: {numbers:?}");
        };
        println!(
            "| {what} | {:.1} | {:.2} | {:.2} | {:.2} % | {:.0} | {:.0} | {:.3} |",
            seconds,
            seconds / text * 1e9,
            cpu_seconds / text * 1e9,
            removed / text * 100.0,
            peak / 1e6,
            index / 1e6,
            index / kept
        );
    };

    heading("Text, GB");
    for bytes in sizes {
        measure(&collection, bytes, &format!("{:.2}", gigabytes(bytes)));
    }
    heading("Copies");
    for copies in [0, 300, 600, 900] {
        collection.copies = copies;
        measure(&collection, least, &format!("{} %", copies / 10));
    }
    collection.copies = copies;
    heading("Bytes an article");
    for article_bytes in [500, 4000, 32_000, 1_000_000, 32_000_000] {
        collection.article_bytes = article_bytes;
        measure(&collection, least, &article_bytes.to_string());
    }
}

fn heading(first: &str) {
    println!(
        "\n| {first} | Seconds | ns/B | CPU ns/B | Removed | Peak, MB | Index, MB | Index B / kept B |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
}

#[allow(clippy::cast_precision_loss)] // for people to read
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

fn child(threads: u64, path: &Path) {
    let threads = usize::try_from(threads).expect("a few threads");
    let (start, cpu_start) = (Instant::now(), ProcessTime::now());
    let mut articles = Options::new().threads(threads).ingest(path).expect("a path");
    for article in &mut articles {
        article.expect("an article");
    }
    let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), cpu_start.elapsed().as_secs_f64());
    let stats = articles.stats();
    println!(
        "{seconds} {cpu_seconds} {} {} {} {} {}",
        stats.bytes_in,
        stats.bytes_removed,
        stats.bytes_kept,
        stats.index_bytes,
        peak_memory()
    );
}
