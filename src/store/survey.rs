//! What a finished index tells of all articles together: reprints and boilerplate.
//!
//! Both are read from the descriptions of the articles, in one pass. Texts are not read, except to
//! see where spaces are.

use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::error::IndexError;
use super::group::{Piece, Text};
use super::sealed::Sealed;
use super::{Index, Reference, StoredArticle, StoredArticles, StoredSegment};
use crate::article::share_of;
use crate::canonical::canonicalise;
use crate::criteria::Share;
use crate::cut::cuts;
use crate::error::Error;
use crate::index::base::Base;
use crate::index::originals::Located;
use crate::index::to_usize;
use crate::setting::unknown;
#[cfg(feature = "serde")]
use crate::setting::word_or_number;
use crate::split;

/// An article that repeats so much of one other is a reprint of it; what they share is no boilerplate.
const REPRINT: f64 = 0.8;

/// An article and its reprints.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Cluster {
    /// The number of the article that holds the text.
    pub article: usize,
    /// The others, in order of arrival.
    pub reprints: Vec<Reprint>,
}

/// An article that shares much of its text with the article that keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Reprint {
    /// The number of the article.
    pub article: usize,
    /// The share of its canonical bytes that were removed and are kept in that other article. The space
    /// between two parts of it is one of these bytes.
    pub share: f64,
}

/// How often text must occur to be boilerplate.
///
/// Displayed as the number that it is, and made of it: of a whole number from 2 on, or of a share up
/// to 1. With the feature `serde` it is read and written so.
///
/// # Examples
///
/// ```
/// use dedup::Frequent;
///
/// assert_eq!("20".parse::<Frequent>()?, Frequent::Articles(20));
/// assert_eq!("0.25".parse::<Frequent>()?, Frequent::ShareOfSource(0.25));
/// # Ok::<(), dedup::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Frequent {
    /// In at least so many articles; 2 or more.
    Articles(usize),
    /// In at least this share of the articles of one source, above 0 and up to 1, and in three of
    /// them at least.
    ShareOfSource(f64),
}

/// As the number that it is made of.
impl fmt::Display for Frequent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Articles(least) => least.fmt(f),
            Self::ShareOfSource(share) => share.fmt(f),
        }
    }
}

/// Of a whole number from 2 on, or of a share above 0 and up to 1.
impl FromStr for Frequent {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let articles = word.parse().map(Self::Articles);
        let share = word.parse().map(Self::ShareOfSource);
        let rule = articles.ok().filter(Self::is_possible).or(share.ok());
        rule.filter(Self::is_possible).ok_or_else(|| {
            let words = ["a number of articles from 2 on", "a share above 0 and up to 1"];
            unknown("boilerplate", word, &words)
        })
    }
}

impl Frequent {
    fn is_possible(&self) -> bool {
        match *self {
            Self::Articles(least) => least >= 2,
            Self::ShareOfSource(share) => share > 0.0 && share <= 1.0,
        }
    }
}

/// As a number.
#[cfg(feature = "serde")]
impl serde::Serialize for Frequent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            _ if !serializer.is_human_readable() => serializer.collect_str(self),
            Self::Articles(least) => least.serialize(serializer),
            Self::ShareOfSource(share) => share.serialize(serializer),
        }
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Frequent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word_or_number(deserializer)
    }
}

/// Text that many articles have; made by [`Index::boilerplate`].
#[derive(Clone, Debug)]
pub struct Boilerplate {
    sealed: Arc<Sealed>,
    templates: Vec<Template>,
}

/// A stretch of kept text, by its coordinates.
#[derive(Clone, Debug)]
struct Template {
    article: u64,
    coordinates: Range<u64>,
    articles: usize,
}

/// A passage that many articles have, each part of it at least.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Passage {
    /// Where it is kept. A character of which only a part belongs to it is included whole.
    pub first: Reference,
    /// How many articles have each part of it, at the least; with [`Frequent::ShareOfSource`], in
    /// the source that has most of them. Different parts may stand in different articles. Reprints
    /// are not counted, nor are spaces parts.
    pub articles: usize,
}

