//! What queues know of messages that are stored on disk: admission before the
//! commit, arrival after it, loads of what is on disk only, and what has begun.

use std::sync::Arc;

use celeriac_core::broker::{Limit, Receipt};
use celeriac_core::{Error, Message, MessageId, Priority, QueueName};

use super::lane::{ColdPack, Payload, Place, Ready};
use super::queue::Queue;
use super::queues::{ConsumerId, Queues, id_of};
use super::wake::Wake;

/// More is read from disk when fewer messages than this are left in memory.
const LOW_MESSAGES: usize = 1024;
/// At most this many messages are read at a time.
const LOAD_MESSAGES: usize = 4096;
/// At most this many bytes are read at a time, or one pack.
const LOAD_BYTES: usize = 4 << 20;
/// Every lane may keep this much in memory, whatever the others need, unless
/// the window is smaller.
const LANE_BYTES: usize = 64 << 10;

/// What becomes of a message that is about to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Its queue has no room.
    Refused,
    /// Its queue lives in memory, and there it is.
    Done,
    /// Its queue, of this index, has kept room for it.
    Reserved(u32),
}

/// Packs of a lane that are to be read from disk.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) queue: u32,
    pub(crate) name: QueueName,
    pub(crate) priority: Priority,
    pub(crate) packs: Vec<u64>,
}

impl Load {
    /// What must be read for the next takes from the queue, if anything.
    pub(super) fn ahead(index: u32, queue: &mut Queue) -> Option<Self> {
        let name = queue.name.clone();
        let (priority, lane) = queue.next_lane()?;
        if lane.loading || lane.cold.is_empty() || lane.ready.len() >= LOW_MESSAGES {
            return None;
        }
        lane.loading = true;
        Some(Self {
            queue: index,
            name,
            priority,
            packs: lane.next_cold(LOAD_MESSAGES, LOAD_BYTES),
        })
    }
}

/// Messages of one queue and priority that have become durable together.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) queue: u32,
    pub(crate) priority: Priority,
    pub(crate) pack: u64,
    /// The position of the first of them in the pack.
    pub(crate) first: u8,
    pub(crate) messages: Vec<Arc<Message>>,
    /// Their size on disk.
    pub(crate) bytes: usize,
}

impl Queues {
    /// Admits messages: those of transient queues arrive at once, for the
    /// others room is reserved.
    pub(crate) fn admit(
        &mut self,
        batch: &[Arc<Message>],
        limit: Limit,
        wake: &mut Wake,
    ) -> Vec<Admission> {
        let most = self.most(limit);
        let mut latest: Option<(&QueueName, u32, bool)> = None;
        let mut admissions = Vec::with_capacity(batch.len());
        for message in batch {
            let (index, transient) = match latest {
                Some((name, index, transient)) if *name == message.queue => (index, transient),
                _ => (self.index(&message.queue), message.queue.is_transient()),
            };
            latest = Some((&message.queue, index, transient));
            let queue = self.queue(index).filter(|queue| queue.depth() < most);
            admissions.push(match queue {
                None => Admission::Refused,
                Some(_) if transient => {
                    self.append(index, message, most, wake);
                    Admission::Done
                }
                Some(queue) => {
                    queue.reserved += 1;
                    Admission::Reserved(index)
                }
            });
        }
        admissions
    }

    /// Gives up room that was reserved.
    pub(crate) fn unreserve(&mut self, index: u32, count: usize, wake: &mut Wake) {
        let limit = self.limit;
        if let Some(queue) = self.queue(index) {
            queue.reserved -= count;
            queue.offer_room(limit, wake);
        }
    }

    /// Messages are durable now: they wait in memory while the window has room
    /// and nothing of their lane is on disk only, else on disk.
    pub(crate) fn arrive(&mut self, arrival: Arrival, wake: &mut Wake) {
        let (window, used) = (self.window, self.used);
        let Some(queue) = self.queue(arrival.queue) else {
            return;
        };
        let count = arrival.messages.len();
        queue.reserved -= count;
        wake.all(&mut queue.waiting);
        let lane = &queue.lanes[usize::from(arrival.priority.get())];
        let has_room = used < window || lane.weight < LANE_BYTES.min(window);
        if !lane.cold.is_empty() || !has_room {
            let waiting = bits(count) << arrival.first;
            let cold = ColdPack {
                pack: arrival.pack,
                waiting,
                bytes: u32::try_from(arrival.bytes).unwrap_or(u32::MAX),
                redelivered: false,
            };
            queue.push_cold(arrival.priority, cold);
            return;
        }
        let mut weight = 0;
        for (position, message) in (arrival.first..).zip(arrival.messages) {
            let ready = Ready {
                place: Place::stored(arrival.pack, position),
                redelivered: false,
                payload: Ok(message),
            };
            weight += ready.weight();
            queue.push_back(arrival.priority, ready);
        }
        self.used += weight;
    }

    /// A pack was found on disk when the broker opened.
    pub(crate) fn recover(&mut self, name: &QueueName, priority: Priority, cold: ColdPack) {
        let index = self.index(name);
        if let Some(queue) = self.queue(index) {
            queue.push_cold(priority, cold);
        }
    }

    /// Packs were read from disk: their messages wait in memory now.
    pub(crate) fn install(
        &mut self,
        load: &Load,
        loaded: Vec<(u64, Vec<Payload>)>,
        wake: &mut Wake,
    ) {
        let Some(queue) = self.queue(load.queue) else {
            return;
        };
        wake.all(&mut queue.waiting);
        let lane = &mut queue.lanes[usize::from(load.priority.get())];
        lane.loading = false;
        let before = lane.weight;
        for (pack, payloads) in loaded {
            // Whatever was purged meanwhile is no longer the first.
            let Some(cold) = lane.cold.front().filter(|cold| cold.pack == pack).copied() else {
                break;
            };
            lane.cold.pop_front();
            for (position, payload) in (0u8..).zip(payloads) {
                let place = Place::stored(pack, position);
                if cold.waiting & place.bit() == 0 {
                    continue;
                }
                let ready = Ready { place, redelivered: cold.redelivered, payload };
                lane.weight += ready.weight();
                lane.ready.push_back(ready);
            }
        }
        let weight = lane.weight - before;
        self.used += weight;
    }

    /// Packs could not be read: the next pull says so, the one after tries again.
    pub(crate) fn load_failed(&mut self, load: &Load, error: Error, wake: &mut Wake) {
        if let Some(queue) = self.queue(load.queue) {
            queue.lanes[usize::from(load.priority.get())].loading = false;
            queue.failure = Some(error);
            wake.all(&mut queue.waiting);
        }
    }

    /// These deliveries are about to run; gives those of stored messages.
    pub(crate) fn begin(&mut self, receipts: &[Receipt]) -> Vec<(Receipt, MessageId)> {
        let mut begun = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            let Some(held) = self.flight.get_mut(*receipt) else {
                continue;
            };
            if held.ready.place.is_stored() {
                held.begun = true;
                begun.push((*receipt, id_of(&held.ready.payload)));
            }
        }
        begun
    }

    /// What a consumer has begun and not settled.
    pub(crate) fn begun_by(&self, consumer: ConsumerId) -> Vec<MessageId> {
        let held = self.flight.of_consumer(consumer);
        let begun = held.filter(|(_, held)| held.begun);
        begun.map(|(_, held)| id_of(&held.ready.payload)).collect()
    }
}

/// That many ones.
pub(crate) const fn bits(count: usize) -> u64 {
    match count {
        0 => 0,
        _ => u64::MAX >> (64 - count),
    }
}
