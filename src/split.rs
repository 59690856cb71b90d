//! Splitting: an article becomes paragraphs, as a reader would see them.
//!
//! # Rules
//!
//! 1. A line ends at `\n`, `\r\n`, `\r`, vertical tab, form feed, U+0085, U+2028 or U+2029; form
//!    feed and U+2029 end the paragraph too. A line of white space, zero-width characters and `>`
//!    marks alone is blank and ends the paragraph.
//! 2. A line is a paragraph of its own unless rule 4 joins it to the next.
//! 3. Never joined: a line wider than [`WIDEST_WRAP`] columns (it *is* a paragraph); headings,
//!    rules and underlines, table rows, and every line inside a code fence; a list marker or a
//!    deeper indent begins a paragraph; so does a change in the depth of `>` quoting.
//! 4. A line break is a wrap if the first word of the next line would not have fitted. That
//!    needs the width to which the text was wrapped. It is the greatest width for which, in a run
//!    of lines, at least two and at least six in ten line breaks are explained so; of four lines
//!    or fewer all must be, and not all begin in upper case. Longer runs whose lines nearly all
//!    begin in upper case are verse or a list, unless every break is explained. A passage too
//!    short to tell takes the width of the rest of the article, or else is joined only where the
//!    sentence plainly runs on.
//!
//! A paragraph's range runs from the start of its first line, quote marks and indent included,
//! to the end of its last, without the line break.

use std::ops::Range;

use crate::canonical::{Canonical, is_zero_width};
use crate::mask::gather;

/// The widest line, in columns, that can be part of a wrapped paragraph.
pub const WIDEST_WRAP: usize = 110;

/// The narrowest width to which text is taken to be wrapped; narrower lines are verse or lists.
const NARROWEST_WRAP: usize = 50;

/// Bytes of a line, blank ones not counted, in text that has short ones.
const USUAL_LINE: usize = 48;

/// The version of the rules: an index on disk is of use only to the same one.
#[cfg(feature = "index")]
pub(crate) const VERSION: u32 = 1;

/// The byte ranges of the paragraphs of `text`: sorted, disjoint, on character boundaries, each
/// from the start of a line to the end of one.
///
/// What lies between two ranges is line breaks and blank lines.
///
/// # Complexity
///
/// Linear in the length of `text`.
///
/// # Examples
///
/// ```
/// use dedup::split::paragraphs;
///
/// let lines = "Ein Absatz.\nNoch einer.\n";
/// assert_eq!(paragraphs(lines), [0..11, 12..23]);
///
/// let wrapped = "This paragraph was wrapped by a mail program, as they all did once,\n\
///                so that its lines end where the next word would not have fitted, and\n\
///                nobody reads three paragraphs here.\n";
/// assert_eq!(paragraphs(wrapped).len(), 1);
/// ```
pub fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let lines = classify(text);
    let mut paragraphs: Vec<Range<usize>> = Vec::with_capacity(lines.len());
    let mut shapes: Vec<Shape> = Vec::new();
    let mut groups: Vec<Group> = Vec::with_capacity(lines.len());
    for lines in lines.chunk_by(|_, next| !next.begins) {
        let depth = lines[0].depth;
        let first = shapes.len();
        if lines.len() > 1 {
            shapes.extend(
                lines.iter().map(|line| Shape::of(&text[line.content.clone()], line.indent)),
            );
        }
        let width = wrap_width(&shapes[first..]);
        groups.push(Group { depth, lines: lines.len(), width });
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
        let same_depth = usual.binary_search_by_key(&group.depth, |&(of, _)| of).ok();
        let like_it = same_depth.map(|at| &usual[at]).or(usual.first());
        let width = group.width.or(like_it.map(|&(_, width)| width));
        for (pair, line) in of_group.windows(2).zip(lines.by_ref()) {
            let joined = match width {
                Some(width) => pair[0].is_full(&pair[1], width),
                None => pair[0].runs_on(&pair[1]),
            };
            match paragraphs.last_mut() {
                Some(paragraph) if joined => paragraph.end = line.range.end,
                _ => paragraphs.push(line.range),
            }
        }
    }
    // They stay with the article, and there was room for one a line.
    if paragraphs.len() < paragraphs.capacity() / 2 {
        paragraphs.shrink_to_fit();
    }
    paragraphs
}

