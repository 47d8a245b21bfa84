//! Carrying out a plan: the system, the clients, the shutdown.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jumpstarter::{
    Actor, ActorSnapshot, Address, AskError, Context, Event, Exit, Options, ShutdownReport,
    Spawner, State, System, TryTellError, actor, testing,
};

use crate::hooked::{self, Poke};
use crate::ledger::{Counts, UnderWay, World};
use crate::node::{self, Do, Node};
use crate::plan::{Plan, Step, What};

/// Given to the shutdown; what hangs is killed then.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// After the shutdown, everything that was asked must be over by then.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// All that is known about a run at its end.
pub(crate) struct Record {
    pub(crate) world: Arc<World>,
    pub(crate) system: System,
    pub(crate) events: Vec<Event>,
    /// The events before the shutdown began are the first so many.
    pub(crate) before_shutdown: usize,
    pub(crate) alive_at_shutdown: Vec<ActorSnapshot>,
    pub(crate) report: ShutdownReport,
    /// Alive after the shutdown.
    pub(crate) left: Vec<ActorSnapshot>,
    /// Before what hangs was dropped.
    pub(crate) counts: Counts,
    /// Everyone who ever lived.
    pub(crate) exits: Vec<Ended>,
}

/// An actor when all is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) path: String,
    /// `None`: lives on.
    pub(crate) exit: Option<Exit>,
    pub(crate) state: State,
    pub(crate) is_closed: bool,
    pub(crate) processed: u64,
}

impl Ended {
    fn of<A: Actor>(address: &Address<A>) -> Self {
        Ended {
            path: address.path().to_owned(),
            exit: address.stopped().now_or_never(),
            state: address.lifecycle(),
            is_closed: address.is_closed(),
            processed: address.snapshot().processed,
        }
    }
}

/// Owns the futures of those who send and ask from outside.
struct Clients;
struct GetSpawner;

#[actor]
impl Clients {
    #[handler]
    fn spawner(&mut self, _m: GetSpawner, ctx: &Context<Self>) -> Spawner {
        ctx.spawner()
    }
}

pub(crate) async fn carry_out(system: System, plan: Plan) -> Record {
    let outside = System::new("outside");
    let clients = outside.spawn("clients", Options::default(), || Clients);
    let spawner = clients.ask(GetSpawner).await.unwrap();
    let world = World::new(plan);
    let mut listener = system.events();
    let mut events = Vec::new();
    node::start_roots(&world, &system);
    hooked::start(&world, &system);
    for step in world.plan.script.clone() {
        match step.hooked {
            true => take_hooked(&world, step, &spawner),
            false => take(&world, step, &spawner),
        }
        match step.then_wait {
            0 => tokio::task::yield_now().await,
            n => testing::advance(Duration::from_millis(u64::from(n))).await,
        }
        events.extend(std::iter::from_fn(|| listener.try_next()));
    }
    let before_shutdown = events.len();
    let alive_at_shutdown = system.snapshot();
    let report = system.shutdown(DEADLINE).await;
    events.extend(std::iter::from_fn(|| listener.try_next()));
    testing::advance(AFTERWARDS).await;
    events.extend(std::iter::from_fn(|| listener.try_next()));
    let mut exits: Vec<Ended> = world.everyone().iter().map(Ended::of).collect();
    exits.extend(world.everyone_hooked().iter().map(Ended::of));
    let (left, counts) = (system.snapshot(), world.count(|counts| counts.clone()));
    Record {
        world,
        system,
        events,
        before_shutdown,
        alive_at_shutdown,
        report,
        left,
        counts,
        exits,
    }
}

