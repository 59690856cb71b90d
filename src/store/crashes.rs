//! What a crash, an error of the disk, or damage may do to an index: never more than lose what was not
//! committed.
//!
//! `DEDUP_IMAGES` sets how many images of a crashed disk are tried at each change of the disk.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use super::fingerprints::{FingerprintRecipe, Fingerprints, Writer as FingerprintWriter};
use super::maintain::withdraw_in;
use super::manifest::{MANIFEST, MANIFEST_NEW, Manifest, Recipe, Rules};
use super::run::{self, GroupStart, Groups, Run, RunWriter, Table};
use super::simulated::{Disk, Fault, Image};
use super::storage::Storage;
use super::writer::Writer;
use super::{Frequent, Index, IndexError, group};
use crate::article::Segment;
use crate::options::Config;
use crate::{Deduper, Error, Options, Versions};

fn config() -> Config {
    Options::new().min_span(40).min_paragraph(12).check().unwrap()
}

fn writer(disk: &Disk) -> Result<Deduper, Error> {
    writer_with(disk, Versions::Keep)
}

fn writer_with(disk: &Disk, versions: Versions) -> Result<Deduper, Error> {
    let config = config();
    let recipe = Recipe::new(&config.criteria);
    let storage = Arc::new(disk.clone());
    let path = Path::new("disk");
    let writer = Writer::open_in(storage, path, recipe)
        .map_err(|source| Error::Index { path: path.to_owned(), source })?;
    Deduper::writing(writer.with_versions(versions), config.criteria)
}

fn reader(disk: &Disk) -> Result<Index, IndexError> {
    Index::open_in(Arc::new(disk.clone()), Path::new("disk"))
}

/// Articles with repeats of all kinds, in commits.
fn commits() -> Vec<Vec<(String, String)>> {
    let line =
        |n: usize| format!("Notice {n}: the {} bridge is closed until further notice.", n * 7919);
    let mut commits = Vec::new();
    for commit in 0..6 {
        let mut articles = Vec::new();
        for article in 0..2 {
            let n = commit * 2 + article;
            let lines =
                [line(n), line(n / 2), line(n / 3 + 100), "“Quoted”  …".into(), line(n / 2)];
            articles
                .push((format!("a{n}"), lines.join(if n % 2 == 0 { "\n" } else { "\r\n\r\n" })));
        }
        commits.push(articles);
    }
    commits
}

/// Pushes and commits what is not there yet.
fn write(
    disk: &Disk,
    commits: &[Vec<(String, String)>],
    mut committed: impl FnMut(),
) -> Result<(), Error> {
    let mut deduper = writer(disk)?;
    for articles in commits {
        for (id, text) in articles {
            deduper.push_new(id.as_str(), text.as_str())?;
        }
        deduper.checkpoint()?;
        committed();
    }
    Ok(())
}

/// What is left of each article, in order.
fn contents(index: &Index) -> Result<Vec<(String, String)>, Error> {
    index.verify()?;
    index.articles().map(|article| article.map(|a| (a.id().to_owned(), a.into_text()))).collect()
}

/// The contents after each commit, from none on.
fn expected(commits: &[Vec<(String, String)>]) -> Vec<Vec<(String, String)>> {
    let mut deduper = Deduper::with_config(&config()).unwrap();
    let mut contents = Vec::new();
    let mut after = vec![contents.clone()];
    for (id, text) in commits.iter().flatten() {
        let article = deduper.push(id.as_str(), text.as_str()).unwrap();
        contents.push((id.clone(), article.text().into_owned()));
        if contents.len() % 2 == 0 {
            after.push(contents.clone());
        }
    }
    after
}

/// Checks that an image holds one of some commits, and all of it; says which.
fn check_image(
    image: &Image,
    commits: RangeInclusive<usize>,
    expected: &[Vec<(String, String)>],
) -> usize {
    let disk = Disk::from_image(image);
    let index = match reader(&disk) {
        Ok(index) => index,
        Err(IndexError::Missing) if *commits.start() == 0 => return 0,
        Err(error) => panic!("none of {commits:?}: {error}\n{:?}", image.keys()),
    };
    let commit = usize::try_from(index.stats().commits).unwrap();
    assert!(commits.contains(&commit), "commit {commit}, not of {commits:?}");
    assert_eq!(contents(&index).unwrap(), expected[commit]);
    commit
}

/// Checks that an error is one of the disk.
fn check_told(error: &Error) {
    assert!(matches!(error, Error::Index { source: IndexError::Io { .. }, .. }), "{error:?}");
}

