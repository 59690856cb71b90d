//! `ingest` on trees of files: what is read, in which order, under which ids, and what goes wrong.

use std::iter::FusedIterator;

use dedup::{Article, Articles, Cut, Deduper, Error, Format, Options, ingest};

#[path = "support/dir.rs"]
mod dir;

use dir::{Dir, chain};

/// A paragraph that is long enough to be removed when it comes back.
const NOTICE: &str = "The ferry runs every forty minutes from the first of May. Bicycles travel free \
    as long as there is room; groups are asked to announce themselves the day before. The last boat \
    on Fridays leaves the island at eleven, and the ticket office closes ten minutes earlier.";

impl Dir {
    fn ingest(&self) -> Results {
        self.ingest_with(&Options::new())
    }

    fn ingest_with(&self, options: &Options) -> Results {
        Results::collect(options.ingest(self.path()).expect("the folder exists"))
    }
}

/// Everything that a stream yielded, in order.
struct Results(Vec<Result<Article, Error>>);

impl Results {
    fn collect(articles: Articles) -> Results {
        Results(articles.collect())
    }

    fn articles(&self) -> Vec<&Article> {
        self.0.iter().filter_map(|result| result.as_ref().ok()).collect()
    }

    fn ids(&self) -> Vec<&str> {
        self.articles().iter().map(|article| article.id()).collect()
    }

    /// The ids, with the messages of errors in their places.
    fn outline(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|result| match result {
                Ok(article) => article.id().to_owned(),
                Err(error) => format!("error: {}", chain(error)),
            })
            .collect()
    }

    /// The only error, after a check that it is the only one.
    fn error(&self) -> &Error {
        let errors: Vec<_> = self.0.iter().filter_map(|result| result.as_ref().err()).collect();
        assert_eq!(errors.len(), 1, "{:#?}", self.outline());
        errors[0]
    }
}

/// Checks that the stream yields an error in the second place, that says where it happened, and goes on.
#[track_caller]
fn assert_error_in_second_place(results: &Results, file: &str, line: Option<&str>) {
    let outline = results.outline();
    assert_eq!(outline.len(), 3, "{outline:#?}");
    assert_eq!(results.ids().len(), 2, "{outline:#?}");
    assert!(outline[1].starts_with("error: "), "{outline:#?}");

    let error = results.error();
    assert!(!error.is_fatal());
    assert!(error.path().is_some_and(|path| path.ends_with(file)), "{error:?}");
    let message = chain(error);
    assert!(message.contains(file), "no path in {message:?}");
    if let Some(line) = line {
        // The folder's name is arbitrary, so digits in it do not count.
        let (_, after_path) = message.rsplit_once(file).expect("the path");
        assert!(after_path.contains(line), "no line {line} in {message:?}");
    }
}

#[test]
fn files_come_in_the_order_of_their_sorted_paths() {
    let dir = Dir::new()
        .with("b.txt", "second")
        .with("a/z.txt", "nested")
        .with("a.txt", "a file beside the folder of that name")
        .with("c/2.txt", "c two")
        .with("c/10.txt", "c ten")
        .with("B.md", "upper case sorts first");
    // Component by component: all of `a/` stands before `a.txt`.
    assert_eq!(dir.ingest().ids(), ["B.md", "a/z.txt", "a.txt", "b.txt", "c/10.txt", "c/2.txt"]);
}

#[test]
fn records_come_in_the_order_of_the_file() {
    let dir = Dir::new()
        .with("a.jsonl", "{\"id\":\"z\",\"text\":\"one\"}\n{\"id\":\"y\",\"text\":\"two\"}\n")
        .with("b.txt", "three");
    assert_eq!(dir.ingest().ids(), ["z", "y", "b.txt"]);
}

#[test]
fn quote_marks_go_with_a_quote_and_are_not_in_what_repeats() {
    let dir = Dir::new().with("1.txt", NOTICE).with("2.txt", format!("You wrote:\n> {NOTICE}\n"));
    let results = dir.ingest();
    let quote = results.articles()[1];
    assert_eq!(quote.text(), "You wrote:");
    let block = &quote.blocks()[0];
    let source = &block.sources[0];
    assert_eq!(&quote.original()[block.range.clone()], format!("> {NOTICE}"));
    assert_eq!(&quote.original()[source.range.clone()], NOTICE);
    assert!(source.exact);
}

