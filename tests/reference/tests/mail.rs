//! The messages of mailboxes are those that other readers find: `mail-parser`, and Python's
//! `mailbox`.

use std::process::Command;

use dedup::{Article, Format, Options};
use dedup_reference::{corpus, mails, output, read, words};
use mail_parser::mailbox::mbox::MessageIterator;

/// Writes the mails named in the arguments behind the first into a mailbox of that name, and prints each
/// message that it finds there, its bytes as characters. Marks of `From ` are written there, but not taken
/// away again.
const MAILBOX: &str = r"
import json, mailbox, re, sys
path, *mails = sys.argv[1:]
box = mailbox.mbox(path)
for mail in mails:
    with open(mail, 'rb') as file:
        box.add(file)
box.flush()
for key in box.keys():
    message = re.sub(rb'(?m)^>(>*From )', rb'\1', box.get_bytes(key))
    print(json.dumps(message.decode('latin-1')))
";

/// Every message of a mailbox as an article, or the error in its place.
fn results(bytes: &[u8]) -> Vec<Result<Article, String>> {
    let mut options = Options::new();
    options.format(Format::Mbox);
    let reader = std::io::Cursor::new(bytes.to_vec());
    let articles = options.reader("mbox", reader).expect("sound options");
    articles.map(|result| result.map_err(|error| cause(&error))).collect()
}

fn result(mail: &[u8]) -> Result<Article, String> {
    let mut options = Options::new();
    options.format(Format::Mail);
    let reader = std::io::Cursor::new(mail.to_vec());
    let mut articles = options.reader("mail", reader).expect("sound options");
    articles.next().expect("an article").map_err(|error| cause(&error))
}

/// What is wrong, without where.
fn cause(error: &dedup::Error) -> String {
    error.problem().expect("a problem").to_string()
}

/// Compares the articles of a mailbox with those that the messages are one by one.
fn compare(mbox: &[u8], messages: &[Vec<u8>]) {
    let found = results(mbox);
    assert_eq!(found.len(), messages.len());
    for (number, (found, message)) in found.iter().zip(messages).enumerate() {
        match (found, result(message)) {
            (Ok(found), Ok(expected)) => {
                assert_eq!(found.original(), expected.original(), "{number}");
                assert_eq!(found.title(), expected.title(), "{number}");
                assert_eq!(found.date(), expected.date(), "{number}");
                assert_eq!(found.attachments(), expected.attachments(), "{number}");
                assert_eq!(found.record(), Some(number as u64 + 1));
            }
            (Err(found), Err(expected)) => assert_eq!(found, &expected, "{number}"),
            (found, expected) => panic!("{number}: {found:?}, not {expected:?}"),
        }
    }
}

/// What `mail-parser` finds in a mailbox.
fn messages(mbox: &[u8]) -> Vec<Vec<u8>> {
    let messages = MessageIterator::new(mbox).map(|message| message.expect("memory"));
    messages.map(mail_parser::mailbox::mbox::Message::unwrap_contents).collect()
}

/// A mailbox, with lines that begin with `From ` marked as writers of mboxrd do.
fn mailbox<'a>(mails: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut mbox = Vec::new();
    for mail in mails {
        mbox.extend_from_slice(b"From someone@example.org Mon May  6 07:08:09 2024\n");
        for line in mail.split_inclusive(|&byte| byte == b'\n') {
            let marks = line.iter().take_while(|&&byte| byte == b'>').count();
            if line[marks..].starts_with(b"From ") {
                mbox.push(b'>');
            }
            mbox.extend_from_slice(line);
        }
        mbox.extend_from_slice(b"\n\n");
    }
    mbox
}

#[test]
fn a_mailbox_has_the_messages_that_mail_parser_finds() {
    let mails: Vec<Vec<u8>> =
        mails().iter().map(|path| std::fs::read(path).expect("a mail")).collect();
    let mbox = mailbox(mails.iter().map(Vec::as_slice));
    let messages = messages(&mbox);
    assert_eq!(messages.len(), mails.len());
    compare(&mbox, &messages);
}

#[test]
fn a_mailbox_of_long_texts_has_the_messages_that_mail_parser_finds() {
    let Some(texts) = corpus("debian-news-en") else {
        println!("skipped: the corpora are not here");
        return;
    };
    let mail = |(number, text): (usize, &String)| {
        format!("Subject: {number}\nContent-Type: text/plain; charset=utf-8\n\n{text}\n")
    };
    let mails: Vec<String> = texts.iter().enumerate().map(mail).collect();
    let mbox = mailbox(mails.iter().map(String::as_bytes));
    let (articles, _) = read(Format::Mbox, &mbox);
    assert_eq!(articles.len(), texts.len());
    for (article, text) in articles.iter().zip(&texts) {
        assert_eq!(words(article.original()), words(text), "{}", article.id());
    }
    compare(&mbox, &messages(&mbox));
}

#[test]
fn a_mailbox_has_the_messages_that_python_finds() {
    let python = Command::new("python3").args(["-c", "import mailbox"]).output();
    if !python.is_ok_and(|python| python.status.success()) {
        println!("skipped: there is no Python");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("mailbox");
    let mails = mails();
    let python = output(Command::new("python3").args(["-c", MAILBOX]).arg(&path).args(&mails));
    let messages: Vec<Vec<u8>> = String::from_utf8(python)
        .expect("text")
        .lines()
        .map(|line| {
            let message: String = serde_json::from_str(line).expect("JSON");
            message.chars().map(|char| u8::try_from(char).expect("a byte")).collect()
        })
        .collect();
    assert_eq!(messages.len(), mails.len());
    compare(&std::fs::read(&path).expect("the mailbox"), &messages);
}
