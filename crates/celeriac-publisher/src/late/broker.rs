//! A broker that is opened when it can be.

use std::fmt;
use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{BoxFuture, Broker, Capability, Consumer, Message, QueueName};

use super::{Late, Open};

/// A broker that is opened by whoever uses it first, as often as that fails.
pub struct LateBroker {
    late: Late<dyn Broker>,
    expected: Capability,
}

impl LateBroker {
    /// A broker that `open` opens, and what it is taken to be able to do until
    /// then.
    #[must_use]
    pub fn new(open: Open<dyn Broker>, expected: Capability) -> Self {
        Self { late: Late::new(open), expected }
    }
}

impl Broker for LateBroker {
    fn capability(&self) -> Capability {
        self.late.opened().map_or(self.expected, |broker| broker.capability())
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(async move { self.late.get("publish").await?.publish(batch, limit).await })
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.late.get("room").await?.room(queue).await })
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move { self.late.get("consume").await?.consume(subscription).await })
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        // What was never opened gave nothing that could begin.
        self.late.opened().map_or(Ok(()), |broker| broker.begin(receipts))
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.late.get("settle").await?.settle(batch).await })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(async move { self.late.get("queues").await?.queues().await })
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { self.late.get("purge").await?.purge(queue).await })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(broker) = self.late.close() {
                broker.close().await;
            }
        })
    }
}

impl fmt::Debug for LateBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = self.late.opened().is_some();
        f.debug_struct("LateBroker").field("is_open", &is_open).finish_non_exhaustive()
    }
}
