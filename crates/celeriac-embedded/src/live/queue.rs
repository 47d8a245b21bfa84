//! One queue: its lanes, its depth, and who waits for it.

use std::sync::Arc;

use celeriac_core::broker::QueueStats;
use celeriac_core::{Priority, QueueName};
use tokio::sync::Notify;

use super::lane::{Lane, Ready};
use super::wake::Wake;

/// One queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: QueueName,
    lanes: [Lane; Priority::COUNT],
    /// One bit per lane that holds messages.
    occupied: u16,
    pub(crate) ready: usize,
    pub(crate) in_flight: usize,
    /// How many consumers are subscribed.
    pub(crate) consumers: usize,
    /// Consumers that found nothing.
    pub(crate) waiting: Vec<Arc<Notify>>,
    /// Senders that found no room.
    pub(crate) room: Vec<Arc<Notify>>,
}

impl Queue {
    pub(crate) fn new(name: QueueName) -> Self {
        Self {
            name,
            lanes: Default::default(),
            occupied: 0,
            ready: 0,
            in_flight: 0,
            consumers: 0,
            waiting: Vec::new(),
            room: Vec::new(),
        }
    }

    /// Whether nobody would notice if it were gone.
    pub(crate) fn is_idle(&self) -> bool {
        self.ready == 0 && self.in_flight == 0 && self.consumers == 0 && self.room.is_empty()
    }

    pub(crate) fn push_back(&mut self, priority: Priority, ready: Ready) {
        self.lane(priority).ready.push_back(ready);
        self.ready += 1;
    }

    pub(crate) fn push_front(&mut self, priority: Priority, ready: Ready) {
        self.lane(priority).ready.push_front(ready);
        self.ready += 1;
    }

    /// The next message: the highest priority first.
    pub(crate) fn pop(&mut self) -> Option<Ready> {
        let highest = self.occupied.checked_ilog2()?;
        let lane = &mut self.lanes[highest as usize];
        let ready = lane.ready.pop_front()?;
        if lane.is_empty() {
            self.occupied &= !(1 << highest);
        }
        self.ready -= 1;
        Some(ready)
    }

    /// Takes everything that waits.
    pub(crate) fn clear(&mut self) -> Vec<Ready> {
        self.occupied = 0;
        self.ready = 0;
        let lanes = self.lanes.iter_mut();
        lanes.flat_map(|lane| std::mem::take(&mut lane.ready)).collect()
    }

    /// Senders wait no longer if there is room for a message.
    pub(crate) fn offer_room(&mut self, limit: usize, wake: &mut Wake) {
        if !self.room.is_empty() && self.ready < limit {
            wake.all(&mut self.room);
        }
    }

    pub(crate) fn stats(&self) -> QueueStats {
        QueueStats {
            name: self.name.clone(),
            ready: self.ready as u64,
            in_flight: self.in_flight as u64,
        }
    }

    fn lane(&mut self, priority: Priority) -> &mut Lane {
        let index = usize::from(priority.get());
        self.occupied |= 1 << index;
        &mut self.lanes[index]
    }
}