#[test]
fn the_first_copy_in_that_order_stays() {
    let dir = Dir::new().with("b.txt", NOTICE).with("a/late.txt", NOTICE);
    let results = dir.ingest();
    let [first, second] = results.articles()[..] else { panic!("{:?}", results.outline()) };
    assert_eq!(first.text(), NOTICE);
    assert_eq!(second.text(), "");
    let place = &second.blocks()[0].sources[0].first;
    assert_eq!((place.article, &*place.id, &place.range), (0, "a/late.txt", &(0..NOTICE.len())));
}

#[test]
fn a_byte_order_mark_is_not_text() {
    let dir = Dir::new()
        .with("a.txt", "\u{feff}Guten Tag")
        .with("b.txt", "Guten Tag")
        .with("c.md", "\u{feff}# Guten Tag\n")
        .with("d.jsonl", "\u{feff}{\"text\":\"Guten Tag\"}\n");
    let results = dir.ingest();
    let originals: Vec<_> = results.articles().iter().map(|article| article.original()).collect();
    assert_eq!(originals, ["Guten Tag", "Guten Tag", "# Guten Tag\n", "Guten Tag"]);
}

#[test]
fn an_article_knows_its_file() {
    let dir = Dir::new().with("folder/a.txt", "text").with("b.jsonl", "{\"text\":\"text\"}");
    let results = dir.ingest();
    let paths: Vec<_> = results.articles().iter().map(|article| article.path()).collect();
    let (record, file) = (dir.path().join("b.jsonl"), dir.path().join("folder/a.txt"));
    assert_eq!(paths, [Some(record.as_path()), Some(file.as_path())]);
}

