//! What a finished index tells of all its articles: reprints, boilerplate, and which copy stays.

use std::cmp::Reverse;
use std::path::Path;

use dedup::{Cut, Deduper, Error, Frequent, Index, Options};

/// A paragraph of its own for each number.
fn story(number: usize) -> String {
    let word = |at: usize| {
        let mut hash = (number * 131 + at).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut word = String::new();
        for _ in 0..4 + at % 3 {
            hash = (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word.push(char::from(b'a' + u8::try_from(hash >> 40 & 0xF).expect("four bits")));
        }
        word
    };
    (0..40).map(word).collect::<Vec<_>>().join(" ")
}

const FOOTER: &str = "You get this letter because you asked for it. To get it no more, answer it with one \
    word, and we shall be sorry.";
const NOTICE: &str = "All rights to these texts are with those who wrote them; they may be printed elsewhere \
    once they have agreed to it.";

fn writer(dir: &Path) -> Deduper {
    Options::new().index(dir).deduper().unwrap()
}

fn made(dir: &Path, articles: &[(&str, String)]) -> Index {
    let mut deduper = writer(dir);
    for (number, (id, text)) in articles.iter().enumerate() {
        deduper.push(*id, text.as_str()).unwrap();
        if number % 3 == 2 {
            deduper.checkpoint().unwrap();
        }
    }
    deduper.checkpoint().unwrap();
    Index::open(dir).unwrap()
}

#[test]
fn reprints_are_grouped_around_what_they_repeat() {
    let long = || format!("{} {}", story(2), story(20));
    let dir = tempfile::tempdir().unwrap();
    let index = made(
        dir.path(),
        &[
            ("0 agency", story(1)),
            ("1 other", long()),
            ("2 herald", format!("By wire.\n\n{}", story(1))),
            ("3 digest", format!("{}\n\n{}", story(1), long())),
            ("4 reprint of the digest", format!("{}\n\n{}", story(1), long())),
            ("5 doubled", format!("{}\n\n{}", story(3), story(3))),
            ("6 courier", long()),
            ("7 empty", String::new()),
        ],
    );
    let clusters = |share: f64| -> Vec<(usize, Vec<usize>)> {
        let clusters = index.clusters(share).unwrap();
        let numbers =
            |cluster: &dedup::Cluster| cluster.reprints.iter().map(|r| r.article).collect();
        clusters.iter().map(|cluster| (cluster.article, numbers(cluster))).collect()
    };
    assert_eq!(clusters(0.9), [(0, vec![2]), (1, vec![6])]);
    // What was removed names who keeps it, and the digest keeps nothing.
    assert_eq!(clusters(0.5), [(0, vec![2]), (1, vec![3, 4, 6])]);
    let reprint = index.clusters(0.9).unwrap()[0].reprints[0];
    assert!((0.9..1.0).contains(&reprint.share));
    for share in [0.0, 0.49, 1.1, f64::NAN] {
        assert!(matches!(index.clusters(share), Err(Error::Option { option: "clusters", .. })));
    }
}

#[test]
fn a_reprint_of_what_repeats_itself_is_one() {
    let doubled = format!("{}\n\n{}", story(1), story(1));
    let menu = "Home\n".repeat(400);
    for text in [doubled, menu] {
        let dir = tempfile::tempdir().unwrap();
        let index = made(
            dir.path(),
            &[("first", text.clone()), ("second", text.clone()), ("third", text.clone())],
        );
        let clusters = index.clusters(0.9).unwrap();
        assert_eq!(clusters.len(), 1, "{clusters:?}");
        let reprints: Vec<usize> = clusters[0].reprints.iter().map(|r| r.article).collect();
        assert_eq!((clusters[0].article, reprints), (0, vec![1, 2]));
        // So it is no boilerplate either.
        let boilerplate = index.boilerplate(Frequent::Articles(2), |_, _| String::new()).unwrap();
        assert_eq!(boilerplate.passages().unwrap(), []);
    }
}

#[test]
fn the_space_between_two_parts_is_repeated_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("{} {}", story(4), story(5));
    let index = made(
        dir.path(),
        &[
            ("first", format!("{}\n\n{}\n\n{}", story(1), story(2), story(3))),
            ("in another order", format!("{}\n\n{}\n\n{}", story(3), story(1), story(2))),
            ("other", long.clone()),
            ("of two", format!("{}\n\n{long}", story(2))),
        ],
    );
    assert_eq!(index.article_at(1).unwrap().unwrap().text(), "");
    let clusters = index.clusters(1.0).unwrap();
    assert_eq!(clusters.len(), 1, "{clusters:?}");
    let reprints: Vec<_> = clusters[0].reprints.iter().map(|r| (r.article, r.share)).collect();
    assert_eq!((clusters[0].article, reprints), (0, vec![(1, 1.0)]));
    // What lies between parts of two articles is of neither.
    let clusters = index.clusters(0.5).unwrap();
    let [reprint] = clusters[1].reprints[..] else { panic!("{clusters:?}") };
    assert_eq!((clusters[1].article, reprint.article), (2, 3));
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = long.len() as f64 / (story(2).len() + 1 + long.len()) as f64;
    assert_eq!(reprint.share.to_bits(), share.to_bits());
}

