//! The handle of an actor: sending and asking, and what it shows of itself.
//!
//! Its control from outside is in [`control`].

mod control;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::{Actor, Handler};
use crate::cell::{self, AnyCell, Cell, Exit, dead_letter};
use crate::configuration::Configuration;
use crate::error::{AskError, StartError, TellError, TryTellError};
use crate::event::DeadLetterReason;
use crate::lifecycle::State;
use crate::mailbox::{Push, Rejection};
use crate::recipient::Recipient;
use crate::recipient_of::RecipientOf;
use crate::reply::{self, Reply};
use crate::snapshot::ActorSnapshot;
use crate::starting;

pub use control::{ControlError, Restarting, Stopping};

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
    /// Another actor can await this during its own start, in `#[started]` say.
    /// If this one in turn waits for that start, because it depends on the other
    /// actor, both would wait forever: whichever comes second gets a
    /// [`StartFailure::Cycle`](crate::StartFailure::Cycle) instead.
    ///
    /// # Errors
    ///
    /// It ended without ever having been started, or the cycle.
    pub async fn started(&self) -> Result<(), StartError> {
        starting::started(&self.any_cell()).await
    }

    /// Waits until the actor has ended for good.
    pub async fn stopped(&self) -> Exit {
        cell::ended(&self.cell.core).await
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
