//! [`Broker`]: publishing, settling and looking at queues.

use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::taking::Origin as _;
use celeriac_core::{
    Address, BoxFuture, Broker, Capability, Consumer, Error, ErrorKind, Message, QueueName,
};
use jumpstarter::System;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions};
use lapin::types::{FieldTable, ShortString};

use crate::client::Client;
use crate::config::{self, Options};
use crate::consumer::AmqpConsumer;
use crate::error::is_missing;
use crate::keeper::Keeper;
use crate::shared::Shared;
use crate::{names, publish};

/// A broker on a RabbitMQ server. Cheap to share.
pub struct Amqp {
    shared: Arc<Shared>,
    keeper: jumpstarter::Address<Keeper>,
}

impl Amqp {
    pub(crate) async fn open(
        address: &Address,
        options: Options,
        system: &System,
    ) -> Result<Arc<Self>> {
        let shared = Arc::new(Shared::new(Client::new(config::read(address, options)?)));
        let live = shared.client.live("open").await?;
        let kept = shared.clone();
        let keeper = system.spawn("amqp-keeper", jumpstarter::Options::default(), move || {
            Keeper::new(kept.clone())
        });
        keeper.started().await.map_err(|error| {
            let context = format!("{}: its keeper did not start", shared.client.shown());
            Error::new(ErrorKind::Internal, "open", context).caused_by(error)
        })?;
        let opened = Arc::new(Self { shared, keeper });
        match names::follow(&opened.shared, &live).await {
            Err(error) if live.is_usable() => tracing::warn!(%error, "queues can't be listed"),
            followed => followed?,
        }
        Ok(opened)
    }

    /// For tests: breaks the connection, as a fault of the network would.
    #[doc(hidden)]
    pub async fn disconnect(&self) {
        if let Some(live) = self.shared.client.current() {
            live.hang_up().await;
        }
    }

    /// For tests: deletes the transient queues that this process knows, as if
    /// nobody had used them for a while.
    ///
    /// # Errors
    /// Those of the server.
    #[doc(hidden)]
    pub async fn expire_transient(&self) -> Result<()> {
        let transient = self.shared.names.all().into_iter().filter(QueueName::is_transient);
        let full_name = |queue: QueueName| self.shared.client.full_name(queue.as_str());
        self.delete(transient.map(full_name).collect::<Result<_>>()?).await
    }

    /// For tests: deletes every queue, and the names.
    ///
    /// # Errors
    /// Those of the server.
    #[doc(hidden)]
    pub async fn delete_all(&self) -> Result<()> {
        let full_name = |queue: QueueName| self.shared.client.full_name(queue.as_str());
        let names = self.shared.names.all().into_iter().map(full_name);
        let mut doomed = names.collect::<Result<Vec<_>>>()?;
        doomed.push(names::stream(&self.shared));
        self.delete(doomed).await
    }

    async fn delete(&self, queues: Vec<ShortString>) -> Result<()> {
        let live = self.shared.client.live("delete").await?;
        let failed = self.shared.client.failed("delete");
        let channel = live.channel().await.map_err(&failed)?;
        for name in queues {
            let deleting = channel.queue_delete(name, QueueDeleteOptions::default());
            live.answer(deleting).await.map_err(&failed)?;
        }
        live.done_with(channel).await;
        Ok(())
    }

    async fn stats(&self) -> Result<Vec<QueueStats>> {
        let shared = &self.shared;
        shared.check_open("queues")?;
        shared.departures().over().await;
        let live = shared.client.live("queues").await?;
        names::follow(shared, &live).await?;
        let failed = shared.client.failed("queues");
        let in_flight = shared.in_flight();
        let mut channel = live.channel().await.map_err(&failed)?;
        let mut listed = Vec::new();
        for name in shared.names.all() {
            let full = shared.client.full_name(name.as_str())?;
            let passive = QueueDeclareOptions { passive: true, ..Default::default() };
            let asking = channel.queue_declare(full, passive, FieldTable::default());
            let ready = match live.answer(asking).await {
                Ok(queue) => u64::from(queue.message_count()),
                Err(error) if is_missing(&error) => {
                    shared.names.forget(&name);
                    live.forget(&name);
                    channel = live.channel().await.map_err(&failed)?;
                    0
                }
                Err(error) => return Err(failed(error)),
            };
            let in_flight = in_flight.get(&name).copied().unwrap_or(0);
            if ready + in_flight > 0 {
                listed.push(QueueStats { name, ready, in_flight });
            }
        }
        live.done_with(channel).await;
        Ok(listed)
    }

    async fn discard(&self, queue: &QueueName) -> Result<u64> {
        let shared = &self.shared;
        shared.check_open("purge")?;
        shared.departures().over().await;
        let live = shared.client.live("purge").await?;
        shared.client.declare("purge", &live, queue).await?;
        let failed = shared.client.failed("purge");
        let channel = live.channel().await.map_err(&failed)?;
        let name = shared.client.full_name(queue.as_str())?;
        let purged = live.answer(channel.queue_purge(name, QueuePurgeOptions::default())).await;
        live.done_with(channel).await;
        purged.map(u64::from).map_err(|error| {
            live.forget(queue);
            failed(error)
        })
    }

    async fn close_down(&self) {
        if self.shared.closed.send_replace(true) {
            return;
        }
        self.shared.departures().over().await;
        if let Some(live) = self.shared.client.current() {
            live.hang_up().await;
        }
        self.keeper.stop().await;
    }
}

impl Broker for Amqp {
    fn capability(&self) -> Capability {
        let can = Capability::NONE.durable().transient_queues().shared();
        if self.shared.client.has_priorities() { can.priorities() } else { can }
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        _limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(async move {
            publish::publish(&self.shared, batch).await?;
            Ok(Vec::new())
        })
    }

    fn room<'a>(&'a self, _queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.shared.check_open("room") })
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            self.shared.check_open("consume")?;
            let consumer = AmqpConsumer::new(self.shared.clone(), subscription.queues).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn begin(&self, _receipts: &[Receipt]) -> Result<()> {
        self.shared.check_open("begin")
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("settle")?;
            self.shared.settle(&batch).await
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(self.stats())
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.discard(queue))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.close_down())
    }
}

impl Drop for Amqp {
    fn drop(&mut self) {
        // Nobody is left who could close it: consumers and the keeper end.
        self.shared.closed.send_replace(true);
        if let Some(live) = self.shared.client.current() {
            self.shared.spawn(Box::pin(async move { live.hang_up().await }));
        }
        drop(self.keeper.stop());
    }
}

impl std::fmt::Debug for Amqp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Amqp").field("address", &self.shared.client.shown()).finish_non_exhaustive()
    }
}
