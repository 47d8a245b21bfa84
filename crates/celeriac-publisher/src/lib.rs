//! Celeriac's publisher: many senders' messages, few round trips.
//!
//! One actor gathers what all senders of a process send while the broker is
//! busy with what came before, and publishes it as one batch: to the broker
//! what may run at once, to the store's timers what waits for its time. A full
//! queue pushes back on its own senders only.
//!
//! A broker has a [`Courier`], which keeps what is sent while the broker is
//! down; several brokers are one [`Fleet`].

#![forbid(unsafe_code)]

mod actor;
pub mod courier;
mod dedup;
mod fleet;
mod handle;
pub mod late;
pub mod relocation;
mod workflow;

pub use courier::Courier;
pub use fleet::{Fleet, MAX_BROKERS};
pub use handle::{Error, Options, Publisher};
pub use late::{LateBroker, LateStore};
pub use workflow::WorkflowError;
