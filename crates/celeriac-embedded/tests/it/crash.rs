//! A process that is killed. The test binary runs itself as a child, which
//! publishes, begins and settles, says so, and is killed by SIGKILL.

use std::sync::Arc;

use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::{Broker, Message, Name, QueueName};
use celeriac_embedded::{Durable, Options};
use jumpstarter::System;

use crate::child::{self, Child, READY, runtime, say};

/// What the child says after each publish.
const PUBLISHED: &str = "child: published ";

async fn open(directory: &std::path::Path) -> Arc<Durable> {
    let system = System::new("crash");
    let opened = Durable::open(directory, Options::default(), &system);
    opened.await.unwrap()
}

fn message(number: u64) -> Arc<Message> {
    Message::command(Name::from_static("t"), number.to_be_bytes().to_vec()).into()
}

fn number(message: &Message) -> u64 {
    u64::from_be_bytes(message.body[..].try_into().unwrap())
}

fn subscription() -> Subscription {
    Subscription { queues: vec![QueueName::DEFAULT], consumer: "crash".to_owned() }
}

/// Publishes for ever, one transaction after the other.
async fn publish_for_ever(directory: &std::path::Path) {
    let broker = open(directory).await;
    for number in 0.. {
        broker.publish(&[message(number)], Limit::Respect).await.unwrap();
        say(&format!("{PUBLISHED}{number}"));
    }
}

#[test]
fn every_acknowledged_publish_survives_a_kill_at_any_moment() {
    if let Some(directory) = child::directory() {
        return runtime().block_on(publish_for_ever(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let this = "crash::every_acknowledged_publish_survives_a_kill_at_any_moment";
    let mut child = Child::start(this, directory.path());
    let mut acknowledged = 0;
    while let Some(line) = child.line() {
        if let Some(number) = line.strip_prefix(PUBLISHED) {
            acknowledged = number.parse().unwrap();
        }
        if acknowledged == 200 {
            child.kill();
        }
    }
    assert!(acknowledged >= 200);
    runtime().block_on(async {
        let broker = open(directory.path()).await;
        let ready = broker.queues().await.unwrap()[0].ready;
        // The last one may have been stored and not acknowledged yet.
        assert!(ready == acknowledged + 1 || ready == acknowledged + 2, "{ready}");
        let mut consumer = broker.consume(subscription()).await.unwrap();
        let mut expected = 0;
        while expected < ready {
            for delivery in consumer.pull(1000).await.unwrap() {
                assert!(delivery.redelivered);
                assert_eq!(number(&delivery.payload.unwrap()), expected);
                expected += 1;
            }
        }
        broker.close().await;
    });
}

/// Publishes three, begins two, settles one of these, and waits to be killed.
async fn work_and_wait(directory: &std::path::Path) {
    let broker = open(directory).await;
    broker.publish(&[message(0), message(1), message(2)], Limit::Respect).await.unwrap();
    let mut consumer = broker.consume(subscription()).await.unwrap();
    let deliveries = consumer.pull(2).await.unwrap();
    let receipts: Vec<_> = deliveries.iter().map(|delivery| delivery.receipt).collect();
    broker.begin(&receipts).unwrap();
    let settlement = Settlement { receipt: receipts[0], verdict: Verdict::Ack };
    broker.settle(vec![settlement]).await.unwrap();
    // The acknowledgement is durable with what is published after it.
    broker.publish(&[message(3)], Limit::Respect).await.unwrap();
    say(READY);
    std::future::pending().await
}

#[test]
fn a_death_is_counted_for_what_had_begun() {
    if let Some(directory) = child::directory() {
        return runtime().block_on(work_and_wait(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let this = "crash::a_death_is_counted_for_what_had_begun";
    let mut child = Child::start(this, directory.path());
    child.wait_for(READY);
    child.kill();
    runtime().block_on(async {
        for reopened in 0..2 {
            let broker = open(directory.path()).await;
            let mut consumer = broker.consume(subscription()).await.unwrap();
            let deliveries = consumer.pull(9).await.unwrap();
            let deaths = deliveries
                .iter()
                .map(|delivery| (number(delivery.payload.as_ref().unwrap()), delivery.deaths));
            assert_eq!(deaths.collect::<Vec<_>>(), [(1, 1), (2, 0), (3, 0)], "{reopened}");
            broker.close().await;
        }
    });
}
