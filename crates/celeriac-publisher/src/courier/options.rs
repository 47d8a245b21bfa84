//! What can be chosen about a courier, and the defaults.

use std::str::FromStr;
use std::time::Duration;

use celeriac_engine::breaker::{self, Growth};

/// What becomes of who sends while as many messages wait as may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It waits for room, for as long as [`Options::wait`].
    #[default]
    Block,
    /// It is refused at once.
    Refuse,
}

impl WhenFull {
    /// The word for it, in configurations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Refuse => "refuse",
        }
    }
}

impl FromStr for WhenFull {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "block" => Ok(Self::Block),
            "refuse" => Ok(Self::Refuse),
            _ => Err("is neither \"block\" nor \"refuse\""),
        }
    }
}

/// How a courier behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many messages may wait for the broker. Default 100,000.
    pub limit: usize,
    /// What becomes of more than that. Default [`WhenFull::Block`].
    pub when_full: WhenFull,
    /// How long a sender waits for a broker that is down, where nothing on disk
    /// takes its messages. Default 30 s.
    pub wait: Duration,
    /// How long one call of the broker may take: then it counts as slow, and
    /// what it was to publish waits. Default 10 s.
    pub patience: Duration,
    /// When the circuit opens and closes. Default: after 3 failures, for 0.5 s,
    /// then 1 s, 2 s … 15 s.
    pub breaker: breaker::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: 100_000,
            when_full: WhenFull::Block,
            wait: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            breaker: breaker::Options {
                open_for: Duration::from_millis(500),
                growth: Growth::Exponential,
                open_for_at_most: Duration::from_secs(15),
                ..breaker::Options::default()
            },
        }
    }
}