#[test]
fn a_single_file_is_named_by_its_file_name() {
    let dir = Dir::new().with("folder/a.txt", "text").with("b.jsonl", "{\"text\":\"text\"}");
    let text = Results::collect(ingest(dir.path().join("folder/a.txt")).expect("a file"));
    assert_eq!(text.ids(), ["a.txt"]);
    let record = Results::collect(ingest(dir.path().join("b.jsonl")).expect("a file"));
    assert_eq!(record.ids(), ["b.jsonl:1"]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_are_two_ids() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let dir = tempfile::tempdir().unwrap();
    for name in [b"\xe4.txt", b"\xf6.txt"] {
        std::fs::write(dir.path().join(OsStr::from_bytes(name)), "text").unwrap();
    }
    let articles = ingest(dir.path()).unwrap();
    let ids: Vec<String> = articles.map(|article| article.unwrap().id().to_owned()).collect();
    assert_eq!(ids, ["\\xE4.txt", "\\xF6.txt"]);
}

#[test]
fn an_empty_id_is_none() {
    let records = "{\"id\":\"\",\"text\":\"one\"}\n{\"id\":\"\",\"text\":\"two\"}\n";
    let articles = Options::new().reader("x.jsonl", records.as_bytes()).unwrap();
    let ids: Vec<String> = articles.map(|article| article.unwrap().id().to_owned()).collect();
    assert_eq!(ids, ["x.jsonl:1", "x.jsonl:2"]);
}

#[test]
fn records_without_id_are_named_by_path_and_line() {
    let dir = Dir::new().with(
        "news/a.jsonl",
        "{\"id\":\"first\",\"text\":\"one\"}\n\n{\"text\":\"two\"}\r\n{\"id\":17,\"text\":\"three\"}\n{\"text\":\"four\"}",
    );
    assert_eq!(dir.ingest().ids(), ["first", "news/a.jsonl:3", "17", "news/a.jsonl:5"]);
}

#[test]
fn the_fields_of_records_can_be_named() {
    let dir = Dir::new().with(
        "a.jsonl",
        "{\"url\":\"example/1\",\"body\":\"Zeile eins\\nZeile \\u201ezwei\\u201c\",\"id\":\"no\",\"text\":5}\n",
    );
    let mut options = Options::new();
    options.text_field("body").id_field("url");
    let results = dir.ingest_with(&options);
    let [article] = results.articles()[..] else { panic!("{:?}", results.outline()) };
    assert_eq!(article.id(), "example/1");
    assert_eq!(article.original(), "Zeile eins\nZeile „zwei“");
}

#[test]
fn broken_json_is_an_error_in_its_place() {
    let dir = Dir::new().with(
        "a.jsonl",
        "{\"id\":\"1\",\"text\":\"one\"}\n{\"id\":\"2\",\n{\"id\":\"3\",\"text\":\"three\"}\n",
    );
    assert_error_in_second_place(&dir.ingest(), "a.jsonl", Some("2"));
}

#[test]
fn a_record_without_text_is_an_error_in_its_place() {
    let dir = Dir::new().with(
        "a.jsonl",
        "{\"id\":\"1\",\"text\":\"one\"}\n\n{\"id\":\"2\"}\n{\"id\":\"3\",\"text\":\"three\"}\n",
    );
    let results = dir.ingest();
    assert_error_in_second_place(&results, "a.jsonl", Some("3"));
    assert!(chain(results.error()).contains("text"), "the message names the field");
}

#[test]
fn a_text_that_is_no_string_is_an_error_in_its_place() {
    for wrong in ["5", "null", "[\"one\"]", "{\"text\":\"one\"}"] {
        let dir = Dir::new().with(
            "a.jsonl",
            format!("{{\"text\":\"one\"}}\n{{\"text\":{wrong}}}\n{{\"text\":\"three\"}}"),
        );
        assert_error_in_second_place(&dir.ingest(), "a.jsonl", Some("2"));
    }
}

#[test]
fn a_record_that_is_no_object_is_an_error_in_its_place() {
    for wrong in ["5", "null", "[\"one\"]", "\"one\""] {
        let dir = Dir::new()
            .with("a.jsonl", format!("{{\"text\":\"one\"}}\n{wrong}\n{{\"text\":\"three\"}}"));
        assert_error_in_second_place(&dir.ingest(), "a.jsonl", Some("2"));
    }
}

#[cfg(not(feature = "encodings"))]
#[test]
fn a_line_that_is_not_utf8_is_an_error_in_its_place() {
    let dir = Dir::new()
        .with("a.jsonl", b"{\"text\":\"one\"}\n{\"text\":\"two \xff\"}\n{\"text\":\"three\"}\n");
    assert_error_in_second_place(&dir.ingest(), "a.jsonl", Some("2"));
}

#[cfg(not(feature = "encodings"))]
#[test]
fn a_file_that_is_not_utf8_is_an_error_in_its_place() {
    let dir = Dir::new().with("a.txt", "one").with("b.txt", b"Gr\xfc\xdfe").with("c.txt", "three");
    assert_error_in_second_place(&dir.ingest(), "b.txt", None);
}

#[test]
fn an_error_does_not_hide_later_repeats() {
    let record = |id: &str| format!("{{\"id\":\"{id}\",\"text\":\"{NOTICE}\"}}\n");
    let dir = Dir::new().with("a.jsonl", record("1") + "no json\n" + &record("3"));
    let results = dir.ingest();
    assert_error_in_second_place(&results, "a.jsonl", Some("2"));
    assert_eq!(results.articles()[1].text(), "");
    let place = &results.articles()[1].blocks()[0].sources[0].first;
    assert_eq!((place.article, &*place.id), (0, "1"), "an error takes no ordinal");
}

#[test]
fn options_without_effect_are_errors_at_once() {
    type Set = fn(&mut Options) -> &mut Options;

    let dir = Dir::new();
    let wrong: [(&str, Set); 10] = [
        ("min_span", |options| options.min_span(31)),
        ("min_span", |options| options.min_span((1 << 20) + 1)),
        ("min_paragraph", |options| options.min_paragraph(200)),
        ("min_paragraph", |options| options.min_span(64).min_paragraph(64)),
        ("threads", |options| options.threads(0)),
        ("read_buffer", |options| options.read_buffer(0)),
        ("threads", |options| options.threads(Options::MOST_THREADS)),
        ("text_field", |options| options.format(Format::Text).text_field("body")),
        ("id_field", |options| options.format(Format::Mail).id_field("number")),
        ("language_field", |options| options.format(Format::Feed).language_field("lang")),
    ];
    for (name, set) in wrong {
        let mut options = Options::new();
        set(&mut options);
        let error = options.ingest(dir.path()).expect_err(name);
        assert!(matches!(error, Error::Option { option, .. } if option == name), "{error:?}");
    }
    // Below its default, `min_span` overrules the default of `min_paragraph`.
    assert!(Options::new().min_span(64).ingest(dir.path()).is_ok());
    // Formats that have fields heed their names.
    assert!(Options::new().format(Format::Json).text_field("body").ingest(dir.path()).is_ok());
}

#[test]
fn an_empty_folder_yields_nothing() {
    let dir = Dir::new();
    let mut articles = ingest(dir.path()).expect("a folder");
    assert!(articles.next().is_none());
    assert_eq!(articles.stats().articles, 0);
}

#[test]
fn empty_files_are_articles_without_text() {
    let dir = Dir::new()
        .with("a.txt", "")
        .with("b.txt", "\u{feff}")
        .with("c.jsonl", "")
        .with("d.jsonl", "{\"text\":\"\"}\n");
    let results = dir.ingest();
    assert_eq!(results.ids(), ["a.txt", "b.txt", "d.jsonl:1"]);
    assert!(results.articles().iter().all(|article| article.original().is_empty()));
}

#[test]
fn other_files_are_passed_over() {
    let dir = Dir::new()
        .with("a.txt", "text")
        .with("b.jpg", b"\xff\xd8\xff")
        .with("c.toml", "text = 1")
        .with("README", "no extension");
    assert_eq!(dir.ingest().outline(), ["a.txt"]);
}

#[test]
fn the_first_article_comes_before_the_rest_is_taken() {
    let dir = (0..100).fold(Dir::new(), |dir, n| dir.with(&format!("{n:03}.txt"), NOTICE));
    let first = {
        let mut articles = ingest(dir.path()).expect("a folder");
        articles.next().expect("an article").expect("no error")
        // What is left in the pipeline must not keep the caller waiting here.
    };
    assert_eq!(first.id(), "000.txt");
    assert_eq!(first.text(), NOTICE, "an article outlives its stream");
}

#[test]
fn the_stream_stays_at_its_end() {
    fn fused<I: FusedIterator>(iterator: I) -> I {
        iterator
    }
    let dir = Dir::new().with("a.txt", "text").with("b.txt", b"\xff");
    let mut articles = fused(ingest(dir.path()).expect("a folder"));
    assert_eq!(articles.by_ref().count(), 2);
    assert!(articles.next().is_none());
    assert!(articles.next().is_none());
}

/// Articles with repeats of several kinds, and every error that a stream can hold.
fn mixed() -> Dir {
    let wrapped = NOTICE.replace(". ", ".\n");
    let records: String = (0..40)
        .map(|n| match n {
            7 => "no json\n".to_owned(),
            21 => "{\"id\":\"no text\"}\n".to_owned(),
            _ => format!(
                "{{\"id\":\"r{n}\",\"text\":\"Notice {n}\\n{NOTICE}\\nSigned by office {}, Größe {n} €.\"}}\n",
                n % 3
            ),
        })
        .collect();
    Dir::new()
        .with("a/one.txt", format!("Dates:\n{NOTICE}\nDates:\nnone"))
        .with("a/two.md", format!("# Dates\n\n{wrapped}\n\n- one\n- two\n"))
        .with("b.jsonl", records)
        .with("c.txt", format!("{NOTICE}\n{NOTICE}\nDates:"))
        .with("d.json", "[")
}

#[test]
fn totals_add_up() {
    let dir = mixed();
    let mut articles = ingest(dir.path()).expect("a folder");
    let results: Vec<_> = articles.by_ref().collect();
    let stats = articles.stats();
    let read: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    let sum = |value: fn(&Article) -> usize| {
        read.iter().map(|article| value(article) as u64).sum::<u64>()
    };

    assert_eq!(stats.articles, read.len() as u64);
    assert_eq!(stats.errors, (results.len() - read.len()) as u64);
    assert_eq!(stats.errors, 3);
    assert_eq!(stats.bytes_in, sum(|article| article.original().len()));
    assert_eq!(stats.bytes_kept, sum(|article| article.text().len()));
    assert_eq!(stats.bytes_in, stats.bytes_kept + stats.bytes_removed);
    assert_eq!(stats.blocks, sum(|article| article.blocks().len()));
    assert_eq!(stats.repeats, sum(|article| article.repeats().len()));
    assert!(stats.bytes_removed > 35 * NOTICE.len() as u64);
    assert!(stats.index_bytes > 0);
}

#[test]
fn the_totals_are_those_of_what_was_yielded_with_any_number_of_threads() {
    let dir = mixed();
    let totals = |threads: usize| {
        let mut articles = Options::new().threads(threads).ingest(dir.path()).expect("a folder");
        let mut totals = vec![articles.stats()];
        while articles.next().is_some() {
            totals.push(articles.stats());
        }
        totals.push(articles.stats());
        totals
    };
    let expected = totals(1);
    let indexed: Vec<u64> = expected.iter().map(|stats| stats.index_bytes).collect();
    assert!(indexed.is_sorted() && indexed.first() < indexed.last(), "{indexed:?}");
    let kept = expected.iter().map(|stats| stats.text_bytes);
    assert!(kept.is_sorted() && expected[1].text_bytes < expected[10].text_bytes);
    for threads in [2, 3, 8] {
        assert!(totals(threads) == expected, "{threads}");
    }
}

#[test]
fn the_result_does_not_depend_on_threads_or_buffers() {
    let dir = mixed();
    let result = |threads: usize, read_buffer: usize| -> Vec<String> {
        let mut options = Options::new();
        options.threads(threads).read_buffer(read_buffer);
        let results = dir.ingest_with(&options);
        let describe = |article: &Article| {
            format!("{article:?} {:?} {:?}", article.segments(), article.text())
        };
        results
            .0
            .iter()
            .map(|result| result.as_ref().map(describe))
            .map(|result| format!("{result:?}"))
            .collect()
    };
    let expected = result(1, 1 << 20);
    assert_eq!(expected.len(), 44);
    for threads in [1, 2, 8] {
        for read_buffer in [1, 7, 4096] {
            assert_eq!(result(threads, read_buffer), expected, "{threads}, {read_buffer}");
        }
    }
}

#[test]
fn ingest_is_the_deduper_over_files() {
    let dir = mixed();
    let results = dir.ingest();
    let mut deduper = dedup::Deduper::new();
    for article in results.articles() {
        let pushed = deduper.push(article.id(), article.original()).expect("text in memory");
        assert_eq!(pushed.segments(), article.segments());
        assert_eq!(pushed.repeats(), article.repeats());
        assert_eq!(pushed.blocks(), article.blocks());
    }
}

#[cfg(unix)]
#[test]
fn links_to_files_are_read_and_links_to_folders_are_not_followed() {
    let dir = tempfile::tempdir().expect("a folder");
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("text"), "Linked.").expect("a file");
    std::os::unix::fs::symlink(outside.path().join("text"), dir.path().join("a.txt"))
        .expect("a link");
    std::os::unix::fs::symlink(dir.path(), dir.path().join("circle")).expect("a link");
    let mut articles = ingest(dir.path()).expect("a folder");
    let only = articles.next().expect("an article").expect("a sound one");
    assert_eq!((only.id(), only.original()), ("a.txt", "Linked."));
    assert!(articles.next().is_none());
    assert_eq!(articles.stats().skipped.links, 1);
}

