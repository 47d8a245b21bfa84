//! Canvas: random canvases, run by the engine in a simulated world, against a
//! sequential interpreter.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports by panicking"
)]

mod check;
mod compile;
mod condition;
mod dags;
mod driver;
mod plain;
mod seeds;
mod wide;
mod world;
