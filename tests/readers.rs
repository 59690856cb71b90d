//! What `ingest` reads: formats told by name and content, compression, encodings, directories, readers and
//! sources of the caller's.

use std::io::BufReader;
use std::sync::{Arc, Mutex};

use dedup::{
    Article, Articles, Document, Error, Format, Item, Limits, Options, Problem, Progress, Stream,
};
use proptest::prelude::*;

#[cfg(all(feature = "gzip", feature = "zstd", feature = "bzip2", feature = "xz"))]
#[path = "support/compress.rs"]
mod compress;
#[path = "support/dir.rs"]
mod dir;

use dir::{Dir, chain};

/// Ids and texts, and the messages of errors in their places.
fn outline(articles: &mut Articles) -> Vec<(String, String)> {
    articles
        .map(|result| match result {
            Ok(article) => (article.id().to_owned(), article.original().to_owned()),
            Err(error) => ("error".to_owned(), chain(&error)),
        })
        .collect()
}

fn texts(name: &str, content: &[u8]) -> Vec<String> {
    texts_with(&Options::new(), name, content)
}

fn texts_with(options: &Options, name: &str, content: &[u8]) -> Vec<String> {
    let articles = options.reader(name, BufReader::new(std::io::Cursor::new(content.to_vec())));
    let mut articles = articles.expect("sound options");
    outline(&mut articles).into_iter().map(|(_, text)| text).collect()
}

fn only(articles: Articles) -> Article {
    let articles: Vec<_> = articles.collect::<Result<_, _>>().expect("sound articles");
    let [article] = &articles[..] else { panic!("{} articles", articles.len()) };
    article.clone()
}

#[test]
fn json_is_read_as_an_array_and_as_a_sequence() {
    let dir = Dir::new()
        .with("a.json", "[{\"id\":\"1\",\"text\":\"one\"},\n {\"text\":\"two\"}]\n")
        .with("b.json", "{\n  \"text\": \"three\"\n}\n{\"text\":\"four\"}")
        .with("c.json", "[]");
    let mut articles = dedup::ingest(dir.path()).expect("a folder");
    let expected = [("1", "one"), ("a.json:2", "two"), ("b.json:1", "three"), ("b.json:2", "four")];
    assert_eq!(outline(&mut articles), expected.map(|(id, text)| (id.into(), text.into())));
}

#[test]
fn what_is_wrong_with_json_is_found_by_line_and_column() {
    let json = "[{\"id\":\"1\",\n \"text\":7}, {\"text\":8},\n{\n\"text\":\"a\\q\"},5]";
    let found = texts("a.json", json.as_bytes());
    for (found, what) in found.iter().zip([
        "a.json:1 (byte 1): not a JSON object with the fields asked for: invalid type: integer `7`, \
         expected a string, at line 2 of the record, column 9",
        "a.json:2 (byte 24): not a JSON object with the fields asked for: invalid type: integer `8`, \
         expected a string, at column 9",
        "a.json:3 (byte 36): not a JSON object with the fields asked for: invalid escape, at line 2 of the \
         record, column 11",
        "a.json:4 (byte 52): not a JSON object with the fields asked for: invalid type: integer `5`, \
         expected a JSON object, at column 1",
    ]) {
        assert_eq!(*found, format!("cannot read {what}"));
    }
    let found = texts("a.jsonl", b"[1]\n");
    assert!(found[0].ends_with("invalid type: sequence, expected a JSON object"), "{found:?}");
    let mut options = Options::new();
    options.text_field("see at line 3 at line 4");
    let found = texts_with(&options, "a.json", b"{}");
    assert!(found[0].ends_with("the field \"see at line 3 at line 4\" is missing"), "{found:?}");
}

#[test]
fn fields_lie_inside_objects() {
    let mut options = Options::new();
    options.text_field("data.body").id_field("/meta/a.b").title_field("data.head");
    let record =
        r#"{"meta":{"a.b":7},"data":{"head":"H","body":"B"},"date":"2026-01-05","language":"de"}"#;
    let article = only(options.reader("a.jsonl", record.as_bytes()).expect("sound options"));
    assert_eq!((article.id(), article.original(), article.record()), ("7", "B", Some(1)));
    assert_eq!((article.title(), article.date()), (Some("H"), Some("2026-01-05")));
    assert_eq!((article.language(), article.path()), (Some("de"), None));
}

