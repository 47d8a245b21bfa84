//! Limits of queues.

use std::sync::Arc;

use celeriac_core::QueueName;
use celeriac_core::broker::{Limit, Verdict};

use crate::probe::within;
use crate::rig::{numbers, take};
use crate::suite::only_if;
use crate::{Harness, Rig, sample};

/// B-17: refused by position; what has room is stored.
pub async fn what_has_no_room_is_refused(harness: Arc<dyn Harness>) {
    let rig = Rig::limited(harness, 3).await;
    only_if!(rig.capability().limits, "no limits");
    rig.publish("full", 0..2).await;
    let batch =
        [sample::batch("full", 2..4), sample::batch("roomy", 4..6), sample::batch("full", 6..7)];
    let refused = rig.broker().publish(&batch.concat(), Limit::Respect).await;
    assert_eq!(refused.expect("publish"), [1, 4]);
    let mut consumer = rig.consume(&["full"]).await;
    assert_eq!(numbers(&take(&mut *consumer, 3).await), [0, 1, 2]);
    let mut consumer = rig.consume(&["roomy"]).await;
    assert_eq!(numbers(&take(&mut *consumer, 2).await), [4, 5]);
}

/// B-18: what is in the system already is never refused.
pub async fn retries_go_above_the_limit(harness: Arc<dyn Harness>) {
    let rig = Rig::limited(harness, 2).await;
    let batch = sample::batch("q", 0..5);
    let refused = rig.broker().publish(&batch, Limit::Exceed).await;
    assert_eq!(refused.expect("publish"), [0; 0]);
    let mut consumer = rig.consume(&["q"]).await;
    assert_eq!(numbers(&take(&mut *consumer, 5).await), [0, 1, 2, 3, 4]);
}

/// B-19: room waits for work to be done, and ends then.
pub async fn room_comes_with_acknowledgement(harness: Arc<dyn Harness>) {
    let rig = Rig::limited(harness, 2).await;
    only_if!(rig.capability().limits, "no limits");
    let queue = QueueName::from_static("q");
    within("room in an empty queue", rig.broker().room(&queue)).await.expect("room");
    rig.publish("q", 0..2).await;
    let mut room = rig.broker().room(&queue);
    rig.assert_waits("room in a full queue", &mut room).await;

    let mut consumer = rig.consume(&["q"]).await;
    let deliveries = take(&mut *consumer, 2).await;
    rig.settle(&deliveries, Verdict::Ack).await;
    within("room after the acknowledgement", room).await.expect("room");
    rig.publish("q", 2..4).await;
}

/// B-19: who gave up waiting harms neither others nor itself.
pub async fn a_dropped_wait_for_room_harms_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::limited(harness, 1).await;
    only_if!(rig.capability().limits, "no limits");
    let queue = QueueName::from_static("q");
    rig.publish("q", 0..1).await;
    let mut patient = rig.broker().room(&queue);
    {
        let mut hasty = rig.broker().room(&queue);
        rig.assert_waits("room in a full queue", &mut hasty).await;
        rig.assert_waits("room in a full queue", &mut patient).await;
    }
    let purged = rig.broker().purge(&queue).await.expect("purge");
    assert_eq!(purged, 1);
    within("room after the purge", patient).await.expect("room");
    within("room after the purge", rig.broker().room(&queue)).await.expect("room");
}

/// B-20: an ability that is missing refuses nothing.
pub async fn without_limits_there_is_always_room(harness: Arc<dyn Harness>) {
    let rig = Rig::limited(harness, 1).await;
    only_if!(!rig.capability().limits, "it has limits");
    rig.publish("q", 0..100).await;
    let queue = QueueName::from_static("q");
    within("room", rig.broker().room(&queue)).await.expect("room");
}
