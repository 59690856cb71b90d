//! Small corpora full of traps.
//!
//! A corpus is built from operations, each a few numbers, so that the same recipes come from the
//! seeded generator here and from proptest, which shrinks them.

use unicode_normalization::UnicodeNormalization;

/// A splitmix64 generator.
#[derive(Debug, Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).expect("below a usize")
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// One step in building an article: what to do, and three numbers and a variant for it.
pub(crate) type Op = (u8, u16, u16, u16, u8);

/// All that a corpus is built from.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) style: u8,
    pub(crate) min_span: usize,
    pub(crate) min_paragraph: usize,
    pub(crate) salt: u64,
    pub(crate) articles: Vec<Vec<Op>>,
}

impl Recipe {
    /// The recipe of one seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let min_span = match rng.below(8) {
            0..=2 => 32,
            3 => 64,
            4 => 33,
            5 => 200,
            _ => 32 + rng.below(33),
        };
        let min_paragraph = if min_span == 200 { 80 } else { 8 + rng.below(min_span - 8) };
        let mut articles = Vec::new();
        for _ in 0..=rng.below(6) {
            let mut ops = Vec::new();
            for _ in 0..rng.below(14) {
                let [what, variant, low, high, ..] = rng.next().to_le_bytes();
                let a = u16::from_le_bytes([low, high]);
                let [b0, b1, c0, c1, ..] = rng.next().to_le_bytes();
                let (b, c) = (u16::from_le_bytes([b0, b1]), u16::from_le_bytes([c0, c1]));
                ops.push((what, a, b, c, variant));
            }
            articles.push(ops);
        }
        Self {
            style: rng.next().to_le_bytes()[0],
            min_span,
            min_paragraph,
            salt: rng.next(),
            articles,
        }
    }

    /// The texts of the recipe.
    pub(crate) fn build(&self) -> Vec<String> {
        let mut rng = Rng(self.salt);
        let (t, p) = (self.min_span, self.min_paragraph);
        let lengths = [p - 1, p, p + 1, t - 1, t, t + 1, t / 2, 2 * t, 10];
        let pool: Vec<String> =
            lengths.iter().map(|len| fresh(self.style, *len, &mut rng)).collect();
        let mut done: Vec<String> = Vec::new();
        for ops in &self.articles {
            let mut text = String::new();
            for op in ops {
                self.step(*op, &pool, &done, &mut text, &mut rng);
            }
            done.push(text);
        }
        done
    }

    fn step(
        &self,
        (what, a, b, c, variant): Op,
        pool: &[String],
        done: &[String],
        text: &mut String,
        rng: &mut Rng,
    ) {
        let (a, b, c) = (usize::from(a), usize::from(b), usize::from(c));
        let t = self.min_span;
        let piece = match what % 16 {
            0..=2 => fresh(self.style, 1 + a % (t + 8), &mut Rng(rng.next())),
            3 => fresh(self.style, 1 + a % (3 * t), &mut Rng(rng.next())),
            4..=6 => {
                let fragment = &pool[a % pool.len()];
                let cut = if c % 3 == 0 { b % 5 } else { 0 };
                fragment.chars().skip(cut).collect()
            }
            7..=9 => {
                let from = earlier(a, done, text);
                let (at, len) = (b % (from.chars().count() + 1), near(c, t));
                from.chars().skip(at).take(len).collect()
            }
            10 | 11 => {
                let from = earlier(a, done, text);
                let lines: Vec<&str> = from.split_inclusive('\n').collect();
                let at = b % (lines.len() + 1);
                lines[at..].iter().take(1 + c % 6).copied().collect()
            }
            12 => earlier(a, done, text).to_owned(),
            13 => periodic(a, 1 + b % (3 * t), c % 3 == 0),
            14 => JUNK[a % JUNK.len()].to_owned(),
            _ => String::new(),
        };
        text.push_str(&vary(&piece, variant));
        if piece.len() < 6 * t && text.len() < 60 * t {
            text.push_str(SEPARATORS[usize::from(variant / 16 + what / 16) % SEPARATORS.len()]);
        }
    }
}

const SEPARATORS: &[&str] = &[
    "\n", "\n\n", "", " ", "\n", "\r\n", "\n\n\n", "\n", "\r", "\u{2028}", "\n\n", "\u{c}", "\n> ",
    "\n\t", " \n", "\n\n", "", "\n    ", ".\n", "\r\n\r\n",
];

