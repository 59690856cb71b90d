//! Holds what is cut out of paragraphs against what the oracle says is covered.

use std::ops::Range;

use dedup::{Cut, Options, Segment, WithinArticle};

use super::check::push_all;
use super::oracle::{Doc, solve};

/// Pushes `articles`, and checks that of each paragraph goes what `cut` says, no more and no less.
pub(crate) fn check_cut(
    articles: &[String],
    min_span: usize,
    min_paragraph: usize,
    cut: Cut,
) -> Result<(), String> {
    let mut options = Options::new();
    let (pushed, _) = push_all(articles, min_span, min_paragraph, options.cut(cut))?;
    let given: Vec<(&str, &[Range<usize>])> = pushed
        .iter()
        .zip(articles)
        .map(|(article, text)| (text.as_str(), article.paragraphs()))
        .collect();
    let docs = solve(&given, min_span, min_paragraph, WithinArticle::Remove)?;
    for (number, (article, doc)) in pushed.iter().zip(&docs).enumerate() {
        let mut at = 0;
        let mut gone = vec![false; doc.text.len()];
        for segment in article.segments() {
            let range = segment.range();
            if range.start != at || range.is_empty() {
                return Err(format!("article {number}: {segment:?} does not go on at {at}"));
            }
            at = range.end;
            if matches!(segment, Segment::Seen { .. }) {
                gone[range].fill(true);
            }
        }
        if at != doc.text.len() {
            return Err(format!("article {number}: the segments end at {at}"));
        }
        let gone = canonical(doc, &gone);
        let solid = solid(doc);
        for (paragraph, form) in doc.forms.iter().enumerate() {
            let wrong = |what: &str| {
                let text = String::from_utf8_lossy(&doc.canon.text[form.clone()]);
                Err(format!("article {number}, paragraph {paragraph}: {what}: {text:?}"))
            };
            // Marks may go with a letter that they combined with elsewhere, so the bytes count here.
            if form.clone().any(|at| gone[at] && !doc.covered[at] && doc.canon.text[at] != b' ') {
                return wrong("something goes that is not covered");
            }
            for part in parts(doc, form, &solid, cut) {
                if !part.clone().any(|at| doc.canon.text[at] != b' ') {
                    continue;
                }
                let kept = part.clone().any(|at| !gone[at] && doc.canon.text[at] != b' ');
                let covered = part.clone().all(|at| solid[at] || doc.canon.text[at] == b' ');
                if covered && kept {
                    return wrong(&format!("{part:?} is covered, and stays"));
                }
            }
        }
    }
    Ok(())
}

/// What `cut` takes or leaves as a whole: sentences; or the words of what is covered.
fn parts(doc: &Doc, form: &Range<usize>, solid: &[bool], cut: Cut) -> Vec<Range<usize>> {
    let text = &doc.canon.text[form.clone()];
    let shift = |range: Range<usize>| form.start + range.start..form.start + range.end;
    match cut {
        #[cfg(feature = "sentences")]
        Cut::Sentence => {
            let text = String::from_utf8_lossy(text);
            dedup::sentences::sentences(&text, None).into_iter().map(shift).collect()
        }
        Cut::Span => {
            let mut words = Vec::new();
            let mut start = 0;
            for word in text.split(|&byte| byte == b' ') {
                // Next to text of other scripts a cut may lie within what has no space.
                if word.is_ascii() {
                    words.push(start..start + word.len());
                }
                start += word.len() + 1;
            }
            // A word at the edge of what is covered may have been cut there, and stay.
            let inside = |word: &Range<usize>| {
                let (before, after) = (word.start.checked_sub(1), word.end);
                before.is_none_or(|at| solid[form.start + at])
                    && (after >= text.len() || solid[form.start + after])
            };
            words.into_iter().filter(inside).map(shift).collect()
        }
        _ => vec![form.clone()],
    }
}

/// For each canonical byte, whether one repeat holds its whole character.
fn solid(doc: &Doc) -> Vec<bool> {
    let mut solid = vec![false; doc.canon.text.len()];
    for (cluster, whole) in doc.canon.clusters.iter().zip(&doc.solid) {
        solid[cluster.canon.clone()].fill(*whole);
    }
    solid
}

/// For each canonical byte, whether what it came from goes.
fn canonical(doc: &Doc, gone: &[bool]) -> Vec<bool> {
    let mut canonical = vec![false; doc.canon.text.len()];
    for cluster in &doc.canon.clusters {
        let all = gone[cluster.origin.clone()].iter().all(|gone| *gone);
        canonical[cluster.canon.clone()].fill(all);
    }
    canonical
}
