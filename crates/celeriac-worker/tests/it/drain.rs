//! Draining: a grace for what runs, then its end; what waits goes back at once.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use celeriac_core::ExecutionPlatform;
use celeriac_core::platform::RunResult;
use celeriac_testkit::probe::poll_once;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::fixture::{World, async_task, command, success, sync_task};

const GRACE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn it_waits_for_what_runs_and_gives_back_what_waits() {
    let gate = Arc::new(Semaphore::new(0));
    let waits = gate.clone();
    let mut task = async_task(move |_| {
        let gate = waits.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            success()
        }
    });
    task.concurrency = Some(1);
    let world = World::start(task);
    let keys = world.run_many(2);
    world.stats("one under way", |stats| (stats.running, stats.waiting) == (1, 1)).await;
    let mut drain = world.worker.drain(GRACE);
    assert!(poll_once(&mut drain).is_pending());
    assert_eq!(world.end(keys[1]).await, RunResult::Released);
    assert!(poll_once(&mut drain).is_pending(), "one runs still");
    gate.add_permits(1);
    drain.await;
    assert_eq!(world.reports.of(keys[0]), Some(success()));
    let late = world.run(command());
    assert_eq!(world.end(late).await, RunResult::Released, "nothing begins any more");
}

#[tokio::test(start_paused = true)]
async fn after_its_grace_an_async_run_is_ended_and_goes_back() {
    let world = World::start(async_task(|_| std::future::pending()));
    let keys = world.run_many(2);
    world.stats("both under way", |stats| stats.running == 2).await;
    let began = Instant::now();
    world.worker.drain(GRACE).await;
    assert_eq!(began.elapsed().as_secs(), GRACE.as_secs());
    assert!(keys.iter().all(|key| world.reports.of(*key) == Some(RunResult::Released)));
}

#[tokio::test]
async fn after_its_grace_a_sync_run_goes_back_and_its_thread_is_abandoned() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let world = World::start(sync_task(move |_| {
        let _ = released.lock().recv();
        success()
    }));
    let key = world.run(command());
    world.stats("it runs", |stats| stats.running == 1).await;
    world.worker.drain(Duration::ZERO).await;
    assert_eq!(world.reports.of(key), Some(RunResult::Released));
    drop(release);
    world.stats("its end", |stats| (stats.running, stats.abandoned_threads) == (0, 0)).await;
    assert_eq!(world.reports.count(), 1, "its late result is ignored");
}

#[tokio::test]
async fn an_idle_worker_drains_at_once() {
    let world = World::start(async_task(|_| async { success() }));
    world.worker.drain(GRACE).await;
}
