//! Cancelling: what waits, what runs, what has ended.

use celeriac_core::ExecutionPlatform;
use celeriac_core::platform::{RunKey, RunResult};

use crate::fixture::{World, async_task, command, success};

#[tokio::test]
async fn what_waits_and_what_runs_is_revoked() {
    let mut task = async_task(|_| std::future::pending());
    task.concurrency = Some(1);
    let world = World::start(task);
    let keys = world.run_many(3);
    world.stats("one under way", |stats| (stats.running, stats.waiting) == (1, 2)).await;
    world.worker.cancel(vec![keys[2]]);
    assert_eq!(world.end(keys[2]).await, RunResult::Revoked);
    world.worker.cancel(vec![keys[0]]);
    assert_eq!(world.end(keys[0]).await, RunResult::Revoked);
    assert_eq!(world.reports.of(keys[1]), None, "the other goes on");
    world.stats("the last one's turn", |stats| (stats.running, stats.waiting) == (1, 0)).await;
    world.worker.cancel(vec![keys[1]]);
    assert_eq!(world.end(keys[1]).await, RunResult::Revoked);
}

#[tokio::test]
async fn what_has_ended_or_never_was_is_left_as_it_is() {
    let world = World::start(async_task(|_| async { success() }));
    let key = world.run(command());
    assert_eq!(world.end(key).await, success());
    world.worker.cancel(vec![key, RunKey(99)]);
    let next = world.run(command());
    assert_eq!(world.end(next).await, success());
    assert_eq!(world.reports.count(), 2);
}
