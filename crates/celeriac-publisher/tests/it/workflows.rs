//! Workflows by hand: the caller may die inside of a start, a cancel or a retry,
//! and whoever calls again comes to the same end.

use std::sync::Arc;

use celeriac_core::outcome::{Completion, Outcome};
use celeriac_core::store::{
    Content, Filter, Join, Joins, Quarantine, Quarantined, Reason, Results, Transition,
    WorkflowFilter, Workflows,
};
use celeriac_core::workflow::{
    Canvas, End, Member, NewWorkflow, Parent, Signature, Status, StepError, StepId, Workflow,
};
use celeriac_core::{Broker, Failure, MessageId, Name, QueueName, State, Timestamp};
use celeriac_embedded::Memory;
use celeriac_engine::canvas::{Start, step_id};
use celeriac_publisher::WorkflowError;
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::eventually;

use crate::fixture::World;

const EFFECTS: [Operation; 14] = [
    Operation::Create,
    Operation::Publish,
    Operation::WorkflowRecords,
    Operation::Pages,
    Operation::List,
    Operation::Revoke,
    Operation::Quarantined,
    Operation::Reopen,
    Operation::MarkSteps,
    Operation::Entries,
    Operation::Forget,
    Operation::Transition,
    Operation::Complete,
    Operation::Unquarantine,
];

fn canvas() -> Canvas {
    let task = |name: &'static str| Canvas::from(Signature::new(name));
    Canvas::chain(vec![Canvas::group(vec![task("a"), task("b"), task("c")]), task("d")])
}

fn start(id: MessageId) -> Start {
    Start {
        id,
        name: Name::from_static("test"),
        version: 0,
        queue: QueueName::DEFAULT,
        expires_at: Timestamp::NEVER,
    }
}

/// Calls `act` with each effect as the last of the caller, then once more.
async fn at_every_boundary<F>(prepare: F, act: Act)
where
    F: AsyncFn(&World) -> MessageId,
{
    let mut tried = 0;
    for operation in EFFECTS {
        for death in [Effect::DieBefore, Effect::DieAfter] {
            for nth in 1..10 {
                let world = World::start();
                let id = prepare(&world).await;
                let plan = Plan::new();
                plan.fail(operation, nth, death);
                let dying = World::over(world.memory.clone(), plan.clone());
                let first = {
                    let call = act.call(&dying, id);
                    tokio::select! {
                        answer = call => Some(answer),
                        () = eventually("death", || async { plan.is_dead() }) => None,
                    }
                };
                if plan.calls(operation) < nth {
                    assert!(first.unwrap().is_ok());
                    break;
                }
                tried += 1;
                drop(dying);
                let what = format!("{act:?}: {operation:?} {nth} {death:?}");
                match act.call(&World::over(world.memory.clone(), Plan::new()), id).await {
                    // All was done that was to be waited for.
                    Ok(()) | Err(WorkflowError::Status { .. }) => {}
                    Err(error) => panic!("{what}: {error}"),
                }
                act.is_whole(&world.memory, id, &what).await;
            }
        }
    }
    assert!(tried > 3, "{act:?}: few effects were tried: {tried}");
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Start,
    Cancel,
    Retry,
}

impl Act {
    async fn call(self, world: &World, id: MessageId) -> Result<(), WorkflowError> {
        match self {
            Self::Start => world.publisher.start_workflow(start(id), &canvas()).await,
            Self::Cancel => world.publisher.cancel_workflow(id).await,
            Self::Retry => world.publisher.retry_workflow(id).await,
        }
    }

