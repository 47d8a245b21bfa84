//! Async runs, in place and pending, within their concurrency.

use std::sync::Arc;

use celeriac_core::ExecutionPlatform;
use celeriac_core::platform::{RunKey, RunResult};
use celeriac_testkit::probe::{eventually, within};
use celeriac_worker::{Options, States, Worker};
use tokio::sync::Semaphore;

use crate::fixture::{Crowd, World, async_task, store, success};

#[tokio::test]
async fn runs_that_end_at_once_are_reported_together() {
    let world = World::start(async_task(|_| async { success() }));
    world.run_many(100);
    world.ends(100).await;
    assert!(world.reports.batches() < 10, "{} batches", world.reports.batches());
    assert_eq!(world.worker.stats().running, 0);
}

#[tokio::test]
async fn runs_that_wait_hold_up_nobody() {
    let gate = Arc::new(Semaphore::new(0));
    let waits = gate.clone();
    let world = World::start(async_task(move |_| {
        let gate = waits.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            success()
        }
    }));
    let keys = world.run_many(3);
    world.stats("three under way", |stats| stats.running == 3).await;
    assert_eq!(world.reports.count(), 0);
    gate.add_permits(3);
    world.ends(3).await;
    assert!(keys.iter().all(|key| world.reports.of(*key) == Some(success())));
    world.stats("none under way", |stats| stats.running == 0).await;
}

#[tokio::test]
async fn never_more_at_once_than_the_task_allows() {
    let (gate, crowd) = (Arc::new(Semaphore::new(0)), Arc::new(Crowd::default()));
    let (waits, counts) = (gate.clone(), crowd.clone());
    let mut task = async_task(move |_| {
        let (gate, crowd) = (waits.clone(), counts.clone());
        async move {
            crowd.enter();
            gate.acquire().await.unwrap().forget();
            crowd.leave();
            success()
        }
    });
    task.concurrency = Some(2);
    let world = World::start(task);
    world.run_many(10);
    eventually("two inside", || async { crowd.inside() == 2 }).await;
    world.stats("eight waiting", |stats| stats.waiting == 8).await;
    gate.add_permits(10);
    world.ends(10).await;
    assert_eq!(crowd.most(), 2);
    world.stats("none waiting", |stats| stats.waiting == 0).await;
}

#[tokio::test]
async fn the_workers_own_concurrency_holds_where_the_task_says_nothing() {
    let crowd = Arc::new(Crowd::default());
    let counts = crowd.clone();
    let task = async_task(move |_| {
        let crowd = counts.clone();
        async move {
            crowd.enter();
            tokio::task::yield_now().await;
            crowd.leave();
            success()
        }
    });
    let world = World::with(task, Options { concurrency: 3, threads: 1 });
    world.run_many(30);
    world.ends(30).await;
    assert_eq!(crowd.most(), 3);
}

#[tokio::test]
async fn a_run_of_an_actor_that_has_stopped_goes_back() {
    let system = jumpstarter::System::new("test");
    let task = async_task(|_| async { success() });
    let worker =
        Worker::start(&system, store(), vec![task], States::default(), Options::default()).unwrap();
    let reports = Arc::new(crate::fixture::Reports::default());
    worker.connect(reports.clone());
    system.shutdown(std::time::Duration::from_secs(1)).await;
    let message = crate::fixture::command().into();
    worker.dispatch(vec![celeriac_core::platform::Run { key: RunKey(1), message }]);
    assert_eq!(reports.of(RunKey(1)), Some(RunResult::Released));
}

#[tokio::test]
async fn a_state_that_is_missing_is_told_before_anything_runs() {
    struct Database;
    let mut task = async_task(|_| async { success() });
    task.needs = vec![(std::any::TypeId::of::<Database>(), "Database")];
    let system = jumpstarter::System::new("test");
    let start =
        |states| Worker::start(&system, store(), vec![task.clone()], states, Options::default());
    let error = start(States::default()).unwrap_err().to_string();
    assert!(error.contains("`t`") && error.contains("`Database`"), "{error}");
    let mut states = States::default();
    states.insert(Arc::new(Database));
    assert!(start(states).is_ok());
}

#[tokio::test]
async fn a_run_sees_the_states() {
    let system = jumpstarter::System::new("test");
    let mut states = States::default();
    states.insert(Arc::new(7u32));
    let task = async_task(|context| async move {
        assert_eq!(*context.state::<u32>().unwrap(), 7);
        assert!(context.state::<u64>().is_none());
        success()
    });
    let worker = Worker::start(&system, store(), vec![task], states, Options::default()).unwrap();
    let reports = Arc::new(crate::fixture::Reports::default());
    worker.connect(reports.clone());
    let message = crate::fixture::command().into();
    worker.dispatch(vec![celeriac_core::platform::Run { key: RunKey(1), message }]);
    within("its end", reports.until(|reports| reports.count() == 1)).await;
    assert_eq!(reports.of(RunKey(1)), Some(success()));
}
