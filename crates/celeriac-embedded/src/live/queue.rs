//! One queue: its lanes, its depth, and who waits for it.

use std::sync::Arc;

use celeriac_core::broker::QueueStats;
use celeriac_core::{Error, Priority, QueueName};
use tokio::sync::Notify;

use super::lane::{ColdPack, Lane, Ready};
use super::wake::Wake;

/// One queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: QueueName,
    pub(crate) lanes: [Lane; Priority::COUNT],
    /// One bit per lane that holds messages.
    occupied: u16,
    /// How many messages wait, in memory or on disk.
    pub(crate) ready: usize,
    /// How many were admitted and are not stored yet.
    pub(crate) reserved: usize,
    pub(crate) in_flight: usize,
    /// How many consumers are subscribed.
    pub(crate) consumers: usize,
    /// Consumers that found nothing.
    pub(crate) waiting: Vec<Arc<Notify>>,
    /// Senders that found no room.
    pub(crate) room: Vec<Arc<Notify>>,
    /// Why its messages could not be read from disk; told once.
    pub(crate) failure: Option<Error>,
}

impl Queue {
    pub(crate) fn new(name: QueueName) -> Self {
        Self {
            name,
            lanes: Default::default(),
            occupied: 0,
            ready: 0,
            reserved: 0,
            in_flight: 0,
            consumers: 0,
            waiting: Vec::new(),
            room: Vec::new(),
            failure: None,
        }
    }

    /// Whether nobody would notice if it were gone.
    pub(crate) fn is_idle(&self) -> bool {
        let used = self.ready + self.reserved + self.in_flight + self.consumers;
        used == 0 && self.room.is_empty()
    }

    /// How many messages count against the limit.
    pub(crate) fn depth(&self) -> usize {
        self.ready + self.reserved
    }

    pub(crate) fn push_back(&mut self, priority: Priority, ready: Ready) {
        let lane = self.lane(priority);
        lane.weight += ready.weight();
        lane.ready.push_back(ready);
        self.ready += 1;
    }

    pub(crate) fn push_front(&mut self, priority: Priority, ready: Ready) {
        let lane = self.lane(priority);
        lane.weight += ready.weight();
        lane.ready.push_front(ready);
        self.ready += 1;
    }

    pub(crate) fn push_cold(&mut self, priority: Priority, cold: ColdPack) {
        self.lane(priority).push_cold(cold);
        self.ready += cold.len();
    }

    /// The next message: the highest priority first. `None` if there is none,
    /// or if the next one is on disk.
    pub(crate) fn pop(&mut self) -> Option<(Priority, Ready)> {
        let highest = self.occupied.checked_ilog2()?;
        let priority = Priority::new(highest as u8).ok()?;
        let lane = &mut self.lanes[highest as usize];
        let ready = lane.ready.pop_front()?;
        lane.weight -= ready.weight();
        if lane.is_empty() {
            self.occupied &= !(1 << highest);
        }
        self.ready -= 1;
        Some((priority, ready))
    }

    /// The lane that is served next.
    pub(crate) fn next_lane(&mut self) -> Option<(Priority, &mut Lane)> {
        let highest = self.occupied.checked_ilog2()?;
        let priority = Priority::new(highest as u8).ok()?;
        Some((priority, &mut self.lanes[highest as usize]))
    }

    /// Takes everything that waits.
    pub(crate) fn clear(&mut self) -> (Vec<Ready>, Vec<ColdPack>) {
        self.occupied = 0;
        self.ready = 0;
        let (mut ready, mut cold) = (Vec::new(), Vec::new());
        for lane in &mut self.lanes {
            lane.weight = 0;
            ready.extend(std::mem::take(&mut lane.ready));
            cold.extend(std::mem::take(&mut lane.cold));
        }
        (ready, cold)
    }

    /// Senders wait no longer if there is room for a message.
    pub(crate) fn offer_room(&mut self, limit: usize, wake: &mut Wake) {
        if !self.room.is_empty() && self.depth() < limit {
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
