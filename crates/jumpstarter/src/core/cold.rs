//! The cold block: what few actors need, allocated for those that do.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::task::Waker;

use crate::cell::AnyCell;
use crate::error::Crash;
use crate::hooks::Request;
use crate::lifecycle::{restart, task};
use crate::publish::Streams;
use crate::seats::Seats;
use crate::spawner::TaskGroup;
use crate::strategy::Siblings;
use crate::urgent::SystemMessage;
use crate::watch::Watch;

/// What few actors need.
#[derive(Default)]
pub(crate) struct Cold {
    pub(crate) group: Option<Arc<TaskGroup>>,
    pub(crate) children: Seats,
    pub(crate) dependencies: Vec<Arc<dyn AnyCell>>,
    /// Named as dependencies, too, but one of `dependencies` needs them anyway.
    pub(crate) implied: Vec<Arc<dyn AnyCell>>,
    /// The ids of those dependencies that it can do without.
    pub(crate) optional: Vec<u64>,
    /// Those whose start it awaits during its own.
    pub(crate) awaited: Vec<Arc<dyn AnyCell>>,
    /// Those that named this one as a dependency they cannot do without.
    pub(crate) dependents: Vec<Weak<dyn AnyCell>>,
    pub(crate) system_messages: VecDeque<SystemMessage>,
    /// The restarts among the children.
    pub(crate) siblings: Siblings,
    /// Whether a child that gives up, and is not taken care of, ends this one.
    pub(crate) escalates: bool,
    /// Those who hear of the end.
    pub(crate) death_watch: Vec<Watch>,
    /// What it publishes, if anyone subscribed.
    pub(crate) streams: Streams,
    pub(crate) crash: Option<Crash>,
    pub(crate) restarts: u32,
    /// For the loop of an actor with hooks.
    pub(crate) requests: Vec<Request>,
    pub(crate) restart: restart::State,
    /// Messages that wait for another state.
    pub(crate) stashed: usize,
    pub(crate) task_states: Vec<(&'static str, task::State)>,
    /// See [`Core::set_runner`](super::Core::set_runner).
    pub(super) runner: Option<Waker>,
    pub(super) watchers: Vec<Waker>,
}

impl Cold {
    /// Every dependency that was named.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &Arc<dyn AnyCell>> {
        self.dependencies.iter().chain(&self.implied)
    }

    /// Whether there is anything to wind down.
    pub(crate) fn is_idle(&self) -> bool {
        self.group.is_none() && self.children.is_empty() && self.dependencies.is_empty()
    }
}
