//! Removes repeated text from a file or a directory of articles and says what it found.
//!
//! `cargo run --release --example ingest -- --help` lists the flags.

mod command;

use std::{
    error::Error,
    ffi::OsString,
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use command::{Command, Values, cannot_write, counted, explained, is_broken_pipe};
use dedup::{Article, Options, Place, Stats};
use indicatif::ProgressBar;
use serde_json::{Value, json};

const HELP: &str = "\
Removes repeated text from articles and says where each block was first seen.

Usage: ingest [OPTIONS] [PATH…]
";

const HELP_OUTPUT: &str = "\
Output:
  --removed OUT.jsonl   one line per removed range, in bytes of the original and without the line breaks and quote marks
                        before it that go with it, with the place where it was first seen, which of text that repeats
                        itself is one period and so shorter; with --near also one per change, marked so, with what
                        stands there instead
  --repeats OUT.jsonl   one line per repeat, removed or not
  --kept OUT.jsonl      one line {id, text} per article that still has text
  --json                print the totals as one JSON object, and nothing else
  --quiet               print the totals only, not each article

Index on disk (a build with --features index):
  --index DIR           keep the index in a directory, and take what is in it as earlier
  --versions WHAT       an id comes with other content: keep both, replace the older, or refuse the newer [default: keep]
  --fingerprints DIR    instead of an index with text: whole paragraphs are removed that were seen by their
                        fingerprints in a directory, and nothing says where
";

const HELP_END: &str = "\
The exit code is 1 if any input could not be read (the rest is still processed, unless a PATH is not there at
all), 2 if the command line makes no sense, and 130 after Ctrl-C, which ends the run with its totals; a second
one ends it at once. If nobody reads what is printed any more, the run ends, unless it has something else to write.
";

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let args = Args::parse(std::env::args_os().skip(1));
    let args = match command::asked("ingest", [HELP, HELP_OUTPUT, HELP_END], args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    if let Err(error) = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    }) {
        complain(&error);
    }
    let done = run(&args);
    if INTERRUPTED.load(Ordering::Relaxed) {
        return ExitCode::from(130);
    }
    command::exit_code("ingest", done)
}

/// Streams every article through `dedup` and returns how many inputs could not be read.
fn run(args: &Args) -> Result<u64, Box<dyn Error>> {
    let start = Instant::now();
    let bar = &bar(args);
    #[cfg(feature = "index")]
    if let Some(dir) = &args.flags.fingerprints {
        return filter(args, dir, bar, start);
    }
    let mut articles = args.command.open(bar)?;
    let mut removed = JsonLines::create(args.flags.removed.as_deref())?;
    let mut repeats = JsonLines::create(args.flags.repeats.as_deref())?;
    let mut kept = JsonLines::create(args.flags.kept.as_deref())?;
    let mut stdout = BufWriter::new(io::stdout().lock());
    let mut printing = !args.flags.quiet && !args.flags.json;

    while let Some(article) = next(&mut articles, bar) {
        for block in article.blocks() {
            for source in &block.sources {
                removed
                    .write(|| reference(&article, &source.range, &source.first, source.exact))?;
            }
            for change in &block.changes {
                removed.write(|| {
                    let mut line = reference(&article, &change.range, &change.source, false);
                    line["change"] = true.into();
                    line
                })?;
            }
        }
        for repeat in article.repeats() {
            repeats.write(|| reference(&article, &repeat.range, &repeat.source, repeat.exact))?;
        }
        if kept.is_wanted() {
            keep(&mut kept, article.id(), &article.text())?;
        }
        if printing {
            printing = args.flags.goes_on_printing(print_article(&mut stdout, &article))?;
        }
    }
    bar.finish_and_clear();
    // Here ends every run, whole or interrupted: what is to be kept is finished now.
    removed.finish()?;
    repeats.finish()?;
    kept.finish()?;
    // A stream that was exhausted has done so itself.
    #[cfg(feature = "index")]
    if args.flags.index && INTERRUPTED.load(Ordering::Relaxed) {
        articles.checkpoint()?;
    }

    end(args, &mut stdout, &articles.stats(), start)
}

