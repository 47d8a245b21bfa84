//! Brokers that are one with a store: what follows from steps is done at once.

use std::sync::Arc;

use celeriac_core::outcome::{Completion, Outcome};
use celeriac_core::store::{Advance, Join};
use celeriac_core::workflow::{Member, Status, StepId, StepMark, Value};
use celeriac_core::{ContentType, MessageId, Timestamp};

use crate::rig::{numbers, take};
use crate::store::workflows::{create, new_workflow};
use crate::suite::only_if;
use crate::{Harness, Rig, sample};

const GROUP: StepId = StepId(4);

/// Whether the broker is one with the store beside it.
fn is_one(rig: &Rig) -> bool {
    rig.broker().store_id().is_some_and(|id| rig.store().store_id() == Some(id))
}

fn completion(id: MessageId) -> Completion {
    let outcome = Outcome::success(0, Timestamp::now(), ContentType::Json, "1".into());
    Completion { id, outcome, expires_at: Timestamp::NEVER }
}

/// Two steps of a workflow that end, and the messages of these numbers.
fn two_steps(workflow: MessageId, ids: [MessageId; 2], messages: std::ops::Range<u64>) -> Advance {
    let join = |index| Join {
        workflow,
        join: GROUP,
        index,
        width: 2,
        fail_fast: false,
        epoch: 0,
        member: Member::Value(Value::json("1")),
    };
    let status = Status::Success;
    Advance {
        complete: ids.map(completion).into(),
        join: vec![join(0), join(1)],
        mark_steps: vec![StepMark { workflow, first: StepId(5), count: 2, epoch: 0, status }],
        publish: sample::batch("q", messages),
    }
}

async fn workflow(rig: &Rig) -> MessageId {
    let new = new_workflow("advance");
    create(rig, &[&new]).await;
    new.workflow.id
}

/// How many of `ids` have ended, members are in, and steps have succeeded.
async fn done(rig: &Rig, workflow: MessageId, ids: &[MessageId]) -> (usize, usize, usize) {
    let entries = rig.store().entries(ids).await.expect("entries");
    let members = rig.store().members(workflow, GROUP, 0, 9).await.expect("members");
    let statuses = rig.store().steps(workflow, StepId(0), 9).await.expect("steps");
    let succeeded = statuses.iter().filter(|status| **status == Status::Success);
    (entries.iter().flatten().count(), members.len(), succeeded.count())
}

/// B-31: outcomes, members, statuses and messages are all there, in order.
pub async fn what_follows_is_done_at_once(harness: Arc<dyn Harness>) {
    let rig = Rig::limited(harness, 3).await;
    only_if!(is_one(&rig), "not one with a store");
    let (id, ids) = (workflow(&rig).await, [MessageId::new(), MessageId::new()]);
    let joined = rig.broker().advance(two_steps(id, ids, 0..5)).await.expect("advance");
    let joined = joined.expect("it is the first");
    assert_eq!(joined.iter().map(|join| join.closed_by).collect::<Vec<_>>(), [None, Some(1)]);
    assert_eq!(done(&rig, id, &ids).await, (2, 2, 2));
    let mut consumer = rig.consume(&["q"]).await;
    let taken = take(&mut *consumer, 5).await;
    assert_eq!(numbers(&taken), [0, 1, 2, 3, 4], "above the limit");
    assert!(taken.iter().all(|delivery| !delivery.redelivered));
    let nothing = rig.broker().advance(Advance::default()).await.expect("advance");
    assert_eq!(nothing, Some(Vec::new()));
}

/// B-31: if one of the outcomes is not the first of its id, nothing is done.
pub async fn of_what_has_ended_before_nothing_is_done(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(is_one(&rig), "not one with a store");
    let (id, first, other) = (workflow(&rig).await, MessageId::new(), MessageId::new());
    let before = vec![completion(first)];
    assert_eq!(rig.store().complete(before).await.expect("complete"), [true]);
    for ids in [[other, first], [first, other], [other, other]] {
        let refused = rig.broker().advance(two_steps(id, ids, 0..2)).await.expect("advance");
        assert_eq!(refused, None, "{ids:?}");
        assert_eq!(done(&rig, id, &[other]).await, (0, 0, 0));
        assert_eq!(rig.depth("q").await, (0, 0));
    }
    let third = MessageId::new();
    let joined = rig.broker().advance(two_steps(id, [other, third], 0..2)).await.expect("advance");
    assert!(joined.is_some(), "what was refused left nothing");
    assert_eq!(rig.depth("q").await, (2, 0));
}

/// B-31: what was answered is durable, all of it.
pub async fn what_was_done_at_once_survives_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(is_one(&rig), "not one with a store");
    only_if!(rig.capability().durable, "not durable");
    let (id, ids) = (workflow(&rig).await, [MessageId::new(), MessageId::new()]);
    let joined = rig.broker().advance(two_steps(id, ids, 0..2)).await.expect("advance");
    assert!(joined.is_some());
    let rig = rig.crash(Vec::new()).await;
    assert_eq!(done(&rig, id, &ids).await, (2, 2, 2));
    assert_eq!(rig.depth("q").await, (2, 0));
    let again = rig.broker().advance(two_steps(id, ids, 2..3)).await.expect("advance");
    assert_eq!(again, None);
}
