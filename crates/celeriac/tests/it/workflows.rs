//! Workflows in flight: what a canvas promises, whatever its members do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use celeriac::workflow::{
    Canvas, Each, Items, JsonPath, Options, Policy, Shape, Signature, Status, StepId, WorkflowError,
};
use celeriac::{
    App, Filter, HeaderValue, MessageId, RequeueError, State, TaskContext, TaskState, Worker,
};
use celeriac_testkit::probe::{eventually, within};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::fixture::{Counter, Gate, app, empty, end, failure, get};

/// What callbacks heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Value>>>);

/// Whether what is broken was mended.
#[derive(Clone, Default)]
struct Mended(Arc<AtomicBool>);

#[celeriac::task(name = "add")]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[celeriac::task(name = "sum")]
async fn sum(values: Vec<i64>) -> i64 {
    values.iter().sum()
}

#[celeriac::task(name = "id")]
async fn id(value: Value) -> Value {
    value
}

#[celeriac::task(name = "quiet", ignore_result)]
async fn quiet(value: Value) -> Value {
    value
}

#[celeriac::task(name = "fail", retry(max = 1))]
async fn fail(value: Value) -> Result<Value, std::io::Error> {
    Err(std::io::Error::other(format!("no {value}")))
}

#[celeriac::task(name = "broken", retry(max = 1))]
async fn broken(value: Value, mended: State<Mended>) -> Result<Value, std::io::Error> {
    match mended.0.load(Ordering::SeqCst) {
        true => Ok(value),
        false => Err(std::io::Error::other("broken")),
    }
}

#[celeriac::task(name = "hear")]
async fn hear(value: Value, heard: State<Heard>) {
    heard.0.lock().push(value);
}

#[celeriac::task(name = "wait")]
async fn wait(value: Value, gate: State<Gate>, began: State<Counter>) -> Value {
    began.add();
    gate.pass().await;
    value
}

/// As many as `n`, added up by a chord in its place.
#[celeriac::task(name = "count_up")]
async fn count_up(n: i64, ctx: &TaskContext) -> i64 {
    let ones = (0..n).map(|_| task("id").argument(1).into()).collect();
    ctx.replace(Canvas::chain(vec![Canvas::group(ones), task("sum").into()]));
    -1
}

struct World {
    app: App,
    worker: Worker,
    heard: Heard,
    mended: Mended,
    began: Counter,
}

impl World {
    async fn start() -> Self {
        let (heard, mended, began) = (Heard::default(), Mended::default(), Counter::default());
        let app = app()
            .register(add)
            .register(sum)
            .register(id)
            .register(quiet)
            .register(fail)
            .register(broken)
            .register(hear)
            .register(wait)
            .register(count_up)
            .provide(Heard::clone(&heard))
            .provide(Mended::clone(&mended))
            // Never opened: what waits runs until it is cancelled.
            .provide(Gate::default())
            .provide(Counter::clone(&began));
        let worker = app.start_worker().await.unwrap();
        Self { app, worker, heard, mended, began }
    }

    async fn value(&self, canvas: Canvas) -> Value {
        let id = self.app.start(canvas).await.unwrap();
        get(&self.app.result::<Value>(id).await.unwrap()).await
    }

    async fn failure(&self, id: MessageId) -> String {
        failure(&self.app.result::<Value>(id).await.unwrap()).await
    }

    async fn status(&self, id: MessageId) -> Status {
        self.app.workflow(id).await.unwrap().unwrap().status()
    }

    async fn steps(&self, id: MessageId) -> Vec<Status> {
        self.app.workflow_steps(id, StepId(0), 1000).await.unwrap()
    }

    /// Nothing is left to do, and nothing was done twice.
    async fn ends(self) {
        empty(&self.app).await;
        self.worker.stop().await;
        self.app.shutdown().await;
    }
}

fn task(name: &'static str) -> Signature {
    Signature::new(name)
}

fn of(name: &'static str, value: i64) -> Canvas {
    task(name).argument(value).into()
}

fn group(policy: Policy, members: Vec<Canvas>) -> Canvas {
    Shape::Group { members, policy }.into()
}

#[tokio::test]
async fn a_chain_passes_results_on() {
    let world = World::start().await;
    let chain = Canvas::chain(vec![
        task("add").argument(1).argument(2).into(),
        task("add").argument(3).into(),
        task("quiet").into(),
        task("add").argument(4).into(),
    ]);
    assert_eq!(world.value(chain).await, json!(10));
    assert_eq!(world.value(Canvas::chain(vec![])).await, json!(null));
    world.ends().await;
}

