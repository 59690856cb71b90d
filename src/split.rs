//! Splitting: an article becomes paragraphs, as a reader would see them.
//!
//! [`paragraphs`] takes a text in any of the usual shapes: one paragraph a line, blocks between blank lines,
//! lines wrapped at some width, Markdown, quoted mail.
//!
//! # Rules
//!
//! 1. A line ends at `\n`, `\r\n`, `\r`, vertical tab, form feed, U+0085, U+2028 or U+2029; form
//!    feed and U+2029 end the paragraph too. A line of white space, zero-width characters and `>`
//!    marks alone is blank and ends the paragraph.
//! 2. A line is a paragraph of its own unless rule 4 joins it to the next.
//! 3. Never joined: a line wider than [`WIDEST_WRAP`] columns (it *is* a paragraph); headings,
//!    rules and underlines, table rows, and every line inside a code fence; a list marker or a
//!    deeper indent begins a paragraph; so does a change in the depth of `>` quoting. Lines may hang from
//!    the first of a paragraph, though, as in bibliographies and manuals: deeper ones go on with it where
//!    rule 4 says so by their widths, and the next line that is less deep than they are begins a paragraph.
//!    They do not if it ends in a colon, a semicolon or an opening bracket, or stands in brackets; nor does
//!    a single one if the first word of that next line would not have fitted into it, unless it begins in
//!    lower case: it is the first line of a paragraph then, with an indent.
//! 4. A line break is a wrap if the first word of the next line would not have fitted; of ideographs
//!    and kana, the first character. To tell that takes the width to which the text was wrapped: the
//!    greatest width for which, in a run of lines, at least two and at least six in ten line breaks are
//!    explained in this way. In a run of four lines or fewer all breaks must be explained, and not all
//!    lines may begin in upper case, unless they are quoted: mail is mostly wrapped. A longer run whose
//!    lines nearly all begin in upper case is verse or a list, unless every break is explained. A
//!    passage too short to tell takes the width of the rest of the article, and is joined too where the
//!    sentence plainly runs on: what stood among narrower lines elsewhere is the same here. Where the
//!    breaks of the others leave it open how wide they were wrapped, it may be as wide as they allow.
//!    The last line of what is joined stays apart if it is a heading of what follows: short, with a
//!    capital at its start and a letter, a digit or a colon at its end, behind a line that ends a
//!    sentence, and not gone on with in lower case.
//!
//! A paragraph's range runs from the start of its first line, quote marks and indent included,
//! to the end of its last, without the line break.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
#![expect(clippy::needless_bitwise_bool, reason = "`&&` and `||` are branches")]

mod lines;
mod opening;
#[cfg(test)]
mod reference;
mod shapes;

use std::cell::Cell;
use std::mem::take;
use std::ops::Range;

use self::lines::{Edges, Window};
use self::opening::{LOWER, Opening, UPPER, may_end_with_white_space};
use self::shapes::{PAIRS, Shapes, Widths, pairs_of};
use crate::canonical::{Canonical, is_zero_width};
use crate::vector::{self, Vector};

/// The widest line, in columns, that can be part of a wrapped paragraph.
pub const WIDEST_WRAP: usize = 110;

/// The narrowest width to which text is taken to be wrapped; narrower lines are verse or lists.
const NARROWEST_WRAP: usize = 50;

/// Characters of a heading that is told from the last line of the paragraph before it.
const LONGEST_HEADING: usize = 40;

/// Bytes of a line, blank ones not counted, in text that has short ones.
const USUAL_LINE: usize = 48;

/// The version of the rules: an index on disk is of use only to the same one.
#[cfg(feature = "index")]
pub(crate) const VERSION: u32 = 5;

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
    vector::run(Split(text))
}

struct Split<'a>(&'a str);

impl vector::Task for Split<'_> {
    type Output = Vec<Range<usize>>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Self::Output {
        paragraphs_with::<V>(self.0)
    }
}

#[inline(always)]
fn paragraphs_with<V: Vector>(text: &str) -> Vec<Range<usize>> {
    let mut room = ROOM.take().unwrap_or_default();
    let mut splitter = Splitter::new(text, &mut room);
    let mut window = Window::new(text.as_bytes(), &mut room.window);
    while window.advance::<V>() {
        splitter.shapes.reserve(window.lines().len());
        let mut signs = window.signs().iter().copied();
        let mut sign = signs.next().unwrap_or(usize::MAX);
        for edges in window.lines() {
            while sign < edges.text {
                sign = signs.next().unwrap_or(usize::MAX);
            }
            splitter.push::<V>(&window, edges, sign);
        }
    }
    window.leave(&mut room.window);
    let paragraphs = splitter.finish::<V>(&mut room);
    ROOM.set(Some(room).filter(|room| room.memory() <= ROOM_KEPT));
    paragraphs
}

