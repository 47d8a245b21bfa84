//! Timers: what comes due, and when.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{Message, Timestamp};

use crate::suite::only_if;
use crate::{Harness, Rig, sample};

const LEASE: Duration = Duration::from_millis(100);

pub(crate) const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A numbered message that is due at that many milliseconds.
pub(crate) fn due(number: u64, eta: u64) -> Message {
    let mut message = sample::numbered("q", number);
    message.rare_mut().eta = Some(at(eta));
    message
}

pub(crate) async fn schedule(rig: &Rig, batch: &[Message]) {
    let batch = Vec::from_iter(batch.iter().cloned().map(Arc::new));
    rig.store().schedule(&batch).await.expect("schedule");
}

async fn take(rig: &Rig, now: u64, max: usize) -> Vec<u64> {
    let taken = rig.store().take_due(at(now), max, LEASE).await.expect("take_due");
    taken.iter().map(|message| sample::number(message)).collect()
}

/// S-12: the earliest first, at most so many, none too early.
pub async fn messages_come_due_in_order_of_time(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    schedule(&rig, &[due(3, 300), due(1, 100), due(5, 500)]).await;
    schedule(&rig, &[due(2, 200), due(4, 400)]).await;
    assert_eq!(take(&rig, 99, 10).await, [0; 0]);
    assert_eq!(take(&rig, 300, 2).await, [1, 2]);
    assert_eq!(take(&rig, 300, 2).await, [3]);
    schedule(&rig, &[sample::numbered("q", 0)]).await;
    assert_eq!(take(&rig, 300, 10).await, [0], "without an eta it is due at once");
}

/// S-12: every header, also `attempt` and `eta`.
pub async fn a_scheduled_message_comes_back_whole(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let full = sample::full("q");
    schedule(&rig, std::slice::from_ref(&full)).await;
    let taken = rig.store().take_due(at(1000), 10, LEASE).await.expect("take_due");
    assert_eq!(taken.len(), 1);
    assert_eq!(*taken[0], full);
}

/// S-13: who took and died does not keep it.
pub async fn what_is_taken_comes_again_after_its_lease(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    schedule(&rig, &[due(1, 10)]).await;
    assert_eq!(take(&rig, 50, 10).await, [1]);
    assert_eq!(take(&rig, 50, 10).await, [0; 0]);
    assert_eq!(take(&rig, 149, 10).await, [0; 0]);
    assert_eq!(take(&rig, 150, 10).await, [1]);
    assert_eq!(take(&rig, 249, 10).await, [0; 0]);
    assert_eq!(take(&rig, 250, 10).await, [1]);
}

/// S-14: the time too, earlier or later, and also what is taken.
pub async fn scheduling_again_replaces(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let mut message = due(1, 100);
    schedule(&rig, &[message.clone(), due(2, 150)]).await;
    message.rare_mut().eta = Some(at(200));
    message.body = "3".into();
    schedule(&rig, &[message.clone()]).await;
    assert_eq!(rig.store().scheduled().await.expect("scheduled"), 2);
    assert_eq!(take(&rig, 199, 10).await, [2]);
    assert_eq!(take(&rig, 200, 10).await, [3]);

    message.rare_mut().eta = Some(at(210));
    message.body = "4".into();
    schedule(&rig, &[message]).await;
    assert_eq!(take(&rig, 210, 10).await, [4], "the lease was the old message's");
}

/// S-14: a repetition that fails again must not push back the retry that waits.
pub async fn an_earlier_attempt_changes_nothing(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let first = due(1, 50);
    let mut second = due(2, 100);
    (second.id, second.attempt) = (first.id, first.attempt + 1);
    // In one batch too, on either side of the later attempt.
    schedule(&rig, &[first.clone(), second.clone(), first.clone()]).await;
    schedule(&rig, &[first.clone()]).await;
    assert_eq!(rig.store().next_due().await.expect("next_due"), Some(at(100)));
    assert_eq!(take(&rig, 99, 10).await, [0; 0]);
    assert_eq!(take(&rig, 100, 10).await, [2]);

    schedule(&rig, &[first]).await;
    assert_eq!(take(&rig, 199, 10).await, [0; 0], "the lease goes on");
    rig.store().unschedule(&[second.into()]).await.expect("unschedule");
    assert_eq!(rig.store().scheduled().await.expect("scheduled"), 0);
}

/// S-15: the retry that was scheduled while its forerunner was on its way.
pub async fn what_was_replaced_meanwhile_stays(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (first, other) = (due(1, 10), due(9, 10));
    schedule(&rig, &[first.clone(), other.clone()]).await;
    assert_eq!(take(&rig, 10, 10).await.len(), 2);
    let mut second = first.clone();
    second.attempt += 1;
    second.rare_mut().eta = Some(at(20));
    second.body = "2".into();
    schedule(&rig, &[second.clone()]).await;

    let published = [first.into(), other.into()];
    rig.store().unschedule(&published).await.expect("unschedule");
    assert_eq!(rig.store().scheduled().await.expect("scheduled"), 1);
    assert_eq!(take(&rig, 1000, 10).await, [2]);
    rig.store().unschedule(&[second.into()]).await.expect("unschedule");
    assert_eq!(rig.store().scheduled().await.expect("scheduled"), 0);
    assert_eq!(take(&rig, 5000, 10).await, [0; 0]);
}

/// S-16: with leases, and without anything.
pub async fn the_next_due_time_is_known(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let next = async || rig.store().next_due().await.expect("next_due");
    assert_eq!(next().await, None);
    schedule(&rig, &[due(3, 300), due(1, 100), due(2, 120)]).await;
    assert_eq!(next().await, Some(at(100)));
    assert_eq!(take(&rig, 110, 10).await, [1]);
    assert_eq!(next().await, Some(at(120)));
    assert_eq!(take(&rig, 125, 10).await, [2]);
    assert_eq!(next().await, Some(at(210)), "the end of the first lease");
    assert_eq!(rig.store().scheduled().await.expect("scheduled"), 3);
    let taken = rig.store().take_due(at(10_000), 10, LEASE).await.expect("take_due");
    assert_eq!(taken.len(), 3);
    rig.store().unschedule(&taken).await.expect("unschedule");
    assert_eq!(next().await, None);
}

/// S-18: what waits, what is taken, and what is done with.
pub async fn timers_survive_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    let done = due(9, 5);
    schedule(&rig, &[done.clone(), due(1, 10), due(2, 5000)]).await;
    assert_eq!(take(&rig, 10, 10).await, [9, 1]);
    rig.store().unschedule(&[done.into()]).await.expect("unschedule");

    let rig = rig.crash(vec![]).await;
    assert_eq!(rig.store().scheduled().await.expect("scheduled"), 2);
    assert_eq!(take(&rig, 110, 10).await, [1]);
    assert_eq!(take(&rig, 5000, 10).await, [1, 2]);
}
