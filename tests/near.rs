//! Near copies: what goes is what the definition says, and edited copies do go.

#[allow(dead_code, reason = "shared with the tests of the oracle")]
mod support {
    //! Random numbers.
    pub(crate) mod corpus;
}

use dedup::{
    Article, Block, Cut, Deduper, Options, Segment, WithinArticle, canonical::canonicalise,
};
use proptest::prelude::*;
use support::corpus::Rng;
use unicode_normalization::char::is_combining_mark;

const SYLLABLES: [&str; 16] = [
    "ba", "ko", "mi", "ru", "ta", "se", "lo", "ne", "du", "vi", "ga", "pe", "zö", "hü", "ra", "ßi",
];

fn word(rng: &mut Rng) -> String {
    (0..2 + rng.below(3)).map(|_| rng.pick(&SYLLABLES)).collect()
}

/// Words, of which some are common, ended here and there.
fn paragraph(words: usize, common: &[String], rng: &mut Rng) -> Vec<String> {
    let mut text = Vec::new();
    for at in 0..words {
        let mut next =
            if rng.below(3) == 0 { common[rng.below(common.len())].clone() } else { word(rng) };
        if at % 12 == 11 {
            next.push('.');
        }
        text.push(next);
    }
    text
}

fn common(rng: &mut Rng) -> Vec<String> {
    (0..40).map(|_| word(rng)).collect()
}

/// Words changed, dropped and added, that many in all.
fn edited(words: &[String], edits: usize, rng: &mut Rng) -> Vec<String> {
    let mut words = words.to_vec();
    for _ in 0..edits {
        let at = rng.below(words.len());
        match rng.below(4) {
            0 => _ = words.remove(at),
            1 => words.insert(at, word(rng)),
            _ => words[at] = word(rng),
        }
    }
    words
}

fn engine(share: f64) -> Deduper {
    Options::new().near(share).deduper().unwrap()
}

/// Whether a source says what a part of a block does.
fn stands_for(source: &str, part: &str) -> bool {
    // The marks of the letter that it stands behind in the source may have changed places.
    let marks = part.starts_with(is_combining_mark) && source.ends_with(part);
    // A source that repeats itself is one period; spaces may stand between two, and at neither end.
    let period = || source.split_whitespace().flat_map(str::chars).cycle();
    let repeats = source.len() < part.len()
        && part.split_whitespace().flat_map(str::chars).zip(period()).all(|(a, b)| a == b);
    // A letter with all of its marks is a source of the letter with some.
    let letter = source.strip_prefix(part).is_some_and(|rest| rest.chars().all(is_combining_mark));
    source == part || marks || repeats || letter
}

/// Holds a near copy against its definition, and says how much of it has a source.
fn check_near(block: &Block, article: &Article, all: &[Article]) -> f64 {
    let original = article.original();
    let form = |text: &str| canonicalise(text).as_str().to_owned();
    let mut covered = 0;
    for source in &block.sources {
        let there = all.get(source.first.article).unwrap_or(article);
        let (own, its) =
            (&original[source.range.clone()], &there.original()[source.first.range.clone()]);
        assert!(stands_for(&form(its), &form(own)), "{own:?} for {its:?}");
        // A space between two parts stands in both.
        covered += form(own).len() + 1;
    }
    for change in &block.changes {
        let own = &original[change.range.clone()];
        let there = all.get(change.source.article).unwrap_or(article);
        let its = &there.original()[change.source.range.clone()];
        assert!(form(own).len() <= 64, "{own:?}");
        // What stands around a number may change, and the number stand in the change with it.
        let numeric = |text: &str| text.matches(char::is_numeric).collect::<String>();
        assert_eq!(numeric(own), numeric(its), "{own:?} for {its:?}");
        // A mark of a quotation is none inside a line.
        let plain = |text: &str| text.trim() == text && !text.contains('>');
        assert!(form(own) != form(its) || !plain(own) || !plain(its), "{own:?}");
        for (text, range) in [(original, &change.range), (there.original(), &change.source.range)] {
            let letter = |c: Option<char>| {
                c.is_some_and(|c| c.is_ascii_alphanumeric() || "äöüß".contains(c))
            };
            for at in [range.start, range.end] {
                let (before, after) = text.split_at(at);
                let cut = letter(before.chars().next_back()) && letter(after.chars().next());
                assert!(!cut, "a word is cut at {at} of {text:?}");
            }
        }
    }
    let whole = form(&original[block.range.clone()]).len();
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = covered as f64 / whole as f64;
    share
}

