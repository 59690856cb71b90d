//! Dates of mail and feeds.

/// A date as RFC 3339 has it, if it is one as RFC 2822 has it; else as it stands.
pub(super) fn date(text: &str) -> String {
    static PARSER: jiff::fmt::rfc2822::DateTimeParser =
        jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let text = text.trim();
    PARSER.parse_zoned(text).map_or_else(
        |_| text.to_owned(),
        |date| date.timestamp().display_with_offset(date.offset()).to_string(),
    )
}
