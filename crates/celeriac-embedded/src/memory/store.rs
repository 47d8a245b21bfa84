//! The rest of the store in memory: revocations, timers, dedup, quarantine,
//! registry.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::store::{
    Changes, Claim, Claimed, Dedup, Filter, Node, Quarantine, Quarantined, Registry, Revocations,
    Timers,
};
use celeriac_core::{BoxFuture, Message, MessageId, Timestamp};

use super::Memory;
use crate::live::Wake;

impl Revocations for Memory {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("revoke")?;
            self.hub.revoke(ids, until);
            Ok(())
        })
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(async move { self.hub.revoked(ids) })
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(self.hub.revocations(cursor))
    }
}

impl Timers for Memory {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("schedule")?;
            let mut wake = Wake::default();
            let mut timers = self.hub.timers.lock();
            for message in batch {
                timers.schedule(message.clone(), &mut wake);
            }
            drop(timers);
            Ok(())
        })
    }

    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>> {
        Box::pin(async move {
            self.hub.check_open("take_due")?;
            let due = self.hub.timers.lock().take_due(now, max, lease);
            Ok(due.into_iter().filter_map(|due| due.message).collect())
        })
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("unschedule")?;
            let mut timers = self.hub.timers.lock();
            for message in batch {
                timers.unschedule(message.id, message.attempt);
            }
            Ok(())
        })
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(async move { self.hub.next_due(&self.seen_timers) })
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.hub.timers_changed(&self.seen_timers))
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { self.hub.scheduled() })
    }
}

impl Dedup for Memory {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        Box::pin(async move {
            self.hub.check_open("claim")?;
            let mut dedup = self.dedup.lock();
            Ok(batch.iter().map(|claim| dedup.claim(claim)).collect())
        })
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("confirm")?;
            let mut dedup = self.dedup.lock();
            for key in keys {
                dedup.confirm(key);
            }
            Ok(())
        })
    }
}

impl Quarantine for Memory {
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("quarantine")?;
            let mut quarantine = self.quarantine.lock();
            for quarantined in batch {
                quarantine.insert(quarantined);
            }
            Ok(())
        })
    }

    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>> {
        Box::pin(async move {
            self.hub.check_open("quarantined")?;
            Ok(self.quarantine.lock().page(filter, max))
        })
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.hub.check_open("unquarantine")?;
            let mut quarantine = self.quarantine.lock();
            let removed = ids.iter().filter(|id| quarantine.remove(**id));
            Ok(removed.count() as u64)
        })
    }
}

impl Registry for Memory {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.hub.announce(node) })
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.hub.withdraw(name) })
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(async move { self.hub.nodes(now) })
    }
}
