//! Sync runs: threads, their limits, and what becomes of one that hangs.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use celeriac_core::ExecutionPlatform;
use celeriac_core::platform::RunResult;
use celeriac_testkit::probe::eventually;
use celeriac_worker::{Options, TimeLimits};
use parking_lot::Mutex;

use crate::fixture::{World, command, failure_of, hard, success, sync_task};

const SHORT: Duration = Duration::from_millis(5);

#[tokio::test]
async fn they_run_on_threads_of_their_own() {
    let here = std::thread::current().id();
    let world = World::start(sync_task(move |_| {
        assert_ne!(std::thread::current().id(), here);
        success()
    }));
    world.run_many(50);
    world.ends(50).await;
    assert_eq!(world.worker.stats().panics, 0);
}

#[tokio::test]
async fn a_thread_that_hangs_is_abandoned_replaced_and_counted() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let mut task = sync_task(move |context| {
        if context.message().rare.is_some() {
            let _ = released.lock().recv();
        }
        success()
    });
    task.concurrency = Some(1);
    let world = World::with(task, Options { concurrency: 1, threads: 1 });
    let mut hanging = command();
    hanging.rare_mut().time_limit = Some(SHORT);
    let key = world.run(hanging);
    assert_eq!(failure_of(&world.end(key).await), "time_limit");
    assert_eq!(world.worker.stats().abandoned_threads, 1);

    let next = world.run(command());
    assert_eq!(world.end(next).await, success(), "another thread took its place");

    release.send(()).unwrap();
    world.stats("the thread's return", |stats| stats.abandoned_threads == 0).await;
    world.stats("the end of its run", |stats| stats.running == 0).await;
    let result = world.reports.of(key).unwrap();
    assert_eq!(failure_of(&result), "time_limit", "its late result is ignored");
    assert_eq!(world.reports.count(), 2);
}

#[tokio::test]
async fn the_soft_limit_is_a_token_to_look_at() {
    let mut task = sync_task(|context| {
        while !context.is_cancelled() {
            std::thread::yield_now();
        }
        success()
    });
    task.limits = TimeLimits { soft: Some(SHORT), hard: None };
    let world = World::start(task);
    let key = world.run(command());
    assert_eq!(world.end(key).await, success());
}

#[tokio::test]
async fn a_run_that_heeds_its_revocation_is_revoked() {
    let (tell, told) = mpsc::channel();
    let world = World::start(sync_task(move |context| {
        tell.send(()).unwrap();
        while !context.is_cancelled() {
            std::thread::yield_now();
        }
        success()
    }));
    let key = world.run(command());
    // One that was revoked before it begins is not called at all.
    eventually("that it has begun", || std::future::ready(told.try_recv().is_ok())).await;
    world.worker.cancel(vec![key]);
    assert_eq!(world.end(key).await, RunResult::Revoked);
}

#[tokio::test]
async fn more_tasks_hang_than_there_are_threads() {
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let mut task = sync_task(move |_| {
        let _ = released.lock().recv();
        success()
    });
    task.limits = hard(SHORT);
    let world = World::with(task, Options { concurrency: 1, threads: 2 });
    let keys = world.run_many(6);
    world.ends(6).await;
    for key in keys {
        assert_eq!(failure_of(&world.reports.of(key).unwrap()), "time_limit");
    }
    drop(release);
    world.stats("all threads' return", |stats| stats.abandoned_threads == 0).await;
}
