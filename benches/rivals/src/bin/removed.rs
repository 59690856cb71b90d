//! Writes what a filter would remove, as JSON lines `{"doc", "start", "end"}`: `removed FILTER FILE`.
//!
//! Offsets are bytes of the text, as those of `examples/ingest.rs --removed` are.

use std::io::{BufWriter, Result, Write, stdout};
use std::path::Path;

use dedup_rivals::arguments::Arguments;
use dedup_rivals::rivals::FILTERS;

fn main() -> Result<()> {
    let arguments = Arguments::new().rest();
    let [name, path] = &arguments[..] else { panic!("removed FILTER FILE") };
    let known = || FILTERS.map(|(name, _)| name).join(", ");
    let filter = FILTERS.into_iter().find(|(filter, _)| filter == name);
    let (_, filter) = filter.unwrap_or_else(|| panic!("{name} is none of {}", known()));
    let mut out = BufWriter::new(stdout().lock());
    let mut result = Ok(());
    filter(Path::new(path), &mut |unit| {
        if unit.seen && result.is_ok() {
            let (doc, start, end) = (unit.id, unit.range.start, unit.range.end);
            let line = serde_json::json!({ "doc": doc, "start": start, "end": end });
            result = writeln!(out, "{line}");
        }
    })?;
    result.and_then(|()| out.flush())
}