/// The paragraphs that have canonical bytes, and the ranges of those in the canonical form of `text`.
pub(crate) fn with_forms(
    text: &str,
    canonical: &Canonical,
) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let mut all = paragraphs(text);
    let mut forms = canonical.to_canonical(&all);
    if forms.iter().any(Range::is_empty) {
        let mut of_all = forms.iter();
        all.retain(|_| of_all.next().is_some_and(|form| !form.is_empty()));
        forms.retain(|form| !form.is_empty());
    }
    (all, forms)
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
}

/// A run of lines that nothing but their widths keeps apart.
struct Group {
    depth: u32,
    lines: usize,
    /// The width to which they were wrapped, if they show one.
    width: Option<usize>,
}

/// What decides whether a line goes on in the next: looked at only where there is a next.
#[derive(Debug)]
struct Shape {
    /// Columns without quote marks and trailing space.
    columns: usize,
    /// Columns that must fit before the first place where the line could have been broken.
    first_word: usize,
    starts: Case,
    sentence_ends: bool,
}

/// How a line begins: as a sentence or an entry of a list does, or in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// With a capital or a digit.
    Upper,
    Lower,
    /// With a letter of a script without case, or with none.
    Neither,
}

impl Shape {
    /// Of the content of a line that may be joined to another, so that is not wide.
    fn of(content: &str, indent: usize) -> Self {
        let body = &content[indent..];
        let first = body.chars().find(|&c| is_alphanumeric(c));
        Self {
            columns: columns(content),
            first_word: first_word(body),
            starts: match first {
                Some(c) if c.is_lowercase() => Case::Lower,
                Some(c) if c.is_uppercase() || c.is_numeric() => Case::Upper,
                _ => Case::Neither,
            },
            sentence_ends: sentence_ends(content),
        }
    }

    /// Whether `next` was broken off because its first word did not fit into `width`.
    fn is_full(&self, next: &Self, width: usize) -> bool {
        self.columns <= width && next.columns <= width && self.columns + 1 + next.first_word > width
    }

    /// Whether, with no width to go by, the sentence plainly runs on into `next`.
    fn runs_on(&self, next: &Self) -> bool {
        !self.sentence_ends
            && next.starts == Case::Lower
            && (NARROWEST_WRAP..=90).contains(&self.columns)
            && next.columns <= self.columns + next.first_word
    }
}

fn sentence_ends(content: &str) -> bool {
    match content.as_bytes().last() {
        Some(b'.' | b'!' | b'?' | b':' | b';') => return true,
        Some(b'"' | b'\'' | b')' | b']' | 0x80..) => {}
        _ => return false,
    }
    content
        .trim_end_matches(|c: char| {
            matches!(c, '"' | '\'' | ')' | ']' | '\u{201C}' | '\u{201D}' | '\u{BB}' | '\u{AB}')
        })
        .ends_with(['.', '!', '?', ':', ';', '\u{2026}', '\u{3002}'])
}

fn classify(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::with_capacity(text.len() / USUAL_LINE + 1);
    let mut begins = true;
    let mut fence: Option<Fence> = None;
    let mut table_signs = TableSigns::new(text.as_bytes());
    for (range, hard) in lines_of(text) {
        let line = &text[range.clone()];
        // What most lines begin and end with needs no closer look.
        let plain = matches!(line.as_bytes(), [first, .., last] if is_word(*first) && last.is_ascii_graphic());
        let (depth, rest) = if plain { (0, line) } else { unquote(line) };
        let content = if plain { rest } else { rest.trim_end() };
        let body = content.trim_start();
        let indent = content.len() - body.len();
        let Some(&first) = body.as_bytes().first() else {
            begins = true;
            continue;
        };
        let alone = is_wide_line(content)
            || !is_word(first) && (is_heading(body) || is_rule(body))
            || table_signs.is_row(body, range.end - rest.len() + indent);
        let item = !alone && is_list_item(body);
        let (begins_here, unquoted) = (begins || alone || item, range.end - rest.len());
        let content = unquoted..unquoted + content.len();
        let mut described =
            Line { range, begins: begins_here, ends: alone, item, depth, content, indent };
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
            described.begins |= last.ends || described.depth != last.depth || deeper;
        }
        lines.push(described);
    }
    lines
}

