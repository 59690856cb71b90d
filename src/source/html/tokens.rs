//! Tokens of HTML and of XML, told as they come.

use std::cell::Cell;
use std::convert::Infallible;
use std::mem::take;

use html5gum::{Emitter, Error, Readable, Reader, State, Tokenizer};

/// The attributes that anybody asks for. Others are not kept: a page may be made of nothing else.
const ATTRIBUTES: [&str; 13] = [
    "charset",
    "content",
    "datetime",
    "hidden",
    "http-equiv",
    "itemprop",
    "lang",
    "name",
    "property",
    "style",
    "type",
    "xml:lang",
    "xmlns",
];

/// Bytes that are kept of a name. None that is known is longer.
const LONGEST_NAME: usize = 32;

/// Bytes that are kept of an attribute's value: a date, a language, an encoding or a style.
const LONGEST_VALUE: usize = 1 << 12;

/// The prefixes that are kept of a tag.
const MOST_PREFIXES: usize = 16;

/// Attributes of a tag that are read in one go: see [`Parted`].
const IN_ONE_GO: u32 = 64;

/// Bytes of text that are handed on at a time.
const BLOCK: usize = 1 << 14;

/// What takes the tokens of a page, as far as it wants to know of them.
pub(super) trait Tokens {
    /// A start tag. Returns how the content is to be read, if not as markup.
    fn start(&mut self, _tag: &StartTag) -> Option<State> {
        None
    }

    fn end(&mut self, _name: &[u8]) {}

    /// Text, or a part of it.
    fn text(&mut self, _text: &str) {}

    /// Whether no more is to be told.
    fn are_enough(&self) -> bool {
        false
    }

    /// Whether a CDATA section is text here; in HTML it is a comment.
    fn has_cdata(&self) -> bool {
        false
    }
}

/// A start tag, with what is known of its attributes.
#[derive(Debug, Default)]
pub(super) struct StartTag {
    /// In lower case.
    pub(super) name: Vec<u8>,
    pub(super) self_closing: bool,
    attributes: Vec<(&'static str, String)>,
    /// The prefixes that it declares, with their namespaces; the first few.
    pub(super) prefixes: Vec<(Vec<u8>, String)>,
}

impl StartTag {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        debug_assert!(ATTRIBUTES.contains(&name), "BUG: {name} is not kept");
        let attribute = self.attributes.iter().find(|(known, _)| *known == name);
        attribute.map(|(_, value)| value.as_str())
    }
}

/// Tells the tokens of `markup`, until there are enough.
pub(super) fn read<'a>(
    markup: impl Readable<'a, Reader: Reader<Error = Infallible>>,
    tokens: &mut impl Tokens,
) {
    let is_due = Cell::new(false);
    let markup = Parted { reader: markup.to_reader(), is_due: &is_due, holds_sign: false };
    let teller = Teller {
        tokens,
        text: Vec::new(),
        tag: StartTag::default(),
        is_end: false,
        name: Vec::new(),
        value: Vec::new(),
        last_start: Vec::new(),
        attributes: 0,
        is_due: &is_due,
    };
    // All tokens are told on the way to the first that the tokeniser gives out, which is where it stops.
    let _ = Tokenizer::new_with_emitter(markup, teller).next();
}

/// A page with a space before the equals sign of an attribute where one is due, which says the same.
///
/// The tokeniser (html5gum 0.9) reads attributes in double quotes by a recursion that ends where
/// something else comes: of a tag with seven thousand of them, 35 KB, it overflows the stack of a
/// thread, which nobody can catch. There is no recursion behind a space.
struct Parted<'c, R> {
    reader: R,
    /// Set while the name of such an attribute is read.
    is_due: &'c Cell<bool>,
    /// Whether the equals sign was read and comes next.
    holds_sign: bool,
}

impl<R: Reader> Reader for Parted<'_, R> {
    type Error = R::Error;

    #[inline]
    fn read_byte(&mut self) -> Result<Option<u8>, R::Error> {
        if take(&mut self.holds_sign) { Ok(Some(b'=')) } else { self.reader.read_byte() }
    }

    #[inline]
    fn try_read_string(&mut self, string: &[u8], case_sensitive: bool) -> Result<bool, R::Error> {
        debug_assert!(!self.holds_sign, "BUG: no string is looked for within a tag");
        self.reader.try_read_string(string, case_sensitive)
    }

    #[inline]
    fn read_until<'b>(
        &'b mut self,
        needle: &[u8],
        room: &'b mut [u8; 4],
    ) -> Result<Option<&'b [u8]>, R::Error> {
        if take(&mut self.holds_sign) {
            return Ok(Some(b"="));
        }
        let read = self.reader.read_until(needle, room)?;
        if self.is_due.get() && read == Some(b"=") {
            self.is_due.set(false);
            self.holds_sign = true;
            return Ok(Some(b" "));
        }
        Ok(read)
    }
}

