//! Every queue, and what is in flight. One lock guards it; a batch takes it
//! once. What concerns stored messages is in [`super::stored`].

use std::collections::HashMap;
use std::sync::Arc;

use celeriac_core::broker::{Delivery, Limit, QueueStats, Receipt, Settlement, Verdict};
use celeriac_core::{Error, Message, MessageId, QueueName};
use tokio::sync::Notify;

use super::flight::{Flight, Held};
use super::id_map::IdMap;
use super::lane::{ColdPack, Payload, Place, Ready};
use super::queue::Queue;
use super::stored::Load;
use super::wake::{Wake, join, leave};

/// A consumer, for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerId(u32);

/// What came of a settlement: to be dropped after the lock.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// What is done with.
    pub(crate) acked: Vec<Held>,
    /// Those of them whose deaths had been counted.
    pub(crate) forgiven: Vec<MessageId>,
    /// Those that had begun, done with or not.
    pub(crate) begun: Vec<Receipt>,
    /// Whom to wake.
    pub(crate) wake: Wake,
}

/// How much a take may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credit {
    pub(crate) messages: usize,
    /// Of bodies; one message is taken in any case.
    pub(crate) bytes: usize,
}

/// What came of a take: to be seen to after the lock.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) deliveries: Vec<Delivery>,
    /// What must be read from disk for the next takes.
    pub(crate) loads: Vec<Load>,
    pub(crate) failure: Option<Error>,
    pub(crate) wake: Wake,
}

/// Every queue, and what is in flight.
#[derive(Debug)]
pub(crate) struct Queues {
    by_name: HashMap<QueueName, u32>,
    queues: Vec<Option<Queue>>,
    free: Vec<u32>,
    pub(super) flight: Flight,
    pub(super) limit: usize,
    /// How many bytes of stored messages may be in memory as well.
    pub(super) window: usize,
    /// How many are.
    pub(super) used: usize,
    /// How many processes died while they ran a message.
    pub(crate) deaths: IdMap<u32>,
    next_place: u64,
    next_consumer: u32,
    pub(crate) closed: bool,
}

impl Queues {
    /// No queue yet; each will hold at most `limit` messages that wait.
    pub(crate) fn new(limit: usize, window: usize) -> Self {
        Self {
            by_name: HashMap::new(),
            queues: Vec::new(),
            free: Vec::new(),
            flight: Flight::new(rand::random()),
            limit,
            window,
            used: 0,
            deaths: IdMap::default(),
            next_place: 0,
            next_consumer: 0,
            closed: false,
        }
    }

    /// Appends messages, in memory only; gives the positions of those that
    /// found no room.
    pub(crate) fn publish(
        &mut self,
        batch: &[Arc<Message>],
        limit: Limit,
        wake: &mut Wake,
    ) -> Vec<usize> {
        let most = self.most(limit);
        let mut refused = Vec::new();
        let mut latest: Option<(&QueueName, u32)> = None;
        for (position, message) in batch.iter().enumerate() {
            let index = match latest {
                Some((name, index)) if *name == message.queue => index,
                _ => self.index(&message.queue),
            };
            latest = Some((&message.queue, index));
            if !self.append(index, message, most, wake) {
                refused.push(position);
            }
        }
        refused
    }

    /// Appends a message in memory; false if there is no room.
    pub(super) fn append(
        &mut self,
        index: u32,
        message: &Arc<Message>,
        most: usize,
        wake: &mut Wake,
    ) -> bool {
        let place = Place::in_memory(self.next_place);
        let Some(queue) = self.queue(index).filter(|queue| queue.depth() < most) else {
            return false;
        };
        let ready = Ready { place, redelivered: false, payload: Ok(message.clone()) };
        queue.push_back(message.priority, ready);
        wake.all(&mut queue.waiting);
        self.next_place += 1;
        true
    }

    pub(super) fn most(&self, limit: Limit) -> usize {
        match limit {
            Limit::Respect => self.limit,
            Limit::Exceed => usize::MAX,
        }
    }

    /// Whether a queue has room for a message; if not, `waiter` is told once
    /// it has.
    pub(crate) fn has_room(&mut self, name: &QueueName, waiter: &Arc<Notify>) -> bool {
        let limit = self.limit;
        let Some(queue) = self.find(name) else {
            return true;
        };
        let has_room = queue.depth() < limit;
        if !has_room {
            join(&mut queue.room, waiter);
        }
        has_room
    }

