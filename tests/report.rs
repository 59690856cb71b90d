//! The page of the example `report`: sound HTML whatever the articles hold, true numbers, a bounded size.

mod support {
    //! What runs the examples.
    pub(crate) mod program;
}

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use dedup::{Options, Stats};
use html5gum::{Token, Tokenizer};
use serde_json::json;
use support::program::example;

/// No page is longer, whatever it is of.
const LONGEST: usize = 1_000_000;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sample");

const REPORT: &str = "The weir below the mill is to be rebuilt before the winter, the water board says, and the \
                      footpath along the left bank will stay closed until the concrete has set.";

/// The page about `path`.
fn page(path: &Path, flags: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let output = dir.path().join("page.html");
    let run = Command::new(example("report"))
        .arg(path)
        .args(flags)
        .arg("--output")
        .arg(&output)
        .output()
        .expect("the example");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::read_to_string(output).expect("a page")
}

/// What stands in a page, once it was found sound.
#[derive(Default)]
struct Content {
    text: String,
    tags: Vec<String>,
    ids: Vec<String>,
    links: Vec<String>,
}

/// Reads a page as a browser does, but forgives nothing.
fn read(page: &str) -> Content {
    const VOID: [&str; 2] = ["meta", "br"];
    let mut content = Content::default();
    let mut open: Vec<String> = Vec::new();
    let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    for token in Tokenizer::new(page) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let name = utf8(&tag.name);
                for (key, value) in &tag.attributes {
                    let (key, value) = (utf8(key), utf8(value));
                    assert!(!key.starts_with("on"), "<{name} {key}={value:?}> runs a script");
                    assert!(
                        !matches!(&*key, "src" | "srcset" | "style" | "data"),
                        "<{name} {key}={value:?}>"
                    );
                    match &*key {
                        "id" => content.ids.push(value),
                        "href" => content.links.push(value),
                        _ => {}
                    }
                }
                if !tag.self_closing && !VOID.contains(&&*name) {
                    open.push(name.clone());
                }
                content.tags.push(name);
            }
            Token::EndTag(tag) => assert_eq!(open.pop().as_deref(), Some(&*utf8(&tag.name))),
            Token::String(text) => {
                if !matches!(open.last().map(String::as_str), Some("style")) {
                    content.text.push_str(&utf8(&text));
                }
            }
            Token::Error(error) => panic!("{error:?} at {:?}", error.span),
            Token::Comment(_) | Token::Doctype(_) => {}
        }
    }
    assert_eq!(open, Vec::<String>::new(), "left open");
    let mut ids = content.ids.clone();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), content.ids.len(), "ids are unique");
    for link in &content.links {
        let leads =
            link.strip_prefix('#').is_some_and(|id| content.ids.iter().any(|known| known == id));
        assert!(leads, "a link leads to {link:?}");
    }
    assert!(
        !content
            .tags
            .iter()
            .any(|tag| matches!(&**tag, "script" | "link" | "img" | "iframe" | "base"))
    );
    content
}

/// The page's totals, by name.
fn total(page: &str, name: &str) -> Option<u64> {
    let (_, rest) = page.split_once(&format!("<dt>{name}</dt><dd>"))?;
    let (number, _) = rest.split_once("</dd>")?;
    number.replace(',', "").parse().ok()
}

fn stats(path: &Path, options: &Options) -> Stats {
    let mut articles = options.ingest(path).expect("a stream");
    articles.by_ref().for_each(|article| drop(article.expect("an article")));
    articles.stats()
}

fn check_totals(page: &str, stats: &Stats) {
    for (name, number) in [
        ("Articles", stats.articles),
        ("Bytes read", stats.bytes_in),
        ("Bytes kept", stats.bytes_kept),
        ("Bytes removed", stats.bytes_removed),
        ("Blocks removed", stats.blocks),
        ("Repeats found", stats.repeats),
    ] {
        assert_eq!(total(page, name), Some(number), "{name}");
    }
}

#[test]
fn the_sample_has_its_totals_and_every_section() {
    let page = page(SAMPLE.as_ref(), &["--near", "0.8"]);
    let content = read(&page);
    let stats = stats(SAMPLE.as_ref(), Options::new().near(0.8));
    assert!(stats.bytes_removed > 0);
    check_totals(&page, &stats);
    for id in
        ["totals", "places", "grid-title", "sources", "lengths", "largest", "frequent", "near"]
    {
        assert!(content.ids.iter().any(|known| known == id), "{id}");
    }
    let count = |name: &str| content.tags.iter().filter(|tag| *tag == name).count();
    assert_eq!(count("table"), count("caption"));
    assert_eq!((count("h1"), count("main")), (1, 1));
    assert!(page.len() < LONGEST);
}

