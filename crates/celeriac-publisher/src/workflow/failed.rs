//! The steps that a workflow has failed with: their messages are in quarantine.

use std::collections::BTreeMap;

use celeriac_core::store::{Content, Filter, Quarantined};
use celeriac_core::workflow::{Record, Status, StepId};
use celeriac_core::{MessageId, Store};

use super::WorkflowError;
use super::ways::Ways;

/// How many messages are read at once.
const PAGE: usize = 256;

/// A step that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed {
    /// Its message in quarantine.
    pub(super) id: MessageId,
    /// Its workflow, which may be a part, and its step.
    pub(super) place: (MessageId, StepId),
    epoch: u32,
}

impl Failed {
    fn of(quarantined: &Quarantined) -> Option<Self> {
        let Content::Message(message) = &quarantined.content else { return None };
        let place = message.rare().workflow.as_ref()?;
        Some(Self { id: message.id, place: (place.id, place.step), epoch: place.epoch })
    }
}

/// One step of a workflow.
pub(super) async fn one(
    store: &dyn Store,
    workflow: MessageId,
    step: MessageId,
    ways: &mut Ways,
) -> Result<Failed, WorkflowError> {
    let filter = Filter { ids: vec![step], workflow: Some(workflow), ..Filter::default() };
    let found = store.quarantined(&filter, 1).await?;
    let failed = found.first().and_then(Failed::of);
    let failed = failed.ok_or(WorkflowError::NotQuarantined(step))?;
    ways.of(store, failed.place).await?;
    Ok(failed)
}

/// All that can be tried again. If `cause`, which the workflow failed with,
/// can't, it would fail with it again: then this says why it can't.
pub(super) async fn all(
    store: &dyn Store,
    record: &Record,
    cause: MessageId,
    ways: &mut Ways,
) -> Result<Vec<Failed>, WorkflowError> {
    let mut latest: BTreeMap<(MessageId, StepId), Failed> = BTreeMap::new();
    let mut filter = Filter { workflow: Some(record.workflow.id), ..Filter::default() };
    loop {
        let page = store.quarantined(&filter, PAGE).await?;
        for failed in page.iter().filter_map(Failed::of) {
            let known = latest.entry(failed.place).or_insert(failed);
            if known.epoch < failed.epoch {
                *known = failed;
            }
        }
        let Some(last) = page.last() else { break };
        filter.after = Some(last.content.id());
    }
    let mut all = Vec::with_capacity(latest.len());
    let mut is_caused = false;
    for failed in latest.into_values() {
        // What was left from an earlier epoch may have ended well since.
        if failed.epoch < record.epoch && has_succeeded(store, failed.place).await? {
            continue;
        }
        match ways.of(store, failed.place).await {
            Ok(_) => {
                is_caused |= failed.id == cause;
                all.push(failed);
            }
            Err(error @ WorkflowError::NotRetryable(_)) if failed.id == cause => return Err(error),
            Err(WorkflowError::NotRetryable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    match is_caused {
        true => Ok(all),
        false => Err(WorkflowError::NotQuarantined(cause)),
    }
}

async fn has_succeeded(
    store: &dyn Store,
    (workflow, step): (MessageId, StepId),
) -> Result<bool, WorkflowError> {
    Ok(store.steps(workflow, step, 1).await? == [Status::Success])
}
