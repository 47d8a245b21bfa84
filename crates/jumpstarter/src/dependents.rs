//! Those that depend on an actor: stopped before it, when it is stopped for good,
//! and after it, when it ended in another way.

use std::sync::Arc;

use crate::cell::{AnyCell, ended};
use crate::core::{Core, STOP, STOP_SELF};
use crate::lifecycle::State;

/// Notes who depends on an actor.
pub(crate) fn note(dependency: &Core, dependent: &Arc<dyn AnyCell>) {
    let id = dependent.core().id;
    dependency.with_cold(|cold| {
        cold.dependents.retain(|known| {
            known.upgrade().is_some_and(|it| it.core().id != id && !it.core().is_finished())
        });
        cold.dependents.push(Arc::downgrade(dependent));
    });
}

/// Whether anyone ever depended on it.
pub(crate) fn has_any(core: &Core) -> bool {
    core.peek_cold(|cold| !cold.dependents.is_empty()).unwrap_or(false)
}

/// Asks an actor to stop once those that depend on it have stopped; until then it
/// works for them. `within`: only those under the actor with this id are waited
/// for, because that one waits for all of this.
pub(crate) fn stop(cell: &Arc<dyn AnyCell>, within: Option<u64>) {
    if !stop_first(cell, within, STOP) {
        cell.close();
        cell.core().raise(STOP);
    }
}

/// Whether others have to stop before an actor that wants to. They are asked to;
/// then the actor is reminded.
pub(crate) fn go_first(cell: &Arc<dyn AnyCell>) -> bool {
    stop_first(cell, None, STOP_SELF)
}

/// Asks those to stop that depend on an actor that has ended. Those that await
/// their dependencies find out by themselves, and can say why they do not start.
pub(crate) fn follow(cell: &Arc<dyn AnyCell>) {
    for dependent in living(cell, None) {
        if dependent.core().state() == State::Starting {
            continue;
        }
        let (path, dependency) = (&dependent.core().path, &cell.core().path);
        tracing::info!(%path, %dependency, "actor stops as its dependency has ended");
        stop(&dependent, None);
    }
}

fn stop_first(cell: &Arc<dyn AnyCell>, within: Option<u64>, then: u32) -> bool {
    if living(cell, within).is_empty() {
        return false;
    }
    let own = Arc::clone(cell);
    let in_order = async move {
        loop {
            // Again for those that came meanwhile.
            let dependents = living(&own, within);
            if dependents.is_empty() {
                break;
            }
            for dependent in &dependents {
                stop(dependent, within);
            }
            for dependent in &dependents {
                ended(dependent.core()).await;
            }
        }
        if then == STOP {
            own.close();
        }
        own.core().raise(then);
    };
    drop(cell.core().system.runtime().spawn(in_order));
    true
}

/// Those that depend on it and have not ended. Not those above it in the tree:
/// they stop it themselves.
fn living(cell: &Arc<dyn AnyCell>, within: Option<u64>) -> Vec<Arc<dyn AnyCell>> {
    let known = cell.core().peek_cold(|cold| cold.dependents.clone());
    let Some(known) = known.filter(|known| !known.is_empty()) else { return Vec::new() };
    let id = cell.core().id;
    let alive = known.iter().filter_map(|dependent| dependent.upgrade());
    let first = alive.filter(|dependent| {
        let core = dependent.core();
        !core.is_finished()
            && !is_above(core.id, cell.core())
            && core.id != id
            && within.is_none_or(|root| is_above(root, core))
    });
    first.collect()
}

/// Whether the actor with this id is an ancestor.
fn is_above(id: u64, core: &Core) -> bool {
    std::iter::successors(core.parent(), |parent| parent.core().parent())
        .any(|parent| parent.core().id == id)
}
