//! A backlog that is larger than the window: it waits on disk, and comes back
//! whole, in order.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Limit, Settlement, Subscription, Verdict};
use celeriac_core::{Broker, Message, Name, QueueName};
use celeriac_embedded::{Durable, Options};
use jumpstarter::System;

const COUNT: u64 = 20_000;
const WINDOW_BYTES: usize = 200_000;

fn batch(numbers: std::ops::Range<u64>) -> Vec<Arc<Message>> {
    let message =
        |number: u64| Message::command(Name::from_static("t"), number.to_be_bytes().to_vec());
    numbers.map(|number| Arc::new(message(number))).collect()
}

fn number(delivery: &Delivery) -> u64 {
    let message = delivery.payload.as_ref().unwrap();
    u64::from_be_bytes(message.body[..].try_into().unwrap())
}

async fn open(directory: &tempfile::TempDir, system: &System) -> Arc<Durable> {
    let options = Options { window_bytes: WINDOW_BYTES, ..Options::default() };
    let opened = Durable::open(directory.path(), options, system);
    opened.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_above_the_window_comes_in_order_and_once() {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new("paging");
    let broker = open(&directory, &system).await;
    let mut next = 0;
    // Many packs of different sizes.
    for size in (1..).map(|n| 1 + n * 7 % 200) {
        let end = COUNT.min(next + size);
        broker.publish(&batch(next..end), Limit::Respect).await.unwrap();
        next = end;
        if next == COUNT {
            break;
        }
    }
    let subscription =
        Subscription { queues: vec![QueueName::DEFAULT], consumer: "paging".to_owned() };
    let mut consumer = broker.consume(subscription.clone()).await.unwrap();
    let mut expected = 0;
    while expected < COUNT / 2 {
        let deliveries = consumer.pull(300).await.unwrap();
        let settle =
            |delivery: &Delivery| Settlement { receipt: delivery.receipt, verdict: Verdict::Ack };
        for delivery in &deliveries {
            assert_eq!((number(delivery), delivery.redelivered), (expected, false));
            expected += 1;
        }
        broker.settle(deliveries.iter().map(settle).collect()).await.unwrap();
    }
    let unsettled = consumer.pull(10).await.unwrap();
    assert_eq!(number(&unsettled[0]), expected);
    broker.close().await;

    let broker = open(&directory, &system).await;
    assert_eq!(broker.queues().await.unwrap()[0].ready, COUNT - expected);
    let mut consumer = broker.consume(subscription).await.unwrap();
    while expected < COUNT {
        for delivery in consumer.pull(1000).await.unwrap() {
            assert_eq!((number(&delivery), delivery.redelivered), (expected, true));
            expected += 1;
        }
    }
    broker.close().await;
    system.shutdown(Duration::from_secs(9)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_reaches_what_is_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new("paging");
    let broker = open(&directory, &system).await;
    broker.publish(&batch(0..5000), Limit::Respect).await.unwrap();
    assert_eq!(broker.purge(&QueueName::DEFAULT).await.unwrap(), 5000);
    assert!(broker.queues().await.unwrap().is_empty());
    broker.publish(&batch(7..8), Limit::Respect).await.unwrap();
    broker.close().await;
    let broker = open(&directory, &system).await;
    assert_eq!(broker.queues().await.unwrap()[0].ready, 1);
    broker.close().await;
    system.shutdown(Duration::from_secs(9)).await;
}
