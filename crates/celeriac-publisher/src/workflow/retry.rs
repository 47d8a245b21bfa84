//! Retry by hand: the step that a workflow has failed with is tried again, and
//! the workflow goes on from there.

use celeriac_core::store::{Content, Filter, Transition};
use celeriac_core::workflow::{End, Record, Status, StepId};
use celeriac_core::{Message, MessageId, Timestamp};
use celeriac_engine::canvas::{self, Context, Graph, NotRetryable, Retry};

use super::{WorkflowError, graph};
use crate::handle::Publisher;

impl Publisher {
    /// Tries the step again that a workflow has failed with; the workflow goes
    /// on from there. What ended well is not run again.
    ///
    /// # Errors
    /// [`WorkflowError`] says why not; after [`WorkflowError::Publish`] call it
    /// again, unless the workflow is running by then.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it may be tried again or not: call it again.
    pub async fn retry_workflow(&self, id: MessageId) -> Result<(), WorkflowError> {
        let store = &*self.store;
        let record = graph::record(store, id).await?;
        if let Some(parent) = &record.workflow.parent {
            return Err(WorkflowError::Part { id, whole: parent.workflow });
        }
        let Some(End::Failure(error)) = &record.end else {
            let (status, wanted, what) = (record.status(), Status::Failure, "tried again");
            return Err(WorkflowError::Status { id, status, wanted, what });
        };
        let epoch = record.epoch + 1;
        let mut message = self.failed_message(error.id).await?;
        let Some(place) = &mut message.rare_mut().workflow else {
            return Err(WorkflowError::NotQuarantined(error.id));
        };
        place.epoch = epoch;
        let ways = self.ways((place.id, place.step), epoch).await?;
        let Some((_, innermost)) = ways.first() else { return Err(WorkflowError::Unknown(id)) };
        message.id = innermost.message;
        // From the outside in: what waits for another is open before that can end.
        for (_, retry) in ways.iter().rev() {
            store.reopen(retry.reopen.clone()).await?;
            store.mark_steps(retry.marks.clone()).await?;
        }
        store.forget(&[id]).await?;
        self.publish(vec![message.into()]).await?;
        let at = Timestamp::now();
        let transition =
            |(id, _): &(MessageId, Retry)| Transition { id: *id, epoch, end: None, at };
        store.transition(ways.iter().map(transition).collect()).await?;
        store.unquarantine(&[error.id]).await?;
        Ok(())
    }

    /// The message in quarantine, as if it were sent now.
    async fn failed_message(&self, id: MessageId) -> Result<Message, WorkflowError> {
        let filter = Filter { ids: vec![id], ..Filter::default() };
        let found = self.store.quarantined(&filter, 1).await?;
        let content = found.into_iter().next().map(|quarantined| quarantined.content);
        let Some(Content::Message(message)) = content else {
            return Err(WorkflowError::NotQuarantined(id));
        };
        let mut message = Message::clone(&message);
        (message.attempt, message.may_repeat) = (0, true);
        message.created_at = Timestamp::now();
        let rare = message.rare_mut();
        (rare.eta, rare.expires_at, rare.deadline) = (None, None, None);
        Ok(message)
    }

    /// What has to be open again in each workflow, from the innermost out.
    async fn ways(
        &self,
        (mut id, mut step): (MessageId, StepId),
        epoch: u32,
    ) -> Result<Vec<(MessageId, Retry)>, WorkflowError> {
        let mut ways = Vec::new();
        loop {
            let record = graph::record(&*self.store, id).await?;
            ways.push((id, self.way(&record, step, epoch).await?));
            match &record.workflow.parent {
                None => return Ok(ways),
                Some(parent) => (id, step) = (parent.workflow, parent.step),
            }
        }
    }

    async fn way(&self, record: &Record, step: StepId, epoch: u32) -> Result<Retry, WorkflowError> {
        let workflow = &record.workflow;
        let mut graph = Graph::default();
        loop {
            let (values, limits, now) = (&[][..], canvas::Limits::default(), Timestamp::now());
            let context = Context { workflow, epoch, graph: &graph, values, limits, now };
            match canvas::retry(&context, step) {
                Ok(retry) => return Ok(retry),
                Err(NotRetryable::Need(canvas::Need::Page(missing))) => {
                    graph::fetch(&*self.store, &mut graph, (workflow.graph, missing)).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
