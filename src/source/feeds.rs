//! Feeds: RSS and Atom, each entry an article.
//!
//! XML is read event by event. Entities that a feed declares itself are not expanded, and its tags
//! are not nested on any stack, so neither makes a short feed a long one.

use std::io::Read;

use quick_xml::Reader;
use quick_xml::escape::{resolve_html5_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::date::date;
use super::document::{Document, Failure, Problem, RawRecord};
use super::encoding::{decode_declared, in_xml_declaration};
use super::html;
use super::limits::Limits;

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
    /// The start tags of the elements that are open, and the language if it is stated on its own.
    around: Vec<String>,
    language: Option<String>,
    number: u64,
    ended: bool,
}

impl FeedEntries {
    /// Reads a feed whole: it must not be longer than a record.
    ///
    /// # Errors
    ///
    /// If it is too long or cannot be read, and if `strict` and it cannot be decoded.
    pub(crate) fn new(reader: impl Read, limits: &Limits, strict: bool) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        reader
            .take(limits.record.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(Failure::of_file)?;
        if bytes.len() as u64 > limits.record {
            return Err(Failure::of_file(Problem::TooLong { limit: limits.record }));
        }
        let feed = decode_declared(&bytes, in_xml_declaration(&bytes), strict)?;
        Ok(Self {
            feed: feed.text.into_owned(),
            encoding: feed.encoding,
            damaged: feed.replaced > 0,
            nesting: limits.nesting,
            at: 0,
            around: Vec::new(),
            language: None,
            number: 0,
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
        let start = self.at;
        let mut reader = reader(feed);
        loop {
            let before = position(&reader);
            match reader.read_event().map_err(Problem::invalid)? {
                // An entry of Atom may be a document of its own.
                Event::Start(tag)
                    if is_entry(&tag) && (!self.around.is_empty() || local(&tag) == "entry") =>
                {
                    reader.read_to_end(tag.name()).map_err(|_| Problem::Truncated)?;
                    let end = position(&reader);
                    let mut bytes = self.around.concat().into_bytes();
                    if let Some(language) = &self.language {
                        bytes.extend_from_slice(b"<language>");
                        bytes.extend_from_slice(language.as_bytes());
                        bytes.extend_from_slice(b"</language>");
                    }
                    bytes.extend_from_slice(&feed.as_bytes()[before..end]);
                    self.at = start + end;
                    self.number += 1;
                    let offset = (start + before) as u64;
                    return Ok(Some(RawRecord { bytes, number: self.number, offset }));
                }
                Event::Start(tag) if tag.name().0 == "language" && !self.around.is_empty() => {
                    let content = reader.read_to_end(tag.name()).map_err(|_| Problem::Truncated)?;
                    let stated = content_of(feed, &content);
                    self.language = html::language_tag(stated);
                }
                Event::Start(tag) => {
                    if self.around.is_empty() && !matches!(local(&tag), "rss" | "RDF" | "feed") {
                        return Err(Problem::invalid("neither RSS nor Atom"));
                    }
                    if self.around.len() == self.nesting {
                        return Err(Problem::Nesting { limit: self.nesting });
                    }
                    self.around.push(feed[before..position(&reader)].to_owned());
                }
                Event::End(_) => {
                    self.around.pop();
                    // Behind the feed nothing is read.
                    if self.around.is_empty() {
                        return Ok(None);
                    }
                }
                Event::Eof if self.around.is_empty() && self.number > 0 => return Ok(None),
                Event::Eof if self.around.is_empty() => {
                    return Err(Problem::invalid("neither RSS nor Atom"));
                }
                Event::Eof => return Err(Problem::Truncated),
                _ => {}
            }
        }
    }
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
    /// Content, and then the summary.
    texts: [Option<String>; 4],
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
        let mut reader = reader(xml);
        let mut within = false;
        loop {
            match reader.read_event().map_err(Problem::invalid)? {
                Event::Start(tag) if !within => {
                    entry.language = attribute(&tag, "xml:lang")
                        .and_then(|language| html::language_tag(&language))
                        .or(entry.language);
                    if is_entry(&tag) {
                        within = true;
                        entry.ids[2] = attribute(&tag, "rdf:about");
                    } else if tag.name().0 == "language" {
                        let content = reader.read_to_end(tag.name()).map_err(Problem::invalid)?;
                        entry.language = html::language_tag(content_of(xml, &content));
                    }
                }
                Event::Start(tag) => {
                    let content = reader.read_to_end(tag.name()).map_err(Problem::invalid)?;
                    entry.take(&tag, content_of(xml, &content))?;
                }
                Event::Empty(tag) if within => entry.take(&tag, "")?,
                Event::End(_) if within => return Ok(entry),
                Event::Eof => return Err(Problem::Truncated),
                _ => {}
            }
        }
    }

    /// Takes what a child element of the entry states.
    fn take(&mut self, tag: &BytesStart<'_>, content: &str) -> Result<(), Problem> {
        let name = tag.name().0;
        let name = match name.split_once(':') {
            Some(("atom" | "rss" | "a10", local)) => local,
            _ => name,
        };
        let set = |place: &mut Option<String>, value: Option<String>| {
            if place.is_none() {
                *place = value.filter(|value| !value.is_empty());
            }
        };
        match name {
            "content:encoded" => {
                set(&mut self.texts[0], Some(html::read(&characters(content)?).text));
            }
            "content" => set(&mut self.texts[1], construct(tag, content)?),
            "description" | "dc:description" => {
                set(&mut self.texts[2], Some(markup_or_text(&characters(content)?)));
            }
            "summary" => set(&mut self.texts[3], construct(tag, content)?),
            "title" => {
                let title = if attribute(tag, "type").is_some() {
                    construct(tag, content)?.unwrap_or_default()
                } else {
                    markup_or_text(&characters(content)?)
                };
                let words: Vec<&str> = title.split_whitespace().collect();
                set(&mut self.title, Some(words.join(" ")));
            }
            "guid" | "id" => set(&mut self.ids[0], Some(characters(content)?.trim().to_owned())),
            "link" => match attribute(tag, "href") {
                Some(link) => {
                    let to_itself = attribute(tag, "rel").is_none_or(|kind| kind == "alternate");
                    set(&mut self.ids[1], Some(link).filter(|_| to_itself));
                }
                None => set(&mut self.ids[1], Some(characters(content)?.trim().to_owned())),
            },
            "published" | "issued" => set(&mut self.dates[0], Some(date(&characters(content)?))),
            "pubDate" => set(&mut self.dates[1], Some(date(&characters(content)?))),
            "dc:date" => set(&mut self.dates[2], Some(date(&characters(content)?))),
            "updated" | "modified" => set(&mut self.dates[3], Some(date(&characters(content)?))),
            "dc:language" => {
                let stated = html::language_tag(&characters(content)?);
                self.language = stated.or(self.language.take());
            }
            _ => {}
        }
        Ok(())
    }
}

fn reader(xml: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(xml);
    let config = reader.config_mut();
    // Elements are closed by those who know what is open; and feeds with a bare `&` are many.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    reader
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).expect("BUG: a position in a slice")
}

