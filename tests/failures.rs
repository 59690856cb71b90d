//! What goes wrong with real inputs: each is a typed error in its place, and the stream goes on.

use std::fs;
use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dedup::{Articles, Document, Error, Limits, OnError, Options, Problem};

/// Reads some bytes, then others again and again, then the last ones.
struct Long {
    head: io::Cursor<Vec<u8>>,
    filler: io::Take<io::Repeat>,
    tail: io::Cursor<Vec<u8>>,
}

impl Long {
    fn new(head: &str, filler: u64, tail: &str) -> BufReader<Self> {
        BufReader::with_capacity(
            1 << 16,
            Self {
                head: io::Cursor::new(head.into()),
                filler: io::repeat(b'x').take(filler),
                tail: io::Cursor::new(tail.into()),
            },
        )
    }
}

impl Read for Long {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.read(buffer)? {
            0 => match self.filler.read(buffer)? {
                0 => self.tail.read(buffer),
                read => Ok(read),
            },
            read => Ok(read),
        }
    }
}

/// A pipe whose other end goes away.
struct Breaks<R>(R);

impl<R: Read> Read for Breaks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::BrokenPipe.into()),
            read => Ok(read),
        }
    }
}

fn limited(limits: Limits) -> Options {
    let mut options = Options::new();
    options.limits(limits);
    options
}

/// The texts, with the errors in their places.
fn results(articles: Articles) -> Vec<Result<String, Error>> {
    articles.map(|result| result.map(|article| article.original().to_owned())).collect()
}

fn read(options: &Options, name: &str, content: &[u8]) -> Vec<Result<String, Error>> {
    let reader = BufReader::new(io::Cursor::new(content.to_vec()));
    results(options.reader(name, reader).expect("sound options"))
}

fn problem(result: &Result<String, Error>) -> (&Problem, Option<u64>, Option<u64>) {
    let error = result.as_ref().expect_err("a problem");
    let position = error.position().expect("a position");
    assert!(!error.is_fatal());
    (error.problem().expect("a problem"), position.record, position.offset)
}

#[test]
fn a_path_that_is_no_file_is_an_error_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let missing = dir.path().join("missing");
    let error = dedup::ingest(&missing).expect_err("nothing is there");
    assert!(
        matches!(error.problem(), Some(Problem::Io(io)) if io.kind() == io::ErrorKind::NotFound)
    );
    assert_eq!(error.path(), Some(missing.as_path()));
    let error = dedup::ingest("").expect_err("no path");
    assert_eq!(error.to_string(), "cannot read \"\"");

    #[cfg(unix)]
    {
        let socket = dir.path().join("socket.txt");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        for path in [&*socket, Path::new("/dev/null")] {
            let error = dedup::ingest(path).expect_err("no file");
            assert!(matches!(error.problem(), Some(Problem::Special)));
            assert_eq!(error.path(), Some(path));
        }
    }
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_an_error_in_its_place() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().expect("a folder");
    let forbid = |name: &str| {
        let mode = fs::Permissions::from_mode(0o000);
        fs::set_permissions(dir.path().join(name), mode).expect("a mode");
    };
    fs::write(dir.path().join("a.txt"), "text").expect("a file");
    fs::create_dir(dir.path().join("b")).expect("a folder");
    fs::write(dir.path().join("c.txt"), "text").expect("a file");
    forbid("a.txt");
    forbid("b");
    if fs::read(dir.path().join("a.txt")).is_ok() {
        again_as_nobody("what_may_not_be_read_is_an_error_in_its_place");
        return;
    }
    let results = results(dedup::ingest(dir.path()).expect("a folder"));
    assert_eq!(results.len(), 3);
    for (result, name) in results.iter().zip(["a.txt", "b"]) {
        let denied = |io: &io::Error| io.kind() == io::ErrorKind::PermissionDenied;
        assert!(matches!(problem(result).0, Problem::Io(io) if denied(io)));
        let error = result.as_ref().expect_err("a problem");
        assert_eq!(error.path(), Some(dir.path().join(name).as_path()));
    }
    assert!(results[2].is_ok());
    fs::set_permissions(dir.path().join("b"), fs::Permissions::from_mode(0o700)).expect("a mode");
}

