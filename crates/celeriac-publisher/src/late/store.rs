//! A store that is opened when it can be.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{
    Changes, Claim, Claimed, Dedup, Filter, Join, Joined, Joins, Node, Quarantine, Quarantined,
    Registry, Reopen, Results, Revocations, Timers, Transition, Watch, WorkflowFilter, Workflows,
};
use celeriac_core::workflow::{Member, NewWorkflow, Page, Record, Status, StepId, StepMark};
use celeriac_core::{BoxFuture, Message, MessageId, Store, Timestamp};

use super::{Late, Open};

/// A store that is opened by whoever uses it first, as often as that fails.
pub struct LateStore {
    late: Late<dyn Store>,
}

impl LateStore {
    /// A store that `open` opens.
    #[must_use]
    pub fn new(open: Open<dyn Store>) -> Self {
        Self { late: Late::new(open) }
    }
}

impl fmt::Debug for LateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = self.late.opened().is_some();
        f.debug_struct("LateStore").field("is_open", &is_open).finish_non_exhaustive()
    }
}

impl Results for LateStore {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move { self.late.get("open").await?.complete(batch).await })
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.mark(batch).await })
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(async move { self.late.get("open").await?.entries(ids).await })
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(async move { self.late.get("open").await?.changed(watches).await })
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.forget(ids).await })
    }
}

impl Revocations for LateStore {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.revoke(ids, until).await })
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(async move { self.late.get("open").await?.revoked(ids).await })
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(async move { self.late.get("open").await?.revocations(cursor).await })
    }
}

impl Timers for LateStore {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.schedule(batch).await })
    }

    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>> {
        Box::pin(async move { self.late.get("open").await?.take_due(now, max, lease).await })
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.unschedule(batch).await })
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(async move { self.late.get("open").await?.next_due().await })
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.timers_changed().await })
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { self.late.get("open").await?.scheduled().await })
    }
}

impl Dedup for LateStore {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        Box::pin(async move { self.late.get("open").await?.claim(batch).await })
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.confirm(keys).await })
    }
}

impl Quarantine for LateStore {
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.quarantine(batch).await })
    }

    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>> {
        Box::pin(async move { self.late.get("open").await?.quarantined(filter, max).await })
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { self.late.get("open").await?.unquarantine(ids).await })
    }
}

impl Registry for LateStore {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.announce(node).await })
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.withdraw(name).await })
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(async move { self.late.get("open").await?.nodes(now).await })
    }
}

impl Workflows for LateStore {
    fn create(&self, batch: Vec<NewWorkflow>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move { self.late.get("open").await?.create(batch).await })
    }

    fn workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Record>>>> {
        Box::pin(async move { self.late.get("open").await?.workflows(ids).await })
    }

    fn pages<'a>(
        &'a self,
        graph: MessageId,
        steps: &'a [StepId],
    ) -> BoxFuture<'a, Result<Vec<Option<Page>>>> {
        Box::pin(async move { self.late.get("open").await?.pages(graph, steps).await })
    }

    fn transition(&self, batch: Vec<Transition>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move { self.late.get("open").await?.transition(batch).await })
    }

    fn mark_steps(&self, batch: Vec<StepMark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.mark_steps(batch).await })
    }

    fn steps(
        &self,
        workflow: MessageId,
        first: StepId,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Status>>> {
        Box::pin(async move { self.late.get("open").await?.steps(workflow, first, max).await })
    }

    fn workflows_changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, u64)>>> {
        Box::pin(async move { self.late.get("open").await?.workflows_changed(watches).await })
    }

    fn list<'a>(
        &'a self,
        filter: &'a WorkflowFilter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>> {
        Box::pin(async move { self.late.get("open").await?.list(filter, max).await })
    }

    fn forget_workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { self.late.get("open").await?.forget_workflows(ids).await })
    }
}

impl Joins for LateStore {
    fn join(&self, batch: Vec<Join>) -> BoxFuture<'_, Result<Vec<Joined>>> {
        Box::pin(async move { self.late.get("open").await?.join(batch).await })
    }

    fn members(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<(u32, Member)>>> {
        Box::pin(
            async move { self.late.get("open").await?.members(workflow, join, from, max).await },
        )
    }

    fn reopen(&self, batch: Vec<Reopen>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.late.get("open").await?.reopen(batch).await })
    }
}
