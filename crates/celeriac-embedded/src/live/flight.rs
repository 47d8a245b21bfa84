//! What is in flight: deliveries by receipt, without hashing.

use celeriac_core::broker::Receipt;

use super::lane::Ready;
use super::queues::ConsumerId;

/// A delivery that is not settled.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) ready: Ready,
    /// The index of its queue.
    pub(crate) queue: u32,
    pub(crate) consumer: ConsumerId,
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
        Receipt(u64::from(slot.generation) << 32 | u64::from(index))
    }

    pub(crate) fn remove(&mut self, receipt: Receipt) -> Option<Held> {
        let (generation, index) = ((receipt.0 >> 32) as u32, receipt.0 as u32);
        let slot = self.slots.get_mut(index as usize)?;
        if slot.generation != generation {
            return None;
        }
        let held = slot.held.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        Some(held)
    }

    /// The receipts of everything that a consumer holds.
    pub(crate) fn of_consumer(&self, consumer: ConsumerId) -> Vec<Receipt> {
        let of_consumer = |(index, slot): (usize, &Slot)| {
            let held = slot.held.as_ref()?;
            (held.consumer == consumer)
                .then_some(Receipt(u64::from(slot.generation) << 32 | index as u64))
        };
        let slots = self.slots.iter().enumerate();
        slots.filter_map(of_consumer).collect()
    }
}
