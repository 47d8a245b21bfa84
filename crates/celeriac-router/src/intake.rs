//! The intake: pulls deliveries, as many as there is credit for.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{Broker, Consumer, ErrorKind, MessageId, Store};
use celeriac_engine::{Doubt, Facts};
use jumpstarter::{Address, Context, Flow, actor};

use crate::gate::Gate;
use crate::health::{Health, Severity};
use crate::router::{Delivered, Router};

/// How long a failed pull is waited out.
const PAUSE: Duration = Duration::from_millis(200);

/// Without it, nothing is taken in.
const HEALTH: Health = Health::new(Severity::Problem);

pub(crate) struct Intake {
    broker: Arc<dyn Broker>,
    store: Arc<dyn Store>,
    subscription: Subscription,
    gate: Arc<Gate>,
    router: Address<Router>,
    consumer: Option<Box<dyn Consumer>>,
    epoch: u32,
    doubt: Doubt,
    health: Health,
}

#[actor]
impl Intake {
    pub(crate) fn new(
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        subscription: Subscription,
        gate: Arc<Gate>,
        router: Address<Router>,
    ) -> Self {
        let (consumer, epoch, doubt) = (None, 0, Doubt::default());
        let health = HEALTH;
        Self { broker, store, subscription, gate, router, consumer, epoch, doubt, health }
    }

    /// A worker that can't consume at its start is not started.
    #[started]
    async fn subscribe(&mut self) -> Result<()> {
        self.epoch = self.gate.epoch();
        self.consumer = Some(self.broker.consume(self.subscription.clone()).await?);
        Ok(())
    }

    /// Waits for credit, pulls, and passes on. A broker that fails is asked
    /// again through a fresh consumer.
    #[task]
    async fn pull(&mut self, ctx: &mut Context<Self>) -> Flow {
        let mut health = std::mem::replace(&mut self.health, HEALTH);
        let turn = health.attend(ctx, self.turn()).await;
        self.health = health;
        let error = match turn {
            Ok(()) => return Flow::Continue,
            Err(error) if error.kind() == ErrorKind::Closed => return Flow::Success,
            Err(error) => error,
        };
        tracing::warn!(%error, "consuming failed; the consumer is built anew");
        self.consumer = None;
        Flow::Retry { after: PAUSE }
    }

    async fn turn(&mut self) -> Result<()> {
        let credit = self.gate.available().await;
        let epoch = self.gate.epoch();
        if epoch != self.epoch {
            // The router that was told of the earlier deliveries is gone:
            // dropping the consumer gives them back.
            self.consumer = None;
            self.epoch = epoch;
        }
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            None => self.consumer.insert(self.broker.consume(self.subscription.clone()).await?),
        };
        let deliveries = tokio::select! {
            biased;
            deliveries = consumer.pull(credit) => deliveries?,
            () = self.gate.over(epoch) => return Ok(()),
        };
        // Counted only once they are sure to be told: what goes back with the
        // consumer is never settled, and so would hold its credit for ever.
        let facts = self.facts(&deliveries).await?;
        if self.gate.take(deliveries.len(), epoch) {
            // A router that has stopped tells nobody; its successor begins an epoch.
            let _ = self.router.tell(Delivered(deliveries, facts, epoch)).await;
        }
        Ok(())
    }

    /// What the store knows of these deliveries.
    async fn facts(&mut self, deliveries: &[Delivery]) -> Result<Facts> {
        let messages = deliveries.iter().filter_map(|delivery| delivery.payload.as_ref().ok());
        let mut ids: Vec<MessageId> = Vec::with_capacity(deliveries.len());
        let mut scopes: Vec<MessageId> = Vec::new();
        for message in messages {
            ids.push(message.id);
            if let Some(place) = &message.rare().workflow {
                scopes.extend_from_slice(&place.scopes);
            }
        }
        if !scopes.is_empty() {
            scopes.sort_unstable();
            scopes.dedup();
            ids.append(&mut scopes);
        }
        let revoked = self.store.revoked(&ids).await?;
        let doubtful = self.doubt.examine(deliveries);
        if doubtful.is_empty() {
            return Ok(Facts { revoked, ended: doubtful });
        }
        let entries = self.store.entries(&doubtful).await?;
        let ended = doubtful.into_iter().zip(entries).filter_map(|(id, entry)| {
            let has_outcome = entry.is_some_and(|entry| entry.outcome.is_some());
            has_outcome.then_some(id)
        });
        Ok(Facts { revoked, ended: ended.collect() })
    }
}
