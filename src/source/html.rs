//! HTML and XHTML: the readable text of a page, as a browser would show it.
//!
//! Tokens are read one by one and no tree is built, so neither depth nor size of a page costs more
//! than its text. What a tree is needed for, namely where a hidden or preformatted element ends, is
//! kept on a short stack that follows the optional end tags of the HTML specification.

mod element;
mod layout;
mod tokens;

use std::borrow::Cow;
use std::iter;

use html5gum::{State, naive_next_state};

use self::element::{Element, Role};
use self::layout::Layout;
use self::tokens::{StartTag, Tokens};
use super::document::{Document, Failure, spaced};
use super::encoding::{decode_declared, in_xml_declaration, is_known_label, is_utf16_label};
#[cfg(any(feature = "mail", feature = "warc"))]
use super::format::Format;
use super::format::behind_declaration;

/// How many bytes of a page are searched for the name of its encoding. Browsers stop at 1024, but
/// start again where a later declaration says otherwise.
const PRESCAN: usize = 4096;

/// The namespaces whose elements are known.
const XHTML: &str = "http://www.w3.org/1999/xhtml";
const SVG: &str = "http://www.w3.org/2000/svg";

/// The prefixes that are used for them, as what is read may be a part of a document that declares them.
const PREFIXES: [&[u8]; 5] = [b"h", b"html", b"svg", b"xh", b"xhtml"];

/// How many others are known at a time.
const MOST_PREFIXES: usize = 16;

/// What `meta` elements call the date of a page.
const PUBLISHED: [&str; 8] = [
    "article:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dc.date.issued",
    "dcterms.date",
    "dcterms.issued",
    "pubdate",
];

/// Elements open at a time. As in browsers, deeper ones count as children of this one.
const DEEPEST: usize = 256;

/// What a page was said to be.
///
/// One that begins with an XML declaration is read as XML whatever is said: its author wrote XML, and
/// what is well-formed and looks right in a browser that takes it for HTML reads the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "mail", feature = "warc")),
    allow(dead_code, reason = "a file states nothing")
)]
pub(crate) enum Markup {
    /// Nothing, as of a file: it is XML if its root is of the namespace of XHTML. By their names alone
    /// files cannot be told; those of `.xhtml` are no pages without the namespace.
    Unstated,
    /// `text/html`: HTML, as for a browser, whatever its namespace. Most such pages were never parsed as XML.
    Html,
    /// `application/xhtml+xml`.
    Xhtml,
}

impl Markup {
    /// None if what has this media type, in lower case, is no page.
    #[cfg(feature = "warc")]
    pub(crate) fn of_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            "text/html" => Some(Self::Html),
            "application/xhtml+xml" => Some(Self::Xhtml),
            _ => None,
        }
    }
}

/// Whether bytes of which nobody says what they are begin as no text does but a page.
#[cfg(any(feature = "mail", feature = "warc"))]
pub(crate) fn is_page(bytes: &[u8]) -> bool {
    Format::of_content(&bytes[..bytes.len().min(Format::HEAD)]) == Some(Format::Html)
}

/// The document that a page is. Of its mark, what carried it, its `meta` elements, its XML declaration
/// and a guess, the first that says anything tells the encoding.
pub(crate) fn decode(
    bytes: &[u8],
    declared: Option<&[u8]>,
    markup: Markup,
    strict: bool,
) -> Result<Document, Failure> {
    let in_page = || in_meta(&bytes[..bytes.len().min(PRESCAN)]);
    let declared = declared.map(Cow::from).into_iter();
    let declared = declared.chain(iter::once_with(in_page).flatten().map(Cow::from));
    let declared = declared.chain(in_xml_declaration(bytes).map(Cow::from));
    let page = decode_declared(bytes, declared, strict)?;
    let document = read(&page.text, markup);
    Ok(Document { encoding: page.encoding, replaced: page.replaced, ..document })
}

/// What is readable in a page or a part of one.
///
/// XML is read as leniently as HTML, and differs in what hides text if it is mistaken: elements may close
/// themselves, CDATA sections are text, and names have prefixes. What authors do not keep to is as
/// in HTML: end tags may be missing, and markup means nothing in scripts and styles.
pub(crate) fn read(page: &str, markup: Markup) -> Document {
    // The programs that write `<?xml:namespace …?>` into HTML have no XML in mind.
    let declared = page.trim_start().strip_prefix("<?xml");
    let is_xml =
        markup == Markup::Xhtml || declared.is_some_and(|it| it.starts_with(char::is_whitespace));
    let unsure = markup == Markup::Unstated && !is_xml;
    let page = behind_document_type(page);
    let mut read = Page { is_xml, unsure, ..Page::default() };
    tokens::read(page, &mut read);
    let frames = read.frames;
    let document = read.finish();
    if frames == Frames::None || !document.text.trim().is_empty() {
        return document;
    }
    let mut read = Page { is_xml, unsure, frames: Frames::Unknown, ..Page::default() };
    tokens::read(page, &mut read);
    read.finish()
}

