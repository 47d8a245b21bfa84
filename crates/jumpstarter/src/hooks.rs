//! Transitions of actors that have hooks: carried out on the actor itself,
//! between messages, one hook after the other.
//!
//! Actors without hooks do not come here; their state word is moved at once.

mod requests;

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;

use crate::actor::Actor;
use crate::chart::{ChartTrigger, Refused};
use crate::configuration::ActiveState;
use crate::context::Context;
use crate::core::Core;
use crate::error::{BoxError, Cause, Crash};
use crate::guard::{Broken, Guarded};
use crate::lifecycle::{State, Trigger};
use crate::route::Route;
use crate::span::ActorSpan;

pub(crate) use requests::{Request, ask_for, carry_out_requests, drop_requests, report};

/// One transition, as the hooks see it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Transition<'a> {
    /// The name of the trigger.
    pub trigger: &'static str,
    /// The state before.
    pub from: ActiveState,
    /// The state after.
    pub to: ActiveState,
    /// What was given with the trigger, by `fire_with`.
    pub payload: Option<&'a (dyn Any + Send + Sync)>,
    /// The error, if the trigger is `report_error`.
    pub error: Option<&'a Crash>,
}

impl Transition<'_> {
    /// What was given with the trigger, if it is of this type.
    pub fn payload<T: 'static>(&self) -> Option<&T> {
        self.payload?.downcast_ref()
    }

    /// Whether the state with this path is left: it was active, and is not after.
    pub fn leaves(&self, path: &str) -> bool {
        self.from.is_in(path) && !self.to.is_in(path)
    }

    /// Whether the state with this path is entered from outside of it.
    pub fn enters(&self, path: &str) -> bool {
        !self.from.is_in(path) && self.to.is_in(path)
    }
}

/// A trigger of the chart of `A`. Implemented by [`#[actor]`](macro@crate::actor)
/// for the chart that it is given.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no trigger of the chart of `{A}`",
    label = "a trigger of another chart",
    note = "name the chart where the actor is: `#[actor(chart = C)]`, where `C` declares the trigger"
)]
pub trait Fires<A: Actor>: ChartTrigger {}

/// The hooks of one transition, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before anything is decided.
    Prepare,
    /// Whether the transition happens.
    Condition,
    /// It will happen.
    Before,
    /// The states that are left, inner to outer.
    Exit,
    /// The states that are entered, outer to inner.
    Enter,
    /// It has happened.
    After,
    /// It has happened, or not.
    Finalize,
}

/// What a hook ended with, other than well.
pub enum HookFailure {
    /// A condition of this name does not hold.
    Condition(&'static str),
    /// The hook failed; the actor crashes.
    Error(BoxError),
}

/// What is fired: a trigger of the lifecycle, or one of the actor's own chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Firing {
    Lifecycle(Trigger),
    Own(usize),
}

impl Firing {
    pub(crate) fn name(self, core: &Core) -> &'static str {
        match self {
            Firing::Lifecycle(trigger) => trigger.name(),
            Firing::Own(index) => {
                let names = core.refinement().map(|refinement| refinement.triggers);
                names.and_then(|names| names.get(index)).copied().unwrap_or("?")
            }
        }
    }

    /// Whether the actor's loop has to notice; the other triggers are fired by the
    /// loop itself, or change nothing for it.
    pub(crate) const fn concerns_loop(self) -> bool {
        matches!(
            self,
            Firing::Own(_)
                | Firing::Lifecycle(Trigger::Pause | Trigger::Resume | Trigger::ReportError)
        )
    }

    /// Whether conditions are asked: what must happen anyway is not up to them.
    fn is_conditional(self) -> bool {
        !matches!(
            self,
            Firing::Lifecycle(
                Trigger::Stop
                    | Trigger::TasksStop
                    | Trigger::ResourcesRelease
                    | Trigger::DependenciesStop
                    | Trigger::Finish
                    | Trigger::ReportError
                    | Trigger::Restart
            )
        )
    }
}

/// Why a transition did not come to its end.
pub(crate) enum Halted {
    /// Nothing was changed.
    Refused(Refused),
    /// A hook failed or panicked.
    Failed(Crash),
}

/// Fires one trigger with all its hooks.
pub(crate) async fn carry_out<A: Actor>(
    actor: &mut A,
    ctx: &mut Context<A>,
    firing: Firing,
    payload: Option<&(dyn Any + Send + Sync)>,
    error: Option<&Crash>,
) -> Result<(), Halted> {
    let (trigger, from, to) = {
        let core = ctx.core();
        let word = core.word();
        let after = core.next_word(word, firing).map_err(Halted::Refused)?;
        (firing.name(core), core.active_in(word), core.active_in(after))
    };
    let transition = Transition { trigger, from, to, payload, error };
    let outcome = caught(pass_phases(actor, ctx, firing, &transition)).await;
    let last = async {
        let done = actor.hook(Phase::Finalize, &transition, ctx).await;
        done.map_err(|failure| failure.halt(&transition))
    };
    let last = caught(last).await;
    outcome.and(last)
}

