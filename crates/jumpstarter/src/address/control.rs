//! Control of an actor from outside: pause, triggers of its own chart, restart,
//! stop, kill. What these do to messages on the way is said at each of them.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Address;
use crate::actor::Actor;
use crate::cell::{self, AnyCell, Exit};
use crate::chart::Refused;
use crate::core::{Core, ENDING_FOR_GOOD, KILL, RESTART, STOP_NOW};
use crate::dependents;
use crate::error::Crash;
use crate::hooks::{self, Fires, Firing};
use crate::lifecycle::{State, Trigger, next};

/// Why a control request was not carried out to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ControlError {
    /// The state, or a condition, does not allow it; nothing was changed.
    Refused(Refused),
    /// A hook of the transition failed or panicked. The actor crashes with this
    /// error, which is the [`source`](Error::source).
    Hook {
        /// The actor's path.
        path: String,
        /// What was asked for.
        trigger: &'static str,
        /// What the hook said.
        crash: Crash,
    },
    /// The actor ended for good before it was started again.
    Ended {
        /// The actor's path.
        path: String,
        /// What was asked for.
        trigger: &'static str,
        /// The crash that ended it, which is the [`source`](Error::source);
        /// `None` if it was stopped.
        crash: Option<Crash>,
    },
}

impl ControlError {
    /// What refused it, if that is why.
    pub fn refused(&self) -> Option<Refused> {
        match self {
            ControlError::Refused(refused) => Some(*refused),
            ControlError::Hook { .. } | ControlError::Ended { .. } => None,
        }
    }
}

impl From<Refused> for ControlError {
    fn from(refused: Refused) -> Self {
        ControlError::Refused(refused)
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ControlError::Refused(refused) => refused.fmt(f),
            ControlError::Hook { path, trigger, .. } => {
                write!(f, "{trigger} actor {path}: a hook failed, and the actor crashes")
            }
            ControlError::Ended { path, trigger, crash: Some(_) } => {
                write!(f, "{trigger} actor {path}: it crashed for good")
            }
            ControlError::Ended { path, trigger, crash: None } => {
                write!(f, "{trigger} actor {path}: it was stopped meanwhile")
            }
        }
    }
}

impl Error for ControlError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ControlError::Hook { crash, .. } | ControlError::Ended { crash: Some(crash), .. } => {
                Some(crash.error.as_ref())
            }
            ControlError::Refused(_) | ControlError::Ended { crash: None, .. } => None,
        }
    }
}

impl<A: Actor> Address<A> {
    /// Asks the actor to stop; awaiting what this returns waits for the end.
    ///
    /// Those that [depend](crate::Dependency) on it are stopped first, and it
    /// works for them until they have ended. Then, or at once if there are none,
    /// the mailbox is closed; messages that were accepted before are worked off,
    /// unless the actor is paused or about to start again: then they become dead
    /// letters. Inside one of the actor's own handlers use
    /// [`Context::stop_self`](crate::Context::stop_self), or do not await.
    ///
    /// It overtakes nothing that was sent before, but messages that still wait
    /// for room in the mailbox are refused.
    pub fn stop(&self) -> Stopping {
        let cell = self.any_cell();
        dependents::stop(&cell, None);
        Stopping::new(cell)
    }

    /// Like [`stop`](Self::stop), but only the message at work is finished;
    /// those that wait are overtaken, and become dead letters. Those that depend
    /// on it are stopped after it.
    pub fn stop_now(&self) -> Stopping {
        self.cell.mailbox.close();
        self.cell.core.raise(STOP_NOW);
        Stopping::new(self.any_cell())
    }

    /// Ends the actor at its next await, even inside a handler: it overtakes
    /// everything. Messages that wait become dead letters, resources are dropped
    /// without their release methods. Those that depend on it are stopped after
    /// it.
    pub fn kill(&self) -> Stopping {
        self.cell.mailbox.close();
        self.cell.core.raise(KILL);
        Stopping::new(self.any_cell())
    }

    /// Halts messages and tasks until [`resume`](Self::resume); the message at
    /// work is finished. An actor with hooks carries it out between messages, so
    /// that one that awaits this inside of its own handler waits forever; others
    /// need not await more than this call.
    ///
    /// It overtakes messages that the same sender sent before: they wait in the
    /// mailbox until the actor is resumed.
    ///
    /// # Errors
    ///
    /// Refused unless the actor is running, or if one of its conditions does not
    /// hold; the error of a hook that failed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it may or may not take effect.
    pub async fn pause(&self) -> Result<(), ControlError> {
        hooks::ask_for(&self.cell.core, Firing::PAUSE, None).await
    }

