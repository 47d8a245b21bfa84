//! Every living actor of a system, in shards so that spawning scales.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::cell::AnyCell;
use crate::core::Core;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

const SHARDS: usize = 8;

#[derive(Default)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    /// Those who wait for a newcomer; seldom any.
    seekers: AtomicUsize,
    newcomer: Notify,
}

/// A seat for each actor, which the actor's core remembers.
#[derive(Default)]
struct Shard {
    seats: Vec<Option<Arc<dyn AnyCell>>>,
    free: Vec<u32>,
}

impl Registry {
    pub(crate) fn insert(&self, cell: Arc<dyn AnyCell>) {
        {
            let mut shard = self.shard(cell.core().id).lock();
            let seat = shard.free.pop().unwrap_or_else(|| shard.add_seat());
            cell.core().seat.store(seat, Ordering::Relaxed);
            shard.seats[seat as usize] = Some(cell);
        }
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

    pub(crate) fn remove(&self, core: &Core) {
        let left = {
            let mut shard = self.shard(core.id).lock();
            let seat = core.seat.load(Ordering::Relaxed);
            // It may be somebody else's by now.
            let mut own = shard
                .seats
                .get_mut(seat as usize)
                .filter(|place| place.as_ref().is_some_and(|cell| cell.core().id == core.id));
            let left = own.as_mut().and_then(|place| place.take());
            if left.is_some() {
                shard.free.push(seat);
            }
            left
        };
        // Its drop may run the code of others.
        drop(left);
    }

    /// Every living actor, in the order in which they were spawned.
    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyCell>> {
        let mut cells = Vec::new();
        for shard in &self.shards {
            cells.extend(shard.lock().seats.iter().flatten().cloned());
        }
        cells.sort_unstable_by_key(|cell| cell.core().id);
        cells
    }

    /// The living actor at that path; the oldest one if there are several.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<dyn AnyCell>> {
        let is_there = |cell: &&Arc<dyn AnyCell>| *cell.core().path == *path;
        let oldest = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            let living = shard.seats.iter().flatten();
            living.filter(is_there).min_by_key(|cell| cell.core().id).cloned()
        };
        self.shards.iter().filter_map(oldest).min_by_key(|cell| cell.core().id)
    }

    /// The living actor with that number.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<dyn AnyCell>> {
        let shard = self.shard(id).lock();
        shard.seats.iter().flatten().find(|cell| cell.core().id == id).cloned()
    }

    fn shard(&self, id: u64) -> &Mutex<Shard> {
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

impl Shard {
    fn add_seat(&mut self) -> u32 {
        self.seats.push(None);
        // Memory ends long before the numbers do.
        u32::try_from(self.seats.len() - 1).unwrap_or(u32::MAX)
    }
}