#[tokio::test]
async fn groups_chords_and_forks_keep_their_order() {
    let world = World::start().await;
    let members = (0..20).map(|n| of("id", n)).collect();
    let group = Canvas::group(members);
    assert_eq!(world.value(group.clone()).await, json!(Vec::from_iter(0..20)));
    let chord = Canvas::chain(vec![group.clone(), task("sum").into(), of("add", 1)]);
    assert_eq!(world.value(chord.clone()).await, json!(191));
    let nested = Canvas::group(vec![chord.clone(), Canvas::group(vec![chord]), of("id", 7)]);
    assert_eq!(world.value(nested).await, json!([191, [191], 7]));
    let branches = vec![("a".to_owned(), of("add", 1)), ("b".to_owned(), of("add", 2))];
    let fork = Shape::Fork { branches, policy: Policy::WaitAll }.into();
    let fed = Canvas::chain(vec![of("id", 10), fork]);
    assert_eq!(world.value(fed).await, json!({"a": 11, "b": 12}));
    assert_eq!(world.value(Canvas::group(vec![])).await, json!([]));
    world.ends().await;
}

#[tokio::test]
async fn maps_sweeps_and_chunks_go_over_what_comes_in() {
    let world = World::start().await;
    let items = || Items::Input(JsonPath::WHOLE);
    let list = Canvas::group((0..5).map(|n| of("id", n)).collect());
    let (signature, each, policy) = (task("add").argument(10), Each::Item, Policy::WaitAll);
    let map = Shape::Map { signature: signature.clone(), items: items(), each, policy };
    let over = |shape: Shape| Canvas::chain(vec![list.clone(), shape.into()]);
    assert_eq!(world.value(over(map)).await, json!([10, 11, 12, 13, 14]));
    let sweep = Shape::Sweep { signature: signature.clone(), items: items(), each };
    assert_eq!(world.value(over(sweep)).await, json!([10, 11, 12, 13, 14]));
    let chunks = Shape::Chunks { signature, items: items(), each, size: 2, policy };
    assert_eq!(world.value(over(chunks)).await, json!([[10, 11], [12, 13], [14]]));
    let pairs = (0..3).map(|n| HeaderValue::List(vec![n.into(), 1_i64.into()])).collect();
    let star =
        Shape::Sweep { signature: task("add"), items: Items::Given(pairs), each: Each::Star };
    assert_eq!(world.value(star.into()).await, json!([1, 2, 3]));
    world.ends().await;
}

#[tokio::test]
async fn ten_thousand_members_meet() {
    let world = World::start().await;
    let members = (0..10_000).map(|n| of("id", n)).collect();
    let group = Canvas::group(members);
    let chord = Canvas::chain(vec![group.clone(), task("sum").into()]);
    assert_eq!(world.value(chord).await, json!(49_995_000));
    assert_eq!(world.value(group).await, json!(Vec::from_iter(0..10_000)));
    world.ends().await;
}

#[tokio::test]
async fn a_failed_member_means_what_the_policy_says() {
    let world = World::start().await;
    let members = || vec![of("id", 1), of("fail", 2), of("id", 3)];

    let all = world.app.start(group(Policy::WaitAll, members())).await.unwrap();
    let said = world.failure(all).await;
    assert!(said.contains("fail at group[1]: no 2"), "{said}");
    assert_eq!(world.status(all).await, Status::Failure);

    let settled = world.value(group(Policy::Settle, members())).await;
    assert_eq!((&settled[0], &settled[2]), (&json!({"value": 1}), &json!({"value": 3})));
    assert_eq!(settled[1]["error"]["failure"]["message"], "no 2");

    let mut members = members();
    members.extend((0..50).map(|n| of("wait", n)));
    let after = Canvas::chain(vec![group(Policy::FailFast, members), task("sum").into()]);
    let fast = world.app.start(after).await.unwrap();
    assert!(world.failure(fast).await.contains("no 2"), "nobody opened the gate");
    empty(&world.app).await;
    let steps = world.steps(fast).await;
    assert!(steps.iter().all(|status| status.is_terminal()), "{steps:?}");
    assert!(steps.contains(&Status::Cancelled) && steps.contains(&Status::Skipped));
    world.ends().await;
}

#[tokio::test]
async fn callbacks_hear_once() {
    let world = World::start().await;
    let (link, hear) = (task("hear"), task("hear"));
    let good = Canvas::group(vec![of("id", 1), of("id", 2)]).link(link).on_error(hear.clone());
    assert_eq!(world.value(good).await, json!([1, 2]));
    empty(&world.app).await;
    assert_eq!(std::mem::take(&mut *world.heard.0.lock()), [json!([1, 2])]);

    let bad = Canvas::chain(vec![of("fail", 3), of("add", 1)]).on_error(hear.clone()).link(hear);
    let bad = world.app.start(bad).await.unwrap();
    world.failure(bad).await;
    empty(&world.app).await;
    let heard = world.heard.0.lock().clone();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0]["task"], "fail");
    assert_eq!(heard[0]["path"], json!(["chain[0]"]));
    world.ends().await;
}

#[tokio::test]
async fn a_task_is_replaced_in_a_workflow_and_alone() {
    let world = World::start().await;
    let members = vec![of("count_up", 3), of("count_up", 4), of("id", 5)];
    let chord = Canvas::chain(vec![Canvas::group(members), task("sum").into()]);
    assert_eq!(world.value(chord).await, json!(12));
    let alone = world.app.send(count_up::s(6)).await.unwrap();
    assert_eq!(get(&alone).await, 6);
    world.ends().await;
}

