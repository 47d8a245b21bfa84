//! The way from a failed step out to the whole workflow: what has to be open
//! again in each workflow that it is a part of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use celeriac_core::workflow::{Record, StepId};
use celeriac_core::{MessageId, Store, Timestamp};
use celeriac_engine::canvas::{self, Context, Graph, NotRetryable, Retry};

use super::{WorkflowError, graph};

/// Ways in the workflows that were read before.
#[derive(Debug)]
pub(super) struct Ways {
    epoch: u32,
    known: HashMap<MessageId, Record>,
    graphs: HashMap<MessageId, Graph>,
}

impl Ways {
    /// Nothing was read yet; what is open again is so in this epoch.
    pub(super) fn new(epoch: u32) -> Self {
        Self { epoch, known: HashMap::new(), graphs: HashMap::new() }
    }

    /// What has to be open again in each workflow, from the innermost out.
    pub(super) async fn of(
        &mut self,
        store: &dyn Store,
        (mut id, mut step): (MessageId, StepId),
    ) -> Result<Vec<(MessageId, Retry)>, WorkflowError> {
        let mut ways = Vec::new();
        loop {
            let record = match self.known.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(graph::record(store, id).await?),
            };
            let graph = self.graphs.entry(record.workflow.graph).or_default();
            ways.push((id, way(store, record, graph, step, self.epoch).await?));
            match &record.workflow.parent {
                None => return Ok(ways),
                Some(parent) => (id, step) = (parent.workflow, parent.step),
            }
        }
    }
}

async fn way(
    store: &dyn Store,
    record: &Record,
    graph: &mut Graph,
    step: StepId,
    epoch: u32,
) -> Result<Retry, WorkflowError> {
    let workflow = &record.workflow;
    loop {
        let (values, limits, now) = (&[][..], canvas::Limits::default(), Timestamp::now());
        let context = Context { workflow, epoch, graph, values, limits, now };
        match canvas::retry(&context, step) {
            Ok(retry) => return Ok(retry),
            Err(NotRetryable::Need(canvas::Need::Page(missing))) => {
                graph::fetch(store, graph, (workflow.graph, missing)).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
