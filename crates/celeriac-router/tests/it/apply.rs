//! Publish, write, settle: the process may die, or a driver fail, at any point.

use std::sync::Arc;

use bytes::Bytes;
use celeriac_core::broker::{Limit, Receipt, Settlement, Verdict};
use celeriac_core::outcome::{Completion, Mark, Outcome};
use celeriac_core::store::{Content, Filter, Quarantine, Quarantined, Reason, Timers};
use celeriac_core::{
    Broker, ContentType, ErrorKind, Failure, Message, QueueName, State, Store, Timestamp,
};
use celeriac_embedded::Memory;
use celeriac_engine::Commit;
use celeriac_router::Workflows;
use celeriac_testkit::Faulty;
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::poll_once;

use crate::fixture::{apply, command, entry, ids, take};

const STEPS: [Operation; 6] = [
    Operation::Publish,
    Operation::Schedule,
    Operation::Quarantine,
    Operation::Complete,
    Operation::Mark,
    Operation::Settle,
];

/// One task that ended, with everything that can follow from it.
struct Story {
    memory: Arc<Memory>,
    done: Arc<Message>,
    next: Arc<Message>,
    later: Arc<Message>,
    bad: Arc<Message>,
    other: Arc<Message>,
}

impl Story {
    async fn begin() -> Self {
        let in_queue = |queue: &str| {
            let mut message = command();
            message.queue = QueueName::from(queue);
            message
        };
        let mut later = in_queue("later");
        later.rare_mut().eta = Some(Timestamp::NEVER);
        let story = Self {
            memory: Memory::new(Default::default()),
            done: in_queue("done").into(),
            next: in_queue("next").into(),
            later: later.into(),
            bad: in_queue("bad").into(),
            other: in_queue("other").into(),
        };
        story.memory.publish(std::slice::from_ref(&story.done), Limit::Respect).await.unwrap();
        story
    }

    /// What follows, decided in attempt `attempt` of the whole.
    fn commit(&self, attempt: u32, receipt: Receipt) -> Commit {
        let now = Timestamp::now();
        let value = Bytes::from_static(b"1");
        Commit {
            publish: vec![self.next.clone()],
            schedule: vec![self.later.clone()],
            quarantine: vec![Quarantined {
                content: Content::Message(self.bad.clone()),
                reason: Reason::Poisonous,
                failure: Failure::new("e", "bad"),
                at: now,
                deaths: 0,
            }],
            complete: vec![Completion {
                id: self.done.id,
                outcome: Outcome::success(attempt, now, ContentType::Json, value),
                expires_at: Timestamp::NEVER,
            }],
            mark: vec![Mark {
                id: self.other.id,
                state: State::Retry,
                attempt,
                progress: None,
                failure: None,
            }],
            settle: vec![Settlement { receipt, verdict: Verdict::Ack }],
            ..Commit::default()
        }
    }

    fn drivers(&self, plan: &Arc<Plan>) -> (Arc<dyn Broker>, Arc<dyn Store>) {
        let broker = Faulty::broker(self.memory.clone() as Arc<dyn Broker>, plan);
        (broker, Faulty::store(self.memory.clone() as Arc<dyn Store>, plan))
    }

    /// All that had to follow did, and nothing more may come.
    async fn assert_complete(&self, first_outcome: u32) {
        let outcome = entry(&self.memory, self.done.id).await.unwrap().outcome.unwrap();
        assert_eq!(outcome.attempt, first_outcome, "the outcome is recorded once");
        assert_eq!(self.memory.scheduled().await.unwrap(), 1);
        assert_eq!(self.memory.quarantined(&Filter::default(), 9).await.unwrap().len(), 1);
        let state = entry(&self.memory, self.other.id).await.map(|entry| entry.state);
        assert_eq!(state, Some(State::Retry));
        let (_consumer, next) = take(&self.memory, &self.next.queue).await;
        assert!(ids(&next).iter().all(|id| *id == self.next.id) && !next.is_empty());
        let queues = self.memory.queues().await.unwrap();
        assert!(!queues.iter().any(|queue| queue.name == self.done.queue), "it was settled");
    }
}

/// The process dies at one point; another one finishes what it left.
async fn survives(operation: Operation, death: Effect) {
    let story = Story::begin().await;
    let plan = Plan::new();
    plan.fail(operation, 1, death);
    let (broker, store) = story.drivers(&plan);
    let (consumer, taken) = take(&story.memory, &story.done.queue).await;
    let mut commit = story.commit(0, taken[0].receipt);
    let mut workflows = Workflows::default();
    let mut applied = Box::pin(apply(&*broker, &*store, &mut workflows, &mut commit));
    assert!(poll_once(&mut applied).is_pending() && plan.is_dead());
    drop((applied, consumer));

    let settled = (operation, death) == (Operation::Settle, Effect::DieAfter);
    if !settled {
        let (_consumer, again) = take(&story.memory, &story.done.queue).await;
        assert!(again[0].redelivered, "the message is still there");
        let mut commit = story.commit(1, again[0].receipt);
        let (broker, store) = story.drivers(&Plan::new());
        assert_eq!(
            apply(&*broker, &*store, &mut Workflows::default(), &mut commit).await.unwrap(),
            1
        );
    }
    let at = STEPS.iter().position(|step| *step == operation).unwrap();
    let recorded = at > 3 || (operation, death) == (Operation::Complete, Effect::DieAfter);
    story.assert_complete(u32::from(!recorded)).await;
}

