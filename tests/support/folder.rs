//! A folder as people keep it: the same few articles in every format that is read.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// An article, as every format tells it.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// As RFC 3339 has it, in UTC.
    pub(crate) date: &'static str,
    /// The same, as RFC 2822 has it.
    mail_date: &'static str,
    paragraphs: &'static [&'static str],
}

impl Sample {
    pub(crate) fn text(&self) -> String {
        self.paragraphs.join("\n\n")
    }

    fn html(&self) -> String {
        let mut html = String::new();
        for paragraph in self.paragraphs {
            let paragraph = escape(paragraph).replace('ö', "&ouml;").replace(' ', "\n ");
            let _ = writeln!(html, "<p>{paragraph}</p>");
        }
        html
    }
}

pub(crate) const SAMPLES: [Sample; 3] = [
    Sample {
        id: "faehre@example.org",
        title: "Die Fähre fährt wieder",
        date: "2024-05-06T07:08:09Z",
        mail_date: "Mon, 6 May 2024 07:08:09 +0000",
        paragraphs: &[
            "Ab dem ersten Mai fährt die Fähre wieder alle vierzig Minuten. Fahrräder fahren \
             kostenlos mit, solange Platz ist; Gruppen melden sich bitte am Tag vorher an.",
            "Größere Gepäckstücke & Kinderwagen gehören auf das Unterdeck – so steht es in der \
             „Ordnung für Fährgäste“ vom vorigen Jahr.",
            "From Friday on, the last boat leaves the island at eleven.",
        ],
    },
    Sample {
        id: "wetter@example.org",
        title: "Wetter: größtenteils schön",
        date: "2024-05-07T07:08:09Z",
        mail_date: "Tue, 7 May 2024 07:08:09 +0000",
        paragraphs: &[
            "Über der Küste löst sich der Nebel gegen Mittag auf. Danach ist es größtenteils \
             schön, bei Höchstwerten um 18 Grad und schwachem Wind aus Südost.",
        ],
    },
    Sample {
        id: "fundbuero@example.org",
        title: "Fundbüro <neu>",
        date: "2024-05-08T07:08:09Z",
        mail_date: "Wed, 8 May 2024 07:08:09 +0000",
        paragraphs: &[
            "Das Fundbüro öffnet künftig schon um acht. Für a < b && c > d gilt: wer etwas \
             verloren hat, fragt zuerst am Anleger, dann im Rathaus, zuletzt beim Küster.",
            "Ab dem ersten Mai fährt die Fähre wieder alle vierzig Minuten. Fahrräder fahren \
             kostenlos mit, solange Platz ist; Gruppen melden sich bitte am Tag vorher an.",
        ],
    },
];

/// A file of the folder.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its path below the folder.
    pub(crate) path: String,
    /// The feature that reads it; empty for those that are always read.
    pub(crate) feature: &'static str,
    bytes: Vec<u8>,
    /// The articles in it, as numbers in [`SAMPLES`].
    pub(crate) samples: Vec<usize>,
}

impl Entry {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, compressed if it is not yet.
    pub(crate) fn packed(mut self, extension: &str, compress: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        if self.bytes.get(..2) != Some(&[0x1f, 0x8b]) {
            // Some files are there in both ways.
            self.path = format!("packed/{}.{extension}", self.path);
            self.bytes = compress(&self.bytes);
        }
        self
    }

    /// Whether the file is one article.
    pub(crate) fn is_whole(&self) -> bool {
        match self.feature {
            "html" => true,
            "mail" => !self.path.contains("mbox"),
            _ => self.path.contains("texts/"),
        }
    }

