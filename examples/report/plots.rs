//! Where repeats stand, and where the same text stood before.

use std::ops::Range;

use dedup::Article;

use crate::text;

/// Cells along a side of the grid.
pub(crate) const SIDE: usize = 128;

/// Lines in the plot of one article, the longest.
const LINES: usize = 2000;

/// Articles against earlier articles, with the bytes of repeats in each cell.
#[derive(Debug)]
pub(crate) struct Grid {
    /// The articles of the stream, and all that can be their sources.
    pub(crate) here: Axis,
    pub(crate) there: Axis,
    /// Row by row; a row is of earlier articles.
    cells: Vec<u64>,
}

/// Articles in cells of equal numbers.
#[derive(Debug, Default)]
pub(crate) struct Axis {
    /// The number of the first article.
    pub(crate) first: usize,
    pub(crate) articles: usize,
    /// How many of them a cell holds.
    pub(crate) per_cell: usize,
}

impl Axis {
    pub(crate) fn cells(&self) -> usize {
        self.articles.div_ceil(self.per_cell)
    }

    fn cell(&self, article: usize) -> usize {
        (article - self.first) / self.per_cell
    }

    /// Makes room for an article, and says how often cells must be joined in pairs.
    fn reach(&mut self, article: usize) -> u32 {
        let mut joined = 0;
        self.articles = self.articles.max(article - self.first + 1);
        while self.cells() > SIDE {
            self.per_cell *= 2;
            joined += 1;
        }
        joined
    }
}

impl Grid {
    fn new(first: usize) -> Self {
        Self {
            here: Axis { first, articles: 0, per_cell: 1 },
            there: Axis { first: 0, articles: 0, per_cell: 1 },
            cells: vec![0; SIDE * SIDE],
        }
    }

    /// The bytes in a cell.
    pub(crate) fn bytes(&self, here: usize, there: usize) -> u64 {
        self.cells[there * SIDE + here]
    }

    pub(crate) fn most(&self) -> u64 {
        self.cells.iter().copied().max().unwrap_or_default()
    }

    fn reach(&mut self, article: usize) {
        for _ in 0..self.here.reach(article) {
            self.join(|here, there| (here / 2, there));
        }
        for _ in 0..self.there.reach(article) {
            self.join(|here, there| (here, there / 2));
        }
    }

    fn join(&mut self, to: impl Fn(usize, usize) -> (usize, usize)) {
        let cells = std::mem::replace(&mut self.cells, vec![0; SIDE * SIDE]);
        for (at, bytes) in cells.into_iter().enumerate() {
            let (here, there) = to(at % SIDE, at / SIDE);
            self.cells[there * SIDE + here] += bytes;
        }
    }
}

/// An article against itself.
#[derive(Debug, Default)]
pub(crate) struct Doubled {
    pub(crate) id: String,
    pub(crate) len: usize,
    /// Bytes of repeats that lie within it.
    pub(crate) bytes: u64,
    /// Where text stands, and where it stood before.
    pub(crate) lines: Vec<(Range<usize>, Range<usize>)>,
}

/// The plots of a stream.
#[derive(Debug, Default)]
pub(crate) struct Plots {
    grid: Option<Grid>,
    /// The article that repeats itself most.
    doubled: Doubled,
    bytes: u64,
}

impl Plots {
    pub(crate) fn add(&mut self, article: &Article) {
        let number = article.number();
        let grid = self.grid.get_or_insert_with(|| Grid::new(number));
        grid.reach(number);
        let (mut reached, mut within) = (0, 0);
        for repeat in article.repeats() {
            let bytes = (repeat.range.end - repeat.range.start.max(reached)) as u64;
            reached = repeat.range.end;
            let there = repeat.source.article;
            grid.cells[grid.there.cell(there) * SIDE + grid.here.cell(number)] += bytes;
            self.bytes += bytes;
            within += if there == number { bytes } else { 0 };
        }
        if within > self.doubled.bytes {
            let own = article.repeats().iter().filter(|repeat| repeat.source.article == number);
            let mut lines: Vec<_> =
                own.map(|repeat| (repeat.range.clone(), repeat.source.range.clone())).collect();
            lines.sort_by_key(|(here, _)| (std::cmp::Reverse(here.len()), here.start));
            lines.truncate(LINES);
            self.doubled = Doubled {
                id: text::name(article.id()),
                len: article.original().len(),
                bytes: within,
                lines,
            };
        }
    }

    /// Articles against articles, if there are repeats and more than one article to compare.
    pub(crate) fn grid(&self) -> Option<&Grid> {
        self.grid.as_ref().filter(|grid| grid.there.articles > 1 && self.bytes > 0)
    }

    /// The article that repeats itself most, if a quarter of all there is to see lies within it.
    pub(crate) fn doubled(&self) -> Option<&Doubled> {
        (self.doubled.bytes > 0 && self.doubled.bytes >= self.bytes / 4).then_some(&self.doubled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_cells_keep_every_byte_in_its_place() {
        const ARTICLES: usize = 5 * SIDE;
        let mut deduper = dedup::Deduper::new();
        let mut plots = Plots::default();
        let mut repeats = 0;
        for number in 0..ARTICLES {
            // Each paragraph comes in one article and the next.
            let paragraph =
                |of: usize| format!("{of} on the {of}th day at {of}; ").repeat(9) + "\n\n";
            let text = paragraph(number + 10_000) + &paragraph(number + 10_001);
            let article = deduper.push(number.to_string(), text).unwrap();
            repeats +=
                article.repeats().iter().filter(|repeat| repeat.source.article != number).count();
            plots.add(&article);
        }
        assert!(repeats >= ARTICLES - 1);
        let grid = plots.grid().unwrap();
        assert_eq!((grid.here.per_cell, grid.here.cells()), (8, ARTICLES.div_ceil(8)));
        assert_eq!(grid.cells.iter().sum::<u64>(), plots.bytes);
        for (at, bytes) in grid.cells.iter().enumerate() {
            let (here, there) = (at % SIDE, at / SIDE);
            let near = there <= here && here - there <= 1 && here < grid.here.cells();
            assert!(*bytes == 0 || near, "{bytes} bytes at {here}, {there}");
            assert!(*bytes > 0 || here != there || here >= grid.here.cells());
        }
    }
}
