//! The oracle: a slow and obvious reading of the contract.
//!
//! It shares no code with the crate. It takes the splitter's paragraph ranges as given and works
//! out from them, with plain sets of byte windows, which canonical bytes are covered and which
//! paragraphs are removed.

use std::collections::HashSet;
use std::ops::Range;

use dedup::WithinArticle;
use unicode_normalization::char::{canonical_combining_class, decompose_canonical};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The smallest piece of text that canonicalises on its own: a run of whitespace, or a character
/// with everything that combines with it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    /// Where it stands in the canonical text.
    pub(crate) canon: Range<usize>,
    /// Where the characters stand that combine with each other, it among them.
    pub(crate) group: Range<usize>,
    /// The original bytes it came from.
    pub(crate) origin: Range<usize>,
    /// A run of whitespace, now one space.
    pub(crate) space: bool,
    /// More than one character on either side, such as `…` or a letter with a combining mark.
    pub(crate) special: bool,
}

/// The canonical form of a text, with the way back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Canon {
    pub(crate) text: Vec<u8>,
    pub(crate) clusters: Vec<Cluster>,
}

impl Canon {
    fn push(&mut self, origin: Range<usize>, form: &str, space: bool, special: bool) {
        let start = self.text.len();
        self.text.extend_from_slice(form.as_bytes());
        let canon = start..self.text.len();
        self.clusters.push(Cluster { group: canon.clone(), canon, origin, space, special });
    }

    /// The canonical bytes of the clusters that lie wholly in `range` of the original, without
    /// spaces at the ends. An empty range when there are none.
    pub(crate) fn within(&self, range: &Range<usize>) -> Range<usize> {
        let mut inside = self
            .clusters
            .iter()
            .filter(|c| !c.space && c.origin.start >= range.start && c.origin.end <= range.end);
        let Some(first) = inside.next() else {
            return 0..0;
        };
        let last = inside.next_back().unwrap_or(first);
        first.canon.start..last.canon.end
    }

    /// The cluster that ends at canonical byte `at`.
    pub(crate) fn before(&self, at: usize) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.canon.end == at)
    }

    /// The cluster that starts at canonical byte `at`.
    pub(crate) fn after(&self, at: usize) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.canon.start == at)
    }

    /// The canonical bytes of one cluster.
    pub(crate) fn bytes(&self, cluster: &Cluster) -> &[u8] {
        &self.text[cluster.canon.clone()]
    }
}

fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn zero_width(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{feff}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0100}'..='\u{e01ef}')
}

fn folded(c: char) -> String {
    let sign = match c {
        '\u{201c}'..='\u{201f}'
        | '\u{ab}'
        | '\u{bb}'
        | '\u{2033}'
        | '\u{301d}'..='\u{301f}'
        | '\u{5f4}'
        | '\u{ff02}' => "\"",
        '\u{2018}'..='\u{201b}'
        | '\u{2039}'
        | '\u{203a}'
        | '\u{2032}'
        | '\u{2bb}'
        | '\u{2bc}'
        | '\u{5f3}'
        | '\u{ff07}' => "'",
        '\u{2010}'..='\u{2015}'
        | '\u{2212}'
        | '\u{58a}'
        | '\u{5be}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}' => "-",
        '\u{2026}' => "...",
        '\u{301c}' | '\u{ff5e}' => "~",
        '\u{2225}' => "\u{2016}",
        '\u{ffe0}' => "\u{a2}",
        '\u{ffe1}' => "\u{a3}",
        '\u{ffe2}' => "\u{ac}",
        '\u{30fb}' => "\u{b7}",
        _ => return c.to_string(),
    };
    sign.to_owned()
}

/// The letters of a ligature, or the character itself.
fn spelled(c: char) -> String {
    let letters = match c {
        '\u{fb00}' => "ff",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        '\u{fb03}' => "ffi",
        '\u{fb04}' => "ffl",
        '\u{fb05}' | '\u{fb06}' => "st",
        _ => return c.to_string(),
    };
    letters.to_owned()
}

