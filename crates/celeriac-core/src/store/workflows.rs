//! Workflows in flight: what they are, how they ended, and how far they are.

use serde::{Deserialize, Serialize};

use super::{StoreId, Watch};
use crate::error::Result;
use crate::workflow::{End, NewWorkflow, Page, Record, Status, StepId, StepMark};
use crate::{BoxFuture, MessageId, Name, Timestamp};

/// What a workflow's record becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// The workflow.
    pub id: MessageId,
    /// The epoch.
    pub epoch: u32,
    /// Its end in that epoch; `None`: it runs.
    pub end: Option<End>,
    /// The present time.
    pub at: Timestamp,
}

/// Which workflows are meant; each part narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowFilter {
    /// Of this name.
    pub name: Option<Name>,
    /// Of this status.
    pub status: Option<Status>,
    /// Also those that are parts of others.
    pub parts: bool,
    /// Only the parts of this one, not those of its parts.
    pub part_of: Option<MessageId>,
    /// Older than this one: the last of the page before.
    pub before: Option<MessageId>,
}

impl WorkflowFilter {
    /// Whether the filter means this workflow.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        let workflow = &record.workflow;
        self.name.as_ref().is_none_or(|name| *name == workflow.name)
            && self.status.is_none_or(|status| status == record.status())
            && match self.part_of {
                Some(whole) => {
                    workflow.parent.as_ref().is_some_and(|parent| parent.workflow == whole)
                }
                None => self.parts || workflow.parent.is_none(),
            }
            && self.before.is_none_or(|before| workflow.id < before)
    }
}

/// Workflows in flight.
pub trait Workflows {
    /// Which store this is, if there is a broker that is one with it
    /// ([`Broker::store_id`](crate::Broker::store_id)).
    fn store_id(&self) -> Option<StoreId> {
        None
    }

    /// Keeps new workflows with their graphs, durably. The answer says for
    /// each whether it is new; of one that is not, nothing changes.
    fn create(&self, batch: Vec<NewWorkflow>) -> BoxFuture<'_, Result<Vec<bool>>>;

    /// What is known of each, in the order asked; `None` where nothing is.
    fn workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Record>>>>;

    /// The page of a graph that each of these steps is on.
    fn pages<'a>(
        &'a self,
        graph: MessageId,
        steps: &'a [StepId],
    ) -> BoxFuture<'a, Result<Vec<Option<Page>>>>;

    /// Notes ends and new epochs, durably. A record changes only if the epoch
    /// is later than its own, or the same and it has not ended yet and now
    /// does; the answer says for each whether it did.
    fn transition(&self, batch: Vec<Transition>) -> BoxFuture<'_, Result<Vec<bool>>>;

    /// Raises the status of steps, durably ([`Status::after`]). A later epoch
    /// replaces what an earlier one noted, and is not touched by it.
    fn mark_steps(&self, batch: Vec<StepMark>) -> BoxFuture<'_, Result<()>>;

    /// The status of at most `max` of its steps from `first` on, in order.
    fn steps(
        &self,
        workflow: MessageId,
        first: StepId,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Status>>>;

    /// Waits until a workflow is newer than its watcher has seen, then answers
    /// with the versions of all that are. A version grows when the workflow is
    /// created, forgotten, ends, begins an epoch, or the status of a step is
    /// noted; changes of its parts are theirs. It may grow for nothing.
    /// Cancel-safe.
    fn workflows_changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, u64)>>>;

    /// At most `max` workflows that the filter means, the latest first.
    fn list<'a>(
        &'a self,
        filter: &'a WorkflowFilter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>>;

    /// Forgets workflows with their parts: records, graphs, joins, statuses.
    /// Answers how many of `ids` there were. Ended ones are forgotten by the driver itself some time
    /// after they expire.
    fn forget_workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>>;
}
