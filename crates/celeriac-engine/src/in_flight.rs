//! The table of what is in flight: deliveries taken and not yet settled.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use celeriac_core::broker::Receipt;
use celeriac_core::platform::RunKey;
use celeriac_core::{Message, MessageId, Timestamp};

/// One delivery in flight.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) receipt: Receipt,
    /// Earlier receipts of the same attempt, which was delivered again. They
    /// are of no use any more, or of second messages.
    pub(crate) copies: Vec<Receipt>,
    pub(crate) message: Arc<Message>,
    /// The position of its task in the engine's list.
    pub(crate) task: usize,
    pub(crate) deaths: u32,
    pub(crate) since: Timestamp,
    /// What runs is an earlier attempt of the message, which came again.
    pub(crate) runs_earlier: bool,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    flight: Option<Flight>,
}

/// Deliveries in flight, by a key whose slot is reused but never mistaken.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    first_generation: u32,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// How many flights are steps of workflows.
    scoped: usize,
    by_id: HashMap<MessageId, RunKey, BuildHasherDefault<IdHasher>>,
}

impl InFlight {
    /// A table whose keys differ from those of other epochs.
    pub(crate) fn in_epoch(epoch: u32) -> Self {
        Self { first_generation: epoch << 24, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn insert(&mut self, flight: Flight) -> RunKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: self.first_generation, flight: None });
            // The credit keeps the table far below 2³² slots.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let slot = &mut self.slots[index as usize];
        let key = RunKey((u64::from(slot.generation) << 32) | u64::from(index));
        self.by_id.insert(flight.message.id, key);
        self.scoped += usize::from(flight.message.rare().workflow.is_some());
        slot.flight = Some(flight);
        key
    }

    pub(crate) fn remove(&mut self, key: RunKey) -> Option<Flight> {
        let index = key.0 & u64::from(u32::MAX);
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        if u64::from(slot.generation) != key.0 >> 32 {
            return None;
        }
        let flight = slot.flight.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(u32::try_from(index).ok()?);
        self.by_id.remove(&flight.message.id);
        self.scoped -= usize::from(flight.message.rare().workflow.is_some());
        Some(flight)
    }

    /// Takes out every flight of the task at that position.
    pub(crate) fn remove_task(&mut self, task: Option<usize>) -> Vec<(RunKey, Flight)> {
        let of_task = |flight: &&Flight| Some(flight.task) == task;
        let ids: Vec<_> = self.iter().filter(of_task).map(|flight| flight.message.id).collect();
        let keys = ids.into_iter().filter_map(|id| self.key_of(id)).collect::<Vec<_>>();
        keys.into_iter().filter_map(|key| Some((key, self.remove(key)?))).collect()
    }

    /// What is in flight under an id.
    pub(crate) fn flight_mut(&mut self, id: MessageId) -> Option<&mut Flight> {
        let key = self.key_of(id)?;
        let index = usize::try_from(key.0 & u64::from(u32::MAX)).ok()?;
        self.slots.get_mut(index)?.flight.as_mut()
    }

    pub(crate) fn key_of(&self, id: MessageId) -> Option<RunKey> {
        self.by_id.get(&id).copied()
    }

    /// The keys of flights in any of these scopes.
    pub(crate) fn keys_within(&self, scopes: &HashSet<MessageId>) -> Vec<RunKey> {
        if self.scoped == 0 || scopes.is_empty() {
            return Vec::new();
        }
        let within = |flight: &&Flight| {
            let place = flight.message.rare().workflow.as_ref();
            place.is_some_and(|place| place.scopes.iter().any(|scope| scopes.contains(scope)))
        };
        self.iter().filter(within).filter_map(|flight| self.key_of(flight.message.id)).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Flight> {
        self.slots.iter().filter_map(|slot| slot.flight.as_ref())
    }
}

/// Ids end in random bits, which need no further hashing.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let tail = bytes.last_chunk::<8>().copied().unwrap_or_default();
        self.0 = u64::from_ne_bytes(tail) ^ self.0.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::Name;

    fn flight() -> Flight {
        Flight {
            receipt: Receipt(1),
            copies: Vec::new(),
            message: Message::command(Name::from_static("t"), "").into(),
            task: 0,
            deaths: 0,
            since: Timestamp::now(),
            runs_earlier: false,
        }
    }

    #[test]
    fn a_key_is_good_once() {
        let mut in_flight = InFlight::default();
        let first = in_flight.insert(flight());
        assert!(in_flight.remove(first).is_some());
        assert!(in_flight.remove(first).is_none());
        let second = in_flight.insert(flight());
        assert_ne!(first, second, "the slot is reused under another key");
        assert!(in_flight.remove(first).is_none());
        assert_eq!(in_flight.len(), 1);
    }

    #[test]
    fn finds_a_flight_by_its_message() {
        let mut in_flight = InFlight::default();
        let flight = flight();
        let id = flight.message.id;
        let key = in_flight.insert(flight);
        assert_eq!(in_flight.key_of(id), Some(key));
        in_flight.remove(key);
        assert_eq!(in_flight.key_of(id), None);
    }
}