/// Runs a test as a user to whom something is forbidden.
#[cfg(unix)]
fn again_as_nobody(test: &str) {
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65534;
    let tests = std::env::current_exe().expect("the tests");
    match std::process::Command::new(tests).args(["--exact", test]).uid(NOBODY).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
        }
        Err(error) => println!("skipped: another user cannot run the tests: {error}"),
    }
}

#[test]
fn a_file_that_vanishes_is_an_error_in_its_place() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["a.txt", "b.txt", "c.txt"] {
        fs::write(dir.path().join(name), name).expect("a file");
    }
    let mut articles = Options::new().threads(1).ingest(dir.path()).expect("a folder");
    assert_eq!(articles.next().expect("a result").expect("an article").id(), "a.txt");
    fs::remove_file(dir.path().join("b.txt")).expect("a file");
    let error = articles.next().expect("a result").expect_err("it is gone");
    assert!(
        matches!(error.problem(), Some(Problem::Io(io)) if io.kind() == io::ErrorKind::NotFound)
    );
    assert!(error.path().is_some_and(|path| path.ends_with("b.txt")));
    assert_eq!(articles.next().expect("a result").expect("an article").id(), "c.txt");
}

#[test]
fn a_file_that_changes_while_it_is_read_is_an_error_at_its_end() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.jsonl");
    // Longer than what is read ahead to tell its format: of a shorter one that was all, and it had not changed.
    let long = "one ".repeat(4000);
    fs::write(&path, format!("{{\"text\":\"{long}\"}}\n{{\"text\":\"two\"}}\n")).expect("a file");
    let mut articles =
        Options::new().threads(1).read_buffer(1).ingest(dir.path()).expect("a folder");
    assert!(articles.next().is_some_and(|article| article.is_ok()));
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("the file");
    io::Write::write_all(&mut file, b"{\"text\":\"three\"}\n").expect("a longer file");
    let rest = results(articles);
    assert_eq!(rest.len(), 3);
    assert_eq!(rest[1].as_ref().expect("the new line"), "three");
    assert!(matches!(problem(&rest[2]), (Problem::Changed, Some(4), Some(16_044))));
}

#[test]
fn a_pipe_that_breaks_ends_its_stream_with_an_error() {
    let reader = BufReader::new(Breaks(&b"{\"text\":\"one\"}\n{\"text\":\"tw"[..]));
    let found = results(Options::new().reader("pipe", reader).expect("sound options"));
    assert_eq!(found.len(), 2);
    let (problem, record, offset) = problem(&found[1]);
    assert!(matches!(problem, Problem::Io(io) if io.kind() == io::ErrorKind::BrokenPipe));
    assert_eq!((record, offset), (Some(2), Some(26)));

    let nothing = BufReader::new(Breaks(&b""[..]));
    let found = results(Options::new().reader("pipe", nothing).expect("sound options"));
    assert_eq!(found.len(), 1);
}

#[test]
fn a_record_beyond_the_limit_is_an_error_and_the_next_is_read() {
    let options = limited(Limits::new().record(1 << 20));
    for (name, next) in [("a.jsonl", 2), ("a.json", 2)] {
        let reader = Long::new("{\"text\":\"", 32 << 20, "\"}\n{\"text\":\"two\"}\n");
        let found = results(options.reader(name, reader).expect("sound options"));
        assert_eq!(found.len(), next, "{name}");
        assert!(matches!(
            problem(&found[0]),
            (Problem::TooLong { limit: 1_048_576, .. }, Some(1), Some(0))
        ));
        assert_eq!(found[1].as_ref().expect("the next record"), "two");
    }
    // What is read whole.
    let mut names = vec!["a.txt"];
    names.extend(cfg!(feature = "feeds").then_some("a.rss"));
    names.extend(cfg!(feature = "parquet").then_some("a.parquet"));
    for name in names {
        let reader = Long::new("", 32 << 20, "");
        let found = results(options.reader(name, reader).expect("sound options"));
        assert_eq!(found.len(), 1, "{name}");
        assert!(matches!(problem(&found[0]), (Problem::TooLong { .. }, None, Some(0))), "{name}");
    }
}

/// Five gigabytes in one line, with the default limits.
#[test]
#[ignore = "takes a gigabyte of memory, and seconds"]
fn a_line_of_five_gigabytes_is_an_error_and_the_next_is_read() {
    let reader = Long::new("{\"text\":\"", 5_000_000_000, "\"}\n{\"text\":\"two\"}\n");
    let found = results(Options::new().reader("a.jsonl", reader).expect("sound options"));
    assert!(matches!(problem(&found[0]), (Problem::TooLong { .. }, Some(1), Some(0))));
    assert_eq!(found[1].as_ref().expect("the next record"), "two");
}

