//! The text of pages is what a browser's parser makes of them.
//!
//! The tree is that of `html5ever`; which of its elements are shown, and which begin a line, is as in
//! the section on rendering of the HTML specification.

use dedup::Format;
use dedup_reference::{corpus, files, mails, output, read, words};
use html5ever::tendril::TendrilSink;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use proptest::prelude::*;

/// What is shown of a page.
fn reference(page: &str) -> String {
    let tree_builder = TreeBuilderOpts { scripting_enabled: true, ..Default::default() };
    let options = ParseOpts { tree_builder, ..Default::default() };
    let document = parse_document(RcDom::default(), options).one(page).document;
    let mut text = String::new();
    show(&document, false, &mut text);
    text
}

fn show(node: &Handle, preformatted: bool, text: &mut String) {
    match &node.data {
        NodeData::Text { contents } if preformatted => text.push_str(&contents.borrow()),
        NodeData::Text { contents } => {
            text.extend(contents.borrow().chars().map(|it| if it == '\n' { ' ' } else { it }));
        }
        NodeData::Element { name, attrs, .. } => {
            let name = &*name.local;
            let attributes = attrs.borrow();
            let attribute = |name: &str| {
                let value = attributes.iter().find(|it| &*it.name.local == name);
                value.map(|it| it.value.replace(' ', "").to_ascii_lowercase())
            };
            let style = attribute("style").unwrap_or_default();
            let is_field = name != "input" || attribute("type").is_none_or(|it| it != "hidden");
            if attribute("hidden").is_some() || style.contains("display:none") || !is_field {
                return;
            }
            let boundary = boundary(name, &style);
            text.push_str(boundary);
            if is_hidden(name) {
                return;
            }
            let preformatted =
                preformatted || matches!(name, "pre" | "listing" | "plaintext" | "xmp");
            for child in node.children.borrow().iter() {
                show(child, preformatted, text);
            }
            text.push_str(boundary);
        }
        _ => {
            for child in node.children.borrow().iter() {
                show(child, preformatted, text);
            }
        }
    }
}

fn is_hidden(name: &str) -> bool {
    // Not displayed, replaced by something else, or a control.
    matches!(
        name,
        "head"
            | "script"
            | "style"
            | "template"
            | "noscript"
            | "noframes"
            | "noembed"
            | "rp"
            | "datalist"
            | "audio"
            | "video"
            | "canvas"
            | "iframe"
            | "object"
            | "svg"
            | "select"
            | "textarea"
            | "applet"
            | "annotation"
            | "annotation-xml"
            | "title"
            | "frameset"
            | "meter"
            | "progress"
    )
}

fn boundary(name: &str, style: &str) -> &'static str {
    match name {
        "address" | "article" | "aside" | "blockquote" | "body" | "br" | "caption" | "center"
        | "dd" | "details" | "dialog" | "dir" | "div" | "dl" | "dt" | "fieldset" | "figcaption"
        | "figure" | "footer" | "form" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "header"
        | "hgroup" | "hr" | "html" | "legend" | "li" | "listing" | "main" | "menu" | "nav"
        | "ol" | "optgroup" | "option" | "p" | "plaintext" | "pre" | "search" | "section"
        | "summary" | "table" | "tbody" | "tfoot" | "thead" | "tr" | "ul" | "xmp" => "\n",
        "td" | "th" => "\t",
        // Boxes in a line, apart from what is beside them for the eye.
        "applet" | "button" | "canvas" | "embed" | "iframe" | "input" | "keygen" | "marquee"
        | "meter" | "object" | "progress" | "select" | "textarea" | "video" => " ",
        _ if is_hidden(name) => "",
        _ if style.contains("display:inline-") || style.contains("float:") => " ",
        _ if style.contains("display:block") => "\n",
        _ => "",
    }
}

/// Where the two differ first, if they do.
fn difference(page: &str) -> Option<String> {
    // The page has been decoded, whatever it says; the mark says that it is UTF-8.
    let (articles, _) = read(Format::Html, format!("\u{feff}{page}").as_bytes());
    let [article] = &articles[..] else { panic!("{} articles", articles.len()) };
    let expected = reference(page);
    let (found, expected) = (words(article.original()), words(&expected));
    let at = found.iter().zip(&expected).take_while(|(found, expected)| found == expected).count();
    (at < found.len().max(expected.len()))
        .then(|| format!("line {at}: {:?}, not {:?}", found.get(at), expected.get(at)))
}

/// Compares pages, of which there are to be at least that many; their lines that hold words.
fn compare(pages: impl Iterator<Item = (String, String)>, least: usize) {
    let mut compared = 0;
    let mut different = Vec::new();
    for (name, page) in pages {
        compared += 1;
        different.extend(difference(&page).map(|difference| format!("{name}, {difference}")));
    }
    println!("{compared} pages compared");
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(compared >= least, "{compared}");
}

