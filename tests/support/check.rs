//! Holds what the crate says of a corpus against what the oracle says.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dedup::{Article, Options, Place, Repeat, Segment, Stats, WithinArticle};

use super::oracle::{Canon, Cluster, Doc, canonicalise, solve};

/// By how many canonical bytes a run may differ from its source at an end that was snapped to a
/// whole cluster: some signs, or the longest of letters with their marks.
fn snap(a: &Canon, b: &Canon) -> usize {
    a.clusters.iter().chain(&b.clusters).map(|c| c.group.len()).fold(16, usize::max)
}

/// Pushes `articles` and compares every answer with the oracle's. A `min_paragraph` that is not
/// below `min_span` must be the default, and is not set.
pub(crate) fn check(
    articles: &[String],
    min_span: usize,
    min_paragraph: usize,
) -> Result<(), String> {
    check_within(articles, min_span, min_paragraph, WithinArticle::Remove)
}

/// The same with a policy for what repeats its own article.
pub(crate) fn check_within(
    articles: &[String],
    min_span: usize,
    min_paragraph: usize,
    within: WithinArticle,
) -> Result<(), String> {
    let run = || checked(articles, min_span, min_paragraph, within);
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("panic: {}", message.unwrap_or_default()))
    })
}

/// Pushes `articles` one after another.
pub(crate) fn push_all(
    articles: &[String],
    min_span: usize,
    min_paragraph: usize,
    options: &mut Options,
) -> Result<(Vec<Article>, Stats), String> {
    options.min_span(min_span);
    if min_paragraph < min_span {
        options.min_paragraph(min_paragraph);
    } else {
        assert_eq!(min_paragraph, 80, "only the default may be without effect");
    }
    let mut deduper = options.deduper().map_err(|e| format!("options: {e}"))?;
    let mut pushed = Vec::new();
    for (i, text) in articles.iter().enumerate() {
        let article =
            deduper.push(format!("a{i}"), text.as_str()).map_err(|e| format!("push {i}: {e}"))?;
        pushed.push(article);
    }
    let stats = deduper.stats();
    Ok((pushed, stats))
}

fn checked(
    articles: &[String],
    min_span: usize,
    min_paragraph: usize,
    within: WithinArticle,
) -> Result<(), String> {
    let options = &mut Options::new();
    let (pushed, stats) =
        push_all(articles, min_span, min_paragraph, options.within_article(within))?;
    let given: Vec<(&str, &[Range<usize>])> = pushed
        .iter()
        .zip(articles)
        .map(|(article, text)| (text.as_str(), article.paragraphs()))
        .collect();
    let mut docs = solve(&given, min_span, min_paragraph, within)?;
    for (doc, article) in docs.iter_mut().zip(&pushed) {
        // Where the halves of a character are covered and no run holds it whole, its paragraph may
        // go by the letter of the contract, and may stay since the character is not kept elsewhere.
        for i in 0..doc.removed.len() {
            if doc.removed[i] && doc.splits(i) {
                doc.removed[i] = article.blocks().iter().any(|b| b.paragraphs.contains(&i));
            }
        }
    }
    for (number, article) in pushed.iter().enumerate() {
        let one =
            Check { article, doc: &docs[number], docs: &docs, number, min_span, min_paragraph };
        one.all().map_err(|e| format!("{e}\n  in article {number}"))?;
    }
    check_stats(&pushed, &stats)
}

