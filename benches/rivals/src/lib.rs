//! Other ways to find repeats, each a function from a file of articles to what it found.
//!
//! All read the same files in the same way and trust what they trust by nature: most of them a hash.

pub mod arguments;
pub mod child;
pub mod input;
pub mod rivals;

mod chunks;
mod engine;
mod lines;
mod shingles;
mod substrings;

#[path = "../../support/corpora.rs"]
pub mod corpora;
#[path = "../../support/text.rs"]
pub mod text;
