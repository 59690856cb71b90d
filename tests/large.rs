//! What only a large index shows. Slow, so by hand:
//! `cargo test --release --features index --test large -- --ignored --nocapture`.
//!
//! `DEDUP_LARGE` names a directory for the index, which is kept and used again; without, a
//! temporary one is made.

#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dedup::{Index, Options};

/// Bytes of files that the index is to have.
const SIZE: u64 = 1 << 30;

/// Words that hardly compress.
fn article(number: u64) -> String {
    let mut state = number;
    let mut text = String::with_capacity(1 << 20);
    while text.len() < (1 << 20) - 100 {
        for _ in 0..10 {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            let word = state ^ state >> 29;
            for at in 0..9 {
                let letter = word.to_le_bytes()[at % 8] >> (at / 8) & 0x3F;
                text.push(char::from(b'?' + letter));
            }
            text.push(' ');
        }
        text.push('\n');
    }
    writeln!(text, "{number}").expect("a string takes all");
    text
}

fn fill(dir: &Path) {
    let mut number = 0;
    let mut deduper = Options::new().index(dir).deduper().unwrap();
    loop {
        for _ in 0..128 {
            deduper.push_new(number.to_string(), article(number)).unwrap();
            number += 1;
        }
        deduper.checkpoint().unwrap();
        let stats = Index::open(dir).unwrap().stats();
        if stats.index_bytes + stats.stored_text_bytes >= SIZE {
            println!("{stats:#?}");
            break;
        }
    }
}

/// Resident memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it says that");
    line.split_whitespace().nth(1).and_then(|size| size.parse::<u64>().ok()).expect("a number")
        << 10
}

/// The other side of the next test: nothing was read or allocated here before.
#[test]
#[ignore = "the next one runs it"]
fn child_that_opens() {
    let Some(dir) = std::env::var_os("DEDUP_CHILD") else { return };
    let before = resident();
    let start = Instant::now();
    let index = Index::open(dir).unwrap();
    let (time, memory) = (start.elapsed(), resident() - before);
    println!("opened in {time:.2?} with {memory} bytes of memory");
    assert!(time < Duration::from_millis(50) && memory < 20 << 20);
    assert!(index.stats().articles > 0);
}

#[test]
#[ignore = "writes a gigabyte, which takes minutes"]
fn a_gigabyte_opens_in_no_time() {
    let place = tempfile::tempdir().unwrap();
    let dir = std::env::var_os("DEDUP_LARGE").map_or(place.path().join("index"), PathBuf::from);
    fill(&dir);
    for _ in 0..3 {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_opens", "--ignored", "--nocapture"])
            .env("DEDUP_CHILD", &dir)
            .status()
            .unwrap();
        assert!(child.success());
    }
}
