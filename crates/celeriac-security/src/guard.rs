//! A broker that keeps the policy, around any other broker.
//!
//! What is published to a queue that demands it is encrypted, then signed; what
//! is pulled from one is checked, then opened. What fails is delivered as
//! undecodable, with its reason. Messages of other queues pass untouched and
//! uncopied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use celeriac_core::broker::{
    Delivery, Limit, QueueStats, Receipt, Settlement, Subscription, Undecodable,
};
use celeriac_core::error::Result;
use celeriac_core::store::{Advance, Joined, StoreId};
use celeriac_core::{
    BoxFuture, Broker, Capability, Consumer, Error, ErrorKind, Message, QueueName, Timestamp, wire,
};
use parking_lot::Mutex;

use crate::keyring::Keyring;
use crate::policy::Policy;
use crate::replay::{Replay, Window};
use crate::seal::OpenError;
use crate::signature::Signature;

/// A broker behind a guard.
///
/// ```
/// use std::sync::Arc;
/// use celeriac_security::{Guard, Keyring, Policy};
/// # async fn example(broker: Arc<dyn celeriac_core::Broker>) {
/// let policy = Policy::default().with_signed(["payments.*"]);
/// let guarded = Guard::new(broker, Arc::new(Keyring::ephemeral()), policy);
/// println!("{} refused", guarded.refused().total());
/// # }
/// ```
#[derive(Clone)]
pub struct Guard {
    inner: Arc<dyn Broker>,
    checks: Arc<Checks>,
}

struct Checks {
    keyring: Arc<Keyring>,
    policy: Policy,
    window: Mutex<Window>,
    refused: Counters,
}

#[derive(Default)]
struct Counters {
    unsigned: AtomicU64,
    unknown_key: AtomicU64,
    forged: AtomicU64,
    repeated: AtomicU64,
    unreadable: AtomicU64,
}

/// How many messages were refused since the start, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// They bore no signature, or none of a known form.
    pub unsigned: u64,
    /// Their signer is not trusted.
    pub unknown_key: u64,
    /// Their signature is not that of their content.
    pub forged: u64,
    /// They came before, or were signed too long ago.
    pub repeated: u64,
    /// Their body could not be decrypted.
    pub unreadable: u64,
}

impl Refused {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.unsigned + self.unknown_key + self.forged + self.repeated + self.unreadable
    }
}

/// Why a message is refused.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it is not signed, and the queue demands it")]
    Unsigned,
    #[error("it is signed with the key {0}, which is not trusted here (`celeriac key trust`)")]
    UnknownKey(crate::KeyId),
    #[error("its signature is not that of its content")]
    Forged,
    #[error("{0}")]
    Replay(Replay),
    #[error("{0}")]
    Unreadable(OpenError),
}

impl Guard {
    /// Guards `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Broker>, keyring: Arc<Keyring>, policy: Policy) -> Self {
        let (window, refused) = (Mutex::default(), Counters::default());
        Self { inner, checks: Arc::new(Checks { keyring, policy, window, refused }) }
    }

    /// The messages as their queues demand them, signed and encrypted: for
    /// whoever publishes past the broker.
    ///
    /// # Errors
    /// `Internal` when a body can't be encrypted.
    pub fn sealed(&self, batch: &[Arc<Message>]) -> Result<Vec<Arc<Message>>> {
        batch.iter().map(|message| self.checks.close(message)).collect()
    }

    /// How many messages were refused so far.
    #[must_use]
    pub fn refused(&self) -> Refused {
        let Counters { unsigned, unknown_key, forged, repeated, unreadable } = &self.checks.refused;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Refused {
            unsigned: read(unsigned),
            unknown_key: read(unknown_key),
            forged: read(forged),
            repeated: read(repeated),
            unreadable: read(unreadable),
        }
    }
}

impl Checks {
    fn passes(&self, message: &Message) -> bool {
        self.policy.passes(message.queue.as_str())
    }

    /// The message as its queue demands it.
    fn close(&self, message: &Arc<Message>) -> Result<Arc<Message>> {
        if self.passes(message) {
            return Ok(Arc::clone(message));
        }
        let queue = message.queue.as_str();
        let mut closed = Message::clone(message);
        if let Some(keys) = self.policy.keys_of(queue) {
            let sealed = keys.seal(message).ok_or_else(|| {
                let context = format!("the body for `{queue}` could not be encrypted");
                Error::new(ErrorKind::Internal, "publish", context)
            })?;
            closed.body = sealed;
        }
        if self.policy.demands_signature(queue) {
            let now = Timestamp::now();
            // One that it bore was made for another attempt.
            closed.rare_mut().signature = None;
            let signature = Signature::over(&closed, &self.keyring.signer(now), now);
            closed.rare_mut().signature = Some(signature.to_bytes().into());
        }
        Ok(Arc::new(closed))
    }

