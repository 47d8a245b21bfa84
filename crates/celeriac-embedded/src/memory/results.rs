//! [`Results`] in memory.

use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::outcome::{Completion, Entry, Mark};
use celeriac_core::store::{Results, Watch};
use celeriac_core::{BoxFuture, MessageId, Timestamp};
use tokio::sync::Notify;

use super::{Memory, closed};
use crate::live::Wake;

impl Results for Memory {
    fn complete(&self, batch: Vec<Completion>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(async move {
            let now = Timestamp::now();
            let added = batch.len();
            let mut recorded = Vec::with_capacity(added);
            // Both are dropped after the lock.
            let mut wake = Wake::default();
            let mut dropped = Vec::with_capacity(added);
            let mut results = self.results.lock();
            if results.closed {
                return Err(closed("complete"));
            }
            for completion in batch {
                let (first, former) = results.complete(completion, now, &mut wake);
                recorded.push(first);
                dropped.extend(former);
            }
            results.sweep(now, added, &mut dropped);
            drop(results);
            Ok(recorded)
        })
    }

    fn mark(&self, batch: Vec<Mark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let now = Timestamp::now();
            let expires_at = now.after(self.options.mark_ttl);
            let mut wake = Wake::default();
            let mut dropped = Vec::new();
            let mut results = self.results.lock();
            if results.closed {
                return Err(closed("mark"));
            }
            let added = batch.len();
            for mark in batch {
                results.mark(mark, expires_at, &mut wake);
            }
            results.sweep(now, added, &mut dropped);
            drop(results);
            Ok(())
        })
    }

    fn entries<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Entry>>>> {
        Box::pin(async move {
            let now = Timestamp::now();
            let results = self.results.lock();
            if results.closed {
                return Err(closed("entries"));
            }
            Ok(ids.iter().map(|id| results.entry(*id, now)).collect())
        })
    }

    fn changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, Entry)>>> {
        Box::pin(async move {
            let mut watching = None;
            loop {
                {
                    let mut results = self.results.lock();
                    if results.closed {
                        drop(results);
                        return Err(closed("changed"));
                    }
                    let newer = results.newer(watches, Timestamp::now());
                    if !newer.is_empty() || watches.is_empty() {
                        drop(results);
                        return Ok(newer);
                    }
                    if watching.is_none() {
                        let notify = Arc::new(Notify::new());
                        results.watch(watches, &notify);
                        watching = Some(Watching { memory: self, watches, notify });
                    }
                }
                if let Some(watching) = &watching {
                    watching.notify.notified().await;
                }
            }
        })
    }

    fn forget<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut dropped = Vec::with_capacity(ids.len());
            let mut results = self.results.lock();
            if results.closed {
                return Err(closed("forget"));
            }
            dropped.extend(ids.iter().filter_map(|id| results.forget(*id)));
            drop(results);
            Ok(())
        })
    }
}

/// A watcher leaves when it gives up or has seen enough.
struct Watching<'a> {
    memory: &'a Memory,
    watches: &'a [Watch],
    notify: Arc<Notify>,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut results = self.memory.results.lock();
        results.unwatch(self.watches, &self.notify);
    }
}