/// Memory that is used again for the next text.
#[derive(Default)]
struct Room {
    paragraphs: Vec<Range<usize>>,
    shapes: Shapes,
    window: lines::Room,
}

impl Room {
    fn memory(&self) -> usize {
        let Self { paragraphs, shapes, window } = self;
        let lines = paragraphs.capacity() * size_of::<Range<usize>>();
        lines + shapes.memory() + window.memory()
    }
}

/// What a thread may keep of it.
const ROOM_KEPT: usize = 1 << 16;

thread_local! {
    static ROOM: Cell<Option<Box<Room>>> = const { Cell::new(None) };
}

/// The paragraphs that have canonical bytes; makes `forms` the ranges of those in the canonical
/// form of `text`.
pub(crate) fn with_forms(
    text: &str,
    canonical: &Canonical,
    forms: &mut Vec<Range<usize>>,
) -> Vec<Range<usize>> {
    let mut all = paragraphs(text);
    canonical.to_canonical(&all, forms);
    if forms.iter().any(Range::is_empty) {
        let mut of_all = forms.iter();
        all.retain(|_| of_all.next().is_some_and(|form| !form.is_empty()));
        forms.retain(|form| !form.is_empty());
    }
    all
}

/// A line that is not blank.
struct Line {
    range: Range<usize>,
    /// Its text, without quote marks and white space around it.
    text: Range<usize>,
    /// Bytes of white space between the quote marks and the text.
    indent: usize,
    depth: u32,
    /// Columns of the text, and with its indent.
    text_columns: usize,
    columns: usize,
    /// Whether nothing may be joined to it.
    alone: bool,
    item: bool,
    /// `UPPER`, `LOWER` or 0.
    starts: u8,
}

impl Line {
    fn is_wide(&self) -> bool {
        // A column takes at most four bytes.
        (self.columns > WIDEST_WRAP) | (self.indent + self.text.len() > 4 * WIDEST_WRAP)
    }
}

/// What the line before says about the next.
#[derive(Default)]
struct Last {
    /// Whether nothing may be joined to it.
    ends: bool,
    depth: u32,
    /// The deepest indent that goes on with it.
    indent: usize,
    /// Its own.
    columns: usize,
}

/// A run of lines that nothing but their widths keeps apart, and that show no width.
struct Group {
    depth: u32,
    /// Of its lines, among the paragraphs.
    first: usize,
    lines: usize,
    /// Whether the others hang from the first.
    hangs: bool,
}

/// The width that a group of lines shows.
struct Shown {
    depth: u32,
    lines: usize,
    width: usize,
    /// The greatest width that explains the same line breaks.
    most: usize,
}

/// The width of most of the wrapped lines of an article, and the greatest that it can have been.
struct Usual {
    depth: u32,
    width: usize,
    most: usize,
}

impl Usual {
    /// The width of a group that shows none, whose lines have these.
    fn of(&self, lines: Widths) -> usize {
        lines.widest(self.most).map_or(self.width, |widest| widest.max(self.width))
    }
}

