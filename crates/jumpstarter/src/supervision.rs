//! What happens after a crash: restart or give up. Decisions only; the runner
//! carries them out.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::core::Core;
use crate::error::{BoxError, Cause, Crash};
use crate::strategy::Strategy;

/// When an actor is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RestartPolicy {
    /// Whenever it ends, unless its stop was requested from outside; also when
    /// its very first start fails.
    Permanent,
    /// When it crashes. A first start that fails is final.
    #[default]
    Transient,
    /// Never.
    Temporary,
}

/// How often an actor may be restarted: `restarts` within `window`.
/// The default is 5 within 30 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// Restarts allowed inside the window.
    pub restarts: u32,
    /// The window.
    pub window: Duration,
}

impl Default for Intensity {
    fn default() -> Self {
        Intensity { restarts: 5, window: Duration::from_secs(30) }
    }
}

/// How long to wait before a restart. The first within the window is immediate;
/// from the second on the wait is `first`, doubled each time, up to `max`.
/// The default is 10 milliseconds up to 10 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the second restart.
    pub first: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { first: Duration::from_millis(10), max: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// The wait before restart number `nth`, counted from 1.
    pub fn delay(&self, nth: u32) -> Duration {
        let Some(doublings) = nth.checked_sub(2) else {
            return Duration::ZERO;
        };
        let factor = 2_u32.saturating_pow(doublings);
        self.first.saturating_mul(factor).min(self.max)
    }
}

/// A child of this actor crashed and is not started again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChildFailed {
    /// The child's path.
    pub path: String,
    /// The child's actor type.
    pub type_name: &'static str,
    /// The last crash.
    pub crash: Crash,
    /// How often it was restarted in its life.
    pub restarts: u32,
    /// When it would have been started again.
    pub policy: RestartPolicy,
    /// The crashes inside the window of its intensity, oldest first; the last
    /// one is [`crash`](Self::crash).
    pub history: Vec<Crash>,
    /// How often the children of the actor may be restarted all together, if that
    /// is what was exceeded; see
    /// [`Options::children_intensity`](crate::Options::children_intensity).
    pub children_intensity: Option<Intensity>,
    /// Its stop was requested; that it crashed on the way is nobody's failure.
    pub(crate) was_stopped: bool,
}

/// Crashes that the text of an [`Escalated`] tells of; the latest.
const TOLD: usize = 10;

/// Why a parent crashed: a child gave up, and nobody took care of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Escalated {
    /// What happened to the child.
    pub failure: ChildFailed,
    /// What `#[child_failed]` said, if the parent has one.
    pub error: Option<BoxError>,
}

impl fmt::Display for Escalated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChildFailed { path, history, children_intensity, .. } = &self.failure;
        match children_intensity {
            None => write!(f, "child {path} gave up after {} crashes (", history.len())?,
            Some(Intensity { restarts, window }) => {
                write!(f, "more than {restarts} restarts of children within {window:?}, ")?;
                write!(f, "the last of {path} (")?;
            }
        }
        for (index, crash) in history.iter().skip(history.len().saturating_sub(TOLD)).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{crash}")?;
        }
        f.write_str(")")
    }
}

impl Error for Escalated {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.as_deref().map(|error| error as &(dyn Error + 'static))
    }
}

/// The rules of one actor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) policy: RestartPolicy,
    pub(crate) intensity: Intensity,
    pub(crate) backoff: Backoff,
    pub(crate) strategy: Strategy,
    pub(crate) escalates: bool,
    /// That of its children together.
    pub(crate) children: Option<Intensity>,
}

/// What becomes of a parent whose child gave up; `outcome` is what its
/// `#[child_failed]` said, if it has one.
pub(crate) fn escalation(
    parent: &Core,
    failure: ChildFailed,
    outcome: Option<Result<(), BoxError>>,
) -> Option<Crash> {
    let error = match outcome {
        Some(Ok(())) => return None,
        Some(Err(error)) => Some(error),
        None => None,
    };
    let escalates = failure.policy != RestartPolicy::Temporary
        && !failure.was_stopped
        && parent.peek_cold(|cold| cold.escalates) == Some(true);
    if error.is_none() && !escalates {
        let (path, child) = (&parent.path, &failure.path);
        tracing::error!(%path, %child, error = %failure.crash, "child gave up");
        return None;
    }
    Some(Crash::new(Cause::Child, Escalated { failure, error }))
}

/// How an incarnation ended, as far as supervision cares.
pub(crate) enum Ending {
    /// Stopped from outside, or killed.
    Requested,
    /// Stopped by itself.
    OfItself,
    /// A restart was asked for.
    RestartAsked,
    Crashed(Crash),
}

/// What to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Restart { after: Duration },
    End,
}

/// The restarts of an actor's children, all together.
pub(crate) struct ChildRestarts {
    pub(crate) intensity: Intensity,
    /// Those inside the window.
    restarts: VecDeque<Instant>,
}