const JUNK: &[&str] = &[
    "\u{feff}",
    ">",
    "> > ",
    "\n>\n",
    "\u{ad}",
    "\u{200b}\n",
    "x",
    " ",
    "\u{301}",
    "…",
    "---",
    "# ",
    "- ",
    "| a | b |\n",
    "```\n",
    "\n\n\n\n",
    ".",
    "\u{2029}",
    "ä",
    "中",
    "\u{1f600}",
    "1. ",
    "* * *",
    "\u{85}",
    "a\u{316}\u{301}",
    "\u{212b}",
    "\u{1100}\u{1161}\u{11a8}",
    "\u{2000}",
    "\u{1e}",
    "\u{34f}",
];

/// Many articles with parts of one text. What two of them have in common around its middle is about
/// as long as a run has to be, on both sides of that or on one; beside it stands other text, or the
/// article ends.
pub(crate) fn parts_of_one(span: usize, rng: &mut Rng) -> Vec<String> {
    let style = rng.pick(&[8, 8, 1, 7, 2]);
    let one: Vec<char> = fresh(style, 10 * span + 20, rng).chars().collect();
    let middle = 2 * span;
    let mut done: Vec<String> = Vec::new();
    for _ in 0..30 + rng.below(170) {
        let before = beside(style, span, &done, rng);
        let left = rng.below(span + 1);
        let right = (span - left + rng.pick(&[0, 1, 2, 2, 3, 3, 4, 5, 12, 43])).saturating_sub(3);
        let mut text: String =
            before.chars().rev().take(span).collect::<Vec<_>>().iter().rev().collect();
        text.extend(&one[middle - left..middle + right]);
        text.extend(beside(style, span, &done, rng).chars().take(2 * span));
        if rng.below(3) == 0 {
            let start = rng.below(middle);
            text.push('\n');
            text.extend(&one[start..start + span + 3]);
        }
        done.push(text);
    }
    done
}

fn beside(style: u8, span: usize, done: &[String], rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => String::new(),
        1 => fresh(style, 1 + rng.below(span), rng),
        2 if !done.is_empty() => done[rng.below(done.len())].clone(),
        _ => rng.pick(&["q", "z", "j", " ", "\n"]).to_owned(),
    }
}

/// An article to copy from: an earlier one, or what there is of this one.
fn earlier<'a>(a: usize, done: &'a [String], text: &'a str) -> &'a str {
    done.get(a % (done.len() + 1)).map_or(text, String::as_str)
}

/// A length about `min_span`, or any up to three times that.
fn near(c: usize, t: usize) -> usize {
    match c % 4 {
        0 => t - 2 + (c / 4) % 5,
        1 => t / 2 + (c / 4) % t,
        _ => 1 + (c / 4) % (3 * t),
    }
}

fn periodic(a: usize, len: usize, lines: bool) -> String {
    let patterns = [
        "-",
        "ab",
        "abc",
        "abcde",
        "abcdefg",
        "x",
        "äö",
        "中丰",
        "é ",
        "=",
        "a b",
        "…",
        "aab",
        "\u{1f600}\u{1f601}",
        "- ",
    ];
    let pattern = patterns[a % patterns.len()];
    let mut text = String::new();
    let step = 1 + (a / 16) % 9;
    let mut n = 0;
    while text.len() < len {
        text.push_str(pattern);
        n += 1;
        if lines && n % step == 0 {
            text.push('\n');
        }
    }
    text
}

