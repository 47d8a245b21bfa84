//! Several processes at one place, and the leases of those that die.

use std::collections::BTreeSet;
use std::sync::Arc;

use celeriac_core::Priority;
use celeriac_core::broker::{Delivery, Receipt, Verdict};

use crate::probe::within;
use crate::rig::{numbers, take};
use crate::suite::only_if;
use crate::{Harness, Rig, sample};

/// B-28: a pull that waits in one process hears of what another publishes.
pub async fn processes_publish_for_each_other(harness: Arc<dyn Harness>) {
    let one = Rig::open(harness).await;
    only_if!(one.capability().shared, "not shared");
    let two = one.join().await;
    let mut consumer = one.consume(&["q"]).await;
    for round in 0..10 {
        let mut pull = consumer.pull(1);
        one.assert_waits("a pull from an empty queue", &mut pull).await;
        two.publish("q", round..round + 1).await;
        let deliveries = within("what another process published", pull).await.expect("pull");
        assert_eq!(numbers(&deliveries), [round]);
        one.settle(&deliveries, Verdict::Ack).await;
    }
    assert_eq!(two.depth("q").await, (0, 0));
}

/// B-28: two processes have every message once between them.
pub async fn processes_share_without_overlap(harness: Arc<dyn Harness>) {
    let one = Rig::open(harness).await;
    only_if!(one.capability().shared, "not shared");
    let two = one.join().await;
    let (mut first, mut second) = (one.consume(&["q"]).await, two.consume(&["q"]).await);
    one.publish("q", 0..100).await;
    let mut seen = BTreeSet::new();
    while seen.len() < 100 {
        for consumer in [&mut first, &mut second] {
            if seen.len() == 100 {
                break;
            }
            let deliveries = within("a share", consumer.pull(7)).await.expect("pull");
            for number in numbers(&deliveries) {
                assert!(seen.insert(number), "{number} came twice");
            }
        }
    }
    let (seen_by_one, seen_by_two) = (one.depth("q").await, two.depth("q").await);
    assert_eq!((seen_by_one.0, seen_by_two.0), (0, 0));
    // Either sees what all processes hold, or each what it holds itself.
    let sees_all = seen_by_one.1 == 100 && seen_by_two.1 == 100;
    assert!(sees_all || seen_by_one.1 + seen_by_two.1 == 100, "{seen_by_one:?} {seen_by_two:?}");
}

/// B-29: to the front, by priority, in order, marked; what others hold stays.
pub async fn an_expired_lease_gives_back(harness: Arc<dyn Harness>) {
    let one = Rig::open(harness).await;
    only_if!(one.capability().leases, "no leases");
    let two = one.join().await;
    one.publish("q", 0..6).await;
    let (mut dying, mut living) = (one.consume(&["q"]).await, two.consume(&["q"]).await);
    let lost = take(&mut *dying, 3).await;
    let kept = take(&mut *living, 1).await;
    one.settle(&lost[1..2], Verdict::Ack).await;
    let mut urgent = sample::numbered("q", 9);
    urgent.priority = Priority::HIGHEST;
    two.publish_all(&[urgent.into()]).await;

    one.expire().await;
    let inherited = take(&mut *living, 5).await;
    let expected: [u64; 5] =
        if two.capability().priorities { [9, 0, 2, 4, 5] } else { [0, 2, 4, 5, 9] };
    assert_eq!(numbers(&inherited), expected);
    let again = |delivery: &Delivery| delivery.redelivered;
    let redelivered = numbers(&inherited.into_iter().filter(again).collect::<Vec<_>>());
    assert_eq!(redelivered, [0, 2]);
    assert_eq!(two.depth("q").await, (0, 6));
    two.settle(&kept, Verdict::Ack).await;
    assert_eq!(two.depth("q").await, (0, 5), "what another process held was taken from it");
}

/// B-29: only what had begun.
pub async fn an_expired_lease_counts_as_a_death(harness: Arc<dyn Harness>) {
    let one = Rig::open(harness).await;
    only_if!(one.capability().leases, "no leases");
    only_if!(one.capability().deaths, "no deaths");
    let two = one.join().await;
    one.publish("q", 0..3).await;
    let mut dying = one.consume(&["q"]).await;
    let taken = take(&mut *dying, 3).await;
    one.broker().begin(&[taken[1].receipt]).expect("begin");
    one.settle_down().await;

    one.expire().await;
    let mut heir = two.consume(&["q"]).await;
    let deaths =
        |deliveries: &[Delivery]| Vec::from_iter(deliveries.iter().map(|delivery| delivery.deaths));
    assert_eq!(deaths(&take(&mut *heir, 3).await), [0, 1, 0]);
    two.expire().await;
    let mut last = one.consume(&["q"]).await;
    assert_eq!(deaths(&take(&mut *last, 3).await), [0, 1, 0], "nothing had begun again");
}

/// B-30: neither what waits again, nor what another one holds.
pub async fn a_stale_holder_settles_nothing(harness: Arc<dyn Harness>) {
    let one = Rig::open(harness).await;
    only_if!(one.capability().leases, "no leases");
    let two = one.join().await;
    one.publish("q", 0..4).await;
    let mut stale = one.consume(&["q"]).await;
    let lost = take(&mut *stale, 4).await;
    one.expire().await;

    one.settle(&lost[..1], Verdict::Ack).await;
    one.settle(&lost[1..2], Verdict::Requeue).await;
    assert_eq!(two.depth("q").await, (4, 0), "settled what waits again");
    let mut heir = two.consume(&["q"]).await;
    let held = take(&mut *heir, 4).await;
    assert_eq!(numbers(&held), [0, 1, 2, 3]);
    one.settle(&lost[2..3], Verdict::Ack).await;
    one.settle(&lost[3..], Verdict::Requeue).await;
    drop(stale);
    one.settle_down().await;
    assert_eq!(two.depth("q").await, (0, 4), "settled what another one holds");

    two.settle(&held, Verdict::Ack).await;
    assert_eq!(two.depth("q").await, (0, 0));
}

/// B-30: what it begins is no death of its successor.
pub async fn a_stale_holder_begins_nothing(harness: Arc<dyn Harness>) {
    let one = Rig::open(harness).await;
    only_if!(one.capability().leases, "no leases");
    let two = one.join().await;
    one.publish("q", 0..1).await;
    let mut stale = one.consume(&["q"]).await;
    let lost: Vec<Receipt> =
        take(&mut *stale, 1).await.iter().map(|delivery| delivery.receipt).collect();
    one.expire().await;
    let mut heir = two.consume(&["q"]).await;
    take(&mut *heir, 1).await;
    one.broker().begin(&lost).expect("begin");
    one.settle_down().await;

    two.expire().await;
    let mut last = two.consume(&["q"]).await;
    assert_eq!(take(&mut *last, 1).await[0].deaths, 0);
}