/// Makes paragraphs of lines as they come, but for groups whose width the rest of the article says.
struct Splitter<'a> {
    text: &'a str,
    /// Lines where they are not joined yet: those of the group at hand and of `undecided`.
    paragraphs: Vec<Range<usize>>,
    undecided: Vec<Group>,
    /// Of the lines of undecided groups, and then of the group at hand.
    shapes: Shapes,
    /// Where in `shapes` the group at hand begins.
    first: usize,
    /// Of its lines.
    widths: Widths,
    shown: Vec<Shown>,
    /// The least indent that goes on with them: of those that hang from the first, else none.
    hanging: usize,
    fence: Option<Fence>,
    last: Last,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, room: &mut Room) -> Self {
        let mut paragraphs = take(&mut room.paragraphs);
        paragraphs.reserve(text.len() / USUAL_LINE + 1);
        Self {
            text,
            paragraphs,
            undecided: Vec::new(),
            shapes: take(&mut room.shapes),
            first: 0,
            widths: Widths::default(),
            shown: Vec::new(),
            hanging: 0,
            fence: None,
            last: Last::default(),
        }
    }

    /// Adds a line; `sign` is the first sign of a table row after the start of its text.
    #[inline(always)]
    fn push<V: Vector>(&mut self, window: &Window<'_>, edges: Edges, sign: usize) {
        let bytes = self.text.as_bytes();
        let (start, fresh) = window.line(edges.text);
        // The carriage return of a pair; any other ends a line.
        let range = start..edges.end - usize::from(bytes[edges.end - 1] == b'\r');
        let text = edges.text..window.text_end(edges.end);
        let opening = Opening::of(bytes, &text);
        // One branch for all that few lines have.
        let closer = opening.closer
            | may_end_with_white_space(bytes, &text)
            | (sign < text.end)
            | window.has_wide_breaks()
            | self.fence.is_some();
        let indent = text.start - start;
        let text_columns = window.columns(&text);
        let mut line = Line {
            range,
            indent,
            depth: 0,
            text_columns,
            columns: indent + text_columns,
            alone: opening.alone,
            item: opening.item,
            starts: opening.starts,
            text,
        };
        line.alone |= line.is_wide();
        if closer {
            let Some(corrected) = self.look_closer(window, line) else {
                self.last.ends = true;
                return;
            };
            line = corrected;
        }
        let apart =
            fresh | line.alone | line.item | self.last.ends | (line.depth != self.last.depth);
        let begins = apart | (line.indent > self.last.indent) | (line.indent < self.hanging);
        let mut reach = 0;
        if begins && (apart || !self.goes_on(window, &line)) {
            self.end_group::<V>();
            self.hanging = 0;
        } else {
            reach = self.reach(window, &line);
        }
        self.shapes.push(line.columns, reach, line.starts);
        self.widths.insert(Widths::of(line.columns));
        self.paragraphs.push(line.range);
        let indent = if line.item { usize::MAX } else { line.indent };
        self.last = Last { ends: line.alone, depth: line.depth, indent, columns: line.columns };
    }

    /// The columns to which the last line would reach with the first word of `line`.
    #[inline(always)]
    fn reach(&self, window: &Window<'_>, line: &Line) -> usize {
        self.last.columns + window.first_word(&line.text).min(line.text_columns)
    }

    /// Whether `line` goes on with the last one although one of them is set deeper.
    #[cold]
    fn goes_on(&mut self, window: &Window<'_>, line: &Line) -> bool {
        let reach = self.reach(window, line);
        if line.indent < self.hanging {
            let is_second = self.shapes.len() == self.first + 2
                && self.shapes.may_begin_a_paragraph(self.first + 1, reach);
            if is_second {
                // What seemed to hang from the line before is the first line of a paragraph.
                self.shapes.forget(self.first);
                self.widths = Widths::of(self.last.columns);
                self.hanging = 0;
            }
            return is_second;
        }
        // Lines hang from the first as those of an entry of a bibliography do, all as deep.
        let last = self.paragraphs.last().map_or("", |last| &self.text[last.clone()]);
        let hangs = self.shapes.len() == self.first + 1
            && self.last.columns >= NARROWEST_WRAP
            && line.columns <= reach
            && !stands_apart(last);
        if hangs {
            self.hanging = line.indent;
        }
        hangs
    }

    /// Corrects what is known of a line by its characters; nothing if it is blank.
    #[inline(never)]
    fn look_closer(&mut self, window: &Window<'_>, mut line: Line) -> Option<Line> {
        let wide_break = self.text.as_bytes().get(..=line.range.end).map_or(0, wide_break);
        if wide_break > 0 || is_padded(&self.text[line.text.clone()]) {
            // It ended before the last byte of the line break.
            line.range.end -= wide_break.saturating_sub(1);
            let (depth, unquoted) = unquote(&self.text[line.range.clone()]);
            let content = unquoted.trim_end();
            let start = line.range.end - unquoted.len();
            let end = start + content.len();
            line.depth = depth;
            line.indent = content.len() - content.trim_start().len();
            line.text = start + line.indent..end;
            line.text_columns = window.columns(&line.text);
            line.columns = window.columns(&(start..end));
        }
        let text = &self.text[line.text.clone()];
        let first = *text.as_bytes().first()?;
        line.alone = line.is_wide()
            || first == b'#' && is_heading(text)
            || !is_word(first) && is_rule(text)
            || is_row(self.text.as_bytes(), &line.text, window.signs_in(&line.text));
        line.item = is_list_item(text);
        line.starts = case(text);
        if self.fence.is_some() || first == b'`' || first == b'~' {
            let marker = Fence::find(text);
            if self.fence.is_some() || marker.is_some_and(Fence::opens) {
                line.alone = true;
                self.fence = match (self.fence, marker) {
                    (None, marker) => marker,
                    (Some(open), Some(close)) if close.closes(open) => None,
                    (open, _) => open,
                };
            }
        }
        Some(line)
    }

    /// Joins the lines of the group at hand, if they show a width.
    #[inline(always)]
    fn end_group<V: Vector>(&mut self) {
        let group = self.first..self.shapes.len();
        let (lines, depth) = (group.len(), self.last.depth);
        let first = self.paragraphs.len() - lines;
        let widths = take(&mut self.widths);
        if lines > 2
            && let Some(width) = self.shapes.wrap_width::<V>(group.clone(), widths, depth > 0)
        {
            let lines_of_group = first..first + lines;
            let mut joined = Joined::new(self.text, &mut self.paragraphs, lines_of_group, first);
            for (from, shape) in (first..first + lines - 1).zip(group).step_by(PAIRS) {
                joined.push(from, self.shapes.full::<V>(shape, width));
            }
            let end = joined.finish();
            self.paragraphs.truncate(end);
            let most = self.shapes.most(self.first..self.shapes.len(), width);
            self.shown.push(Shown { depth, lines, width, most });
        } else if lines > 1 {
            self.undecided.push(Group { depth, first, lines, hangs: self.hanging > 0 });
            self.first = self.shapes.len();
            return;
        }
        self.shapes.truncate(self.first);
    }

    #[inline(always)]
    fn finish<V: Vector>(mut self, room: &mut Room) -> Vec<Range<usize>> {
        self.end_group::<V>();
        let usual = usual_widths(self.shown);
        let (text, mut paragraphs, mut shapes) = (self.text, self.paragraphs, self.shapes);
        // What lies before `read` is joined and ends at `kept`; `shape` is the next group's first.
        let (mut read, mut kept, mut shape) = (0, 0, 0);
        for Group { depth, first, lines, hangs } in self.undecided {
            kept = shift(&mut paragraphs, read..first, kept);
            read = first + lines;
            let same_depth = usual.binary_search_by_key(&depth, |usual| usual.depth).ok();
            let like_it = same_depth.map(|at| &usual[at]).or(usual.first());
            let width = like_it.map(|usual| usual.of(shapes.widths(shape..shape + lines)));
            let mut joined = Joined::new(text, &mut paragraphs, first..read, kept);
            for (from, shape) in (first..read - 1).zip(shape..).step_by(PAIRS) {
                let full = width.map_or(0, |width| shapes.full::<V>(shape, width));
                let mut others = shapes.lower::<V>(shape) & !full & pairs_of(read - 1 - from);
                // Code is set like this too, so the width has to say that it goes on.
                others &= !u64::from(hangs & (from == first));
                joined.push(from, full | joined.running_on(from, &shapes, shape, others));
            }
            kept = joined.finish();
            shape += lines;
        }
        let all = paragraphs.len();
        kept = shift(&mut paragraphs, read..all, kept);
        // They stay with the article.
        let all = paragraphs[..kept].to_vec();
        paragraphs.clear();
        shapes.truncate(0);
        (room.paragraphs, room.shapes) = (paragraphs, shapes);
        all
    }
}

