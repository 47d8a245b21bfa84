//! Celeriac's decisions, as pure functions: `step(now, input) -> effects`.
//!
//! Nothing here reads a clock, rolls dice, waits or does I/O: time is an
//! argument, jitter comes from the message's id. So every decision can be
//! tested as a table, simulated and replayed. The router gives the engine life.
//!
//! [`Engine`] decides about single messages, [`canvas`] about workflows,
//! [`breaker`] whether something is worth a try, [`routing`] which broker a
//! message goes to.

#![forbid(unsafe_code)]

mod admission;
pub mod breaker;
pub mod canvas;
mod circuits;
pub mod credit;
mod doubt;
mod effects;
mod engine;
mod in_flight;
mod outcomes;
pub mod retry;
pub mod routing;
mod subscriptions;

pub use circuits::{Breakers, CircuitNews};
pub use doubt::Doubt;
pub use effects::{Commit, Effects, Ending, News, Revoked, Told};
pub use engine::{Active, Engine, Facts, Input, Limits, Stats};
pub use subscriptions::{MapError, Subscription, Subscriptions};