#[test]
fn a_space_is_no_boilerplate_and_parts_none() {
    let passages = |texts: &[String], least: usize| -> Vec<(usize, String)> {
        let dir = tempfile::tempdir().unwrap();
        let texts: Vec<_> = texts.iter().map(|text| ("", text.clone())).collect();
        let index = made(dir.path(), &texts);
        let rule = Frequent::Articles(least);
        let boilerplate = index.boilerplate(rule, |_, _| String::new()).unwrap();
        let text = |passage: &dedup::Passage| {
            let original = index.original_at(passage.first.article).unwrap().unwrap();
            original[passage.first.range.clone()].to_owned()
        };
        let passages = boilerplate.passages().unwrap();
        passages.iter().map(|passage| (passage.articles, text(passage))).collect()
    };
    // What comes twice in a row stands where that was kept first, and the space between where it came
    // twice first, between two copies that went.
    let twice = |number: usize| format!("{}\n\n{FOOTER}\n\n{FOOTER}", story(number));
    let mut texts = vec![format!("{FOOTER}\n\n{}\n\n{FOOTER}\n\n{FOOTER}", story(0))];
    texts.extend((1..4).map(twice));
    assert_eq!(passages(&texts, 2), [(4, FOOTER.to_owned())]);
    // Two parts that more articles have than have them in this order.
    let in_order = |number: usize| format!("{}\n\n{FOOTER}\n\n{NOTICE}", story(number));
    let turned = |number: usize| format!("{}\n\n{NOTICE}\n\n{FOOTER}", story(number));
    let texts: Vec<String> = (0..3).map(in_order).chain((3..6).map(turned)).collect();
    for least in [2, 6] {
        assert_eq!(passages(&texts, least), [(6, format!("{FOOTER}\n\n{NOTICE}"))]);
    }
}

