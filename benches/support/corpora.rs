//! Real text, where there is any.

use std::path::{Path, PathBuf};

/// Files of articles (`{"id", "text"}` a line): the file that `DEDUP_BENCH_TEXT` names, or those of the
/// directory that it names, or else some corpora beside the repository, unpacked into `scratch`.
///
/// # Panics
///
/// If what is named or found cannot be read.
pub fn corpora(scratch: &Path) -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os("DEDUP_BENCH_TEXT") {
        let named = PathBuf::from(named);
        if !named.is_dir() {
            assert!(named.is_file(), "DEDUP_BENCH_TEXT: no {}", named.display());
            return vec![named];
        }
        let entries = std::fs::read_dir(named).expect("a directory that can be read");
        let paths = entries.map(|entry| entry.expect("an entry that can be read").path());
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
        paths.sort();
        return paths;
    }
    // Both packages that include this lie at different depths of one repository.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(shared) =
        here.ancestors().map(|it| it.join("../shared/corpora")).find(|it| it.is_dir())
    else {
        eprintln!("skipped real text: no ../shared/corpora, and DEDUP_BENCH_TEXT is not set");
        return Vec::new();
    };
    let unpack = |name| {
        let packed = shared.join(name).with_extension("jsonl.zst");
        let file = std::fs::File::open(&packed)
            .inspect_err(|error| eprintln!("skipped {}: {error}", packed.display()))
            .ok()?;
        let unpacked = scratch.join(name).with_extension("jsonl");
        let mut decoder = ruzstd::decoding::StreamingDecoder::new(file).expect("a zstd frame");
        let mut target = std::fs::File::create(&unpacked).expect("room for a file");
        std::io::copy(&mut decoder, &mut target).expect("a sound zstd frame");
        Some(unpacked)
    };
    ["debian-news-de", "twir", "gesetze"].into_iter().filter_map(unpack).collect()
}

/// What to call a file in a table.
pub fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
