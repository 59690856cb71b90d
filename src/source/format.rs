//! Formats: how a file's is told, and how its articles are read.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use super::document::{Document, Failure, Problem, RawRecord, Record};
use super::json::{Values, decode_record, end_of_value};
use super::lines::Lines;
use super::stream::{OnDisk, Peeked, Reader, read_whole};
use super::{Settings, compression::Compression, encoding};
use crate::setting::words;

/// How articles stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The file is one article: `.txt`, `.text`, `.md`, `.markdown`.
    Text,
    /// One JSON object a line: `.jsonl`, `.ndjson`, `.jl`, `.jsonlines`.
    JsonLines,
    /// JSON objects in an array or one after another: `.json`.
    Json,
    /// A table with one article a row: `.csv`. Needs the feature `csv`.
    ///
    /// Fields are separated by commas, semicolons, tabs or bars, whichever the first row has most
    /// of. The first row names the columns, and counts as record 1. A row with more fields is an
    /// error, unless those are empty. Quotes within quotes are doubled or, if one near the start
    /// is, preceded by a backslash.
    Csv,
    /// The same, separated by tabs whatever else the first row has: `.tsv`. Needs the feature `csv`.
    Tsv,
    /// One mail: `.eml`, and what lies in a Maildir; also a page that was saved as one, `.mht` and
    /// `.mhtml`. Its id is its `Message-ID`. Needs the feature `mail`.
    Mail,
    /// Mails one after another: `.mbox`, and a `.txt` that begins like one. Needs the feature `mail`.
    Mbox,
    /// A web page: `.html`, `.htm`, `.xhtml`. Needs the feature `html`.
    Html,
    /// Archived web pages: `.warc`, `.wet`. The id of each is its address, so all captures of a
    /// page share it. Needs the feature `warc`.
    Warc,
    /// RSS or Atom: `.rss`, `.atom`, and `.xml` with such content. The id of an entry is its `guid`
    /// or `id`, or else its link. Needs the feature `feeds`.
    Feed,
    /// A table with one article a row, as data sets have it: `.parquet`. Its columns may be packed with
    /// Snappy, zstd, gzip or LZ4, though not in the older frames of Hadoop. Needs the feature `parquet`.
    Parquet,
}

words!(
    Format, "format", Text: "text", JsonLines: "jsonl", Json: "json", Csv: "csv", Tsv: "tsv",
    Mail: "mail", Mbox: "mbox", Html: "html", Warc: "warc", Feed: "feed", Parquet: "parquet"
);

/// The records of a stream in order. After a failure that is not recoverable nothing is asked for any more.
pub(crate) type Records = Box<dyn Iterator<Item = Result<Record, Failure>> + Send>;

/// Makes an article of a record; none of a record that is no article.
pub(crate) type Decode =
    Box<dyn Fn(Vec<u8>, &Settings) -> Result<Option<Document>, Failure> + Send + Sync>;

/// A stream whose format is known.
pub(crate) struct Opened {
    pub(crate) records: Records,
    pub(crate) decode: Decode,
    /// The encoding that was undone under the records.
    pub(crate) encoding: Option<&'static str>,
}

impl Format {
    /// As many bytes of a stream as are looked at to tell its format.
    pub(crate) const HEAD: usize = 1 << 13;

