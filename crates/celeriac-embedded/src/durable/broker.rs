//! [`Broker`] on disk: the owner's, or the client's.

use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::store::{Advance, Joined, StoreId};
use celeriac_core::{
    BoxFuture, Broker, Capability, Consumer, Error, ErrorKind, Message, QueueName,
};

use super::Durable;
use super::consumer::DurableConsumer;
use super::place::Role;

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
        Box::pin(async move {
            match self.place.role("publish").await? {
                Role::Owner(own) => own.owner.publish(batch, limit).await,
                Role::Client(client) => client.publish(batch, limit).await,
            }
        })
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.place.role("room").await? {
                Role::Owner(own) => own.owner.room(queue).await,
                Role::Client(client) => client.room(queue).await,
            }
        })
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            let consumer = DurableConsumer::new(self.place.clone(), subscription).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        match self.place.current("begin")? {
            Some(Role::Owner(own)) => own.owner.begin(receipts),
            Some(Role::Client(client)) => client.begin(receipts),
            None => {
                let context = "the process that had the directory open has ended; pull again";
                Err(Error::new(ErrorKind::Unreachable, "begin", context))
            }
        }
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.place.role("settle").await? {
                Role::Owner(own) => own.owner.settle(batch).await,
                Role::Client(client) => client.settle(batch).await,
            }
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(async move {
            match self.place.role("queues").await? {
                Role::Owner(own) => own.owner.queues(),
                Role::Client(client) => client.queues().await,
            }
        })
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            match self.place.role("purge").await? {
                Role::Owner(own) => own.owner.purge(queue).await,
                Role::Client(client) => client.purge(queue).await,
            }
        })
    }

    /// Who uses the directory through its owner writes one thing after the other.
    fn store_id(&self) -> Option<StoreId> {
        self.place.is_owner().then_some(self.store_id)
    }

    fn advance(&self, batch: Advance) -> BoxFuture<'_, Result<Option<Vec<Joined>>>> {
        Box::pin(async move {
            match self.place.role("advance").await? {
                Role::Owner(own) => own.owner.advance(batch).await,
                Role::Client(_) => Ok(None),
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.place.close())
    }
}
