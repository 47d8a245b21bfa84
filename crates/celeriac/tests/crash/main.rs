//! Real processes on a real directory, killed with SIGKILL.
//!
//! The parent runs this binary again as a child (see [`child`]), reads what the
//! child says it does, and kills it at a random word. `CELERIAC_CRASH_ROUNDS`
//! sets how often (`cargo xtask crash` is the long form).

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]

mod canvases;
mod child;
mod chords;
mod edges;
#[path = "../sim/expected.rs"]
mod expected;
mod kill;
mod pace;
mod poison;
mod restart;
#[path = "../sim/tasks.rs"]
mod tasks;
mod two_processes;
