//! The end of a system: dependents before dependencies, children before
//! parents, within a deadline.

use std::collections::{HashMap, HashSet};
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};

use crate::cell::{AnyCell, Exit, ended};
use crate::core::{KILL, STOP};
use crate::system::System;

/// How long those that are killed at the end of a [shutdown](System::shutdown)
/// get to notice, all of them together: half a second.
pub const LAST_WAIT: Duration = Duration::from_millis(500);

/// How a shutdown went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShutdownReport {
    /// The paths of those that stopped in time, in this order.
    pub stopped: Vec<String>,
    /// The paths of those that were killed because the deadline passed.
    pub killed: Vec<String>,
    /// The paths of those that run on, because they block their thread.
    pub abandoned: Vec<String>,
    /// Resources whose `#[release]` did not end within its time meanwhile; see
    /// [`Event::NotReleased`](crate::Event::NotReleased).
    pub not_released: u64,
    /// How long it took.
    pub took: Duration,
}

impl ShutdownReport {
    /// Whether every actor stopped in time and released what it held.
    pub fn is_clean(&self) -> bool {
        self.killed.is_empty() && self.abandoned.is_empty() && self.not_released == 0
    }
}

impl System {
    /// Stops every actor and refuses new ones: dependents before their
    /// dependencies, children before their parents, the others at the same time.
    /// Each works off what its mailbox accepted. Those that have not stopped
    /// when `limit` has passed are killed, which takes effect at their next
    /// await. One that blocks its thread gets [`LAST_WAIT`] to come to it and is
    /// then left alone, so that the shutdown takes `limit + LAST_WAIT` at the
    /// most, and longer than `limit` only then.
    ///
    /// Where the order contradicts itself, because a parent depends by way of
    /// others on its own child, the dependencies count and the tree gives way:
    /// the parent stops first, and takes its children along.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the stops that were requested go on; calling
    /// it again continues.
    pub async fn shutdown(&self, limit: Duration) -> ShutdownReport {
        self.shut_down(limit, pending()).await
    }

    /// Ends also when `hurry` is ready.
    pub(crate) async fn shut_down(
        &self,
        limit: Duration,
        hurry: impl Future<Output = ()>,
    ) -> ShutdownReport {
        let mut hurry = pin!(hurry);
        let begun = Instant::now();
        let deadline = begun + limit;
        let not_released = self.not_released();
        self.begin_shutdown();
        tracing::info!(system = self.name(), "system shuts down");
        let mut report = ShutdownReport::default();
        loop {
            // More than one round only for those spawned at the last moment.
            let cells = self.registry().all();
            if cells.is_empty() {
                break;
            }
            let mut done = HashSet::new();
            let in_time = {
                let in_order = stop_in_order(cells.clone(), &mut done, &mut report.stopped);
                let in_order = pin!(in_order);
                let first = timeout_at(deadline, select(in_order, &mut hurry)).await;
                matches!(first, Ok(Either::Left(_)))
            };
            if !in_time {
                // Those of this round, even if they have ended while they waited
                // for others to stop first, and those spawned at the last moment.
                let mut late = [cells, self.registry().all()].concat();
                late.retain(|cell| done.insert(cell.core().id));
                kill_all(late, &mut report).await;
                break;
            }
        }
        report.not_released = self.not_released() - not_released;
        report.took = begun.elapsed();
        report
    }
}

/// An actor and those that must have stopped before it.
struct Node {
    cell: Arc<dyn AnyCell>,
    dependents: HashSet<u64>,
    children: HashSet<u64>,
}

impl Node {
    fn is_ready(&self) -> bool {
        self.dependents.is_empty() && self.children.is_empty()
    }

    /// How far it is from the root.
    fn depth(&self) -> usize {
        self.cell.core().path.matches('/').count()
    }
}

async fn stop_in_order(
    cells: Vec<Arc<dyn AnyCell>>,
    done: &mut HashSet<u64>,
    stopped: &mut Vec<String>,
) {
    let mut waiting = nodes(cells);
    let mut stopping = FuturesUnordered::new();
    loop {
        if stopping.is_empty() && !waiting.iter().any(Node::is_ready) {
            break_circle(&mut waiting);
        }
        let (ready, blocked) = waiting.into_iter().partition(Node::is_ready);
        waiting = blocked;
        for Node { cell, .. } in ready {
            cell.close();
            cell.core().raise(STOP);
            stopping.push(async move {
                let exit = ended(cell.core()).await;
                (cell, exit)
            });
        }
        let Some((cell, exit)) = stopping.next().await else {
            return;
        };
        let core = cell.core();
        done.insert(core.id);
        tracing::debug!(path = %core.path, ?exit, "actor stopped");
        if !matches!(exit, Exit::Killed) {
            stopped.push(core.path.to_string());
        }
        for node in &mut waiting {
            node.dependents.remove(&core.id);
            node.children.remove(&core.id);
        }
    }
}

/// Everyone waits for someone. Edges of dependencies alone form no circle, so
/// that there is an actor that only its children keep: the innermost of these
/// stops, and its children with it. Parents around it still wait for it.
fn break_circle(waiting: &mut [Node]) {
    let kept_by_children = waiting.iter_mut().filter(|node| node.dependents.is_empty());
    if let Some(parent) = kept_by_children.max_by_key(|node| node.depth()) {
        let path = &parent.cell.core().path;
        tracing::warn!(%path, "stops before its children, one of which it depends on by way of others");
        parent.children.clear();
    }
}

/// The order as a graph. Where a parent depends on its own child, the parent
/// stops first, as it stops the child itself.
fn nodes(cells: Vec<Arc<dyn AnyCell>>) -> Vec<Node> {
    let fresh = |cell| Node { cell, dependents: HashSet::new(), children: HashSet::new() };
    let mut nodes: Vec<Node> = cells.into_iter().map(fresh).collect();
    let mut dependents: HashMap<u64, HashSet<u64>> = HashMap::new();
    let mut children: HashMap<u64, HashSet<u64>> = HashMap::new();
    let alive: HashSet<u64> = nodes.iter().map(|node| node.cell.core().id).collect();
    for node in &nodes {
        let core = node.cell.core();
        core.peek_cold(|cold| {
            for dependency in cold.needs() {
                dependents.entry(dependency.core().id).or_default().insert(core.id);
            }
        });
        let Some(parent) = core.parent() else { continue };
        let owned =
            parent.core().peek_cold(|cold| cold.needs().any(|known| known.core().id == core.id));
        if owned != Some(true) {
            children.entry(parent.core().id).or_default().insert(core.id);
        }
    }
    for node in &mut nodes {
        let id = node.cell.core().id;
        node.dependents = dependents.remove(&id).unwrap_or_default();
        node.children = children.remove(&id).unwrap_or_default();
        node.dependents.retain(|first| alive.contains(first));
    }
    nodes
}

async fn kill_all(cells: Vec<Arc<dyn AnyCell>>, report: &mut ShutdownReport) {
    for cell in &cells {
        cell.close();
        cell.core().raise(KILL);
    }
    let last = Instant::now() + LAST_WAIT;
    for cell in cells {
        let core = cell.core();
        let left = last.saturating_duration_since(Instant::now());
        let path = core.path.to_string();
        match timeout(left, ended(core)).await {
            Ok(Exit::Killed) => report.killed.push(path),
            Ok(_) => report.stopped.push(path),
            Err(_) => report.abandoned.push(path),
        }
    }
}
