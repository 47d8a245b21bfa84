//! What the worker promises: each run is reported once, however it ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test reports by panicking; tasks that panic are part of what is tested"
)]

mod async_runs;
mod cancel;
mod drain;
mod fixture;
mod health;
mod limits;
mod lost;
mod marks;
mod panics;
mod sync_runs;
