//! Throughput of each stage and of the whole, on text made here and on real text where it lies.
//!
//! See `benches/README.md` for which answers what.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dedup::anchors::{Scheme, anchors};
use dedup::canonical::canonicalise;
use dedup::split::paragraphs;
use dedup::{Deduper, Options};

#[allow(unreachable_pub)] // from here; `rivals` is a library
#[path = "support/corpora.rs"]
mod corpora;
#[allow(unreachable_pub, dead_code)] // as above, and it uses the rest
#[path = "support/text.rs"]
mod text;

use text::{Collection, Random, article, typeset, wrap};

fn stages(c: &mut Criterion) {
    let lines = article(&mut Random::new(1, 0), 1 << 20);
    let wrapped = wrap(&lines);
    let typographic = typeset(&lines);
    let texts = [("lines", &lines), ("wrapped", &wrapped), ("typographic", &typographic)];

    let mut group = c.benchmark_group("split");
    for (shape, text) in texts {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(shape), text, |b, text| {
            b.iter(|| paragraphs(text));
        });
    }
    assert_eq!(paragraphs(&lines).len(), lines.lines().count());
    group.finish();

    let mut group = c.benchmark_group("canonicalise");
    for (shape, text) in texts {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(shape), text, |b, text| {
            b.iter(|| canonicalise(text));
        });
    }
    assert_eq!(canonicalise(&lines).as_str(), canonicalise(&wrapped).as_str());
    group.finish();

    let mut group = c.benchmark_group("anchors");
    let canonical = canonicalise(&lines);
    for span in [100, 200, 512] {
        let scheme = Scheme::new(span);
        group.throughput(Throughput::Bytes(canonical.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(span), |b| {
            b.iter(|| anchors(black_box(canonical.as_bytes()), &scheme));
        });
        // As many as of a random order, or fewer; of any, there is one in each window.
        let places = anchors(canonical.as_bytes(), &scheme).places.len();
        let random = canonical.len() * 2 / (scheme.window() + 1);
        assert!((random / 2..random * 11 / 10).contains(&places), "{places} of {random}");
    }
    group.finish();
}

fn index(c: &mut Criterion) {
    let new: Vec<String> =
        (0..1000).map(|number| article(&mut Random::new(2, number), 4000)).collect();
    // Nine articles in ten are copies of the hundred before them.
    let copies: Vec<String> = (0..1000).map(|i| new[i % 100].clone()).collect();
    let mut group = c.benchmark_group("index");
    for (kind, articles) in [("new", &new), ("copies", &copies)] {
        let bytes: usize = articles.iter().map(String::len).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(kind, |b| {
            b.iter(|| {
                let mut deduper = Deduper::new();
                for article in articles {
                    black_box(deduper.push("a", article.as_str()).expect("room"));
                }
                let stats = deduper.stats();
                let removed = if kind == "new" { 0 } else { stats.bytes_in / 10 * 9 };
                assert!(stats.bytes_removed.abs_diff(removed) < stats.bytes_in / 100, "{stats:?}");
            });
        });
    }
    group.finish();
}

fn ingest(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collection = Collection { seed: 3, article_bytes: 3000, copies: 250 };
    let made = dir.path().join("made.jsonl");
    collection.create(8 << 20, &made).expect("room for a file");
    let mut group = c.benchmark_group("ingest");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    let mut paths = vec![made];
    paths.extend(corpora::corpora(dir.path()));
    for path in &paths {
        let name = corpora::name(path);
        let (bytes, removed) = total(path, 1);
        for threads in [1, 2] {
            group.throughput(Throughput::Bytes(bytes));
            group.bench_function(BenchmarkId::new(name.as_str(), threads), |b| {
                b.iter(|| assert_eq!(total(path, threads).1, removed));
            });
        }
    }
    group.finish();
}

/// Bytes in and bytes removed.
fn total(path: &Path, threads: usize) -> (u64, u64) {
    let mut articles = Options::new().threads(threads).ingest(path).expect("a path");
    for article in &mut articles {
        black_box(article.expect("an article"));
    }
    let stats = articles.stats();
    assert!(stats.bytes_removed > 0);
    (stats.bytes_in, stats.bytes_removed)
}

criterion_group!(benches, stages, index, ingest);
criterion_main!(benches);
