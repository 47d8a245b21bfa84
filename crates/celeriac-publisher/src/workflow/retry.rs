//! Retry by hand: the steps that a workflow has failed with are tried again,
//! and the workflow goes on from there.

use std::collections::BTreeSet;
use std::sync::Arc;

use celeriac_core::store::{Content, Filter, Reopen, Transition};
use celeriac_core::workflow::{End, Record, Status, StepMark};
use celeriac_core::{Message, MessageId, Store, Timestamp};

use super::failed::{self, Failed};
use super::ways::Ways;
use super::{WorkflowError, graph};
use crate::handle::Publisher;

/// How many steps are seen to at once.
const PAGE: usize = 256;

impl Publisher {
    /// Tries every step again that a workflow has failed with: all failed
    /// members of its groups, unless something took their failure for a result.
    /// The workflow goes on from there. What ended well is not run again.
    ///
    /// # Errors
    /// [`WorkflowError`] says why not; after [`WorkflowError::Publish`] call it
    /// again, unless the workflow is running by then.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it may be tried again or not: call it again.
    pub async fn retry_workflow(&self, id: MessageId) -> Result<(), WorkflowError> {
        let (record, cause) = self.failed_workflow(id).await?;
        let mut ways = Ways::new(record.epoch + 1);
        let failed = failed::all(&*self.store, &record, cause, &mut ways).await?;
        self.try_again(&record, &failed, ways).await
    }

    /// Tries one step again that failed in a workflow that has failed; `step` is
    /// the id of its message, as errors and quarantine tell it. What else has
    /// failed stays so: where a group waits for both, it fails again.
    ///
    /// # Errors
    /// As [`Self::retry_workflow`]. [`WorkflowError::NotQuarantined`] if the
    /// step is not of this workflow.
    ///
    /// # Cancel safety
    /// As [`Self::retry_workflow`].
    pub async fn retry_step(&self, id: MessageId, step: MessageId) -> Result<(), WorkflowError> {
        let (record, _) = self.failed_workflow(id).await?;
        let mut ways = Ways::new(record.epoch + 1);
        let failed = failed::one(&*self.store, id, step, &mut ways).await?;
        self.try_again(&record, &[failed], ways).await
    }

    /// A workflow that can be tried again, and the step that it failed with.
    async fn failed_workflow(&self, id: MessageId) -> Result<(Record, MessageId), WorkflowError> {
        let record = graph::record(&*self.store, id).await?;
        if let Some(parent) = &record.workflow.parent {
            return Err(WorkflowError::Part { id, whole: parent.workflow });
        }
        let Some(End::Failure(error)) = &record.end else {
            let (status, wanted, what) = (record.status(), Status::Failure, "tried again");
            return Err(WorkflowError::Status { id, status, wanted, what });
        };
        let cause = error.id;
        Ok((record, cause))
    }

    /// All is open again before anything is sent: what ends meanwhile must not
    /// close what another is still to come into. The messages leave quarantine
    /// last, so that after a crash all of it can be done again.
    async fn try_again(
        &self,
        record: &Record,
        failed: &[Failed],
        mut ways: Ways,
    ) -> Result<(), WorkflowError> {
        let (store, epoch) = (&*self.store, record.epoch + 1);
        let mut again: BTreeSet<MessageId> = BTreeSet::new();
        for page in failed.chunks(PAGE) {
            let (mut reopen, mut marks): (Vec<Reopen>, Vec<StepMark>) = Default::default();
            for failed in page {
                for (workflow, way) in ways.of(store, failed.place).await? {
                    again.insert(workflow);
                    reopen.extend(way.reopen);
                    marks.extend(way.marks);
                }
            }
            store.reopen(reopen).await?;
            store.mark_steps(marks).await?;
        }
        forget_earlier(store, record.workflow.id, epoch).await?;
        for page in failed.chunks(PAGE) {
            let messages = self.messages(page, epoch).await?;
            self.publish(messages).await?;
        }
        let at = Timestamp::now();
        let transition = |id: MessageId| Transition { id, epoch, end: None, at };
        store.transition(again.into_iter().map(transition).collect()).await?;
        let ids: Vec<MessageId> = failed.iter().map(|failed| failed.id).collect();
        store.unquarantine(&ids).await?;
        Ok(())
    }

    /// Messages in quarantine, as if they were sent now, in the new epoch.
    async fn messages(
        &self,
        page: &[Failed],
        epoch: u32,
    ) -> Result<Vec<Arc<Message>>, WorkflowError> {
        let ids = page.iter().map(|failed| failed.id).collect();
        let filter = Filter { ids, ..Filter::default() };
        let found = self.store.quarantined(&filter, page.len()).await?;
        let messages = found.into_iter().filter_map(|quarantined| match quarantined.content {
            Content::Message(message) => Some(Arc::new(anew(&message, epoch)?)),
            Content::Undecodable(_) => None,
        });
        Ok(messages.collect())
    }
}

fn anew(message: &Message, epoch: u32) -> Option<Message> {
    let mut message = Message::clone(message);
    let place = message.rare_mut().workflow.as_mut()?;
    place.epoch = epoch;
    message.id = celeriac_engine::canvas::step_id(place.id, place.step, epoch);
    (message.attempt, message.may_repeat) = (0, true);
    message.created_at = Timestamp::now();
    let rare = message.rare_mut();
    (rare.eta, rare.expires_at, rare.deadline) = (None, None, None);
    Some(message)
}

/// Whoever waits for the workflow waits for its end in the new epoch.
async fn forget_earlier(store: &dyn Store, id: MessageId, epoch: u32) -> Result<(), WorkflowError> {
    let entry = store.entries(&[id]).await?.into_iter().next().flatten();
    let outcome = entry.and_then(|entry| entry.outcome);
    // The attempt of a workflow's outcome is its epoch.
    if outcome.is_some_and(|outcome| outcome.attempt < epoch) {
        store.forget(&[id]).await?;
    }
    Ok(())
}
