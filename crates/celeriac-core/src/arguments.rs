//! The arguments of a task on the wire: `{"args": [...], "kwargs": {...}}`.
//!
//! A typed call writes positional arguments only. Callers in other languages
//! may give any of them by name instead; missing ones are read as null, so
//! that an `Option` may be left out.

mod untyped;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::de::value::SeqDeserializer;
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::body::{self, DecodeError, EncodeError};
use crate::{ContentType, HeaderValue};

pub use untyped::{Arguments, PrependError};

/// The argument list of a task that takes none: an empty list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoArguments;

impl Serialize for NoArguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_seq(Some(0))?.end()
    }
}

impl<'de> Deserialize<'de> for NoArguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EmptyList)
    }
}

struct EmptyList;

impl<'de> Visitor<'de> for EmptyList {
    type Value = NoArguments;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an empty list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NoArguments, A::Error> {
        match list.next_element::<HeaderValue>()? {
            None => Ok(NoArguments),
            Some(_) => Err(serde::de::Error::invalid_length(1, &self)),
        }
    }
}

#[derive(Serialize)]
struct Positional<'a, A> {
    args: &'a A,
}

#[derive(Deserialize)]
struct Typed<A> {
    args: A,
    #[serde(default)]
    kwargs: Option<BTreeMap<String, HeaderValue>>,
}

#[derive(Deserialize)]
struct Untyped {
    #[serde(default)]
    args: Option<Vec<HeaderValue>>,
    #[serde(default)]
    kwargs: Option<BTreeMap<String, HeaderValue>>,
}

/// Arguments that do not fit the task's parameters.
#[derive(Debug, thiserror::Error)]
pub enum ArgumentsError {
    /// The body can't be read, or an argument is of the wrong type.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// More positional arguments than parameters.
    #[error("{given} positional arguments for {taken} parameters ({names})")]
    TooMany {
        /// How many were given.
        given: usize,
        /// How many the task takes.
        taken: usize,
        /// The parameters' names, joined.
        names: String,
    },
    /// A name that is no parameter.
    #[error("there is no parameter `{name}`; the task takes ({names})")]
    UnknownName {
        /// The name that was given.
        name: String,
        /// The parameters' names, joined.
        names: String,
    },
    /// A parameter given by position and by name.
    #[error("the parameter `{name}` is given twice: by position and by name")]
    Twice {
        /// The parameter.
        name: String,
    },
    /// A parameter that can't be null was not given.
    #[error("`{name}` is missing; the task takes ({names})")]
    Missing {
        /// The parameter.
        name: String,
        /// The parameters' names, joined.
        names: String,
    },
    /// The arguments fit no call once put in order.
    #[error("the arguments ({names}) do not fit: {reason}")]
    Mismatch {
        /// The parameters' names, joined.
        names: String,
        /// What the codec said.
        reason: String,
    },
}

/// Writes positional arguments; `arguments` is a tuple or [`NoArguments`].
///
/// # Errors
/// As [`body::encode`].
pub fn encode<A: Serialize>(
    content_type: &ContentType,
    arguments: &A,
) -> Result<Bytes, EncodeError> {
    body::encode(content_type, &Positional { args: arguments })
}

/// Reads the arguments of a task whose parameters have these names, in order.
/// Total: any bytes give arguments or an error.
///
/// # Errors
/// Every [`ArgumentsError`].
pub fn decode<A: DeserializeOwned>(
    content_type: &ContentType,
    body: &[u8],
    names: &[&str],
) -> Result<A, ArgumentsError> {
    let typed = body::decode::<Typed<A>>(content_type, body);
    if let Ok(Typed { args, kwargs }) = typed
        && kwargs.is_none_or(|kwargs| kwargs.is_empty())
    {
        return Ok(args);
    }
    let untyped = body::decode::<Untyped>(content_type, body)?;
    read_each(in_order(untyped, names)?, names)
}