/// New text of about `len` canonical bytes, exactly `len` in the ASCII styles.
pub(crate) fn fresh(style: u8, len: usize, rng: &mut Rng) -> String {
    const WORDS: &[&str] = &[
        "der",
        "Bericht",
        "Zahl",
        "von",
        "Presse",
        "Inwiefern?",
        "the",
        "report",
        "42",
        "3,5",
        "a",
        "Quelle:",
        "said",
        "city",
        "über",
        "größer",
        "\"so\"",
        "it's",
        "x-ray",
        "Jahr",
    ];
    let alphabet: &[&str] = match style % 10 {
        0 => &["a", "b"],
        1 => &["a", "b", " "],
        2 => &["ä", "ö", "ü", "Ä", "a"],
        3 => &["é", "\u{e8}", "e", "ไ", "ม่", "ท", "\u{4e2d}", "\u{4e30}", "\u{4e31}", " "],
        4 => &["中", "丰", "丱", "、", "・", "·", "〜", "～", "か", "\u{3099}", "「", "a", " "],
        5 => &["\u{1f600}", "\u{1f601}", "\u{1f602}", " ", "x", "\u{1f44d}"],
        6 => &[
            "e\u{301}", "é", "…", "ﬁ", ".", "\"", "“", "-", "–", "\u{ad}", "\u{200b}", " ",
            "\u{a0}", ">", "a", "b", "'", "’",
        ],
        7 => &["a", "b", " ", "\n"],
        _ => WORDS,
    };
    let mut text = String::new();
    if alphabet.len() == WORDS.len() {
        while text.len() < len {
            if !text.is_empty() {
                text.push(' ');
            }
            if rng.below(4) == 0 {
                text.push_str(&rng.below(1000).to_string());
            } else {
                text.push_str(rng.pick(WORDS));
            }
        }
        while text.len() > len {
            text.pop();
        }
        if text.ends_with(' ') {
            text.pop();
            text.push('x');
        }
    } else {
        while text.len() < len {
            let mut next = rng.pick(alphabet);
            if next == " " && (text.is_empty() || text.ends_with(' ') || text.len() + 1 >= len) {
                next = alphabet[0];
            }
            text.push_str(next);
        }
    }
    text
}

/// The same text in other clothes, or for some variants nearly the same text.
pub(crate) fn vary(text: &str, variant: u8) -> String {
    match variant % 24 {
        0 => text.nfd().collect(),
        1 => text
            .replace('"', "\u{201c}")
            .replace('-', "\u{2013}")
            .replace("...", "\u{2026}")
            .replace('\'', "\u{2019}"),
        2 => text.replace(' ', "\u{a0}"),
        3 => text.replace(' ', "  "),
        4 => text.replace(' ', "\n"),
        5 => insert(text, 3, "\u{ad}"),
        6 => insert(text, 7, "\u{200b}"),
        7 => format!("> {}", text.replace('\n', "\n> ")),
        8 => text.replace('\n', "\r\n"),
        9 => text.replace('\n', "\r"),
        10 => change(text),
        11 => format!("{text}{text}"),
        12 => text.replace('\n', " "),
        13 => text.nfc().collect(),
        14 => wrap(text),
        15 => insert(text, 9, "\n"),
        _ => text.to_owned(),
    }
}

fn insert(text: &str, every: usize, what: &str) -> String {
    let mut new = String::new();
    for (i, c) in text.chars().enumerate() {
        if i % every == every - 1 {
            new.push_str(what);
        }
        new.push(c);
    }
    new
}

/// Breaks the line at every fifth space.
fn wrap(text: &str) -> String {
    let mut spaces = 0;
    let mut new = String::new();
    for c in text.chars() {
        spaces += usize::from(c == ' ');
        new.push(if c == ' ' && spaces % 5 == 0 { '\n' } else { c });
    }
    new
}

/// Changes the character in the middle.
fn change(text: &str) -> String {
    let middle = text.chars().count() / 2;
    let other = |(i, c)| if i == middle { 'Q' } else { c };
    text.chars().enumerate().map(other).collect()
}

/// Makes a failing corpus smaller for as long as it fails the same check: without articles, then
/// without lines, then without runs of characters.
pub(crate) fn shrink(mut articles: Vec<String>, fails: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut tries = 6000;
    loop {
        let mut smaller = false;
        let mut at = 0;
        while at < articles.len() && tries > 0 {
            tries -= 1;
            let mut less = articles.clone();
            less.remove(at);
            if fails(&less) {
                articles = less;
                smaller = true;
            } else {
                at += 1;
            }
        }
        for chunk in [0, 64, 16, 4, 1] {
            for i in 0..articles.len() {
                let mut at = 0;
                while tries > 0 {
                    let pieces = pieces(&articles[i], chunk);
                    if at >= pieces.len() {
                        break;
                    }
                    tries -= 1;
                    let mut less = articles.clone();
                    less[i] = [&pieces[..at], &pieces[at + 1..]].concat().concat();
                    if fails(&less) {
                        articles = less;
                        smaller = true;
                    } else {
                        at += 1;
                    }
                }
            }
        }
        if !smaller || tries == 0 {
            return articles;
        }
    }
}

/// The lines of a text, or its characters by `chunk`.
fn pieces(text: &str, chunk: usize) -> Vec<String> {
    if chunk == 0 {
        return text.split_inclusive('\n').map(str::to_owned).collect();
    }
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(chunk).map(|c| c.iter().collect()).collect()
}
