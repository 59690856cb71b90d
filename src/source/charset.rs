//! Encodings of texts that state theirs, or should.

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::document::{Failure, Problem};

/// A text, and what its bytes were.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// None for UTF-8.
    pub(crate) encoding: Option<&'static str>,
    /// How many byte sequences became U+FFFD.
    pub(crate) replaced: u64,
}

impl Decoded {
    /// The text, if all of it could be decoded or that is not asked for.
    pub(crate) fn check(self, strict: bool) -> Result<Self, Failure> {
        if strict && self.replaced > 0 {
            let encoding = self.encoding.unwrap_or(UTF_8.name());
            let problem = Problem::Undecodable { encoding, sequences: self.replaced };
            return Err(Failure::of_record(problem));
        }
        Ok(self)
    }
}

/// The text of `bytes`: by their byte order mark, else as `declared`, else as UTF-8 if they are
/// that, else by a guess.
///
/// A label that the WHATWG Encoding Standard does not know counts as none. So does ASCII, which
/// programs declare that never looked: if it is true, it is UTF-8 too.
pub(crate) fn decode(bytes: &[u8], declared: Option<&[u8]>) -> Decoded {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return decode_as(&bytes[mark..], encoding);
    }
    let declared = declared
        .filter(|label| !is_ascii_label(label))
        .and_then(Encoding::for_label_no_replacement);
    decode_as(bytes, declared.unwrap_or_else(|| guess(bytes)))
}

/// The text of `bytes` without a byte order mark.
pub(crate) fn decode_as(bytes: &[u8], encoding: &'static Encoding) -> Decoded {
    let name = Some(encoding.name()).filter(|_| encoding != UTF_8);
    if encoding == UTF_8
        && let Ok(text) = simdutf8::basic::from_utf8(bytes)
    {
        return Decoded { text: text.to_owned(), encoding: name, replaced: 0 };
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8 + 16);
    let mut rest = bytes;
    let mut replaced = 0;
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        rest = &rest[read..];
        match result {
            DecoderResult::InputEmpty => return Decoded { text, encoding: name, replaced },
            DecoderResult::OutputFull => text.reserve(rest.len() + 16),
            DecoderResult::Malformed(..) => {
                replaced += 1;
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

/// The encoding that an XML declaration at the start of `bytes` names.
pub(crate) fn in_xml_declaration(bytes: &[u8]) -> Option<&[u8]> {
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let end = declaration.iter().take(256).position(|&byte| byte == b'>')?;
    let declaration = &declaration[..end];
    let at = declaration.windows(8).position(|window| window == b"encoding")? + 8;
    let value = declaration[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, value) = value.split_first().filter(|&(quote, _)| b"'\"".contains(quote))?;
    // What can be read in ASCII is not UTF-16, whatever it says.
    value.split(|&byte| byte == quote).next().filter(|label| !is_utf16_label(label))
}

/// Whether `label` means UTF-16, which nothing can be that was found in ASCII.
pub(crate) fn is_utf16_label(label: &[u8]) -> bool {
    Encoding::for_label(label).is_some_and(|it| it == UTF_16LE || it == UTF_16BE)
}

fn is_ascii_label(label: &[u8]) -> bool {
    Encoding::for_label(label) == Some(WINDOWS_1252)
        && label.to_ascii_lowercase().ends_with(b"ascii")
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if simdutf8::basic::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, chardetng::Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_wins_over_a_declaration_and_that_over_a_guess() {
        let utf16: Vec<u8> = "\u{feff}Käse".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let read = decode(&utf16, Some(b"iso-8859-1"));
        assert_eq!((read.text.as_str(), read.encoding), ("Käse", Some("UTF-16LE")));
        let read = decode("Käse".as_bytes(), Some(b"latin1"));
        assert_eq!((read.text.as_str(), read.encoding), ("KÃ¤se", Some("windows-1252")));
        let read = decode("Käse".as_bytes(), None);
        assert_eq!((read.text.as_str(), read.encoding), ("Käse", None));
        let read = decode(b"K\xe4se \x96 gr\xfcn, \x84wei\xdf\x93", None);
        assert_eq!(
            (read.text.as_str(), read.encoding),
            ("Käse – grün, „weiß“", Some("windows-1252"))
        );
    }

    #[test]
    fn a_declaration_of_ascii_or_of_nothing_known_is_no_declaration() {
        for label in ["us-ascii", "ASCII", "unknown-8bit", "x-nonsense", ""] {
            assert_eq!(decode("Käse".as_bytes(), Some(label.as_bytes())).text, "Käse", "{label}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_counted() {
        let read = decode(b"a\xffb\xff\xffc", Some(b"utf-8"));
        assert_eq!((read.text.as_str(), read.replaced), ("a\u{fffd}b\u{fffd}\u{fffd}c", 3));
        let failure = read.check(true).unwrap_err();
        assert!(matches!(
            failure.problem,
            Problem::Undecodable { encoding: "UTF-8", sequences: 3 }
        ));
        let long = [0xff; 5000];
        assert_eq!(decode(&long, Some(b"shift_jis")).replaced, 5000);
    }

    #[test]
    fn the_declaration_of_xml_is_found() {
        let found = |xml: &'static str| in_xml_declaration(xml.as_bytes());
        let label = b"ISO-8859-1".as_slice();
        assert_eq!(found("<?xml version='1.0' encoding='ISO-8859-1'?>"), Some(label));
        assert_eq!(found("<?xml version=\"1.0\" encoding = \"ISO-8859-1\" ?><a>"), Some(label));
        for none in ["<?xml version='1.0'?><a encoding='x'>", "<?xml encoding=", "<?xml", "<a>"] {
            assert_eq!(found(none), None, "{none}");
        }
        assert_eq!(found("<?xml encoding='utf-16'?>"), None);
    }
}
