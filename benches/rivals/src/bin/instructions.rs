//! Counts what fixed inputs cost under callgrind, and compares with the counts that are on record:
//! `instructions [--save] [--fail-above PER_CENT] [WORK…]`.
//!
//! Unlike times, the counts hardly depend on the machine; they do on the compiler, whose version is recorded
//! with them. Caches are simulated: 32 KiB of first level, 32 MiB of last.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use dedup::anchors::{Scheme, anchors};
use dedup::canonical::canonicalise;
use dedup::split::paragraphs;
use dedup_rivals::arguments::Arguments;
use dedup_rivals::child::CHILD;
use dedup_rivals::rivals::named;
use dedup_rivals::text::{Collection, Random, article, typeset, wrap};

/// What is counted.
const WORK: [&str; 8] = [
    "split lines",
    "split wrapped",
    "canonicalise ascii",
    "canonicalise typographic",
    "anchors 200",
    "anchors 512",
    "ingest new",
    "ingest 90 % copies",
];

/// Callgrind counts while this runs, so it may not be inlined nor called for anything else.
#[inline(never)]
fn counted_by_callgrind<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// Does a piece of work, and prints how many bytes it was done on.
fn child(name: &str) {
    let text = |bytes| article(&mut Random::new(1, 0), bytes);
    let ascii = |bytes| text(bytes).replace(|character: char| !character.is_ascii(), "u");
    // Tables that are made once in a process, when the first character beyond ASCII comes, are setup too.
    assert!(canonicalise("„e\u{301}“ –").len() < 10);
    let (kind, how) = name.split_once(' ').expect("a name from the list");
    let bytes = match (kind, how) {
        ("split", "lines") => work(&text(4 << 20), |text| paragraphs(text).len()),
        ("split", "wrapped") => work(&wrap(&text(4 << 20)), |text| paragraphs(text).len()),
        ("canonicalise", "ascii") => work(&ascii(4 << 20), |text| canonicalise(text).len()),
        ("canonicalise", _) => work(&typeset(&text(1 << 20)), |text| canonicalise(text).len()),
        ("anchors", span) => {
            let canonical = canonicalise(&text(4 << 20));
            let scheme = Scheme::new(span.parse().expect("a number"));
            work(canonical.as_str(), |text| anchors(text.as_bytes(), &scheme).places.len())
        }
        (_, how) => {
            let copies = if how == "new" { 0 } else { 900 };
            let scratch = tempfile::tempdir().expect("a directory");
            let path = scratch.path().join("made.jsonl");
            let collection = Collection { seed: 1, article_bytes: 4000, copies };
            collection.create(2 << 20, &path).expect("room for a file");
            let ingest = named("dedup").expect("the first of all").run;
            let found = counted_by_callgrind(|| ingest(&path)).expect("a file of articles");
            assert!(
                found.removed.abs_diff(found.text * copies / 1000) < found.text / 10,
                "{found:?}"
            );
            found.text
        }
    };
    println!("{bytes}");
}

fn work(text: &str, work: impl FnOnce(&str) -> usize) -> u64 {
    assert!(counted_by_callgrind(|| work(text)) > 0);
    text.len() as u64
}

/// Counts of each event, for a thousand bytes of input.
type Counts = Vec<f64>;

/// The columns, and the events of callgrind that each adds up.
const COLUMNS: [(&str, &[&str]); 5] = [
    ("instructions", &["Ir"]),
    ("reads and writes", &["Dr", "Dw"]),
    ("first-level misses", &["D1mr", "D1mw"]),
    ("last-level misses", &["DLmr", "DLmw"]),
    ("mispredicted branches", &["Bcm", "Bim"]),
];

