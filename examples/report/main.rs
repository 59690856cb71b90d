//! Writes one HTML page about what repeats in a file or a directory of articles.
//!
//! `cargo run --release --example report -- --help` lists the flags. The page loads nothing and
//! runs no script. It has a bounded size, and so has what is held for it, four bytes for each
//! article aside, and with `--near` a temporary file with their texts and eight bytes more.

mod blocks;
#[path = "../command/mod.rs"]
mod command;
mod near;
mod page;
mod plots;
mod sources;
mod svg;
mod text;

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use blocks::Blocks;
use command::{Command, cannot_write, counted, explained, is_stdin};
use dedup::Article;
use indicatif::ProgressBar;
use near::NearCopies;
use plots::Plots;
use sources::Sources;

const HELP: &str = "\
Writes one HTML page about what repeats in articles: how much, where, and what.

Usage: report [OPTIONS] [PATH…]
";

const HELP_OUTPUT: &str = "\
Output:
  --output FILE         the page; `-` is standard output [default: report.html]
";

const HELP_END: &str = "\
The exit code is 1 if any input could not be read (the page is still written, unless a PATH is not there at all), and 2 if
the command line makes no sense.
";

/// Errors that the page has in words.
const PROBLEMS: usize = 20;

fn main() -> ExitCode {
    let mut output = PathBuf::from("report.html");
    let mut near = false;
    let command = Command::parse(std::env::args_os().skip(1), |flag, value, _| {
        // A setting too.
        near |= flag == "--near";
        if flag == "--output" {
            output = value()?.into();
        }
        Ok(flag == "--output")
    });
    let command = command.and_then(|command| {
        if let Some(command) = &command
            && !is_stdin(&output)
        {
            command.check_output(&output)?;
        }
        Ok(command)
    });
    match command::asked("report", [HELP, HELP_OUTPUT, HELP_END], command) {
        Ok(command) => command::exit_code("report", run(&command, &output, near)),
        Err(code) => code,
    }
}

/// Ingests, writes the page, and returns how many inputs could not be read.
fn run(command: &Command, output: &Path, near: bool) -> Result<u64, Box<dyn Error>> {
    let bar = if io::stderr().is_terminal() { command::bar() } else { ProgressBar::hidden() };
    let mut report = Report::new(&command.paths, near)?;
    let mut articles = command.open(&bar)?;
    for article in &mut articles {
        match article {
            Ok(article) => report.add(&article)?,
            Err(error) => {
                let message = explained(&error);
                bar.suspend(|| eprintln!("report: {message}"));
                report.problem(&message);
            }
        }
    }
    bar.finish_and_clear();

    let stats = articles.stats();
    let paths: Vec<String> = command.paths.iter().map(|path| path.display().to_string()).collect();
    let page = page::render(&report, &stats, &paths)?;
    if is_stdin(output) {
        io::stdout().write_all(page.as_bytes())?;
    } else {
        fs::write(output, page).map_err(|error| cannot_write(output, &error))?;
        let articles = counted(stats.articles, "article");
        // A reader that has gone away has no use for the totals.
        let _ = writeln!(
            io::stdout(),
            "{}: {articles}, {} bytes, {} of them removed in {}",
            output.display(),
            stats.bytes_in,
            stats.bytes_removed,
            counted(stats.blocks, "block")
        );
    }
    Ok(stats.errors)
}

/// What is gathered while the articles stream by.
struct Report {
    sources: Sources,
    blocks: Blocks,
    plots: Plots,
    /// If near copies are looked for.
    near: Option<NearCopies>,
    problems: Vec<String>,
}

impl Report {
    fn new(paths: &[PathBuf], near: bool) -> io::Result<Self> {
        Ok(Self {
            sources: Sources::new(paths.to_vec()),
            blocks: Blocks::default(),
            plots: Plots::default(),
            near: if near { Some(NearCopies::new()?) } else { None },
            problems: Vec::new(),
        })
    }

    fn add(&mut self, article: &Article) -> io::Result<()> {
        self.sources.add(article);
        self.blocks.add(article);
        self.plots.add(article);
        self.near.as_mut().map_or(Ok(()), |near| near.add(article))
    }

    fn problem(&mut self, message: &str) {
        if self.problems.len() < PROBLEMS {
            self.problems.push(text::paragraphs(message));
        }
    }
}
