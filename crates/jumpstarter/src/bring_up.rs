//! The start of one incarnation: dependencies, resources, tasks, in this order.

use std::sync::Arc;

use crate::actor::Actor;
use crate::cell::{AnyCell, Cell, started};
use crate::concurrent;
use crate::context::Context;
use crate::dependency::{Dependencies, Injector, link};
use crate::error::{BoxError, StartFailure};
use crate::lifecycle::Trigger;
use crate::lifecycle::task::State as TaskState;
use crate::resource::Acquisition;
use crate::turns::set_state;

/// Awaits the dependencies and acquires the resources. The actor leaves its
/// slot for the time of the acquisition, and may not come back if that fails.
pub(crate) async fn bring_up<A: Actor>(
    slot: &mut Option<A>,
    ctx: &mut Context<A>,
    cell: &Arc<Cell<A>>,
    depends_on: &[Arc<dyn AnyCell>],
) -> Result<(), BoxError> {
    let any_cell = Arc::clone(cell) as Arc<dyn AnyCell>;
    for dependency in depends_on {
        link(&any_cell, Arc::clone(dependency))?;
    }
    let injector = Injector::new(any_cell);
    if let Some(actor) = slot.as_ref() {
        let mut wanted = Dependencies::new(&injector);
        actor.dependencies(&mut wanted);
        wanted.into_result()?;
    }
    let dependencies = cell.core.peek_cold(|cold| cold.dependencies.clone()).unwrap_or_default();
    for dependency in dependencies {
        await_dependency(dependency.as_ref()).await?;
    }
    let _ = cell.core.apply(Trigger::DependenciesStart);
    if let Some(actor) = slot.take() {
        let mut acquisition = Acquisition::new(&injector, &mut ctx.resources);
        let (back, step) = actor.acquire(&mut acquisition).await;
        *slot = back;
        step?;
    }
    let _ = cell.core.apply(Trigger::ResourcesAcquire);
    Ok(())
}

async fn await_dependency(dependency: &dyn AnyCell) -> Result<(), StartFailure> {
    let core = dependency.core();
    let reason = match started(core).await {
        Ok(()) if core.is_finished() => "it has stopped".to_owned(),
        Ok(()) => return Ok(()),
        Err(error) => error.to_string(),
    };
    Err(StartFailure::Dependency { path: core.path.to_string(), type_name: core.type_name, reason })
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
