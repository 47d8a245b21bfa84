//! Steps of the lifecycle that are mostly passed in a row.

use crate::lifecycle::{State, Trigger, next};

/// Triggers that are fired one after the other, and the state to which they lead from
/// the one in which they mostly are: found by the compiler, so that passing it is one
/// change of the state word while nobody hears of the states between.
pub(crate) struct Route {
    triggers: &'static [Trigger],
    from: State,
    to: State,
}

impl Route {
    /// Does not compile if the chart refuses one of them.
    pub(crate) const fn new(from: State, triggers: &'static [Trigger]) -> Self {
        let mut to = from;
        let mut step = 0;
        while step < triggers.len() {
            let Ok(state) = next(to, triggers[step]) else { break };
            to = state;
            step += 1;
        }
        assert!(step == triggers.len(), "the chart refuses a trigger of the route");
        Route { triggers, from, to }
    }

    pub(crate) const fn triggers(&self) -> &'static [Trigger] {
        self.triggers
    }

    /// Where it mostly begins; its triggers are fired in any state.
    pub(crate) const fn from(&self) -> State {
        self.from
    }

    /// Where it leads from there.
    pub(crate) const fn to(&self) -> State {
        self.to
    }
}

/// The whole start, for an actor that waits for nothing.
pub(crate) const START_AND_RUN: &Route = &Route::new(
    State::Initializing,
    &[
        Trigger::Initialize,
        Trigger::Start,
        Trigger::DependenciesStart,
        Trigger::ResourcesAcquire,
        Trigger::TasksStart,
        Trigger::Run,
    ],
);
/// As [`START_AND_RUN`], after a stop.
pub(crate) const START_AND_RUN_ANEW: &Route = &Route::new(
    State::Stopped,
    &[
        Trigger::Start,
        Trigger::DependenciesStart,
        Trigger::ResourcesAcquire,
        Trigger::TasksStart,
        Trigger::Run,
    ],
);
/// As [`START_AND_RUN`], after a crash.
pub(crate) const START_AND_RUN_AGAIN: &Route = &Route::new(
    State::Crashed,
    &[
        Trigger::Restart,
        Trigger::DependenciesStart,
        Trigger::ResourcesAcquire,
        Trigger::TasksStart,
        Trigger::Run,
    ],
);

/// All but the last step of it, for one that says hello.
pub(crate) const START: &Route = &Route::new(
    State::Initializing,
    &[
        Trigger::Initialize,
        Trigger::Start,
        Trigger::DependenciesStart,
        Trigger::ResourcesAcquire,
        Trigger::TasksStart,
    ],
);
/// As [`START`], after a stop.
pub(crate) const START_ANEW: &Route = &Route::new(
    State::Stopped,
    &[Trigger::Start, Trigger::DependenciesStart, Trigger::ResourcesAcquire, Trigger::TasksStart],
);
/// As [`START`], after a crash.
pub(crate) const START_AGAIN: &Route = &Route::new(
    State::Crashed,
    &[Trigger::Restart, Trigger::DependenciesStart, Trigger::ResourcesAcquire, Trigger::TasksStart],
);

/// The begin of a start that waits for something.
pub(crate) const BEGIN: &Route =
    &Route::new(State::Initializing, &[Trigger::Initialize, Trigger::Start]);
/// As [`BEGIN`], after a stop.
pub(crate) const BEGIN_ANEW: &Route = &Route::new(State::Stopped, &[Trigger::Start]);
/// As [`BEGIN`], after a crash.
pub(crate) const BEGIN_AGAIN: &Route = &Route::new(State::Crashed, &[Trigger::Restart]);

/// The dependencies are started.
pub(crate) const DEPENDENCIES: &Route = &Route::new(State::Starting, &[Trigger::DependenciesStart]);
/// The resources are held.
pub(crate) const RESOURCES: &Route =
    &Route::new(State::DependenciesStarted, &[Trigger::ResourcesAcquire]);
/// There are neither dependencies nor resources.
pub(crate) const NO_NEEDS: &Route =
    &Route::new(State::Starting, &[Trigger::DependenciesStart, Trigger::ResourcesAcquire]);
/// The tasks run.
pub(crate) const TASKS: &Route = &Route::new(State::ResourcesAcquired, &[Trigger::TasksStart]);
/// The start is complete.
pub(crate) const RUN: &Route = &Route::new(State::TasksStarted, &[Trigger::Run]);

/// The stop begins.
pub(crate) const STOP: &Route = &Route::new(State::Healthy, &[Trigger::Stop]);
/// The stop begins, with a start after it.
pub(crate) const STOP_TO_START: &Route = &Route::new(State::Healthy, &[Trigger::Restart]);
/// The tasks, spawned futures and children have ended.
pub(crate) const TASKS_STOPPED: &Route = &Route::new(State::Stopping, &[Trigger::TasksStop]);
/// The resources are released.
pub(crate) const RELEASED: &Route = &Route::new(State::TasksStopped, &[Trigger::ResourcesRelease]);
/// The dependencies it owns have ended, and that is all.
pub(crate) const DONE: &Route =
    &Route::new(State::ResourcesReleased, &[Trigger::DependenciesStop, Trigger::Finish]);
/// The whole stop, for an actor that has nothing to work off and nothing to release.
pub(crate) const STOP_AT_ONCE: &Route = &Route::new(
    State::Healthy,
    &[
        Trigger::Stop,
        Trigger::TasksStop,
        Trigger::ResourcesRelease,
        Trigger::DependenciesStop,
        Trigger::Finish,
    ],
);
/// All that follows the begin of the stop, for an actor that has nothing to release.
pub(crate) const REST: &Route = &Route::new(
    State::Stopping,
    &[Trigger::TasksStop, Trigger::ResourcesRelease, Trigger::DependenciesStop, Trigger::Finish],
);
