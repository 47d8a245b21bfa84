//! The tasks that run beside the actor, each as a tokio task of its own.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::actor::Actor;
use crate::blocking;
use crate::cell::Cell;
use crate::core::{Core, state_of};
use crate::error::{Cause, Crash, Panicked};
use crate::jitter::Jitter;
use crate::lifecycle::State;
use crate::lifecycle::task::State as TaskState;
use crate::spawner::Spawner;
use crate::task::{Flow, Next, Rhythm, TaskContext};
use crate::turns::set_state;

/// Spawns every concurrent task of the actor.
pub(crate) fn start_all<A: Actor>(cell: &Arc<Cell<A>>) {
    for (task, _) in A::TASKS.iter().enumerate().filter(|(_, spec)| spec.concurrent) {
        let spawner = Spawner::new(cell.core.group());
        let ctx = TaskContext { cell: Arc::clone(cell), spawner: spawner.clone(), turn: None };
        spawner.spawn(async move {
            // Cancelled, or done.
            let _ = drive::<A>(task, &ctx).await;
        });
    }
}

/// Takes turns until the task is done or has failed for good. `None`: the actor
/// ends.
async fn drive<A: Actor>(task: usize, ctx: &TaskContext<A>) -> Option<()> {
    let core = &ctx.cell.core;
    let scope = ctx.scope();
    let mut jitter = Jitter::default();
    let Some((mut rhythm, mut at)) = Rhythm::begin(&A::TASKS[task], Instant::now(), jitter.next())
    else {
        set_state(core, task, TaskState::Succeeded);
        return Some(());
    };
    loop {
        scope.run_until_cancelled(wait_until(core, at)).await?;
        let began = Instant::now();
        let (flow, failed) = take_turn(task, ctx, &scope).await?;
        match rhythm.after(began, Instant::now(), flow, jitter.next()) {
            Next::Turn { at: next, state } => {
                set_state(core, task, state);
                at = next;
            }
            Next::Done => {
                set_state(core, task, TaskState::Succeeded);
                return Some(());
            }
            Next::GiveUp(error) => {
                set_state(core, task, failed);
                core.crash(Crash::new(Cause::Error, error));
                return Some(());
            }
        }
    }
}

/// What the turn said, and the state of the task if that ends it.
async fn take_turn<A: Actor>(
    task: usize,
    ctx: &TaskContext<A>,
    scope: &CancellationToken,
) -> Option<(Flow, TaskState)> {
    let turn = match A::TASKS[task].blocking {
        // Not dropped when the actor stops: it is waited for.
        true => blocking::beside::<A>(task, ctx.clone()).await,
        false => {
            let turn = AssertUnwindSafe(A::concurrent(task, ctx.clone())).catch_unwind();
            let turn = scope.run_until_cancelled(turn).await?;
            turn.map_err(|payload| Panicked::from_payload(payload.as_ref()))
        }
    };
    Some(match turn {
        Ok(flow) => (flow, TaskState::Failed),
        Err(panicked) => (Flow::failure(panicked), TaskState::Crashed),
    })
}

async fn wait_until(core: &Core, at: Instant) {
    match at > Instant::now() {
        true => sleep_until(at).await,
        false => tokio::task::consume_budget().await,
    }
    unless_paused(core).await;
}

async fn unless_paused(core: &Core) {
    let goes_on = |word: u32| state_of(word) != State::Paused;
    poll_fn(|cx| match goes_on(core.word()) || core.watch(cx.waker(), goes_on) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
