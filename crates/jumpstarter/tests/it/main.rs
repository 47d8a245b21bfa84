//! What jumpstarter promises, seen from outside. No sleeps: where time matters,
//! the clock is paused.

#![expect(clippy::panic, reason = "actors that panic are part of what is tested")]
#![expect(clippy::unwrap_used, reason = "what the tests share is test code, too")]

mod blocking;
mod bound;
mod charts;
mod dependencies;
mod dependents;
mod extension;
mod hooks;
mod injection;
mod lifecycle;
mod messages;
mod misuse;
mod paces;
mod passing_on;
mod pressure;
mod probe;
mod resources;
mod resources_half_way;
mod seeded;
mod shutdown;
mod signals;
mod spans;
mod strategies;
mod streams;
mod supervision;
mod tasks;
mod viz;
mod watch;
