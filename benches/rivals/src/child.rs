//! Runs in processes of their own: what one allocates is not there when the next begins, and the peak of
//! memory is its own.

use std::path::Path;
use std::process::Command;

/// The argument before which a program that measures calls itself, to be one run.
pub const CHILD: &str = "--child";

/// Starts this program once more with `arguments` after [`CHILD`], and returns the numbers that it prints.
///
/// # Panics
///
/// If it fails.
pub fn run(arguments: &[&str], path: &Path) -> Vec<f64> {
    let this = std::env::current_exe().expect("a program");
    let output =
        Command::new(this).arg(CHILD).args(arguments).arg(path).output().expect("a process");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?} on {}: {errors}", path.display());
    let numbers = String::from_utf8(output.stdout).expect("numbers");
    numbers.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

/// The most memory that this process has held, in bytes; 0 where the system does not say.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// The middle one, or the mean of the two.
pub fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len().is_multiple_of(2) {
        f64::midpoint(numbers[middle - 1], numbers[middle])
    } else {
        numbers[middle]
    }
}