#[test]
fn boilerplate_is_what_stands_in_many_articles() {
    let dir = tempfile::tempdir().unwrap();
    let letter = |number: usize| format!("{}\n\n{FOOTER}\n\n{NOTICE}\n", story(number));
    let mut articles: Vec<(String, String)> =
        (0..6).map(|n| (format!("letters/{n}"), letter(n))).collect();
    articles.push(("paper/1".into(), format!("{}\n\n{NOTICE}", story(50))));
    // Syndicated, however often, is no boilerplate.
    articles.extend((0..9).map(|n| (format!("wire/{n}"), story(70))));
    let articles: Vec<(&str, String)> =
        articles.iter().map(|(id, text)| (id.as_str(), text.clone())).collect();
    let index = made(dir.path(), &articles);
    let folder = |id: &str, path: Option<&Path>| {
        assert_eq!(path, None);
        id.split('/').next().unwrap_or_default().to_owned()
    };

    let passages = |rule: Frequent| -> Vec<(usize, String)> {
        let boilerplate = index.boilerplate(rule, folder).unwrap();
        let text = |passage: &dedup::Passage| {
            let id = index.id_at(passage.first.article).unwrap().unwrap();
            index.original(&id).unwrap().unwrap()[passage.first.range.clone()].to_owned()
        };
        let passages = boilerplate.passages().unwrap();
        passages.iter().map(|passage| (passage.articles, text(passage))).collect()
    };
    assert_eq!(passages(Frequent::Articles(7)), [(7, NOTICE.to_owned())]);
    assert_eq!(passages(Frequent::Articles(6)), [(6, format!("{FOOTER}\n\n{NOTICE}"))]);
    assert_eq!(passages(Frequent::Articles(8)), []);
    let both = [(6, format!("{FOOTER}\n\n{NOTICE}"))];
    assert_eq!(passages(Frequent::ShareOfSource(1.0)), both);
    assert_eq!(passages(Frequent::ShareOfSource(0.1)), both);

    let free: Vec<_> = index
        .boilerplate(Frequent::Articles(6), folder)
        .unwrap()
        .articles()
        .map(Result::unwrap)
        .collect();
    let all: Vec<_> = index.articles().map(Result::unwrap).collect();
    assert_eq!(free.len(), all.len());
    for (free, all) in free.iter().zip(&all) {
        assert!(!free.text().contains("sorry") && !free.text().contains("rights"), "{free:?}");
        assert_eq!(free.id(), all.id());
        assert_eq!(free.original_len(), all.original_len());
        let segments = free.segments();
        assert_eq!(segments.first().map_or(0, |first| first.range.start), 0);
        assert!(segments.windows(2).all(|two| two[0].range.end == two[1].range.start));
    }
    assert_eq!(free[0].text().trim_end(), story(0));
    assert_eq!(free[0].segments().iter().filter(|segment| segment.boilerplate).count(), 1);
    assert!(free[1..].iter().zip(&all[1..]).all(|(free, all)| free == all));

    for rule in [
        Frequent::Articles(1),
        Frequent::ShareOfSource(0.0),
        Frequent::ShareOfSource(1.5),
        Frequent::ShareOfSource(f64::NAN),
    ] {
        let error = index.boilerplate(rule, folder).unwrap_err();
        assert!(matches!(error, Error::Option { option: "boilerplate", .. }), "{error}");
    }
}

#[test]
fn a_share_of_articles_is_reached_by_just_as_many() {
    // 0.28 times 25 is a little more than seven, as machines count.
    for (count, have, share) in [(25, 7, 0.28), (100, 7, 0.07), (10, 3, 0.3)] {
        let dir = tempfile::tempdir().unwrap();
        let with_footer = |number| format!("{}\n\n{FOOTER}", story(number));
        let text = |number| if number < have { with_footer(number) } else { story(number) };
        let texts: Vec<(String, String)> = (0..count).map(|n| (n.to_string(), text(n))).collect();
        let articles: Vec<_> = texts.iter().map(|(id, text)| (id.as_str(), text.clone())).collect();
        let index = made(dir.path(), &articles);
        let found = |share| {
            let rule = Frequent::ShareOfSource(share);
            index.boilerplate(rule, |_, _| String::new()).unwrap().passages().unwrap().len()
        };
        assert_eq!((found(share), found(share + 0.001)), (1, 0), "{share}");
    }
}

#[test]
fn a_letter_that_differs_is_no_boilerplate() {
    // Near copies that differ in a word of one letter, and spans around a mark.
    let (mut near, mut spans) = (Options::new(), Options::new());
    near.near(0.8);
    spans.cut(Cut::Span);
    for (mut options, middles) in [(near, [" P ", " Q ", " R "]), (spans, ["+", "-", "*"])] {
        let dir = tempfile::tempdir().unwrap();
        let mut deduper = options.index(dir.path()).deduper().unwrap();
        let text = |number: usize| {
            format!("{}\n\n{}{}{}", story(number), story(90), middles[number], story(91))
        };
        for number in 0..3 {
            deduper.push(number.to_string(), text(number)).unwrap();
        }
        deduper.checkpoint().unwrap();
        let index = Index::open(dir.path()).unwrap();
        let boilerplate = index.boilerplate(Frequent::Articles(3), |_, _| String::new()).unwrap();
        let first_text = text(0);
        let passages: Vec<String> = boilerplate
            .passages()
            .unwrap()
            .iter()
            .map(|passage| first_text[passage.first.range.clone()].trim().to_owned())
            .collect();
        assert_eq!(passages, [story(90), story(91)]);
        // So the paragraph is none from end to end.
        let first = boilerplate.articles().next().unwrap().unwrap();
        assert_eq!(first.text(), first_text);
    }
}