/// Moves `range` down to `to`; returns its end there.
fn shift(lines: &mut [Range<usize>], range: Range<usize>, to: usize) -> usize {
    let end = to + range.len();
    if to < range.start {
        for (to, from) in (to..).zip(range) {
            lines[to] = lines[from].clone();
        }
    }
    end
}

/// Lines of a group that are joined and moved down.
struct Joined<'a> {
    text: &'a str,
    lines: &'a mut [Range<usize>],
    last: usize,
    /// Where the paragraph at hand goes, and begins.
    kept: usize,
    start: usize,
}

impl<'a> Joined<'a> {
    #[inline(always)]
    fn new(text: &'a str, lines: &'a mut [Range<usize>], group: Range<usize>, kept: usize) -> Self {
        let start = lines[group.start].start;
        Self { text, lines, last: group.end - 1, kept, start }
    }

    /// Goes on with as many lines from `from` on as there are [`PAIRS`], given a bit in four for
    /// each that goes on in the next.
    #[inline(always)]
    fn push(&mut self, from: usize, goes_on: u64) {
        let mut ends = pairs_of(self.last - from) & !goes_on;
        while ends != 0 {
            let line = from + ends.trailing_zeros() as usize / 4;
            self.end_paragraph(line);
            self.start = self.lines[line + 1].start;
            ends &= ends - 1;
        }
    }

    /// Which of these lines plainly run on, of those behind which one begins in lower case: both as
    /// [`Self::push`] is given it.
    fn running_on(&self, from: usize, shapes: &Shapes, shape: usize, mut lines: u64) -> u64 {
        let mut running_on = 0;
        while lines != 0 {
            let at = lines.trailing_zeros() as usize / 4;
            let text = |line: usize| &self.text[self.lines[from + line].clone()];
            let next = || unquote(text(at + 1)).1.trim_start();
            if shapes.may_run_on(shape + at)
                && !sentence_ends(text(at).trim_end())
                && !is_definition(next())
            {
                running_on |= lines & lines.wrapping_neg();
            }
            lines &= lines - 1;
        }
        running_on
    }

    fn end_paragraph(&mut self, line: usize) {
        let range = self.lines[line].clone();
        if self.start < range.start {
            let text = |line: usize| &self.text[self.lines[line].clone()];
            let next = (line < self.last).then(|| text(line + 1));
            if is_heading_behind(text(line - 1), text(line), next) {
                self.keep(self.lines[line - 1].end);
                self.start = range.start;
            }
        }
        self.keep(range.end);
    }

    fn keep(&mut self, end: usize) {
        self.lines[self.kept] = self.start..end;
        self.kept += 1;
    }

    /// Returns the end of what is kept.
    #[inline(always)]
    fn finish(mut self) -> usize {
        self.end_paragraph(self.last);
        self.kept
    }
}