/// What stands behind a page's document type, if it has one.
///
/// HTML has no declarations in it, so of those of XML the last would be text.
fn behind_document_type(page: &str) -> &str {
    let mut rest = page;
    loop {
        rest = rest.trim_start();
        let is_type = rest.get(..9).is_some_and(|it| it.eq_ignore_ascii_case("<!doctype"));
        let Some(behind) = behind_declaration(rest.as_bytes()) else { return page };
        rest = &rest[rest.len() - behind.len()..];
        if is_type {
            return rest;
        }
    }
}

/// Text of which only the references are of HTML, and the white space is its own.
#[cfg(feature = "feeds")]
pub(crate) fn characters(text: &str) -> String {
    let mut read = Characters::default();
    tokens::read(text, &mut read);
    read.0
}

/// The character data, as far as it was read.
#[cfg(feature = "feeds")]
#[derive(Default)]
struct Characters(String);

#[cfg(feature = "feeds")]
impl Tokens for Characters {
    fn text(&mut self, text: &str) {
        self.0.push_str(text);
    }
}

/// The encodings that the `meta` elements of a page name, up to the first that is known.
fn in_meta(start: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Labels::default();
    tokens::read(start, &mut found);
    found.0
}

/// Names of encodings, as far as a page was read.
#[derive(Default)]
struct Labels(Vec<Vec<u8>>);

impl Tokens for Labels {
    fn start(&mut self, tag: &StartTag) -> Option<State> {
        if tag.name == b"meta" {
            self.0.extend(label(tag));
        }
        // Whether this is XML is not known yet, and matters little.
        naive_next_state(&tag.name).filter(|_| !tag.self_closing)
    }

    /// Most pages name theirs at the start, and what it is behind that has no say.
    fn are_enough(&self) -> bool {
        self.0.last().is_some_and(|label| is_known_label(label))
    }
}

/// The encoding that a `meta` element names.
fn label(meta: &StartTag) -> Option<Vec<u8>> {
    let label = meta.attribute("charset").map(str::to_owned).or_else(|| {
        let kind = meta.attribute("http-equiv")?;
        let content = meta.attribute("content")?.to_ascii_lowercase();
        let (_, label) = content.split_once("charset")?;
        let label = label.trim_start().strip_prefix('=')?.trim_start();
        let label = label.split([';', ' ', ',']).next()?;
        let label = label.trim_matches(['"', '\'']);
        kind.eq_ignore_ascii_case("content-type").then(|| label.to_owned())
    })?;
    // As the HTML specification has it: the declaration was read, so it cannot be true.
    let label = label.into_bytes();
    Some(if is_utf16_label(&label) { b"utf-8".to_vec() } else { label })
}

/// A page as far as it was read.
#[derive(Default)]
struct Page {
    /// Whether it is read as XML.
    is_xml: bool,
    /// Whether the root is still to tell that.
    unsure: bool,
    /// What else was declared for them anywhere.
    prefixes: Vec<Vec<u8>>,
    frames: Frames,
    layout: Layout,
    /// The first that says anything, and whether it has ended.
    title: String,
    titled: bool,
    language: Option<String>,
    /// That of its readers, which is its own if nothing else is stated.
    audience: Option<String>,
    /// The date that the page says it was published.
    published: Option<String>,
    /// The first date in its text.
    time: Option<String>,
    open: Vec<Open>,
    /// The elements that are open and did not fit, and how many of each.
    deeper: Vec<(Element, usize)>,
}

/// Whether a page has frames, or is read as by browsers that know none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Frames {
    #[default]
    None,
    Met,
    Unknown,
}

#[derive(Clone, Copy)]
struct Open {
    element: Element,
    /// What it is laid out as.
    role: Role,
    hidden: bool,
    preformatted: bool,
}

impl Page {
    fn finish(self) -> Document {
        let Self { layout, title, published, time, language, audience, .. } = self;
        let title = spaced(title.split_ascii_whitespace());
        let title = Some(title).filter(|title| !title.is_empty());
        let date = published.or(time);
        let language = language.or(audience);
        Document { text: layout.finish(), title, date, language, ..Document::default() }
    }

    fn hidden(&self) -> bool {
        self.open.last().is_some_and(|open| open.hidden)
    }

    /// What element has this name. In XML a prefix of a known namespace is no part of it; with
    /// another it is no element that anybody knows, as the `o:p` of text processors is no
    /// paragraph.
    fn named(&self, name: &[u8]) -> Element {
        if self.is_xml
            && let Some(at) = memchr::memchr(b':', name)
            && let (prefix, local) = (&name[..at], &name[at + 1..])
            && (PREFIXES.contains(&prefix) || self.prefixes.iter().any(|known| known == prefix))
        {
            return Element::named(local);
        }
        Element::named(name)
    }

    fn declare(&mut self, tag: &StartTag) {
        for (prefix, namespace) in &tag.prefixes {
            if [XHTML, SVG].contains(&namespace.trim())
                && self.prefixes.len() < MOST_PREFIXES
                && !self.prefixes.contains(prefix)
            {
                self.prefixes.push(prefix.clone());
            }
        }
    }

    /// Whether a slash closes an element here: in HTML it means nothing, but in what is not of HTML.
    fn may_close_itself(&self, element: Element) -> bool {
        self.is_xml
            || element.is_foreign()
            || self.open.iter().any(|open| open.element.is_foreign())
    }

