//! What some programs write for JSON.

use super::flat::unit;

/// A record that is no JSON, with all of it put as JSON has it that only some programs write:
/// numbers that are none, as Python does (`NaN`), halves of surrogate pairs, as texts have that
/// were cut as UTF-16, and control characters in strings. With how many halves became U+FFFD; none
/// if it has nothing of that.
pub(super) fn repaired(record: &str) -> Option<(String, u64)> {
    let bytes = record.as_bytes();
    let mut repaired = String::new();
    let (mut at, mut copied, mut replaced) = (0, 0, 0);
    let mut in_string = false;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let (len, instead) = match byte {
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            b'\\' if in_string => match unit(rest) {
                None => (2, None),
                Some(0xD800..=0xDBFF) if matches!(unit(&rest[6..]), Some(0xDC00..=0xDFFF)) => {
                    (12, None)
                }
                Some(0xD800..=0xDFFF) => {
                    replaced += 1;
                    (6, Some("\\ufffd".to_owned()))
                }
                Some(_) => (6, None),
            },
            // But for NUL, which is damage.
            1..0x20 if in_string => (1, Some(format!("\\u{byte:04x}"))),
            b'N' | b'I' | b'-' if !in_string => {
                let words: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
                let found = words.into_iter().find(|word| rest.starts_with(word));
                found.map_or((1, None), |word| (word.len(), Some("null".to_owned())))
            }
            _ => (1, None),
        };
        if let Some(instead) = instead {
            repaired.push_str(&record[copied..at]);
            repaired.push_str(&instead);
            copied = at + len;
        }
        at += len;
    }
    (copied > 0).then(|| {
        repaired.push_str(&record[copied..]);
        (repaired, replaced)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_json_changes() {
        for (record, instead, halves) in [
            (r#"{"a":NaN,"b":[-Infinity, Infinity]}"#, r#"{"a":null,"b":[null, null]}"#, 0),
            (r#"{"a":"NaN -Infinity","b":NaN}"#, r#"{"a":"NaN -Infinity","b":null}"#, 0),
            ("{\"a\":\"x\ty\u{1}\",\t\"b\":1}", "{\"a\":\"x\\u0009y\\u0001\",\t\"b\":1}", 0),
            (r#"["\ud83d","\udE00x"]"#, r#"["\ufffd","\ufffdx"]"#, 2),
            (r#"["\ud83d\ude00\ud83d\n"]"#, r#"["\ud83d\ude00\ufffd\n"]"#, 1),
            (r#"["\\ud83d\"\ud83d\u0041"]"#, r#"["\\ud83d\"\ufffd\u0041"]"#, 1),
            ("[\"ä\\ud83d\t\"]", "[\"ä\\ufffd\\u0009\"]", 1),
        ] {
            assert_eq!(repaired(record), Some((instead.to_owned(), halves)), "{record}");
            assert!(serde_json::from_str::<serde_json::Value>(record).is_err(), "{record}");
            assert!(serde_json::from_str::<serde_json::Value>(instead).is_ok(), "{record}");
        }
        for sound in [
            "",
            r#"{"a":"\u00e4\ud83d\ude00","b":-1}"#,
            r#"["\""]"#,
            "{\"a",
            "[\"\\",
            "[\"\\ud",
            "[\"\0\"]",
        ] {
            assert_eq!(repaired(sound), None, "{sound}");
        }
    }
}
