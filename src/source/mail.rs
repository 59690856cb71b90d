//! Mail: one message, of which the text is kept, each of its alternatives once.
//!
//! The values of headers are read by `mail_parser`. The structure is not: its parser looks for
//! every boundary to the end of the message, which takes time quadratic in the parts (half a minute
//! for 1.5 MB), and keeps attached messages in one another, so that a hundred thousand of them
//! overflow the stack. Here the lines are gone through once, and what is attached is not opened.

mod encodings;
mod flowed;
mod headers;
mod mbox;
mod words;

use std::borrow::Cow;
use std::ops::Range;

use mail_parser::ContentType;
use mail_parser::parsers::MessageStream;

use self::encodings::{decode_as_mail, decode_base64, decode_quoted_printable};
use self::flowed::Flow;
use self::headers::Headers;
pub(crate) use self::mbox::MboxRecords;
use self::words::join_words;
use super::date::date;
use super::document::{Document, Failure, Problem, spaced};
use super::encoding::{Decoded, MARK, decode_declared};
use super::html::{self, Markup};

/// The most parts of a message: what is kept of an empty one is longer than itself.
const MOST_PARTS: usize = 1 << 16;

/// The most blank lines before the headers. Some programs leave one or two; what has more is no mail.
const MOST_BLANK_LINES: usize = 16;

/// The document that a message is.
///
/// The text is that of all its text parts, one after the other. Of alternatives the plain text is
/// taken if it has content, and else the text of the HTML.
pub(crate) fn decode(bytes: &[u8], nesting: usize, strict: bool) -> Result<Document, Failure> {
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let bytes = with_line_feeds(bytes);
    let mut message = Message::read(&bytes, nesting)?;
    if strict && message.parts.iter().any(Part::is_broken) {
        return Err(invalid("the boundary of its parts is not stated or does not occur"));
    }
    if strict && !message.complete {
        return Err(Problem::Truncated.into());
    }
    let mut readable = message.readable(strict)?;
    if readable.is_empty() && message.read_otherwise() {
        readable = message.readable(strict)?;
    }
    let mut document = message.headers();
    for part in readable {
        let end = part.text.trim_end_matches('\n').len();
        if document.text.is_empty() {
            // Without a copy: most mails have but one text.
            document.text = part.text.into_owned();
            document.text.truncate(end);
        } else {
            document.text.push_str("\n\n");
            document.text.push_str(&part.text[..end]);
        }
        document.encoding = document.encoding.or(part.encoding);
        document.replaced += part.replaced;
    }
    Ok(document)
}

/// A message whose lines end with carriage returns alone, as on old Macintoshes, with the usual ends.
fn with_line_feeds(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\n', bytes).is_some() || memchr::memchr(b'\r', bytes).is_none() {
        return bytes.into();
    }
    bytes.iter().map(|&byte| if byte == b'\r' { b'\n' } else { byte }).collect()
}

/// What the body of a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Alternative,
    Multipart,
    Plain(Flow),
    Page(Markup),
    Attachment,
}

/// A part of a message, and what its headers say of it.
#[derive(Debug)]
struct Part {
    kind: Kind,
    /// What it is in a message that has no other text.
    otherwise: Option<Kind>,
    /// Its place in the message; of a multipart, that of what stands before its parts.
    body: Range<usize>,
    charset: Option<String>,
    transfer: Transfer,
    /// How many multiparts it is in.
    depth: usize,
}

impl Part {
    fn is_multipart(&self) -> bool {
        matches!(self.kind, Kind::Alternative | Kind::Multipart)
    }

    /// Whether it is a multipart whose boundary is not known. There is no telling its text from how
    /// that was sent.
    fn is_broken(&self) -> bool {
        self.is_multipart() && self.otherwise.is_some()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    Identity,
    Base64,
    QuotedPrintable,
}

/// A multipart whose end was not seen yet.
struct Open {
    boundary: String,
    /// Its number among the parts.
    number: usize,
    /// Whether its parts are messages where they do not say what they are.
    digest: bool,
}

/// A message, with its parts in their order, each before those in it.
struct Message<'a> {
    bytes: &'a [u8],
    headers: Headers<'a>,
    parts: Vec<Part>,
    /// Whether every multipart had its end.
    complete: bool,
}

impl<'a> Message<'a> {
    /// # Errors
    ///
    /// If there are no headers, if there are too many parts, or if multiparts are nested deeper than
    /// `nesting`.
    fn read(bytes: &'a [u8], nesting: usize) -> Result<Self, Failure> {
        let mut lines = Lines { bytes, at: 0 };
        lines.skip_blank(MOST_BLANK_LINES);
        let mut open: Vec<Open> = Vec::new();
        let mut parts: Vec<Part> = Vec::new();
        let (headers, mut ended) = Headers::read(&mut lines, &open);
        if headers.fields().next().is_none() {
            return Err(invalid("no headers"));
        }
        let mut next = Some(headers);
        // Where the last part was broken off; none in what stands before, between and behind parts.
        let mut within = None;
        let mut complete = true;
        loop {
            if let Some(headers) = next.take() {
                if parts.len() == MOST_PARTS {
                    return Err(invalid("it has more than 65,536 parts"));
                }
                let around = open.last().map(|multipart| multipart.digest);
                let (mut part, multipart) = describe(headers, parts.len(), open.len(), around);
                part.body = lines.at..bytes.len();
                within = Some(parts.len());
                if let Some(multipart) = multipart {
                    if open.len() == nesting {
                        return Err(Problem::Nesting { limit: nesting }.into());
                    }
                    open.push(multipart);
                }
                parts.push(part);
            }
            let (start, delimiter) = if let Some(end) = ended.take() {
                end
            } else {
                let Some(line) = lines.next() else { break };
                let Some(end) = Delimiter::find(&bytes[line.clone()], &open) else { continue };
                (line.start, end)
            };
            if let Some(part) = within.take() {
                let body = &mut parts[part].body;
                body.end = before_line_end(bytes, start).max(body.start);
            }
            complete &= open.len() == delimiter.level + 1;
            open.truncate(delimiter.level + 1);
            parts[open[delimiter.level].number].otherwise = None;
            if delimiter.closes {
                open.pop();
            } else {
                let (headers, end) = Headers::read(&mut lines, &open);
                next = Some(headers);
                ended = end;
            }
        }
        Ok(Self { bytes, headers, parts, complete: complete && open.is_empty() })
    }

