//! A server that dies and comes back: nothing that it kept is lost.

use std::sync::Arc;

use celeriac_core::broker::{Delivery, Limit, Settlement, Subscription, Verdict};
use celeriac_core::outcome::Completion;
use celeriac_core::store::Results as _;
use celeriac_core::{
    Address, Broker as _, Consumer, ContentType, ErrorKind, MessageId, Outcome, QueueName,
    Timestamp,
};
use celeriac_redis::{Options, Redis};
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::sample;
use jumpstarter::System;

use celeriac_testkit::server::{Kind, Server, free_port};

pub(crate) async fn open(address: &str) -> Arc<Redis> {
    let system = System::new("faults");
    celeriac_redis::open(&Address::from(address), Options::default(), &system).await.unwrap()
}

pub(crate) async fn consume(redis: &Redis, queue: &str) -> Box<dyn Consumer> {
    let queues = vec![QueueName::from(queue)];
    redis.consume(Subscription { queues, consumer: "test".to_owned() }).await.unwrap()
}

fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
    let number = |delivery: &Delivery| sample::number(delivery.payload.as_ref().unwrap());
    deliveries.iter().map(number).collect()
}

fn acks(deliveries: &[Delivery]) -> Vec<Settlement> {
    let ack = |delivery: &Delivery| Settlement { receipt: delivery.receipt, verdict: Verdict::Ack };
    deliveries.iter().map(ack).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_lost_nothing() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    let redis = open(&server.address()).await;
    redis.publish(&sample::batch("q", 0..6), Limit::Respect).await.unwrap();
    let mut consumer = consume(&redis, "q").await;
    let taken = consumer.pull(3).await.unwrap();
    redis.settle(acks(&taken[..1])).await.unwrap();
    let (id, now) = (MessageId::new(), Timestamp::now());
    let outcome = Outcome::success(0, now, ContentType::Json, "1".into());
    let completion = Completion { id, outcome, expires_at: Timestamp::NEVER };
    assert_eq!(redis.complete(vec![completion]).await.unwrap(), [true]);

    server.kill();
    let error = redis.publish(&sample::batch("q", 9..10), Limit::Respect).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    let error = redis.settle(acks(&taken[1..])).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");

    server.restart();
    eventually("the connection to be mended", async || redis.queues().await.is_ok()).await;
    // What was held is still held by this process, and can be settled now.
    redis.settle(acks(&taken[1..])).await.unwrap();
    let rest = within("the rest", consumer.pull(10)).await.unwrap();
    assert_eq!(numbers(&rest), [3, 4, 5]);
    redis.settle(acks(&rest)).await.unwrap();
    assert_eq!(redis.queues().await.unwrap(), []);
    assert!(redis.entries(&[id]).await.unwrap()[0].is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_hears_of_what_comes_after_the_restart() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    let redis = open(&server.address()).await;
    let mut consumer = consume(&redis, "q").await;
    let other = open(&server.address()).await;
    let waiting = async {
        loop {
            match consumer.pull(1).await {
                Ok(deliveries) => return numbers(&deliveries),
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
            // As a router does, with a pause instead of a yield.
            tokio::task::yield_now().await;
        }
    };
    let killing = async {
        server.kill();
        server.restart();
        let batch = sample::batch("q", 7..8);
        eventually("the publish", async || other.publish(&batch, Limit::Respect).await.is_ok())
            .await;
    };
    let (seen, ()) = within("the message", futures_util::future::join(waiting, killing)).await;
    assert_eq!(seen, [7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_and_never_shown() {
    let Some(server) = Server::start(Kind::Redis, &["--requirepass", "right"]) else { return };
    let system = System::new("faults");
    let address =
        |password: &str| Address::from(format!("redis://:{password}@127.0.0.1:{}", server.port()));
    let opened = celeriac_redis::open(&address("hunter2"), Options::default(), &system).await;
    let error = opened.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    let redis = celeriac_redis::open(&address("right"), Options::default(), &system).await.unwrap();
    assert_eq!(redis.queues().await.unwrap(), []);
    assert!(!format!("{redis:?}").contains("right"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_unreachable() {
    let system = System::new("faults");
    let address = Address::from(format!("redis://127.0.0.1:{}", free_port()));
    let error = celeriac_redis::open(&address, Options::default(), &system).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
}
