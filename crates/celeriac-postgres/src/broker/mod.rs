//! [`Broker`] in PostgreSQL: what each part does is in its own file.

mod begins;
mod consumer;
mod desk;
mod holdings;
mod publish;
mod queues;
mod settle;
mod take;

use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Broker, Capability, Consumer, Message, QueueName};

use crate::Postgres;
use consumer::DeskConsumer;

pub(crate) use begins::Begins;
pub(crate) use desk::{Close, Desk, lease_ms};
pub(crate) use holdings::Holdings;
pub(crate) use publish::{Estimates, insert};

impl Broker for Postgres {
    fn capability(&self) -> Capability {
        Self::CAPABILITY
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(self.publish_batch(batch, limit))
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.client.while_open("room", self.wait_for_room(queue)))
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            let consumer = DeskConsumer::subscribe(&self.client, &self.desk, subscription).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.client.check_open("begin")?;
        if !receipts.is_empty() {
            self.note_begun(receipts);
        }
        Ok(())
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.settle_batch(batch))
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(self.count_queues())
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.purge_queue(queue))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.shut())
    }
}