    /// What its format states of an article besides the text.
    pub(crate) fn states(&self) -> &'static [&'static str] {
        match self.feature {
            "html" => &["title", "date", "language"],
            "warc" if self.path.contains(".wet") => &["id", "date"],
            "mail" | "feeds" | "warc" => &["id", "title", "date", "language"],
            _ if self.is_whole() => &[],
            _ => &["id"],
        }
    }

    /// The encoding of its articles, if not UTF-8.
    pub(crate) fn encoding(&self) -> Option<&'static str> {
        let path = &self.path;
        if path.contains("utf-16") {
            Some("UTF-16LE")
        } else if ["windows-1252", "plain.eml", "/new/", "web/0", "web/1", "web/2", "pages.warc"]
            .iter()
            .any(|part| path.contains(part))
        {
            Some("windows-1252")
        } else {
            None
        }
    }

    pub(crate) fn attachments(&self) -> u64 {
        u64::from(self.path.contains("both.eml") || self.path.contains("/cur/"))
    }
}

/// Writes every entry into the folder `formats`, and into the folder `plain`, for each of them, a
/// folder of its name with its articles as text files: the two have the same articles in the same
/// order.
pub(crate) fn write(entries: &[Entry], formats: &Path, plain: &Path) {
    let write = |path: &Path, bytes: &[u8]| {
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, bytes).expect("a file");
    };
    for entry in entries {
        write(&formats.join(&entry.path), &entry.bytes);
        for (number, &sample) in entry.samples.iter().enumerate() {
            let path = plain.join(&entry.path).join(format!("{number:03}.txt"));
            write(&path, SAMPLES[sample].text().as_bytes());
        }
    }
}

