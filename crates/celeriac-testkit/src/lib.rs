//! What Celeriac's crates test each other with; a dev-dependency only.
//!
//! * [`conformance!`] runs the suite that every driver owes: the rules of
//!   `docs/spec/broker.md` and `docs/spec/store.md`, one test per case.
//! * [`sink_conformance!`] and [`source_conformance!`] do so for sinks and
//!   sources: `docs/spec/sink.md`, `docs/spec/source.md`.
//! * [`Faulty`] wraps a broker or store and fails chosen operations by plan.
//! * [`sim`] runs whole clusters in one thread, by a seed; [`canvas`] gives it
//!   random workflows and says what they must come to.
//! * [`server`] starts private servers, [`proxy`] is a network that misbehaves,
//!   [`child`] runs processes: all of them may be killed.
//! * [`probe`] waits and polls without sleeping.
//!
//! Nothing here knows a driver, only servers. Everything here fails by panicking, as
//! assertions do.

#![forbid(unsafe_code)]
#![expect(clippy::expect_used, clippy::panic, reason = "a suite reports by panicking")]

pub mod broker;
pub mod canvas;
pub mod child;
pub mod dice;
pub mod faulty;
mod harness;
pub mod probe;
pub mod proxy;
mod rig;
pub mod sample;
pub mod server;
pub mod sim;
pub mod sink;
pub mod source;
pub mod store;
mod suite;

pub use faulty::Faulty;
pub use harness::{Crashed, Driver, Harness, Setup};
pub use rig::Rig;
pub use suite::{run, run_sink, run_source};
