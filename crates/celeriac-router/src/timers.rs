//! Timers: publishes what waited for its time.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::Limit;
use celeriac_core::error::Result;
use celeriac_core::{Broker, ErrorKind, Message, Store, Timestamp};
use jumpstarter::{Context, Flow, actor};
use parking_lot::Mutex;

use crate::health::{Health, Severity};

/// How many due messages are published at once.
const MAX_BATCH: usize = 1024;
/// For how long due messages are hidden from other routers meanwhile.
const LEASE: Duration = Duration::from_secs(30);
/// The longest sleep: the machine's clock may be set meanwhile.
const MAX_SLEEP: Duration = Duration::from_secs(30);
/// How long a failure is waited out.
const PAUSE: Duration = Duration::from_millis(500);

/// What waits for its time waits longer.
const HEALTH: Health = Health::new(Severity::Warning);

/// What was taken out of the store and is not published for sure. Outlives a
/// crash, so that nobody waits for the end of a lease then.
pub(crate) type InHand = Arc<Mutex<Vec<Arc<Message>>>>;

pub(crate) struct Timers {
    broker: Arc<dyn Broker>,
    store: Arc<dyn Store>,
    in_hand: InHand,
    health: Health,
}

#[actor]
impl Timers {
    pub(crate) fn new(broker: Arc<dyn Broker>, store: Arc<dyn Store>, in_hand: InHand) -> Self {
        Self { broker, store, in_hand, health: HEALTH }
    }

    #[task]
    async fn publish_due(&mut self, ctx: &mut Context<Self>) -> Flow {
        let mut health = std::mem::replace(&mut self.health, HEALTH);
        let turn = health.attend(ctx, self.turn()).await;
        self.health = health;
        match turn {
            Ok(()) => Flow::Continue,
            Err(error) if error.kind() == ErrorKind::Closed => Flow::Success,
            Err(error) => {
                tracing::warn!(%error, "due messages wait");
                Flow::Retry { after: PAUSE }
            }
        }
    }

    /// Publishes what is due, or sleeps until something is.
    async fn turn(&mut self) -> Result<()> {
        let left_behind = self.in_hand.lock().clone();
        if !left_behind.is_empty() {
            return self.publish(&left_behind).await;
        }
        let mut due = self.store.take_due(Timestamp::now(), MAX_BATCH, LEASE).await?;
        if !due.is_empty() {
            // Whoever dies before they are unscheduled lets them come twice.
            due.iter_mut().for_each(|message| Arc::make_mut(message).may_repeat = true);
            self.in_hand.lock().clone_from(&due);
            return self.publish(&due).await;
        }
        let next = self.store.next_due().await?;
        let wait = next.map_or(MAX_SLEEP, |due| due.since(Timestamp::now()).min(MAX_SLEEP));
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait) => Ok(()),
            changed = self.store.timers_changed() => changed,
        }
    }
    async fn publish(&mut self, due: &[Arc<Message>]) -> Result<()> {
        self.broker.publish(due, Limit::Exceed).await?;
        self.store.unschedule(due).await?;
        self.in_hand.lock().clear();
        Ok(())
    }
}
