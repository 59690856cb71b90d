//! Units that are judged by the runs of words in them.

use std::io::Result;
use std::path::Path;

use fastbloom::BloomFilter;
use xxhash_rust::xxh3::xxh3_64;

use crate::input::{articles, texts};
use crate::lines::Hashes;
use crate::rivals::{Found, Unit};

/// Lines of which at least 8 in 10 runs of 13 words were seen, as tools for training data have it.
pub(crate) fn of_13_words(path: &Path, each: &mut dyn FnMut(Unit<'_>)) -> Result<()> {
    bloom(path, 13, 8, each)
}

/// Lines of which at least 5 in 10 runs of 7 words were seen, as tools for corpora of the web have it.
pub(crate) fn of_7_words(path: &Path, each: &mut dyn FnMut(Unit<'_>)) -> Result<()> {
    bloom(path, 7, 5, each)
}

/// Lines of which at least so many tenths of the runs of `words` words are in a Bloom filter (1 in 100
/// falsely). Some such tools find words by Unicode's rules, which is slower.
fn bloom(path: &Path, words: usize, tenths: usize, each: &mut dyn FnMut(Unit<'_>)) -> Result<()> {
    // Such filters are sized beforehand. A word and its space have at least five bytes on average.
    let expected =
        usize::try_from(std::fs::metadata(path)?.len() / 5).expect("a file of this machine");
    let mut filter = BloomFilter::with_false_pos(0.01).expected_items(expected.max(1));
    let mut hashes = Vec::new();
    articles(path, |id, text| {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            shingles(line, words, &mut hashes);
            let known = hashes.iter().filter(|&&hash| filter.contains_hash(hash)).count();
            let end = start + line.len();
            let seen = !hashes.is_empty() && known * 10 >= hashes.len() * tenths;
            each(Unit { id, range: start..end, seen });
            start = end;
            for &hash in &hashes {
                filter.insert_hash(hash);
            }
        }
    })
}

/// Texts one of whose 16 bands of 8 minima, of 128 over all runs of 5 words, is that of another.
pub(crate) fn minhash(path: &Path) -> Result<Found> {
    const MINIMA: usize = 128;
    const BANDS: usize = 16;
    let mut found = Found::default();
    let mut bands: [Hashes; BANDS] = std::array::from_fn(|_| Hashes::default());
    let multipliers: [u32; MINIMA] = std::array::from_fn(|i| {
        0x9E37_79B1_u32.wrapping_mul(2 * u32::try_from(i).expect("small") + 1)
    });
    let mut hashes = Vec::new();
    texts(path, |text| {
        shingles(text, 5, &mut hashes);
        let mut minima = [u32::MAX; MINIMA];
        for &hash in &hashes {
            #[allow(clippy::cast_possible_truncation)] // both halves are wanted
            let (low, high) = (hash as u32, (hash >> 32) as u32);
            for (minimum, multiplier) in minima.iter_mut().zip(multipliers) {
                *minimum = (*minimum).min((low ^ multiplier).wrapping_mul(multiplier) ^ high);
            }
        }
        let mut seen = false;
        for (band, minima) in bands.iter_mut().zip(minima.chunks(MINIMA / BANDS)) {
            let mut bytes = [0; 4 * MINIMA / BANDS];
            for (bytes, minimum) in bytes.chunks_mut(4).zip(minima) {
                bytes.copy_from_slice(&minimum.to_le_bytes());
            }
            seen |= !band.insert(xxh3_64(&bytes));
        }
        found.text += text.len() as u64;
        found.unit(text.len(), seen);
    })?;
    Ok(found)
}

/// Hashes of all runs of `words` words; of a text with fewer, of what there is.
fn shingles(text: &str, words: usize, hashes: &mut Vec<u64>) {
    hashes.clear();
    let mut starts = std::collections::VecDeque::with_capacity(words);
    for word in text.split_ascii_whitespace() {
        // `word` is a part of `text`.
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        starts.push_back(start);
        if starts.len() == words {
            let first = starts.pop_front().expect("there are `words`");
            hashes.push(xxh3_64(&text.as_bytes()[first..start + word.len()]));
        }
    }
    if hashes.is_empty() && !starts.is_empty() {
        hashes.push(xxh3_64(text.trim_ascii().as_bytes()));
    }
}