/// What an article has of the kept text of others, by the article that keeps it.
struct Uses {
    number: u64,
    canonical_len: u64,
    by_keeper: BTreeMap<u64, Use>,
}

/// What an article has of the kept text of one other.
#[derive(Default)]
struct Use {
    /// Bytes of the article: what it says twice are twice as many.
    len: u64,
    /// Coordinates of the kept text, in order and apart.
    kept: Vec<Range<u64>>,
}

impl Index {
    /// Groups each article with those that repeat at least this share of themselves from it, from 0.5 to 1.
    ///
    /// A removed block names the article that keeps its text, so clusters are stars: all reprints
    /// were compared with the one article in the middle, and no chain of likenesses leads to
    /// something else. An article is a reprint of at most one other, the one that holds most of it.
    /// Text that was [kept because of what else its paragraph says](crate::Cut) does not count.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the share is not from 0.5 to 1, [`Error::Index`] if the index cannot be read.
    ///
    /// # Complexity
    ///
    /// Linear in the descriptions of the articles, which are read once, and a block of text where two
    /// parts may have a space between them.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("news.dedup");
    /// let wire = "The ferry across the lower reach does not run on Sunday, says the harbour office, as the cable \
    ///             has to be greased before the ice comes.";
    /// let mut deduper = dedup::Options::new().index(&dir).deduper()?;
    /// deduper.push("agency", wire)?;
    /// deduper.push("herald", format!("By wire.\n\n{wire}"))?;
    /// deduper.push("courier", wire)?;
    /// deduper.checkpoint()?;
    ///
    /// let clusters = dedup::Index::open(&dir)?.clusters(0.8)?;
    /// let reprints: Vec<usize> = clusters[0].reprints.iter().map(|reprint| reprint.article).collect();
    /// assert_eq!((clusters.len(), clusters[0].article, reprints), (1, 0, vec![1, 2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clusters(&self, share: f64) -> Result<Vec<Cluster>, Error> {
        let Some(least) = Share::new(share) else {
            let problem = format!("{share} is not from 0.5 to 1");
            return Err(Error::Option { option: "clusters", problem });
        };
        let mut clusters: BTreeMap<u64, Vec<Reprint>> = BTreeMap::new();
        self.sealed.each_use(|uses, _| {
            let Some((keeper, len)) = uses.most() else { return };
            if least.is_reached(to_usize(len), to_usize(uses.canonical_len)) {
                let share = share_of(len, uses.canonical_len);
                let reprint = Reprint { article: to_usize(uses.number), share };
                clusters.entry(keeper).or_default().push(reprint);
            }
        })?;
        let cluster = |(article, reprints)| Cluster { article: to_usize(article), reprints };
        Ok(clusters.into_iter().map(cluster).collect())
    }

    /// Finds the text that is boilerplate: footers, notices, menus.
    ///
    /// `source` says which source an article is from, given its id and path; it is not asked for
    /// [`Frequent::Articles`]. An article that repeats at least 0.8 of itself from one other is a
    /// reprint of that and is not counted: syndicated text is no boilerplate, however many print
    /// it. Text that was [kept because of what else its paragraph says](crate::Cut) does not count.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the rule makes no sense, [`Error::Index`] if the index cannot be read.
    ///
    /// # Complexity
    ///
    /// Reads the descriptions of the articles once, and the blocks of text around the ends of the
    /// passages and where two parts may have a space between them; n log n in what they repeat.
    ///
    /// # Examples
    ///
    /// ```
    /// use dedup::{Frequent, Index, Options};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("letters.dedup");
    /// let footer = "You get this letter because you asked for it; to get it no more, answer it with one word: stop.";
    /// let mut deduper = Options::new().index(&dir).deduper()?;
    /// for news in ["The pool stays closed.", "The ferry runs again.", "The mill is for sale."] {
    ///     deduper.push(news, format!("{news} More of that next week, or so.\n\n{footer}"))?;
    /// }
    /// deduper.checkpoint()?;
    ///
    /// let boilerplate = Index::open(&dir)?.boilerplate(Frequent::Articles(3), |_, _| String::new())?;
    /// assert_eq!(boilerplate.passages()?[0].articles, 3);
    /// // `Index::articles` keeps the first footer; this keeps none.
    /// for article in boilerplate.articles() {
    ///     assert!(!article?.text().contains("asked for it"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn boilerplate(
        &self,
        rule: Frequent,
        mut source: impl FnMut(&str, Option<&Path>) -> String,
    ) -> Result<Boilerplate, Error> {
        if !rule.is_possible() {
            let possible = match rule {
                Frequent::Articles(_) => "2 or more",
                Frequent::ShareOfSource(_) => "above 0 and up to 1",
            };
            let problem = format!("{rule:?} is not possible: {possible}");
            return Err(Error::Option { option: "boilerplate", problem });
        }
        let one_source = matches!(rule, Frequent::Articles(_));
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        // For each article the number of its source, unless it counts for nothing.
        let mut counted_in = Vec::new();
        self.sealed.each_use(|uses, (id, path)| {
            let name = if one_source { String::new() } else { source(id, path) };
            let number = sources.len();
            let source =
                sources.entry(name).or_insert_with(|| Source { number, ..Source::default() });
            source.articles += 1;
            let reprint =
                uses.most().is_some_and(|(_, len)| share_of(len, uses.canonical_len) >= REPRINT);
            counted_in.push((!reprint).then_some(source.number));
            if !reprint {
                source.uses.extend(uses.by_keeper.into_values().flat_map(|used| used.kept));
            }
        })?;
        let mut templates: Vec<Template> = Vec::new();
        for mut source in sources.into_values() {
            let all = source.articles as u64;
            let frequent = |articles: usize| match rule {
                Frequent::Articles(least) => articles >= least,
                Frequent::ShareOfSource(share) => {
                    articles >= 3 && share_of(articles as u64, all) >= share
                }
            };
            for (coordinates, users) in source.depths() {
                let keeper = self.sealed.locate(coordinates.start)?.article;
                let articles = users + usize::from(counted_in[keeper] == Some(source.number));
                if frequent(articles) {
                    templates.push(Template { article: keeper as u64, coordinates, articles });
                }
            }
        }
        let templates = joined(templates, |at| self.sealed.is_space(at))?;
        Ok(Boilerplate { sealed: self.sealed.clone(), templates })
    }
}