#[tokio::test]
async fn cancelling_reaches_what_runs_waits_and_is_to_come() {
    let world = World::start().await;
    let later = Options { countdown: Some(millis(3_600_000)), ..Options::default() };
    let later = Signature { options: Some(Arc::new(later)), ..task("hear").argument(1) };
    let members = (0..3).map(|n| of("wait", n)).chain([later.into()]).collect();
    let chain = Canvas::chain(vec![Canvas::group(members), task("hear").into()]);
    let id = world.app.start(chain).await.unwrap();
    eventually("runs", || async { world.began.get() == 3 }).await;
    world.app.cancel_workflow(id).await.unwrap();
    let result = world.app.result::<Value>(id).await.unwrap();
    assert_eq!(end(&result).await, TaskState::Revoked);
    empty(&world.app).await;
    let steps = world.steps(id).await;
    assert!(steps.iter().all(|status| *status == Status::Cancelled), "{steps:?}");
    let again = world.app.cancel_workflow(id).await.unwrap_err();
    assert!(matches!(again, WorkflowError::Status { .. }), "{again}");
    assert!(world.heard.0.lock().is_empty());
    world.ends().await;
}

fn millis(millis: u64) -> celeriac::workflow::Millis {
    celeriac::workflow::Millis(Duration::from_millis(millis))
}

#[tokio::test]
async fn members_that_expire_or_are_unknown_close_the_join() {
    let world = World::start().await;
    let expired = Options { expires: Some(millis(0)), ..Options::default() };
    let expired = Signature { options: Some(Arc::new(expired)), ..task("id").argument(1) };
    let undecodable = task("add").argument("text");
    let members = vec![expired.into(), of("unheard", 2), undecodable.into(), of("id", 3)];
    let settled = world.value(group(Policy::Settle, members)).await;
    let kind = |at: usize| settled[at]["error"]["failure"]["kind"].clone();
    let kinds = [kind(0), kind(1), kind(2)];
    assert_eq!(kinds, ["expired", "unknown_task", "undecodable_arguments"]);
    assert_eq!(settled[3], json!({"value": 3}));
    world.ends().await;
}

#[tokio::test]
async fn a_member_that_is_revoked_closes_the_join() {
    let world = World::start().await;
    let members = vec![of("wait", 1), of("id", 2)];
    let id = world.app.start(group(Policy::Settle, members)).await.unwrap();
    eventually("a run", || async { world.began.get() == 1 }).await;
    let member = celeriac_engine::canvas::step_id(id, StepId(1), 0);
    world.app.revoke(&[member]).await.unwrap();
    let settled = get(&world.app.result::<Value>(id).await.unwrap()).await;
    assert_eq!(settled[0]["error"]["failure"]["kind"], "revoked");
    assert_eq!(settled[1], json!({"value": 2}));
    world.ends().await;
}

#[tokio::test]
async fn a_failed_step_is_tried_again_by_hand() {
    let world = World::start().await;
    let inner = Canvas::chain(vec![of("broken", 2), of("add", 10)]);
    let chord = Canvas::chain(vec![Canvas::group(vec![of("id", 1), inner]), task("sum").into()]);
    let id = world.app.start(chord).await.unwrap();
    assert!(world.failure(id).await.contains("broken"));
    empty(&world.app).await;
    let kept = world.app.quarantined(&Filter::default(), 9).await.unwrap();
    let alone = world.app.requeue(kept[0].content.id()).await.unwrap_err();
    assert!(matches!(alone, RequeueError::Step { workflow, .. } if workflow == id), "{alone}");
    world.mended.0.store(true, Ordering::SeqCst);
    world.app.retry_workflow(id).await.unwrap();
    let result = world.app.result::<Value>(id).await.unwrap();
    assert_eq!(get(&result).await, json!(13));
    empty(&world.app).await;
    assert_eq!(world.status(id).await, Status::Success);
    assert!(world.app.quarantined(&Filter::default(), 1).await.unwrap().is_empty());
    let again = world.app.retry_workflow(id).await.unwrap_err();
    assert!(matches!(again, WorkflowError::Status { .. }), "{again}");
    world.ends().await;
}

#[tokio::test]
async fn what_can_not_be_started_says_so() {
    let world = World::start().await;
    let mut canvas = of("id", 1);
    for _ in 0..40 {
        canvas = Canvas::chain(vec![canvas]);
    }
    let error = within("an answer", world.app.start(canvas)).await.unwrap_err();
    assert!(matches!(error, WorkflowError::Canvas(_)), "{error}");
    let unknown = world.app.cancel_workflow(MessageId::new()).await.unwrap_err();
    assert!(matches!(unknown, WorkflowError::Unknown(_)), "{unknown}");
    world.ends().await;
}
