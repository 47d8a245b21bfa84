//! The handle of a workflow in flight: its result, how far it is, and what can
//! be done to it. Starting one is `workflow::start`; what is drawn is in `drawing`.

mod drawing;
mod error;
mod progress;
mod results;
#[cfg(test)]
mod tests;
mod view;
mod watch;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::workflow::{Record, Status};
use celeriac_core::{MessageId, Store};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

pub use drawing::Drawing;
pub use error::WorkflowResultError;
pub use progress::{NodeProgress, WorkflowProgress};

use crate::app::App;
use crate::connect::Error;
use crate::workflow::WorkflowError;
use view::{Outline, View};

/// A handle of a workflow that was sent; `Out` is what it gives. Dropping it
/// changes nothing.
pub struct WorkflowHandle<Out> {
    id: MessageId,
    app: App,
    outline: Arc<OnceCell<Outline>>,
    out: PhantomData<fn() -> Out>,
}

impl App {
    /// The handle of a workflow that was sent before, here or elsewhere.
    pub fn workflow_handle<Out>(&self, id: MessageId) -> WorkflowHandle<Out> {
        let (app, outline) = (self.clone(), Arc::default());
        WorkflowHandle { id, app, outline, out: PhantomData }
    }

    /// At most `max` workflows that the filter means, the latest first.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn workflows(
        &self,
        filter: &celeriac_core::store::WorkflowFilter,
        max: usize,
    ) -> Result<Vec<Record>, Error> {
        Ok(self.connection().await?.store.list(filter, max).await?)
    }
}

impl<Out> WorkflowHandle<Out> {
    /// The workflow's id, by which [`App::workflow_handle`] finds it again.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    async fn store(&self) -> Result<&Arc<dyn Store>, Error> {
        Ok(&self.app.connection().await?.store)
    }

    /// What is known of the workflow; `None` if it was never sent, or has expired.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn record(&self) -> Result<Option<Record>, Error> {
        self.app.workflow(self.id).await
    }

    /// Its status; `None` if nothing is known of it.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn status(&self) -> Result<Option<Status>, Error> {
        Ok(self.record().await?.map(|record| record.status()))
    }

    async fn view(&self) -> Result<View, WorkflowResultError> {
        let store = self.store().await?;
        let outline =
            self.outline.get_or_try_init(|| view::outline(&**store, self.id)).await?.clone();
        let view = view::view(&**store, self.id, Some((self.id, outline))).await?;
        view.ok_or(WorkflowResultError::Unknown(self.id))
    }

    /// How far it is, node by node.
    ///
    /// # Errors
    /// [`WorkflowResultError::Unknown`] or `Store`.
    pub async fn progress(&self) -> Result<WorkflowProgress, WorkflowResultError> {
        Ok(progress::of(&self.view().await?))
    }

    /// Its graph as it is now, every step in the colour of its status.
    ///
    /// # Errors
    /// [`WorkflowResultError::Unknown`] or `Store`.
    pub async fn graph(&self) -> Result<Drawing, WorkflowResultError> {
        Ok(Drawing::of(&self.view().await?))
    }

    /// Cancels the workflow, durably: what waits of it is not run, what runs is
    /// cancelled, and nothing follows. Repeating it changes nothing.
    ///
    /// # Errors
    /// As [`App::cancel_workflow`].
    pub async fn cancel(&self) -> Result<(), WorkflowError> {
        self.app.cancel_workflow(self.id).await
    }

    /// Tries every step again that the workflow has failed with; it goes on from
    /// there. What ended well is not run again.
    ///
    /// # Errors
    /// As [`App::retry_workflow`].
    pub async fn retry(&self) -> Result<(), WorkflowError> {
        self.app.retry_workflow(self.id).await
    }

    /// Tries one of the steps again that failed, by the id of its message.
    ///
    /// # Errors
    /// As [`App::retry_step`].
    pub async fn retry_step(&self, step: MessageId) -> Result<(), WorkflowError> {
        self.app.retry_step(self.id, step).await
    }
}

impl<Out: DeserializeOwned> WorkflowHandle<Out> {
    /// Waits for the workflow's end; its result, or why there is none.
    ///
    /// # Errors
    /// Every [`WorkflowResultError`] but `Timeout`.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost, call it again.
    pub async fn get(&self) -> Result<Out, WorkflowResultError> {
        let value = self.resolved(self.value().await?).await?;
        self.decode(&value)
    }

    /// As [`Self::get`], but waits for `limit` at the most.
    ///
    /// # Errors
    /// Every [`WorkflowResultError`].
    ///
    /// # Cancel safety
    /// Safe: nothing is lost, call it again.
    pub async fn get_timeout(&self, limit: Duration) -> Result<Out, WorkflowResultError> {
        let timeout = WorkflowResultError::Timeout { id: self.id, waited: limit };
        tokio::time::timeout(limit, self.get()).await.unwrap_or(Err(timeout))
    }
}

impl<Out> Clone for WorkflowHandle<Out> {
    fn clone(&self) -> Self {
        let (app, outline) = (self.app.clone(), self.outline.clone());
        Self { id: self.id, app, outline, out: PhantomData }
    }
}

impl<Out> fmt::Debug for WorkflowHandle<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkflowHandle").field("id", &self.id).finish_non_exhaustive()
    }
}
