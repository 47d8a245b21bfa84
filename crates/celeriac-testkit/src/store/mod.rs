//! The cases of `docs/spec/store.md`.

pub mod changed;
pub mod dedup;
pub mod joins;
pub mod quarantine;
pub mod registry;
pub mod results;
pub mod revocations;
pub mod timers;
pub mod timers_changed;
pub mod workflows;
