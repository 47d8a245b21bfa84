//! The tasks that run beside the actor, each as a tokio task of its own.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, sleep_until};

use crate::actor::Actor;
use crate::cell::Cell;
use crate::core::{Core, state_of};
use crate::error::{Cause, Crash, Panicked};
use crate::jitter::Jitter;
use crate::lifecycle::State;
use crate::lifecycle::task::State as TaskState;
use crate::spawner::Spawner;
use crate::task::{Flow, Next, TaskContext, next_turn};
use crate::turns::set_state;

/// Spawns every concurrent task of the actor.
pub(crate) fn start_all<A: Actor>(cell: &Arc<Cell<A>>) {
    for (task, _) in A::TASKS.iter().enumerate().filter(|(_, spec)| spec.concurrent) {
        let spawner = Spawner::new(cell.core.group());
        let ctx = TaskContext { cell: Arc::clone(cell), spawner: spawner.clone() };
        spawner.spawn(async move {
            let scope = ctx.scope();
            scope.run_until_cancelled(drive::<A>(task, &ctx)).await;
        });
    }
}

/// Takes turns until the task is done or has failed for good.
async fn drive<A: Actor>(task: usize, ctx: &TaskContext<A>) {
    let core = &ctx.cell.core;
    let spec = &A::TASKS[task];
    let mut jitter = Jitter::default();
    let mut failures = 0;
    if let Some(period) = spec.every {
        sleep(period + spec.jitter.mul_f64(jitter.next())).await;
    }
    loop {
        unless_paused(core).await;
        let begun = Instant::now();
        let turn = AssertUnwindSafe(A::concurrent(task, ctx.clone())).catch_unwind().await;
        let (flow, failed) = match turn {
            Ok(flow) => (flow, TaskState::Failed),
            Err(payload) => {
                let panicked = Panicked::from_payload(payload.as_ref());
                (Flow::failure(panicked), TaskState::Crashed)
            }
        };
        match next_turn(spec, &mut failures, flow, jitter.next()) {
            Next::Turn { after, state } => {
                set_state(core, task, state);
                match (after.is_zero(), state) {
                    (true, _) => tokio::task::consume_budget().await,
                    // A period is the time between the starts of two turns.
                    (false, TaskState::Running) => sleep_until(begun + after).await,
                    (false, _) => sleep(after).await,
                }
            }
            Next::Done => return set_state(core, task, TaskState::Succeeded),
            Next::GiveUp(error) => {
                set_state(core, task, failed);
                return core.crash(Crash::new(Cause::Error, error));
            }
        }
    }
}

async fn unless_paused(core: &Core) {
    let goes_on = |word: u32| state_of(word) != State::Paused;
    poll_fn(|cx| match goes_on(core.word()) || core.watch(cx.waker(), goes_on) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
