//! The lifecycle of an actor: its states, its triggers, and the error of a
//! trigger that the current state does not allow.
//!
//! The transitions themselves are data, in [`table`]. Who fires them is the
//! business of the runner.

pub(crate) mod table;

use std::fmt;

use serde::{Serialize, Serializer};

/// Where an actor is in its life: the innermost active state of the chart.
///
/// Prints as the full path of the state, for example
/// `started.running.healthy`.
///
/// The order is chosen for the message path: the three running states come
/// first, so that "nothing to look at" is one comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Running, and all is well.
    Healthy = 0,
    /// Running, with a warning reported.
    Degraded = 1,
    /// Running, with a problem reported.
    Unhealthy = 2,
    /// Started, but neither messages nor tasks are worked on.
    Paused = 3,
    /// Created.
    Initializing = 4,
    /// Ready to start for the first time.
    Initialized = 5,
    /// The start has begun; dependencies are awaited.
    Starting = 6,
    /// Starting; every dependency is started.
    DependenciesStarted = 7,
    /// Starting; every resource is held.
    ResourcesAcquired = 8,
    /// Starting; the tasks run.
    TasksStarted = 9,
    /// The stop has begun; accepted messages are being worked off.
    Stopping = 10,
    /// Stopping; tasks, spawned futures and children have ended.
    TasksStopped = 11,
    /// Stopping; the resources are released.
    ResourcesReleased = 12,
    /// Stopping; the dependencies it owns have ended.
    DependenciesStopped = 13,
    /// All is released.
    Stopped = 14,
    /// An error escaped during start, stop or run.
    Crashed = 15,
}

impl State {
    /// Every state, by discriminant.
    pub const ALL: [State; 16] = [
        State::Healthy,
        State::Degraded,
        State::Unhealthy,
        State::Paused,
        State::Initializing,
        State::Initialized,
        State::Starting,
        State::DependenciesStarted,
        State::ResourcesAcquired,
        State::TasksStarted,
        State::Stopping,
        State::TasksStopped,
        State::ResourcesReleased,
        State::DependenciesStopped,
        State::Stopped,
        State::Crashed,
    ];

    pub(crate) fn from_byte(byte: u8) -> State {
        State::ALL.get(usize::from(byte)).copied().unwrap_or(State::Crashed)
    }

    /// The full path of the state in the chart, outermost first.
    pub const fn path(self) -> &'static str {
        match self {
            State::Healthy => "started.running.healthy",
            State::Degraded => "started.running.degraded",
            State::Unhealthy => "started.running.unhealthy",
            State::Paused => "started.paused",
            State::Initializing => "initializing",
            State::Initialized => "initialized",
            State::Starting => "starting",
            State::DependenciesStarted => "starting.dependencies_started",
            State::ResourcesAcquired => "starting.resources_acquired",
            State::TasksStarted => "starting.tasks_started",
            State::Stopping => "stopping",
            State::TasksStopped => "stopping.tasks_stopped",
            State::ResourcesReleased => "stopping.resources_released",
            State::DependenciesStopped => "stopping.dependencies_stopped",
            State::Stopped => "stopped",
            State::Crashed => "crashed",
        }
    }

    /// Whether messages are worked on: healthy, degraded or unhealthy.
    pub const fn is_running(self) -> bool {
        matches!(self, State::Healthy | State::Degraded | State::Unhealthy)
    }

    /// Whether the start is complete: running or paused.
    pub const fn is_started(self) -> bool {
        self.is_running() || matches!(self, State::Paused)
    }

    /// Whether the start is under way.
    pub const fn is_starting(self) -> bool {
        matches!(
            self,
            State::Starting
                | State::DependenciesStarted
                | State::ResourcesAcquired
                | State::TasksStarted
        )
    }

    /// Whether the stop is under way.
    pub const fn is_stopping(self) -> bool {
        matches!(
            self,
            State::Stopping
                | State::TasksStopped
                | State::ResourcesReleased
                | State::DependenciesStopped
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.path())
    }
}

/// What can happen to an actor's lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Trigger {
    /// The actor is created.
    Initialize,
    /// The start begins.
    Start,
    /// Every dependency is started.
    DependenciesStart,
    /// Every resource is held.
    ResourcesAcquire,
    /// The tasks run.
    TasksStart,
    /// The start is complete.
    Run,
    /// Halt messages and tasks.
    Pause,
    /// Go on after a pause.
    Resume,
    /// The stop begins.
    Stop,
    /// Tasks, spawned futures and children have ended.
    TasksStop,
    /// The resources are released.
    ResourcesRelease,
    /// The dependencies it owns have ended.
    DependenciesStop,
    /// The stop is complete.
    Finish,
    /// Something is not as it should be, work goes on.
    ReportWarning,
    /// Something is broken, work goes on.
    ReportProblem,
    /// What was reported is over.
    Recover,
    /// An error that ends this incarnation.
    ReportError,
    /// Stop, then start again with a fresh value.
    Restart,
}

impl Trigger {
    /// Every trigger, by discriminant.
    pub const ALL: [Trigger; 18] = [
        Trigger::Initialize,
        Trigger::Start,
        Trigger::DependenciesStart,
        Trigger::ResourcesAcquire,
        Trigger::TasksStart,
        Trigger::Run,
        Trigger::Pause,
        Trigger::Resume,
        Trigger::Stop,
        Trigger::TasksStop,
        Trigger::ResourcesRelease,
        Trigger::DependenciesStop,
        Trigger::Finish,
        Trigger::ReportWarning,
        Trigger::ReportProblem,
        Trigger::Recover,
        Trigger::ReportError,
        Trigger::Restart,
    ];

    /// The name of the trigger in the chart.
    pub const fn name(self) -> &'static str {
        match self {
            Trigger::Initialize => "initialize",
            Trigger::Start => "start",
            Trigger::DependenciesStart => "dependencies_start",
            Trigger::ResourcesAcquire => "resources_acquire",
            Trigger::TasksStart => "tasks_start",
            Trigger::Run => "run",
            Trigger::Pause => "pause",
            Trigger::Resume => "resume",
            Trigger::Stop => "stop",
            Trigger::TasksStop => "tasks_stop",
            Trigger::ResourcesRelease => "resources_release",
            Trigger::DependenciesStop => "dependencies_stop",
            Trigger::Finish => "finish",
            Trigger::ReportWarning => "report_warning",
            Trigger::ReportProblem => "report_problem",
            Trigger::Recover => "recover",
            Trigger::ReportError => "report_error",
            Trigger::Restart => "restart",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A trigger that the current state does not allow; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{trigger} while {state}")]
pub struct Refused {
    /// What was asked for.
    pub trigger: Trigger,
    /// The state that refused it.
    pub state: State,
}

/// The state that `trigger` leads to from `state`.
///
/// # Errors
///
/// [`Refused`] names both when the chart has no such transition.
pub fn next(state: State, trigger: Trigger) -> Result<State, Refused> {
    table::lookup(state, trigger).ok_or(Refused { trigger, state })
}
