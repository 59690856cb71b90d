//! A newsletter whose whole body was appended to itself: the case that the crate starts from.
//!
//! On text of our own, and on `../shared/seeds` where that is there.

use std::path::{Path, PathBuf};

use dedup::{Article, Deduper, ingest};

/// A long span that stands in the teaser and in the guest article, in different paragraphs.
const SHARED: &str = "wer am alten Stellwerk aus dem Zug steigt, hört zuerst nichts: keine Durchsage, \
    keinen Verkehr, nur den Wind in den Pappeln und das Ticken der Weichenheizung, die niemand mehr \
    abgestellt hat, seit die Strecke vor zwölf Jahren stillgelegt wurde und Brombeeren das zweite \
    Gleis übernahmen";

/// The body of a newsletter: one paragraph per line, no blank lines, some lines very short.
fn newsletter() -> String {
    let mut lines = vec![
        "Guten Morgen,".to_owned(),
        format!("heute lesen Sie in der Gastreportage: {SHARED}. Vorher das Wichtigste in Kürze."),
    ];
    for n in 1..=20 {
        lines.push(format!(
            "Gutachten {n} beziffert die Kosten auf {} Euro und die Bauzeit auf {} Monate, sofern die \
             Brücke bei Kilometer {} nicht erneuert werden muss.",
            n * 17_500,
            n + 3,
            n * 2 + 1,
        ));
        lines.push("Inwiefern?".to_owned());
        lines.push(format!("Das liegt am Moor, das dort {n} Meter tief ist."));
    }
    lines.push("Gastreportage".to_owned());
    lines.push(format!("Nun also hinaus: {SHARED}, und hinter dem Bahnsteig beginnt ein Pfad."));
    lines.push("Bis morgen!".to_owned());
    lines.join("\n")
}

/// Checks that an article is a body of `bytes` in `paragraphs`, a line break and the same body again,
/// and that just the second one went.
#[track_caller]
fn assert_doubled(article: &Article, bytes: usize, paragraphs: usize) {
    let original = article.original();
    let second = bytes + 1..original.len();
    assert_eq!(original[..bytes], original[second.clone()]);
    assert_eq!(article.text(), original[..bytes]);

    let [block] = article.blocks() else { panic!("{:#?}", article.blocks()) };
    assert_eq!(block.paragraphs, paragraphs..2 * paragraphs);
    assert_eq!(block.range, second);
    let [source] = &block.sources[..] else { panic!("{:#?}", block.sources) };
    assert_eq!(source.range, second);
    assert_eq!((source.first.article, &*source.first.id), (0, article.id()));
    assert_eq!(source.first.range, 0..bytes);
    assert!(source.exact);
}

/// Checks that a repeat of at least `min` bytes lies in the first body and came from there.
#[track_caller]
fn assert_repeat_within(article: &Article, bytes: usize, min: usize) {
    let within = article.repeats().iter().any(|repeat| {
        repeat.range.end <= bytes && repeat.range.len() >= min && *repeat.source.id == *article.id()
    });
    assert!(within, "{:#?}", article.repeats());
}

#[test]
fn a_doubled_newsletter_keeps_its_first_body() {
    let body = newsletter();
    let doubled = format!("{body}\n{body}");
    let article = Deduper::new().push("newsletter", doubled).expect("text in memory");
    assert_doubled(&article, body.len(), body.lines().count());
    assert_repeat_within(&article, body.len(), SHARED.len());
}

#[test]
fn short_lines_stay_where_their_neighbours_are_new() {
    let mut deduper = Deduper::new();
    for month in ["März", "April", "Mai"] {
        let text = format!(
            "Kalender {month}\nTermine:\nIm {month} liest der Chor aus Briefen, die beim Umbau der \
             Apotheke hinter einer Wand lagen.\nMedienberichte und Quellen:\nStadtarchiv, {month}\n"
        );
        let article = deduper.push(month, text.as_str()).expect("text in memory");
        assert_eq!(article.text(), text);
    }
}

#[test]
fn the_seeds_keep_all_but_the_second_body() {
    let seeds = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/seeds");
    if !Path::is_dir(&seeds) {
        println!("skipped: ../shared/seeds is not there");
        return;
    }
    let articles: Vec<Article> =
        ingest(&seeds).expect("the seeds").collect::<Result<_, _>>().expect("readable seeds");
    let [newsletter, others @ ..] = &articles[..] else { panic!("no seeds") };

    assert!(newsletter.id().starts_with("000_"));
    assert_doubled(newsletter, 28_994, 76);
    assert_repeat_within(newsletter, 28_994, 270);

    assert_eq!(others.len(), 4);
    for article in others {
        assert_eq!(article.text(), article.original(), "{}", article.id());
        assert!(article.blocks().is_empty());
    }
}
