//! Prints what the last criterion run of the stages measured, as a table: `estimates [GROUP…]`.

use std::collections::BTreeMap;
use std::path::Path;

use dedup_rivals::arguments::Arguments;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<Throughput>,
}

#[derive(Deserialize)]
struct Throughput {
    #[serde(rename = "Bytes")]
    bytes: f64,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

fn main() {
    let mut groups = Arguments::new().rest();
    if groups.is_empty() {
        groups = ["split", "canonicalise", "anchors"].map(str::to_owned).to_vec();
    }
    let program = std::env::current_exe().expect("a program");
    // target/release/estimates, and target/criterion
    let target = program.ancestors().nth(2).expect("a directory of builds");
    // By group, then function, then input: MB/s.
    let mut rates: BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>> = BTreeMap::new();
    for entry in walk(&target.join("criterion")) {
        let Some(benchmark) = read::<Benchmark>(&entry.join("benchmark.json")) else { continue };
        let Some(estimates) = read::<Estimates>(&entry.join("estimates.json")) else { continue };
        let (Some(function), Some(Throughput { bytes })) =
            (benchmark.function_id, benchmark.throughput)
        else {
            continue;
        };
        let input = benchmark.value_str.unwrap_or_default();
        let group = rates.entry(benchmark.group_id).or_default();
        let rate = bytes / estimates.median.point_estimate * 1e3;
        group.entry(function).or_default().insert(input, rate);
    }
    for group in groups {
        let functions = rates.get(&group).unwrap_or_else(|| panic!("{group} was not measured"));
        let inputs: Vec<&String> = functions["dedup"].keys().collect();
        println!(
            "\n| {group}, MB/s | {} |",
            inputs.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(" | ")
        );
        println!("|---|{}", "--:|".repeat(inputs.len()));
        for (function, rates) in functions {
            let rate =
                |input: &&String| rates.get(*input).map_or("-".into(), |it| format!("{it:.0}"));
            println!(
                "| {function} | {} |",
                inputs.iter().map(rate).collect::<Vec<_>>().join(" | ")
            );
        }
    }
}

/// The directories of the newest measurements, three levels down at most.
fn walk(criterion: &Path) -> Vec<std::path::PathBuf> {
    let mut level = vec![criterion.to_owned()];
    let mut newest = Vec::new();
    for _ in 0..4 {
        let entries = level.iter().filter_map(|directory| directory.read_dir().ok()).flatten();
        level = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        newest.extend(level.iter().filter(|path| path.ends_with("new")).cloned());
    }
    newest
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
