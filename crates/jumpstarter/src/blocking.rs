//! Turns that block, on the system's bounded pool: with the actor on loan, or
//! beside it.
//!
//! Such a turn cannot be dropped. It is asked to end by its token; if it does not
//! within the actor's grace, it is counted as abandoned and runs on alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::actor::Actor;
use crate::cell::Cell;
use crate::core::Core;
use crate::error::{BlockingError, Crash, Panicked};
use crate::event::Event;
use crate::guard::{ending_or_crashed, unless};
use crate::spawner::Spawner;
use crate::task::{Flow, TaskContext};

/// A turn on the pool; counted as abandoned if it is not seen to end.
struct OnPool<'a> {
    core: &'a Core,
    task: &'static str,
    has_ended: bool,
}

impl Drop for OnPool<'_> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let (core, task) = (self.core, self.task);
        tracing::error!(path = %core.path, task, "blocking turn abandoned");
        core.system.count_abandoned_turn();
        core.system.bus().publish(|| Event::TurnAbandoned { path: core.path.to_string(), task });
    }
}

/// One turn with the actor on loan: its slot is empty meanwhile, and stays so if
/// the turn is abandoned.
pub(crate) async fn lend<A: Actor>(
    slot: &mut Option<A>,
    cell: &Arc<Cell<A>>,
    task: usize,
    grace: Duration,
) -> Option<Result<Flow, Crash>> {
    let core = &cell.core;
    let actor = slot.take()?;
    let group = core.group();
    let token = group.token().child_token();
    let turn = Some(token.clone());
    let ctx = TaskContext { cell: Arc::clone(cell), spawner: Spawner::new(group), turn };
    let work = move || {
        let mut borrowed = actor;
        let turn = AssertUnwindSafe(|| borrowed.blocking_turn(task, ctx));
        let outcome = catch_unwind(turn).map_err(|payload| Crash::from_panic(payload.as_ref()));
        (borrowed, outcome)
    };
    let mut on_pool = OnPool { core, task: A::TASKS[task].name, has_ended: false };
    let mut working = pin!(core.system.blocking(work));
    let done = match unless(core, ending_or_crashed, working.as_mut()).await {
        Some(done) => done,
        None => {
            token.cancel();
            timeout(grace, working).await.ok()?
        }
    };
    on_pool.has_ended = true;
    let (actor, outcome) = done.ok()?;
    *slot = Some(actor);
    Some(outcome)
}

/// One turn beside the actor.
pub(crate) async fn beside<A: Actor>(task: usize, ctx: TaskContext<A>) -> Result<Flow, Panicked> {
    let cell = Arc::clone(&ctx.cell);
    let core = &cell.core;
    let mut on_pool = OnPool { core, task: A::TASKS[task].name, has_ended: false };
    let done = core.system.blocking(move || A::blocking_beside(task, ctx)).await;
    on_pool.has_ended = true;
    match done {
        Ok(flow) => Ok(flow),
        Err(BlockingError::Panicked(panicked)) => Err(panicked),
        Err(BlockingError::ShutDown) => Ok(Flow::Success),
    }
}
