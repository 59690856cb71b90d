//! Text of strangers, made fit to be shown.

/// The longest excerpt of a text, in characters.
const TEXT: usize = 480;

/// And in lines.
const LINES: usize = 12;

/// The same for a name.
const NAME: usize = 100;

/// `text`, with its middle left out if it has more than `most` characters, three at least.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.char_indices().nth(most).is_none() {
        return visible(text);
    }
    let tail = most / 3;
    let head = text.char_indices().nth(most - tail).map_or(0, |(at, _)| at);
    let tail = text.char_indices().nth_back(tail - 1).map_or(text.len(), |(at, _)| at);
    let (head, tail) = (&text[..head], &text[tail..]);
    // Whole words, where there are words.
    let head = head
        .rfind(char::is_whitespace)
        .filter(|at| *at > head.len() / 2)
        .map_or(head, |at| &head[..at]);
    let tail = tail
        .find(char::is_whitespace)
        .filter(|at| *at < tail.len() / 2)
        .map_or(tail, |at| &tail[at..]);
    format!("{} […] {}", visible(head).trim_end(), visible(tail).trim_start())
}

/// An excerpt of at most `LINES` lines, of which none is empty.
pub(crate) fn paragraphs(text: &str) -> String {
    let text = excerpt(text, TEXT);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.len() <= LINES {
        return lines.join("\n");
    }
    let (head, tail) = (&lines[..LINES * 2 / 3], &lines[lines.len() - (LINES / 3 - 1)..]);
    [head, &["[…]"], tail].concat().join("\n")
}

/// An article's id or a file's name, on one line.
pub(crate) fn name(text: &str) -> String {
    excerpt(text, NAME).replace('\n', "␊").replace('\t', "␉")
}

/// `text` with a sign for each character that no page may hold, or that changes the direction of
/// what follows it.
pub(crate) fn visible(text: &str) -> String {
    text.replace("\r\n", "\n").chars().map(sign).collect()
}

fn sign(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\r' => '\n',
        '\0'..'\x20' => {
            char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\x7f' => '␡',
        '\u{80}'..='\u{9f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{fdd0}'..='\u{fdef}' => char::REPLACEMENT_CHARACTER,
        c if u32::from(c) & 0xfffe == 0xfffe => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_have_both_ends_and_no_more_than_is_asked_for() {
        assert_eq!(excerpt(" one two ", 7), "one two");
        assert_eq!(excerpt("one two three four five six seven", 20), "one two three […] seven");
        assert_eq!(excerpt(&"ß".repeat(100), 9), "ßßßßßß […] ßßß");
        let lines = (1..=40).map(|line| format!("{line}\r\n\r\n")).collect::<Vec<_>>().concat();
        assert_eq!(paragraphs(&lines), "1\n2\n3\n4\n5\n6\n7\n8\n[…]\n38\n39\n40");
        assert_eq!(name("a\tb\r\nc\0"), "a␉b␊c␀");
    }
}
