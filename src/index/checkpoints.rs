//! Places in articles from which their departures are read. The more there are, the less is read in
//! vain, and the more memory they take; so most are told by how far they are from an earlier one.

use std::ops::Range;

use super::log::push;

/// A place between two departures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Where the departure before ends, from which the next are counted.
    pub(super) canonical: u32,
    pub(super) original: u32,
    /// Where the next stand, counted from the first byte of the article's.
    pub(super) at: u32,
}

/// The checkpoints of one article after the other, in 6 bytes each and 16 where 64 KiB of any kind have passed.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    heads: Vec<Head>,
    steps: Vec<Step>,
}

/// A checkpoint that is told in full, as the first of every article is.
#[derive(Clone, Copy, Debug)]
struct Head {
    checkpoint: Checkpoint,
    /// How many steps there were before: those up to the next head are counted from this one.
    steps: u32,
}

/// How far behind its head a checkpoint is.
#[derive(Clone, Copy, Debug)]
struct Step {
    canonical: u16,
    original: u16,
    at: u16,
}

impl Checkpoints {
    /// How many are told in full. Between what this is before an article and behind it, its own are.
    pub(crate) fn heads(&self) -> usize {
        self.heads.len()
    }

    /// Adds those of the next article.
    pub(crate) fn push_article(&mut self, checkpoints: &[Checkpoint]) {
        let mut head = None;
        for &checkpoint in checkpoints {
            // None beyond what a head can count: then each is a head.
            let steps = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
            let step = head.and_then(|head| Step::between(head, checkpoint));
            if let Some(step) = step.filter(|_| steps < u32::MAX) {
                push(&mut self.steps, step);
            } else {
                push(&mut self.heads, Head { checkpoint, steps });
                head = Some(checkpoint);
            }
        }
    }

    /// Of those of an article, by its heads, the last that is not after a place in its canonical
    /// text, if there is one, and all behind it.
    pub(crate) fn around(
        &self,
        heads: Range<usize>,
        canonical: usize,
    ) -> (Option<Checkpoint>, Ahead<'_>) {
        let is_before = |head: &Head| head.checkpoint.canonical as usize <= canonical;
        let before = self.heads[heads.clone()].partition_point(is_before);
        let mut ahead =
            Ahead { all: self, head: heads.start + before, end: heads.end, steps: 0..0 };
        let last = (before > 0).then(|| {
            let head = self.heads[ahead.head - 1].checkpoint;
            let steps = self.steps_of(ahead.head - 1);
            let is_before = |step: &Step| step.behind(head).canonical as usize <= canonical;
            let passed = steps.start + self.steps[steps.clone()].partition_point(is_before);
            ahead.steps = passed..steps.end;
            self.steps[steps.start..passed].last().map_or(head, |step| step.behind(head))
        });
        (last, ahead)
    }

    fn steps_of(&self, head: usize) -> Range<usize> {
        let end = self.heads.get(head + 1).map_or(self.steps.len(), |next| next.steps as usize);
        self.heads[head].steps as usize..end
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.heads.capacity() * size_of::<Head>() + self.steps.capacity() * size_of::<Step>()
    }
}

impl Step {
    /// None if it is too far.
    fn between(head: Checkpoint, checkpoint: Checkpoint) -> Option<Self> {
        let distance = |from: u32, to: u32| u16::try_from(to - from).ok();
        Some(Self {
            canonical: distance(head.canonical, checkpoint.canonical)?,
            original: distance(head.original, checkpoint.original)?,
            at: distance(head.at, checkpoint.at)?,
        })
    }

    fn behind(self, head: Checkpoint) -> Checkpoint {
        Checkpoint {
            canonical: head.canonical + u32::from(self.canonical),
            original: head.original + u32::from(self.original),
            at: head.at + u32::from(self.at),
        }
    }
}

/// Checkpoints of an article that are still ahead.
#[derive(Clone, Debug)]
pub(crate) struct Ahead<'a> {
    all: &'a Checkpoints,
    /// The next head, and the last.
    head: usize,
    end: usize,
    /// The steps before it.
    steps: Range<usize>,
}

impl Iterator for Ahead<'_> {
    type Item = Checkpoint;

    fn next(&mut self) -> Option<Checkpoint> {
        if let Some(step) = self.steps.next() {
            let head = self.all.heads[self.head - 1].checkpoint;
            return Some(self.all.steps[step].behind(head));
        }
        let head = self.all.heads[self.head..self.end].first()?;
        self.steps = self.all.steps_of(self.head);
        self.head += 1;
        Some(head.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    #[test]
    fn checkpoints_are_those_that_were_pushed() {
        let mut random = random(3);
        let mut below = |bound: usize| u32::try_from(random(bound)).unwrap();
        let mut checkpoints = Checkpoints::default();
        let mut articles = Vec::new();
        for count in [0, 1, 0, 2, 300, 40, 0, 7] {
            for far in [10, 9000, 200_000] {
                let mut last = Checkpoint { canonical: 0, original: 0, at: 0 };
                let own: Vec<Checkpoint> = (0..count)
                    .map(|_| {
                        last.canonical += below(far);
                        last.original += below(far);
                        last.at += 1 + below(far / 10);
                        last
                    })
                    .collect();
                let before = checkpoints.heads();
                checkpoints.push_article(&own);
                articles.push((before..checkpoints.heads(), own));
            }
        }
        for (heads, own) in articles {
            let last = own.last().map_or(0, |last| last.canonical);
            for place in own.iter().map(|own| own.canonical).chain([0, last / 2, last + 1]) {
                for place in place.saturating_sub(1)..=place + 1 {
                    let before = own.partition_point(|own| own.canonical <= place);
                    let expected = own[before.saturating_sub(1)..].iter().copied();
                    let (last, ahead) = checkpoints.around(heads.clone(), place as usize);
                    assert_eq!(last.is_some(), before > 0);
                    assert!(last.into_iter().chain(ahead).eq(expected));
                }
            }
        }
        let few = checkpoints.memory();
        let near: Vec<Checkpoint> = (0..10_000)
            .map(|at| Checkpoint { canonical: at * 2000, original: at * 2000, at: at * 100 })
            .collect();
        checkpoints.push_article(&near);
        assert!(checkpoints.memory() - few < 10_000 * 8);
    }
}
