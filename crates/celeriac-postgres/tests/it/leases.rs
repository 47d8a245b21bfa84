//! Leases: renewed while their process lives, however long the work takes.

use std::time::Duration;

use celeriac_core::Broker;
use celeriac_core::QueueName;
use celeriac_core::broker::{Settlement, Subscription, Verdict};
use celeriac_postgres::{Options, Postgres};
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::sample;
use jumpstarter::System;

use crate::place::Place;

fn subscription() -> Subscription {
    Subscription { queues: vec![QueueName::from("q")], consumer: "test".to_owned() }
}

/// Held for three leases, watched by another process that would take it.
#[tokio::test]
async fn a_long_run_keeps_its_delivery() {
    const LEASE: Duration = Duration::from_secs(3);
    let place = Place::new();
    let config = || place.config("&lease=3s");
    let (here, there) = (System::new("here"), System::new("there"));
    let one = Postgres::connect(config(), Options::default(), &here).await.unwrap();
    let two = Postgres::connect(config(), Options::default(), &there).await.unwrap();
    let batch = sample::batch("q", 0..1);
    one.publish(&batch, celeriac_core::broker::Limit::Respect).await.unwrap();
    let mut consumer = one.consume(subscription()).await.unwrap();
    let held = within("the message", consumer.pull(1)).await.unwrap();
    let mut other = two.consume(subscription()).await.unwrap();
    let taken = tokio::time::timeout(3 * LEASE, other.pull(1)).await;
    assert!(taken.is_err(), "taken from a process that lives: {taken:?}");
    let settlement = Settlement { receipt: held[0].receipt, verdict: Verdict::Ack };
    one.settle(vec![settlement]).await.unwrap();
    assert_eq!(two.queues().await.unwrap(), []);
    one.close().await;
    two.close().await;
}

/// A process that dies without a word: its messages go to others by
/// themselves.
#[tokio::test]
async fn what_a_dead_process_held_goes_to_others() {
    let place = Place::new();
    let config = || place.config("&lease=2s");
    let (dying, living) = (System::new("dying"), System::new("living"));
    let one = Postgres::connect(config(), Options::default(), &dying).await.unwrap();
    let two = Postgres::connect(config(), Options::default(), &living).await.unwrap();
    let batch = sample::batch("q", 0..2);
    one.publish(&batch, celeriac_core::broker::Limit::Respect).await.unwrap();
    let mut consumer = one.consume(subscription()).await.unwrap();
    within("the messages", consumer.pull(2)).await.unwrap();
    dying.shutdown(Duration::from_secs(5)).await;
    let mut heir = two.consume(subscription()).await.unwrap();
    let inherited = within("what was held", heir.pull(2)).await.unwrap();
    assert_eq!(inherited.len(), 2);
    assert!(inherited.iter().all(|delivery| delivery.redelivered));
    two.close().await;
}

/// A process whose lease had expired goes on under a new one.
#[tokio::test]
async fn who_lost_its_lease_consumes_again() {
    let place = Place::new();
    let postgres = place.open(&System::new("lost")).await;
    let batch = sample::batch("q", 0..2);
    postgres.publish(&batch, celeriac_core::broker::Limit::Respect).await.unwrap();
    let mut consumer = postgres.consume(subscription()).await.unwrap();
    within("a message", consumer.pull(1)).await.unwrap();
    place.expire().await;
    let mut numbers = Vec::new();
    while numbers.len() < 2 {
        for delivery in within("both messages", consumer.pull(2)).await.unwrap() {
            let number = sample::number(delivery.payload.as_ref().unwrap());
            let settlement = Settlement { receipt: delivery.receipt, verdict: Verdict::Ack };
            postgres.settle(vec![settlement]).await.unwrap();
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1]);
    let empty = || async { postgres.queues().await.unwrap().is_empty() };
    eventually("nothing is left", empty).await;
    postgres.close().await;
}
