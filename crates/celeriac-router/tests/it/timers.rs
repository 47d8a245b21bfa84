//! What waits for its time waits in the store, and comes in order.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::store::Timers;
use celeriac_core::{ErrorKind, Message, State, Timestamp};
use celeriac_embedded::Memory;
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::eventually;

use crate::fixture::{World, command, entry};
use crate::platform::{Platform, success};

fn due(at: Timestamp) -> Arc<Message> {
    let mut message = command();
    message.rare_mut().eta = Some(at);
    message.into()
}

async fn nothing_waits(world: &World) {
    let none = || async { world.memory.scheduled().await.unwrap() == 0 };
    eventually("that no timer is left", none).await;
}

#[tokio::test]
async fn due_messages_are_published_in_order_of_their_time() {
    let memory = Memory::new(Default::default());
    let past = |millis| due(Timestamp::from_millis(millis));
    let batch = [past(30), past(10), past(20)];
    memory.schedule(&batch).await.unwrap();
    let world = World::over(memory, Plan::new(), Platform::new(|_| Some(success()))).await;
    let [third, first, second] = batch.map(|message| message.id);
    world.ends(&[first, second, third]).await;
    assert_eq!(world.platform.dispatched(), [first, second, third]);
    nothing_waits(&world).await;
}

#[tokio::test]
async fn what_is_not_due_waits_and_what_comes_nearer_is_noticed() {
    let world = World::start(Platform::new(|_| Some(success()))).await;
    let far = due(Timestamp::now().after(Duration::from_secs(3600)));
    let near = due(Timestamp::now().after(Duration::from_millis(20)));
    world.memory.schedule(std::slice::from_ref(&far)).await.unwrap();
    world.memory.schedule(std::slice::from_ref(&near)).await.unwrap();
    world.ends(&[near.id]).await;
    assert_eq!(world.platform.dispatched(), [near.id]);
    assert!(Timestamp::now() >= near.rare().eta.unwrap(), "never before its time");
    eventually("one left", || async { world.memory.scheduled().await.unwrap() == 1 }).await;
}

#[tokio::test]
async fn a_retry_with_a_delay_waits_in_the_store() {
    let platform = Platform::new(|run| {
        Some(match run.message.attempt {
            0 => celeriac_core::platform::RunResult::Failed {
                failure: celeriac_core::Failure::new("e", "not yet"),
                retry_after: Some(Duration::from_millis(20)),
            },
            _ => success(),
        })
    });
    let world = World::start(platform).await;
    let id = world.publish(1).await[0];
    eventually("the retry", || async {
        let entry = entry(&world.memory, id).await;
        entry.is_some_and(|entry| entry.state == State::Retry || entry.outcome.is_some())
    })
    .await;
    world.ends(&[id]).await;
    world.empty().await;
    assert_eq!(entry(&world.memory, id).await.unwrap().attempt, 1);
    nothing_waits(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_fails_is_made_good() {
    let plan = Plan::new();
    plan.fail(Operation::Publish, 1, Effect::Doubt(ErrorKind::Unreachable));
    let memory = Memory::new(Default::default());
    let message = due(Timestamp::from_millis(1));
    memory.schedule(std::slice::from_ref(&message)).await.unwrap();
    let world = World::over(memory, plan, Platform::new(|_| Some(success()))).await;
    world.ends(&[message.id]).await;
}

#[tokio::test]
async fn one_that_is_published_twice_runs_once() {
    let plan = Plan::new();
    plan.fail(Operation::Unschedule, 1, Effect::DieBefore);
    let memory = Memory::new(Default::default());
    let message = due(Timestamp::from_millis(1));
    let world = World::over(memory, plan.clone(), Platform::holding()).await;
    world.memory.schedule(std::slice::from_ref(&message)).await.unwrap();
    eventually("the death", || async { plan.is_dead() }).await;
    let memory = world.die().await;

    let second = World::over(memory, Plan::new(), Platform::new(|_| Some(success()))).await;
    second.ends(&[message.id]).await;
    second.empty().await;
    // Its lease is over, and it is published again to a router that never saw it.
    let memory = second.die().await;
    let hours_later = Timestamp::now().after(Duration::from_secs(7200));
    let mut again = memory.take_due(hours_later, 9, Duration::ZERO).await.unwrap();
    assert_eq!(again.len(), 1, "it was never unscheduled");
    memory.unschedule(&again).await.unwrap();
    let mut copy = Message::clone(&again.remove(0));
    copy.rare_mut().eta = Some(Timestamp::from_millis(1));
    memory.schedule(&[Arc::new(copy)]).await.unwrap();
    let third = World::over(memory, Plan::new(), Platform::holding()).await;
    nothing_waits(&third).await;
    third.empty().await;
    assert!(third.platform.dispatched().is_empty(), "it has an outcome");
}

#[tokio::test]
async fn what_the_timers_had_in_hand_when_they_crashed_does_not_wait_for_its_lease() {
    for operation in [Operation::Publish, Operation::Unschedule] {
        let plan = Plan::new();
        plan.fail_times(operation, 1, 3, Effect::Panic);
        let memory = Memory::new(Default::default());
        let platform = Platform::new(|_| Some(success()));
        let world = World::over(memory, plan.clone(), platform).await;
        let message = due(Timestamp::now().after(Duration::from_millis(1)));
        world.memory.schedule(std::slice::from_ref(&message)).await.unwrap();
        world.ends(&[message.id]).await;
        nothing_waits(&world).await;
        assert!(plan.calls(operation) >= 4, "{operation:?}");
    }
}
