//! Every format tells the same articles, and one that is broken hurts no other.
#![cfg(all(
    feature = "bzip2",
    feature = "csv",
    feature = "feeds",
    feature = "gzip",
    feature = "mail",
    feature = "parquet",
    feature = "warc",
    feature = "xz",
    feature = "zstd"
))]

use std::fs;
use std::path::Path;

use dedup::{Article, Articles, Error, Limits, Options, Problem};
use tempfile::TempDir;

#[path = "support/compress.rs"]
mod compress;
#[path = "support/folder.rs"]
mod folder;

use self::compress::gzip;
use self::folder::{Entry, SAMPLES};

fn read(options: &Options, path: &Path) -> (Vec<Article>, dedup::Stats) {
    let mut articles = options.ingest(path).expect("a folder");
    let read = articles.by_ref().collect::<Result<_, _>>().expect("sound articles");
    (read, articles.stats())
}

/// The folder with all formats, and beside it the same texts as plain files.
fn folders(entries: &[Entry]) -> TempDir {
    let dir = TempDir::new().expect("a temporary folder");
    folder::write(entries, &dir.path().join("formats"), &dir.path().join("plain"));
    dir
}

/// Compares what `formats` and `plain` have, and with the samples what the formats state.
fn compare(entries: &[Entry], dir: &Path) {
    let (plain, _) = read(&Options::new(), &dir.join("plain"));
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| Path::new(&a.path).cmp(Path::new(&b.path)));
    let expected: Vec<(&Entry, usize)> =
        sorted.iter().flat_map(|entry| entry.samples.iter().map(|&at| (*entry, at))).collect();
    for threads in [1, 3] {
        let mut options = Options::new();
        options.threads(threads).strict_encoding(true);
        let (articles, stats) = read(&options, &dir.join("formats"));
        assert_eq!((articles.len(), plain.len()), (expected.len(), expected.len()));
        // The request before each page of the two archives.
        assert_eq!((stats.skipped.no_article, stats.skipped.total()), (6, 6));
        for ((article, plain), (entry, sample)) in articles.iter().zip(&plain).zip(&expected) {
            let sample = &SAMPLES[*sample];
            let path = &entry.path;
            assert_eq!(article.original(), plain.original(), "{path}");
            assert_eq!(article.original(), sample.text(), "{path}");
            assert_eq!(article.text(), plain.text(), "{path}");
            let blocks = |article: &Article| {
                article.blocks().iter().map(|block| block.range.clone()).collect::<Vec<_>>()
            };
            assert_eq!(blocks(article), blocks(plain), "{path}");
            assert!(article.path().is_some_and(|it| it.ends_with(path)), "{path}");
            assert_eq!(article.record().is_some(), !entry.is_whole(), "{path}");
            assert_eq!(article.replaced(), 0, "{path}");
            let has = |what| entry.states().contains(&what);
            let id = if has("id") { sample.id } else { path };
            assert!(article.id().ends_with(id), "{path}: {}", article.id());
            let date = article.date().map(|date| date.replace("+00:00", "Z"));
            assert_eq!(date.as_deref(), Some(sample.date).filter(|_| has("date")), "{path}");
            assert_eq!(article.title(), Some(sample.title).filter(|_| has("title")), "{path}");
            assert_eq!(article.language(), Some("de").filter(|_| has("language")), "{path}");
            assert_eq!(article.encoding(), entry.encoding(), "{path}");
            assert_eq!(article.attachments(), entry.attachments(), "{path}");
        }
    }
}

#[test]
fn every_format_tells_the_same_articles() {
    let entries = folder::entries(gzip);
    compare(&entries, folders(&entries).path());
}

#[test]
fn every_format_tells_the_same_articles_under_compression() {
    for (extension, compress) in compress::ALL {
        let entries = folder::entries(gzip).into_iter();
        let packed: Vec<Entry> = entries.map(|entry| entry.packed(extension, compress)).collect();
        compare(&packed, folders(&packed).path());
    }
}

