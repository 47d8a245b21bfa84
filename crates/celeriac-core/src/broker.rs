//! The broker: where messages wait. What every driver owes.
//!
//! The duties are numbered in `docs/spec/broker.md`; each has a case in the
//! conformance suite of `celeriac-testkit`.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::store::{Advance, Joined, StoreId};
use crate::{BoxFuture, Capability, Message, MessageId, QueueName};

/// A driver's handle of one delivery, to settle it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Receipt(pub u64);

/// A message handed out to be worked on.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// To settle it by.
    pub receipt: Receipt,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
    /// How many processes died while they ran it (see [`Capability::deaths`]).
    pub deaths: u32,
    /// The message, or what stands in its place and can't be read.
    pub payload: std::result::Result<Arc<Message>, Box<Undecodable>>,
}

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecodable {
    /// An id to keep it under.
    pub id: MessageId,
    /// The queue it came from.
    pub queue: QueueName,
    /// The bytes.
    pub raw: Bytes,
    /// Why they can't be read.
    pub reason: String,
}

impl Undecodable {
    /// Bytes whose sender said no id. The same bytes get the same one: they may
    /// be delivered again.
    #[must_use]
    pub fn new(queue: QueueName, raw: Bytes, reason: String) -> Self {
        let half = |seed: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(seed);
            hasher.write(&raw);
            u128::from(hasher.finish())
        };
        let id = MessageId::from_bytes((half(0) << 64 | half(1)).to_be_bytes());
        Self { id, queue, raw, reason }
    }
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is done with and is never delivered again.
    Ack,
    /// It goes back to the front of its queue and is delivered again.
    Requeue,
}

/// The end of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Which delivery.
    pub receipt: Receipt,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// Whether a publish may go above a queue's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// No: what has no room is refused. For senders.
    Respect,
    /// Yes. For what is in the system already (retries, next steps), which
    /// must never wait for room that only it can make.
    Exceed,
}

/// What a consumer takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The queues, served in turn.
    pub queues: Vec<QueueName>,
    /// Who consumes, for people.
    pub consumer: String,
}

/// The depth of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStats {
    /// The queue.
    pub name: QueueName,
    /// Messages that wait.
    pub ready: u64,
    /// Messages delivered and not yet settled.
    pub in_flight: u64,
}

/// Where messages wait. See `docs/spec/broker.md` for the numbered duties.
pub trait Broker: Send + Sync + 'static {
    /// What this broker can do beyond its duty.
    fn capability(&self) -> Capability;

    /// Stores messages, in order, as durably as the broker promises.
    ///
    /// * `Ok` lists the positions of messages that were refused because their
    ///   queue has no room; all others are stored.
    /// * On `Err` any of them may have been stored: publish all of them again
    ///   with `may_repeat`.
    /// * Cancel-safe in the same sense: a dropped future may have stored them.
    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>>;

    /// Resolves when the queue has room for a message again. Cancel-safe.
    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>>;

    /// Begins to consume. When the consumer is dropped (or its process dies,
    /// with [`Capability::leases`] after its lease) its unsettled deliveries
    /// are delivered again.
    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>>;

    /// Says that these deliveries are about to run: if this process dies
    /// before they are settled, their `deaths` grow by one. Survives the death
    /// of the process, not of the machine. Cheap: it is called for every batch,
    /// and waits for no answer.
    fn begin(&self, receipts: &[Receipt]) -> Result<()>;

    /// Ends deliveries. An `Ack` may be lost when the broker dies: the message
    /// then comes again, marked as redelivered. Unknown receipts are ignored.
    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>>;

    /// Every queue that holds messages, by name.
    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>>;

    /// Discards what waits in a queue, not what is in flight; says how many.
    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>>;

    /// The store that [`Self::advance`] writes to, if this broker is one with
    /// it and can do so at the moment.
    fn store_id(&self) -> Option<StoreId> {
        None
    }

    /// Records, joins, notes and publishes in one transaction: all of it, or
    /// nothing. The answer is that of each member of `join`.
    ///
    /// * `None`: nothing was done, for one of the outcomes is not the first of
    ///   its id, or this broker is not one with a store (any more). Do it one
    ///   after the other.
    /// * On `Err` all of it was done, or nothing.
    /// * Cancel-safe in the same sense.
    fn advance(&self, batch: Advance) -> BoxFuture<'_, Result<Option<Vec<Joined>>>> {
        drop(batch);
        Box::pin(async { Ok(None) })
    }

    /// Finishes what was accepted, then closes; later calls answer `Closed`.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// One consumer's end of a broker.
pub trait Consumer: Send {
    /// Waits until there is a message, then takes at most `credit` of them:
    /// the highest priority first, in order of arrival within a priority.
    /// Cancel-safe: a dropped future took nothing. What a driver fetches ahead
    /// goes back when its consumer is dropped.
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>>;
}