    /// Ends the innermost such element, if there is one that this end tag can be meant for.
    fn close(&mut self, element: Element) {
        for (at, open) in self.open.iter().enumerate().rev() {
            if open.element == element || open.element.ends_with(element) {
                self.end_down_to(at);
                return;
            }
            if open.element.keeps_in(element) {
                return;
            }
        }
    }

    /// Ends all but the `depth` outermost elements, also for the eye: what comes next may be hidden.
    fn end_down_to(&mut self, depth: usize) {
        self.deeper.clear();
        while self.open.len() > depth
            && let Some(ended) = self.open.pop()
        {
            if !ended.hidden {
                self.layout.end(ended.role);
            }
            self.titled |= ended.element.is_title() && !self.title.trim_ascii().is_empty();
        }
    }

    /// The role of `element` where it stands: a list in a list is part of it.
    fn role(&self, element: Element) -> Role {
        match element.role() {
            Role::List if self.open.iter().any(|open| open.element.role() == Role::Item) => {
                Role::Line
            }
            role => role,
        }
    }

    /// Closes the elements whose end tags may be left out before `next`.
    fn end_implied(&mut self, next: Element) {
        /// An element farther out has long been closed, or never will be.
        const FARTHEST: usize = 16;
        if !self.deeper.is_empty() {
            return;
        }
        for (at, open) in self.open.iter().enumerate().rev().take(FARTHEST) {
            if open.element.ends_before(next) {
                self.end_down_to(at);
                return;
            }
            if open.element.keeps_open_before(next) {
                return;
            }
        }
    }

    /// Closes the hidden element that an element of this `name` can not stand in, which may have no
    /// end tag. Whether there is one.
    fn end_hidden(&mut self, name: &[u8]) -> bool {
        // In XML end tags are there, and names may be of other namespaces.
        if self.is_xml || !self.hidden() || !self.deeper.is_empty() {
            return false;
        }
        for (at, open) in self.open.iter().enumerate().rev() {
            if open.element.cannot_hold(name) {
                self.end_down_to(at);
                return true;
            }
            if !open.hidden || open.element.may_hold_all() {
                break;
            }
        }
        false
    }

    fn metadata(&mut self, tag: &StartTag) {
        match tag.name.as_slice() {
            b"html" | b"body" if self.language.is_none() => {
                let stated = |name: &str| tag.attribute(name).and_then(language_tag);
                self.language = stated("lang").or_else(|| stated("xml:lang"));
            }
            b"meta" if tag.attribute("http-equiv").is_some_and(is_content_language) => {
                let content = tag.attribute("content").and_then(language_tag);
                self.audience = self.audience.take().or(content);
            }
            b"meta" => {
                let property = tag
                    .attribute("property")
                    .or_else(|| tag.attribute("itemprop"))
                    .or_else(|| tag.attribute("name"));
                let Some(property) = property else { return };
                if self.published.is_none()
                    && PUBLISHED.iter().any(|name| property.eq_ignore_ascii_case(name))
                {
                    self.published = tag.attribute("content").and_then(plain_date);
                }
            }
            b"time" if self.time.is_none() => {
                self.time = tag.attribute("datetime").and_then(plain_date);
            }
            _ => {}
        }
    }
}

impl Tokens for Page {
    fn start(&mut self, tag: &StartTag) -> Option<State> {
        if std::mem::take(&mut self.unsure) {
            let namespace = tag.attribute("xmlns");
            self.is_xml = namespace.is_some_and(|it| it.trim() == XHTML);
        }
        self.declare(tag);
        let element = self.named(&tag.name);
        // Where one menu is open, `<select>` is its end.
        if self.end_hidden(&tag.name) && tag.name == b"select" {
            return None;
        }
        self.end_implied(element);
        self.metadata(tag);
        let outer = self.open.last();
        let preformatted =
            outer.is_some_and(|outer| outer.preformatted) || element.role() == Role::Preformatted;
        let outer_hidden = outer.is_some_and(|outer| outer.hidden);
        let is_shown = element.is_of_frames() && self.frames == Frames::Unknown;
        if element.is_of_frames() && !is_shown {
            self.frames = Frames::Met;
        }
        // Scripts hide a page itself until they have changed it, and then show it.
        let style = own_style(tag);
        let absent = outer_hidden || is_hidden(tag, &style) && !element.is_page();
        let outer_inline = outer.is_some_and(|outer| outer.element.role() == Role::Inline);
        let role = match self.role(element) {
            Role::Inline => displayed(&style),
            role => role,
        };
        if !absent {
            self.layout.start(role);
        }
        let hidden = absent || element.hides() && !is_shown;
        if element.is_void() {
            return None;
        }
        if tag.self_closing && self.may_close_itself(element) {
            if !hidden {
                self.layout.end(role);
            }
            return None;
        }
        // What is inline matters neither for itself nor for where something else ends.
        if role != Role::Inline || hidden || outer_inline {
            // What hides is never too deep.
            if self.open.len() < DEEPEST || hidden && !outer_hidden {
                self.open.push(Open { element, role, hidden, preformatted });
            } else if let Some((_, count)) = self.deeper.iter_mut().find(|it| it.0 == element) {
                *count += 1;
            } else {
                self.deeper.push((element, 1));
            }
        }
        // The tokeniser (html5gum 0.9) knows it by another name.
        let is_raw = tag.name == b"noframes";
        let next = if is_raw { Some(State::RawText) } else { naive_next_state(&tag.name) };
        let next = next.filter(|_| !is_shown);
        next.filter(|_| !self.is_xml || matches!(tag.name.as_slice(), b"script" | b"style"))
    }

