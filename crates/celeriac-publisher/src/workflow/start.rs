//! Start: a workflow is kept, then the message that begins it is published.

use celeriac_core::Timestamp;
use celeriac_core::workflow::Canvas;
use celeriac_engine::canvas::Start;

use super::WorkflowError;
use crate::handle::Publisher;

impl Publisher {
    /// Starts a workflow, durably. Started again under the same id, it is
    /// begun once: after an error, call it again with the same arguments.
    ///
    /// # Errors
    /// [`WorkflowError::Canvas`] says what is wrong with the canvas: nothing
    /// was started. [`WorkflowError::Publish`]: it may have been started or not.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it may have been started or not.
    pub async fn start_workflow(&self, start: Start, canvas: &Canvas) -> Result<(), WorkflowError> {
        let (new, begin) = start.of(canvas, Timestamp::now())?;
        self.store.create(vec![new]).await?;
        Ok(self.publish(vec![begin.into()]).await?)
    }
}
