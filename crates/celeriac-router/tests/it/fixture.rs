//! A router over a memory broker that fails by plan.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Limit, Subscription};
use celeriac_core::error::Result;
use celeriac_core::health::Board;
use celeriac_core::outcome::Entry;
use celeriac_core::store::{Results, Watch};
use celeriac_core::{Broker, Message, MessageId, QueueName, State, Store};
use celeriac_embedded::Memory;
use celeriac_engine::breaker;
use celeriac_engine::{Breakers, Commit, Limits, Subscriptions};
use celeriac_router::{Connections, Options, Service, Workflows};
use celeriac_testkit::Faulty;
use celeriac_testkit::faulty::Plan;
use celeriac_testkit::probe::{eventually, within};
use jumpstarter::System;

use crate::platform::{Platform, TASK};

pub(crate) const NODE: &str = "node";

pub(crate) struct World {
    pub(crate) memory: Arc<Memory>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) platform: Arc<Platform>,
    pub(crate) service: Service,
    pub(crate) system: System,
    pub(crate) board: Board,
}

/// What committer and settler do one after the other; how many were settled.
pub(crate) async fn apply(
    broker: &dyn Broker,
    store: &dyn Store,
    workflows: &mut Workflows,
    commit: &mut Commit,
) -> Result<usize> {
    celeriac_router::write(broker, store, workflows, commit).await?;
    let settled = commit.settle.len();
    if settled > 0 {
        broker.settle(commit.settle.clone()).await?;
        commit.settle.clear();
    }
    Ok(settled)
}

/// Open for a moment only.
pub(crate) fn connections() -> breaker::Options {
    breaker::Options { open_for: Duration::from_millis(20), ..breaker::Options::default() }
}

impl World {
    pub(crate) async fn start(platform: Arc<Platform>) -> Self {
        Self::over(Memory::new(Default::default()), Plan::new(), platform).await
    }

    pub(crate) async fn over(
        memory: Arc<Memory>,
        plan: Arc<Plan>,
        platform: Arc<Platform>,
    ) -> Self {
        Self::subscribed(memory, plan, platform, Subscriptions::default()).await
    }

    /// With circuit breakers.
    pub(crate) async fn guarded(platform: Arc<Platform>, breakers: Breakers) -> Self {
        let memory = Memory::new(Default::default());
        let subscriptions = Subscriptions::default();
        let seen = (breakers, Board::default());
        Self::built(memory, Plan::new(), platform, subscriptions, seen).await
    }

    /// Another node over the same broker and store.
    pub(crate) async fn beside(other: &Self, board: Board) -> Self {
        let (memory, platform) = (other.memory.clone(), Platform::holding());
        let seen = (Breakers::default(), board);
        Self::built(memory, Plan::new(), platform, Subscriptions::default(), seen).await
    }

    pub(crate) async fn subscribed(
        memory: Arc<Memory>,
        plan: Arc<Plan>,
        platform: Arc<Platform>,
        subscriptions: Subscriptions,
    ) -> Self {
        Self::built(memory, plan, platform, subscriptions, Default::default()).await
    }

    async fn built(
        memory: Arc<Memory>,
        plan: Arc<Plan>,
        platform: Arc<Platform>,
        subscriptions: Subscriptions,
        (breakers, board): (Breakers, Board),
    ) -> Self {
        let system = System::new("test");
        let drivers = (
            Faulty::broker(memory.clone() as Arc<dyn Broker>, &plan),
            Faulty::store(memory.clone() as Arc<dyn Store>, &plan),
        );
        let options = Options {
            node: NODE.to_owned(),
            queues: vec![QueueName::DEFAULT],
            limits: Limits::default(),
            connections: Connections::new(&connections(), &board),
            board: board.clone(),
            breakers,
        };
        let service =
            Service::start(&system, drivers, platform.clone(), subscriptions, options).await;
        Self { memory, plan, platform, service: service.unwrap(), system, board }
    }

    pub(crate) async fn publish(&self, count: usize) -> Vec<MessageId> {
        let batch: Vec<_> = (0..count).map(|_| command()).collect();
        let ids = batch.iter().map(|message| message.id).collect();
        publish(&self.memory, batch).await;
        ids
    }

    /// Waits for the end of a task.
    pub(crate) async fn end(&self, id: MessageId) -> State {
        let end = async {
            let mut seen = 0;
            loop {
                let changed = self.memory.changed(&[Watch { id, seen }]).await.unwrap();
                for (_, entry) in changed {
                    seen = entry.version;
                    if entry.outcome.is_some() {
                        return entry.state;
                    }
                }
            }
        };
        within("the end of a task", end).await
    }

    pub(crate) async fn ends(&self, ids: &[MessageId]) {
        for id in ids {
            assert_eq!(self.end(*id).await, State::Success);
        }
    }

    /// Waits until the broker holds nothing: all was settled.
    pub(crate) async fn empty(&self) {
        eventually("an empty broker", || async { depth(&self.memory).await == (0, 0) }).await;
    }

    /// The process is gone; its consumers with it.
    pub(crate) async fn die(self) -> Arc<Memory> {
        self.system.shutdown(Duration::ZERO).await;
        self.memory
    }
}

/// As [`eventually`], in the time of a paused clock (`start_paused = true`),
/// which passes meanwhile.
pub(crate) async fn in_time<F: Future<Output = bool>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) {
    let reached = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let limit = Duration::from_secs(120);
    assert!(tokio::time::timeout(limit, reached).await.is_ok(), "waited {limit:?} for {what}");
}

pub(crate) fn command() -> Message {
    Message::command(TASK, r#"{"args":[]}"#)
}

pub(crate) async fn publish(memory: &Memory, batch: Vec<Message>) {
    let batch: Vec<_> = batch.into_iter().map(Arc::new).collect();
    assert!(memory.publish(&batch, Limit::Exceed).await.unwrap().is_empty());
}

pub(crate) async fn entry(memory: &Memory, id: MessageId) -> Option<Entry> {
    memory.entries(&[id]).await.unwrap().remove(0)
}

/// How many messages wait in the default queue, and how many are in flight.
pub(crate) async fn depth(memory: &Memory) -> (u64, u64) {
    let queues = memory.queues().await.unwrap();
    let default = queues.iter().find(|queue| queue.name == QueueName::DEFAULT);
    default.map_or((0, 0), |queue| (queue.ready, queue.in_flight))
}

/// Takes what is in a queue for good; the consumer would give it back.
pub(crate) async fn take(
    memory: &Memory,
    queue: &QueueName,
) -> (Box<dyn celeriac_core::Consumer>, Vec<Delivery>) {
    let subscription = Subscription { queues: vec![queue.clone()], consumer: "test".to_owned() };
    let mut consumer = memory.consume(subscription).await.unwrap();
    let taken = within("messages", consumer.pull(100)).await.unwrap();
    (consumer, taken)
}

pub(crate) fn ids(deliveries: &[Delivery]) -> Vec<MessageId> {
    deliveries.iter().map(|delivery| delivery.payload.as_ref().unwrap().id).collect()
}
