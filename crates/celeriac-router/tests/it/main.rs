//! What the router promises: nothing is lost, wherever it dies or fails.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports by panicking"
)]

mod apply;
mod boot;
mod checks;
mod circuits;
mod crashes;
mod edges;
mod events;
mod fixture;
mod node;
mod platform;
mod service;
mod stop;
mod timers;
mod workflows;
