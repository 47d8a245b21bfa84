//! The handle of an actor: sending, asking, and control from outside.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::actor::{Actor, Handler};
use crate::cell::{self, AnyCell, Cell, Exit, dead_letter};
use crate::chart::Refused;
use crate::configuration::Configuration;
use crate::core::{ENDING_FOR_GOOD, KILL, RESTART, STOP_NOW};
use crate::dependents;
use crate::error::{AskError, StartError, TellError, TryTellError};
use crate::event::DeadLetterReason;
use crate::hooks::{self, Fires, Firing};
use crate::lifecycle::{State, Trigger, next};
use crate::mailbox::{Push, Rejection};
use crate::recipient::Recipient;
use crate::recipient_of::RecipientOf;
use crate::reply::{self, Reply};
use crate::snapshot::ActorSnapshot;

/// The handle of an actor. Cheap to clone; the actor lives on when all are gone.
///
/// Messages from one sender arrive in the order in which they were sent.
pub struct Address<A: Actor> {
    cell: Arc<Cell<A>>,
}

impl<A: Actor> Address<A> {
    pub(crate) fn new(cell: Arc<Cell<A>>) -> Self {
        Address { cell }
    }

    pub(crate) fn cell(&self) -> &Arc<Cell<A>> {
        &self.cell
    }

    pub(crate) fn any_cell(&self) -> Arc<dyn AnyCell> {
        Arc::clone(&self.cell) as Arc<dyn AnyCell>
    }

    /// Sends a message, awaiting room in the mailbox.
    ///
    /// # Errors
    ///
    /// The actor has stopped; the message is given back.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the message is not sent, and lost.
    #[inline]
    pub async fn tell<M>(&self, message: M) -> Result<(), TellError<M>>
    where
        A: Handler<M>,
    {
        match self.try_tell(message) {
            Ok(()) => Ok(()),
            Err(TryTellError::Closed(back)) => Err(TellError(back)),
            Err(TryTellError::Full(back)) => {
                let wrap = |message| A::envelope(message, Reply::nobody());
                match Push::new(&self.cell.mailbox, back, wrap).await {
                    Err(Some(back)) => {
                        self.report_closed::<M>();
                        Err(TellError(back))
                    }
                    Ok(receiver) => {
                        self.cell.rouse(receiver);
                        Ok(())
                    }
                    Err(None) => Ok(()),
                }
            }
        }
    }

    /// Sends a message if there is room at once.
    ///
    /// # Errors
    ///
    /// The mailbox is full or the actor has stopped; the message is given back.
    #[inline]
    pub fn try_tell<M>(&self, message: M) -> Result<(), TryTellError<M>>
    where
        A: Handler<M>,
    {
        let wrap = |message| A::envelope(message, Reply::nobody());
        match self.cell.mailbox.try_push(message, wrap) {
            Ok(receiver) => {
                self.cell.rouse(receiver);
                Ok(())
            }
            Err((back, Rejection::Full)) => Err(TryTellError::Full(back)),
            Err((back, Rejection::Closed)) => {
                self.report_closed::<M>();
                Err(TryTellError::Closed(back))
            }
        }
    }

    /// Sends a message, awaiting room, and awaits the reply. An actor that asks
    /// itself waits forever.
    ///
    /// # Errors
    ///
    /// The actor has stopped, or it dropped the reply.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the message may or may not have been sent;
    /// the reply is lost.
    pub async fn ask<M>(&self, message: M) -> Result<A::Reply, AskError>
    where
        A: Handler<M>,
    {
        let (reply, answer) = reply::channel();
        self.forward(message, reply).await.map_err(|_| AskError::Closed)?;
        answer.await.ok_or(AskError::NoReply)
    }

    /// Like [`ask`](Self::ask), but gives up after `limit`, which includes the
    /// wait for room.
    ///
    /// # Errors
    ///
    /// Those of `ask`, and [`AskError::Timeout`]; the actor may still work on
    /// the message then.
    pub async fn ask_timeout<M>(&self, message: M, limit: Duration) -> Result<A::Reply, AskError>
    where
        A: Handler<M>,
    {
        match tokio::time::timeout(limit, self.ask(message)).await {
            Ok(answered) => answered,
            Err(_) => Err(AskError::Timeout(limit)),
        }
    }

    /// Sends a message with someone else's [`Reply`], which the handler here
    /// will answer. Awaits room.
    ///
    /// # Errors
    ///
    /// The actor has stopped; the message is given back, the reply is dropped.
    pub async fn forward<M>(&self, message: M, reply: Reply<A::Reply>) -> Result<(), TellError<M>>
    where
        A: Handler<M>,
    {
        let wrap = |(message, reply)| A::envelope(message, reply);
        let mailbox = &self.cell.mailbox;
        let pushed = match mailbox.try_push((message, reply), wrap) {
            Ok(receiver) => Ok(receiver),
            Err((parcel, Rejection::Closed)) => Err(Some(parcel)),
            Err((parcel, Rejection::Full)) => Push::new(mailbox, parcel, wrap).await,
        };
        let back = match pushed {
            Ok(receiver) => {
                self.cell.rouse(receiver);
                return Ok(());
            }
            Err(back) => back,
        };
        self.report_closed::<M>();
        match back {
            Some((message, _)) => Err(TellError(message)),
            None => Ok(()),
        }
    }

    /// The handle for messages of type `M` only.
    pub fn recipient<M>(&self) -> Recipient<M>
    where
        A: Handler<M>,
        M: Send + 'static,
    {
        Recipient::new(Arc::clone(&self.cell))
    }

