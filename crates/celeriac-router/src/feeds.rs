//! The feeds of an intake: its consumers, and which of them are pulled.
//!
//! One consumer serves all queues, until a queue is shut: from then on that one
//! has a consumer of its own, which is not pulled while it is shut. A consumer
//! that another takes the place of stays until what came through it is settled:
//! with it, that would go back, while it runs.

use std::sync::Arc;

use celeriac_core::broker::{Delivery, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{Broker, Consumer, QueueName, Timestamp};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, select_all};

use crate::gate::Shut;

/// How many consumers that are not pulled any more are kept, beside one for
/// each queue.
const MAX_RETIRED: usize = 4;

pub(crate) struct Feeds {
    broker: Arc<dyn Broker>,
    subscription: Subscription,
    feeds: Vec<Feed>,
    retired: Vec<Box<dyn Consumer>>,
    /// Which feed is pulled first.
    turn: usize,
}

struct Feed {
    queues: Vec<QueueName>,
    consumer: Box<dyn Consumer>,
}

/// What a pull gave.
pub(crate) struct Pulled {
    pub(crate) deliveries: Vec<Delivery>,
    /// The queue, if it was shut: one message came to probe its circuit.
    pub(crate) probed: Option<QueueName>,
}

impl Feeds {
    /// One consumer for all queues.
    pub(crate) async fn open(broker: Arc<dyn Broker>, subscription: Subscription) -> Result<Self> {
        let all = feed(&broker, &subscription, subscription.queues.clone()).await?;
        let (feeds, retired, turn) = (vec![all], Vec::new(), 0);
        Ok(Self { broker, subscription, feeds, retired, turn })
    }

    /// Gives queues that are shut a consumer of their own.
    pub(crate) async fn part(&mut self, shut: &Shut) -> Result<()> {
        let is_mixed = |feed: &Feed| {
            feed.queues.len() > 1 && feed.queues.iter().any(|queue| shut.contains_key(queue))
        };
        loop {
            let Some(at) = self.feeds.iter().position(is_mixed) else { return Ok(()) };
            let queues = self.feeds[at].queues.iter().cloned();
            let (alone, rest): (Vec<_>, Vec<_>) = queues.partition(|it| shut.contains_key(it));
            let mut parts: Vec<_> = alone.into_iter().map(|queue| vec![queue]).collect();
            parts.extend((!rest.is_empty()).then_some(rest));
            let mut parted = Vec::with_capacity(parts.len());
            for queues in parts {
                parted.push(feed(&self.broker, &self.subscription, queues).await?);
            }
            let whole = self.feeds.swap_remove(at);
            self.retired.push(whole.consumer);
            self.feeds.append(&mut parted);
        }
    }

    /// Builds every consumer anew.
    pub(crate) async fn renew(&mut self) -> Result<()> {
        for at in 0..self.feeds.len() {
            let queues = self.feeds[at].queues.clone();
            let renewed = feed(&self.broker, &self.subscription, queues).await?;
            let silent = std::mem::replace(&mut self.feeds[at], renewed);
            self.retired.push(silent.consumer);
        }
        let most = self.subscription.queues.len() + MAX_RETIRED;
        let surplus = self.retired.len().saturating_sub(most);
        self.retired.drain(..surplus);
        Ok(())
    }

    /// Nothing is outstanding: consumers that are not pulled can go, and while
    /// no queue is shut, one serves all again.
    pub(crate) async fn join(&mut self, shut: &Shut) -> Result<()> {
        self.retired.clear();
        if self.feeds.len() > 1 && shut.is_empty() {
            let queues = self.subscription.queues.clone();
            self.feeds = vec![feed(&self.broker, &self.subscription, queues).await?];
        }
        Ok(())
    }

