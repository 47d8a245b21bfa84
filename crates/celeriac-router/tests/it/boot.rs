//! The start: what a node must have, and what it can do without for a while.

use std::sync::Arc;

use celeriac_core::health::Board;
use celeriac_core::store::Registry;
use celeriac_core::{Broker, ErrorKind, QueueName, Store, Timestamp};
use celeriac_embedded::Memory;
use celeriac_engine::{Breakers, Limits, Subscriptions};
use celeriac_router::{Connections, Options, Service, StartError};
use celeriac_testkit::Faulty;
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::within;
use jumpstarter::{Event, Events, State, System};

use crate::fixture::{NODE, World, connections, depth, publish};
use crate::platform::{Platform, success};

const DOWN: Effect = Effect::Refuse(ErrorKind::Unreachable);
/// The consumers of a start: first the intake's, then the inbox's.
const FIRST_OF_THE_INBOX: u64 = 2;

async fn start(
    memory: &Arc<Memory>,
    plan: &Arc<Plan>,
    platform: &Arc<Platform>,
    system: &System,
) -> Result<Service, StartError> {
    let drivers = (
        Faulty::broker(memory.clone() as Arc<dyn Broker>, plan),
        Faulty::store(memory.clone() as Arc<dyn Store>, plan),
    );
    let (node, queues) = (NODE.to_owned(), vec![QueueName::DEFAULT]);
    let options = Options {
        node,
        queues,
        limits: Limits::default(),
        connections: Connections::new(&connections(), &Board::default()),
        board: Board::default(),
        breakers: Breakers::default(),
    };
    Service::start(system, drivers, platform.clone(), Subscriptions::default(), options).await
}

/// Waits until an actor is in a state.
async fn becomes(events: &mut Events, actor: &str, wanted: State) {
    let reached = async {
        while let Some(event) = events.next().await {
            if matches!(&event, Event::StateChanged { path, to, .. } if path == actor && *to == wanted)
            {
                return;
            }
        }
    };
    within(&format!("{actor} to be {wanted:?}"), reached).await;
}

#[tokio::test]
async fn without_what_is_mandatory_it_does_not_start_and_leaves_nothing_running() {
    for (operation, actor) in [(Operation::Consume, "intake"), (Operation::Announce, "presence")] {
        let (memory, plan) = (Memory::new(Default::default()), Plan::new());
        plan.fail(operation, 1, DOWN);
        let platform = Platform::new(|_| Some(success()));
        let system = System::new("test");
        let error = start(&memory, &plan, &platform, &system).await.unwrap_err().to_string();
        for expected in [format!("`{actor}` did not start"), format!("{operation:?} fails by plan")]
        {
            assert!(error.contains(&expected), "{error}");
        }
        let left: Vec<_> = system.snapshot().into_iter().map(|actor| actor.path).collect();
        assert_eq!(left, [""; 0]);
        assert!(memory.nodes(Timestamp::now()).await.unwrap().is_empty());
        // The broker is back: the next start finds everything.
        publish(&memory, vec![crate::fixture::command()]).await;
        let platform = Platform::new(|_| Some(success()));
        start(&memory, &plan, &platform, &system).await.unwrap();
        platform.dispatches(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_inbox_it_works_and_is_degraded_until_it_has_one() {
    let (memory, plan) = (Memory::new(Default::default()), Plan::new());
    plan.fail_times(Operation::Consume, FIRST_OF_THE_INBOX, 3, DOWN);
    let platform = Platform::new(|_| Some(success()));
    let system = System::new("test");
    let mut events = system.events();
    let _service = start(&memory, &plan, &platform, &system).await.unwrap();
    becomes(&mut events, "node", State::Degraded).await;
    assert!(plan.calls(Operation::Consume) < FIRST_OF_THE_INBOX + 3, "some failures are to come");
    publish(&memory, vec![crate::fixture::command()]).await;
    platform.dispatches(1).await;
    becomes(&mut events, "node/inbox", State::Healthy).await;
    becomes(&mut events, "node", State::Healthy).await;
    assert_eq!(plan.calls(Operation::Consume), FIRST_OF_THE_INBOX + 3);
}

#[tokio::test(start_paused = true)]
async fn an_inbox_that_is_lost_later_says_so_and_comes_back() {
    let plan = Plan::new();
    let platform = Platform::new(|_| Some(success()));
    let memory = Memory::new(Default::default());
    let system = System::new("test");
    let mut events = system.events();
    let _service = start(&memory, &plan, &platform, &system).await.unwrap();
    becomes(&mut events, "node/inbox", State::Healthy).await;
    plan.fail(Operation::Settle, 1, DOWN);
    let question = celeriac_router::Question::Ping;
    let inbox = celeriac_router::inbox_of(NODE);
    publish(&memory, vec![question.into_message(inbox, QueueName::from("~reply"))]).await;
    becomes(&mut events, "node/inbox", State::Degraded).await;
    becomes(&mut events, "node/inbox", State::Healthy).await;
}

#[tokio::test(start_paused = true)]
async fn each_actor_says_that_its_driver_fails_and_that_it_is_back() {
    let cases = [
        (Operation::Pull, "intake", State::Unhealthy),
        (Operation::Complete, "committer", State::Unhealthy),
        (Operation::TakeDue, "timers", State::Degraded),
        (Operation::Revocations, "revocations", State::Degraded),
        (Operation::Announce, "presence", State::Degraded),
    ];
    for (operation, actor, state) in cases {
        let plan = Plan::new();
        // The first announcement is mandatory.
        let nth = 1 + u64::from(operation == Operation::Announce);
        plan.fail_times(operation, nth, 2, DOWN);
        let system = System::new("test");
        let mut events = system.events();
        let memory = Memory::new(Default::default());
        let platform = Platform::new(|_| Some(success()));
        publish(&memory, vec![crate::fixture::command()]).await;
        let _service = start(&memory, &plan, &platform, &system).await.unwrap();
        becomes(&mut events, actor, state).await;
        becomes(&mut events, actor, State::Healthy).await;
    }
}

#[tokio::test]
async fn a_worker_that_stopped_leaves_no_actor() {
    let world = World::start(Platform::new(|_| Some(success()))).await;
    let ids = world.publish(3).await;
    world.ends(&ids).await;
    world.service.stop(std::time::Duration::ZERO).await;
    assert_eq!(depth(&world.memory).await, (0, 0));
    let left: Vec<_> = world.system.snapshot().into_iter().map(|actor| actor.path).collect();
    assert_eq!(left, [""; 0]);
}