#[test]
fn edited_copies_go_and_what_goes_is_one() {
    let mut rng = Rng(7);
    let (mut copies, mut found) = (0, 0);
    for round in 0..30 {
        let common = common(&mut rng);
        let share = [0.5, 0.7, 0.8, 0.9][round % 4];
        let mut deduper = engine(share);
        let mut done: Vec<Article> = Vec::new();
        let mut texts: Vec<Vec<String>> = Vec::new();
        for number in 0..40 {
            let mut lines = Vec::new();
            for _ in 0..=rng.below(4) {
                if number > 5 && rng.below(2) == 0 {
                    let source = &texts[rng.below(texts.len())];
                    lines.push(edited(source, 1 + rng.below(source.len() / 30 + 1), &mut rng));
                    copies += usize::from(share <= 0.8);
                } else {
                    let words = 25 + rng.below(120);
                    let fresh = paragraph(words, &common, &mut rng);
                    texts.push(fresh.clone());
                    lines.push(fresh);
                }
            }
            let gap = if rng.below(2) == 0 { "\n" } else { "\n\n" };
            let text = lines.iter().map(|line| line.join(" ")).collect::<Vec<_>>().join(gap);
            let article = deduper.push(format!("a{number}"), text.as_str()).unwrap();
            assert_eq!(
                article.segments().iter().map(|s| s.range().len()).sum::<usize>(),
                text.len()
            );
            for block in article.blocks().iter().filter(|block| !block.changes.is_empty()) {
                assert!(check_near(block, &article, &done) >= share, "{block:?}");
                found += usize::from(share <= 0.8);
            }
            done.push(article);
        }
    }
    assert!(found * 100 >= copies * 95, "{found} of {copies}");
}

#[test]
fn numbers_and_new_sentences_are_news() {
    let mut rng = Rng(3);
    let common = common(&mut rng);
    let words = paragraph(60, &common, &mut rng);
    let text = words.join(" ");
    let with = |at: usize, word: &str| {
        let mut words = words.clone();
        words[at] = word.to_owned();
        words.join(" ")
    };
    let numbered = with(30, "1999");
    let mut deduper = engine(0.8);
    for (id, text, goes) in [
        ("first", text.clone(), false),
        ("edited", with(30, "gezwitscher"), true),
        ("with a number", numbered.clone(), false),
        ("with another number", numbered.replace("1999", "2001"), false),
        (
            "with a sentence",
            format!("{text} {}", paragraph(12, &common, &mut rng).join(" ")),
            false,
        ),
        ("with a word", format!("{text} tirili"), true),
        (
            "of half",
            format!("{} {}", words[..30].join(" "), paragraph(30, &common, &mut rng).join(" ")),
            false,
        ),
        ("edited as before", with(30, "gezwitscher"), true),
    ] {
        let article = deduper.push(id, text).unwrap();
        assert_eq!(article.is_repeat(), goes, "{id}");
    }
}

#[test]
fn other_signs_of_a_number_and_other_links_are_news() {
    let mut rng = Rng(17);
    let common = common(&mut rng);
    // The parts before and behind are shorter than a span.
    let words = paragraph(40, &common, &mut rng);
    let with = |word: &str| {
        let mut words = words.clone();
        words[20] = word.to_owned();
        words.join(" ")
    };
    for (one, other, goes) in [
        ("5", "-5", false),
        ("1.5", "1,5", false),
        ("2020.", "2020,", true),
        ("(2020)", "2020", true),
        ("10%", "10", false),
        ("XIV.", "XVI.", false),
        ("(II)", "II", true),
        ("I", "a", true),
        ("fourth", "fifth", false),
        ("am vierten", "im Vierten", true),
        ("May", "June", false),
        ("second", "gulls", true),
        ("www.herald.example/one", "www.herald.example/two", false),
        ("[gulls](/one.html)", "[gulls](/two.html)", false),
        ("one@herald.example", "two@herald.example", false),
        ("gulls", "terns", true),
    ] {
        let mut deduper = engine(0.8);
        assert!(!deduper.push("first", with(one)).unwrap().is_repeat());
        let article = deduper.push("second", with(other)).unwrap();
        assert_eq!(article.is_repeat(), goes, "{one} {other}");
        let closest = article.closest().filter(|_| goes);
        assert_eq!(closest.is_some_and(|closest| &*closest.id == "first"), goes, "{one} {other}");
    }
}

