//! The router as a service: its actors, started and stopped in order.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use celeriac_core::broker::Subscription;
use celeriac_core::health::Board;
use celeriac_core::store;
use celeriac_core::{Broker, ExecutionPlatform, QueueName, Store, Timestamp};
use celeriac_engine::{Breakers, Engine, Limits, Subscriptions};
use jumpstarter::{Actor, Address, Backoff, System};

use crate::circuits::Connections;
use crate::committer::{self, Committer};
use crate::gate::Gate;
use crate::inbox::{Sources, inbox_of};
use crate::intake::Intake;
use crate::node::Node;
use crate::presence::Presence;
use crate::revocations::Revocations;
use crate::router::{self, Reports, Router, Stopping};
use crate::settler::{self, Settler};
use crate::timers::{InHand, Timers};

/// Crashes in this time are counted together: the pause grows with them.
const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// The pause between a crash and the next start.
const CRASH_PAUSE: Backoff =
    Backoff { first: Duration::from_millis(10), max: Duration::from_secs(1) };

/// How a router behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of this node, unique among the living.
    pub node: String,
    /// The queues it serves, in turn.
    pub queues: Vec<QueueName>,
    /// What the engine keeps to.
    pub limits: Limits,
    /// Which tasks have a circuit breaker.
    pub breakers: Breakers,
    /// The circuits of its connections.
    pub connections: Connections,
    /// Where the parts of this process show how they are.
    pub board: Board,
}

/// Why a router did not start.
#[derive(Debug, thiserror::Error)]
#[error("the router's actor `{actor}` did not start: {reason}")]
pub struct StartError {
    actor: &'static str,
    reason: String,
}

/// A running router.
#[derive(Clone)]
pub struct Service {
    gate: Arc<Gate>,
    intake: Address<Intake>,
    router: Address<Router>,
    committer: Address<Committer>,
    settler: Address<Settler>,
    timers: Address<Timers>,
    revocations: Address<Revocations>,
    presence: Address<Presence>,
    node: Address<Node>,
    platform: Arc<dyn ExecutionPlatform>,
    board: Board,
}

impl Service {
    /// Starts a router over a broker, a store and a platform.
    ///
    /// # Errors
    /// [`StartError`] when one of its actors did not start.
    pub async fn start(
        system: &System,
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        platform: Arc<dyn ExecutionPlatform>,
        subscriptions: Subscriptions,
        options: Options,
    ) -> Result<Self, StartError> {
        let gate = Arc::new(Gate::new(platform.concurrency()));
        let drivers = (broker.clone(), store.clone());
        let later = Arc::new(OnceLock::new());
        let settler = spawn_settler(system, broker.clone(), gate.clone(), later.clone());
        let committer = spawn_committer(system, drivers.clone(), &settler, later.clone());
        let decide = {
            let (platform, breakers) = (platform.clone(), options.breakers.clone());
            move || {
                Engine::new(&platform.tasks(), subscriptions.clone(), options.limits)
                    .guarded_by(&breakers)
            }
        };
        let served = (broker.clone(), platform.clone());
        let seen = (gate.clone(), options.board.clone());
        let router = spawn_router(system, decide, served, &committer, seen);
        // Set here only, right after it was made.
        let _ = later.set(router.clone());
        platform.connect(Arc::new(Reports(router.clone())));
        let intake = spawn_intake(system, drivers.clone(), gate.clone(), &router, &options);
        let timers = spawn_timers(system, drivers);
        let revocations = spawn_revocations(system, store.clone(), &router);
        let presence = spawn_presence(system, store, &intake, &options.node);
        let mandatory = tireless()
            .depends_on(&intake)
            .depends_on(&timers)
            .depends_on(&revocations)
            .depends_on(&presence);
        let sources = Sources {
            broker,
            platform: platform.clone(),
            router: router.clone(),
            board: options.board.clone(),
            node: options.node,
        };
        let node = system.spawn("node", mandatory, move || Node::new(sources.clone()));
        let board = options.board;
        let service = Self {
            gate,
            intake,
            router,
            committer,
            settler,
            timers,
            revocations,
            presence,
            node,
            platform,
            board,
        };
        match service.started().await {
            Ok(()) => Ok(service),
            Err(error) => {
                // Half a router would take work that it can't finish.
                service.stop(Duration::ZERO).await;
                Err(error)
            }
        }
    }

    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    pub(crate) fn router(&self) -> &Address<Router> {
        &self.router
    }

    /// Waits for what is mandatory.
    async fn started(&self) -> Result<(), StartError> {
        started("settler", &self.settler).await?;
        started("committer", &self.committer).await?;
        started("router", &self.router).await?;
        started("revocations", &self.revocations).await?;
        started("intake", &self.intake).await?;
        started("timers", &self.timers).await?;
        started("presence", &self.presence).await?;
        started("node", &self.node).await
    }