/// Crashes at each change of the disk while commits are written, and at each while the next writer goes
/// on behind one image in sixteen: the images hold what was reported before, or the commit on its way too.
/// How many images of the first crash there were, and of the second.
fn crash_anywhere<C>(
    commits: &[C],
    write: impl Fn(&Disk, &[C], &mut dyn FnMut()) -> Result<(), Error>,
    check: impl Fn(&Image, RangeInclusive<usize>) -> usize,
) -> (usize, usize) {
    let random = RefCell::new(random(7));
    // Visits the images, so many at each change, with the commits that they may hold.
    let crash = |disk: &Disk, from: usize, to: usize, most: usize, visit: &mut Visit| {
        let mut ends = vec![0];
        write(disk, &commits[from..to], &mut || ends.push(disk.changes())).unwrap();
        check(&disk.live(), to..=to);
        for change in 0..=disk.changes() {
            let least = from + ends.partition_point(|&end| end <= change) - 1;
            let latest = (least + 1).min(to);
            let random = || random.borrow_mut()();
            disk.images(change, most, random, |image| visit(&image, least..=latest));
        }
    };
    let (mut images, mut again) = (0, 0);
    crash(&Disk::default(), 0, commits.len(), images_at_each_change(), &mut |image, may_be| {
        images += 1;
        let commit = check(image, may_be);
        if images % 16 == 0 {
            let to = (commit + 2).min(commits.len());
            crash(&Disk::from_image(image), commit, to, 4, &mut |image, may_be| {
                again += 1;
                check(image, may_be);
            });
        }
    });
    println!(
        "{images} images of a crash, {again} of a second one while the next writer was at work"
    );
    (images, again)
}

type Visit<'a> = dyn FnMut(&Image, RangeInclusive<usize>) + 'a;

fn images_at_each_change() -> usize {
    let default = if cfg!(debug_assertions) { 20 } else { 6000 };
    std::env::var("DEDUP_IMAGES").map_or(default, |images| images.parse().expect("a number"))
}

fn random(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        state.rotate_left(29) ^ state >> 7
    }
}

#[test]
fn a_crash_at_any_moment_leaves_the_last_commit() {
    let commits = commits();
    let expected = expected(&commits);
    let (images, again) = crash_anywhere(
        &commits,
        |disk, commits, committed| write(disk, commits, committed),
        |image, commits| check_image(image, commits, &expected),
    );
    assert!(images > 300 && again > 1000, "{images} and {again} images");
}

/// The second commit has new versions of an article of the first and of one of its own.
#[test]
fn a_crash_leaves_old_versions_or_new_ones() {
    let line = |n: usize| format!("Notice {n}: the {} bridge is closed until noon.", n * 7919);
    let article = |id: &str, lines: &[usize]| {
        (id.to_owned(), lines.iter().map(|&n| line(n)).collect::<Vec<_>>().join("\n"))
    };
    // Its id is so long that a group ends behind it: what is replaced begins in the midst of a run.
    let first = article(&"-".repeat(group::FULL), &[7, 1]);
    let commits = [
        vec![first, article("a", &[1, 2]), article("b", &[2, 3, 1])],
        vec![article("c", &[4, 1]), article("a", &[3, 5]), article("c", &[5, 6, 4])],
    ];
    let after = [
        vec![],
        commits[0].clone(),
        [&commits[0][0], &commits[0][2], &commits[1][1], &commits[1][2]].map(Clone::clone).to_vec(),
    ];
    let expected = after.map(|articles| {
        let mut deduper = Deduper::with_config(&config()).unwrap();
        let mut push = |(id, text): (String, String)| {
            let article = deduper.push(id, text).unwrap();
            (article.id().to_owned(), article.text().into_owned())
        };
        articles.into_iter().map(&mut push).collect::<Vec<_>>()
    });
    let write = |disk: &Disk, commits: &[Vec<(String, String)>], committed: &mut dyn FnMut()| {
        let mut deduper = writer_with(disk, Versions::Replace)?;
        for articles in commits {
            for (id, text) in articles {
                deduper.push_new(id.as_str(), text.as_str())?;
            }
            if let Err(error) = deduper.checkpoint() {
                // Part of what is to be ingested again may be missing: it must not be committed so.
                assert!(deduper.checkpoint().is_err(), "after {error}");
                return Err(error);
            }
            committed();
        }
        Ok(())
    };
    let check = |image: &Image, commits| check_image(image, commits, &expected);
    let (images, again) = crash_anywhere(&commits, write, check);
    assert!(images > 100 && again > 100, "{images} and {again} images");
    let whole = Disk::default();
    write(&whole, &commits, &mut || ()).unwrap();
    for operation in 0..whole.operations() {
        let disk = Disk::default();
        disk.fail(operation, Fault::Half, ErrorKind::StorageFull);
        let mut reported = 0;
        if let Err(error) = write(&disk, &commits, &mut || reported += 1) {
            check_told(&error);
        }
        check(&disk.live(), reported..=(reported + 1).min(2));
    }
}

