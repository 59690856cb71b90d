//! JSONL: one record, of which the id and the text are kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Unexpected, Visitor};

/// The id, if there is one, and the text of a record.
pub(super) fn parse(
    record: &str,
    id_field: &str,
    text_field: &str,
) -> Result<(Option<String>, String), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(record);
    let found = deserializer.deserialize_map(Record { id_field, text_field })?;
    deserializer.end()?;
    Ok(found)
}

struct Record<'a> {
    id_field: &'a str,
    text_field: &'a str,
}

impl<'de> Visitor<'de> for Record<'_> {
    type Value = (Option<String>, String);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON object with the field {:?}", self.text_field)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut id = None;
        let mut text = None;
        while let Some(field) = map.next_key_seed(FieldName)? {
            if field == self.text_field {
                if text.replace(map.next_value::<String>()?).is_some() {
                    return Err(A::Error::custom(format_args!(
                        "the field {:?} stands twice",
                        self.text_field
                    )));
                }
            } else if field == self.id_field {
                if id.replace(map.next_value_seed(Id)?).is_some() {
                    return Err(A::Error::custom(format_args!(
                        "the field {:?} stands twice",
                        self.id_field
                    )));
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        match text {
            Some(text) => Ok((id.flatten(), text)),
            None => {
                Err(A::Error::custom(format_args!("the field {:?} is missing", self.text_field)))
            }
        }
    }
}

/// A field's name, borrowed unless it has escapes.
struct FieldName;

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for FieldName {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// An id: a string, a number, or nothing.
struct Id;

impl<'de> DeserializeSeed<'de> for Id {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Id {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a string or a number")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<Self::Value, E> {
        Ok(Some(id.to_owned()))
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Self::Value, E> {
        Ok(Some(id.to_string()))
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<Self::Value, E> {
        Ok(Some(id.to_string()))
    }

    fn visit_f64<E: Error>(self, id: f64) -> Result<Self::Value, E> {
        Err(E::invalid_type(Unexpected::Float(id), &self))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
