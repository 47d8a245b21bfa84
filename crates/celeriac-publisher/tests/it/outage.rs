//! A broker that can be switched off, and brokers beside it.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{
    Delivery, Limit, QueueStats, Receipt, Settlement, Subscription, Verdict,
};
use celeriac_core::error::Result;
use celeriac_core::{
    BoxFuture, Broker, Capability, Consumer, Error, ErrorKind, Message, QueueName,
};
use celeriac_embedded::Memory;
use celeriac_publisher::courier::Options;
use celeriac_testkit::faulty::Operation;
use celeriac_testkit::probe::within;
use celeriac_testkit::sample;
use tokio::sync::watch;

/// Whether a broker answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    /// Every call is refused.
    Off,
    /// No call is answered.
    Hung,
    /// Calls of this kind are not made before that changes.
    Late(Operation),
}

/// A memory broker that can be switched off; what it holds stays.
pub(crate) struct Outage {
    pub(crate) memory: Arc<Memory>,
    power: watch::Sender<Power>,
    /// How many calls were late.
    late: watch::Sender<usize>,
    /// How long a pull is on its way.
    distance: Duration,
}

impl Outage {
    pub(crate) fn new() -> Arc<Self> {
        Self::far(Duration::ZERO)
    }

    pub(crate) fn far(distance: Duration) -> Arc<Self> {
        let memory = Memory::new(celeriac_embedded::Options::default());
        let (power, late) = (watch::Sender::new(Power::On), watch::Sender::new(0));
        Arc::new(Self { memory, power, late, distance })
    }

    pub(crate) fn switch(&self, power: Power) {
        self.power.send_replace(power);
    }

    /// Waits until a call is late.
    pub(crate) async fn until_late(&self) {
        let mut late = self.late.subscribe();
        within("a late call", late.wait_for(|count| *count > 0)).await.unwrap();
    }

    async fn run<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut power = self.power.subscribe();
        if *power.borrow() == Power::Hung {
            std::future::pending::<()>().await;
        }
        if *power.borrow() == Power::Late(operation) {
            self.late.send_modify(|count| *count += 1);
            // The sender of the news lives as long as the broker.
            let _ = power.wait_for(|power| *power != Power::Late(operation)).await;
        }
        let off = async {
            // The sender of the news lives as long as the broker.
            let _ = power.wait_for(|power| *power == Power::Off).await;
            Err(Error::new(ErrorKind::Unreachable, "test", "it is switched off"))
        };
        tokio::select! {
            biased;
            refused = off => refused,
            answer = call => answer,
        }
    }

    /// The numbers that wait in a queue, in order; they are gone then.
    pub(crate) async fn take(&self, queue: &str, count: usize) -> Vec<u64> {
        let taken = take(&*self.memory, queue, count).await;
        taken.iter().map(|message| sample::number(message)).collect()
    }

    pub(crate) async fn depth(&self, queue: &str) -> u64 {
        depth(&*self.memory, queue).await
    }
}

pub(crate) async fn depth(broker: &dyn Broker, queue: &str) -> u64 {
    let queues = broker.queues().await.unwrap();
    let found = queues.iter().find(|stats| stats.name.as_str() == queue);
    found.map_or(0, |stats| stats.ready)
}

pub(crate) fn subscription(queues: &[&str]) -> Subscription {
    let queues = queues.iter().map(|queue| QueueName::from(*queue)).collect();
    Subscription { queues, consumer: "test".to_owned() }
}

/// Takes `count` messages out of a queue, for good.
pub(crate) async fn take(broker: &dyn Broker, queue: &str, count: usize) -> Vec<Arc<Message>> {
    let mut consumer = broker.consume(subscription(&[queue])).await.unwrap();
    let mut taken = Vec::new();
    while taken.len() < count {
        let pulled = within("messages", consumer.pull(count - taken.len())).await.unwrap();
        let settlements = pulled.iter().map(acked).collect();
        broker.settle(settlements).await.unwrap();
        taken.extend(pulled.into_iter().map(|delivery| delivery.payload.unwrap()));
    }
    taken
}

pub(crate) fn acked(delivery: &Delivery) -> Settlement {
    Settlement { receipt: delivery.receipt, verdict: Verdict::Ack }
}

pub(crate) fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
    let number = |delivery: &Delivery| sample::number(delivery.payload.as_ref().unwrap());
    deliveries.iter().map(number).collect()
}

/// Options by which little is waited for.
pub(crate) fn brisk() -> Options {
    let mut options = Options::default();
    options.breaker.open_for = Duration::from_millis(10);
    options.breaker.open_for_at_most = Duration::from_millis(20);
    options
}

impl Broker for Outage {
    fn capability(&self) -> Capability {
        self.memory.capability()
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(self.run(Operation::Publish, self.memory.publish(batch, limit)))
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.run(Operation::Room, self.memory.room(queue)))
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            let inner = self.run(Operation::Consume, self.memory.consume(subscription)).await?;
            let (power, distance) = (self.power.subscribe(), self.distance);
            Ok(Box::new(OutageConsumer { inner, power, distance }) as Box<dyn Consumer>)
        })
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.memory.begin(receipts)
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.run(Operation::Settle, self.memory.settle(batch)))
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(self.run(Operation::Queues, self.memory.queues()))
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.run(Operation::Purge, self.memory.purge(queue)))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.memory.close()
    }
}

struct OutageConsumer {
    inner: Box<dyn Consumer>,
    power: watch::Receiver<Power>,
    distance: Duration,
}

impl Consumer for OutageConsumer {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            let Self { inner, power, distance } = self;
            tokio::select! {
                biased;
                _ = power.wait_for(|power| *power == Power::Off) => {
                    Err(Error::new(ErrorKind::Unreachable, "pull", "it is switched off"))
                }
                pulled = async {
                    // Far only in the time of a paused clock (`start_paused = true`).
                    tokio::time::sleep(*distance).await;
                    inner.pull(credit).await
                } => pulled,
            }
        })
    }
}