/// The next article, until the end or an interrupt; complains of what is none.
fn next<A>(
    articles: &mut impl Iterator<Item = Result<A, dedup::Error>>,
    bar: &ProgressBar,
) -> Option<A> {
    while !INTERRUPTED.load(Ordering::Relaxed) {
        match articles.next()? {
            Ok(article) => return Some(article),
            Err(error) => bar.suspend(|| complain(&error)),
        }
    }
    None
}

/// Prints the totals, and returns how many inputs could not be read.
fn end(
    args: &Args,
    stdout: &mut impl Write,
    stats: &Stats,
    start: Instant,
) -> Result<u64, Box<dyn Error>> {
    let seconds = start.elapsed().as_secs_f64();
    if args.flags.json {
        writeln!(stdout, "{}", totals(stats, seconds, args.command.threads))?;
    } else {
        print_totals(stdout, stats, seconds, args.command.threads)?;
    }
    stdout.flush()?;
    Ok(stats.errors)
}

/// As [`run`], by fingerprints.
#[cfg(feature = "index")]
fn filter(
    args: &Args,
    dir: &Path,
    bar: &ProgressBar,
    start: Instant,
) -> Result<u64, Box<dyn Error>> {
    let options = args.command.with_progress(bar);
    let mut articles = match &args.command.paths[..] {
        [path] if command::is_stdin(path) => {
            let stdin = dedup::Stream::new("-", io::BufReader::new(io::stdin()));
            options.filter_source(dir, std::iter::once(Ok(stdin.into())))?
        }
        paths => options.filter_all(dir, paths)?,
    };
    let mut removed = JsonLines::create(args.flags.removed.as_deref())?;
    let mut kept = JsonLines::create(args.flags.kept.as_deref())?;
    let mut stdout = BufWriter::new(io::stdout().lock());
    let mut printing = !args.flags.quiet && !args.flags.json;
    while let Some(article) = next(&mut articles, bar) {
        for segment in article.segments().iter().filter(|segment| segment.seen) {
            let Range { start, end } = without_breaks(&segment.range, article.paragraphs());
            removed.write(|| json!({ "doc": article.id(), "start": start, "end": end }))?;
            if printing {
                let (id, len) = (article.id(), segment.range.len());
                let words = first_words(&article.original()[start..end]);
                let printed = writeln!(stdout, "{id}: {len} bytes removed: {words:?}");
                printing = args.flags.goes_on_printing(printed)?;
            }
        }
        if kept.is_wanted() {
            keep(&mut kept, article.id(), &article.text())?;
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

/// The paragraphs of a removed range, without the line breaks that went with them.
#[cfg(feature = "index")]
fn without_breaks(removed: &Range<usize>, paragraphs: &[Range<usize>]) -> Range<usize> {
    let first = paragraphs.partition_point(|paragraph| paragraph.start < removed.start);
    let behind = paragraphs.partition_point(|paragraph| paragraph.end <= removed.end);
    paragraphs[first].start..paragraphs[behind - 1].end
}

/// A bar on the terminal, unless nobody looks or something else is printed there.
fn bar(args: &Args) -> ProgressBar {
    let free = args.flags.quiet || args.flags.json || !io::stdout().is_terminal();
    if !free || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    command::bar()
}

/// Writes a line of `--kept`, if there is text left.
fn keep(kept: &mut JsonLines<'_>, id: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Ok(());
    }
    kept.write(|| json!({ "id": id, "text": text }))
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
            let sameness = if source.exact { "" } else { ", not byte for byte" };
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
        (skipped.indexes, "indexes of its own"),
        (skipped.special, "no files"),
        (skipped.no_article, "no articles"),
    ] {
        if count > 0 {
            write!(out, "; {count} skipped: {what}")?;
        }
    }
    if stats.unchanged > 0 {
        write!(out, "; {} in the index already", counted(stats.unchanged, "article"))?;
    }
    if stats.replaced > 0 {
        write!(out, "; {} could not be decoded", counted(stats.replaced, "sequence"))?;
    }
    match stats.errors {
        0 => writeln!(out),
        errors => writeln!(out, "; {}", counted(errors, "error")),
    }
}

fn first_words(text: &str) -> String {
    let mut words: Vec<&str> = text.split_whitespace().take(9).collect();
    if words.len() == 9 {
        words[8] = "…";
    }
    words.join(" ")
}

fn complain(error: &dyn Error) {
    eprintln!("ingest: {}", explained(error));
}

/// A file of JSON lines, or nothing if it was not asked for.
struct JsonLines<'a>(Option<(&'a Path, BufWriter<File>)>);