#[test]
fn several_paths_are_one_stream_in_the_order_given() {
    let body = "The mill at the upper weir grinds again since the spring, and its flour is sold \
        at the market on Fridays.";
    let (one, two) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    std::fs::write(one.path().join("a.txt"), body).expect("a file");
    std::fs::write(two.path().join("a.txt"), body).expect("a file");
    let articles = Options::new().ingest_all([two.path(), one.path()]).expect("two folders");
    let articles: Vec<_> = articles.collect::<Result<_, _>>().expect("sound articles");
    assert_eq!(articles[0].path(), Some(two.path().join("a.txt").as_path()));
    assert_eq!((articles[0].text().as_ref(), articles[1].text().as_ref()), (body, ""));
    assert_eq!(articles[1].blocks()[0].sources[0].first.article, 0);
    let missing = one.path().join("missing");
    assert!(Options::new().ingest_all([one.path(), missing.as_path()]).is_err());
}

#[test]
fn paragraphs_around_what_goes_stay_apart_wherever_that_came_from() {
    let [x, y] = ["quiet", "steep"].map(|word| {
        format!("The harbour lies below the {word} mountains, and ").repeat(5) + "so do we."
    });
    let mut deduper = Deduper::new();
    for (number, text) in [&x, &y].into_iter().enumerate() {
        deduper.push(number.to_string(), text.as_str()).expect("sound");
    }
    let article = deduper.push("letter", format!("One.\n{x}\n{y}\n\nTwo.")).expect("sound");
    assert_eq!(article.blocks().len(), 2);
    assert_eq!(article.text(), "One.\n\nTwo.");
}

