//! No quadratic corner: what texts could be made of to be slow costs no more for each byte as they grow.
//!
//! Each is ingested at one size and at four times that. Linear work keeps the time for each byte;
//! quadratic work makes it four times as long. Clocks of shared machines lie now and then, so a
//! case fails only if every one of several attempts does.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dedup::anchors::{Scheme, anchors};
use dedup::{Cut, Deduper, Options};

/// Bytes of the smaller text.
const SIZE: usize = if cfg!(debug_assertions) { 1 << 16 } else { 1 << 20 };

/// How many times as much a byte may cost at four times the size. Larger text also leaves caches,
/// and the table of anchors grows.
const MOST: f64 = 2.5;

/// The length of the runs that are found.
const SPAN: usize = 200;

const ATTEMPTS: usize = 12;

/// Bytes of a gram before those that it is ordered by.
const BEFORE: &str = "prefixed";

/// Numbers that are random enough (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a length")
    }

    fn word(&mut self) -> String {
        let len = 3 + self.below(8);
        (0..len)
            .map(|_| char::from(b'a' + u8::try_from(self.below(26)).expect("a letter")))
            .collect()
    }

    fn words(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 12);
        while text.len() < bytes {
            text += &self.word();
            text.push(' ');
        }
        text
    }
}

fn time(articles: &[String]) -> (Duration, Deduper) {
    time_with(Options::new().min_span(SPAN), articles)
}

fn time_with(options: &Options, articles: &[String]) -> (Duration, Deduper) {
    // The tests run beside each other, and those that are timed would take each other's processors.
    static TIMED: Mutex<()> = Mutex::new(());

    let mut deduper = options.deduper().expect("options that are possible");
    let timed = TIMED.lock().unwrap_or_else(PoisonError::into_inner);
    let start = Instant::now();
    for (number, article) in articles.iter().enumerate() {
        deduper.push(number.to_string(), article.as_str()).expect("pushed");
    }
    let time = start.elapsed();
    drop(timed);
    (time, deduper)
}

/// Checks that the articles which `make` makes of so many bytes cost a like time for each byte.
fn check_linear(name: &str, make: impl Fn(usize) -> Vec<String>) {
    check_linear_with(name, Options::new().min_span(SPAN), SIZE, make);
}

fn check_linear_with(
    name: &str,
    options: &Options,
    size: usize,
    make: impl Fn(usize) -> Vec<String>,
) {
    let (small, large) = (make(size), make(4 * size));
    let bytes = |articles: &[String]| articles.iter().map(String::len).sum::<usize>();
    let mut ratios = Vec::new();
    for _ in 0..ATTEMPTS {
        let a_byte = |articles: &[String]| {
            time_with(options, articles).0.as_secs_f64()
                / f64::from(u32::try_from(bytes(articles)).expect("few"))
        };
        let ratio = a_byte(&large) / a_byte(&small);
        if ratio < MOST {
            return;
        }
        ratios.push(ratio);
    }
    panic!("{name}: a byte costs {ratios:.1?} times as much at four times the size");
}

/// The word that no window passes over: of many, the one whose gram is the least.
fn least_word(random: &mut Random) -> String {
    let mut words: Vec<String> = (0..20_000).map(|_| random.word() + "xyzxyzxyz").collect();
    let scheme = Scheme::new(SPAN);
    while words.len() > 1 {
        let text = format!("{} ", words.join(" "));
        let mut text = text.repeat(SPAN.div_ceil(text.len()) + 1);
        text.insert(0, ' ');
        let before = words.len();
        let chosen = anchors(text.as_bytes(), &scheme).places;
        words = chosen
            .iter()
            .filter_map(|anchor| {
                text[anchor.at as usize + BEFORE.len()..].split_whitespace().next()
            })
            .map(str::to_owned)
            .collect();
        words.sort();
        words.dedup();
        if words.len() == before {
            words.pop(); // of those that are left, each will do
        }
    }
    words.pop().expect("one is left")
}

#[test]
fn copies_of_a_footer() {
    let footer = Random(1).words(300);
    check_linear("footers", |bytes| {
        let mut random = Random(2);
        (0..bytes / 350).map(|_| format!("{}\n{footer}", random.words(40))).collect()
    });
}

#[test]
fn one_line() {
    check_linear("one line", |bytes| vec![Random(3).words(bytes)]);
}

