//! Execution platforms: what runs commands and reports outcomes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::outcome::{Failure, Mark};
use crate::workflow::Canvas;
use crate::{BoxFuture, ContentType, Message, Name, QueueName, RetryPolicy};

/// How a task uses the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// Waits more than it computes; many at once on the async runtime.
    Async,
    /// Computes; one per thread of a bounded pool.
    Sync,
}

/// What the router must know of a registered task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// Its name on the wire.
    pub name: Name,
    /// How it uses the machine.
    pub kind: TaskKind,
    /// The queue its commands wait in, unless a call says otherwise.
    pub queue: QueueName,
    /// How a failure is tried again, unless a call says otherwise.
    pub retry: RetryPolicy,
    /// How long its outcomes are kept.
    pub result_ttl: Duration,
    /// Whether outcomes are kept at all.
    pub ignore_result: bool,
    /// Where the values of its successes go, beside the store, unless a call
    /// says otherwise.
    pub sinks: Vec<String>,
}

/// A run's place in the router's table of what is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunKey(pub u64);

/// One command to run now.
#[derive(Clone, Debug)]
pub struct Run {
    /// Names the run when it is finished.
    pub key: RunKey,
    /// The command.
    pub message: Arc<Message>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum RunResult {
    /// It returned a value.
    Success {
        /// How the value is to be read.
        content_type: ContentType,
        /// The value.
        value: Bytes,
    },
    /// It put a canvas in its own place: what that comes to is its result.
    Replaced {
        /// The canvas.
        canvas: Box<Canvas>,
    },
    /// It failed, and another attempt may help.
    Failed {
        /// Why.
        failure: Failure,
        /// The delay that the task itself asked for.
        retry_after: Option<Duration>,
    },
    /// It failed, and no other attempt can help.
    Final {
        /// Why.
        failure: Failure,
    },
    /// Its arguments can't be read.
    Undecodable {
        /// Why.
        failure: Failure,
    },
    /// It failed in a section that it marked as poisonous: never again.
    Poisonous {
        /// Why.
        failure: Failure,
    },
    /// It was cancelled because it was revoked.
    Revoked,
    /// It asked that no outcome be kept.
    Ignored,
    /// It was not run, or not to its end, and goes back to its broker.
    Released,
}

/// A run that ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Which one.
    pub key: RunKey,
    /// How.
    pub result: RunResult,
}

/// What a platform is doing, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformStats {
    /// Runs under way that did not end at once.
    pub running: u64,
    /// Runs that wait for their task's budget or for a thread.
    pub waiting: u64,
    /// Threads that were given up because a sync task overran its time limit,
    /// and that have not come back.
    pub abandoned_threads: u64,
    /// Panics that were caught.
    pub panics: u64,
}

/// Where a platform reports to: the router.
pub trait Outcomes: Send + Sync + 'static {
    /// Takes runs that ended. Each run is reported once. Never waits: the
    /// credit that the router gave bounds what can come.
    fn finished(&self, batch: Vec<Finished>);

    /// Takes news of runs that go on (started, progress); may be dropped.
    fn marked(&self, batch: Vec<Mark>);

    /// What ran this task crashed: its runs under way end unreported.
    fn lost(&self, task: Name);
}

/// Runs commands and reports outcomes; the default one is the worker.
pub trait ExecutionPlatform: Send + Sync + 'static {
    /// The tasks it can run.
    fn tasks(&self) -> Arc<[TaskInfo]>;

    /// What they take and give, as far as it is known: for each an object with
    /// `name`, `parameters` (`name`, `schema`) and `output`, of JSON schemas.
    fn schemas(&self) -> Vec<serde_json::Value> {
        Vec::new()
    }

    /// How many runs it can have under way at once.
    fn concurrency(&self) -> usize;

    /// What it is doing.
    fn stats(&self) -> PlatformStats;

    /// Where to report; called once, before the first dispatch.
    fn connect(&self, outcomes: Arc<dyn Outcomes>);

    /// Starts runs, or queues them. Never waits and never refuses: the router
    /// dispatches only tasks that [`Self::tasks`] names, within its credit.
    /// Each run is reported to [`Outcomes::finished`] exactly once, also when
    /// the platform stops ([`RunResult::Released`]), unless a part of the
    /// platform crashes ([`Outcomes::lost`]).
    fn dispatch(&self, batch: Vec<Run>);

    /// Ends a run as [`RunResult::Revoked`] as soon as it can; a run that
    /// ended meanwhile is left as it is.
    fn cancel(&self, keys: Vec<RunKey>);

    /// Lets running tasks go on for `grace`, then cancels them; what did not
    /// end is reported as [`RunResult::Released`]. Resolves when nothing runs.
    fn drain(&self, grace: Duration) -> BoxFuture<'_, ()>;
}
