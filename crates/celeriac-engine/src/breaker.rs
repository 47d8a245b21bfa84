//! Circuit breakers: when to stop trying, when to try again, and how loudly to
//! say so. One for each task, service and connection.
//!
//! ```text
//!            trips                  its time is over
//!  Closed ──────────▶ Open ─────────────────────────▶ HalfOpen
//!    ▲                 ▲                                │   │
//!    │                 └──────────── a probe failed ────┘   │
//!    └─────────────────────────────── a probe succeeded ────┘
//! ```

mod alarm;
mod options;

use std::collections::VecDeque;
use std::time::Duration;

use celeriac_core::Timestamp;
use celeriac_core::health::{CircuitReport, CircuitState, Guarded, HealthStatus};

use alarm::Trips;
pub use alarm::{Alarm, Loudness};
pub use options::{Growth, Options, Rule};

/// How many observations are kept for the rules, at the most.
const OBSERVATIONS: usize = 1024;

/// Whether something is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// It is.
    Closed,
    /// It is not, until then.
    Open {
        /// When a probe may pass.
        until: Timestamp,
    },
    /// One probe is under way; everything else waits for what it comes to.
    HalfOpen,
}

/// The answer to who wants to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Go on.
    Pass,
    /// Go on, alone: what comes of it decides.
    Probe,
    /// Do not; ask again then.
    Refuse {
        /// When to ask again.
        until: Timestamp,
    },
}

/// A change that others should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It opened.
    Tripped {
        /// When a probe may pass.
        until: Timestamp,
        /// How loudly to say so.
        loudness: Loudness,
    },
    /// It closed again.
    Recovered,
}

/// One breaker.
///
/// ```
/// use celeriac_core::Timestamp;
/// use celeriac_engine::breaker::{Breaker, Options, Permit};
///
/// let mut breaker = Breaker::new(Options::default());
/// let now = Timestamp::from_millis(0);
/// for _ in 0..3 {
///     assert_eq!(breaker.ask(now), Permit::Pass);
///     breaker.failed(now);
/// }
/// let until = Timestamp::from_millis(30_000);
/// assert_eq!(breaker.ask(now), Permit::Refuse { until });
/// assert_eq!(breaker.ask(until), Permit::Probe);
/// ```
#[derive(Clone, Debug)]
pub struct Breaker {
    options: Options,
    state: State,
    /// Failures without a success between them.
    failures: u32,
    /// How often it tripped without recovering.
    streak: u32,
    observed: VecDeque<(Timestamp, HealthStatus)>,
    trips: Trips,
    /// The same for people: how often it tripped, when it changed last, and why.
    tripped: u64,
    since: Option<Timestamp>,
    why: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Open {
        until: Timestamp,
    },
    /// A probe began; another may pass when this one is overdue.
    Probing {
        overdue: Timestamp,
    },
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let trips = Trips::default();
        let (state, observed) = (State::Closed, VecDeque::new());
        let (tripped, since, why) = (0, None, None);
        Self { options, state, failures: 0, streak: 0, observed, trips, tripped, since, why }
    }

    /// Whether to try now. Who gets [`Permit::Probe`] must tell what came of it.
    pub fn ask(&mut self, now: Timestamp) -> Permit {
        match self.state {
            State::Closed => Permit::Pass,
            State::Open { until } if now < until => Permit::Refuse { until },
            State::Probing { overdue } if now < overdue => Permit::Refuse { until: overdue },
            // Who probed died without a word, or its time is over.
            State::Open { .. } | State::Probing { .. } => {
                self.state = State::Probing { overdue: now.after(self.options.open_for) };
                self.since = Some(now);
                Permit::Probe
            }
        }
    }

    /// Learns that a try succeeded.
    pub fn succeeded(&mut self, now: Timestamp) -> Option<Change> {
        self.failures = 0;
        match self.state {
            State::Probing { .. } => self.close(now),
            // Begun before it tripped, and ended after: no probe.
            State::Open { until } if now < until => None,
            State::Open { .. } => self.close(now),
            State::Closed => None,
        }
    }

    /// Learns that a try failed in a way that nobody expected.
    pub fn failed(&mut self, now: Timestamp) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        match self.state {
            State::Closed if self.failures < self.options.failures => None,
            State::Open { until } if now < until => None,
            State::Closed | State::Open { .. } | State::Probing { .. } => Some(self.trip(now)),
        }
    }

    /// Learns what a check found; the rules decide what that means.
    pub fn observed(&mut self, now: Timestamp, status: HealthStatus) -> Option<Change> {
        if self.observed.len() == OBSERVATIONS {
            self.observed.pop_front();
        }
        self.observed.push_back((now, status));
        let is_broken = self.options.rules.iter().any(|rule| rule.is_broken(&self.observed, now));
        match self.state {
            State::Closed if is_broken => Some(self.trip(now)),
            // A check that finds all well is as good as a probe.
            State::Open { until } if now >= until && status == HealthStatus::Healthy => {
                self.close(now)
            }
            _ => None,
        }
    }

    /// Learns that the probe came to nothing that says something: another may
    /// pass at once.
    pub const fn abandoned(&mut self, now: Timestamp) {
        if matches!(self.state, State::Probing { .. }) {
            (self.state, self.since) = (State::Open { until: now }, Some(now));
        }
    }

    /// Notes for people what tripped it.
    pub fn blame(&mut self, why: impl Into<String>) {
        self.why = Some(why.into());
    }

    /// How it stands, for people.
    #[must_use]
    pub fn report(&self, guards: Guarded, name: impl Into<String>) -> CircuitReport {
        let (circuit, until) = match self.state {
            State::Closed => (CircuitState::Closed, None),
            State::Open { until } => (CircuitState::Open, Some(until)),
            State::Probing { overdue } => (CircuitState::HalfOpen, Some(overdue)),
        };
        let (name, why) = (name.into(), self.why.clone());
        CircuitReport { guards, name, circuit, until, since: self.since, trips: self.tripped, why }
    }

    /// Whether it is open, closed or half-open.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        match self.state {
            State::Closed => Circuit::Closed,
            State::Open { until } => Circuit::Open { until },
            State::Probing { .. } => Circuit::HalfOpen,
        }
    }

    fn trip(&mut self, now: Timestamp) -> Change {
        let until = now.after(self.options.open_for(self.streak));
        (self.state, self.since) = (State::Open { until }, Some(now));
        self.tripped += 1;
        self.streak = self.streak.saturating_add(1);
        self.failures = 0;
        // What tripped it once must not trip it again when it closes.
        self.observed.clear();
        Change::Tripped { until, loudness: self.trips.trip(&self.options.alarm, now) }
    }

    const fn close(&mut self, now: Timestamp) -> Option<Change> {
        (self.state, self.since) = (State::Closed, Some(now));
        self.streak = 0;
        Some(Change::Recovered)
    }
}

impl Options {
    /// How long it stays open after `streak` trips without a recovery.
    fn open_for(&self, streak: u32) -> Duration {
        let factor = match self.growth {
            Growth::Constant => 1,
            Growth::Linear => streak.saturating_add(1),
            Growth::Exponential => 2u32.saturating_pow(streak),
        };
        self.open_for.saturating_mul(factor).min(self.open_for_at_most.max(self.open_for))
    }
}

#[cfg(test)]
mod tests;
