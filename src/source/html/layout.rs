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
        let mut rest = text;
        loop {
            let words =
                rest.trim_start_matches(|char: char| char.is_ascii() && is_space(char as u8));
            self.space |= words.len() < rest.len();
            if words.is_empty() {
                return;
            }
            // What is laid out already is written as it stands: words with a space between any two.
            let (words, behind) = words.split_at(len_of_words(words.as_bytes()));
            self.separate(words);
            self.text.push_str(words);
            rest = behind;
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

/// Whether a byte is white space, of which any amount is one space.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\0'
}

/// The length of the words that `text` begins with, as far as they have one space between them.
fn len_of_words(text: &[u8]) -> usize {
    let is_end = |pair: &[u8]| is_space(pair[0]) && (pair[0] != b' ' || is_space(pair[1]));
    let end = text.windows(2).position(is_end);
    end.unwrap_or_else(|| text.len() - usize::from(text.last().is_some_and(|&last| is_space(last))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    #[test]
    fn any_white_space_in_flowing_text_is_one_space() {
        let pieces = ["a", "ä", "bc", " ", " ", "\n", "\t", "\0", "\u{c}", "\u{a0}"];
        for seed in 0..2000 {
            let mut random = random(seed);
            let mut layout = Layout::default();
            let mut whole = String::new();
            for _ in 0..random(4) {
                let text: String = (0..random(9)).map(|_| pieces[random(pieces.len())]).collect();
                layout.flowing(&text);
                whole += &text;
            }
            let words = whole.split(|char: char| char.is_ascii_whitespace() || char == '\0');
            let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
            assert_eq!(layout.finish(), words.join(" "), "{whole:?}");
        }
    }
}
