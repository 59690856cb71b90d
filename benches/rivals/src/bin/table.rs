//! Prints a table of all rivals over files of articles: `table [--runs N] [--only NAME,…] [FILE…]`.
//!
//! Every run is a process of its own. Runs alternate, each time in the reverse order, so that noise
//! and heat hit all alike; times are medians. "CPU time" is in multiples of the first row's:
//! processor time is less disturbed than wall time on a machine that others use too. Without a
//! file: made text, and real text where it lies.

use std::path::{Path, PathBuf};
use std::time::Instant;

use cpu_time::ProcessTime;
use dedup_rivals::arguments::Arguments;
use dedup_rivals::child::{CHILD, median, peak_memory, run};
use dedup_rivals::corpora::{corpora, name};
use dedup_rivals::rivals::{Found, Rival, able, named};
use dedup_rivals::text::Collection;

#[derive(Default)]
struct Row {
    seconds: Vec<f64>,
    cpu_seconds: Vec<f64>,
    text: f64,
    repeated: f64,
    removed: f64,
    peak: f64,
}

fn main() {
    let mut arguments = Arguments::new();
    if let Some(rival) = arguments.value(CHILD) {
        let rest = arguments.rest();
        return child(&rival, Path::new(&rest[0]));
    }
    let runs = arguments.number("--runs").unwrap_or(5).max(1);
    let only = arguments.value("--only");
    let only: Option<Vec<&str>> = only.as_deref().map(|only| only.split(',').collect());
    let scratch = tempfile::tempdir().expect("a directory");
    let mut paths: Vec<PathBuf> = arguments.rest().into_iter().map(PathBuf::from).collect();
    if paths.is_empty() {
        let made = scratch.path().join("made.jsonl");
        let collection = Collection { seed: 1, article_bytes: 4000, copies: 300 };
        collection.create(64 << 20, &made).expect("room for a file");
        paths.push(made);
        paths.extend(corpora(scratch.path()));
    }

    println!("| File | Rival | MB/s | MB/CPU s | CPU time | Repeated | Removed | Peak memory |");
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    for path in &paths {
        let bytes = std::fs::metadata(path).expect("a file").len();
        let mut rivals: Vec<(Rival, Row)> = able(bytes)
            .filter(|rival| only.as_ref().is_none_or(|only| only.contains(&rival.name)))
            .map(|rival| (rival, Row::default()))
            .collect();
        for _ in 0..runs {
            for (rival, row) in &mut rivals {
                row.add(&run(&[rival.name], path));
            }
            rivals.reverse();
        }
        if runs % 2 == 1 {
            rivals.reverse();
        }
        print(path, &mut rivals);
    }
}

fn child(rival: &str, path: &Path) {
    let rival = named(rival).expect("the name of a rival");
    let (start, cpu_start) = (Instant::now(), ProcessTime::now());
    let Found { text, repeated, removed } = (rival.run)(path).expect("a file of articles");
    let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), cpu_start.elapsed().as_secs_f64());
    println!("{seconds} {cpu_seconds} {text} {repeated} {removed} {}", peak_memory());
}

impl Row {
    fn add(&mut self, numbers: &[f64]) {
        let &[seconds, cpu_seconds, text, repeated, removed, peak] = numbers else {
            panic!("not what a child prints: {numbers:?}");
        };
        self.seconds.push(seconds);
        self.cpu_seconds.push(cpu_seconds);
        (self.text, self.repeated, self.removed) = (text, repeated, removed);
        self.peak = self.peak.max(peak);
    }
}

fn print(path: &Path, rivals: &mut [(Rival, Row)]) {
    let mut of = None;
    for (rival, row) in rivals {
        let (seconds, cpu_seconds) = (median(&mut row.seconds), median(&mut row.cpu_seconds));
        let of = *of.get_or_insert(cpu_seconds);
        println!(
            "| {} ({:.1} MB) | {} | {:.0} | {:.0} | {:.2} | {:.2} % | {:.2} % | {:.0} MB |",
            name(path),
            row.text / 1e6,
            rival.what,
            row.text / 1e6 / seconds,
            row.text / 1e6 / cpu_seconds,
            cpu_seconds / of,
            row.repeated / row.text * 100.0,
            row.removed / row.text * 100.0,
            row.peak / 1e6,
        );
    }
}
