//! The broker of a client.

use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{Message, QueueName};

use super::consumer::ClientConsumer;
use super::{Client, parts};
use crate::socket::request::Request;

impl Client {
    pub(crate) async fn publish(&self, batch: &[Arc<Message>], limit: Limit) -> Result<Vec<usize>> {
        let mut refused = Vec::new();
        let mut first = 0;
        for part in parts(batch) {
            let count = part.len();
            let request = Request::Publish(part, limit);
            let of_part: Vec<usize> = self.link.ask("publish", &request).await?;
            refused.extend(of_part.into_iter().map(|position| first + position));
            first += count;
        }
        Ok(refused)
    }

    pub(crate) async fn room(&self, queue: &QueueName) -> Result<()> {
        self.link.ask("room", &Request::Room(queue.clone())).await
    }

    pub(crate) async fn consume(&self, subscription: Subscription) -> Result<ClientConsumer> {
        let request = Request::Consume(subscription.queues, subscription.consumer);
        let number = self.link.ask("consume", &request).await?;
        Ok(ClientConsumer::new(self.link.clone(), number))
    }

    pub(crate) fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.link.tell("begin", &Request::Begin(receipts.to_vec()))
    }

    pub(crate) async fn settle(&self, batch: Vec<Settlement>) -> Result<()> {
        self.link.ask("settle", &Request::Settle(batch)).await
    }

    pub(crate) async fn queues(&self) -> Result<Vec<QueueStats>> {
        self.link.ask("queues", &Request::Queues).await
    }

    pub(crate) async fn purge(&self, queue: &QueueName) -> Result<u64> {
        self.link.ask("purge", &Request::Purge(queue.clone())).await
    }
}
