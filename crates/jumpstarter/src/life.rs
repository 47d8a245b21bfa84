//! The lifecycle of an actor and the regions beside it, as a chart. Who fires
//! its triggers is the business of the runner.

use crate::statechart;

statechart! {
    /// Where an actor is in its life.
    ///
    /// Its states are [`State`](lifecycle::State), its triggers
    /// [`Trigger`](lifecycle::Trigger); [`lifecycle`] names states by path, as in
    /// `lifecycle::started::running::degraded`. An actor can refine its leaves
    /// with a chart that `extends Lifecycle`.
    pub Lifecycle {
        /// Created; its value is being made.
        initializing
        /// Ready to start for the first time.
        >> initialized
        /// The start has begun; dependencies are awaited.
        >> starting {
            /// Starting; every dependency is started.
            dependencies_started
            /// Starting; every resource is held.
            >> resources_acquired
            /// Starting; the tasks run.
            >> tasks_started
        }
        /// The start is complete.
        >> started {
            /// Messages and tasks are worked on.
            initial running {
                /// Running, and all is well.
                initial healthy,
                /// Running, with a warning reported.
                degraded,
                /// Running, with a problem reported.
                unhealthy
            },
            /// Started, but neither messages nor tasks are worked on.
            paused
        }
        /// The stop has begun; accepted messages are being worked off.
        >> stopping {
            /// Stopping; tasks, spawned futures and children have ended.
            tasks_stopped
            /// Stopping; the resources are released.
            >> resources_released
            /// Stopping; the dependencies it owns have ended.
            >> dependencies_stopped
        }
        /// All is released.
        >> stopped;
        /// An error escaped during start, stop or run.
        crashed;

        /// The value of the actor is made.
        on initialize: initializing => initialized;
        /// The start begins.
        on start: initializing, initialized, stopped, crashed => starting;
        /// Every dependency is started.
        on dependencies_start: starting.self => starting.dependencies_started;
        /// Every resource is held.
        on resources_acquire: starting.dependencies_started => starting.resources_acquired;
        /// The tasks run.
        on tasks_start: starting.resources_acquired => starting.tasks_started;
        /// The start is complete.
        on run: starting.tasks_started => started;
        /// Halt messages and tasks.
        on pause: started.running => started.paused;
        /// Go on after a pause.
        on resume: started.paused => started.running;
        /// The stop begins. Before the start is complete it gives the start up,
        /// and what was acquired so far is released.
        on stop: initializing, initialized, starting, started, crashed => stopping;
        /// Tasks, spawned futures and children have ended.
        on tasks_stop: stopping.self => stopping.tasks_stopped;
        /// The resources are released.
        on resources_release: stopping.tasks_stopped => stopping.resources_released;
        /// The dependencies it owns have ended.
        on dependencies_stop: stopping.resources_released => stopping.dependencies_stopped;
        /// The stop is complete.
        on finish: stopping.dependencies_stopped => stopped;
        /// Something is not as it should be, work goes on.
        on report_warning: started.running.{healthy, unhealthy} => started.running.degraded;
        /// Something is broken, work goes on.
        on report_problem: started.running.{healthy, degraded} => started.running.unhealthy;
        /// What was reported is over.
        on recover: started.running.{degraded, unhealthy} => started.running.healthy;
        /// An error that ends this incarnation.
        on report_error: * => crashed;
        /// Stop, then start again with a fresh value.
        on restart: started => stopping;
        on restart: crashed => starting;

        /// Whether the actor is being restarted, or ever was.
        region restart {
            /// Never restarted.
            ignore
            >> restarting {
                /// A restart is under way; the old incarnation is wound down.
                initial stopping
                /// A restart is under way; the new incarnation starts.
                >> starting
            }
            /// Restarted at least once.
            >> restarted;
            /// A restart begins, also one after a restart that failed.
            on restart: ignore, restarted, restarting.starting => restarting;
            /// The old incarnation has ended.
            on stop: restarting.stopping => restarting.starting;
            /// The new incarnation is started.
            on start: restarting.starting => restarted;
            /// The actor ends instead.
            on give_up: restarting => ignore;
        }

        /// The region of one task.
        region many task {
            /// Not begun.
            initialized
            /// Its turns are taken.
            >> running
            /// It said that it is done.
            >> succeeded;
            /// It failed for good.
            failed {
                /// It panicked.
                crashed
            };
            /// A turn failed; the next one is awaited.
            retrying;
            /// Its turns begin.
            on start: initialized => running;
            /// A turn did its work.
            on go_on: retrying => running;
            /// It said that it is done.
            on succeed: running, retrying => succeeded;
            /// The policy allows no more retries.
            on fail: running, retrying => failed;
            /// It panicked, and the policy allows no more retries.
            on crash: running, retrying => failed.crashed;
            /// A turn failed, and is tried again.
            on retry: running, retrying => retrying;
        }
    }
}

use lifecycle::State;

impl State {
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
