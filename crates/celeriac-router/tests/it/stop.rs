//! A graceful stop: what runs gets its grace, what did not begin goes back.

use std::time::Duration;

use celeriac_testkit::faulty::Plan;
use celeriac_testkit::probe::poll_once;

use crate::fixture::{World, depth, ids, take};
use crate::platform::{Platform, success};

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn what_does_not_end_in_its_grace_goes_back() {
    let world = World::start(Platform::holding()).await;
    let sent = world.publish(3).await;
    world.platform.dispatches(2).await;
    world.service.stop(GRACE).await;
    assert_eq!(depth(&world.memory).await, (3, 0));

    let memory = world.die().await;
    let second = World::over(memory, Plan::new(), Platform::new(|_| Some(success()))).await;
    second.ends(&sent).await;
    second.empty().await;
}

#[tokio::test]
async fn what_ends_in_its_grace_is_done_with() {
    let platform = Platform::holding();
    platform.drains_with(success());
    let world = World::start(platform).await;
    let sent = world.publish(2).await;
    world.platform.dispatches(2).await;
    world.service.stop(GRACE).await;
    world.ends(&sent).await;
    assert_eq!(depth(&world.memory).await, (0, 0), "nothing is left to be delivered again");
}

/// A platform that drains when the test says so, seen from a broker's other consumer.
#[tokio::test]
async fn what_runs_in_its_grace_is_not_delivered_to_others() {
    let world = World::start(Platform::slow_to_drain()).await;
    let sent = world.publish(3).await;
    world.platform.dispatches(2).await;
    let mut stop = Box::pin(world.service.stop(GRACE));
    while !world.platform.is_draining() {
        assert!(poll_once(&mut stop).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(depth(&world.memory).await.1, 2, "what runs is still ours");
    let (_consumer, others) = take(&world.memory, &celeriac_core::QueueName::DEFAULT).await;
    assert_eq!(ids(&others), sent[2..], "what waits is for others");
    world.platform.drains_with(success());
    world.platform.drain_now();
    stop.await;
    world.ends(&sent[..2]).await;
    assert_eq!(depth(&world.memory).await, (0, 1));
}

#[tokio::test]
async fn a_second_stop_changes_nothing() {
    let world = World::start(Platform::new(|_| Some(success()))).await;
    let sent = world.publish(3).await;
    world.ends(&sent).await;
    world.service.stop(GRACE).await;
    world.service.stop(GRACE).await;
    let left = world.publish(2).await;
    assert_eq!(depth(&world.memory).await, (left.len() as u64, 0), "it consumes no more");
}