#[test]
fn a_default_field_gives_way_to_one_that_was_set() {
    let mut options = Options::new();
    options.text_field("title");
    let article =
        only(options.reader("a.jsonl", &b"{\"title\":\"T\"}"[..]).expect("sound options"));
    assert_eq!((article.original(), article.title()), ("T", None));
    options.title_field("title");
    assert!(options.reader("a.jsonl", &b""[..]).is_err());
    let mut options = Options::new();
    options.id_field("text.id");
    assert!(options.reader("a.jsonl", &b""[..]).is_err(), "a text is no object");
}

#[test]
fn what_tells_nothing_is_text_where_it_was_asked_for() {
    for (name, content, expected) in [
        ("-", "{\"text\":\"one\"}\n{\"text\":\"two\"}\n", &["one", "two"][..]),
        ("-", "[{\"text\":\"one\"}]", &["one"]),
        ("-", "Dear all,\n", &["Dear all,\n"]),
        (
            "notes.log",
            "{ not\nJSON",
            &["cannot read notes.log:1 (byte 0): it ends in the middle of a record"],
        ),
    ] {
        assert_eq!(texts(name, content.as_bytes()), expected, "{content}");
    }
    let mut options = Options::new();
    options.format(Format::Text);
    assert_eq!(texts_with(&options, "a.jsonl", b"{\"text\":\"one\"}\n"), ["{\"text\":\"one\"}\n"]);
}

#[cfg(feature = "warc")]
#[test]
fn an_archive_says_whether_a_page_is_xml() {
    let page = "<html xmlns='http://www.w3.org/1999/xhtml'><p>one</p><iframe/><p>two</p></html>";
    for (media_type, expected) in [
        ("application/xhtml+xml; charset=utf-8", "one\n\ntwo"),
        ("Application/XHTML+XML", "one\n\ntwo"),
        ("text/html", "one"),
    ] {
        let record = format!(
            "WARC/1.0\r\nWARC-Type: resource\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{page}\r\n\r\n",
            page.len()
        );
        assert_eq!(texts("a.warc", record.as_bytes()), [expected], "{media_type}");
    }
    assert_eq!(texts("a.xhtml", page.as_bytes()), ["one\n\ntwo"]);
}

#[cfg(feature = "feeds")]
#[test]
fn content_tells_a_feed_in_whatever_encoding() {
    let feed = "<?xml version='1.0' encoding='utf-16'?><rss><item><description>Käse</description></item></rss>";
    assert_eq!(texts("a.xml", feed.as_bytes()), ["Käse"]);
    let marked = format!("\u{feff}{feed}");
    let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(texts("a.xml", &utf16), ["Käse"]);
    let latin = feed.replace("utf-16", "iso-8859-1").replace("ä", "\u{1}");
    let latin: Vec<u8> = latin.bytes().map(|byte| if byte == 1 { 0xe4 } else { byte }).collect();
    assert_eq!(texts("a.xml", &latin), ["Käse"]);
}

