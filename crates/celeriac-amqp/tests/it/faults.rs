//! Connections that break, wrong passwords, and foreign messages.

use std::sync::atomic::{AtomicBool, Ordering};

use celeriac_amqp::Options;
use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::{Address, Broker as _, Consumer, ErrorKind, QueueName};
use celeriac_testkit::probe::within;
use celeriac_testkit::sample;
use jumpstarter::System;

use crate::harness::Place;

async fn consume(amqp: &celeriac_amqp::Amqp, queue: &str) -> Box<dyn Consumer> {
    let queues = vec![QueueName::from(queue)];
    amqp.consume(Subscription { queues, consumer: "faults".to_owned() }).await.unwrap()
}

fn numbers(deliveries: &[celeriac_core::broker::Delivery]) -> Vec<u64> {
    let number =
        |one: &celeriac_core::broker::Delivery| sample::number(one.payload.as_ref().unwrap());
    deliveries.iter().map(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_mended_and_what_was_held_comes_again() {
    let place = Place::new();
    let (amqp, _system) = place.open().await;
    amqp.publish(&sample::batch("q", 0..2), Limit::Respect).await.unwrap();
    let mut consumer = consume(&amqp, "q").await;
    let held = within("the messages", consumer.pull(1)).await.unwrap();
    assert_eq!(numbers(&held), [0]);

    amqp.disconnect().await;
    let again = within("the same", async {
        loop {
            match consumer.pull(2).await {
                Ok(deliveries) => return deliveries,
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
        }
    });
    let again = again.await;
    assert_eq!((numbers(&again)[0], again[0].redelivered), (0, true));
    // What the broken connection delivered can't be settled any more.
    let ack = |receipt| Settlement { receipt, verdict: Verdict::Ack };
    amqp.settle(vec![ack(held[0].receipt)]).await.unwrap();
    assert_eq!(amqp.queues().await.unwrap()[0].in_flight, again.len() as u64);
    amqp.publish(&sample::batch("q", 2..3), Limit::Respect).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_waits_is_told_of_a_broken_connection() {
    let place = Place::new();
    let (amqp, _system) = place.open().await;
    let mut consumer = consume(&amqp, "q").await;
    let waiting = async {
        let error = consumer.pull(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    };
    let breaking = async {
        // Until the pull has begun, a break may go unnoticed: it connects anew.
        for _ in 0..20 {
            let _ = amqp.queues().await;
        }
        amqp.disconnect().await;
    };
    within("the error", futures_util::future::join(waiting, breaking)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_and_never_shown() {
    let place = Place::new();
    let _opened = place.open().await;
    let address = Address::from("amqp://guest:hunter2@127.0.0.1:5672");
    let system = System::new("faults");
    let error = celeriac_amqp::open(&address, Options::default(), &system).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = Address::from(format!("amqp://{free}"));
    let system = System::new("faults");
    let error = celeriac_amqp::open(&address, Options::default(), &system).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
}

/// How often the connection is cut.
const CUTS: usize = 60;

/// What is asked while a connection ends may never be answered; it ends anyway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_ends_however_often_the_connection_is_cut() {
    let place = Place::new();
    let (amqp, _system) = place.open().await;
    let is_cut = AtomicBool::new(true);
    let cutting = async {
        for cut in 0..CUTS {
            within("a cut", amqp.disconnect()).await;
            for _ in 0..cut % 5 {
                // At another moment each time.
                let _ = within("queues", amqp.queues()).await;
            }
        }
        is_cut.store(false, Ordering::Relaxed);
    };
    let batch = sample::batch("q", 0..5);
    let publishing = async {
        while is_cut.load(Ordering::Relaxed) {
            let _ = within("a publish", amqp.publish(&batch, Limit::Respect)).await;
        }
        // Whoever still waits for messages gets some.
        within("the last publish", amqp.publish(&batch, Limit::Respect)).await.unwrap();
    };
    let pulling = async {
        while is_cut.load(Ordering::Relaxed) {
            let (queues, consumer) = (vec![QueueName::from("q")], "faults".to_owned());
            let consuming = amqp.consume(Subscription { queues, consumer });
            let Ok(mut consumer) = within("a consumer", consuming).await else { continue };
            loop {
                let pulled = within("a pull or its end", consumer.pull(10)).await;
                if pulled.is_err() || !is_cut.load(Ordering::Relaxed) {
                    break;
                }
            }
        }
    };
    futures_util::future::join3(cutting, publishing, pulling).await;
}
