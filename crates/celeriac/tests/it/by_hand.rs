//! What a person does to a workflow: cancels it with all of its parts, and tries
//! again whatever failed in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use celeriac::workflow::{
    Canvas, Millis, Options, Policy, Record, Shape, Signature, Status, StepId, WorkflowError,
};
use celeriac::{
    App, Filter, MessageId, Reason, State, TaskContext, TaskState, Worker, WorkflowFilter,
};
use celeriac_testkit::probe::eventually;
use serde_json::{Value, json};

use crate::fixture::{Counter, Gate, app, empty, end, failure, get};

/// Whether what is broken was mended.
#[derive(Clone, Default)]
struct Mended(Arc<AtomicBool>);

#[celeriac::task(name = "by_hand.id")]
async fn id(value: Value) -> Value {
    value
}

#[celeriac::task(name = "by_hand.broken", retry = false, breaker = false)]
async fn broken(value: Value, mended: State<Mended>) -> Result<Value, std::io::Error> {
    match mended.0.load(Ordering::SeqCst) {
        true => Ok(value),
        false => Err(std::io::Error::other("broken")),
    }
}

#[celeriac::task(name = "by_hand.wait")]
async fn wait(value: Value, gate: State<Gate>, began: State<Counter>) -> Value {
    began.add();
    gate.pass().await;
    value
}

/// Puts something in its own place that waits for an hour.
#[celeriac::task(name = "by_hand.put_off")]
async fn put_off(depth: i64, ctx: &TaskContext) -> i64 {
    ctx.replace(match depth {
        0 => Canvas::chain(vec![later("by_hand.id", 1), of("by_hand.id", 2)]),
        depth => Canvas::group(vec![of("by_hand.put_off", depth - 1), of("by_hand.id", 1)]),
    });
    0
}

struct World {
    app: App,
    worker: Worker,
    mended: Mended,
    gate: Gate,
    began: Counter,
}

impl World {
    async fn start() -> Self {
        let (mended, gate, began) = (Mended::default(), Gate::default(), Counter::default());
        let app = app()
            .register(id)
            .register(broken)
            .register(wait)
            .register(put_off)
            .provide(Mended::clone(&mended))
            .provide(Gate::clone(&gate))
            .provide(Counter::clone(&began));
        let worker = app.start_worker().await.unwrap();
        Self { app, worker, mended, gate, began }
    }

    fn mend(&self) {
        self.mended.0.store(true, Ordering::SeqCst);
        self.gate.open();
    }

    async fn value(&self, id: MessageId) -> Value {
        get(&self.app.result::<Value>(id).await.unwrap()).await
    }

    /// Why it failed, once all that follows was done.
    async fn failed(&self, id: MessageId) -> String {
        let said = failure(&self.app.result::<Value>(id).await.unwrap()).await;
        empty(&self.app).await;
        said
    }

    async fn quarantined(&self, workflow: MessageId) -> Vec<(MessageId, Reason)> {
        let filter = Filter { workflow: Some(workflow), ..Filter::default() };
        let kept = self.app.quarantined(&filter, 100).await.unwrap();
        kept.iter().map(|kept| (kept.content.id(), kept.reason)).collect()
    }

    async fn parts(&self, workflow: MessageId) -> Vec<Record> {
        let filter = WorkflowFilter { part_of: Some(workflow), ..WorkflowFilter::default() };
        self.app.workflows(&filter, 100).await.unwrap()
    }

    async fn steps(&self, id: MessageId) -> Vec<Status> {
        self.app.workflow_steps(id, StepId(0), 1000).await.unwrap()
    }

    async fn ends(self) {
        empty(&self.app).await;
        self.worker.stop().await;
        self.app.shutdown().await;
    }
}

fn of(name: &'static str, value: i64) -> Canvas {
    Signature::new(name).argument(value).into()
}

/// A step that gets the result of the one before.
fn next(name: &'static str) -> Canvas {
    Signature::new(name).into()
}

fn with(name: &'static str, value: i64, options: Options) -> Canvas {
    let signature = Signature::new(name).argument(value);
    Signature { options: Some(Arc::new(options)), ..signature }.into()
}

fn later(name: &'static str, value: i64) -> Canvas {
    let countdown = Some(Millis(Duration::from_secs(3600)));
    with(name, value, Options { countdown, ..Options::default() })
}

fn step(workflow: MessageId, step: u32, epoch: u32) -> MessageId {
    celeriac_engine::canvas::step_id(workflow, StepId(step), epoch)
}

#[tokio::test]
async fn all_failed_members_are_tried_again_at_once() {
    let world = World::start().await;
    let chain = Canvas::chain(vec![of("by_hand.broken", 3), next("by_hand.id")]);
    let chain = Canvas::chain(vec![chain, Canvas::chain(vec![])]);
    let inner = Canvas::group(vec![of("by_hand.broken", 5), of("by_hand.id", 6)]);
    let members = vec![of("by_hand.broken", 1), of("by_hand.id", 2), chain, inner];
    let id = world.app.start(Canvas::group(members)).await.unwrap();
    assert!(world.failed(id).await.contains("group[0]: broken"));
    assert_eq!(world.quarantined(id).await.len(), 3);
    world.mend();
    world.app.retry_workflow(id).await.unwrap();
    assert_eq!(world.value(id).await, json!([1, 2, 3, [5, 6]]));
    empty(&world.app).await;
    let steps = world.steps(id).await;
    assert!(steps.iter().all(|status| *status == Status::Success), "{steps:?}");
    assert_eq!(world.quarantined(id).await, []);
    world.ends().await;
}

