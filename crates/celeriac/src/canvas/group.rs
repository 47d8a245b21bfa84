//! Groups: parts that run at once.

use std::fmt;
use std::marker::PhantomData;

use celeriac_core::workflow::{self, Policy, Shape};

use super::{Canvas, CanvasError, Data, Settle, Step};

/// Parts that run at once, each with what comes in. It gives a list of their
/// results in the order given, when all have ended; and it fails, then, if one of
/// them failed. Policies change that.
#[must_use = "a group does nothing until it is sent"]
pub struct Group<In, Out> {
    data: Data,
    types: PhantomData<fn(In) -> Out>,
}

/// What can be the members of a group that takes `In`: a `Vec` or an array of
/// steps with one output type, or a tuple of up to 12 steps.
#[diagnostic::on_unimplemented(
    message = "this is no group of steps that take `{In}`",
    label = "not a `Vec`, an array or a tuple of steps that take `{In}`"
)]
pub trait Members<In> {
    /// A `Vec` or a tuple of what they give.
    type Out;

    /// The group.
    fn into_group(self) -> Group<In, Self::Out>;
}

/// Parts that run at once.
///
/// ```
/// use celeriac::canvas::group;
///
/// #[celeriac::task]
/// async fn length(text: String) -> usize { text.len() }
///
/// #[celeriac::task]
/// async fn upper(text: String) -> String { text.to_uppercase() }
///
/// // A `Vec<usize>` of any number, and a `(usize, String)`. What an iterator
/// // gives is collected to a `Vec`.
/// let many = group(["a", "bc"].map(|text| length::s(text.into())));
/// let more = group(["a", "bc"].iter().map(|text| length::s((*text).into())).collect::<Vec<_>>());
/// let pair = group((length::s("a".into()), upper::s("a".into())));
/// # let _ = (many, more, pair);
/// ```
pub fn group<In, M: Members<In>>(members: M) -> Group<In, M::Out> {
    members.into_group()
}

/// A group, then a body that gets the list of its results.
///
/// ```
/// use celeriac::canvas::{chord, group};
///
/// #[celeriac::task]
/// async fn add(a: i64, b: i64) -> i64 { a + b }
///
/// #[celeriac::task]
/// async fn sum(numbers: Vec<i64>) -> i64 { numbers.iter().sum() }
///
/// let members = [add::s(1, 2), add::s(3, 4)];
/// let one = chord(members.clone(), sum::p());
/// let same = group(members).then(sum::p());
/// assert_eq!(one.into_data()?, same.into_data()?);
/// # Ok::<(), celeriac::canvas::CanvasError>(())
/// ```
pub fn chord<In, M: Members<In>, B: Step<M::Out>>(members: M, body: B) -> Canvas<In, B::Out> {
    members.into_group().then(body)
}

impl<In, Out> Group<In, Out> {
    pub(super) const fn new(data: Data) -> Self {
        Self { data, types: PhantomData }
    }

    fn of(members: impl Iterator<Item = Data>) -> Self {
        Self::new(members.collect::<Result<Vec<_>, _>>().map(workflow::Canvas::group))
    }

    fn policy(self, to: Policy) -> Data {
        self.data.map(|mut data| {
            match &mut data.shape {
                Shape::Group { policy, .. }
                | Shape::Map { policy, .. }
                | Shape::Chunks { policy, .. }
                | Shape::Fork { policy, .. } => *policy = to,
                // A group is made of no other shape.
                _ => {}
            }
            data
        })
    }

    /// It ends when all members have ended, and fails if one of them failed.
    /// The default.
    pub fn wait_all(self) -> Self {
        Self::new(self.policy(Policy::WaitAll))
    }

    /// It fails with the first member that fails; the others are cancelled.
    pub fn fail_fast(self) -> Self {
        Self::new(self.policy(Policy::FailFast))
    }

    /// It never fails: each result is a [`Settled`](super::Settled) value or error.
    ///
    /// ```
    /// use celeriac::canvas::{Settled, group};
    ///
    /// #[celeriac::task]
    /// async fn risky(n: u32) -> Result<u32, std::io::Error> { Ok(n) }
    ///
    /// #[celeriac::task]
    /// async fn failures(results: Vec<Settled<u32>>) -> usize {
    ///     results.into_iter().filter(|result| matches!(result, Settled::Error(_))).count()
    /// }
    ///
    /// let workflow = group([risky::s(1), risky::s(2)]).settle().then(failures::p());
    /// # let _ = workflow;
    /// ```
    pub fn settle(self) -> Canvas<In, Out::Settled>
    where
        Out: Settle,
    {
        Canvas::new(self.policy(Policy::Settle))
    }

    /// The group as data, as it is stored.
    ///
    /// # Errors
    /// [`CanvasError`] if an argument, a path or an option in it is none.
    pub fn into_data(self) -> Result<workflow::Canvas, CanvasError> {
        self.data
    }
}

impl<In, S: Step<In>> Members<In> for Vec<S> {
    type Out = Vec<S::Out>;

    fn into_group(self) -> Group<In, Self::Out> {
        Group::of(self.into_iter().map(|member| member.into_canvas().into_data()))
    }
}

impl<In, S: Step<In>, const N: usize> Members<In> for [S; N] {
    type Out = Vec<S::Out>;

    fn into_group(self) -> Group<In, Self::Out> {
        Group::of(self.into_iter().map(|member| member.into_canvas().into_data()))
    }
}

impl<In, Out> Members<In> for Group<In, Out> {
    type Out = Out;

    fn into_group(self) -> Self {
        self
    }
}

/// Calls a macro with the names of the elements of tuples of every size.
macro_rules! each_tuple {
    ($call:ident) => {
        $call!(A);
        $call!(A B);
        $call!(A B C);
        $call!(A B C D);
        $call!(A B C D E);
        $call!(A B C D E F);
        $call!(A B C D E F G);
        $call!(A B C D E F G H);
        $call!(A B C D E F G H I);
        $call!(A B C D E F G H I J);
        $call!(A B C D E F G H I J K);
        $call!(A B C D E F G H I J K L);
    };
}
pub(super) use each_tuple;

macro_rules! tuple_members {
    ($($member:ident)*) => {
        impl<In, $($member: Step<In>),*> Members<In> for ($($member,)*) {
            type Out = ($($member::Out,)*);

            #[expect(non_snake_case, reason = "the elements bear their types' names")]
            fn into_group(self) -> Group<In, Self::Out> {
                let ($($member,)*) = self;
                Group::of([$($member.into_canvas().into_data()),*].into_iter())
            }
        }
    };
}

each_tuple!(tuple_members);

impl<In, Out> Clone for Group<In, Out> {
    fn clone(&self) -> Self {
        Self::new(self.data.clone())
    }
}

impl<In, Out> fmt::Debug for Group<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Group").field(&self.data).finish()
    }
}