#[test]
fn hostile_ids_and_texts_are_text() {
    let dir = tempfile::tempdir().expect("a folder");
    let attack = "</blockquote><script>alert(1)</script> <img src=x onerror='alert(2)'> \"]]>--> &lt;b&gt; \
                  {{ names }} {% if %} \0\u{1}\u{b}\u{1b}[31m\u{7f}\u{85}\u{202e}\u{fffe}\u{10ffff} \u{301}";
    let mut lines = String::new();
    for (number, word) in ["gravel", "gravel", "pebble"].iter().enumerate() {
        let id = format!("{attack}{number}\r\n\t");
        let text = format!("{attack} {REPORT} The new {word} bed {attack}");
        _ = writeln!(lines, "{}", json!({ "id": id, "text": text }));
    }
    fs::create_dir(dir.path().join("a<b>\"&'")).expect("a folder");
    fs::write(dir.path().join("a<b>\"&'/1.jsonl"), lines).expect("a file");
    let page = page(dir.path(), &["--near", "0.6"]);
    let content = read(&page);
    for shown in [
        "</blockquote><script>alert(1)</script> <img src=x onerror='alert(2)'> \"]]>--> &lt;b&gt; {{ names }} {% if %} ␀␁␋␛[31m␡",
        "a<b>\"&'/",
    ] {
        assert!(content.text.contains(shown), "{shown} in {}", content.text);
    }
    assert!(page.contains("<del>gravel</del>") && page.contains("<ins>pebble</ins>"), "{page}");
    for hidden in ['\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{202e}', '\u{fffe}'] {
        assert!(!page.contains(hidden), "{hidden:?}");
    }
}

#[test]
fn a_doubled_article_is_a_diagonal() {
    let dir = tempfile::tempdir().expect("a folder");
    let line = |at: usize| format!("Paragraph {at} of the letter, {}.\n", REPORT.to_uppercase());
    let body = (0..40).map(line).collect::<Vec<_>>().concat();
    let path = dir.path().join("letter.txt");
    fs::write(&path, format!("{body}{body}")).expect("a file");
    let page = page(&path, &[]);
    let content = read(&page);
    assert!(content.ids.iter().any(|id| id == "doubled-title"));
    assert!(!content.ids.iter().any(|id| id == "grid-title"), "there is one article only");
    // The second half lies across, the first half down.
    assert!(page.contains(r#"class="line" d="M150.0 0.0L300.0 150.0""#), "{page}");
}

#[test]
fn many_articles_make_no_long_page() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut sizes = Vec::new();
    for articles in [1000_usize, 4000] {
        let folder = dir.path().join(articles.to_string());
        fs::create_dir(&folder).expect("a folder");
        for file in 0..100 {
            let mut lines = String::new();
            for number in (file..articles).step_by(100) {
                // Every article has a paragraph of its own, one that few have, and sometimes one
                // that many have.
                let own: Vec<String> =
                    (1..12).map(|at| (number * at * 0x1234_5679).to_string()).collect();
                let own = own.join("/\"' ");

                let few = format!("{REPORT} {}", number % (articles / 3));
                let many = if number % 7 == 0 { REPORT } else { "" };
                let text = format!("{own}\n{few}\n{many}");
                let id = format!("{number}{}", "<long id>".repeat(100));
                _ = writeln!(lines, "{}", json!({ "id": id, "text": text }));
            }
            fs::write(folder.join(format!("{file}.jsonl")), lines).expect("a file");
        }
        let page = page(&folder, &["--near", "0.9"]);
        read(&page);
        check_totals(&page, &stats(&folder, Options::new().near(0.9)));
        assert!(page.len() < LONGEST, "{} bytes", page.len());
        sizes.push(page.len());
    }
    assert!(sizes[1] < sizes[0] * 3 / 2, "{sizes:?}");
}

#[test]
fn what_cannot_be_read_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.jsonl");
    fs::write(&path, "{\"text\":\"One.\"}\n{<b>\n".repeat(30)).expect("a file");
    let run = Command::new(example("report"))
        .arg(&path)
        .args(["--output", "-"])
        .output()
        .expect("the example");
    assert_eq!(run.status.code(), Some(1), "{}", String::from_utf8_lossy(&run.stderr));
    let page = String::from_utf8(run.stdout).expect("UTF-8");
    read(&page);
    assert_eq!(total(&page, "Errors"), Some(30));
    assert!(page.contains("of which the first 20"), "{page}");
}

#[test]
fn a_command_line_without_sense_has_its_exit_code() {
    let dir = tempfile::tempdir().expect("a folder");
    let output = |name: &str| dir.path().join(name).display().to_string();
    let folder = dir.path().join("articles");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("a.txt"), REPORT).expect("a file");
    let example = example("report");
    for flags in [
        ["--near".to_owned(), "7".to_owned()],
        ["--output".to_owned(), output("articles/page")],
        ["--output".to_owned(), output("nowhere/page")],
    ] {
        let mut run = Command::new(&example);
        let run = run.current_dir(dir.path()).arg(&folder).args(&flags).output();
        let run = run.expect("the example");
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{flags:?}: {said}");
        assert!(said.starts_with("report: "), "{said}");
    }
}

#[test]
fn nobody_has_to_read_what_is_printed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, output) = (dir.path().join("a.txt"), dir.path().join("page.html"));
    fs::write(&path, REPORT).expect("a file");
    for output in [&output, Path::new("-")] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let run = Command::new(example("report"))
            .arg(&path)
            .arg("--output")
            .arg(output)
            .stdout(writer)
            .output()
            .expect("the example");
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!((run.status.code(), &*said), (Some(0), ""), "{}", output.display());
    }
    read(&fs::read_to_string(output).expect("the page"));
}
