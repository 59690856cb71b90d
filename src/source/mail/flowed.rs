//! Text that says which ends of its lines are its own: `format=flowed`, RFC 3676.

/// How the lines of a plain text end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// As they stand.
    Fixed,
    /// One that ends with a space goes on in the next.
    Flowed {
        /// And that space is none of the text.
        without_space: bool,
    },
}

impl Flow {
    /// The text with its own lines. Those that are quoted keep their marks; one that ends with a
    /// space before an empty line goes on nowhere, as a space too many is likelier there than a
    /// paragraph of nothing.
    pub(super) fn join(self, text: &str) -> Option<String> {
        let Self::Flowed { without_space } = self else { return None };
        let mut joined = String::with_capacity(text.len());
        // The depth of quoting of a line that goes on.
        let mut open = None;
        for (number, line) in text.lines().enumerate() {
            let marked = line.trim_start_matches('>');
            let (marks, _) = line.split_at(line.len() - marked.len());
            // A space is put before what would seem to be quoted, and mostly behind marks.
            let content = marked.strip_prefix(' ').unwrap_or(marked);
            let is_separator = content == "-- "; // before a signature
            if open != Some(marks.len()) || content.is_empty() || is_separator {
                if number > 0 {
                    joined.push('\n');
                }
                joined.push_str(marks);
                if !marks.is_empty() && !content.is_empty() {
                    joined.push(' ');
                }
            }
            let flowing = content.strip_suffix(' ').filter(|_| !is_separator);
            joined.push_str(flowing.filter(|_| without_space).unwrap_or(content));
            open = flowing.map(|_| marks.len());
        }
        Some(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_end_with_a_space_go_on() {
        let joined = |text| Flow::Flowed { without_space: false }.join(text).unwrap();
        for (text, expected) in [
            ("", ""),
            ("eins \nzwei\ndrei", "eins zwei\ndrei"),
            ("eins  \nzwei \n", "eins  zwei "),
            // The start of a line, if it could be taken for something else.
            (" From hier \n >dort\n  hin", "From hier >dort\n hin"),
            // Quoted, each depth by itself.
            ("> eins \n> zwei\n>> drei \n> vier \nfünf", "> eins zwei\n>> drei \n> vier \nfünf"),
            (">eins \n> zwei\n> \n>\n> drei", "> eins zwei\n>\n>\n> drei"),
            ("> > eins \n> zwei", "> > eins zwei"),
            // A signature, and what is before and behind it.
            ("eins \n-- \nzwei", "eins \n-- \nzwei"),
            ("> eins \n> -- \n> zwei", "> eins \n> -- \n> zwei"),
            // Paragraphs stay apart, whatever they end with.
            ("\neins \n\nzwei", "\neins \n\nzwei"),
        ] {
            assert_eq!(joined(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_space_may_be_none_of_the_text() {
        let joined =
            Flow::Flowed { without_space: true }.join("これは \n一つの  \n文です。\n-- \nx");
        assert_eq!(joined.as_deref(), Some("これは一つの 文です。\n-- \nx"));
        assert_eq!(Flow::Fixed.join("a \nb"), None);
    }
}