/// The articles of one source.
#[derive(Default)]
struct Source {
    /// As it is the first, the second and so on that was met.
    number: usize,
    articles: usize,
    /// Coordinates of kept text, once for each article that has it too.
    uses: Vec<Range<u64>>,
}

impl Source {
    /// The stretches that are used at all, each as often throughout, and how often.
    fn depths(&mut self) -> Vec<(Range<u64>, usize)> {
        let mut starts: Vec<u64> = self.uses.iter().map(|used| used.start).collect();
        let mut ends: Vec<u64> = self.uses.drain(..).map(|used| used.end).collect();
        starts.sort_unstable();
        ends.sort_unstable();
        let (mut depths, mut depth, mut at) = (Vec::new(), 0, 0);
        let mut starts = starts.into_iter().peekable();
        for end in ends {
            while let Some(start) = starts.next_if(|&start| start < end) {
                if depth > 0 && at < start {
                    depths.push((at..start, depth));
                }
                (at, depth) = (start, depth + 1);
            }
            if at < end {
                depths.push((at..end, depth));
            }
            (at, depth) = (end, depth - 1);
        }
        depths
    }
}

/// The passages that templates make: those that meet, or have a space between them, are one. No
/// space is at their ends.
fn joined(
    templates: Vec<Template>,
    mut is_space: impl FnMut(u64) -> Result<bool, Error>,
) -> Result<Vec<Template>, Error> {
    let mut joined: Vec<Template> = Vec::new();
    for stretch in most_at_each(templates) {
        let Range { start, end } = stretch.coordinates;
        // It goes with what it parts, which may stand in more articles than both with it between.
        if end - start == 1 && is_space(start)? {
            continue;
        }
        let last = joined.last_mut();
        match last.filter(|last| last.article == stretch.article) {
            // What lies between two blocks may be something else too: the letter in which near copies differ.
            Some(last)
                if start == last.coordinates.end
                    || start == last.coordinates.end + 1 && is_space(last.coordinates.end)? =>
            {
                last.articles = last.articles.min(stretch.articles);
                last.coordinates.end = end;
            }
            _ => joined.push(stretch),
        }
    }
    for Template { coordinates, .. } in &mut joined {
        while !coordinates.is_empty() && is_space(coordinates.start)? {
            coordinates.start += 1;
        }
        while !coordinates.is_empty() && is_space(coordinates.end - 1)? {
            coordinates.end -= 1;
        }
    }
    joined.retain(|passage| !passage.coordinates.is_empty());
    Ok(joined)
}