#[test]
fn lines_of_scripts_without_spaces_may_end_anywhere() {
    let chinese = "渡船从五月一日起每四十分钟一班。自行车在有空位时可以免费上船，团体请提前一天告知 2 号窗口。\
        星期五最后一班船晚上十一点离岛，售票处提前十分钟关门。";
    let japanese = "連絡船は五月一日から四十分おきに出ます。自転車は場所があれば無料で、団体は前日までにお知らせください。\
        金曜日の最終便は夜の十一時に島を出て、切符売り場はその十分前に閉まります。";
    for text in [chinese, japanese] {
        for (width, break_line) in [(7, "\n"), (19, "\n> "), (30, "\r\n\u{3000}")] {
            let mut deduper = Deduper::new();
            deduper.push("one line", text).expect("sound");
            let characters: Vec<char> = text.replace(' ', "").chars().collect();
            let lines: Vec<String> = characters.chunks(width).map(String::from_iter).collect();
            let copy = deduper.push("lines", lines.join(break_line)).expect("sound");
            assert_eq!((&*copy.text(), copy.blocks().len()), ("", 1), "{width}");
            assert_eq!(copy.blocks()[0].sources[0].first.range, 0..text.len());
        }
    }
}

#[test]
fn no_repeat_lies_in_another() {
    let text = "the quiet harbour lay under a low grey sky";
    let mut options = Options::new();
    let mut deduper = options.min_span(32).deduper().expect("possible");
    for (id, text) in [("a", format!("Once {text}.")), ("b", format!("Then {text} again"))] {
        deduper.push(id, text).expect("sound");
    }
    let article = deduper.push("c", format!("Once {text} today")).expect("sound");
    let [repeat] = article.repeats() else { panic!("{:?}", article.repeats()) };
    assert_eq!(repeat.range, 0.."Once ".len() + text.len());
    assert_eq!(deduper.stats().repeats, 2, "one of each of the later two");
}

