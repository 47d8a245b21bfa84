//! Errors reach exactly those whom they concern.

use celeriac_core::{ErrorKind, Timestamp};
use celeriac_publisher::Error;
use celeriac_testkit::faulty::{Effect, Operation};
use celeriac_testkit::sample::{batch, numbered};
use futures_util::future::{join, join3};

use crate::fixture::World;

const DOWN: Effect = Effect::Refuse(ErrorKind::Unreachable);

#[tokio::test]
async fn an_invalid_message_is_refused_before_anything_is_sent() {
    let world = World::start();
    let mut large = numbered("q", 0);
    large.body = vec![b' '; 1024 * 1024 + 1].into();
    let mut messages = batch("q", 0..2);
    messages.push(large.into());
    let error = world.publisher.publish(messages).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    assert!(error.to_string().contains("1048577 bytes, above the limit"), "{error}");
    assert_eq!(world.depth("q").await, 0);
    assert_eq!(world.plan.log(), []);
}

#[tokio::test]
async fn a_broker_that_fails_is_told_to_all_of_its_batch() {
    let world = World::start();
    world.plan.fail(Operation::Publish, 1, DOWN);
    let send = |queue| world.publisher.publish(batch(queue, 0..2));
    let (one, two) = join(send("a"), send("b")).await;
    for answer in [one, two] {
        let Err(Error::Driver(error)) = answer else { panic!("{answer:?}") };
        assert_eq!(error.kind(), ErrorKind::Unreachable);
    }
    send("a").await.unwrap();
    assert_eq!(world.depth("a").await, 2, "and it goes on");
}

#[tokio::test]
async fn who_uses_only_timers_does_not_care_for_the_broker_nor_the_reverse() {
    let later = || {
        let mut message = numbered("q", 0);
        message.rare_mut().eta = Some(Timestamp::NEVER);
        std::sync::Arc::new(message)
    };
    for failing in [Operation::Publish, Operation::Schedule] {
        let world = World::start();
        world.plan.fail(failing, 1, DOWN);
        let mut mixed = batch("q", 0..1);
        mixed.push(later());
        let (now, timed, both) = join3(
            world.publisher.publish(batch("q", 0..1)),
            world.publisher.publish(vec![later()]),
            world.publisher.publish(mixed),
        )
        .await;
        assert_eq!(now.is_err(), failing == Operation::Publish);
        assert_eq!(timed.is_err(), failing == Operation::Schedule);
        assert!(both.is_err(), "its messages needed both");
    }
}

#[tokio::test(start_paused = true)]
async fn who_sent_when_it_crashed_is_told_and_who_waited_is_sent() {
    let world = World::start();
    // More often than an actor may crash by default.
    for crash in 1..=20 {
        world.plan.fail(Operation::Publish, 2 * crash - 1, Effect::Panic);
        let send = |queue| world.publisher.publish(batch(queue, 0..1));
        let (at_work, waiting) = join(send("a"), async {
            while world.plan.calls(Operation::Publish) < 2 * crash - 1 {
                tokio::task::yield_now().await;
            }
            send("b").await
        })
        .await;
        let error = at_work.unwrap_err();
        assert!(matches!(error, Error::Crashed), "{error}");
        assert!(error.to_string().contains("send the same ones again"), "{error}");
        waiting.unwrap();
        assert_eq!((world.depth("a").await, world.depth("b").await), (0, crash));
    }
    world.publisher.stop().await;
    let stopped = world.publisher.publish(batch("a", 0..1)).await.unwrap_err();
    assert!(matches!(stopped, Error::Stopped), "{stopped}");
}