/// The stretches that templates cover, in order and apart, each as the template has it that stands
/// in most articles there.
fn most_at_each(mut templates: Vec<Template>) -> impl Iterator<Item = Template> {
    templates.sort_unstable_by_key(|template| template.coordinates.start);
    let mut templates = templates.into_iter().peekable();
    // The templates that begin at or before `at`, and may go beyond it.
    let (mut begun, mut at) = (BinaryHeap::new(), 0);
    std::iter::from_fn(move || {
        loop {
            while let Some(Template { article, coordinates, articles }) =
                templates.next_if(|template| template.coordinates.start <= at)
            {
                begun.push((articles, coordinates.end, article));
            }
            let next = templates.peek().map(|template| template.coordinates.start);
            match begun.peek() {
                None => at = next?,
                Some(&(_, end, _)) if end <= at => _ = begun.pop(),
                Some(&(articles, end, article)) => {
                    let coordinates = at..next.map_or(end, |next| next.min(end));
                    at = coordinates.end;
                    return Some(Template { article, coordinates, articles });
                }
            }
        }
    })
}

impl Uses {
    /// The article that keeps most of this one, the earliest of several, and how much.
    fn most(&self) -> Option<(u64, u64)> {
        let lens = self.by_keeper.iter().rev().map(|(&keeper, used)| (keeper, used.len));
        lens.max_by_key(|&(_, len): &(u64, u64)| len)
    }
}

impl Sealed {
    /// Whether there is a space at a coordinate.
    fn is_space(&self, at: u64) -> Result<bool, Error> {
        Ok(self.ahead(at)?.first() == Some(&b' '))
    }

    /// Visits all articles in order, with what they have of the text of others, and their ids and paths.
    fn each_use(&self, mut visit: impl FnMut(Uses, (&str, Option<&Path>))) -> Result<(), Error> {
        for number in 0..self.article_count() {
            let found = self.article(number).map_err(|error| self.wrap(error))?;
            let record = found.record();
            let mut by_keeper: BTreeMap<u64, Use> = BTreeMap::new();
            // The keeper of the last part, and where the next begins if a byte lies between them.
            let mut last = None;
            for &Piece { start, end, place } in found.group().pieces(record) {
                let Text::Removed { origin, period } = place else { continue };
                // Wherever a space is kept, it goes with what it parts.
                if end - start == 1 && self.is_space(start)? {
                    continue;
                }
                let keeper = self.locate(origin)?.article as u64;
                let goes_on = last.replace((keeper, end + 1)) == Some((keeper, start));
                if keeper == number {
                    continue;
                }
                let used = by_keeper.entry(keeper).or_default();
                used.len += end - start + u64::from(goes_on && self.is_space(start - 1)?);
                used.kept.push(origin..origin + period);
            }
            for Use { kept, .. } in by_keeper.values_mut() {
                // An article that says something twice is still one that says it.
                kept.sort_unstable_by_key(|used| (used.start, used.end));
                kept.dedup_by(|next, last| {
                    let meets = next.start <= last.end;
                    last.end = if meets { last.end.max(next.end) } else { last.end };
                    meets
                });
            }
            let canonical_len = record.coordinates.end - record.coordinates.start - 1;
            let provenance = found.provenance();
            visit(Uses { number, canonical_len, by_keeper }, (found.id(), provenance.path()));
        }
        Ok(())
    }
}

