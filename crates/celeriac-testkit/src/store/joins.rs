//! Joins: members of a group.

use std::collections::BTreeSet;
use std::sync::Arc;

use celeriac_core::store::{Join, Joined, Reopen};
use celeriac_core::workflow::{Member, StepError, StepId, Value};
use celeriac_core::{Failure, MessageId, Name};
use futures_util::future::join_all;

use super::workflows::{create, new_workflow};
use crate::suite::only_if;
use crate::{Harness, Rig};

const GROUP: StepId = StepId(4);

fn value(number: u32) -> Member {
    Member::Value(Value::json(number.to_string()))
}

fn error(message: &str) -> Member {
    let (id, task) = (MessageId::from_bytes([7; 16]), Name::from_static("sample::step"));
    let failure = Failure::new("io", message);
    Member::Error(Box::new(StepError { id, task, failure, path: Vec::new() }))
}

/// A workflow to join in.
async fn workflow(rig: &Rig) -> MessageId {
    let new = new_workflow("joins");
    create(rig, &[&new]).await;
    new.workflow.id
}

fn member(workflow: MessageId, index: u32, width: u32, member: Member) -> Join {
    let (join, fail_fast, epoch) = (GROUP, false, 0);
    Join { workflow, join, index, width, fail_fast, epoch, member }
}

async fn join(rig: &Rig, batch: Vec<Join>) -> Vec<Joined> {
    rig.store().join(batch).await.expect("join")
}

async fn members(rig: &Rig, workflow: MessageId) -> Vec<(u32, Member)> {
    rig.store().members(workflow, GROUP, 0, 1000).await.expect("members")
}

/// S-39: a member that comes again is the same member.
pub async fn a_member_is_in_once(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = workflow(&rig).await;
    let first = join(&rig, vec![member(id, 1, 3, value(1)), member(id, 1, 3, value(9))]).await;
    let expected = Joined { done: 1, weight: 1, ..Joined::default() };
    assert_eq!(first, [expected, expected]);
    let again = join(&rig, vec![member(id, 1, 3, error("late"))]).await;
    assert_eq!(again, [expected]);
    assert_eq!(members(&rig, id).await, [(1, value(1))]);

    let last = join(&rig, vec![member(id, 0, 3, value(0)), member(id, 2, 3, value(2))]).await;
    assert_eq!(last.iter().map(|joined| joined.closed_by).collect::<Vec<_>>(), [None, Some(2)]);
    let again = join(&rig, vec![member(id, 1, 3, value(1)), member(id, 2, 3, value(2))]).await;
    assert!(again.iter().all(|joined| joined.closed_by == Some(2) && joined.done == 3));
    let other = Join { join: StepId(5), ..member(id, 1, 3, value(1)) };
    assert_eq!(join(&rig, vec![other]).await, [expected], "another join");
}

/// S-40: a hundred members that end at the same time, each twice.
pub async fn of_members_at_once_one_closes(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = workflow(&rig).await;
    let one = |index: u32| member(id, index % 100, 100, value(index % 100));
    let calls = (0..200).map(|index| rig.store().join(vec![one(index)]));
    let answers = join_all(calls).await.into_iter().map(|answer| answer.expect("join"));
    let answers = Vec::from_iter(answers.map(|answer| answer[0]));
    let closers = BTreeSet::from_iter(answers.iter().filter_map(|joined| joined.closed_by));
    assert_eq!(closers.len(), 1, "{closers:?}");
    let again = join(&rig, (0..100).map(one).collect()).await;
    let closed_by = closers.first().copied();
    assert!(again.iter().all(|joined| joined.closed_by == closed_by && joined.done == 100));
}

/// S-41: the first failure closes a join that fails fast; others wait for all.
pub async fn a_failure_closes_if_it_shall(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (fast, slow) = (workflow(&rig).await, workflow(&rig).await);
    let batch = |id, fail_fast| {
        let all = [value(0), error("a"), error("b"), value(1)].into_iter();
        let indices = [3, 2, 1, 0];
        let all = all
            .zip(indices)
            .map(|(outcome, index)| Join { fail_fast, ..member(id, index, 4, outcome) });
        all.collect::<Vec<_>>()
    };
    let told = |joined: Vec<Joined>| {
        Vec::from_iter(joined.iter().map(|joined| (joined.closed_by, joined.failed)))
    };
    let joined = told(join(&rig, batch(fast, true)).await);
    let closed = Some(2);
    assert_eq!(joined, [(None, None), (closed, closed), (closed, Some(1)), (closed, Some(1))]);
    let joined = told(join(&rig, batch(slow, false)).await);
    assert_eq!(joined, [(None, None), (None, Some(2)), (None, Some(1)), (Some(0), Some(1))]);
}

