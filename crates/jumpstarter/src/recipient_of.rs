//! A handle to ask that knows the message and the reply but not the actor type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::Handler;
use crate::address::Address;
use crate::error::AskError;
use crate::recipient::Recipient;

/// The handle of some actor that answers messages of type `M` with an `R`. Made
/// by [`Address::recipient_of`]; cheap to clone. One allocation per question
/// more than [`Address::ask`].
///
/// For messages that need no answer, [`Recipient`] is enough.
pub struct RecipientOf<M, R> {
    target: Arc<dyn Answers<M, R>>,
}

type Answer<'a, R> = Pin<Box<dyn Future<Output = Result<R, AskError>> + Send + 'a>>;

trait Answers<M, R>: Send + Sync {
    fn path(&self) -> &str;
    fn ask(&self, message: M) -> Answer<'_, R>;
    fn recipient(&self) -> Recipient<M>;
}

impl<A, M> Answers<M, A::Reply> for Address<A>
where
    A: Handler<M>,
    M: Send + 'static,
{
    fn path(&self) -> &str {
        Address::path(self)
    }

    fn ask(&self, message: M) -> Answer<'_, A::Reply> {
        Box::pin(Address::ask(self, message))
    }

    fn recipient(&self) -> Recipient<M> {
        Address::recipient(self)
    }
}

impl<M: Send + 'static, R: Send + 'static> RecipientOf<M, R> {
    pub(crate) fn new<A: Handler<M, Reply = R>>(address: Address<A>) -> Self {
        RecipientOf { target: Arc::new(address) }
    }

    /// As [`Address::ask`].
    ///
    /// # Errors
    ///
    /// The actor has stopped, or it dropped the reply.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the message may or may not have been sent;
    /// the reply is lost.
    pub async fn ask(&self, message: M) -> Result<R, AskError> {
        self.target.ask(message).await
    }

    /// As [`Address::ask_timeout`].
    ///
    /// # Errors
    ///
    /// Those of `ask`, and [`AskError::Timeout`]; the actor may still work on
    /// the message then.
    pub async fn ask_timeout(&self, message: M, limit: Duration) -> Result<R, AskError> {
        match tokio::time::timeout(limit, self.target.ask(message)).await {
            Ok(answered) => answered,
            Err(_) => Err(AskError::Timeout(limit)),
        }
    }

    /// The handle for telling.
    pub fn recipient(&self) -> Recipient<M> {
        self.target.recipient()
    }

    /// Where the actor is in the tree.
    pub fn path(&self) -> &str {
        self.target.path()
    }
}

impl<M, R> Clone for RecipientOf<M, R> {
    fn clone(&self) -> Self {
        RecipientOf { target: Arc::clone(&self.target) }
    }
}

impl<M, R> fmt::Debug for RecipientOf<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientOf").field("path", &self.target.path()).finish()
    }
}