    /// The delivery as it was meant, or with why it is refused.
    fn admit(&self, delivery: &mut Delivery) {
        let Ok(message) = &delivery.payload else { return };
        if self.passes(message) {
            return;
        }
        let refusal = match self.open(message, delivery.redelivered) {
            Ok(opened) => return delivery.payload = Ok(Arc::new(opened)),
            Err(refusal) => refusal,
        };
        self.count(&refusal);
        let reason = refusal.to_string();
        tracing::warn!(id = %message.id, queue = %message.queue, reason, "a message was refused");
        let mut raw = Vec::new();
        wire::encode(message, &mut raw);
        let (id, queue) = (message.id, message.queue.clone());
        delivery.payload = Err(Box::new(Undecodable { id, queue, raw: raw.into(), reason }));
    }

    fn open(&self, message: &Message, redelivered: bool) -> std::result::Result<Message, Refusal> {
        let queue = message.queue.as_str();
        let mut opened = message.clone();
        if self.policy.demands_signature(queue) {
            let signature = opened.rare_mut().signature.take().ok_or(Refusal::Unsigned)?;
            let signature = Signature::from_bytes(&signature).ok_or(Refusal::Unsigned)?;
            self.verify(&opened, &signature, redelivered)?;
        }
        if let Some(keys) = self.policy.keys_of(queue) {
            opened.body = keys.open(&opened).map_err(Refusal::Unreadable)?;
        }
        Ok(opened)
    }

    fn verify(
        &self,
        message: &Message,
        signature: &Signature,
        redelivered: bool,
    ) -> std::result::Result<(), Refusal> {
        let now = Timestamp::now();
        let key = self.keyring.find(signature.key, now);
        let key = key.ok_or(Refusal::UnknownKey(signature.key))?;
        if !signature.holds(message, &key) {
            return Err(Refusal::Forged);
        }
        if !self.policy.is_signed_inbox(message.queue.as_str()) {
            return Ok(());
        }
        match self.window.lock().admit(now, signature.signed_at, signature.nonce) {
            // The broker itself brings it again: who took it died over it.
            Err(Replay::Repeated) if redelivered => Ok(()),
            admitted => admitted.map_err(Refusal::Replay),
        }
    }

    fn count(&self, refusal: &Refusal) {
        let counter = match refusal {
            Refusal::Unsigned => &self.refused.unsigned,
            Refusal::UnknownKey(_) => &self.refused.unknown_key,
            Refusal::Forged => &self.refused.forged,
            Refusal::Replay(_) => &self.refused.repeated,
            Refusal::Unreadable(_) => &self.refused.unreadable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Broker for Guard {
    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        if batch.iter().all(|message| self.checks.passes(message)) {
            return self.inner.publish(batch, limit);
        }
        Box::pin(async move { self.inner.publish(&self.sealed(batch)?, limit).await })
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        self.inner.room(queue)
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            let inner = self.inner.consume(subscription).await?;
            let checks = Arc::clone(&self.checks);
            Ok(Box::new(Guarded { inner, checks }) as Box<dyn Consumer>)
        })
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.inner.begin(receipts)
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        self.inner.settle(batch)
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        self.inner.queues()
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        self.inner.purge(queue)
    }

    fn store_id(&self) -> Option<StoreId> {
        self.inner.store_id()
    }

    fn advance(&self, batch: Advance) -> BoxFuture<'_, Result<Option<Vec<Joined>>>> {
        if batch.publish.iter().all(|message| self.checks.passes(message)) {
            return self.inner.advance(batch);
        }
        Box::pin(async move {
            let publish = self.sealed(&batch.publish)?;
            self.inner.advance(Advance { publish, ..batch }).await
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

struct Guarded {
    inner: Box<dyn Consumer>,
    checks: Arc<Checks>,
}

impl Consumer for Guarded {
    fn pull(&mut self, credit: usize) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            let mut deliveries = self.inner.pull(credit).await?;
            deliveries.iter_mut().for_each(|delivery| self.checks.admit(delivery));
            Ok(deliveries)
        })
    }
}