#[test]
fn formats_are_told_by_content() {
    for entry in folder::entries(gzip) {
        // What has no sure sign is told by name or place alone.
        if !matches!(entry.feature, "mail" | "html" | "warc" | "feeds" | "parquet") {
            continue;
        }
        let dir = TempDir::new().expect("a temporary folder");
        fs::write(dir.path().join("a.xml"), entry.bytes()).expect("a file");
        let (read, _) = read(&Options::new(), dir.path());
        let texts: Vec<&str> = read.iter().map(Article::original).collect();
        let expected: Vec<String> = entry.samples.iter().map(|&at| SAMPLES[at].text()).collect();
        assert_eq!(texts, expected, "{}", entry.path);
    }
}

/// A broken file, what is read of it, and what is said of the rest.
struct Broken {
    name: &'static str,
    bytes: Vec<u8>,
    read: usize,
    says: fn(&Problem) -> bool,
}

/// All but the last hundredth.
fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - bytes.len() / 100 - 1);
    bytes
}

fn is_truncated(problem: &Problem) -> bool {
    matches!(problem, Problem::Truncated)
}

fn is_invalid(problem: &Problem) -> bool {
    matches!(problem, Problem::Invalid(_))
}

fn broken() -> Vec<Broken> {
    let entries = folder::entries(gzip);
    let sound = |path: &str| -> Vec<u8> {
        entries.iter().find(|entry| entry.path == path).expect("an entry").bytes().to_vec()
    };
    let mut broken = Vec::new();
    let mut add = |name, bytes: Vec<u8>, read, says: fn(&Problem) -> bool| {
        broken.push(Broken { name, bytes, read, says });
    };
    add("array.json", cut(sound("records/array.json")), 2, is_truncated);
    add("lines.jsonl", cut(sound("records/lines.jsonl")), 2, |problem| {
        matches!(problem, Problem::Json(_))
    });
    // Into the sum of the last member alone: all of its text is there.
    let mut members = sound("records/members.jsonl.gz");
    members.truncate(members.len() - 4);
    add("members.jsonl.gz", members, 3, |problem| {
        matches!(problem, Problem::Compression { compression: "gzip", .. })
    });
    // As a writer leaves it that fails at once.
    add("nothing.jsonl.gz", Vec::new(), 0, |problem| {
        matches!(problem, Problem::Compression { compression: "gzip", .. })
    });
    add("head.txt.bz2", b"BZh91AY".to_vec(), 0, |problem| {
        matches!(problem, Problem::Compression { compression: "bzip2", .. })
    });
    add("table.csv", cut(sound("records/table.csv")), 2, is_truncated);
    add(
        "column.tsv",
        b"id\tbody\n1\ttext\n".to_vec(),
        0,
        |problem| matches!(problem, Problem::Column { name, .. } if name == "text"),
    );
    add("table.parquet", cut(sound("records/table.parquet")), 0, is_truncated);
    add("headless.eml", b"no headers\n\nat all\n".to_vec(), 0, is_invalid);
    let boundary = String::from_utf8(sound("mail/both.eml")).expect("text");
    add("boundary.eml", boundary.replace("--outer=in", "--other").into_bytes(), 0, is_invalid);
    let nested: Vec<String> = (0..1000)
        .map(|at| format!("Content-Type: multipart/mixed; boundary=b{at}x\n\n--b{at}x\n"))
        .collect();
    add("nested.eml", nested.concat().into_bytes(), 0, |problem| {
        matches!(problem, Problem::Nesting { .. })
    });
    let stray = [b"stray text\n".to_vec(), sound("mail/archive.mbox")].concat();
    add("stray.mbox", stray, 3, is_invalid);
    add("latin.html", b"<meta charset=utf-8><p>K\xe4se".to_vec(), 0, |problem| {
        matches!(problem, Problem::Undecodable { encoding: "UTF-8", sequences: 1, .. })
    });
    add("pages.warc", cut(sound("web/pages.warc")), 2, is_truncated);
    add("unsound.warc.gz", cut(sound("web/pages.warc.gz")), 2, |problem| {
        matches!(problem, Problem::Compression { compression: "gzip", .. })
    });
    add("feed.rss", cut(sound("web/feed.rss")), 2, is_truncated);
    add("page.atom", sound("web/0.html"), 0, is_invalid);
    broken
}

