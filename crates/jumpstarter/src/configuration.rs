//! Where an actor stands: its lifecycle down to a sub-state of its own chart, and
//! the whole configuration with the regions and dependencies.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::cell::AnyCell;
use crate::chart::Refinement;
use crate::lifecycle::State;
use crate::lifecycle::restart::State as RestartRegion;
use crate::lifecycle::task::State as TaskState;

/// The innermost active state of an actor: that of the lifecycle, and inside of it
/// a sub-state if the actor's chart refines it.
///
/// Prints and serializes as the full path, for example `started.running.healthy`.
/// Compares with a [`State`], too.
#[derive(Clone, Copy)]
pub struct ActiveState {
    state: State,
    sub: Option<&'static str>,
}

impl ActiveState {
    /// `sub` is the number of the sub-state, counted from 1; 0 is none.
    pub(crate) fn new(state: State, sub: u8, refinement: Option<&Refinement>) -> Self {
        let position = usize::from(sub).checked_sub(1);
        let path = |position| refinement.and_then(|it: &Refinement| it.paths.get(position));
        ActiveState { state, sub: position.and_then(path).copied() }
    }

    /// The state of the lifecycle.
    pub const fn state(self) -> State {
        self.state
    }

    /// The full path, outermost first.
    pub fn path(self) -> &'static str {
        self.sub.unwrap_or(self.state.path())
    }

    /// Whether the state with this path is active, as in
    /// `is_in("started.running")`: this one, or one around it.
    pub fn is_in(self, path: &str) -> bool {
        let rest = self.path().strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl PartialEq for ActiveState {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state && self.sub == other.sub
    }
}

impl Eq for ActiveState {}

impl PartialEq<State> for ActiveState {
    fn eq(&self, other: &State) -> bool {
        self.state == *other
    }
}

impl fmt::Debug for ActiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

impl fmt::Display for ActiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.path())
    }
}

impl Serialize for ActiveState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.path())
    }
}

/// The configuration of an actor at one moment: every region that is active.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # use jumpstarter::{Context, Options, State, System, actor};
/// # struct Clerk;
/// # struct Notice;
/// # #[actor]
/// # impl Clerk {
/// #     #[handler]
/// #     fn notice(&mut self, _m: Notice, ctx: &mut Context<Self>) {
/// #         ctx.report_warning().unwrap();
/// #     }
/// #     #[task(every = "30s")]
/// #     fn audit(&mut self) {}
/// # }
/// # let system = System::new("example");
/// let clerk = system.spawn("clerk", Options::default(), || Clerk);
/// clerk.ask(Notice).await.unwrap();
/// let configuration = clerk.state();
/// assert!(configuration.is_running());
/// assert_eq!(configuration.lifecycle, State::Degraded);
/// assert_eq!(configuration.to_string(), "started.running.degraded; task audit: running");
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Configuration {
    /// The lifecycle, down to a sub-state of the actor's own chart.
    pub lifecycle: ActiveState,
    /// The restart region.
    pub restart: RestartRegion,
    /// The region of each task, in the order of declaration.
    pub tasks: Vec<(&'static str, TaskState)>,
    /// The paths of its dependencies, and where they stand.
    pub dependencies: Vec<(String, ActiveState)>,
}

impl Configuration {
    pub(crate) fn of(cell: &dyn AnyCell) -> Self {
        let core = cell.core();
        let mut configuration = Configuration {
            lifecycle: core.active(),
            restart: RestartRegion::Ignore,
            tasks: Vec::new(),
            dependencies: Vec::new(),
        };
        let dependencies = core.peek_cold(|cold| {
            configuration.restart = cold.restart;
            configuration.tasks.clone_from(&cold.task_states);
            cold.dependencies.clone()
        });
        // Outside of the lock, as these have locks of their own.
        for dependency in dependencies.unwrap_or_default() {
            let core = dependency.core();
            configuration.dependencies.push((core.path.to_string(), core.active()));
        }
        configuration
    }

    /// Whether messages are worked on.
    pub fn is_running(&self) -> bool {
        self.lifecycle.state.is_running()
    }

    /// Whether the start is complete: running or paused.
    pub fn is_started(&self) -> bool {
        self.lifecycle.state.is_started()
    }

    /// Whether a restart is under way.
    pub fn is_restarting(&self) -> bool {
        matches!(self.restart, RestartRegion::Stopping | RestartRegion::Starting)
    }

    /// Whether the state with this path is active, as in
    /// `is_in("started.running")`.
    pub fn is_in(&self, path: &str) -> bool {
        self.lifecycle.is_in(path)
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.lifecycle)?;
        if self.restart != RestartRegion::Ignore {
            write!(f, "; restart: {}", self.restart)?;
        }
        for (name, state) in &self.tasks {
            write!(f, "; task {name}: {state}")?;
        }
        for (path, state) in &self.dependencies {
            write!(f, "; depends on {path}: {state}")?;
        }
        Ok(())
    }
}
