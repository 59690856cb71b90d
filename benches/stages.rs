//! Throughput of each stage and of the whole, on text made here and on real text where it lies.
//!
//! See `benches/README.md` for which answers what.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dedup::anchors::{Scheme, anchors};
use dedup::canonical::canonicalise;
use dedup::split::paragraphs;
use dedup::{Deduper, Options};

/// A generator of text that is the same on every machine.
struct Generator(u64);

impl Generator {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn word(&mut self, text: &mut String) {
        const SYLLABLES: [&str; 16] = [
            "ge", "ver", "lich", "ung", "tag", "wo", "ster", "an", "be", "schul", "ein", "for",
            "mu", "tra", "pol", "über",
        ];
        // Squaring makes some words common, as they are.
        let number = self.below(400) * self.below(400);
        let mut rest = number + 1;
        while rest > 0 {
            text.push_str(SYLLABLES[usize::try_from(rest % 16).expect("below 16")]);
            rest /= 16;
        }
    }

    fn paragraph(&mut self) -> String {
        let mut text = String::new();
        for sentence in 0..=self.below(6) {
            if sentence > 0 {
                text.push(' ');
            }
            for word in 0..6 + self.below(14) {
                if word > 0 {
                    text.push(' ');
                }
                self.word(&mut text);
            }
            text.push('.');
        }
        text
    }

    /// An article of about `bytes` bytes, one paragraph a line.
    fn article(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 1000);
        while text.len() < bytes {
            text.push_str(&self.paragraph());
            text.push('\n');
        }
        text
    }
}

fn wrap(text: &str) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 60);
    for paragraph in text.lines() {
        let mut columns = 0;
        for word in paragraph.split(' ') {
            if columns > 0 && columns + 1 + word.len() > 72 {
                wrapped.push('\n');
                columns = 0;
            } else if columns > 0 {
                wrapped.push(' ');
                columns += 1;
            }
            wrapped.push_str(word);
            columns += word.len();
        }
        wrapped.push_str("\n\n");
    }
    wrapped
}

fn stages(c: &mut Criterion) {
    let lines = Generator(1).article(1 << 20);
    let wrapped = wrap(&lines);
    let typographic = lines.replace(". ", ".“ – „").replace("ver", "ver\u{ad}");
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
    assert_eq!(canonicalise(&lines).to_text(), canonicalise(&wrapped).to_text());
    group.finish();

    let mut group = c.benchmark_group("anchors");
    let canonical = canonicalise(&lines);
    for span in [100, 200, 512] {
        let scheme = Scheme::new(span);
        group.throughput(Throughput::Bytes(canonical.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(span), |b| {
            b.iter(|| anchors(black_box(canonical.as_bytes()), &scheme));
        });
        let density =
            anchors(canonical.as_bytes(), &scheme).places.len() * (scheme.window() + 1) / 2;
        assert!(
            density.abs_diff(canonical.len()) < canonical.len() / 10,
            "{density} of {}",
            canonical.len()
        );
    }
    group.finish();
}

fn index(c: &mut Criterion) {
    let mut generator = Generator(2);
    let new: Vec<String> = (0..1000).map(|_| generator.article(4000)).collect();
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
    let mut generator = Generator(3);
    let mut records = String::new();
    let mut old: Vec<String> = Vec::new();
    for i in 0..2000 {
        let mut text = generator.article(3000);
        if i % 4 == 3 {
            text.push_str(
                &old[usize::try_from(generator.below(old.len() as u64)).expect("an index")],
            );
        }
        writeln!(records, "{}", serde_json::json!({"id": i, "text": text}))
            .expect("a string takes all");
        old.push(text);
    }
    let made = dir.path().join("made.jsonl");
    std::fs::write(&made, records).expect("a file");
    let mut group = c.benchmark_group("ingest");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    let mut paths = vec![("made".to_owned(), made)];
    paths.extend(corpora(dir.path()));
    for (name, path) in &paths {
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

/// Real text, if there is any: the `.jsonl` files of the directory that `DEDUP_CORPORA_DIR` names,
/// or some corpora beside the repository, unpacked into `dir`.
fn corpora(dir: &Path) -> Vec<(String, PathBuf)> {
    if let Some(named) = std::env::var_os("DEDUP_CORPORA_DIR") {
        let entries = std::fs::read_dir(named).expect("DEDUP_CORPORA_DIR is a directory");
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
        paths.sort();
        let name =
            |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return paths.into_iter().map(|path| (name(&path), path)).collect();
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    let mut paths = Vec::new();
    for name in ["debian-news-de", "twir", "gesetze"] {
        let packed = shared.join(name).with_extension("jsonl.zst");
        let Ok(file) = std::fs::File::open(&packed) else {
            eprintln!("skipped {name}: no {}", packed.display());
            continue;
        };
        let unpacked = dir.join(name).with_extension("jsonl");
        let mut decoder = ruzstd::decoding::StreamingDecoder::new(file).expect("a zstd frame");
        let mut target = std::fs::File::create(&unpacked).expect("a file");
        std::io::copy(&mut decoder, &mut target).expect("a sound zstd frame");
        paths.push((name.to_owned(), unpacked));
    }
    paths
}

criterion_group!(benches, stages, index, ingest);
criterion_main!(benches);