#[tokio::test]
async fn it_dies_before_it_publishes() {
    survives(Operation::Publish, Effect::DieBefore).await;
}

#[tokio::test]
async fn it_dies_after_it_published() {
    survives(Operation::Publish, Effect::DieAfter).await;
}

#[tokio::test]
async fn it_dies_before_it_schedules() {
    survives(Operation::Schedule, Effect::DieBefore).await;
}

#[tokio::test]
async fn it_dies_after_it_scheduled() {
    survives(Operation::Schedule, Effect::DieAfter).await;
}

#[tokio::test]
async fn it_dies_before_it_quarantines() {
    survives(Operation::Quarantine, Effect::DieBefore).await;
}

#[tokio::test]
async fn it_dies_after_it_quarantined() {
    survives(Operation::Quarantine, Effect::DieAfter).await;
}

#[tokio::test]
async fn it_dies_before_it_completes() {
    survives(Operation::Complete, Effect::DieBefore).await;
}

#[tokio::test]
async fn it_dies_after_it_completed() {
    survives(Operation::Complete, Effect::DieAfter).await;
}

#[tokio::test]
async fn it_dies_before_it_marks() {
    survives(Operation::Mark, Effect::DieBefore).await;
}

#[tokio::test]
async fn it_dies_after_it_marked() {
    survives(Operation::Mark, Effect::DieAfter).await;
}

#[tokio::test]
async fn it_dies_before_it_settles() {
    survives(Operation::Settle, Effect::DieBefore).await;
}

#[tokio::test]
async fn it_dies_after_it_settled() {
    survives(Operation::Settle, Effect::DieAfter).await;
}

#[tokio::test]
async fn the_order_is_publish_write_settle() {
    let story = Story::begin().await;
    let plan = Plan::new();
    let (broker, store) = story.drivers(&plan);
    let (_consumer, taken) = take(&story.memory, &story.done.queue).await;
    let mut commit = story.commit(0, taken[0].receipt);
    assert_eq!(apply(&*broker, &*store, &mut Workflows::default(), &mut commit).await.unwrap(), 1);
    assert_eq!(plan.log(), STEPS);
    assert!(commit.is_empty());
    story.assert_complete(0).await;
}

#[tokio::test]
async fn after_an_error_it_goes_on_where_it_stopped() {
    for failing in STEPS {
        for effect in [Effect::Refuse(ErrorKind::NoSpace), Effect::Doubt(ErrorKind::Timeout)] {
            let story = Story::begin().await;
            let plan = Plan::new();
            plan.fail(failing, 1, effect);
            let (broker, store) = story.drivers(&plan);
            let (_consumer, taken) = take(&story.memory, &story.done.queue).await;
            let mut commit = story.commit(0, taken[0].receipt);
            assert!(
                apply(&*broker, &*store, &mut Workflows::default(), &mut commit).await.is_err(),
                "{failing:?}"
            );
            assert_eq!(
                apply(&*broker, &*store, &mut Workflows::default(), &mut commit).await.unwrap(),
                1
            );
            let calls = STEPS.map(|step| plan.calls(step));
            assert_eq!(calls, STEPS.map(|step| 1 + u64::from(step == failing)), "{failing:?}");
            story.assert_complete(0).await;
        }
    }
}

#[tokio::test]
async fn documents_for_sinks_are_stored_before_anything_is_recorded() {
    for death in [Effect::DieBefore, Effect::DieAfter] {
        let story = Story::begin().await;
        let plan = Plan::new();
        plan.fail(Operation::Publish, 1, death);
        let (broker, store) = story.drivers(&plan);
        let (consumer, taken) = take(&story.memory, &story.done.queue).await;
        let document = |commit: Commit| Commit { documents: vec![story.other.clone()], ..commit };
        let mut commit = document(story.commit(0, taken[0].receipt));
        let mut workflows = Workflows::default();
        let mut applied = Box::pin(apply(&*broker, &*store, &mut workflows, &mut commit));
        assert!(poll_once(&mut applied).is_pending() && plan.is_dead());
        drop((applied, consumer));
        assert_eq!(plan.log(), [Operation::Publish], "nothing else was done");
        assert!(entry(&story.memory, story.done.id).await.is_none());

        let (_consumer, again) = take(&story.memory, &story.done.queue).await;
        let mut commit = document(story.commit(1, again[0].receipt));
        let (broker, store) = story.drivers(&Plan::new());
        apply(&*broker, &*store, &mut Workflows::default(), &mut commit).await.unwrap();
        assert!(commit.is_empty());
        story.assert_complete(1).await;
        let (_consumer, documents) = take(&story.memory, &story.other.queue).await;
        assert_eq!(documents.len(), if death == Effect::DieAfter { 2 } else { 1 });
        assert!(ids(&documents).iter().all(|id| *id == story.other.id), "under the same id");
    }
}
