//! One consumer of the memory driver.

use std::sync::Arc;

use celeriac_core::broker::Delivery;
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Consumer, QueueName};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::closed;
use crate::live::{ConsumerId, Queues, Wake};

/// At most this many places for deliveries are made ready per pull.
const CAPACITY: usize = 1024;

pub(super) struct MemoryConsumer {
    all: Arc<Mutex<Queues>>,
    id: ConsumerId,
    queues: Vec<u32>,
    /// Which queue is served first, so that all have their turn.
    turn: usize,
    notify: Arc<Notify>,
}

impl MemoryConsumer {
    pub(super) fn new(all: Arc<Mutex<Queues>>, queues: &[QueueName]) -> Self {
        let (id, queues) = all.lock().subscribe(queues);
        Self { all, id, queues, turn: 0, notify: Arc::new(Notify::new()) }
    }

    /// Takes what is there; empty after it has joined those who wait.
    fn take(&mut self, credit: usize) -> Result<Vec<Delivery>> {
        let mut taken = Vec::with_capacity(credit.min(CAPACITY));
        let mut wake = Wake::default();
        let mut queues = self.all.lock();
        if queues.closed {
            return Err(closed("pull"));
        }
        let in_turn = (self.queues.as_slice(), self.turn);
        queues.take(self.id, in_turn, credit, &mut taken, &mut wake);
        if taken.is_empty() {
            queues.wait(&self.queues, &self.notify);
        }
        drop(queues);
        self.turn = self.turn.wrapping_add(1);
        Ok(taken)
    }
}

impl Consumer for MemoryConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            loop {
                let taken = self.take(credit.max(1))?;
                if !taken.is_empty() {
                    return Ok(taken);
                }
                self.notify.notified().await;
            }
        })
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        let mut wake = Wake::default();
        let mut queues = self.all.lock();
        queues.unsubscribe(self.id, &self.queues, &self.notify, &mut wake);
    }
}
