//! Text that is shared without a copy, and known to be UTF-8 without another look.

use std::ops::Deref;

use bytes::Bytes;

/// Shared UTF-8.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Text(
    /// Made of a `String`, or of another, and never changed.
    Bytes,
);

impl Text {
    pub(crate) fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The same in memory of its own.
    pub(crate) fn copied(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl From<String> for Text {
    /// Without room that is not filled, if that is much: who holds the text holds it too.
    fn from(mut text: String) -> Self {
        if text.capacity() > 2 * text.len() + (1 << 10) {
            text.shrink_to_fit();
        }
        Self(text.into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        debug_assert!(str::from_utf8(&self.0).is_ok());
        // SAFETY: the bytes are those of a `String`. Checking them anew whenever an article is asked
        // for its text took 8 % of the time of an ingest.
        #[expect(unsafe_code, reason = "`bytes` has no shared `str`")]
        unsafe {
            str::from_utf8_unchecked(&self.0)
        }
    }
}

/// The text that bytes are, or the bytes if they are not UTF-8.
pub(crate) fn string_of(bytes: Vec<u8>) -> Result<String, Vec<u8>> {
    if simdutf8::basic::from_utf8(&bytes).is_err() {
        return Err(bytes);
    }
    // SAFETY: the lines above. `String::from_utf8` would look again, byte by byte where text is not
    // ASCII, which took a sixth of the time of streaming the articles of an index.
    #[expect(unsafe_code, reason = "`simdutf8` makes no `String`")]
    Ok(unsafe { String::from_utf8_unchecked(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_or_not() {
        assert_eq!(string_of("Grüße".into()).as_deref(), Ok("Grüße"));
        for broken in [&b"Gr\xFC\xDFe"[..], &"Grüße".as_bytes()[..3]] {
            assert_eq!(string_of(broken.to_vec()), Err(broken.to_vec()));
        }
    }

    #[test]
    fn room_that_is_not_filled_is_not_held() {
        let mut text = String::with_capacity(1 << 20);
        text.push_str("A short text.");
        let bytes = Text::from(text).as_bytes().clone();
        assert!(bytes.try_into_mut().unwrap().capacity() < 100);
    }

    #[test]
    fn is_what_it_was_made_of() {
        for original in ["", "a", "Grüße, 世界\n"] {
            let text = Text::from(original.to_owned());
            assert_eq!(&*text, original);
            assert_eq!(str::from_utf8(text.as_bytes()), Ok(original));
        }
    }
}
