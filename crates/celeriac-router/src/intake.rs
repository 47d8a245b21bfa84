//! The intake: pulls deliveries, as many as there is credit for.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Subscription};
use celeriac_core::error::Result;
use celeriac_core::{Broker, ErrorKind, MessageId, Store, Timestamp};
use celeriac_engine::{Doubt, Facts};
use jumpstarter::{Address, Context, Flow, actor};

use crate::circuits::{Connections, Probes, told};
use crate::feeds::{Feeds, Pulled};
use crate::gate::Gate;
use crate::health::{Health, Severity};
use crate::router::{Delivered, Router};
use crate::silence::{self, silence};

/// How long a failed pull is waited out.
const PAUSE: Duration = Duration::from_millis(200);

/// Without it, nothing is taken in.
const HEALTH: Health = Health::new(Severity::Problem);

pub(crate) struct Intake {
    broker: Arc<dyn Broker>,
    store: Arc<dyn Store>,
    connections: Connections,
    subscription: Subscription,
    gate: Arc<Gate>,
    router: Address<Router>,
    feeds: Option<Feeds>,
    epoch: u32,
    doubt: Doubt,
    health: Health,
    /// Whether the latest turn ended because its consumers are silent.
    is_silent: bool,
}

#[actor]
impl Intake {
    pub(crate) fn new(
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        connections: Connections,
        subscription: Subscription,
        gate: Arc<Gate>,
        router: Address<Router>,
    ) -> Self {
        let (feeds, epoch, doubt) = (None, 0, Doubt::default());
        let (health, is_silent) = (HEALTH, false);
        Self {
            broker,
            store,
            connections,
            subscription,
            gate,
            router,
            feeds,
            epoch,
            doubt,
            health,
            is_silent,
        }
    }

    /// A worker that can't consume at its start is not started.
    #[started]
    async fn subscribe(&mut self) -> Result<()> {
        self.epoch = self.gate.epoch();
        let feeds = Feeds::open(self.broker.clone(), self.subscription.clone());
        self.feeds = Some(feeds.await?);
        Ok(())
    }

    /// Waits for credit, pulls, and passes on. A broker that fails is asked
    /// again through a fresh consumer, and so is one that gives nothing although
    /// something waits.
    #[task]
    async fn pull(&mut self, ctx: &mut Context<Self>) -> Flow {
        // That nothing fails meanwhile does not make it healthy.
        let probes = self.connections.permit(self.feeds.is_none()).await;
        let mut health = std::mem::replace(&mut self.health, HEALTH);
        let turn = health.attend(ctx, self.turn(probes)).await;
        self.health = health;
        let error = match turn {
            Ok(()) => return Flow::Continue,
            Err(error) if error.kind() == ErrorKind::Closed => return Flow::Success,
            Err(error) => error,
        };
        tracing::warn!(%error, "consuming failed; the consumer is built anew");
        if std::mem::take(&mut self.is_silent) {
            self.health.settles_after(silence::SETTLED);
            let renewed = match &mut self.feeds {
                Some(feeds) => feeds.renew().await,
                None => Ok(()),
            };
            if renewed.is_ok() {
                return Flow::Continue;
            }
        }
        self.feeds = None;
        Flow::Retry { after: PAUSE }
    }

    async fn turn(&mut self, probes: Probes) -> Result<()> {
        let credit = self.gate.available().await;
        let epoch = self.gate.epoch();
        if epoch != self.epoch {
            // The router that was told of the earlier deliveries is gone:
            // dropping the consumer gives them back.
            self.feeds = None;
            self.epoch = epoch;
        }
        if probes.store {
            self.connections.probe_store(&*self.store).await?;
        }
        let feeds = match &mut self.feeds {
            Some(feeds) => feeds,
            None => {
                let opened = Feeds::open(self.broker.clone(), self.subscription.clone()).await;
                self.feeds.insert(self.connections.connected(opened, probes.broker)?)
            }
        };
        let (shut, turns) = self.gate.shut_queues();
        feeds.part(&shut).await?;
        if self.gate.is_idle() {
            feeds.join(&shut).await?;
        }
        let has_retired = feeds.has_retired();
        let Pulled { deliveries, probed } = tokio::select! {
            biased;
            pulled = feeds.pull(credit, &shut) => told(&self.connections.broker, pulled)?,
            () = self.gate.over(epoch) => return Ok(()),
            () = self.gate.turned(turns) => return Ok(()),
            // They can go now: whatever they fetched and did not give goes back.
            () = self.gate.idle(), if has_retired => return Ok(()),
            error = silence(&*self.broker, &self.subscription.queues, &shut) => {
                self.is_silent = true;
                return Err(error);
            }
        };
        if deliveries.is_empty() {
            return Ok(());
        }
        if let Some(queue) = probed {
            self.gate.probes(&queue, Timestamp::now());
        }
        // Counted only once they are sure to be told: what goes back with the
        // consumer is never settled, and so would hold its credit for ever.
        let facts = self.facts(&deliveries).await;
        let facts = told(&self.connections.store, facts)?;
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
