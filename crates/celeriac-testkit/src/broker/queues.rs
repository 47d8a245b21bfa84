//! Queues: counting, purging, transience.

use std::sync::Arc;

use celeriac_core::broker::{Limit, QueueStats, Verdict};
use celeriac_core::{ErrorKind, QueueName};

use crate::rig::{numbers, take};
use crate::suite::only_if;
use crate::{Harness, Rig, sample};

/// B-21: by name, while they hold messages.
pub async fn queues_are_counted(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    assert_eq!(rig.broker().queues().await.expect("queues"), []);
    rig.publish("b", 0..2).await;
    rig.publish("a", 0..3).await;
    rig.publish("c", 0..1).await;
    let mut consumer = rig.consume(&["a"]).await;
    let taken = take(&mut *consumer, 2).await;
    let stats = |name, ready, in_flight| QueueStats {
        name: QueueName::from_static(name),
        ready,
        in_flight,
    };
    let expected = [stats("a", 1, 2), stats("b", 2, 0), stats("c", 1, 0)];
    assert_eq!(rig.broker().queues().await.expect("queues"), expected);

    rig.settle(&taken, Verdict::Ack).await;
    let last = take(&mut *consumer, 1).await;
    assert_eq!(rig.depth("a").await, (0, 1));
    rig.settle(&last, Verdict::Ack).await;
    assert_eq!(rig.broker().queues().await.expect("queues"), expected[1..]);
}

/// B-22: what waits goes, what is in flight and what is elsewhere stays.
pub async fn a_purge_spares_what_is_in_flight(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..5).await;
    rig.publish("other", 0..1).await;
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 2).await;
    let queue = QueueName::from_static("q");
    assert_eq!(rig.broker().purge(&queue).await.expect("purge"), 3);
    assert_eq!(rig.broker().purge(&queue).await.expect("purge"), 0);
    assert_eq!(rig.depth("q").await, (0, 2));
    assert_eq!(rig.depth("other").await, (1, 0));

    rig.settle(&taken, Verdict::Requeue).await;
    assert_eq!(numbers(&take(&mut *consumer, 2).await), [0, 1]);
    rig.publish("q", 9..10).await;
    assert_eq!(numbers(&take(&mut *consumer, 1).await), [9]);
}

/// B-26: it works as any other, and a crash takes it and nothing else.
pub async fn a_transient_queue_dies_with_its_broker(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().transient_queues, "no transient queues");
    rig.publish("~inbox", 0..3).await;
    rig.publish("q", 10..11).await;
    assert_eq!(rig.depth("~inbox").await, (3, 0));
    let mut consumer = rig.consume(&["~inbox", "q"]).await;
    let mut taken = take(&mut *consumer, 4).await;
    taken.sort_by_key(|delivery| numbers(std::slice::from_ref(delivery)));
    assert_eq!(numbers(&taken), [0, 1, 2, 10]);
    rig.settle(&taken[..1], Verdict::Ack).await;
    rig.settle(&taken[1..], Verdict::Requeue).await;
    assert_eq!(take(&mut *consumer, 3).await.len(), 3);

    only_if!(rig.capability().durable, "the second half: not durable");
    let rig = rig.crash(vec![consumer]).await;
    assert_eq!(rig.depth("~inbox").await, (0, 0));
    let mut consumer = rig.consume(&["~inbox", "q"]).await;
    assert_eq!(numbers(&take(&mut *consumer, 1).await), [10]);
    rig.assert_empty(&mut *consumer).await;
}

/// B-26: what can't be kept apart is not mixed up with the rest.
pub async fn without_the_ability_transient_queues_are_refused(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(!rig.capability().transient_queues, "it has transient queues");
    let batch = sample::batch("~inbox", 0..1);
    let answer = rig.broker().publish(&batch, Limit::Respect).await;
    let error = answer.expect_err("a transient queue");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
