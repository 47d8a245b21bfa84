//! Looking after what could not be worked on.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::store::{Content, Filter, Quarantined};
use celeriac_core::{Message, MessageId, Timestamp};

use crate::app::App;
use crate::connect::Error;

/// How long the way from quarantine to broker may take, waiting for room aside.
const HANDOVER: Duration = Duration::from_secs(60);

/// Why a message in quarantine was not requeued.
#[derive(Debug, thiserror::Error)]
pub enum RequeueError {
    /// It is not there.
    #[error("there is no message {0} in quarantine; see `celeriac quarantine list`")]
    Unknown(MessageId),
    /// It is no message; it can only be discarded.
    #[error("{0} can't be read as a message and so not be requeued; discard it")]
    Undecodable(MessageId),
    /// It is a step of a workflow, which has to be told.
    #[error("{id} is a step of the workflow {workflow}; retry the workflow instead")]
    Step {
        /// The message.
        id: MessageId,
        /// The workflow.
        workflow: MessageId,
    },
    /// The app could not connect, or the store failed.
    #[error(transparent)]
    Store(#[from] Error),
    /// It could not be published; it is still in quarantine.
    #[error(transparent)]
    Publish(#[from] celeriac_publisher::Error),
}

impl App {
    /// At most `max` messages in quarantine that the filter means, by id. The
    /// next page begins `after` the last id of this one.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn quarantined(
        &self,
        filter: &Filter,
        max: usize,
    ) -> Result<Vec<Quarantined>, Error> {
        Ok(self.connection().await?.store.quarantined(filter, max).await?)
    }

    /// Sends a message in quarantine again, as a first attempt without expiry.
    ///
    /// # Errors
    /// [`RequeueError`]; the message is still in quarantine, or, after an error
    /// of the store in the middle, comes to its queue within two minutes.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the message is still in quarantine, is sent,
    /// or will be within two minutes.
    pub async fn requeue(&self, id: MessageId) -> Result<(), RequeueError> {
        let connection = self.connection().await?;
        let filter = Filter { ids: vec![id], ..Filter::default() };
        let found = self.quarantined(&filter, 1).await?;
        let Some(found) = found.into_iter().next() else {
            return Err(RequeueError::Unknown(id));
        };
        let Content::Message(message) = found.content.clone() else {
            return Err(RequeueError::Undecodable(id));
        };
        let place = message.rare().workflow.as_ref();
        // Of a callback, no workflow waits for anything: it is in no scope.
        if let Some(outermost) = place.and_then(|place| place.scopes.first()) {
            return Err(RequeueError::Step { id, workflow: *outermost });
        }
        // Its old outcome would stand for the new run: it goes first.
        connection.store.forget(&[id]).await.map_err(Error::from)?;
        self.hand_over(found, fresh(&message)).await
    }

    /// From quarantine to broker. It must leave the quarantine before it may
    /// run, for it may come back at once; so meanwhile the timers have it, who
    /// publish it if this process dies.
    async fn hand_over(
        &self,
        quarantined: Quarantined,
        message: Message,
    ) -> Result<(), RequeueError> {
        let connection = self.connection().await?;
        let store = &connection.store;
        let mut vouched = message.clone();
        let patience = self.config().queues.room_timeout + HANDOVER;
        vouched.rare_mut().eta = Some(Timestamp::now().after(patience));
        let vouched = [Arc::new(vouched)];
        store.schedule(&vouched).await.map_err(Error::from)?;
        store.unquarantine(&[message.id]).await.map_err(Error::from)?;
        let published = connection.publisher.publish(vec![Arc::new(message)]).await;
        if published.is_err() {
            store.quarantine(vec![quarantined]).await.map_err(Error::from)?;
        }
        store.unschedule(&vouched).await.map_err(Error::from)?;
        Ok(published?)
    }

    /// Discards messages in quarantine; says how many there were.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn discard(&self, ids: &[MessageId]) -> Result<u64, Error> {
        Ok(self.connection().await?.store.unquarantine(ids).await?)
    }
}

/// The message as if it were sent now.
fn fresh(message: &Message) -> Message {
    let mut fresh = message.clone();
    fresh.attempt = 0;
    fresh.may_repeat = true;
    fresh.created_at = Timestamp::now();
    if let Some(rare) = &mut fresh.rare {
        rare.eta = None;
        rare.expires_at = None;
        rare.deadline = None;
    }
    fresh
}
