//! Parts without types, to be composed at run time.

use celeriac_core::workflow;
use serde::Serialize;

use super::compose::follow;
use super::values::argument;
use super::{Canvas, CanvasError, Data, Group, Partial};
use crate::signature::Signature;
use crate::task::Task;

/// A part whose types are not known: it takes anything, follows anything, and
/// gives a JSON value. Whether arguments fit shows when the tasks run.
///
/// ```
/// use celeriac::canvas::Dynamic;
///
/// #[celeriac::task]
/// async fn add(a: i64, b: i64) -> i64 { a + b }
///
/// let mut steps = add::s(0, 0).dynamic();
/// for n in 1..=3 {
///     steps = steps.then(add::p(n));
/// }
/// let steps = steps.then(Dynamic::task("reports.print", ["the sum"]));
/// # let _ = steps;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a canvas does nothing until it is sent"]
pub struct Dynamic {
    data: Data,
}

impl Dynamic {
    pub(super) const fn new(data: Data) -> Self {
        Self { data }
    }

    /// A task by name. The result of the step before, if there is one, comes in
    /// front of the arguments.
    pub fn task<A: Serialize>(name: &str, args: impl IntoIterator<Item = A>) -> Self {
        let values: Result<Vec<_>, _> =
            args.into_iter().map(|value| argument(name, &value)).collect();
        let mut signature = workflow::Signature::new(name);
        Self::new(values.map(|args| {
            signature.arguments.args = args;
            signature.into()
        }))
    }

    /// A chain of this and `next`.
    pub fn then(self, next: impl Into<Self>) -> Self {
        Self::new(follow(self.data, next.into().data))
    }

    /// The same with types, which nobody checks.
    pub fn typed<In, Out>(self) -> Canvas<In, Out> {
        Canvas::new(self.data)
    }

    /// The canvas as data, as it is stored.
    ///
    /// # Errors
    /// [`CanvasError`] if an argument, a path or an option in it is none.
    pub fn into_data(self) -> Result<workflow::Canvas, CanvasError> {
        self.data
    }
}

impl From<workflow::Canvas> for Dynamic {
    fn from(data: workflow::Canvas) -> Self {
        Self::new(Ok(data))
    }
}

impl<T: Task> From<Signature<T>> for Dynamic {
    fn from(part: Signature<T>) -> Self {
        part.dynamic()
    }
}

impl<T: Task, In> From<Partial<T, In>> for Dynamic {
    fn from(part: Partial<T, In>) -> Self {
        part.dynamic()
    }
}

impl<In, Out> From<Canvas<In, Out>> for Dynamic {
    fn from(part: Canvas<In, Out>) -> Self {
        part.dynamic()
    }
}

impl<In, Out> From<Group<In, Out>> for Dynamic {
    fn from(part: Group<In, Out>) -> Self {
        part.dynamic()
    }
}
