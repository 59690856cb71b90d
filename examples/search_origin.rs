//! Where did this stand before? Asks an index about a text from standard input.
//!
//! `cargo run --features index --example search_origin -- INDEX < text`

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use dedup::{Index, Repeat};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [path] = &arguments[..] else {
        eprintln!("usage: search_origin INDEX < text");
        return ExitCode::from(2);
    };
    match search(path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("search_origin: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn search(path: &OsString) -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;

    let start = Instant::now();
    let index = Index::open(path)?;
    let opened = start.elapsed();
    let start = Instant::now();
    let repeats = index.find(&text)?;
    let found = start.elapsed();

    match print(&text, &repeats) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {} // whoever reads has seen enough
    }
    eprintln!("{} articles; opened in {opened:?}, searched in {found:?}", index.stats().articles);
    Ok(())
}

fn print(text: &str, repeats: &[Repeat]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for repeat in repeats {
        let place = &repeat.source;
        let how = if repeat.exact { "word for word" } else { "but for spaces and quotes" };
        let what = &text[repeat.range.clone()];
        writeln!(stdout, "{what:?} stands in {}, bytes {:?}, {how}", place.id, place.range)?;
    }
    if repeats.is_empty() {
        writeln!(stdout, "Nothing of it that is long enough was seen.")?;
    }
    Ok(())
}
