//! What a task is: its kind, its retries, and what a turn of it says.
//!
//! Tasks on the actor are run by [`crate::turns`], concurrent ones by
//! [`crate::concurrent`].

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::actor::Actor;
use crate::address::Address;
use crate::cell::Cell;
use crate::chart::Refused;
use crate::error::{BoxError, Cause, Crash};
use crate::hooks::{self, Firing};
use crate::lifecycle::task::State as TaskState;
use crate::pace::{Outcome, Pace, Turn};
use crate::spawner::Spawner;
use crate::system::System;

/// What a turn of a task says about the next one.
#[derive(Debug)]
pub enum Flow {
    /// Another turn: at once, or after the period.
    Continue,
    /// The task is done; no more turns in this incarnation.
    Success,
    /// The turn failed. It is retried as often as `#[task(retries = …)]` says
    /// (default: never), then the actor crashes with this error.
    Failure(BoxError),
    /// The turn could not do its work now. Tried again after this time; counted
    /// against `retries` only if that was given.
    Retry {
        /// How long to wait.
        after: Duration,
    },
}

impl Flow {
    /// A failure from any error.
    pub fn failure(error: impl Into<BoxError>) -> Self {
        Flow::Failure(error.into())
    }
}

/// What a task may return.
#[diagnostic::on_unimplemented(
    message = "a task returns `Flow`, `()`, or a `Result` of these, not `{Self}`"
)]
pub trait IntoFlow {
    /// What it says about the next turn.
    fn into_flow(self) -> Flow;
}

impl IntoFlow for Flow {
    fn into_flow(self) -> Flow {
        self
    }
}

impl IntoFlow for () {
    fn into_flow(self) -> Flow {
        Flow::Continue
    }
}

impl<T: IntoFlow, E: Into<BoxError>> IntoFlow for Result<T, E> {
    fn into_flow(self) -> Flow {
        match self {
            Ok(flow) => flow.into_flow(),
            Err(error) => Flow::Failure(error.into()),
        }
    }
}

/// Where a task runs, and when.
#[derive(Clone, Copy, Debug)]
pub struct TaskSpec {
    /// The name of its function.
    pub name: &'static str,
    /// Whether it runs beside the messages.
    pub concurrent: bool,
    /// Whether its turns block, and run on the system's bounded pool.
    pub blocking: bool,
    /// Makes its kind, once for each incarnation.
    pub pace: fn() -> Box<dyn Pace>,
    /// The most that is added at random to the time of each turn; it does not
    /// add up.
    pub jitter: Duration,
    /// How many turns in a row may fail; see [`Flow`].
    pub retries: Option<u32>,
    /// The wait before the first retry; doubled each time.
    pub backoff: Duration,
    /// The longest wait before a retry, without jitter.
    pub backoff_max: Duration,
}

/// What to do after a turn.
pub(crate) enum Next {
    /// Another one; at once if the time has passed.
    Turn {
        at: Instant,
        state: TaskState,
    },
    Done,
    GiveUp(BoxError),
}

/// When the turns of one task come, in one incarnation: its kind, and its
/// retries.
pub(crate) struct Rhythm {
    spec: &'static TaskSpec,
    pace: Box<dyn Pace>,
    /// When the turn is due that comes, or is tried again.
    due: Instant,
    /// Failures in a row.
    failures: u32,
}

impl Rhythm {
    /// With the time of the first turn, if there is any. `jitter` is below 1.
    pub(crate) fn begin(
        spec: &'static TaskSpec,
        now: Instant,
        jitter: f64,
    ) -> Option<(Self, Instant)> {
        let mut pace = (spec.pace)();
        let due = pace.first(now)?;
        let rhythm = Rhythm { spec, pace, due, failures: 0 };
        Some((rhythm, due + spec.jitter.mul_f64(jitter)))
    }