#[tokio::test]
async fn one_failed_member_is_tried_again_alone() {
    let world = World::start().await;
    let members = vec![of("by_hand.broken", 1), of("by_hand.broken", 2)];
    let id = world.app.start(Canvas::group(members)).await.unwrap();
    world.failed(id).await;
    world.mend();
    let other = world.app.retry_step(id, MessageId::new()).await.unwrap_err();
    assert!(matches!(other, WorkflowError::NotQuarantined(_)), "{other}");
    world.app.retry_step(id, step(id, 1, 0)).await.unwrap();
    assert!(world.failed(id).await.contains("group[1]: broken"), "the other one failed too");
    assert_eq!(world.steps(id).await[1], Status::Success);
    world.app.retry_workflow(id).await.unwrap();
    assert_eq!(world.value(id).await, json!([1, 2]));
    world.ends().await;
}

#[tokio::test]
async fn failures_that_something_took_for_results_stay() {
    let world = World::start().await;
    let members = vec![of("by_hand.broken", 1)];
    let settled = Shape::Group { members, policy: Policy::Settle }.into();
    let chain = Canvas::chain(vec![settled, next("by_hand.broken")]);
    let id = world.app.start(chain).await.unwrap();
    world.failed(id).await;
    assert_eq!(world.quarantined(id).await.len(), 2);
    world.mend();
    world.app.retry_workflow(id).await.unwrap();
    let value = world.value(id).await;
    assert_eq!(value[0]["error"]["failure"]["message"], "broken", "{value}");
    world.ends().await;
}

#[tokio::test]
async fn what_was_revoked_has_expired_or_is_unknown_is_tried_again() {
    let world = World::start().await;
    let expires = Some(Millis(Duration::ZERO));
    let expired = with("by_hand.id", 2, Options { expires, ..Options::default() });
    let id = world.app.start(Canvas::group(vec![of("by_hand.wait", 1), expired])).await.unwrap();
    eventually("a run", || async { world.began.get() == 1 }).await;
    world.app.revoke(&[step(id, 1, 0)]).await.unwrap();
    world.failed(id).await;
    let mut reasons = Vec::from_iter(world.quarantined(id).await.iter().map(|kept| kept.1));
    reasons.sort_unstable_by_key(|reason| reason.as_str());
    assert_eq!(reasons, [Reason::Expired, Reason::Revoked]);
    world.mend();
    world.app.retry_workflow(id).await.unwrap();
    assert_eq!(world.value(id).await, json!([1, 2]));
    world.ends().await;
}

/// Its parts wait for an hour: no message comes by that could say so.
#[tokio::test]
async fn the_parts_of_a_cancelled_workflow_are_cancelled_at_once() {
    let world = World::start().await;
    let id = world.app.start(of("by_hand.put_off", 1)).await.unwrap();
    eventually("parts of parts", || async {
        let Some(part) = world.parts(id).await.pop() else { return false };
        let inner = world.parts(part.workflow.id).await.pop();
        match inner {
            Some(inner) => {
                let steps = world.steps(inner.workflow.id).await;
                steps.get(1) == Some(&Status::Running)
            }
            None => false,
        }
    })
    .await;
    let handle = world.app.workflow_handle::<Value>(id);
    let progress = handle.progress().await.unwrap();
    assert_eq!(progress.total, 3, "two of the innermost, and one beside: {progress:?}");
    let paths = Vec::from_iter(progress.nodes.iter().map(|node| node.path.as_str()));
    assert!(paths.contains(&"replace/group[0]/replace/chain[1]"), "{paths:?}");

    world.app.cancel_workflow(id).await.unwrap();
    let part = world.parts(id).await.pop().unwrap();
    let inner = world.parts(part.workflow.id).await.pop().unwrap();
    for record in [&part, &inner] {
        assert_eq!(record.status(), Status::Cancelled);
        let steps = world.steps(record.workflow.id).await;
        assert!(steps.iter().all(|status| status.is_terminal()), "{steps:?}");
    }
    let progress = handle.progress().await.unwrap();
    assert_eq!((progress.status, progress.done), (Status::Cancelled, progress.total));
    let result = world.app.result::<Value>(id).await.unwrap();
    assert_eq!(end(&result).await, TaskState::Revoked);
    world.ends().await;
}

#[tokio::test]
async fn the_parts_of_a_group_that_fails_fast_are_cancelled_at_once() {
    let world = World::start().await;
    let bad = Canvas::chain(vec![of("by_hand.wait", 1), of("by_hand.broken", 2)]);
    let members = vec![of("by_hand.put_off", 0), bad];
    let group = Shape::Group { members, policy: Policy::FailFast }.into();
    let id = world.app.start(group).await.unwrap();
    eventually("a part", || async { world.parts(id).await.len() == 1 }).await;
    world.gate.open();
    assert!(world.failed(id).await.contains("broken"));
    let part = world.parts(id).await.pop().unwrap();
    assert_eq!(part.status(), Status::Cancelled);
    let steps = world.steps(part.workflow.id).await;
    assert!(steps.iter().all(|status| *status == Status::Cancelled), "{steps:?}");
    world.ends().await;
}
