//! What fits where: parts of a workflow by what they take and give.

use celeriac_core::workflow;

use super::{Canvas, CanvasError, Dynamic, Group, Partial};
use crate::signature::Signature;
use crate::task::Task;

/// What a part takes that begins a workflow: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {}

/// A part of a workflow that takes `In`.
#[diagnostic::on_unimplemented(
    message = "this step does not take what comes into it: `{In}`",
    label = "does not take `{In}`",
    note = "`task::p(…)` takes the result of the step before as the task's first argument",
    note = "`task::s(…).immutable()` takes anything and ignores it"
)]
pub trait Step<In>: Sized {
    /// What it gives.
    type Out;

    /// The part as a canvas.
    fn into_canvas(self) -> Canvas<In, Self::Out>;
}

impl<T: Task> Step<Nothing> for Signature<T> {
    type Out = T::Output;

    fn into_canvas(self) -> Canvas<Nothing, T::Output> {
        Canvas::new(self.into_step().map(Into::into))
    }
}

impl<T: Task, In> Step<In> for Partial<T, In> {
    type Out = T::Output;

    fn into_canvas(self) -> Canvas<In, T::Output> {
        Canvas::new(self.into_step().map(Into::into))
    }
}

impl<In, Out> Step<In> for Canvas<In, Out> {
    type Out = Out;

    fn into_canvas(self) -> Self {
        self
    }
}

impl<In, Out> Step<In> for Group<In, Out> {
    type Out = Out;

    fn into_canvas(self) -> Canvas<In, Out> {
        Canvas::new(self.into_data())
    }
}

impl<In> Step<In> for Dynamic {
    type Out = serde_json::Value;

    fn into_canvas(self) -> Canvas<In, serde_json::Value> {
        self.typed()
    }
}

/// A task that can be called back with a `Told`: the result of the part, or its
/// [`StepError`](super::StepError). A complete signature ignores it.
#[diagnostic::on_unimplemented(
    message = "this callback does not take what it is told: `{Told}`",
    label = "does not take `{Told}`",
    note = "a callback is `task::p(…)`, whose first argument is told, or `task::s(…)`, \
            which ignores it"
)]
pub trait Callback<Told> {
    /// The callback as data.
    ///
    /// # Errors
    /// [`CanvasError`] if its arguments have no data form.
    fn into_callback(self) -> Result<workflow::Signature, CanvasError>;
}

impl<T: Task, Told> Callback<Told> for Partial<T, Told> {
    fn into_callback(self) -> Result<workflow::Signature, CanvasError> {
        self.into_step()
    }
}

impl<T: Task, Told> Callback<Told> for Signature<T> {
    fn into_callback(self) -> Result<workflow::Signature, CanvasError> {
        Ok(self.into_step()?.immutable())
    }
}