/// Keeps no token longer than it takes to tell it, and of long ones not all: memory does not depend on
/// what a page is made of.
struct Teller<'a, T> {
    tokens: &'a mut T,
    /// Text that was not handed on yet.
    text: Vec<u8>,
    /// The tag that is being read; of an end tag, the name alone.
    tag: StartTag,
    is_end: bool,
    /// The attribute that is being read.
    name: Vec<u8>,
    value: Vec<u8>,
    /// The name of the last start tag: no other end tag ends a script.
    last_start: Vec<u8>,
    /// How many the tag has so far, those that are not kept too.
    attributes: u32,
    is_due: &'a Cell<bool>,
}

impl<T: Tokens> Teller<'_, T> {
    /// Hands on the text, but not the first bytes of a character whose others are still to come.
    fn hand_on(&mut self) {
        let len = match simdutf8::compat::from_utf8(&self.text) {
            Ok("") => return,
            // Nearly always, and seen at one look.
            Ok(text) => {
                self.tokens.text(text);
                self.text.len()
            }
            Err(error) => {
                let is_cut = error.error_len().is_none();
                let len = if is_cut { error.valid_up_to() } else { self.text.len() };
                if len > 0 {
                    self.tokens.text(&String::from_utf8_lossy(&self.text[..len]));
                }
                len
            }
        };
        self.text.drain(..len);
    }

    fn init_tag(&mut self, is_end: bool) {
        self.is_end = is_end;
        self.tag.name.clear();
        self.tag.attributes.clear();
        self.tag.prefixes.clear();
        self.tag.self_closing = false;
        self.attributes = 0;
        self.name.clear();
        self.value.clear();
    }

    fn end_attribute(&mut self) {
        let value = || String::from_utf8_lossy(&self.value).into_owned();
        let known = ATTRIBUTES.into_iter().find(|known| known.as_bytes() == self.name);
        // The first of a name counts.
        if let Some(known) = known.filter(|known| self.tag.attribute(known).is_none()) {
            self.tag.attributes.push((known, value()));
        }
        if let Some(prefix) = self.name.strip_prefix(b"xmlns:")
            && self.tag.prefixes.len() < MOST_PREFIXES
        {
            self.tag.prefixes.push((prefix.to_vec(), value()));
        }
        self.name.clear();
        self.value.clear();
    }
}

fn push(bytes: &mut Vec<u8>, more: &[u8], most: usize) {
    let room = most.saturating_sub(bytes.len());
    bytes.extend_from_slice(&more[..more.len().min(room)]);
}

