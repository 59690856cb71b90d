//! All runs of 200 bytes that occurred earlier, by a suffix array: the same answer as `dedup`'s, but for
//! what only the canonical form makes equal.

use std::io::{Error, Result};
use std::path::Path;

use libsais::SuffixArrayConstruction;

use crate::input::texts;
use crate::rivals::Found;

const SPAN: usize = 200;

pub(crate) fn find(path: &Path) -> Result<Found> {
    // A byte that UTF-8 does not have ends each text.
    const END: u8 = 0xFF;
    let mut found = Found::default();
    let mut all = Vec::new();
    texts(path, |text| {
        found.text += text.len() as u64;
        all.extend_from_slice(text.as_bytes());
        all.push(END);
    })?;
    let sorted = SuffixArrayConstruction::for_text(&all)
        .in_owned_buffer32()
        .single_threaded()
        .run()
        .map_err(Error::other)?
        .plcp_construction()
        .single_threaded()
        .run()
        .map_err(Error::other)?;
    let longest = longest_previous(sorted.suffix_array(), sorted.plcp());
    let (mut text_start, mut covered_to) = (0, 0);
    for text_end in memchr::memchr_iter(END, &all) {
        for (at, &length) in (text_start..text_end).zip(&longest[text_start..]) {
            // A run may go on past the end of a text, but counts no further.
            let run_end = text_end.min(at + length as usize);
            if run_end >= at + SPAN && run_end > covered_to {
                found.repeated += (run_end - at.max(covered_to)) as u64;
                covered_to = run_end;
            }
        }
        text_start = text_end + 1;
    }
    found.removed = found.repeated;
    Ok(found)
}

/// For each place the length of the longest run from there that also starts at an earlier place
/// (Crochemore, Ilie, Iliopoulos, Kubica, Rytter, Waleń 2009).
fn longest_previous(sorted: &[i32], common: &[i32]) -> Vec<u32> {
    let mut longest = vec![0; sorted.len()];
    let mut open: Vec<(usize, u32)> = Vec::new();
    for &place in sorted {
        let place = usize::try_from(place).expect("BUG: a place");
        let mut shared = u32::try_from(common[place]).expect("BUG: a length");
        while let Some(&(last, last_shared)) = open.last() {
            if place < last {
                longest[last] = last_shared.max(shared);
                shared = shared.min(last_shared);
            } else if shared <= last_shared {
                longest[last] = last_shared;
            } else {
                break;
            }
            open.pop();
        }
        open.push((place, shared));
    }
    for (last, shared) in open {
        longest[last] = shared;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_previous_of_a_word() {
        let word = b"abracadabra";
        let mut sorted: Vec<usize> = (0..word.len()).collect();
        sorted.sort_by_key(|&at| &word[at..]);
        let shared = |a: usize, b: usize| {
            word[a..].iter().zip(&word[b..]).take_while(|(a, b)| a == b).count()
        };
        let mut common = vec![0; word.len()];
        for pair in sorted.windows(2) {
            common[pair[1]] = i32::try_from(shared(pair[0], pair[1])).expect("small");
        }
        let naive: Vec<u32> = (0..word.len())
            .map(|at| (0..at).map(|before| shared(before, at)).max().unwrap_or(0))
            .map(|length| u32::try_from(length).expect("small"))
            .collect();
        let sorted: Vec<i32> = sorted.iter().map(|&at| i32::try_from(at).expect("small")).collect();
        assert_eq!(longest_previous(&sorted, &common), naive);
    }
}