    /// The waiter no longer waits for room.
    pub(crate) fn leave_room(&mut self, name: &QueueName, waiter: &Arc<Notify>) {
        if let Some(queue) = self.find(name) {
            leave(&mut queue.room, waiter);
        }
    }

    /// A new consumer of these queues; gives their indexes.
    pub(crate) fn subscribe(&mut self, names: &[QueueName]) -> (ConsumerId, Vec<u32>) {
        let consumer = ConsumerId(self.next_consumer);
        self.next_consumer = self.next_consumer.wrapping_add(1);
        let mut indexes: Vec<u32> = Vec::with_capacity(names.len());
        for name in names {
            let index = self.index(name);
            if indexes.contains(&index) {
                continue;
            }
            indexes.push(index);
            if let Some(queue) = self.queue(index) {
                queue.consumers += 1;
            }
        }
        (consumer, indexes)
    }

    /// Takes at most `credit` messages of the queues, beginning with the one
    /// at `turn`: an equal share of each, then what is left.
    pub(crate) fn take(
        &mut self,
        consumer: ConsumerId,
        (indexes, turn): (&[u32], usize),
        credit: Credit,
        taken: &mut Taken,
    ) {
        let occupied = |index: &&u32| {
            let queue = self.queues.get(**index as usize);
            queue.is_some_and(|queue| queue.as_ref().is_some_and(|queue| queue.ready > 0))
        };
        let Some(occupied) = std::num::NonZero::new(indexes.iter().filter(occupied).count()) else {
            return;
        };
        let share = credit.messages.div_ceil(occupied.get());
        let mut bytes = credit.bytes;
        for most in [share, credit.messages] {
            for step in 0..indexes.len() {
                let index = indexes[turn.wrapping_add(step) % indexes.len()];
                let most = most.min(credit.messages - taken.deliveries.len());
                self.take_from(consumer, index, (most, &mut bytes), taken);
            }
        }
    }

    fn take_from(
        &mut self,
        consumer: ConsumerId,
        index: u32,
        (most, bytes): (usize, &mut usize),
        taken: &mut Taken,
    ) {
        let Some(Some(queue)) = self.queues.get_mut(index as usize) else {
            return;
        };
        for _ in 0..most {
            if *bytes == 0 {
                break;
            }
            let Some((priority, ready)) = queue.pop() else {
                break;
            };
            *bytes = bytes.saturating_sub(ready.bytes());
            self.used -= ready.weight();
            queue.in_flight += 1;
            let (redelivered, payload) = (ready.redelivered, ready.payload.clone());
            let deaths = deaths_of(&self.deaths, &payload);
            let receipt =
                self.flight.insert(Held { ready, queue: index, priority, consumer, begun: false });
            taken.deliveries.push(Delivery { receipt, redelivered, deaths, payload });
        }
        queue.offer_room(self.limit, &mut taken.wake);
        taken.loads.extend(Load::ahead(index, queue));
        taken.failure = taken.failure.take().or_else(|| queue.failure.take());
    }

    /// The consumer wants to be told of messages.
    pub(crate) fn wait(&mut self, indexes: &[u32], waiter: &Arc<Notify>) {
        for index in indexes {
            if let Some(queue) = self.queue(*index) {
                join(&mut queue.waiting, waiter);
            }
        }
    }

    /// Ends deliveries.
    pub(crate) fn settle(&mut self, batch: &[Settlement], settled: &mut Settled) {
        let mut requeued = Vec::new();
        for settlement in batch {
            let Some(held) = self.land(settlement.receipt, settled) else {
                continue;
            };
            match settlement.verdict {
                Verdict::Ack => {
                    self.forgive(&held, settled);
                    settled.acked.push(held);
                }
                Verdict::Requeue => requeued.push(held),
            }
        }
        requeued.iter_mut().for_each(|held: &mut Held| held.ready.redelivered = true);
        self.requeue(requeued, &mut settled.wake);
    }

    /// These deliveries reached nobody: they go back as they came.
    pub(crate) fn put_back(&mut self, receipts: &[Receipt], settled: &mut Settled) {
        let landed = receipts.iter();
        let unseen = landed.filter_map(|receipt| self.land(*receipt, settled)).collect();
        self.requeue(unseen, &mut settled.wake);
    }

