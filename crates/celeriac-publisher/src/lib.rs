//! Celeriac's publisher: many senders' messages, few round trips.
//!
//! One actor gathers what all senders of a process send while the broker is
//! busy with what came before, and publishes it as one batch: to the broker
//! what may run at once, to the store's timers what waits for its time. A full
//! queue pushes back on its own senders only.

#![forbid(unsafe_code)]

mod actor;
mod dedup;
mod handle;
mod workflow;

pub use handle::{Error, Options, Publisher};
pub use workflow::WorkflowError;
