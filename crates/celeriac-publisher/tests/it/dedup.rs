//! One message per key and window, also when senders die in between.

use std::time::Duration;

use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::{eventually, poll_once};
use celeriac_testkit::sample::numbered;
use futures_util::future::join_all;

use crate::fixture::World;

const WINDOW: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_second_send_gets_the_firsts_id_and_sends_nothing() {
    let world = World::start();
    let first = numbered("q", 1);
    let id = first.id;
    assert_eq!(world.publisher.publish_once(first, "key", WINDOW).await.unwrap(), id);
    let second = numbered("q", 2);
    assert_eq!(world.publisher.publish_once(second, "key", WINDOW).await.unwrap(), id);
    let other = numbered("q", 3);
    let other_id = other.id;
    assert_eq!(world.publisher.publish_once(other, "other", WINDOW).await.unwrap(), other_id);
    assert_eq!(world.depth("q").await, 2);
}

#[tokio::test]
async fn after_its_window_a_key_is_free() {
    let world = World::start();
    for n in 0..2 {
        let message = numbered("q", n);
        let id = message.id;
        let sent = world.publisher.publish_once(message, "key", Duration::ZERO).await.unwrap();
        assert_eq!(sent, id);
    }
    assert_eq!(world.depth("q").await, 2);
}

#[tokio::test]
async fn of_many_at_once_all_that_are_sent_bear_one_id() {
    let world = World::start();
    let send = |n| world.publisher.publish_once(numbered("q", n), "key", WINDOW);
    let ids: Vec<_> = join_all((0..20).map(send)).await.into_iter().map(Result::unwrap).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    let depth = usize::try_from(world.depth("q").await).unwrap();
    let sent = world.take("q", depth).await;
    assert!(sent.iter().all(|message| message.id == ids[0]));
    assert!(sent.iter().all(|message| message.may_repeat), "any of them may have come second");
}

/// The first sender dies at that point; the next makes up for it.
async fn dies(operation: Operation, effect: Effect, was_sent: bool) {
    let plan = Plan::new();
    plan.fail(operation, 1, effect);
    let dying = World::over(World::start().memory, plan);
    let first = numbered("q", 1);
    let id = first.id;
    let mut send = Box::pin(dying.publisher.publish_once(first, "key", WINDOW));
    eventually("its death", || {
        assert!(poll_once(&mut send).is_pending());
        std::future::ready(dying.plan.is_dead())
    })
    .await;
    drop(send);
    assert_eq!(dying.depth("q").await, u64::from(was_sent));

    let next = World::over(dying.memory.clone(), Plan::new());
    let sent = next.publisher.publish_once(numbered("q", 2), "key", WINDOW).await.unwrap();
    let messages = next.take("q", 1 + usize::from(was_sent)).await;
    if effect == Effect::DieBefore && operation == Operation::Claim {
        assert_ne!(sent, id);
        return;
    }
    assert_eq!(sent, id, "under the id of the first");
    assert!(messages.iter().all(|message| message.id == id));
    assert!(messages.last().is_some_and(|message| message.may_repeat));
    let third = next.publisher.publish_once(numbered("q", 3), "key", WINDOW).await.unwrap();
    assert_eq!((third, next.depth("q").await), (id, 0), "and the key is confirmed");
}

#[tokio::test]
async fn the_sender_dies_before_it_claims() {
    dies(Operation::Claim, Effect::DieBefore, false).await;
}

#[tokio::test]
async fn the_sender_dies_after_it_claimed() {
    dies(Operation::Claim, Effect::DieAfter, false).await;
}

#[tokio::test]
async fn the_sender_dies_after_it_published() {
    dies(Operation::Publish, Effect::DieAfter, true).await;
}

#[tokio::test]
async fn the_sender_dies_before_it_confirms() {
    dies(Operation::Confirm, Effect::DieBefore, true).await;
}
