//! The rules of [`super`] one line and one character at a time: what the fast code is compared with.

use std::ops::Range;

use super::{
    Fence, LONGEST_HEADING, NARROWEST_WRAP, WIDEST_WRAP, is_definition, is_heading, is_word,
    sentence_ends, unquote,
};

pub(super) fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let lines = classify(text);
    let mut paragraphs: Vec<Range<usize>> = Vec::new();
    let mut shapes: Vec<Shape> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for lines in lines.chunk_by(|_, next| !next.begins) {
        let depth = lines[0].depth;
        let first = shapes.len();
        if lines.len() > 1 {
            shapes.extend(
                lines.iter().map(|line| Shape::of(&text[line.content.clone()], line.indent)),
            );
        }
        let width = wrap_width(&shapes[first..], depth > 0);
        let most = width.map(|width| most(&shapes[first..], width));
        let hangs = lines.get(1).is_some_and(|second| second.least > 0);
        groups.push(Group { depth, lines: lines.len(), hangs, width: width.zip(most) });
    }
    let usual = usual_widths(&groups);
    let (mut lines, mut shapes) = (lines.into_iter(), shapes.as_slice());
    for group in groups {
        let first = lines.next().expect("BUG: a group has a line");
        paragraphs.push(first.range);
        if group.lines == 1 {
            continue;
        }
        let of_group;
        (of_group, shapes) = shapes.split_at(group.lines);
        let same_depth = usual.iter().find(|usual| usual.0 == group.depth).or(usual.first());
        let width = group.width.map(|(width, _)| width).or(same_depth.map(|&(_, width, most)| {
            let columns = of_group.iter().map(|line| line.columns);
            columns.filter(|&columns| columns <= most).fold(width, usize::max)
        }));
        let full = |pair: &[Shape]| width.is_some_and(|width| pair[0].is_full(&pair[1], width));
        let joined =
            |pair: &[Shape]| full(pair) || group.width.is_none() && pair[0].runs_on(&pair[1]);
        for (at, line) in lines.by_ref().take(group.lines - 1).enumerate() {
            let behind = of_group.get(at + 1..at + 3);
            let pair = &of_group[at..at + 2];
            let goes_on = if at == 0 && group.hangs { full(pair) } else { joined(pair) };
            let goes_on = goes_on
                && (behind.is_some_and(joined)
                    || !of_group[at + 1].is_heading_behind(&of_group[at], behind));
            match paragraphs.last_mut() {
                Some(paragraph) if goes_on => paragraph.end = line.range.end,
                _ => paragraphs.push(line.range),
            }
        }
    }
    paragraphs
}

/// A line that is not blank.
#[derive(Debug)]
struct Line {
    range: Range<usize>,
    /// Whether the text before it, a blank line or its own kind make it begin a paragraph.
    begins: bool,
    /// Whether nothing may be joined to its end.
    ends: bool,
    item: bool,
    depth: u32,
    /// Without its quote marks and trailing space.
    content: Range<usize>,
    /// Bytes of white space that the content begins with.
    indent: usize,
    /// The least indent that goes on with it: that of the lines that hang from the first, if they do.
    least: usize,
}

/// A run of lines that nothing but their widths keeps apart.
struct Group {
    depth: u32,
    lines: usize,
    /// Whether the others hang from the first.
    hangs: bool,
    /// The width to which they were wrapped, if they show one, and the greatest that explains the same
    /// line breaks.
    width: Option<(usize, usize)>,
}

/// What decides whether a line goes on in the next: looked at only where there is a next.
#[derive(Debug)]
struct Shape {
    /// Columns without quote marks and trailing space.
    columns: usize,
    /// Columns that must fit before the first place where the line could have been broken.
    first_word: usize,
    starts: Case,
    end: End,
    is_definition: bool,
    /// Whether it could be a heading by itself.
    is_like_heading: bool,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Sentence,
    /// Or an ordinal number, as in German dates.
    SentenceOrNumber,
    Neither,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Upper,
    Lower,
    Neither,
}

impl Shape {
    /// Of the content of a line that may be joined to another, so that is not wide.
    fn of(content: &str, indent: usize) -> Self {
        let body = &content[indent..];
        let first = body.chars().find(|&c| c.is_alphanumeric());
        Self {
            columns: columns(content),
            first_word: first_word(body),
            starts: match first {
                Some(c) if c.is_lowercase() => Case::Lower,
                Some(c) if c.is_uppercase() || c.is_numeric() => Case::Upper,
                _ => Case::Neither,
            },
            end: match content.strip_suffix('.').and_then(|rest| rest.chars().last()) {
                Some(last) if last.is_numeric() => End::SentenceOrNumber,
                _ if sentence_ends(content) => End::Sentence,
                _ => End::Neither,
            },
            is_definition: is_definition(body),
            is_like_heading: body.chars().count() <= LONGEST_HEADING
                && first.is_some_and(char::is_uppercase)
                && body.chars().last().is_some_and(|c| c == ':' || c.is_alphanumeric()),
        }
    }

