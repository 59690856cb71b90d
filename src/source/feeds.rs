//! Feeds: RSS and Atom, each entry an article.
//!
//! XML is read event by event, and more leniently than it is defined: names are those of their
//! namespaces or, where these are not declared, of the usual prefixes, in capitals too; end tags of
//! nothing are passed over, and those of entries may be missing; a `<` that begins no markup is
//! text. Entities that a feed declares itself are not expanded, and its tags are not nested on any
//! stack, so neither makes a short feed a long one.

mod names;
mod xml;

use std::io::BufRead;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;

use self::names::{Scope, Vocabulary};
use self::xml::{Characters, Events, attribute, attribute_that, characters, lower_case, markup};
use super::date::date;
use super::document::{Document, Failure, Problem, RawRecord, spaced};
use super::encoding::{decode_declared, in_xml_declaration};
use super::html::{self, Markup};
use super::limits::Limits;
use super::stream::read_whole;

/// The entries of a feed, each as a feed of its own that has but this entry.
#[derive(Debug)]
pub(crate) struct FeedEntries {
    feed: String,
    encoding: Option<&'static str>,
    /// Whether not all of the feed could be decoded.
    damaged: bool,
    nesting: usize,
    /// Where the next event begins.
    at: usize,
    around: Around,
    number: u64,
    /// Whether an entry was met that has no end tag.
    lacks_ends: bool,
    ended: bool,
}

impl FeedEntries {
    /// Reads a feed whole: it must not be longer than a record.
    ///
    /// # Errors
    ///
    /// If it is too long or cannot be read, and if `strict` and it cannot be decoded.
    pub(crate) fn new(
        reader: impl BufRead,
        limits: &Limits,
        strict: bool,
    ) -> Result<Self, Failure> {
        let bytes = read_whole(reader, limits.record)?;
        let feed = decode_declared(&bytes, in_xml_declaration(&bytes), strict)?;
        Ok(Self {
            feed: feed.text.into_owned(),
            encoding: feed.encoding,
            damaged: feed.replaced > 0,
            nesting: limits.nesting.min(Scope::DEEPEST),
            at: 0,
            around: Around::default(),
            number: 0,
            lacks_ends: false,
            ended: false,
        })
    }

    /// What makes documents of the entries.
    pub(crate) fn decoder(&self) -> Decoder {
        Decoder { encoding: self.encoding, damaged: self.damaged }
    }

    fn entry(&mut self) -> Result<Option<RawRecord>, Problem> {
        // A reader borrows what it reads, so each entry has its own; what is open is known here.
        let feed = &self.feed[self.at..];
        let mut events = Events::new(feed);
        loop {
            let before = events.at();
            match events.next()? {
                Event::Start(tag) => match self.around.enter(&tag, self.nesting)? {
                    Met::Around => {}
                    Met::Language => {
                        let stated = characters(events.content(tag.name().0)?)?.text;
                        let known = self.around.language.take();
                        self.around.language = html::language_tag(&stated).or(known);
                    }
                    Met::Entry => {
                        let name = tag.name().0;
                        let (end, has_end) = match end_of_entry(&mut events, name, self.lacks_ends)?
                        {
                            End::Tag(end) => (end, true),
                            End::Implied(end) => (end, false),
                        };
                        self.lacks_ends |= !has_end;
                        let mut bytes = self.around.context().into_bytes();
                        bytes.extend_from_slice(&feed.as_bytes()[before..end]);
                        if !has_end {
                            bytes.extend([b"</", name.as_bytes(), b">"].concat());
                        }
                        let offset = (self.at + before) as u64;
                        self.at += end;
                        self.number += 1;
                        return Ok(Some(RawRecord { bytes, number: self.number, offset }));
                    }
                },
                Event::End(tag) => {
                    let is_over = self.around.leave(tag.name().0);
                    if is_over {
                        return Ok(None); // behind the feed nothing is read
                    }
                }
                Event::Eof if self.around.open.is_empty() && self.number > 0 => return Ok(None),
                Event::Eof if self.around.open.is_empty() => {
                    return Err(Problem::invalid("neither RSS nor Atom"));
                }
                Event::Eof => return Err(Problem::Truncated),
                _ => {}
            }
        }
    }
}

/// What the next entry of a feed stands in.
#[derive(Debug, Default)]
struct Around {
    /// The elements that are open, and what they declare.
    open: Vec<Open>,
    scope: Scope,
    /// The unusual prefixes, until an element begins or ends: to find them takes time that grows
    /// with the square of what is declared.
    prefixes: Option<String>,
    /// The language, if it is stated on its own.
    language: Option<String>,
}

#[derive(Debug)]
struct Open {
    name: String,
    /// The language of what is in it.
    language: Option<String>,
}

/// What begins with a start tag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    Entry,
    /// What states the language of the feed.
    Language,
    /// Anything else, which entries may stand in: it is open now.
    Around,
}

impl Around {
    /// # Errors
    ///
    /// If a feed does not begin so, or if elements are nested deeper than `nesting`.
    fn enter(&mut self, tag: &BytesStart<'_>, nesting: usize) -> Result<Met, Problem> {
        self.scope.enter(tag);
        let outermost = self.open.is_empty();
        let (vocabulary, name) = self.scope.name(tag);
        let met = match (vocabulary, &*name) {
            // An entry of Atom may be a document of its own.
            (Vocabulary::Feed, "entry") => Met::Entry,
            (Vocabulary::Feed, "item") if !outermost => Met::Entry,
            (Vocabulary::Feed | Vocabulary::DublinCore, "language") if !outermost => Met::Language,
            (_, name) if outermost && !matches!(name, "rss" | "rdf" | "feed") => {
                return Err(Problem::invalid("neither RSS nor Atom"));
            }
            _ => Met::Around,
        };
        if met != Met::Around {
            self.scope.leave();
            return Ok(met);
        }
        if self.open.len() == nesting {
            return Err(Problem::Nesting { limit: nesting });
        }
        let outer = self.open.last().and_then(|open| open.language.clone());
        let language = language_of(tag).or(outer);
        self.open.push(Open { name: tag.name().0.to_owned(), language });
        self.prefixes = None;
        Ok(met)
    }