#[test]
fn text_without_spaces_may_have_numbers_and_links() {
    let text = |flower: &str, year: &str| {
        format!(
            "川沿いの{flower}は今年も早く咲き始め、{year}年から続く祭りの準備が進んでいる。役場（https://town.example/a）によると、\
             屋台は例年より多く並び、橋の上からは二つの岸が一度に見渡せるという。夜には灯がともり、帰りの船は遅くまで動く予定だ。"
        )
    };
    for (other, goes) in [
        (text("梅", "1975"), true),
        (text("桜の木", "1975"), true),
        (text("桜", "1976"), false),
        (text("桜", "1975").replace("二つ", "三つ"), false),
        (text("桜", "1975").replace("役場", "町役場"), true),
        (text("桜", "1975").replace("橋の上", "橋の3メートル上"), false),
        (text("桜", "1975").replace("橋の上", "橋の弐段上"), false),
        (text("桜", "1975").replace("example/a", "example/b"), false),
    ] {
        let mut deduper = engine(0.7);
        assert!(!deduper.push("first", text("桜", "1975")).unwrap().is_repeat());
        let article = deduper.push("second", other.as_str()).unwrap();
        assert_eq!(article.is_repeat(), goes, "{other}");
    }
}

#[test]
fn small_changes_do_not_add_up() {
    // Each version is near to the one before, but soon not to the first, which alone was kept.
    let mut rng = Rng(11);
    let common = common(&mut rng);
    let mut words = paragraph(80, &common, &mut rng);
    let mut deduper = engine(0.8);
    let mut kept: Vec<Article> = Vec::new();
    for version in 0..20 {
        let article = deduper.push(format!("{version}"), words.join(" ")).unwrap();
        match article.blocks() {
            [] => kept.push(article),
            [block] => {
                let source = block.sources[0].first.article;
                assert!(kept.iter().any(|kept| kept.number() == source), "{block:?}");
            }
            blocks => panic!("{blocks:?}"),
        }
        words = edited(&words, 5, &mut rng);
    }
    assert!((4..15).contains(&kept.len()), "{}", kept.len());
}

#[test]
fn a_near_copy_within_its_article() {
    let mut rng = Rng(5);
    let common = common(&mut rng);
    let words = paragraph(70, &common, &mut rng);
    let other = paragraph(40, &common, &mut rng).join(" ");
    let text =
        format!("{}\n\n{other}\n\n{}", words.join(" "), edited(&words, 3, &mut rng).join(" "));
    let article = engine(0.8).push("doubled", text).unwrap();
    assert_eq!(article.text(), format!("{}\n\n{other}", words.join(" ")));
    assert_eq!(article.blocks()[0].sources[0].first.article, 0);
    assert!((0.4..0.75).contains(&article.novelty()), "{}", article.novelty());
}

#[test]
fn a_part_of_a_paragraph_names_the_article_that_has_it() {
    // Too short for a run, and no whole paragraph there, so it is no repeat; and nothing of it was changed.
    let mut rng = Rng(8);
    let common = common(&mut rng);
    let words = paragraph(60, &common, &mut rng);
    let mut deduper = engine(0.8);
    deduper.push("first", words.join(" ")).unwrap();
    let part = deduper.push("part", words[20..35].join(" ")).unwrap();
    assert!(part.is_repeat() && part.repeats().is_empty() && part.blocks()[0].changes.is_empty());
    assert!(part.blocks()[0].is_near());
    let closest = part.closest().expect("all of it stands there");
    assert_eq!((&*closest.id, closest.share > 0.99), ("first", true));
}

