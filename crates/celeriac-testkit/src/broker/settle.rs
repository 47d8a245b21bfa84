//! Settling: what comes back, and what does not.

use std::sync::Arc;

use celeriac_core::Priority;
use celeriac_core::broker::{Receipt, Verdict};

use crate::rig::{numbers, take};
use crate::suite::only_if;
use crate::{Harness, Rig, sample};

/// B-13: also not when its consumer is gone.
pub async fn what_is_acknowledged_stays_away(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..3).await;
    let mut consumer = rig.consume(&["q"]).await;
    let deliveries = take(&mut *consumer, 3).await;
    rig.settle(&deliveries, Verdict::Ack).await;
    assert_eq!(rig.depth("q").await, (0, 0));
    rig.assert_empty(&mut *consumer).await;
    drop(consumer);
    let mut other = rig.consume(&["q"]).await;
    rig.assert_empty(&mut *other).await;
}

/// B-14: before what waits, in its own order, marked.
pub async fn what_is_requeued_goes_to_the_front(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..4).await;
    let mut consumer = rig.consume(&["q"]).await;
    let first = take(&mut *consumer, 2).await;
    rig.settle(&first, Verdict::Requeue).await;

    let all = take(&mut *consumer, 4).await;
    assert_eq!(numbers(&all), [0, 1, 2, 3]);
    let redelivered = Vec::from_iter(all.iter().map(|delivery| delivery.redelivered));
    assert_eq!(redelivered, [true, true, false, false]);
    rig.settle(&all, Verdict::Ack).await;
    assert_eq!(rig.depth("q").await, (0, 0));
}

/// B-14: the front of its own priority, not of the queue.
pub async fn what_is_requeued_keeps_its_priority(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().priorities, "no priorities");
    rig.publish("q", 0..2).await;
    let mut consumer = rig.consume(&["q"]).await;
    let first = take(&mut *consumer, 1).await;
    let mut urgent = sample::numbered("q", 9);
    urgent.priority = Priority::HIGHEST;
    rig.publish_all(&[urgent.into()]).await;
    rig.settle(&first, Verdict::Requeue).await;
    assert_eq!(numbers(&take(&mut *consumer, 3).await), [9, 0, 1]);
}

/// B-15: to the front, marked, for whoever consumes.
pub async fn a_dropped_consumer_gives_back(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..5).await;
    let mut dying = rig.consume(&["q"]).await;
    let taken = take(&mut *dying, 3).await;
    rig.settle(&taken[1..2], Verdict::Ack).await;
    drop(dying);

    let mut heir = rig.consume(&["q"]).await;
    let inherited = take(&mut *heir, 2).await;
    assert_eq!(numbers(&inherited), [0, 2]);
    assert!(inherited.iter().all(|delivery| delivery.redelivered));
    let rest = take(&mut *heir, 2).await;
    assert_eq!(numbers(&rest), [3, 4]);
    assert!(rest.iter().all(|delivery| !delivery.redelivered));
}

/// B-16: an old receipt does not end a new delivery.
pub async fn a_receipt_settles_one_delivery(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..1).await;
    let mut consumer = rig.consume(&["q"]).await;
    let first = take(&mut *consumer, 1).await;
    rig.settle(&first, Verdict::Requeue).await;
    let second = take(&mut *consumer, 1).await;
    rig.settle(&first, Verdict::Ack).await;
    assert_eq!(rig.depth("q").await, (0, 1), "settled by an old receipt");

    drop(consumer);
    let mut heir = rig.consume(&["q"]).await;
    let third = take(&mut *heir, 1).await;
    rig.settle(&second, Verdict::Ack).await;
    assert_eq!(rig.depth("q").await, (0, 1), "settled by a dead consumer's receipt");
    rig.settle(&third, Verdict::Ack).await;
    rig.settle(&third, Verdict::Requeue).await;
    assert_eq!(rig.depth("q").await, (0, 0), "back after it was acknowledged");
}

/// B-16: receipts that nobody was given.
pub async fn unknown_receipts_are_ignored(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..1).await;
    let mut consumer = rig.consume(&["q"]).await;
    let known = take(&mut *consumer, 1).await;
    let unknown = [u64::MAX, known[0].receipt.0.wrapping_add(1000)].map(Receipt);
    rig.broker().begin(&unknown).expect("begin");
    rig.settle_receipts(unknown, Verdict::Ack).await;
    rig.settle_receipts(unknown, Verdict::Requeue).await;
    assert_eq!(rig.depth("q").await, (0, 1));
    let mixed = [unknown[0], known[0].receipt, unknown[1]];
    rig.settle_receipts(mixed, Verdict::Ack).await;
    assert_eq!(rig.depth("q").await, (0, 0));
}
