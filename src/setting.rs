//! Settings as words: on command lines and in files of settings.

use crate::error::Error;

/// Has the values of a setting displayed as words, and made of these.
macro_rules! words {
    ($setting:ty, $option:literal, $($value:ident: $word:literal),+) => {
        /// As the word that it is made of.
        impl std::fmt::Display for $setting {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $(Self::$value => $word),+ })
            }
        }

        /// The error names the words that there are.
        impl std::str::FromStr for $setting {
            type Err = crate::error::Error;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$value),)+
                    _ => Err(crate::setting::unknown($option, word, &[$($word),+])),
                }
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $setting {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $setting {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use words;

/// A setting that is made of a word, or of a number as the word that this is.
#[cfg(feature = "serde")]
pub(crate) fn word_or_number<'de, S, D>(deserializer: D) -> Result<S, D::Error>
where
    S: std::str::FromStr<Err = Error>,
    D: serde::Deserializer<'de>,
{
    use serde::Deserialize;

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Stated {
        Whole(u64),
        Number(f64),
        Word(String),
    }
    // Only formats for people say what comes.
    let stated = if deserializer.is_human_readable() {
        Stated::deserialize(deserializer)?
    } else {
        Stated::Word(String::deserialize(deserializer)?)
    };
    let word = match stated {
        Stated::Whole(number) => number.to_string(),
        Stated::Number(number) => number.to_string(),
        Stated::Word(word) => word,
    };
    word.parse().map_err(serde::de::Error::custom)
}

/// An error for a word that is no value of an option.
pub(crate) fn unknown(option: &'static str, word: &str, words: &[&str]) -> Error {
    let (last, others) = words.split_last().expect("BUG: an option without values");
    let problem = format!("{word:?} is not {} or {last}", others.join(", "));
    Error::Option { option, problem }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    use crate::{Cut, Error, Format, OnError, WithinArticle};

    fn is_itself<T: Display + FromStr<Err = Error> + PartialEq + Debug>(values: &[T], words: &str) {
        let displayed: Vec<String> = values.iter().map(T::to_string).collect();
        assert_eq!(displayed.join(" "), words);
        for (value, word) in values.iter().zip(&displayed) {
            assert_eq!(&word.parse::<T>().unwrap(), value);
            assert!(word.to_uppercase().parse::<T>().is_err() || word.parse::<f64>().is_ok());
        }
    }

    #[test]
    fn settings_are_displayed_as_what_they_are_made_of() {
        is_itself(&[Cut::Paragraph, Cut::Sentence, Cut::Span], "paragraph sentence span");
        is_itself(&[OnError::Skip, OnError::Stop], "skip stop");
        let policies = [WithinArticle::Remove, WithinArticle::Keep, WithinArticle::RemoveFrom(500)];
        is_itself(&policies, "remove keep 500");
        let formats = [
            Format::Text,
            Format::JsonLines,
            Format::Json,
            Format::Csv,
            Format::Tsv,
            Format::Mail,
            Format::Mbox,
            Format::Html,
            Format::Warc,
            Format::Feed,
            Format::Parquet,
        ];
        is_itself(&formats, "text jsonl json csv tsv mail mbox html warc feed parquet");
        #[cfg(feature = "index")]
        {
            use crate::Frequent::{Articles, ShareOfSource};
            use crate::Versions::{Keep, Refuse, Replace};

            is_itself(&[Keep, Replace, Refuse], "keep replace refuse");
            let rules = [Articles(2), ShareOfSource(1.0), ShareOfSource(0.05)];
            is_itself(&rules, "2 1 0.05");
            for word in ["0", "-0.5", "1.5", "NaN", "many"] {
                let error = word.parse::<crate::Frequent>().unwrap_err().to_string();
                let expected =
                    "is not a number of articles from 2 on or a share above 0 and up to 1";
                assert_eq!(error, format!("option boilerplate: {word:?} {expected}"));
            }
        }
    }

    #[test]
    fn an_unknown_word_is_told_from_those_there_are() {
        let message = |error: Error| error.to_string();
        assert_eq!(
            message("sentences".parse::<Cut>().unwrap_err()),
            "option cut: \"sentences\" is not paragraph, sentence or span"
        );
        assert_eq!(
            message("-1".parse::<WithinArticle>().unwrap_err()),
            "option within_article: \"-1\" is not remove, keep or a number of bytes"
        );
        assert_eq!(format!("{:>6}|{:<6}", OnError::Skip, Format::Csv), "  skip|csv   ");
    }
}
