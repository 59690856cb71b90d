//! Lines of text out of pieces of text and the breaks between them.

use super::element::Role;

/// Text as far as it was laid out.
///
/// What separates two pieces is written when the second comes, so that breaks and spaces that
/// nothing follows leave no trace.
#[derive(Debug, Default)]
pub(super) struct Layout {
    text: String,
    /// Line breaks that blocks ask for: the greatest counts.
    asked: usize,
    /// Line breaks that stand in the page: each counts.
    broken: usize,
    space: bool,
    cell: bool,
    item: bool,
}

impl Layout {
    /// The start of an element that is shown.
    pub(super) fn start(&mut self, role: Role) {
        self.bound(role);
        self.item |= role == Role::Item;
    }

    /// The end of an element that is shown.
    pub(super) fn end(&mut self, role: Role) {
        self.bound(role);
        self.item &= role != Role::Item;
    }

    fn bound(&mut self, role: Role) {
        match role {
            Role::Inline | Role::Hidden | Role::Void => {}
            Role::Break => self.broken += 1,
            Role::Block | Role::Preformatted | Role::List => self.ask(2),
            Role::Item | Role::Line => self.ask(1),
            Role::Cell => self.cell = true,
            Role::Boxed | Role::Opaque => self.space = true,
        }
    }

    /// Text in which any white space is one space.
    pub(super) fn flowing(&mut self, text: &str) {
        let is_space = |char: char| char.is_ascii_whitespace() || char == '\0';
        for piece in text.split_inclusive(is_space) {
            let word = piece.trim_end_matches(is_space);
            if !word.is_empty() {
                self.separate(word);
                self.text.push_str(word);
            }
            self.space |= word.len() < piece.len();
        }
    }

    /// Text in which white space counts.
    pub(super) fn preformatted(&mut self, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            self.broken += usize::from(number > 0);
            let line = line.trim_end_matches('\r');
            if !line.is_empty() {
                self.separate(line);
                self.text.push_str(line);
            }
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end_matches([' ', '\t']).len());
        self.text
    }

    fn ask(&mut self, breaks: usize) {
        self.asked = self.asked.max(breaks);
    }

    fn separate(&mut self, next: &str) {
        let breaks = self.asked.max(self.broken);
        if breaks > 0 {
            self.text.truncate(self.text.trim_end_matches([' ', '\t']).len());
        }
        if self.text.is_empty() {
            // Nothing comes before the first piece.
        } else if breaks > 0 {
            self.text.extend(std::iter::repeat_n('\n', breaks));
        } else if self.cell {
            self.text.push('\t');
        } else if self.space && !self.text.ends_with([' ', '\t']) && !next.starts_with([' ', '\t'])
        {
            // Where white space counts, a box in a line may have some beside it.
            self.text.push(' ');
        }
        if self.item {
            self.text.push_str("- ");
        }
        (self.asked, self.broken) = (0, 0);
        (self.space, self.cell, self.item) = (false, false, false);
    }
}
