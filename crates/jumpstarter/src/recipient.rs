//! A handle that knows the message type but not the actor type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::actor::Handler;
use crate::cell::{Cell, dead_letter};
use crate::core::Core;
use crate::error::{TellError, TryTellError};
use crate::event::DeadLetterReason;
use crate::mailbox::Rejection;
use crate::reply::Reply;

/// The handle of some actor that understands messages of type `M`. Made by
/// [`Address::recipient`](crate::Address::recipient); cheap to clone. No
/// allocation per message.
pub struct Recipient<M> {
    target: Arc<dyn Deliver<M>>,
}

trait Deliver<M>: Send + Sync {
    fn core(&self) -> &Core;
    fn offer(&self, message: M) -> Result<(), (M, Rejection)>;
    fn poll_deliver(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Option<u64>,
        message: &mut Option<M>,
    ) -> Poll<Result<(), Rejection>>;
    fn withdraw(&self, ticket: u64);
}

impl<A: Handler<M>, M: Send> Deliver<M> for Cell<A> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn offer(&self, message: M) -> Result<(), (M, Rejection)> {
        let wrap = |message| A::envelope(message, Reply::nobody());
        self.mailbox.try_push(message, wrap).map(|receiver| self.rouse(receiver))
    }

    fn poll_deliver(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Option<u64>,
        message: &mut Option<M>,
    ) -> Poll<Result<(), Rejection>> {
        let wrap = |message| A::envelope(message, Reply::nobody());
        let pushed = self.mailbox.poll_push(cx, ticket, message, wrap);
        pushed.map_ok(|receiver| self.rouse(receiver))
    }

    fn withdraw(&self, ticket: u64) {
        self.mailbox.withdraw(ticket);
    }
}

impl<M: Send + 'static> Recipient<M> {
    pub(crate) fn new<A: Handler<M>>(cell: Arc<Cell<A>>) -> Self {
        Recipient { target: cell }
    }

    /// Sends a message, awaiting room. As [`Address::tell`](crate::Address::tell).
    ///
    /// # Errors
    ///
    /// The actor has stopped; the message is given back.
    pub async fn tell(&self, message: M) -> Result<(), TellError<M>> {
        let mut delivery =
            Delivery { target: self.target.as_ref(), message: Some(message), ticket: None };
        match (&mut delivery).await {
            Ok(()) => Ok(()),
            Err(_) => {
                self.report_closed();
                match delivery.message.take() {
                    Some(back) => Err(TellError(back)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Sends a message if there is room at once.
    ///
    /// # Errors
    ///
    /// The mailbox is full or the actor has stopped; the message is given back.
    pub fn try_tell(&self, message: M) -> Result<(), TryTellError<M>> {
        match self.target.offer(message) {
            Ok(()) => Ok(()),
            Err((back, Rejection::Full)) => Err(TryTellError::Full(back)),
            Err((back, Rejection::Closed)) => {
                self.report_closed();
                Err(TryTellError::Closed(back))
            }
        }
    }

    /// Where the actor is in the tree.
    pub fn path(&self) -> &str {
        &self.target.core().path
    }

    pub(crate) fn core(&self) -> &Core {
        self.target.core()
    }

    fn report_closed(&self) {
        dead_letter(self.target.core(), std::any::type_name::<M>(), DeadLetterReason::Closed);
    }
}

impl<M> Clone for Recipient<M> {
    fn clone(&self) -> Self {
        Recipient { target: Arc::clone(&self.target) }
    }
}

impl<M> fmt::Debug for Recipient<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient").field("path", &self.target.core().path).finish()
    }
}

struct Delivery<'a, M> {
    target: &'a dyn Deliver<M>,
    message: Option<M>,
    ticket: Option<u64>,
}

// Nothing in it is pinned.
impl<M> Unpin for Delivery<'_, M> {}

impl<M> Future for Delivery<'_, M> {
    type Output = Result<(), Rejection>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.target.poll_deliver(cx, &mut this.ticket, &mut this.message)
    }
}

impl<M> Drop for Delivery<'_, M> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.target.withdraw(ticket);
        }
    }
}
