//! Values of headers that Celeriac itself has no name for.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of a header: what JSON can say, and bytes.
///
/// Numbers keep the form they came in, so that a header that passes through
/// Celeriac leaves it as it entered.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number that fits an `i64`.
    Int(i64),
    /// A whole number above `i64::MAX`.
    Uint(u64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes; JSON has none, there they become a list of numbers.
    Bytes(Bytes),
    /// Values in order.
    List(Vec<HeaderValue>),
    /// Values by name.
    Map(BTreeMap<String, HeaderValue>),
}

impl HeaderValue {
    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for HeaderValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for HeaderValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Vec<HeaderValue>> for HeaderValue {
    fn from(values: Vec<HeaderValue>) -> Self {
        Self::List(values)
    }
}

impl From<i64> for HeaderValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl Serialize for HeaderValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Uint(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
            Self::Map(values) => {
                let mut map = serializer.serialize_map(Some(values.len()))?;
                for (name, value) in values {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = HeaderValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<HeaderValue, E> {
        Ok(i64::try_from(value).map_or(HeaderValue::Uint(value), HeaderValue::Int))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Text(value.to_owned()))
    }

    fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Bytes(Bytes::copy_from_slice(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<HeaderValue, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(HeaderValue::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderValue, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            values.insert(name, value);
        }
        Ok(HeaderValue::Map(values))
    }
}