impl ChildRestarts {
    pub(crate) fn new(intensity: Intensity) -> Self {
        ChildRestarts { intensity, restarts: VecDeque::new() }
    }

    /// Counts one more, if it is allowed.
    fn admit(&mut self, now: Instant) -> bool {
        let window = self.intensity.window;
        while self.restarts.front().is_some_and(|at| now.duration_since(*at) >= window) {
            self.restarts.pop_front();
        }
        let admitted = self.restarts.len() < self.intensity.restarts as usize;
        if admitted {
            self.restarts.push_back(now);
        }
        admitted
    }
}

/// Counts the restart of a child by its policy.
///
/// # Errors
///
/// The intensity of the parent's children is exceeded.
pub(crate) fn count_restart(child: &Core, now: impl FnOnce() -> Instant) -> Result<(), Intensity> {
    let Some(parent) = child.parent() else { return Ok(()) };
    let exceeded = parent.core().peek_cold(|cold| {
        let counted = cold.siblings.restarts.as_deref_mut()?;
        (!counted.admit(now())).then_some(counted.intensity)
    });
    exceeded.flatten().map_or(Ok(()), Err)
}

/// The crashes inside the window.
#[derive(Default)]
pub(crate) struct History {
    crashes: VecDeque<(Instant, Crash)>,
    /// The intensity of the parent's children, if that is exceeded.
    pub(crate) exceeded: Option<Intensity>,
}

impl History {
    pub(crate) fn crashes(&self) -> Vec<Crash> {
        self.crashes.iter().map(|(_, crash)| crash.clone()).collect()
    }

    pub(crate) fn decide(
        &mut self,
        rules: &Rules,
        ending: Ending,
        once_started: bool,
        now: impl FnOnce() -> Instant,
    ) -> Verdict {
        let at_once = Verdict::Restart { after: Duration::ZERO };
        let crash = match ending {
            Ending::Requested => return Verdict::End,
            Ending::RestartAsked => return at_once,
            Ending::OfItself if rules.policy == RestartPolicy::Permanent => return at_once,
            Ending::OfItself => return Verdict::End,
            Ending::Crashed(crash) => crash,
        };
        let window = rules.intensity.window;
        let now = now();
        while self.crashes.front().is_some_and(|(at, _)| now.duration_since(*at) >= window) {
            self.crashes.pop_front();
        }
        self.crashes.push_back((now, crash));
        let allowed = match rules.policy {
            RestartPolicy::Permanent => true,
            RestartPolicy::Transient => once_started,
            RestartPolicy::Temporary => false,
        };
        let nth = u32::try_from(self.crashes.len()).unwrap_or(u32::MAX);
        if !allowed || nth > rules.intensity.restarts {
            return Verdict::End;
        }
        Verdict::Restart { after: rules.backoff.delay(nth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    fn crash() -> Ending {
        Ending::Crashed(Crash::new(Cause::Error, "boom"))
    }

    #[test]
    fn waits_double_from_the_second_restart_on() {
        let backoff = Backoff { first: Duration::from_millis(10), max: Duration::from_millis(35) };
        let waits: Vec<u128> = (1..=5).map(|nth| backoff.delay(nth).as_millis()).collect();
        assert_eq!(waits, [0, 10, 20, 35, 35]);
    }

    #[test]
    fn gives_up_beyond_the_intensity_inside_the_window_only() {
        let intensity = Intensity { restarts: 2, window: Duration::from_secs(10) };
        let rules = Rules { intensity, ..Rules::default() };
        let mut history = History::default();
        let start = Instant::now();
        let at = |seconds| move || start + Duration::from_secs(seconds);
        assert!(matches!(history.decide(&rules, crash(), true, at(0)), Verdict::Restart { .. }));
        assert!(matches!(history.decide(&rules, crash(), true, at(1)), Verdict::Restart { .. }));
        assert!(matches!(history.decide(&rules, crash(), true, at(11)), Verdict::Restart { .. }));
        assert!(matches!(history.decide(&rules, crash(), true, at(12)), Verdict::Restart { .. }));
        assert_eq!(history.decide(&rules, crash(), true, at(13)), Verdict::End);
        assert_eq!(history.crashes().len(), 3);
    }

    #[test]
    fn policies() {
        let check = |policy, ending: Ending, once_started, restarts: bool| {
            let rules = Rules { policy, ..Rules::default() };
            let verdict = History::default().decide(&rules, ending, once_started, Instant::now);
            assert_eq!(verdict != Verdict::End, restarts, "{policy:?}");
        };
        check(RestartPolicy::Permanent, crash(), false, true);
        check(RestartPolicy::Permanent, Ending::OfItself, true, true);
        check(RestartPolicy::Permanent, Ending::Requested, true, false);
        check(RestartPolicy::Transient, crash(), true, true);
        check(RestartPolicy::Transient, crash(), false, false);
        check(RestartPolicy::Transient, Ending::OfItself, true, false);
        check(RestartPolicy::Temporary, crash(), true, false);
        check(RestartPolicy::Temporary, Ending::RestartAsked, true, true);
    }
}
