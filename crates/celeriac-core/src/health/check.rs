//! Checks: what looks at something, and what it found.

use serde::{Deserialize, Serialize};

use super::HealthStatus;
use crate::error::Result;
use crate::{BoxFuture, Timestamp};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How well it is.
    pub status: HealthStatus,
    /// The word for it, if it is one of the states that the check declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What there is to say about it.
    #[serde(default)]
    pub note: String,
}

impl Finding {
    /// A finding of that status.
    #[must_use]
    pub fn new(status: HealthStatus, note: impl Into<String>) -> Self {
        Self { status, state: None, note: note.into() }
    }

    /// All is well.
    #[must_use]
    pub fn healthy(note: impl Into<String>) -> Self {
        Self::new(HealthStatus::Healthy, note)
    }

    /// It works, but worse than it should.
    #[must_use]
    pub fn degraded(note: impl Into<String>) -> Self {
        Self::new(HealthStatus::Degraded, note)
    }

    /// It does not work.
    #[must_use]
    pub fn unhealthy(note: impl Into<String>) -> Self {
        Self::new(HealthStatus::Unhealthy, note)
    }

    /// A state that the check declares; the declaration says which status it has.
    #[must_use]
    pub fn state(state: impl Into<String>, note: impl Into<String>) -> Self {
        Self { status: HealthStatus::Healthy, state: Some(state.into()), note: note.into() }
    }
}

/// Looks at something.
pub trait Check: Send + 'static {
    /// Looks once. That something is not well is a finding; an error says that
    /// the check itself could not look: it is logged and changes nothing.
    /// Cancel-safe: a check that takes too long is dropped.
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>>;
}

/// For whom a finding holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// For the worker that looked; kept in its memory.
    #[default]
    Local,
    /// For all; kept in the store. One worker at a time looks.
    Global,
}

/// What is known of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The check.
    pub name: String,
    /// For whom its finding holds.
    pub scope: Scope,
    /// What it found last; nothing if it has not looked yet.
    pub finding: Option<Finding>,
    /// When it looked.
    pub at: Option<Timestamp>,
    /// From when on the finding is out of date.
    pub expires_at: Option<Timestamp>,
    /// Since when the status is what it is.
    pub since: Option<Timestamp>,
    /// Why the check could not look the last time, if it could not.
    pub broken: Option<String>,
}