/// Whether a byte is part of a word in ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// A line of backticks or tildes that may open or close a block of code, as in `CommonMark`.
#[derive(Clone, Copy, Debug)]
struct Fence {
    sign: u8,
    len: usize,
    /// Whether nothing follows.
    bare: bool,
    /// Whether more of the same sign follows, after something else.
    resumes: bool,
}

impl Fence {
    fn find(body: &str) -> Option<Self> {
        let sign = *body.as_bytes().first().filter(|&&byte| byte == b'`' || byte == b'~')?;
        let rest = body.trim_start_matches(char::from(sign));
        let len = body.len() - rest.len();
        let resumes = rest.as_bytes().contains(&sign);
        (len >= 3).then_some(Self { sign, len, bare: rest.is_empty(), resumes })
    }

    /// Code between backticks within a line opens nothing.
    fn opens(self) -> bool {
        self.sign == b'~' || !self.resumes
    }

    fn closes(self, open: Self) -> bool {
        self.sign == open.sign && self.len >= open.len && self.bare
    }
}

/// The lines of `text` without their line breaks, and whether the break ends the paragraph.
fn lines_of(text: &str) -> impl Iterator<Item = (Range<usize>, bool)> {
    let bytes = text.as_bytes();
    let mut start = 0;
    let mut breaks = LineBreaks::new(bytes);
    std::iter::from_fn(move || {
        if start >= bytes.len() {
            return None;
        }
        let end = breaks.from(start);
        let (len, hard) = match bytes[end..] {
            [b'\r', b'\n', ..] => (2, false),
            [0x0C, ..] => (1, true),
            [byte, ..] if !byte.is_ascii() => wide_break(&bytes[end..]).unwrap_or((1, false)),
            _ => (1, false),
        };
        let line = start..end;
        start = end + len;
        Some((line, hard))
    })
}

/// The length of the line break beyond ASCII that `bytes` begin with, and whether it ends the
/// paragraph.
fn wide_break(bytes: &[u8]) -> Option<(usize, bool)> {
    match bytes {
        [0xE2, 0x80, 0xA8, ..] => Some((3, false)),
        [0xE2, 0x80, 0xA9, ..] => Some((3, true)),
        [0xC2, 0x85, ..] => Some((2, false)),
        _ => None,
    }
}

/// Finds line breaks: those of ASCII a block of bytes at a time, the others, which are rare, one after the other.
struct LineBreaks<'a> {
    bytes: &'a [u8],
    /// Where the block at hand begins.
    block: usize,
    /// A bit for each line break of ASCII in it, but for those passed over.
    left: u64,
    /// The next U+0085, U+2028 or U+2029; the end of the text if there is none.
    wide: usize,
}

impl<'a> LineBreaks<'a> {
    const BLOCK: usize = 64;

    fn new(bytes: &'a [u8]) -> Self {
        let (left, wide) = (Self::in_block(bytes), Self::next_wide(bytes, 0));
        Self { bytes, block: 0, left, wide }
    }

    /// The first that begins at `start` or later, which must not decrease; the end of the text if there is none.
    fn from(&mut self, start: usize) -> usize {
        if self.wide < start {
            self.wide = Self::next_wide(self.bytes, start);
        }
        loop {
            let passed = start.saturating_sub(self.block);
            if passed < Self::BLOCK {
                self.left &= u64::MAX << passed;
                if self.left != 0 {
                    return self.wide.min(self.block + self.left.trailing_zeros() as usize);
                }
            }
            let next = self.block + Self::BLOCK;
            let Some(rest) = self.bytes.get(next..) else { return self.wide };
            (self.block, self.left) = (next, Self::in_block(rest));
        }
    }

    /// A bit for each of the first bytes that is a line break.
    fn in_block(bytes: &[u8]) -> u64 {
        let mut padded = [0; Self::BLOCK];
        let bytes = bytes.first_chunk().unwrap_or_else(|| {
            padded[..bytes.len()].copy_from_slice(bytes);
            &padded
        });
        // Without branches: vector code.
        gather(&bytes.map(|byte| u8::from(byte.wrapping_sub(b'\n') < 4)))
    }

