//! The crate against an oracle that shares no code with it.
//!
//! `DEDUP_CORPORA` sets how many seeded corpora are tried and `DEDUP_SEED` the first of their
//! seeds.

mod support {
    //! The oracle, what is checked against it, and the corpora.
    pub(crate) mod check;
    pub(crate) mod corpus;
    pub(crate) mod cut;
    pub(crate) mod oracle;
}

use proptest::prelude::*;

use dedup::{Cut, Options, WithinArticle};
use support::check::{check, check_within, push_all};
use support::corpus::{Recipe, Rng, fresh, parts_of_one, shrink};
use support::cut::check_cut;
use support::oracle::canonicalise;

/// The value of an environment variable, or `default`.
fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value.parse().expect("a number"),
        Err(_) => default,
    }
}

/// The number of the check that failed.
fn kind(message: &str) -> &str {
    message.get(..7).unwrap_or(message)
}

#[test]
fn corpora() {
    let first = setting("DEDUP_SEED", 1);
    for seed in first..first + setting("DEDUP_CORPORA", 1000) {
        let recipe = Recipe::seeded(seed);
        let (span, paragraph) = (recipe.min_span, recipe.min_paragraph);
        let articles = recipe.build();
        let Err(message) = check(&articles, span, paragraph) else {
            continue;
        };
        let small = shrink(articles, |less| {
            check(less, span, paragraph).is_err_and(|e| kind(&e) == kind(&message))
        });
        let why = check(&small, span, paragraph).expect_err("shrinking keeps the failure");
        panic!(
            "seed {seed}, min_span {span}, min_paragraph {paragraph}\n{message}\n\
             smaller: {small:#?}\n{why}"
        );
    }
}

/// Corpora that fail a check, made small.
fn hold(count: u64, what: &str, check: impl Fn(&[String], &Recipe) -> Result<(), String>) {
    let first = setting("DEDUP_SEED", 1);
    for seed in first..first + setting("DEDUP_CORPORA", 1000) * count / 4 {
        let recipe = Recipe::seeded(seed);
        let articles = recipe.build();
        if check(&articles, &recipe).is_ok() {
            continue;
        }
        let small = shrink(articles, |less| check(less, &recipe).is_err());
        let why = check(&small, &recipe).expect_err("shrinking keeps the failure");
        let (span, paragraph) = (recipe.min_span, recipe.min_paragraph);
        panic!("{what}, seed {seed}, {span} and {paragraph}: {small:#?}\n{why}");
    }
}

#[test]
fn corpora_that_keep_what_repeats_its_own_article() {
    hold(1, "keep", |articles, recipe| {
        let policy = WithinArticle::Keep;
        check_within(articles, recipe.min_span, recipe.min_paragraph, policy)
    });
    hold(1, "remove from", |articles, recipe| {
        let policy = WithinArticle::RemoveFrom(recipe.min_span * 5 / 4);
        check_within(articles, recipe.min_span, recipe.min_paragraph, policy)
    });
}

#[test]
fn corpora_whose_articles_agree_about_as_far_as_a_run() {
    let first = setting("DEDUP_SEED", 1);
    for seed in first..first + setting("DEDUP_CORPORA", 1000) / 25 {
        let rng = &mut Rng(seed ^ 0x7EE << 40);
        let span = rng.pick(&[32, 33, 40, 48, 64, 100, 200, 256]);
        let paragraph = if span > 80 { 80 } else { 8 + rng.below(span - 8) };
        let policy = rng.pick(&[
            WithinArticle::Remove,
            WithinArticle::Remove,
            WithinArticle::Keep,
            WithinArticle::RemoveFrom(span * 5 / 4),
        ]);
        let check = |articles: &[String]| check_within(articles, span, paragraph, policy);
        let articles = parts_of_one(span, rng);
        if check(&articles).is_ok() {
            continue;
        }
        let small = shrink(articles, |less| check(less).is_err());
        let why = check(&small).expect_err("shrinking keeps the failure");
        panic!("seed {seed}, {span} and {paragraph}, {policy:?}: {small:#?}\n{why}");
    }
}

