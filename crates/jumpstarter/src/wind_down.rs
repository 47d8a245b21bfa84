//! The end of one incarnation: tasks and children, then the resources in
//! reverse order, then the dependencies that it owns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::actor::Actor;
use crate::cell::{AnyCell, ended};
use crate::context::Context;
use crate::core::{Core, ENDING_FOR_GOOD, KILL, RESTART};
use crate::dependents;
use crate::guard::{Broken, Guarded};
use crate::hooks::{Pending, stop_steps};
use crate::lifecycle::{State, Trigger, next};
use crate::resource;
use crate::route::{self, Route};
use crate::seats::put_in_order;
use crate::span::ActorSpan;

/// How the incarnation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Stopped: the lifecycle passes the steps of `stopping`.
    Orderly,
    /// Crashed: the same steps, but the state stays, and there is no goodbye.
    AfterCrash,
    /// Killed: everything is dropped.
    AtOnce,
}

/// Passes the steps of an actor that has nothing to release, and nothing to say
/// on the way; `false`: there is more to do.
pub(crate) fn is_done_at_once<A: Actor>(ctx: &Context<A>, how: How) -> bool {
    let core = ctx.core();
    let nothing = how != How::AtOnce
        && !A::HOOKS
        && !A::SAYS_GOODBYE
        && ctx.resources.is_empty()
        && core.has_nothing_to_wind_down();
    if nothing && how == How::Orderly {
        // Refused only if an error was reported meanwhile: then it crashed.
        let rest = match first_step(core) {
            Some(Begin::Stop) => route::STOP_AT_ONCE,
            Some(Begin::Restart) => {
                let _ = core.pass(route::STOP_TO_START);
                route::REST
            }
            None => route::REST,
        };
        let _ = core.pass(rest);
    }
    nothing
}

/// Releases everything. Gives back what broke it, if it did not come to its end.
pub(crate) async fn wind_down<A: Actor>(
    actor: &mut Option<A>,
    ctx: &mut Context<A>,
    span: &ActorSpan,
    grace: Duration,
    how: How,
) -> Option<Broken> {
    let cell = ctx.address();
    let core = &cell.cell().core;
    if how == How::AtOnce {
        abandon(core, ctx);
        return None;
    }
    let steps = Steps { core, how };
    let releasing = Box::pin(release_all(&steps, actor, ctx, grace));
    let broken = Guarded::new(core, span, releasing).await.err()?;
    if let Broken::Panicked(crash) = &broken {
        core.crash(crash.clone());
    }
    abandon(core, ctx);
    Some(broken)
}

async fn release_all<A: Actor>(
    steps: &Steps<'_>,
    actor: &mut Option<A>,
    ctx: &mut Context<A>,
    grace: Duration,
) {
    let core = steps.core;
    if let Some(hooks) = steps.begin(actor, ctx) {
        hooks.await;
    }
    let (children, owned) = family(core);
    if let Some(group) = core.peek_cold(|cold| cold.group.clone()).flatten() {
        group.token().cancel();
        stop_all(core, &children).await;
        // Those that did not end within their grace are dropped.
        let _ = tokio::time::timeout(grace, group.join()).await;
        group.abort_all();
        group.join().await;
    } else {
        stop_all(core, &children).await;
    }
    if let Some(hooks) = steps.pass(actor, ctx, route::TASKS_STOPPED) {
        hooks.await;
    }
    if let (Some(actor), How::Orderly) = (actor.as_mut(), steps.how) {
        actor.on_stopped(ctx).await;
    }
    while let Some(resource) = ctx.resources.take_last(&core.system) {
        match actor.as_mut() {
            Some(actor) => resource::release(core, actor, resource).await,
            None => drop(resource),
        }
    }
    if let Some(hooks) = steps.pass(actor, ctx, route::RELEASED) {
        hooks.await;
    }
    stop_all(core, &owned).await;
    forget_incarnation(core);
    if let Some(hooks) = steps.pass(actor, ctx, route::DONE) {
        hooks.await;
    }
}

type Cells = Vec<Arc<dyn AnyCell>>;

/// The children, the last spawned first, and apart from them those that are
/// dependencies.
fn family(core: &Core) -> (Cells, Cells) {
    let known =
        core.peek_cold(|cold| (cold.children.since(0), cold.needs().cloned().collect::<Vec<_>>()));
    let (mut children, dependencies) = known.unwrap_or_default();
    put_in_order(&mut children);
    children.reverse();
    let is_dependency = |child: &Arc<dyn AnyCell>| {
        dependencies.iter().any(|dependency| dependency.core().id == child.core().id)
    };
    children.into_iter().partition(|child| !is_dependency(child))
}

/// Children that depend on others among them stop before those.
async fn stop_all(parent: &Core, cells: &[Arc<dyn AnyCell>]) {
    for cell in cells {
        dependents::stop(cell, Some(parent.id));
    }
    for cell in cells {
        ended(cell.core()).await;
    }
}

/// Drops everything without waiting for anyone.
fn abandon<A: Actor>(core: &Core, ctx: &mut Context<A>) {
    let (children, owned) = family(core);
    for cell in children.iter().chain(&owned) {
        cell.close();
        cell.core().raise(KILL);
    }
    if let Some(group) = core.peek_cold(|cold| cold.group.clone()).flatten() {
        group.abort_all();
    }
    while let Some(resource) = ctx.resources.take_last(&core.system) {
        drop_quietly(resource);
    }
    forget_incarnation(core);
}

fn forget_incarnation(core: &Core) {
    let old = core.peek_cold(|cold| {
        cold.task_states.clear();
        cold.siblings.forget();
        cold.optional.clear();
        let dependencies = (std::mem::take(&mut cold.dependencies), cold.implied.split_off(0));
        (dependencies, cold.group.take())
    });
    drop(old);
}

/// What a stop begins with.
enum Begin {
    Stop,
    /// It leads to a start.
    Restart,
}

/// What begins the stop, unless it has begun.
fn first_step(core: &Core) -> Option<Begin> {
    let state = core.state();
    let asked = core.word() & (ENDING_FOR_GOOD | RESTART) == RESTART;
    match state {
        State::Stopping => None,
        // Before the start is complete it just stops.
        _ if asked && next(state, Trigger::Restart).is_ok() => Some(Begin::Restart),
        _ => Some(Begin::Stop),
    }
}

struct Steps<'a> {
    core: &'a Core,
    how: How,
}

impl Steps<'_> {
    fn begin<'a, A: Actor>(
        &self,
        actor: &'a mut Option<A>,
        ctx: &'a mut Context<A>,
    ) -> Pending<'a, ()> {
        let first = match first_step(self.core)? {
            Begin::Stop => route::STOP,
            Begin::Restart => route::STOP_TO_START,
        };
        self.pass(actor, ctx, first)
    }

    fn pass<'a, A: Actor>(
        &self,
        actor: &'a mut Option<A>,
        ctx: &'a mut Context<A>,
        route: &'static Route,
    ) -> Pending<'a, ()> {
        match self.how {
            // Refused only if an error was reported meanwhile: then it crashed.
            How::Orderly => stop_steps(actor.as_mut(), ctx, route),
            How::AfterCrash | How::AtOnce => None,
        }
    }
}

/// Drops what belongs to the actor; a panic in its drop ends here.
pub(crate) fn drop_quietly<T>(value: T) {
    if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
        tracing::error!("a value of an actor panicked while it was dropped");
    }
}