impl Boilerplate {
    /// The passages, in the order of the articles that keep them.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn passages(&self) -> Result<Vec<Passage>, Error> {
        let passage = |template: &Template| {
            let Range { start, end } = template.coordinates;
            let Located { article, start: from } = self.sealed.locate(start)?;
            let canonical = from..from + to_usize(end - start);
            let departures = self.sealed.departures(article, canonical.start)?;
            let range = departures.original_range(canonical, |_, _| {})?;
            Ok(Passage { first: Reference { article, range }, articles: template.articles })
        };
        self.templates.iter().map(passage).collect()
    }

    /// The articles of the index without what they repeat, and without the first copies of
    /// boilerplate either: paragraphs that are boilerplate from end to end are removed from them
    /// too. Where the index keeps more copies, as in paragraphs that say something else too or by
    /// [`Options::within_article`](crate::Options::within_article), those stay.
    pub fn articles(&self) -> BoilerplateFree {
        let articles = StoredArticles { sealed: self.sealed.clone(), next: 0 };
        BoilerplateFree { articles, templates: self.templates.clone(), next: 0 }
    }
}

/// The articles of an index without boilerplate; made by [`Boilerplate::articles`].
#[derive(Clone, Debug)]
#[must_use = "articles are read only as they are asked for"]
pub struct BoilerplateFree {
    articles: StoredArticles,
    templates: Vec<Template>,
    /// The first template that no article came up to yet.
    next: usize,
}