    async fn is_whole(self, memory: &Arc<Memory>, id: MessageId, what: &str) {
        let record = memory.workflows(&[id]).await.unwrap().remove(0).unwrap();
        let waiting = memory.queues().await.unwrap().iter().map(|queue| queue.ready).sum::<u64>();
        let outcome = memory.entries(&[id]).await.unwrap().remove(0);
        let state = outcome.and_then(|entry| entry.outcome).map(|outcome| outcome.state);
        match self {
            Self::Start => {
                assert_eq!(record.status(), Status::Running, "{what}");
                assert!(waiting > 0, "{what}: its first message waits");
            }
            Self::Cancel => {
                assert_eq!((record.status(), state), (Status::Cancelled, Some(State::Revoked)));
                let filter = WorkflowFilter { parts: true, ..WorkflowFilter::default() };
                for record in memory.list(&filter, 9).await.unwrap() {
                    assert_eq!(record.status(), Status::Cancelled, "{what}");
                    let steps = memory.steps(record.workflow.id, StepId(0), 9).await.unwrap();
                    let all = steps.iter().all(|status| *status == Status::Cancelled);
                    assert!(all, "{what}: {steps:?}");
                }
            }
            Self::Retry => {
                assert_eq!((record.status(), record.epoch), (Status::Running, 1), "{what}");
                assert_eq!(state, None, "{what}");
                let steps = memory.steps(id, StepId(0), 9).await.unwrap();
                let (pending, success) = (Status::Pending, Status::Success);
                assert_eq!(steps, [pending, pending, pending, success, pending, pending]);
                let members = memory.members(id, StepId(1), 0, 9).await.unwrap();
                assert_eq!(members.len(), 1, "{what}: who ended well stays");
                assert!(waiting >= 2, "{what}: both are sent");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_is_whole() {
    let prepare = async |_: &World| MessageId::new();
    at_every_boundary(prepare, Act::Start).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_whole() {
    let prepare = async |world: &World| {
        let id = MessageId::new();
        world.publisher.start_workflow(start(id), &canvas()).await.unwrap();
        // A part, and a part of the part.
        let mut whole = world.memory.workflows(&[id]).await.unwrap().remove(0).unwrap().workflow;
        for _ in 0..2 {
            whole = part_of(&whole);
            let workflow = whole.clone();
            let new = NewWorkflow { workflow, epoch: 0, pages: Vec::new() };
            world.memory.create(vec![new]).await.unwrap();
        }
        id
    };
    at_every_boundary(prepare, Act::Cancel).await;
}

fn part_of(whole: &Workflow) -> Workflow {
    let id = MessageId::new();
    let parent = Some(Parent { workflow: whole.id, step: StepId(2), round: 0 });
    let scopes = whole.scopes.iter().copied().chain([id]).collect();
    Workflow { id, parent, scopes, ..whole.clone() }
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_whole() {
    at_every_boundary(failed, Act::Retry).await;
}

/// A workflow of whose three members the first and the last have failed.
async fn failed(world: &World) -> MessageId {
    let (id, memory) = (MessageId::new(), &world.memory);
    world.publisher.start_workflow(start(id), &canvas()).await.unwrap();
    world.take("default", 1).await;
    let now = Timestamp::now();
    let failure = Failure::new("e", "bad");
    let error = |step: u32| StepError {
        id: step_id(id, StepId(step), 0),
        task: Name::from_static("a"),
        failure: failure.clone(),
        path: Vec::new(),
    };
    let value = || Member::Value(celeriac_core::workflow::Value::json("1"));
    for (index, step) in (0..).zip(2..5) {
        let member = if index == 1 { value() } else { Member::Error(Box::new(error(step))) };
        let (join, epoch, fail_fast) = (StepId(1), 0, false);
        let join = Join { workflow: id, join, index, width: 3, fail_fast, epoch, member };
        memory.join(vec![join]).await.unwrap();
        let status = if index == 1 { Status::Success } else { Status::Failure };
        mark(memory, id, step, status).await;
    }
    for step in [2, 4] {
        let mut message = celeriac_core::Message::command(Name::from_static("a"), "{}");
        message.id = step_id(id, StepId(step), 0);
        let rare = message.rare_mut();
        rare.root_id = Some(id);
        rare.workflow = Some(celeriac_core::message::WorkflowStep::new(id, StepId(step)));
        let content = Content::Message(message.into());
        let (reason, failure) = (Reason::Poisonous, failure.clone());
        let kept = Quarantined { content, reason, failure, at: now, deaths: 0 };
        memory.quarantine(vec![kept]).await.unwrap();
    }
    let end = Some(End::Failure(Box::new(error(2))));
    memory.transition(vec![Transition { id, epoch: 0, end, at: now }]).await.unwrap();
    let outcome = Outcome::failed(State::Failure, 0, now, failure);
    let expires_at = Timestamp::NEVER;
    memory.complete(vec![Completion { id, outcome, expires_at }]).await.unwrap();
    id
}

async fn mark(memory: &Memory, workflow: MessageId, step: u32, status: Status) {
    let (first, count, epoch) = (StepId(step), 1, 0);
    let mark = celeriac_core::workflow::StepMark { workflow, first, count, epoch, status };
    memory.mark_steps(vec![mark]).await.unwrap();
}

#[tokio::test]
async fn what_was_tried_again_has_left_quarantine() {
    let world = World::start();
    let id = failed(&world).await;
    world.publisher.retry_workflow(id).await.unwrap();
    let sent = world.take("default", 2).await;
    let mut ids = Vec::from_iter(sent.iter().map(|message| message.id));
    ids.sort_unstable();
    let mut expected = [2, 4].map(|step| step_id(id, StepId(step), 1));
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert!(world.memory.quarantined(&Filter::default(), 9).await.unwrap().is_empty());
}