    /// A consumer is gone: what it held goes back to its queues.
    pub(crate) fn unsubscribe(
        &mut self,
        consumer: ConsumerId,
        indexes: &[u32],
        waiter: &Arc<Notify>,
        settled: &mut Settled,
    ) {
        let held = self.flight.of_consumer(consumer);
        let receipts: Vec<Receipt> = held.map(|(receipt, _)| receipt).collect();
        let landed = receipts.into_iter();
        let requeued = landed.filter_map(|receipt| self.land(receipt, settled));
        let mut requeued: Vec<Held> = requeued.collect();
        requeued.iter_mut().for_each(|held| held.ready.redelivered = true);
        self.requeue(requeued, &mut settled.wake);
        for index in indexes {
            if let Some(queue) = self.queue(*index) {
                leave(&mut queue.waiting, waiter);
                queue.consumers -= 1;
            }
            self.remove_if_idle(*index);
        }
    }

    /// Every queue that holds messages, by name.
    pub(crate) fn stats(&self) -> Vec<QueueStats> {
        let holding = |queue: &&Queue| queue.ready + queue.in_flight > 0;
        let queues = self.queues.iter().flatten().filter(holding);
        let mut stats: Vec<_> = queues.map(Queue::stats).collect();
        stats.sort_by(|left, right| left.name.cmp(&right.name));
        stats
    }

    /// Takes everything that waits in a queue.
    pub(crate) fn purge(
        &mut self,
        name: &QueueName,
        wake: &mut Wake,
    ) -> (Vec<Ready>, Vec<ColdPack>) {
        let limit = self.limit;
        let Some(queue) = self.find(name) else {
            return Default::default();
        };
        let (ready, cold) = queue.clear();
        queue.offer_room(limit, wake);
        self.used -= ready.iter().map(Ready::weight).sum::<usize>();
        if let Some(index) = self.by_name.get(name) {
            self.remove_if_idle(*index);
        }
        (ready, cold)
    }

    /// No more of anything: everybody who waits is told.
    pub(crate) fn close(&mut self, wake: &mut Wake) {
        self.closed = true;
        for queue in self.queues.iter_mut().flatten() {
            wake.all(&mut queue.waiting);
            wake.all(&mut queue.room);
        }
    }

    /// The deaths of a message count no longer.
    fn forgive(&mut self, held: &Held, settled: &mut Settled) {
        if self.deaths.is_empty() {
            return;
        }
        let id = id_of(&held.ready.payload);
        if self.deaths.remove(&id).is_some() {
            settled.forgiven.push(id);
        }
    }

    /// Takes a delivery out of flight.
    fn land(&mut self, receipt: Receipt, settled: &mut Settled) -> Option<Held> {
        let held = self.flight.remove(receipt)?;
        if held.begun {
            settled.begun.push(receipt);
        }
        if let Some(queue) = self.queue(held.queue) {
            queue.in_flight -= 1;
        }
        Some(held)
    }

    /// Puts messages back to the front of their queues, the oldest first.
    fn requeue(&mut self, mut requeued: Vec<Held>, wake: &mut Wake) {
        requeued.sort_by_key(|held| std::cmp::Reverse(held.ready.place));
        for held in requeued {
            self.used += held.ready.weight();
            let Some(queue) = self.queue(held.queue) else {
                continue;
            };
            queue.push_front(held.priority, held.ready);
            wake.all(&mut queue.waiting);
        }
    }

    pub(super) fn queue(&mut self, index: u32) -> Option<&mut Queue> {
        self.queues.get_mut(index as usize)?.as_mut()
    }

    fn find(&mut self, name: &QueueName) -> Option<&mut Queue> {
        let index = *self.by_name.get(name)?;
        self.queue(index)
    }

    /// The index of a queue, which is made if it does not exist.
    pub(super) fn index(&mut self, name: &QueueName) -> u32 {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.queues.push(None);
            (self.queues.len() - 1) as u32
        });
        self.queues[index as usize] = Some(Queue::new(name.clone()));
        self.by_name.insert(name.clone(), index);
        index
    }

    fn remove_if_idle(&mut self, index: u32) {
        let Some(slot) = self.queues.get_mut(index as usize) else {
            return;
        };
        if let Some(queue) = slot.take_if(|queue| queue.is_idle()) {
            self.by_name.remove(&queue.name);
            self.free.push(index);
        }
    }
}

fn deaths_of(deaths: &IdMap<u32>, payload: &Payload) -> u32 {
    if deaths.is_empty() {
        return 0;
    }
    let count = deaths.get(&id_of(payload));
    count.copied().unwrap_or_default()
}

/// The id of a message, or the one it is known by if it can't be read.
pub(crate) fn id_of(payload: &Payload) -> MessageId {
    match payload {
        Ok(message) => message.id,
        Err(undecodable) => undecodable.id,
    }
}
