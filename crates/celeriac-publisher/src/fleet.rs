//! The fleet: several brokers as one.
//!
//! Routes say to which of them a message goes; while the best is down, the
//! next of the list stands in; while all are down, the message waits for the
//! best. A consumer takes from all that are up ([`consumer`]). Drivers use all
//! bits of their receipts, so the fleet gives its own ([`receipts`]).

mod consumer;
mod receipts;
mod room;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{
    BoxFuture, Broker, Capability, Consumer, Error, ErrorKind, Message, QueueName,
};
use celeriac_engine::routing::Routes;
use futures_util::future::join_all;
use parking_lot::Mutex;

use self::receipts::Receipts;
use self::room::Refusals;
use crate::courier::{Courier, is_outage, repeated};

/// How many brokers a fleet has at most.
pub const MAX_BROKERS: usize = 32;

/// Several brokers as one.
///
/// ```
/// use celeriac_engine::routing::{Route, Routes, Subject};
/// use celeriac_publisher::{Courier, Fleet};
/// # fn example(eu: Courier, us: Courier) {
/// let routes = vec![Route { subject: Subject::Queue("us.*".into()), brokers: vec![1, 0] }];
/// let fleet = Fleet::new(vec![eu, us], Routes::new(routes, vec![0]));
/// # }
/// ```
pub struct Fleet {
    shared: Arc<Shared>,
}

/// What the fleet and its consumers have in common.
pub(crate) struct Shared {
    couriers: Vec<Courier>,
    routes: Routes,
    receipts: Mutex<Receipts>,
    refusals: Mutex<Refusals>,
    closed: AtomicBool,
}

/// Brokers of a fleet, a bit for each.
type Set = u32;

/// A part of a batch for one broker: the messages, and where they were.
struct Part {
    broker: usize,
    messages: Vec<Arc<Message>>,
    positions: Vec<usize>,
}

impl Fleet {
    /// A fleet of these brokers; the routes name them by their position.
    ///
    /// # Panics
    /// Without a broker, or with more than [`MAX_BROKERS`].
    #[must_use]
    pub fn new(couriers: Vec<Courier>, routes: Routes) -> Self {
        assert!((1..=MAX_BROKERS).contains(&couriers.len()), "{} brokers", couriers.len());
        let (receipts, refusals) = (Mutex::default(), Mutex::default());
        let closed = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { couriers, routes, receipts, refusals, closed }) }
    }

    /// The couriers of its brokers.
    #[must_use]
    pub fn couriers(&self) -> &[Courier] {
        &self.shared.couriers
    }
}

