//! Places in a result, and conditions on what is there.

use std::ops::Not;

use celeriac_core::workflow::{self, Comparison, JsonPath};
use serde::Serialize;

use super::CanvasError;
use super::values::value;

/// A place in a result. Made by [`at`].
#[derive(Clone, Debug)]
pub struct Place(Result<JsonPath, CanvasError>);

/// The place `path` in what comes in: `$` is all of it, `$.files[0]` the first
/// of its files. A path that is none is reported when the canvas is sent.
///
/// ```
/// use celeriac::canvas::at;
/// let large = at("$.size").more_than(1_000).and(!at("$.skip").exists());
/// # let _ = large;
/// ```
#[must_use]
pub fn at(path: &str) -> Place {
    Place(path.parse().map_err(CanvasError::Path))
}

/// What must hold of a result. It is data, so it can be stored.
#[derive(Clone, Debug)]
#[must_use = "a condition does nothing by itself"]
pub struct Condition(Result<workflow::Condition, CanvasError>);

impl Place {
    pub(super) fn into_path(self) -> Result<JsonPath, CanvasError> {
        self.0
    }

    fn compare(self, comparison: Comparison, with: &impl Serialize) -> Condition {
        Condition(self.0.and_then(|path| {
            let with = value(with).map_err(|error| CanvasError::Compared {
                path: path.to_string(),
                reason: error.to_string(),
            })?;
            Ok(workflow::Condition::Compare(path, comparison, with))
        }))
    }

    /// What is there equals the value. Nothing equals null.
    pub fn is(self, value: impl Serialize) -> Condition {
        self.compare(Comparison::Equal, &value)
    }

    /// What is there does not equal the value.
    pub fn is_not(self, value: impl Serialize) -> Condition {
        self.compare(Comparison::NotEqual, &value)
    }

    /// A number or text is there that is less.
    pub fn less_than(self, value: impl Serialize) -> Condition {
        self.compare(Comparison::Less, &value)
    }

    /// A number or text is there that is less or equal.
    pub fn at_most(self, value: impl Serialize) -> Condition {
        self.compare(Comparison::LessOrEqual, &value)
    }

    /// A number or text is there that is greater.
    pub fn more_than(self, value: impl Serialize) -> Condition {
        self.compare(Comparison::Greater, &value)
    }

    /// A number or text is there that is greater or equal.
    pub fn at_least(self, value: impl Serialize) -> Condition {
        self.compare(Comparison::GreaterOrEqual, &value)
    }

    /// Something is there, null too.
    pub fn exists(self) -> Condition {
        Condition(self.0.map(workflow::Condition::Exists))
    }
}

impl Condition {
    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        Self(self.0.and_then(|one| Ok(workflow::Condition::All(vec![one, other.0?]))))
    }

    /// At least one of the two holds.
    pub fn or(self, other: Self) -> Self {
        Self(self.0.and_then(|one| Ok(workflow::Condition::Any(vec![one, other.0?]))))
    }

    pub(super) fn into_data(self) -> Result<workflow::Condition, CanvasError> {
        self.0
    }
}

impl Not for Condition {
    type Output = Self;

    fn not(self) -> Self {
        Self(self.0.map(|condition| workflow::Condition::Not(Box::new(condition))))
    }
}
