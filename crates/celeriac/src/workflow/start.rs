//! Start: a canvas becomes a workflow in flight.

use celeriac_core::workflow::Canvas;
use celeriac_core::{MessageId, Name, QueueName, Timestamp};
use celeriac_engine::canvas::Start;
use celeriac_publisher::WorkflowError;

use crate::app::App;
use crate::connect::Error;

/// What a workflow without a name is called.
const CANVAS: Name = Name::from_static("canvas");

impl App {
    /// Starts a workflow, durably, and gives its id: the result is found under
    /// it ([`App::result`]), and revoking it cancels the workflow. It is kept
    /// for the app's `tasks.result_ttl`, or until it has ended.
    ///
    /// ```
    /// use celeriac::App;
    /// use celeriac::workflow::{Canvas, Signature};
    ///
    /// #[celeriac::task]
    /// fn add(a: i64, b: i64) -> i64 { a + b }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = App::memory().register(add);
    /// let worker = app.start_worker().await?;
    /// let name = <add as celeriac::Task>::NAME;
    /// let first = Signature::new(name).argument(1).argument(2);
    /// let second = Signature::new(name).argument(3);
    /// let id = app.start(Canvas::chain(vec![first.into(), second.into()])).await?;
    /// assert_eq!(app.result::<i64>(id).await?.get().await?, 6);
    /// # worker.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`WorkflowError::Canvas`] says what is wrong with the canvas;
    /// [`WorkflowError::Publish`] that the broker or store failed: it may have
    /// been started or not.
    pub async fn start(&self, canvas: Canvas) -> Result<MessageId, WorkflowError> {
        let now = Timestamp::now();
        let start = Start {
            id: MessageId::at(now),
            name: CANVAS,
            version: 0,
            queue: QueueName::DEFAULT,
            expires_at: now.after(self.config().tasks.result_ttl),
        };
        let id = start.id;
        self.start_as(start, &canvas).await?;
        Ok(id)
    }

    /// As [`Self::start`], with an id and a name of the caller's choice.
    /// Starting one of the same id again changes nothing.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_as(&self, start: Start, canvas: &Canvas) -> Result<(), WorkflowError> {
        let connection = self.connection().await.map_err(publish_error)?;
        connection.publisher.start_workflow(start, canvas).await
    }
}

/// An app that can't connect publishes nothing.
pub(super) fn publish_error(error: Error) -> WorkflowError {
    match error {
        Error::Driver(error) => celeriac_publisher::Error::Driver(error).into(),
        Error::NoKeys | Error::Keys(_) => {
            let denied = celeriac_core::Error::new(
                celeriac_core::ErrorKind::Config,
                "open the keys",
                error.to_string(),
            );
            celeriac_publisher::Error::Driver(denied.into()).into()
        }
        // Checked when the app was made.
        Error::Address { .. }
        | Error::NoStore { .. }
        | Error::Routes(_)
        | Error::NoBroker { .. } => celeriac_publisher::Error::Stopped.into(),
    }
}
