//! XML event by event, more leniently than it is defined, and what is made of pieces of it.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use memchr::memchr;
use quick_xml::Reader;
use quick_xml::escape::{partial_escape, resolve_html5_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, BytesText, Event};
use quick_xml::name::QName;

use super::super::document::Problem;

/// The events of a piece of XML. A `<` that no markup begins with is text, as their authors meant
/// it in many titles.
pub(super) struct Events<'x> {
    xml: &'x str,
    reader: Reader<&'x [u8]>,
    /// Where what the reader reads begins.
    start: usize,
}

impl<'x> Events<'x> {
    pub(super) fn new(xml: &'x str) -> Self {
        Self::starting_at(xml, 0)
    }

    fn starting_at(xml: &'x str, start: usize) -> Self {
        // The reader would pass over a byte order mark without counting it.
        let rest = xml[start..].trim_start_matches('\u{feff}');
        let start = xml.len() - rest.len();
        let mut reader = Reader::from_str(rest);
        let config = reader.config_mut();
        // Elements are closed by those who know what is open; and feeds with a bare `&` are many.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Self { xml, reader, start }
    }

    /// Where the next event begins.
    pub(super) fn at(&self) -> usize {
        let read = usize::try_from(self.reader.buffer_position());
        self.start + read.expect("BUG: a position in a slice")
    }

    pub(super) fn next(&mut self) -> Result<Event<'x>, Problem> {
        let at = self.at();
        if let Some(text) = self.xml[at..].strip_prefix('<')
            && !text.starts_with(|char: char| char.is_alphabetic() || "_:/!?".contains(char))
        {
            *self = Self::starting_at(self.xml, at + 1);
            return Ok(Event::Text(BytesText::from_escaped("<")));
        }
        self.reader.read_event().map_err(Problem::invalid)
    }

    /// Passes over text up to the next markup. Escaped HTML, which most feeds hold, is an event for each
    /// reference in it.
    pub(super) fn skip_text(&mut self) {
        let at = self.at();
        let rest = &self.xml.as_bytes()[at..];
        match memchr(b'<', rest).unwrap_or(rest.len()) {
            0 => {}
            len => *self = Self::starting_at(self.xml, at + len),
        }
    }

    /// Reads to the end of the element of this `name` whose start tag was read, and returns what is in it.
    pub(super) fn content(&mut self, name: &str) -> Result<&'x str, Problem> {
        let start = self.at();
        let mut depth = 0_usize;
        loop {
            self.skip_text();
            let end = self.at();
            match self.next().map_err(|_| Problem::Truncated)? {
                Event::Start(tag) if tag.name().0 == name => depth += 1,
                Event::End(tag) if tag.name().0 == name => {
                    if depth == 0 {
                        return Ok(&self.xml[start..end]);
                    }
                    depth -= 1;
                }
                Event::Eof => return Err(Problem::Truncated),
                _ => {}
            }
        }
    }
}

/// A name in lower case: some programs write all of a feed's in capitals, and no two differ in that alone.
pub(super) fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    attribute_that(tag, |key| key.0.eq_ignore_ascii_case(name))
}

pub(super) fn attribute_that(
    tag: &BytesStart<'_>,
    is: impl Fn(QName<'_>) -> bool,
) -> Option<String> {
    let attribute = tag.attributes().with_checks(false).flatten().find(|it| is(it.key))?;
    Some(unescape(&attribute.value).map_or_else(|_| attribute.value.to_string(), Into::into))
}

/// A piece of XML as markup, in which no character data is escaped twice. That within elements is
/// text. What stands beside them may be escaped HTML: between the paragraphs of many feeds there
/// are pictures that somebody added.
pub(super) fn markup(xml: &str, is_html: bool) -> Result<String, Problem> {
    let mut markup = String::with_capacity(xml.len());
    let mut depth = 0_usize;
    let mut events = Events::new(xml);
    loop {
        let start = events.at();
        let event = events.next()?;
        let as_it_stands = &xml[start..events.at()];
        let is_beside = is_html && depth == 0;
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(part) if is_beside => {
                markup.push_str(&part.xml10_content());
                continue;
            }
            Event::CData(part) => {
                let data = part.xml10_content();
                markup.push_str(&if is_beside { data } else { partial_escape(data) });
                continue;
            }
            Event::GeneralRef(reference) if is_beside => {
                refer(&reference, &mut markup);
                continue;
            }
            Event::Empty(_) | Event::Text(_) | Event::GeneralRef(_) => {}
            Event::Eof => return Ok(markup),
            _ => continue,
        }
        markup.push_str(as_it_stands);
    }
}

/// The character data in a piece of XML.
pub(super) struct Characters {
    pub(super) text: String,
    pub(super) among_elements: bool,
}

pub(super) fn characters(xml: &str) -> Result<Characters, Problem> {
    let mut text = String::with_capacity(xml.len());
    let mut among_elements = false;
    let mut events = Events::new(xml);
    loop {
        match events.next()? {
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => refer(&reference, &mut text),
            Event::Start(_) | Event::Empty(_) => among_elements = true,
            Event::Eof => return Ok(Characters { text, among_elements }),
            _ => {}
        }
    }
}

/// Writes what a reference stands for; one that nobody knows stands as it is.
fn refer(reference: &BytesRef<'_>, text: &mut String) {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        match u8::try_from(char) {
            // As in HTML: these control characters are in no text, but many a program took
            // windows-1252 for Unicode.
            Ok(byte @ 0x80..=0x9f) => {
                text.push_str(&WINDOWS_1252.decode_without_bom_handling(&[byte]).0);
            }
            _ => text.push(char),
        }
        return;
    }
    let name = reference.xml10_content();
    if let Some(known) = resolve_html5_entity(&name) {
        text.push_str(known);
    } else {
        text.extend(["&", &name, ";"]);
    }
}
