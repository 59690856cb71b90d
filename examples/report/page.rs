//! The page: what is shown of the data, and in what form.

use dedup::Stats;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior, context};

use crate::blocks::{Blocks, Removed, Spot};
use crate::near::Pair;
use crate::sources::{Source, Sources};
use crate::{Report, svg, text};

/// Sources with a row of their own.
const SOURCES: usize = 40;

/// The page of a report.
///
/// # Errors
///
/// If the template is at fault.
pub(crate) fn render(
    report: &Report,
    stats: &Stats,
    paths: &[String],
) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Lines of tags alone leave no lines.
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_filter("count", count);
    environment.add_filter("size", size);
    // The name tells that what is put in must be escaped.
    environment.add_template("page.html", include_str!("page.html"))?;
    let names: Vec<String> = paths.iter().map(|path| text::name(path)).collect();
    environment.get_template("page.html")?.render(context! {
        names,
        totals => totals(stats),
        share => share(stats.bytes_removed, stats.bytes_in),
        removed => stats.bytes_removed,
        bytes => stats.bytes_in,
        articles => stats.articles,
        block_count => stats.blocks,
        grid => report.plots.grid().map(|grid| context! {
            svg => safe(svg::grid(grid)),
            per_cell => grid.here.per_cell.max(grid.there.per_cell),
            most => grid.most(),
        }),
        doubled => report.plots.doubled().map(|doubled| context! {
            svg => safe(svg::doubled(doubled)),
            id => &doubled.id,
            bytes => doubled.bytes,
        }),
        sources => sources(&report.sources),
        classes => classes(&report.blocks),
        largest => blocks(&report.blocks.largest()),
        frequent => blocks(&report.blocks.frequent()),
        missed => report.blocks.missed(),
        near => report.near.as_ref().map(|near| near.longest().iter().map(pair).collect::<Vec<_>>()),
        problems => &report.problems,
        errors => stats.errors,
    })
}

/// Names and numbers of what [`Stats`] has; those after the first six only if they are not zero.
fn totals(stats: &Stats) -> Vec<Value> {
    let skipped = &stats.skipped;
    let always = [
        ("Articles", stats.articles),
        ("Bytes read", stats.bytes_in),
        ("Bytes kept", stats.bytes_kept),
        ("Bytes removed", stats.bytes_removed),
        ("Blocks removed", stats.blocks),
        ("Repeats found", stats.repeats),
    ];
    let some = [
        ("Errors", stats.errors),
        ("Unchanged articles", stats.unchanged),
        ("Skipped: unknown kind", skipped.unknown),
        ("Skipped: binary", skipped.binary),
        ("Skipped: hidden", skipped.hidden),
        ("Skipped: ignored", skipped.ignored),
        ("Skipped: links to directories", skipped.links),
        ("Skipped: indexes of its own", skipped.indexes),
        ("Skipped: no files", skipped.special),
        ("Skipped: no articles", skipped.no_article),
        ("Articles not in UTF-8", stats.reencoded),
        ("Undecodable sequences", stats.replaced),
        ("Attachments left out", stats.attachments),
    ];
    let some = some.into_iter().filter(|(_, number)| *number > 0);
    let row = |(name, number): (&str, u64)| context! { name, number };
    always.into_iter().chain(some).map(row).collect()
}

fn sources(sources: &Sources) -> Value {
    let (rows, rest) = sources.most_removed(SOURCES);
    let row = |source: &Source| {
        let parts = [("removed", source.removed)];
        context! {
            name => text::name(&source.name),
            articles => source.articles,
            bytes => source.bytes,
            removed => source.removed,
            share => share(source.removed, source.bytes),
            bar => safe(svg::bar(&parts, source.bytes)),
            within => context! { count => source.within.count, bytes => source.within.bytes },
            against => context! { count => source.against.count, bytes => source.against.bytes },
        }
    };
    let rest = rest.map(|(more, sum)| context! { more, row => row(&sum) });
    context! { rows => rows.into_iter().map(row).collect::<Vec<_>>(), rest }
}

fn classes(blocks: &Blocks) -> Vec<Value> {
    let most = blocks.classes().iter().map(|class| class.blocks).max().unwrap_or_default();
    let row = |class: &crate::blocks::Class| {
        context! {
            from => class.from,
            to => class.from * 2 - 1,
            blocks => class.blocks,
            bytes => class.bytes,
            bar => safe(svg::bar(&[("removed", class.blocks)], most)),
        }
    };
    blocks.classes().iter().map(row).collect()
}

fn blocks(blocks: &[&Removed]) -> Vec<Value> {
    let row = |block: &&Removed| {
        context! {
            text => &block.text,
            bytes => block.bytes,
            paragraphs => block.paragraphs,
            changes => block.changes,
            copies => block.copies,
            copied_to => spots(&block.copied_to),
            more_copies => block.copies - block.copied_to.len() as u64,
            kept_in => spots(&block.kept_in),
            more_sources => block.sources - block.kept_in.len(),
        }
    };
    blocks.iter().map(row).collect()
}

fn spots(spots: &[Spot]) -> Vec<Value> {
    spots.iter().map(spot).collect()
}

fn spot(spot: &Spot) -> Value {
    context! { id => &spot.id, start => spot.range.start, end => spot.range.end }
}

fn pair(pair: &Pair) -> Value {
    let piece = |piece: &crate::near::Piece| {
        context! { changed => piece.changed, kept => &piece.kept, removed => &piece.removed }
    };
    context! {
        kept => spot(&pair.kept),
        removed => spot(&pair.removed),
        changes => pair.changes,
        pieces => pair.pieces.iter().map(piece).collect::<Vec<_>>(),
        more => pair.more,
    }
}

/// A picture, which is not escaped.
fn safe(svg: String) -> Value {
    Value::from_safe_string(svg)
}

/// "12.3 %", in one line like all numbers with a unit.
#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn share(part: u64, whole: u64) -> String {
    format!("{:.1}\u{a0}%", part as f64 / whole.max(1) as f64 * 100.0)
}

/// "1,234,567".
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes with a decimal unit, "12.3 kB".
#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..10_000 => return format!("{}\u{a0}B", count(bytes)),
        10_000..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    format!("{:.1}\u{a0}{name}", bytes as f64 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_rounded() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 9999, 12_345, 1 << 30].map(size),
            ["0\u{a0}B", "9,999\u{a0}B", "12.3\u{a0}kB", "1.1\u{a0}GB"]
        );
        assert_eq!(share(1, 3), "33.3\u{a0}%");
        assert_eq!(share(0, 0), "0.0\u{a0}%");
    }
}