    /// Ends the innermost element of a name, and what is in it; whether that was all of the feed. An
    /// end tag of nothing that is open ends nothing.
    fn leave(&mut self, name: &str) -> bool {
        let Some(at) = self.open.iter().rposition(|open| open.name == name) else { return false };
        self.open.truncate(at);
        self.scope.leave_down_to(at);
        self.prefixes = None;
        at == 0
    }

    /// What is to be known of it where an entry stands alone.
    fn context(&mut self) -> String {
        let around = self.open.last().and_then(|open| open.language.as_deref());
        let language = self.language.as_deref().or(around);
        let prefixes = self.prefixes.get_or_insert_with(|| self.scope.unusual());
        context(language, prefixes)
    }
}

/// The start tag of a feed that says what another says of its entries: the language, and the prefixes
/// as [`Scope::unusual`] has them.
///
/// Those of the feed itself may be long, and would make a feed of many entries long many times.
fn context(language: Option<&str>, prefixes: &str) -> String {
    let language = language.map(|language| format!(" xml:lang='{language}'"));
    ["<feed", language.as_deref().unwrap_or_default(), prefixes, ">"].concat()
}

/// Where an entry ends: behind its end tag, or before what it can not contain.
enum End {
    Tag(usize),
    Implied(usize),
}

/// Where the entry ends whose start tag, of this `name`, was read.
///
/// What is named so inside it is part of it: some feeds have elements of their own of that name.
/// But if the feed ends before the entry does, the end tag is missing, and the first of these is
/// the next entry. Feeds of which that is known already, as `lacks_ends` says, are not searched to
/// their end again.
fn end_of_entry(events: &mut Events<'_>, name: &str, lacks_ends: bool) -> Result<End, Problem> {
    let mut next = None;
    // How many of its name are open in it, and how many that are named as what is around it.
    let (mut depth, mut inner) = (0_usize, 0_usize);
    loop {
        events.skip_text();
        let at = events.at();
        match events.next() {
            Ok(Event::Start(tag)) if tag.name().0 == name => {
                if lacks_ends {
                    return Ok(End::Implied(at));
                }
                next = next.or(Some(at));
                depth += 1;
            }
            Ok(Event::End(tag)) if tag.name().0 == name => {
                if depth == 0 {
                    return Ok(End::Tag(events.at()));
                }
                depth -= 1;
            }
            Ok(Event::Start(tag)) if is_around(tag.name()) => inner += 1,
            Ok(Event::End(tag)) if is_around(tag.name()) => {
                if inner == 0 {
                    return Ok(End::Implied(next.unwrap_or(at)));
                }
                inner -= 1;
            }
            Ok(Event::Eof) | Err(_) => return next.map(End::Implied).ok_or(Problem::Truncated),
            Ok(_) => {}
        }
    }
}

/// Whether entries stand in elements of this name.
fn is_around(name: QName<'_>) -> bool {
    matches!(&*lower_case(name.local_name().into_inner()), "channel" | "rss" | "rdf" | "feed")
}

impl Iterator for FeedEntries {
    type Item = Result<RawRecord, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry();
        self.ended = !matches!(entry, Ok(Some(_)));
        let entry = entry.transpose()?;
        Some(entry.map_err(|problem| Failure::of_file(problem).at(self.number + 1, self.at as u64)))
    }
}

/// Makes documents of the entries of a feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoder {
    encoding: Option<&'static str>,
    damaged: bool,
}

impl Decoder {
    /// The document that an entry of [`FeedEntries`] is.
    pub(crate) fn decode(self, record: &[u8]) -> Result<Document, Failure> {
        let document = decode(record)?;
        let replaced = |text: &str| text.matches(char::REPLACEMENT_CHARACTER).count() as u64;
        let replaced = if self.damaged { replaced(&document.text) } else { 0 };
        Ok(Document { encoding: self.encoding, replaced, ..document })
    }
}

/// The text is the first of its content and its summary that has any.
fn decode(record: &[u8]) -> Result<Document, Failure> {
    let xml = std::str::from_utf8(record).map_err(Problem::invalid)?;
    let entry = Entry::read(xml)?;
    let text = entry.texts.into_iter().flatten().find(|text| !text.trim().is_empty());
    let text = text.unwrap_or_default();
    let date = entry.dates.into_iter().flatten().next();
    let id = entry.ids.into_iter().flatten().next();
    let (title, language) = (entry.title, entry.language);
    Ok(Document { text, id, title, date, language, ..Document::default() })
}

/// What an entry has, each thing in the order of what is to be preferred.
#[derive(Default)]
struct Entry {
    /// Content, then the summary, and then what is only in modules that others read.
    texts: [Option<String>; 7],
    /// The id, and then the link.
    ids: [Option<String>; 3],
    /// When it was published, and then when it was changed.
    dates: [Option<String>; 4],
    title: Option<String>,
    language: Option<String>,
}

