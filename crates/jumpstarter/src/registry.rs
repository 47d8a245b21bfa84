//! Every living actor of a system, in shards so that spawning scales.

use std::sync::Arc;

use crate::cell::AnyCell;
use crate::core::Core;
use crate::sync::Mutex;
use crate::sync::atomic::Ordering;

const SHARDS: usize = 8;

#[derive(Default)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
}

/// A seat for each actor, which the actor's core remembers.
#[derive(Default)]
struct Shard {
    seats: Vec<Option<Arc<dyn AnyCell>>>,
    free: Vec<u32>,
}

impl Registry {
    pub(crate) fn insert(&self, cell: Arc<dyn AnyCell>) {
        let mut shard = self.shard(cell.core().id).lock();
        let seat = shard.free.pop().unwrap_or_else(|| shard.add_seat());
        cell.core().seat.store(seat, Ordering::Relaxed);
        shard.seats[seat as usize] = Some(cell);
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

    fn shard(&self, id: u64) -> &Mutex<Shard> {
        &self.shards[id as usize % SHARDS]
    }
}

impl Shard {
    fn add_seat(&mut self) -> u32 {
        self.seats.push(None);
        // Memory ends long before the numbers do.
        u32::try_from(self.seats.len() - 1).unwrap_or(u32::MAX)
    }
}