    fn next_wide(bytes: &[u8], start: usize) -> usize {
        let mut leads = memchr::memchr2_iter(0xE2, 0xC2, &bytes[start..]).map(|at| start + at);
        leads.find(|&at| wide_break(&bytes[at..]).is_some()).unwrap_or(bytes.len())
    }
}

/// Strips quote marks as the canonical form does: depth, and the line after the last mark.
fn unquote(line: &str) -> (u32, &str) {
    let mut depth = 0;
    let mut rest = line;
    for (at, character) in line.char_indices() {
        match character {
            '>' => {
                depth += 1;
                rest = &line[at + 1..];
            }
            _ if character.is_whitespace() || is_zero_width(character) => {}
            _ => return (depth, rest.strip_prefix(' ').filter(|_| depth > 0).unwrap_or(rest)),
        }
    }
    (depth, "")
}

/// Whether a line is wider than [`WIDEST_WRAP`]. A column takes at least one byte, and at most four.
fn is_wide_line(content: &str) -> bool {
    content.len() > 4 * WIDEST_WRAP || content.len() > WIDEST_WRAP && columns(content) > WIDEST_WRAP
}

/// Columns of a line on a terminal, by the first bytes of its characters: East Asian ones
/// (U+3000 to U+D7FF, and beyond U+FFFF) take two, combining marks of the first block none.
fn columns(line: &str) -> usize {
    if line.is_ascii() {
        return line.len();
    }
    // A byte each in blocks whose sum fits into one, without branches: vector code.
    let of_block = |block: &[u8; 64]| -> u8 {
        block.iter().map(|&byte| columns_of(byte) + u8::from(is_wide(byte))).sum()
    };
    let (blocks, rest) = line.as_bytes().as_chunks();
    // Filled up with bytes that take no column.
    let mut last = [0x80; 64];
    last[..rest.len()].copy_from_slice(rest);
    blocks.iter().chain([&last]).map(|block| usize::from(of_block(block))).sum()
}

#[expect(clippy::needless_bitwise_bool, reason = "`||` is a branch")]
fn is_wide(first_byte: u8) -> bool {
    (first_byte.wrapping_sub(0xE3) <= 0xED - 0xE3) | (first_byte >= 0xF0)
}

/// Columns of the first piece of `body` that a wrap keeps together: a word, or one wide character.
fn first_word(body: &str) -> usize {
    let bytes = body.as_bytes();
    let visible = bytes.iter().take_while(|&&byte| byte.is_ascii_graphic()).count();
    let blank = |byte: u8| matches!(byte, b' ' | b'\t');
    if bytes.get(visible).is_none_or(|&byte| blank(byte)) {
        return visible; // as nearly always
    }
    if is_wide(bytes[0]) {
        return 2;
    }
    let word = bytes.iter().take_while(|&&byte| !blank(byte) && !is_wide(byte));
    word.map(|&byte| usize::from(columns_of(byte))).sum()
}

/// Columns that the character takes that begins with a byte, if it is no wide one; none for the other bytes.
fn columns_of(byte: u8) -> u8 {
    u8::from(byte & 0xC0 != 0x80) - u8::from(byte == 0xCC)
}

fn is_heading(body: &str) -> bool {
    let rest = body.trim_start_matches('#');
    (1..=6).contains(&(body.len() - rest.len())) && (rest.is_empty() || rest.starts_with(' '))
}

/// A line of signs alone: a rule, an underline, a row of dots.
fn is_rule(body: &str) -> bool {
    !body.chars().any(is_alphanumeric)
}

/// As the method of `char`, which looks into tables for the quotes and dashes that many lines begin with.
fn is_alphanumeric(character: char) -> bool {
    !matches!(character, '\u{2000}'..='\u{206F}') && character.is_alphanumeric()
}

/// Finds the signs that table rows have, which most texts are without.
struct TableSigns<'a> {
    bytes: &'a [u8],
    bar: usize,
    leaders: usize,
    find_leaders: memchr::memmem::Finder<'static>,
}

