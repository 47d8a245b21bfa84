//! Where in a ring the item of an id is: eight bytes each, so that a million of
//! them stay near the processor.

use celeriac_core::MessageId;
use hashbrown::HashTable;

use super::id_map::mix;

/// Many small tables, so that none grows for long.
const SHARDS: usize = 64;

/// A part of the id's hash, and the end of its sequence number.
#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    sequence: u32,
}

/// Where the items of ids are.
#[derive(Debug)]
pub(crate) struct Index {
    shards: Vec<HashTable<Slot>>,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { shards: vec![HashTable::new(); SHARDS] }
    }

    /// The end of the sequence number of an id's item; `is_it` says whether an
    /// item is the id's.
    pub(crate) fn find(&self, id: MessageId, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let (shard, tag) = place(id);
        let found = |slot: &Slot| slot.tag == tag && is_it(slot.sequence);
        let slot = self.shards[shard].find(spread(tag), found)?;
        Some(slot.sequence)
    }

    /// Notes where an id's item is. It must not be here yet.
    pub(crate) fn insert(&mut self, id: MessageId, sequence: u64) {
        let (shard, tag) = place(id);
        let slot = Slot { tag, sequence: sequence as u32 };
        self.shards[shard].insert_unique(spread(tag), slot, |slot| spread(slot.tag));
    }

    /// Forgets where an id's item was.
    pub(crate) fn remove(&mut self, id: MessageId, sequence: u64) {
        let (shard, tag) = place(id);
        let sequence = sequence as u32;
        let was = |slot: &Slot| slot.sequence == sequence;
        if let Ok(found) = self.shards[shard].find_entry(spread(tag), was) {
            found.remove();
        }
    }
}

fn place(id: MessageId) -> (usize, u32) {
    let mixed = mix(id.hash_bits());
    ((mixed >> 32) as usize % SHARDS, mixed as u32)
}

/// A whole hash from its part: tables look at both ends of it.
fn spread(tag: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(tag)
}
