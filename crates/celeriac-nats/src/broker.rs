//! [`Broker`]: publishing, settling and looking at queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::taking::Departures;
use celeriac_core::{
    Address, BoxFuture, Broker, Capability, Consumer, Error, ErrorKind, Message, MessageId,
    QueueName, wire,
};
use jumpstarter::{Spawner, System};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::client::{Client, Sending};
use crate::config::{self, Options};
use crate::consumer::NatsConsumer;
use crate::held::Held;
use crate::holders::Counting;
use crate::keeper::Keeper;
use crate::name::Names;
use crate::place::Place;
use crate::{large, queues, settling};

/// At most so many messages, and about so many bytes, are under way at once.
const PART_MESSAGES: usize = 4096;
const PART_BYTES: usize = 8 << 20;

/// Broker on a NATS server, or cluster, with JetStream. Cheap to share.
pub struct Nats {
    shared: Arc<Shared>,
    keeper: jumpstarter::Address<Keeper>,
}

/// What broker, consumers and keeper have in common.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) names: Names,
    pub(crate) options: Options,
    pub(crate) place: Place,
    pub(crate) held: Mutex<Held>,
    pub(crate) counting: Mutex<Counting>,
    /// What deliveries are held under: this opening of the driver.
    pub(crate) holder: String,
    pub(crate) spawner: Mutex<Option<Spawner>>,
    is_closed: AtomicBool,
    /// Ends what waits.
    pub(crate) closing: Notify,
    /// What goes back without its caller waiting for it.
    pub(crate) departures: Departures,
    consumers: AtomicU64,
}

impl Shared {
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn check_open(&self, operation: &'static str) -> Result<()> {
        if !self.is_closed() {
            return Ok(());
        }
        let context = format!("{} was closed; open it again", self.client.shown());
        Err(Error::new(ErrorKind::Closed, operation, context))
    }

    pub(crate) fn lost(&self, operation: &'static str) -> Error {
        crate::error::unreachable(operation, self.client.shown())
    }

    fn end(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.closing.notify_waiters();
    }

    /// Waits until everything that goes back is there.
    pub(crate) async fn departed(&self) {
        self.departures.over().await;
    }

    /// Tells who waits that these priorities of a queue have messages.
    pub(crate) async fn wake(&self, queue: &QueueName, priorities: Vec<u8>) {
        self.client.tell(self.names.wake(queue), priorities.into()).await;
    }

    pub(crate) async fn ensure_consumers(&self, queue: &QueueName) -> Result<()> {
        self.place.consumers(&self.client, &self.names, queue, &self.options).await
    }
}

impl Nats {
    pub(crate) async fn open(
        address: &Address,
        options: Options,
        system: &System,
    ) -> Result<Arc<Self>> {
        let target = config::read(address, options)?;
        let client = Client::connect(&target).await?;
        let shared = Arc::new(Shared {
            client,
            names: Names::new(&target.options.prefix),
            held: Mutex::new(Held::new(target.options.lease)),
            options: target.options,
            counting: Mutex::default(),
            place: Place::default(),
            holder: MessageId::new().to_string(),
            spawner: Mutex::new(None),
            is_closed: AtomicBool::new(false),
            closing: Notify::new(),
            departures: Departures::default(),
            consumers: AtomicU64::new(1),
        });
        // Says whether there is JetStream at all, before anybody relies on it.
        shared.client.call("open", "INFO", &serde_json::Value::Null).await?;
        let kept = shared.clone();
        let keeper = system.spawn("nats-keeper", jumpstarter::Options::default(), move || {
            Keeper::new(kept.clone())
        });
        keeper.started().await.map_err(|error| {
            let context = format!("{}: nobody would renew its leases", shared.client.shown());
            Error::new(ErrorKind::Unreachable, "open", context).caused_by(error)
        })?;
        Ok(Arc::new(Self { shared, keeper }))
    }

    /// For tests: the leases of all that this process holds expire now, as if
    /// it had been stopped for longer than they last.
    ///
    /// # Errors
    /// Those of the server.
    #[doc(hidden)]
    pub async fn expire_leases(&self) -> Result<()> {
        self.shared.departed().await;
        let endings = self.shared.held.lock().expire();
        settling::tell_ends(&self.shared, &endings).await
    }

    /// For tests: removes the queues for which `matches` holds.
    ///
    /// # Errors
    /// Those of the server.
    #[doc(hidden)]
    pub async fn discard(&self, matches: impl Fn(&QueueName) -> bool) -> Result<()> {
        for found in queues::list(&self.shared).await? {
            if matches(&found.queue) {
                queues::delete(&self.shared, &found.queue).await?;
            }
        }
        Ok(())
    }

    /// For tests: removes what tells who is alive.
    ///
    /// # Errors
    /// Those of the server.
    #[doc(hidden)]
    pub async fn discard_holders(&self) -> Result<()> {
        crate::holders::discard(&self.shared).await
    }