impl<'a> TableSigns<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let find_leaders = memchr::memmem::Finder::new(b"....");
        let mut signs = Self { bytes, bar: 0, leaders: 0, find_leaders };
        signs.seek(0);
        signs
    }

    /// Lets `bar` and `leaders` be the first places from `start` on.
    fn seek(&mut self, start: usize) {
        let rest = &self.bytes[start..];
        if self.bar <= start {
            self.bar = memchr::memchr2(b'|', b'\t', rest).map_or(usize::MAX, |at| start + at);
        }
        if self.leaders <= start {
            self.leaders = self.find_leaders.find(rest).map_or(usize::MAX, |at| start + at);
        }
    }

    /// Whether `body`, which begins at `start`, is a row of a table or an entry of a table of contents.
    fn is_row(&mut self, body: &str, start: usize) -> bool {
        self.seek(start);
        let end = start + body.len();
        if self.leaders < end && self.leaders + 4 <= end {
            return true;
        }
        if self.bar >= end {
            return false;
        }
        self.bar == start
            || self.bytes[self.bar] == b'\t'
            || memchr::memchr2(b'|', b'\t', &self.bytes[self.bar + 1..end]).is_some()
    }
}

fn is_list_item(body: &str) -> bool {
    // As most lines begin: a letter marks an item only with a parenthesis.
    if let [first, second, ..] = body.as_bytes()
        && first.is_ascii_alphabetic()
        && *second != b')'
    {
        return false;
    }
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

/// The width to which the lines of a group were wrapped, if they show one.
fn wrap_width(group: &[Shape]) -> Option<usize> {
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
        // middle of a sentence. Many that nearly all begin in upper case are verse or a list,
        // unless they are full without exception, which German prose can be.
        let prose = if pairs <= 3 { upper < pairs } else { upper * 10 < pairs * 8 };
        let all = full == pairs;
        if full >= 2
            && if pairs <= 3 { all && prose } else { all || prose && full * 10 >= pairs * 6 }
        {
            return Some(width);
        }
    }
    None
}