fn main() {
    let mut arguments = Arguments::new();
    if let Some(name) = arguments.value(CHILD) {
        return child(&name);
    }
    let save = arguments.flag("--save");
    let limit: Option<f64> =
        arguments.value("--fail-above").map(|limit| limit.parse().expect("per cent"));
    let mut names = arguments.rest();
    if names.is_empty() {
        names = WORK.map(str::to_owned).to_vec();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../instructions.tsv");
    let compiler = compiler();
    let mut record = Record::read(&path);
    if let Some(other) = record.compiler.as_ref().filter(|it| **it != compiler) {
        eprintln!(
            "on record is {other}; this is {compiler}, so part of any difference is the compiler's"
        );
    }
    println!("| For 1000 bytes | {} | was |", COLUMNS.map(|(name, _)| name).join(" | "));
    println!("|---|{}", "--:|".repeat(COLUMNS.len() + 1));
    let mut worst: f64 = 0.0;
    for name in names {
        let counts = count(&name);
        let before = record.counts.get(&name).map(|before| (counts[0] / before[0] - 1.0) * 100.0);
        worst = before.map_or(worst, |before| worst.max(before));
        let before = before.map_or("-".into(), |before| format!("{before:+.2} %"));
        println!(
            "| {name} | {} | {before} |",
            counts.iter().map(|it| format!("{it:.1}")).collect::<Vec<_>>().join(" | ")
        );
        record.counts.insert(name, counts);
    }
    if save {
        record.compiler = Some(compiler);
        record.write(&path);
    }
    if let Some(limit) = limit.filter(|&limit| worst > limit) {
        eprintln!("instructions grew by {worst:.2} %, which is more than {limit} %");
        std::process::exit(1);
    }
}

fn count(name: &str) -> Counts {
    let scratch = tempfile::tempdir().expect("a directory");
    let out: PathBuf = scratch.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*counted_by_callgrind*"])
        .args(["--cache-sim=yes", "--branch-sim=yes"])
        .args(["--I1=32768,8,64", "--D1=32768,8,64", "--LL=33554432,16,64"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().expect("a program"))
        .args([CHILD, name])
        .output()
        .expect("valgrind, which has to be installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
    let bytes: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
    let report = std::fs::read_to_string(out).expect("callgrind's report");
    let line = |start: &str| {
        let line = report.lines().find_map(|line| line.strip_prefix(start));
        line.unwrap_or_else(|| panic!("no {start} in callgrind's report")).split_whitespace()
    };
    let totals: BTreeMap<&str, f64> =
        line("events:").zip(line("totals:").map(|it| it.parse().expect("a number"))).collect();
    // Trailing zeros are left out of a report.
    let total = |event: &&str| totals.get(event).copied().unwrap_or(0.0);
    COLUMNS.iter().map(|(_, events)| events.iter().map(total).sum::<f64>() / bytes * 1e3).collect()
}

fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("a compiler");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What `benches/instructions.tsv` holds.
#[derive(Default)]
struct Record {
    compiler: Option<String>,
    counts: BTreeMap<String, Counts>,
}

impl Record {
    fn read(path: &Path) -> Self {
        let Ok(text) = std::fs::read_to_string(path) else { return Self::default() };
        let compiler = text.lines().find_map(|line| line.strip_prefix("# ")).map(str::to_owned);
        let row = |line: &str| {
            let (name, counts) = line.split_once('\t').expect("a name and counts");
            let counts = counts.split('\t').map(|it| it.parse().expect("a number")).collect();
            (name.to_owned(), counts)
        };
        let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
        Self { compiler, counts: rows.map(row).collect() }
    }

    fn write(&self, path: &Path) {
        let mut text = format!("# {}\n", self.compiler.as_deref().unwrap_or_default());
        writeln!(text, "for 1000 bytes\t{}", COLUMNS.map(|(name, _)| name).join("\t"))
            .expect("room");
        for name in WORK.iter().filter(|name| self.counts.contains_key(**name)) {
            let counts: Vec<String> =
                self.counts[*name].iter().map(|it| format!("{it:.2}")).collect();
            writeln!(text, "{name}\t{}", counts.join("\t")).expect("room");
        }
        std::fs::write(path, text).expect("a file that can be written");
    }
}
