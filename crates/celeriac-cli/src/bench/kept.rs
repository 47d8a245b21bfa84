//! What a measurement leaves in broker and store: looked at, then removed.

use std::sync::Arc;

use celeriac::{App, Error, MessageId, QueueName, TaskState};
use celeriac_core::Store;

use super::ledger::Ledger;
use super::task::QUEUE;
use crate::problem::Result;

/// How many outcomes are looked up at once.
const BATCH: usize = 512;

/// Tasks that were sent: those of the indices from `first` on.
pub(super) struct Sent {
    pub(super) first: usize,
    pub(super) ids: Vec<MessageId>,
}

/// How many of these tasks ran and have a stored success; removes the outcomes.
pub(super) async fn completed(app: &App, ledger: &Ledger, sent: &[Sent]) -> Result<usize> {
    let store = store(app).await?;
    let mut completed = 0;
    for Sent { first, ids } in sent {
        for (batch, ids) in ids.chunks(BATCH).enumerate() {
            let entries = store.entries(ids).await.map_err(Error::from)?;
            for (offset, entry) in entries.into_iter().enumerate() {
                let ran = ledger.has_run(first + batch * BATCH + offset);
                let state = entry.map(|entry| entry.state);
                completed += usize::from(ran && state == Some(TaskState::Success));
            }
            store.forget(ids).await.map_err(Error::from)?;
        }
    }
    Ok(completed)
}

/// Removes a workflow and its outcome.
pub(super) async fn forget_workflow(app: &App, id: MessageId) -> Result<()> {
    let store = store(app).await?;
    store.forget_workflows(&[id]).await.map_err(Error::from)?;
    store.forget(&[id]).await.map_err(Error::from)?;
    Ok(())
}

/// Discards what waits in the queue of the measured tasks.
pub(super) async fn clear(app: &App) -> Result<u64> {
    Ok(app.purge(&QueueName::from_static(QUEUE)).await?)
}

async fn store(app: &App) -> Result<Arc<dyn Store>> {
    Ok(app.drivers().await?.1)
}
