//! The broker as a simulated process sees it.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{
    Delivery, Limit, QueueStats, Receipt, Settlement, Subscription, Verdict,
};
use celeriac_core::error::Result;
use celeriac_core::store::{Advance, Joined, StoreId};
use celeriac_core::{BoxFuture, Broker, Capability, Consumer, Message, QueueName};
use jumpstarter::testing::Process;

use super::consumer::SimConsumer;
use super::link::{Link, error};
use super::planted::Bug;
use super::sky::Sky;
use crate::faulty::Operation;

/// The longest lease.
pub(super) const LEASE: Duration = Duration::from_secs(20);

impl Broker for Link {
    fn capability(&self) -> Capability {
        let capability = self.host.sky.broker.capability();
        match self.host.sky.state().deaths.poison {
            Some(_) => capability.deaths(),
            None => capability,
        }
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        if self.bug == Some(Bug::SettleFirst) && limit == Limit::Exceed {
            self.host.held_back.lock().extend_from_slice(batch);
            return Box::pin(async { Ok(Vec::new()) });
        }
        let call = move || async move {
            let refused = self.host.sky.broker.publish(batch, limit).await?;
            self.sent("publishes", batch);
            Ok(refused)
        };
        Box::pin(self.call(Operation::Publish, call))
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.wait(Operation::Room, move || self.host.sky.broker.room(queue)))
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        let call = move || async move {
            let inner = self.host.sky.broker.consume(subscription).await?;
            Ok(Box::new(SimConsumer::new(self.clone(), inner)) as Box<dyn Consumer>)
        };
        Box::pin(self.call(Operation::Consume, call))
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        if self.host.is_dead() {
            return Err(error(Operation::Begin));
        }
        self.host.sky.state().history.begun(&self.host.name, receipts);
        self.count_deaths(receipts);
        self.host.sky.broker.begin(receipts)
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        self.host.sky.state().history.settled(&self.host.name, &batch);
        let call = move || async move {
            let batch = self.lose_some(batch);
            self.note(|| format!("settles {}", batch.len()));
            let receipts = batch.iter().map(|settlement| settlement.receipt);
            self.host.sky.state().deaths.settle(receipts);
            self.host.sky.broker.settle(batch).await
        };
        Box::pin(async move {
            self.call(Operation::Settle, call).await?;
            let late = std::mem::take(&mut *self.host.held_back.lock());
            if !late.is_empty() {
                // Settled first, as the planted bug wants it.
                self.call(Operation::Publish, || async {
                    self.sent("publishes late", &late);
                    self.host.sky.broker.publish(&late, Limit::Exceed).await
                })
                .await?;
            }
            Ok(())
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        Box::pin(self.call(Operation::Queues, move || self.host.sky.broker.queues()))
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.call(Operation::Purge, move || self.host.sky.broker.purge(queue)))
    }

    fn store_id(&self) -> Option<StoreId> {
        let is_apart = self.host.sky.state().weather.apart;
        self.host.sky.broker.store_id().filter(|_| !is_apart)
    }

    fn advance(&self, mut batch: Advance) -> BoxFuture<'_, Result<Option<Vec<Joined>>>> {
        if self.bug == Some(Bug::SettleFirst) {
            self.host.held_back.lock().append(&mut batch.publish);
        }
        let call = move || async move {
            let noted = batch.clone();
            let mut answer = self.host.sky.broker.advance(batch).await?;
            match &mut answer {
                Some(joined) => self.advanced(&noted, joined),
                None => self.note(|| "one of what it tells has ended before".to_owned()),
            }
            Ok(answer)
        };
        Box::pin(self.call(Operation::Advance, call))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        // The server outlives its clients.
        Box::pin(async {})
    }
}

impl Link {
    /// Notes what was done at once.
    fn advanced(&self, batch: &Advance, joined: &mut [Joined]) {
        let all_first = vec![true; batch.complete.len()];
        self.completed(&batch.complete, &all_first);
        self.joined(&batch.join, joined);
        self.sent("publishes", &batch.publish);
    }

    /// Notes that messages are on their way.
    pub(super) fn sent(&self, how: &str, batch: &[Arc<Message>]) {
        self.host.sky.state().history.published(batch);
        self.host.sky.note(&self.host.name, |state| format!("{how} {}", state.all(batch)));
    }

    /// Notes what begins. What is poison kills the process soon.
    fn count_deaths(&self, receipts: &[Receipt]) {
        let mut state = self.host.sky.state();
        let Some((poison, _)) = state.deaths.poison.clone() else { return };
        let messages = receipts
            .iter()
            .filter_map(|receipt| Some((*receipt, state.history.message_of(*receipt)?.clone())));
        let messages = Vec::from_iter(messages);
        let begun = messages.iter().map(|(receipt, message)| (*receipt, message.id));
        state.deaths.begin(&self.host.name, begun);
        if messages.iter().any(|(_, message)| message.name == poison) {
            let (host, soon) = (self.host.clone(), state.delay());
            drop(state);
            let death = async move {
                super::link::sleep(soon).await;
                host.die();
            };
            drop(Process::spawn(death));
        }
    }

    /// Some acknowledgements get lost: what they were for comes again.
    fn lose_some(&self, batch: Vec<Settlement>) -> Vec<Settlement> {
        let mut kept = Vec::with_capacity(batch.len());
        for settlement in batch {
            let mut state = self.host.sky.state();
            let lost_ack = state.weather.lost_ack;
            if settlement.verdict == Verdict::Ack && state.happens("lost ack", lost_ack) {
                let lease = state.some_time(LEASE);
                drop(state);
                self.note(|| "loses an acknowledgement".to_owned());
                give_back(self.host.sky.clone(), settlement.receipt, lease);
            } else {
                kept.push(settlement);
            }
        }
        kept
    }
}

/// A delivery's lease expires after a time, unless it is settled by then.
pub(super) fn give_back(sky: Arc<Sky>, receipt: Receipt, lease: Duration) {
    let expiry = async move {
        tokio::time::sleep(lease).await;
        // The server is there as long as the world is.
        let _ = sky.broker.settle(vec![Settlement { receipt, verdict: Verdict::Requeue }]).await;
    };
    drop(Process::spawn(expiry));
}

/// Notes what a consumer was given.
pub(super) fn handed(link: &Link, deliveries: &[Delivery]) {
    let sky = &link.host.sky;
    sky.state().history.handed(deliveries);
    sky.note(&link.host.name, |state| format!("takes {}", state.all_of(deliveries)));
}
