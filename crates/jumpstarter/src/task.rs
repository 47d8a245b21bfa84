//! What a task is: its kind, its retries, and what a turn of it says.
//!
//! Tasks on the actor are run by [`crate::turns`], concurrent ones by
//! [`crate::concurrent`].

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::actor::Actor;
use crate::address::Address;
use crate::cell::Cell;
use crate::chart::Refused;
use crate::error::{BoxError, Cause, Crash};
use crate::lifecycle::Trigger;
use crate::lifecycle::task::State as TaskState;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskSpec {
    /// The name of its function.
    pub name: &'static str,
    /// Whether it runs as a tokio task of its own, beside the messages.
    pub concurrent: bool,
    /// The time between the starts of two turns; `None`: continuous.
    pub every: Option<Duration>,
    /// The most that is added to the period at random.
    pub jitter: Duration,
    /// How many turns in a row may fail; see [`Flow`].
    pub retries: Option<u32>,
    /// The wait before the first retry; doubled each time.
    pub backoff: Duration,
}

/// What to do after a turn.
pub(crate) enum Next {
    Turn { after: Duration, state: TaskState },
    Done,
    GiveUp(BoxError),
}

/// The longest wait between retries.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Decides about the next turn; `failures` counts those in a row.
pub(crate) fn next_turn(spec: &TaskSpec, failures: &mut u32, flow: Flow, jitter: f64) -> Next {
    let error = match flow {
        Flow::Continue => {
            *failures = 0;
            let period = spec.every.unwrap_or_default();
            let after = period + spec.jitter.mul_f64(jitter);
            return Next::Turn { after, state: TaskState::Running };
        }
        Flow::Success => return Next::Done,
        Flow::Retry { after } => {
            *failures += 1;
            if spec.retries.is_none_or(|limit| *failures <= limit) {
                return Next::Turn { after, state: TaskState::Retrying };
            }
            return Next::GiveUp(format!("task {}: retries used up", spec.name).into());
        }
        Flow::Failure(error) => error,
    };
    *failures += 1;
    if *failures > spec.retries.unwrap_or(0) {
        return Next::GiveUp(error);
    }
    let factor = 2_u32.saturating_pow(*failures - 1);
    let after = spec.backoff.saturating_mul(factor).min(MAX_BACKOFF);
    Next::Turn { after: after + spec.jitter.mul_f64(jitter), state: TaskState::Retrying }
}

/// What a concurrent task gets in each turn.
pub struct TaskContext<A: Actor> {
    pub(crate) cell: Arc<Cell<A>>,
    pub(crate) spawner: Spawner,
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

    /// Cancelled when the actor stops or crashes. The turn itself is dropped
    /// then; it need not watch this.
    pub fn scope(&self) -> CancellationToken {
        self.spawner.scope()
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
        self.cell.core.apply(Trigger::ReportWarning).map(drop)
    }

    /// As [`Context::report_problem`](crate::Context::report_problem).
    ///
    /// # Errors
    ///
    /// Refused unless the actor is healthy or degraded.
    pub fn report_problem(&self) -> Result<(), Refused> {
        self.cell.core.apply(Trigger::ReportProblem).map(drop)
    }

    /// As [`Context::recover`](crate::Context::recover).
    ///
    /// # Errors
    ///
    /// Refused unless the actor is degraded or unhealthy.
    pub fn recover(&self) -> Result<(), Refused> {
        self.cell.core.apply(Trigger::Recover).map(drop)
    }

    /// Crashes the actor.
    pub fn report_error(&self, error: impl Into<BoxError>) {
        self.cell.core.crash(Crash::new(Cause::Error, error));
    }
}

impl<A: Actor> Clone for TaskContext<A> {
    fn clone(&self) -> Self {
        TaskContext { cell: Arc::clone(&self.cell), spawner: self.spawner.clone() }
    }
}
