//! How a failed task is tried again: the policy, as data.
//!
//! What a policy means (which delay follows which attempt) is decided in
//! `celeriac_engine::retry`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often, and after which delays, a failed task is tried again.
///
/// The delay before attempt *n* is random between zero and
/// `initial × 2ⁿ⁻¹`, at most `cap` ("full jitter"). No policy is unlimited.
///
/// ```
/// use celeriac_core::RetryPolicy;
/// use std::time::Duration;
/// let policy = RetryPolicy::default();
/// assert_eq!(policy.max_attempts, 5);
/// assert_eq!(policy.cap, Duration::from_secs(120));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How often the task runs at the most, the first time included. Default 5.
    pub max_attempts: u32,
    /// The upper end of the first delay. Default 1 s.
    #[serde(rename = "initial_ms", with = "crate::time::millis")]
    pub initial: Duration,
    /// The upper end of every delay. Default 2 min.
    #[serde(rename = "cap_ms", with = "crate::time::millis")]
    pub cap: Duration,
}

impl RetryPolicy {
    /// A single attempt: a failure is final.
    pub const NEVER: Self = Self { max_attempts: 1, initial: Duration::ZERO, cap: Duration::ZERO };

    /// `max_attempts` attempts without any delay between them.
    #[must_use]
    pub const fn immediate(max_attempts: u32) -> Self {
        Self { max_attempts, initial: Duration::ZERO, cap: Duration::ZERO }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 5, initial: Duration::from_secs(1), cap: Duration::from_secs(120) }
    }
}
