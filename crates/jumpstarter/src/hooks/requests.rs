//! Triggers that wait to be carried out on an actor with hooks: reports of its
//! own code, and what others ask for.

use std::any::Any;

use tokio::sync::oneshot;

use super::{Firing, Halted, carry_out};
use crate::actor::Actor;
use crate::address::ControlError;
use crate::chart::Refused;
use crate::context::Context;
use crate::core::{Core, FIRE};
use crate::error::Crash;
use crate::lifecycle::Trigger;

type Payload = Box<dyn Any + Send + Sync>;
/// To whoever asked, who may be gone.
type Answer = oneshot::Sender<Result<(), ControlError>>;

/// A trigger that waits.
pub(crate) struct Request {
    firing: Firing,
    payload: Option<Payload>,
    answer: Option<Answer>,
}

/// Fires a trigger from the actor's own code: at once without hooks; with hooks
/// it is checked at once, against what waits already, and carried out after the
/// handler.
pub(crate) fn report(core: &Core, firing: Firing, payload: Option<Payload>) -> Result<(), Refused> {
    match core.is_hooked() {
        true => enqueue(core, Request { firing, payload, answer: None }),
        false => core.fire(firing),
    }
}

/// Fires a trigger from elsewhere, and waits until that is done.
pub(crate) async fn ask_for(
    core: &Core,
    firing: Firing,
    payload: Option<Payload>,
) -> Result<(), ControlError> {
    if !core.is_hooked() {
        return Ok(core.fire(firing)?);
    }
    let (sender, answer) = oneshot::channel();
    enqueue(core, Request { firing, payload, answer: Some(sender) })?;
    // Dropped: the actor ends before it comes to it.
    let dropped = |_| Err(Refused::new(firing.name(core), core.active().path()).into());
    answer.await.unwrap_or_else(dropped)
}

fn enqueue(core: &Core, request: Request) -> Result<(), Refused> {
    core.with_cold(|cold| {
        let mut word = core.word();
        for waiting in &cold.requests {
            // One that a condition will stop is counted as if it went through.
            word = core.next_word(word, waiting.firing).unwrap_or(word);
        }
        core.next_word(word, request.firing)?;
        cold.requests.push(request);
        Ok(())
    })?;
    core.raise(FIRE);
    Ok(())
}

/// Carries out everything that waits; a hook that fails is a crash.
pub(crate) async fn carry_out_requests<A: Actor>(actor: &mut A, ctx: &mut Context<A>) {
    ctx.core().lower(FIRE);
    let waiting = ctx.core().peek_cold(|cold| std::mem::take(&mut cold.requests));
    for request in waiting.unwrap_or_default() {
        let Request { firing, payload, answer } = request;
        let payload = payload.as_deref();
        let outcome = match carry_out(actor, ctx, firing, payload, None).await {
            Ok(()) => Ok(()),
            Err(Halted::Refused(refused)) => Err(refused),
            Err(Halted::Failed(crash)) => {
                fail(ctx.core(), firing, crash, answer);
                return;
            }
        };
        match (answer, outcome) {
            (Some(answer), outcome) => {
                let _ = answer.send(outcome.map_err(ControlError::from));
            }
            (None, Err(refused)) => {
                tracing::debug!(path = ctx.path(), %refused, "a report was not carried out");
            }
            (None, Ok(())) => {}
        }
        if ctx.core().has_crashed() {
            return;
        }
    }
}

/// A hook failed: whoever asked gets the error, with which the actor crashes.
fn fail(core: &Core, firing: Firing, crash: Crash, answer: Option<Answer>) {
    core.crash(crash.clone());
    if let Some(answer) = answer {
        let (path, trigger) = (core.path.to_string(), firing.name(core));
        let _ = answer.send(Err(ControlError::Hook { path, trigger, crash }));
    }
}

/// Forgets what waits; those who asked are told.
pub(crate) fn drop_requests(core: &Core) {
    drop(core.peek_cold(|cold| std::mem::take(&mut cold.requests)));
}

impl Firing {
    /// What others may fire by its name.
    pub(crate) const PAUSE: Firing = Firing::Lifecycle(Trigger::Pause);
    pub(crate) const RESUME: Firing = Firing::Lifecycle(Trigger::Resume);
    pub(crate) const WARNING: Firing = Firing::Lifecycle(Trigger::ReportWarning);
    pub(crate) const PROBLEM: Firing = Firing::Lifecycle(Trigger::ReportProblem);
    pub(crate) const RECOVER: Firing = Firing::Lifecycle(Trigger::Recover);
}