/// Begins one step; what takes its time goes on beside the script.
fn take(world: &Arc<World>, step: Step, spawner: &Spawner) {
    let Some(target) = world.named(step.target) else { return };
    match step.what {
        What::Pause | What::Resume | What::Restart | What::Stop | What::StopNow | What::Kill => {
            control(world, step.what, target, spawner)
        }
        What::Tell(act) => {
            let message = Do::new(world, act);
            client(world, spawner, async move { tell(&target, message).await });
        }
        What::TryTell(act) => try_tell(&target, Do::new(world, act)),
        What::TellRecipient(act) => {
            let message = Do::new(world, act);
            client(world, spawner, async move {
                if let Err(mut back) = target.recipient().tell(message).await {
                    back.0.token.account(|counts| counts.closed += 1);
                }
            });
        }
        What::TellAndLeave(act) => {
            let under_way = UnderWay::new(world);
            if tell(&target, Do::new(world, act)).now_or_never().is_some() {
                under_way.end();
            }
        }
        What::Ask(act) => {
            let (message, world_of_it) = (Do::new(world, act), Arc::clone(world));
            client(world, spawner, async move {
                if target.ask(message).await == Err(AskError::Closed) {
                    world_of_it.count(|counts| counts.asks_closed += 1);
                }
            });
        }
        What::AskTimeout(act, n) => {
            let (message, world_of_it) = (Do::new(world, act), Arc::clone(world));
            let limit = Duration::from_millis(u64::from(n));
            client(world, spawner, async move {
                ask_timeout(&world_of_it, &target, message, limit).await;
            });
        }
    }
}

/// What is done to an actor of any type. Messages are none of this.
fn control<A: Actor>(world: &Arc<World>, what: What, target: Address<A>, spawner: &Spawner) {
    match what {
        What::Pause => client(world, spawner, async move {
            let _ = target.pause().await;
        }),
        What::Resume => client(world, spawner, async move {
            let _ = target.resume().await;
        }),
        What::Restart => client(world, spawner, async move {
            let _ = target.restart().await;
        }),
        What::Stop => client(world, spawner, target.stop()),
        What::StopNow => client(world, spawner, target.stop_now()),
        What::Kill => client(world, spawner, target.kill()),
        _ => {}
    }
}

/// The same for an actor with hooks.
fn take_hooked(world: &Arc<World>, step: Step, spawner: &Spawner) {
    let Some(target) = world.named_hooked(step.target) else { return };
    match step.what {
        What::Pause | What::Resume | What::Restart | What::Stop | What::StopNow | What::Kill => {
            control(world, step.what, target, spawner)
        }
        What::Tell(act)
        | What::TryTell(act)
        | What::TellRecipient(act)
        | What::TellAndLeave(act)
        | What::Ask(act)
        | What::AskTimeout(act, _) => {
            // There is always room.
            if let Err(back) = target.try_tell(Poke::new(world, act)) {
                back.into_message().refused();
            }
        }
    }
}

/// Lets a future from outside run; it must come to its end.
fn client<F>(world: &Arc<World>, spawner: &Spawner, future: F)
where
    F: Future + Send + 'static,
{
    let under_way = UnderWay::new(world);
    drop(spawner.spawn(async move {
        future.await;
        under_way.end();
    }));
}

pub(crate) async fn tell(to: &Address<Node>, message: Do) {
    if let Err(mut back) = to.tell(message).await {
        back.0.token.account(|counts| counts.closed += 1);
    }
}

pub(crate) fn try_tell(to: &Address<Node>, message: Do) {
    match to.try_tell(message) {
        Ok(()) => {}
        Err(TryTellError::Closed(mut back)) => back.token.account(|counts| counts.closed += 1),
        Err(TryTellError::Full(mut back)) => back.token.account(|counts| counts.full += 1),
    }
}

pub(crate) async fn ask_timeout(
    world: &Arc<World>,
    to: &Address<Node>,
    message: Do,
    limit: Duration,
) {
    match to.ask_timeout(message, limit).await {
        Err(AskError::Closed) => world.count(|counts| counts.asks_closed += 1),
        // It may have been waiting for room, or for the answer.
        Err(AskError::Timeout(_)) => world.count(|counts| counts.uncertain += 1),
        _ => {}
    }
}