/// The length of the line break beyond ASCII that `bytes` end with.
fn wide_break(bytes: &[u8]) -> usize {
    match bytes {
        [.., 0xE2, 0x80, 0xA8 | 0xA9] => 3,
        [.., 0xC2, 0x85] => 2,
        _ => 0,
    }
}

/// Whether `text`, which spaces and tabs do not surround, begins with a quote mark or what
/// vanishes, or ends with white space.
fn is_padded(text: &str) -> bool {
    let vanishes = |c: char| c.is_whitespace() || is_zero_width(c);
    let [first, .., last] = text.as_bytes() else { return true };
    *first == b'>'
        || !first.is_ascii() && text.starts_with(vanishes)
        || !last.is_ascii() && text.ends_with(char::is_whitespace)
}

/// Whether a line is a row of a table or an entry of a table of contents, which the bars, tabs and
/// dots after three dots in its text say.
fn is_row(bytes: &[u8], text: &Range<usize>, signs: &[usize]) -> bool {
    match *signs {
        [] => false,
        [sign] => bytes[sign] != b'|' || sign == text.start,
        _ => true,
    }
}

/// How `text` begins: as a sentence or an entry of a list does, with a capital or a digit, or in
/// the middle of something; or with a letter of a script without case, or with none.
fn case(text: &str) -> u8 {
    match text.chars().find(|&c| is_alphanumeric(c)) {
        Some(c) if c.is_lowercase() => LOWER,
        Some(c) if c.is_uppercase() || c.is_numeric() => UPPER,
        _ => 0,
    }
}

fn sentence_ends(content: &str) -> bool {
    match content.as_bytes().last() {
        Some(b'.' | b'!' | b'?' | b':' | b';') => return true,
        Some(b'"' | b'\'' | b')' | b']' | 0x80..) => {}
        _ => return false,
    }
    // In French a space stands before the quote.
    let closing = ['"', '\'', ')', ']', '“', '”', '»', '«', ' ', '\u{A0}', '\u{202F}'];
    content.trim_end_matches(closing).ends_with(['.', '!', '?', ':', ';', '\u{2026}', '\u{3002}'])
}

/// Whether nothing hangs from `line`: it announces what is set deeper, is code, which is set like this too,
/// or is a remark in brackets, as the record of a debate has them.
fn stands_apart(line: &str) -> bool {
    let line = unquote(line).1.trim();
    line.ends_with([':', ';', '(', '[', '{'])
        || line.starts_with('(') && line.find(')') == Some(line.len() - 1)
}

/// Whether a line says where a link of Markdown leads.
fn is_definition(body: &str) -> bool {
    body.strip_prefix('[').is_some_and(|label| label.contains("]: "))
}

