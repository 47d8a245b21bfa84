//! [`Results`] in memory.

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{Results, Watch};
use celeriac_core::{BoxFuture, MessageId, Timestamp};

use super::Memory;
use crate::live::{self, Wake};

impl Memory {
    /// Records what is the first of its id, unless `may` says that nothing
    /// shall be recorded.
    pub(super) fn record(
        &self,
        batch: Vec<Completion>,
        may: impl FnOnce(&live::Results, Timestamp) -> bool,
    ) -> Vec<bool> {
        let now = Timestamp::now();
        let added = batch.len();
        let mut recorded = Vec::with_capacity(added);
        // Both are dropped after the lock.
        let mut wake = Wake::default();
        let mut dropped = Vec::with_capacity(added);
        let mut results = self.hub.results.lock();
        if !may(&results, now) {
            return recorded;
        }
        let versions = results.versions(added)..;
        for (completion, version) in batch.into_iter().zip(versions) {
            let (first, former) = results.complete(completion, version, now, &mut wake);
            recorded.push(first);
            dropped.extend(former);
        }
        results.sweep(now, added, &mut dropped);
        drop(results);
        recorded
    }
}

impl Results for Memory {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            self.hub.check_open("complete")?;
            Ok(self.record(batch, |_, _| true))
        })
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.hub.mark(batch, self.options.mark_ttl)?;
            Ok(())
        })
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(async move {
            self.hub.check_open("entries")?;
            let now = Timestamp::now();
            let results = self.hub.results.lock();
            Ok(ids.iter().map(|id| results.entry(*id, now)).collect())
        })
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(async move {
            let newer = self.hub.newer(watches)?;
            if !newer.is_empty() || watches.is_empty() {
                return Ok(newer);
            }
            let watching = self.hub.watch(watches);
            loop {
                let newer = self.hub.newer(watches)?;
                if !newer.is_empty() {
                    return Ok(newer);
                }
                watching.change().await;
            }
        })
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("forget")?;
            let mut dropped = Vec::with_capacity(ids.len());
            let mut results = self.hub.results.lock();
            dropped.extend(ids.iter().filter_map(|id| results.forget(*id)));
            drop(results);
            Ok(())
        })
    }
}
