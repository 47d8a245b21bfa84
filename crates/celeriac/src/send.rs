//! Sending: signatures and events onto the broker.

use std::sync::Arc;

use celeriac_core::body::{self, EncodeError};
use celeriac_core::{ContentType, Message, MessageId, Name, Timestamp};

use crate::app::App;
use crate::connect::Error;
use crate::event::Event;
use crate::result::AsyncResult;
use crate::signature::Signature;
use crate::task::Task;

/// Why something was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The app could not connect.
    #[error(transparent)]
    Connect(#[from] Error),
    /// The arguments or the event can't be encoded.
    #[error("failed to {0}")]
    Encode(#[from] EncodeError),
    /// The publisher could not publish.
    #[error(transparent)]
    Publish(#[from] celeriac_publisher::Error),
    /// A task's context without an app can't send.
    #[error("this context has no app to send with: {0}")]
    NoApp(String),
}

impl App {
    /// Sends a task. `Ok` means that it is as durable as the broker promises;
    /// in a directory: on disk. Waits while the queue is full.
    ///
    /// # Errors
    /// [`SendError`]; after [`SendError::Publish`] with a driver's error the
    /// task may have been sent or not.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the task may have been sent or not.
    pub async fn send<T: Task>(
        &self,
        signature: Signature<T>,
    ) -> Result<AsyncResult<T::Output>, SendError> {
        let connection = self.connection().await?;
        let dedup = signature.dedup().cloned();
        let message = signature.into_message(Timestamp::now())?;
        let mut id = message.id;
        match dedup {
            None => connection.publisher.publish(vec![Arc::new(message)]).await?,
            Some((key, window)) => {
                id = connection.publisher.publish_once(message, &key, window).await?;
            }
        }
        Ok(connection.result(id))
    }

    /// Sends tasks in as few round trips as the broker allows, in order; the
    /// handles come in the same order. A signature with a `dedup_key` is sent
    /// by itself.
    ///
    /// # Errors
    /// As [`Self::send`]; some of the tasks may have been sent.
    pub async fn send_many<T: Task>(
        &self,
        signatures: impl IntoIterator<Item = Signature<T>>,
    ) -> Result<Vec<AsyncResult<T::Output>>, SendError> {
        let connection = self.connection().await?;
        let now = Timestamp::now();
        let (mut batch, mut results) = (Vec::new(), Vec::new());
        for signature in signatures {
            if signature.dedup().is_some() {
                results.push(self.send(signature).await?);
                continue;
            }
            let message = signature.into_message(now)?;
            results.push(connection.result(message.id));
            batch.push(Arc::new(message));
        }
        if !batch.is_empty() {
            connection.publisher.publish(batch).await?;
        }
        Ok(results)
    }

    /// Publishes an event: every task that subscribes to it runs once.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn publish<E: Event>(&self, event: E) -> Result<MessageId, SendError> {
        let connection = self.connection().await?;
        let body = body::encode(&ContentType::Json, &event)?;
        let message = Message::event(Name::from_static(E::NAME), body);
        let id = message.id;
        connection.publisher.publish(vec![Arc::new(message)]).await?;
        Ok(id)
    }
}