/// What is done with an index.
enum Step {
    Push(String, String),
    Commit,
    /// The writer is dropped; the next one is another.
    Drop,
    /// All ids that begin so.
    Withdraw(&'static str),
}

/// Steps by chance, which begin with a commit.
fn history(mut random: impl FnMut() -> u64) -> Vec<Step> {
    let mut below = move |most: usize| usize::try_from(random() % most as u64).unwrap();
    let line = |n: usize| format!("Notice {n}: the {} bridge is closed until noon.", n * 7919);
    let mut steps = vec![Step::Commit];
    for _ in 0..16 {
        steps.push(match below(10) {
            0..=5 => {
                let number = below(9);
                // Some so long that a group ends behind them: what is cut begins in the midst of a run.
                let id = ["a", "b", "c"][number % 3].to_owned() + &number.to_string();
                let id = id + &"-".repeat(if number < 2 { group::FULL } else { 0 });
                let lines: Vec<String> = (0..=below(3)).map(|_| line(below(6))).collect();
                Step::Push(id, lines.join("\n"))
            }
            6 | 7 => Step::Commit,
            8 => Step::Drop,
            _ => Step::Withdraw(["a", "b", "c"][below(3)]),
        });
    }
    steps.push(Step::Commit);
    steps
}

/// Takes all steps; says after each that may have committed something.
fn take(
    disk: &Disk,
    versions: Versions,
    steps: &[Step],
    mut committed: impl FnMut(),
) -> Result<(), Error> {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let mut deduper = None;
    for step in steps {
        if let Step::Push(..) | Step::Commit = step
            && deduper.is_none()
        {
            deduper = Some(writer_with(disk, versions)?);
        }
        match (step, &mut deduper) {
            (Step::Push(id, text), Some(deduper)) => {
                deduper.push_new(id.as_str(), text.as_str())?;
            }
            (Step::Commit, Some(deduper)) => {
                deduper.checkpoint()?;
                committed();
            }
            (Step::Withdraw(prefix), deduper) => {
                *deduper = None;
                withdraw_in(&storage, Path::new("disk"), |id| id.starts_with(prefix))?;
                committed();
            }
            _ => deduper = None,
        }
    }
    Ok(())
}

/// The contents after each commit, from none on, and how many commits there are after each step that may
/// have committed something.
fn contents_of(versions: Versions, steps: &[Step]) -> (Vec<Vec<(String, String)>>, Vec<usize>) {
    let (mut committed, mut ends) = (vec![vec![]], vec![0]);
    let (mut articles, mut is_new): (Vec<(String, String)>, bool) = (Vec::new(), true);
    for step in steps {
        match step {
            Step::Push(id, text) => {
                let newest = articles.iter().rev().find(|(other, _)| other == id);
                if newest.is_some_and(|(_, newest)| newest == text) {
                    continue;
                }
                articles.push((id.clone(), text.clone()));
                is_new = true;
                continue;
            }
            Step::Commit if versions == Versions::Replace => {
                let newer = articles.clone();
                let mut number = 0;
                articles.retain(|(id, _)| {
                    number += 1;
                    newer[number..].iter().all(|(other, _)| other != id)
                });
            }
            Step::Commit => {}
            Step::Drop | Step::Withdraw(_) => {
                articles = committed.last().unwrap().clone();
                let prefix = if let Step::Withdraw(prefix) = step { prefix } else { "-" };
                articles.retain(|(id, _)| !id.starts_with(prefix));
                is_new = articles.len() < committed.last().unwrap().len();
                if let Step::Drop = step {
                    continue;
                }
            }
        }
        if is_new {
            committed.push(articles.clone());
        }
        is_new = false;
        ends.push(committed.len() - 1);
    }
    let left = |articles: Vec<(String, String)>| {
        let mut deduper = Deduper::with_config(&config()).unwrap();
        let mut push = |(id, text): (String, String)| {
            let article = deduper.push(id, text).unwrap();
            (article.id().to_owned(), article.text().into_owned())
        };
        articles.into_iter().map(&mut push).collect()
    };
    (committed.into_iter().map(left).collect(), ends)
}

/// Whatever is done with an index: new versions, articles withdrawn, writers dropped.
#[test]
fn a_crash_or_an_error_at_any_moment_of_a_history_leaves_a_commit() {
    let (histories, each) = if cfg!(debug_assertions) { (6, 4) } else { (60, 1) };
    let first = std::env::var("DEDUP_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let (mut images, mut errors, mut withdrawn) = (0, 0, 0);
    for seed in first..first + histories {
        let mut random = random(seed);
        let versions = if seed % 2 == 0 { Versions::Keep } else { Versions::Replace };
        let steps = history(&mut random);
        let (expected, commits) = contents_of(versions, &steps);
        withdrawn += expected.windows(2).filter(|pair| pair[1].len() < pair[0].len()).count();
        let disk = Disk::default();
        let mut ends = vec![0];
        take(&disk, versions, &steps, || ends.push(disk.changes())).unwrap();
        assert_eq!(ends.len(), commits.len(), "seed {seed}");
        let last = expected.len() - 1;
        check_image(&disk.live(), last..=last, &expected);
        // After so many steps that may have committed something, and during the next.
        let between = |steps: usize| commits[steps]..=commits[(steps + 1).min(commits.len() - 1)];
        for change in 0..=disk.changes() {
            let may_be = between(ends.partition_point(|&end| end <= change) - 1);
            disk.images(change, 12, &mut random, |image| {
                images += 1;
                check_image(&image, may_be.clone(), &expected);
            });
        }
        for operation in (0..disk.operations()).step_by(each) {
            let disk = Disk::default();
            let kind = [ErrorKind::Other, ErrorKind::StorageFull][operation / each % 2];
            disk.fail(operation, Fault::Half, kind);
            let mut reported = 0;
            let done = take(&disk, versions, &steps, || reported += 1);
            let commit = check_image(&disk.live(), between(reported), &expected);
            if let Err(error) = done {
                errors += 1;
                check_told(&error);
            }
            // Whoever comes next finds nothing in the way, and leaves nothing over.
            if commit > 0 {
                let storage: Arc<dyn Storage> = Arc::new(disk.clone());
                withdraw_in(&storage, Path::new("disk"), |_| false).unwrap();
                check_leftovers::<Recipe>(&disk, usize::MAX);
            }
        }
    }
    println!(
        "{images} images of a crash, {errors} errors, {withdrawn} commits with fewer articles"
    );
    assert!(images > 1000 && errors > 100 && withdrawn > 2, "{images}, {errors}, {withdrawn}");
}

/// Checks that a writer that ended with an error has left no run behind, unless the commit may have
/// come about.
fn check_leftovers<R: Rules>(disk: &Disk, reported: usize) {
    let manifest = Manifest::<R>::read(disk).unwrap();
    let (commit, named) =
        manifest.map_or((0, 0), |manifest| (manifest.commit, manifest.runs.len()));
    let runs = disk.live().keys().filter(|name| name.starts_with("run-")).count();
    assert!(runs == named || commit > reported as u64, "{runs} runs, {named} named");
}

#[test]
fn an_error_of_the_disk_at_any_operation_is_said_and_loses_nothing() {
    let commits = commits();
    let expected = expected(&commits);
    let disk = Disk::default();
    write(&disk, &commits, || ()).unwrap();
    let operations = disk.operations();
    let usual = Manifest::<Recipe>::read(&disk).unwrap().unwrap().runs.len();
    let mut random = random(11);
    let (mut told, mut unmerged) = (0, 0);
    for operation in 0..operations {
        for (fault, kind) in [
            (Fault::Nothing, ErrorKind::Other),
            (Fault::Half, ErrorKind::StorageFull),
            (Fault::Half, ErrorKind::TimedOut),
        ] {
            let disk = Disk::default();
            disk.fail(operation, fault, kind);
            let mut reported = 0;
            let done = write(&disk, &commits, || reported += 1);
            assert!(disk.has_failed());
            if let Err(error) = &done {
                told += 1;
                check_told(error);
                check_leftovers::<Recipe>(&disk, reported);
            } else if kind == ErrorKind::StorageFull {
                // Without room to merge, what is new is committed all the same.
                let runs = Manifest::<Recipe>::read(&disk).unwrap().unwrap().runs.len();
                unmerged += usize::from(runs > usual);
                check_leftovers::<Recipe>(&disk, usize::MAX);
            }
            let may_be = reported..=(reported + 1).min(commits.len());
            check_image(&disk.live(), may_be.clone(), &expected);
            disk.images(disk.changes(), 8, &mut random, |image| {
                check_image(&image, may_be.clone(), &expected);
            });
            // Whoever comes next goes on as if nothing had been.
            let next = Disk::from_image(&disk.live());
            write(&next, &commits, || ()).unwrap();
            assert_eq!(contents(&reader(&next).unwrap()).unwrap(), *expected.last().unwrap());
        }
    }
    println!("{operations} operations, {told} errors, {unmerged} times without a merge");
    assert!(told > operations && unmerged > 5, "{told} errors, {unmerged} times without a merge");
}

#[test]
fn after_a_failed_commit_the_engine_says_no() {
    let commits = commits();
    let whole = Disk::default();
    write(&whole, &commits[..1], || ()).unwrap();
    for operation in 0..whole.operations() {
        let disk = Disk::default();
        disk.fail(operation, Fault::Nothing, ErrorKind::Other);
        let Ok(mut deduper) = writer(&disk) else { continue };
        for (id, text) in &commits[0] {
            deduper.push(id.as_str(), text.as_str()).unwrap();
        }
        if deduper.checkpoint().is_ok() {
            continue; // leftovers that could not be removed
        }
        let poisoned = |error| matches!(error, Error::Index { source: IndexError::Poisoned, .. });
        assert!(deduper.checkpoint().is_err_and(poisoned));
        assert!(deduper.push("z", "z").is_err_and(poisoned));
    }
}

#[test]
fn there_is_one_writer_and_any_number_of_readers() {
    let commits = commits();
    let expected = expected(&commits);
    let disk = Disk::default();
    write(&disk, &commits[..1], || ()).unwrap();
    let first = reader(&disk).unwrap();
    let mut deduper = writer(&disk).unwrap();
    assert!(
        writer(&disk).is_err_and(|error| {
            matches!(error, Error::Index { source: IndexError::Locked, .. })
        })
    );
    for (commit, articles) in commits.iter().enumerate().skip(1) {
        for (id, text) in articles {
            deduper.push(id.as_str(), text.as_str()).unwrap();
        }
        deduper.checkpoint().unwrap();
        assert_eq!(contents(&first).unwrap(), expected[1]);
        assert_eq!(contents(&reader(&disk).unwrap()).unwrap(), expected[commit + 1]);
    }
    drop(deduper);
    assert!(writer(&disk).is_ok());
}

/// A text that has all there is.
fn question() -> String {
    commits().concat().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

/// All that can be asked of an index.
fn ask(disk: &Disk) -> Result<impl PartialEq + std::fmt::Debug + use<>, Error> {
    let index = reader(disk).map_err(|source| Error::Index { path: "disk".into(), source })?;
    let found = index.find(&question())?;
    let (mut originals, mut articles, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    for article in index.articles() {
        let article = article?;
        originals.push(index.original(article.id())?);
        sources.push(index.sources_at(article.number())?);
        articles.push(article);
    }
    Ok((found, originals, articles, sources, index.stats()))
}

/// Asks an index in which anything may be, as far as there are answers.
fn ask_anyway(index: &Index) {
    let _ = index.find(&question());
    for article in index.articles().flatten() {
        let _ = index.original(article.id());
        let _ = index.sources_at(article.number());
    }
    for share in [0.5, 1.0] {
        let _ = index.clusters(share);
    }
    for rule in [Frequent::Articles(2), Frequent::ShareOfSource(0.1)] {
        let Ok(boilerplate) = index.boilerplate(rule, |id, _| id.to_owned()) else { continue };
        let _ = boilerplate.passages();
        let _ = boilerplate.articles().count();
    }
}

fn small() -> Image {
    let disk = Disk::default();
    write(&disk, &commits()[..1], || ()).unwrap();
    let image = disk.live();
    assert!(image.contains_key(MANIFEST) && !image.contains_key(MANIFEST_NEW));
    image
}

/// Damages each file of an image in each way: bytes changed by `flips`, the end cut off, one byte more, and
/// lengths, wherever they are, set to huge ones.
fn each_damage(image: &Image, flips: &[u8], mut visit: impl FnMut(&str, Vec<u8>, &str)) {
    for (name, bytes) in image {
        for at in 0..bytes.len() {
            for flip in flips {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                visit(name, bytes, &format!("byte {at} ^ {flip:#x}"));
            }
            visit(name, bytes[..at].to_vec(), &format!("cut to {at}"));
        }
        visit(name, [&bytes[..], &[0]].concat(), "one byte more");
        for at in 0..bytes.len().saturating_sub(8) {
            let mut bytes = bytes.clone();
            bytes[at..at + 8].copy_from_slice(&(u64::MAX >> (at % 9)).to_le_bytes());
            visit(name, bytes, &format!("a huge number at {at}"));
        }
    }
}

#[test]
fn no_damage_makes_a_wrong_answer() {
    let image = small();
    let right = ask(&Disk::from_image(&image)).unwrap();
    let mut damaged = 0;
    let mut check = |name: &str, bytes: Vec<u8>, what: &str| {
        let mut image = image.clone();
        image.insert(name.to_owned(), bytes);
        damaged += 1;
        let disk = Disk::from_image(&image);
        if let Ok(answer) = ask(&disk) {
            assert_eq!(answer, right, "{name}: {what}");
        }
        let verified = reader(&disk).is_ok_and(|index| index.verify().is_ok());
        assert!(!verified, "{name}: {what} is not found");
    };
    let flips = if cfg!(debug_assertions) { &[0x01][..] } else { &[0x01, 0x80, 0xFF] };
    each_damage(&image, flips, &mut check);
    for (name, bytes) in &image {
        // Parts in each other's place.
        for len in [16, 64, 200] {
            for (a, b) in (0..bytes.len() / len).flat_map(|a| (0..a).map(move |b| (a, b))) {
                let mut swapped = bytes.clone();
                let (front, back) = swapped.split_at_mut(a * len);
                front[b * len..][..len].swap_with_slice(&mut back[..len]);
                if swapped != *bytes {
                    check(name, swapped, &format!("parts {a} and {b} of {len} swapped"));
                }
            }
        }
    }
    println!("{damaged} damaged indexes");
}

#[test]
fn a_run_is_cut_as_if_no_more_had_come() {
    // An id so long that a group has one article.
    let mut articles: Vec<_> = commits().into_iter().flatten().collect();
    for (number, (id, text)) in articles.iter_mut().enumerate() {
        *id = number.to_string().repeat(group::FULL);
        // Ends that lie anywhere in a granule, and text of more than a block.
        text.push_str(&"!".repeat(number % 9));
        let own =
            (0..20_000).filter(|_| number % 4 == 1).map(|at| (at * 7919 + number).to_string());
        text.extend(own);
    }
    let written = |count: usize| {
        let disk = Disk::default();
        write(&disk, &[articles[..count].to_vec()], || ()).unwrap();
        let manifest = Manifest::<Recipe>::read(&disk).unwrap().unwrap();
        let run = Run::open(&disk, manifest.runs[0]).unwrap();
        (disk, run)
    };
    let (disk, whole) = written(articles.len());
    assert_eq!(whole.groups(), articles.len());
    for count in 1..articles.len() {
        let head = run::write_head(&disk, 90 + count as u64, &whole, count).unwrap();
        let head = Run::open(&disk, head).unwrap();
        let (_, fresh) = written(count);
        let totals = |run: &Run| {
            let directory = &run.directory;
            let ranges = [directory.coordinates.clone(), directory.articles.clone()];
            (ranges, directory.kept, directory.totals)
        };
        assert_eq!(totals(&head), totals(&fresh));
        let text = |run: &Run| -> Vec<u8> {
            (0..run.text_blocks()).flat_map(|at| run.text_block(at).unwrap()).collect()
        };
        assert!(text(&head) == text(&fresh), "{count}");
        for at in 0..count {
            assert!(head.group_bytes(at).unwrap() == fresh.group_bytes(at).unwrap());
        }
        for table in Table::ALL {
            let bits = [&head, &fresh].map(|run| run.directory.key_bits(table));
            let entries = |run: &Run| {
                let cut = run.directory.key_bits(table) - bits[0].min(bits[1]);
                let entries = run.entries(table).map(Result::unwrap);
                let entries = entries.map(|entry| (entry.key >> cut, entry.place, entry.value));
                let mut entries: Vec<_> = entries.collect();
                entries.sort_unstable();
                entries
            };
            assert_eq!(entries(&head), entries(&fresh), "{table:?} of {count}");
        }
    }
}

/// Puts a run with other descriptions of the articles of the one that there is in the place of that.
fn rewrite(disk: &Disk, describe: impl FnOnce(&[u8]) -> Vec<u8>) {
    let manifest = Manifest::<Recipe>::read(disk).unwrap().unwrap();
    let run = Run::open(disk, manifest.runs[0]).unwrap();
    let directory = &run.directory;
    let mut writer =
        RunWriter::create(disk, NonZero::<usize>::MIN, manifest.next_run, 0, 0).unwrap();
    writer.text(&run.text_block(0).unwrap()).unwrap();
    let mut groups = Groups::new(&mut writer);
    let bytes = describe(&run.group_bytes(0).unwrap());
    groups.article(GroupStart::default(), |described| described.extend_from_slice(&bytes)).unwrap();
    groups.finish().unwrap();
    let (coordinates, articles) = (directory.coordinates.end, directory.articles.end);
    writer.end_groups(coordinates, articles, directory.totals);
    for table in Table::ALL {
        writer.table(table, directory.key_bits(table), run.entries(table)).unwrap();
    }
    let runs = vec![writer.finish().unwrap()];
    let next_run = manifest.next_run + 1;
    Manifest { next_run, runs, ..manifest }.write(disk).unwrap();
}

/// Descriptions of articles that make no sense, in a run that is sound otherwise.
#[test]
fn senseless_descriptions_do_not_make_a_panic() {
    let image = small();
    let mut bytes = Vec::new();
    rewrite(&Disk::from_image(&image), |described| {
        bytes = described.to_vec();
        described.to_vec()
    });
    let mut opened = 0;
    let mut check = |bytes: &[u8]| {
        let disk = Disk::from_image(&image);
        rewrite(&disk, |_| bytes.to_vec());
        // None at all is seen when the run is opened.
        let Ok(index) = reader(&disk) else { return };
        opened += usize::from(index.verify().is_ok());
        ask_anyway(&index);
    };
    check(&bytes);
    for at in 0..bytes.len() {
        for value in
            [0, 1, 2, 0x7F, 0x80, 0xFF, bytes[at].wrapping_add(1), bytes[at].wrapping_sub(1)]
        {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            check(&bytes);
        }
        check(&bytes[..at]);
    }
    assert!(opened > 0);
}

/// Two segments that meet within a character are text together, and apart they are none.
#[test]
fn a_segment_that_ends_within_a_character_is_an_error() {
    let notice = "Notice: the bridge is closed until further notice.";
    let disk = Disk::default();
    // The notice is not so much of either that one would be a reprint.
    let articles = ["a", "b"].map(|id| (id.to_owned(), format!("{notice}\n{}ä", id.repeat(40))));
    write(&disk, &[articles.to_vec()], || ()).unwrap();
    let len = articles[0].1.len();
    let segments = |ends: &[usize]| {
        let starts = [0].iter().chain(ends);
        let new = starts.zip(ends).map(|(&start, &end)| Segment::New { range: start..end });
        // And the id that follows.
        [group::encode_segments(&new.collect::<Vec<_>>(), 0), b"\x01b".to_vec()].concat()
    };
    rewrite(&disk, |bytes| {
        let (whole, parted) = (segments(&[len]), segments(&[len - 1, len]));
        let at = memchr::memmem::find(bytes, &whole).unwrap();
        [&bytes[..at], &parted, &bytes[at + whole.len()..]].concat()
    });
    let index = reader(&disk).unwrap();
    let boilerplate = index.boilerplate(Frequent::Articles(2), |_, _| String::new()).unwrap();
    let articles: Vec<_> = boilerplate.articles().collect();
    assert!(matches!(articles[..], [Err(_), Ok(_)]), "{articles:?}");
}

/// Damage that a checksum does not show, as somebody might do who knows the format.
#[test]
fn checksums_that_agree_with_damage_do_not_make_a_panic() {
    let image = small();
    let question = question();
    let (run, bytes) = image.iter().find(|(name, _)| name.starts_with("run-")).unwrap();
    let manifest = &image[MANIFEST];
    let trailer_at = bytes.len() - 32;
    let u64_at =
        |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let directory = usize::try_from(u64_at(bytes, trailer_at)).unwrap();
    let mut opened = 0;
    let step = if cfg!(debug_assertions) { 5 } else { 1 };
    for at in (directory..trailer_at).step_by(step) {
        for value in [0, 1, 0x7F, 0x80, 0xFF, bytes[at].wrapping_add(1), bytes[at].wrapping_sub(1)]
        {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            let sum = super::wire::checksum(&bytes[directory..trailer_at]).to_le_bytes();
            bytes[trailer_at + 16..trailer_at + 24].copy_from_slice(&sum);
            let mut manifest = manifest.clone();
            let end = manifest.len() - 8;
            manifest[end - 8..end].copy_from_slice(&sum);
            let own = super::wire::checksum(&manifest[..end]).to_le_bytes();
            manifest[end..].copy_from_slice(&own);
            let mut image = image.clone();
            image.insert(run.clone(), bytes);
            image.insert(MANIFEST.to_owned(), manifest);
            let disk = Disk::from_image(&image);
            let Ok(index) = reader(&disk) else { continue };
            opened += 1;
            let _ = index.verify();
            ask_anyway(&index);
            let _ = writer(&disk).map(|mut deduper| deduper.push("z", question.as_str()).is_ok());
        }
    }
    println!("{opened} indexes opened");
    assert!(opened > 20, "{opened}");
}

/// Fingerprints in commits.
fn fingerprint_commits() -> Vec<Vec<Option<u64>>> {
    let mut random = random(17);
    (0..6).map(|commit| (0..commit * 7 + 3).map(|_| Some(random())).collect()).collect()
}

fn fingerprint_writer(disk: &Disk) -> Result<FingerprintWriter, IndexError> {
    let recipe = FingerprintRecipe::new(12, [7; 32]);
    FingerprintWriter::open_in(Arc::new(disk.clone()), Path::new("disk"), |_| Ok(recipe))
}

fn write_fingerprints(
    disk: &Disk,
    commits: &[Vec<Option<u64>>],
    mut committed: impl FnMut(),
) -> Result<(), Error> {
    let mut writer =
        fingerprint_writer(disk).map_err(|source| Error::Index { path: "disk".into(), source })?;
    for fingerprints in commits {
        writer.insert(fingerprints)?;
        writer.commit()?;
        committed();
    }
    Ok(())
}

fn fingerprints(disk: &Disk) -> Result<Vec<u64>, IndexError> {
    let set = Fingerprints::open_in(Arc::new(disk.clone()), Path::new("disk"))?;
    let mut all = set.collect()?;
    all.sort_unstable();
    Ok(all)
}

/// The sorted fingerprints after each commit, from none on.
fn expected_fingerprints(commits: &[Vec<Option<u64>>]) -> Vec<Vec<u64>> {
    (0..=commits.len())
        .map(|count| {
            let mut all: Vec<u64> = commits[..count].iter().flatten().flatten().copied().collect();
            all.sort_unstable();
            all
        })
        .collect()
}

/// Checks that an image holds the fingerprints of one of some commits, and says of which.
fn check_fingerprints(
    image: &Image,
    commits: RangeInclusive<usize>,
    expected: &[Vec<u64>],
) -> usize {
    let found = match fingerprints(&Disk::from_image(image)) {
        Ok(found) => found,
        Err(IndexError::Missing) if *commits.start() == 0 => return 0,
        Err(error) => panic!("after commit {}: {error}", commits.start()),
    };
    let commit = commits.clone().find(|&commit| expected[commit] == found);
    commit.unwrap_or_else(|| panic!("{} fingerprints are of none of {commits:?}", found.len()))
}

#[test]
fn a_crash_at_any_moment_leaves_the_fingerprints_of_the_last_commit() {
    let commits = fingerprint_commits();
    let expected = expected_fingerprints(&commits);
    let (images, again) = crash_anywhere(
        &commits,
        |disk, commits, committed| write_fingerprints(disk, commits, committed),
        |image, commits| check_fingerprints(image, commits, &expected),
    );
    assert!(images > 300 && again > 300, "{images} and {again} images");
}

#[test]
fn an_error_of_the_disk_loses_no_fingerprint_that_was_committed() {
    let commits = fingerprint_commits();
    let expected = expected_fingerprints(&commits);
    let whole = Disk::default();
    write_fingerprints(&whole, &commits, || ()).unwrap();
    let mut told = 0;
    for operation in 0..whole.operations() {
        for (fault, kind) in
            [(Fault::Nothing, ErrorKind::Other), (Fault::Half, ErrorKind::StorageFull)]
        {
            let disk = Disk::default();
            disk.fail(operation, fault, kind);
            let mut writer = match fingerprint_writer(&disk) {
                Ok(writer) => writer,
                Err(error) => {
                    assert!(matches!(error, IndexError::Io { .. }), "{error:?}");
                    continue;
                }
            };
            let mut reported = 0;
            for fingerprints in &commits {
                let done = writer.insert(fingerprints).and_then(|_| writer.commit());
                let Err(error) = done else {
                    reported += 1;
                    continue;
                };
                told += 1;
                check_told(&error);
                break;
            }
            let most = (reported + 1).min(commits.len());
            check_fingerprints(&disk.live(), reported..=most, &expected);
            // After a failed commit there is no other; after a failed read there may be.
            drop(writer);
            if reported < commits.len() {
                check_leftovers::<FingerprintRecipe>(&disk, reported);
            }
            check_fingerprints(&disk.live(), reported..=most, &expected);
            write_fingerprints(&disk, &commits, || ()).unwrap();
            assert_eq!(fingerprints(&disk).unwrap(), *expected.last().unwrap());
        }
    }
    println!("{} operations, {told} errors", whole.operations());
    assert!(told > whole.operations() / 2);
}

#[test]
fn no_damage_makes_wrong_fingerprints() {
    let disk = Disk::default();
    write_fingerprints(&disk, &fingerprint_commits()[..2], || ()).unwrap();
    let image = disk.live();
    let right = fingerprints(&disk).unwrap();
    let mut damaged = 0;
    each_damage(&image, &[0x01, 0x80, 0xFF], |name, bytes, what| {
        damaged += 1;
        let mut image = image.clone();
        image.insert(name.to_owned(), bytes);
        let disk = Disk::from_image(&image);
        assert!(fingerprints(&disk).is_err(), "{name}: {what}");
        let writer = fingerprint_writer(&disk);
        let seen = writer.map(|mut writer| writer.insert(&[Some(right[0])]));
        assert!(!matches!(seen, Ok(Ok(seen)) if seen != [true]));
    });
    println!("{damaged} damaged sets");
}

#[test]
fn a_version_that_is_replaced_costs_no_more_in_a_larger_index() {
    let text = |of: &str| blake3::hash(of.as_bytes()).to_string();
    let operations = |articles: usize| {
        let disk = Disk::default();
        let mut deduper = writer_with(&disk, Versions::Replace).unwrap();
        for id in (0..articles).map(|number| number.to_string()) {
            deduper.push(id.as_str(), text(&id)).unwrap();
        }
        deduper.checkpoint().unwrap();
        deduper.push("last", text("older")).unwrap();
        deduper.checkpoint().unwrap();
        deduper.push("last", text("newer")).unwrap();
        let before = disk.operations();
        deduper.checkpoint().unwrap();
        let operations = disk.operations() - before;
        let contents = contents(&reader(&disk).unwrap()).unwrap();
        assert_eq!(contents.len(), articles + 1);
        assert_eq!(contents.last().unwrap().1, text("newer"));
        operations
    };
    assert_eq!(operations(50), operations(2000));
}