/// Whether normalisation never joins `c` to what stands before it.
fn begins_cluster(c: char) -> bool {
    let mut first = None;
    decompose_canonical(c, |d| {
        first.get_or_insert(d);
    });
    let first = first.unwrap_or(c);
    canonical_combining_class(first) == 0
        && matches!(is_nfc_quick(std::iter::once(first)), IsNormalized::Yes)
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Whether white space beside `c` counts for nothing: Thai to Burmese, and Khmer; ideographs, kana,
/// Bopomofo, what is set with them, and the brackets that normal form makes signs of theirs.
fn unspaced(c: char) -> bool {
    ('\u{e00}'..'\u{10a0}').contains(&c)
        || ('\u{1780}'..'\u{1800}').contains(&c)
        || ('\u{2e80}'..='\u{a000}').contains(&c)
            && !('\u{3130}'..'\u{3190}').contains(&c)
            && !"\u{3000}\u{302a}\u{302b}\u{302c}\u{302d}\u{302e}\u{302f}\u{3099}\u{309a}\u{a000}"
                .contains(c)
        || ('\u{f900}'..='\u{faff}').contains(&c)
        || ('\u{fe30}'..='\u{fe4f}').contains(&c)
        || ('\u{ff01}'..='\u{ff9f}').contains(&c)
        || ('\u{ffe0}'..='\u{ffe6}').contains(&c)
        || ('\u{1aff0}'..='\u{1b16f}').contains(&c)
        || ('\u{20000}'..='\u{3ffff}').contains(&c)
        || "\u{2329}\u{232a}".contains(c)
}

/// Whether white space between two characters counts: not beside a script that has none, unless it
/// holds apart what would combine.
fn space_counts((before, behind): (Option<char>, Option<char>)) -> bool {
    let beside = |c: Option<char>| c.is_some_and(|c| unspaced(c) && folded(c) == c.to_string());
    behind.is_some_and(|c| !begins_cluster(c)) || !beside(before) && !beside(behind)
}

/// The canonical form of `text`, which starts at a line start.
pub(crate) fn canonicalise(text: &str) -> Canon {
    // Quote marks and zero-width characters vanish.
    let mut left = Vec::new();
    let mut line_start = true;
    for (at, c) in text.char_indices() {
        if ends_line(c) {
            line_start = true;
        } else if zero_width(c) || (line_start && c == '>') {
            continue;
        } else if !is_space(c) {
            line_start = false;
        }
        left.push((at..at + c.len_utf8(), c));
    }

    // What is left falls into clusters.
    let mut groups: Vec<(Range<usize>, String, bool)> = Vec::new();
    for (origin, c) in left {
        let space = is_space(c);
        // A sign that is folded combines with nothing.
        let combines = |before: &str| {
            !begins_cluster(c) && before.chars().last().is_some_and(|b| folded(b) == b.to_string())
        };
        let joins =
            |last: &(Range<usize>, String, bool)| last.2 == space && (space || combines(&last.1));
        match groups.last_mut() {
            Some(last) if joins(last) => {
                last.0.end = origin.end;
                last.1.push(c);
            }
            _ => groups.push((origin, spelled(c), space)),
        }
    }
    if groups.first().is_some_and(|g| g.2) {
        groups.remove(0);
    }
    if groups.last().is_some_and(|g| g.2) {
        groups.pop();
    }

    // White space beside a script that has none is left out.
    let lost: Vec<bool> = groups
        .iter()
        .enumerate()
        .map(|(at, g)| {
            let around = || (groups[at - 1].1.nfc().last(), groups[at + 1].1.chars().next());
            g.2 && !space_counts(around())
        })
        .collect();
    let mut lost = lost.into_iter();
    groups.retain(|_| lost.next() == Some(false));

    // Each cluster is normalised and folded. One that is in normal form already falls into its
    // characters.
    let mut canon = Canon::default();
    for (origin, chars, space) in groups {
        let normal: String = chars.nfc().collect();
        if space {
            canon.push(origin, " ", true, false);
        } else if normal == text[origin.clone()] {
            let combined = chars.chars().count() > 1;
            let (start, first) = (canon.text.len(), canon.clusters.len());
            for (at, c) in chars.char_indices() {
                let from = origin.start + at;
                let form = folded(c);
                let special = combined || form.chars().count() > 1;
                canon.push(from..from + c.len_utf8(), &form, false, special);
            }
            for cluster in &mut canon.clusters[first..] {
                cluster.group = start..canon.text.len();
            }
        } else {
            let form: String = normal.chars().map(folded).collect();
            canon.push(origin, &form, false, true);
        }
    }
    canon
}

/// One article and all that the contract says of it.
#[derive(Debug, Default)]
pub(crate) struct Doc {
    pub(crate) text: String,
    /// The splitter's ranges.
    pub(crate) paragraphs: Vec<Range<usize>>,
    pub(crate) canon: Canon,
    /// The canonical range of each paragraph, empty for one without canonical bytes.
    pub(crate) forms: Vec<Range<usize>>,
    /// For each canonical byte, whether it is covered.
    pub(crate) covered: Vec<bool>,
    /// For each cluster, whether one repeated window or paragraph holds its whole group.
    pub(crate) solid: Vec<bool>,
    /// For each paragraph, whether it is removed.
    pub(crate) removed: Vec<bool>,
}

impl Doc {
    fn new(text: &str, paragraphs: &[Range<usize>]) -> Result<Self, String> {
        let canon = canonicalise(text);
        let mut joined: Vec<u8> = Vec::new();
        let mut forms = Vec::new();
        for range in paragraphs {
            let slice = text
                .get(range.clone())
                .ok_or_else(|| format!("check 0: paragraph {range:?} is no slice of {text:?}"))?;
            let form = canonicalise(slice).text;
            if form.is_empty() {
                forms.push(joined.len()..joined.len());
                continue;
            }
            let end = &joined[joined.len().saturating_sub(4)..];
            let last = String::from_utf8_lossy(end).chars().last();
            let first = String::from_utf8_lossy(&form).chars().next();
            if last.is_some() && space_counts((last, first)) {
                joined.push(b' ');
            }
            forms.push(joined.len()..joined.len() + form.len());
            joined.extend_from_slice(&form);
        }
        if joined != canon.text {
            return Err(format!(
                "check 0: the paragraphs' canonical forms {:?} do not join to the article's {:?}",
                String::from_utf8_lossy(&joined),
                String::from_utf8_lossy(&canon.text),
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            paragraphs: paragraphs.to_vec(),
            covered: vec![false; canon.text.len()],
            solid: vec![false; canon.clusters.len()],
            removed: vec![false; forms.len()],
            canon,
            forms,
        })
    }

    /// Whether a paragraph has a character that no repeated window or paragraph holds whole.
    pub(crate) fn splits(&self, paragraph: usize) -> bool {
        let form = &self.forms[paragraph];
        self.canon
            .clusters
            .iter()
            .zip(&self.solid)
            .any(|(cluster, solid)| !solid && !cluster.space && form.contains(&cluster.canon.start))
    }

    /// Covers the canonical bytes of `run`, which repeats something earlier as a whole.
    fn cover(&mut self, run: &Range<usize>) {
        self.covered[run.clone()].fill(true);
        for (cluster, solid) in self.canon.clusters.iter().zip(&mut self.solid) {
            *solid |= run.start <= cluster.group.start && cluster.group.end <= run.end;
        }
    }
}

/// Works out what is covered and what is removed in `articles`, given as text and paragraphs.
pub(crate) fn solve(
    articles: &[(&str, &[Range<usize>])],
    min_span: usize,
    min_paragraph: usize,
    within: WithinArticle,
) -> Result<Vec<Doc>, String> {
    let mut docs = Vec::new();
    for (text, paragraphs) in articles {
        docs.push(Doc::new(text, paragraphs)?);
    }
    let texts: Vec<Vec<u8>> = docs.iter().map(|d| d.canon.text.clone()).collect();
    let mut windows: HashSet<&[u8]> = HashSet::new();
    let mut wholes: HashSet<&[u8]> = HashSet::new();
    for (doc, text) in docs.iter_mut().zip(&texts) {
        let forms: Vec<Range<usize>> =
            doc.forms.iter().filter(|form| form.len() >= min_paragraph).cloned().collect();
        if within == WithinArticle::Remove {
            for (at, window) in text.windows(min_span).enumerate() {
                if !windows.insert(window) {
                    doc.cover(&(at..at + min_span));
                }
            }
            for form in forms {
                if !wholes.insert(&text[form.clone()]) {
                    doc.cover(&form);
                }
            }
        } else {
            for (at, window) in text.windows(min_span).enumerate() {
                if windows.contains(window) {
                    doc.cover(&(at..at + min_span));
                }
            }
            for form in &forms {
                if wholes.contains(&text[form.clone()]) {
                    doc.cover(form);
                }
            }
            if let WithinArticle::RemoveFrom(least) = within {
                let mut own: HashSet<&[u8]> = HashSet::new();
                for (at, window) in text.windows(least).enumerate() {
                    if !own.insert(window) {
                        doc.cover(&(at..at + least));
                    }
                }
            }
            windows.extend(text.windows(min_span));
            wholes.extend(forms.into_iter().map(|form| &text[form]));
        }
        for (form, removed) in doc.forms.iter().zip(&mut doc.removed) {
            *removed =
                !form.is_empty() && form.clone().all(|at| doc.covered[at] || text[at] == b' ');
        }
    }
    Ok(docs)
}