    /// Whether there are consumers that are not pulled any more.
    pub(crate) const fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Waits for deliveries from queues that are not shut, and for one from a
    /// queue that is to be probed; comes back with none when one is to be probed
    /// now. Cancel-safe.
    pub(crate) async fn pull(&mut self, credit: usize, shut: &Shut) -> Result<Pulled> {
        if let ([feed], true) = (&mut self.feeds[..], shut.is_empty()) {
            let deliveries = feed.consumer.pull(credit).await?;
            return Ok(Pulled { deliveries, probed: None });
        }
        let now = Timestamp::now();
        let (mut pulls, mut wake) = (Vec::new(), Timestamp::NEVER);
        self.turn = (self.turn + 1) % self.feeds.len().max(1);
        let (last, first) = self.feeds.split_at_mut(self.turn);
        for Feed { queues, consumer } in first.iter_mut().chain(last) {
            // Who is shut is alone, since it was parted.
            match queues.iter().find_map(|queue| Some((queue, shut.get(queue)?))) {
                None => pulls.push(pull(consumer, credit, None)),
                Some((queue, until)) if *until <= now => {
                    pulls.push(pull(consumer, 1, Some(queue.clone())));
                }
                Some((_, until)) => wake = wake.min(*until),
            }
        }
        let any = async {
            match pulls.is_empty() {
                true => std::future::pending().await,
                false => select_all(pulls).await.0,
            }
        };
        tokio::select! {
            biased;
            pulled = any => pulled,
            () = tokio::time::sleep(wake.since(now)), if wake != Timestamp::NEVER => {
                Ok(Pulled { deliveries: Vec::new(), probed: None })
            }
        }
    }
}

/// A consumer of these queues.
async fn feed(
    broker: &Arc<dyn Broker>,
    subscription: &Subscription,
    queues: Vec<QueueName>,
) -> Result<Feed> {
    let subscription = Subscription { queues: queues.clone(), ..subscription.clone() };
    Ok(Feed { queues, consumer: broker.consume(subscription).await? })
}

fn pull(
    consumer: &mut Box<dyn Consumer>,
    credit: usize,
    probed: Option<QueueName>,
) -> BoxFuture<'_, Result<Pulled>> {
    let pulled = consumer.pull(credit);
    async move { Ok(Pulled { deliveries: pulled.await?, probed }) }.boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use celeriac_core::broker::Limit;
    use celeriac_core::{Message, Name};
    use celeriac_embedded::Memory;

    const A: QueueName = QueueName::from_static("a");
    const B: QueueName = QueueName::from_static("b");

    async fn with_two_each() -> Feeds {
        let memory = Memory::new(Default::default());
        let batch: Vec<_> = [A, A, B, B]
            .into_iter()
            .map(|queue| {
                let mut message = Message::command(Name::from_static("t"), "");
                message.queue = queue;
                Arc::new(message)
            })
            .collect();
        memory.publish(&batch, Limit::Exceed).await.unwrap();
        let subscription = Subscription { queues: vec![A, B], consumer: "test".to_owned() };
        Feeds::open(memory, subscription).await.unwrap()
    }

    fn queues(pulled: &Pulled) -> Vec<QueueName> {
        let messages = pulled.deliveries.iter().map(|delivery| delivery.payload.as_ref().unwrap());
        messages.map(|message| message.queue.clone()).collect()
    }

    #[tokio::test]
    async fn a_queue_that_is_shut_is_not_pulled_but_probed_when_its_time_is_over() {
        let mut feeds = with_two_each().await;
        let shut = Shut::from([(A, Timestamp::NEVER)]);
        feeds.part(&shut).await.unwrap();
        let pulled = feeds.pull(9, &shut).await.unwrap();
        assert_eq!((queues(&pulled), pulled.probed), (vec![B, B], None));
        let shut = Shut::from([(A, Timestamp::from_millis(0))]);
        feeds.part(&shut).await.unwrap();
        let pulled = feeds.pull(9, &shut).await.unwrap();
        assert_eq!((queues(&pulled), pulled.probed), (vec![A], Some(A)));
    }

    #[tokio::test]
    async fn what_came_through_a_consumer_stays_until_it_is_settled() {
        let mut feeds = with_two_each().await;
        let held = feeds.pull(1, &Shut::new()).await.unwrap();
        assert_eq!(held.deliveries.len(), 1);
        let shut = Shut::from([(A, Timestamp::NEVER)]);
        feeds.part(&shut).await.unwrap();
        feeds.renew().await.unwrap();
        let mut left = Vec::new();
        while left.len() < 3 {
            left.extend(feeds.pull(9, &Shut::new()).await.unwrap().deliveries);
        }
        assert!(left.iter().all(|delivery| !delivery.redelivered), "nothing went back");
        // It is settled elsewhere; here only the consumers are looked at.
        feeds.join(&Shut::new()).await.unwrap();
        assert_eq!((feeds.feeds.len(), feeds.retired.len()), (1, 0));
    }
}