impl Shared {
    fn check_open(&self, operation: &'static str) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, operation, "the brokers were closed"));
        }
        Ok(())
    }

    /// The best broker for a message that is up and was not tried; else, the best.
    fn target(&self, message: &Message, tried: Set) -> usize {
        let choices = self.routes.of(message);
        let is_up = |at: &&usize| tried & (1 << **at) == 0 && self.couriers[**at].desk.is_clear();
        choices.iter().find(is_up).or(choices.first()).copied().unwrap_or_default()
    }

    /// Publishes a batch: each message where it goes, those of a broker in
    /// their order.
    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
        tried: Set,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(async move {
            let Some(first) = batch.first() else { return Ok(Vec::new()) };
            let broker = self.target(first, tried);
            if batch.iter().all(|message| self.target(message, tried) == broker) {
                return self.deliver(broker, batch, limit, tried).await;
            }
            let parts = self.split(batch, tried);
            let delivering = parts.iter().map(|part| async {
                let refused = self.deliver(part.broker, &part.messages, limit, tried).await?;
                Ok(refused.into_iter().map(|at| part.positions[at]).collect::<Vec<_>>())
            });
            let mut refused = Vec::new();
            for answer in join_all(delivering).await {
                refused.extend(answer?);
            }
            refused.sort_unstable();
            Ok(refused)
        })
    }

    fn split(&self, batch: &[Arc<Message>], tried: Set) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for (position, message) in batch.iter().enumerate() {
            let broker = self.target(message, tried);
            let part = match parts.iter_mut().find(|part| part.broker == broker) {
                Some(part) => part,
                None => parts.push_mut(Part { broker, messages: vec![], positions: vec![] }),
            };
            part.messages.push(message.clone());
            part.positions.push(position);
        }
        parts
    }

    /// Publishes to one broker. Should it be down, what may go elsewhere does;
    /// the rest waits.
    async fn deliver(
        &self,
        broker: usize,
        batch: &[Arc<Message>],
        limit: Limit,
        tried: Set,
    ) -> Result<Vec<usize>> {
        let courier = &self.couriers[broker];
        let now_tried = tried | (1 << broker);
        let is_again = tried & (1 << broker) != 0;
        let elsewhere = |message: &Arc<Message>| self.target(message, now_tried) != broker;
        let answer = if is_again || !courier.desk.is_clear() || !batch.iter().any(elsewhere) {
            Broker::publish(courier, batch, limit).await
        } else {
            match courier.desk.attempt(batch, limit).await {
                Err(error) if is_outage(error.kind()) => {
                    return self.publish(&repeated(batch), limit, now_tried).await;
                }
                answer => answer,
            }
        };
        if let Ok(refused) = &answer {
            self.refusals.lock().note(broker, refused.iter().map(|at| &batch[*at].queue));
        }
        answer
    }

    /// Ends deliveries. What a broker that is down can't be told is told when
    /// it is back: it must not hold up the others.
    async fn settle(&self, batch: Vec<Settlement>) -> Result<()> {
        self.check_open("settle")?;
        let parts = self.receipts.lock().look_up(&batch);
        let settling = parts.into_iter().map(|(broker, own, theirs)| async move {
            let desk = &self.couriers[broker].desk;
            let settled = match desk.is_clear() {
                true => desk.settle(theirs.clone()).await,
                false => return (own, Some((broker, theirs)), Ok(())),
            };
            match settled {
                Err(error) if is_outage(error.kind()) => (own, Some((broker, theirs)), Ok(())),
                settled => (own, None, settled),
            }
        });
        let mut answer = Ok(());
        for (own, owed, settled) in join_all(settling).await {
            match settled {
                Ok(()) => self.receipts.lock().forget(&own),
                Err(error) => answer = Err(error),
            }
            if let Some((broker, owed)) = owed {
                self.couriers[broker].desk.owe(owed);
            }
        }
        answer
    }

    async fn queues(&self) -> Result<Vec<QueueStats>> {
        self.check_open("queues")?;
        let asked = join_all(self.couriers.iter().map(|courier| courier.desk.queues())).await;
        let mut merged = std::collections::BTreeMap::<QueueName, QueueStats>::new();
        let (mut answered, mut failed) = (false, None);
        for (courier, answer) in self.couriers.iter().zip(asked) {
            match answer {
                Ok(queues) => {
                    answered = true;
                    for QueueStats { name, ready, in_flight } in queues {
                        let none = QueueStats { name: name.clone(), ready: 0, in_flight: 0 };
                        let sum = merged.entry(name).or_insert(none);
                        sum.ready += ready;
                        sum.in_flight += in_flight;
                    }
                }
                Err(error) => {
                    let broker = courier.name();
                    tracing::warn!(broker, %error, "the queues of a broker are not in the list");
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if !answered => Err(error),
            _ => Ok(merged.into_values().collect()),
        }
    }
}

impl Broker for Fleet {
    /// What holds for all of its brokers.
    fn capability(&self) -> Capability {
        let mut all = Capability::NONE;
        let every = |has: fn(Capability) -> bool| {
            self.couriers().iter().all(|courier| has(courier.capability()))
        };
        all.durable = every(|it| it.durable);
        all.priorities = every(|it| it.priorities);
        all.deaths = every(|it| it.deaths);
        all.limits = every(|it| it.limits);
        all.transient_queues = every(|it| it.transient_queues);
        all.shared = every(|it| it.shared);
        all.leases = every(|it| it.leases);
        all
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        match self.shared.check_open("publish") {
            Ok(()) => self.shared.publish(batch, limit, 0),
            Err(closed) => Box::pin(std::future::ready(Err(closed))),
        }
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.shared.room(queue))
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(consumer::open(&self.shared, subscription))
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        let parts = self.shared.receipts.lock().split(receipts);
        for (broker, theirs) in parts {
            self.shared.couriers[broker].begin(&theirs)?;
        }
        Ok(())
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.shared.settle(batch))
    }

    /// Sums over the brokers that answer.
    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(self.shared.queues())
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let purging = self.shared.couriers.iter().map(|courier| courier.purge(queue));
            let mut purged = 0;
            for answer in join_all(purging).await {
                purged += answer?;
            }
            Ok(purged)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.shared.closed.store(true, Ordering::Release);
            join_all(self.shared.couriers.iter().map(|courier| courier.close())).await;
        })
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("couriers", &self.shared.couriers).finish_non_exhaustive()
    }
}