#[test]
fn a_format_that_was_left_out_names_its_feature() {
    for (name, feature) in [
        ("a.html", "html"),
        ("a.eml", "mail"),
        ("a.mbox", "mail"),
        ("a.warc", "warc"),
        ("a.rss", "feeds"),
        ("a.parquet", "parquet"),
        ("a.csv", "csv"),
        ("a.txt", "none"),
    ] {
        let dir = Dir::new().with(name, "text\nmore\n").with("b.txt", "text");
        let mut results = dedup::ingest(dir.path()).expect("a folder");
        let first = results.next().expect("a result");
        let left_out = match first.as_ref().err().and_then(Error::problem) {
            Some(Problem::Feature { feature, .. }) => *feature,
            _ => "none",
        };
        // Other features are those that this build has.
        if left_out != "none" || !cfg!(feature = "csv") && name == "a.csv" {
            assert_eq!(left_out, feature);
            let error = first.expect_err("a feature is missing");
            assert!(error.path().is_some_and(|path| path.ends_with(name)));
        }
        assert!(results.next().is_some_and(|result| result.is_ok()), "{name}");
    }
    // Asked for by name, it is refused before anything is read.
    for (format, feature, is_there) in [
        (Format::Html, "html", cfg!(feature = "html")),
        (Format::Mbox, "mail", cfg!(feature = "mail")),
        (Format::Warc, "warc", cfg!(feature = "warc")),
        (Format::Feed, "feeds", cfg!(feature = "feeds")),
        (Format::Parquet, "parquet", cfg!(feature = "parquet")),
        (Format::Tsv, "csv", cfg!(feature = "csv")),
        (Format::Json, "none", true),
    ] {
        match Options::new().format(format).ingest(Dir::new().path()) {
            Ok(_) => assert!(is_there, "{format:?}"),
            Err(Error::Option { option: "format", problem, .. }) => {
                assert!(!is_there && problem.contains(&format!("`{feature}`")), "{problem}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_is_passed_over_is_counted_by_reason() {
    let dir = Dir::new()
        .with("a.txt", "text")
        .with(".hidden.txt", "hidden")
        .with(".git/b.txt", "hidden too")
        .with("c.toml", "x = 1")
        .with("README", "no extension")
        .with("d.txt", b"\x89PNG\r\n\x1a\n\0\0\0")
        .with("e", b"PK\x03\x04\0\0\0");
    let mut options = Options::new();
    let mut articles = options.ingest(dir.path()).expect("a folder");
    assert_eq!(articles.by_ref().flatten().count(), 3);
    let skipped = articles.stats().skipped;
    assert_eq!((skipped.unknown, skipped.binary, skipped.hidden), (2, 2, 0));

    let mut articles = options.hidden(false).ingest(dir.path()).expect("a folder");
    assert_eq!(outline(&mut articles), [("a.txt".to_owned(), "text".to_owned())]);
    let skipped = articles.stats().skipped;
    assert_eq!((skipped.unknown, skipped.binary, skipped.hidden), (2, 2, 2));
    assert_eq!(skipped.total(), 6);
    assert_eq!(articles.stats().errors, 0);
}

/// What lies beside each file of an archive that was packed on a Macintosh.
#[test]
fn resource_forks_are_binary_whatever_their_name() {
    let fork = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ";
    let dir = Dir::new()
        .with("a.jsonl", "{\"text\":\"a\"}\n")
        .with("._a.jsonl", fork)
        .with("._b.csv", fork);
    let mut options = Options::new();
    let mut articles = options.hidden(true).ingest(dir.path()).expect("a folder");
    assert_eq!(outline(&mut articles), [("a.jsonl:1".to_owned(), "a".to_owned())]);
    let stats = articles.stats();
    assert_eq!((stats.skipped.binary, stats.errors), (2, 0));
}

#[cfg(feature = "mail")]
#[test]
fn a_page_that_was_saved_as_a_mail_is_one() {
    let page = "Subject: Saved\nMIME-Version: 1.0\n\
        Content-Type: multipart/related; type=\"text/html\"; boundary=\"----b\"\n\n------b\n\
        Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n\
        <p>eins=20\nzwei</p><p>drei</p>\n------b\nContent-Type: image/png\n\nno\n------b--\n";
    for name in ["page.mht", "page.MHTML"] {
        assert_eq!(texts(name, page.as_bytes()), ["eins zwei\n\ndrei"], "{name}");
    }
    assert_eq!(texts("a.jl", b"{\"text\":\"a\"}\n"), ["a"]);
    assert_eq!(texts("a.jsonlines", b"{\"text\":\"a\"}\n"), ["a"]);
}

#[cfg(unix)]
#[test]
fn sockets_and_links_in_a_directory_are_passed_over() {
    let dir = Dir::new().with("folder/a.txt", "text");
    let socket = dir.path().join("socket.txt");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    std::os::unix::fs::symlink("..", dir.path().join("folder/up")).expect("a link");
    std::os::unix::fs::symlink("loop.txt", dir.path().join("loop.txt")).expect("a link");
    let mut articles = dedup::ingest(dir.path()).expect("a folder");
    let found = outline(&mut articles);
    assert_eq!(found[0].0, "folder/a.txt");
    assert_eq!(found.len(), 2, "a link to itself is an error: {found:?}");
    assert!(found[1].1.contains("loop.txt"), "{found:?}");
    let skipped = articles.stats().skipped;
    assert_eq!((skipped.special, skipped.links), (1, 1));
}

#[cfg(feature = "ignore")]
#[test]
fn ignore_rules_hold_below_their_directory() {
    let dir = Dir::new()
        .with(".gitignore", "*.md\n/build/\n")
        .with("a.md", "ignored")
        .with("a.txt", "kept")
        .with("build/a.txt", "ignored")
        .with("sub/.ignore", "!b.md\nc.txt\n")
        .with("sub/b.md", "kept")
        .with("sub/build/c.md", "ignored")
        .with("sub/c.txt", "ignored")
        .with("c.txt", "kept");
    let mut options = Options::new();
    options.ignore_rules(true);
    let mut articles = options.ingest(dir.path()).expect("a folder");
    let ids: Vec<_> = outline(&mut articles).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["a.txt", "c.txt", "sub/b.md"]);
    assert_eq!(articles.stats().skipped.ignored, 4);
}

#[cfg(feature = "ignore")]
#[test]
fn a_bad_pattern_is_an_error_and_the_others_hold() {
    let dir = Dir::new()
        .with("sub/.gitignore", "a.txt\nb[z-a].txt\n*.md\n")
        .with("sub/a.txt", "ignored")
        .with("sub/b.txt", "kept")
        .with("sub/c.md", "ignored")
        .with("z.txt", "kept");
    let mut options = Options::new();
    options.ignore_rules(true);
    let mut articles = options.ingest(dir.path()).expect("a folder");
    let results: Vec<_> = articles.by_ref().collect();
    let [Err(error), Ok(sub), Ok(last)] = &results[..] else { panic!("{results:?}") };
    assert!(error.path().is_some_and(|path| path.ends_with("sub/.gitignore")), "{error:?}");
    assert!(chain(error).contains("line 2"), "{}", chain(error));
    assert_eq!((sub.id(), last.id()), ("sub/b.txt", "z.txt"));
    assert_eq!((articles.stats().skipped.ignored, articles.stats().errors), (2, 1));
}

#[cfg(not(feature = "ignore"))]
#[test]
fn ignore_rules_name_their_feature() {
    let error = Options::new().ignore_rules(true).ingest(".").expect_err("no feature");
    assert!(error.to_string().contains("`ignore`"), "{error}");
}

#[test]
fn a_source_has_documents_streams_and_errors() {
    for threads in [1, 3] {
        let items = [
            Ok(Document::new("first", "One.").into()),
            Err(Error::of_source("the database went away")),
            Ok(Stream::new("page.jsonl", &b"{\"text\":\"Two.\"}\n"[..]).into()),
            Ok(Item::from(Document::default())),
        ];
        let mut options = Options::new();
        let mut articles = options.threads(threads).source(items.into_iter()).expect("options");
        let found = outline(&mut articles);
        assert_eq!(found[0], ("first".into(), "One.".into()));
        assert!(found[1].1.contains("the database went away"), "{found:?}");
        assert_eq!(found[2], ("page.jsonl:1".into(), "Two.".into()));
        assert_eq!(found[3], ("2".into(), String::new()));
        assert_eq!(found.len(), 4);
    }
}

#[test]
fn options_for_files_have_no_effect_on_readers() {
    let set: [fn(&mut Options) -> &mut Options; 3] = [
        |options| options.hidden(false),
        |options| options.ignore_rules(false),
        |options| options.read_buffer(1),
    ];
    for set in set {
        let mut options = Options::new();
        assert!(set(&mut options).reader("-", &b""[..]).is_err(), "{options:?}");
        assert!(options.deduper().is_err(), "{options:?}");
    }
}

#[test]
fn progress_comes_to_all_bytes() {
    let dir = Dir::new()
        .with("a.txt", "a".repeat(1000))
        .with("b.jsonl", "{\"text\":\"one\"}\n{}\n{\"text\":\"two\"}\n")
        .with("c.bin", [0; 500])
        .with("d.txt", "d")
        .with("e.bin", [0; 300]);
    let total = 1000 + 15 + 3 + 15 + 500 + 1 + 300;
    for threads in [1, 3] {
        let seen = Arc::new(Mutex::new(Vec::<Progress>::new()));
        let mut options = Options::new();
        let sink = seen.clone();
        options
            .threads(threads)
            .progress(move |progress| sink.lock().expect("no panic").push(progress.clone()));
        let results = options.ingest(dir.path()).expect("a folder").count();
        let seen = seen.lock().expect("no panic");
        assert_eq!(seen.len(), results + 2, "two files are passed over");
        assert!(seen.iter().all(|progress| progress.total_bytes == Some(total)), "{seen:?}");
        assert!(seen.is_sorted_by_key(|progress| progress.bytes));
        let last = seen.last().expect("articles");
        assert_eq!((last.articles, last.errors, last.bytes), (4, 1, total));
    }
}

#[test]
fn two_records_of_one_id_are_two_articles() {
    let text = "The same text in both, and long enough to be found again: the bakery at the corner \
        opens an hour later.";
    let dir = Dir::new()
        .with("a.jsonl", format!("{{\"id\":\"x\",\"text\":\"{text}\"}}\n").repeat(2))
        .with("b.jsonl", format!("{{\"id\":\"x\",\"text\":\"{text}\"}}\n"));
    let articles: Vec<_> = dedup::ingest(dir.path())
        .expect("a folder")
        .collect::<Result<_, _>>()
        .expect("sound articles");
    assert_eq!(articles.iter().map(Article::id).collect::<Vec<_>>(), ["x"; 3]);
    let records: Vec<_> = articles.iter().map(Article::record).collect();
    assert_eq!(records, [Some(1), Some(2), Some(1)]);
    for article in &articles[1..] {
        let first = &article.blocks()[0].sources[0].first;
        assert_eq!((first.article, &*first.id), (0, "x"), "the number tells them apart");
    }
}

/// Bytes of every kind: noise, what JSON and tables are made of, and the starts of other formats before
/// noise.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    const STARTS: [&[u8]; 9] = [
        b"\x1f\x8b\x08\x08",
        b"\x28\xb5\x2f\xfd",
        b"BZh91AY&SY",
        b"\xfd7zXZ\0",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"id,text\n",
        b"[{\"text\":\"",
    ];
    let noise = || prop::collection::vec(any::<u8>(), 0..200);
    let pieces = prop::sample::select(vec![
        "{", "}", "[", "]", "\"", "\\", ",", ":", "\n", "\r\n", "\"text\"", "\"id\"", "7", "ü",
        "\0", " ",
    ]);
    prop_oneof![
        noise(),
        prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat().into_bytes()),
        (prop::sample::select(STARTS.to_vec()), noise())
            .prop_map(|(start, noise)| [start, &noise].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_bytes_give_the_same_results_whatever_the_buffer(
        bytes in bytes(),
        name in prop::sample::select(vec!["a.txt", "a.jsonl", "a.json", "a.csv", "-"]),
        strict in any::<bool>(),
    ) {
        let mut options = Options::new();
        let limits = Limits::new().article(100).record(150).nesting(3).window(1 << 16);
        options.threads(1).strict_encoding(strict).limits(limits);
        let read = |capacity| {
            let reader = BufReader::with_capacity(capacity, std::io::Cursor::new(bytes.clone()));
            let mut articles = options.reader(name, reader).expect("sound options");
            let results = outline(&mut articles);
            let stats = articles.stats();
            assert_eq!(stats.articles + stats.errors, results.len() as u64);
            assert!(results.iter().all(|(id, text)| id == "error" || text.len() <= 100));
            results
        };
        let expected = read(1 << 16);
        for capacity in [1, 2, 13] {
            prop_assert_eq!(read(capacity), &expected[..]);
        }
    }
}

#[cfg(feature = "csv")]
mod csv {
    use super::*;

    #[test]
    fn tables_have_their_articles_in_a_column() {
        let dir = Dir::new()
            .with(
                "a.csv",
                "\u{feff}id,date,text\r\n1,2026,\"one\r\n\"\"two\"\"\"\r\n\r\n,,three\r\n",
            )
            .with("b.tsv", "text\tid\nfour\tx\n")
            .with("c.csv", "Titel;text\nGruß;\"fünf; sechs\"\n")
            .with("d.csv", "");
        let mut options = Options::new();
        options.title_field("Titel");
        let articles: Vec<_> = options
            .ingest(dir.path())
            .expect("a folder")
            .collect::<Result<_, _>>()
            .expect("sound rows");
        let found: Vec<_> = articles
            .iter()
            .map(|article| (article.id(), article.original(), article.title(), article.date()))
            .collect();
        assert_eq!(
            found,
            [
                ("1", "one\r\n\"two\"", None, Some("2026")),
                ("a.csv:3", "three", None, None),
                ("x", "four", None, None),
                ("c.csv:2", "fünf; sechs", Some("Gruß"), None),
            ]
        );
    }

    #[test]
    fn a_missing_column_is_an_error_of_the_table_and_a_short_row_one_of_the_row() {
        let missing = texts("a.csv", b"id,body\n1,one\n");
        assert_eq!(missing, ["cannot read a.csv:1 (byte 0): the column \"text\" is missing"]);
        let short = texts("a.csv", b"id,text\n1\n2,two\n");
        assert_eq!(short, ["cannot read a.csv:2 (byte 8): the column \"text\" is missing", "two"]);
    }

    #[test]
    fn a_table_of_one_column_has_the_delimiter_that_its_name_tells() {
        for name in ["a.tsv", "a.tsv.gz"] {
            assert_eq!(texts(name, b"text\nApples, pears\n"), ["Apples, pears"]);
        }
        let found = texts("a.tsv", b"text\tnotes (a, b, c)\nApples, pears\t\n");
        assert_eq!(found, ["Apples, pears"]);
        let mut options = Options::new();
        let found = texts_with(options.format(Format::Tsv), "-", b"text\nApples, pears\n");
        assert_eq!(found, ["Apples, pears"]);
        let found = texts_with(options.format(Format::Csv), "a.tsv", b"id;text\n1;Apples\n");
        assert_eq!(found, ["Apples"]);
    }

    #[test]
    fn a_head_has_quotes_behind_a_byte_order_mark_and_line_breaks_within() {
        for mark in ["", "\u{feff}"] {
            for delimiter in [',', ';', '\t'] {
                let table = format!(
                    "{mark}\"published\non\"{delimiter}text\r\n2026{delimiter}\"one\ntwo\"\r\n"
                );
                assert_eq!(texts("a.csv", table.as_bytes()), ["one\ntwo"], "{table:?}");
            }
        }
        let found = texts("a.csv", "\u{feff}\"te\nxt\"\none\n".as_bytes());
        assert_eq!(found, ["cannot read a.csv:1 (byte 3): the column \"text\" is missing"]);
    }

    #[test]
    fn no_field_of_a_row_is_dropped_without_a_word() {
        let found = texts("a.csv", b"id,text\n1,one, two\n2,two\n3,three,,\n");
        assert_eq!(
            found,
            [
                "cannot read a.csv:2 (byte 8): not as its format asks: the row has 3 fields, the head 2",
                "two",
                "three"
            ]
        );
    }

    #[test]
    fn quotes_that_never_close_are_an_error() {
        let found = texts("a.csv", b"text\none\n\"two\nthree\n");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].contains("ends in the middle"), "{found:?}");
    }

    #[cfg(feature = "encodings")]
    #[test]
    fn tables_of_a_spreadsheet_are_decoded() {
        let article = only(
            Options::new().reader("a.csv", &b"id;text\n1;Gr\xfc\xdfe aus K\xf6ln\n"[..]).unwrap(),
        );
        assert_eq!(
            (article.original(), article.encoding()),
            ("Grüße aus Köln", Some("windows-1252"))
        );
        let utf16: Vec<u8> =
            "\u{feff}id;text\n1;Grüße\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let article = only(
            Options::new().reader("a.csv", BufReader::new(std::io::Cursor::new(utf16))).unwrap(),
        );
        assert_eq!((article.original(), article.encoding()), ("Grüße", Some("UTF-16LE")));
    }
}

