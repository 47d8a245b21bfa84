//! Every actor of a running app is crashed, one at a time, in the middle of
//! work. The actors are asked for, not listed: a new one is crashed, too.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use celeriac::{App, AsyncResult, Filter, SendError, State, TaskContext, Worker};
use celeriac_testkit::probe::{eventually, within};
use futures_util::future::join_all;
use jumpstarter::{ActorSnapshot, System};

use crate::fixture::{Counter, Gate, empty};

/// How often an actor is crashed that must bear it again and again.
const OFTEN: u32 = 20;
/// Only a watchdog. Longer than the lease of due messages: where the answer with
/// them is lost on its way to another process, they come again after it.
const PATIENCE: Duration = Duration::from_secs(90);
const SOON: Duration = Duration::from_millis(5);

#[derive(Debug, thiserror::Error)]
#[error("not yet")]
struct NotYet;

#[celeriac::task]
async fn at_once(n: u32) -> u32 {
    n
}

#[celeriac::task]
async fn held(n: u32, gate: State<Gate>, begun: State<Counter>) -> u32 {
    begun.add();
    gate.pass().await;
    n
}

#[celeriac::task(retry(max = 3, backoff = "5ms..5ms"), breaker = false)]
async fn retried(n: u32, ctx: &TaskContext) -> Result<u32, NotYet> {
    if ctx.attempt() == 0 { Err(NotYet) } else { Ok(n) }
}

#[celeriac::task]
fn on_a_thread(n: u32) -> u32 {
    n
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<AsyncResult<u32>, SendError>> + Send + 'a>>;

const KINDS: [for<'a> fn(&'a App, u32) -> Sending<'a>; 5] = [
    |app, n| Box::pin(app.send(at_once::s(n))),
    |app, n| Box::pin(app.send(held::s(n))),
    |app, n| Box::pin(app.send(at_once::s(n).countdown(SOON))),
    |app, n| Box::pin(app.send(retried::s(n))),
    |app, n| Box::pin(app.send(on_a_thread::s(n))),
];

/// A running app, and what was sent to it.
struct World {
    app: App,
    worker: Worker,
    gate: Gate,
    begun: Counter,
    accepted: Vec<(u32, AsyncResult<u32>)>,
    sent: u32,
}

impl World {
    async fn start(app: App) -> Self {
        let (gate, begun) = (Gate::default(), Counter::default());
        let app = app.register(at_once).register(held).register(retried).register(on_a_thread);
        let app = app.provide(gate.clone()).provide(begun.clone());
        let worker = app.start_worker().await.unwrap();
        Self { app, worker, gate, begun, accepted: Vec::new(), sent: 0 }
    }

    async fn system(&self) -> System {
        self.app.system().await.unwrap()
    }

    /// One task of each kind. What a crash refuses is sent again, as it may
    /// have been published: with an id of its own here.
    async fn send(&mut self) {
        let n = self.sent;
        self.sent += 1;
        for kind in KINDS {
            let accepted = loop {
                match within("an answer of the publisher", kind(&self.app, n)).await {
                    Ok(accepted) => break accepted,
                    Err(SendError::Publish(error)) => told(&error),
                    Err(other) => panic!("{other}"),
                }
            };
            self.accepted.push((n, accepted));
        }
    }

    async fn some_are_held(&self) {
        eventually("tasks to run", || async { self.begun.get() > 0 }).await;
    }

    /// Every accepted task ends as it should, and nothing else is left.
    async fn all_end(&mut self, after: &str) {
        self.gate.open();
        for (n, accepted) in self.accepted.drain(..) {
            let what = format!("the end of {} after {after}", accepted.id());
            let got = tokio::time::timeout(PATIENCE, accepted.get()).await;
            let Ok(got) = got else { panic!("waited {PATIENCE:?} for {what}") };
            assert_eq!(got.unwrap(), n, "after {after}");
        }
        empty(&self.app).await;
        let none = || async { self.app.scheduled().await.unwrap() == 0 };
        eventually("that nothing is scheduled", none).await;
        let quarantined = self.app.quarantined(&Filter::default(), 9).await.unwrap();
        assert!(quarantined.is_empty(), "after {after}: {quarantined:?}");
    }

    async fn end(self) {
        self.worker.stop().await;
        self.app.shutdown().await;
    }
}

