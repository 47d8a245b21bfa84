//! Checks beside a router: what they find, for whom, and what follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::health::{Board, Check, CircuitState, Finding, Guarded, HealthStatus, Scope};
use celeriac_core::{BoxFuture, Error, ErrorKind, Store};
use celeriac_engine::Breakers;
use celeriac_engine::breaker::Options;
use celeriac_router::{CheckOf, Checks, Fuse};
use parking_lot::Mutex;

use crate::fixture::{World, depth, in_time};
use crate::platform::{Platform, TASK, success};

/// Finds what the test says; counts how often it looked.
#[derive(Clone)]
struct Scripted(Arc<Mutex<(u32, Says)>>);

#[derive(Clone)]
enum Says {
    Finds(Finding),
    Fails,
    Panics,
    Hangs,
}

impl Scripted {
    fn new(says: Says) -> Self {
        Self(Arc::new(Mutex::new((0, says))))
    }

    fn says(&self, says: Says) {
        self.0.lock().1 = says;
    }

    fn looks(&self) -> u32 {
        self.0.lock().0
    }
}

impl Check for Scripted {
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        let says = {
            let mut script = self.0.lock();
            script.0 += 1;
            script.1.clone()
        };
        Box::pin(async move {
            match says {
                Says::Finds(finding) => Ok(finding),
                Says::Fails => Err(Error::new(ErrorKind::Internal, "look", "at nothing")),
                Says::Panics => panic!("it panics by script"),
                Says::Hangs => std::future::pending().await,
            }
        })
    }
}

fn check(script: &Scripted, scope: Scope, board: &Board) -> CheckOf {
    let script = script.clone();
    CheckOf {
        name: "bank".to_owned(),
        make: Some(Arc::new(move || Box::new(script.clone()))),
        every: Duration::from_secs(5),
        timeout: Duration::from_secs(1),
        scope,
        states: BTreeMap::from([("frozen".to_owned(), HealthStatus::Unhealthy)]),
        guards: vec![TASK],
        fuse: Fuse::new(Guarded::Service, "bank", Options::default(), board.clone()),
    }
}

async fn world() -> World {
    let breakers = Breakers { default: Some(Options::default()), ..Breakers::default() };
    World::guarded(Platform::new(|_| Some(success())), breakers).await
}

fn start(world: &World, check: CheckOf) -> Checks {
    let store: Arc<dyn Store> = world.memory.clone();
    Checks::start(&world.system, &store, &world.service, vec![check])
}

fn found(board: &Board) -> Option<HealthStatus> {
    board.check("bank")?.finding.map(|finding| finding.status)
}

async fn finds(world: &World, status: HealthStatus) {
    let is_found = || async { found(&world.board) == Some(status) };
    in_time(&format!("that it is {status}"), is_found).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_found_is_shown_until_something_else_is() {
    let world = world().await;
    let script = Scripted::new(Says::Finds(Finding::healthy("fine")));
    start(&world, check(&script, Scope::Local, &world.board));
    finds(&world, HealthStatus::Healthy).await;
    script.says(Says::Finds(Finding::state("frozen", "")));
    finds(&world, HealthStatus::Unhealthy).await;
    let report = world.board.check("bank").unwrap();
    assert_eq!(report.finding.unwrap().state.as_deref(), Some("frozen"));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_breaks_is_ignored_and_goes_on() {
    let world = world().await;
    let script = Scripted::new(Says::Finds(Finding::healthy("fine")));
    start(&world, check(&script, Scope::Local, &world.board));
    finds(&world, HealthStatus::Healthy).await;
    let undeclared = Says::Finds(Finding::state("melted", ""));
    for says in [Says::Fails, Says::Panics, Says::Hangs, undeclared] {
        let looks = script.looks();
        script.says(says);
        in_time("more looks", || async { script.looks() > looks + 1 }).await;
        assert_eq!(found(&world.board), Some(HealthStatus::Healthy));
        assert!(world.board.check("bank").unwrap().broken.is_some());
        script.says(Says::Finds(Finding::healthy("fine")));
        let mended = || async { world.board.check("bank").unwrap().broken.is_none() };
        in_time("a check that works", mended).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_found_opens_circuits_by_rules() {
    let world = world().await;
    let script = Scripted::new(Says::Finds(Finding::unhealthy("down")));
    let mut every_second = check(&script, Scope::Local, &world.board);
    every_second.every = Duration::from_millis(100);
    start(&world, every_second);
    let open = || async {
        let mut circuits = world.board.circuits();
        circuits.retain(|it| it.guards != Guarded::Connection);
        circuits.len() == 2 && circuits.iter().all(|it| it.circuit == CircuitState::Open)
    };
    in_time("the circuits of the task and the service", open).await;
    world.publish(3).await;
    in_time("a backlog", || async { depth(&world.memory).await == (3, 0) }).await;
    assert!(world.platform.dispatched().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_several_workers_one_looks_at_what_is_global_and_all_know() {
    let first = world().await;
    let script = Scripted::new(Says::Finds(Finding::unhealthy("down")));
    let checks = start(&first, check(&script, Scope::Global, &first.board));
    finds(&first, HealthStatus::Unhealthy).await;
    let (board, other) = (Board::default(), Scripted::new(Says::Fails));
    let second = World::beside(&first, board.clone()).await;
    let store: Arc<dyn Store> = first.memory.clone();
    let of_second = check(&other, Scope::Global, &board);
    let _checks = Checks::start(&second.system, &store, &second.service, vec![of_second]);
    finds(&second, HealthStatus::Unhealthy).await;
    assert_eq!(other.looks(), 0, "it is not its turn");
    checks.stop().await;
    in_time("its turn", || async { other.looks() > 0 }).await;
}
