//! A server that dies and comes back: nothing that it kept is lost.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use celeriac_core::broker::{Delivery, Limit, QueueStats, Settlement, Subscription, Verdict};
use celeriac_core::{Address, Broker as _, Consumer, ErrorKind, QueueName};
use celeriac_nats::{Nats, Options};
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::proxy::Proxy;
use celeriac_testkit::sample;
use jumpstarter::System;

use celeriac_testkit::server::{Kind, Server, free_port};

pub(crate) async fn open(address: &str) -> Arc<Nats> {
    let system = System::new("faults");
    celeriac_nats::open(&Address::from(address), Options::default(), &system).await.unwrap()
}

pub(crate) async fn consume(nats: &Nats, queue: &str) -> Box<dyn Consumer> {
    let queues = vec![QueueName::from(queue)];
    nats.consume(Subscription { queues, consumer: "test".to_owned() }).await.unwrap()
}

/// Sends so many to the queue `q`, and takes the first ones.
async fn send_and_take(nats: &Nats, sent: u64, most: usize) -> (Box<dyn Consumer>, Vec<Delivery>) {
    nats.publish(&sample::batch("q", 0..sent), Limit::Respect).await.unwrap();
    let mut consumer = consume(nats, "q").await;
    let taken = consumer.pull(most).await.unwrap();
    (consumer, taken)
}

fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
    let number = |delivery: &Delivery| sample::number(delivery.payload.as_ref().unwrap());
    deliveries.iter().map(number).collect()
}

fn acks(deliveries: &[Delivery]) -> Vec<Settlement> {
    let ack = |delivery: &Delivery| Settlement { receipt: delivery.receipt, verdict: Verdict::Ack };
    deliveries.iter().map(ack).collect()
}

/// Where a server notes what of the queue `q` is delivered and not acknowledged.
fn noted(server: &Server) -> PathBuf {
    let consumers = server.directory().join("jetstream/$G/streams/celeriac:q/obs");
    let priority = sample::numbered("q", 0).priority.get();
    consumers.join(priority.to_string()).join("o.dat")
}

/// The other end of the connection goes away without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_half_open_is_found_out() {
    let Some(server) = Server::start(Kind::Nats, &[]) else { return };
    let proxy = Proxy::start(server.port()).await;
    let nats = open(&format!("{}?lease=2s", server.address_through(proxy.port()))).await;
    let mut consumer = consume(&nats, "q").await;
    nats.publish(&sample::batch("q", 0..1), Limit::Respect).await.unwrap();
    let taken = consumer.pull(1).await.unwrap();
    proxy.mute();
    let mut failures = 0;
    while let Err(error) = nats.publish(&sample::batch("q", 1..2), Limit::Respect).await {
        assert!(error.is_retryable(), "{error:?}");
        failures += 1;
        assert!(failures < 1_000_000, "it is not found out");
        tokio::task::yield_now().await;
    }
    assert!(failures > 0, "nothing passed");
    let settled = async || nats.settle(acks(&taken)).await.is_ok();
    eventually("the end of what was held", settled).await;
    let mut next = Vec::new();
    while numbers(&next) != [1] {
        next = within("the next", consumer.pull(1)).await.unwrap_or_default();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_lost_nothing() {
    let Some(mut server) = Server::start(Kind::Nats, &[]) else { return };
    let nats = open(&format!("{}?lease=2s", server.address())).await;
    let (mut consumer, taken) = send_and_take(&nats, 6, 3).await;
    assert_eq!(numbers(&taken), [0, 1, 2]);
    nats.settle(acks(&taken[..1])).await.unwrap();

    server.kill();
    let error = nats.publish(&sample::batch("q", 9..10), Limit::Respect).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    let error = nats.settle(acks(&taken[1..2])).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");

    server.restart();
    eventually("the connection to be mended", async || nats.queues().await.is_ok()).await;
    // Whether or not what is held is still held, it can be done, or comes again.
    nats.settle(acks(&taken[1..])).await.unwrap();
    let mut seen = BTreeSet::new();
    while !seen.is_superset(&BTreeSet::from([3, 4, 5])) {
        let rest = within("the rest", consumer.pull(10)).await.unwrap();
        seen.extend(numbers(&rest));
        nats.settle(acks(&rest)).await.unwrap();
    }
    assert!(!seen.contains(&0), "acknowledged, and it came again");
}

/// The server dies before it has noted that it delivered a message.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_may_have_delivered_is_redelivered() {
    let Some(mut server) = Server::start(Kind::Nats, &[]) else { return };
    let nats = open(&format!("{}?lease=2s", server.address())).await;
    let (mut consumer, taken) = send_and_take(&nats, 1, 1).await;
    assert!(!taken[0].redelivered);
    server.kill();
    drop(std::fs::remove_file(noted(&server)));
    server.restart();

    let mut again = Vec::new();
    while again.is_empty() {
        again = within("the same", consumer.pull(1)).await.unwrap_or_default();
        tokio::task::yield_now().await;
    }
    assert!(again[0].redelivered, "{again:?}");
    nats.settle(acks(&again)).await.unwrap();
    // As soon as it is known since when this server counts, a first is a first.
    let mut next = again;
    while next.is_empty() || next[0].redelivered {
        eventually("the next", async || {
            nats.publish(&sample::batch("q", 1..2), Limit::Respect).await.is_ok()
        })
        .await;
        next = within("the next", consumer.pull(1)).await.unwrap_or_default();
    }
}

