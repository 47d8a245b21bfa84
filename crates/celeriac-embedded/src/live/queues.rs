//! Every queue, and what is in flight. One lock guards it; a batch takes it once.

use std::collections::HashMap;
use std::sync::Arc;

use celeriac_core::broker::{Delivery, Limit, QueueStats, Settlement, Verdict};
use celeriac_core::{Message, Priority, QueueName};
use tokio::sync::Notify;

use super::flight::{Flight, Held};
use super::lane::{Payload, Place, Ready};
use super::queue::Queue;
use super::wake::{Wake, join, leave};

/// A consumer, for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerId(u32);

/// What came of a settlement: to be dropped after the lock.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// What is done with.
    pub(crate) acked: Vec<Held>,
    /// Whom to wake.
    pub(crate) wake: Wake,
}

/// Every queue, and what is in flight.
#[derive(Debug)]
pub(crate) struct Queues {
    by_name: HashMap<QueueName, u32>,
    queues: Vec<Option<Queue>>,
    free: Vec<u32>,
    flight: Flight,
    limit: usize,
    next_place: u64,
    next_consumer: u32,
    pub(crate) closed: bool,
}

impl Queues {
    /// No queue yet; each will hold at most `limit` messages that wait.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            by_name: HashMap::new(),
            queues: Vec::new(),
            free: Vec::new(),
            flight: Flight::new(rand::random()),
            limit,
            next_place: 0,
            next_consumer: 0,
            closed: false,
        }
    }

    /// Appends messages; gives the positions of those that found no room.
    pub(crate) fn publish(
        &mut self,
        batch: &[Arc<Message>],
        limit: Limit,
        wake: &mut Wake,
    ) -> Vec<usize> {
        let most = match limit {
            Limit::Respect => self.limit,
            Limit::Exceed => usize::MAX,
        };
        let mut refused = Vec::new();
        let mut latest: Option<(&QueueName, u32)> = None;
        for (position, message) in batch.iter().enumerate() {
            let index = match latest {
                Some((name, index)) if *name == message.queue => index,
                _ => self.index(&message.queue),
            };
            latest = Some((&message.queue, index));
            let place = Place(self.next_place);
            let Some(queue) = self.queue(index) else {
                continue;
            };
            if queue.ready >= most {
                refused.push(position);
                continue;
            }
            let ready = Ready { place, redelivered: false, payload: Ok(message.clone()) };
            queue.push_back(message.priority, ready);
            wake.all(&mut queue.waiting);
            self.next_place += 1;
        }
        refused
    }

    /// Whether a queue has room for a message; if not, `waiter` is told once
    /// it has.
    pub(crate) fn has_room(&mut self, name: &QueueName, waiter: &Arc<Notify>) -> bool {
        let limit = self.limit;
        let Some(queue) = self.find(name) else {
            return true;
        };
        let has_room = queue.ready < limit;
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
    /// at `turn`, into `taken`: an equal share of each, then what is left.
    pub(crate) fn take(
        &mut self,
        consumer: ConsumerId,
        (indexes, turn): (&[u32], usize),
        credit: usize,
        taken: &mut Vec<Delivery>,
        wake: &mut Wake,
    ) {
        let occupied = |index: &&u32| {
            let queue = self.queues.get(**index as usize);
            queue.is_some_and(|queue| queue.as_ref().is_some_and(|queue| queue.ready > 0))
        };
        let Some(occupied) = std::num::NonZero::new(indexes.iter().filter(occupied).count()) else {
            return;
        };
        let share = credit.div_ceil(occupied.get());
        for most in [share, credit] {
            for step in 0..indexes.len() {
                let index = indexes[turn.wrapping_add(step) % indexes.len()];
                let most = most.min(credit - taken.len());
                self.take_from(consumer, index, most, taken, wake);
            }
        }
    }

    fn take_from(
        &mut self,
        consumer: ConsumerId,
        index: u32,
        most: usize,
        taken: &mut Vec<Delivery>,
        wake: &mut Wake,
    ) {
        let Some(Some(queue)) = self.queues.get_mut(index as usize) else {
            return;
        };
        for _ in 0..most {
            let Some(ready) = queue.pop() else {
                break;
            };
            queue.in_flight += 1;
            let (redelivered, payload) = (ready.redelivered, ready.payload.clone());
            let receipt = self.flight.insert(Held { ready, queue: index, consumer });
            taken.push(Delivery { receipt, redelivered, deaths: 0, payload });
        }
        queue.offer_room(self.limit, wake);
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
            let Some(held) = self.flight.remove(settlement.receipt) else {
                continue;
            };
            if let Some(queue) = self.queue(held.queue) {
                queue.in_flight -= 1;
            }
            match settlement.verdict {
                Verdict::Ack => settled.acked.push(held),
                Verdict::Requeue => requeued.push(held),
            }
        }
        self.requeue(requeued, &mut settled.wake);
    }

    /// A consumer is gone: what it held goes back to its queues.
    pub(crate) fn unsubscribe(
        &mut self,
        consumer: ConsumerId,
        indexes: &[u32],
        waiter: &Arc<Notify>,
        wake: &mut Wake,
    ) {
        let mut requeued = Vec::new();
        for receipt in self.flight.of_consumer(consumer) {
            let Some(held) = self.flight.remove(receipt) else {
                continue;
            };
            if let Some(queue) = self.queue(held.queue) {
                queue.in_flight -= 1;
            }
            requeued.push(held);
        }
        self.requeue(requeued, wake);
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
    pub(crate) fn purge(&mut self, name: &QueueName, wake: &mut Wake) -> Vec<Ready> {
        let limit = self.limit;
        let Some(queue) = self.find(name) else {
            return Vec::new();
        };
        let purged = queue.clear();
        queue.offer_room(limit, wake);
        if let Some(index) = self.by_name.get(name) {
            self.remove_if_idle(*index);
        }
        purged
    }

    /// No more of anything: everybody who waits is told.
    pub(crate) fn close(&mut self, wake: &mut Wake) {
        self.closed = true;
        for queue in self.queues.iter_mut().flatten() {
            wake.all(&mut queue.waiting);
            wake.all(&mut queue.room);
        }
    }

    /// Puts messages back to the front of their queues, the oldest first.
    fn requeue(&mut self, mut requeued: Vec<Held>, wake: &mut Wake) {
        requeued.sort_by_key(|held| std::cmp::Reverse(held.ready.place));
        for held in requeued {
            let priority = priority_of(&held.ready.payload);
            let Some(queue) = self.queue(held.queue) else {
                continue;
            };
            let ready = Ready { redelivered: true, ..held.ready };
            queue.push_front(priority, ready);
            wake.all(&mut queue.waiting);
        }
    }

    fn queue(&mut self, index: u32) -> Option<&mut Queue> {
        self.queues.get_mut(index as usize)?.as_mut()
    }

    fn find(&mut self, name: &QueueName) -> Option<&mut Queue> {
        let index = *self.by_name.get(name)?;
        self.queue(index)
    }

    /// The index of a queue, which is made if it does not exist.
    fn index(&mut self, name: &QueueName) -> u32 {
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

/// What can't be read has no priority of its own and takes the default.
fn priority_of(payload: &Payload) -> Priority {
    let priority = payload.as_ref().map(|message| message.priority);
    priority.unwrap_or_default()
}
