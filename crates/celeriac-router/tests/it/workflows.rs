//! Workflows: the process may die between any two effects, and what follows is
//! the same.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::broker::Limit;
use celeriac_core::outcome::Outcome;
use celeriac_core::platform::{Run, RunResult};
use celeriac_core::store::{Content, Joins, Quarantine, Results, Transition, Workflows as _};
use celeriac_core::workflow::{
    Canvas, Comparison, Condition, JsonPath, Policy, Shape, Signature, Status, StepId,
};
use celeriac_core::{
    Broker, ContentType, ErrorKind, Failure, Message, MessageId, Name, QueueName, State, Timestamp,
};
use celeriac_embedded::Memory;
use celeriac_engine::canvas::{self, Start, step_id};
use celeriac_engine::{Commit, News, Told};
use celeriac_testkit::faulty::{Effect, Operation, Plan};
use celeriac_testkit::probe::eventually;

use crate::fixture::{World, apply, entry, take};
use crate::platform::{Platform, TASK};

/// Every effect that a workflow has.
const EFFECTS: [Operation; 14] = [
    Operation::Advance,
    Operation::Quarantine,
    Operation::Complete,
    Operation::WorkflowRecords,
    Operation::Pages,
    Operation::Join,
    Operation::Members,
    Operation::Create,
    Operation::Publish,
    Operation::MarkSteps,
    Operation::Transition,
    Operation::Revoke,
    Operation::List,
    Operation::Settle,
];

fn task(word: &'static str) -> Canvas {
    Signature::new(TASK).argument(word).into()
}

fn group(policy: Policy, members: Vec<Canvas>) -> Canvas {
    Shape::Group { members, policy }.into()
}

/// A chord with a chain and a replacement in it.
fn chord() -> Canvas {
    let members = vec![task("a"), Canvas::chain(vec![task("b"), task("c")]), task("replace")];
    Canvas::chain(vec![group(Policy::WaitAll, members), task("body")]).link(linked())
}

fn linked() -> Signature {
    Signature::new(TASK).argument("linked")
}

/// A group that fails fast, with what never runs after it.
fn failing() -> Canvas {
    let members = vec![task("a"), task("bad")];
    Canvas::chain(vec![group(Policy::FailFast, members), task("never")]).on_error(linked())
}

/// A choice, then rounds until it is enough.
fn rounds() -> Canvas {
    let is = |n: i64| Condition::Compare(JsonPath::WHOLE, Comparison::Equal, n.into());
    let cases = vec![(is(7), task("never")), (is(1), task("b"))];
    let switch = Shape::Switch { cases, otherwise: Some(Box::new(task("never"))) };
    let body = Box::new(Canvas::chain(vec![task("grow"), Canvas::chain(vec![])]));
    let repeat = Shape::Loop { body, until: is(3), max: 5 };
    Canvas::chain(vec![task("a"), switch.into(), repeat.into()])
}

/// Says how many members it got, or just 1.
fn ran(run: &Run) -> RunResult {
    let text = String::from_utf8_lossy(&run.message.body).into_owned();
    if text.contains("grow") {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let value = (digits.parse::<i64>().unwrap() + 1).to_string();
        return RunResult::Success { content_type: ContentType::Json, value: value.into() };
    }
    if text.contains("bad") && !text.contains("linked") {
        return RunResult::Final { failure: Failure::new("e", "bad") };
    }
    if text.contains("replace") {
        let canvas = Canvas::group(vec![task("x"), task("y")]);
        return RunResult::Replaced { canvas: Box::new(canvas) };
    }
    let value = if text.contains("body") { text } else { "1".to_owned() };
    RunResult::Success { content_type: ContentType::Json, value: Bytes::from(value) }
}

async fn start(memory: &Memory, canvas: &Canvas) -> MessageId {
    let now = Timestamp::now();
    let start = Start {
        id: MessageId::at(now),
        name: Name::from_static("test"),
        version: 0,
        queue: QueueName::DEFAULT,
        expires_at: Timestamp::NEVER,
    };
    let (new, begin) = start.of(canvas, now).unwrap();
    let id = new.workflow.id;
    memory.create(vec![new]).await.unwrap();
    memory.publish(&[begin.into()], Limit::Exceed).await.unwrap();
    id
}

async fn outcome(memory: &Memory, id: MessageId) -> Option<Outcome> {
    entry(memory, id).await.and_then(|entry| entry.outcome)
}

/// Whether what follows from a step is one effect, or one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drivers {
    One,
    Apart,
}

