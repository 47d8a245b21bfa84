//! What Celeriac promises to those who use it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports by panicking; tasks that panic are part of what is tested"
)]

mod blocking;
mod brokers;
mod by_hand;
mod calls;
mod canvas;
mod children;
mod crashes;
mod declared;
mod delays;
mod edges;
mod events;
mod failures;
mod fixture;
mod handles;
mod health;
mod load;
mod macros;
mod misuse;
mod quarantine;
mod results;
mod revoke;
mod sections;
mod workflows;
