//! The rest of the store in memory: revocations, timers, dedup, quarantine,
//! registry.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::store::{
    Changes, Claim, Claimed, Dedup, Filter, Node, Quarantine, Quarantined, Registry, Revocations,
    Timers,
};
use celeriac_core::{BoxFuture, Message, MessageId, Timestamp};
use tokio::sync::Notify;

use super::Memory;
use crate::live::Wake;

impl Revocations for Memory {
    fn revoke<'a>(&'a self, ids: &'a [MessageId], until: Timestamp) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.check_open("revoke")?;
            let mut wake = Wake::default();
            let mut revocations = self.revocations.lock();
            self.any_revoked.store(true, Ordering::Release);
            revocations.sweep(Timestamp::now());
            for id in ids {
                revocations.revoke(*id, until, &mut wake);
            }
            drop(revocations);
            Ok(())
        })
    }

    fn revoked<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>>> {
        Box::pin(async move {
            self.check_open("revoked")?;
            if !self.any_revoked.load(Ordering::Acquire) {
                return Ok(Vec::new());
            }
            let mut revocations = self.revocations.lock();
            let now = Timestamp::now();
            revocations.sweep(now);
            if revocations.is_empty() {
                self.any_revoked.store(false, Ordering::Release);
            }
            Ok(revocations.revoked(ids, now))
        })
    }

    fn revocations(&self, cursor: u64) -> BoxFuture<'_, Result<Changes>> {
        Box::pin(async move {
            let notify = Arc::new(Notify::new());
            loop {
                {
                    let mut revocations = self.revocations.lock();
                    self.check_open("revocations")?;
                    revocations.sweep(Timestamp::now());
                    if let Some(changes) = revocations.since(cursor) {
                        return Ok(changes);
                    }
                    revocations.wait(&notify);
                }
                notify.notified().await;
            }
        })
    }
}

impl Timers for Memory {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.check_open("schedule")?;
            let mut wake = Wake::default();
            let mut timers = self.timers.lock();
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
            self.check_open("take_due")?;
            Ok(self.timers.lock().take_due(now, max, lease))
        })
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.check_open("unschedule")?;
            let mut timers = self.timers.lock();
            for message in batch {
                timers.unschedule(message);
            }
            Ok(())
        })
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(async move {
            self.check_open("next_due")?;
            let mut timers = self.timers.lock();
            timers.seen();
            Ok(timers.next_due())
        })
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let notify = Arc::new(Notify::new());
            loop {
                {
                    let mut timers = self.timers.lock();
                    self.check_open("timers_changed")?;
                    if timers.has_news(&notify) {
                        return Ok(());
                    }
                }
                notify.notified().await;
            }
        })
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            self.check_open("scheduled")?;
            Ok(self.timers.lock().len() as u64)
        })
    }
}

impl Dedup for Memory {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        Box::pin(async move {
            self.check_open("claim")?;
            let mut dedup = self.dedup.lock();
            Ok(batch.iter().map(|claim| dedup.claim(claim)).collect())
        })
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.check_open("confirm")?;
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
            self.check_open("quarantine")?;
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
            self.check_open("quarantined")?;
            Ok(self.quarantine.lock().page(filter, max))
        })
    }

    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.check_open("unquarantine")?;
            let mut quarantine = self.quarantine.lock();
            let removed = ids.iter().filter(|id| quarantine.remove(**id));
            Ok(removed.count() as u64)
        })
    }
}

impl Registry for Memory {
    fn announce(&self, node: Node) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.check_open("announce")?;
            self.registry.lock().announce(node);
            Ok(())
        })
    }

    fn withdraw<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.check_open("withdraw")?;
            self.registry.lock().withdraw(name);
            Ok(())
        })
    }

    fn nodes(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Node>>> {
        Box::pin(async move {
            self.check_open("nodes")?;
            Ok(self.registry.lock().nodes(now))
        })
    }
}