    fn end(&mut self, name: &[u8]) {
        let element = self.named(name);
        // In HTML, `</br>` is a line break of its own.
        if self.is_xml && element.is_void() {
            return;
        }
        let hidden = self.hidden();
        match self.deeper.iter().position(|it| it.0 == element) {
            Some(at) if self.deeper[at].1 > 1 => self.deeper[at].1 -= 1,
            Some(at) => {
                self.deeper.swap_remove(at);
            }
            None => self.close(element),
        }
        if !hidden {
            self.layout.end(self.role(element));
        }
    }

    fn text(&mut self, text: &str) {
        match self.open.last() {
            Some(open) if open.element.is_title() => {
                let outer_hidden = self.open.iter().rev().nth(1).is_some_and(|outer| outer.hidden);
                if !self.titled && !outer_hidden {
                    self.title.push_str(text);
                }
            }
            Some(open) if open.hidden => {}
            Some(open) if open.preformatted => self.layout.preformatted(text),
            _ => self.layout.flowing(text),
        }
    }

    fn has_cdata(&self) -> bool {
        self.is_xml
    }
}

fn is_content_language(kind: &str) -> bool {
    kind.trim().eq_ignore_ascii_case("content-language")
}

/// A language tag, if `text` is built like one.
pub(crate) fn language_tag(text: &str) -> Option<String> {
    let tag = text.trim();
    let sound = tag.len() >= 2
        && tag.len() <= 35
        && tag.split(['-', '_']).all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    sound.then(|| tag.replace('_', "-"))
}

