//! What each source holds and repeats.
//!
//! A source is the folder right below the path that was given, or the file if there is none.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use dedup::{Article, Segment};

/// Sources with a row of their own; those that come later share one.
const MOST: usize = 4096;

/// The row of all that have none.
const SHARED: u32 = u32::MAX;

/// One row of the table.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) articles: u64,
    pub(crate) bytes: u64,
    pub(crate) removed: u64,
    pub(crate) within: Repeats,
    pub(crate) against: Repeats,
}

impl Source {
    /// Adds up rows.
    pub(crate) fn add(&mut self, other: &Source) {
        self.articles += other.articles;
        self.bytes += other.bytes;
        self.removed += other.removed;
        self.within.add(other.within.count, other.within.bytes);
        self.against.add(other.against.count, other.against.bytes);
    }
}

/// Repeats, removed or not.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    pub(crate) count: u64,
    /// What two repeats have in common counts once.
    pub(crate) bytes: u64,
}

impl Repeats {
    fn add(&mut self, count: u64, bytes: u64) {
        self.count += count;
        self.bytes += bytes;
    }
}

/// The sources of a stream. Four bytes for each article, and the rows.
#[derive(Debug)]
pub(crate) struct Sources {
    roots: Vec<PathBuf>,
    numbers: HashMap<String, u32>,
    rows: Vec<Source>,
    shared: Source,
    /// The number of the first article: those before it are in an index.
    first: Option<usize>,
    of_article: Vec<u32>,
}

impl Sources {
    pub(crate) fn new(roots: Vec<PathBuf>) -> Self {
        Self {
            roots,
            numbers: HashMap::new(),
            rows: Vec::new(),
            shared: Source::default(),
            first: None,
            of_article: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, article: &Article) {
        let own = self.number(article.path());
        let first = *self.first.get_or_insert(article.number());
        self.of_article.resize(article.number() - first, SHARED);
        self.of_article.push(own);

        let (mut within, mut against) = (Repeats::default(), Repeats::default());
        let mut reached = 0;
        for repeat in article.repeats() {
            let there = repeat.source.article;
            let source = there.checked_sub(first).and_then(|at| self.of_article.get(at));
            let same = there == article.number() || (own != SHARED && source == Some(&own));
            let bytes = repeat.range.end - repeat.range.start.max(reached);
            reached = repeat.range.end;
            if same { &mut within } else { &mut against }.add(1, bytes as u64);
        }
        let removed =
            article.segments().iter().filter(|segment| matches!(segment, Segment::Seen { .. }));
        let row = Source {
            name: String::new(),
            articles: 1,
            bytes: article.original().len() as u64,
            removed: removed.map(|segment| segment.range().len() as u64).sum(),
            within,
            against,
        };
        match self.rows.get_mut(own as usize) {
            Some(known) => known.add(&row),
            None => self.shared.add(&row),
        }
    }

    /// The sources of which most was removed, at most `most` of them, and how many more there are
    /// at least, with their sum.
    pub(crate) fn most_removed(&self, most: usize) -> (Vec<&Source>, Option<(usize, Source)>) {
        let mut rows: Vec<&Source> = self.rows.iter().collect();
        rows.sort_by(|a, b| {
            b.removed.cmp(&a.removed).then(b.bytes.cmp(&a.bytes)).then(a.name.cmp(&b.name))
        });
        let others = rows.split_off(rows.len().min(most));
        let mut rest = Source::default();
        for row in &others {
            rest.add(row);
        }
        rest.add(&self.shared);
        let more = others.len() + usize::from(self.shared.articles > 0);
        (rows, (more > 0).then_some((more, rest)))
    }

    fn number(&mut self, path: Option<&Path>) -> u32 {
        let name = path.map_or("-".into(), |path| name(path, &self.roots));
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        if self.rows.len() == MOST {
            return SHARED;
        }
        let number = u32::try_from(self.rows.len()).expect("BUG: few rows");
        self.numbers.insert(name.clone(), number);
        self.rows.push(Source { name, ..Source::default() });
        number
    }
}

/// The source of a file.
fn name(path: &Path, roots: &[PathBuf]) -> String {
    let below = |root: &PathBuf| Some((root.clone(), path.strip_prefix(root).ok()?));
    let found = roots.iter().filter_map(below).min_by_key(|(_, below)| below.components().count());
    let Some((root, below)) = found else { return path.display().to_string() };
    let mut names = below.components();
    let source = match (names.next(), names.next()) {
        (Some(folder), Some(_)) => format!("{}/", folder.as_os_str().display()),
        (Some(file), None) => file.as_os_str().display().to_string(),
        // The path that was given is a file.
        (None, _) if roots.len() > 1 => return path.display().to_string(),
        (None, _) => return path.file_name().unwrap_or(path.as_os_str()).display().to_string(),
    };
    if roots.len() > 1 { format!("{}/{source}", root.display()) } else { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_folder_below_the_root_or_a_file() {
        let of = |path: &str, roots: &[&str]| {
            name(Path::new(path), &roots.iter().map(PathBuf::from).collect::<Vec<_>>())
        };
        assert_eq!(of("news/herald/2020/1.txt", &["news"]), "herald/");
        assert_eq!(of("news/1.txt", &["news"]), "1.txt");
        assert_eq!(of("news/1.txt", &["news/1.txt"]), "1.txt");
        assert_eq!(of("news/1.txt", &["news/1.txt", "old"]), "news/1.txt");
        assert_eq!(of("old/herald/1.txt", &["news", "old"]), "old/herald/");
        assert_eq!(of("-", &["news"]), "-");
    }
}
