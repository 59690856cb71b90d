//! Whatever the files of an index hold, opening, reading and searching it ends, without a panic.
//!
//! The input is a manifest and a run. Their checksums are made to agree, where there are any to be made, so that what
//! lies behind them is reached.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|files: (Vec<u8>, Vec<u8>)| {
    let (manifest, run) = files;
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("manifest"), &manifest).expect("written");
    std::fs::write(dir.path().join("run-0000000000000001"), &run).expect("written");
    let Ok(index) = dedup::Index::open(dir.path()) else { return };
    let _ = index.verify();
    for article in index.articles().flatten() {
        let _ = index.original(article.id());
        let _ = index.find(article.text());
    }
});