#[test]
fn words_around_what_goes_stay_apart() {
    let common = ", who has been the mayor of the small town by the river for eleven years,";
    let mut options = Options::new();
    let mut deduper = options.min_span(32).cut(Cut::Span).deduper().expect("possible");
    deduper.push("a", format!("Anna Berg{common} said no.")).expect("sound");
    let article = deduper.push("b", format!("Bert Tal{common} agreed.")).expect("sound");
    assert_eq!(article.text(), "Bert Tal agreed.");
    // Without any space around it.
    let common = "(the mayor of the small town by the river for eleven years)";
    deduper.push("c", format!("Anna{common}said no.")).expect("sound");
    let article = deduper.push("d", format!("Bert{common}agreed.")).expect("sound");
    assert_eq!(article.text(), "Bert)agreed.");
    // With one that is covered too.
    for [before, after] in [[" ", ""], ["", " "]] {
        let common = format!("{before}(a fisherman of forty-one years and a few weeks){after}");
        let mut deduper = options.deduper().expect("possible");
        deduper.push("e", format!("Anna{common}said no.")).expect("sound");
        let article = deduper.push("f", format!("Bert{common}agreed.")).expect("sound");
        assert_eq!(article.text(), "Bert agreed.");
    }
    // A sign of several bytes stays whole.
    let common = "。河边小镇的市长已经当了十一年市长，今天说不会再当市长了丰";
    deduper.push("g", format!("Anna{common}said no.")).expect("sound");
    let article = deduper.push("h", format!("Bert{common}agreed.")).expect("sound");
    assert_eq!(article.text(), "Bert丰agreed.");
}

#[test]
fn no_word_is_parted_behind_a_mark() {
    let common = "The mayor of the small town by the river wrote ";
    for (first, second) in [("सम्मान", "सम्बन्ध"), ("за\u{301}мок", "за\u{301}пах")]
    {
        let mut options = Options::new();
        let mut deduper = options.min_span(32).cut(Cut::Span).deduper().expect("possible");
        deduper.push("a", format!("{common}{first}.")).expect("sound");
        let article = deduper.push("b", format!("{common}{second}.")).expect("sound");
        assert_eq!(article.text(), format!("{second}."));
    }
}