/// Reads arguments in order, so that the one that does not fit is known. One
/// that was not given is read as null.
fn read_each<A: DeserializeOwned>(
    given: Vec<Option<HeaderValue>>,
    names: &[&str],
) -> Result<A, ArgumentsError> {
    let all_names = || names.join(", ");
    let mismatch = |e: serde_json::Error| ArgumentsError::Mismatch {
        names: all_names(),
        reason: e.to_string(),
    };
    let values: Result<Vec<_>, _> = given.iter().map(serde_json::to_value).collect();
    let read = Cell::new(0_usize);
    let counted = values.map_err(mismatch)?.into_iter().inspect(|_| read.set(read.get() + 1));
    A::deserialize(SeqDeserializer::<_, serde_json::Error>::new(counted)).map_err(|error| {
        let latest = read.get().saturating_sub(1);
        match (given.get(latest), names.get(latest)) {
            (Some(None), Some(name)) => {
                ArgumentsError::Missing { name: (*name).to_owned(), names: all_names() }
            }
            _ => mismatch(error),
        }
    })
}

/// One value for each parameter; nothing for those that were not given.
fn in_order(untyped: Untyped, names: &[&str]) -> Result<Vec<Option<HeaderValue>>, ArgumentsError> {
    let mut ordered: Vec<_> = untyped.args.unwrap_or_default().into_iter().map(Some).collect();
    let mut by_name = untyped.kwargs.unwrap_or_default();
    if ordered.len() > names.len() {
        let (given, taken) = (ordered.len(), names.len());
        return Err(ArgumentsError::TooMany { given, taken, names: names.join(", ") });
    }
    if let Some(name) = names[..ordered.len()].iter().find(|name| by_name.contains_key(**name)) {
        return Err(ArgumentsError::Twice { name: (*name).to_owned() });
    }
    for name in &names[ordered.len()..] {
        ordered.push(by_name.remove(*name));
    }
    match by_name.into_keys().next() {
        None => Ok(ordered),
        Some(name) => Err(ArgumentsError::UnknownName { name, names: names.join(", ") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JSON: ContentType = ContentType::Json;
    type Pair = (u32, Option<String>);

    fn read(json: &str) -> Result<Pair, ArgumentsError> {
        decode(&JSON, json.as_bytes(), &["count", "label"])
    }

    #[test]
    fn arguments_come_by_position_by_name_and_mixed() {
        let expected = (7, Some("x".to_owned()));
        assert_eq!(read(r#"{"args":[7,"x"]}"#).unwrap(), expected);
        assert_eq!(read(r#"{"kwargs":{"label":"x","count":7}}"#).unwrap(), expected);
        assert_eq!(read(r#"{"args":[7],"kwargs":{"label":"x"}}"#).unwrap(), expected);
        assert_eq!(read(r#"{"args":[7]}"#).unwrap(), (7, None));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let cases = [
            (r#"{"args":[1,"x",3]}"#, "3 positional arguments for 2 parameters"),
            (r#"{"args":[1],"kwargs":{"count":2}}"#, "`count` is given twice"),
            (r#"{"args":[1],"kwargs":{"cuont":2}}"#, "no parameter `cuont`"),
            (r#"{"args":["one"]}"#, "do not fit"),
            (r#"{"args":[null]}"#, "do not fit: invalid type: null"),
            (r#"{"args":[]}"#, "`count` is missing; the task takes (count, label)"),
            (r#"{"kwargs":{"label":"x"}}"#, "`count` is missing"),
            (r#"{"args":"#, "decode application/json"),
        ];
        for (json, expected) in cases {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn no_arguments_are_an_empty_list() {
        for content_type in [ContentType::Json, ContentType::MessagePack] {
            let body = encode(&content_type, &NoArguments).unwrap();
            assert_eq!(decode::<NoArguments>(&content_type, &body, &[]).unwrap(), NoArguments);
        }
        assert!(decode::<NoArguments>(&JSON, br#"{"args":[1]}"#, &[]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_give_an_error(bytes: Vec<u8>) {
            for content_type in [ContentType::Json, ContentType::MessagePack] {
                let _ = decode::<Pair>(&content_type, &bytes, &["count", "label"]);
            }
        }
    }
}
