//! Many senders, few round trips, each sender's order.

use std::sync::Arc;

use celeriac_testkit::faulty::Operation;
use celeriac_testkit::sample::{batch, number, numbered};
use futures_util::future::join_all;

use crate::fixture::World;

#[tokio::test]
async fn concurrent_senders_share_round_trips() {
    let world = World::start();
    let send = |n| world.publisher.publish(vec![Arc::new(numbered("q", n))]);
    for answer in join_all((0..1000).map(send)).await {
        answer.unwrap();
    }
    assert_eq!(world.depth("q").await, 1000);
    let trips = world.plan.calls(Operation::Publish);
    assert!(trips <= 20, "{trips} round trips for 1000 sends");
}

#[tokio::test]
async fn one_sender_with_many_messages_needs_one_round_trip() {
    let world = World::start();
    world.publisher.publish(batch("q", 0..500)).await.unwrap();
    assert_eq!(world.plan.calls(Operation::Publish), 1);
}

#[tokio::test]
async fn each_senders_order_is_kept() {
    let world = World::start();
    let sender = |sender: u64| {
        let publisher = world.publisher.clone();
        async move {
            for n in 0..20 {
                let at = sender * 1000 + n * 10;
                publisher.publish(batch("q", at..at + 10)).await.unwrap();
            }
        }
    };
    join_all((0..10).map(sender)).await;
    let numbers: Vec<u64> = world.take("q", 2000).await.iter().map(|m| number(m)).collect();
    for sender in 0..10 {
        let own: Vec<u64> = numbers.iter().copied().filter(|n| n / 1000 == sender).collect();
        assert_eq!(own, (sender * 1000..sender * 1000 + 200).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn nothing_at_all_is_published_at_once() {
    World::start().publisher.publish(Vec::new()).await.unwrap();
}

#[tokio::test]
async fn what_was_accepted_is_published_before_it_stops() {
    let world = World::start();
    let send = |n| world.publisher.publish(vec![Arc::new(numbered("q", n))]);
    let (answers, ()) = futures_util::future::join(join_all((0..100).map(send)), async {
        world.publisher.stop().await
    })
    .await;
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(world.depth("q").await, accepted as u64);
    let late = world.publisher.publish(batch("q", 0..1)).await.unwrap_err();
    assert!(late.to_string().contains("stopped"), "{late}");
}
