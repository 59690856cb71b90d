//! Texts in the encodings of their time are read as they were.

use dedup::Format;
use dedup_reference::{corpus, read};
use encoding_rs::{Encoding, WINDOWS_1250, WINDOWS_1252};

/// Every text of a corpus that an encoding has the characters for, and that is not ASCII, is read from it.
///
/// Which encoding was told does not matter where the text does not depend on it: a few German words with
/// nothing but `ö` are the same in Central Europe.
fn compare(name: &str, encoding: &'static Encoding, is_of: fn(&str) -> bool, least: usize) {
    let Some(texts) = corpus(name) else {
        println!("skipped: the corpora are not here");
        return;
    };
    let mut compared = 0;
    let mut told = 0;
    for (number, text) in texts.iter().enumerate().filter(|(_, text)| is_of(text)) {
        let (bytes, _, unmappable) = encoding.encode(text);
        if unmappable || text.is_ascii() {
            continue;
        }
        let (articles, _) = read(Format::Text, &bytes);
        let [article] = &articles[..] else { panic!("{} articles", articles.len()) };
        assert_eq!(article.original(), text, "{name}, {number}: {:?}", article.encoding());
        compared += 1;
        told += usize::from(article.encoding() == Some(encoding.name()));
    }
    println!("{name}: {compared} texts in {} compared, {told} told as that", encoding.name());
    assert!(compared >= least, "{compared}");
    assert!(told * 20 >= compared * 19, "{told} of {compared}");
}

#[test]
fn german_news_and_advisories() {
    compare("debian-news-de", WINDOWS_1252, |_| true, 300);
    compare("debian-dsa-de", WINDOWS_1252, |_| true, 1000);
}

#[test]
fn czech_newsletters() {
    compare("bitcoinops-multi", WINDOWS_1250, |text| text.contains('ř'), 10);
}
