//! What jumpstarter promises, seen from outside. No sleeps: where time matters,
//! the clock is paused.

#![expect(clippy::panic, reason = "actors that panic are part of what is tested")]
#![expect(clippy::unwrap_used, reason = "what the tests share is test code, too")]

mod charts;
mod dependencies;
mod injection;
mod lifecycle;
mod messages;
mod misuse;
mod passing_on;
mod pressure;
mod probe;
mod resources;
mod seeded;
mod shutdown;
mod strategies;
mod supervision;
mod tasks;
mod viz;
mod watch;