    /// The document as far as the headers tell it.
    fn headers(&self) -> Document {
        let mut document = Document::default();
        if let Some(value) = self.headers.get("Subject") {
            let value = join_words(&value);
            let subject = MessageStream::new(&value).parse_unstructured();
            document.title = subject.as_text().and_then(one_line);
        }
        if let Some(value) = self.headers.get("Message-ID") {
            document.id = MessageStream::new(&value).parse_id().as_text().map(str::to_owned);
        }
        if let Some(value) = self.headers.get("Date") {
            document.date = one_line(&String::from_utf8_lossy(&value)).map(|it| date(&it));
        }
        if let Some(value) = self.headers.get("Content-Language") {
            let languages = String::from_utf8_lossy(&value);
            document.language = languages.split(',').next().and_then(html::language_tag);
        }
        let attached = self.parts.iter().filter(|part| part.kind == Kind::Attachment).count();
        document.attachments = attached as u64;
        document
    }

    /// Takes for text what is that only if there is no other. Whether there is any.
    fn read_otherwise(&mut self) -> bool {
        let mut any = false;
        for part in &mut self.parts {
            if let Some(kind) = part.otherwise.take() {
                let body = &self.bytes[part.body.clone()];
                let is_page = part.is_multipart() && html::is_page(body);
                part.kind = if is_page { Kind::Page(Markup::Html) } else { kind };
                any = true;
            }
        }
        any
    }

    /// The parts that are the text of the message, decoded.
    fn readable(&self, strict: bool) -> Result<Vec<Decoded<'static>>, Failure> {
        /// What is readable in a part, as numbers of parts, and whether plain text is among it.
        #[derive(Default)]
        struct Readable {
            parts: Vec<usize>,
            plain: bool,
        }
        let mut texts: Vec<Option<Decoded<'static>>> = Vec::new();
        texts.resize_with(self.parts.len(), || None);
        // What was found at each depth and not yet taken up by the multipart around it, last first.
        let mut found: Vec<Vec<Readable>> = Vec::new();
        for (number, part) in self.parts.iter().enumerate().rev() {
            let mut inner =
                || found.get_mut(part.depth + 1).map(std::mem::take).unwrap_or_default();
            let readable = match part.kind {
                Kind::Attachment => Readable::default(),
                Kind::Page(_) => Readable { parts: vec![number], plain: false },
                Kind::Plain(flow) => {
                    let text = self.text(part, flow, strict)?;
                    let plain = text.text.contains(|char: char| !char.is_whitespace());
                    texts[number] = Some(text);
                    if plain {
                        Readable { parts: vec![number], plain }
                    } else {
                        Readable::default()
                    }
                }
                Kind::Alternative => {
                    let inner = inner();
                    // Last first: of plain ones the first stated is taken, else the last, which
                    // is the richest.
                    let plain = inner.iter().rposition(|it| it.plain);
                    let rich = inner.iter().position(|it| !it.parts.is_empty());
                    plain.or(rich).and_then(|at| inner.into_iter().nth(at)).unwrap_or_default()
                }
                Kind::Multipart => {
                    let inner = inner();
                    let plain = inner.iter().any(|it| it.plain);
                    let parts = inner.into_iter().rev().flat_map(|it| it.parts).collect();
                    Readable { parts, plain }
                }
            };
            if found.len() <= part.depth {
                found.resize_with(part.depth + 1, Vec::new);
            }
            found[part.depth].push(readable);
        }
        let whole = found.into_iter().next().and_then(|mut top| top.pop()).unwrap_or_default();
        let mut readable = Vec::with_capacity(whole.parts.len());
        for number in whole.parts {
            let part = &self.parts[number];
            let text = match (texts[number].take(), part.kind) {
                (Some(text), _) => text,
                (None, Kind::Page(markup)) => self.page(part, markup, strict)?,
                (None, _) => continue,
            };
            if !text.text.is_empty() {
                readable.push(text);
            }
        }
        Ok(readable)
    }

    fn text(&self, part: &Part, flow: Flow, strict: bool) -> Result<Decoded<'static>, Failure> {
        let bytes = self.content(part, strict)?;
        let declared = part.charset.as_deref().map(str::as_bytes);
        let decoded = declared.and_then(|label| decode_as_mail(label, &bytes));
        let Decoded { text, encoding, replaced } = match decoded {
            Some(decoded) => decoded.check(strict)?,
            None => decode_declared(&bytes, declared, strict)?,
        };
        let text = if memchr::memchr(b'\r', text.as_bytes()).is_some() {
            text.replace("\r\n", "\n")
        } else {
            text.into_owned()
        };
        let text = flow.join(&text).unwrap_or(text);
        Ok(Decoded { text: text.into(), encoding, replaced })
    }

    fn page(&self, part: &Part, markup: Markup, strict: bool) -> Result<Decoded<'static>, Failure> {
        let bytes = self.content(part, strict)?;
        let declared = part.charset.as_deref().map(str::as_bytes);
        if let Some(decoded) = declared.and_then(|label| decode_as_mail(label, &bytes)) {
            let Decoded { text, encoding, replaced } = decoded.check(strict)?;
            let page = html::decode(text.as_bytes(), Some(b"utf-8".as_slice()), markup, strict)?;
            return Ok(Decoded { text: page.text.into(), encoding, replaced });
        }
        let page = html::decode(&bytes, declared, markup, strict)?;
        Ok(Decoded { text: page.text.into(), encoding: page.encoding, replaced: page.replaced })
    }

    /// The body of a part without its transfer encoding. What breaks that is passed over, unless
    /// `strict`.
    fn content(&self, part: &Part, strict: bool) -> Result<Cow<'a, [u8]>, Failure> {
        let body = &self.bytes[part.body.clone()];
        let (decoded, sound) = match part.transfer {
            Transfer::Identity => return Ok(body.into()),
            Transfer::Base64 => decode_base64(body),
            Transfer::QuotedPrintable => decode_quoted_printable(body),
        };
        if strict && !sound {
            return Err(invalid("broken transfer encoding"));
        }
        Ok(decoded.into())
    }
}

/// A line that is the delimiter of a multipart.
#[derive(Debug)]
struct Delimiter {
    /// The number of multiparts around the one that it belongs to.
    level: usize,
    closes: bool,
}

impl Delimiter {
    fn find(line: &[u8], open: &[Open]) -> Option<Self> {
        let line = line.strip_prefix(b"--")?.trim_ascii_end();
        open.iter().enumerate().rev().find_map(|(level, multipart)| {
            let rest = line.strip_prefix(multipart.boundary.as_bytes())?;
            let closes = rest == b"--";
            (closes || rest.is_empty()).then_some(Self { level, closes })
        })
    }
}

/// The ranges of lines, line ends included.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Lines<'_> {
    /// Goes past so many lines at most that are blank.
    fn skip_blank(&mut self, most: usize) {
        for _ in 0..most {
            let start = self.at;
            if self.next().is_some_and(|line| !self.bytes[line].trim_ascii().is_empty()) {
                self.at = start;
                return;
            }
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        self.at = memchr::memchr(b'\n', rest).map_or(self.bytes.len(), |end| start + end + 1);
        Some(start..self.at)
    }
}

