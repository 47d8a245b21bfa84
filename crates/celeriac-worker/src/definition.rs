//! What the worker must know of a task: its options and its body.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::BoxFuture;
use celeriac_core::platform::{RunResult, TaskInfo};

use crate::context::RunContext;

/// The body of an async task: takes a run, promises its result.
pub type AsyncBody = dyn Fn(RunContext) -> BoxFuture<'static, RunResult> + Send + Sync;

/// The body of a sync task: takes a run, gives its result.
pub type SyncBody = dyn Fn(RunContext) -> RunResult + Send + Sync;

/// What a task does.
#[derive(Clone)]
pub enum Body {
    /// Waits more than it computes.
    Async(Arc<AsyncBody>),
    /// Computes.
    Sync(Arc<SyncBody>),
}

/// How long a run may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeLimits {
    /// After this the run is asked to stop: its context is cancelled.
    pub soft: Option<Duration>,
    /// After this the run is ended: its future is dropped, or its thread
    /// abandoned and replaced.
    pub hard: Option<Duration>,
}

/// A task, ready to run.
#[derive(Clone)]
pub struct Definition {
    /// What the router must know of it.
    pub info: TaskInfo,
    /// How long a run may take, unless its message says otherwise.
    pub limits: TimeLimits,
    /// How many runs of it may be under way at once; the worker's own limit
    /// holds as well.
    pub concurrency: Option<usize>,
    /// The names of state types it needs, to be checked when a worker starts.
    pub needs: Vec<(std::any::TypeId, &'static str)>,
    /// What it takes and gives, as [`ExecutionPlatform::schemas`] says; null if
    /// that is not known.
    ///
    /// [`ExecutionPlatform::schemas`]: celeriac_core::platform::ExecutionPlatform::schemas
    pub schema: serde_json::Value,
    /// What it does.
    pub body: Body,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("info", &self.info)
            .field("limits", &self.limits)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