fn check_stats(pushed: &[Article], stats: &Stats) -> Result<(), String> {
    let sum = |of: &dyn Fn(&Article) -> usize| pushed.iter().map(of).sum::<usize>() as u64;
    let expected = [
        ("articles", stats.articles, pushed.len() as u64),
        ("bytes_in", stats.bytes_in, sum(&|a| a.original().len())),
        ("bytes_kept", stats.bytes_kept, sum(&|a| a.text().len())),
        ("bytes_removed", stats.bytes_removed, sum(&|a| a.original().len() - a.text().len())),
        ("blocks", stats.blocks, sum(&|a| a.blocks().len())),
        ("repeats", stats.repeats, sum(&|a| a.repeats().len())),
        ("errors", stats.errors, 0),
    ];
    for (name, got, want) in expected {
        ensure(got == want, || format!("check 7: stats().{name} is {got}, not {want}"))?;
    }
    Ok(())
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

fn inside(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Whether `range` holds nothing but whitespace of removed paragraphs.
fn is_kept(doc: &Doc, range: &Range<usize>) -> Result<(), String> {
    for (paragraph, removed) in doc.paragraphs.iter().zip(&doc.removed) {
        let both = range.start.max(paragraph.start)..range.end.min(paragraph.end);
        let gone = |c: &Cluster| !c.space && overlap(&c.origin, &both);
        ensure(!removed || both.is_empty() || !doc.canon.clusters.iter().any(gone), || {
            format!("{range:?} is in text that was removed: {paragraph:?}")
        })?;
    }
    Ok(())
}

/// Two canonical runs that agree, and whether each end is where the crate said, not snapped.
#[derive(Debug)]
struct Agreement {
    here: Range<usize>,
    there: Range<usize>,
    left: bool,
    right: bool,
}

/// Whether a cluster that may be snapped away touches `at`, a space between them aside.
fn snaps(canon: &Canon, at: usize) -> bool {
    let special = |c: &Cluster| c.special;
    let beyond = |c: &Cluster| match c.space {
        true if c.canon.end == at => canon.before(c.canon.start).is_some_and(special),
        true => canon.after(c.canon.end).is_some_and(special),
        false => c.special,
    };
    canon.before(at).is_some_and(beyond) || canon.after(at).is_some_and(beyond)
}

/// Compares two canonical runs. They may differ in length only where a cluster of several
/// characters was snapped away on one side and not on the other.
fn agree(a: &Canon, here: Range<usize>, b: &Canon, there: Range<usize>) -> Option<Agreement> {
    if here.is_empty() || there.is_empty() {
        return None;
    }
    if a.text[here.clone()] == b.text[there.clone()] {
        return Some(Agreement { here, there, left: true, right: true });
    }
    let loose_left = snaps(a, here.start) || snaps(b, there.start);
    let loose_right = snaps(a, here.end) || snaps(b, there.end);
    let snap = snap(a, b);
    let most = if loose_left { snap } else { 0 };
    for cut in 0..=most {
        for (cut_here, cut_there) in [(cut, 0), (0, cut)] {
            let here = here.start + cut_here..here.end;
            let there = there.start + cut_there..there.end;
            if here.start >= here.end || there.start >= there.end {
                continue;
            }
            let len = here.len().min(there.len());
            let rest = here.len().max(there.len()) - len;
            if rest > if loose_right { snap } else { 0 } {
                continue;
            }
            let (here, there) = (here.start..here.start + len, there.start..there.start + len);
            if a.text[here.clone()] == b.text[there.clone()] {
                return Some(Agreement { here, there, left: cut == 0, right: rest == 0 });
            }
        }
    }
    None
}

/// The cluster that a run ending at `at` would go on with, whether a space stands before it, and
/// with `left` the same at its start.
fn next_cluster(canon: &Canon, at: usize, left: bool) -> Option<(bool, &[u8])> {
    let step = |at| if left { canon.before(at) } else { canon.after(at) };
    let mut cluster: &Cluster = step(at)?;
    let space = cluster.space;
    if space {
        cluster = step(if left { cluster.canon.start } else { cluster.canon.end })?;
    }
    Some((space, canon.bytes(cluster)))
}

struct Check<'a> {
    article: &'a Article,
    doc: &'a Doc,
    docs: &'a [Doc],
    number: usize,
    min_span: usize,
    min_paragraph: usize,
}

impl Check<'_> {
    fn all(&self) -> Result<(), String> {
        ensure(self.article.original() == self.doc.text, || {
            "check 5: original() is not what was pushed".to_owned()
        })?;
        let mut split = dedup::split::paragraphs(&self.doc.text);
        split.retain(|range| !canonicalise(&self.doc.text[range.clone()]).text.is_empty());
        ensure(self.article.paragraphs() == split, || {
            "check 5: paragraphs() is not what the splitter says".to_owned()
        })?;
        self.removed()?;
        self.covered()?;
        for repeat in self.article.repeats() {
            self.repeat(repeat).map_err(|e| format!("{e}\n  in {repeat:?}"))?;
        }
        self.blocks()?;
        self.grouping()?;
        self.segments()?;
        self.text()
    }

    /// Check 1: the removed paragraphs are the oracle's.
    fn removed(&self) -> Result<(), String> {
        let mut got = vec![false; self.doc.paragraphs.len()];
        for block in self.article.blocks() {
            ensure(!block.paragraphs.is_empty() && block.paragraphs.end <= got.len(), || {
                format!("check 1: {block:?} is not of this article's paragraphs")
            })?;
            for i in block.paragraphs.clone() {
                ensure(!got[i], || format!("check 1: paragraph {i} in two blocks"))?;
                got[i] = true;
            }
        }
        for (i, form) in self.doc.forms.iter().enumerate() {
            ensure(form.is_empty() || got[i] == self.doc.removed[i], || {
                format!(
                    "check 1: paragraph {i} ({:?}: {:?}) is {}, the oracle says {}",
                    self.doc.paragraphs[i],
                    &self.doc.text[self.doc.paragraphs[i].clone()],
                    if got[i] { "removed" } else { "kept" },
                    if got[i] { "kept" } else { "removed" },
                )
            })?;
        }
        Ok(())
    }

    /// Check 2: the repeats together are what is covered.
    fn covered(&self) -> Result<(), String> {
        let mut reported = vec![false; self.doc.text.len()];
        for repeat in self.article.repeats() {
            ensure(self.doc.text.get(repeat.range.clone()).is_some(), || {
                format!("check 2: {repeat:?} is no slice of the original")
            })?;
            reported[repeat.range.clone()].fill(true);
        }
        for (cluster, solid) in self.doc.canon.clusters.iter().zip(&self.doc.solid) {
            if cluster.space {
                continue;
            }
            let covered = &self.doc.covered[cluster.group.clone()];
            let origin = &reported[cluster.origin.clone()];
            let text = &self.doc.text[cluster.origin.clone()];
            let at = &cluster.origin;
            if *solid {
                ensure(origin.iter().all(|r| *r), || {
                    format!("check 2: {text:?} at {at:?} is covered, but in no repeat")
                })?;
            } else if !covered.iter().any(|c| *c) {
                ensure(!origin.iter().any(|r| *r), || {
                    format!("check 2: {text:?} at {at:?} is in a repeat, but not covered")
                })?;
            }
        }
        Ok(())
    }

    /// The earlier article of `place`, its slice and its canonical bytes.
    fn place(&self, place: &Place, start: usize) -> Result<(&Doc, &str, Range<usize>), String> {
        ensure(place.article <= self.number, || format!("{place:?} is in a later article"))?;
        ensure(*place.id == *format!("a{}", place.article), || {
            format!("{place:?} names the wrong id")
        })?;
        ensure(place.article < self.number || place.range.start < start, || {
            format!("{place:?} is not earlier than {start}")
        })?;
        let doc = &self.docs[place.article];
        let slice = doc
            .text
            .get(place.range.clone())
            .ok_or_else(|| format!("{place:?} is no slice of its article"))?;
        Ok((doc, slice, doc.canon.within(&place.range)))
    }

    /// Check 3: a repeat is true and maximal.
    fn repeat(&self, repeat: &Repeat) -> Result<(), String> {
        let (there, slice, run) =
            self.place(&repeat.source, repeat.range.start).map_err(|e| format!("check 3: {e}"))?;
        let here = self.doc;
        let own = &here.text[repeat.range.clone()];
        ensure(repeat.exact == (own == slice), || {
            format!("check 3: exact is wrong: {own:?} and {slice:?}")
        })?;
        let mine = here.canon.within(&repeat.range);
        let run = agree(&here.canon, mine.clone(), &there.canon, run)
            .ok_or_else(|| format!("check 3: {own:?} is not {slice:?}"))?;
        let is_ascii = here.text.is_ascii() && there.text.is_ascii();
        let slack = 2 + if is_ascii { 0 } else { 2 * snap(&here.canon, &there.canon) };
        ensure((mine.len()..=mine.len() + slack).contains(&repeat.canonical_len), || {
            let len = repeat.canonical_len;
            format!("check 3: canonical_len {len} of {} bytes", mine.len())
        })?;
        if repeat.canonical_len < self.min_span {
            return self.whole_paragraphs(&run, there);
        }
        for (left, strict, mine, its) in [
            (true, run.left, run.here.start, run.there.start),
            (false, run.right, run.here.end, run.there.end),
        ] {
            let strict = strict && !snaps(&here.canon, mine) && !snaps(&there.canon, its);
            let next = next_cluster(&here.canon, mine, left);
            let longer = next.is_some() && next == next_cluster(&there.canon, its, left);
            ensure(!(strict && longer), || {
                let side = if left { "left" } else { "right" };
                format!("check 3: it can be lengthened to the {side}")
            })?;
        }
        Ok(())
    }

    /// A repeat below `min_span` is of whole paragraphs, each of `min_paragraph` or more.
    fn whole_paragraphs(&self, run: &Agreement, there: &Doc) -> Result<(), String> {
        for (doc, run) in [(self.doc, &run.here), (there, &run.there)] {
            let mut forms = doc.forms.iter().filter(|f| overlap(f, run));
            let short = forms.clone().find(|f| f.len() < self.min_paragraph);
            ensure(short.is_none(), || {
                format!("check 3: a short repeat over a paragraph of {short:?} canonical bytes")
            })?;
            let first = forms.next().cloned().unwrap_or(0..0);
            let last = forms.next_back().cloned().unwrap_or(first.clone());
            ensure(run.start == first.start && run.end == last.end, || {
                format!("check 3: a short repeat of no whole paragraphs: {run:?}")
            })?;
        }
        Ok(())
    }

    /// Check 4: blocks and their sources.
    fn blocks(&self) -> Result<(), String> {
        let mut end = 0;
        for block in self.article.blocks() {
            let wrong = |e: String| format!("check 4: {e}\n  in {block:?}");
            let paragraphs = &self.doc.paragraphs[block.paragraphs.clone()];
            let range = paragraphs[0].start..paragraphs[paragraphs.len() - 1].end;
            ensure(block.range == range, || wrong(format!("its range is not {range:?}")))?;
            ensure(block.range.start >= end, || wrong("blocks out of order".to_owned()))?;
            end = block.range.end;
            let ends = [block.paragraphs.start, block.paragraphs.end - 1];
            ensure(ends.iter().all(|i| !self.doc.forms[*i].is_empty()), || {
                wrong("it ends in a paragraph without canonical bytes".to_owned())
            })?;
            let mut told = vec![false; self.doc.text.len()];
            let mut last = 0;
            for source in &block.sources {
                ensure(inside(&source.range, &block.range), || {
                    wrong(format!("{source:?} is outside the block"))
                })?;
                ensure(source.range.start >= last, || {
                    wrong(format!("{source:?} is out of order"))
                })?;
                last = source.range.start;
                self.source(&source.range, &source.first, source.exact).map_err(wrong)?;
                told[source.range.clone()].fill(true);
            }
            for (cluster, solid) in self.doc.canon.clusters.iter().zip(&self.doc.solid) {
                // `…`, or a letter and marks, may stand for the ends of two others, where pieces
                // of the kept text meet.
                let several =
                    cluster.special && cluster.canon.len() > 1 || cluster.group != cluster.canon;
                if cluster.space || !solid || several || !inside(&cluster.origin, &block.range) {
                    continue;
                }
                ensure(told[cluster.origin.clone()].iter().all(|t| *t), || {
                    let text = &self.doc.text[cluster.origin.clone()];
                    wrong(format!("{text:?} at {:?} has no source", cluster.origin))
                })?;
            }
        }
        Ok(())
    }

    /// Check 4: which removed paragraphs are one block. Each goes on in a run that the one before it
    /// ends in, unless that ends in it and another one has all of it; and what one run has is one.
    fn grouping(&self) -> Result<(), String> {
        let runs = self.article.repeats().iter().map(|repeat| self.doc.canon.within(&repeat.range));
        let runs: Vec<Range<usize>> = runs.collect();
        let has = |form: Range<usize>| runs.iter().any(|run| inside(&form, run));
        let blocks = self.article.blocks();
        for pair in blocks.windows(2) {
            let [before, block] = pair else { continue };
            let forms = &self.doc.forms[before.paragraphs.start..=block.paragraphs.start];
            let whole = forms[0].start..forms[forms.len() - 1].end;
            ensure(before.paragraphs.end < block.paragraphs.start || !has(whole), || {
                format!("check 4: one run has all of {before:?} and the first of {block:?}")
            })?;
        }
        for pair in
            blocks.iter().flat_map(|block| self.doc.forms[block.paragraphs.clone()].windows(2))
        {
            let [before, form] = pair else { continue };
            // Of a letter and its marks, or `…`, a run may have a part.
            let several = |c: &Cluster| c.special && overlap(&c.canon, &(before.start..form.end));
            let end = if has(form.clone()) { form.end } else { form.start + 1 };
            let goes_on = has(before.end - 1..end) || self.doc.canon.clusters.iter().any(several);
            ensure(goes_on, || format!("check 4: no run goes on from {before:?} in {form:?}"))?;
        }
        Ok(())
    }

    /// One source of a block: earlier, kept, and the same text.
    fn source(&self, range: &Range<usize>, first: &Place, exact: bool) -> Result<(), String> {
        let (there, slice, run) = self.place(first, range.start)?;
        let own = self
            .doc
            .text
            .get(range.clone())
            .ok_or_else(|| format!("{range:?} is no slice of the original"))?;
        is_kept(there, &first.range)?;
        let mine = self.doc.canon.within(range);
        if agree(&self.doc.canon, mine.clone(), &there.canon, run.clone()).is_some() {
            return ensure(exact == (own == slice), || {
                format!("exact is wrong: {own:?} and {slice:?}")
            });
        }
        ensure(repeats(&self.doc.canon, mine, &there.canon, run), || {
            format!("{own:?} is not {slice:?} again and again, from {first:?}")
        })?;
        // A part does not agree byte for byte with a period shorter than itself, though one may
        // say that it does if it is that period again and again.
        let gaps = ["", "\n", "\r\n", "\n\n", "\r", " "];
        let whole = |gap: &&str| cycles(own.as_bytes(), format!("{slice}{gap}").as_bytes());
        ensure(!exact || gaps.iter().any(whole), || {
            format!("exact is wrong: {own:?} does not cycle {slice:?}")
        })
    }

    /// Check 5: segments tile the article and go with the blocks.
    fn segments(&self) -> Result<(), String> {
        let mut at = 0;
        let mut kept = String::new();
        let mut seen = vec![false; self.doc.text.len()];
        for segment in self.article.segments() {
            let range = segment.range();
            ensure(range.start == at && range.end > at, || {
                format!("check 5: {segment:?} does not go on at {at}")
            })?;
            at = range.end;
            let slice = self
                .doc
                .text
                .get(range.clone())
                .ok_or_else(|| format!("check 5: {segment:?} is no slice of the original"))?;
            match segment {
                Segment::New { .. } => kept.push_str(slice),
                Segment::Seen { range, first, .. } => {
                    let (there, _, _) =
                        self.place(first, range.start).map_err(|e| format!("check 5: {e}"))?;
                    is_kept(there, &first.range).map_err(|e| format!("check 5: {e}"))?;
                    seen[range.clone()].fill(true);
                }
                _ => return Err(format!("check 5: an unknown segment {segment:?}")),
            }
        }
        ensure(at == self.doc.text.len(), || format!("check 5: the segments end at {at}"))?;
        ensure(self.article.text() == kept, || {
            format!("check 5: text() is {:?}, its New segments are {kept:?}", self.article.text())
        })?;
        let blocks = self.article.blocks();
        for (i, paragraph) in self.doc.paragraphs.iter().enumerate() {
            let removed = blocks.iter().any(|b| b.paragraphs.contains(&i));
            ensure(seen[paragraph.clone()].iter().all(|s| *s == removed), || {
                let what = if removed { "removed" } else { "kept" };
                format!("check 5: paragraph {i} was {what}, its segments say otherwise")
            })?;
        }
        Ok(())
    }

    /// Check 6: every kept paragraph stands whole in `text()`, in order.
    fn text(&self) -> Result<(), String> {
        let text = self.article.text();
        let mut rest: &str = &text;
        for (i, paragraph) in self.doc.paragraphs.iter().enumerate() {
            if self.article.blocks().iter().any(|b| b.paragraphs.contains(&i)) {
                continue;
            }
            let slice = &self.doc.text[paragraph.clone()];
            let at = rest
                .find(slice)
                .ok_or_else(|| format!("check 6: {slice:?} was kept, but is not in text()"))?;
            rest = &rest[at + slice.len()..];
        }
        Ok(())
    }
}

/// Whether the text `here` is that `there` again and again, but for parts of characters at ends
/// where such were snapped.
fn repeats(a: &Canon, here: Range<usize>, b: &Canon, there: Range<usize>) -> bool {
    let cuts = |canon: &Canon, range: &Range<usize>| {
        let snap = snap(a, b).min(range.len());
        let slack = |at: usize| if snaps(canon, at) { snap } else { 0 };
        let (start, end) = (slack(range.start), slack(range.end));
        let whole = range.clone();
        (0..=start).flat_map(move |left| {
            let whole = whole.clone();
            (0..=end.min(whole.len() - left))
                .map(move |right| whole.start + left..whole.end - right)
        })
    };
    cuts(a, &here).any(|here| {
        cuts(b, &there).any(|there| {
            let (mine, period) = (&a.text[here.clone()], &b.text[there]);
            let spaced = [period, b" "].concat();
            !mine.is_empty()
                && !period.is_empty()
                && (cycles(mine, period) || cycles(mine, &spaced))
        })
    })
}

/// Whether `text` is `period` again and again, the last time perhaps in part.
fn cycles(text: &[u8], period: &[u8]) -> bool {
    !period.is_empty() && text.iter().zip(period.iter().cycle()).all(|(a, b)| a == b)
}
