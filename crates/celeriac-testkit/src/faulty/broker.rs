//! The broker's side of [`Faulty`].

use std::sync::Arc;

use celeriac_core::broker::{Delivery, Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::store::{Advance, Joined, StoreId};
use celeriac_core::{BoxFuture, Broker, Capability, Consumer, Message, QueueName};

use super::{Faulty, Operation, Plan};

impl Broker for Faulty<dyn Broker> {
    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        let call = move || self.inner.publish(batch, limit);
        Box::pin(self.plan.run(Operation::Publish, call))
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.plan.run(Operation::Room, move || self.inner.room(queue)))
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        let call = move || async {
            let inner = self.inner.consume(subscription).await?;
            let plan = Arc::clone(&self.plan);
            Ok(Box::new(FaultyConsumer { inner, plan }) as Box<dyn Consumer>)
        };
        Box::pin(self.plan.run(Operation::Consume, call))
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.plan.run_now(Operation::Begin, || self.inner.begin(receipts))
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.plan.run(Operation::Settle, move || self.inner.settle(batch)))
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(self.plan.run(Operation::Queues, move || self.inner.queues()))
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.plan.run(Operation::Purge, move || self.inner.purge(queue)))
    }

    fn store_id(&self) -> Option<StoreId> {
        self.inner.store_id().filter(|_| !self.plan.is_apart())
    }

    fn advance(&self, batch: Advance) -> BoxFuture<'_, Result<Option<Vec<Joined>>>> {
        Box::pin(self.plan.run(Operation::Advance, move || self.inner.advance(batch)))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

struct FaultyConsumer {
    inner: Box<dyn Consumer>,
    plan: Arc<Plan>,
}

impl Consumer for FaultyConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        let Self { inner, plan } = self;
        Box::pin(plan.run(Operation::Pull, move || inner.pull(credit)))
    }
}
