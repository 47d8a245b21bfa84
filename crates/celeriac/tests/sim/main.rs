//! Whole clusters, simulated: the real router, engine, worker, publisher and
//! facade, in one thread, by a seed.
//!
//! `CELERIAC_SIM_SEEDS` says how many seeds each test runs, `CELERIAC_SIM_FROM`
//! where they begin; `cargo xtask sim` sets them, and shows one seed's trace.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test reports by panicking, and by its figures"
)]

mod canvases;
mod cluster;
mod corpus;
mod edges;
mod expected;
mod once;
mod oracle;
mod pace;
mod plain;
mod poison;
mod seeds;
mod tasks;
