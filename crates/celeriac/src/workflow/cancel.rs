//! Cancelling workflows, and trying again what failed in them.

use celeriac_core::MessageId;
use celeriac_publisher::WorkflowError;

use super::start::publish_error;
use crate::app::App;

impl App {
    /// Cancels a workflow, durably: what waits of it is not run, what runs is
    /// cancelled, and nothing follows.
    ///
    /// # Errors
    /// [`WorkflowError`] says why not: there is none, it has ended, or the
    /// store failed.
    pub async fn cancel_workflow(&self, id: MessageId) -> Result<(), WorkflowError> {
        let connection = self.connection().await.map_err(publish_error)?;
        connection.publisher.cancel_workflow(id).await
    }

    /// Tries every step again that a workflow has failed with; the workflow goes
    /// on from there. What ended well is not run again.
    ///
    /// # Errors
    /// [`WorkflowError`] says why not.
    pub async fn retry_workflow(&self, id: MessageId) -> Result<(), WorkflowError> {
        let connection = self.connection().await.map_err(publish_error)?;
        connection.publisher.retry_workflow(id).await
    }

    /// As [`Self::retry_workflow`], but only one of the failed steps: `step` is
    /// the id of its message, as errors and quarantine tell it.
    ///
    /// # Errors
    /// [`WorkflowError`] says why not.
    pub async fn retry_step(&self, id: MessageId, step: MessageId) -> Result<(), WorkflowError> {
        let connection = self.connection().await.map_err(publish_error)?;
        connection.publisher.retry_step(id, step).await
    }
}