    /// The format that a file's name tells, under whatever compression.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
        let mut parts = name.rsplit('.').skip_while(|part| Compression::is_extension(part));
        let extension = parts.next()?;
        // Without something before it, it is a name.
        parts.next()?;
        match extension {
            "txt" | "text" | "md" | "markdown" => Some(Self::Text),
            "jsonl" | "ndjson" | "jl" | "jsonlines" => Some(Self::JsonLines),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "eml" | "mht" | "mhtml" => Some(Self::Mail),
            "mbox" => Some(Self::Mbox),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            "warc" | "wet" => Some(Self::Warc),
            "rss" | "atom" => Some(Self::Feed),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The format that a file's place tells, whatever its name ends in: a message of a Maildir is
    /// in `cur` or `new`, beside the other of them. There may be other files in folders of these
    /// names; what tells a format is one unless it is named as messages are.
    pub(crate) fn of_place(path: &Path) -> Option<Self> {
        let folder = path.parent()?;
        let other = match folder.file_name().and_then(OsStr::to_str) {
            Some("cur") => "new",
            Some("new") => "cur",
            _ => return None,
        };
        let name = path.file_name()?.to_string_lossy();
        let may_be =
            !name.starts_with('.') && (is_name_of_message(&name) || Self::of_name(&name).is_none());
        (may_be && folder.with_file_name(other).is_dir()).then_some(Self::Mail)
    }

    /// The format that a file's first bytes leave no doubt about.
    pub(crate) fn of_content(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"PAR1") && head.iter().any(|&byte| is_control(byte)) {
            return Some(Self::Parquet);
        }
        let head = &*head_text(head);
        if head.split(|&byte| byte == b'\n').next().is_some_and(is_warc_version) {
            return Some(Self::Warc);
        }
        if is_mbox(head) {
            return Some(Self::Mbox);
        }
        if is_mail(head) {
            return Some(Self::Mail);
        }
        let markup = head.trim_ascii_start();
        if starts_with(markup, b"<!doctype html") {
            return Some(Self::Html);
        }
        match root(markup)? {
            b"rss" | b"RSS" | b"RDF" | b"feed" | b"FEED" => Some(Self::Feed),
            // Others have entries too.
            b"entry" => {
                memchr::memmem::find(markup, b"http://www.w3.org/2005/Atom").map(|_| Self::Feed)
            }
            name => name.eq_ignore_ascii_case(b"html").then_some(Self::Html),
        }
    }

    /// The format that a file has whose name tells this one, and which begins so: some names are
    /// given to two.
    pub(crate) fn within(self, head: &[u8]) -> Self {
        match self {
            // The archives of mailing lists. A single mail stays a text, as others are that begin
            // with a few headers.
            #[cfg(feature = "mail")]
            Self::Text if is_mbox(&head_text(head)) => Self::Mbox,
            Self::JsonLines if is_one_value(head_text(head).trim_ascii_start()) => Self::Json,
            _ => self,
        }
    }

    /// The format of a stream that was asked for and has no telling name: JSON if it looks like that.
    pub(crate) fn of_nameless(head: &[u8]) -> Self {
        let head = head_text(head);
        let head = head.trim_ascii_start();
        match head {
            [b'{', ..] => {
                let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
                let is_record = match end_of_value(line) {
                    Some(end) => line[end..].trim_ascii().is_empty(),
                    // A line that goes on behind the head is not one of many that a value is written in.
                    None => line.len() == head.len(),
                };
                if is_record { Self::JsonLines } else { Self::Json }
            }
            [b'[', rest @ ..] if rest.trim_ascii_start().starts_with(b"{") => Self::Json,
            _ => Self::Text,
        }
    }

    /// Whether a whole file is one article of this format, which then has the file's name.
    pub(crate) fn is_whole_file(self) -> bool {
        matches!(self, Self::Text | Self::Mail | Self::Html)
    }

    /// Whether records have fields of which the caller may say which is which.
    pub(crate) fn has_fields(self) -> bool {
        matches!(self, Self::JsonLines | Self::Json | Self::Csv | Self::Tsv | Self::Parquet)
    }

    /// What keeps this build from reading it, if anything does.
    pub(crate) fn lack(self) -> Option<Problem> {
        let (what, feature, is_there) = match self {
            Self::Text | Self::JsonLines | Self::Json => return None,
            Self::Csv | Self::Tsv => ("a table", "csv", cfg!(feature = "csv")),
            Self::Mail | Self::Mbox => ("mail", "mail", cfg!(feature = "mail")),
            Self::Html => ("HTML", "html", cfg!(feature = "html")),
            Self::Warc => ("a web archive", "warc", cfg!(feature = "warc")),
            Self::Feed => ("a feed", "feeds", cfg!(feature = "feeds")),
            Self::Parquet => ("Parquet", "parquet", cfg!(feature = "parquet")),
        };
        (!is_there).then_some(Problem::Feature { what, feature })
    }

