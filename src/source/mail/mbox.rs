//! mbox: messages one after the other in a file, each behind a line that begins with `From `.

use std::io::{BufRead, Cursor, Read};

use super::super::document::{Failure, Problem, RawRecord};
use super::super::encoding::MARK;

/// How much of a line is read at a time.
const PIECE: u64 = 1 << 16;

/// The messages of an mbox, without the marks that their writers put before `From `.
///
/// Where a message begins is told by the lines alone: a `Content-Length` is wrong wherever a
/// program touched the text behind it. Of the quoting there are two kinds. mboxo marks lines that
/// begin with `From `, mboxrd also those that have marks already; to take one mark away is right
/// for the second, and for the first wherever the sender's own text had none.
#[derive(Debug)]
pub(crate) struct MboxRecords<R> {
    /// What was read to tell how lines end, to be read once more.
    start: Cursor<Vec<u8>>,
    reader: R,
    /// What ends a line: a line feed or, on old Macintoshes, a carriage return, which becomes one.
    line_end: u8,
    /// The line that was looked at ahead of its turn, or its first piece.
    ahead: Option<Vec<u8>>,
    /// The longest message, in bytes.
    limit: u64,
    number: u64,
    /// Offset of what comes next.
    offset: u64,
    /// Offset of the message whose separator was read.
    begun: Option<u64>,
    ended: bool,
}

impl<R: BufRead> MboxRecords<R> {
    pub(crate) fn new(reader: R, limit: u64) -> Self {
        Self {
            start: Cursor::default(),
            reader,
            line_end: b'\n',
            ahead: None,
            limit,
            number: 0,
            offset: 0,
            begun: None,
            ended: false,
        }
    }

    /// The next piece of a line; empty at the end.
    fn piece(&mut self, piece: &mut Vec<u8>) -> std::io::Result<()> {
        match self.ahead.take() {
            Some(ahead) => *piece = ahead,
            None => self.read(piece)?,
        }
        self.offset += piece.len() as u64;
        Ok(())
    }

    /// The piece behind the one that was read last.
    fn look_ahead(&mut self) -> std::io::Result<&[u8]> {
        let mut ahead = Vec::new();
        self.read(&mut ahead)?;
        Ok(self.ahead.insert(ahead))
    }

    fn read(&mut self, piece: &mut Vec<u8>) -> std::io::Result<()> {
        piece.clear();
        let mut rest = (&mut self.start).chain(&mut self.reader).take(PIECE);
        rest.read_until(self.line_end, piece)?;
        if let (b'\r', Some(end @ b'\r')) = (self.line_end, piece.last_mut()) {
            *end = b'\n';
        }
        Ok(())
    }

    /// Tells how lines end by the first of them.
    fn begin(&mut self) -> std::io::Result<()> {
        let mut first = Vec::new();
        self.read(&mut first)?;
        if !first.ends_with(b"\n") && first.contains(&b'\r') {
            self.line_end = b'\r';
        }
        self.start = Cursor::new(first);
        Ok(())
    }

    /// Whether a line separates messages.
    fn separates(&mut self, line: &[u8], after_blank: bool) -> std::io::Result<bool> {
        if is_separator(line, after_blank) {
            return Ok(true);
        }
        // What programs write that have no date to put there: headers tell it from a sentence.
        let may_be = after_blank && line.starts_with(b"From ") && line.ends_with(b"\n");
        Ok(may_be && is_header(self.look_ahead()?))
    }

