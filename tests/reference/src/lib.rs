//! What the comparisons have in common: files to read, and texts as sequences of words.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use dedup::{Article, Format, Options};

/// The lines of a text that have words, and their words.
///
/// The dashes that `dedup` puts before the items of a list do not count.
pub fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().filter(|word| *word != "-").collect::<Vec<_>>())
        .filter(|line| !line.is_empty())
        .collect()
}

/// The articles that `dedup` finds in `bytes`, which are of that format, and how many records it
/// passed over.
///
/// # Panics
///
/// If one cannot be read.
pub fn read(format: Format, bytes: &[u8]) -> (Vec<Article>, u64) {
    let mut options = Options::new();
    options.format(format);
    let mut articles =
        options.reader("input", std::io::Cursor::new(bytes.to_vec())).expect("sound options");
    let read = articles.by_ref().collect::<Result<_, _>>().expect("sound articles");
    (read, articles.stats().skipped.no_article)
}

/// The files with that extension below a directory, sorted.
pub fn files(below: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(below).sort_by_file_name().into_iter();
    let paths = entries.filter_map(Result::ok).map(walkdir::DirEntry::into_path);
    paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect()
}

/// The mails that `mail-parser` is tested with.
pub fn mails() -> Vec<PathBuf> {
    let metadata = output(
        Command::new(env!("CARGO"))
            .args(["metadata", "--offline", "--format-version=1", "--filter-platform=host-tuple"])
            .current_dir(env!("CARGO_MANIFEST_DIR")),
    );
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|it| it["name"] == "mail-parser").expect("the package");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    let mails = files(&manifest.with_file_name("resources/eml"), "eml");
    assert!(mails.len() > 80, "{}", mails.len());
    mails
}

/// What a program writes to its standard output.
///
/// # Panics
///
/// If it fails.
pub fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The texts of a corpus, if the corpora are there.
pub fn corpus(name: &str) -> Option<Vec<String>> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let packed = std::fs::read(corpora.join(format!("{name}.jsonl.zst"))).ok()?;
    let mut lines = String::new();
    ruzstd::decoding::StreamingDecoder::new(&packed[..])
        .expect("a zstd frame")
        .read_to_string(&mut lines)
        .expect("a sound corpus");
    let text = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        record["text"].as_str().expect("a text").to_owned()
    };
    Some(lines.lines().map(text).collect())
}