#[test]
fn an_article_beyond_the_limit_is_an_error_in_its_place() {
    let options = limited(Limits::new().article(5));
    let found = read(&options, "a.jsonl", b"{\"text\":\"123456\"}\n{\"text\":\"12345\"}\n");
    assert!(matches!(
        problem(&found[0]),
        (Problem::Article { len: 6, limit: 5, .. }, Some(1), Some(0))
    ));
    assert_eq!(found[1].as_ref().expect("short enough"), "12345");
}

#[test]
fn limits_that_let_nothing_through_are_errors_at_once() {
    for limits in [
        Limits::new().article(0),
        Limits::new().article(Options::LONGEST_ARTICLE + 1),
        Limits::new().record(0),
        Limits::new().decompression_ratio(0),
        Limits::new().nesting(0),
        Limits::new().window(0),
        Limits::new().window(u64::MAX),
    ] {
        assert!(limited(limits).reader("-", &b""[..]).is_err(), "{limits:?}");
    }
}

#[test]
fn json_that_is_nested_too_deep_is_an_error_in_its_place() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let array = format!("[{{\"text\":\"one\",\"x\":{deep}}},{{\"text\":\"two\"}}]");
    let found = read(&Options::new(), "a.json", array.as_bytes());
    assert!(matches!(problem(&found[0]), (Problem::Nesting { limit: 256, .. }, Some(1), Some(1))));
    assert_eq!(found[1].as_ref().expect("the next"), "two");
    // A line is not cut by its brackets, and what is not asked for is passed over without a stack.
    let line = format!("{{\"x\":{deep},\"text\":\"one\"}}\n");
    assert_eq!(
        read(&Options::new(), "a.jsonl", line.as_bytes())[0].as_ref().expect("a text"),
        "one"
    );
}

#[test]
fn a_file_that_is_cut_off_keeps_its_whole_records() {
    let lines = b"{\"text\":\"one\"}\n{\"text\":\"two\"}\n";
    for cut in 16..lines.len() - 2 {
        for name in ["a.jsonl", "a.json"] {
            let found = read(&Options::new(), name, &lines[..cut]);
            assert_eq!(found.len(), 2, "{name}, {cut}");
            assert_eq!(found[0].as_ref().expect("a whole record"), "one");
            let (problem, record, offset) = problem(&found[1]);
            assert!(matches!(problem, Problem::Json(_) | Problem::Truncated), "{name}, {cut}");
            assert_eq!((record, offset), (Some(2), Some(15)));
        }
    }
}

#[test]
fn a_wrong_record_is_an_error_with_line_and_offset() {
    for (wrong, says) in [
        ("{\"text\":\"two\"", "EOF"),
        ("{\"text\":\"two\"}}", "trailing"),
        ("{\"id\":2}", "\"text\" is missing"),
        ("{\"text\":2}", "expected a string"),
        ("{\"text\":\"a\",\"text\":\"b\"}", "twice"),
        ("[]", "expected a JSON object"),
        ("two", "expected"),
    ] {
        let lines = format!("{{\"text\":\"one\"}}\n\n{wrong}\n{{\"text\":\"three\"}}\n");
        let found = read(&Options::new(), "a.jsonl", lines.as_bytes());
        assert_eq!(found.len(), 3, "{wrong}");
        assert!(matches!(problem(&found[1]), (Problem::Json(_), Some(3), Some(16))), "{wrong}");
        let error = found[1].as_ref().expect_err("it is wrong");
        assert_eq!(error.to_string(), "cannot read a.jsonl:3 (byte 16)");
        let Some(Problem::Json(cause)) = error.problem() else { unreachable!("checked above") };
        assert!(cause.to_string().contains(says), "{wrong}: {cause}");
        assert!(found[2].is_ok());
    }
}

#[test]
fn nul_bytes_are_text_in_text_and_an_error_in_json() {
    let text = b"One NUL \0 in a line of plain text.";
    assert_eq!(read(&Options::new(), "a.txt", text)[0].as_ref().expect("text").as_bytes(), text);
    // Nothing but NULs, as a crash leaves behind, is no text.
    assert!(matches!(problem(&read(&Options::new(), "a.txt", &[0; 100])[0]).0, Problem::Binary));
    let found = read(&Options::new(), "a.jsonl", b"{\"text\":\"a\0b\"}\n{\"text\":\"two\"}\n");
    assert!(matches!(problem(&found[0]), (Problem::Json(_), Some(1), _)));
    assert!(found[1].is_ok());
}

