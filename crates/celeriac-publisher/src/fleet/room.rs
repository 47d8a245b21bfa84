//! Room in a queue that may be on several brokers: that of the brokers which
//! refused messages for it.

use std::collections::HashMap;
use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::{Broker as _, QueueName};
use futures_util::future::select_all;

use super::{Set, Shared};

/// Of how many queues it is remembered who refused.
const QUEUES: usize = 1024;

/// Which brokers had no room lately.
#[derive(Default)]
pub(super) struct Refusals(HashMap<QueueName, Set>);

impl Refusals {
    pub(super) fn note<'a>(&mut self, broker: usize, queues: impl Iterator<Item = &'a QueueName>) {
        for queue in queues {
            if self.0.len() >= QUEUES && !self.0.contains_key(queue) {
                // Who waits for one that is forgotten tries once more in vain.
                self.0.clear();
            }
            *self.0.entry(queue.clone()).or_default() |= 1 << broker;
        }
    }

    fn has_room(&mut self, broker: usize, queue: &QueueName) {
        if let Some(set) = self.0.get_mut(queue) {
            *set &= !(1 << broker);
            if *set == 0 {
                self.0.remove(queue);
            }
        }
    }
}

impl Shared {
    /// Ends when one of those that refused has room.
    pub(super) async fn room(self: &Arc<Self>, queue: &QueueName) -> Result<()> {
        self.check_open("room")?;
        let refused = self.refusals.lock().0.get(queue).copied().unwrap_or_default();
        let mut brokers: Vec<usize> =
            (0..self.couriers.len()).filter(|at| refused & (1 << at) != 0).collect();
        if brokers.is_empty() {
            brokers.push(self.routes.of_queue(queue).first().copied().unwrap_or_default());
        }
        let waits = brokers.iter().map(|at| self.couriers[*at].room(queue));
        let (answer, first, _) = select_all(waits).await;
        self.refusals.lock().has_room(brokers[first], queue);
        answer
    }
}
