//! Sources: a path becomes inputs in their declared order, and an input becomes an article.
//!
//! Reading is cheap and in order; making text of what was read is neither, and any thread may do it.

// No input of these formats is recognized yet.
#[cfg(feature = "html")]
#[allow(dead_code, reason = "their inputs are not recognized yet")]
mod charset;
#[cfg(any(feature = "html", feature = "parquet"))]
#[allow(dead_code, unreachable_pub, reason = "their inputs are not recognized yet")]
mod document;
#[cfg(feature = "feeds")]
#[allow(dead_code, reason = "their inputs are not recognized yet")]
mod feeds;
#[cfg(feature = "html")]
#[allow(dead_code, reason = "their inputs are not recognized yet")]
mod html;
#[cfg(any(feature = "html", feature = "parquet"))]
#[allow(dead_code, reason = "their inputs are not recognized yet")]
mod limits;
#[cfg(feature = "mail")]
#[allow(dead_code, unused_imports, reason = "their inputs are not recognized yet")]
mod mail;
#[cfg(feature = "parquet")]
#[allow(dead_code, reason = "their inputs are not recognized yet")]
mod parquet;
mod record;
mod walk;
#[cfg(feature = "warc")]
#[allow(dead_code, reason = "their inputs are not recognized yet")]
mod warc;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use self::walk::Inputs;
use crate::error::{Error, RecordError};
use crate::options::Config;

/// Bytes that are one article, not looked at yet.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) path: Arc<PathBuf>,
    /// The path below the root.
    pub(crate) name: Arc<str>,
    /// The line of a record, from 1; none if the file is the article.
    pub(crate) line: Option<u64>,
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    /// The id and the text of the article.
    ///
    /// # Errors
    ///
    /// If the bytes are not UTF-8, or not a record with the fields asked for.
    pub(crate) fn into_text(
        self,
        config: &Config,
    ) -> Result<(Arc<str>, Arc<PathBuf>, String), Error> {
        let Self { path, name, line, bytes } = self;
        let text = match simdutf8::compat::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let offset = error.valid_up_to();
                return Err(Error::Encoding { path: path.to_path_buf(), line, offset });
            }
        };
        let Some(line) = line else {
            let text = match text.strip_prefix('\u{feff}') {
                Some(text) => text.to_owned(),
                None => String::from_utf8(bytes).expect("BUG: it was UTF-8 a moment ago"),
            };
            return Ok((name, path, text));
        };
        match record::parse(text, &config.id_field, &config.text_field) {
            Ok((id, text)) => {
                let id = id.map_or_else(|| format!("{name}:{line}").into(), Into::into);
                Ok((id, path, text))
            }
            Err(error) => {
                let source = RecordError::new(error);
                Err(Error::Record { path: path.to_path_buf(), line, source })
            }
        }
    }
}

#[cfg(all(test, feature = "mail", feature = "feeds", feature = "warc", feature = "parquet"))]
mod tests;
