//! What is in flight: deliveries by receipt, without hashing.

use celeriac_core::Priority;
use celeriac_core::broker::Receipt;

use super::lane::Ready;
use super::queues::ConsumerId;

/// A delivery that is not settled.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) ready: Ready,
    /// The index of its queue.
    pub(crate) queue: u32,
    pub(crate) priority: Priority,
    pub(crate) consumer: ConsumerId,
    /// Whether its consumer said that it is about to run.
    pub(crate) begun: bool,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    held: Option<Held>,
}

/// A slab: a receipt is a slot and the slot's generation.
#[derive(Debug)]
pub(crate) struct Flight {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Random, so that receipts of another process mean nothing here.
    first_generation: u32,
}

/// The slot of a receipt; one at a time is open per slot.
pub(crate) const fn slot_of(receipt: Receipt) -> usize {
    receipt.0 as u32 as usize
}

const fn generation_of(receipt: Receipt) -> u32 {
    (receipt.0 >> 32) as u32
}

fn receipt(generation: u32, slot: usize) -> Receipt {
    Receipt(u64::from(generation) << 32 | slot as u64)
}

impl Flight {
    pub(crate) fn new(first_generation: u32) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), first_generation }
    }

    pub(crate) fn insert(&mut self, held: Held) -> Receipt {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: self.first_generation, held: None });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.held = Some(held);
        receipt(slot.generation, index as usize)
    }

    pub(crate) fn get_mut(&mut self, receipt: Receipt) -> Option<&mut Held> {
        let slot = self.slots.get_mut(slot_of(receipt))?;
        let current = slot.generation == generation_of(receipt);
        slot.held.as_mut().filter(|_| current)
    }

    pub(crate) fn remove(&mut self, receipt: Receipt) -> Option<Held> {
        let slot = self.slots.get_mut(slot_of(receipt))?;
        if slot.generation != generation_of(receipt) {
            return None;
        }
        let held = slot.held.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(slot_of(receipt) as u32);
        Some(held)
    }

    /// What a consumer holds.
    pub(crate) fn of_consumer(
        &self,
        consumer: ConsumerId,
    ) -> impl Iterator<Item = (Receipt, &Held)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(move |(index, slot)| {
            let held = slot.held.as_ref()?;
            (held.consumer == consumer).then(|| (receipt(slot.generation, index), held))
        })
    }
}
