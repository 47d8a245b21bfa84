//! An actor of the router that crashes loses nothing, however often it does.

use celeriac_embedded::Memory;
use celeriac_testkit::faulty::{Effect, Operation, Plan};

use crate::fixture::World;
use crate::platform::{Platform, success};

/// Crashes whoever calls `operation`, often; all messages come to their end.
async fn survives_crashes_at(operation: Operation) {
    let plan = Plan::new();
    plan.fail(operation, 1, Effect::Panic);
    plan.fail_times(operation, 3, 8, Effect::Panic);
    let platform = Platform::new(|_| Some(success()));
    let world = World::over(Memory::new(Default::default()), plan.clone(), platform).await;
    for _ in 0..4 {
        let ids = world.publish(10).await;
        world.ends(&ids).await;
    }
    world.empty().await;
    assert!(plan.calls(operation) > 3, "{operation:?} was called {}", plan.calls(operation));
}

#[tokio::test(start_paused = true)]
async fn the_router_crashes() {
    survives_crashes_at(Operation::Begin).await;
}

#[tokio::test(start_paused = true)]
async fn the_committer_crashes_before_it_writes() {
    survives_crashes_at(Operation::Complete).await;
}

#[tokio::test(start_paused = true)]
async fn the_committer_crashes_before_it_settles() {
    survives_crashes_at(Operation::Settle).await;
}

#[tokio::test(start_paused = true)]
async fn the_intake_crashes_while_it_pulls() {
    survives_crashes_at(Operation::Pull).await;
}

#[tokio::test(start_paused = true)]
async fn the_intake_crashes_with_deliveries_in_hand() {
    survives_crashes_at(Operation::Revoked).await;
}

#[tokio::test(start_paused = true)]
async fn runs_of_a_router_that_crashed_are_not_taken_for_others() {
    let plan = Plan::new();
    let platform = Platform::holding();
    let world = World::over(Memory::new(Default::default()), plan.clone(), platform).await;
    let first = world.publish(1).await;
    world.platform.dispatches(1).await;
    plan.fail(Operation::Begin, 2, Effect::Panic);
    let second = world.publish(1).await;
    // Both come to the next router; the platform still holds the first run.
    world.platform.dispatches(3).await;
    assert_eq!(world.platform.held().len(), 3);
    world.platform.finish_all(&success());
    world.ends(&first).await;
    world.ends(&second).await;
    world.empty().await;
}
