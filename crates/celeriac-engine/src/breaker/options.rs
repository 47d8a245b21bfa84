//! What can be chosen about a breaker, and the defaults.

use std::collections::VecDeque;
use std::time::Duration;

use celeriac_core::Timestamp;
use celeriac_core::health::HealthStatus;

use super::Alarm;

/// How the time grows for which a breaker stays open, trip after trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Growth {
    /// The same each time.
    #[default]
    Constant,
    /// Twice, three times, four times the first.
    Linear,
    /// Twice, four times, eight times the first.
    Exponential,
}

/// "2 Unhealthy within 10 s": so many checks of that status, or a worse one,
/// trip the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How many.
    pub times: usize,
    /// How bad, at the least.
    pub status: HealthStatus,
    /// In which time.
    pub within: Duration,
}

impl Rule {
    pub(super) fn is_broken(
        self,
        observed: &VecDeque<(Timestamp, HealthStatus)>,
        now: Timestamp,
    ) -> bool {
        let counts = |(at, status): &&(Timestamp, HealthStatus)| {
            *status >= self.status && now.since(*at) <= self.within
        };
        self.times > 0 && observed.iter().rev().filter(counts).count() >= self.times
    }
}

/// What can be chosen about a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many failures, without a success between them, trip it. Default 3.
    pub failures: u32,
    /// Which checks trip it. Default: 2 unhealthy, or 10 degraded, within 10 s.
    pub rules: Vec<Rule>,
    /// How long it stays open the first time. Default 30 s.
    pub open_for: Duration,
    /// How that grows. Default [`Growth::Constant`].
    pub growth: Growth,
    /// How long it stays open at the most. Default 10 min.
    pub open_for_at_most: Duration,
    /// When its trips are told as errors.
    pub alarm: Alarm,
}

impl Default for Options {
    fn default() -> Self {
        let within = Duration::from_secs(10);
        Self {
            failures: 3,
            rules: vec![
                Rule { times: 2, status: HealthStatus::Unhealthy, within },
                Rule { times: 10, status: HealthStatus::Degraded, within },
            ],
            open_for: Duration::from_secs(30),
            growth: Growth::Constant,
            open_for_at_most: Duration::from_secs(600),
            alarm: Alarm::default(),
        }
    }
}