impl<T: Tokens> Emitter for Teller<'_, T> {
    /// The end of what is to be told.
    type Token = ();

    fn set_last_start_tag(&mut self, name: Option<&[u8]>) {
        self.last_start = name.unwrap_or_default().to_vec();
    }

    fn emit_eof(&mut self) {
        self.hand_on();
    }

    fn emit_error(&mut self, _: Error) {}

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn pop_token(&mut self) -> Option<()> {
        self.tokens.are_enough().then_some(())
    }

    fn emit_string(&mut self, text: &[u8]) {
        for block in text.chunks(BLOCK) {
            self.text.extend_from_slice(block);
            if self.text.len() >= BLOCK {
                self.hand_on();
            }
        }
    }

    fn init_start_tag(&mut self) {
        self.init_tag(false);
    }

    fn init_end_tag(&mut self) {
        self.init_tag(true);
    }

    fn push_tag_name(&mut self, name: &[u8]) {
        push(&mut self.tag.name, name, LONGEST_NAME);
    }

    fn set_self_closing(&mut self) {
        self.tag.self_closing = true;
    }

    fn init_attribute(&mut self) {
        self.end_attribute();
        self.attributes = self.attributes.wrapping_add(1);
        self.is_due.set(self.attributes.is_multiple_of(IN_ONE_GO));
    }

    fn init_attribute_value(&mut self) {
        self.is_due.set(false);
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        push(&mut self.name, name, LONGEST_NAME);
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        push(&mut self.value, value, LONGEST_VALUE);
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        self.is_due.set(false);
        self.hand_on();
        if self.is_end {
            self.tokens.end(&self.tag.name);
            return None;
        }
        self.end_attribute();
        self.last_start.clone_from(&self.tag.name);
        self.tokens.start(&self.tag)
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.is_end && self.tag.name == self.last_start
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.tokens.has_cdata()
    }

    // Comments and document types say nothing to a reader.

    fn init_comment(&mut self) {}

    fn push_comment(&mut self, _: &[u8]) {}

    fn emit_current_comment(&mut self) {}

    fn init_doctype(&mut self) {}

    fn push_doctype_name(&mut self, _: &[u8]) {}

    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn set_force_quirks(&mut self) {}

    fn emit_current_doctype(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes down what it is told, and holds that to its bounds.
    #[derive(Default)]
    struct Told(String);

    impl Tokens for Told {
        fn start(&mut self, tag: &StartTag) -> Option<State> {
            assert!(tag.name.len() <= LONGEST_NAME);
            assert!(tag.attributes.len() <= ATTRIBUTES.len());
            assert!(tag.prefixes.len() <= MOST_PREFIXES);
            self.0.extend(["<", &String::from_utf8_lossy(&tag.name)]);
            for (name, value) in &tag.attributes {
                assert!(value.len() <= LONGEST_VALUE);
                self.0.extend([" ", name, "=", value]);
            }
            self.0 += if tag.self_closing { "/>" } else { ">" };
            html5gum::naive_next_state(&tag.name)
        }

        fn end(&mut self, name: &[u8]) {
            self.0.extend(["</", &String::from_utf8_lossy(name), ">"]);
        }

        fn text(&mut self, text: &str) {
            assert!(text.len() < 2 * BLOCK);
            self.0 += text;
        }

        fn has_cdata(&self) -> bool {
            false
        }
    }

    fn told(html: &str) -> String {
        let mut told = Told::default();
        read(html, &mut told);
        told.0
    }

    #[test]
    fn tokens_are_told_in_order() {
        let page = "<!DOCTYPE html>ä<P LANG=de Name='a&amp;b' lang=en class=x hidden>b<!-- c --></P\n>&uuml;<br/>\
                    <script>'<p>'</p></SCRIPT>d<title>&lt;b></titles></title>";
        let expected = "ä<p lang=de name=a&b hidden=>b</p>ü<br/>\
                        <script>'<p>'</p></script>d<title><b></titles></title>";
        assert_eq!(told(page), expected);
    }

    #[test]
    fn of_what_is_long_or_many_a_part_is_held() {
        let attributes = "a=x b c='' ".repeat(1000);
        let long = "x".repeat(3 * LONGEST_VALUE);
        let page = format!("<p {attributes} {long}={long} style={long}>b</p>");
        assert_eq!(told(&page), format!("<p style={}>b</p>", &long[..LONGEST_VALUE]));
        let prefixes = " xmlns:a=''".repeat(1000);
        assert_eq!(told(&format!("<p{prefixes}>b</p>")), "<p>b</p>");
        let long = "xxxxxx".repeat(LONGEST_NAME);
        let page = format!("<{long}></{long}>");
        assert_eq!(told(&page), page.replace(&long, &long[..LONGEST_NAME]));
    }

    #[test]
    fn a_tag_may_have_any_number_of_attributes() {
        let attributes = [
            "a=\"\" ",
            "a=\"=\" ",
            "a=''\n",
            "a=1 ",
            "a=b=c ",
            "a ",
            "a=\"\"",
            "=\"\" ",
            "a = \"b\" ",
            "/a=\"\" ",
            "a=\"&amp;\"\t",
        ];
        for count in [63, 64, 65, 127, 128, 200_000] {
            for attribute in attributes {
                let page = format!(
                    "<p {}lang=\"=\" x=\"y\" name='a = b' style=a=b=c>b</p>",
                    attribute.repeat(count)
                );
                // The stack of a thread is smaller than that of the first.
                let told = std::thread::spawn(move || told(&page)).join().unwrap();
                assert_eq!(told, "<p lang== name=a = b style=a=b=c>b</p>", "{attribute}{count}");
            }
        }
        // Wherever the space comes to stand.
        for before in 0..2 * usize::try_from(IN_ONE_GO).unwrap() {
            let page = format!("<p {}lang=\"de\" hidden name=a=b>=</p>", "a=\"\" ".repeat(before));
            assert_eq!(told(&page), "<p lang=de hidden= name=a=b>=</p>", "{before}");
        }
    }

    #[test]
    fn no_character_is_taken_apart() {
        for text in ["ä语😀".repeat(BLOCK), format!("x{}", "<ä<语<😀&".repeat(BLOCK))] {
            assert!(told(&text) == text);
        }
    }
}