impl Iterator for BoilerplateFree {
    type Item = Result<StoredArticle, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let article = match self.articles.next()? {
            Ok(article) => article,
            Err(error) => return Some(Err(error)),
        };
        let number = article.number() as u64;
        let rest = &self.templates[self.next..];
        let before = rest.partition_point(|template| template.article < number);
        let own = &rest[before..];
        let own = &own[..own.partition_point(|template| template.article == number)];
        self.next += before + own.len();
        if own.is_empty() {
            return Some(Ok(article));
        }
        let sealed = &self.articles.sealed;
        Some(without(sealed, article, own).map_err(|error| sealed.wrap(error)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.articles.size_hint()
    }
}

impl FusedIterator for BoilerplateFree {}

/// An article without the paragraphs that its templates cover.
fn without(
    sealed: &Sealed,
    mut article: StoredArticle,
    templates: &[Template],
) -> Result<StoredArticle, IndexError> {
    let found = sealed.article(article.number() as u64)?;
    let start = found.record().coordinates.start;
    let original = sealed.original(&found)?;
    if !article.segments.iter().all(|segment| original.is_char_boundary(segment.range.start)) {
        return Err(sealed.wrong(&found, "a segment ends within a character"));
    }
    let canonical = canonicalise(&original);
    let mut forms = Vec::new();
    let paragraphs = split::with_forms(&original, &canonical, &mut forms);
    let runs = covered(&forms, start, templates);
    let mut cuts = cuts(original.as_bytes(), &paragraphs, runs.iter()).into_iter().peekable();
    let (mut text, mut segments) = (String::new(), Vec::new());
    for segment in article.segments {
        if segment.first.is_some() {
            segments.push(segment);
            continue;
        }
        let Range { start: mut at, end } = segment.range;
        let mut push = |range: Range<usize>, boilerplate: bool| {
            if !range.is_empty() {
                if !boilerplate {
                    text.push_str(&original[range.clone()]);
                }
                segments.push(StoredSegment { range, first: None, boilerplate });
            }
        };
        while let Some(cut) = cuts.peek().filter(|cut| cut.start < end) {
            push(at..cut.start.max(at), false);
            at = at.max(cut.start);
            push(at..cut.end.min(end).max(at), true);
            at = at.max(cut.end.min(end));
            if cut.end > end {
                break;
            }
            cuts.next();
        }
        push(at..end, false);
    }
    (article.text, article.segments) = (text, segments);
    Ok(article)
}

/// The runs of paragraphs, given their canonical ranges in an article that begins at a coordinate,
/// of which each lies in a template.
fn covered(forms: &[Range<usize>], start: u64, templates: &[Template]) -> Vec<Range<usize>> {
    let (mut runs, mut next): (Vec<Range<usize>>, usize) = (Vec::new(), 0);
    for (number, form) in forms.iter().enumerate() {
        let form = start + form.start as u64..start + form.end as u64;
        while templates.get(next).is_some_and(|template| template.coordinates.end < form.end) {
            next += 1;
        }
        let covers = |template: &Template| template.coordinates.start <= form.start;
        if !templates.get(next).is_some_and(covers) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where one article ends and, behind a byte, the next begins, and where that ends.
    const ENDS: [u64; 2] = [20, 41];

    fn template(start: u64, len: u64, articles: usize) -> Template {
        let article = u64::from(start > ENDS[0]);
        let end = (start + len).min(ENDS[to_usize(article)]);
        Template { article, coordinates: start..end, articles }
    }

    fn passages(templates: Vec<Template>, spaces: &[bool]) -> Vec<(Range<u64>, usize)> {
        let joined = joined(templates, |at| Ok(spaces[to_usize(at)])).unwrap();
        joined.into_iter().map(|template| (template.coordinates, template.articles)).collect()
    }

    /// The same, coordinate by coordinate.
    fn passages_slowly(templates: &[Template], spaces: &[bool]) -> Vec<(Range<u64>, usize)> {
        let most = |at: u64| {
            let covers = templates.iter().filter(|template| template.coordinates.contains(&at));
            covers.map(|template| template.articles).max()
        };
        let mut passages: Vec<(Range<u64>, usize)> = Vec::new();
        for at in (0..ENDS[1]).filter(|&at| !spaces[to_usize(at)]) {
            let Some(articles) = most(at) else { continue };
            let parted =
                |end: u64| end < at && (end + 1 < at || end == ENDS[0] || !spaces[to_usize(end)]);
            match passages.last_mut().filter(|(last, _)| !parted(last.end)) {
                Some((last, fewest)) => (last.end, *fewest) = (at + 1, articles.min(*fewest)),
                None => passages.push((at..at + 1, articles)),
            }
        }
        passages
    }

    #[test]
    fn each_part_counts_in_the_source_that_has_most() {
        let spaces = [false; 41];
        let within = vec![template(0, 10, 10), template(4, 2, 5)];
        assert_eq!(passages(within, &spaces), [(0..10, 10)]);
        let behind = vec![template(0, 5, 9), template(5, 5, 3), template(5, 5, 10)];
        assert_eq!(passages(behind, &spaces), [(0..10, 9)]);
    }

    proptest! {
        #[test]
        fn passages_are_those_of_the_model(
            templates in prop::collection::vec((0_u64..41, 1_u64..12, 1_usize..9), 0..12),
            spaces in prop::collection::vec(any::<bool>(), 41),
        ) {
            let templates = templates.into_iter().filter(|&(start, ..)| start != ENDS[0]);
            let templates: Vec<Template> =
                templates.map(|(start, len, articles)| template(start, len, articles)).collect();
            // No two in a row, as in the canonical form.
            let spaces: Vec<bool> =
                (0..41).map(|at| spaces[at] && (at == 0 || !spaces[at - 1])).collect();
            let expected = passages_slowly(&templates, &spaces);
            prop_assert_eq!(passages(templates, &spaces), expected);
        }
    }
}
