//! A simulation of whole clusters: real routers, engines, workers and
//! publishers in one thread, over a simulated network, clock and randomness.
//!
//! One `u64` decides everything: the schedule, when processes die, which
//! answers are lost, which leases expire, what comes twice, late or in another
//! order. At the end a checker knows what Celeriac promises: each task has one
//! outcome, each workflow ends and each join closes, nothing is left behind,
//! nothing ran after it had ended or was revoked. A seed that fails can be run
//! again, with a trace, as often as it takes to understand it.
//!
//! The servers (broker and store) survive; processes see them through the
//! [`Weather`]. `docs/simulation.md` is the guide; `examples/simulation` runs.

mod broker;
mod check;
mod cluster;
mod consumer;
mod deaths;
mod history;
mod host;
mod link;
mod planted;
mod shelf;
mod simulation;
mod sky;
mod store;
mod weather;
mod workflows;
mod world;

pub use cluster::{Cluster, Drivers};
pub use history::{History, JoinSeen};
pub use planted::Bug;
pub use shelf::Shelf;
pub use simulation::{Report, Simulation};
pub use weather::Weather;
pub use world::World;