#[cfg(feature = "encodings")]
mod encodings {
    use super::*;

    #[test]
    fn what_was_decoded_how_travels_with_the_article() {
        let dir = Dir::new()
            .with("a.txt", "Grüße")
            .with("b.txt", b"Gr\xfc\xdfe aus K\xf6ln")
            .with("c.txt", [0xff, 0xfe, b'H', 0, 0xfc, 0])
            .with("d.txt", b"Gr\xc3\xbc\xc3\x9fe \xff an alle")
            .with("e.jsonl", b"{\"id\":\"e\",\"text\":\"K\xf6ln\"}\n");
        let mut articles = dedup::ingest(dir.path()).expect("a folder");
        let found: Vec<_> = articles.by_ref().collect::<Result<_, _>>().expect("sound articles");
        let found: Vec<_> = found
            .iter()
            .map(|article| (article.original(), article.encoding(), article.replaced()))
            .collect();
        assert_eq!(
            found,
            [
                ("Grüße", None, 0),
                ("Grüße aus Köln", Some("windows-1252"), 0),
                ("Hü", Some("UTF-16LE"), 0),
                ("Grüße \u{fffd} an alle", None, 1),
                ("Köln", Some("windows-1252"), 0),
            ]
        );
        let stats = articles.stats();
        assert_eq!((stats.reencoded, stats.replaced), (3, 1));
    }

