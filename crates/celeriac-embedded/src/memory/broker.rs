//! [`Broker`] in memory.

use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::store::{Advance, Joined, StoreId};
use celeriac_core::{BoxFuture, Broker, Capability, Consumer, Message, QueueName};

use super::Memory;
use crate::hub::HubConsumer;
use crate::live::{Results, Settled, Wake};

impl Broker for Memory {
    fn capability(&self) -> Capability {
        Capability::NONE.priorities().limits().transient_queues()
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(async move {
            self.hub.check_open("publish")?;
            let mut wake = Wake::default();
            let refused = self.hub.queues.lock().publish(batch, limit, &mut wake);
            Ok(refused)
        })
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.hub.room(queue))
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            self.hub.check_open("consume")?;
            let consumer =
                HubConsumer::new(self.hub.clone(), None, &subscription.queues, usize::MAX);
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn begin(&self, _receipts: &[Receipt]) -> Result<()> {
        self.hub.check_open("begin")
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.hub.check_open("settle")?;
            let mut settled = Settled::default();
            settled.acked.reserve(batch.len());
            self.hub.queues.lock().settle(&batch, &mut settled);
            Ok(())
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(async move {
            self.hub.check_open("queues")?;
            Ok(self.hub.queues.lock().stats())
        })
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.hub.check_open("purge")?;
            let mut wake = Wake::default();
            let (purged, _) = self.hub.queues.lock().purge(queue, &mut wake);
            Ok(purged.len() as u64)
        })
    }

    fn store_id(&self) -> Option<StoreId> {
        Some(self.store_id)
    }

    fn advance(&self, batch: Advance) -> BoxFuture<'_, Result<Option<Vec<Joined>>>> {
        Box::pin(async move {
            self.hub.check_open("advance")?;
            let Advance { complete, join, mark_steps, publish } = batch;
            let mut ids = Vec::from_iter(complete.iter().map(|completion| completion.id));
            ids.sort_unstable();
            let repeats = ids.array_windows().any(|[one, next]| one == next);
            let is_first = |results: &Results, now| {
                !repeats && !ids.iter().any(|id| results.has_ended(*id, now))
            };
            let recorded = self.record(complete, is_first);
            if recorded.len() < ids.len() {
                return Ok(None);
            }
            let joined = self.join_all(join);
            self.note_steps(&mark_steps);
            let mut wake = Wake::default();
            self.hub.queues.lock().publish(&publish, Limit::Exceed, &mut wake);
            Ok(Some(joined))
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.hub.close() })
    }
}