    /// Goes on after a pause. The messages that waited come in their order.
    ///
    /// # Errors
    ///
    /// Refused unless the actor is paused, or if one of its conditions does not
    /// hold; the error of a hook that failed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it may or may not take effect.
    pub async fn resume(&self) -> Result<(), ControlError> {
        hooks::ask_for(&self.cell.core, Firing::RESUME, None).await
    }

    /// Fires a trigger of the actor's own chart, `#[actor(chart = …)]`, and waits
    /// until the transition is done, with its hooks.
    ///
    /// It overtakes messages that the same sender sent before: the transition
    /// comes after the message at work, and those that wait in the mailbox find
    /// the new state. A trigger that has to keep its place among the messages is
    /// fired by a handler, with [`Context::fire`](crate::Context::fire).
    ///
    /// # Errors
    ///
    /// Refused where the chart has no such transition, or if a condition does not
    /// hold; the error of a hook that failed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it may or may not take effect.
    pub async fn fire(&self, trigger: impl Fires<A>) -> Result<(), ControlError> {
        hooks::ask_for(&self.cell.core, Firing::Own(trigger.index()), None).await
    }

    /// Like [`fire`](Self::fire), also in what it overtakes, with a value for the
    /// hooks; see [`Transition::payload`](crate::Transition::payload).
    ///
    /// # Errors
    ///
    /// Those of `fire`.
    pub async fn fire_with<P>(&self, trigger: impl Fires<A>, payload: P) -> Result<(), ControlError>
    where
        P: Any + Send + Sync,
    {
        let firing = Firing::Own(trigger.index());
        hooks::ask_for(&self.cell.core, firing, Some(Box::new(payload))).await
    }

    /// Stops the actor after the message at work and starts it again with a
    /// fresh value; awaiting what this returns waits until it is started. Inside
    /// one of the actor's own handlers use
    /// [`Context::restart_self`](crate::Context::restart_self), or do not await.
    ///
    /// It overtakes messages that the same sender sent before: they are kept in
    /// the mailbox, and the fresh value works on them.
    ///
    /// # Errors
    ///
    /// Refused at once unless the actor is running, paused or between a crash and
    /// its restart, and if it was asked to stop. Later, that it ended for good
    /// before it was started again.
    pub fn restart(&self) -> Restarting {
        let core = &self.cell.core;
        let refused = may_restart(core).err();
        if refused.is_none() {
            core.raise(RESTART);
        }
        Restarting { cell: self.any_cell(), refused }
    }
}

fn may_restart(core: &Core) -> Result<(), Refused> {
    let state = core.state();
    if core.is_finished() {
        return Err(Refused::new(Trigger::Restart.name(), state.path()));
    }
    next(state, Trigger::Restart)?;
    if core.word() & ENDING_FOR_GOOD != 0 {
        return Err(Refused::new(Trigger::Restart.name(), State::Stopping.path()));
    }
    Ok(())
}

/// A stop under way. The request is made already; awaiting this waits for the
/// end of the actor, dropping it does not take the request back.
pub struct Stopping {
    cell: Arc<dyn AnyCell>,
}

impl Stopping {
    fn new(cell: Arc<dyn AnyCell>) -> Self {
        Stopping { cell }
    }
}

impl Future for Stopping {
    type Output = Exit;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit> {
        cell::poll_ended(self.cell.core(), cx)
    }
}

/// A restart under way. The request is made already, or was refused; awaiting
/// this waits until the actor is started again, dropping it does not take the
/// request back.
pub struct Restarting {
    cell: Arc<dyn AnyCell>,
    refused: Option<Refused>,
}

impl Future for Restarting {
    type Output = Result<(), ControlError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(refused) = self.refused {
            return Poll::Ready(Err(refused.into()));
        }
        let core = self.cell.core();
        match cell::poll_restarted(core, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) if core.is_finished() => Poll::Ready(Err(ControlError::Ended {
                path: core.path.to_string(),
                trigger: Trigger::Restart.name(),
                crash: core.peek_cold(|cold| cold.crash.clone()).flatten(),
            })),
            Poll::Ready(()) => Poll::Ready(Ok(())),
        }
    }
}