    /// The handle for asking messages of type `M` only.
    pub fn recipient_of<M>(&self) -> RecipientOf<M, A::Reply>
    where
        A: Handler<M>,
        M: Send + 'static,
    {
        RecipientOf::new(self.clone())
    }

    #[cold]
    fn report_closed<M>(&self) {
        dead_letter(&self.cell.core, std::any::type_name::<M>(), DeadLetterReason::Closed);
    }
}

impl<A: Actor> Address<A> {
    /// Waits until the actor is started.
    ///
    /// # Errors
    ///
    /// It ended without ever having been started.
    pub async fn started(&self) -> Result<(), StartError> {
        cell::started(&self.cell.core).await
    }

    /// Waits until the actor has ended for good.
    pub async fn stopped(&self) -> Exit {
        cell::ended(&self.cell.core).await
    }

    /// Asks the actor to stop; awaiting what this returns waits for the end.
    ///
    /// Those that [depend](crate::Dependency) on it are stopped first, and it
    /// works for them until they have ended. Then, or at once if there are none,
    /// the mailbox is closed; messages that were accepted before are worked off,
    /// unless the actor is paused or about to start again: then they become dead
    /// letters. Inside one of the actor's own handlers use
    /// [`Context::stop_self`](crate::Context::stop_self), or do not await.
    pub fn stop(&self) -> Stopping {
        let cell = self.any_cell();
        dependents::stop(&cell, None);
        Stopping::new(cell)
    }

    /// Like [`stop`](Self::stop), but only the message at work is finished;
    /// those that wait become dead letters. Those that depend on it are stopped
    /// after it.
    pub fn stop_now(&self) -> Stopping {
        self.cell.mailbox.close();
        self.cell.core.raise(STOP_NOW);
        Stopping::new(self.any_cell())
    }

    /// Ends the actor at its next await, even inside a handler. Resources are
    /// dropped without their release methods. Those that depend on it are stopped
    /// after it.
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
    /// # Errors
    ///
    /// Refused unless the actor is running, or if one of its conditions does not
    /// hold.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it may or may not take effect.
    pub async fn pause(&self) -> Result<(), Refused> {
        hooks::ask_for(&self.cell.core, Firing::PAUSE, None).await
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    ///
    /// Refused unless the actor is paused, or if one of its conditions does not
    /// hold.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it may or may not take effect.
    pub async fn resume(&self) -> Result<(), Refused> {
        hooks::ask_for(&self.cell.core, Firing::RESUME, None).await
    }

    /// Fires a trigger of the actor's own chart, `#[actor(chart = …)]`, and waits
    /// until the transition is done, with its hooks.
    ///
    /// # Errors
    ///
    /// Refused where the chart has no such transition, or if a condition does not
    /// hold.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it may or may not take effect.
    pub async fn fire(&self, trigger: impl Fires<A>) -> Result<(), Refused> {
        hooks::ask_for(&self.cell.core, Firing::Own(trigger.index()), None).await
    }

    /// Like [`fire`](Self::fire), with a value for the hooks; see
    /// [`Transition::payload`](crate::Transition::payload).
    ///
    /// # Errors
    ///
    /// Those of `fire`.
    pub async fn fire_with<P>(&self, trigger: impl Fires<A>, payload: P) -> Result<(), Refused>
    where
        P: Any + Send + Sync,
    {
        let firing = Firing::Own(trigger.index());
        hooks::ask_for(&self.cell.core, firing, Some(Box::new(payload))).await
    }

    /// Stops the actor after the message at work and starts it again with a
    /// fresh value. The mailbox is kept.
    ///
    /// # Errors
    ///
    /// Refused unless the actor is running, paused or between a crash and its
    /// restart, and if it was asked to stop.
    pub fn restart(&self) -> Result<(), Refused> {
        let core = &self.cell.core;
        let state = core.state();
        if core.is_finished() {
            return Err(Refused::new(Trigger::Restart.name(), state.path()));
        }
        next(state, Trigger::Restart)?;
        if core.word() & ENDING_FOR_GOOD != 0 {
            return Err(Refused::new(Trigger::Restart.name(), State::Stopping.path()));
        }
        core.raise(RESTART);
        Ok(())
    }

    /// The state of the lifecycle; cheap. The whole configuration is
    /// [`state`](Self::state).
    pub fn lifecycle(&self) -> State {
        self.cell.core.state()
    }

    /// The whole configuration: lifecycle, restart region, tasks, dependencies.
    pub fn state(&self) -> Configuration {
        Configuration::of(self.cell.as_ref())
    }

    /// The configuration with counters and the mailbox.
    pub fn snapshot(&self) -> ActorSnapshot {
        ActorSnapshot::of(self.cell.as_ref())
    }

    /// Where the actor is in the tree.
    pub fn path(&self) -> &str {
        &self.cell.core.path
    }

    /// Whether messages are refused because the actor stops or has stopped.
    pub fn is_closed(&self) -> bool {
        self.cell.mailbox.is_closed()
    }
}

impl<A: Actor> Clone for Address<A> {
    fn clone(&self) -> Self {
        Address { cell: Arc::clone(&self.cell) }
    }
}

impl<A: Actor> PartialEq for Address<A> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }
}

impl<A: Actor> Eq for Address<A> {}

impl<A: Actor> fmt::Debug for Address<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("path", &self.path())
            .field("state", &self.cell.core.active())
            .finish()
    }
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
