//! What the command lines of `ingest` and `report` have in common: paths, a flag for each setting of
//! [`Options`], and a bar on the terminal.

use std::{
    collections::HashSet,
    error::Error,
    ffi::{OsStr, OsString},
    fmt::Display,
    io::{self, BufReader, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
    thread,
};

use dedup::{Articles, Limits, Options};
use indicatif::{ProgressBar, ProgressStyle};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sample");

/// The part of the help text about paths.
const HELP_PATHS: &str = "\
A PATH is a file or a directory; several are taken in the order given. What a file is, its name and
content tell, compressed or not. `-` alone is standard input. Without any PATH, the sample that comes with
the repository is used. A flag and its value may be one word: --near=0.8.

What is read: .txt .md .jsonl .ndjson .json, and with the features in brackets
  .csv .tsv [csv], .eml .mbox Maildir [mail], .html .htm .xhtml [html], .warc .wet [warc],
  .rss .atom and .xml with a feed [feeds], .parquet [parquet]; any of these as .gz [gzip], .zst [zstd],
  .bz2 [bzip2] or .xz [xz]; text that is not UTF-8 [encodings]. `cargo run --all-features` has them all.
";

/// The part about flags.
const HELP_SETTINGS: &str = "\
What counts as a repeat:
  --min-span N          shortest repeated run, in bytes of canonical text [default: 200]
  --min-paragraph N     shortest repeated whole paragraph, likewise [default: 80]
  --near SHARE          remove paragraphs too of which this share, from 0.5 to 1, stands in an earlier one
  --cut WHAT            cut by paragraph, sentence [sentences] or span [default: paragraph]
  --within-article WHAT remove what repeats the same article only, keep it, or remove it from N bytes on
                        [default: remove]
  --against DIR         take what is in an index as earlier, and add nothing to it [index]

Input:
  --format NAME         text, jsonl, json, csv, tsv, mail, mbox, html, warc, feed or parquet [default: told]
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

Limits:
  --max-article N       bytes of text [default: 1073741824]
  --max-record N        bytes of a line, a row, a mail or a file that is one article [default: 1073741824]
  --max-ratio N         bytes out of each compressed byte [default: 256]
  --max-nesting N       parts inside parts [default: 256]
  --max-window N        bytes of memory for .zst and .xz [default: 134217728]

  --threads N           worker threads [default: all]; never changes the result
  --help                print this text
";

/// Paths and settings.
pub(crate) struct Command {
    /// Never empty.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) options: Options,
    pub(crate) threads: usize,
}

/// Gives the value that follows a flag.
pub(crate) type Values<'a> = dyn FnMut() -> Result<OsString, String> + 'a;

impl Command {
    /// Reads the command line; `None` means that only help was asked for.
    ///
    /// `own` is asked about each flag first, and says whether it is one of this program alone.
    pub(crate) fn parse(
        mut words: impl Iterator<Item = OsString>,
        mut own: impl FnMut(&str, &mut Values<'_>, &mut Options) -> Result<bool, String>,
    ) -> Result<Option<Self>, String> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut command = Self { paths: Vec::new(), options: Options::new(), threads };
        let mut limits = Limits::new();
        let mut given = HashSet::new();
        while let Some(word) = words.next() {
            let flag = match word.to_str() {
                Some(flag) if flag.starts_with('-') && flag != "-" => flag,
                _ => {
                    command.paths.push(word.into());
                    continue;
                }
            };
            let (flag, mut attached) = match flag.split_once('=') {
                Some((flag, value)) => (flag, Some(OsString::from(value))),
                None => (flag, None),
            };
            if !given.insert(flag.to_owned()) {
                return Err(format!("{flag} is given twice"));
            }
            if matches!(flag, "--help" | "-h") {
                return Ok(None);
            }
            let mut value = || {
                let value = attached.take().or_else(|| words.next());
                value.ok_or_else(|| format!("{flag} needs a value"))
            };
            if !own(flag, &mut value, &mut command.options)?
                && !take_limit(&mut limits, flag, &mut value)?
                && !command.take(flag, &mut value)?
            {
                return Err(format!("there is no flag {flag}"));
            }
            if attached.is_some() {
                return Err(format!("{flag} takes no value"));
            }
        }
        if command.paths.len() > 1 && command.paths.iter().any(|path| is_stdin(path)) {
            return Err("- stands alone: standard input is no part of other paths".to_owned());
        }
        if command.paths.is_empty() {
            command.paths.push(SAMPLE.into());
        }
        command.options.limits(limits);
        Ok(Some(command))
    }

    /// Takes a setting, if the flag is one.
    fn take(&mut self, flag: &str, value: &mut Values<'_>) -> Result<bool, String> {
        let options = &mut self.options;
        match flag {
            "--min-span" => options.min_span(parsed(flag, &value()?)?),
            "--min-paragraph" => options.min_paragraph(parsed(flag, &value()?)?),
            "--near" => options.near(parsed(flag, &value()?)?),
            "--cut" => options.cut(parsed(flag, &value()?)?),
            "--within-article" => options.within_article(parsed(flag, &value()?)?),
            #[cfg(feature = "index")]
            "--against" => options.against(value()?),
            #[cfg(not(feature = "index"))]
            "--against" => return Err(format!("{flag} needs a build with --features index")),
            "--threads" => {
                self.threads = parsed(flag, &value()?)?;
                options.threads(self.threads)
            }
            "--text-field" => options.text_field(parsed::<String>(flag, &value()?)?),
            "--id-field" => options.id_field(parsed::<String>(flag, &value()?)?),
            "--title-field" => options.title_field(parsed::<String>(flag, &value()?)?),
            "--date-field" => options.date_field(parsed::<String>(flag, &value()?)?),
            "--language-field" => options.language_field(parsed::<String>(flag, &value()?)?),
            "--format" => options.format(parsed(flag, &value()?)?),
            "--on-error" => options.on_error(parsed(flag, &value()?)?),
            "--strict-encoding" => options.strict_encoding(true),
            "--no-hidden" => options.hidden(false),
            "--ignore-rules" => options.ignore_rules(true),
            "--memory" => options.memory(parsed(flag, &value()?)?),
            "--read-buffer" => options.read_buffer(parsed(flag, &value()?)?),
            _ => return Ok(false),
        };
        Ok(true)
    }

    /// Opens what the command line names: paths, or standard input.
    pub(crate) fn open(&self, bar: &ProgressBar) -> Result<Articles, dedup::Error> {
        let options = self.with_progress(bar);
        match &self.paths[..] {
            [path] if is_stdin(path) => options.reader("-", BufReader::new(io::stdin())),
            paths => options.ingest_all(paths),
        }
    }

    /// The options, with calls to a bar that can be seen.
    pub(crate) fn with_progress(&self, bar: &ProgressBar) -> Options {
        let mut options = self.options.clone();
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

    /// Refuses an output that would overwrite the input, or be read by the run that writes it;
    /// returns where it lies, by whatever name.
    pub(crate) fn check_output(&self, path: &Path) -> Result<PathBuf, String> {
        let output = resolve(path).map_err(|e| cannot_write(path, &e))?;
        for input in self.paths.iter().filter(|path| !is_stdin(path)) {
            // What is not there holds nothing, and is an error of its own.
            if resolve(input).is_ok_and(|input| output.starts_with(input)) {
                let input = input.display();
                return Err(format!("{} lies inside the input {input}", path.display()));
            }
        }
        Ok(output)
    }
}

/// Takes a limit, if the flag is one.
fn take_limit(limits: &mut Limits, flag: &str, value: &mut Values<'_>) -> Result<bool, String> {
    *limits = match flag {
        "--max-article" => limits.article(parsed(flag, &value()?)?),
        "--max-record" => limits.record(parsed(flag, &value()?)?),
        "--max-ratio" => limits.decompression_ratio(parsed(flag, &value()?)?),
        "--max-nesting" => limits.nesting(parsed(flag, &value()?)?),
        "--max-window" => limits.window(parsed(flag, &value()?)?),
        _ => return Ok(false),
    };
    Ok(true)
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A bar on standard error.
pub(crate) fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{wide_bar} {bytes} of {total_bytes}, {msg}, {binary_bytes_per_sec}, {eta} to go",
    );
    ProgressBar::new(0).with_style(style.expect("BUG: the template is sound"))
}

/// "1 block", "2 blocks".
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    let plural = if n == N::from(1) { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// An error with everything that led to it.
pub(crate) fn explained(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

/// Whether nobody reads what is printed any more.
pub(crate) fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// What a command line asks of a program, or with which code that ends after it has printed the parts of
/// its help, or what is wrong.
pub(crate) fn asked<T>(
    program: &str,
    help: [&str; 3],
    parsed: Result<Option<T>, String>,
) -> Result<T, ExitCode> {
    match parsed {
        Ok(Some(asked)) => Ok(asked),
        Ok(None) => {
            let [what, output, end] = help;
            let help = [what, HELP_PATHS, output, HELP_SETTINGS, end];
            // A reader that has gone away has no use for the help text.
            let _ = io::stdout().write_all(help.join("\n").as_bytes());
            Err(ExitCode::SUCCESS)
        }
        Err(message) => {
            eprintln!("{program}: {message}\nTry --help.");
            Err(ExitCode::from(2))
        }
    }
}

/// With which code a program ends, given how many inputs could not be read, or what ended it.
pub(crate) fn exit_code(program: &str, done: Result<u64, Box<dyn Error>>) -> ExitCode {
    match done {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {}", explained(error.as_ref()));
            let senseless = matches!(error.downcast_ref(), Some(dedup::Error::Option { .. }));
            if senseless { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> String {
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

/// The value of a flag, as a number, a word or text.
pub(crate) fn parsed<T: FromStr<Err: Display>>(flag: &str, value: &OsStr) -> Result<T, String> {
    let cannot = || format!("{flag} cannot be {}", value.display());
    let text = value.to_str().ok_or_else(cannot)?;
    text.parse().map_err(|error| format!("{}: {error}", cannot()))
}
