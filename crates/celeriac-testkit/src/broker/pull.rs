//! Consuming: credit, waiting, turns.

use std::collections::BTreeSet;
use std::sync::Arc;

use celeriac_core::broker::Verdict;

use crate::probe::{poll_once, within};
use crate::rig::{numbers, take};
use crate::{Harness, Rig};

/// B-08: never more than the credit, and no waiting for a full batch.
pub async fn credit_is_a_maximum(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..5).await;
    let mut consumer = rig.consume(&["q"]).await;
    let first = consumer.pull(2).await.expect("pull");
    assert!((1..=2).contains(&first.len()), "{} for 2", first.len());
    take(&mut *consumer, 5 - first.len()).await;

    rig.publish("q", 5..6).await;
    let last = within("one message for a credit of 100", consumer.pull(100)).await;
    assert_eq!(numbers(&last.expect("pull")), [5]);
}

/// B-09: nothing is no answer; a message is.
pub async fn a_pull_waits_for_a_message(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let mut consumer = rig.consume(&["q", "other"]).await;
    let mut pull = consumer.pull(1);
    rig.assert_waits("a pull from empty queues", &mut pull).await;
    rig.publish("elsewhere", 0..1).await;
    rig.assert_waits("a pull from empty queues", &mut pull).await;
    rig.publish("other", 7..8).await;
    let deliveries = within("the message", pull).await.expect("pull");
    assert_eq!(numbers(&deliveries), [7]);
}

/// B-10: a pull that waited and was dropped took none of what came after.
pub async fn a_dropped_pull_took_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let mut consumer = rig.consume(&["q"]).await;
    {
        let mut pull = consumer.pull(10);
        rig.assert_waits("a pull from an empty queue", &mut pull).await;
    }
    rig.publish("q", 0..3).await;
    assert_eq!(numbers(&take(&mut *consumer, 3).await), [0, 1, 2]);
    drop(consumer.pull(10)); // never polled at all
    rig.publish("q", 3..4).await;
    assert_eq!(numbers(&take(&mut *consumer, 1).await), [3]);
}

/// B-10: a pull that was dropped after its message came, but before it was
/// polled again, took nothing either.
pub async fn a_pull_dropped_at_any_moment_took_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let mut consumer = rig.consume(&["q"]).await;
    for round in 0..50 {
        let mut pull = consumer.pull(1);
        assert!(poll_once(&mut pull).is_pending());
        if round % 2 == 0 {
            rig.settle_down().await;
        }
        rig.publish("q", round..round + 1).await;
        for _ in 0..round % 3 {
            rig.settle_down().await;
        }
        drop(pull);
        let deliveries = take(&mut *consumer, 1).await;
        assert_eq!(numbers(&deliveries), [round]);
        rig.settle(&deliveries, Verdict::Ack).await;
    }
    rig.assert_empty(&mut *consumer).await;
}

/// B-10: who was woken and gave up does not keep the message from others.
pub async fn a_dropped_pull_leaves_its_message_to_others(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    for round in 0..20 {
        let (mut one, mut two) = (rig.consume(&["q"]).await, rig.consume(&["q"]).await);
        let (first, second) = (one.pull(1), two.pull(1));
        let (mut hasty, patient) = if round % 2 == 0 { (first, second) } else { (second, first) };
        rig.assert_waits("a pull from an empty queue", &mut hasty).await;
        let publish = async {
            rig.settle_down().await;
            rig.publish("q", round..round + 1).await;
            drop(hasty);
        };
        let both = futures_util::future::join(patient, publish);
        let (deliveries, ()) = within("the message", both).await;
        let deliveries = deliveries.expect("pull");
        assert_eq!(numbers(&deliveries), [round]);
        rig.settle(&deliveries, Verdict::Ack).await;
    }
}

/// B-11: ten messages of a short queue come before a thousand of a long one.
pub async fn queues_are_served_in_turn(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("long", 0..1000).await;
    rig.publish("short", 5000..5010).await;
    for queues in [["long", "short"], ["short", "long"]] {
        let mut consumer = rig.consume(&queues).await;
        let early = numbers(&take(&mut *consumer, 200).await);
        let short = early.iter().filter(|number| **number >= 5000).count();
        assert_eq!(short, 10, "of the short queue in the first 200");
        assert!(early.len() > short, "the long queue starves");
    }
}

/// B-12: two consumers of one queue have every message once between them.
pub async fn consumers_share_without_overlap(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (mut one, mut two) = (rig.consume(&["q"]).await, rig.consume(&["q"]).await);
    rig.publish("q", 0..100).await;
    let mut seen = BTreeSet::new();
    while seen.len() < 100 {
        for consumer in [&mut one, &mut two] {
            if seen.len() == 100 {
                break;
            }
            let deliveries = within("a share", consumer.pull(7)).await.expect("pull");
            for number in numbers(&deliveries) {
                assert!(seen.insert(number), "{number} came twice");
            }
        }
    }
    rig.assert_empty(&mut *one).await;
    rig.assert_empty(&mut *two).await;
}