    /// Whether the records are cut out of text, whatever its encoding.
    fn is_cut_from_text(self) -> bool {
        matches!(self, Self::JsonLines | Self::Json | Self::Csv | Self::Tsv)
    }

    /// Opens a stream of this format, of which `peeked` knows the first bytes. If it is a `file` as it
    /// stands, a format that is not read from front to end opens that.
    ///
    /// # Errors
    ///
    /// If this build cannot read the format, or the stream's head is not as it should be.
    pub(crate) fn open(
        self,
        peeked: Peeked<Reader>,
        file: Option<OnDisk<'_>>,
        settings: &Settings,
    ) -> Result<Opened, Failure> {
        let (reader, encoding) = if self.is_cut_from_text() {
            as_utf8(peeked, settings)?
        } else {
            (Box::new(peeked) as Reader, None)
        };
        let limits = settings.limits;
        let (records, decode): (Records, Decode) = match self {
            Self::Text => (whole(reader, limits.record), Box::new(decode_text)),
            Self::JsonLines => (raw(Lines::new(reader, limits.record)), Box::new(decode_json)),
            Self::Json => {
                (raw(Values::new(reader, limits.record, limits.nesting)), Box::new(decode_json))
            }
            #[cfg(feature = "csv")]
            Self::Csv => open_table(reader, None, settings)?,
            #[cfg(feature = "csv")]
            Self::Tsv => open_table(reader, Some(b'\t'), settings)?,
            #[cfg(feature = "mail")]
            Self::Mail => (whole(reader, limits.record), Box::new(decode_mail)),
            #[cfg(feature = "mail")]
            Self::Mbox => {
                (raw(super::mail::MboxRecords::new(reader, limits.record)), Box::new(decode_mail))
            }
            #[cfg(feature = "html")]
            Self::Html => (whole(reader, limits.record), Box::new(decode_page)),
            #[cfg(feature = "warc")]
            Self::Warc => (
                Box::new(super::warc::WarcRecords::new(reader, limits.record)),
                Box::new(|bytes, settings| {
                    super::warc::decode(&bytes, &settings.limits, settings.strict)
                }),
            ),
            #[cfg(feature = "feeds")]
            Self::Feed => {
                let entries = super::feeds::FeedEntries::new(reader, &limits, settings.strict)?;
                let decoder = entries.decoder();
                (raw(entries), Box::new(move |bytes, _| decoder.decode(&bytes).map(Some)))
            }
            #[cfg(feature = "parquet")]
            Self::Parquet => {
                (Box::new(super::parquet::open(reader, file, settings)?), Box::new(|_, _| Ok(None)))
            }
            #[cfg(not(all(
                feature = "csv",
                feature = "mail",
                feature = "html",
                feature = "warc",
                feature = "feeds",
                feature = "parquet"
            )))]
            _ => {
                let lack = self.lack().expect("BUG: a format that no feature reads");
                return Err(Failure::of_file(lack));
            }
        };
        #[cfg(not(feature = "parquet"))]
        let _ = file;
        Ok(Opened { records, decode, encoding })
    }
}

/// Whether a text begins as an array of objects, or an object in several lines, and not as records
/// in a line each of which the first is broken.
fn is_one_value(text: &[u8]) -> bool {
    let (line, behind) = text.split_at(memchr::memchr(b'\n', text).unwrap_or(text.len()));
    let behind = behind.trim_ascii_start();
    match line.trim_ascii_end() {
        b"{" => behind.starts_with(b"\""),
        b"[" => behind.starts_with(b"{"),
        [b'[', first @ ..] if first.trim_ascii_start().starts_with(b"{") => {
            match end_of_value(line) {
                // All of it in one line, or one array in each.
                Some(end) => end == line.trim_ascii_end().len() && behind.is_empty(),
                // Objects in a line each have a comma behind them.
                None => line.len() == text.len() || line.ends_with(b",") || line.ends_with(b",\r"),
            }
        }
        _ => false,
    }
}

