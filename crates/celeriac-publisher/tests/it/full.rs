//! A full queue pushes back on its own senders, and on nobody else.

use std::time::Duration;

use celeriac_core::broker::{Settlement, Subscription, Verdict};
use celeriac_core::{Broker, QueueName};
use celeriac_publisher::Error;
use celeriac_testkit::probe::poll_once;
use celeriac_testkit::sample::{batch, number};
use tokio::time::Instant;

use crate::fixture::World;

/// Lets everybody do what can be done now.
async fn settle_down() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn its_senders_wait_until_there_is_room_and_others_do_not() {
    let world = World::limited(3);
    world.publisher.publish(batch("full", 0..3)).await.unwrap();
    let mut waits = Box::pin(world.publisher.publish(batch("full", 3..5)));
    for _ in 0..3 {
        assert!(poll_once(&mut waits).is_pending());
        settle_down().await;
    }
    world.publisher.publish(batch("other", 0..3)).await.unwrap();
    assert!(poll_once(&mut waits).is_pending());

    let subscription =
        Subscription { queues: vec![QueueName::from("full")], consumer: "test".to_owned() };
    let mut consumer = world.memory.consume(subscription).await.unwrap();
    let first = consumer.pull(2).await.unwrap();
    waits.await.unwrap();
    let rest = consumer.pull(9).await.unwrap();
    let all = first.iter().chain(&rest).map(|d| number(d.payload.as_ref().unwrap()));
    assert_eq!(all.collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let settle = |receipt| Settlement { receipt, verdict: Verdict::Ack };
    let receipts = first.iter().chain(&rest).map(|delivery| settle(delivery.receipt));
    world.memory.settle(receipts.collect()).await.unwrap();
}

#[tokio::test]
async fn a_batch_larger_than_the_queue_passes_through_in_order() {
    let world = World::limited(10);
    let (sent, taken) = futures_util::future::join(
        world.publisher.publish(batch("q", 0..1000)),
        world.take("q", 1000),
    )
    .await;
    sent.unwrap();
    let numbers: Vec<u64> = taken.iter().map(|message| number(message)).collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stays_full_is_an_error_in_the_end() {
    let world = World::limited(2);
    let began = Instant::now();
    let error = world.publisher.publish(batch("q", 0..3)).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 30);
    let Error::Full { queue, waited } = &error else { panic!("{error}") };
    assert_eq!((queue.as_str(), *waited), ("q", Duration::from_secs(30)));
    assert!(error.to_string().contains("`q` stayed full for 30.0 s"), "{error}");
    assert_eq!(world.depth("q").await, 2, "what had room was sent");
}
