//! Sending: signatures, canvases and events onto the broker.

use std::sync::Arc;

use celeriac_core::body::{self, EncodeError};
use celeriac_core::{ContentType, Message, MessageId, Name, Timestamp};

use crate::app::App;
use crate::canvas::{Canvas, CanvasError, Dynamic, Group, Nothing, Step as _};
use crate::connect::Error;
use crate::event::Event;
use crate::handle::WorkflowHandle;
use crate::result::AsyncResult;
use crate::signature::Signature;
use crate::task::Task;
use crate::workflow::WorkflowError;

/// Why something was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The app could not connect.
    #[error(transparent)]
    Connect(#[from] Error),
    /// The arguments or the event can't be encoded.
    #[error("failed to {0}")]
    Encode(#[from] EncodeError),
    /// The canvas can't be a workflow.
    #[error(transparent)]
    Canvas(#[from] CanvasError),
    /// The workflow was not started.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The publisher could not publish.
    #[error(transparent)]
    Publish(#[from] celeriac_publisher::Error),
    /// A task's context without an app can't send.
    #[error("this context has no app to send with: {0}")]
    NoApp(String),
}

/// What [`App::send`] takes: a call of a task, or a canvas that takes nothing.
#[diagnostic::on_unimplemented(
    message = "this can't be sent: it is no complete call, nor a workflow that takes nothing",
    label = "takes something that nothing gives",
    note = "a workflow begins with `task::s(…)`, which has all of its arguments"
)]
pub trait Submit {
    /// The handle of what was sent.
    type Handle;

    /// Sends it. [`App::send`] reads better.
    fn submit(self, app: &App) -> impl Future<Output = Result<Self::Handle, SendError>> + Send;
}

impl<T: Task> Submit for Signature<T> {
    type Handle = AsyncResult<T::Output>;

    async fn submit(self, app: &App) -> Result<Self::Handle, SendError> {
        let connection = app.connection().await?;
        let dedup = self.dedup().cloned();
        let message = self.into_message(Timestamp::now())?;
        let mut id = message.id;
        match dedup {
            None => connection.publisher.publish(vec![Arc::new(message)]).await?,
            Some((key, window)) => {
                id = connection.publisher.publish_once(message, &key, window).await?;
            }
        }
        Ok(connection.result(id))
    }
}

impl<Out> Submit for Canvas<Nothing, Out> {
    type Handle = WorkflowHandle<Out>;

    async fn submit(self, app: &App) -> Result<Self::Handle, SendError> {
        let id = app.start(self.into_data()?).await?;
        Ok(app.workflow_handle(id))
    }
}

impl<Out> Submit for Group<Nothing, Out> {
    type Handle = WorkflowHandle<Out>;

    async fn submit(self, app: &App) -> Result<Self::Handle, SendError> {
        Canvas::<Nothing, Out>::submit(self.into_canvas(), app).await
    }
}

impl Submit for Dynamic {
    type Handle = WorkflowHandle<serde_json::Value>;

    async fn submit(self, app: &App) -> Result<Self::Handle, SendError> {
        Canvas::<Nothing, _>::submit(self.typed(), app).await
    }
}

impl App {
    /// Sends a task, or a workflow. `Ok` means that it is as durable as the
    /// broker promises; in a directory: on disk. Waits while the queue is full.
    ///
    /// ```
    /// use celeriac::App;
    /// use celeriac::canvas::group;
    ///
    /// #[celeriac::task]
    /// async fn add(a: i64, b: i64) -> i64 { a + b }
    ///
    /// #[celeriac::task]
    /// async fn sum(numbers: Vec<i64>) -> i64 { numbers.iter().sum() }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = App::memory().register(add).register(sum);
    /// let worker = app.start_worker().await?;
    /// let task = app.send(add::s(1, 2)).await?;
    /// let workflow = app.send(group([add::s(1, 2), add::s(3, 4)]).then(sum::p())).await?;
    /// assert_eq!((task.get().await?, workflow.get().await?), (3, 10));
    /// # worker.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SendError`]; after [`SendError::Publish`] with a driver's error it may
    /// have been sent or not.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it may have been sent or not.
    pub async fn send<S: Submit>(&self, what: S) -> Result<S::Handle, SendError> {
        what.submit(self).await
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
