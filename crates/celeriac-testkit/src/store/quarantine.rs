//! Quarantine.

use std::sync::Arc;

use celeriac_core::broker::Undecodable;
use celeriac_core::message::WorkflowStep;
use celeriac_core::store::{Content, Filter, Quarantined, Reason};
use celeriac_core::workflow::StepId;
use celeriac_core::{Failure, MessageId, Name, QueueName, Timestamp};

use crate::suite::only_if;
use crate::{Harness, Rig, sample};

fn id(number: u64) -> MessageId {
    MessageId::from_parts(Timestamp::from_millis(number), u128::MAX)
}

/// A message in quarantine; ids are in the order of the numbers.
fn message(number: u64, name: &'static str, queue: &str, reason: Reason) -> Quarantined {
    let mut message = sample::numbered(queue, number);
    message.id = id(number);
    message.created_at = Timestamp::from_millis(number);
    message.name = Name::from_static(name);
    Quarantined {
        content: Content::Message(message.into()),
        reason,
        failure: Failure::new("kind", format!("number {number}")),
        at: Timestamp::from_millis(number),
        deaths: 3,
    }
}

fn undecodable(number: u64) -> Quarantined {
    let undecodable = Undecodable {
        id: id(number),
        queue: QueueName::from_static("q"),
        raw: b"\xc1\x00\xff".as_slice().into(),
        reason: "no message".to_owned(),
    };
    Quarantined {
        content: Content::Undecodable(undecodable.into()),
        ..message(number, "", "q", Reason::Undecodable)
    }
}

async fn put(rig: &Rig, batch: &[Quarantined]) {
    rig.store().quarantine(batch.to_vec()).await.expect("quarantine");
}

async fn list(rig: &Rig, filter: &Filter) -> Vec<Quarantined> {
    rig.store().quarantined(filter, 100).await.expect("quarantined")
}

/// Six that differ in name, queue and reason, in order of their ids.
fn six() -> [Quarantined; 6] {
    [
        message(1, "a", "q", Reason::Expired),
        message(2, "b", "q", Reason::Expired),
        message(3, "a", "other", Reason::Expired),
        undecodable(4),
        message(5, "a", "q", Reason::Poisonous),
        step(6, "a", "q", Reason::KilledWorkers),
    ]
}

/// A message that is a step of the workflow 77.
fn step(number: u64, name: &'static str, queue: &str, reason: Reason) -> Quarantined {
    let mut quarantined = message(number, name, queue, reason);
    if let Content::Message(message) = &mut quarantined.content {
        let rare = Arc::make_mut(message).rare_mut();
        rare.root_id = Some(id(77));
        rare.workflow = Some(WorkflowStep::new(id(78), StepId(1)));
    }
    quarantined
}

/// S-24: whole, and in order of the ids.
pub async fn what_is_put_here_is_listed(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    assert_eq!(list(&rig, &Filter::default()).await, []);
    let mut all = six().to_vec();
    let mut full = message(7, "a", "q", Reason::UnknownTask);
    full.content = Content::Message(sample::full("q").into());
    all.push(full);
    let mut shuffled = all.clone();
    shuffled.rotate_left(3);
    put(&rig, &shuffled[..4]).await;
    put(&rig, &shuffled[4..]).await;
    assert_eq!(list(&rig, &Filter::default()).await, all);
}

/// S-25: each part alone, all parts together, and none that fits.
pub async fn filters_narrow(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    put(&rig, &six()).await;
    let filter = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    let filters = [
        filter(|filter| filter.ids = vec![id(5), id(2), id(99)]),
        filter(|filter| filter.name = Some(Name::from_static("a"))),
        filter(|filter| filter.queue = Some(QueueName::from_static("q"))),
        filter(|filter| filter.reason = Some(Reason::Undecodable)),
        filter(|filter| filter.after = Some(id(4))),
        filter(|filter| {
            filter.ids = (1..=5).map(id).collect();
            filter.name = Some(Name::from_static("a"));
            filter.queue = Some(QueueName::from_static("q"));
            filter.reason = Some(Reason::Expired);
        }),
        filter(|filter| filter.name = Some(Name::from_static("nobody"))),
        filter(|filter| filter.workflow = Some(id(77))),
    ];
    let sizes = [2, 4, 5, 1, 2, 1, 0, 1];
    for (filter, size) in filters.iter().zip(sizes) {
        let expected = six().into_iter().filter(|it| filter.matches(it));
        let expected = Vec::from_iter(expected);
        assert_eq!(expected.len(), size, "{filter:?}");
        assert_eq!(list(&rig, filter).await, expected, "{filter:?}");
    }
}

/// S-25: page after page, nothing twice and nothing missed.
pub async fn pages_meet(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let all = Vec::from_iter((0..25).map(|number| message(number, "a", "q", Reason::Expired)));
    put(&rig, &all).await;
    let mut filter = Filter::default();
    let mut listed = Vec::new();
    for size in [10, 10, 5, 0] {
        let page = rig.store().quarantined(&filter, 10).await.expect("quarantined");
        assert_eq!(page.len(), size);
        listed.extend(page);
        filter.after = listed.last().map(|it| it.content.id());
    }
    assert_eq!(listed, all);
}

/// S-26: with its reason, its queue and all.
pub async fn the_same_id_is_replaced(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    put(&rig, &six()[..2]).await;
    let anew = message(1, "c", "elsewhere", Reason::RetriesExhausted);
    put(&rig, std::slice::from_ref(&anew)).await;
    assert_eq!(list(&rig, &Filter::default()).await, [anew.clone(), six()[1].clone()]);
    let queue = Some(QueueName::from_static("elsewhere"));
    let moved = Filter { queue, ..Filter::default() };
    assert_eq!(list(&rig, &moved).await, [anew]);
}

/// S-27: those that were there, once.
pub async fn what_is_taken_out_is_counted(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    put(&rig, &six()).await;
    let out = [id(1), id(99), id(4)];
    assert_eq!(rig.store().unquarantine(&out).await.expect("unquarantine"), 2);
    assert_eq!(rig.store().unquarantine(&out).await.expect("unquarantine"), 0);
    let left = list(&rig, &Filter::default()).await;
    let left = Vec::from_iter(left.iter().map(|it| it.content.id()));
    assert_eq!(left, [2, 3, 5, 6].map(id));
}

/// S-28: a person finds on Monday what failed on Friday.
pub async fn quarantine_survives_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    put(&rig, &six()).await;
    rig.store().unquarantine(&[id(6)]).await.expect("unquarantine");
    let rig = rig.crash(vec![]).await;
    assert_eq!(list(&rig, &Filter::default()).await, six()[..5]);
}