#[test]
fn one_article() {
    check_linear("one article", |bytes| {
        let mut random = Random(4);
        vec![(0..bytes / 80).map(|_| random.words(72) + "\n").collect()]
    });
}

#[test]
fn articles_that_grow_line_by_line() {
    // The number of lines is four times as great, and so are the articles.
    let lines = if cfg!(debug_assertions) { 64 } else { 256 };
    check_linear_with("growing articles", Options::new().min_span(SPAN), lines, |lines| {
        let mut random = Random(15);
        let all: Vec<String> = (0..lines).map(|_| random.words(36)).collect();
        (1..=lines).map(|len| all[..len].join("\n")).collect()
    });
}

#[test]
fn lines_of_a_byte() {
    check_linear("lines of a byte", |bytes| {
        let mut random = Random(5);
        let letter = |_| char::from(b'a' + u8::try_from(random.below(26)).expect("a letter"));
        vec![(0..bytes / 2).map(letter).flat_map(|letter| [letter, '\n']).collect()]
    });
}

#[test]
fn unique_words() {
    check_linear("unique words", |bytes| {
        let mut random = Random(6);
        (0..bytes / 4000).map(|_| random.words(4000)).collect()
    });
}

#[test]
fn periodic_text() {
    for period in [1, 2, 3, 7, 24, 25, 199, 200, 201, 5000] {
        let unit = Random(period).words(usize::try_from(period).expect("short"));
        let unit = &unit[..usize::try_from(period).expect("short")];
        check_linear(&format!("a period of {period}"), |bytes| {
            let whole = unit.repeat(bytes / unit.len());
            let parts = (1..=bytes / 4000).map(|part| unit.repeat(4000 / unit.len() + part % 2));
            parts.chain([whole]).collect()
        });
    }
}

/// What repeats itself after two bytes, in one article after another: empty tables, dots, rules.
#[test]
fn rows_of_few_bytes() {
    for row in ["| | | | |\n", ". . . .\n", "|  |  |\n", "-|-|-\n", "--\n"] {
        for cut in [Cut::Paragraph, Cut::Span] {
            let mut random = Random(9);
            let mut article =
                |rows: &str| format!("{}\n{rows}\n{}", random.words(300), random.words(300));
            let tables: Vec<String> = (0..20).map(|_| article(&row.repeat(100))).collect();
            let texts: Vec<String> = (0..20).map(|_| article("")).collect();
            let mut options = Options::new();
            options.min_span(SPAN).cut(cut);
            let mut deduper = options.deduper().expect("options that are possible");
            for (number, table) in tables.iter().enumerate() {
                let article = deduper.push(number.to_string(), table.as_str()).expect("pushed");
                let sources: usize = article.blocks().iter().map(|block| block.sources.len()).sum();
                assert!((1..30).contains(&sources), "{row:?}, {cut:?}: {sources} sources");
                assert!(article.text().len() < 700, "{row:?}, {cut:?}");
            }
            // A table takes a few pieces and anchors, and forty times as long as the text around
            // it. Read by one row of two bytes at a time it took four hundred times as long, and
            // with a source for each two thousand times.
            let [of_tables, of_texts] =
                [&tables, &texts].map(|it| time_with(&options, it).1.stats().index_bytes);
            assert!(of_tables < of_texts + 20 * 600, "{row:?}, {cut:?}: {of_tables}, {of_texts}");
            let least = |articles: &[String]| {
                (0..ATTEMPTS).map(|_| time_with(&options, articles).0).min().expect("attempts")
            };
            let (tables, texts) = (least(&tables), least(&texts));
            assert!(tables < 150 * texts, "{row:?}, {cut:?}: {tables:?}, {texts:?}");
        }
    }
}

#[test]
fn periodic_text_that_stays() {
    for unit in ["-", ". ", "abc"] {
        check_linear_with(
            &format!("{unit:?} again and again, kept"),
            Options::new().within_article(dedup::WithinArticle::Keep),
            // Far more than the span, and no more than debug builds can do.
            (SIZE / 256).max(1024),
            |bytes| vec![unit.repeat(bytes / unit.len())],
        );
    }
}

#[test]
fn near_copies_on_one_line() {
    check_linear_with("records on one line", Options::new().near(0.8), SIZE / 8, |bytes| {
        let mut random = Random(7);
        let mut line = || {
            let record = |value| {
                format!(
                    "{{\"type\": \"measurement\", \"unit\": \"degrees Celsius\", \"value\": {value}}}, "
                )
            };
            (0..bytes / 128).map(|_| record(random.below(1000))).collect::<String>()
        };
        vec![line(), line()]
    });
}