/// A text whose lines and blanks are joined by single blanks; none if there is no more than these.
fn one_line(text: &str) -> Option<String> {
    let text = spaced(text.split_whitespace());
    Some(text).filter(|text| !text.is_empty())
}

/// What the headers say of the part of this number, and of the multipart that it is, if a boundary is
/// stated. The message itself has none `around` it; of other parts that says whether it is a digest.
fn describe(
    headers: Headers<'_>,
    number: usize,
    depth: usize,
    around: Option<bool>,
) -> (Part, Option<Open>) {
    let whole = around.is_none();
    let content_type = with_quoted_boundary(headers.get("Content-Type").unwrap_or_default());
    let content_type = MessageStream::new(&content_type).parse_content_type();
    let content_type = content_type.as_content_type();
    let disposition = headers.get("Content-Disposition").unwrap_or_default();
    let disposition = MessageStream::new(&disposition).parse_content_type();
    // A message has nothing that it could be attached to.
    let attached = !whole && disposition.as_content_type().is_some_and(ContentType::is_attachment);
    let named = !whole && content_type.is_some_and(|it| it.has_attribute("name"));
    let (main, subtype) = content_type.map(media_type).unwrap_or_default();
    let text = match (main, subtype) {
        _ if attached || content_type.is_none() && around == Some(true) => None,
        // What is no type but has a name may be anything.
        ("", _) => Some(Kind::Plain(flow(content_type))).filter(|_| !named),
        ("text", "html") => Some(Kind::Page(Markup::Html)),
        ("application", "xhtml+xml") => Some(Kind::Page(Markup::Xhtml)),
        ("text", "plain" | "markdown" | "x-markdown") => Some(Kind::Plain(flow(content_type))),
        ("text", _) => Some(Kind::Plain(flow(content_type))).filter(|_| whole),
        _ => None,
    };
    let mut multipart = None;
    let (kind, otherwise) = if main == "multipart" {
        let boundary = content_type.and_then(|it| it.attribute("boundary"));
        let boundary = boundary.map(str::trim_end).filter(|boundary| !boundary.is_empty());
        let digest = subtype == "digest";
        multipart = boundary.map(|boundary| Open { boundary: boundary.to_owned(), number, digest });
        let kind = if subtype == "alternative" { Kind::Alternative } else { Kind::Multipart };
        // Until its boundary comes.
        (kind, Some(Kind::Plain(flow(content_type))))
    } else if named {
        (Kind::Attachment, text)
    } else {
        (text.unwrap_or(Kind::Attachment), None)
    };
    let charset = content_type.and_then(charset).map(str::to_owned);
    let transfer = transfer(headers);
    (Part { kind, otherwise, body: 0..0, charset, transfer, depth }, multipart)
}

/// The value of a content type whose boundary has quotes if there are parentheses in it: without, these
/// are a comment, but some programs leave them out.
fn with_quoted_boundary(mut value: Vec<u8>) -> Vec<u8> {
    const NAME: &[u8] = b"boundary=";

    let is_name = |part: &[u8]| part.eq_ignore_ascii_case(NAME);
    let Some(at) = value.windows(NAME.len()).position(is_name) else { return value };
    let start = at + NAME.len();
    let is_end = |byte: &u8| matches!(byte, b';' | b'"') || byte.is_ascii_whitespace();
    let len = value[start..].iter().position(is_end).unwrap_or(value.len() - start);
    // A comment of its own has no letters before it.
    if len > 0 && value[start + 1..start + len].contains(&b'(') {
        value.insert(start + len, b'"');
        value.insert(start, b'"');
    }
    value
}

/// The type and subtype that are meant; empty ones if that is no type, which is plain text: RFC
/// 2045, section 5.2.
fn media_type<'a>(content_type: &'a ContentType<'_>) -> (&'a str, &'a str) {
    let subtype = content_type.subtype().unwrap_or_default();
    // Without parameters that nothing divides from it.
    let end = subtype.find(|char: char| char == ',' || char.is_whitespace());
    let subtype = &subtype[..end.unwrap_or(subtype.len())];
    match (content_type.ctype(), subtype) {
        ("html", "") => ("text", "html"),
        ("text", "") | ("plain" | "application", "text") => ("text", "plain"),
        (
            main @ ("application" | "audio" | "font" | "image" | "message" | "model" | "multipart"
            | "video"),
            _,
        ) => (main, subtype),
        (_, "") => ("", ""),
        stated => stated,
    }
}

/// The charset that is stated, as a parameter or where the type should end or stand.
fn charset<'a>(content_type: &'a ContentType<'_>) -> Option<&'a str> {
    content_type.attribute("charset").or_else(|| {
        let main = content_type.subtype().unwrap_or(content_type.ctype());
        let (_, value) = main.split_once("charset")?;
        let value = value.trim_start().strip_prefix('=')?;
        value.split_whitespace().next().map(|value| value.trim_matches('"'))
    })
}

fn transfer(headers: Headers<'_>) -> Transfer {
    let value = headers.get("Content-Transfer-Encoding").unwrap_or_default();
    // Without quotes, and a comment or another that may stand behind it.
    let is_end =
        |byte: &u8| matches!(byte, b'(' | b';' | b',' | b'"') || byte.is_ascii_whitespace();
    match value.split(is_end).find(|word| !word.is_empty()) {
        Some(it) if it.eq_ignore_ascii_case(b"base64") => Transfer::Base64,
        Some(it) if it.eq_ignore_ascii_case(b"quoted-printable") => Transfer::QuotedPrintable,
        _ => Transfer::Identity,
    }
}

/// What the type of a plain text says of its lines.
fn flow(content_type: Option<&ContentType<'_>>) -> Flow {
    let says = |name: &str, value: &str| {
        let stated = content_type.and_then(|it| it.attribute(name));
        stated.is_some_and(|stated| stated.trim().eq_ignore_ascii_case(value))
    };
    if says("format", "flowed") {
        Flow::Flowed { without_space: says("delsp", "yes") }
    } else {
        Flow::Fixed
    }
}

