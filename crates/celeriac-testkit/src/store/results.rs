//! Results: outcomes, marks, entries.

use std::sync::Arc;

use celeriac_core::outcome::{Completion, Mark, Progress};
use celeriac_core::{ContentType, Failure, MessageId, Outcome, State, Timestamp};
use futures_util::future::join_all;

use crate::suite::only_if;
use crate::{Harness, Rig};

/// A success with a number for its value, kept forever.
pub(crate) fn success(id: MessageId, number: u32) -> Completion {
    let value = number.to_string().into();
    let finished_at = Timestamp::from_millis(u64::from(number));
    Completion {
        id,
        outcome: Outcome::success(number, finished_at, ContentType::Json, value),
        expires_at: Timestamp::NEVER,
    }
}

/// A change that is not the end.
pub(crate) fn mark(id: MessageId, state: State, attempt: u32) -> Mark {
    Mark { id, state, attempt, progress: None, failure: None }
}

async fn outcome(rig: &Rig, id: MessageId) -> Option<Outcome> {
    let entries = rig.store().entries(&[id]).await.expect("entries");
    entries.into_iter().next().flatten()?.outcome
}

/// The outcome of a failure, kept forever.
fn failure(id: MessageId) -> Completion {
    let why = Failure::new("io", "gone");
    Completion {
        id,
        outcome: Outcome::failed(State::Failure, 4, Timestamp::from_millis(9), why),
        expires_at: Timestamp::NEVER,
    }
}

/// S-01: also within a batch, and whatever the second one says.
pub async fn the_first_outcome_stays(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (a, b) = (MessageId::new(), MessageId::new());
    let batch = vec![success(a, 1), failure(b), success(a, 2)];
    let recorded = rig.store().complete(batch).await.expect("complete");
    assert_eq!(recorded, [true, true, false]);
    let again = vec![failure(a), success(b, 3)];
    let recorded = rig.store().complete(again).await.expect("complete");
    assert_eq!(recorded, [false, false]);

    assert_eq!(outcome(&rig, a).await, Some(success(a, 1).outcome));
    assert_eq!(outcome(&rig, b).await, Some(failure(b).outcome));
    let entries = rig.store().entries(&[a, b]).await.expect("entries");
    let states = entries.iter().flatten().map(|entry| (entry.state, entry.attempt));
    assert_eq!(Vec::from_iter(states), [(State::Success, 1), (State::Failure, 4)]);
}

/// S-02: twenty routers that finished the same task.
pub async fn of_outcomes_at_once_one_is_recorded(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = MessageId::new();
    let calls = (0..20).map(|number| rig.store().complete(vec![success(id, number)]));
    let answers = join_all(calls).await;
    let answers = Vec::from_iter(answers.into_iter().map(|answer| answer.expect("complete")));
    let winners = Vec::from_iter((0..20).filter(|number| answers[*number as usize] == [true]));
    assert_eq!(winners.len(), 1, "{answers:?}");
    assert_eq!(outcome(&rig, id).await, Some(success(id, winners[0]).outcome));
}

/// S-03: a late mark does not bring a task back to life.
pub async fn marks_tell_and_never_overwrite(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = MessageId::new();
    let progress = Progress { done: 1, total: Some(3), note: Some("first".to_owned()) };
    let started = Mark { progress: Some(progress.clone()), ..mark(id, State::Started, 2) };
    rig.store().mark(vec![started.clone()]).await.expect("mark");
    let entry = entry(&rig, id).await;
    assert_eq!((entry.state, entry.attempt), (State::Started, 2));
    assert_eq!((entry.progress, entry.outcome), (Some(progress), None));

    let why = Some(Box::new(Failure::new("io", "gone")));
    let retry = Mark { failure: why.clone(), ..mark(id, State::Retry, 2) };
    rig.store().mark(vec![retry.clone()]).await.expect("mark");
    let entry = self::entry(&rig, id).await;
    assert_eq!((entry.state, entry.failure), (State::Retry, why));

    rig.store().complete(vec![success(id, 3)]).await.expect("complete");
    rig.store().mark(vec![started, retry]).await.expect("mark");
    let entry = self::entry(&rig, id).await;
    assert_eq!((entry.state, entry.attempt), (State::Success, 3));
    assert_eq!(entry.outcome, Some(success(id, 3).outcome));
}

