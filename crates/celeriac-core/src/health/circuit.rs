//! What is told of a circuit breaker. What one does is decided in the engine.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What a circuit breaker guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarded {
    /// A task: while it is open, the task is not run.
    Task,
    /// Something that tasks use: while it is open, it is not called.
    Service,
    /// The way to a broker or store.
    Connection,
}

/// Whether something is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// It is.
    Closed,
    /// It is not.
    Open,
    /// One probe is under way; everything else waits for what it comes to.
    HalfOpen,
}

/// A circuit breaker at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitReport {
    /// What kind of thing it guards.
    pub guards: Guarded,
    /// The name of that.
    pub name: String,
    /// Whether it is tried.
    pub circuit: CircuitState,
    /// When the next probe may pass, unless it is closed.
    pub until: Option<Timestamp>,
    /// Since when it is so; nothing if it always was.
    pub since: Option<Timestamp>,
    /// How often it tripped.
    pub trips: u64,
    /// What tripped it the last time.
    pub why: Option<String>,
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Task => "task",
            Self::Service => "service",
            Self::Connection => "connection",
        })
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        })
    }
}
