//! Crashes, deaths and the close.

use std::collections::BTreeMap;
use std::sync::Arc;

use celeriac_core::broker::{Delivery, Limit, Receipt, Subscription, Verdict};
use celeriac_core::{ErrorKind, Priority, QueueName};

use crate::probe::within;
use crate::rig::{numbers, take};
use crate::suite::only_if;
use crate::{Harness, Rig, sample};

/// B-23: what waited and what was in flight both come again.
pub async fn a_crash_loses_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    rig.publish("q", 0..5).await;
    let full = sample::full("other");
    rig.publish_all(&[full.clone().into()]).await;
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 3).await;
    rig.settle(&taken[2..], Verdict::Requeue).await;

    let rig = rig.crash(vec![consumer]).await;
    assert_eq!(rig.depth("q").await, (5, 0));
    let mut consumer = rig.consume(&["q"]).await;
    let again = take(&mut *consumer, 5).await;
    assert_eq!(numbers(&again), [0, 1, 2, 3, 4]);
    assert!(again[..3].iter().all(|delivery| delivery.redelivered));
    let mut consumer = rig.consume(&["other"]).await;
    let other = take(&mut *consumer, 1).await;
    assert_eq!(crate::rig::message(&other[0]), &full);
}

/// B-23: messages of before and after the crash, by priority and arrival.
pub async fn order_survives_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    let urgent = |number| {
        let mut message = sample::numbered("q", number);
        message.priority = Priority::HIGHEST;
        Arc::new(message)
    };
    rig.publish("q", 0..3).await;
    rig.publish_all(&[urgent(100)]).await;
    let rig = rig.crash(vec![]).await;
    rig.publish("q", 3..5).await;
    rig.publish_all(&[urgent(101)]).await;
    let expected = if rig.capability().priorities {
        [100, 101, 0, 1, 2, 3, 4]
    } else {
        [0, 1, 2, 100, 3, 4, 101]
    };
    let mut consumer = rig.consume(&["q"]).await;
    assert_eq!(numbers(&take(&mut *consumer, 7).await), expected);
}

/// B-24: an acknowledgement may be lost, but not silently.
pub async fn after_a_crash_what_was_acknowledged_is_marked(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    rig.publish("q", 0..10).await;
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 10).await;
    rig.settle(&taken[..9], Verdict::Ack).await;
    let rig = rig.crash(vec![consumer]).await;
    let (ready, _) = rig.depth("q").await;
    let mut consumer = rig.consume(&["q"]).await;
    let again = take(&mut *consumer, ready as usize).await;
    assert_eq!(numbers(&again).last(), Some(&9));
    assert!(again.iter().all(|delivery| delivery.redelivered));
}

/// B-24: a close is no crash: it keeps every acknowledgement.
pub async fn after_a_close_what_was_acknowledged_is_gone(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    rig.publish("q", 0..10).await;
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 5).await;
    rig.settle(&taken[..4], Verdict::Ack).await;
    within("the close", rig.broker().close()).await;
    let rig = rig.crash(vec![consumer]).await;
    let mut consumer = rig.consume(&["q"]).await;
    let again = take(&mut *consumer, 6).await;
    assert_eq!(numbers(&again), [4, 5, 6, 7, 8, 9]);
    assert!(again[0].redelivered);
    rig.assert_empty(&mut *consumer).await;
}

/// B-25: only what ran when the process died, once per death.
pub async fn deaths_are_counted_while_a_task_runs(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    only_if!(rig.capability().deaths, "no deaths");
    rig.publish("q", 0..4).await;

    // 0 and 1 begin, 1 and 2 are settled, 3 waits.
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 3).await;
    rig.broker().begin(&receipts(&taken[..2])).expect("begin");
    rig.settle(&taken[1..], Verdict::Requeue).await;
    let rig = rig.crash(vec![consumer]).await;

    // 0 begins again, and 3 for the first time.
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 4).await;
    assert_eq!(deaths(&taken), [(0, 1), (1, 0), (2, 0), (3, 0)].into());
    rig.broker().begin(&receipts(&[taken[0].clone(), taken[3].clone()])).expect("begin");
    let rig = rig.crash(vec![consumer]).await;

    // Nothing begins.
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 4).await;
    assert_eq!(deaths(&taken), [(0, 2), (1, 0), (2, 0), (3, 1)].into());
    let rig = rig.crash(vec![consumer]).await;

    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 4).await;
    assert_eq!(deaths(&taken), [(0, 2), (1, 0), (2, 0), (3, 1)].into());
}

/// B-25: neither a requeue nor a lost consumer is a death.
pub async fn without_a_crash_there_are_no_deaths(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    rig.publish("q", 0..2).await;
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 2).await;
    rig.broker().begin(&receipts(&taken)).expect("begin");
    rig.settle(&taken[..1], Verdict::Requeue).await;
    drop(consumer);
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 2).await;
    assert_eq!(deaths(&taken), [(0, 0), (1, 0)].into());
}

fn receipts(deliveries: &[Delivery]) -> Vec<Receipt> {
    deliveries.iter().map(|delivery| delivery.receipt).collect()
}

fn deaths(deliveries: &[Delivery]) -> BTreeMap<u64, u32> {
    let deaths = deliveries.iter().map(|delivery| delivery.deaths);
    numbers(deliveries).into_iter().zip(deaths).collect()
}

/// B-27: every operation, and more than one close.
pub async fn a_closed_broker_says_so(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let mut consumer = rig.consume(&["q"]).await;
    within("the close", rig.broker().close()).await;
    within("the second close", rig.broker().close()).await;

    let broker = rig.broker();
    let queue = QueueName::from_static("q");
    let subscription = Subscription { queues: vec![queue.clone()], consumer: "late".to_owned() };
    let batch = sample::batch("q", 0..1);
    let answers = [
        ("publish", broker.publish(&batch, Limit::Respect).await.err()),
        ("room", broker.room(&queue).await.err()),
        ("consume", broker.consume(subscription).await.err()),
        ("queues", broker.queues().await.err()),
        ("purge", broker.purge(&queue).await.err()),
        ("pull", consumer.pull(1).await.err()),
    ];
    for (operation, error) in answers {
        let kind = error.map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::Closed), "{operation} after the close");
    }
}

/// B-27: nobody waits for what can't come any more.
pub async fn a_close_ends_what_waits(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let mut consumer = rig.consume(&["empty"]).await;
    let mut pull = consumer.pull(1);
    rig.assert_waits("a pull from an empty queue", &mut pull).await;
    within("the close", rig.broker().close()).await;
    let error = within("the pull to end", pull).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
}

/// B-27: neither does a sender wait for room.
pub async fn a_close_ends_the_wait_for_room(harness: Arc<dyn Harness>) {
    let rig = Rig::limited(harness, 1).await;
    only_if!(rig.capability().limits, "no limits");
    rig.publish("full", 0..1).await;
    let queue = QueueName::from_static("full");
    let mut room = rig.broker().room(&queue);
    rig.assert_waits("room in a full queue", &mut room).await;
    within("the close", rig.broker().close()).await;
    let error = within("the wait for room to end", room).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
}
