//! Switches: the result chooses what follows.

use std::fmt;
use std::marker::PhantomData;

use celeriac_core::workflow::{self, Shape};

use super::{Canvas, CanvasError, Condition, Step};

/// Cases of which the first is chosen whose condition holds. Made by [`switch`].
#[must_use = "a switch does nothing until it is sent"]
pub struct Switch<In, Out> {
    cases: Result<Vec<(workflow::Condition, workflow::Canvas)>, CanvasError>,
    types: PhantomData<fn(In) -> Out>,
}

/// Chooses by what comes in, which the chosen case gets too. What is not chosen
/// ends `SKIPPED`.
///
/// ```
/// use celeriac::canvas::{at, chain, switch};
///
/// #[celeriac::task]
/// async fn count(text: String) -> u64 { text.len() as u64 }
///
/// #[celeriac::task]
/// async fn halve(n: u64) -> u64 { n / 2 }
///
/// #[celeriac::task]
/// async fn keep(n: u64) -> u64 { n }
///
/// let cases = switch().when(at("$").more_than(100), halve::p()).otherwise(keep::p());
/// let workflow = chain(count::s("a text".into())).then(cases);
/// # let _ = workflow;
/// ```
pub const fn switch<In, Out>() -> Switch<In, Out> {
    Switch { cases: Ok(Vec::new()), types: PhantomData }
}

impl<In, Out> Switch<In, Out> {
    /// One more case; it is asked after those before it.
    pub fn when(self, condition: Condition, then: impl Step<In, Out = Out>) -> Self {
        let cases = self.cases.and_then(|mut cases| {
            cases.push((condition.into_data()?, then.into_canvas().into_data()?));
            Ok(cases)
        });
        Self { cases, types: PhantomData }
    }

    /// What is chosen if no condition holds.
    pub fn otherwise(self, then: impl Step<In, Out = Out>) -> Canvas<In, Out> {
        let otherwise = then.into_canvas().into_data();
        Canvas::new(self.cases.and_then(|cases| {
            Ok(Shape::Switch { cases, otherwise: Some(Box::new(otherwise?)) }.into())
        }))
    }
}

/// Without another case, what comes in goes out if no condition holds.
impl<In> Step<In> for Switch<In, In> {
    type Out = In;

    fn into_canvas(self) -> Canvas<In, In> {
        Canvas::new(self.cases.map(|cases| Shape::Switch { cases, otherwise: None }.into()))
    }
}

impl<In, Out> fmt::Debug for Switch<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch").field("cases", &self.cases).finish()
    }
}
