//! Where was this seen first? Asks an index about a text from standard input.
//!
//! `cargo run --features index --example search_origin -- INDEX < text`

use std::error::Error;
use std::io::Read;
use std::time::Instant;

use dedup::Index;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: search_origin INDEX < text")?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;

    let start = Instant::now();
    let index = Index::open(path)?;
    let opened = start.elapsed();
    let start = Instant::now();
    let repeats = index.find(&text)?;
    let found = start.elapsed();

    for repeat in &repeats {
        let place = &repeat.source;
        let how = if repeat.exact { "word for word" } else { "but for spaces and quotes" };
        println!(
            "{:?} stands in {}, bytes {:?}, {how}",
            &text[repeat.range.clone()],
            place.id,
            place.range
        );
    }
    if repeats.is_empty() {
        println!("Nothing of it was seen.");
    }
    eprintln!("{} articles; opened in {opened:?}, searched in {found:?}", index.stats().articles);
    Ok(())
}
