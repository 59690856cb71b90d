//! Pictures. Nothing that comes from an article stands in them.

use std::fmt::Write as _;

use crate::plots::{Axis, Doubled, Grid};

/// Shades of a cell.
const SHADES: usize = 4;

/// The square that is drawn on, and what lies around it for the axes.
const PLOT: usize = 300;
const LEFT: usize = 46;
const TOP: usize = 8;
const BOTTOM: usize = 44;
const RIGHT: usize = 14;

/// A bar of parts of `whole`, each with its class. The figures stand beside it as text.
#[expect(clippy::cast_precision_loss, reason = "a picture")]
pub(crate) fn bar(parts: &[(&str, u64)], whole: u64) -> String {
    let mut svg =
        r#"<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">"#
            .to_owned();
    svg.push_str(r#"<rect class="ground" width="100" height="10"/>"#);
    let mut x = 0.0;
    for (class, part) in parts {
        let width = *part as f64 / whole.max(1) as f64 * 100.0;
        // What is there can be seen.
        let shown = if *part > 0 { width.max(0.7) } else { 0.0 };
        _ = write!(svg, r#"<rect class="{class}" x="{x:.2}" width="{shown:.2}" height="10"/>"#);
        x += width;
    }
    svg.push_str("</svg>");
    svg
}

/// Articles across, the earlier articles with the same text down; darker where more bytes are.
pub(crate) fn grid(grid: &Grid) -> String {
    let (columns, rows) = (grid.here.cells(), grid.there.cells());
    let most = grid.most();
    // Runs of cells of one shade, as lines as broad as a cell.
    let mut paths = vec![String::new(); SHADES];
    for there in 0..rows {
        let mut here = 0;
        while here < columns {
            let shade = shade(grid.bytes(here, there), most);
            let end =
                (here..columns).find(|next| self::shade(grid.bytes(*next, there), most) != shade);
            let end = end.unwrap_or(columns);
            if let Some(shade) = shade {
                _ = write!(paths[shade], "M{here} {there}h{}", end - here);
            }
            here = end;
        }
    }
    let mut marks = format!(
        r#"<svg x="{LEFT}" y="{TOP}" width="{PLOT}" height="{PLOT}" viewBox="0 -0.5 {columns} {rows}" preserveAspectRatio="none">"#
    );
    for (shade, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        _ = write!(marks, r#"<path class="cell shade{}" d="{path}"/>"#, shade + 1);
    }
    marks.push_str("</svg>");
    let range = |axis: &Axis| (axis.first + 1, axis.first + axis.articles);
    plot(
        &Labels {
            id: "grid",
            title: "Articles against earlier articles",
            desc: &format!(
                "{} articles across, {} down, in {columns} by {rows} cells; a cell is the darker, the more bytes of the \
                 articles across stood in the articles down, {most} at most. Cells on the diagonal are repeats between neighbours or within an article.",
                grid.here.articles, grid.there.articles,
            ),
            across: "article",
            down: "earlier article",
        },
        range(&grid.here),
        range(&grid.there),
        &marks,
    )
}

/// An article across and down: a line where text across stood down before.
pub(crate) fn doubled(doubled: &Doubled) -> String {
    let mut path = String::new();
    for (here, there) in &doubled.lines {
        let (x, y) = (scaled(here.start, doubled.len), scaled(there.start, doubled.len));
        let (to_x, to_y) = (scaled(here.end, doubled.len), scaled(there.end, doubled.len));
        _ = write!(path, "M{x:.1} {y:.1}L{to_x:.1} {to_y:.1}");
    }
    let marks = format!(
        r#"<g transform="translate({LEFT} {TOP})"><path class="self" d="M0 0L{PLOT} {PLOT}"/><path class="line" d="{path}"/></g>"#
    );
    plot(
        &Labels {
            id: "doubled",
            title: "One article against itself",
            desc: &format!(
                "The article's {} bytes across and down, with {} repeats within it. A line leads along text that stood \
                 at the place down before it stands at the place across; the thin diagonal is the article itself.",
                doubled.len,
                doubled.lines.len(),
            ),
            across: "byte",
            down: "earlier byte",
        },
        (0, doubled.len),
        (0, doubled.len),
        &marks,
    )
}

struct Labels<'a> {
    id: &'a str,
    title: &'a str,
    desc: &'a str,
    across: &'a str,
    down: &'a str,
}

/// A frame with axes around `marks`.
fn plot(labels: &Labels<'_>, across: (usize, usize), down: (usize, usize), marks: &str) -> String {
    let Labels { id, title, desc, .. } = labels;
    let (width, height) = (LEFT + PLOT + RIGHT, TOP + PLOT + BOTTOM);
    let (bottom, end) = (TOP + PLOT, LEFT + PLOT);
    let (middle_x, middle_y) = (LEFT + PLOT / 2, TOP + PLOT / 2);
    format!(
        r#"<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{id}-title {id}-desc">
<title id="{id}-title">{title}</title><desc id="{id}-desc">{desc}</desc>
<rect class="frame" x="{LEFT}" y="{TOP}" width="{PLOT}" height="{PLOT}"/>{marks}
<g class="label"><text x="{LEFT}" y="{}">{}</text><text x="{end}" y="{}" text-anchor="end">{}</text>
<text x="{middle_x}" y="{}" text-anchor="middle">{} →</text>
<text x="{}" y="{}" text-anchor="end">{}</text><text x="{}" y="{bottom}" text-anchor="end">{}</text>
<text transform="translate(14 {middle_y}) rotate(-90)" text-anchor="middle">← {}</text></g></svg>"#,
        bottom + 15,
        short(across.0),
        bottom + 15,
        short(across.1),
        bottom + 33,
        labels.across,
        LEFT - 5,
        TOP + 10,
        short(down.0),
        LEFT - 5,
        short(down.1),
        labels.down,
    )
}

/// How dark a cell is: a shade less for every order of magnitude. None if it is empty.
fn shade(bytes: u64, most: u64) -> Option<usize> {
    let magnitudes = most.checked_div(bytes)?.ilog10() as usize;
    Some((SHADES - 1).saturating_sub(magnitudes))
}

#[expect(clippy::cast_precision_loss, reason = "a picture")]
fn scaled(at: usize, len: usize) -> f64 {
    at as f64 / len.max(1) as f64 * PLOT as f64
}

/// A number of at most five characters.
fn short(number: usize) -> String {
    match number {
        0..100_000 => number.to_string(),
        100_000..100_000_000 => format!("{}k", number / 1000),
        _ => format!("{}M", number / 1_000_000),
    }
}
