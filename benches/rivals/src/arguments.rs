//! `--name value` arguments, enough for programs that developers run.

/// The arguments of this program.
#[derive(Debug)]
pub struct Arguments(Vec<String>);

impl Arguments {
    /// Those after the program's name.
    pub fn new() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// Takes an option's value out.
    ///
    /// # Panics
    ///
    /// If it has none.
    pub fn value(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|argument| argument == name)?;
        assert!(at + 1 < self.0.len(), "{name} needs a value");
        self.0.remove(at);
        Some(self.0.remove(at))
    }

    /// Takes out an option's value that is a number, with K, M or G after it for thousands.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn number(&mut self, name: &str) -> Option<u64> {
        self.value(name).map(|value| number(name, &value))
    }

    /// Takes out an option's value that is a list of such numbers, parted by commas.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn numbers(&mut self, name: &str) -> Option<Vec<u64>> {
        let value = self.value(name)?;
        Some(value.split(',').map(|value| number(name, value)).collect())
    }

    /// Takes out an option's value that is a share, from 0 to 1, as so many in a thousand.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn thousandths(&mut self, name: &str) -> Option<u64> {
        let share: f64 = self.value(name)?.parse().expect("a share");
        assert!((0.0..=1.0).contains(&share), "{name}: {share} is not from 0 to 1");
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked above
        let thousandths = (share * 1e3).round() as u64;
        Some(thousandths)
    }

    /// Takes out an option without value.
    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|argument| argument != name);
        self.0.len() < before
    }

    /// What is left.
    ///
    /// # Panics
    ///
    /// If an option is left.
    pub fn rest(self) -> Vec<String> {
        let unknown = self.0.iter().find(|argument| argument.starts_with("--"));
        assert!(unknown.is_none(), "unknown option: {unknown:?}");
        self.0
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self::new()
    }
}

fn number(name: &str, value: &str) -> u64 {
    let (digits, unit) = match value.chars().last() {
        Some('K') => (&value[..value.len() - 1], 1e3),
        Some('M') => (&value[..value.len() - 1], 1e6),
        Some('G') => (&value[..value.len() - 1], 1e9),
        _ => (value, 1.0),
    };
    let number: f64 = digits.parse().unwrap_or_else(|_| panic!("{name}: {value} is no number"));
    assert!((0.0..1e15).contains(&number), "{name}: {value}");
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked above
    let number = (number * unit) as u64;
    number
}