/// Whether a file is named as what is delivered to a Maildir: by the seconds since 1970, a number
/// for the delivery, and the host.
fn is_name_of_message(name: &str) -> bool {
    let mut parts = name.splitn(3, '.');
    let seconds = parts.next().unwrap_or_default();
    let digits = seconds.bytes().take_while(u8::is_ascii_digit).count();
    // Since 1973 they have had nine digits or ten.
    matches!(digits, 9 | 10) && parts.count() == 2
}

/// A stream that is one record.
fn whole(reader: Reader, limit: u64) -> Records {
    let record = |bytes| RawRecord { bytes, number: 1, offset: 0 };
    raw(std::iter::once_with(move || read_whole(reader, limit).map(record)))
}

fn raw(records: impl Iterator<Item = Result<RawRecord, Failure>> + Send + 'static) -> Records {
    Box::new(records.map(|record| record.map(Record::Raw)))
}

/// The rows of a table behind its first, which names the columns.
#[cfg(feature = "csv")]
fn open_table(
    reader: Reader,
    delimiter: Option<u8>,
    settings: &Settings,
) -> Result<(Records, Decode), Failure> {
    use super::csv::{Columns, Dialect, Rows};

    let peeked = Peeked::new(reader, Format::HEAD);
    let dialect = Dialect::of(peeked.head(), delimiter);
    let mut rows = Rows::new(peeked, dialect, settings.limits.record);
    let columns = Columns::read(&mut rows, &settings.names, settings.strict)?;
    let decode: Decode = match columns {
        Some(columns) => {
            Box::new(move |bytes, settings| columns.decode(&bytes, settings.strict).map(Some))
        }
        None => Box::new(|_, _| Ok(None)),
    };
    Ok((raw(rows), decode))
}

fn decode_text(bytes: Vec<u8>, settings: &Settings) -> Result<Option<Document>, Failure> {
    let decoded = encoding::decode_owned(bytes, settings.strict)?;
    Ok(Some(Document {
        text: decoded.text.into_owned(),
        encoding: decoded.encoding,
        replaced: decoded.replaced,
        ..Document::default()
    }))
}

#[cfg(feature = "html")]
#[expect(clippy::needless_pass_by_value, reason = "the type of all decoders")]
fn decode_page(bytes: Vec<u8>, settings: &Settings) -> Result<Option<Document>, Failure> {
    use super::html::{self, Markup};

    html::decode(&bytes, None, Markup::Unstated, settings.strict).map(Some)
}

fn decode_json(bytes: Vec<u8>, settings: &Settings) -> Result<Option<Document>, Failure> {
    decode_record(bytes, &settings.fields, settings.text_field(), settings.strict).map(Some)
}

#[cfg(feature = "mail")]
#[expect(clippy::needless_pass_by_value, reason = "the type of all decoders")]
fn decode_mail(bytes: Vec<u8>, settings: &Settings) -> Result<Option<Document>, Failure> {
    super::mail::decode(&bytes, settings.limits.nesting, settings.strict).map(Some)
}

/// A stream in UTF-16, as its byte order mark tells, turned into UTF-8; any other as it is.
#[cfg(feature = "encodings")]
#[expect(clippy::unnecessary_wraps, reason = "as without the feature")]
fn as_utf8(
    peeked: Peeked<Reader>,
    settings: &Settings,
) -> Result<(Reader, Option<&'static str>), Failure> {
    let head = peeked.head()[..peeked.head().len().min(3)].to_vec();
    match encoding::Utf16::new(peeked, &head, settings.strict) {
        Ok(decoded) => {
            let encoding = decoded.encoding();
            Ok((Box::new(decoded), Some(encoding)))
        }
        Err(peeked) => Ok((Box::new(peeked), None)),
    }
}

