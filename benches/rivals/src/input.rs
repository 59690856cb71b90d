//! Files of articles, read as a careful programmer would read them for one pass.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Result};
use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// Calls `each` with every text: of a `.jsonl` file the `text` of each record, else the file.
pub fn texts(path: &Path, mut each: impl FnMut(&str)) -> Result<()> {
    articles(path, |_, text| each(text))
}

/// The same, with the `id` of each before it; of a file that is one text, its path.
pub fn articles(path: &Path, mut each: impl FnMut(&str, &str)) -> Result<()> {
    if path.extension().is_none_or(|extension| extension != "jsonl") {
        each(&path.to_string_lossy(), &std::fs::read_to_string(path)?);
        return Ok(());
    }
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let Record { id, text } = serde_json::from_slice(&line)?;
        each(&id, &text);
        line.clear();
    }
    Ok(())
}
