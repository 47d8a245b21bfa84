//! A task that fails often says so in its actor's state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use celeriac_core::Failure;
use celeriac_core::platform::RunResult;
use celeriac_testkit::probe::within;
use jumpstarter::{Event, State};

use crate::fixture::{World, async_task, command, success};

#[tokio::test]
async fn it_follows_the_latest_runs() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let world = World::start(async_task(move |_| {
        let broken = is_broken.load(Ordering::SeqCst);
        async move {
            match broken {
                true => RunResult::Final { failure: Failure::new("e", "it is broken") },
                false => success(),
            }
        }
    }));
    let mut events = world.system.events();
    let mut seen = Vec::new();
    for wanted in [State::Unhealthy, State::Degraded, State::Healthy] {
        broken.store(wanted == State::Unhealthy, Ordering::SeqCst);
        while seen.last() != Some(&wanted) {
            let key = world.run(command());
            world.end(key).await;
            while let Some(event) = events.try_next() {
                if let Event::StateChanged { to, .. } = event {
                    seen.push(to.state());
                }
            }
        }
    }
    assert!(seen.ends_with(&[State::Unhealthy, State::Degraded, State::Healthy]), "{seen:?}");
    within("the end", world.system.shutdown(std::time::Duration::from_secs(1))).await;
}
