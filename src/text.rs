//! Text that is shared without a copy, and known to be UTF-8 without another look.

use std::ops::Deref;

use bytes::Bytes;

/// Shared UTF-8.
#[derive(Clone, Debug)]
pub(crate) struct Text(
    /// Made of a `String` and never changed.
    Bytes,
);

impl Text {
    pub(crate) fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_it_was_made_of() {
        for original in ["", "a", "Grüße, 世界\n"] {
            let text = Text::from(original.to_owned());
            assert_eq!(&*text, original);
            assert_eq!(str::from_utf8(text.as_bytes()), Ok(original));
        }
    }
}
