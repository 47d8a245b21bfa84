//! One consumer, of either driver.

use std::sync::Arc;

use celeriac_core::broker::Delivery;
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Consumer, MessageId, QueueName};
use tokio::sync::Notify;

use super::{Backing, Hub};
use crate::live::{ConsumerId, Credit, Settled, Taken};

/// At most this many places for deliveries are made ready per pull.
const CAPACITY: usize = 1024;

/// One consumer. What it has not settled goes back when it is dropped.
pub(crate) struct HubConsumer {
    hub: Arc<Hub>,
    backing: Option<Arc<dyn Backing>>,
    id: ConsumerId,
    queues: Vec<u32>,
    /// How many bytes of bodies one pull takes, or one message.
    max_bytes: usize,
    /// Which queue is served first, so that all have their turn.
    turn: usize,
    notify: Arc<Notify>,
}

impl HubConsumer {
    pub(crate) fn new(
        hub: Arc<Hub>,
        backing: Option<Arc<dyn Backing>>,
        queues: &[QueueName],
        max_bytes: usize,
    ) -> Self {
        let (id, queues) = hub.queues.lock().subscribe(queues);
        Self { hub, backing, id, queues, max_bytes, turn: 0, notify: Arc::new(Notify::new()) }
    }

    /// What it has begun and not settled.
    pub(crate) fn begun(&self) -> Vec<MessageId> {
        self.hub.queues.lock().begun_by(self.id)
    }

    /// Takes what is there; nothing after it has joined those who wait.
    fn take(&mut self, credit: usize) -> Result<Vec<Delivery>> {
        let mut taken = Taken::default();
        taken.deliveries.reserve(credit.min(CAPACITY));
        let mut queues = self.hub.queues.lock();
        if queues.closed {
            drop(queues);
            return Err(self.hub.closed("pull"));
        }
        let most = Credit { messages: credit, bytes: self.max_bytes };
        queues.take(self.id, (&self.queues, self.turn), most, &mut taken);
        if taken.deliveries.is_empty() {
            queues.wait(&self.queues, &self.notify);
        }
        drop(queues);
        self.turn = self.turn.wrapping_add(1);
        if let Some(backing) = &self.backing {
            taken.loads.into_iter().for_each(|load| backing.load(load));
        }
        match taken.failure {
            Some(error) if taken.deliveries.is_empty() => Err(error),
            _ => Ok(taken.deliveries),
        }
    }
}

impl Consumer for HubConsumer {
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

impl Drop for HubConsumer {
    fn drop(&mut self) {
        let mut settled = Settled::default();
        let mut queues = self.hub.queues.lock();
        queues.unsubscribe(self.id, &self.queues, &self.notify, &mut settled);
        drop(queues);
        if let Some(backing) = &self.backing {
            backing.landed(&settled);
        }
    }
}