/// For each depth of quoting, in order, the width that most of the wrapped lines agree on within a
/// few columns. Mail is wrapped anew when it is quoted, or not, so depths differ.
fn usual_widths(groups: &[Group]) -> Vec<(u32, usize)> {
    let mut wrapped: Vec<(u32, usize, usize)> =
        groups.iter().filter_map(|group| Some((group.depth, group.lines, group.width?))).collect();
    wrapped.sort_unstable();
    wrapped
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|same_depth| {
            let mut lines = [0; WIDEST_WRAP + 1];
            for &(_, len, width) in same_depth {
                lines[width] += len;
            }
            let agreeing = |width: usize| lines[width - 4..=width].iter().sum::<usize>();
            let usual = (NARROWEST_WRAP..=WIDEST_WRAP)
                .filter(|&width| lines[width] > 0)
                .max_by_key(|&width| (agreeing(width), width))?;
            Some((same_depth[0].0, usual))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_punctuation_is_no_letter() {
        let mut all = ('\0'..=char::MAX).filter(|&c| is_alphanumeric(c) != c.is_alphanumeric());
        assert_eq!(all.next(), None);
    }

    fn split(text: &str) -> Vec<&str> {
        paragraphs(text).into_iter().map(|range| &text[range]).collect()
    }

    const WRAPPED: &str = "The council met on Monday to talk about the bridge, which has been closed\n\
        since a lorry struck one of its pillars in the spring. Repairs will take\n\
        until autumn, and cost more than was first thought.";

    #[test]
    fn one_paragraph_a_line() {
        assert_eq!(
            split("Kurz.\nEin anderer Satz, der auch kurz ist.\n"),
            ["Kurz.", "Ein anderer Satz, der auch kurz ist."]
        );
        assert!(split("").is_empty());
        assert!(split("\n \n\t\n>\n").is_empty());
        assert_eq!(split("x"), ["x"]);
    }

    #[test]
    fn wrapped_text_is_joined() {
        assert_eq!(split(WRAPPED), [WRAPPED]);
        let two = format!("{WRAPPED}\n\n{WRAPPED}\n");
        assert_eq!(split(&two), [WRAPPED, WRAPPED]);
    }

    #[test]
    fn a_wrapped_passage_among_long_lines_stands_alone() {
        let long = "word ".repeat(60);
        let text = format!(
            "Heading\n{WRAPPED}\n{long}\nA line of its own that is not wrapped but has some eighty-eight columns to it.\n{WRAPPED}"
        );
        let split = split(&text);
        assert_eq!(split.len(), 5, "{split:#?}");
        assert_eq!(split[1], WRAPPED);
    }

    #[test]
    fn quoted_text_is_joined_and_ends_with_the_quoting() {
        let quoted = format!("> {}\n", WRAPPED.replace('\n', "\n> "));
        let text = format!("On Monday somebody wrote:\n{quoted}I do not agree.");
        assert_eq!(
            split(&text),
            ["On Monday somebody wrote:", quoted.trim_end(), "I do not agree."]
        );
    }

    #[test]
    fn a_narrower_passage_keeps_its_own_width() {
        let narrow = "The mayor says that the money has to be found before the winter\n\
            comes, since the ferry does not run when there is ice on the water\n\
            and the detour is long.";
        let text = format!("{WRAPPED}\n\n{narrow}\n");
        assert_eq!(split(&text), [WRAPPED, narrow]);
    }

    #[test]
    fn line_breaks_of_every_kind() {
        assert_eq!(
            split("a\r\nb\rc\u{2028}d\u{2029}e\u{85}f\x0cg\x0bh\r\n\r\ni"),
            ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        );
        let carriage = WRAPPED.replace('\n', "\r\n");
        assert_eq!(split(&carriage), [carriage.as_str()]);
    }

    #[test]
    fn markdown() {
        let text = "# Titel\nText.\n- eins\n- zwei\n1. drei\n| a | b |\n|---|---|\n```\nlet x = 1;\n\nlet y = 2;\n```\nUnterstrichen\n=====\n";
        assert_eq!(
            split(text),
            [
                "# Titel",
                "Text.",
                "- eins",
                "- zwei",
                "1. drei",
                "| a | b |",
                "|---|---|",
                "```",
                "let x = 1;",
                "let y = 2;",
                "```",
                "Unterstrichen",
                "====="
            ]
        );
    }

    #[test]
    fn code_within_a_line_opens_no_fence() {
        let text = format!("```cp -r``` copies.\n\n{WRAPPED}\n\n````\n```\nx\ny\n````\n{WRAPPED}");
        let split = split(&text);
        assert_eq!(split[1], WRAPPED);
        assert_eq!(split[2..7], ["````", "```", "x", "y", "````"]);
        assert_eq!(split[7], WRAPPED);
    }

    #[test]
    fn short_lists_are_not_wrapped_text() {
        for list in [
            "Der Streit um die Brücke am unteren Wehr und ihre Folgen ...... 4\n\
             Die Ernte im Tal und was der späte Frost davon ließ ........... 11\n\
             Leserbriefe, Termine und der Fahrplan des Bürgerbusses ........ 17",
            "2031-04-01 06:12:45 gate 3 opened by the keeper, level 212 centimetres\n\
             2031-04-01 07:02:11 gate 3 closed by the keeper, level 205 centimetres\n\
             2031-04-01 07:55:30 gate 4 opened by the keeper, level 209 centimetres",
            "Website of the museum: https://museum.example/visit/opening-hours\n\
             Tickets for the ferry: https://ferry.example/en/tickets/online\n\
             Map of all the paths: https://paths.example/maps/valley/north",
        ] {
            assert_eq!(split(list).len(), 3, "{list}");
        }
    }

    #[test]
    fn a_wrapped_list_item_is_one_paragraph() {
        let item = "- The bridge will stay closed until autumn, says the council, and nobody\n  knows what the detour through the valley will cost those who live there,\n  or whether the shops will last.";
        let text = format!("{item}\n- Another item.\n");
        assert_eq!(split(&text), [item, "- Another item."]);
    }

    #[test]
    fn verse_keeps_its_lines() {
        let verse = "The lamp was out before the morning came to see\nWho sat so long beside the window, counting rain\nAnd wrote no letter to the house beyond the lea\nWhere all the clocks were stopped and never went again";
        assert_eq!(split(verse).len(), 4);
    }

    #[test]
    fn a_short_wrapped_paragraph_takes_the_width_of_the_rest() {
        let short =
            "However, the mayor said that the money for it would have to be found\nsomewhere.";
        let text = format!("{WRAPPED}\n\n{short}\n\nNo.\nYes.\n");
        assert_eq!(split(&text), [WRAPPED, short, "No.", "Yes."]);
    }
}
