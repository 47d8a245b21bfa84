//! Circuits in the router: a queue that is not consumed, one probe, and a
//! consumer that has gone silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use celeriac_core::health::{Board, CircuitReport, CircuitState, Guarded};
use celeriac_core::platform::RunResult;
use celeriac_core::store::Timers as _;
use celeriac_core::{ErrorKind, Failure};
use celeriac_embedded::Memory;
use celeriac_engine::Breakers;
use celeriac_engine::breaker::Options;
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::eventually;

use crate::fixture::{World, depth, in_time};
use crate::platform::{Platform, success};

fn breakers(open_for: Duration) -> Breakers {
    let options = Options { open_for, ..Options::default() };
    Breakers { default: Some(options), ..Breakers::default() }
}

fn circuit(board: &Board) -> Option<CircuitState> {
    of(board, Guarded::Task, None)
}

fn of(board: &Board, guards: Guarded, name: Option<&str>) -> Option<CircuitState> {
    let reports = board.circuits();
    let is_meant = |report: &&CircuitReport| {
        report.guards == guards && name.is_none_or(|name| report.name == name)
    };
    reports.iter().find(is_meant).map(|report| report.circuit)
}

/// Fails as long as it is broken.
fn breakable() -> (Arc<AtomicBool>, Arc<Platform>) {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let platform = Platform::new(move |_| {
        let failure = Failure::new("panic", "no");
        Some(match is_broken.load(Ordering::Relaxed) {
            true => RunResult::Failed { failure, retry_after: None },
            false => success(),
        })
    });
    (broken, platform)
}

#[tokio::test]
async fn while_a_circuit_is_open_its_messages_wait_in_the_broker() {
    let (_, platform) = breakable();
    let world = World::guarded(platform, breakers(Duration::from_secs(3600))).await;
    world.publish(3).await;
    let open = || async { circuit(&world.board) == Some(CircuitState::Open) };
    eventually("an open circuit", open).await;
    let runs = world.platform.dispatched().len();
    world.publish(500).await;
    // All of them, those that fail and are tried again among them.
    eventually("a backlog", || async { depth(&world.memory).await == (503, 0) }).await;
    assert_eq!(world.platform.dispatched().len(), runs, "nothing runs");
    assert_eq!(world.memory.scheduled().await.unwrap(), 0);
}

#[tokio::test]
async fn a_circuit_closes_by_a_probe_and_everything_is_run() {
    let (broken, platform) = breakable();
    let world = World::guarded(platform, breakers(Duration::from_millis(50))).await;
    let ids = world.publish(100).await;
    let open = || async { circuit(&world.board).is_some() };
    eventually("an open circuit", open).await;
    broken.store(false, Ordering::Relaxed);
    world.ends(&ids).await;
    world.empty().await;
    assert_eq!(circuit(&world.board), Some(CircuitState::Closed));
}

#[tokio::test]
async fn half_open_lets_one_through() {
    let failing = Arc::new(AtomicBool::new(true));
    let fails = failing.clone();
    let platform = Platform::new(move |_| {
        let failure = Failure::new("panic", "no");
        fails.load(Ordering::Relaxed).then_some(RunResult::Failed { failure, retry_after: None })
    });
    let world = World::guarded(platform, breakers(Duration::from_millis(50))).await;
    world.publish(50).await;
    let open = || async { circuit(&world.board).is_some() };
    eventually("an open circuit", open).await;
    // From now on what runs is held.
    failing.store(false, Ordering::Relaxed);
    let held = || async { !world.platform.held().is_empty() };
    eventually("a probe", held).await;
    let still = || async { depth(&world.memory).await == (49, 1) };
    eventually("the others in the broker", still).await;
    assert_eq!(world.platform.held().len(), 1);
    failing.store(true, Ordering::Relaxed);
    let runs = world.platform.dispatched().len();
    world.platform.finish_all(&success());
    eventually("the others", || async { world.platform.dispatched().len() > runs }).await;
}

const AWAY: Effect = Effect::Refuse(ErrorKind::Unreachable);

