//! Conditions as data: a place in a result, and a comparison.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::HeaderValue;

/// How many steps a path has at the most.
const MAX_SEGMENTS: usize = 64;

/// One step of a [`JsonPath`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// The value of this name in a map.
    Name(String),
    /// The value at this position of a list, from 0.
    Index(usize),
}

/// A place in a value: `$`, `$.files`, `$.files[0]`, `$['a name']`.
///
/// ```
/// use celeriac_core::workflow::{JsonPath, Segment};
/// let path: JsonPath = "$.files[2]".parse()?;
/// assert_eq!(path.segments(), [Segment::Name("files".into()), Segment::Index(2)]);
/// assert_eq!(path.to_string(), "$.files[2]");
/// # Ok::<(), celeriac_core::workflow::PathError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JsonPath(Vec<Segment>);

/// A text that is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no path: {reason} at byte {at}; write it like `$.files[0]`")]
pub struct PathError {
    /// The text.
    pub text: String,
    /// What is wrong.
    pub reason: &'static str,
    /// Where, in bytes from the beginning.
    pub at: usize,
}

impl JsonPath {
    /// The whole value: `$`.
    pub const WHOLE: Self = Self(Vec::new());

    /// The steps from the whole value to the place.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.chars().all(plain)
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for segment in &self.0 {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Name(name) if is_plain(name) => write!(f, ".{name}")?,
                Segment::Name(name) => write!(f, "['{name}']")?,
            }
        }
        Ok(())
    }
}

/// The first segment of `rest`, and how many bytes it takes.
fn segment(rest: &str) -> Result<(Segment, usize), &'static str> {
    if let Some(after) = rest.strip_prefix("['") {
        let end = after.find("']").ok_or("a name that does not end with `']`")?;
        return Ok((Segment::Name(after[..end].to_owned()), end + 4));
    }
    if let Some(after) = rest.strip_prefix('[') {
        let end = after.find(']').ok_or("a position that does not end with `]`")?;
        let index = after[..end].parse().map_err(|_| "a position that is no number")?;
        return Ok((Segment::Index(index), end + 2));
    }
    let after = rest.strip_prefix('.').ok_or("neither `.` nor `[`")?;
    let name = &after[..after.find(['.', '[']).unwrap_or(after.len())];
    if !is_plain(name) {
        return Err("a name that needs quotes");
    }
    Ok((Segment::Name(name.to_owned()), name.len() + 1))
}

impl FromStr for JsonPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = |reason, at| PathError { text: text.to_owned(), reason, at };
        let mut rest = text.strip_prefix('$').ok_or(wrong("no `$`", 0))?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            if segments.len() == MAX_SEGMENTS {
                return Err(wrong("more than 64 steps", at));
            }
            let (next, taken) = segment(rest).map_err(|reason| wrong(reason, at))?;
            segments.push(next);
            rest = &rest[taken..];
        }
        Ok(Self(segments))
    }
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How two values are compared. Numbers compare by size, texts by their
/// characters' order; others are equal or not, and never less or greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What must hold of a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The value at the path compares so. Nothing is there: null.
    Compare(JsonPath, Comparison, HeaderValue),
    /// Something is at the path, null too.
    Exists(JsonPath),
    /// All of them hold; true of none.
    All(Vec<Condition>),
    /// At least one holds; false of none.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_with_a_path_is_named() {
        for (text, reason, at) in [
            ("files", "no `$`", 0),
            ("$files", "neither", 1),
            ("$.a[x]", "no number", 3),
            ("$.a..b", "needs quotes", 3),
            ("$['a", "does not end", 1),
        ] {
            let error = text.parse::<JsonPath>().unwrap_err();
            assert!(error.reason.contains(reason), "{error}");
            assert_eq!(error.at, at, "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_an_error(text in "[$.\\[\\]'a-c0-9é ]{0,20}") {
            if let Ok(path) = text.parse::<JsonPath>() {
                prop_assert_eq!(path.to_string().parse::<JsonPath>().unwrap(), path);
            }
        }
    }
}
