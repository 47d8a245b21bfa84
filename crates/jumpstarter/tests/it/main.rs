//! What jumpstarter promises, seen from outside. No sleeps: where time matters,
//! the clock is paused.

#![expect(clippy::panic, reason = "actors that panic are part of what is tested")]
#![expect(clippy::unwrap_used, reason = "what the tests share is test code, too")]

mod against_the_tree;
mod at_once;
mod blocking;
mod bound;
mod charts;
mod children_intensity;
mod control;
mod dependencies;
mod dependents;
mod extension;
mod figures;
mod hooks;
mod injection;
mod lifecycle;
mod messages;
mod misuse;
mod nursery;
mod paces;
mod passing_on;
mod pressure;
mod probe;
mod region_events;
mod release_timeout;
mod resources;
mod resources_half_way;
mod seeded;
mod shutdown;
mod signals;
mod spans;
mod starting;
mod strategies;
mod streams;
mod supervision;
mod tasks;
mod viz;
mod watch;