/// Articles and errors, no more of them than there can be.
fn outcomes(articles: Articles) -> Vec<Result<Article, Error>> {
    articles.take(1000).collect()
}

#[test]
fn a_broken_file_of_any_format_is_an_error_in_its_place_and_the_rest_is_read() {
    let dir = TempDir::new().expect("a temporary folder");
    let mut broken = broken();
    broken.sort_by_key(|file| file.name);
    for file in &broken {
        fs::write(dir.path().join(file.name), &file.bytes).expect("a file");
        // Behind each, one that is sound.
        fs::write(dir.path().join(format!("{}~.txt", file.name)), file.name).expect("a file");
    }
    for threads in [1, 3] {
        let mut options = Options::new();
        options.threads(threads).strict_encoding(true);
        let mut results = outcomes(options.ingest(dir.path()).expect("a folder")).into_iter();
        for file in &broken {
            let mut read = 0;
            let mut errors = 0;
            for result in results.by_ref() {
                match result {
                    Ok(article) if article.original() == file.name => break,
                    Ok(article) => {
                        assert!(article.path().is_some_and(|path| path.ends_with(file.name)));
                        read += 1;
                    }
                    Err(error) => {
                        assert!(error.path().is_some_and(|path| path.ends_with(file.name)));
                        let problem = error.problem().expect("a problem");
                        assert!((file.says)(problem), "{}: {problem:?}", file.name);
                        errors += 1;
                    }
                }
            }
            assert_eq!((read, errors), (file.read, 1), "{}", file.name);
        }
        assert!(results.next().is_none());
    }
}

#[test]
fn what_is_deep_or_long_is_read_within_the_limits() {
    let dir = TempDir::new().expect("a temporary folder");
    let page = format!("{}tief{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
    fs::write(dir.path().join("deep.html"), page).expect("a file");
    fs::write(dir.path().join("long.html"), "<p>This is longer.").expect("a file");
    fs::write(dir.path().join("long.eml"), "Subject: a\n\nThis is longer.").expect("a file");
    let entries = folder::entries(gzip);
    let table = entries.iter().find(|entry| entry.path.contains("parquet")).expect("a table");
    fs::write(dir.path().join("table.parquet"), table.bytes()).expect("a file");
    fs::write(dir.path().join("table.parquet.gz"), gzip(table.bytes())).expect("a file");
    let mut options = Options::new();
    options.limits(Limits::new().article(10).record(2 << 20));
    let results = outcomes(options.ingest(dir.path()).expect("a folder"));
    assert_eq!(results[0].as_ref().expect("a page").original(), "tief");
    assert_eq!(results.len(), 1 + 2 + 3 + 3);
    for result in &results[1..] {
        let problem = result.as_ref().err().and_then(Error::problem);
        assert!(matches!(problem, Some(Problem::Article { limit: 10, .. })), "{result:?}");
    }
    options.limits(Limits::new().record(100));
    let results = outcomes(options.ingest(dir.path().join("table.parquet.gz")).expect("a file"));
    let problem = results[0].as_ref().err().and_then(Error::problem);
    assert!(matches!(problem, Some(Problem::TooLong { limit: 100, .. })), "{results:?}");
}

#[test]
fn progress_comes_to_all_bytes_of_a_table() {
    let dir = TempDir::new().expect("a temporary folder");
    let entries = folder::entries(gzip);
    let table = entries.iter().find(|entry| entry.path.contains("parquet")).expect("a table");
    let path = dir.path().join("a.parquet");
    fs::write(&path, table.bytes()).expect("a file");
    let (sender, progress) = std::sync::mpsc::channel();
    let mut options = Options::new();
    options.threads(1).progress(move |progress| {
        // Nobody listens any more when the test is over.
        let _ = sender.send(progress.bytes);
    });
    assert_eq!(read(&options, &path).0.len(), 3);
    let len = table.bytes().len() as u64;
    let seen: Vec<u64> = progress.try_iter().collect();
    assert!(seen.is_sorted() && seen.iter().all(|&bytes| bytes <= len), "{seen:?}");
    assert_eq!(seen.last(), Some(&len));
}