impl<'a> JsonLines<'a> {
    fn create(output: Option<&'a Path>) -> Result<JsonLines<'a>, String> {
        let Some(path) = output else { return Ok(JsonLines(None)) };
        let file = File::create(path).map_err(|e| cannot_write(path, &e))?;
        Ok(JsonLines(Some((path, BufWriter::new(file)))))
    }

    fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Writes a line; it is not made up if nobody wants it.
    fn write(&mut self, line: impl FnOnce() -> Value) -> Result<(), String> {
        match &mut self.0 {
            Some((path, file)) => writeln!(file, "{}", line()).map_err(|e| cannot_write(path, &e)),
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

/// The flags of this program alone.
#[derive(Default)]
struct Flags {
    removed: Option<PathBuf>,
    repeats: Option<PathBuf>,
    kept: Option<PathBuf>,
    json: bool,
    quiet: bool,
    /// Whether what was seen is kept on disk.
    #[cfg(feature = "index")]
    index: bool,
    /// Where fingerprints are kept, if they are to decide.
    #[cfg(feature = "index")]
    fingerprints: Option<PathBuf>,
}

/// The command line.
struct Args {
    command: Command,
    flags: Flags,
}

impl Args {
    /// Reads the command line; `None` means that only help was asked for.
    fn parse(words: impl Iterator<Item = OsString>) -> Result<Option<Args>, String> {
        let mut flags = Flags::default();
        let command =
            Command::parse(words, |flag, value, options| flags.take(flag, value, options))?;
        #[cfg(feature = "index")]
        if flags.fingerprints.is_some() && flags.repeats.is_some() {
            return Err("--repeats: fingerprints do not say where a text stood".to_owned());
        }
        if let Some(command) = &command {
            flags.check_outputs(command)?;
        }
        Ok(command.map(|command| Args { command, flags }))
    }
}

impl Flags {
    fn outputs(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let outputs =
            [("--removed", &self.removed), ("--repeats", &self.repeats), ("--kept", &self.kept)];
        outputs.into_iter().filter_map(|(flag, path)| Some((flag, path.as_deref()?)))
    }

    /// Whether the run has something to write beside what it prints.
    fn writes(&self) -> bool {
        #[cfg(feature = "index")]
        let index = self.index || self.fingerprints.is_some();
        #[cfg(not(feature = "index"))]
        let index = false;
        index || self.outputs().next().is_some()
    }

    /// Whether to print on: not if nobody reads it, and that is an error only to a run that has
    /// nothing else to write.
    fn goes_on_printing(&self, printed: io::Result<()>) -> io::Result<bool> {
        match printed {
            Err(error) if is_broken_pipe(&error) && self.writes() => Ok(false),
            printed => printed.map(|()| true),
        }
    }

    /// No output may overwrite the input or another one, or make the run read what it writes.
    fn check_outputs(&self, command: &Command) -> Result<(), String> {
        let mut before: Vec<(&str, PathBuf)> = Vec::new();
        for (flag, path) in self.outputs() {
            let place = command.check_output(path)?;
            if let Some((other, _)) = before.iter().find(|(_, other)| *other == place) {
                return Err(format!("{flag} and {other} are one file: {}", path.display()));
            }
            before.push((flag, place));
        }
        Ok(())
    }

    /// Takes a flag that is this program's own.
    fn take(
        &mut self,
        flag: &str,
        value: &mut Values<'_>,
        options: &mut Options,
    ) -> Result<bool, String> {
        match flag {
            "--removed" => self.removed = Some(value()?.into()),
            "--repeats" => self.repeats = Some(value()?.into()),
            "--kept" => self.kept = Some(value()?.into()),
            "--json" => self.json = true,
            "--quiet" => self.quiet = true,
            #[cfg(feature = "index")]
            "--index" => {
                options.index(value()?);
                self.index = true;
            }
            #[cfg(feature = "index")]
            "--versions" => {
                options.versions(command::parsed(flag, &value()?)?);
            }
            #[cfg(feature = "index")]
            "--fingerprints" => self.fingerprints = Some(value()?.into()),
            #[cfg(not(feature = "index"))]
            "--index" | "--versions" | "--fingerprints" => {
                let _ = options;
                return Err(format!("{flag} needs a build with --features index"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
