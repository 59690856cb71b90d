//! Removes repeated text from a file or a directory of articles and says what it found.
//!
//! `cargo run --release --example ingest -- --help` lists the flags.

use std::{
    collections::HashSet,
    error::Error,
    ffi::{OsStr, OsString},
    fmt::Display,
    fs::File,
    io::{self, BufReader, BufWriter, IsTerminal, Write},
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use dedup::{
    Article, Articles, Cut, Format, Limits, OnError, Options, Place, Stats, WithinArticle,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sample");

const HELP: &str = "\
Removes repeated text from articles and says where each block was first seen.

Usage: ingest [OPTIONS] [PATH…]

A PATH is a file or a directory; several are taken in the order given. What a file is, its name and
content tell, compressed or not. `-` alone is standard input. Without any PATH, the sample that comes with
the repository is used.

What is read: .txt .md .jsonl .ndjson .json, and with the features in brackets
  .csv .tsv [csv], .eml .mbox Maildir [mail], .html .htm .xhtml [html], .warc .wet [warc],
  .rss .atom and .xml with a feed [feeds], .parquet [parquet]; any of these as .gz [gzip], .zst [zstd],
  .bz2 [bzip2] or .xz [xz]; text that is not UTF-8 [encodings]. `cargo run --all-features` has them all.

Output:
  --removed OUT.jsonl   one line per removed range, with the place where it was first seen
  --repeats OUT.jsonl   one line per repeat, removed or not
  --kept OUT.jsonl      one line {id, text} per article that still has text
  --json                print the totals as one JSON object, and nothing else
  --quiet               print the totals only, not each article

What counts as a repeat:
  --min-span N          shortest repeated run, in bytes of canonical text [default: 200]
  --min-paragraph N     shortest repeated whole paragraph, likewise [default: 80]
  --near SHARE          remove paragraphs too of which this share, from 0.5 to 1, stands in an earlier one
  --cut WHAT            cut paragraphs, sentences [sentences] or spans [default: paragraph]
  --within-article WHAT remove what repeats the same article only, keep it, or remove it from N bytes on
                        [default: remove]

Input:
  --format NAME         text, jsonl, json, csv, mail, mbox, html, warc, feed or parquet [default: told]
  --text-field NAME     field or column that holds the text; dots lead inside [default: text]
  --id-field NAME       the same for the id [default: id]
  --title-field NAME    the same for the title [default: title]
  --date-field NAME     the same for the date [default: date]
  --language-field NAME the same for the language [default: language]
  --strict-encoding     bytes that cannot be decoded are errors
  --no-hidden           leave out files and directories whose names start with a dot
  --ignore-rules        leave out what .gitignore and .ignore name
  --on-error WHAT       skip what could not be read, or stop [default: skip]
  --read-buffer N       bytes read at a time [default: 1048576]
  --memory N            bytes of kept text in memory; more go to a file [default: 1073741824]

Index on disk (a build with --features index):
  --index DIR           keep the index in a directory, and take what is in it as earlier
  --against DIR         take what is in an index as earlier, and add nothing to it
  --versions WHAT       an id comes with other content: keep both, replace the older, or refuse the newer [default: keep]
  --fingerprints DIR    instead of an index with text: whole paragraphs are removed that were seen by their
                        fingerprints in a directory, and nothing says where

Limits:
  --max-article N       bytes of text [default: 1073741824]
  --max-record N        bytes of a line, a row, a mail or a file that is one article [default: 1073741824]
  --max-ratio N         bytes out of each compressed byte [default: 256]
  --max-nesting N       parts inside parts [default: 256]
  --max-window N        bytes of memory for .zst and .xz [default: 134217728]

  --threads N           worker threads [default: all]; never changes the result

  --help                print this text

The exit code is 1 if any input could not be read (the rest is still processed), 2 if the command line
makes no sense, and 130 after Ctrl-C, which ends the run with its totals; a second one ends it at once.
";

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            // A reader that has gone away has no use for the help text.
            let _ = io::stdout().write_all(HELP.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("ingest: {message}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    }) {
        report(&error);
    }
    match run(&args) {
        _ if INTERRUPTED.load(Ordering::Relaxed) => ExitCode::from(130),
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Streams every article through `dedup` and returns how many inputs could not be read.
fn run(args: &Args) -> Result<u64, Box<dyn Error>> {
    let start = Instant::now();
    let sample = [PathBuf::from(SAMPLE)];
    let paths = if args.paths.is_empty() { &sample[..] } else { &args.paths };
    let bar = bar(args);
    #[cfg(feature = "index")]
    if let Some(dir) = &args.fingerprints {
        return filter(args, dir, paths, &bar, start);
    }
    let mut articles = open(args, paths, &bar)?;
    let mut removed = JsonLines::create(args.removed.as_deref(), paths)?;
    let mut repeats = JsonLines::create(args.repeats.as_deref(), paths)?;
    let mut kept = JsonLines::create(args.kept.as_deref(), paths)?;
    let mut stdout = BufWriter::new(io::stdout().lock());

    while !INTERRUPTED.load(Ordering::Relaxed) {
        let Some(article) = articles.next() else { break };
        let article = match article {
            Ok(article) => article,
            Err(error) => {
                bar.suspend(|| report(&error));
                continue;
            }
        };
        for block in article.blocks() {
            for source in &block.sources {
                removed.write(&reference(&article, &source.range, &source.first, source.exact))?;
            }
            for change in &block.changes {
                removed.write(&reference(&article, &change.range, &change.source, false))?;
            }
        }
        for repeat in article.repeats() {
            repeats.write(&reference(&article, &repeat.range, &repeat.source, repeat.exact))?;
        }
        let text = article.text();
        if !text.trim().is_empty() {
            kept.write(&json!({ "id": article.id(), "text": text }))?;
        }
        if !args.quiet && !args.json {
            print_article(&mut stdout, &article)?;
        }
    }
    bar.finish_and_clear();
    // Here ends every run, whole or interrupted: what is to be kept is finished now.
    removed.finish()?;
    repeats.finish()?;
    kept.finish()?;
    // A stream that was exhausted has done so itself.
    #[cfg(feature = "index")]
    if args.index && INTERRUPTED.load(Ordering::Relaxed) {
        articles.checkpoint()?;
    }

    end(args, &mut stdout, &articles.stats(), start)
}

/// Prints the totals, and returns how many inputs could not be read.
fn end(
    args: &Args,
    stdout: &mut impl Write,
    stats: &Stats,
    start: Instant,
) -> Result<u64, Box<dyn Error>> {
    let seconds = start.elapsed().as_secs_f64();
    if args.json {
        writeln!(stdout, "{}", totals(stats, seconds, args.threads))?;
    } else {
        print_totals(stdout, stats, seconds, args.threads)?;
    }
    stdout.flush()?;
    Ok(stats.errors)
}

/// Opens what the command line names: paths, or standard input.
fn open(args: &Args, paths: &[PathBuf], bar: &ProgressBar) -> Result<Articles, dedup::Error> {
    let options = with_progress(args, bar);
    match paths {
        [path] if is_stdin(path) => options.reader("-", BufReader::new(io::stdin())),
        paths => options.ingest_all(paths),
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn with_progress(args: &Args, bar: &ProgressBar) -> Options {
    let mut options = args.options.clone();
    if !bar.is_hidden() {
        let bar = bar.clone();
        options.progress(move |progress| {
            bar.set_length(progress.total_bytes.unwrap_or(progress.bytes));
            bar.set_position(progress.bytes);
            bar.set_message(counted(progress.articles, "article"));
        });
    }
    options
}

/// As [`run`], by fingerprints.
#[cfg(feature = "index")]
fn filter(
    args: &Args,
    dir: &Path,
    paths: &[PathBuf],
    bar: &ProgressBar,
    start: Instant,
) -> Result<u64, Box<dyn Error>> {
    let options = with_progress(args, bar);
    let mut articles = match paths {
        [path] if is_stdin(path) => {
            let stdin = dedup::Stream::new("-", BufReader::new(io::stdin()));
            options.filter_source(dir, std::iter::once(Ok(stdin.into())))?
        }
        paths => options.filter_all(dir, paths)?,
    };
    let mut removed = JsonLines::create(args.removed.as_deref(), paths)?;
    let mut kept = JsonLines::create(args.kept.as_deref(), paths)?;
    let mut stdout = BufWriter::new(io::stdout().lock());
    while !INTERRUPTED.load(Ordering::Relaxed) {
        let Some(article) = articles.next() else { break };
        let article = match article {
            Ok(article) => article,
            Err(error) => {
                bar.suspend(|| report(&error));
                continue;
            }
        };
        let quiet = args.quiet || args.json;
        for segment in article.segments().iter().filter(|segment| segment.seen) {
            let Range { start, end } = segment.range;
            removed.write(&json!({ "doc": article.id(), "start": start, "end": end }))?;
            if !quiet {
                let words = first_words(&article.original()[start..end]);
                writeln!(stdout, "{}: {} bytes removed: {words:?}", article.id(), end - start)?;
            }
        }
        let text = article.text();
        if !text.trim().is_empty() {
            kept.write(&json!({ "id": article.id(), "text": text }))?;
        }
    }
    bar.finish_and_clear();
    removed.finish()?;
    kept.finish()?;
    if INTERRUPTED.load(Ordering::Relaxed) {
        articles.checkpoint()?;
    }
    end(args, &mut stdout, &articles.stats(), start)
}

/// A bar on the terminal, unless nobody looks or something else is printed there.
fn bar(args: &Args) -> ProgressBar {
    let free = args.quiet || args.json || !io::stdout().is_terminal();
    if !free || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(
        "{wide_bar} {bytes} of {total_bytes}, {msg}, {binary_bytes_per_sec}, {eta} to go",
    );
    ProgressBar::new(0).with_style(style.expect("BUG: the template is sound"))
}

/// One line of `--removed` or `--repeats`.
fn reference(article: &Article, range: &Range<usize>, first: &Place, exact: bool) -> Value {
    json!({
        "doc": article.id(),
        "start": range.start,
        "end": range.end,
        "first_doc": &*first.id,
        "first_start": first.range.start,
        "first_end": first.range.end,
        "exact": exact,
    })
}

fn totals(stats: &Stats, seconds: f64, threads: usize) -> Value {
    json!({
        "articles": stats.articles,
        "bytes_in": stats.bytes_in,
        "bytes_kept": stats.bytes_kept,
        "bytes_removed": stats.bytes_removed,
        "blocks": stats.blocks,
        "repeats": stats.repeats,
        "index_bytes": stats.index_bytes,
        "errors": stats.errors,
        "unchanged": stats.unchanged,
        "skipped": stats.skipped.total(),
        "reencoded": stats.reencoded,
        "replaced": stats.replaced,
        "attachments": stats.attachments,
        "seconds": seconds,
        "threads": threads,
    })
}

/// Says what was removed from an article, and where each piece of it was first seen.
fn print_article(out: &mut impl Write, article: &Article) -> io::Result<()> {
    if article.blocks().is_empty() {
        return Ok(());
    }
    let original = article.original();
    let kept = article.text().len();
    writeln!(out, "{}: {kept} bytes kept, {} removed", article.id(), original.len() - kept)?;
    for block in article.blocks() {
        let range = &block.range;
        let words = first_words(&original[range.clone()]);
        writeln!(
            out,
            "  {}, {} bytes: {words:?}",
            counted(block.paragraphs.len(), "paragraph"),
            range.len()
        )?;
        for change in &block.changes {
            writeln!(out, "    changed: {:?}", &original[change.range.clone()])?;
        }
        for source in &block.sources {
            let first = &source.first;
            let sameness = if source.exact { "" } else { ", same but for spacing or typography" };
            writeln!(
                out,
                "    first seen in {}, bytes {}..{}{sameness}",
                first.id, first.range.start, first.range.end,
            )?;
        }
    }
    Ok(())
}

fn print_totals(
    out: &mut impl Write,
    stats: &Stats,
    seconds: f64,
    threads: usize,
) -> io::Result<()> {
    write!(
        out,
        "{}, {} bytes: {} kept, {} removed in {}; {} found; index {} bytes; {seconds:.3} s on {}",
        counted(stats.articles, "article"),
        stats.bytes_in,
        stats.bytes_kept,
        stats.bytes_removed,
        counted(stats.blocks, "block"),
        counted(stats.repeats, "repeat"),
        stats.index_bytes,
        counted(threads, "thread"),
    )?;
    let skipped = &stats.skipped;
    for (count, what) in [
        (skipped.unknown, "of an unknown kind"),
        (skipped.binary, "binary"),
        (skipped.hidden, "hidden"),
        (skipped.ignored, "ignored"),
        (skipped.links, "links to directories"),
        (skipped.special, "no files"),
        (skipped.no_article, "no articles"),
    ] {
        if count > 0 {
            write!(out, "; {count} skipped: {what}")?;
        }
    }
    if stats.replaced > 0 {
        write!(out, "; {} could not be decoded", counted(stats.replaced, "sequence"))?;
    }
    match stats.errors {
        0 => writeln!(out),
        errors => writeln!(out, "; {}", counted(errors, "error")),
    }
}

/// "1 block", "2 blocks".
fn counted<N: Copy + Display + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    let plural = if n == N::from(1) { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

fn first_words(text: &str) -> String {
    let mut words: Vec<&str> = text.split_whitespace().take(9).collect();
    if words.len() == 9 {
        words[8] = "…";
    }
    words.join(" ")
}

/// Prints an error with everything that led to it.
fn report(error: &dyn Error) {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    eprintln!("ingest: {message}");
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// A file of JSON lines, or nothing if it was not asked for.
struct JsonLines<'a>(Option<(&'a Path, BufWriter<File>)>);

impl<'a> JsonLines<'a> {
    /// Creates the file, unless that would overwrite the input or make the run read its own output.
    fn create(output: Option<&'a Path>, inputs: &[PathBuf]) -> Result<JsonLines<'a>, String> {
        let Some(path) = output else { return Ok(JsonLines(None)) };
        let place = |e| cannot_write(path, &e);
        let output = resolve(path).map_err(place)?;
        for input in inputs {
            if output.starts_with(resolve(input).map_err(place)?) {
                let input = input.display();
                return Err(format!("{} lies inside the input {input}", path.display()));
            }
        }
        Ok(JsonLines(Some((path, BufWriter::new(File::create(path).map_err(place)?)))))
    }

    fn write(&mut self, value: &Value) -> Result<(), String> {
        match &mut self.0 {
            Some((path, file)) => writeln!(file, "{value}").map_err(|e| cannot_write(path, &e)),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<(), String> {
        match self.0 {
            Some((path, mut file)) => file.flush().map_err(|e| cannot_write(path, &e)),
            None => Ok(()),
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

/// The canonical path of a file that need not exist yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().or_else(|_| {
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        Ok(folder.canonicalize()?.join(path.file_name().unwrap_or_default()))
    })
}

/// The command line.
struct Args {
    paths: Vec<PathBuf>,
    removed: Option<PathBuf>,
    repeats: Option<PathBuf>,
    kept: Option<PathBuf>,
    json: bool,
    quiet: bool,
    threads: usize,
    /// Whether what was seen is kept on disk.
    #[cfg(feature = "index")]
    index: bool,
    /// Where fingerprints are kept, if they are to decide.
    #[cfg(feature = "index")]
    fingerprints: Option<PathBuf>,
    options: Options,
}

impl Args {
    /// Reads the command line; `None` means that only help was asked for.
    fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Option<Args>, String> {
        let mut args = Args {
            paths: Vec::new(),
            removed: None,
            repeats: None,
            kept: None,
            json: false,
            quiet: false,
            threads: thread::available_parallelism().map_or(1, usize::from),
            #[cfg(feature = "index")]
            index: false,
            #[cfg(feature = "index")]
            fingerprints: None,
            options: Options::new(),
        };
        let mut limits = Limits::new();
        let mut given = HashSet::new();
        while let Some(word) = words.next() {
            let flag = match word.to_str() {
                Some(flag) if flag.starts_with('-') && flag != "-" => flag,
                _ => {
                    args.paths.push(word.into());
                    continue;
                }
            };
            if !given.insert(flag.to_owned()) {
                return Err(format!("{flag} is given twice"));
            }
            let mut value = || words.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag {
                "--removed" => args.removed = Some(value()?.into()),
                "--repeats" => args.repeats = Some(value()?.into()),
                "--kept" => args.kept = Some(value()?.into()),
                "--json" => args.json = true,
                "--quiet" => args.quiet = true,
                "--min-span" => _ = args.options.min_span(parsed(flag, &value()?)?),
                "--min-paragraph" => _ = args.options.min_paragraph(parsed(flag, &value()?)?),
                "--near" => _ = args.options.near(parsed(flag, &value()?)?),
                "--cut" => _ = args.options.cut(named(flag, &value()?, &CUTS)?),
                "--within-article" => {
                    args.options.within_article(within_article(flag, &value()?)?);
                }
                #[cfg(feature = "index")]
                "--against" => _ = args.options.against(value()?),
                #[cfg(feature = "index")]
                "--index" => {
                    args.options.index(value()?);
                    args.index = true;
                }
                #[cfg(feature = "index")]
                "--versions" => {
                    args.options.versions(match value()?.to_str() {
                        Some("keep") => dedup::Versions::Keep,
                        Some("replace") => dedup::Versions::Replace,
                        Some("refuse") => dedup::Versions::Refuse,
                        _ => return Err(format!("{flag} is keep, replace or refuse")),
                    });
                }
                #[cfg(feature = "index")]
                "--fingerprints" => args.fingerprints = Some(value()?.into()),
                #[cfg(not(feature = "index"))]
                "--index" | "--versions" | "--against" | "--fingerprints" => {
                    return Err(format!("{flag} needs a build with --features index"));
                }
                "--threads" => {
                    args.threads = parsed(flag, &value()?)?;
                    args.options.threads(args.threads);
                }
                "--text-field" => _ = args.options.text_field(parsed::<String>(flag, &value()?)?),
                "--id-field" => _ = args.options.id_field(parsed::<String>(flag, &value()?)?),
                "--title-field" => _ = args.options.title_field(parsed::<String>(flag, &value()?)?),
                "--date-field" => _ = args.options.date_field(parsed::<String>(flag, &value()?)?),
                "--language-field" => {
                    args.options.language_field(parsed::<String>(flag, &value()?)?);
                }
                "--format" => _ = args.options.format(named(flag, &value()?, &FORMATS)?),
                "--on-error" => _ = args.options.on_error(named(flag, &value()?, &POLICIES)?),
                "--strict-encoding" => _ = args.options.strict_encoding(true),
                "--no-hidden" => _ = args.options.hidden(false),
                "--ignore-rules" => _ = args.options.ignore_rules(true),
                "--max-article" => limits = limits.article(parsed(flag, &value()?)?),
                "--max-record" => limits = limits.record(parsed(flag, &value()?)?),
                "--max-ratio" => limits = limits.decompression_ratio(parsed(flag, &value()?)?),
                "--max-nesting" => limits = limits.nesting(parsed(flag, &value()?)?),
                "--max-window" => limits = limits.window(parsed(flag, &value()?)?),
                "--memory" => _ = args.options.memory(parsed(flag, &value()?)?),
                "--read-buffer" => _ = args.options.read_buffer(parsed(flag, &value()?)?),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("there is no flag {flag}")),
            }
        }
        if args.paths.len() > 1 && args.paths.iter().any(|path| is_stdin(path)) {
            return Err("- stands alone: standard input is no part of other paths".to_owned());
        }
        #[cfg(feature = "index")]
        if args.fingerprints.is_some() && args.repeats.is_some() {
            return Err("--repeats: fingerprints do not say where a text stood".to_owned());
        }
        args.options.limits(limits);
        Ok(Some(args))
    }
}

const FORMATS: [(&str, Format); 10] = [
    ("text", Format::Text),
    ("jsonl", Format::JsonLines),
    ("json", Format::Json),
    ("csv", Format::Csv),
    ("mail", Format::Mail),
    ("mbox", Format::Mbox),
    ("html", Format::Html),
    ("warc", Format::Warc),
    ("feed", Format::Feed),
    ("parquet", Format::Parquet),
];

const CUTS: [(&str, Cut); 3] =
    [("paragraph", Cut::Paragraph), ("sentence", Cut::Sentence), ("span", Cut::Span)];

const POLICIES: [(&str, OnError); 2] = [("skip", OnError::Skip), ("stop", OnError::Stop)];

/// The value of `--within-article`.
fn within_article(flag: &str, value: &OsStr) -> Result<WithinArticle, String> {
    match value.to_str() {
        Some("remove") => Ok(WithinArticle::Remove),
        Some("keep") => Ok(WithinArticle::Keep),
        _ => parsed(flag, value).map(WithinArticle::RemoveFrom),
    }
}

/// The value of a flag, as one of some names.
fn named<T: Copy>(flag: &str, value: &OsStr, names: &[(&str, T)]) -> Result<T, String> {
    names
        .iter()
        .find(|(name, _)| value == *name)
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| format!("{flag} cannot be {}", value.display()))
}

/// The value of a flag, as a number or as text.
fn parsed<T: FromStr>(flag: &str, value: &OsStr) -> Result<T, String> {
    value
        .to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("{flag} cannot be {}", value.display()))
}