    #[test]
    fn strictness_makes_an_error_of_what_cannot_be_decoded() {
        let mut options = Options::new();
        options.strict_encoding(true);
        assert_eq!(texts_with(&options, "a.txt", b"Gr\xfc\xdfe aus K\xf6ln"), ["Grüße aus Köln"]);
        let found = texts_with(&options, "a.txt", b"Gr\xc3\xbc\xc3\x9fe \xff an alle");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("(byte 8): not UTF-8: 1 "), "{found:?}");
        let mut lines: Vec<u8> =
            "\u{feff}{\"text\":\"one\"}\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        lines.extend([0xd8, 0x00, 0x00, b'\n']);
        let found = texts_with(&options, "a.jsonl", &lines);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], "one");
        assert!(found[1].contains("UTF-16BE"), "{found:?}");
    }
}

#[cfg(all(feature = "gzip", feature = "zstd", feature = "bzip2", feature = "xz"))]
mod compression {
    use super::compress::{ALL, Compress, gzip, xz, zstd};
    use super::*;

    #[test]
    fn all_members_are_read_whatever_the_name_says() {
        let lines = |from: usize| -> String {
            (from..from + 500)
                .map(|n| format!("{{\"text\":\"Line {n}, Größe {}.\"}}\n", n * n))
                .collect::<Vec<_>>()
                .concat()
        };
        let plain = texts("a.jsonl", (lines(0) + &lines(500)).as_bytes());
        assert_eq!(plain.len(), 1000);
        for (extension, compress) in ALL {
            let members =
                [compress(lines(0).as_bytes()), compress(b""), compress(lines(500).as_bytes())]
                    .concat();
            for name in [format!("a.jsonl.{extension}"), "a.jsonl".to_owned()] {
                assert_eq!(texts(&name, &members), plain, "{name}");
            }
            for buffer in [1, 7, 4096] {
                let dir = Dir::new().with("a.jsonl.x", &members);
                let mut options = Options::new();
                options.read_buffer(buffer).format(Format::JsonLines).threads(2);
                let mut articles = options.ingest(dir.path()).expect("a folder");
                let found: Vec<_> =
                    outline(&mut articles).into_iter().map(|(_, text)| text).collect();
                assert_eq!(found, plain, "{extension}, {buffer}");
            }
        }
    }