#[cfg(not(feature = "encodings"))]
fn as_utf8(
    peeked: Peeked<Reader>,
    _: &Settings,
) -> Result<(Reader, Option<&'static str>), Failure> {
    if has_utf16_mark(peeked.head()) {
        let (what, feature) = ("text in UTF-16", "encodings");
        return Err(Failure::of_file(Problem::Feature { what, feature }));
    }
    Ok((Box::new(peeked), None))
}

/// Whether a stream begins with the byte order mark of UTF-16. That of UTF-32 begins so too, but
/// goes on as no text does.
fn has_utf16_mark(head: &[u8]) -> bool {
    let is_utf32 = head.starts_with(&[0xff, 0xfe, 0, 0]);
    !is_utf32 && (head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]))
}

/// Whether a stream that starts so is what Macintoshes put beside each file where they cannot keep
/// it within, named as that is but for a beginning `._`.
pub(crate) fn is_resource_fork(head: &[u8]) -> bool {
    head.starts_with(&[0x00, 0x05, 0x16, 0x07])
}

/// Whether a stream that starts so is no text of any kind.
///
/// It is if it starts as a known kind of file does, if more than one byte in twenty is a control
/// character that text does not have, or if there is a NUL in what is not UTF-8.
pub(crate) fn is_binary(head: &[u8]) -> bool {
    const MAGIC: [&[u8]; 8] = [
        b"%PDF-",
        b"PK\x03\x04",
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"\x7fELF",
        b"MZ\x90",
        b"SQLite format 3\0",
        b"\xd0\xcf\x11\xe0",
    ];
    // A text may begin so, or have the other at its place; in such files numbers follow, with
    // control characters.
    const WORDS: [&[u8]; 4] = [b"GIF8", b"RIFF", b"OggS", b"ID3"];
    if has_utf16_mark(head) {
        return false;
    }
    if MAGIC.iter().any(|magic| head.starts_with(magic)) {
        return true;
    }
    let has_word = WORDS.iter().any(|word| head.starts_with(word))
        || head.get(257..262).is_some_and(|word| word == b"ustar");
    // By bytes, which the compiler counts many at a time: no part has more of them than a byte can say.
    let controls_of = |part: &[u8]| part.iter().map(|&byte| u8::from(is_control(byte))).sum::<u8>();
    let controls: usize = head.chunks(255).map(|part| usize::from(controls_of(part))).sum();
    let is_utf8 = || match std::str::from_utf8(head) {
        Ok(_) => true,
        // The head may end within a character.
        Err(error) => error.error_len().is_none(),
    };
    controls > 0 && has_word || controls * 20 > head.len() || head.contains(&0) && !is_utf8()
}

/// Whether a byte is a control character that text does not have.
#[expect(clippy::needless_bitwise_bool, reason = "without a branch, many are looked at at once")]
fn is_control(byte: u8) -> bool {
    (byte < 0x20) & !(0x08..=0x0d).contains(&byte) & (byte != 0x1b) | (byte == 0x7f)
}

/// Whether a text starts as mails one after another do.
fn is_mbox(head: &[u8]) -> bool {
    head.starts_with(b"From ") && is_mail(after_line(head))
}

/// Whether a text starts with the headers of a mail: with two that mail has, and one that hardly anything
/// else has.
fn is_mail(head: &[u8]) -> bool {
    const OFTEN: [&[u8]; 8] = [
        b"from",
        b"to",
        b"date",
        b"subject",
        b"delivered-to",
        b"mime-version",
        b"reply-to",
        b"content-type",
    ];
    const ALWAYS: [&[u8]; 4] = [b"received", b"message-id", b"return-path", b"dkim-signature"];
    let mut known = 0;
    let mut sure = false;
    for line in head.split(|&byte| byte == b'\n') {
        if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else { break };
        let name = line[..colon].to_ascii_lowercase();
        if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        {
            break;
        }
        let is_sure = ALWAYS.contains(&&*name);
        sure |= is_sure;
        known += u32::from(is_sure || OFTEN.contains(&&*name));
    }
    sure && known >= 2
}