/// Lets the `nth` call of `operation` be the last of the process; another one
/// goes on. Whether there was such a call.
async fn survives(
    canvas: &Canvas,
    operation: Operation,
    nth: u64,
    (effect, drivers): (Effect, Drivers),
) -> (bool, Story) {
    let platform = || Platform::new(|run| Some(ran(run)));
    let (memory, plan) = (Memory::new(Default::default()), Plan::new());
    if drivers == Drivers::Apart {
        plan.part();
    }
    let id = start(&memory, canvas).await;
    plan.fail(operation, nth, effect);
    let world = World::over(memory.clone(), plan.clone(), platform()).await;
    let first = world.platform.clone();
    eventually("the end, or death", || async {
        // Errors are waited out: the paused clock has to go on.
        tokio::time::advance(Duration::from_millis(1)).await;
        plan.is_dead() || (outcome(&memory, id).await.is_some() && is_empty(&memory).await)
    })
    .await;
    let dead = plan.is_dead();
    let mut dispatched = first.dispatched();
    let memory = world.die().await;
    if dead {
        let world = World::over(memory.clone(), Plan::new(), platform()).await;
        let second = world.platform.clone();
        eventually("the end after a death", || async {
            outcome(&memory, id).await.is_some() && is_empty(&memory).await
        })
        .await;
        dispatched.extend(second.dispatched());
        world.die().await;
    }
    let reached = plan.calls(operation) >= nth;
    (reached, Story { memory, id, dispatched })
}

async fn is_empty(memory: &Memory) -> bool {
    memory.queues().await.unwrap().iter().all(|queue| queue.ready + queue.in_flight == 0)
}

struct Story {
    memory: Arc<Memory>,
    id: MessageId,
    dispatched: Vec<MessageId>,
}

impl Story {
    async fn statuses(&self) -> Vec<Status> {
        self.memory.steps(self.id, StepId(0), 100).await.unwrap()
    }

    /// How many messages were run, however often.
    fn distinct(&self) -> usize {
        let mut ids = self.dispatched.clone();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }
}

async fn chord_is_whole(story: &Story, what: &str) {
    let outcome = outcome(&story.memory, story.id).await.unwrap();
    let expected = r#"{"args":[[1,1,[1,1]],"body"],"kwargs":{}}"#;
    assert_eq!(String::from_utf8_lossy(&outcome.value), expected, "{what}");
    let statuses = story.statuses().await;
    assert!(statuses.iter().all(|status| *status == Status::Success), "{what}: {statuses:?}");
    // a, b, c, replace, x, y, body and linked: each has one message.
    assert_eq!(story.distinct(), 8, "{what}");
}

async fn rounds_are_whole(story: &Story, what: &str) {
    let outcome = outcome(&story.memory, story.id).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&outcome.value), "3", "{what}");
    let statuses = story.statuses().await;
    let skipped = statuses.iter().filter(|status| **status == Status::Skipped).count();
    let done = statuses.iter().filter(|status| **status == Status::Success).count();
    assert_eq!((skipped, done), (2, statuses.len() - 2), "{what}: {statuses:?}");
    // a, b and two rounds.
    assert_eq!(story.distinct(), 4, "{what}");
}

async fn failure_is_whole(story: &Story, what: &str) {
    let outcome = outcome(&story.memory, story.id).await.unwrap();
    assert_eq!(outcome.state, State::Failure, "{what}");
    let text = outcome.failure.unwrap().message;
    assert!(text.contains("group[1]: bad"), "{what}: {text}");
    let statuses = story.statuses().await;
    assert!(statuses.iter().all(|status| status.is_terminal()), "{what}: {statuses:?}");
    let kept = story.memory.quarantined(&Default::default(), 9).await.unwrap();
    assert_eq!(kept.len(), 1, "{what}: a retry by hand needs its message");
    let never = step_id(story.id, StepId(4), 0);
    assert_eq!(story.memory.entries(&[never]).await.unwrap(), [None], "{what}: it never ran");
}

/// Tries every call of every effect.
async fn at_every_boundary(effect: Effect) {
    for drivers in [Drivers::One, Drivers::Apart] {
        at_every_boundary_of((effect, drivers)).await;
    }
}

