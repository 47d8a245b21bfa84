//! Every living actor of a system: those without a living parent, in shards so that
//! spawning scales, and by way of them their children.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::cell::AnyCell;
use crate::core::Core;
use crate::seats::{Seats, put_in_order};
use crate::sync::SpinMutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

const SHARDS: usize = 8;

#[derive(Default)]
pub(crate) struct Registry {
    shards: [SpinMutex<Seats>; SHARDS],
    /// Those who wait for a newcomer; seldom any.
    seekers: AtomicUsize,
    newcomer: Notify,
}

impl Registry {
    /// One that has no parent, or whose parent has ended.
    pub(crate) fn add(&self, cell: Arc<dyn AnyCell>) {
        self.shard(cell.core().id).lock().add(cell);
    }

    /// After one was added here, or to the children of another.
    pub(crate) fn announce(&self) {
        // One that counted itself after this looked under the lock afterwards.
        if self.seekers.load(Ordering::Relaxed) != 0 {
            self.newcomer.notify_waiters();
        }
    }

    /// Looks, and again for each newcomer, until something is found.
    pub(crate) async fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let _counted = Seeker::new(&self.seekers);
        loop {
            let mut newcomer = pin!(self.newcomer.notified());
            newcomer.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            newcomer.await;
        }
    }

    pub(crate) fn take(&self, core: &Core) -> Option<Arc<dyn AnyCell>> {
        self.shard(core.id).lock().take(core)
    }

    /// Every living actor, in the order in which they were spawned.
    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyCell>> {
        let mut cells = self.collect();
        put_in_order(&mut cells);
        cells
    }

    /// The living actor at that path; the oldest one if there are several.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<dyn AnyCell>> {
        let there = self.collect().into_iter().filter(|cell| cell.core().path.is(path));
        there.min_by_key(|cell| cell.core().id)
    }

    /// The living actor with that number.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<dyn AnyCell>> {
        self.collect().into_iter().find(|cell| cell.core().id == id)
    }

    fn collect(&self) -> Vec<Arc<dyn AnyCell>> {
        let (mut cells, mut known) = (Vec::new(), HashSet::new());
        let mut seen = 0;
        loop {
            // Again after the children: an orphan may have come here while its parent
            // was asked, and had none any more.
            for shard in &self.shards {
                let shard = shard.lock();
                cells.extend(shard.iter().filter(|cell| known.insert(cell.core().id)).cloned());
            }
            if cells.len() == seen {
                return cells;
            }
            while let Some(cell) = cells.get(seen).map(Arc::clone) {
                let children = cell.core().children().into_iter();
                cells.extend(children.filter(|child| known.insert(child.core().id)));
                seen += 1;
            }
        }
    }

    fn shard(&self, id: u64) -> &SpinMutex<Seats> {
        &self.shards[id as usize % SHARDS]
    }
}

/// One who waits for a newcomer.
struct Seeker<'a>(&'a AtomicUsize);

impl<'a> Seeker<'a> {
    fn new(seekers: &'a AtomicUsize) -> Self {
        seekers.fetch_add(1, Ordering::Relaxed);
        Seeker(seekers)
    }
}

impl Drop for Seeker<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