#[test]
fn what_may_stay_within_its_article_is_no_near_copy_of_it() {
    let mut rng = Rng(5);
    let common = common(&mut rng);
    let words = paragraph(70, &common, &mut rng);
    let refrain = paragraph(12, &common, &mut rng).join(" ");
    let other = paragraph(40, &common, &mut rng).join(" ");
    let lines = [
        words.join(" "),
        refrain.clone(),
        other,
        edited(&words, 3, &mut rng).join(" "),
        refrain,
        words.join(" "),
    ];
    let text = lines.join("\n\n");
    for policy in [WithinArticle::Keep, WithinArticle::RemoveFrom(1000)] {
        let mut deduper =
            Options::new().near(0.8).min_paragraph(30).within_article(policy).deduper().unwrap();
        let song = deduper.push("song", text.as_str()).unwrap();
        assert_eq!((&*song.text(), song.blocks()), (&*text, &[][..]), "{policy:?}");
        // What another article has goes as ever.
        let cover = deduper.push("cover", edited(&words, 2, &mut rng).join(" ")).unwrap();
        assert!(cover.is_repeat(), "{policy:?}");
        assert_eq!(cover.blocks()[0].sources[0].first.article, 0);
    }
}

#[test]
fn an_exact_copy_of_a_near_copy_names_it() {
    let mut rng = Rng(6);
    let common = common(&mut rng);
    let words = paragraph(70, &common, &mut rng);
    let near = edited(&words, 2, &mut rng).join(" ");
    let mut deduper = engine(0.8);
    deduper.push("first", words.join(" ")).unwrap();
    deduper.push("near", near.as_str()).unwrap();
    let copy = deduper.push("copy", near.as_str()).unwrap();
    assert!(copy.is_repeat() && !copy.blocks()[0].is_near());
    let [block] = copy.blocks() else { panic!("{:?}", copy.blocks()) };
    assert!(block.changes.is_empty());
    let ids: Vec<&str> = block.sources.iter().map(|source| &*source.first.id).collect();
    assert!(ids.contains(&"first") && ids.contains(&"near"), "{ids:?}");
}

#[test]
fn what_is_near_is_so_for_any_number_of_threads_and_any_memory() {
    let mut rng = Rng(9);
    let common = common(&mut rng);
    let mut texts: Vec<Vec<String>> = Vec::new();
    let mut lines = String::new();
    for _ in 0..400 {
        let text = if texts.len() > 20 && rng.below(2) == 0 {
            let source = &texts[rng.below(texts.len())];
            edited(source, 1 + rng.below(4), &mut rng)
        } else {
            let words = 30 + rng.below(400);
            paragraph(words, &common, &mut rng)
        };
        lines.push_str(&serde_json::json!({ "text": text.join(" ") }).to_string());
        lines.push('\n');
        texts.push(text);
    }
    let run = |threads: usize, memory: usize| -> Vec<(Vec<Segment>, Vec<Block>)> {
        let mut options = Options::new();
        options.near(0.8).threads(threads).memory(memory);
        let reader = std::io::Cursor::new(lines.clone());
        let articles = options.reader("lines", reader).unwrap();
        articles
            .map(|article| article.map(|a| (a.segments().to_vec(), a.blocks().to_vec())).unwrap())
            .collect()
    };
    let one = run(1, 1 << 30);
    assert!(one.iter().flat_map(|(_, blocks)| blocks).any(|block| !block.changes.is_empty()));
    assert_eq!(one, run(4, 1 << 30));
    assert_eq!(one, run(2, 0));
}

