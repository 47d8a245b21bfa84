//! When the turns of a task are due: the trait, and the two kinds that are built
//! in. Failures and retries are the business of [`crate::task`].

use std::time::Duration;

use tokio::time::Instant;

/// The kind of a task: when its next turn is due. `#[task(kind = expression)]`
/// gives a task one of its own; each incarnation of the actor makes it anew.
///
/// Jitter and retries are added by the task's other options. Decide by what is
/// given only: times are those of the runtime's clock, which tests may pause.
///
/// ```
/// use jumpstarter::{Flow, Options, Pace, System, Turn, actor};
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// /// Waits twice as long before each turn.
/// struct Slowing(Duration);
///
/// impl Pace for Slowing {
///     fn next(&mut self, last: &Turn, _now: Instant) -> Option<Instant> {
///         self.0 *= 2;
///         Some(last.ended + self.0)
///     }
/// }
///
/// struct Poller(u32);
///
/// #[actor]
/// impl Poller {
///     #[task(kind = Slowing(Duration::from_millis(1)))]
///     fn poll(&mut self) -> Flow {
///         self.0 += 1;
///         if self.0 < 3 { Flow::Continue } else { Flow::failure("polled") }
///     }
/// }
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// # let options = Options::default().intensity(0, Duration::ZERO);
/// # let begun = Instant::now();
/// # System::new("example").spawn("poller", options, || Poller(0)).stopped().await;
/// # assert_eq!(begun.elapsed(), Duration::from_millis(2 + 4));
/// # });
/// ```
pub trait Pace: Send + 'static {
    /// When the first turn is due, in an actor that starts now. `None`: never.
    /// Default: at once.
    fn first(&mut self, now: Instant) -> Option<Instant> {
        Some(now)
    }

    /// When the next turn is due after one that said
    /// [`Flow::Continue`](crate::Flow::Continue); a time that has passed means at
    /// once. `None`: the task has succeeded.
    fn next(&mut self, last: &Turn, now: Instant) -> Option<Instant>;

    /// When a turn is tried again that has not done its work; `after` is what
    /// the task's retry policy says. Default: so long after its end. `None`: the
    /// task has succeeded all the same.
    fn retry(&mut self, last: &Turn, after: Duration, _now: Instant) -> Option<Instant> {
        Some(last.ended + after)
    }
}

/// A turn that was taken.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Turn {
    /// When it was due, without jitter; of a retry, when the first attempt was.
    pub due: Instant,
    /// When it began.
    pub began: Instant,
    /// When it ended.
    pub ended: Instant,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a turn ended that is followed by another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It said that the task goes on.
    Continued,
    /// It failed, or asked to be tried again; so many in a row by now.
    Failed {
        /// Turns in a row, with this one.
        in_a_row: u32,
    },
}

/// One turn after the other; what `#[task]` is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Continuous;

impl Pace for Continuous {
    fn next(&mut self, last: &Turn, _now: Instant) -> Option<Instant> {
        Some(last.ended)
    }
}

/// A turn in every period; what `#[task(every = "30s")]` is. The first is due
/// after the first period.
#[derive(Clone, Copy, Debug)]
pub struct Periodic {
    every: Duration,
    missed: Missed,
}

/// What a periodic task does about turns that were due while another one was
/// taken, or while the actor was busy or paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are left out; the rhythm stays.
    #[default]
    Skip,
    /// They are left out; the rhythm begins anew with the end of the late one.
    Delay,
    /// They are taken, one right after the other, until the rhythm is caught up
    /// with.
    CatchUp,
}

impl Periodic {
    /// `every` is at least a nanosecond. Turns that are missed are skipped.
    pub fn new(every: Duration) -> Self {
        Periodic { every: every.max(Duration::from_nanos(1)), missed: Missed::Skip }
    }

    /// What happens to turns that are missed.
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }
}

impl Pace for Periodic {
    fn first(&mut self, now: Instant) -> Option<Instant> {
        Some(now + self.every)
    }

    fn next(&mut self, last: &Turn, now: Instant) -> Option<Instant> {
        let due = last.due + self.every;
        let late = now.saturating_duration_since(due);
        if due > now {
            return Some(due);
        }
        Some(match self.missed {
            Missed::CatchUp => due,
            Missed::Delay => now + self.every,
            Missed::Skip => {
                let into_period = late.as_nanos() % self.every.as_nanos();
                let rest = self.every.as_nanos() - into_period;
                now + Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_turns() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let check = |missed, ended, next| {
            let mut pace = Periodic::new(Duration::from_secs(10)).missed(missed);
            let last =
                Turn { due: at(10), began: at(11), ended: at(ended), outcome: Outcome::Continued };
            assert_eq!(pace.next(&last, at(ended)), Some(at(next)), "{missed:?} {ended}");
        };
        for missed in [Missed::Skip, Missed::Delay, Missed::CatchUp] {
            check(missed, 12, 20);
        }
        check(Missed::Skip, 47, 50);
        check(Missed::Skip, 50, 60);
        check(Missed::Delay, 47, 57);
        check(Missed::CatchUp, 47, 20);
    }
}
