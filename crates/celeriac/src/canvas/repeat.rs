//! Loops: a part with its own result, until it is enough.

use celeriac_core::workflow::Shape;

use super::{Canvas, Condition, Step};

/// Repeats a part with its own result until the condition holds of it, `max`
/// times at the most: after that it fails.
///
/// ```
/// use celeriac::canvas::{at, chain, repeat_until};
///
/// #[celeriac::task]
/// async fn double(n: u64) -> u64 { n * 2 }
///
/// let grown = chain(double::s(1)).then(repeat_until(double::p(), at("$").at_least(100), 20));
/// # let _ = grown;
/// ```
pub fn repeat_until<T>(body: impl Step<T, Out = T>, until: Condition, max: u32) -> Canvas<T, T> {
    let body = body.into_canvas().into_data();
    Canvas::new(body.and_then(|body| {
        Ok(Shape::Loop { body: Box::new(body), until: until.into_data()?, max }.into())
    }))
}