/// Whether a record of a web archive begins with this line. Drafts had versions below 1, and what
/// is read here is in all of them.
pub(crate) fn is_warc_version(line: &[u8]) -> bool {
    let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    line.trim_ascii_end().strip_prefix(b"WARC/").is_some_and(|version| {
        let point = memchr::memchr(b'.', version);
        point.is_some_and(|at| is_number(&version[..at]) && is_number(&version[at + 1..]))
    })
}

/// A stream's first bytes in UTF-8 and without byte order mark, as far as that tells what they are.
fn head_text(head: &[u8]) -> Cow<'_, [u8]> {
    #[cfg(feature = "encodings")]
    if has_utf16_mark(head)
        && let Ok(decoded) = encoding::decode(head, false)
    {
        return decoded.text.into_owned().into_bytes().into();
    }
    head.strip_prefix(encoding::MARK).unwrap_or(head).into()
}

/// The name of the root of XML or HTML, without a prefix.
fn root(markup: &[u8]) -> Option<&[u8]> {
    let mut markup = markup.trim_ascii_start();
    while markup.starts_with(b"<?") || markup.starts_with(b"<!") {
        markup = behind_declaration(markup)?.trim_ascii_start();
    }
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"/>".contains(byte);
    markup.strip_prefix(b"<")?.split(is_end).next()?.rsplit(|&byte| byte == b':').next()
}

/// What stands behind the instruction, comment or document type that `markup` begins with; none if
/// that is none or has no end.
pub(crate) fn behind_declaration(markup: &[u8]) -> Option<&[u8]> {
    let markup = markup.strip_prefix(b"<")?;
    let end: &[u8] = if markup.starts_with(b"?") {
        b"?>"
    } else if markup.starts_with(b"!--") {
        b"-->"
    } else if markup.starts_with(b"!") {
        // A document type may have declarations in it.
        let first = memchr::memchr2(b'[', b'>', markup)?;
        let has_more = markup[first] == b'[' && is_subset(&markup[first + 1..]);
        if has_more { b"]>" } else { b">" }
    } else {
        return None;
    };
    Some(&markup[memchr::memmem::find(markup, end)? + end.len()..])
}

/// Whether what stands behind a bracket is declarations; in quotes it may be part of a name.
fn is_subset(markup: &[u8]) -> bool {
    markup.trim_ascii_start().first().is_none_or(|byte| b"<%]".contains(byte))
}

fn after_line(text: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', text).map_or(&[], |end| &text[end + 1..])
}