/// A date, or date and time, that begins as those of RFC 3339 do.
fn plain_date(text: &str) -> Option<String> {
    let date = text.trim();
    let shape = b"0000-00-00";
    let fits = date.len() >= shape.len()
        && date.len() <= 40
        && date.bytes().zip(shape).all(|(byte, &shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
    fits.then(|| date.to_owned())
}

/// Whether an element says itself that it is not shown.
fn is_hidden(tag: &StartTag, style: &str) -> bool {
    let is_hidden_field = |kind: &str| tag.name == b"input" && kind.eq_ignore_ascii_case("hidden");
    if tag.attribute("hidden").is_some() || tag.attribute("type").is_some_and(is_hidden_field) {
        return true;
    }
    has_rule(style, |rule| matches!(rule, "display:none" | "visibility:hidden"))
}

/// What an inline element is laid out as, by its own style.
fn displayed(style: &str) -> Role {
    let is_block = |rule: &str| {
        let outside = rule.strip_prefix("display:");
        outside.is_some_and(|it| matches!(it, "block" | "flex" | "grid" | "list-item" | "table"))
    };
    let is_box = |rule: &str| {
        rule.starts_with("display:inline-") || matches!(rule, "float:left" | "float:right")
    };
    if has_rule(style, is_block) {
        Role::Block
    } else if has_rule(style, is_box) {
        Role::Boxed
    } else {
        Role::Inline
    }
}

/// The style that an element states itself, in lower case and without spaces; empty if it states none.
fn own_style(tag: &StartTag) -> String {
    let mut style = tag.attribute("style").unwrap_or_default().to_ascii_lowercase();
    style.retain(|char| !char.is_ascii_whitespace());
    style
}

fn has_rule(style: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    !style.is_empty() && style.split(';').any(|rule| is_meant(rule.trim_end_matches("!important")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        read(html, Markup::Html).text
    }

    #[test]
    fn encodings_are_looked_for_up_to_the_first_that_is_known() {
        let page = "<meta charset=x><meta charset=latin1><meta charset=utf-8>";
        assert_eq!(in_meta(page.as_bytes()), [&b"x"[..], b"latin1"]);
        assert_eq!(in_meta(&page.as_bytes()[..16]), [b"x"]);
    }

    #[test]
    fn blocks_are_paragraphs_and_white_space_is_one_space() {
        let page = "<!DOCTYPE html><html lang=de><head><title> Ein\n Titel </title>\n\
            <style>p { color: red }</style><script>if (a < b) { '<p>no</p>' }</script></head>\n\
            <body>\n<h1>Grüße</h1>\n<p>Erster   Absatz\nmit <b>fettem</b>\n <i>Wort</i>.</p>\n\
            <div>Zweiter<div>Dritter</div></div>Vierter<br>in zwei Zeilen<br/></body></html>";
        let document = read(page, Markup::Html);
        let expected = "Grüße\n\nErster Absatz mit fettem Wort.\n\nZweiter\n\nDritter\n\n\
                        Vierter\nin zwei Zeilen";
        assert_eq!(document.text, expected);
        assert_eq!(document.title.as_deref(), Some("Ein Titel"));
        assert_eq!(document.language.as_deref(), Some("de"));
    }

    #[test]
    fn words_are_joined_only_where_the_page_joins_them() {
        assert_eq!(text("Donau<b>dampf</b>schiff<span> </span>fahrt"), "Donaudampfschiff fahrt");
        assert_eq!(text("a<!-- x --> b<wbr>c <img alt=x> d"), "a bc d");
        assert_eq!(text("a&nbsp;b&auml;&#8211;&lt;p&gt;&amp;amp;"), "a\u{a0}bä–<p>&amp;");
        assert_eq!(text("a\0b\u{c}c"), "a b c");
    }

    #[test]
    fn a_box_in_a_line_is_apart_from_the_words_around_it() {
        for (page, expected) in [
            ("<button>eins</button><button>zwei</button>drei", "eins zwei drei"),
            ("<p>a<button>b<button>c</p>d", "a b c\n\nd"),
            ("<label>Name</label><input><label>Ort<input></label>", "Name Ort"),
            ("a<select><option>no<option>no</select>b<textarea>no</textarea>c", "a b c"),
            ("a<meter>no</meter>b<progress>no</progress>c", "a b c"),
            ("a<iframe>no</iframe>b<object>no</object>c<video>no</video>d<embed>e", "a b c d e"),
            ("<p>a<input></p><ul><li><input type=checkbox>b</ul>", "a\n\n- b"),
            ("<pre>a<button>b</button>\n c</pre>", "a b\n c"),
            ("<pre>a <button>b</button>  c\t<input>d</pre>", "a b  c\td"),
            // What is not there is no box.
            (
                "a<input type=HIDDEN>b<button hidden>no</button>c<span hidden><input></span>d",
                "abcd",
            ),
            ("a<input style='display:none'>b<audio>no</audio>c<script>no</script>d", "abcd"),
            // Of its own it ends nothing around it, nor does what is in it.
            ("<p hidden>no<button>no</span></button>no</p>a", "a"),
            ("<div hidden><button><p>no</button>no</div>a", "a"),
        ] {
            assert_eq!(text(page), expected, "{page}");
        }
        assert_eq!(read("a<input/>b<textarea/>c<object/>d", Markup::Xhtml).text, "a b c d");
    }

    #[test]
    fn inline_elements_may_be_laid_out_as_blocks_by_their_style() {
        for (page, expected) in [
            ("a<span style='display:block'>b</span>c", "a\n\nb\n\nc"),
            ("a<a style='color: red; DISPLAY : inline-block !important'>b</a>c", "a b c"),
            ("<i style=float:left>a</i>b<b style='display:inline'>c</b>d", "a bcd"),
            // It ends with its own end tag, or with what it is in.
            ("<span style=display:block><b>a</b>b<i>c</i></span>d", "abc\n\nd"),
            ("<p>a<span style=display:block>b<p>c<em>d</em>e</p>", "a\n\nb\n\ncde"),
            ("<span style=display:block hidden>no<b>no</b>no</span>a<b>b</b>", "ab"),
            ("<pre>a<span style=display:block>b\n c</span>d</pre>", "a\n\nb\n c\n\nd"),
        ] {
            assert_eq!(text(page), expected, "{page}");
        }
        let page = "a<span style='display:block'/>b<s style='display:block'>c</s>";
        assert_eq!(read(page, Markup::Xhtml).text, "a\n\nb\n\nc");
    }

    #[test]
    fn lists_and_tables_are_lines() {
        let list = "<p>Was:</p><ul><li>eins</li>\n<li><p>zwei</p><ol><li>zwei a<li>zwei b</ol></li>\
                    <li></li></ul>Ende";
        assert_eq!(text(list), "Was:\n\n- eins\n\n- zwei\n\n- zwei a\n- zwei b\n\nEnde");
        let table = "<table><caption>Preise</caption><thead><tr><th>Was</th> <th>Euro</th></tr>\n\
                     <tr><td>Brot<td>3<tr><td>Käse</td><td>5</td></tr></table>danach";
        assert_eq!(text(table), "Preise\n\nWas\tEuro\nBrot\t3\nKäse\t5\n\ndanach");
        assert_eq!(text("<dl><dt>Wort<dd>Sinn<dt>Noch<dd>eins</dl>"), "Wort\nSinn\nNoch\neins");
    }

    #[test]
    fn preformatted_text_keeps_its_white_space() {
        let code = "vor<pre>\nfn main() {\n    <b>x</b>();  \n\n\n}\n</pre>nach";
        assert_eq!(text(code), "vor\n\nfn main() {\n    x();\n\n\n}\n\nnach");
        assert_eq!(text("<pre>   \n\n  a</pre>"), "  a");
    }

    #[test]
    fn what_is_hidden_is_gone_and_what_follows_is_not() {
        for hidden in [
            "<div hidden><p>no<ul><li>no</ul></div>",
            "<p hidden>no",
            "<span style='Display : none !important'>no <b>no</b> no</span>",
            "<script>'</p>no'</script><style>no</style><noscript>no</noscript>",
            "<template><div>no</div></template><iframe>no</iframe><textarea>no</textarea>",
            "<svg><title>no</title><text>no</text></svg><svg/><object>no</object>",
            "<select><option>no<option>no</select>",
            "<ul><li hidden>no</ul>",
            "<table><tr hidden><td>no</table>",
            "<div style='display:none'><div>no</div>no</div></div></span>",
            "<span hidden>no<br>no<img></span>",
        ] {
            let page = format!("<p>davor</p>{hidden}<p>danach</p>");
            let document = read(&page, Markup::Html);
            assert_eq!(document.text, "davor\n\ndanach", "{hidden}");
            assert_eq!(document.title, None);
        }
        assert_eq!(text("<table><tr hidden><td>no<tr><td>yes</table>"), "yes");
        assert_eq!(text("a <span hidden>no</span>b"), "a b");
        assert_eq!(text("<p>a<p hidden>no</p>b"), "a\n\nb");
        assert_eq!(text("<table><tr><td><p>a<td>b</table>"), "a\n\nb");
    }

    #[test]
    fn what_is_for_browsers_without_ruby_ends_with_or_without_end_tag() {
        for ruby in [
            "<ruby>ab<rp>(</rp><rt>c</rt><rp>)</rp></ruby>",
            "<ruby>ab<rp>(<rt>c<rp>)</ruby>",
            "<ruby>a<rp>(<b>no</b><rb>b<rp>(<rtc><rt>c<rp>)<rp><i>)</ruby>",
            "<ruby><rb>ab</rb><rp>(</rp><rt>c</rt><rp><i>)</ruby>",
        ] {
            let page = format!("<p>{ruby}d<p>e");
            assert_eq!(text(&page), "abcd\n\ne", "{ruby}");
        }
    }

    #[test]
    fn a_page_itself_is_not_hidden() {
        for page in [
            "<body style='visibility:hidden'>yes",
            "<html style='display:none'><body hidden><p>yes</p><p hidden>no",
            "<html hidden><head><title>no</title></head>yes<div style='display:none'>no</div>",
        ] {
            assert_eq!(text(page), "yes", "{page}");
        }
        let page =
            "<h:html xmlns:h='http://www.w3.org/1999/xhtml'><h:body style='display: none'>yes";
        assert_eq!(read(page, Markup::Xhtml).text, "yes");
    }

    #[test]
    fn what_is_for_browsers_without_frames_is_read_if_there_is_nothing_else() {
        let frames = "<frameset cols='*,*'><frame src='a'><frameset><frame src='b'/></frameset>";
        let title = "<html><title>T</title>";
        for (content, expected) in [
            (
                "<noframes><body lang=de><p>eins</p>\n<p>zwei</body></noframes></frameset>",
                "eins\n\nzwei",
            ),
            (
                "<noframes>eins<noframes>zwei</noframes><p hidden>no</p></frameset></html>",
                "einszwei",
            ),
            ("</frameset><noframes><script>no</script>eins<br>zwei", "eins\nzwei"),
            ("<noframes>no</noframes></frameset><body>yes", "yes"),
        ] {
            for (page, markup) in [
                (format!("{title}{frames}{content}"), Markup::Html),
                (format!("{title}{}{content}", frames.replace("'a'", "'a'/")), Markup::Xhtml),
            ] {
                let document = read(&page, markup);
                assert_eq!(
                    (&*document.text, document.title.as_deref()),
                    (expected, Some("T")),
                    "{page}"
                );
            }
        }
    }

    #[test]
    fn what_is_begun_in_raw_text_ends_with_it() {
        for name in ["noframes", "noembed", "noscript", "iframe", "style", "script", "textarea"] {
            for begun in ["<!--", "<!-- no", "<a title='", "<textarea>", "<!", "</", "</nofr"] {
                let page = format!("<p>eins</p><{name}>{begun}</{name}><p>zwei</p>");
                assert_eq!(read(&page, Markup::Html).text, "eins\n\nzwei", "{page}");
            }
        }
    }

    #[test]
    fn xml_says_itself_what_is_empty() {
        const NAMESPACE: &str = "xmlns='http://www.w3.org/1999/xhtml'";
        for (content, expected) in [
            ("<script src='a.js'/>", "davor\n\ndanach"),
            ("<style/><title/>", "davor\n\ndanach"),
            ("<iframe/><textarea/><noscript/>", "davor\n\ndanach"),
            ("<div hidden='hidden'/><object/>", "davor\n\ndanach"),
            ("<x:script xmlns:x='http://www.w3.org/1999/xhtml'/>", "davor\n\ndanach"),
            ("<![CDATA[<p> a > b ]]> <![CDATA[]]]]><![CDATA[>]]>", "davor<p> a > b ]]>\n\ndanach"),
            ("<script>//<![CDATA[\nif (a < b) '<p>' //]]></script>", "davor\n\ndanach"),
            ("<br></br>\n<ul><li/><li>x</li></ul>", "davor\n\n- x\n\ndanach"),
            (
                "<h:p xmlns:h='http://www.w3.org/1999/xhtml'>ein</h:p><h:p>zwei</h:p>",
                "davor\n\nein\n\nzwei\n\ndanach",
            ),
            (
                "<p xmlns:o='urn:office'>ein <o:p></o:p>und <v:title>zwei</v:title></p>",
                "davor\n\nein und zwei\n\ndanach",
            ),
            (
                "<s:svg xmlns:s='http://www.w3.org/2000/svg'><s:title>no</s:title></s:svg>",
                "davor\n\ndanach",
            ),
        ] {
            let body = format!("<body><p>davor</p>{content}<p>danach</p></body></html>");
            let body = body.replace("<p>davor</p><![", "<p>davor<![");
            for (page, markup) in [
                (format!("<?xml version='1.0'?>\n<html>{body}"), Markup::Html),
                (format!("<!DOCTYPE html>\n<html {NAMESPACE}>{body}"), Markup::Unstated),
                (format!("<html>{body}"), Markup::Xhtml),
            ] {
                let document = read(&page, markup);
                assert_eq!(document.text, expected, "{page}");
                assert_eq!(document.title, None);
            }
        }
        let pasted = "<?xml:namespace prefix = o /><p>ein <o:p></o:p>und<title/>zwei";
        assert_eq!(text(pasted), "ein und");
        // To browsers this is HTML, and an unclosed title.
        let page = format!("<html {NAMESPACE}><p>davor</p><title/><p>danach</p>");
        assert_eq!(read(&page, Markup::Html).text, "davor");
        assert_eq!(read("<p>a<title/>b", Markup::Unstated).text, "a");
        let title = read("<title>a <![CDATA[<b>]]><!-- x --> c</title>", Markup::Xhtml).title;
        assert_eq!(title.as_deref(), Some("a <b> c"));
    }

    #[test]
    fn what_fills_a_hidden_element_ends_with_it() {
        for (element, content) in [
            ("svg", "<path/>"),
            ("svg", "<path>"),
            ("svg", "<style/><title/><g/>"),
            ("select", "<option>x"),
            ("select", "<optgroup><option>x<option>y"),
            ("noscript", "<p><b><div>x"),
            ("template", "<b>x"),
            ("object", "<param><font>x"),
        ] {
            let content = content.repeat(2 * DEEPEST);
            let page = format!("<p>davor</p><{element}>{content}</{element}><p>danach</p>");
            assert_eq!(text(&page), "davor\n\ndanach", "{element}");
        }
        assert_eq!(text("a <math><annotation/></math><b>b</b>"), "a b");
    }

    #[test]
    fn what_hides_ends_where_browsers_end_it() {
        for (page, expected) in [
            ("<svg><path d='x'><p>eins</p>zwei", "eins\n\nzwei"),
            ("<svg><g><text>no</text><span>eins</span></svg> zwei", "eins zwei"),
            ("<table><tr><td><svg><path><td>eins<tr><td>zwei</table>drei", "drei"),
            ("<div><svg><g><path></div>eins", "eins"),
            ("<div hidden><svg><p>no</p></svg></div>eins", "eins"),
            ("<div><svg><a>no</a><foreignObject></div><p>no</p></foreignObject><p>eins", "eins"),
            ("<svg><desc><b>no</b></desc><title><i>no</i></title></svg>eins", "eins"),
            ("<select><option>no<input>eins<p>zwei", "eins\n\nzwei"),
            ("<select><option>no<select>eins", "eins"),
            ("<select><option>no<textarea>no</textarea>eins", "eins"),
            ("<select><option>no<p>no</p></select>eins", "eins"),
        ] {
            assert_eq!(text(page), expected, "{page}");
        }
        let xml = "<svg xmlns='http://www.w3.org/2000/svg'><p>no</p></svg><p>eins</p>";
        assert_eq!(read(xml, Markup::Xhtml).text, "eins");
    }

    #[test]
    fn dates_and_languages_are_taken_where_they_are_plain() {
        let page = "<body lang=' de_AT '><time datetime='2023-01-02'>gestern</time>\
                    <meta property='article:published_time' content='2024-05-06T07:08:09+02:00'>";
        let document = read(page, Markup::Html);
        assert_eq!(document.date.as_deref(), Some("2024-05-06T07:08:09+02:00"));
        assert_eq!(document.language.as_deref(), Some("de-AT"));
        let document = read(
            "<html lang='d e!'><time datetime='12:00'>x</time>\
                             <time datetime='2023-01-02'>x</time>",
            Markup::Html,
        );
        assert_eq!((document.date.as_deref(), document.language), (Some("2023-01-02"), None));
    }

    #[test]
    fn languages_and_dates_have_many_names() {
        for (page, language) in [
            ("<html lang='' xml:lang='de'>", Some("de")),
            ("<html lang='?' xml:lang='de'><body lang=en>", Some("de")),
            ("<html lang=en xml:lang='de'>", Some("en")),
            ("<meta http-equiv='Content-Language' content=' de_AT '><body>", Some("de-AT")),
            ("<meta http-equiv=content-language content=en><body lang=de>", Some("de")),
            ("<html lang=de><meta http-equiv=content-language content=en>", Some("de")),
            ("<meta http-equiv=content-language content='de, en'>", None),
            ("<meta name=content-language content=de>", None),
        ] {
            assert_eq!(read(page, Markup::Html).language.as_deref(), language, "{page}");
        }
        for name in ["DC.date.issued", "DCTERMS.issued", "pubdate"] {
            let page = format!("<meta name={name} content=2023-01-02>");
            assert_eq!(read(&page, Markup::Html).date.as_deref(), Some("2023-01-02"), "{name}");
        }
    }

    #[test]
    fn declarations_in_a_document_type_are_no_text() {
        for start in [
            "<!DOCTYPE html [ <!ENTITY x \"y\"> <!ENTITY z '<p>no</p>'>\n]>",
            " <!-- x --> <!doctype html PUBLIC 'a' 'b'[\n%x; ]>",
            "<!DOCTYPE html []>",
            "<!DOCTYPE html PUBLIC '-//x//[y]//'>",
            "<!DOCTYPE html [",
            "<!DOCTYPE html [ <!ENTITY x 'y'",
            "<?xml version='1.0'?><!DOCTYPE html [<!ENTITY x \"y\">]>",
            "<!-- <!DOCTYPE html [ --><!DOCTYPE html>",
        ] {
            let has_end = start.ends_with('>');
            let (end, expected) = if has_end { ("<p>a ]> b", "a ]> b") } else { ("><p>a", "a") };
            for markup in [Markup::Html, Markup::Unstated, Markup::Xhtml] {
                let page = format!("{start}{end}");
                assert_eq!(read(&page, markup).text, expected, "{page}");
            }
        }
        assert_eq!(text("<p>a<!DOCTYPE html [ <!ENTITY x 'y'>]>"), "a]>");
    }

    #[test]
    fn the_encoding_is_what_the_page_says() {
        let page = |bytes: &[u8]| decode(bytes, None, Markup::Unstated, true).unwrap();
        let document = page(b"<meta charset=iso-8859-1><p>K\xe4se \xa4");
        assert_eq!((document.text.as_str(), document.encoding), ("Käse ¤", Some("windows-1252")));
        let document = page(
            b"<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=\"ISO-8859-15\"'>\xa4",
        );
        assert_eq!((document.text.as_str(), document.encoding), ("€", Some("ISO-8859-15")));
        let document = page(b"<?xml version='1.0' encoding='koi8-r'?><p>\xc1");
        assert_eq!((document.text.as_str(), document.encoding), ("а", Some("KOI8-R")));
        let document = page("<meta charset=utf-16><p>Käse".as_bytes());
        assert_eq!((document.text.as_str(), document.encoding), ("Käse", None));
        let sent = decode("Ã¤".as_bytes(), Some(b"utf-8"), Markup::Html, true).unwrap();
        assert_eq!((sent.text.as_str(), sent.encoding), ("Ã¤", None));
        for page in [
            "<meta charset=unknown-8bit><meta charset=koi8-r><p>\u{c1}",
            "<meta charset=ascii><meta http-equiv=content-type content='text/html; charset = \"koi8-r\"'>\u{c1}",
            "<?xml version='1.0' encoding='koi8-r'?><meta charset=''><p>\u{c1}",
            "<html xmlns='http://www.w3.org/1999/xhtml'><title/><meta charset='koi8-r'/>\u{c1}",
        ] {
            let bytes: Vec<u8> = page.chars().map(|char| u8::try_from(char).unwrap()).collect();
            for declared in [None, Some("foo"), Some("us-ascii"), Some("")] {
                let declared = declared.map(str::as_bytes);
                let document = decode(&bytes, declared, Markup::Unstated, true).unwrap();
                let expected = ("а", Some("KOI8-R"));
                assert_eq!((document.text.as_str(), document.encoding), expected, "{page}");
            }
        }
        let broken = b"<meta charset=utf-8>K\xe4se, Br\xc3\xb6tchen, \xc3\x96l";
        assert_eq!(decode(broken, None, Markup::Html, false).unwrap().replaced, 1);
        assert!(decode(broken, None, Markup::Html, true).is_err());
    }

    #[test]
    fn depth_is_harmless() {
        const DEPTH: usize = 100_000;
        for element in ["div", "li", "svg"] {
            let page = format!(
                "{}tief{}<p>danach</p>",
                format!("<{element}>").repeat(DEPTH),
                format!("</{element}>").repeat(DEPTH)
            );
            let text = text(&page);
            assert!(text.ends_with("danach"), "{element}");
            assert_eq!(text.contains("tief"), element != "svg", "{element}");
        }
        let hidden = "<script>no</script><div hidden>no</div><svg><title>no</title></svg>";
        let page = format!("{}tief{hidden}<p>danach</p>{hidden}", "<div>".repeat(DEPTH));
        assert_eq!(read(&page, Markup::Html).text, "tief\n\ndanach");
        let unclosed = format!("{}tief", "<div><span>".repeat(DEPTH));
        assert_eq!(text(&unclosed), "tief");
        let unopened = format!("{}tief", "</div></b></li>".repeat(DEPTH));
        assert_eq!(text(&unopened), "tief");
    }

    #[test]
    fn damage_never_panics() {
        let page = "<html lang=de><title>Ü</title><body><p hidden>a<ul><li>ä&auml;<pre> x\n</pre>\
                    <table><tr><td>1<td>2</table><script>x</script>ß";
        for at in 0..page.len() {
            for byte in [0, b'<', b'>', b'&', b'"', 0x80, 0xff] {
                let mut damaged = page.as_bytes().to_vec();
                damaged[at] = byte;
                decode(&damaged, None, Markup::Html, false).unwrap();
            }
            decode(&page.as_bytes()[..at], None, Markup::Html, false).unwrap();
        }
    }
}