impl Entry {
    fn read(xml: &str) -> Result<Self, Problem> {
        let mut entry = Self::default();
        let mut events = Events::new(xml);
        let mut scope = Scope::default();
        // The name of the element that is the entry, and whether that is one of Atom.
        let mut within: Option<String> = None;
        let mut is_atom = false;
        loop {
            match events.next()? {
                Event::Start(tag) if within.is_none() => {
                    scope.enter(&tag);
                    entry.language = language_of(&tag).or(entry.language);
                    let (vocabulary, name) = scope.name(&tag);
                    if vocabulary == Vocabulary::Feed && matches!(&*name, "item" | "entry") {
                        within = Some(tag.name().0.to_owned());
                        is_atom = name == "entry";
                        // Of RDF, whatever its prefix.
                        entry.ids[2] = attribute_that(&tag, |key| {
                            key.prefix().is_some() && key.local_name().into_inner() == "about"
                        });
                    }
                }
                Event::Start(tag) => {
                    let (vocabulary, name) = scope.name_within(&tag);
                    // What is in it says the same as beside it.
                    if (vocabulary, &*name) != (Vocabulary::Media, "group") {
                        let content = events.content(tag.name().0)?;
                        entry.take((vocabulary, &name), is_atom, &tag, content)?;
                    }
                }
                Event::Empty(tag) if within.is_some() => {
                    let (vocabulary, name) = scope.name_within(&tag);
                    entry.take((vocabulary, &name), is_atom, &tag, "")?;
                }
                Event::End(tag) if within.as_deref() == Some(tag.name().0) => return Ok(entry),
                Event::Eof => return Err(Problem::Truncated),
                _ => {}
            }
        }
    }

    /// Takes what a child element of the entry states.
    fn take(
        &mut self,
        name: (Vocabulary, &str),
        is_atom: bool,
        tag: &BytesStart<'_>,
        content: &str,
    ) -> Result<(), Problem> {
        use Vocabulary::{Content, DublinCore, Feed, Media, Podcast, Xhtml};

        let set = |place: &mut Option<String>, value: Option<String>| {
            if place.is_none() {
                *place = value.filter(|value| !value.is_empty());
            }
        };
        let stated = || characters(content).map(|stated| stated.text.trim().to_owned());
        let text_as = |data| text(content, data).map(Some);
        match name {
            (Content, "encoded") => set(&mut self.texts[0], text_as(Data::Html)?),
            (Feed, "content") => set(&mut self.texts[1], construct(tag, content)?),
            (Feed | DublinCore, "description") => {
                set(&mut self.texts[2], text_as(Data::Unstated)?);
            }
            (Feed, "summary") => set(&mut self.texts[3], construct(tag, content)?),
            (Media, "description") => set(&mut self.texts[4], text_as(Data::Unstated)?),
            (Podcast, "summary") => set(&mut self.texts[5], text_as(Data::Unstated)?),
            (Feed | Xhtml, "body") => {
                set(&mut self.texts[6], Some(html::read(content, Markup::Xhtml).text));
            }
            (Feed, "title") => {
                // In RSS nothing tells which it is; in Atom it is text unless another type is stated.
                let title = if is_atom || attribute(tag, "type").is_some() {
                    construct(tag, content)?.unwrap_or_default()
                } else {
                    text(content, Data::Unstated)?
                };
                set(&mut self.title, Some(spaced(title.split_whitespace())));
            }
            (Feed, "guid" | "id") => set(&mut self.ids[0], Some(stated()?)),
            (Feed, "link") => match attribute(tag, "href") {
                Some(link) => {
                    let to_itself = attribute(tag, "rel").is_none_or(|kind| kind == "alternate");
                    set(&mut self.ids[1], Some(link).filter(|_| to_itself));
                }
                None => set(&mut self.ids[1], Some(stated()?)),
            },
            (Feed, "published" | "issued") => set(&mut self.dates[0], Some(date(&stated()?))),
            (Feed, "pubdate") => set(&mut self.dates[1], Some(date(&stated()?))),
            (DublinCore, "date") => set(&mut self.dates[2], Some(date(&stated()?))),
            (Feed, "updated" | "modified") => set(&mut self.dates[3], Some(date(&stated()?))),
            (DublinCore, "language") => {
                self.language = html::language_tag(&stated()?).or(self.language.take());
            }
            _ => {}
        }
        Ok(())
    }
}

fn language_of(tag: &BytesStart<'_>) -> Option<String> {
    attribute(tag, "xml:lang").and_then(|language| html::language_tag(&language))
}

/// The text of an element of Atom that says what it contains; none if that is no text.
fn construct(tag: &BytesStart<'_>, content: &str) -> Result<Option<String>, Problem> {
    let kind = attribute(tag, "type").unwrap_or_else(|| "text".to_owned()).to_ascii_lowercase();
    // As a media type it may have parameters.
    Ok(match kind.split(';').next().unwrap_or_default().trim() {
        "html" | "text/html" => Some(text(content, Data::Html)?),
        "xhtml" | "application/xhtml+xml" => Some(html::read(content, Markup::Xhtml).text),
        "text/xml" => None,
        "text" | "" => Some(text(content, Data::Text)?),
        kind if kind.starts_with("text/") => Some(text(content, Data::Text)?),
        kind if kind.contains('/') => None,
        // No type of Atom, as the `CDATA` and `escaped` of some programs.
        _ => Some(text(content, Data::Unstated)?),
    })
}

/// What the character data of an element is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Data {
    Text,
    Html,
    /// HTML if there is markup, else text; what is escaped in it was escaped twice.
    Unstated,
}

/// The text of an element. If there are elements in it, that is markup that should have been escaped.
fn text(content: &str, data: Data) -> Result<String, Problem> {
    let Characters { text, among_elements } = characters(content)?;
    Ok(if among_elements {
        html::read(&markup(content, data != Data::Text)?, Markup::Xhtml).text
    } else if data == Data::Html || data == Data::Unstated && has_markup(&text) {
        html::read(&text, Markup::Html).text
    } else if data == Data::Unstated && text.contains('&') {
        // It may be HTML too, but then it has no paragraphs other than its lines.
        html::characters(&text)
    } else {
        text
    })
}