fn starts_with(text: &[u8], lower: &[u8]) -> bool {
    text.get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_format_under_any_compression() {
        for (name, format) in [
            ("a.txt", Some(Format::Text)),
            ("a/B.MD", Some(Format::Text)),
            ("news.jsonl.zst", Some(Format::JsonLines)),
            ("CC-MAIN.warc.wet.gz", Some(Format::Warc)),
            ("a.tar.gz", None),
            ("a.gz", None),
            ("txt", None),
            ("folder.txt/README", None),
        ] {
            assert_eq!(Format::of_name(name), format, "{name}");
        }
        // A stream's name is the caller's, and may be of any length.
        let name = format!("a.txt{}", ".gz".repeat(100_000));
        assert_eq!(Format::of_name(&name), Some(Format::Text));
    }

    #[test]
    fn a_message_of_a_maildir_is_known_by_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let of_place = |path: &str| Format::of_place(&dir.path().join(path));
        assert_eq!(of_place("cur/1.a:2,S"), None);
        std::fs::create_dir(dir.path().join("new")).unwrap();
        assert_eq!(of_place("cur/1.a:2,S"), Some(Format::Mail));
        for path in ["cur/.hidden", "new/1.a", "1.a"] {
            assert_eq!(of_place(path), None, "{path}");
        }
        std::fs::create_dir(dir.path().join("cur")).unwrap();
        for (path, format) in [
            ("new/1715065690.M2P7.example.md", Some(Format::Mail)),
            ("cur/1715065690_1.7.mail.json", Some(Format::Mail)),
            ("new/a.b.jsonl", None),
            ("cur/1715065690.csv", None),
            ("cur/2024.05.07.txt", None),
        ] {
            assert_eq!(of_place(path), format, "{path}");
        }
    }

    #[test]
    fn content_tells_what_no_prose_starts_with() {
        for (head, format) in [
            ("WARC/1.0\r\n", Some(Format::Warc)),
            ("WARC/1.1 is how a web archive begins.\n", None),
            ("WARC/\n", None),
            ("WARC/1\n", None),
            ("WARC/0.17\n", Some(Format::Warc)),
            ("PAR1\u{15}", Some(Format::Parquet)),
            ("PAR1 is how a table begins.\n", None),
            (
                "From a@example.org Sat Jan  3 01:05:34 1996\nReceived: x\n y\nDate: z\n\n",
                Some(Format::Mbox),
            ),
            ("Return-Path: <a>\r\nX-A: b\r\nSubject: c\r\n\r\nd", Some(Format::Mail)),
            ("From here on it rains: take a coat.\n", None),
            ("Subject: a note\nDate: today\n\nText", None),
            (" \n<!DOCTYPE HTML>", Some(Format::Html)),
            ("<?xml version='1.0'?>\n<rss version='2.0'>", Some(Format::Feed)),
            ("<RSS VERSION='2.0'>", Some(Format::Feed)),
            ("<?xml version='1.0'?>\n<svg>", None),
            ("<?xml version='1.0'?><!-- <rss> -->\n<svg><rss/>", None),
            (
                "<?xml version='1.0'?><?x y?><!DOCTYPE x [<!ENTITY y '>'>\n]><a:feed>",
                Some(Format::Feed),
            ),
            ("<entry xmlns='http://www.w3.org/2005/Atom'>", Some(Format::Feed)),
            ("<entry>a dictionary has these", None),
            ("<!DOCTYPE x PUBLIC '[x]'><a:feed>]>", Some(Format::Feed)),
            ("<!-- saved --><!DOCTYPE html PUBLIC 'x'><HTML>", Some(Format::Html)),
            ("<rssfeeds>", None),
            ("<!-- without end <rss>", None),
            ("<?xml", None),
            ("{\"text\":\"a\"}", None),
        ] {
            assert_eq!(Format::of_content(head.as_bytes()), format, "{head}");
            #[cfg(feature = "encodings")]
            if format != Some(Format::Parquet) {
                let marked = format!("\u{feff}{head}");
                let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
                assert_eq!(Format::of_content(&utf16), format, "{head} in UTF-16");
            }
        }
    }

    #[test]
    fn json_needs_no_name() {
        let long = "x".repeat(Format::HEAD);
        for (head, format) in [
            ("\u{feff}{\"text\":\"a\"}\r\n{", Format::JsonLines),
            ("{\"text\":\"a\"} \t\n{}", Format::JsonLines),
            (&format!("{{\"text\":\"{long}")[..Format::HEAD], Format::JsonLines),
            (&format!("{{\"a\":1,\n\"text\":\"{long}")[..Format::HEAD], Format::Json),
            ("{\n\"text\":\"a\"\n}\n", Format::Json),
            ("{\"a\":{}\n}", Format::Json),
            ("{\"text\":\"a\"}{\"text\":\"b\"}", Format::Json),
            ("{\"text\":\"a\"} {\"text\":\"b\"}\n", Format::Json),
            (" [\n {", Format::Json),
            ("[1] A footnote", Format::Text),
            ("", Format::Text),
        ] {
            assert_eq!(Format::of_nameless(head.as_bytes()), format, "{head}");
            #[cfg(feature = "encodings")]
            {
                let marked = format!("\u{feff}{}", head.trim_start_matches('\u{feff}'));
                let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
                assert_eq!(Format::of_nameless(&utf16), format, "{head} in UTF-16");
            }
        }
    }

    #[test]
    fn a_name_may_be_that_of_two_formats() {
        let mail = "From: A\nSubject: B\nMessage-ID: <c>\n\nText\n";
        let mbox = format!("From a at example.org  Sat Jan  3 01:05:34 1996\n{mail}");
        let mbox_or_text = if cfg!(feature = "mail") { Format::Mbox } else { Format::Text };
        for (named, head, format) in [
            (Format::Text, mbox.as_str(), mbox_or_text),
            (Format::Text, mail, Format::Text),
            (Format::Text, "From A to B: a journey\n", Format::Text),
            (Format::JsonLines, "{\"text\":\"a\"}\n", Format::JsonLines),
            (Format::JsonLines, "\u{feff}[\n {\"text\":\"a\"}\n]", Format::Json),
            (Format::JsonLines, "{\r\n\"text\":\"a\"}", Format::Json),
            // Broken lines among others.
            (Format::JsonLines, "[1,2]\n{\"text\":\"a\"}\n", Format::JsonLines),
            (Format::JsonLines, "{\"text\":\n{\"text\":\"a\"}\n", Format::JsonLines),
            (Format::JsonLines, "{\n{\"text\":\"a\"}\n", Format::JsonLines),
            (Format::JsonLines, "[{\"text\":\"x\n{\"text\":\"a\"}\n", Format::JsonLines),
            (Format::JsonLines, "[{\"text\":\"x\"}]\n{\"text\":\"a\"}\n", Format::JsonLines),
            (Format::JsonLines, "[{\"text\":\"x\"}]\n[{\"text\":\"y\"}]\n", Format::JsonLines),
            (Format::JsonLines, "[{\"text\":\"x\"}, {\"text\":\"y\"}]\r\n", Format::Json),
            (Format::JsonLines, "[{\"text\":\"x\"},\r\n {\"text\":\"y\"}\n]", Format::Json),
            (Format::JsonLines, "[{\"text\":\"a line that goes on behind the he", Format::Json),
            (Format::Json, "", Format::Json),
        ] {
            assert_eq!(named.within(head.as_bytes()), format, "{head}");
        }
    }

    #[test]
    fn binary_is_told_from_text() {
        for text in ["", "plain\r\n\tGrüße\u{c}\u{1b}[0m", "one \u{0} of many is still text"] {
            assert!(!is_binary(text.as_bytes()), "{text}");
        }
        assert!(!is_binary(b"Gr\xfc\xdfe aus K\xf6ln"));
        assert!(!is_binary(b"\xff\xfea\0b\0"));
        let cut = "one \u{0} of many is still text, Grüß".as_bytes();
        assert!(!is_binary(&cut[..cut.len() - 1]));
        assert!(is_binary(&[cut, b"\xDFx"].concat()));
        for bytes in
            [&b"%PDF-1.7 text"[..], b"\x89PNG\r\n", b"\0\0\0\0", b"a\0b\0c\0", b"\xff\0a b c d e f"]
        {
            assert!(is_binary(bytes), "{bytes:?}");
        }
        for bytes in [b"\xff\xfe\0\0a\0\0\0", b"\0\0\xfe\xff\0\0\0a"] {
            assert!(is_binary(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn a_text_may_begin_as_a_kind_of_file_is_called() {
        let starts: [(&str, &[u8]); 4] = [
            ("ID3", b"ID3\x03\0\0\0\0\x0f\x76TIT2"),
            ("RIFF", b"RIFF\x24\x08\0\0WAVEfmt "),
            ("OggS", b"OggS\0\x02"),
            ("GIF8", b"GIF89a\x01\0\x01\0\x80"),
        ];
        let prose = " is how a file begins that is no text: this one is.\n".repeat(6);
        for (start, binary) in starts {
            assert!(!is_binary(format!("{start}{prose}").as_bytes()), "{start}");
            assert!(is_binary(&[binary, prose.as_bytes()].concat()), "{start}");
        }
        let tar = |kind: &str| format!("{:256} {kind} is a kind of archive.\n", "Some words.");
        assert!(!is_binary(tar("ustar").as_bytes()));
        assert!(is_binary(tar("ustar\0").as_bytes()));
    }
}