    /// How long to wait for what may not come.
    pub(crate) fn patience(&self) -> std::time::Duration {
        self.shared.options.patience()
    }

    async fn publish_all(&self, batch: &[Arc<Message>]) -> Result<()> {
        let shared = &self.shared;
        shared.check_open("publish")?;
        // Few queues a batch: a list is faster than a map, and keeps the order.
        let mut told: Vec<(&QueueName, Vec<u8>)> = Vec::new();
        for message in batch {
            let priority = message.priority.get();
            match told.iter_mut().find(|(queue, _)| **queue == message.queue) {
                Some((_, priorities)) if priorities.contains(&priority) => {}
                Some((_, priorities)) => priorities.push(priority),
                None => told.push((&message.queue, vec![priority])),
            }
        }
        for (queue, _) in &told {
            shared.place.stream(&shared.client, &shared.names, queue).await?;
        }
        let mut rest = batch;
        while !rest.is_empty() {
            let mut part = Vec::new();
            let mut bytes = 0;
            while let Some((message, after)) = rest.split_first() {
                if part.len() == PART_MESSAGES || bytes > PART_BYTES {
                    break;
                }
                rest = after;
                let mut envelope = Vec::new();
                wire::encode(message, &mut envelope);
                let payload = large::shrink(shared, &message.queue, envelope.into()).await?;
                bytes += payload.len();
                part.push((&**message, payload));
            }
            self.publish_part(part).await?;
        }
        for (queue, priorities) in told {
            shared.wake(queue, priorities).await;
        }
        Ok(())
    }

    async fn publish_part(&self, mut part: Vec<(&Message, Bytes)>) -> Result<()> {
        let shared = &self.shared;
        for is_last in [false, true] {
            let batch = sendings(shared, &part);
            let acks = shared.client.send_all("publish", batch).await?;
            let mut without_stream = Vec::new();
            for (message, ack) in part.into_iter().zip(acks.iter().flatten()) {
                if !shared.client.is_stored("publish", ack)? {
                    without_stream.push(message);
                }
            }
            if without_stream.is_empty() {
                return Ok(());
            }
            // Somebody removed the stream, or it was in memory: once more.
            part = without_stream;
            for (message, _) in &part {
                shared.place.forget(&message.queue);
                shared.place.stream(&shared.client, &shared.names, &message.queue).await?;
            }
            if is_last {
                break;
            }
        }
        Err(shared.lost("publish"))
    }

    async fn close_down(&self) {
        let shared = &self.shared;
        if shared.is_closed() {
            return;
        }
        shared.departed().await;
        let held = shared.held.lock().of_consumer(None);
        if let Err(error) = settling::settle(shared, &held).await {
            tracing::warn!(%error, "what this process held comes again when its lease ends");
        }
        shared.client.flush().await;
        shared.end();
        self.keeper.stop().await;
    }
}

/// What is published. Most of a batch goes where the message before went.
fn sendings(shared: &Shared, part: &[(&Message, Bytes)]) -> Vec<Sending> {
    let mut batch: Vec<Sending> = Vec::with_capacity(part.len());
    let mut before: Option<&Message> = None;
    for (message, payload) in part {
        let is_there_too = |before: &&Message| {
            before.queue == message.queue && before.priority == message.priority
        };
        let subject = match batch.last().filter(|_| before.is_some_and(|it| is_there_too(&it))) {
            Some(last) => last.subject.clone(),
            None => {
                let priority = usize::from(message.priority.get());
                shared.names.messages(&message.queue, priority).into()
            }
        };
        before = Some(message);
        batch.push(Sending { subject, headers: None, payload: payload.clone(), is_answered: true });
    }
    batch
}

impl Broker for Nats {
    fn capability(&self) -> Capability {
        Capability::NONE.durable().priorities().transient_queues().shared().leases()
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        _limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(async move {
            self.publish_all(batch).await?;
            Ok(Vec::new())
        })
    }

    fn room<'a>(&'a self, _queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.shared.check_open("room") })
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            self.shared.check_open("consume")?;
            let number = self.shared.consumers.fetch_add(1, Ordering::Relaxed);
            let shared = self.shared.clone();
            let consumer = NatsConsumer::new(shared, number, subscription.queues).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn begin(&self, _receipts: &[Receipt]) -> Result<()> {
        self.shared.check_open("begin")
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("settle")?;
            settling::settle(&self.shared, &batch).await
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(async move {
            self.shared.check_open("queues")?;
            self.shared.departed().await;
            queues::stats(&self.shared).await
        })
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.shared.check_open("purge")?;
            self.shared.departed().await;
            queues::purge(self, queue).await
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.close_down())
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        // Nobody is left who could close it: consumers and the keeper end.
        self.shared.end();
        drop(self.keeper.stop());
    }
}

impl std::fmt::Debug for Nats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nats").field("address", &self.shared.client.shown()).finish_non_exhaustive()
    }
}