    /// Reads up to the separator behind the next message, or to the end.
    fn message(&mut self) -> std::io::Result<Option<Result<RawRecord, Failure>>> {
        let mut bytes = Vec::new();
        let mut too_long = false;
        let mut stray = None;
        let mut piece = Vec::new();
        let mut at_line_start = true;
        // The start of the file is as good; behind a separator there may be another line like it.
        let mut after_blank = self.begun.is_none();
        let begun = loop {
            let offset = self.offset;
            if offset == 0 {
                self.begin()?;
            }
            self.piece(&mut piece)?;
            if offset == 0 && piece.starts_with(MARK) {
                piece.drain(..MARK.len());
            }
            if piece.is_empty() {
                self.ended = true;
                break self.begun.take();
            }
            let starts_line = at_line_start;
            at_line_start = piece.ends_with(b"\n");
            if starts_line && self.separates(&piece, after_blank)? {
                // What is left of a separator that is longer than a piece.
                while !at_line_start {
                    self.piece(&mut piece)?;
                    at_line_start = piece.is_empty() || piece.ends_with(b"\n");
                }
                if let Some(begun) = self.begun.replace(self.offset) {
                    break Some(begun);
                }
                if stray.is_some() {
                    break None;
                }
                after_blank = false;
                continue;
            }
            let blank = starts_line && piece.trim_ascii().is_empty();
            after_blank = blank;
            if self.begun.is_none() {
                stray = stray.or(Some(offset).filter(|_| !blank));
                continue;
            }
            let line = match piece.first() {
                Some(b'>') if starts_line && is_quoted(&piece) => &piece[1..],
                _ => &piece,
            };
            too_long |= bytes.len() as u64 + line.len() as u64 > self.limit;
            if !too_long {
                bytes.extend_from_slice(line);
            }
        };
        if let Some(offset) = stray {
            let problem = Problem::invalid("text before the first line that begins with \"From \"");
            return Ok(Some(Err(Failure::of_record(problem).at(self.number + 1, offset))));
        }
        let Some(offset) = begun else { return Ok(None) };
        self.number += 1;
        if too_long {
            let failure = Failure::of_record(Problem::TooLong { limit: self.limit });
            return Ok(Some(Err(failure.at(self.number, offset))));
        }
        // The blank line before a separator is not of the message.
        for end in [b"\n\r\n".as_slice(), b"\n\n"] {
            if bytes.ends_with(end) {
                bytes.truncate(bytes.len() - end.len() + 1);
                break;
            }
        }
        Ok(Some(Ok(RawRecord { bytes, number: self.number, offset })))
    }
}

impl<R: BufRead> Iterator for MboxRecords<R> {
    type Item = Result<RawRecord, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.message().unwrap_or_else(|error| {
            self.ended = true;
            let failure = Failure::of_file(error).at(self.number + 1, self.offset);
            Some(Err(failure))
        })
    }
}

/// Whether a line of a body was marked: any number of marks before `From `.
fn is_quoted(line: &[u8]) -> bool {
    let marks = line.iter().take_while(|&&byte| byte == b'>').count();
    line[marks..].starts_with(b"From ")
}

/// Whether a line separates messages by itself: a sender and a date stand behind `From `, or, as
/// some programs write, nothing, or a number, as in archives of Usenet; then it must follow a blank
/// line.
///
/// Sentences begin with that word too, and not every writer marks them.
fn is_separator(line: &[u8], after_blank: bool) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let words: Vec<&[u8]> = words.take(16).collect();
    let Some((sender, rest)) = words.split_first() else { return after_blank };
    if rest.is_empty() && is_long_number(sender) {
        return after_blank;
    }
    // Some senders have spaces. Dates as in headers or of JavaScript stand in sentences too, so they
    // need an address, and nothing but a weekday between.
    (0..rest.len()).any(|at| is_date(&rest[at..]))
        || sender.contains(&b'@') && (0..=1).any(|at| rest.get(at..).is_some_and(is_other_date))
}

/// Whether a word is a whole number with more digits than a year has.
fn is_long_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    digits.len() > 4 && digits.iter().all(u8::is_ascii_digit)
}