/// A store that fails until its circuit opens, and then as many probes.
async fn without_store(probes: u64) -> World {
    let plan = Plan::new();
    plan.fail_times(Operation::Revoked, 1, 3, AWAY);
    plan.fail_times(Operation::Nodes, 1, probes, AWAY);
    let platform = Platform::new(|_| Some(success()));
    World::over(Memory::new(Default::default()), plan, platform).await
}

#[tokio::test]
async fn while_the_stores_circuit_is_open_nothing_is_taken() {
    let world = without_store(10_000).await;
    let plan = &world.plan;
    world.publish(5).await;
    eventually("a probe", || async { plan.calls(Operation::Nodes) > 0 }).await;
    let pulls = plan.calls(Operation::Pull);
    eventually("more of them", || async { plan.calls(Operation::Nodes) > 3 }).await;
    assert_eq!(plan.calls(Operation::Pull), pulls);
    assert_eq!(depth(&world.memory).await, (5, 0), "others can take it");
    let circuit = of(&world.board, Guarded::Connection, Some("store"));
    assert_ne!(circuit, Some(CircuitState::Closed));
}

#[tokio::test]
async fn the_stores_circuit_closes_by_a_probe_and_everything_is_run() {
    let world = without_store(2).await;
    let ids = world.publish(5).await;
    world.ends(&ids).await;
    assert!(world.plan.calls(Operation::Nodes) > 2, "it was probed");
    let circuit = of(&world.board, Guarded::Connection, Some("store"));
    assert_eq!(circuit, Some(CircuitState::Closed));
}

#[tokio::test]
async fn the_brokers_circuit_opens_while_it_can_not_be_consumed() {
    let plan = Plan::new();
    // The first two are the intake's and the inbox'.
    plan.fail_times(Operation::Pull, 1, 2, AWAY);
    plan.fail_times(Operation::Consume, 3, 8, AWAY);
    let platform = Platform::new(|_| Some(success()));
    let world = World::over(Memory::new(Default::default()), plan, platform).await;
    let broker = || of(&world.board, Guarded::Connection, Some("broker"));
    let open = || async { broker() == Some(CircuitState::Open) };
    eventually("an open circuit", open).await;
    let ids = world.publish(5).await;
    world.ends(&ids).await;
    assert_eq!(broker(), Some(CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_goes_silent_is_built_anew() {
    let plan = Plan::new();
    // The intake's first, and the inbox's.
    plan.fail_times(Operation::Pull, 1, 2, Effect::Hang);
    let platform = Platform::new(|_| Some(success()));
    let world = World::over(Memory::new(Default::default()), plan.clone(), platform).await;
    let consumers = plan.calls(Operation::Consume);
    let later = world.publish(5).await;
    world.ends(&later).await;
    world.empty().await;
    assert!(plan.calls(Operation::Consume) > consumers, "a new consumer");
}

#[tokio::test(start_paused = true)]
async fn what_runs_stays_when_its_consumer_is_built_anew() {
    let plan = Plan::new();
    // The intake's second; the inbox has one of the first two.
    plan.fail(Operation::Pull, 3, Effect::Hang);
    let world =
        World::over(Memory::new(Default::default()), plan.clone(), Platform::holding()).await;
    let consumers = plan.calls(Operation::Consume);
    let first = world.publish(1).await;
    world.platform.dispatches(1).await;
    let second = world.publish(1).await;
    world.platform.dispatches(2).await;
    world.platform.finish_all(&success());
    world.ends(&[first, second].concat()).await;
    assert_eq!(world.platform.dispatched().len(), 2, "each ran once");
    assert!(plan.calls(Operation::Consume) > consumers, "a new consumer");
}

#[tokio::test(start_paused = true)]
async fn an_intake_without_progress_is_unhealthy() {
    let plan = Plan::new();
    plan.fail_times(Operation::Pull, 1, 1000, Effect::Hang);
    let world = World::over(Memory::new(Default::default()), plan, Platform::holding()).await;
    world.publish(1).await;
    let is = |state: &'static str| {
        let system = world.system.clone();
        move || {
            let snapshot = system.snapshot();
            let intake = snapshot.iter().find(|actor| actor.path.ends_with("intake"));
            let found = intake.is_some_and(|intake| intake.state.path().ends_with(state));
            std::future::ready(found)
        }
    };
    in_time("an unhealthy intake", is("unhealthy")).await;
}