#[test]
fn a_byte_that_is_not_utf8_hurts_no_other_record_wherever_it_stands() {
    let line = "{\"id\":\"x\",\"text\":\"Grüße, schöne Öfen, 語\"}\n".as_bytes();
    for broken in [0x80, 0xC3, 0xE2, 0xF0, 0xFF] {
        for at in 0..line.len() {
            let mut lines = [line, line, line].concat();
            lines.insert(line.len() + at, broken);
            let mut options = Options::new();
            options.strict_encoding(true).id_field("id");
            let found = read(&options, "a.jsonl", &lines);
            assert_eq!(found.len(), 3, "{broken:x} at {at}");
            assert_eq!(found[0].as_ref().expect("sound"), "Grüße, schöne Öfen, 語");
            assert_eq!(found[2].as_ref().expect("sound"), "Grüße, schöne Öfen, 語");
            let (_, record, offset) = problem(&found[1]);
            assert_eq!(record, Some(2));
            let offset = usize::try_from(offset.expect("an offset")).expect("a short text");
            // Behind a lead byte, one that continues makes another character, and what is left over
            // is broken.
            assert!((line.len()..=line.len() + at + 2).contains(&offset), "{offset}, {at}");
        }
    }
}

#[test]
fn the_stream_stops_at_an_error_if_that_is_asked_for() {
    let lines = b"{\"text\":\"one\"}\nno\n{\"text\":\"three\"}\n";
    for threads in [1, 3] {
        let mut options = Options::new();
        options.threads(threads);
        assert_eq!(read(&options, "a.jsonl", lines).len(), 3);
        options.on_error(OnError::Stop);
        let found = read(&options, "a.jsonl", lines);
        assert_eq!(found.len(), 2);
        assert!(found[1].is_err());
    }
}

#[test]
fn a_source_that_panics_does_so_in_its_place_and_ends_the_stream() {
    for threads in [1, 2, 8] {
        let items = (0..500).map(|number: usize| {
            assert_ne!(number, 300, "as is wanted");
            let error = (number == 100).then(|| Error::of_source("no article"));
            let text = format!("The text of article {number}.");
            error.map_or_else(|| Ok(Document::new(number.to_string(), text).into()), Err)
        });
        let mut articles = Options::new().threads(threads).source(items).expect("options");
        let mut results = Vec::new();
        let all = AssertUnwindSafe(|| results.extend(&mut articles));
        catch_unwind(all).expect_err("the source panics");
        assert_eq!(results.len(), 300, "{threads} threads");
        let errors = results.iter().enumerate().filter(|(_, result)| result.is_err());
        assert!(errors.map(|(place, _)| place).eq([100]));
        assert!(articles.next().is_none() && articles.next().is_none());
    }
}

#[test]
fn a_panic_that_nobody_has_met_yet_does_not_hide_an_error_that_ends_the_stream() {
    for threads in [1, 2, 8] {
        let items = (0..).map(|number: usize| {
            assert_ne!(number, 3000, "as is wanted");
            match number {
                1 => Err(Error::of_source("no article")),
                _ => Ok(Document::new(number.to_string(), "words ".repeat(60)).into()),
            }
        });
        let mut options = Options::new();
        let stops = options.threads(threads).on_error(OnError::Stop);
        let mut articles = stops.source(items).expect("options");
        assert!(articles.next().is_some_and(|result| result.is_ok()));
        std::thread::sleep(Duration::from_millis(50));
        let error = articles.next().expect("an error").expect_err("of the second");
        assert!(matches!(error, Error::Source { .. }), "{error:?}");
        assert!(articles.next().is_none());
    }
}

#[test]
fn who_leaves_a_slow_source_waits_for_one_item() {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    let items = (0..200).map(move |number: usize| {
        std::thread::sleep(Duration::from_millis(10));
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Document::new(number.to_string(), "tiny").into())
    });
    let articles = Options::new().threads(2).source(items).expect("options");
    std::thread::sleep(Duration::from_millis(30));
    drop(articles);
    // All of them would fill one batch.
    assert!(taken.load(Ordering::SeqCst) < 100);
}
