//! The example `ingest`, as people use it: in pipes, on a terminal, and interrupted.
#![cfg(unix)]

mod support {
    //! What runs the examples.
    pub(crate) mod program;
}

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::program::example;

fn line(number: usize) -> String {
    let text = format!("Article {number}: ") + &format!("{} ", number * number).repeat(40);
    format!("{{\"id\":\"{number}\",\"text\":\"{text}\"}}\n")
}

/// The totals in the last line that the example prints.
fn totals(stdout: &[u8]) -> Value {
    let last = stdout.trim_ascii_end().rsplit(|&byte| byte == b'\n').next().expect("a line");
    serde_json::from_slice(last).expect("totals")
}

#[test]
fn standard_input_is_read_and_pipes_get_no_bar() {
    let mut child = Command::new(example("ingest"))
        .args(["-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example");
    let mut stdin = child.stdin.take().expect("a pipe");
    for number in 0..100 {
        stdin.write_all(line(number).as_bytes()).expect("a reader");
    }
    drop(stdin);
    let output = child.wait_with_output().expect("the end of the example");
    assert!(output.status.success());
    assert_eq!(totals(&output.stdout)["articles"], 100);
    assert_eq!(output.stderr, b"");
}

#[test]
fn what_makes_no_sense_is_told_from_what_cannot_be_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(path("in")).expect("a folder");
    std::fs::write(path("in/a.txt"), "Nothing new.").expect("a file");
    let (input, inside, out) = (path("in"), path("in/out"), path("out"));
    let run = |arguments: &[&str]| {
        let output = Command::new(example("ingest")).args(arguments).output().expect("the example");
        assert_eq!(output.stderr.is_empty(), output.status.success());
        output.status.code()
    };
    assert_eq!(run(&[&input, "--removed", &out]), Some(0));
    assert_eq!(run(&[&input, "--min-span=300", &format!("--kept={}", path("kept"))]), Some(0));
    assert!(Path::new(&path("kept")).is_file());
    for wrong in ["--min-span=", "--min-span=10", "--json=1", "--=", "--min-span"] {
        assert_eq!(run(&[&input, wrong]), Some(2), "{wrong}");
    }
    assert_eq!(run(&[&input, "--min-span", "10"]), Some(2));
    assert_eq!(run(&[&input, "--removed", &inside]), Some(2));
    assert_eq!(run(&[&input, "--removed", &out, "--kept", &out]), Some(2));
    assert_eq!(run(&[&input, "--removed", &out, "--kept", &path("in/../out")]), Some(2));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&out, path("link")).expect("a link");
        assert_eq!(run(&[&input, "--removed", &out, "--kept", &path("link")]), Some(2));
    }
    assert_eq!(run(&[&path("not there")]), Some(1));
}

#[test]
fn outputs_are_whole_though_nobody_reads_what_is_printed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, kept) = (dir.path().join("a.jsonl"), dir.path().join("kept"));
    let lines: String = (0..2000).map(|number| line(number % 1000)).collect();
    std::fs::write(&path, lines).expect("a file");
    let mut child = Command::new(example("ingest"))
        .arg(&path)
        .arg("--kept")
        .arg(&kept)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example");
    drop(child.stdout.take());
    assert!(child.wait().expect("the end of the example").success());
    assert_eq!(std::fs::read_to_string(kept).expect("a file").lines().count(), 1000);
}

#[test]
fn a_terminal_gets_a_bar() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.jsonl");
    std::fs::write(&path, (0..1000).map(line).collect::<String>()).expect("a file");
    // Gives a program a terminal, and copies what it prints there.
    let command = format!("'{}' --quiet '{}'", example("ingest").display(), path.display());
    let script = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = script else {
        println!("skipped: there is no `script`");
        return;
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1000 articles, "), "{printed}");
    assert!(printed.contains("\u{1b}["), "{printed}");
    assert!(printed.contains("to go"), "{printed}");
}

/// Articles come without end until the example is interrupted: those it has told of are in the index.
#[cfg(feature = "index")]
#[test]
fn removed_ranges_have_no_line_breaks_around_them_by_fingerprints_either() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let report =
        "The ferry does not run on Sunday, as the cable has to be greased before the ice comes.";
    std::fs::create_dir(path("in")).expect("a folder");
    std::fs::write(path("in/1.txt"), report).expect("a file");
    std::fs::write(path("in/2.txt"), format!("New.\n\n{report}\n\nNew too.\n")).expect("a file");
    let removed = |mode: &[&str]| {
        let out = path("removed");
        let mut program = Command::new(example("ingest"));
        let output = program.args([&path("in"), "--json", "--removed", &out]).args(mode).output();
        assert!(output.expect("the example").status.success());
        let line = std::fs::read_to_string(&out).expect("the lines");
        let line: Value = serde_json::from_str(&line).expect("one line");
        (line["doc"].clone(), line["start"].clone(), line["end"].clone())
    };
    assert_eq!(removed(&[]), ("2.txt".into(), 6.into(), (6 + report.len()).into()));
    assert_eq!(removed(&["--fingerprints", &path("seen")]), removed(&[]));
}

#[cfg(feature = "index")]
#[test]
fn an_interrupted_run_leaves_a_committed_index() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = dir.path().join("index");
    let mut child = Command::new(example("ingest"))
        .args(["-", "--json", "--threads", "2", "--index"])
        .arg(&index)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example");
    let mut stdin = child.stdin.take().expect("a pipe");
    let interrupt = || Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let mut written = 0;
    while stdin.write_all(line(written).as_bytes()).is_ok() {
        written += 1;
        if written == 5000 {
            assert!(interrupt().expect("kill").success());
        }
    }
    let output = child.wait_with_output().expect("the end of the example");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let told = totals(&output.stdout)["articles"].as_u64().expect("a number");
    let index = dedup::Index::open(&index).expect("a committed index");
    let mut articles = 0;
    for article in index.articles() {
        let article = article.expect("an article");
        let expected: Value = serde_json::from_str(&line(articles)).expect("a record");
        assert_eq!(article.id(), expected["id"].as_str().expect("an id"));
        let original = index.original(article.id()).expect("a text");
        assert_eq!(original.as_deref(), expected["text"].as_str());
        articles += 1;
    }
    assert!(articles > 0);
    assert_eq!(articles as u64, told);
}