/// The server dies when it has noted that a message is gone, and not yet that
/// it was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_waits_for_in_vain_is_forgotten() {
    let Some(mut server) = Server::start(Kind::Nats, &[]) else { return };
    let nats = open(&format!("{}?lease=2s", server.address())).await;
    let (mut consumer, taken) = send_and_take(&nats, 8, 8).await;
    let state = noted(&server);
    // Its header, the floor and what was delivered (twice each), and how much is
    // not acknowledged.
    let all_are_noted = || std::fs::read(&state).is_ok_and(|bytes| bytes[2..7] == [0, 0, 8, 8, 8]);
    eventually("the deliveries to be noted", async || all_are_noted()).await;
    let noted = std::fs::read(&state).unwrap();
    nats.settle(acks(&taken[1..])).await.unwrap();
    server.stop();
    std::fs::write(&state, noted).unwrap();
    server.restart();

    let other = open(&server.address()).await;
    other.publish(&sample::batch("q", 8..9), Limit::Respect).await.unwrap();
    let pulling = async {
        loop {
            let _ = consumer.pull(1).await;
            tokio::task::yield_now().await;
        }
    };
    // Two are held: the first, which was not acknowledged, and the new one.
    let held = QueueStats { name: QueueName::from("q"), ready: 0, in_flight: 2 };
    let held = [held];
    let forgetting = eventually("what is done with to be counted no more", async || {
        other.queues().await.is_ok_and(|queues| queues == held)
    });
    tokio::select! {
        () = pulling => {}
        () = forgetting => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_hears_of_what_comes_after_the_restart() {
    let Some(mut server) = Server::start(Kind::Nats, &[]) else { return };
    let nats = open(&format!("{}?lease=2s", server.address())).await;
    let mut consumer = consume(&nats, "q").await;
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
    let Some(server) = Server::start(Kind::Nats, &["--user", "ann", "--pass", "right"]) else {
        return;
    };
    let system = System::new("faults");
    let address = |password: &str| {
        Address::from(format!("nats://ann:{password}@127.0.0.1:{}", server.port()))
    };
    let opened = celeriac_nats::open(&address("hunter2"), Options::default(), &system).await;
    let error = opened.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    let nats = celeriac_nats::open(&address("right"), Options::default(), &system).await.unwrap();
    assert_eq!(nats.queues().await.unwrap(), []);
    assert!(!format!("{nats:?}").contains("right"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens() {
    let Some(server) = Server::start(Kind::Nats, &["--auth", "t0ken"]) else { return };
    let nats = open(&format!("nats://t0ken@127.0.0.1:{}", server.port())).await;
    assert_eq!(nats.queues().await.unwrap(), []);
    assert!(!format!("{nats:?}").contains("t0ken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_unreachable() {
    let system = System::new("faults");
    let address = Address::from(format!("nats://127.0.0.1:{}", free_port()));
    let error = celeriac_nats::open(&address, Options::default(), &system).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
}