/// Whether a line is a header that messages begin with.
fn is_header(line: &[u8]) -> bool {
    const NAMES: [&[u8]; 10] = [
        b"From",
        b"To",
        b"Received",
        b"Return-Path",
        b"Message-ID",
        b"Date",
        b"Path",
        b"Delivered-To",
        b"Subject",
        b"MIME-Version",
    ];
    let Some(end) = memchr::memchr(b':', line) else { return false };
    let name = &line[..end];
    let is_extension =
        matches!(name, [b'X' | b'x', b'-', _, ..]) && name.iter().all(u8::is_ascii_graphic);
    is_extension || NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether words begin with a date as ctime writes it, but for the weekday: month, day, time, at most
/// two words of a zone, year.
fn is_date(words: &[&[u8]]) -> bool {
    let [month, day, time, rest @ ..] = words else { return false };
    let zone = rest.iter().take(2).take_while(|word| is_zone(word)).count();
    is_month(month) && is_day(day) && is_time(time) && rest.get(zone).is_some_and(|it| is_year(it))
}

/// Whether words begin with a day and a month in any order, a year and a time.
fn is_other_date(words: &[&[u8]]) -> bool {
    let [first, second, year, time, ..] = words else { return false };
    let day = is_day(first) && is_month(second) || is_month(first) && is_day(second);
    day && is_year(year) && is_time(time)
}

fn is_month(word: &[u8]) -> bool {
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    MONTHS.contains(&word)
}

/// Whether a word is a number of one or two digits.
fn is_day(word: &[u8]) -> bool {
    (1..=2).contains(&word.len()) && word.iter().all(u8::is_ascii_digit)
}

fn is_time(word: &[u8]) -> bool {
    word.contains(&b':') && word.split(|&byte| byte == b':').all(is_day)
}

fn is_year(word: &[u8]) -> bool {
    word.len() == 4 && word.iter().all(u8::is_ascii_digit)
}

/// Whether a word is a zone: `MET`, `+0100`, `(CET)`.
fn is_zone(word: &[u8]) -> bool {
    !is_year(word) && !word.iter().any(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mbox: &[u8]) -> Vec<Result<String, Problem>> {
        let records = MboxRecords::new(std::io::BufReader::with_capacity(3, mbox), 1 << 20);
        let text = |record: RawRecord| String::from_utf8(record.bytes).unwrap();
        records.map(|record| record.map(text).map_err(|failure| failure.problem)).collect()
    }

    fn messages(mbox: &str) -> Vec<String> {
        read(mbox.as_bytes()).into_iter().map(Result::unwrap).collect()
    }

    const FROM: &str = "From anna@example.org Sat Jan  3 01:05:34 1996\n";

    #[test]
    fn messages_are_cut_at_their_separators() {
        let mbox = format!("{FROM}Subject: 1\n\neins\n\n{FROM}Subject: 2\n\nzwei\n\n\n{FROM}\n\n");
        assert_eq!(messages(&mbox), ["Subject: 1\n\neins\n", "Subject: 2\n\nzwei\n\n", "\n"]);
        assert_eq!(messages(&mbox.replace('\n', "\r\n"))[0], "Subject: 1\r\n\r\neins\r\n");
        assert_eq!(messages(&format!("\n\n{FROM}A: b\n\nc")), ["A: b\n\nc"]);
        assert_eq!(messages(""), [""; 0]);
        assert_eq!(messages("\n\n"), [""; 0]);
    }

    #[test]
    fn lines_may_end_as_they_once_did_on_a_macintosh() {
        let long = "x".repeat(200_000);
        let mbox = format!("{FROM}A: b\n\n>From {long}\n\n{FROM}A: c\n\neins\n\nFrom a\nTo: b\n");
        let expected = messages(&mbox);
        assert_eq!(expected.len(), 3);
        assert_eq!(messages(&mbox.replace('\n', "\r")), expected);
        // One of another kind is none.
        let mixed = format!("{FROM}A: b\n\neins\r{FROM}zwei\n");
        assert_eq!(messages(&mixed), [&mixed[FROM.len()..]]);
    }

    #[test]
    fn a_byte_order_mark_is_of_no_message() {
        let mbox = format!("\u{feff}{FROM}A: b\n\n{FROM}A: c\n");
        assert_eq!(messages(&mbox), ["A: b\n", "A: c\n"]);
        let first = MboxRecords::new(mbox.as_bytes(), 1 << 20).next().unwrap().unwrap();
        assert_eq!(first.offset, 3 + FROM.len() as u64);
    }

    #[test]
    fn a_message_knows_its_place() {
        let mbox = format!("\n{FROM}A: b\n\n{FROM}A: c\n");
        let places: Vec<(u64, u64)> = MboxRecords::new(mbox.as_bytes(), 1 << 20)
            .map(|record| record.map(|record| (record.number, record.offset)).unwrap())
            .collect();
        let second = mbox.rfind("A: c").unwrap() as u64;
        assert_eq!(places, [(1, 1 + FROM.len() as u64), (2, second)]);
    }

    #[test]
    fn one_mark_is_taken_from_quoted_lines() {
        let mbox = format!("{FROM}A: b\n\n>From x\n>>From y\n> From z\n>Fro\n");
        assert_eq!(messages(&mbox), ["A: b\n\nFrom x\n>From y\n> From z\n>Fro\n"]);
    }

    #[test]
    fn sentences_separate_nothing_and_bare_separators_need_a_blank_line() {
        let body = "A: b\n\nFrom 10:30 on we met.\n\nFrom May on, too.\nFrom \nhere\n\n\
            From May 5, 10:30 on, and in 2019, too.\n\
            From the start at 10:00 in May 2024 we go.\n\
            From the office, May 5 10:30 until 2024 or so.\n\
            From Monday 6 May 2024 10:30 on\n";
        assert_eq!(messages(&format!("{FROM}{body}")), [body]);
        let mbox =
            "From \nA: b\n\neins\n\nFrom \r\nA: c\n\nFrom - Mon Jan 01 12:00:00 2018\nA: d\n";
        assert_eq!(messages(mbox), ["A: b\n\neins\n", "A: c\n", "A: d\n"]);
    }

    #[test]
    fn a_number_separates_where_nothing_stands_before_it() {
        let mbox = "From -1234567890123\nA: b\n\neins\nFrom 12345\n\nFrom 1234567\nA: c\n\n\
            From 1996\nFrom 12345 on\n";
        assert_eq!(
            messages(mbox),
            ["A: b\n\neins\nFrom 12345\n", "A: c\n\nFrom 1996\nFrom 12345 on\n"]
        );
        assert_eq!(messages(&mbox.replace('\n', "\r\n"))[0], "A: b\r\n\r\neins\r\nFrom 12345\r\n");
    }

    #[test]
    fn headers_tell_a_separator_without_a_date() {
        for header in [
            "From: a",
            "to: a",
            "Received: a",
            "Return-Path: <a>",
            "Message-Id: <a>",
            "Date: a",
            "Path: a",
            "Delivered-To: a",
            "Subject:",
            "Mime-Version: 1.0",
            "X-Mailer: a",
        ] {
            for separator in
                ["From anna@example.org", "From Anna Berg", "From anna Saturday 3.1.1996"]
            {
                let message = format!("{header}\n\neins\n");
                let mbox = format!("{separator}\n{message}\n{separator}\n{message}");
                assert_eq!(messages(&mbox), [&*message, &message], "{separator} {header}");
            }
        }
        for body in [
            "From here on\nA: b\nDate: c\n",
            "From here on\n\nDate: c\n",
            "From here on\nTo the end: c\n",
            "From here on\nX-: c\n",
            "From here on\nX-ray of today: c\n",
            "eins\nFrom here on\nDate: c\n",
            "From here on",
        ] {
            let mail = format!("A: b\n\n{body}");
            assert_eq!(messages(&format!("{FROM}{mail}")), [mail], "{body}");
        }
        // Behind a separator another is none.
        let mail = "From anna\nDate: a\n";
        assert_eq!(messages(&format!("{FROM}{mail}\n{FROM}{mail}")), [mail; 2]);
        // Places are right though lines are looked at ahead.
        let mbox = "From anna\nTo: a\n\nFrom berta\nTo: b\n";
        let offsets: Vec<u64> = MboxRecords::new(mbox.as_bytes(), 1 << 20)
            .map(|record| record.map(|record| record.offset).unwrap())
            .collect();
        assert_eq!(offsets, [10, 10 + 7 + 11]);
        let long = format!("{FROM}A: b\n\nFrom {}\nDate: a\n", "x".repeat(200_000));
        assert_eq!(messages(&long).len(), 1);
    }

    #[test]
    fn separators_are_of_many_writers() {
        for separator in [
            "anna Sat Jan  3 01:05 1996",
            "anna@example.org  Sat Jan 03 01:05:34 MET 1996",
            "anna@example.org Sat Jan  3 01:05:34 MET DST 1996",
            "1234@xxx Sat Jan 03 01:05:34 +0000 1996",
            "anna at example.org  Sat Jan  3 01:05:34 1996",
            "\"A. B\"@example.org Sat Jan  3 01:05:34 1996 +0100",
            "host!anna Sat Jan  3 01:05:34 1996 remote from host",
            "anna@example.org Jan  3 01:05:34 1996",
            "anna@example.org Sat, 3 Jan 1996 01:05:34 +0000",
            "anna@example.org Sat Jan 03 1996 01:05:34 GMT+0000",
        ] {
            let mbox = format!("{FROM}A: b\nFrom {separator}\nA: c\n");
            assert_eq!(messages(&mbox), ["A: b\n", "A: c\n"], "{separator}");
        }
    }

    #[test]
    fn what_is_too_long_or_stray_is_an_error_and_the_rest_is_read() {
        let mbox = format!("x\n{FROM}A: b\n\n{FROM}{}\n{FROM}A: c\n", "y".repeat(3 << 20));
        let read = read(mbox.as_bytes());
        assert_eq!(read.len(), 4);
        assert!(matches!(read[0], Err(Problem::Invalid(_))));
        assert_eq!(read[1].as_deref().unwrap(), "A: b\n");
        assert!(matches!(read[2], Err(Problem::TooLong { limit: 1_048_576 })));
        assert_eq!(read[3].as_deref().unwrap(), "A: c\n");
        let stray = self::read(b"no mail\n");
        assert!(matches!(stray[..], [Err(Problem::Invalid(_))]));
    }

    #[test]
    fn an_endless_separator_ends() {
        let mbox = format!("From a Jan 1 1:00 1996 {}\nA: b\n", "x".repeat(200_000));
        assert_eq!(messages(&mbox), ["A: b\n"]);
    }
}