async fn entry(rig: &Rig, id: MessageId) -> celeriac_core::outcome::Entry {
    let entries = rig.store().entries(&[id]).await.expect("entries");
    entries.into_iter().next().flatten().expect("an entry")
}

/// S-04: known, unknown and repeated ids.
pub async fn entries_come_in_the_order_asked(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    assert_eq!(rig.store().entries(&[]).await.expect("entries"), []);
    let ids: [MessageId; 3] = std::array::from_fn(|_| MessageId::new());
    let unknown = MessageId::new();
    let batch = Vec::from_iter((0..).zip(ids).map(|(number, id)| success(id, number)));
    rig.store().complete(batch).await.expect("complete");
    let asked = [ids[2], unknown, ids[0], ids[1], ids[0]];
    let entries = rig.store().entries(&asked).await.expect("entries");
    let attempts = entries.iter().map(|entry| entry.as_ref().map(|entry| entry.attempt));
    assert_eq!(Vec::from_iter(attempts), [Some(2), None, Some(0), Some(1), Some(0)]);
}

/// S-05: started, retried, started, done.
pub async fn versions_grow(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let id = MessageId::new();
    let mut latest = 0;
    let states = [State::Received, State::Started, State::Retry, State::Started];
    for (attempt, state) in (0..).zip(states) {
        rig.store().mark(vec![mark(id, state, attempt)]).await.expect("mark");
        let version = entry(&rig, id).await.version;
        assert!(version > latest, "{state}: {version} after {latest}");
        latest = version;
    }
    rig.store().complete(vec![success(id, 5)]).await.expect("complete");
    assert!(entry(&rig, id).await.version > latest);
}

/// S-07: marks and outcomes alike; the others stay.
pub async fn what_is_forgotten_can_be_recorded_anew(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    let (done, marked, kept) = (MessageId::new(), MessageId::new(), MessageId::new());
    let batch = vec![success(done, 1), success(kept, 2)];
    rig.store().complete(batch).await.expect("complete");
    rig.store().mark(vec![mark(marked, State::Started, 0)]).await.expect("mark");
    let gone = [done, marked, MessageId::new()];
    rig.store().forget(&gone).await.expect("forget");
    assert_eq!(rig.store().entries(&gone).await.expect("entries"), [None, None, None]);
    assert_eq!(outcome(&rig, kept).await, Some(success(kept, 2).outcome));

    let recorded = rig.store().complete(vec![success(done, 7)]).await;
    assert_eq!(recorded.expect("complete"), [true]);
    assert_eq!(outcome(&rig, done).await, Some(success(done, 7).outcome));
}

/// S-08: what was recorded, and that it was recorded first.
pub async fn outcomes_survive_a_crash(harness: Arc<dyn Harness>) {
    let rig = Rig::open(harness).await;
    only_if!(rig.capability().durable, "not durable");
    let (good, bad, gone) = (MessageId::new(), MessageId::new(), MessageId::new());
    let batch = vec![success(good, 1), failure(bad), success(gone, 1)];
    rig.store().complete(batch).await.expect("complete");
    rig.store().forget(&[gone]).await.expect("forget");

    let rig = rig.crash(vec![]).await;
    assert_eq!(outcome(&rig, good).await, Some(success(good, 1).outcome));
    assert_eq!(outcome(&rig, bad).await, Some(failure(bad).outcome));
    assert_eq!(outcome(&rig, gone).await, None);
    let again = vec![success(good, 2), success(gone, 2)];
    let recorded = rig.store().complete(again).await.expect("complete");
    assert_eq!(recorded, [false, true]);
}
