//! Publishing: what arrives, and in which order.

use std::sync::Arc;

use celeriac_core::broker::Verdict;
use celeriac_core::{Message, Priority};
use futures_util::future::join_all;

use crate::rig::{message, numbers, take};
use crate::{Harness, Rig, sample};

/// B-01: batches arrive in order, and so do the messages within them.
pub async fn batches_keep_their_order(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..3).await;
    rig.publish("q", 3..4).await;
    let mut consumer = rig.consume(&["q"]).await;
    rig.publish("q", 4..50).await;
    let deliveries = take(&mut *consumer, 50).await;
    assert_eq!(numbers(&deliveries), Vec::from_iter(0..50));
    assert!(deliveries.iter().all(|delivery| !delivery.redelivered));
    rig.settle(&deliveries, Verdict::Ack).await;
}

/// B-02: 9 goes first and 0 last; equals go by arrival.
pub async fn higher_priorities_go_first(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let batch = Vec::from_iter((0..40).map(|number| prioritised(number).into()));
    rig.publish_all(&batch).await;
    let mut consumer = rig.consume(&["q"]).await;

    let mut expected = Vec::from_iter(0..40);
    if rig.capability().priorities {
        expected.sort_by_key(|number| 9 - number % 10);
    }
    let deliveries = take(&mut *consumer, 40).await;
    assert_eq!(numbers(&deliveries), expected);
}

fn prioritised(number: u64) -> Message {
    let mut message = sample::numbered("q", number);
    message.priority = Priority::new((number % 10) as u8).expect("a digit");
    message
}

/// B-03: every header and the body come as they were sent.
pub async fn every_header_survives(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (full, plain) = (sample::full("q"), sample::numbered("q", 2));
    rig.publish_all(&[full.clone().into(), plain.clone().into()]).await;
    let mut consumer = rig.consume(&["q"]).await;
    let deliveries = take(&mut *consumer, 2).await;
    assert_eq!(message(&deliveries[0]), &full);
    assert_eq!(message(&deliveries[1]), &plain);
}

/// B-04: a body of 1 MiB, of every byte there is.
pub async fn a_large_body_passes(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let mut large = sample::numbered("q", 0);
    large.body = Vec::from_iter((0..1 << 20).map(|n: u32| (n % 251) as u8)).into();
    rig.publish_all(&[large.clone().into()]).await;
    let mut consumer = rig.consume(&["q"]).await;
    let deliveries = take(&mut *consumer, 1).await;
    assert!(message(&deliveries[0]) == &large, "the body has changed");
}

/// B-05: 10,000 messages in one publish, and in few pulls.
pub async fn a_large_batch_passes(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..10_000).await;
    let mut consumer = rig.consume(&["q"]).await;
    let deliveries = take(&mut *consumer, 10_000).await;
    assert_eq!(numbers(&deliveries), Vec::from_iter(0..10_000));
    rig.settle(&deliveries, Verdict::Ack).await;
    assert_eq!(rig.depth("q").await, (0, 0));
}

/// B-06: nothing published, begun or settled changes nothing.
pub async fn empty_batches_change_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish_all(&[]).await;
    rig.broker().begin(&[]).expect("begin");
    rig.settle(&[], Verdict::Ack).await;
    assert_eq!(rig.broker().queues().await.expect("queues"), []);
}

/// B-07: eight senders at once, ten batches each.
pub async fn senders_at_once_keep_their_order(harness: Arc<dyn Harness>) {
    const SENDERS: u64 = 8;
    const EACH: u64 = 100;
    let rig = Rig::open(harness).await;
    let mut consumer = rig.consume(&["q"]).await;
    let sender = |sender: u64| {
        let rig = &rig;
        async move {
            for start in (0..EACH).step_by(10) {
                let first = sender * EACH + start;
                rig.publish("q", first..first + 10).await;
            }
        }
    };
    join_all((0..SENDERS).map(sender)).await;
    let arrived = numbers(&take(&mut *consumer, (SENDERS * EACH) as usize).await);
    for sender in 0..SENDERS {
        let own = arrived.iter().copied().filter(|number| number / EACH == sender);
        let expected = sender * EACH..(sender + 1) * EACH;
        assert!(own.eq(expected), "the order of sender {sender}: {arrived:?}");
    }
}