async fn at_every_boundary_of(effect: (Effect, Drivers)) {
    let mut tried = 0;
    for operation in EFFECTS {
        for nth in 1..100 {
            let what = format!("{operation:?} {nth} {effect:?}");
            let (reached, story) = survives(&chord(), operation, nth, effect).await;
            chord_is_whole(&story, &what).await;
            let (also, story) = survives(&failing(), operation, nth, effect).await;
            failure_is_whole(&story, &what).await;
            let (round, story) = survives(&rounds(), operation, nth, effect).await;
            rounds_are_whole(&story, &what).await;
            if !reached && !also && !round {
                break;
            }
            tried += 1;
        }
    }
    assert!(tried > EFFECTS.len() * 2, "few effects were tried: {tried}");
}

#[tokio::test(start_paused = true)]
async fn it_dies_before_any_effect() {
    at_every_boundary(Effect::DieBefore).await;
}

#[tokio::test(start_paused = true)]
async fn it_dies_after_any_effect() {
    at_every_boundary(Effect::DieAfter).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_in_any_effect_is_waited_out() {
    at_every_boundary(Effect::Refuse(ErrorKind::NoSpace)).await;
    at_every_boundary(Effect::Doubt(ErrorKind::Timeout)).await;
}

/// The steps of a retry by hand, and between any two of them the failure is told
/// once more: it comes from a router that died before it had settled it.
#[tokio::test(start_paused = true)]
async fn a_failure_that_is_told_late_does_not_undo_a_retry() {
    for late in 0..5 {
        let memory = Memory::new(Default::default());
        let canvas = Canvas::chain(vec![group(Policy::WaitAll, vec![task("bad")]), task("body")]);
        let id = start(&memory, &canvas).await;
        let world = World::over(memory, Plan::new(), Platform::new(|run| Some(ran(run)))).await;
        assert_eq!(world.end(id).await, State::Failure);
        world.empty().await;
        let memory = world.die().await;
        let kept = memory.quarantined(&Default::default(), 1).await.unwrap().remove(0);
        let Content::Message(bad) = kept.content else { panic!("it is a message") };
        let again = {
            let record = memory.workflows(&[id]).await.unwrap().remove(0).unwrap();
            let pages = memory.pages(id, &[StepId(0)]).await.unwrap();
            let graph = canvas::Graph::new(pages.into_iter().flatten());
            let limits = canvas::Limits::default();
            let context = canvas::Context {
                workflow: &record.workflow,
                epoch: 1,
                graph: &graph,
                values: &[],
                limits,
                now: Timestamp::now(),
            };
            canvas::retry(&context, StepId(2)).unwrap()
        };
        for step in 0..5 {
            if step == late {
                tell_again(&memory, &bad).await;
            }
            match step {
                0 => memory.reopen(again.reopen.clone()).await.unwrap(),
                1 => memory.mark_steps(again.marks.clone()).await.unwrap(),
                2 => memory.forget(&[id]).await.unwrap(),
                3 => {
                    let mut anew = Message::clone(&bad);
                    anew.id = step_id(id, StepId(2), 1);
                    anew.body = Bytes::from_static(br#"{"args":["mended"]}"#);
                    anew.rare_mut().workflow.as_mut().unwrap().epoch = 1;
                    memory.publish(&[anew.into()], Limit::Exceed).await.unwrap();
                }
                _ => {
                    let at = Timestamp::now();
                    let running = Transition { id, epoch: 1, end: None, at };
                    memory.transition(vec![running]).await.unwrap();
                }
            }
        }
        let world = World::over(memory, Plan::new(), Platform::new(|run| Some(ran(run)))).await;
        world.empty().await;
        let outcome = outcome(&world.memory, id).await.unwrap();
        assert_eq!((outcome.state, outcome.attempt), (State::Success, 1), "late at {late}");
        let statuses = world.memory.steps(id, StepId(0), 9).await.unwrap();
        assert_eq!(statuses, [Status::Success; 4], "late at {late}");
        world.die().await;
    }
}

/// The failed step is delivered once more.
async fn tell_again(memory: &Arc<Memory>, bad: &Arc<Message>) {
    let mut delivered = Message::clone(bad);
    delivered.queue = QueueName::from_static("late");
    memory.publish(&[delivered.into()], Limit::Exceed).await.unwrap();
    let (_consumer, taken) = take(memory, &QueueName::from_static("late")).await;
    let told = Told { message: bad.clone(), receipt: taken[0].receipt, news: News::Again };
    let mut commit = Commit { told: vec![told], ..Commit::default() };
    apply(&**memory, &**memory, &mut celeriac_router::Workflows::default(), &mut commit)
        .await
        .unwrap();
}