/// Every anchor is the same gram, with other text around it each time: all of them are proposed by
/// the first place, and by each other.
///
/// What bounds the work: after eight places the key is hot. From then on the gram is looked up with
/// half of the text that is left on its left, and on its right, which doubles what the key says at
/// each step, and after log2 of the span no text is left; and of the places under a key only those
/// are compared whose check says that the text beside agrees, one in eight of those where it does
/// not.
#[test]
fn one_gram_in_all_windows() {
    let gram = format!("{BEFORE} {}", least_word(&mut Random(7)));
    let make = |bytes: usize| {
        let mut random = Random(8);
        let part = |random: &mut Random| format!("{}{gram} suffixed ", random.words(60));
        (0..bytes / 4000)
            .map(|_| (0..40).map(|_| part(&mut random)).collect::<String>())
            .collect::<Vec<_>>()
    };
    check_anchored(&gram, &make(8000)[0], 90);
    check_linear("one gram", make);
}

/// The same gram, and on one side the same text as at hundreds of other places, so that every check agrees.
#[test]
fn one_gram_with_few_contexts() {
    let mut random = Random(9);
    let gram = format!("{BEFORE} {}", least_word(&mut random));
    let contexts: Vec<String> = (0..16).map(|_| random.words(90)).collect();
    let make = |bytes: usize| {
        let mut random = Random(10);
        let part = |random: &mut Random| {
            let [left, right] = [(); 2].map(|()| &contexts[random.below(16)]);
            format!("{left}{gram} suffixed {right}")
        };
        let article = |_| (0..20).map(|_| part(&mut random)).collect::<String>();
        (0..bytes / 4000).map(article).collect::<Vec<_>>()
    };
    // Where it is beyond a window from the next, another gram is the anchor.
    check_anchored(&gram, &make(8000)[0], 30);
    check_linear("few contexts", make);
}

/// So many in a hundred of the anchors of the text are this gram.
fn check_anchored(gram: &str, text: &str, least: usize) {
    let places = anchors(text.as_bytes(), &Scheme::new(SPAN)).places;
    let same = places.iter().filter(|anchor| text[anchor.at as usize..].starts_with(gram));
    let share = same.count() * 100 / places.len();
    assert!(share >= least, "no adversary: {share} in a hundred");
}

/// Grams whose order rises from one to the next: the least of every window is its first, and leaves at once.
#[test]
fn rising_grams() {
    let scheme = Scheme::new(SPAN);
    let mut random = Random(11);
    let mut words: Vec<String> =
        (0..2000).map(|_| format!(" {}xxxx", &random.word()[..3])).collect();
    // Whether the gram of one is less than that of another, as a window of both says.
    let filler = "é".repeat(SPAN);
    words.sort_by(|a, b| {
        let text = [BEFORE, a, b, &filler].concat();
        match anchors(text.as_bytes(), &scheme).places.first() {
            Some(first) if a != b && first.at == 0 => std::cmp::Ordering::Less,
            _ if a == b => std::cmp::Ordering::Equal,
            _ => std::cmp::Ordering::Greater,
        }
    });
    let rising: String = words[..500].concat();
    let places = anchors(rising.as_bytes(), &scheme).places;
    assert!(places.len() * 2 > (rising.len() - SPAN) / 8, "no adversary: {} places", places.len());
    check_linear("rising grams", |bytes| {
        let mut random = Random(12);
        let article = |_| {
            let first = random.below(1000);
            words[first..first + 500].concat()
        };
        (0..bytes / 4000).map(article).collect()
    });
}

#[test]
#[ignore = "takes a minute and 8 GB: CI runs it in release"]
fn a_line_of_a_gigabyte_and_an_article_of_a_fifth() {
    let mut random = Random(13);
    let (seconds, deduper) = time(&[random.words(1 << 30)]);
    assert_eq!(deduper.stats().articles, 1);
    println!("a line of 1 GiB: {seconds:.1?}");
    let article: String = (0..200_000_000 / 1000).map(|_| random.words(1000) + "\n").collect();
    let again = article.clone();
    let (seconds, deduper) = time(&[article, again]);
    assert_eq!(deduper.stats().bytes_kept * 2, deduper.stats().bytes_in);
    println!("an article of 200 MB, twice: {seconds:.1?}");
}