#[test]
fn corpora_that_are_cut_within_paragraphs() {
    hold(1, "spans", |articles, recipe| {
        check_cut(articles, recipe.min_span, recipe.min_paragraph, Cut::Span)
    });
    #[cfg(feature = "sentences")]
    hold(1, "sentences", |articles, recipe| {
        check_cut(articles, recipe.min_span, recipe.min_paragraph, Cut::Sentence)
    });
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let op = any::<(u8, u16, u16, u16, u8)>();
    let articles = prop::collection::vec(prop::collection::vec(op, 0..12), 1..6);
    (any::<u8>(), 32_usize..=64, any::<u64>(), articles).prop_flat_map(
        |(style, min_span, salt, articles)| {
            (8..min_span).prop_map(move |min_paragraph| Recipe {
                style,
                min_span,
                min_paragraph,
                salt,
                articles: articles.clone(),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_corpus(recipe in recipes()) {
        let articles = recipe.build();
        if let Err(e) = check(&articles, recipe.min_span, recipe.min_paragraph) {
            return Err(TestCaseError::fail(format!("{e}\n{articles:#?}")));
        }
    }

    #[test]
    fn any_text(articles in prop::collection::vec("\\PC{0,80}|[ab\n>… \u{301}é\"-]{0,160}", 1..5)) {
        if let Err(e) = check(&articles, 32, 12) {
            return Err(TestCaseError::fail(e));
        }
    }

    #[test]
    fn canonical_forms(text in "\\PC{0,30}|[ab\r\n> …ﬁ\u{301}\u{316}é\"\u{ad}\u{a0}-]{0,60}") {
        canonical_form_agrees(&text).map_err(TestCaseError::fail)?;
    }
}

fn canonical_form_agrees(text: &str) -> Result<(), String> {
    let theirs = dedup::canonical::canonicalise(text);
    let theirs = theirs.as_str();
    let ours = String::from_utf8(canonicalise(text).text).expect("canonical text is UTF-8");
    if theirs == ours {
        Ok(())
    } else {
        Err(format!("{text:?} is {theirs:?}, the oracle says {ours:?}"))
    }
}

#[test]
fn canonical_forms_of_corpora() {
    for seed in 0..500 {
        for text in Recipe::seeded(seed).build() {
            if let Err(e) = canonical_form_agrees(&text) {
                panic!("seed {seed}: {e}");
            }
        }
    }
    // Without optimisation it would take a minute to try them all.
    let every = if cfg!(debug_assertions) { 17 } else { 1 };
    let rare = ('\u{3000}'..=char::MAX).step_by(every);
    for c in ('\0'..'\u{3000}').chain(rare) {
        for text in [
            format!("{c}"),
            format!("a{c}"),
            format!("{c}\u{301}b"),
            format!("\n{c}> q"),
            format!("e{c}\u{301}"),
        ] {
            if let Err(e) = canonical_form_agrees(&text) {
                panic!("{e}");
            }
        }
    }
}

/// Checks texts at a small span and the default one.
fn trap(articles: &[&str]) {
    let articles: Vec<String> = articles.iter().map(ToString::to_string).collect();
    for (span, paragraph) in [(32, 8), (32, 31), (33, 20), (64, 40), (200, 80)] {
        if let Err(e) = check(&articles, span, paragraph) {
            panic!("min_span {span}, min_paragraph {paragraph}: {e}\n{articles:#?}");
        }
    }
}

/// Word-like text that the same `salt` repeats and another does not.
fn words(len: usize, salt: u64) -> String {
    fresh(8, len, &mut Rng(salt))
}

#[test]
fn empty_and_tiny_articles() {
    trap(&[]);
    trap(&["", "", "a", "a", "\n", ">", "\u{feff}", " \r\n ", "é", "\u{301}", ""]);
}

#[test]
fn body_appended_to_itself() {
    let mut body = String::new();
    for i in 0..12 {
        body.push_str(&words(20 + 17 * i, i as u64));
        body.push('\n');
        body.push_str("Inwiefern?\n");
    }
    trap(&[&format!("{body}{body}")]);
    trap(&[&format!("{body}\n{body}\n{body}")]);
    trap(&[&body, &body, &body]);
}

#[test]
fn repeats_that_touch_both_ends() {
    let (a, b) = (words(70, 1), words(90, 2));
    trap(&[&a, &a]);
    trap(&[&a, &format!("{a} tail"), &format!("head {a}"), &a]);
    trap(&[&format!("{a}\n{b}"), &format!("{b}\n{a}"), &format!("{b}{a}{b}")]);
}

#[test]
fn repeats_that_overlap_and_nest() {
    let all = words(600, 3);
    trap(&[
        &all[..300],
        &all[150..450],
        &all[250..],
        &all,
        &all[200..280],
        &format!("{}\n{}", &all[100..260], &all[220..400]),
    ]);
}

#[test]
fn chains_lead_to_kept_text() {
    let (a, b, c) = (words(120, 4), words(130, 5), words(110, 6));
    trap(&[
        &a,
        &format!("{a}\n{b}"),
        &format!("{a}\n{b}\n{c}"),
        &format!("{b}\n{c}\n{a}"),
        &format!("{a}\n{b}\n{c}"),
    ]);
}

#[test]
fn source_half_removed_half_kept() {
    let (a, b, c) = (words(250, 7), words(260, 8), words(240, 9));
    let both = format!("{a}\n\n{b}");
    trap(&[&a, &both, &format!("{both}\n\n{c}"), &format!("{c}\n\n{both}\n\n{c}")]);
    // One paragraph here, two there.
    trap(&[&a, &format!("{a}\n{b}"), &format!("{a} {b}")]);
}

#[test]
fn same_text_in_other_clothes() {
    let plain = "\"Die Fahrt nach K\u{f6}ln\" - so hei\u{df}t es... - dauert 'zwei' Stunden, \
                 und \u{e9}tait-il l\u{e0}? \u{c5}ngstr\u{f6}m sagt: \"Ja, es war 1-2 mal dort.\" Ende.";
    let dressed = plain
        .replace("\"Die", "\u{201e}Die")
        .replace('"', "\u{201c}")
        .replace(" - ", " \u{2013} ")
        .replace("...", "\u{2026}")
        .replace('\'', "\u{2019}")
        .replace('\u{f6}', "o\u{308}")
        .replace('\u{e9}', "e\u{301}")
        .replace('\u{c5}', "\u{212b}");
    let quoted = format!("> {}", plain.replace(' ', "\n> "));
    let spaced = plain.replace(' ', "\u{a0}\u{200b} ");
    let soft = plain.replace("un", "u\u{ad}n");
    let crlf = plain.replace(' ', "\r\n");
    for first in [plain, &dressed, &quoted] {
        trap(&[first, plain, &dressed, &quoted, &spaced, &soft, &crlf]);
        trap(&[&[first, &dressed, &quoted, &spaced, &soft, &crlf].join("\n\n")]);
    }
}

#[test]
fn ellipsis_at_the_ends() {
    let body = words(64, 10);
    trap(&[
        &format!("...{body}..."),
        &format!("\u{2026}{body}\u{2026}"),
        &format!("x..{body}..y"),
        &format!("x\u{2026}{body}\u{2026}y"),
        &format!(".{body}."),
    ]);
}

#[test]
fn marks_that_combine_across_the_ends() {
    let body = words(64, 11);
    trap(&[
        &format!("e\u{301}{body}e\u{301}"),
        &format!("\u{e9}{body}\u{e9}"),
        &format!("a\u{301}{body}e"),
        &format!("e{body}e\u{300}"),
        &format!(" \u{301}{body}a\u{316}"),
        &format!("u\u{301}{body}a\u{316}\u{301}"),
    ]);
}

#[test]
fn lines_of_nothing_but_marks() {
    // Without optimisation the longest take half a minute.
    let times = [1, 8, 31, 32, 33, 70, if cfg!(debug_assertions) { 120 } else { 230 }];
    for period in ["-", "=", "x", "ab", "abc", "abcde", "abcdefg", "- ", "äö", "中丰", "…", "é"]
    {
        for times in times {
            let line = period.repeat(times);
            trap(&[&line, &line]);
            trap(&[&format!("{line}\nend"), &format!("start\n{line}"), &line]);
            trap(&[&format!("{line}\n").repeat(9)]);
        }
    }
}

#[test]
fn columns_of_one_letter() {
    trap(&[&"x\n".repeat(300)]);
    trap(&[&"x\ny\nz\n".repeat(90), "x\ny\nz", &"y\n\nz\n\nx\n\n".repeat(70)]);
}

#[test]
fn periodic_text_inside_and_over_edges() {
    let long = "abcde".repeat(60);
    trap(&[
        &format!("start {long} end"),
        &format!("{}\n{}\nlast", &long[..140], &long[3..150]),
        &format!("other\n{long}"),
        &long[2..90],
    ]);
}

#[test]
fn one_footer_many_bodies() {
    let footer = words(90, 12);
    let mut articles = Vec::new();
    for i in 0..40 {
        let gap = ["\n", "\n\n", " ", ""][i % 4];
        articles.push(format!("{}{gap}{footer}", words(60 + i, 100 + i as u64)));
    }
    let articles: Vec<&str> = articles.iter().map(String::as_str).collect();
    trap(&articles);
}

#[test]
fn paragraphs_at_the_limits() {
    for (span, paragraph) in [(32_usize, 8_usize), (64, 40), (200, 80)] {
        for len in [paragraph - 1, paragraph, paragraph + 1, span - 1, span, span + 1] {
            let line = words(len, 13);
            let articles = [
                format!("{}\n\n{line}\n\n{}", words(50, 14), words(50, 15)),
                format!("{}\n\n{line}\n\n{}", words(50, 16), words(50, 17)),
                line.clone(),
                format!("x{line}\n\n{line}x\n\n{line}"),
            ];
            check(&articles, span, paragraph).unwrap_or_else(|e| panic!("{len}: {e}"));
            let (docs, _) =
                push_all(&articles, span, paragraph, &mut Options::new()).expect("pushed");
            assert_eq!(!docs[2].blocks().is_empty(), len >= paragraph, "{len}");
        }
    }
}

#[test]
fn short_lines_go_only_with_their_run() {
    let (a, b) = (words(150, 18), words(150, 19));
    trap(&[
        &format!("{a}\nInwiefern?\n{b}"),
        &format!("Inwiefern?\n\nnew\n\nInwiefern?\n\n{}", words(40, 20)),
        &format!("{a}\nInwiefern?\n{b}\n\nInwiefern?"),
    ]);
}

#[test]
fn characters_that_share_bytes() {
    for (one, two) in [("ä", "ö"), ("é", "è"), ("中", "丰"), ("\u{1f600}", "\u{1f601}"), ("ä", "Ť")]
    {
        for body in [words(64, 21), one.repeat(40), format!("{two}{one}").repeat(30)] {
            trap(&[
                &format!("{one}{body}{one}"),
                &format!("{two}{body}{two}"),
                &format!("{one}{body}{two}"),
                &format!("a\n{two}{body}{one}\nb"),
                &body,
            ]);
        }
    }
}

/// Short repeats never join over the end of the article that they come from.
#[test]
fn short_paragraphs_of_two_articles() {
    let (a, b) = (words(20, 27), words(21, 28));
    trap(&[&a, &b, &format!("{a}\n\n{b}"), &format!("{b}\n\n{a}\n\n{b}")]);
}

/// Nor over a line of one byte, though as much stands between others where lines are parted by a
/// space; where they are parted by nothing they do.
#[test]
fn short_paragraphs_without_spaces() {
    let (a, b) = ("駅前の橋は", "閉まります");
    trap(&[
        &format!("{a}\n\na\n\n{b}"),
        &format!("{a}\n\na\n\n{b}"),
        &format!("{a} a\n\n{b}\n\na"),
    ]);
    let articles = [format!("{a}\n\n{b}"), format!("{a}\n\n\n{b}"), format!("{b}\n\n{a}")];
    let (docs, _) = push_all(&articles, 32, 8, &mut Options::new()).expect("pushed");
    let repeats = |doc: usize| docs[doc].repeats().len();
    assert_eq!((repeats(1), docs[1].blocks().len()), (1, 1));
    assert_eq!((repeats(2), docs[2].blocks().len()), (2, 2));
}

/// Whether a repeat is exact is said of its own source, though that was removed there.
#[test]
fn exact_speaks_of_removed_sources() {
    let text = words(220, 29);
    let lines = text.replace(' ', "\n");
    trap(&[&text, &format!("{lines}\n\nnew"), &format!("more\n\n{lines}")]);
    trap(&[&text, &format!("{lines}\nnew {lines}"), &format!("more {text}\n\n{text}")]);
}

/// Both halves of a character can repeat without the character.
#[test]
fn halves_of_a_character() {
    let (a, b) = (words(80, 22), words(80, 23));
    trap(&[
        &format!("{a}\u{f6}"),   // c3 b6
        &format!("\u{164}x{b}"), // c5 a4
        &format!("{a}\u{164}"),
        &format!("\u{e4}{b}"), // c3 a4
        &format!("{a}\u{e4}{b}"),
    ]);
    trap(&[&format!("{a}\u{f6}"), &format!("\u{164}{b}"), &format!("{a}\u{e4}{b}")]);
}

/// A paragraph of one character, covered by two runs that meet inside it.
#[test]
fn paragraph_of_two_halves() {
    let (a, b) = (words(80, 22), words(80, 23));
    trap(&[
        &format!("{a}\n\n\u{f6}"),
        &format!("\u{164}\n\n{b}"),
        &format!("new {a}\n\n\u{e4}\n\n{b} new"),
    ]);
}

#[test]
fn hot_phrase_in_many_articles() {
    let phrase = words(40, 24);
    let mut rng = Rng(25);
    let mut articles = Vec::new();
    for i in 0..300 {
        // Contexts of up to thirty bytes repeat, so that some runs reach the span and some do not.
        let left = words(rng.below(30), rng.next() % 6);
        let right = words(rng.below(30), rng.next() % 6);
        let (head, tail) = (words(20, 1000 + i), words(20, 2000 + i));
        articles.push(format!("{head} {left}{phrase}{right} {tail}"));
    }
    for (span, paragraph) in [(64, 20), (48, 20), (41, 20), (32, 10)] {
        check(&articles, span, paragraph).unwrap_or_else(|e| panic!("{span}: {e}"));
    }
}

#[test]
fn hot_footer_of_thousands() {
    let footer = words(300, 26);
    let mut articles = Vec::new();
    for i in 0..3000 {
        articles.push(format!("Report {i}: {}\n\n{footer}\n", words(200, 5000 + i)));
    }
    let (docs, stats) = push_all(&articles, 200, 80, &mut Options::new()).expect("pushed");
    for (doc, text) in docs.iter().zip(&articles).skip(1) {
        let start = text.len() - footer.len() - 1;
        assert_eq!(doc.blocks().len(), 1, "{}", doc.id());
        assert_eq!(doc.blocks()[0].range, start..start + footer.len());
        let first = &doc.blocks()[0].sources[0].first;
        assert_eq!(first.article, 0);
        assert_eq!(&articles[0][first.range.clone()], footer);
    }
    assert!(docs[0].blocks().is_empty());
    assert_eq!(stats.blocks, 2999);
}
