//! The programs of `examples`.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// An example, built as these tests are.
pub(crate) fn example(name: &str) -> PathBuf {
    let features = if cfg!(feature = "index") { "--all-features" } else { "--no-default-features" };
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--message-format=json", features, "--example", name])
        .args(if cfg!(debug_assertions) { None } else { Some("--release") })
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let executable = |line: &[u8]| {
        let message: Value = serde_json::from_slice(line).ok()?;
        (message["target"]["name"] == name).then_some(())?;
        message["executable"].as_str().map(PathBuf::from)
    };
    output.stdout.split(|&byte| byte == b'\n').find_map(executable).expect("an executable")
}
