//! Looking at workflows: what is known of one, and how far its steps are.

use celeriac_core::MessageId;
use celeriac_core::workflow::{Record, Status, StepId};

use crate::app::App;
use crate::connect::Error;

impl App {
    /// What is known of a workflow; `None` if it was never started here, or
    /// has been forgotten.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn workflow(&self, id: MessageId) -> Result<Option<Record>, Error> {
        let records = self.connection().await?.store.workflows(&[id]).await?;
        Ok(records.into_iter().next().flatten())
    }

    /// The status of at most `max` steps of a workflow, from `first` on.
    ///
    /// # Errors
    /// [`Error::Driver`] when the store fails.
    pub async fn workflow_steps(
        &self,
        id: MessageId,
        first: StepId,
        max: usize,
    ) -> Result<Vec<Status>, Error> {
        Ok(self.connection().await?.store.steps(id, first, max).await?)
    }
}