/// Pages that another program made: some of the books that come with Rust, and of its reference.
#[test]
fn pages_of_books() {
    let sysroot = output(std::process::Command::new("rustc").args(["--print", "sysroot"]));
    let sysroot = String::from_utf8(sysroot).expect("a path");
    let html = std::path::Path::new(sysroot.trim()).join("share/doc/rust/html");
    if !html.is_dir() {
        println!("skipped: the documentation of Rust is not installed");
        return;
    }
    let folders = ["edition-guide", "nomicon", "proc_macro", "rust-by-example"];
    let pages = folders.iter().flat_map(|folder| files(&html.join(folder), "html"));
    let page = |path: std::path::PathBuf| {
        let page = std::fs::read_to_string(&path).expect("a page");
        (path.display().to_string(), page)
    };
    compare(pages.map(page), 200);
}

/// Pages that people made: the mails of the test suite of `mail-parser` that have HTML.
#[test]
fn pages_of_mails() {
    let pages = mails().into_iter().flat_map(|path| {
        let bytes = std::fs::read(&path).expect("a mail");
        let mail =
            mail_parser::MessageParser::default().parse(&bytes).expect("a mail").into_owned();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let pages = mail.parts.into_iter().filter_map(move |part| match part.body {
            mail_parser::PartType::Html(page) => Some((name.clone(), page.into_owned())),
            _ => None,
        });
        pages.collect::<Vec<_>>()
    });
    compare(pages, 20);
}

/// Pages made of newsletters in Markdown, with the HTML in it.
#[test]
fn pages_of_corpora() {
    // `Result<Option>` in a link, not quoted: an `option` that only the end of the link ends.
    const OTHER: [&str; 1] = ["twir, 269"];
    for name in ["twir", "haskellweekly", "bitcoinops-de"] {
        let Some(texts) = corpus(name) else {
            println!("skipped: the corpora are not here");
            return;
        };
        let page = |(number, text): (usize, String)| {
            let mut page = String::new();
            let options = pulldown_cmark::Options::all();
            pulldown_cmark::html::push_html(
                &mut page,
                pulldown_cmark::Parser::new_ext(&text, options),
            );
            (format!("{name}, {number}"), page)
        };
        let pages = texts.into_iter().enumerate().map(page);
        compare(pages.filter(|(name, _)| !OTHER.contains(&&name[..])), 10);
    }
}

/// Markup that writers of pages leave out, forget or get wrong.
fn soup() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Wort",
        "ein anderes",
        "&amp;",
        "&auml;rgern",
        "&nbsp;",
        "a&#8211;b",
        "&copy",
        "x < y",
        "\n",
        " ",
        "<!-- <p>no --> ",
        "<wbr>",
        "<br>",
        "<br/>",
        "<img alt='<p>'>",
        "</br>",
        "&#x80;",
        "<script>if (a</p) '<p>no'</script>",
        "<style>p { }</style>",
        "<input value='no'>",
        "<b>fett <i>und</b> schräg</i>",
        "<a title=\"<p>\" href=x>",
        "</a>",
        "</b>",
        "<![CDATA[no]]>",
        "<span hidden>no <b>no</b></span>",
        "<?php no ?>",
        "<noscript>no</noscript>",
        "</>",
        "<textarea><p>no</textarea>",
        "<p hidden>no</p>",
        "<font color=red>",
        "<svg><g/></svg>",
    ]);
    let words = || prop::collection::vec(word.clone(), 0..4).prop_map(|words| words.concat());
    let leaf = words().prop_map(|words| format!("{words} Ende"));
    leaf.prop_recursive(4, 40, 4, move |inner| {
        let many = || prop::collection::vec(inner.clone(), 1..4);
        let tagged = |open: &'static str, close: &'static str| {
            many().prop_map(move |parts| {
                let between = [close, open].concat();
                [open, &parts.join(&between), close].concat()
            })
        };
        prop_oneof![
            many().prop_map(|parts| parts.concat()),
            tagged("<p>", "</p>"),
            tagged("<p>", ""),
            tagged("<div class='a>b'>", "</div>"),
            tagged("<h2>", "</h2>"),
            tagged("<blockquote>", "</blockquote>"),
            tagged("<section><!---->", "</section >"),
            tagged("<pre>\n", "</pre>"),
            tagged("<li>", "").prop_map(|items| format!("<ul>{items}</ul>")),
            tagged("<LI>", "</li>").prop_map(|items| format!("<ol type=a>{items}</ol>")),
            tagged("<dt>", "<dd>x").prop_map(|items| format!("<dl>{items}</dl>")),
            tagged("<tr><td>", "<td>x").prop_map(|rows| format!("<table>{rows}</table>")),
            tagged("<tr><th>", "</th></tr>")
                .prop_map(|rows| format!("<table><caption>c</caption><tbody>{rows}</table>")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn pages_of_any_markup(body in soup(), head in any::<bool>()) {
        let page = if head {
            format!("<!DOCTYPE html><html><head><title>no</title></head><body>{body}")
        } else {
            body
        };
        let difference = difference(&page);
        prop_assert!(difference.is_none(), "{}\n{}", difference.unwrap_or_default(), page);
    }
}