    /// Decides about the next turn.
    pub(crate) fn after(&mut self, began: Instant, now: Instant, flow: Flow, jitter: f64) -> Next {
        let spec = self.spec;
        let (after, error) = match flow {
            Flow::Continue => {
                self.failures = 0;
                let last = self.turn(began, now, Outcome::Continued);
                let Some(due) = self.pace.next(&last, now) else {
                    return Next::Done;
                };
                self.due = due;
                return Next::Turn {
                    at: due + spec.jitter.mul_f64(jitter),
                    state: TaskState::Running,
                };
            }
            Flow::Success => return Next::Done,
            Flow::Retry { after } => (Some(after), None),
            Flow::Failure(error) => (None, Some(error)),
        };
        self.failures = self.failures.saturating_add(1);
        let limit = match &error {
            None => spec.retries.unwrap_or(u32::MAX),
            Some(_) => spec.retries.unwrap_or(0),
        };
        if self.failures > limit {
            let used_up = || format!("task {}: retries used up", spec.name).into();
            return Next::GiveUp(error.unwrap_or_else(used_up));
        }
        let last = self.turn(began, now, Outcome::Failed { in_a_row: self.failures });
        // Who names a time gets it.
        let wait =
            after.unwrap_or_else(|| self.backoff().saturating_add(spec.jitter.mul_f64(jitter)));
        match self.pace.retry(&last, wait, now) {
            Some(at) => Next::Turn { at, state: TaskState::Retrying },
            None => Next::Done,
        }
    }

    fn backoff(&self) -> Duration {
        let factor = 2_u32.saturating_pow(self.failures.saturating_sub(1));
        self.spec.backoff.saturating_mul(factor).min(self.spec.backoff_max)
    }

    fn turn(&self, began: Instant, ended: Instant, outcome: Outcome) -> Turn {
        Turn { due: self.due, began, ended, outcome }
    }
}

/// What a concurrent or blocking task gets in each turn.
pub struct TaskContext<A: Actor> {
    pub(crate) cell: Arc<Cell<A>>,
    pub(crate) spawner: Spawner,
    /// Ends one turn, if that is asked to end before the actor's scope is.
    pub(crate) turn: Option<CancellationToken>,
}

impl<A: Actor> TaskContext<A> {
    /// The actor's address.
    pub fn address(&self) -> Address<A> {
        Address::new(Arc::clone(&self.cell))
    }

    /// The system the actor lives in.
    pub fn system(&self) -> &System {
        &self.cell.core.system
    }

    /// Cancelled when the actor stops or crashes. A concurrent turn is dropped
    /// then, and need not watch this; a blocking one has to look at it.
    pub fn scope(&self) -> CancellationToken {
        self.turn.clone().unwrap_or_else(|| self.spawner.scope())
    }

    /// Whether a blocking turn should come to its end: the actor stops. Those
    /// that have not ended after the actor's
    /// [grace](crate::Options::grace) are
    /// [counted](System::abandoned_turns) and left alone.
    pub fn is_cancelled(&self) -> bool {
        match &self.turn {
            Some(turn) => turn.is_cancelled(),
            None => self.spawner.scope().is_cancelled(),
        }
    }

    /// Spawns futures that belong to the actor.
    pub fn spawner(&self) -> &Spawner {
        &self.spawner
    }

    /// As [`Context::report_warning`](crate::Context::report_warning).
    ///
    /// # Errors
    ///
    /// Refused unless the actor is healthy or unhealthy.
    pub fn report_warning(&self) -> Result<(), Refused> {
        hooks::report(&self.cell.core, Firing::WARNING, None)
    }

    /// As [`Context::report_problem`](crate::Context::report_problem).
    ///
    /// # Errors
    ///
    /// Refused unless the actor is healthy or degraded.
    pub fn report_problem(&self) -> Result<(), Refused> {
        hooks::report(&self.cell.core, Firing::PROBLEM, None)
    }

    /// As [`Context::recover`](crate::Context::recover).
    ///
    /// # Errors
    ///
    /// Refused unless the actor is degraded or unhealthy.
    pub fn recover(&self) -> Result<(), Refused> {
        hooks::report(&self.cell.core, Firing::RECOVER, None)
    }

    /// Crashes the actor.
    pub fn report_error(&self, error: impl Into<BoxError>) {
        self.cell.core.crash(Crash::new(Cause::Error, error));
    }
}

impl<A: Actor> Clone for TaskContext<A> {
    fn clone(&self) -> Self {
        let turn = self.turn.clone();
        TaskContext { cell: Arc::clone(&self.cell), spawner: self.spawner.clone(), turn }
    }
}
