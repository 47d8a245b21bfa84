//! What waits at the hub, and leaves when it gives up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use celeriac_core::error::Result;
use celeriac_core::outcome::Entry;
use celeriac_core::store::{Changes, Watch};
use celeriac_core::{MessageId, QueueName, Timestamp};
use tokio::sync::Notify;

use super::{Hub, SeenTimers};

impl Hub {
    /// Waits until the queue has room.
    pub(crate) async fn room(&self, queue: &QueueName) -> Result<()> {
        let waiting = WaitForRoom { hub: self, queue, notify: Arc::new(Notify::new()) };
        loop {
            {
                let mut queues = self.queues.lock();
                if queues.closed {
                    drop(queues);
                    return Err(self.closed("room"));
                }
                if queues.has_room(queue, &waiting.notify) {
                    drop(queues);
                    return Ok(());
                }
            }
            waiting.notify.notified().await;
        }
    }

    /// Begins to watch entries: every change from here on is noticed.
    pub(crate) fn watch<'a>(&'a self, watches: &'a [Watch]) -> Watching<'a> {
        let notify = Arc::new(Notify::new());
        self.results.lock().watch(watches, &notify);
        Watching { hub: self, watches, notify }
    }

    /// Those entries in memory that are newer than their watchers have seen.
    pub(crate) fn newer(&self, watches: &[Watch]) -> Result<Vec<(MessageId, Entry)>> {
        let results = self.results.lock();
        if results.closed {
            drop(results);
            return Err(self.closed("changed"));
        }
        Ok(results.newer(watches, Timestamp::now()))
    }

    /// Waits until a workflow is newer than its watcher has seen.
    pub(crate) async fn workflows_changed(
        &self,
        watches: &[Watch],
    ) -> Result<Vec<(MessageId, u64)>> {
        let waiting = WaitForWorkflows { hub: self, watches, notify: Arc::new(Notify::new()) };
        self.versions.lock().watch(watches, &waiting.notify);
        loop {
            self.check_open("workflows_changed")?;
            let newer = self.versions.lock().newer(watches);
            if !newer.is_empty() || watches.is_empty() {
                return Ok(newer);
            }
            waiting.notify.notified().await;
        }
    }

    /// Waits for revocations after `cursor`.
    pub(crate) async fn revocations(&self, cursor: u64) -> Result<Changes> {
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
    }

    /// Waits until the next timer is nearer than it was when last `seen`.
    pub(crate) async fn timers_changed(&self, seen: &SeenTimers) -> Result<()> {
        let notify = Arc::new(Notify::new());
        loop {
            {
                let mut timers = self.timers.lock();
                self.check_open("timers_changed")?;
                if timers.has_news(seen.0.load(Ordering::Acquire), &notify) {
                    return Ok(());
                }
            }
            notify.notified().await;
        }
    }
}

/// A sender that waits for room leaves the queue when it gives up.
struct WaitForRoom<'a> {
    hub: &'a Hub,
    queue: &'a QueueName,
    notify: Arc<Notify>,
}

impl Drop for WaitForRoom<'_> {
    fn drop(&mut self) {
        let mut queues = self.hub.queues.lock();
        queues.leave_room(self.queue, &self.notify);
    }
}

/// Who watches workflows leaves when it gives up or has seen enough.
struct WaitForWorkflows<'a> {
    hub: &'a Hub,
    watches: &'a [Watch],
    notify: Arc<Notify>,
}

impl Drop for WaitForWorkflows<'_> {
    fn drop(&mut self) {
        self.hub.versions.lock().unwatch(self.watches, &self.notify);
    }
}

/// A watcher leaves when it gives up or has seen enough.
pub(crate) struct Watching<'a> {
    hub: &'a Hub,
    watches: &'a [Watch],
    notify: Arc<Notify>,
}

impl Watching<'_> {
    /// Waits for a change of any of the entries.
    pub(crate) async fn change(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut results = self.hub.results.lock();
        results.unwatch(self.watches, &self.notify);
    }
}