/// Whether there is in a text what HTML takes for markup.
fn has_markup(text: &str) -> bool {
    let text = text.as_bytes();
    let begins = |next: &u8| next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?');
    memchr::memchr_iter(b'<', text).any(|at| text.get(at + 1).is_some_and(begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(feed: &[u8]) -> (Vec<Document>, Option<Problem>) {
        let limits = Limits { nesting: 20, record: 1 << 22, ..Limits::default() };
        let mut documents = Vec::new();
        let entries = match FeedEntries::new(feed, &limits, false) {
            Ok(entries) => entries,
            Err(failure) => return (documents, Some(failure.problem)),
        };
        for entry in entries {
            match entry.and_then(|entry| decode(&entry.bytes)) {
                Ok(document) => documents.push(document),
                Err(failure) => return (documents, Some(failure.problem)),
            }
        }
        (documents, None)
    }

    fn read(feed: &str) -> Vec<Document> {
        let (documents, problem) = read_all(feed.as_bytes());
        assert!(problem.is_none(), "{problem:?}");
        documents
    }

    const RSS: &str = "<?xml version='1.0'?><!-- x --><rss version='2.0' \
        xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel><title>Kanal</title>\n\
        <language>de-de</language>\n<item><title>Käse &amp;amp; Brot</title>\
        <description>kurz</description><content:encoded><![CDATA[<p>Käse <b>und</b> Brot</p><p>Ende]]>\
        </content:encoded><guid isPermaLink='false'>1</guid><link>https://example.org/1</link>\
        <pubDate>Wed, 02 Oct 2002 08:00:00 EST</pubDate></item>\n<item/>\
        <item><media:title>no</media:title><description>&lt;p&gt;Gr&amp;uuml;&#xDF;e&lt;/p&gt; &nbsp;&auml; \
        &nix; R&B</description><link>https://example.org/2</link><dc:language>en</dc:language></item>\
        <item><description>Zwei\r\nZeilen</description><pubDate>gestern</pubDate></item></channel></rss>";

    #[test]
    fn rss_is_read() {
        let [first, second, third] = &read(RSS)[..] else { panic!("{:?}", read(RSS)) };
        assert_eq!(first.text, "Käse und Brot\n\nEnde");
        assert_eq!(first.title.as_deref(), Some("Käse & Brot"));
        assert_eq!(first.id.as_deref(), Some("1"));
        assert_eq!(first.date.as_deref(), Some("2002-10-02T08:00:00-05:00"));
        assert_eq!(first.language.as_deref(), Some("de-de"));
        assert_eq!(second.text, "Grüße\n\n\u{a0}ä &nix; R&B");
        assert_eq!(
            (second.title.as_deref(), second.id.as_deref()),
            (None, Some("https://example.org/2"))
        );
        assert_eq!(second.language.as_deref(), Some("en"));
        assert_eq!(third.text, "Zwei\nZeilen");
        assert_eq!(third.date.as_deref(), Some("gestern"));
    }

    #[test]
    fn atom_and_rdf_are_read() {
        let atom = "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de'><title>F</title>\
            <link rel='self' href='https://example.org/'/><entry><title type='html'>&lt;i&gt;T&lt;/i&gt;</title>\
            <id>urn:1</id><updated>2024-05-06T07:08:09Z</updated><published>2024-01-02T03:04:05Z</published>\
            <summary>kurz</summary><content type='xhtml'><div><p>Käse</p><p>a &lt; b</p></div></content></entry>\
            <atom:entry xml:lang='en'><link rel='enclosure' href='no'/><link href='https://example.org/2'/>\
            <content type='image/png'>AAAA</content><summary type='text'>a &lt;b&gt; c</summary></atom:entry></feed>";
        let [first, second] = &read(atom)[..] else { panic!() };
        assert_eq!((first.text.as_str(), first.title.as_deref()), ("Käse\n\na < b", Some("T")));
        assert_eq!((first.id.as_deref(), first.language.as_deref()), (Some("urn:1"), Some("de")));
        assert_eq!(first.date.as_deref(), Some("2024-01-02T03:04:05Z"));
        assert_eq!((second.text.as_str(), second.language.as_deref()), ("a <b> c", Some("en")));
        assert_eq!(second.id.as_deref(), Some("https://example.org/2"));
        let [alone] = &read("<entry><content>x</content></entry>\n")[..] else { panic!() };
        assert_eq!(alone.text, "x");
        let rdf = "<rdf:RDF><channel><items/></channel><item rdf:about='https://example.org/3'>\
            <description>x</description><dc:date>2001-02-03</dc:date></item></rdf:RDF>";
        let [only] = &read(rdf)[..] else { panic!() };
        assert_eq!((only.text.as_str(), only.id.as_deref()), ("x", Some("https://example.org/3")));
        assert_eq!(only.date.as_deref(), Some("2001-02-03"));
    }

    fn entry(feed: &str) -> Document {
        let [entry] = &read(feed)[..] else { panic!("not one entry: {feed}") };
        entry.clone()
    }

    #[test]
    fn markup_that_was_not_escaped_is_markup() {
        for content in [
            "<description><p>one</p>\n<p>two &lt;b&gt; &nbsp;</p></description>",
            "<content:encoded><div>one</div><div><![CDATA[two <b>]]>&nbsp;</div></content:encoded>",
            "<content type='html'><script/><p>one</p><p>two &lt;b></p></content>",
            "<content><h:p>one</h:p><h:p>two &lt;b></h:p></content>",
            "<content type='xhtml'><h:div><title/><h:p>one</h:p><![CDATA[two <b>]]></h:div></content>",
            "<summary>one<br/><br/>two &lt;b></summary>",
        ] {
            let text = entry(&format!("<rss><item>{content}</item></rss>")).text;
            assert_eq!(text.trim_end_matches(['\u{a0}', ' ']), "one\n\ntwo <b>", "{content}");
        }
        // Beside elements stands what was escaped as it should be.
        for (content, expected) in [
            ("<description>a &lt;b&gt;bold&lt;/b&gt;<br/>c</description>", "a bold\nc"),
            ("<description><![CDATA[<p>one</p>]]><br/></description>", "one"),
            (
                "<description>Tom &amp;amp; Kai &lt;br&gt;<img src='a'/> &amp; &lt;p>c</description>",
                "Tom & Kai\n&\n\nc",
            ),
            ("<content type='html'>&lt;p>one&lt;p>two<hr/></content>", "one\n\ntwo"),
        ] {
            let text = entry(&format!("<rss><item>{content}</item></rss>")).text;
            assert_eq!(text, expected, "{content}");
        }
        let title = "<rss><item><title>one <b>two</b></title><guid><b/>1</guid></item></rss>";
        assert_eq!(entry(title).title.as_deref(), Some("one two"));
        assert_eq!(entry(title).id.as_deref(), Some("1"));
    }

    #[test]
    fn content_of_atom_is_read_by_what_its_type_begins_with() {
        let escaped = "&lt;p&gt;a&lt;/p&gt;&lt;p&gt;b&lt;/p&gt;";
        for (kind, expected) in [
            ("text/html; charset=utf-8", "a\n\nb"),
            (" TEXT/HTML ", "a\n\nb"),
            ("escaped", "a\n\nb"),
            ("CDATA", "a\n\nb"),
            ("text/plain; charset=utf-8", "<p>a</p><p>b</p>"),
            ("text/markdown", "<p>a</p><p>b</p>"),
            ("text/xml", ""),
            ("application/xml", ""),
            ("image/png", ""),
        ] {
            let content = format!("<content type='{kind}'>{escaped}</content>");
            let feed = format!("<feed><entry>{content}</entry></feed>");
            assert_eq!(entry(&feed).text, expected, "{kind}");
        }
        let div = "<content type='application/xhtml+xml; charset=utf-8'><div><p>a</p><p>b</p></div></content>";
        assert_eq!(entry(&format!("<feed><entry>{div}</entry></feed>")).text, "a\n\nb");
    }

    #[test]
    fn a_title_of_atom_is_text_unless_it_says_otherwise() {
        for (title, expected) in [
            ("<title>a &lt;b&gt; c &amp;amp; d</title>", "a <b> c &amp; d"),
            ("<title><![CDATA[a <b> c]]></title>", "a <b> c"),
            ("<title type=''>a &lt;b&gt; c</title>", "a <b> c"),
            ("<title type='html'>a &lt;b&gt; c &amp;amp; d</title>", "a c & d"),
            ("<title>a <b>b</b> c</title>", "a b c"),
        ] {
            let feed = format!("<feed><entry>{title}</entry></feed>");
            assert_eq!(entry(&feed).title.as_deref(), Some(expected), "{title}");
        }
        let rss = "<rss><item><title>a &lt;b&gt; c &amp;amp; d</title></item></rss>";
        assert_eq!(entry(rss).title.as_deref(), Some("a c & d"));
    }

    #[test]
    fn what_is_said_for_players_is_read_if_nothing_else_is() {
        const MEDIA: &str = "xmlns:m='http://search.yahoo.com/mrss/'";
        const PODCAST: &str = "xmlns:p='http://www.itunes.com/dtds/podcast-1.0.dtd'";
        const XHTML: &str = "http://www.w3.org/1999/xhtml";
        for (content, expected) in [
            ("<media:description>a &amp;amp; b</media:description>".to_owned(), "a & b"),
            (format!("<m:description {MEDIA}>a\n\nb</m:description>"), "a\n\nb"),
            (
                "<media:group><media:title>no</media:title><media:description>a</media:description>\
                 </media:group><summary> </summary>"
                    .to_owned(),
                "a",
            ),
            ("<itunes:summary><![CDATA[<p>a<p>b]]></itunes:summary>".to_owned(), "a\n\nb"),
            (format!("<p:summary {PODCAST}>a &lt; b</p:summary>"), "a < b"),
            (format!("<body xmlns='{XHTML}'><p>a</p><p>b &lt;c></p></body>"), "a\n\nb <c>"),
            (format!("<x:body xmlns:x='{XHTML}'><p>a</p></x:body>"), "a"),
            ("<xhtml:body><xhtml:p>a</xhtml:p><xhtml:p>b</xhtml:p></xhtml:body>".to_owned(), "a\n\nb"),
            ("<q:description>no</q:description><image><description>no</description></image>".to_owned(), ""),
        ] {
            assert_eq!(entry(&format!("<rss><item>{content}</item></rss>")).text, expected, "{content}");
            let feed = format!("<rss><item>{content}<description>x</description></item></rss>");
            assert_eq!(entry(&feed).text, "x", "{content}");
            let feed = format!("<feed {MEDIA} {PODCAST}><entry>{content}</entry></feed>");
            assert_eq!(entry(&feed).text, expected, "{content}");
        }
        let declared = format!("<rss {MEDIA} xmlns:y='{XHTML}'><item>");
        let declared =
            format!("{declared}<m:description></m:description><y:body>a</y:body></item></rss>");
        assert_eq!(entry(&declared).text, "a");
        let wrong = format!("<rss xmlns='{XHTML}'><item><description>a</description></item></rss>");
        assert_eq!(entry(&wrong).text, "a");
    }

    #[test]
    fn numbers_of_control_characters_are_of_windows_1252() {
        for (reference, expected) in [
            ("&#147;", "“"),
            ("&#x94;", "”"),
            ("&#128;", "€"),
            ("&#159;", "Ÿ"),
            ("&#160;", "\u{a0}"),
        ] {
            for content in [
                format!("<title>a{reference}b</title><description>a{reference}b</description>"),
                format!("<title type='text'>a{reference}b</title><summary>a{reference}b</summary>"),
                format!(
                    "<title>a{0}b</title><content:encoded>a{0}b</content:encoded>",
                    reference.replace('&', "&amp;")
                ),
                format!(
                    "<title><i>a{reference}b</i></title><summary><p>a{reference}b</p></summary>"
                ),
            ] {
                let entry = entry(&format!("<rss><item>{content}</item></rss>"));
                let title = entry.title.map(|title| title.replace(' ', "\u{a0}"));
                let expected = format!("a{expected}b");
                assert_eq!((entry.text.as_str(), title.as_ref()), (&*expected, Some(&expected)));
            }
        }
    }

    #[test]
    fn text_without_markup_keeps_its_lines() {
        for (content, expected) in [
            ("<![CDATA[R&amp;D.\n\nZwei &uuml;ber 1 &lt; 2]]>", "R&D.\n\nZwei über 1 < 2"),
            ("R&amp;amp;D.\n\nZwei &amp;lt;b>", "R&D.\n\nZwei <b>"),
            ("R&amp;D &amp; B.\n\nZwei & drei", "R&D & B.\n\nZwei & drei"),
            ("1 &lt; 2.\n\nHerz &lt;3 &amp;amp; -&lt;", "1 < 2.\n\nHerz <3 & -<"),
            ("Eins.\n\nZwei<!-- x -->", "Eins.\n\nZwei"),
            ("&lt;p>Eins.\n\nZwei", "Eins. Zwei"),
            ("Eins &amp;amp; &lt;!-- x -->\n\nzwei", "Eins & zwei"),
            ("Eins.\n\nZwei&lt;/p>", "Eins. Zwei"),
        ] {
            for name in ["description", "dc:description"] {
                let text =
                    entry(&format!("<rss><item><{name}>{content}</{name}></item></rss>")).text;
                assert_eq!(text, expected, "{content}");
            }
        }
    }

    #[test]
    fn names_are_those_of_their_namespaces() {
        const ATOM: &str = "xmlns:a='http://www.w3.org/2005/Atom'";
        let content = "<a:title>T</a:title><a:id>1</a:id><a:content>x</a:content>";
        let usual = "<title>T</title><id>1</id><content>x</content>";
        let clashing = "<m:content xmlns:m='http://search.yahoo.com/mrss/'>no</m:content>";
        for feed in [
            format!("<a:entry {ATOM}>{content}</a:entry>"),
            format!("<a:feed {ATOM}><a:entry>{content}</a:entry></a:feed>"),
            format!("<a:feed {ATOM}><x><a:entry>{content}</a:entry></x></a:feed>"),
            format!(
                "<feed {ATOM} xmlns='http://www.w3.org/2005/Atom'><entry>{content}</entry></feed>"
            ),
            format!("<feed><entry {ATOM}>{clashing}{content}</entry></feed>"),
            format!("<feed><entry>{usual}<a:summary {ATOM}>no</a:summary></entry></feed>"),
            format!(
                "<feed><entry>{}</entry></feed>",
                usual
                    .replace("<content", &format!("<a:content {ATOM}"))
                    .replace("</content", "</a:content")
            ),
            format!("<feed><entry>{clashing}{usual}</entry></feed>"),
            format!("<feed xmlns='http://example.org/ours'><entry>{usual}</entry></feed>"),
            format!(
                "<atom:feed><atom:entry>{}</atom:entry></atom:feed>",
                content.replace("a:", "a10:")
            ),
            format!("<rss><x {ATOM}></x><a:item>no</a:item><item>{usual}</item></rss>"),
        ] {
            let entry = entry(&feed);
            assert_eq!((entry.text.as_str(), entry.id.as_deref()), ("x", Some("1")), "{feed}");
            assert_eq!(entry.title.as_deref(), Some("T"));
        }
        let rss = "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' \
            xmlns='http://purl.org/rss/1.0/' xmlns:c='http://purl.org/rss/1.0/modules/content/' \
            xmlns:d='http://purl.org/dc/elements/1.1/'><channel><d:language>de</d:language></channel>\
            <item r:about='1'><c:encoded>x</c:encoded><d:date>2001-02-03</d:date></item></r:RDF>";
        let entry = entry(rss);
        assert_eq!((entry.text.as_str(), entry.date.as_deref()), ("x", Some("2001-02-03")));
        assert_eq!((entry.id.as_deref(), entry.language.as_deref()), (Some("1"), Some("de")));
    }

    #[test]
    fn names_may_be_in_capitals() {
        let item = |id: u32| {
            format!(
                "<ITEM><TITLE>T</TITLE><GUID>{id}</GUID><DC:DATE>2001-02-03</DC:DATE>\
                <CONTENT:ENCODED><![CDATA[<p>a</p><p>b</p>]]></CONTENT:ENCODED></ITEM>"
            )
        };
        for (open, close) in [("<RSS VERSION='2.0'><CHANNEL>", "</CHANNEL></RSS>"), ("<Feed>", "")]
        {
            let (one, two) = (item(1), item(2));
            let two = if close.is_empty() { two + "</Feed>" } else { two.replace("</ITEM>", "") };
            let documents = read(&format!("{open}<LANGUAGE>de</LANGUAGE>{one}{two}{close}"));
            let ids: Vec<_> = documents.iter().map(|entry| entry.id.as_deref()).collect();
            assert_eq!(ids, [Some("1"), Some("2")]);
            for entry in &documents {
                assert_eq!((&*entry.text, entry.title.as_deref()), ("a\n\nb", Some("T")));
                assert_eq!(entry.date.as_deref(), Some("2001-02-03"));
                assert_eq!(entry.language.as_deref(), Some("de"));
            }
        }
        let entry = entry("<ENTRY><LINK HREF='x'/><Content TYPE='html'>&lt;p>a</Content></ENTRY>");
        assert_eq!((&*entry.text, entry.id.as_deref()), ("a", Some("x")));
        assert_eq!(self::entry("<rss><item><pubDate>x</pubDate></item></rss>").date.unwrap(), "x");
    }

    #[test]
    fn prefixes_hold_where_they_are_declared() {
        const ATOM: &str = "xmlns:a='http://www.w3.org/2005/Atom'";
        let item = |id: u32| format!("<item><a:content>{id}</a:content></item>");
        let items: String = (0..7).map(item).collect();
        let feed = format!(
            "<rss>{items}<x {ATOM}>{items}<y xmlns:a='other'>{items}</y>{items}</x>{items}\
            <y {ATOM}></y>{items}<item {ATOM}></item>{items}</rss>"
        );
        let texts: String = read(&feed).into_iter().map(|entry| entry.text).collect();
        assert_eq!(texts, "0123456".repeat(2));
    }

    #[test]
    fn end_tags_of_nothing_end_nothing() {
        let feed = "<rss></x><channel></p></item><item></p><title>T</title></br><description>x</description>\
            </item></b><item><description>y</description></item></channel></rss>";
        let [first, second] = &read(feed)[..] else { panic!("{:?}", read(feed)) };
        assert_eq!((first.text.as_str(), first.title.as_deref()), ("x", Some("T")));
        assert_eq!(second.text, "y");
        let left_open =
            "<rss><channel><image><title>no</channel><item><title>T</title></item></rss>";
        assert_eq!(entry(left_open).title.as_deref(), Some("T"));
    }

    #[test]
    fn what_begins_no_markup_is_text() {
        for (content, expected) in [
            ("1 < 2 <3 > &lt;", "1 < 2 <3 > <"),
            ("< a &<& <", "< a &<& <"),
            ("<< a <-", "<< a <-"),
            ("<![CDATA[a < b]]> < c", "a < b < c"),
            ("a <<!-- <3 --> b", "a < b"),
            ("a <&amp;amp; b<\u{ab}\u{bb}", "a <& b<\u{ab}\u{bb}"),
            ("<b c='< d'>1</b> < <i>2</i>", "1 < 2"),
        ] {
            let entry = |feed: &str| {
                let [first, second] = &read(feed)[..] else { panic!("{feed}") };
                assert_eq!((&*second.text, second.id.as_deref()), ("x", Some("2")), "{feed}");
                first.clone()
            };
            let next = "<item><guid>2</guid><description>x</description></item>";
            let feed = format!(
                "<rss><title>< {content}</title><item><title>{content}</title>\
                <description>{content}</description></item> < {next}</rss>"
            );
            let entry = entry(&feed);
            assert_eq!(
                (&*entry.text, entry.title.as_deref()),
                (expected, Some(expected)),
                "{content}"
            );
        }
        let entries = FeedEntries::new(
            b"<rss>< <item></item> < <item></item>".as_slice(),
            &Limits::default(),
            true,
        );
        let offsets: Vec<u64> = entries.unwrap().flatten().map(|entry| entry.offset).collect();
        assert_eq!(offsets, [7, 23]);
    }

    #[test]
    fn a_byte_order_mark_anywhere_moves_nothing() {
        const MARK: &str = "\u{feff}";
        let item = format!(
            "<item><title>a <{MARK}{MARK} b</title>{MARK}<guid>{MARK}1</guid></item>{MARK}"
        );
        let documents = read(&format!("{MARK}<rss>{MARK}{item}{MARK}{item}</rss>"));
        assert_eq!(documents.len(), 2);
        for document in documents {
            assert_eq!(document.title.as_deref(), Some("a < b"));
            assert_eq!(document.id.as_deref(), Some("1"));
        }
    }

    #[test]
    fn an_entry_without_end_tag_ends_before_the_next() {
        const END: &str = "</item>";
        let item = |number: u32| format!("<item><description>{number}</description>");
        let (one, two, three) = (item(1), item(2), item(3));
        for feed in [
            format!("<rss><channel>{one}{two}{three}</channel></rss>"),
            format!("<rss><channel>{one}{END}{two}{three}{END}</channel></rss>"),
            format!("<rss><channel>{one}{END}{two}{three}</channel></rss>"),
            format!("<rss><channel>{one}{two}{END}{three}{END}</channel></rss>"),
            format!("<rss><channel>{one}{END}{two}{END}{three}</channel></rss>"),
            format!("<r:RDF><channel/>{one}<channel>x</channel>{two}{three}</r:RDF>"),
            format!("<feed>{one}{two}{three}</feed>")
                .replace("item", "a:entry")
                .replace("<feed", "<feed xmlns:a='http://www.w3.org/2005/Atom' ")
                .replace("description", "content"),
        ] {
            let documents = read(&feed);
            let texts: Vec<&str> = documents.iter().map(|entry| entry.text.as_str()).collect();
            assert_eq!(texts, ["1", "2", "3"], "{feed}");
        }
        // What is its own keeps its end.
        let own = format!(
            "<rss><channel>{one}<list><item>no</item><item>no</item></list><guid>1</guid>{END}\
             {two}<channel>no</channel><guid>2</guid>{END}</channel></rss>"
        );
        let documents = read(&own);
        let ids: Vec<_> = documents.iter().map(|entry| entry.id.as_deref()).collect();
        assert_eq!(ids, [Some("1"), Some("2")]);
        let (documents, problem) = read_all(format!("<rss>{one}{two}{three}").as_bytes());
        assert!(matches!(problem, Some(Problem::Truncated)));
        assert_eq!(documents.len(), 2);
    }

    #[test]
    fn neither_missing_ends_nor_what_is_no_markup_takes_time() {
        const MANY: usize = 20_000;
        let feed =
            format!("<rss><channel>{}</channel></rss>", "<item><title>x</title>".repeat(MANY));
        assert_eq!(read(&feed).len(), MANY);
        let strays = "< ".repeat(MANY);
        let feed = format!("<rss><item><description>{strays}</description></item></rss>");
        assert_eq!(entry(&feed).text.len(), strays.len());
    }

    #[test]
    fn the_language_is_the_innermost_that_is_stated() {
        for (feed, language) in [
            ("<rss><language><![CDATA[ de ]]></language><item/><item></item></rss>", "de"),
            ("<rss><dc:language>&#100;e<!-- x --></dc:language><item></item></rss>", "de"),
            (
                "<rss><language>en</language><item><dc:language><![CDATA[de]]></dc:language></item></rss>",
                "de",
            ),
            ("<feed xml:lang='de'><x xml:lang='en'></x><entry></entry></feed>", "de"),
            ("<feed xml:lang='en'><x xml:lang='de'><y><entry></entry></y></x></feed>", "de"),
            (
                "<feed xml:lang='en'><language>?</language><entry xml:lang='de'></entry></feed>",
                "de",
            ),
        ] {
            assert_eq!(entry(feed).language.as_deref(), Some(language), "{feed}");
        }
    }

    #[test]
    fn what_stands_around_the_entries_does_not_make_them_long() {
        let long = "x".repeat(1 << 20);
        let namespace = "='http://www.w3.org/2005/Atom'";
        let many = format!(" xmlns:a{namespace} xmlns:b{namespace} xmlns:{long}{namespace}");
        let feed = format!(
            "<rss xml:lang='de' title='{long}'{many}><{long}>{}</{long}></rss>",
            "<item><b:content>x</b:content></item>".repeat(1000)
        );
        let entries = FeedEntries::new(feed.as_bytes(), &Limits::default(), true).unwrap();
        for entry in entries {
            let entry = entry.unwrap();
            assert!(entry.bytes.len() < 1000);
            let document = decode(&entry.bytes).unwrap();
            assert_eq!((document.text.as_str(), document.language.as_deref()), ("x", Some("de")));
        }
    }

    #[test]
    fn the_encoding_is_what_the_declaration_says() {
        let feed = b"<?xml version='1.0' encoding='ISO-8859-1'?><rss><channel><item><description>\
            K\xe4se</description></item></channel></rss>";
        let entries = FeedEntries::new(feed.as_slice(), &Limits::default(), true).unwrap();
        assert_eq!((entries.encoding, entries.damaged), (Some("windows-1252"), false));
        let decoder = entries.decoder();
        let texts: Vec<_> =
            entries.map(|entry| decoder.decode(&entry.unwrap().bytes).unwrap()).collect();
        assert_eq!((&*texts[0].text, texts[0].encoding), ("Käse", Some("windows-1252")));
    }

    #[test]
    fn what_cannot_be_decoded_is_counted_in_its_entry() {
        let feed = b"<?xml version='1.0' encoding='utf-8'?><rss><channel>\
            <item><description>K\xe4se</description></item>\
            <item><description>Br\xc3\xb6tchen, \xc3\x96l</description></item></channel></rss>";
        assert!(FeedEntries::new(feed.as_slice(), &Limits::default(), true).is_err());
        let entries = FeedEntries::new(feed.as_slice(), &Limits::default(), false).unwrap();
        let decoder = entries.decoder();
        let replaced: Vec<u64> =
            entries.map(|entry| decoder.decode(&entry.unwrap().bytes).unwrap().replaced).collect();
        assert_eq!(replaced, [1, 0]);
    }

    #[test]
    fn entries_know_their_place() {
        let limits = Limits::default();
        let entries: Vec<RawRecord> =
            FeedEntries::new(RSS.as_bytes(), &limits, true).unwrap().map(Result::unwrap).collect();
        let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(entries[0].offset, RSS.find("<item>").unwrap() as u64);
        assert_eq!(entries[2].offset, RSS.rfind("<item>").unwrap() as u64);
    }

    #[test]
    fn what_is_no_feed_is_an_error() {
        for other in [
            "",
            "text",
            "<html><body><item>x</item>",
            "<urlset/>",
            "<!DOCTYPE x>",
            "<item>x</item>",
        ] {
            let (documents, problem) = read_all(other.as_bytes());
            assert!(matches!(problem, Some(Problem::Invalid(_))), "{other}: {problem:?}");
            assert!(documents.is_empty());
        }
        let (documents, problem) = read_all(RSS.split("</channel>").next().unwrap().as_bytes());
        assert!(matches!(problem, Some(Problem::Truncated)));
        assert_eq!(documents.len(), 3);
        let deep = format!("<rss>{}", "<a>".repeat(100_000));
        assert!(matches!(read_all(deep.as_bytes()).1, Some(Problem::Nesting { limit: 20 })));
        let long = vec![b' '; (1 << 22) + 1];
        assert!(matches!(read_all(&long).1, Some(Problem::TooLong { .. })));
    }

    #[test]
    fn neither_depth_nor_entities_are_expanded() {
        let deep = format!(
            "<rss><channel><item><description>{}x{}</description></item></channel></rss>",
            "<a>".repeat(100_000),
            "</a>".repeat(100_000)
        );
        assert_eq!(read(&deep)[0].text, "x");
        let bomb = "<!DOCTYPE rss [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>\
            <rss><channel><item><title>&b;</title></item></channel></rss>";
        assert_eq!(read(bomb)[0].title.as_deref(), Some("&b;"));
    }

    #[test]
    fn damage_never_panics() {
        for at in 0..RSS.len() {
            for byte in [0, b'<', b'>', b'&', b'/', b'\'', 0xff] {
                let mut damaged = RSS.as_bytes().to_vec();
                damaged[at] = byte;
                read_all(&damaged);
            }
            read_all(&RSS.as_bytes()[..at]);
        }
    }
}