/// `at` without the line end before it, which belongs to a delimiter that begins there.
fn before_line_end(bytes: &[u8], at: usize) -> usize {
    let before = &bytes[..at];
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

fn invalid(problem: &'static str) -> Failure {
    Problem::invalid(problem).into()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use mail_parser::MessageParser;

    use super::*;

    const NESTING: usize = 64;

    fn read(mail: &str) -> Document {
        let document = decode(mail.as_bytes(), NESTING, true).unwrap();
        assert_eq!(decode(mail.replace('\n', "\r\n").as_bytes(), NESTING, true).unwrap(), document);
        document
    }

    fn problem(mail: &str) -> Problem {
        decode(mail.as_bytes(), NESTING, false).unwrap_err().problem
    }

    const ALTERNATIVES: &str = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= und\n mehr\n\
        Message-ID: <a1@example.org>\nDate: Tue, 5 Mar 2024 08:09:10 +0100 (CET)\n\
        Content-Language: de-DE, en\nContent-Type: multipart/alternative; boundary=\"=_x\"\n\n\
        Vorspann\n--=_x\nContent-Type: text/plain; charset=iso-8859-1\n\
        Content-Transfer-Encoding: quoted-printable\n\nK=E4se und=\n Brot\n\nEnde\n\n\
        --=_x\nContent-Type: text/html; charset=utf-8\n\n<p>Käse <b>und</b> Brot</p><p>Ende</p>\n\
        --=_x--\nNachspann\n";

    #[test]
    fn of_alternatives_the_text_is_taken_once() {
        let document = read(ALTERNATIVES);
        assert_eq!(document.text, "Käse und Brot\n\nEnde");
        assert_eq!(document.title.as_deref(), Some("Grüße und mehr"));
        assert_eq!(document.id.as_deref(), Some("a1@example.org"));
        assert_eq!(document.date.as_deref(), Some("2024-03-05T08:09:10+01:00"));
        assert_eq!(document.language.as_deref(), Some("de-DE"));
        assert_eq!((document.encoding, document.attachments), (Some("windows-1252"), 0));
    }

    #[test]
    fn html_is_taken_where_the_plain_text_is_blank() {
        let blank = ALTERNATIVES.replace("K=E4se und=\n Brot\n\nEnde\n", "=20\n");
        let document = read(&blank);
        assert_eq!((document.text.as_str(), document.encoding), ("Käse und Brot\n\nEnde", None));
        let html = "Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPHA+w6Q8L3A+\n";
        assert_eq!(read(html).text, "ä");
    }

    #[test]
    fn lines_flow_where_the_type_says_so() {
        for (parameters, text) in [
            ("", "eins \nzwei"),
            ("; format=fixed", "eins \nzwei"),
            ("; charset=utf-8; Format=\"Flowed\"", "eins zwei"),
            ("; format=flowed; DelSp=No", "eins zwei"),
            ("; delsp=yes; format=flowed", "einszwei"),
        ] {
            let head = format!("Content-Type: text/plain{parameters}\n");
            assert_eq!(read(&format!("{head}\neins \nzwei\n")).text, text, "{parameters}");
            let encoded = "Content-Transfer-Encoding: quoted-printable\n\neins=20\nzwei\n";
            assert_eq!(read(&format!("{head}{encoded}")).text, text, "{parameters}");
        }
    }

    #[test]
    fn a_page_may_be_xhtml() {
        let page = "Content-Type: application/xhtml+xml\n\n\
            <html xmlns='http://www.w3.org/1999/xhtml'><title/><p>eins</p><p>zwei</p></html>\n";
        assert_eq!(read(page).text, "eins\n\nzwei");
        let blank = ALTERNATIVES.replace("K=E4se und=\n Brot\n\nEnde\n", "");
        let blank = blank.replace("text/html", "application/xhtml+xml");
        assert_eq!(read(&blank).text, "Käse und Brot\n\nEnde");
    }

    #[test]
    fn parts_follow_one_another_and_attachments_are_counted() {
        let mail = "Content-Type: multipart/mixed; boundary=a\n\n--a\n\
            Content-Type: multipart/related; boundary=ab\n\n--ab\n\
            Content-Type: multipart/alternative; boundary=abc\n\n--abc\n\nPlain\n\n--abc\n\
            Content-Type: text/html\n\n<p>HTML\n--abc--\n--ab\nContent-Type: image/png\n\n\u{1}\n--ab--\n\
            --a\nContent-Type: message/rfc822\n\nSubject: inner\n\nInner\n--a\n\
            Content-Type: text/plain\nContent-Disposition: attachment\n\nno\n--a\n\
            Content-Type: text/plain; name=no.txt\n\nno\n--a\nContent-Type: text/calendar\n\nno\n\
            --a\n\n-- \nListe\n--a--\n";
        let document = read(mail);
        assert_eq!((document.text.as_str(), document.attachments), ("Plain\n\n-- \nListe", 5));
        let rich = "Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/html\n\n\
            <p>poor\n--a\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n\
            <p>rich\n--b--\n--a--\n";
        assert_eq!(read(rich).text, "rich");
    }

    #[test]
    fn what_mail_should_not_be_but_is() {
        assert_eq!(read("Subject: a\n\nK\u{e4}se\n").text, "Käse");
        let latin =
            decode(b"Subject: K\xe4se\n\nGr\xfc\xdfe aus M\xfcnchen\n", NESTING, true).unwrap();
        assert_eq!(
            (latin.title.as_deref(), latin.text.as_str()),
            (Some("Käse"), "Grüße aus München")
        );
        assert_eq!(read("Subject:\n\n").title, None);
        assert_eq!(read("A: b").text, "");
        let no_subtype =
            "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text\n\na\n--a--\n";
        assert_eq!(read(no_subtype).text, "a");
        assert_eq!(read("Content-Type: text/x-diff\n\n+a\n").text, "+a");
        assert_eq!(read("Content-Type: application/pdf\n\n%PDF\n").attachments, 1);
        for (transfer, body, text) in [
            ("base64", "S8Okc2UsIEvDp!HNlLCBLw6RzZQ==", "Käse, Käse, Käse"),
            ("quoted-printable", "K=C3=A4se= \n=xy = z=", "Käse=xy = z"),
        ] {
            let mail = format!("Content-Transfer-Encoding: {transfer}\n\n{body}");
            assert_eq!(decode(mail.as_bytes(), NESTING, false).unwrap().text, text);
            assert!(decode(mail.as_bytes(), NESTING, true).is_err());
        }
        let utf_7 = read("Content-Type: text/plain; charset=UTF-7\n\nK+AOQ-se\n");
        assert_eq!((utf_7.text.as_str(), utf_7.encoding), ("Käse", Some("UTF-7")));
        let older = read("Content-Type: text/plain; charset=\"unicode-1-1-UTF-7\"\n\nK+AOQ-se\n");
        assert_eq!(older, utf_7);
        let digest =
            "Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: b\n\nc\n--a--\n";
        assert_eq!(read(digest).attachments, 1);
        let headers_only =
            "Content-Type: multipart/mixed; boundary=a\n\n--a\n--a\nA: b\n--a\n\nx\n--a--\n";
        assert_eq!(read(headers_only).text, "x");
    }

    #[test]
    fn lines_of_a_header_that_are_not_utf_8_are_of_one_encoding() {
        let title = |lines: &[&[u8]]| {
            let mail = [b"Subject: ", &*lines.join(&b"\n "[..]), b"\n\nx\n"].concat();
            decode(&mail, NESTING, true).unwrap().title.unwrap()
        };
        // windows-1251 and ISO 8859-2, of which the last words alone pass for windows-1252.
        let bulgarian = b"\xcd\xee\xe2\xe8\xed\xe8 \xee\xf2 \xd1\xee\xf4\xe8\xff \xe7\xe0 \xe2\xf0\xe5\xec\xe5\xf2\xee";
        assert_eq!(title(&[bulgarian, b"\xcd\xee"]), "Новини от София за времето Но");
        let polish = b"Za\xbf\xf3\xb3\xe6 g\xea\xb6l\xb1 ja\xbc\xf1 i \xb6wie\xbfe po\xbfegnanie";
        assert_eq!(title(&[polish, b"l\xb1d"]), "Zażółć gęślą jaźń i świeże pożegnanie ląd");
        // Others between them are what they are.
        let mixed: [&[u8]; 5] =
            [bulgarian, "UTF-8: ä".as_bytes(), b"=?utf-8?q?=C3=A4?=", b"\xcd\xee", b"ASCII"];
        assert_eq!(title(&mixed), "Новини от София за времето UTF-8: ä ä Но ASCII");
    }

    #[test]
    fn code_pages_of_dos_are_read() {
        for (label, name, bytes, text) in [
            ("cp850", "IBM850", &b"K\x84se \x9b \xff"[..], "Käse ø \u{a0}"),
            ("IBM850", "IBM850", b"Gr\x81\xe1e", "Grüße"),
            ("cp437", "IBM437", b"K\x84se \x9b \x80\xff", "Käse ¢ Ç\u{a0}"),
            ("\"ibm437\"", "IBM437", b"Gr\x81\xe1e\r\n\x7f", "Grüße\n\u{7f}"),
            ("cp866", "IBM866", b"\x8c\xa8\xe0", "Мир"),
        ] {
            let word = label.trim_matches('"');
            let head = format!(
                "Subject: =?{word}?q?K=84se?=\nContent-Type: text/plain; charset={label}\n\n"
            );
            let mail = [head.as_bytes(), bytes].concat();
            let document = decode(&mail, NESTING, true).unwrap();
            assert_eq!((&*document.text, document.encoding), (text, Some(name)), "{label}");
            let title = if name == "IBM866" { "KДse" } else { "Käse" };
            assert_eq!(document.title.as_deref(), Some(title));
            let head = format!("Content-Type: text/html; charset={label}\n\n<p>");
            let page = decode(&[head.as_bytes(), bytes].concat(), NESTING, true).unwrap();
            assert_eq!(page.encoding, Some(name));
        }
    }

    #[test]
    fn a_boundary_may_have_parentheses() {
        for (stated, boundary) in [
            ("boundary=\"Boundary_(ID_x)\"", "Boundary_(ID_x)"),
            ("boundary=Boundary_(ID_x)", "Boundary_(ID_x)"),
            ("Boundary=Boundary_(ID_x/+a); charset=utf-8", "Boundary_(ID_x/+a)"),
            ("charset=utf-8;\n boundary=a(b", "a(b"),
            ("boundary=(no) a", "a"),
            ("boundary=a (no)", "a"),
            ("boundary=a;(no)", "a"),
        ] {
            let mail = format!(
                "Content-Type: multipart/mixed; {stated}\n\nno\n--{boundary}\n\nyes\n--{boundary}--\n"
            );
            assert_eq!(read(&mail).text, "yes", "{stated}");
        }
    }

    #[test]
    fn what_is_no_type_is_plain_text() {
        for (stated, text) in [
            ("plain", "<p>K\u{a4}se"),
            ("text", "<p>K\u{a4}se"),
            ("us-ascii", "<p>K\u{a4}se"),
            ("7bit", "<p>K\u{a4}se"),
            ("unknown", "<p>K\u{a4}se"),
            ("plain/text", "<p>K\u{a4}se"),
            ("application/text", "<p>K\u{a4}se"),
            ("X-sun-attachment", "<p>K\u{a4}se"),
            ("plain; charset=iso-8859-15", "<p>K€se"),
            ("charset=iso-8859-15", "<p>K€se"),
            ("Charset = \"ISO-8859-15\"", "<p>K€se"),
            ("text/plain charset=iso-8859-15", "<p>K€se"),
            ("text/plain charset=iso-8859-15 format=fixed", "<p>K€se"),
            ("text/plain, charset=iso-8859-15", "<p>K€se"),
            ("html", "K\u{a4}se"),
            ("HTML; charset=iso-8859-15", "K€se"),
            ("text/html charset=iso-8859-15", "K€se"),
        ] {
            let part = [b"Content-Type: ", stated.as_bytes(), b"\n\n<p>K\xa4se\n"].concat();
            let head = b"Content-Type: multipart/mixed; boundary=a\n\n--a\n";
            for mail in [part.clone(), [head, &*part, b"--a--\n"].concat()] {
                let document = decode(&mail, NESTING, true).unwrap();
                assert_eq!((&*document.text, document.attachments), (text, 0), "{stated}");
            }
        }
        for stated in ["application", "image", "image/", "x-unknown/x"] {
            let document = read(&format!("Content-Type: {stated}\n\nx\n"));
            assert_eq!((document.text.as_str(), document.attachments), ("", 1), "{stated}");
        }
    }

    #[test]
    fn what_is_named_is_text_if_there_is_no_other() {
        let mixed = |parts: &[&str]| {
            let parts = parts.join("\n--a\n");
            let document = read(&format!(
                "Content-Type: multipart/mixed; boundary=a\n\n--a\n{parts}\n--a--\n"
            ));
            (document.text, document.attachments)
        };
        let text = "Content-Type: text/plain; name=\"msg.txt\"\n\neins\n";
        let page = "Content-Type: text/html; name=a.html\nContent-Disposition: inline\n\n<p>zwei\n";
        let attached =
            "Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n\nno\n";
        let table = "Content-Type: text/csv; name=a.csv\n\nno\n";
        let unknown = "Content-Type: unknown; name=a.bin\n\nno\n";
        for (parts, expected) in [
            (&[text][..], ("eins", 0)),
            (&[page], ("zwei", 0)),
            (&[text, page, attached, table, unknown], ("eins\n\nzwei", 3)),
            (&["\n \n", "Content-Type: text/html\n\n<br>\n", text], ("eins", 0)),
            (&["\ndrei\n", text, page], ("drei", 2)),
            (&[attached, table, unknown], ("", 3)),
        ] {
            let (text, attachments) = mixed(parts);
            assert_eq!((&*text, attachments), expected, "{parts:?}");
        }
        let whole = read(attached);
        assert_eq!((&*whole.text, whole.attachments), ("no", 0));
    }

    /// As other programs show it: what is whole is not lost with what is not, and of a message
    /// without parts all is text. Who asks for strictness is told, as there is no knowing the text.
    #[test]
    fn multiparts_without_parts_are_text_if_there_is_no_other() {
        let tolerant = |mail: &str| {
            let Problem::Invalid(source) =
                decode(mail.as_bytes(), NESTING, true).unwrap_err().problem
            else {
                panic!("{mail}")
            };
            let problem = "the boundary of its parts is not stated or does not occur";
            assert_eq!(source.to_string(), problem);
            let document = decode(mail.as_bytes(), NESTING, false).unwrap();
            let other = decode(mail.replace('\n', "\r\n").as_bytes(), NESTING, false).unwrap();
            assert_eq!(document, other);
            document.text
        };
        let body = "\n\n--c\n\nK=C3=A4se\n";
        let encoded = "Content-Transfer-Encoding: quoted-printable\n";
        for stated in ["", "; boundary=", "; boundary=\" \"", "; boundary=b", "; boundary=cc"] {
            let broken = format!("Content-Type: multipart/alternative{stated}{body}");
            assert_eq!(tolerant(&broken), "--c\n\nK=C3=A4se", "{stated}");
            assert_eq!(tolerant(&format!("{encoded}{broken}")), "--c\n\nKäse", "{stated}");
            let page = broken.replace("--c\n", "<!doctype html><title>a</title><p>eins");
            assert_eq!(tolerant(&page), "eins K=C3=A4se", "{stated}");
            let mixed = |parts: &str| {
                tolerant(&format!("Content-Type: multipart/mixed; boundary=a\n\n{parts}--a--\n"))
            };
            assert_eq!(mixed(&format!("--a\n{broken}--a\n\neins\n")), "eins", "{stated}");
            assert_eq!(mixed(&format!("--a\n\neins\n--a\n{broken}")), "eins", "{stated}");
            let image = "Content-Type: image/png\n\n\u{1}\n";
            let parts = format!("--a\n{broken}--a\n{image}");
            assert_eq!(mixed(&parts), "--c\n\nK=C3=A4se", "{stated}");
        }
        let absent = ALTERNATIVES.replace("\n--=_x", "\n--=_y");
        assert!(tolerant(&absent).starts_with("Vorspann\n--=_y\nContent-Type: text/plain;"));
        let unstated = ALTERNATIVES.replace("; boundary=\"=_x\"", "");
        assert!(tolerant(&unstated).starts_with("Vorspann\n--=_x\nContent-Type: text/plain;"));
        // Its boundary comes, though no part does.
        let ended = "Content-Type: multipart/mixed; boundary=a\n\nVorspann\n--a--\n";
        assert_eq!(read(ended).text, "");
    }

    #[test]
    fn broken_structure_is_an_error() {
        let invalid = |mail: &str| match problem(mail) {
            Problem::Invalid(source) => source.to_string(),
            other => panic!("{other:?}"),
        };
        for no_mail in ["", "\n", "no headers\n\nat all\n"] {
            assert_eq!(invalid(no_mail), "no headers");
        }
        let cut = ALTERNATIVES.replace("--=_x--\nNachspann\n", "");
        assert_eq!(decode(cut.as_bytes(), NESTING, false).unwrap().text, "Käse und Brot\n\nEnde");
        let failure = decode(cut.as_bytes(), NESTING, true).unwrap_err();
        assert!(matches!(failure.problem, Problem::Truncated));
    }

    #[test]
    fn quoted_printable_is_undone_as_the_standard_asks() {
        let decoded = |body: &str| {
            let mail = format!("Content-Transfer-Encoding: quoted-printable\n\n{body}");
            let strict = decode(mail.as_bytes(), NESTING, true).map(|it| it.text).ok();
            (decode(mail.as_bytes(), NESTING, false).unwrap().text, strict.is_some())
        };
        for (body, text, sound) in [
            ("a= 80b", "a= 80b", false),
            ("a=\n80b", "a80b", true),
            ("a=A", "a=A", false),
            ("a=A\nb", "a=A\nb", false),
            ("a==41", "a=A", false),
            ("a=4=31", "a=41", false),
            ("a \t\nb=20\nc= \t\nd  ", "a\nb \ncd", true),
            ("a \t\r\nb=\r\nc\r\n", "a\nbc", true),
            ("=c3=a4\u{e4}=", "ää", true),
        ] {
            assert_eq!(decoded(body), (text.to_owned(), sound), "{body:?}");
        }
    }

    #[test]
    fn the_headers_end_at_an_empty_line_or_where_they_no_longer_look_like_headers() {
        let folded = "Subject: a\n \n b\nX-A:\n\t\n \nContent-Type: text/html\n\n<p>c\n";
        let document = read(folded);
        assert_eq!((document.title.as_deref(), document.text.as_str()), (Some("a b"), "c"));
        for unseparated in ["Subject: a\nb c\nd: e\n", "Subject: a\n \t\nb c\nd: e\n"] {
            let document = read(unseparated);
            assert_eq!((document.title.as_deref(), &*document.text), (Some("a"), "b c\nd: e"));
        }
        let parts = "Content-Type: multipart/mixed; boundary=a\n\n--a\nb c\n--a\n \nd: e\n--a--\n";
        assert_eq!(read(parts).text, "b c\n\nd: e");
        let delivered =
            "From a@example.org Sat Jan  3 01:05:34 1996\nSubject : a\n>From b\nX: y\n\nc\n";
        let document = read(delivered);
        assert_eq!((document.title.as_deref(), document.text.as_str()), (Some("a"), "c"));
    }

    #[test]
    fn blank_lines_may_stand_before_the_headers() {
        for blank in ["\n", " \t\n\n", "\u{feff}\n", &"\n".repeat(MOST_BLANK_LINES)] {
            let document = read(&format!("{blank}Subject: a\n\nb\n"));
            assert_eq!((document.title.as_deref(), &*document.text), (Some("a"), "b"), "{blank:?}");
        }
        let more = "\n".repeat(MOST_BLANK_LINES + 1);
        assert!(matches!(problem(&format!("{more}Subject: a\n\nb\n")), Problem::Invalid(_)));
    }

    #[test]
    fn lines_may_end_as_they_once_did_on_a_macintosh() {
        let document = decode(ALTERNATIVES.replace('\n', "\r").as_bytes(), NESTING, true).unwrap();
        assert_eq!(document, read(ALTERNATIVES));
    }

    #[test]
    fn dates_are_those_of_their_own_header() {
        let date = |date: &str| {
            let document = read(&format!("Date: {date}\nSubject: a\n\nb\n"));
            assert_eq!(document.title.as_deref(), Some("a"), "{date}");
            document.date
        };
        for zone in ["Z", "UT", "GMT", "+0000", "-0000 (none)"] {
            let stated = date(&format!("Mon, 1 Jan 2024 10:00:00 {zone}"));
            assert_eq!(stated.as_deref(), Some("2024-01-01T10:00:00+00:00"), "{zone}");
        }
        assert_eq!(date("1 Jan 24\n 10:00 EST").as_deref(), Some("2024-01-01T10:00:00-05:00"));
        assert_eq!(date("on \n  Monday").as_deref(), Some("on Monday"));
        assert_eq!(date(""), None);
    }

    #[test]
    fn what_follows_base64_is_text() {
        let footer = "_______________\nListe mailing list\nabcd\nhttps://lists.example.org/\n";
        for encoded in ["S8Okc2U=\n", "S8Okc2U\n", "S8Ok!c2UsIEvDpHNl\nS8Okc2U=\n\n", ""] {
            let mail = format!("Content-Transfer-Encoding: base64\n\n{encoded}{footer}");
            let text = decode(mail.as_bytes(), NESTING, false).unwrap().text;
            let expected = match encoded.len() {
                0 => footer.to_owned(),
                1..10 => format!("Käse\n{footer}"),
                _ => format!("Käse, KäseKäse\n{footer}"),
            };
            assert_eq!(text, expected.trim_end(), "{encoded}");
            assert!(decode(mail.as_bytes(), NESTING, true).is_err());
        }
    }

    #[test]
    fn a_transfer_encoding_may_have_quotes_and_more_behind_it() {
        for encoding in
            ["base64 (x)", "BASE64;", " base64\n (x)", "\"base64\"", "base64, 8bit", "base64,7bit"]
        {
            let mail = format!("Content-Transfer-Encoding: {encoding}\n\nS8Okc2U=\n");
            assert_eq!(read(&mail).text, "Käse", "{encoding}");
        }
    }

    #[test]
    fn utf_7_is_undone_as_the_standard_asks() {
        for (body, text) in [
            ("K+AOQ-se", "Käse"),
            ("K+AOQ se", "Kä se"),
            ("1 +- 1+AD0-2", "1 + 1=2"),
            ("+2D3f4A +AOQ", "\u{1f7e0} ä"),
            ("+ a", "+ a"),
        ] {
            let mail = format!("Content-Type: text/plain; charset=UTF-7\n\n{body}\n");
            assert_eq!(decode(mail.as_bytes(), NESTING, false).unwrap().text, text, "{body}");
        }
    }

    #[test]
    fn shifts_of_seven_bits_are_undone() {
        for (charset, body, text) in [
            ("ISO-2022-KR", "\x1b$)Ca \x0e4Y8.\x0f b", "a \u{b2e4}\u{b9ac} b"),
            // A shift ends with its line.
            ("iso-2022-kr", "\x1b$)C\x0e4Y8.\n4Y", "\u{b2e4}\u{b9ac}\n4Y"),
            (
                "HZ-GB-2312",
                "a ~{<:Ky2;S{!#~} ~~ b~\nc",
                "a \u{5df1}\u{6240}\u{4e0d}\u{6b32}\u{3002} ~ bc",
            ),
            ("hz", "~{<:\n<:", "\u{5df1}\n<:"),
        ] {
            let name = &*charset.to_ascii_uppercase().replace("HZ-GB-2312", "HZ");
            for (kind, body) in [("plain", body.to_owned()), ("html", format!("<pre>{body}</pre>"))]
            {
                let mail = format!("Content-Type: text/{kind}; charset={charset}\n\n{body}\n");
                let document = decode(mail.as_bytes(), NESTING, true).unwrap();
                assert_eq!(document.text, text, "{charset}");
                assert!(document.encoding.is_some_and(|it| it.starts_with(name)));
            }
        }
        let broken = "Content-Type: text/plain; charset=iso-2022-kr\n\n\x1b$)C\x0e4 \x0f\n";
        assert_eq!(decode(broken.as_bytes(), NESTING, false).unwrap().replaced, 1);
        assert!(decode(broken.as_bytes(), NESTING, true).is_err());
        let titled = read("Subject: =?ISO-2022-KR?B?GyQpQw40WTguDw==?=\n\na\n");
        assert_eq!(titled.title.as_deref(), Some("\u{b2e4}\u{b9ac}"));
    }

    #[test]
    fn a_byte_order_mark_is_of_no_header() {
        for subject in ["K\u{e4}se", "=?utf-8?q?K=C3=A4se?="] {
            let document = read(&format!("\u{feff}Subject: {subject}\n\na\n"));
            assert_eq!(document.title.as_deref(), Some("Käse"));
        }
    }

    #[test]
    fn characters_may_be_cut_in_two_by_encoded_words() {
        for (subject, title) in [
            ("=?utf-8?Q?Gr=C3?=\n =?utf-8?Q?=BC=C3=9Fe?=", "Grüße"),
            ("=?utf-8?Q?Gr=C3?==?utf-8?Q?=BC=C3=9Fe?=", "Grüße"),
            ("Re: =?utf-8*de?q?Gr=C3?= \n\t=?UTF-8?B?vMOfZQ==?= und mehr", "Re: Grüße und mehr"),
            // A Chinese character of two bytes.
            ("=?GB2312?B?xOO6?=\n =?gb2312?b?ww==?=", "你好"),
            ("=?iso-2022-jp?B?GyRCRnw=?=\n =?iso-2022-jp?B?S1wbKEI=?=", "日本"),
            // Each of its own, as it should be.
            ("=?iso-2022-jp?B?GyRCRnwbKEI=?=\n =?iso-2022-jp?B?GyRCS1wbKEI=?=", "日本"),
            ("=?utf-8?q?K=C3=A4se_?=\n =?utf-8?q?und?=", "Käse und"),
            ("=?utf-8?q?K=C3=A4se ?=\n =?utf-8?q?und?=", "Käse und"),
            ("=?utf-8?q?K=C3=A4se?= =?iso-8859-1?q?k=E4se?=", "Käsekäse"),
            ("=?utf-8?q?K=C3=A4se?= und =?utf-8?q?mehr?=", "Käse und mehr"),
            // Without padding.
            ("=?utf-8?B?S8Okc2U?=", "Käse"),
            ("=?utf-8?B?S8O?= =?utf-8?B?pHNl?=", "Käse"),
            ("=?utf-8?Q?Wie?_So?_=3D=3F?=", "Wie? So? =?"),
            // Not known, or not well.
            ("=?cp932?B?k/qWe4zq?=", "日本語"),
            ("=?CP949?B?x9Gxub7u?=", "한국어"),
            ("=?8859-1?q?K=E4se?=", "Käse"),
            ("=?utf-7?q?K+AOQ-se, +AN8 und?= =?unicode-1-1-utf-7?q?_+AN8?=", "Käse, ß und ß"),
            // No words.
            ("=?utf-8?q?K=C3=A4", "=?utf-8?q?K=C3=A4"),
            ("=?utf-8?x?a?= =?=?utf-8?q?b?=", "=?utf-8?x?a?= =? b"),
            ("=?utf-8?q?a =?utf-8?q?b?=", "=?utf-8?q?a b"),
            // Broken codes.
            ("=?utf-8?q?=A?= =?utf-8?q?b?=", "=Ab"),
        ] {
            let document = read(&format!("Subject: {subject}\n\na\n"));
            assert_eq!(document.title.as_deref(), Some(title), "{subject}");
        }
    }

    #[test]
    fn long_headers_are_cut_between_words() {
        let title = |subject: &str| read(&format!("Subject: {subject}\n\na\n")).title.unwrap();
        for shift in 0..20 {
            let head = "x".repeat(shift);
            let whole = format!("{head}{}", "ä".repeat(1 << 13));
            assert!(whole.starts_with(&title(&whole)), "{shift}");
            let words = format!("{head}{}", " käse".repeat(1 << 12));
            assert!(title(&words).ends_with(" käse"), "{shift}");
            let encoded = format!("{head}{}", " =?utf-8?b?S8Okc2U=?=".repeat(1 << 12));
            assert!(title(&encoded).ends_with("Käse"), "{shift}");
        }
    }

    #[test]
    fn long_headers_cost_no_more_than_their_length() {
        let start = std::time::Instant::now();
        let words = "=?aa?q?x".repeat(1 << 17);
        let document = read(&format!("Subject: {words}\n\na\n"));
        assert!(document.title.is_some_and(|title| title.len() < words.len() / 100));
        let parameters = "\n a*0=b;".repeat(1 << 17);
        assert_eq!(read(&format!("Content-Type: text/plain;{parameters}\n\na\n")).text, "a");
        // Half a second; minutes where time grows with the square.
        assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    }

    #[test]
    fn parts_have_a_limit() {
        let parts = |count: usize| {
            format!(
                "Content-Type: multipart/mixed; boundary=a\n\n{}--a--\n",
                "--a\n\n".repeat(count)
            )
        };
        assert_eq!(read(&parts(MOST_PARTS - 1)).text, "");
        assert!(matches!(problem(&parts(MOST_PARTS)), Problem::Invalid(_)));
    }

    fn nested(depth: usize) -> String {
        let mut mail = String::new();
        for level in 0..depth {
            let _ =
                write!(mail, "Content-Type: multipart/mixed; boundary=b{level}x\n\n--b{level}x\n");
        }
        mail.push_str("\ndeep\n");
        for level in (0..depth).rev() {
            let _ = writeln!(mail, "--b{level}x--");
        }
        mail
    }

    #[test]
    fn nesting_has_a_limit() {
        assert_eq!(read(&nested(NESTING)).text, "deep");
        for depth in [NESTING + 1, 1000, 100_000] {
            assert!(matches!(problem(&nested(depth)), Problem::Nesting { .. }), "{depth}");
        }
    }

    #[test]
    fn neither_attached_messages_nor_boundaries_that_never_come_cost_more_than_their_length() {
        let attached = "Content-Type: message/rfc822\n\n".repeat(100_000);
        assert_eq!(read(&attached).attachments, 1);
        let open = "--a\nContent-Type: multipart/mixed; boundary=x\n\nt\n".repeat(30_000);
        let mail = format!("Content-Type: multipart/mixed; boundary=a\n\n{open}");
        let text = decode(mail.as_bytes(), NESTING, false).unwrap().text;
        assert_eq!(text.len(), 30_000 * 3 - 2);
        let many = format!(
            "Content-Type: multipart/mixed; boundary=a\n\n{}--a--\n",
            "--a\n\nt\n".repeat(60_000)
        );
        assert_eq!(read(&many).text.len(), 60_000 * 3 - 2);
    }

    #[test]
    fn damage_never_panics() {
        for at in 0..ALTERNATIVES.len() {
            for byte in [0, b'\n', b'-', b'=', b':', b'?', 0xff] {
                let mut damaged = ALTERNATIVES.as_bytes().to_vec();
                damaged[at] = byte;
                for strict in [false, true] {
                    let _ = decode(&damaged, NESTING, strict);
                }
            }
            let _ = decode(&ALTERNATIVES.as_bytes()[..at], NESTING, false);
        }
    }

    /// The folder of a package that this one depends on.
    fn package(name: &str) -> std::path::PathBuf {
        let metadata = std::process::Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--offline",
                "--format-version=1",
                "--features=mail",
                "--filter-platform=host-tuple",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|package| package["name"] == name).unwrap();
        std::path::Path::new(package["manifest_path"].as_str().unwrap())
            .parent()
            .unwrap()
            .to_owned()
    }

    /// The mails that `mail_parser` is tested with have the same text here, but for those named.
    #[test]
    fn the_text_is_that_of_the_reference() {
        /// Boundaries that do not begin their line, have more behind them or differ, on which
        /// programs do not agree; and a text of no stated encoding, which is guessed here.
        const OTHER: [&str; 15] = [
            "legacy/052.eml",
            "malformed/001.eml",
            "malformed/002.eml",
            "malformed/003.eml",
            "malformed/004.eml",
            "malformed/006.eml",
            "malformed/008.eml",
            "malformed/009.eml",
            "malformed/011.eml",
            "malformed/016.eml",
            "malformed/019.eml",
            "thirdparty/000.eml",
            "thirdparty/001.eml",
            "thirdparty/002.eml",
            "thirdparty/005.eml",
        ];
        let suite = package("mail-parser").join("resources/eml");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut compared = 0;
        for entry in walkdir::WalkDir::new(&suite).sort_by_file_name() {
            let path = entry.unwrap().into_path();
            let name = path.strip_prefix(&suite).unwrap().to_str().unwrap();
            if path.extension().is_none_or(|extension| extension != "eml") || OTHER.contains(&name)
            {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let reference = MessageParser::default().parse(&bytes).unwrap();
            let mut expected = Vec::new();
            for part in reference.text_bodies() {
                if let mail_parser::PartType::Text(text) = &part.body {
                    expected.extend(words(text));
                } else if let mail_parser::PartType::Html(page) = &part.body {
                    expected.extend(words(&html::read(page, Markup::Html).text));
                }
            }
            let document = decode(&bytes, NESTING, false).unwrap();
            // The reference does not guess.
            let is_sound = expected.iter().all(|word: &String| !word.contains('\u{fffd}'));
            assert!(!is_sound || words(&document.text) == expected, "{name}: {document:?}");
            let subject = reference.subject().filter(|it| !it.contains('\u{fffd}')).map(words);
            let title = document.title.as_deref().map(words).unwrap_or_default();
            assert!(subject.is_none_or(|subject| title == subject), "{name}");
            assert_eq!(document.id.as_deref(), reference.message_id(), "{name}");
            compared += 1;
        }
        assert!(compared > 80, "{compared}");
    }
}