    /// Whether `next` was broken off because its first word did not fit into `width`.
    fn is_full(&self, next: &Self, width: usize) -> bool {
        self.columns <= width && next.columns <= width && self.columns + 1 + next.first_word > width
    }

    /// Whether it is a heading and no more of the paragraph that ends here, given what is behind it.
    fn is_heading_behind(&self, before: &Self, behind: Option<&[Self]>) -> bool {
        self.is_like_heading
            && before.end == End::Sentence
            && behind.is_none_or(|behind| behind[1].starts != Case::Lower)
    }

    /// Whether the sentence plainly runs on into `next`, whatever the width.
    fn runs_on(&self, next: &Self) -> bool {
        self.end == End::Neither
            && !next.is_definition
            && next.starts == Case::Lower
            && (NARROWEST_WRAP..=90).contains(&self.columns)
            && next.columns <= self.columns + next.first_word
    }
}

fn classify(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut begins = true;
    let mut fence: Option<Fence> = None;
    for (range, hard) in lines_of(text) {
        let line = &text[range.clone()];
        let (depth, rest) = unquote(line);
        let content = rest.trim_end();
        let body = content.trim_start();
        let indent = content.len() - body.len();
        let Some(&first) = body.as_bytes().first() else {
            begins = true;
            continue;
        };
        let alone = is_wide_line(content)
            || !is_word(first) && (is_heading(body) || is_rule(body))
            || is_row(body);
        let item = !alone && is_list_item(body);
        let (begins_here, unquoted) = (begins || alone || item, range.end - rest.len());
        let content = unquoted..unquoted + content.len();
        let mut described = Line {
            range,
            begins: begins_here,
            ends: alone,
            item,
            depth,
            content,
            indent,
            least: 0,
        };
        if fence.is_some() || first == b'`' || first == b'~' {
            let marker = Fence::find(body);
            if fence.is_some() || marker.is_some_and(Fence::opens) {
                described.begins = true;
                described.ends = true;
                fence = match (fence, marker) {
                    (None, marker) => marker,
                    (Some(open), Some(close)) if close.closes(open) => None,
                    (open, _) => open,
                };
            }
        }
        begins = hard;
        if let Some(last) = lines.last() {
            let deeper = described.indent > last.indent && !last.item;
            described.begins |= last.ends || described.depth != last.depth;
            if !described.begins {
                described.begins = described.indent < last.least;
                described.least = last.least;
                if deeper {
                    described.begins |= !hangs(text, last, &described);
                    described.least = described.indent;
                } else if described.begins
                    && let [.., before, last] = &mut lines[..]
                    && before.begins
                    && is_first_line(text, before, last, &described)
                {
                    // It did not hang from the one before.
                    last.begins = true;
                    last.least = 0;
                    described.begins = false;
                    described.least = 0;
                }
            }
            if described.begins {
                described.least = 0;
            }
        }
        described.begins |= lines.is_empty();
        lines.push(described);
    }
    lines
}

/// Whether a deeper line may go on with the one before it, which is no item.
fn hangs(text: &str, last: &Line, line: &Line) -> bool {
    let (before, content) = (&text[last.content.clone()], &text[line.content.clone()]);
    last.begins
        && columns(before) >= NARROWEST_WRAP
        && columns(content) <= columns(before) + first_word(&content[line.indent..])
        && !before.ends_with([':', ';', '(', '[', '{'])
        && !(before.trim_start().starts_with('(') && before.split(')').skip(1).eq([""]))
}

/// Whether the line before a less deep one is the first of a paragraph, given the one before it.
fn is_first_line(text: &str, before: &Line, first: &Line, line: &Line) -> bool {
    let content = |line: &Line| &text[line.content.clone()];
    let starts = content(first).chars().find(|c| c.is_alphanumeric());
    !starts.is_some_and(char::is_lowercase)
        && columns(content(first)) + first_word(&content(line)[line.indent..])
            >= columns(content(before))
}

/// Whether a line is wider than [`WIDEST_WRAP`]. A column takes at least one byte, and at most four.
fn is_wide_line(content: &str) -> bool {
    content.len() > 4 * WIDEST_WRAP || content.len() > WIDEST_WRAP && columns(content) > WIDEST_WRAP
}

/// A line of signs alone: a rule, an underline, a row of dots.
fn is_rule(body: &str) -> bool {
    !body.chars().any(char::is_alphanumeric)
}

