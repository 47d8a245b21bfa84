//! The store's side of [`Faulty`].

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{
    Changes, Claim, Claimed, Dedup, Filter, Node, Quarantine, Quarantined, Registry, Results,
    Revocations, Timers, Watch,
};
use celeriac_core::{BoxFuture, Message, MessageId, Store, Timestamp};

use super::{Faulty, Operation};

impl Results for Faulty<dyn Store> {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(self.plan.run(Operation::Complete, move || self.inner.complete(batch)))
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.plan.run(Operation::Mark, move || self.inner.mark(batch)))
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(self.plan.run(Operation::Entries, move || self.inner.entries(ids)))
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(self.plan.run(Operation::Changed, move || self.inner.changed(watches)))
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.plan.run(Operation::Forget, move || self.inner.forget(ids)))
    }
}

impl Revocations for Faulty<dyn Store> {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.plan.run(Operation::Revoke, move || self.inner.revoke(ids, until)))
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(self.plan.run(Operation::Revoked, move || self.inner.revoked(ids)))
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(self.plan.run(Operation::Revocations, move || self.inner.revocations(cursor)))
    }
}

impl Timers for Faulty<dyn Store> {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.plan.run(Operation::Schedule, move || self.inner.schedule(batch)))
    }

    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>> {
        let call = move || self.inner.take_due(now, max, lease);
        Box::pin(self.plan.run(Operation::TakeDue, call))
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.plan.run(Operation::Unschedule, move || self.inner.unschedule(batch)))
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(self.plan.run(Operation::NextDue, move || self.inner.next_due()))
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.plan.run(Operation::TimersChanged, move || self.inner.timers_changed()))
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.plan.run(Operation::Scheduled, move || self.inner.scheduled()))
    }
}

impl Dedup for Faulty<dyn Store> {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        Box::pin(self.plan.run(Operation::Claim, move || self.inner.claim(batch)))
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.plan.run(Operation::Confirm, move || self.inner.confirm(keys)))
    }
}

impl Quarantine for Faulty<dyn Store> {
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.plan.run(Operation::Quarantine, move || self.inner.quarantine(batch)))
    }

    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>> {
        let call = move || self.inner.quarantined(filter, max);
        Box::pin(self.plan.run(Operation::Quarantined, call))
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.plan.run(Operation::Unquarantine, move || self.inner.unquarantine(ids)))
    }
}

impl Registry for Faulty<dyn Store> {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.plan.run(Operation::Announce, move || self.inner.announce(node)))
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.plan.run(Operation::Withdraw, move || self.inner.withdraw(name)))
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(self.plan.run(Operation::Nodes, move || self.inner.nodes(now)))
    }
}
