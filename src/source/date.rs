//! Dates of mail and feeds.

use std::borrow::Cow;

/// Names of zones that RFC 2822 does not know, with what they mean wherever they are used. Others,
/// like `IST`, mean several.
const ZONES: [(&str, &str); 24] = [
    ("CET", "+0100"),
    ("CEST", "+0200"),
    ("MEZ", "+0100"),
    ("MESZ", "+0200"),
    ("MET", "+0100"),
    ("MEST", "+0200"),
    ("WET", "+0000"),
    ("WEST", "+0100"),
    ("EET", "+0200"),
    ("EEST", "+0300"),
    ("MSK", "+0300"),
    ("MSD", "+0400"),
    ("SAST", "+0200"),
    ("HKT", "+0800"),
    ("AWST", "+0800"),
    ("JST", "+0900"),
    ("KST", "+0900"),
    ("AEST", "+1000"),
    ("AEDT", "+1100"),
    ("NZST", "+1200"),
    ("NZDT", "+1300"),
    ("AKST", "-0900"),
    ("AKDT", "-0800"),
    ("HST", "-1000"),
];

/// Those that it knows, or that can mean nothing else.
const KNOWN: [&str; 12] =
    ["UT", "GMT", "UTC", "Z", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"];

/// A date as RFC 3339 has it, if it is one as RFC 2822 has it, or would be but for the name of its
/// zone; else as it stands.
pub(super) fn date(text: &str) -> String {
    static PARSER: jiff::fmt::rfc2822::DateTimeParser =
        jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let text = text.trim();
    let parsed = with_known_zone(text).and_then(|known| PARSER.parse_zoned(&*known).ok());
    parsed.map_or_else(
        || text.to_owned(),
        |date| date.timestamp().display_with_offset(date.offset()).to_string(),
    )
}

/// The date with the offset of its zone, if that has a name. None if that is not known: the parser
/// would take it for UTC.
fn with_known_zone(text: &str) -> Option<Cow<'_, str>> {
    let stated = text.split('(').next().unwrap_or_default().trim_end();
    let zone = stated.rsplit(|char: char| char.is_ascii_whitespace()).next().unwrap_or_default();
    if !zone.bytes().all(|byte| byte.is_ascii_alphabetic())
        || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(zone))
    {
        return Some(text.into());
    }
    let (_, offset) = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone))?;
    Some(format!("{}{offset}", &stated[..stated.len() - zone.len()]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_that_are_known_or_stay() {
        let at = "Wed, 02 Oct 2002 08:00:00";
        for (zone, offset) in [
            ("+0530", "+05:30"),
            ("GMT", "+00:00"),
            ("utc", "+00:00"),
            ("EDT", "-04:00"),
            ("CET", "+01:00"),
            ("CEST (Sommerzeit)", "+02:00"),
            ("MEZ", "+01:00"),
            ("jst", "+09:00"),
            ("+0100 (IST)", "+01:00"),
        ] {
            assert_eq!(date(&format!(" {at} {zone}")), format!("2002-10-02T08:00:00{offset}"));
        }
        for zone in ["IST", "BST", "A", "XYZ (CET)", "", "CET DST", "+01000"] {
            let stated = format!("{at} {zone}");
            assert_eq!(date(&stated), stated.trim());
        }
        assert_eq!(date("Montag"), "Montag");
        assert_eq!(date(""), "");
    }

    #[test]
    fn each_zone_stands_once() {
        let names: std::collections::HashSet<_> =
            ZONES.iter().map(|(name, _)| name).chain(&KNOWN).collect();
        assert_eq!(names.len(), ZONES.len() + KNOWN.len());
    }
}
