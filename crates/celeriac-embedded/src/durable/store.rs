//! The store on disk.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{
    Changes, Claim, Claimed, Dedup, Filter, Node, Quarantine, Quarantined, Registry, Results,
    Revocations, Timers, Watch,
};
use celeriac_core::{BoxFuture, Message, MessageId, Timestamp};

use super::Durable;

impl Results for Durable {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(self.owner.complete(batch))
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.owner.mark(batch) })
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(self.owner.entries(ids))
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(self.owner.changed(watches))
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.owner.forget(ids))
    }
}

impl Revocations for Durable {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.owner.revoke(ids, until))
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(async move { self.owner.revoked(ids) })
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(self.owner.revocations(cursor))
    }
}

impl Timers for Durable {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.owner.schedule(batch))
    }

    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>> {
        Box::pin(self.owner.take_due(now, max, lease))
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.owner.unschedule(batch))
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(async move { self.owner.next_due() })
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.owner.timers_changed())
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { self.owner.scheduled() })
    }
}

impl Dedup for Durable {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        Box::pin(self.owner.claim(batch))
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.owner.confirm(keys))
    }
}

impl Quarantine for Durable {
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.owner.quarantine(batch))
    }

    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>> {
        Box::pin(self.owner.quarantined(filter, max))
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.owner.unquarantine(ids))
    }
}

impl Registry for Durable {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.owner.announce(node) })
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.owner.withdraw(name) })
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(async move { self.owner.nodes(now) })
    }
}
