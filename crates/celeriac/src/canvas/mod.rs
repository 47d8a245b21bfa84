//! Canvas: tasks composed to workflows, checked by the compiler.
//!
//! ```
//! use celeriac::canvas::{chain, group};
//!
//! #[celeriac::task]
//! async fn add(a: i64, b: i64) -> i64 { a + b }
//!
//! #[celeriac::task]
//! async fn sum(numbers: Vec<i64>) -> i64 { numbers.iter().sum() }
//!
//! // (2 + 3), then to that 10 and 20 at once, then all together.
//! let workflow = chain(add::s(2, 3)).then(group([add::p(10), add::p(20)])).then(sum::p());
//! # let _ = workflow;
//! ```
//!
//! `task::s(…)` is a call with all of its arguments. `task::p(…)` lacks the first
//! one: that is the result of the step before, and their types must agree.
//!
//! | part | takes | gives |
//! |---|---|---|
//! | `task::s(…)` | nothing; it begins a workflow | the task's result |
//! | `task::s(…).immutable()` | anything, and ignores it | the task's result |
//! | `task::p(…)` | the first argument | the task's result |
//! | [`chain`]`(a).then(b)`, `a \| b` | what `a` takes | what `b` gives |
//! | [`group`]`([a, b])`, `group((a, b))` | what each of them takes | a `Vec`, or a tuple |
//! | [`chord`]`(members, body)` | what each member takes | what the body gives |
//! | [`map`], [`starmap`], [`sweep`] | a list, or anything if items are given | a `Vec` |
//! | [`chunks`] | as `map` | a `Vec` of `Vec`s |
//! | [`fork`] | what each branch takes | a map by name |
//! | [`switch`] | what each case takes | what each case gives |
//! | [`repeat_until`] | what its body takes and gives | the same |
//!
//! Everything composes with everything, to [any depth](MAX_DEPTH) that is sane.
//! Groups say by [`fail_fast`](Group::fail_fast) or [`settle`](Group::settle) what
//! the failure of a member means. Every part can have callbacks:
//! [`link`](Canvas::link) and [`on_error`](Canvas::on_error).
//!
//! What is built is data ([`Canvas::into_data`]): nothing runs before it is
//! sent, and a mistake that the compiler can't see, such as a path that is none,
//! is reported then.

mod compose;
mod dynamic;
mod error;
mod fork;
mod group;
mod over;
mod partial;
mod place;
mod repeat;
mod settled;
mod step;
mod switch;
mod values;

pub use celeriac_core::workflow::{self, MAX_DEPTH, StepError};
pub use compose::{Canvas, chain};
pub use dynamic::Dynamic;
pub use error::CanvasError;
pub use fork::fork;
pub use group::{Group, Members, chord, group};
pub use over::{Input, Items, Over, Star, chunks, input, map, star, starmap, sweep};
pub use partial::Partial;
pub use place::{Condition, Place, at};
pub use repeat::repeat_until;
pub use settled::{Settle, Settled};
pub use step::{Callback, Nothing, Step};
pub use switch::{Switch, switch};
pub(crate) use values::values;

/// A part as data, or the first mistake in it.
type Data = Result<workflow::Canvas, CanvasError>;