#[test]
fn a_reprint_counts_for_nothing_though_it_keeps_the_text() {
    let dir = tempfile::tempdir().unwrap();
    let wire = || (1..6).map(story).collect::<Vec<_>>().join(" ");
    let with_footer = |text: String| format!("{text}\n\n{FOOTER}");
    let index = made(
        dir.path(),
        &[
            ("agency", wire()),
            ("reprint", with_footer(wire())),
            ("herald", with_footer(story(7))),
            ("courier", with_footer(story(8))),
        ],
    );
    let found = |least| {
        let rule = Frequent::Articles(least);
        let boilerplate = index.boilerplate(rule, |_, _| String::new()).unwrap();
        boilerplate.passages().unwrap().iter().map(|passage| passage.articles).collect::<Vec<_>>()
    };
    assert_eq!((found(2), found(3)), (vec![2], vec![]));
}

#[test]
fn boilerplate_goes_from_the_middle_and_only_as_whole_paragraphs() {
    let dir = tempfile::tempdir().unwrap();
    let inside = format!("He said: {NOTICE} That was all.");
    let index = made(
        dir.path(),
        &[
            ("0", format!("{}\n{FOOTER}\n\n{}\n{inside}\n", story(1), story(2))),
            ("1", format!("{}\n{FOOTER}\n{NOTICE}\n{}\n", story(3), story(5))),
            ("2", format!("{FOOTER}\n{}\n{NOTICE}", story(4))),
        ],
    );
    let boilerplate = index.boilerplate(Frequent::Articles(3), |_, _| String::new()).unwrap();
    assert_eq!(boilerplate.passages().unwrap().len(), 1);
    let texts: Vec<String> =
        boilerplate.articles().map(|article| article.unwrap().into_text()).collect();
    assert_eq!(texts[0], format!("{}\n\n{}\n{inside}\n", story(1), story(2)));
    assert_eq!(texts[1], format!("{}\n{NOTICE}\n{}\n", story(3), story(5)));
    assert_eq!(texts[2], story(4));
}

#[test]
fn what_came_again_with_the_same_content_stays_in_any_order() {
    let place = tempfile::tempdir().unwrap();
    let (by_time, by_text) = (place.path().join("time"), place.path().join("text"));
    let mut deduper = Options::new().index(&by_time).deduper().unwrap();
    for text in ["ebb", "flood", "ebb"] {
        deduper.push("tide", text).unwrap();
    }
    deduper.checkpoint().unwrap();
    drop(deduper);
    let index = Index::open(&by_time).unwrap();
    index.rearrange(&by_text, |article| article.text().to_owned() + article.id()).unwrap();
    assert_eq!(Index::open(&by_text).unwrap().stats().articles, 3);
    let mut deduper = Options::new().index(&by_time).deduper().unwrap();
    deduper.push("other", "calm").unwrap();
    deduper.checkpoint().unwrap();
    drop(deduper);
    Index::withdraw(&by_time, |id| id == "other").unwrap();
    assert_eq!(Index::open(&by_time).unwrap().stats().articles, 3);
}

#[test]
fn another_order_keeps_other_copies() {
    let dir = tempfile::tempdir().unwrap();
    let (arrived, longest) = (dir.path().join("arrived"), dir.path().join("longest"));
    let articles = [
        ("short", story(1)),
        ("long", format!("{}\n\n{}", story(1), story(2))),
        ("middle", format!("{}\n\nAnd.", story(2))),
    ];
    let index = made(&arrived, &articles);
    index.rearrange(&longest, |article| Reverse(article.original_len())).unwrap();
    let rearranged = Index::open(&longest).unwrap();
    rearranged.verify().unwrap();
    let direct = dir.path().join("direct");
    let expected = made(&direct, &[articles[1].clone(), articles[2].clone(), articles[0].clone()]);
    let all = |index: &Index| index.articles().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(all(&rearranged), all(&expected));
    assert_eq!(rearranged.article("short").unwrap().unwrap().text(), "");
    // The same key for all is the order of arrival.
    let same = dir.path().join("same");
    index.rearrange(&same, |_| 0).unwrap();
    assert_eq!(all(&Index::open(&same).unwrap()), all(&index));
    let error = index.rearrange(&same, |_| 0).unwrap_err();
    assert!(matches!(error, Error::Index { .. }), "{error}");
}
