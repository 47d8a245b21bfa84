//! Calls that lack their first argument: it is the result of the step before.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use celeriac_core::{HeaderValue, Priority, QueueName, RetryPolicy, workflow};
use serde::Serialize;

use super::CanvasError;
use super::values::values;
use crate::signature::{CallOptions, into_step, step_options};
use crate::task::Task;

/// A call of `T` that lacks its first argument, of type `In`. Made by
/// `task::p(rest…)`; each method sets one option of this call.
///
/// ```
/// use celeriac::canvas::chain;
///
/// #[celeriac::task]
/// async fn add(a: i64, b: i64) -> i64 { a + b }
///
/// let workflow = chain(add::s(2, 3)).then(add::p(4).queue("sums"));
/// # let _ = workflow;
/// ```
#[must_use = "a call does nothing until it is part of a workflow that is sent"]
pub struct Partial<T: Task, In> {
    rest: Result<Vec<HeaderValue>, CanvasError>,
    options: Option<Box<CallOptions>>,
    task: PhantomData<fn(In) -> T>,
}

impl<T: Task, In> Partial<T, In> {
    /// A call of `T` with `rest`, a tuple of all arguments but the first.
    /// `task::p(…)` reads better, and sees to the types.
    pub fn new(rest: &impl Serialize) -> Self {
        Self { rest: values::<T, _>(rest), options: None, task: PhantomData }
    }

    step_options!();

    fn options(&mut self) -> &mut CallOptions {
        self.options.get_or_insert_default()
    }

    pub(super) fn into_step(self) -> Result<workflow::Signature, CanvasError> {
        into_step::<T>(self.rest?, self.options)
    }
}

impl<T: Task, In> Clone for Partial<T, In> {
    fn clone(&self) -> Self {
        Self { rest: self.rest.clone(), options: self.options.clone(), task: PhantomData }
    }
}

impl<T: Task, In> fmt::Debug for Partial<T, In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partial").field("task", &T::NAME).field("rest", &self.rest).finish()
    }
}
