//! Files of articles, read as a careful programmer would read them for one pass.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Result};
use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// Calls `each` with every text: of a `.jsonl` file the `text` of each record, else the file.
pub fn texts(path: &Path, mut each: impl FnMut(&str)) -> Result<()> {
    if path.extension().is_none_or(|extension| extension != "jsonl") {
        each(&std::fs::read_to_string(path)?);
        return Ok(());
    }
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        each(&serde_json::from_slice::<Record>(&line)?.text);
        line.clear();
    }
    Ok(())
}
