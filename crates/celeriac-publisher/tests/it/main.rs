//! What the publisher promises: few round trips, order, push-back, no message
//! sent twice for one key; and several brokers, and what waits while they are down.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

mod backlog;
mod batches;
mod conformance;
mod dedup;
mod disk;
mod errors;
mod fixture;
mod fleet;
mod full;
mod full_disk;
mod killed;
mod outage;
mod relocation;
mod shared_disk;
mod timers;
mod workflows;
