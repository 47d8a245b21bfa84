//! Reading a workflow: its record, and the pages that a decision needs.

use std::sync::Arc;

use celeriac_core::workflow::{Record, StepId};
use celeriac_core::{MessageId, Store};
use celeriac_engine::canvas::Graph;

use super::WorkflowError;

/// The record of a workflow.
pub(super) async fn record(store: &dyn Store, id: MessageId) -> Result<Record, WorkflowError> {
    let records = store.workflows(&[id]).await?;
    records.into_iter().next().flatten().ok_or(WorkflowError::Unknown(id))
}

/// Puts the page of a step at hand.
pub(super) async fn fetch(
    store: &dyn Store,
    graph: &mut Graph,
    (workflow, step): (MessageId, StepId),
) -> Result<(), WorkflowError> {
    let pages = store.pages(workflow, &[step]).await?;
    let page = pages.into_iter().next().flatten().ok_or(WorkflowError::Unknown(workflow))?;
    graph.insert(Arc::new(page));
    Ok(())
}
