//! An open driver with what the cases say of it most often.

use std::ops::Range;
use std::sync::Arc;
use std::task::Poll;

use celeriac_core::broker::{Delivery, Limit, Receipt, Settlement, Subscription, Verdict};
use celeriac_core::{BoxFuture, Broker, Capability, Consumer, Message, QueueName, Store};

use crate::probe::{poll_once, within};
use crate::{Crashed, Driver, Harness, Setup, sample};

/// How often a future that must wait is polled before it is believed.
const POLLS: usize = 20;

/// An open driver and the harness that opened it.
pub struct Rig {
    harness: Arc<dyn Harness>,
    driver: Driver,
    setup: Setup,
}

impl Rig {
    /// Opens the harness's driver on an empty place.
    pub async fn open(harness: Arc<dyn Harness>) -> Self {
        Self::open_with(harness, Setup::default()).await
    }

    /// Opens it with a limit on its queues.
    pub async fn limited(harness: Arc<dyn Harness>, queue_limit: usize) -> Self {
        let queue_limit = Some(queue_limit);
        Self::open_with(harness, Setup { queue_limit }).await
    }

    async fn open_with(harness: Arc<dyn Harness>, setup: Setup) -> Self {
        let driver = harness.open(setup).await;
        Self { harness, driver, setup }
    }

    /// Lets the driver's process die while these consumers are at work, and
    /// opens what it left.
    pub async fn crash(self, consumers: Vec<Box<dyn Consumer>>) -> Self {
        let Self { harness, driver, setup } = self;
        let crashed = Crashed { driver, consumers, setup };
        let driver = within("the driver to open again", harness.reopen(crashed)).await;
        Self { harness, driver, setup }
    }

    /// A second process at the same place.
    pub async fn join(&self) -> Self {
        let harness = self.harness.clone();
        let driver = within("a second process", harness.join(&self.driver, self.setup)).await;
        Self { harness, driver, setup: self.setup }
    }

    /// Lets the leases of everything that this process holds expire.
    pub async fn expire(&self) {
        within("the leases to expire", self.harness.expire(&self.driver)).await;
    }

    /// The broker.
    #[must_use]
    pub fn broker(&self) -> &dyn Broker {
        &*self.driver.broker
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.driver.store
    }

    /// What the driver can do beyond its duty.
    #[must_use]
    pub fn capability(&self) -> Capability {
        self.driver.broker.capability()
    }

    /// Publishes numbered messages as one batch; none may be refused.
    pub async fn publish(&self, queue: &str, numbers: Range<u64>) {
        self.publish_all(&sample::batch(queue, numbers)).await;
    }

    /// Publishes messages as one batch; none may be refused.
    pub async fn publish_all(&self, batch: &[Arc<Message>]) {
        let refused = self.broker().publish(batch, Limit::Respect).await;
        assert_eq!(refused.expect("publish"), [0; 0], "refused");
    }

    /// Begins to consume.
    pub async fn consume(&self, queues: &[&str]) -> Box<dyn Consumer> {
        let subscription = Subscription {
            queues: queues.iter().map(|queue| QueueName::from(*queue)).collect(),
            consumer: "suite".to_owned(),
        };
        self.broker().consume(subscription).await.expect("consume")
    }

    /// Ends deliveries.
    pub async fn settle(&self, deliveries: &[Delivery], verdict: Verdict) {
        let receipts = deliveries.iter().map(|delivery| delivery.receipt);
        self.settle_receipts(receipts, verdict).await;
    }

    /// Ends the deliveries of these receipts.
    pub async fn settle_receipts(
        &self,
        receipts: impl IntoIterator<Item = Receipt>,
        verdict: Verdict,
    ) {
        let settlement = |receipt| Settlement { receipt, verdict };
        let batch = receipts.into_iter().map(settlement).collect();
        self.broker().settle(batch).await.expect("settle");
    }

    /// How many messages of a queue wait, and how many are in flight.
    pub async fn depth(&self, queue: &str) -> (u64, u64) {
        let queues = self.broker().queues().await.expect("queues");
        let found = queues.iter().find(|stats| stats.name.as_str() == queue);
        found.map_or((0, 0), |stats| (stats.ready, stats.in_flight))
    }

    /// Asserts that `future` waits, however often it is polled.
    pub async fn assert_waits<T>(&self, what: &str, future: &mut BoxFuture<'_, T>) {
        for _ in 0..POLLS {
            assert!(poll_once(future).is_pending(), "{what} did not wait");
            self.settle_down().await;
        }
    }

    /// Lets the driver do what it has to do: asks it something, and yields.
    pub async fn settle_down(&self) {
        let _ = self.broker().queues().await;
        tokio::task::yield_now().await;
    }

    /// Asserts that nothing is to be had.
    pub async fn assert_empty(&self, consumer: &mut dyn Consumer) {
        let mut pull = consumer.pull(10);
        for _ in 0..POLLS {
            if let Poll::Ready(answer) = poll_once(&mut pull) {
                panic!("nothing should come, but: {answer:?}");
            }
            self.settle_down().await;
        }
    }
}

/// Pulls until there are `count` deliveries, never more.
pub(crate) async fn take(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let credit = count - taken.len();
        let what = format!("{count} deliveries; {} came", taken.len());
        let pulled = within(&what, consumer.pull(credit)).await.expect("pull");
        assert!(!pulled.is_empty(), "a pull ended with nothing");
        assert!(pulled.len() <= credit, "{} for {credit}", pulled.len());
        taken.extend(pulled);
    }
    taken
}

/// The message of a delivery.
pub(crate) fn message(delivery: &Delivery) -> &Message {
    delivery.payload.as_deref().expect("a message")
}

/// The numbers of [`sample::numbered`] messages.
pub(crate) fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
    let number = |delivery| sample::number(message(delivery));
    deliveries.iter().map(number).collect()
}
