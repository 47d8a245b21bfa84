//! The way of a message through the router, with drivers that work and that fail.

use celeriac_core::store::{Filter, Quarantine, Revocations};
use celeriac_core::{ErrorKind, State, Timestamp};
use celeriac_embedded::Memory;
use celeriac_testkit::faulty::{Effect, Operation, Plan};

use crate::fixture::{World, command, depth, entry, publish};
use crate::platform::{Platform, failure, success};

const DOWN: Effect = Effect::Refuse(ErrorKind::Unreachable);

#[tokio::test]
async fn a_delivery_is_dispatched_its_outcome_stored_then_it_is_acked() {
    let world = World::start(Platform::holding()).await;
    let ids = world.publish(1).await;
    world.platform.dispatches(1).await;
    assert_eq!(world.platform.held(), ids);
    assert_eq!(depth(&world.memory).await, (0, 1), "not settled while it runs");
    world.platform.finish_all(&success());
    world.ends(&ids).await;
    world.empty().await;
    let log = world.plan.log();
    let at = |operation| log.iter().position(|call| *call == operation).unwrap();
    assert!(at(Operation::Begin) < at(Operation::Complete));
    assert!(at(Operation::Complete) < at(Operation::Settle));
}

#[tokio::test]
async fn a_failure_is_tried_again_until_its_policy_ends() {
    let world = World::start(Platform::new(|_| Some(failure()))).await;
    let id = world.publish(1).await[0];
    assert_eq!(world.end(id).await, State::Failure);
    world.empty().await;
    assert_eq!(world.platform.dispatched(), [id; 3]);
    let kept = world.memory.quarantined(&Filter::default(), 9).await.unwrap();
    assert_eq!(kept.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_while_loses_nothing() {
    for operation in [Operation::Complete, Operation::Settle, Operation::Revoked, Operation::Pull] {
        let plan = Plan::new();
        plan.fail_times(operation, 2, 6, DOWN);
        let platform = Platform::new(|_| Some(success()));
        let world = World::over(Memory::new(Default::default()), plan.clone(), platform).await;
        // More than the credit: what a failure takes must be given back.
        let ids = world.publish(20).await;
        world.ends(&ids).await;
        world.empty().await;
        assert!(plan.calls(operation) >= 8, "{operation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_beginning_that_can_not_be_noted_does_not_stop_the_work() {
    let plan = Plan::new();
    plan.fail_times(Operation::Begin, 1, 100, DOWN);
    let platform = Platform::new(|_| Some(success()));
    let world = World::over(Memory::new(Default::default()), plan, platform).await;
    let ids = world.publish(5).await;
    world.ends(&ids).await;
}

#[tokio::test]
async fn a_repetition_of_a_finished_message_is_not_run_again() {
    let world = World::start(Platform::new(|_| Some(success()))).await;
    let mut message = command();
    message.may_repeat = true;
    publish(&world.memory, vec![message.clone()]).await;
    world.ends(&[message.id]).await;
    world.empty().await;
    publish(&world.memory, vec![message.clone()]).await;
    world.empty().await;
    assert_eq!(world.platform.dispatched(), [message.id]);
}

#[tokio::test]
async fn a_finished_message_that_is_redelivered_is_not_run_again() {
    let plan = Plan::new();
    plan.fail(Operation::Settle, 1, Effect::DieBefore);
    let platform = Platform::new(|_| Some(success()));
    let world = World::over(Memory::new(Default::default()), plan, platform).await;
    let ids = world.publish(1).await;
    world.ends(&ids).await;
    let memory = world.die().await;
    assert_eq!(depth(&memory).await, (1, 0), "it was never settled");

    let second = World::over(memory, Plan::new(), Platform::holding()).await;
    second.empty().await;
    assert!(second.platform.dispatched().is_empty());
}

#[tokio::test]
async fn what_runs_when_the_process_dies_runs_again() {
    let world = World::start(Platform::holding()).await;
    let ids = world.publish(1).await;
    world.platform.dispatches(1).await;
    let memory = world.die().await;
    let second = World::over(memory, Plan::new(), Platform::new(|_| Some(success()))).await;
    second.ends(&ids).await;
    second.empty().await;
    assert_eq!(second.platform.dispatched(), ids);
}

#[tokio::test]
async fn a_revocation_cancels_what_runs() {
    let world = World::start(Platform::holding()).await;
    let id = world.publish(1).await[0];
    world.platform.dispatches(1).await;
    world.memory.revoke(&[id], Timestamp::NEVER).await.unwrap();
    assert_eq!(world.end(id).await, State::Revoked);
    world.empty().await;
    assert!(world.platform.held().is_empty());
}

#[tokio::test]
async fn what_was_revoked_before_is_never_dispatched() {
    let memory = Memory::new(Default::default());
    let (revoked, other) = (command(), command());
    let (id, other_id) = (revoked.id, other.id);
    memory.revoke(&[id], Timestamp::NEVER).await.unwrap();
    publish(&memory, vec![revoked, other]).await;
    let world = World::over(memory, Plan::new(), Platform::new(|_| Some(success()))).await;
    assert_eq!(world.end(id).await, State::Revoked);
    world.ends(&[other_id]).await;
    world.empty().await;
    assert_eq!(world.platform.dispatched(), [other_id]);
    assert_eq!(entry(&world.memory, id).await.unwrap().state, State::Revoked);
}

#[tokio::test]
async fn a_released_run_goes_back_and_runs_again() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let platform = Platform::new(move |_| {
        let released = first.swap(false, std::sync::atomic::Ordering::Relaxed);
        Some(if released { celeriac_core::platform::RunResult::Released } else { success() })
    });
    let world = World::start(platform).await;
    let ids = world.publish(1).await;
    world.ends(&ids).await;
    world.empty().await;
    assert_eq!(world.platform.dispatched().len(), 2);
}