/// A hook that panics has failed.
async fn caught(hooks: impl Future<Output = Result<(), Halted>>) -> Result<(), Halted> {
    match AssertUnwindSafe(hooks).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(Halted::Failed(Crash::from_panic(panic.as_ref()))),
    }
}

async fn pass_phases<A: Actor>(
    actor: &mut A,
    ctx: &mut Context<A>,
    firing: Firing,
    transition: &Transition<'_>,
) -> Result<(), Halted> {
    for phase in [Phase::Prepare, Phase::Condition, Phase::Before, Phase::Exit] {
        if phase == Phase::Condition && !firing.is_conditional() {
            continue;
        }
        let done = actor.hook(phase, transition, ctx).await;
        done.map_err(|failure| failure.halt(transition))?;
    }
    ctx.core().fire(firing).map_err(Halted::Refused)?;
    for phase in [Phase::Enter, Phase::After] {
        let done = actor.hook(phase, transition, ctx).await;
        done.map_err(|failure| failure.halt(transition))?;
    }
    Ok(())
}

impl HookFailure {
    fn halt(self, transition: &Transition<'_>) -> Halted {
        match self {
            HookFailure::Condition(name) => Halted::Refused(Refused {
                condition: Some(name),
                ..Refused::new(transition.trigger, transition.from.path())
            }),
            HookFailure::Error(error) => Halted::Failed(Crash::new(Cause::Error, error)),
        }
    }
}

/// What is left to await for an actor with hooks. Without them all is done, and
/// the futures of the runner stay as small as they are.
pub(crate) type Pending<'a, T> = Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>;

/// Passes steps of the start: one that a condition forbids, or whose hook fails,
/// is a failed start.
pub(crate) fn start_steps<'a, A: Actor>(
    actor: Option<&'a mut A>,
    ctx: &'a mut Context<A>,
    steps: &'static Route,
) -> Pending<'a, Result<(), Crash>> {
    let Some(actor) = actor.filter(|_| A::HOOKS) else {
        // Refused only if it crashed meanwhile, which is seen next.
        let _ = ctx.core().pass(steps);
        return None;
    };
    Some(Box::pin(async move {
        for step in steps.triggers() {
            match carry_out(actor, ctx, Firing::Lifecycle(*step), None, None).await {
                Err(Halted::Failed(crash)) => return Err(crash),
                Err(Halted::Refused(refused)) if refused.condition.is_some() => {
                    return Err(Crash::new(Cause::Start, refused));
                }
                Ok(()) | Err(Halted::Refused(_)) => {}
            }
        }
        Ok(())
    }))
}

/// Passes steps of the stop; a hook that fails is a crash.
pub(crate) fn stop_steps<'a, A: Actor>(
    actor: Option<&'a mut A>,
    ctx: &'a mut Context<A>,
    steps: &'static Route,
) -> Pending<'a, ()> {
    let Some(actor) = actor.filter(|_| A::HOOKS) else {
        let _ = ctx.core().pass(steps);
        return None;
    };
    Some(Box::pin(async move {
        for step in steps.triggers() {
            if ctx.core().has_crashed() {
                return;
            }
            let fired = carry_out(actor, ctx, Firing::Lifecycle(*step), None, None);
            if let Err(Halted::Failed(crash)) = fired.await {
                ctx.core().crash(crash);
            }
        }
    }))
}

/// Enters `crashed`, with the hooks on the value that crashed. One that fails in
/// turn changes nothing about that.
pub(crate) async fn enter_crashed<A: Actor>(
    actor: Option<&mut A>,
    ctx: &mut Context<A>,
    span: &ActorSpan,
    crash: &Crash,
) -> Option<Broken> {
    if let Some(actor) = actor.filter(|_| A::HOOKS && ctx.core().state() != State::Crashed) {
        let address = ctx.address();
        let core = &address.cell().core;
        let firing = Firing::Lifecycle(Trigger::ReportError);
        let hooks = Box::pin(carry_out(actor, ctx, firing, None, Some(crash)));
        match Guarded::new(core, span, hooks).await {
            Ok(Err(Halted::Failed(error))) | Err(Broken::Panicked(error)) => {
                tracing::error!(path = %core.path, %error, "a hook failed while the actor crashed");
            }
            Err(Broken::Killed) => return Some(Broken::Killed),
            Ok(_) => {}
        }
    }
    if ctx.core().state() != State::Crashed {
        let _ = ctx.core().apply(Trigger::ReportError);
    }
    None
}
