//! [`Broker`] on disk.

use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Broker, Capability, Consumer, Message, QueueName};

use super::Durable;

impl Broker for Durable {
    fn capability(&self) -> Capability {
        let ordered = Capability::NONE.durable().priorities().deaths();
        ordered.limits().transient_queues().shared()
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(self.owner.publish(batch, limit))
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.owner.room(queue))
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move { self.owner.consumer(&subscription) })
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.owner.begin(receipts)
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.owner.settle(batch))
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(async move { self.owner.queues() })
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.owner.purge(queue))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.owner.close())
    }
}