    #[test]
    fn a_compressed_file_is_named_and_told_as_the_one_inside() {
        let dir = Dir::new()
            .with("a.txt.gz", gzip(b"text"))
            .with("b.tar.gz", gzip(&[b"name".to_vec(), vec![0; 400]].concat()))
            .with("c.gz", gzip(b"notes without a name"));
        let mut articles = dedup::ingest(dir.path()).expect("a folder");
        assert_eq!(outline(&mut articles), [("a.txt.gz".to_owned(), "text".to_owned())]);
        let skipped = articles.stats().skipped;
        assert_eq!((skipped.binary, skipped.unknown), (1, 1));
    }

    /// Random-looking lines, which no compressor makes small.
    fn noise() -> String {
        let mut state = 7_u64;
        (0..3000)
            .map(|n| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n);
                format!("{{\"text\":\"{state:020}{:020}\"}}\n", state.rotate_left(23))
            })
            .collect::<Vec<_>>()
            .concat()
    }

    #[test]
    fn what_came_before_the_end_of_a_truncated_stream_stays() {
        let lines = noise();
        let whole = texts("a.jsonl", lines.as_bytes());
        for (extension, compress) in ALL {
            // Several members, as some decompressors give nothing of a block before its end.
            let (first, second) = lines.split_at(lines.len() / 2 + 1);
            let mut bytes = compress(first.as_bytes());
            let kept = bytes.len() + 200;
            bytes.extend(compress(second.as_bytes()));
            bytes.truncate(kept);
            let mut articles = Options::new()
                .reader("a.jsonl", BufReader::new(std::io::Cursor::new(bytes)))
                .expect("sound options");
            let results: Vec<_> = articles.by_ref().collect();
            let (last, before) = results.split_last().expect("results");
            assert!(before.len() >= first.lines().count() - 1, "{extension}: {}", before.len());
            for (result, text) in before.iter().zip(&whole) {
                assert_eq!(result.as_ref().expect("a sound line").original(), text);
            }
            let error = last.as_ref().expect_err("it is cut off");
            assert!(
                matches!(error.problem(), Some(Problem::Compression { .. })),
                "{extension}: {error:?}"
            );
            let position = error.position().expect("a position");
            assert_eq!(position.record, Some(before.len() as u64 + 1));
            assert!(position.offset.is_some_and(|offset| offset + 60 >= first.len() as u64));
        }
    }

    #[test]
    fn a_corrupt_stream_is_an_error_and_the_next_file_is_read() {
        for (extension, compress) in ALL {
            let mut bytes = compress(noise().as_bytes());
            let middle = bytes.len() / 2;
            bytes[middle..middle + 40].iter_mut().for_each(|byte| *byte ^= 0x55);
            let dir = Dir::new()
                .with(&format!("a.jsonl.{extension}"), bytes)
                .with("b.txt", "The next file.");
            let results: Vec<_> = dedup::ingest(dir.path()).expect("a folder").collect();
            let errors: Vec<_> =
                results.iter().filter_map(|result| result.as_ref().err()).collect();
            assert!(
                errors
                    .iter()
                    .any(|error| matches!(error.problem(), Some(Problem::Compression { .. }))),
                "{extension}: {errors:?}"
            );
            let last = results.last().expect("results").as_ref().expect("the next file");
            assert_eq!(last.original(), "The next file.");
        }
    }

    #[test]
    fn bytes_behind_the_last_member_are_an_error() {
        let found = texts("a.txt", &[gzip(b"text"), b"and something else".to_vec()].concat());
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("the gzip data is damaged"), "{found:?}");
        let lines = gzip(b"{\"text\":\"one\"}\n{\"text\":\"two\"}\n");
        let found = texts("a.jsonl", &[lines, b"and something else".to_vec()].concat());
        assert_eq!(found[..2], ["one", "two"]);
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn zeros_behind_the_last_member_of_a_gzip_stream_are_nothing() {
        let members = [gzip(b"one\n"), gzip(b""), gzip(b"two")].concat();
        for zeros in [1, 2, 8, 9, 10, 11, 511, 70_000, 1 << 20] {
            let padding = vec![0; zeros];
            assert_eq!(texts("a.txt", &[&members, &*padding].concat()), ["one\ntwo"], "{zeros}");
            // Only the last member has zeros behind it.
            for behind in [&b"x"[..], &members] {
                let found = texts("a.txt", &[&members, &*padding, behind].concat());
                assert!(found[0].contains("the gzip data is damaged"), "{zeros}: {found:?}");
            }
        }
        // Zeros make no member whole but for its length, of which the upper bytes are zeros.
        let last = gzip(b"three");
        for kept in 1..last.len() - 3 {
            for zeros in [0, 1, 20] {
                let cut = [&*members, &last[..kept], &vec![0; zeros]].concat();
                let found = texts("a.txt", &cut);
                assert!(
                    found[0].contains("the gzip data is damaged"),
                    "{kept}, {zeros}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_ratio() {
        let mut options = Options::new();
        options.limits(Limits::new().decompression_ratio(20));
        for (extension, compress) in ALL {
            let members = usize::try_from(Limits::RATIO_FREE >> 20).unwrap() + 1;
            let bomb = compress(&vec![b' '; 1 << 20]).repeat(members);
            let found = texts_with(&options, "a.txt", &bomb);
            assert_eq!(found.len(), 1);
            assert!(found[0].contains("more than 20 times"), "{extension}: {found:?}");
        }
    }

    #[test]
    fn a_window_beyond_the_limit_is_refused() {
        let mut options = Options::new();
        options.limits(Limits::new().window(1 << 16));
        let text = noise().repeat(8);
        for (extension, compress) in [("zst", zstd as Compress), ("xz", xz)] {
            assert!(texts("a.txt", &compress(text.as_bytes()))[0] == text);
            let found = texts_with(&options, "a.txt", &compress(text.as_bytes()));
            assert!(found[0].contains("damaged"), "{extension}: {}", &found[0][..80]);
        }
        // One that asks for just as much is read.
        let mut options = Options::new();
        options.limits(Limits::new().window(1 << 20));
        assert!(texts_with(&options, "a.txt", &xz(text.as_bytes()))[0] == text);
    }
}

#[cfg(not(feature = "gzip"))]
#[test]
fn compression_that_was_left_out_names_its_feature() {
    let found = texts("a.txt", b"\x1f\x8b\x08\0\0\0\0\0\0\0");
    assert!(found[0].contains("needs the feature `gzip`"), "{found:?}");
}