/// S-42: in the order of indices, whatever the order of joining.
pub async fn members_are_read_in_order(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = workflow(&rig).await;
    let width = 1000;
    let order = (0..width).map(|number| number * 7 % width).filter(|index| *index != 500);
    join(&rig, order.map(|index| member(id, index, width, value(index))).collect()).await;
    let mut read = Vec::new();
    loop {
        let from = read.last().map_or(0, |(index, _)| index + 1);
        let page = rig.store().members(id, GROUP, from, 300).await.expect("members");
        assert!(page.len() <= 300);
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    let expected = (0..width).filter(|index| *index != 500).map(|index| (index, value(index)));
    assert_eq!(read, Vec::from_iter(expected));
    let unknown = rig.store().members(id, StepId(99), 0, 10).await.expect("members");
    assert_eq!(unknown, []);
}

/// S-42: what is too large for one answer comes with the next.
pub async fn large_members_come_a_few_at_a_time(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = workflow(&rig).await;
    let large = || Member::Value(Value::json(vec![b'1'; 3 << 20]));
    for index in 0..3 {
        join(&rig, vec![member(id, index, 3, large())]).await;
    }
    for index in 0..3 {
        let page = rig.store().members(id, GROUP, index, 10).await.expect("members");
        assert_eq!(page, [(index, large())]);
    }
}

/// S-43: the member is waited for again, and what is late is too late.
pub async fn a_reopened_member_is_waited_for(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = workflow(&rig).await;
    let all = [error("a"), value(1), error("c")];
    let batch = (0..).zip(all).map(|(index, outcome)| member(id, index, 3, outcome));
    join(&rig, batch.collect()).await;
    let reopen = Reopen { workflow: id, join: GROUP, index: 0, epoch: 1 };
    for _ in 0..2 {
        rig.store().reopen(vec![reopen]).await.expect("reopen");
        let left = members(&rig, id).await.into_iter().map(|(index, _)| index);
        assert_eq!(Vec::from_iter(left), [1, 2]);
    }
    let late = join(&rig, vec![member(id, 0, 3, value(0))]).await;
    assert_eq!((late[0].closed_by, late[0].done), (None, 2), "of an earlier epoch");
    let other = join(&rig, vec![member(id, 1, 3, value(1))]).await;
    assert_eq!((other[0].closed_by, other[0].failed), (None, Some(2)), "it does not close again");
    let new = join(&rig, vec![Join { epoch: 1, ..member(id, 0, 3, value(5)) }]).await;
    assert_eq!((new[0].closed_by, new[0].failed), (Some(0), Some(2)));
    rig.store().reopen(vec![reopen]).await.expect("reopen");
    assert_eq!(members(&rig, id).await[0], (0, value(5)), "reopened in that epoch already");
}

/// S-44: nothing is left behind of what nobody knows.
pub async fn nothing_joins_what_is_not_kept(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let new = new_workflow("unknown");
    let id = new.workflow.id;
    let reopen = Reopen { workflow: id, join: GROUP, index: 0, epoch: 1 };
    rig.store().reopen(vec![reopen]).await.expect("reopen");
    assert_eq!(join(&rig, vec![member(id, 0, 1, value(0))]).await, [Joined::default()]);
    create(&rig, &[&new]).await;
    assert_eq!(members(&rig, id).await, []);
    let joined = join(&rig, vec![member(id, 0, 1, value(0))]).await;
    assert_eq!(joined[0].closed_by, Some(0));
    rig.store().forget_workflows(&[id]).await.expect("forget");
    assert_eq!(join(&rig, vec![member(id, 0, 1, value(0))]).await, [Joined::default()]);
}

/// S-45: members, who closed, and what is waited for again.
pub async fn joins_survive_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    let (closed, open) = (workflow(&rig).await, workflow(&rig).await);
    let both = |id| vec![member(id, 1, 2, error("b")), member(id, 0, 2, value(0))];
    let before = join(&rig, both(closed)).await;
    join(&rig, both(open)).await;
    let reopen = Reopen { workflow: open, join: GROUP, index: 1, epoch: 2 };
    rig.store().reopen(vec![reopen]).await.expect("reopen");

    let rig = rig.crash(vec![]).await;
    assert_eq!(members(&rig, closed).await, [(0, value(0)), (1, error("b"))]);
    assert_eq!(join(&rig, both(closed)).await, [before[1], before[1]]);
    assert_eq!(members(&rig, open).await, [(0, value(0))]);
    let late = join(&rig, vec![member(open, 1, 2, value(1))]).await;
    assert_eq!(late[0].closed_by, None);
    let new = join(&rig, vec![Join { epoch: 2, ..member(open, 1, 2, value(1)) }]).await;
    assert_eq!((new[0].closed_by, new[0].failed), (Some(1), None));
}