fn content_of<'a>(xml: &'a str, content: &std::ops::Range<u64>) -> &'a str {
    let at = |offset: u64| usize::try_from(offset).ok();
    let range = at(content.start).zip(at(content.end));
    range.and_then(|(start, end)| xml.get(start..end)).unwrap_or_default()
}

/// The name of an element without its prefix.
fn local<'a>(tag: &'a BytesStart<'_>) -> &'a str {
    tag.local_name().into_inner()
}

fn is_entry(tag: &BytesStart<'_>) -> bool {
    matches!(local(tag), "item" | "entry")
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.attributes().with_checks(false).flatten().find(|it| it.key.0 == name)?;
    Some(unescape(&attribute.value).map_or_else(|_| attribute.value.to_string(), Into::into))
}

/// The text of an element of Atom that says what it contains; none if that is no text.
fn construct(tag: &BytesStart<'_>, content: &str) -> Result<Option<String>, Problem> {
    let kind = attribute(tag, "type").unwrap_or_else(|| "text".to_owned());
    Ok(match kind.trim().to_ascii_lowercase().as_str() {
        "text" | "text/plain" | "" => Some(characters(content)?),
        "html" | "text/html" => Some(html::read(&characters(content)?).text),
        "xhtml" | "application/xhtml+xml" => Some(html::read(content).text),
        _ => None,
    })
}

/// Text as it stands, or what is readable in it if there is markup.
fn markup_or_text(text: &str) -> String {
    if text.contains(['<', '&']) { html::read(text).text } else { text.to_owned() }
}

/// The character data in a piece of XML.
fn characters(xml: &str) -> Result<String, Problem> {
    let mut text = String::with_capacity(xml.len());
    let mut reader = reader(xml);
    loop {
        match reader.read_event().map_err(Problem::invalid)? {
            Event::Text(part) => text.push_str(&part.into_inner()),
            Event::CData(part) => text.push_str(&part.into_inner()),
            Event::GeneralRef(reference) => refer(&reference, &mut text),
            Event::Eof => return Ok(text),
            _ => {}
        }
    }
}

/// Writes what a reference stands for; one that nobody knows stands as it is.
fn refer(reference: &BytesRef<'_>, text: &mut String) {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        text.push(char);
        return;
    }
    let name = reference.xml10_content();
    if let Some(known) = resolve_html5_entity(&name) {
        text.push_str(known);
    } else {
        text.extend(["&", &name, ";"]);
    }
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
        <item><description>Zwei\nZeilen</description><pubDate>gestern</pubDate></item></channel></rss>";

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
            <item><description>Brot</description></item></channel></rss>";
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
