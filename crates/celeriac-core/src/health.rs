//! How well something is, as a health check finds it, and what follows from that.

mod board;
mod check;
mod circuit;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use board::Board;
pub use check::{Check, CheckReport, Finding, Scope};
pub use circuit::{CircuitReport, CircuitState, Guarded};

/// What a check found, from best to worst.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// All is well.
    #[default]
    Healthy,
    /// It works, but worse than it should: slowly, or not in every part.
    Degraded,
    /// It does not work; it may again by itself.
    Unhealthy,
    /// It works, and must not be trusted: a certificate or signature is wrong.
    Insecure,
    /// It does not work, and will not by itself.
    PermanentlyUnavailable,
}

impl HealthStatus {
    /// Every status, from best to worst.
    pub const ALL: [Self; 5] = [
        Self::Healthy,
        Self::Degraded,
        Self::Unhealthy,
        Self::Insecure,
        Self::PermanentlyUnavailable,
    ];

    /// The word for it, in configurations and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Insecure => "insecure",
            Self::PermanentlyUnavailable => "permanently_unavailable",
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no health status: use healthy, degraded, unhealthy, insecure or \
     permanently_unavailable"
)]
pub struct ParseHealthStatusError(String);

impl FromStr for HealthStatus {
    type Err = ParseHealthStatusError;

    fn from_str(text: &str) -> Result<Self, ParseHealthStatusError> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| ParseHealthStatusError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_found_by_its_word_and_worse_is_more() {
        for status in HealthStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!(HealthStatus::ALL.is_sorted());
        let error = "fine".parse::<HealthStatus>().unwrap_err();
        assert!(error.to_string().starts_with("`fine` is no health status"));
    }
}
