//! Arguments and items as data.

use celeriac_core::HeaderValue;
use serde::{Deserialize, Serialize};

use super::CanvasError;
use crate::task::Task;

/// One value as data, by way of its JSON form: what a message would carry.
pub(super) fn value<V: Serialize + ?Sized>(value: &V) -> Result<HeaderValue, serde_json::Error> {
    HeaderValue::deserialize(serde_json::to_value(value)?)
}

/// One argument of a task, or an item that becomes one.
pub(super) fn argument<V: Serialize + ?Sized>(
    task: &str,
    given: &V,
) -> Result<HeaderValue, CanvasError> {
    value(given)
        .map_err(|error| CanvasError::Argument { task: task.to_owned(), reason: error.to_string() })
}

/// A tuple of arguments as a list.
pub(crate) fn values<T: Task, A: Serialize>(args: &A) -> Result<Vec<HeaderValue>, CanvasError> {
    Ok(match argument(T::NAME, args)? {
        HeaderValue::List(values) => values,
        HeaderValue::Null => Vec::new(),
        single => vec![single],
    })
}
