//! Every stage, and the whole, beside other ways to do the same or the nearest thing, in one run on
//! one input.
//!
//! See `benches/README.md` for which answers what.

use std::fmt::Debug;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use dedup::anchors::{Scheme, anchors};
use dedup::canonical::canonicalise;
use dedup::split::paragraphs;
use dedup_rivals::corpora::{corpora, name};
use dedup_rivals::rivals::able;
use dedup_rivals::text::{Collection, Random, article, typeset, wrap};
use simd_minimizers::seq_hash::MulHasher;
use unicode_normalization::UnicodeNormalization;

/// Runs a rival once to see that its answer is one, then measures it.
fn rival<T: Copy + Debug>(
    group: &mut BenchmarkGroup<WallTime>,
    name: &str,
    shape: &str,
    text: &str,
    sane: impl FnOnce(T) -> bool,
    run: impl Fn(&str) -> T,
) {
    let found = run(text);
    assert!(sane(found), "{name} on {shape}: {found:?}");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_with_input(BenchmarkId::new(name, shape), text, |b, text| b.iter(|| run(text)));
}

fn shapes() -> [(&'static str, String); 3] {
    let lines = article(&mut Random::new(1, 0), 1 << 20);
    [("lines", lines.clone()), ("wrapped", wrap(&lines)), ("typographic", typeset(&lines))]
}

fn split(c: &mut Criterion) {
    let mut group = c.benchmark_group("split");
    for (shape, text) in &shapes() {
        // Each shape has the same paragraphs, but a wrapped one may look like something else.
        let count = shapes()[0].1.lines().count();
        let some = |found| (1..=text.len() / 50).contains(&found);
        rival(
            &mut group,
            "dedup",
            shape,
            text,
            |found| count.abs_diff(found) <= count / 20,
            |it| paragraphs(it).len(),
        );
        rival(&mut group, "str::lines", shape, text, some, |it| {
            it.lines().collect::<Vec<_>>().len()
        });
        rival(&mut group, "memchr line ends", shape, text, some, |it| {
            memchr::memchr_iter(b'\n', it.as_bytes()).collect::<Vec<_>>().len()
        });
        rival(
            &mut group,
            "memmem blank lines",
            shape,
            text,
            |_| true,
            |it| memchr::memmem::find_iter(it.as_bytes(), "\n\n").collect::<Vec<_>>().len(),
        );
    }
    group.finish();
}

fn canonical(c: &mut Criterion) {
    let mut group = c.benchmark_group("canonicalise");
    for (shape, text) in &shapes() {
        let long = |found: usize| found > text.len() / 10 * 8;
        rival(&mut group, "dedup", shape, text, long, |it| canonicalise(it).len());
        rival(&mut group, "copy", shape, text, long, |it| black_box(it.to_owned()).len());
        rival(
            &mut group,
            "validate",
            shape,
            text,
            |ok| ok,
            |it| std::str::from_utf8(black_box(it.as_bytes())).is_ok(),
        );
        rival(&mut group, "split and join", shape, text, long, |it| {
            it.split_whitespace()
                .fold(String::with_capacity(it.len()), |mut all, word| {
                    all.push_str(word);
                    all.push(' ');
                    all
                })
                .len()
        });
        rival(&mut group, "NFC", shape, text, long, |it| it.nfc().collect::<String>().len());
    }
    group.finish();
}

fn chosen(c: &mut Criterion) {
    let (_, text) = &shapes()[0];
    let canonical = canonicalise(text);
    let text = canonical.as_str();
    // The minimizers crate chooses its instructions when it is compiled.
    let simd = if cfg!(target_feature = "avx2") {
        "simd-minimizers, AVX2"
    } else {
        "simd-minimizers, SSE2"
    };
    let mut group = c.benchmark_group("anchors");
    for span in [200, 512] {
        let scheme = Scheme::new(span);
        let shape = span.to_string();
        // Random minimizers keep two of w + 1 places.
        let dense = |found: usize| {
            let expected = 2 * text.len() / (scheme.window() + 1);
            found.abs_diff(expected) < expected / 5
        };
        rival(&mut group, "dedup", &shape, text, dense, |it| {
            anchors(it.as_bytes(), &scheme).places.len()
        });
        // Positions only; the keys to look up would have to be hashed as well.
        let hasher = MulHasher::<false>::new(scheme.gram());
        let minimizers =
            simd_minimizers::minimizers(scheme.gram(), scheme.window()).hasher(&hasher);
        rival(&mut group, simd, &shape, text, dense, |it| minimizers.run_once(it.as_bytes()).len());
        // Cut points as dense as the anchors, but without their guarantee.
        let average = scheme.window().div_ceil(2).next_power_of_two();
        let some = |found: usize| (text.len() / 8..text.len() * 2).contains(&(found * average));
        rival(&mut group, "gearhash cuts", &shape, text, some, |it| {
            gear(it.as_bytes(), !0 << (64 - average.trailing_zeros()))
        });
        rival(&mut group, "fastcdc cuts", &shape, text, some, |it| {
            fastcdc::v2020::FastCDC::new(it.as_bytes(), 64, average.max(256), 1024).count()
        });
    }
    group.finish();
}

fn gear(mut rest: &[u8], mask: u64) -> usize {
    let mut hasher = gearhash::Hasher::default();
    let mut cuts = 0;
    while let Some(cut) = hasher.next_match(rest, mask) {
        cuts += 1;
        rest = &rest[cut..];
    }
    cuts
}

/// From file to answer.
fn ingest(c: &mut Criterion) {
    let scratch = tempfile::tempdir().expect("a directory");
    let mut paths: Vec<PathBuf> = Vec::new();
    for (copies, name) in [(0, "new"), (300, "copies30"), (900, "copies90")] {
        let path = scratch.path().join(name).with_extension("jsonl");
        let collection = Collection { seed: 1, article_bytes: 4000, copies };
        collection.create(8 << 20, &path).expect("room for a file");
        paths.push(path);
    }
    paths.extend(corpora(scratch.path()));
    for path in &paths {
        let mut group = c.benchmark_group(format!("ingest {}", name(path)));
        group.sample_size(10).measurement_time(Duration::from_secs(3));
        for rival in able(bytes(path)) {
            // Criterion repeats each ten times at least; `table` measures the slow ones on large files.
            if rival.name == "suffix-array" && bytes(path) > 16 << 20 {
                continue;
            }
            let found = (rival.run)(path).expect("a file of articles");
            assert!(found.text > 0 && found.repeated <= found.text, "{} {found:?}", rival.name);
            group.throughput(Throughput::Bytes(found.text));
            group.bench_function(rival.name, |b| {
                b.iter(|| assert_eq!((rival.run)(path).expect("a file of articles"), found));
            });
        }
        group.finish();
    }
}

fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).expect("a file").len()
}

criterion_group!(benches, split, canonical, chosen, ingest);
criterion_main!(benches);
