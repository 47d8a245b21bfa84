//! The start of one incarnation: dependencies, resources, tasks, in this order.

use std::collections::HashSet;
use std::sync::Arc;

use crate::actor::Actor;
use crate::cell::{AnyCell, Cell, started};
use crate::concurrent;
use crate::context::Context;
use crate::core::Core;
use crate::dependency::{Dependencies, Injector, link, reduce};
use crate::error::{BoxError, Cause, Crash, StartFailure};
use crate::hooks::start_steps;
use crate::lifecycle::task::State as TaskState;
use crate::resource::{Acquisition, Requirement};
use crate::route;
use crate::turns::set_state;

/// Awaits the dependencies and acquires the resources. The actor leaves its
/// slot for the time of the acquisition, and may not come back if that fails.
pub(crate) async fn bring_up<A: Actor>(
    slot: &mut Option<A>,
    ctx: &mut Context<A>,
    cell: &Arc<Cell<A>>,
    depends_on: &[Arc<dyn AnyCell>],
) -> Result<(), Crash> {
    let any_cell = Arc::clone(cell) as Arc<dyn AnyCell>;
    for dependency in depends_on {
        link(&any_cell, Arc::clone(dependency), Requirement::Required).map_err(failed)?;
    }
    let injector = Injector::new(any_cell);
    if let Some(actor) = slot.as_ref() {
        let mut wanted = Dependencies::new(&injector);
        actor.dependencies(&mut wanted);
        let sought = wanted.into_sought().map_err(failed)?;
        sought.await_all().await.map_err(failed)?;
    }
    await_dependencies(&cell.core).await.map_err(failed)?;
    if let Some(hooks) = start_steps(slot.as_mut(), ctx, route::DEPENDENCIES) {
        hooks.await?;
    }
    // From here on one that ends stops this actor; those that ended before:
    check_dependencies(&cell.core).map_err(failed)?;
    if let Some(actor) = slot.take() {
        let mut acquisition = Acquisition::new(&injector, &mut ctx.resources);
        let (back, step) = actor.acquire(&mut acquisition).await;
        *slot = back;
        step.map_err(failed)?;
    }
    match start_steps(slot.as_mut(), ctx, route::RESOURCES) {
        Some(hooks) => hooks.await,
        None => Ok(()),
    }
}

fn failed(error: impl Into<BoxError>) -> Crash {
    Crash::new(Cause::Start, error)
}

/// Each one that is not reached through another one. What a dependency needs is
/// known for certain once it has started.
async fn await_dependencies(core: &Core) -> Result<(), StartFailure> {
    let mut awaited = HashSet::new();
    loop {
        reduce(core);
        let next = core.peek_cold(|cold| {
            let waiting = cold.dependencies.iter().find(|it| !awaited.contains(&it.core().id));
            waiting.map(|it| (Arc::clone(it), cold.optional.contains(&it.core().id)))
        });
        let Some((dependency, optional)) = next.flatten() else {
            return Ok(());
        };
        awaited.insert(dependency.core().id);
        match await_dependency(dependency.as_ref()).await {
            Ok(()) => {}
            Err(failure) if optional => {
                tracing::warn!(path = %core.path, %failure, "optional dependency left out");
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn check_dependencies(core: &Core) -> Result<(), StartFailure> {
    let ended = core.peek_cold(|cold| {
        let required = |it: &&Arc<dyn AnyCell>| !cold.optional.contains(&it.core().id);
        cold.needs().filter(required).find(|it| it.core().is_finished()).cloned()
    });
    match ended.flatten() {
        Some(dependency) => Err(did_not_start(dependency.core(), "it has stopped")),
        None => Ok(()),
    }
}

async fn await_dependency(dependency: &dyn AnyCell) -> Result<(), StartFailure> {
    let core = dependency.core();
    match started(core).await {
        Ok(()) if core.is_finished() => Err(did_not_start(core, "it has stopped")),
        Ok(()) => Ok(()),
        Err(error) => Err(did_not_start(core, error.to_string())),
    }
}

fn did_not_start(core: &Core, reason: impl Into<String>) -> StartFailure {
    let path = core.path.to_string();
    StartFailure::Dependency { path, type_name: core.type_name(), reason: reason.into() }
}

/// Starts the concurrent tasks, and notes all tasks in the configuration.
pub(crate) fn start_tasks<A: Actor>(cell: &Arc<Cell<A>>) {
    if A::TASKS.is_empty() {
        return;
    }
    cell.core.with_cold(|cold| {
        cold.task_states = A::TASKS.iter().map(|spec| (spec.name, TaskState::default())).collect();
    });
    for task in 0..A::TASKS.len() {
        set_state(&cell.core, task, TaskState::Running);
    }
    concurrent::start_all(cell);
}
