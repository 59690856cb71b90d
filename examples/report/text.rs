//! Text of strangers, made fit to be shown.

/// The longest excerpt of a text, in characters.
pub(crate) const TEXT: usize = 480;

/// The same for a name.
const NAME: usize = 100;

/// `text`, with its middle left out if it has more than `most` characters.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.char_indices().nth(most).is_none() {
        return visible(text);
    }
    let tail = most / 3;
    let head = text.char_indices().nth(most - tail).map_or(0, |(at, _)| at);
    let tail = text.char_indices().nth_back(tail).map_or(text.len(), |(at, _)| at);
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

/// An article's id or a file's name, on one line.
pub(crate) fn name(text: &str) -> String {
    excerpt(text, NAME).replace('\n', "␊").replace('\t', "␉")
}

/// `text` with a sign for each character that no page may hold, or that changes the direction of what follows it.
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
