//! Chains, and what every part can do: be followed, and have callbacks.

use std::fmt;
use std::marker::PhantomData;
use std::ops::BitOr;

use celeriac_core::workflow::{self, Items, Shape, StepError};

use super::{Callback, CanvasError, Data, Dynamic, Group, Nothing, Partial, Step};
use crate::signature::Signature;
use crate::task::Task;

/// A composition that takes `In` and gives `Out`. What takes [`Nothing`] can
/// be sent.
#[must_use = "a canvas does nothing until it is sent"]
pub struct Canvas<In, Out> {
    data: Data,
    types: PhantomData<fn(In) -> Out>,
}

/// Begins a chain: steps one after the other, each with the result of the one
/// before. A step that does not take what the one before gives does not compile.
///
/// ```
/// use celeriac::canvas::chain;
///
/// #[celeriac::task]
/// async fn fetch(url: String) -> Vec<u8> { url.into_bytes() }
///
/// #[celeriac::task]
/// async fn measure(bytes: Vec<u8>, unit: u64) -> u64 { bytes.len() as u64 / unit }
///
/// let named = chain(fetch::s("http://localhost".into())).then(measure::p(2));
/// let by_operator = fetch::s("http://localhost".into()) | measure::p(2);
/// assert_eq!(named.into_data()?, by_operator.into_data()?);
/// # Ok::<(), celeriac::canvas::CanvasError>(())
/// ```
pub fn chain<In, S: Step<In>>(first: S) -> Canvas<In, S::Out> {
    first.into_canvas()
}

impl<In, Out> Canvas<In, Out> {
    pub(super) const fn new(data: Data) -> Self {
        Self { data, types: PhantomData }
    }

    /// The canvas as data, as it is stored.
    ///
    /// # Errors
    /// [`CanvasError`] if an argument, a path or an option in it is none.
    pub fn into_data(self) -> Result<workflow::Canvas, CanvasError> {
        self.data
    }
}

impl<Out> Canvas<Nothing, Out> {
    /// The same at any place in a workflow: it ignores the result of the step
    /// before.
    pub fn immutable<In>(self) -> Canvas<In, Out> {
        Canvas::new(self.data.map(|mut data| {
            ignore_input(&mut data);
            data
        }))
    }
}

impl<T: Task> Signature<T> {
    /// The same as a step of a workflow that ignores the result of the step
    /// before.
    pub fn immutable<In>(self) -> Canvas<In, T::Output> {
        chain(self).immutable()
    }
}

/// Makes all that would get the result of the step before ignore it.
fn ignore_input(canvas: &mut workflow::Canvas) {
    match &mut canvas.shape {
        Shape::Task(signature) => signature.immutable = true,
        Shape::Chain(steps) => steps.first_mut().into_iter().for_each(ignore_input),
        Shape::Group { members, .. } | Shape::Chord { members, .. } => {
            members.iter_mut().for_each(ignore_input);
        }
        Shape::Fork { branches, .. } => {
            branches.iter_mut().for_each(|(_, branch)| ignore_input(branch));
        }
        Shape::Dag { stages, .. } => {
            let roots = stages.iter_mut().filter(|stage| stage.needs.is_empty());
            roots.for_each(|stage| ignore_input(&mut stage.canvas));
        }
        Shape::Switch { cases, otherwise } => {
            cases.iter_mut().for_each(|(_, case)| ignore_input(case));
            otherwise.iter_mut().for_each(|other| ignore_input(other));
        }
        Shape::Loop { body, .. } => ignore_input(body),
        Shape::Map { items: Items::Given(_) | Items::Input(_), .. }
        | Shape::Sweep { .. }
        | Shape::Chunks { .. } => {}
    }
}

/// `next` after `first`: a chain grows in place, so that it is built in linear time.
pub(super) fn follow(first: Data, next: Data) -> Data {
    let (first, next) = (first?, next?);
    let is_bare = first.link.is_empty() && first.on_error.is_empty();
    Ok(match first.shape {
        Shape::Chain(mut steps) if is_bare => {
            steps.push(next);
            workflow::Canvas::chain(steps)
        }
        shape => workflow::Canvas::chain(vec![workflow::Canvas { shape, ..first }, next]),
    })
}

pub(super) fn linked(data: Data, callback: Result<workflow::Signature, CanvasError>) -> Data {
    Ok(data?.link(callback?))
}

pub(super) fn guarded(data: Data, callback: Result<workflow::Signature, CanvasError>) -> Data {
    Ok(data?.on_error(callback?))
}

macro_rules! composes {
    ($([$($parameter:ident $(: $bound:ident)?),*] $part:ty, $in:ty => $out:ty;)*) => {$(
        impl<$($parameter $(: $bound)?),*> $part {
            /// A chain of this and `next`, which gets the result of this.
            pub fn then<Next: Step<$out>>(self, next: Next) -> Canvas<$in, Next::Out> {
                let first: Canvas<$in, $out> = self.into_canvas();
                Canvas::new(follow(first.data, next.into_canvas().data))
            }

            /// The same with one more callback: a task that is sent once with
            /// the result when this ends well. Nothing waits for it.
            pub fn link(self, callback: impl Callback<$out>) -> Canvas<$in, $out> {
                let part: Canvas<$in, $out> = self.into_canvas();
                Canvas::new(linked(part.data, callback.into_callback()))
            }

            /// The same with one more callback for failure: a task that is sent
            /// once with the [`StepError`] when this fails: what failed first,
            /// why, and the path to it through the nesting.
            #[doc(alias = "link_error")]
            pub fn on_error(self, callback: impl Callback<StepError>) -> Canvas<$in, $out> {
                let part: Canvas<$in, $out> = self.into_canvas();
                Canvas::new(guarded(part.data, callback.into_callback()))
            }

            /// The same without its types, to be composed at run time.
            pub fn dynamic(self) -> Dynamic {
                let part: Canvas<$in, $out> = self.into_canvas();
                Dynamic::new(part.data)
            }
        }

        impl<$($parameter $(: $bound)?,)* Next: Step<$out>> BitOr<Next> for $part {
            type Output = Canvas<$in, Next::Out>;

            fn bitor(self, next: Next) -> Self::Output {
                self.then(next)
            }
        }
    )*};
}

composes! {
    [T: Task] Signature<T>, Nothing => T::Output;
    [T: Task, In] Partial<T, In>, In => T::Output;
    [In, Out] Canvas<In, Out>, In => Out;
    [In, Out] Group<In, Out>, In => Out;
}

impl<In, Out> Clone for Canvas<In, Out> {
    fn clone(&self) -> Self {
        Self::new(self.data.clone())
    }
}

impl<In, Out> fmt::Debug for Canvas<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Canvas").field(&self.data).finish()
    }
}
