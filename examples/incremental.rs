//! Two days of newsletters: the second day is ingested against what the first has left on disk.
//!
//! `cargo run --features index --example incremental`

use std::error::Error;
use std::fs;

use dedup::{Index, Options};

const WEATHER: &str =
    "Until further notice, boats of more than four metres need a pilot in the inner harbour.";

fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::temp_dir().join(format!("dedup-incremental-{}", std::process::id()));
    let (letters, index) = (place.join("letters"), place.join("letters.dedup"));
    fs::create_dir_all(&letters)?;

    fs::write(letters.join("1-monday.txt"), format!("Monday\n{WEATHER}\nThe market is open.\n"))?;
    day(&letters, &index)?;

    // Monday's letter is still there; it costs a hash to see that nothing is to be done.
    fs::write(letters.join("2-tuesday.txt"), format!("Tuesday\n{WEATHER}\nThe ferry is late.\n"))?;
    day(&letters, &index)?;

    println!("\nFrom the index alone, without the letters:");
    fs::remove_dir_all(&letters)?;
    let index = Index::open(&index)?;
    for article in index.articles() {
        let article = article?;
        println!("- {}: {:?}", article.id(), article.text());
    }
    let tuesday = index.original("2-tuesday.txt")?.ok_or("it was ingested")?;
    println!("Tuesday as it was: {tuesday:?}");
    fs::remove_dir_all(&place)?;
    Ok(())
}

/// Ingests the letters that are new, and says what they repeat.
fn day(letters: &std::path::Path, index: &std::path::Path) -> Result<(), dedup::Error> {
    let mut articles = Options::new().index(index).ingest(letters)?;
    for article in &mut articles {
        let article = article?;
        println!("{} is new; left of it is {:?}", article.id(), article.text());
        for source in article.blocks().iter().flat_map(|block| &block.sources) {
            println!("  bytes {:?} stand in {} already", source.range, source.first.id);
        }
    }
    // The stream is exhausted, so the day is committed.
    println!("{} unchanged", articles.stats().unchanged);
    Ok(())
}
