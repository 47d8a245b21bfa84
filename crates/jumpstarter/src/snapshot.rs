//! A picture of every actor at one moment, made by reading counters.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use crate::cell::AnyCell;
use crate::configuration::ActiveState;
use crate::lifecycle::restart::State as RestartRegion;
use crate::lifecycle::task::State as TaskState;
use crate::system::System;

/// One actor at one moment.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ActorSnapshot {
    /// Where it is in the tree.
    pub path: String,
    /// Its Rust type.
    pub type_name: &'static str,
    /// The state of its lifecycle, with its sub-state.
    pub state: ActiveState,
    /// The restart region.
    pub restart: RestartRegion,
    /// Its tasks and their states, in the order of declaration.
    pub tasks: Vec<(&'static str, TaskState)>,
    /// Messages that wait in the mailbox; never more than
    /// [`mailbox_capacity`](Self::mailbox_capacity).
    pub mailbox_depth: usize,
    /// The bound of the mailbox; `None` if it has none.
    pub mailbox_capacity: Option<usize>,
    /// Messages taken from the mailbox and not done, the one at work among them.
    /// Counted at the begin and the end of a batch; what waits during a pause or
    /// after a crash is part of it. They take no room in the mailbox.
    pub in_hand: usize,
    /// Messages put aside until the actor is in a state that handles them, at
    /// most as many as the mailbox holds. They take no room in it.
    pub stashed: usize,
    /// Messages worked on, over all incarnations; a batch counts when it is done.
    pub processed: u64,
    /// Restarts so far.
    pub restarts: u32,
    /// Time spent on batches of messages, including the time that handlers
    /// awaited something. An estimate if a batch takes but microseconds.
    pub busy: Duration,
    /// Spawned futures and concurrent tasks that run.
    pub spawned: usize,
    /// The paths of its dependencies, without those that another one of them
    /// needs anyway.
    pub dependencies: Vec<String>,
    /// The last error, if it crashed and was not started again yet.
    pub crash: Option<String>,
}

impl System {
    /// Every living actor, in the order in which they were spawned.
    pub fn snapshot(&self) -> Vec<ActorSnapshot> {
        self.registry().all().iter().map(|cell| ActorSnapshot::of(cell.as_ref())).collect()
    }
}

impl ActorSnapshot {
    pub(crate) fn of(cell: &dyn AnyCell) -> Self {
        let core = cell.core();
        let (queued, mailbox_capacity) = cell.depth();
        let in_hand = core.in_hand.load(Ordering::Relaxed) as usize;
        let mut snapshot = ActorSnapshot {
            path: core.path.to_string(),
            type_name: core.type_name(),
            state: core.active(),
            restart: RestartRegion::Ignore,
            tasks: Vec::new(),
            mailbox_depth: queued,
            mailbox_capacity,
            in_hand,
            stashed: 0,
            processed: core.processed.load(Ordering::Relaxed),
            restarts: core.restarts(),
            busy: Duration::from_nanos(core.busy_nanos.load(Ordering::Relaxed)),
            spawned: 0,
            dependencies: Vec::new(),
            crash: None,
        };
        core.peek_cold(|cold| {
            snapshot.restart = cold.restart;
            snapshot.stashed = cold.stashed;
            snapshot.tasks.clone_from(&cold.task_states);
            snapshot.spawned = cold.group.as_ref().map_or(0, |group| group.active());
            let paths = cold.dependencies.iter().map(|cell| cell.core().path.to_string());
            snapshot.dependencies = paths.collect();
            snapshot.crash = cold.crash.as_ref().map(ToString::to_string);
        });
        snapshot
    }
}
