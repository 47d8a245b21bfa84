//! Every living actor of a system, in shards so that spawning scales.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::cell::AnyCell;

const SHARDS: usize = 8;

#[derive(Default)]
pub(crate) struct Registry {
    shards: [Mutex<HashMap<u64, Arc<dyn AnyCell>>>; SHARDS],
}

impl Registry {
    pub(crate) fn insert(&self, cell: Arc<dyn AnyCell>) {
        let id = cell.core().id;
        self.shard(id).lock().insert(id, cell);
    }

    pub(crate) fn remove(&self, id: u64) {
        let removed = self.shard(id).lock().remove(&id);
        drop(removed);
    }

    /// Every living actor, in the order in which they were spawned.
    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyCell>> {
        let mut cells = Vec::new();
        for shard in &self.shards {
            cells.extend(shard.lock().values().cloned());
        }
        cells.sort_unstable_by_key(|cell| cell.core().id);
        cells
    }

    /// The living actor at that path; the oldest one if there are several.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<dyn AnyCell>> {
        let is_there = |cell: &&Arc<dyn AnyCell>| cell.core().path.as_ref() == path;
        let oldest = |shard: &Mutex<HashMap<u64, Arc<dyn AnyCell>>>| {
            shard.lock().values().filter(is_there).min_by_key(|cell| cell.core().id).cloned()
        };
        self.shards.iter().filter_map(oldest).min_by_key(|cell| cell.core().id)
    }

    fn shard(&self, id: u64) -> &Mutex<HashMap<u64, Arc<dyn AnyCell>>> {
        &self.shards[id as usize % SHARDS]
    }
}