/// Whether a byte is part of a word in ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Whether `line`, the last of a paragraph and not its first, is a heading of what follows, or says who
/// wrote that: short, with a capital at its start and no full stop at its end, where the line before ends
/// a sentence and the next does not go on with it.
fn is_heading_behind(before: &str, line: &str, next: Option<&str>) -> bool {
    // Few lines but the last of a paragraph end a sentence, so that is asked first.
    let before = before.trim_end();
    if !sentence_ends(before) {
        return false;
    }
    let line = unquote(line).1.trim();
    // German dates have a full stop in them: "am 1. Mai".
    let is_number = before.strip_suffix('.').is_some_and(|rest| rest.ends_with(char::is_numeric));
    line.ends_with(|c| c == ':' || is_alphanumeric(c))
        && line.chars().find(|&c| is_alphanumeric(c)).is_some_and(char::is_uppercase)
        && line.chars().nth(LONGEST_HEADING).is_none()
        && !is_number
        && next.is_none_or(|next| case(next) != LOWER)
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

fn is_heading(body: &str) -> bool {
    let rest = body.trim_start_matches('#');
    (1..=6).contains(&(body.len() - rest.len())) && (rest.is_empty() || rest.starts_with(' '))
}

/// A line of signs alone: a rule, an underline, a row of dots.
fn is_rule(body: &str) -> bool {
    !body.bytes().any(is_word) && !body.chars().any(is_alphanumeric)
}

/// As the method of `char`, which looks into tables for the quotes and dashes that many lines begin with.
fn is_alphanumeric(character: char) -> bool {
    !matches!(character, '\u{2000}'..='\u{206F}') && character.is_alphanumeric()
}

fn is_list_item(body: &str) -> bool {
    let mut characters = body.chars();
    let label = match characters.next() {
        Some(
            '-' | '*' | '+' | '\u{2022}' | '\u{2023}' | '\u{25AA}' | '\u{25E6}' | '\u{2013}'
            | '\u{2014}' | '\u{B7}',
        ) => return characters.next().is_some_and(char::is_whitespace),
        Some('0'..='9') => body.bytes().take_while(u8::is_ascii_digit).count(),
        Some('a'..='z' | 'A'..='Z') => 1,
        _ => return false,
    };
    let mut rest = body[label..].chars();
    let marked = match rest.next() {
        Some(')') => true,
        Some('.') => body.starts_with(|c: char| c.is_ascii_digit()),
        _ => false,
    };
    label <= 3 && marked && rest.next().is_some_and(char::is_whitespace)
}

/// For each depth of quoting, in order, the width that most of the wrapped lines agree on within a
/// few columns, and what it can have been. Mail is wrapped anew when it is quoted, or not, so depths differ.
fn usual_widths(mut shown: Vec<Shown>) -> Vec<Usual> {
    // Nearly always there is but one.
    if !shown.is_sorted_by_key(|shown| shown.depth) {
        shown.sort_unstable_by_key(|shown| shown.depth);
    }
    shown
        .chunk_by(|a, b| a.depth == b.depth)
        .filter_map(|same_depth| {
            let mut lines = [0; WIDEST_WRAP + 1];
            for shown in same_depth {
                lines[shown.width] += shown.lines;
            }
            let agreeing = |width: usize| lines[width - 4..=width].iter().sum::<usize>();
            let usual = (NARROWEST_WRAP..=WIDEST_WRAP)
                .filter(|&width| lines[width] > 0)
                .max_by_key(|&width| (agreeing(width), width))?;
            let alike =
                same_depth.iter().filter(|shown| (usual - 4..=usual).contains(&shown.width));
            let most = alike.map(|shown| shown.most).min()?;
            Some(Usual { depth: same_depth[0].depth, width: usual, most })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn few_lines_in_upper_case_are_a_list_unless_they_are_quoted() {
        let list = "The keeper of the lower lock, whose name nobody remembers now\n\
            Lengthening the pier by thirty metres, which took three years\n\
            Opening the bridge.";
        assert_eq!(split(list).len(), 3);
        let quoted = format!("> {}", list.replace('\n', "\n> "));
        assert_eq!(split(&quoted), [quoted.as_str()]);
    }

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
    fn wide_characters_are_wrapped_as_their_scripts_are() {
        // Full-width signs take two columns as ideographs do.
        let chinese = "市议会星期一开会，讨论了那座桥的事情（它从春天起就关闭了，因为\n\
            卡车撞坏了桥墩（修理要到秋天），费用（据说）也比估计的高得多，\n\
            议员对此不满意：有人问，为什么没有早一点检查？还有人说，这样不\n\
            行！今年一定要修好。";
        assert_eq!(split(chinese), [chinese]);
        // Hangul has spaces, at which its lines end.
        let korean = "시의회는 월요일에 모여 봄부터 닫혀 있는 다리에 대하여\n\
            이야기하였다. 트럭 한 대가 교각 하나를 들이받았기 때문인데,\n\
            수리는 가을까지 걸리고 비용도 처음에 생각했던 것보다 훨씬 많이\n\
            들 것이라고 한다.";
        assert_eq!(split(korean), [korean]);
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
    fn a_short_passage_that_runs_on_is_the_same_among_wider_lines() {
        let short = "* The gate keeper said that the lock at the upper weir was not to be\n  \
            opened before the flood is over.";
        let wide = "The council met on Monday to talk about the bridge, which has been closed since a lorry\n\
            struck one of its pillars in the spring, and about the lock, which is older than that.\n\
            Repairs will take until autumn, and will cost a good deal more than was thought at first\n\
            by those who had to say what they cost.";
        for others in ["", WRAPPED, wide] {
            let text = format!("{others}\n\n{short}\n");
            assert_eq!(split(&text).last(), Some(&short), "after {others:?}");
        }
        let links = "[lock]: https://weir.example/the-lock-at-the-upper-weir/in-the-flood\n\
            [gate]: https://weir.example/gate";
        assert_eq!(split(links), links.lines().collect::<Vec<_>>());
        let list = "Here is what came in until the end of the week, in no order at all:\n\
            Bread and butter\nSalt";
        let text = format!("{wide}\n\n{list}\n");
        assert_eq!(split(&text)[split(wide).len()..], list.lines().collect::<Vec<_>>());
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
    fn lines_that_hang_from_the_first_are_of_its_paragraph() {
        let entries = [
            "Ward, H., On the keeping of bridges in the valleys of the upper reach,\n    \
                which were built for carts and carry lorries now, in: Annals of the\n    \
                Society of Engineers.",
            "Ott, P., What the flood of the year before last left of the old quay and\n    \
                of the houses that stood on it.",
        ];
        let lines = entries.join("\n");
        assert_eq!(split(&lines), entries);
        let blocks = format!("{}\n\n{WRAPPED}\n", entries.join("\n\n"));
        assert_eq!(split(&blocks), [entries[0], entries[1], WRAPPED]);
        let quoted = format!("> {}", lines.replace('\n', "\n> "));
        assert_eq!(split(&quoted).len(), 2);
        let clause = "(12a) the keeper of the lock (or who stands in for the keeper by the day)\n      \
            who has the keys of the gates;";
        assert_eq!(split(&format!("{clause}\n\n{WRAPPED}")), [clause, WRAPPED]);
    }

    #[test]
    fn what_is_set_deeper_does_not_hang_from_every_line() {
        // The first lines of paragraphs.
        let first = WRAPPED.replacen("The council", "   The council", 1);
        let text = format!("{WRAPPED}\n{first}\n{first}");
        assert_eq!(split(&text), [WRAPPED, first.as_str(), first.as_str()]);
        let line = "Nobody had asked what the ferry was to bring in the years that were to come";
        let text = format!("{line}\n{first}\n\n{line}\n{first}\n{line}");
        assert_eq!(split(&text), [line, first.as_str(), line, first.as_str(), line]);
        let text = format!("The Lower Lock\n{first}");
        assert_eq!(split(&text), ["The Lower Lock", first.as_str()]);
        // The first word of the second would not have fitted into the first.
        for (before, deeper) in [
            // What a line announces.
            (
                "They had been told last year what it would cost, in the engineer's own words:",
                "    Half of what the town has, and all it hopes for.",
            ),
            // Code.
            (
                "pub fn cost_of_bridge(span: usize, carts: usize, lorries: usize) -> Result {",
                "    let metres = span * carts;",
            ),
            (
                "    let cost = cost_of_bridge(length_in_metres, carts_in_a_day, Some(lorries(",
                "        of_the_last_year,",
            ),
            (
                "    static FLOODS_OF_THE_REACH_IN_CENTIMETRES_AT_THE_LOWER_LOCK: [u32; 3] = [",
                "        212, 205, 209,",
            ),
            (
                "    while (gate->level > FLOOD && gate->keeper != NULL) gate->level -= drain;",
                "        shut_all_of(gate);",
            ),
            // Who speaks behind a remark.
            (
                "(Applause from the council, and from those of the town who came by the ferry)",
                "  The mayor of the upper reach:",
            ),
        ] {
            let text = format!("{before}\n{deeper}\n\n{WRAPPED}");
            assert_eq!(split(&text), [before, deeper, WRAPPED]);
        }
    }

    #[test]
    fn a_heading_behind_a_wrapped_paragraph_stands_apart() {
        let long = "word ".repeat(60);
        let long = long.trim_end();
        // It would not have fitted into the last line.
        let full = WRAPPED.replace("first thought", "first thought by those who decided");
        assert_eq!(
            split(&format!("{full}\nRelated stories\n{long}")),
            [&*full, "Related stories", long]
        );
        let french = full.replace("decided.", "ask ?\u{A0}»");
        assert_eq!(split(&format!("{french}\nRelated stories")), [&*french, "Related stories"]);
        let wrote = format!("{full}\nSomebody wrote:\n> Yes.");
        assert_eq!(split(&wrote), [&*full, "Somebody wrote:", "> Yes."]);
        let quoted = format!("> {}", full.replace('\n', "\n> "));
        assert_eq!(
            split(&format!("{quoted}\n> Related stories\n")),
            [&*quoted, "> Related stories"]
        );
        for behind in [
            "Nobody knows why.",
            "in spring",
            "Nobody,",
            "1 May",
            "A line of more than forty characters in all",
        ] {
            let all = format!("{full}\n{behind}");
            assert_eq!(split(&all), [&*all], "{behind}");
        }
        for end in ["who decided", "who asked 1."] {
            let all = full.replace("who decided.", end) + "\nMay evenings";
            assert_eq!(split(&all), [&*all], "{end}");
        }
        // The sentence goes on, though it is not told why the line was broken there.
        let goes_on = format!("{full}\nThe mayor of the town\nand its council know.");
        assert_eq!(
            split(&goes_on),
            [&*format!("{full}\nThe mayor of the town"), "and its council know."]
        );
    }

    #[test]
    fn verse_keeps_its_lines() {
        let verse = "The lamp was out before the morning came to see\nWho sat so long beside the window, counting rain\nAnd wrote no letter to the house beyond the lea\nWhere all the clocks were stopped and never went again";
        assert_eq!(split(verse).len(), 4);
    }

    #[test]
    fn a_short_paragraph_may_be_wider_than_the_others_show() {
        // Of the first, the longest line has 63 columns, and it may have been wrapped to 68.
        let shows = "> The program reads its settings from the directory that somebody\n\
             > began it in, and whoever is permitted to write files in there\n\
             > decides.";
        let short = "> A buffer overflow in the program that sends mail to the local group\n\
             > Postmasters.";
        let text = format!("{shows}\n\nYes.\n\n{short}\n\nNo.\n");
        assert_eq!(split(&text), [shows, "Yes.", short, "No."]);
        // It would have fitted where the first was broken.
        let wide = short.replace("local group", "local group of three");
        let text = format!("{shows}\n\nYes.\n\n{wide}\n\nNo.\n");
        assert_eq!(split(&text).len(), 5);
    }

    #[test]
    fn a_short_wrapped_paragraph_takes_the_width_of_the_rest() {
        let short =
            "However, the mayor said that the money for it would have to be found\nsomewhere.";
        let text = format!("{WRAPPED}\n\n{short}\n\nNo.\nYes.\n");
        assert_eq!(split(&text), [WRAPPED, short, "No.", "Yes."]);
    }

    /// What the rules look at, and words of several widths and scripts.
    fn piece() -> impl Strategy<Value = String> {
        const SIGNS: &[&str] = &[
            "\n",
            "\n",
            "\n",
            "\n",
            "\r\n",
            "\r\n",
            "\r",
            "\u{B}",
            "\u{C}",
            "\u{85}",
            "\u{2028}",
            "\u{2029}",
            "\n\n",
            "\n \n",
            "> ",
            ">",
            " ",
            " ",
            "  ",
            "    ",
            "\t",
            "|",
            "| a | b |",
            "....",
            "...",
            ".",
            "-",
            "- ",
            "* ",
            "+ ",
            "*",
            "1. ",
            "12) ",
            "(",
            ")",
            "a)",
            "a) ",
            "#",
            "# ",
            ":",
            ";",
            "[",
            "{",
            "```",
            "~~~",
            "````",
            "=====",
            "\u{2022} ",
            "\u{2013} ",
            "\u{201C}",
            "\u{201D}",
            "\"",
            "!",
            "\u{2026}",
            "\u{A0}",
            "\u{3000}",
            "\u{AD}",
            "\u{200B}",
            "\u{FEFF}",
            "e\u{301}",
            "\u{6F22}\u{5B57}",
            "\u{D55C}\u{AD6D}",
            "\u{FF08}",
            "\u{FF5E}\u{FF61}",
            "\u{1F600}",
            "\u{A8}",
            "\u{A9}",
            "\u{300A}",
            "\u{445}",
            "\0",
            "\u{7F}",
            "\u{DC}ber",
            "A",
            "z",
            "7",
        ];
        prop_oneof![
            6 => proptest::sample::select(SIGNS).prop_map(str::to_owned),
            3 => "[a-zA-Z\u{E4}\u{DF}]{1,12}[.,;]? ",
            1 => "( |\t|\u{A0}|>|\u{300}|\u{6F22}|[\u{AC00}\u{D7A3}\u{FF0C}\u{FF5D}\u{FF71}]|x){0,130}",
            3 => wrapped(),
        ]
    }

    /// A passage that is wrapped to some width, or nearly.
    fn wrapped() -> impl Strategy<Value = String> {
        let words = proptest::collection::vec(
            "[a-z\u{E4}\u{6F22}]{1,9}[.]?|[A-Z][a-z]{1,9}|[\u{FF08}\u{AC00}\u{D55C}]{1,4}",
            5..70,
        );
        let ends = proptest::sample::select(&["\n", "\r\n", "\n> ", "\n  "][..]);
        (words, 45..115_usize, ends, 0..4_usize).prop_map(|(words, width, end, off)| {
            let (mut text, mut column) = (String::new(), 0);
            for word in words {
                if column + word.len() > width - word.len() % (off + 1) {
                    text += end;
                    column = 0;
                }
                column += word.len() + 1;
                text += &word;
                text.push(' ');
            }
            text
        })
    }

    proptest! {
        #[test]
        fn paragraphs_are_those_of_the_reference(
            pieces in proptest::collection::vec(piece(), 0..60),
            // Windows of lines begin anywhere.
            blocks in 0..3_usize,
        ) {
            let piece = pieces.concat();
            let mut text = piece.repeat(if blocks == 0 { 1 } else { 3000 * blocks / (piece.len() + 1) + 1 });
            text += &piece;
            let expected = reference::paragraphs(&text);
            vector::run_each(|| Split(&text), |paragraphs| assert_eq!(paragraphs, expected));
        }
    }

    /// A window ends with its last line break, which then may be the last of its bytes.
    #[test]
    fn windows_end_with_line_breaks_of_every_kind() {
        for line_break in ["\n", "\r\n", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
            for len in (1..9).chain(60..66) {
                let line = "x".repeat(len) + line_break;
                let text = line.repeat(4200 / line.len());
                // Behind another text, of which there is more room.
                paragraphs(&"y\n".repeat(3000));
                let expected = reference::paragraphs(&text);
                vector::run_each(|| Split(&text), |found| assert_eq!(found, expected));
            }
        }
    }

    #[test]
    fn a_line_longer_than_a_window_is_a_line() {
        for blank in [0, 100, 4000, 20_000] {
            let spaces = " ".repeat(blank);
            let text = format!(
                "a\n\n{spaces}b{spaces}\n{}\n> {spaces}\n{WRAPPED}{spaces}",
                "c".repeat(9000)
            );
            assert_eq!(paragraphs(&text), reference::paragraphs(&text));
        }
    }
}
