//! What waits for its time goes to the store, not to the broker.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::store::{Results, Timers};
use celeriac_core::{ErrorKind, State, Timestamp};
use celeriac_testkit::faulty::{Effect, Operation};
use celeriac_testkit::sample::numbered;

use crate::fixture::World;

#[tokio::test]
async fn a_future_eta_waits_in_the_store_and_is_marked_scheduled() {
    let world = World::start();
    let mut message = numbered("q", 1);
    message.rare_mut().eta = Some(Timestamp::now().after(Duration::from_secs(3600)));
    let id = message.id;
    world.publisher.publish(vec![Arc::new(message)]).await.unwrap();
    assert_eq!((world.depth("q").await, world.memory.scheduled().await.unwrap()), (0, 1));
    let entry = world.memory.entries(&[id]).await.unwrap().remove(0).unwrap();
    assert_eq!(entry.state, State::Scheduled);
}

#[tokio::test]
async fn a_past_eta_is_published_at_once() {
    let world = World::start();
    let mut message = numbered("q", 1);
    message.rare_mut().eta = Some(Timestamp::from_millis(1));
    world.publisher.publish(vec![Arc::new(message)]).await.unwrap();
    assert_eq!((world.depth("q").await, world.memory.scheduled().await.unwrap()), (1, 0));
}

#[tokio::test]
async fn a_mark_that_fails_is_nobodys_error() {
    let world = World::start();
    world.plan.fail(Operation::Mark, 1, Effect::Refuse(ErrorKind::NoSpace));
    let mut message = numbered("q", 1);
    message.rare_mut().eta = Some(Timestamp::NEVER);
    world.publisher.publish(vec![Arc::new(message)]).await.unwrap();
    assert_eq!(world.memory.scheduled().await.unwrap(), 1);
}
