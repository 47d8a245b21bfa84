//! What jumpstarter promises, seen from outside. No sleeps: where time matters,
//! the clock is paused.

mod messages;
mod probe;