/// The width to which the lines of a group were wrapped, if they show one.
fn wrap_width(group: &[Shape], quoted: bool) -> Option<usize> {
    if group.len() < 3 {
        return None;
    }
    // Wider lines may be neighbours that were never wrapped, so narrower widths are tried too;
    // eight bound the work.
    let mut present = 0_u128;
    for line in group {
        present |= 1 << line.columns.min(WIDEST_WRAP);
    }
    present &= !((1 << NARROWEST_WRAP) - 1);
    for _ in 0..8 {
        let width = present.checked_ilog2()? as usize;
        present &= !(1 << width);
        let (mut pairs, mut full, mut upper) = (0, 0, 0);
        for pair in group.windows(2) {
            let fits = pair[0].columns <= width && pair[1].columns <= width;
            pairs += usize::from(fits);
            full += usize::from(fits && pair[0].is_full(&pair[1], width));
            upper += usize::from(fits && pair[1].starts == Case::Upper);
        }
        // Few lines prove little: then every break must be explained, and a line begin in the
        // middle of a sentence unless they are quoted. Many that nearly all begin in upper case are
        // verse or a list, unless they are full without exception, which German prose can be.
        let prose = if pairs <= 3 { quoted || upper < pairs } else { upper * 10 < pairs * 8 };
        let all = full == pairs;
        if full >= 2
            && if pairs <= 3 { all && prose } else { all || prose && full * 10 >= pairs * 6 }
        {
            return Some(width);
        }
    }
    None
}

/// The greatest width that explains the line breaks of a group that `width` does.
fn most(group: &[Shape], width: usize) -> usize {
    let full = |most: &usize| {
        group.windows(2).all(|pair| {
            let is_full = pair[0].is_full(&pair[1], width);
            !is_full || pair[0].is_full(&pair[1], *most)
        })
    };
    (width..=width + WIDEST_WRAP).take_while(full).last().unwrap_or(width)
}

/// For each depth of quoting, in order, the width that most of the wrapped lines agree on within a
/// few columns, and the greatest that it can have been. Mail is wrapped anew when it is quoted, or
/// not, so depths differ.
fn usual_widths(groups: &[Group]) -> Vec<(u32, usize, usize)> {
    let mut wrapped: Vec<(u32, usize, (usize, usize))> =
        groups.iter().filter_map(|group| Some((group.depth, group.lines, group.width?))).collect();
    wrapped.sort_unstable();
    wrapped
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|same_depth| {
            let mut lines = [0; WIDEST_WRAP + 1];
            for &(_, len, (width, _)) in same_depth {
                lines[width] += len;
            }
            let agreeing = |width: usize| lines[width - 4..=width].iter().sum::<usize>();
            let usual = (NARROWEST_WRAP..=WIDEST_WRAP)
                .filter(|&width| lines[width] > 0)
                .max_by_key(|&width| (agreeing(width), width))?;
            let alike = same_depth.iter().map(|&(_, _, width)| width);
            let alike = alike.filter(|&(width, _)| (usual - 4..=usual).contains(&width));
            Some((same_depth[0].0, usual, alike.map(|(_, most)| most).min()?))
        })
        .collect()
}

/// The lines of `text` without their line breaks, and whether the break ends the paragraph.
fn lines_of(text: &str) -> Vec<(Range<usize>, bool)> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let hard = match character {
            '\n' | '\r' | '\u{B}' | '\u{85}' | '\u{2028}' => false,
            '\u{C}' | '\u{2029}' => true,
            _ => continue,
        };
        lines.push((start..at, hard));
        if character == '\r' {
            characters.next_if(|&(_, next)| next == '\n');
        }
        start = characters.peek().map_or(text.len(), |&(next, _)| next);
    }
    if start < text.len() {
        lines.push((start..text.len(), false));
    }
    lines
}

fn columns(line: &str) -> usize {
    line.chars().map(columns_of).sum()
}

fn columns_of(character: char) -> usize {
    match character {
        '\u{3000}'..='\u{D7FF}' | '\u{FF00}'..='\u{FF60}' | '\u{10000}'.. => 2,
        '\u{300}'..='\u{33F}' => 0,
        _ => 1,
    }
}

fn first_word(body: &str) -> usize {
    // Hangul is wide, but has spaces.
    let is_piece = |c: char| columns_of(c) == 2 && !('\u{A000}'..='\u{D7FF}').contains(&c);
    let ends = |c: &char| matches!(c, ' ' | '\t') || is_piece(*c);
    match body.chars().next() {
        Some(first) if is_piece(first) => 2,
        _ => body.chars().take_while(|c| !ends(c)).map(columns_of).sum(),
    }
}

fn is_row(body: &str) -> bool {
    body.starts_with('|')
        || body.contains('\t')
        || body.contains("....")
        || body.matches('|').count() > 1
}

fn is_list_item(body: &str) -> bool {
    let mut characters = body.chars();
    let first = characters.next();
    if matches!(
        first,
        Some(
            '-' | '*'
                | '+'
                | '\u{2022}'
                | '\u{2023}'
                | '\u{25AA}'
                | '\u{25E6}'
                | '\u{2013}'
                | '\u{2014}'
                | '\u{B7}'
        )
    ) {
        return characters.next().is_some_and(char::is_whitespace);
    }
    let digits = body.len() - body.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let label = if (1..=3).contains(&digits) {
        digits
    } else {
        usize::from(first.is_some_and(|c| c.is_ascii_alphabetic()))
    };
    let mut rest = body[label..].chars();
    label > 0
        && matches!((rest.next(), digits), (Some(')'), _) | (Some('.'), 1..))
        && rest.next().is_some_and(char::is_whitespace)
}