/// All entries. Those compressed are packed by `gzip`, member by member.
pub(crate) fn entries(gzip: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Entry> {
    let all = || (0..SAMPLES.len()).collect::<Vec<_>>();
    let mut entries = Vec::new();
    let mut add = |path: &str, feature, bytes: Vec<u8>, samples: Vec<usize>| {
        entries.push(Entry { path: path.to_owned(), feature, bytes, samples });
    };

    add("texts/utf-8.txt", "", SAMPLES[0].text().into_bytes(), vec![0]);
    add("texts/mark.md", "", format!("\u{feff}{}", SAMPLES[1].text()).into_bytes(), vec![1]);
    let utf16 = format!("\u{feff}{}", SAMPLES[2].text());
    let utf16 = utf16.encode_utf16().flat_map(u16::to_le_bytes).collect();
    add("texts/utf-16.txt", "", utf16, vec![2]);
    add("texts/windows-1252.txt", "", windows_1252(&SAMPLES[0].text()), vec![0]);

    let lines: Vec<String> = SAMPLES.iter().map(json).collect();
    add("records/lines.jsonl", "", lines.join("\n").into_bytes(), all());
    add("records/array.json", "", format!("[{}]", lines.join(",\n")).into_bytes(), all());
    let members = lines.iter().flat_map(|line| gzip(format!("{line}\n").as_bytes())).collect();
    add("records/members.jsonl.gz", "", members, all());
    for (path, separator) in [("records/table.csv", ','), ("records/table.tsv", '\t')] {
        let mut table = format!("id{separator}text\r\n");
        for sample in &SAMPLES {
            let text = sample.text().replace('"', "\"\"");
            let _ = write!(table, "{}{separator}\"{text}\"\r\n", sample.id);
        }
        add(path, "csv", table.into_bytes(), all());
    }
    #[cfg(feature = "parquet")]
    add("records/table.parquet", "parquet", parquet(), all());

    add("mail/plain.eml", "mail", plain_mail(&SAMPLES[0]), vec![0]);
    add("mail/both.eml", "mail", both_mail(&SAMPLES[1]), vec![1]);
    add("mail/html.eml", "mail", html_mail(&SAMPLES[2]), vec![2]);
    add("mail/maildir/cur/1715065689.M1.host:2,S", "mail", both_mail(&SAMPLES[0]), vec![0]);
    add("mail/maildir/new/1715065690.M2.example.md", "mail", plain_mail(&SAMPLES[2]), vec![2]);
    add("mail/archive.mbox", "mail", mbox(), all());

    for (number, sample) in SAMPLES.iter().enumerate() {
        add(&format!("web/{number}.html"), "html", page(sample), vec![number]);
    }
    let records: Vec<Vec<u8>> = SAMPLES.iter().flat_map(web_records).collect();
    add("web/pages.warc", "warc", records.concat(), all());
    add("web/pages.warc.gz", "warc", records.iter().flat_map(|it| gzip(it)).collect(), all());
    let extracts: Vec<Vec<u8>> = SAMPLES
        .iter()
        .map(|sample| record("conversion", sample, "text/plain", sample.text().as_bytes()))
        .collect();
    add("web/pages.wet.gz", "warc", extracts.iter().flat_map(|it| gzip(it)).collect(), all());
    add("web/feed.rss", "feeds", rss().into_bytes(), all());
    add("web/feed.atom", "feeds", atom().into_bytes(), all());
    entries
}

/// Text as Western European Windows wrote it.
fn windows_1252(text: &str) -> Vec<u8> {
    let byte = |char| match char {
        '–' => 0x96,
        '„' => 0x84,
        '“' => 0x93,
        char => u8::try_from(u32::from(char)).expect("a letter of Latin-1"),
    };
    text.chars().map(byte).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn json(sample: &Sample) -> String {
    let text = sample.text().replace('\n', "\\n").replace('ü', "\\u00fc");
    format!("{{\"id\": \"{}\", \"other\": [1, {{}}], \"text\": \"{text}\"}}", sample.id)
}

fn page(sample: &Sample) -> Vec<u8> {
    format!(
        "<!DOCTYPE html>\n<html lang=\"de\"><head><meta charset=\"windows-1252\">\n\
         <title>{}</title>\n<meta property=\"article:published_time\" content=\"{}\">\n\
         <script>document.write('<p>no</p>')</script><style>p {{ margin: 0 }}</style></head>\n\
         <body><p hidden>no</p>\n<main><article>\n",
        escape(sample.title),
        sample.date,
    )
    .chars()
    .chain(sample.html().chars())
    .chain("</article></main><template>no</template></body></html>\n".chars())
    .flat_map(|char| windows_1252(char.encode_utf8(&mut [0; 4])))
    .collect()
}

/// Headers that mails have in common, with the title in two encoded words.
fn headers(sample: &Sample) -> String {
    let at = sample.title.char_indices().nth(5).map_or(0, |(at, _)| at);
    let (first, second) = sample.title.split_at(at);
    format!(
        "From: Anna <anna@example.org>\nTo: list@example.org\nDate: {}\nMessage-ID: <{}>\n\
         Subject: =?utf-8?B?{}?=\n =?utf-8?B?{}?=\nContent-Language: de\nMIME-Version: 1.0\n",
        sample.mail_date,
        sample.id,
        base64(first.as_bytes()),
        base64(second.as_bytes()),
    )
}

fn plain_mail(sample: &Sample) -> Vec<u8> {
    let mut mail = headers(sample).replace('\n', "\r\n").into_bytes();
    mail.extend_from_slice(b"Content-Type: text/plain; charset=windows-1252\r\n\r\n");
    mail.extend(windows_1252(&sample.text().replace('\n', "\r\n")));
    mail.extend_from_slice(b"\r\n");
    mail
}

/// A mail with both alternatives and an attachment.
fn both_mail(sample: &Sample) -> Vec<u8> {
    format!(
        "{}Content-Type: multipart/mixed; boundary=outer\n\n--outer\n\
         Content-Type: multipart/alternative; boundary=\"outer=in\"\n\n--outer=in\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
         {}\n--outer=in\nContent-Type: text/html; charset=utf-8\n\n{}\n--outer=in--\n\n--outer\n\
         Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n\
         bm8=\n--outer--\n",
        headers(sample),
        quoted_printable(&sample.text()),
        sample.html(),
    )
    .into_bytes()
}

fn html_mail(sample: &Sample) -> Vec<u8> {
    let page = base64(sample.html().as_bytes());
    let lines: Vec<&str> =
        (0..page.len()).step_by(76).map(|at| &page[at..page.len().min(at + 76)]).collect();
    format!(
        "{}Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{}\n",
        headers(sample),
        lines.join("\n"),
    )
    .into_bytes()
}

fn mbox() -> Vec<u8> {
    let mut mbox = String::new();
    for sample in &SAMPLES {
        let text = sample.text();
        let quoted: Vec<String> = text
            .lines()
            .map(
                |line| if line.starts_with("From ") { format!(">{line}") } else { line.to_owned() },
            )
            .collect();
        let _ = write!(
            mbox,
            "From anna@example.org Mon May  6 07:08:09 2024\n{}Content-Length: 3\n\
             Content-Type: text/plain; charset=utf-8\n\n{}\n\n",
            headers(sample),
            quoted.join("\n"),
        );
    }
    mbox.into_bytes()
}

fn record(kind: &str, sample: &Sample, content_type: &str, block: &[u8]) -> Vec<u8> {
    let mut record = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://example.org/{}\r\n\
         WARC-Date: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        sample.id,
        sample.date,
        block.len(),
    )
    .into_bytes();
    record.extend_from_slice(block);
    record.extend_from_slice(b"\r\n\r\n");
    record
}

/// A request and the response to it, in chunks.
fn web_records(sample: &Sample) -> [Vec<u8>; 2] {
    let request = format!("GET /{} HTTP/1.1\r\nHost: example.org\r\n\r\n", sample.id);
    let mut response = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\
        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in page(sample).chunks(100) {
        response.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        response.extend_from_slice(chunk);
        response.extend_from_slice(b"\r\n");
    }
    response.extend_from_slice(b"0\r\n\r\n");
    [
        record("request", sample, "application/http; msgtype=request", request.as_bytes()),
        record("response", sample, "application/http; msgtype=response", &response),
    ]
}

fn rss() -> String {
    let mut feed = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\" \
        xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel>\n\
        <title>Insel</title><link>https://example.org/</link><language>de</language>\n"
        .to_owned();
    for sample in &SAMPLES {
        let _ = writeln!(
            feed,
            "<item><title>{}</title><guid>{}</guid><pubDate>{}</pubDate>\
             <description>no</description><content:encoded><![CDATA[{}]]></content:encoded></item>",
            escape(&escape(sample.title)),
            sample.id,
            sample.mail_date,
            sample.html(),
        );
    }
    feed + "</channel></rss>\n"
}

fn atom() -> String {
    let mut feed = "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"de\">\n\
        <title>Insel</title><id>urn:example</id>\n"
        .to_owned();
    for sample in &SAMPLES {
        let _ = writeln!(
            feed,
            "<entry><title type=\"text\">{}</title><id>{}</id><updated>{}</updated>\
             <content type=\"xhtml\"><div>{}</div></content></entry>",
            escape(sample.title),
            sample.id,
            sample.date,
            sample.html(),
        );
    }
    feed + "</feed>\n"
}

#[cfg(feature = "parquet")]
fn parquet() -> Vec<u8> {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    let schema = "message schema {
        REQUIRED BYTE_ARRAY id (UTF8);
        REQUIRED BYTE_ARRAY text (UTF8);
    }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let columns: [fn(&Sample) -> String; 2] = [|sample| sample.id.to_owned(), Sample::text];
    for value in columns {
        let values: Vec<ByteArray> =
            SAMPLES.iter().map(|sample| value(sample).into_bytes().into()).collect();
        let mut column = group.next_column().expect("memory").expect("a column");
        column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("values");
        column.close().expect("a column");
    }
    group.close().expect("a row group");
    writer.into_inner().expect("a file")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        let bits = bits << (8 * (3 - group.len()));
        for digit in 0..4 {
            let digit = if digit > group.len() {
                '='
            } else {
                char::from(DIGITS[bits >> (18 - 6 * digit) & 0x3f])
            };
            encoded.push(digit);
        }
    }
    encoded
}

fn quoted_printable(text: &str) -> String {
    let mut encoded = String::new();
    let mut column = 0;
    for byte in text.bytes() {
        if byte == b'\n' {
            encoded.push('\n');
            column = 0;
            continue;
        }
        if column > 70 {
            encoded.push_str("=\n");
            column = 0;
        }
        if byte.is_ascii() && byte != b'=' {
            encoded.push(char::from(byte));
            column += 1;
        } else {
            let _ = write!(encoded, "={byte:02X}");
            column += 3;
        }
    }
    encoded
}
