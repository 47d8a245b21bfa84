//! What jumpstarter promises, seen from outside. No sleeps: where time matters,
//! the clock is paused.

#![expect(clippy::panic, reason = "actors that panic are part of what is tested")]

mod bound;
mod charts;
mod dependencies;
mod extension;
mod hooks;
mod lifecycle;
mod messages;
mod misuse;
mod pressure;
mod probe;
mod resources;
mod shutdown;
mod supervision;
mod tasks;