/// An error that a sender may get when an actor crashes says what happened.
fn told(error: &celeriac::PublishError) {
    let text = error.to_string();
    let says = ["crashed", "has ended"].iter().any(|word| text.contains(word));
    assert!(says, "{text}");
}

fn snapshot(system: &System, path: &str) -> ActorSnapshot {
    let all = system.snapshot();
    match all.iter().find(|actor| actor.path == path) {
        Some(actor) => actor.clone(),
        None => panic!("{path} is not there any more"),
    }
}

/// Crashes an actor; awaiting what this gives waits until it runs again.
fn crash(system: &System, path: &str) -> impl Future<Output = ()> + use<> {
    let (system, path) = (system.clone(), path.to_owned());
    let mut events = system.events();
    let before = snapshot(&system, &path).restarts;
    assert!(system.crash(&path), "{path}");
    async move {
        let what = format!("{path} to run again");
        let runs_again = || {
            let actor = snapshot(&system, &path);
            actor.restarts > before && actor.state.state().is_running()
        };
        while !runs_again() {
            within(&what, events.next()).await;
        }
    }
}

fn paths(system: &System) -> Vec<String> {
    system.snapshot().into_iter().map(|actor| actor.path).collect()
}

/// Each actor crashes once, in an app of its own.
async fn each_once(open: impl Fn() -> App) {
    let first = World::start(open()).await;
    let all = paths(&first.system().await);
    first.end().await;
    assert!(all.len() >= 12, "{all:?}");
    for path in all {
        let mut world = World::start(open()).await;
        world.send().await;
        world.some_are_held().await;
        let before: Vec<_> = world.accepted.iter().map(|(_, sent)| sent.clone()).collect();
        let waiting = join_all(before.iter().map(AsyncResult::get));
        let what = format!("those who waited before the crash of {path}");
        let (heard, ()) = tokio::join!(within(&what, waiting), survives(&mut world, &path));
        assert!(heard.iter().all(Result::is_ok), "{path}: {heard:?}");
        world.end().await;
    }
}

async fn survives(world: &mut World, path: &str) {
    let system = world.system().await;
    let runs_again = crash(&system, path);
    world.send().await;
    runs_again.await;
    assert_eq!(snapshot(&system, path).restarts, 1, "{path}");
    world.send().await;
    world.all_end(path).await;
}

/// All actors crash again and again.
async fn all_often(app: App) {
    let mut world = World::start(app).await;
    let system = world.system().await;
    for round in 1..=OFTEN {
        world.send().await;
        // A parent that crashes takes its children with it.
        for children in [false, true] {
            let paths = paths(&system).into_iter().filter(|path| path.contains('/') == children);
            let crashes: Vec<_> = paths.map(|path| crash(&system, &path)).collect();
            world.send().await;
            join_all(crashes).await;
        }
        world.all_end(&format!("crash {round} of all")).await;
    }
    world.end().await;
}

/// In a fresh directory; kept, as the app outlives this function.
fn durable() -> App {
    let below = env!("CARGO_TARGET_TMPDIR");
    App::embedded(tempfile::tempdir_in(below).unwrap().keep()).unwrap()
}

#[tokio::test]
async fn each_actor_crashes_in_memory() {
    each_once(App::memory).await;
}

#[tokio::test]
async fn each_actor_crashes_over_a_directory() {
    each_once(durable).await;
}

#[tokio::test]
async fn all_actors_crash_often_in_memory() {
    all_often(App::memory()).await;
}

#[tokio::test]
async fn all_actors_crash_often_over_a_directory() {
    all_often(durable()).await;
}

#[tokio::test]
async fn both_ends_of_a_shared_directory_crash() {
    let owner = durable();
    owner.open().await.unwrap();
    let mut world = World::start(App::connect(owner.config().broker.expose()).unwrap()).await;
    let (owners, own) = (owner.system().await.unwrap(), world.system().await);
    // As often as a message may kill its process before it is poison, and more.
    for round in 1..=5 {
        world.send().await;
        crash(&owners, "embedded-server").await;
        world.send().await;
        world.all_end(&format!("crash {round} of the server")).await;
        world.send().await;
        // Replaced, not restarted: by the next call.
        assert!(own.crash("embedded-client"));
        world.send().await;
        world.all_end(&format!("crash {round} of the client")).await;
    }
    world.end().await;
    owner.shutdown().await;
}
