//! Results: what became of each task.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::outcome::{Completion, Entry, Mark};
use crate::{BoxFuture, MessageId};

/// An entry, or a workflow, that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The task, or the workflow.
    pub id: MessageId,
    /// The version that the watcher has seen; 0 for none.
    pub seen: u64,
}

/// What became of each task.
pub trait Results {
    /// Records outcomes, durably. The first outcome of an id stays: the answer
    /// says for each completion whether it was the one that was recorded.
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>>;

    /// Notes changes that are not the end. Never overwrites an outcome; may be
    /// lost when the store dies.
    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>>;

    /// What is known of each id, in the order asked; `None` where nothing is.
    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>>;

    /// Waits until an entry is newer than its watcher has seen, then answers
    /// with all that are. Cancel-safe.
    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>>;

    /// Forgets what is known of these ids, durably.
    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>>;
}