    /// Stops gracefully: consumes no more, lets running tasks go on for
    /// `grace`, stores every outcome, and gives the rest back to the broker.
    pub async fn stop(&self, grace: Duration) {
        // The intake itself stays until all is settled: with its consumer, what
        // runs would go back and be delivered to others.
        self.gate.close();
        self.timers.stop().await;
        self.revocations.stop().await;
        // Actors that have stopped already (a second call) have nothing left.
        let _ = self.router.tell(Stopping).await;
        let _ = self.router.ask(router::Flush).await;
        self.platform.drain(grace).await;
        let _ = self.router.ask(router::Flush).await;
        let _ = self.committer.ask(committer::Flush).await;
        let _ = self.settler.ask(settler::Flush).await;
        self.intake.stop().await;
        self.presence.stop().await;
        self.node.stop().await;
        self.router.stop().await;
        self.committer.stop().await;
        self.settler.stop().await;
    }
}

/// How every actor here is run: one that crashes starts again, however often,
/// with a growing pause. A router that gave up would be a silent halt.
pub(crate) fn tireless() -> jumpstarter::Options {
    jumpstarter::Options::default().intensity(u32::MAX, CRASH_WINDOW).backoff(CRASH_PAUSE)
}

async fn started<A: Actor>(actor: &'static str, address: &Address<A>) -> Result<(), StartError> {
    let failed = |error: jumpstarter::StartError| StartError { actor, reason: error.to_string() };
    address.started().await.map_err(failed)
}

type Drivers = (Arc<dyn Broker>, Arc<dyn Store>);

fn spawn_settler(
    system: &System,
    broker: Arc<dyn Broker>,
    gate: Arc<Gate>,
    router: Arc<OnceLock<Address<Router>>>,
) -> Address<Settler> {
    // What it gathers is bounded by the credit.
    system.spawn("settler", tireless().unbounded(), move || {
        Settler::new(broker.clone(), gate.clone(), router.clone())
    })
}

fn spawn_committer(
    system: &System,
    drivers: Drivers,
    settler: &Address<Settler>,
    router: Arc<OnceLock<Address<Router>>>,
) -> Address<Committer> {
    let settler = settler.clone();
    // What it gathers is bounded by the credit.
    let options = tireless().unbounded().depends_on(&settler);
    system.spawn("committer", options, move || {
        Committer::new(drivers.clone(), settler.clone(), &router)
    })
}

fn spawn_router(
    system: &System,
    engine: impl Fn() -> Engine + Send + 'static,
    served: (Arc<dyn Broker>, Arc<dyn ExecutionPlatform>),
    committer: &Address<Committer>,
    seen: (Arc<Gate>, Board),
) -> Address<Router> {
    let committer = committer.clone();
    // Outcomes come from callers that can't wait; the credit bounds them.
    let options = tireless().unbounded().depends_on(&committer);
    system.spawn("router", options, move || {
        Router::new(engine(), served.clone(), committer.clone(), seen.clone())
    })
}

fn spawn_intake(
    system: &System,
    drivers: Drivers,
    gate: Arc<Gate>,
    router: &Address<Router>,
    options: &Options,
) -> Address<Intake> {
    let queues: BTreeSet<QueueName> = options.queues.iter().cloned().collect();
    let consumer = options.node.clone();
    let subscription = Subscription { queues: queues.into_iter().collect(), consumer };
    let router = router.clone();
    let connections = options.connections.clone();
    let options = tireless().depends_on(&router);
    system.spawn("intake", options, move || {
        let (drivers, connections) = (drivers.clone(), connections.clone());
        Intake::new(drivers, connections, subscription.clone(), gate.clone(), router.clone())
    })
}

fn spawn_timers(system: &System, (broker, store): Drivers) -> Address<Timers> {
    let in_hand = InHand::default();
    system.spawn("timers", tireless(), move || {
        Timers::new(broker.clone(), store.clone(), in_hand.clone())
    })
}

fn spawn_revocations(
    system: &System,
    store: Arc<dyn Store>,
    router: &Address<Router>,
) -> Address<Revocations> {
    let router = router.clone();
    let options = tireless().depends_on(&router);
    system.spawn("revocations", options, move || Revocations::new(store.clone(), router.clone()))
}

fn spawn_presence(
    system: &System,
    store: Arc<dyn Store>,
    intake: &Address<Intake>,
    node: &str,
) -> Address<Presence> {
    let now = Timestamp::now();
    let node = store::Node {
        name: node.to_owned(),
        pid: std::process::id(),
        inbox: inbox_of(node),
        started_at: now,
        expires_at: now,
    };
    // Announced only once it takes work.
    let options = tireless().depends_on(intake);
    system.spawn("presence", options, move || Presence::new(store.clone(), node.clone()))
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}
