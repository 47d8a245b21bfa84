//! Cancel: what waits, what runs and what is yet to come of a workflow.

use std::time::Duration;

use celeriac_core::store::Transition;
use celeriac_core::workflow::{End, Status};
use celeriac_core::{MessageId, Store, Timestamp};
use celeriac_engine::Ending;
use celeriac_engine::canvas::{self, Act, Cancelled, Noted};

use super::{WorkflowError, graph};
use crate::handle::Publisher;

/// How long a workflow stays revoked at the least: messages that wait for
/// longer than it is kept are not run either.
const REVOKED: Duration = Duration::from_secs(24 * 3600);

impl Publisher {
    /// Cancels a workflow, durably: what waits of it is not run, what runs is
    /// cancelled, nothing follows any more. Its status, that of its parts, and that
    /// of steps that have not ended, becomes `CANCELLED`. A workflow that has ended by the
    /// time stays as it is. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`WorkflowError::Unknown`]; [`WorkflowError::Status`] if it has ended;
    /// [`WorkflowError::Part`]; [`WorkflowError::Publish`] if the store failed:
    /// call it again.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it may be cancelled or not: call it again.
    pub async fn cancel_workflow(&self, id: MessageId) -> Result<(), WorkflowError> {
        let store = &*self.store;
        let record = graph::record(store, id).await?;
        if let Some(parent) = &record.workflow.parent {
            return Err(WorkflowError::Part { id, whole: parent.workflow });
        }
        let status = record.status();
        let now = Timestamp::now();
        if status == Status::Cancelled {
            // Whoever cancelled it may not have come to the end of it.
            cancel_parts(store, id, now).await?;
            let (workflow, epoch) = (std::sync::Arc::new(record.workflow.clone()), record.epoch);
            let ending = Ending { workflow, epoch, end: End::Cancelled, at: now };
            store.complete(vec![ending.completion()]).await?;
        }
        if status != Status::Running {
            let (wanted, what) = (Status::Running, "cancelled");
            return Err(WorkflowError::Status { id, status, wanted, what });
        }
        let epoch = record.epoch;
        let workflow = std::sync::Arc::new(record.workflow);
        let until = workflow.expires_at.max(now.after(REVOKED));
        store.revoke(&[id], until).await?;
        cancel_parts(store, id, now).await?;
        let (mut marks, mut ends) = (Vec::new(), Vec::new());
        for act in canvas::cancel(&workflow, epoch, now) {
            match act {
                Act::Mark(mark) => marks.push(mark),
                Act::End(end) => {
                    ends.push(Ending { workflow: workflow.clone(), epoch, end: *end, at: now });
                }
                // It was revoked above, first; and it has nobody to tell.
                _ => {}
            }
        }
        store.mark_steps(marks).await?;
        for ending in ends {
            let Ending { end, at, .. } = ending.clone();
            let changed =
                store.transition(vec![Transition { id, epoch, end: Some(end), at }]).await?;
            if changed == [true] {
                store.complete(vec![ending.completion()]).await?;
            }
        }
        Ok(())
    }
}

/// Notes that the parts of a workflow are cancelled that have not ended.
async fn cancel_parts(
    store: &dyn Store,
    id: MessageId,
    now: Timestamp,
) -> Result<(), WorkflowError> {
    let mut parts = Cancelled::within(id, id, now);
    while let Some((filter, max)) = parts.wanted() {
        let found = store.list(filter, max).await?;
        parts.give(&found);
    }
    let Noted { marks, ends } = parts.into_noted();
    if !ends.is_empty() {
        store.mark_steps(marks).await?;
        store.transition(ends).await?;
    }
    Ok(())
}