#[cfg(feature = "index")]
#[test]
fn what_is_near_is_so_in_any_number_of_steps() {
    let mut rng = Rng(12);
    let common = common(&mut rng);
    let dir = tempfile::tempdir().unwrap();
    let mut at_once = engine(0.7);
    let writer = || Options::new().near(0.7).index(dir.path()).deduper().unwrap();
    let mut in_steps = writer();
    let mut texts: Vec<Vec<String>> = Vec::new();
    let mut near = 0;
    for number in 0..200 {
        let text = if texts.len() > 10 && rng.below(2) == 0 {
            let source = &texts[rng.below(texts.len())];
            edited(source, 1 + rng.below(4), &mut rng)
        } else {
            let words = 30 + rng.below(200);
            paragraph(words, &common, &mut rng)
        };
        if rng.below(8) == 0 {
            in_steps.checkpoint().unwrap();
            drop(in_steps);
            in_steps = writer();
        }
        let expected = at_once.push(format!("{number}"), text.join(" ")).unwrap();
        let stepped = in_steps.push(format!("{number}"), text.join(" ")).unwrap();
        assert_eq!(expected.blocks(), stepped.blocks(), "{number}");
        near += usize::from(expected.is_repeat());
        texts.push(text);
    }
    assert!(near > 50);
    in_steps.checkpoint().unwrap();
    let index = dedup::Index::open(dir.path()).unwrap();
    index.verify().unwrap();
    for (number, text) in texts.iter().enumerate() {
        let original = index.original(&number.to_string()).unwrap().unwrap();
        assert_eq!(original, text.join(" "));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Texts that are put together of the same few pieces, in all modes at once.
    #[test]
    fn any_text_in_any_mode(
        pieces in prop::collection::vec("\\PC{0,60}|[a-zäß .!?0-9\n>„“-]{0,120}", 1..6),
        articles in prop::collection::vec(prop::collection::vec((0..6_usize, 0..4_usize), 0..12), 1..6),
        mode in 0..18_u8,
    ) {
        let mut options = Options::new();
        options.min_span(32).min_paragraph(8);
        if mode % 2 == 0 {
            options.near(0.5);
        }
        match mode / 2 % 3 {
            1 => _ = options.cut(Cut::Span),
            #[cfg(feature = "sentences")]
            2 => _ = options.cut(Cut::Sentence),
            _ => {}
        }
        match mode / 6 {
            1 => _ = options.within_article(WithinArticle::Keep),
            2 => _ = options.within_article(WithinArticle::RemoveFrom(50)),
            _ => {}
        }
        let mut deduper = options.deduper().unwrap();
        let mut done: Vec<Article> = Vec::new();
        for (number, article) in articles.iter().enumerate() {
            let text: String = article
                .iter()
                .flat_map(|&(piece, gap)| [&*pieces[piece % pieces.len()], [" ", "\n", "\n\n", ""][gap]])
                .collect();
            let article = deduper.push(number.to_string(), text.as_str()).unwrap();
            let mut at = 0;
            for segment in article.segments() {
                prop_assert_eq!(segment.range().start, at);
                at = segment.range().end;
            }
            prop_assert_eq!(at, text.len());
            for block in article.blocks() {
                prop_assert!(!block.sources.is_empty());
                if !block.changes.is_empty() {
                    check_near(block, &article, &done);
                }
            }
            done.push(article);
        }
    }
}

#[test]
fn impossible_options_are_errors() {
    for share in [0.0, 0.49, 1.01, f64::NAN, -1.0, f64::INFINITY] {
        assert!(Options::new().near(share).deduper().is_err(), "{share}");
    }
    assert!(Options::new().near(1.0).near(0.5).deduper().is_ok());
}

#[cfg(feature = "index")]
#[test]
fn an_index_contains_what_it_has_a_near_copy_of() {
    let report = "The ferry across the lower reach does not run on Sunday, says the harbour office, as the \
                  cable has to be greased before the ice comes.";
    let place = tempfile::tempdir().unwrap();
    for (name, share, contained) in [("exact", None, false), ("near", Some(0.8), true)] {
        let mut options = Options::new();
        options.index(place.path().join(name));
        share.map(|share| options.near(share));
        let mut deduper = options.deduper().unwrap();
        deduper.push("herald", report).unwrap();
        deduper.checkpoint().unwrap();
        let index = dedup::Index::open(place.path().join(name)).unwrap();
        let edited = report.replace("ferry", "boat");
        assert!(index.contains(report).unwrap());
        assert_eq!(index.contains(&edited).unwrap(), contained, "{name}");
        assert_eq!(deduper.push("courier", edited).unwrap().is_repeat(), contained, "{name}");
        assert!(!index.contains(&report.replace("Sunday", "28 May")).unwrap());
    }
}
