//! Publishing inside a transaction of the user's own.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Subscription, Verdict};
use celeriac_core::store::Timers as _;
use celeriac_core::{Broker, Consumer, ErrorKind, Message, QueueName, Timestamp};
use celeriac_postgres::enqueue;
use celeriac_testkit::probe::{poll_once, within};
use celeriac_testkit::sample;
use jumpstarter::System;
use sqlx::Connection;

use crate::place::Place;

async fn consume(broker: &dyn Broker, queue: &str) -> Box<dyn Consumer> {
    let (queues, consumer) = (vec![QueueName::from(queue)], "test".to_owned());
    broker.consume(Subscription { queues, consumer }).await.unwrap()
}

fn batch() -> Vec<Arc<Message>> {
    sample::batch("q", 0..3)
}

#[tokio::test]
async fn a_commit_sends_and_wakes() {
    let place = Place::new();
    let postgres = place.open(&System::new("enqueue")).await;
    let mut consumer = consume(&*postgres, "q").await;
    place.execute("CREATE TABLE orders (item text)").await;
    let mut connection = place.connection().await;
    let mut transaction = connection.begin().await.unwrap();
    let order = sqlx::query("INSERT INTO orders VALUES ('tea')");
    order.execute(&mut *transaction).await.unwrap();
    enqueue(&mut transaction, &place.config(""), &batch()).await.unwrap();
    let mut pull = consumer.pull(10);
    for _ in 0..20 {
        assert!(poll_once(&mut pull).is_pending(), "before the commit");
        assert_eq!(postgres.queues().await.unwrap(), []);
    }

    transaction.commit().await.unwrap();
    let deliveries = within("what was committed", pull).await.unwrap();
    let messages = deliveries.iter().map(|delivery| delivery.payload.clone().unwrap());
    let numbers = Vec::from_iter(messages.map(|message| sample::number(&message)));
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(place.number("SELECT count(*) FROM orders").await, 1);
    postgres.close().await;
}

#[tokio::test]
async fn a_rollback_sends_nothing() {
    let place = Place::new();
    let postgres = place.open(&System::new("enqueue")).await;
    let mut connection = place.connection().await;
    let mut transaction = connection.begin().await.unwrap();
    let mut later = sample::numbered("q", 9);
    later.rare_mut().eta = Some(Timestamp::now().after(Duration::from_secs(60)));
    let batch = [batch(), vec![later.into()]].concat();
    enqueue(&mut transaction, &place.config(""), &batch).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(postgres.queues().await.unwrap(), []);
    assert_eq!(postgres.scheduled().await.unwrap(), 0);
    postgres.close().await;
}

#[tokio::test]
async fn what_waits_for_its_time_is_scheduled() {
    let place = Place::new();
    let postgres = place.open(&System::new("enqueue")).await;
    assert_eq!(postgres.next_due().await.unwrap(), None);
    let mut changed = postgres.timers_changed();
    assert!(poll_once(&mut changed).is_pending());
    let mut message = sample::numbered("q", 1);
    let eta = Timestamp::now().after(Duration::from_secs(60));
    message.rare_mut().eta = Some(eta);
    let mut connection = place.connection().await;
    let mut transaction = connection.begin().await.unwrap();
    enqueue(&mut transaction, &place.config(""), &[message.into()]).await.unwrap();
    transaction.commit().await.unwrap();
    within("the timer", changed).await.unwrap();
    assert_eq!(postgres.next_due().await.unwrap(), Some(eta));
    assert_eq!(postgres.queues().await.unwrap(), []);
    postgres.close().await;
}

#[tokio::test]
async fn a_transient_queue_is_refused() {
    let place = Place::new();
    let postgres = place.open(&System::new("enqueue")).await;
    let mut connection = place.connection().await;
    let batch = sample::batch("~replies", 0..1);
    let error = enqueue(&mut connection, &place.config(""), &batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    postgres.close().await;
}

/// What can't be read comes as such, is settled like any other, and leaves
/// those behind it in their order.
#[tokio::test]
async fn damaged_bytes_are_delivered_as_undecodable() {
    let place = Place::new();
    let postgres = place.open(&System::new("enqueue")).await;
    place.execute("INSERT INTO ready (queue, priority, body) VALUES ('q', 5, '\\xc1')").await;
    let mut consumer = consume(&*postgres, "q").await;
    let deliveries = within("the bytes", consumer.pull(1)).await.unwrap();
    let undecodable = deliveries[0].payload.as_ref().unwrap_err();
    assert_eq!((&undecodable.raw[..], undecodable.queue.as_str()), (&b"\xc1"[..], "q"));
    let settlement =
        celeriac_core::broker::Settlement { receipt: deliveries[0].receipt, verdict: Verdict::Ack };
    postgres.settle(vec![settlement]).await.unwrap();
    assert_eq!(postgres.queues().await.unwrap(), []);
    postgres.close().await;
}
