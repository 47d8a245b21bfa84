//! What the publisher promises: few round trips, order, push-back, and no
//! message sent twice for one key.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

mod batches;
mod dedup;
mod errors;
mod fixture;
mod full;
mod timers;
mod workflows;
