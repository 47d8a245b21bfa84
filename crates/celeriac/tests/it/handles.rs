//! Typed workflows, sent: their results, and what their handles show and do.

use std::collections::BTreeMap;

use celeriac::canvas::{
    Dynamic, Nothing, Settled, StepError, at, chain, chunks, fork, group, input, map, repeat_until,
    starmap, switch,
};
use celeriac::workflow::Status;
use celeriac::{
    App, Canvas, NodeProgress, RetryPolicy, State, WorkflowHandle, WorkflowResultError,
};
use celeriac_testkit::probe::{eventually, within};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;

use crate::fixture::{Counter, Gate, app};

#[celeriac::task]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[celeriac::task]
async fn sum(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}

#[celeriac::task]
async fn total(lists: Vec<Vec<i64>>) -> i64 {
    lists.iter().flatten().sum()
}

#[celeriac::task]
async fn show(n: i64) -> String {
    format!("<{n}>")
}

#[celeriac::task]
async fn pair(both: (i64, String), after: String) -> String {
    format!("{}{}{after}", both.0, both.1)
}

#[celeriac::task]
async fn range(end: i64) -> Vec<i64> {
    (0..end).collect()
}

#[celeriac::task(retry = false)]
async fn below(n: i64, limit: i64) -> Result<i64, std::io::Error> {
    if n < limit { Ok(n) } else { Err(std::io::Error::other(format!("{n} is too large"))) }
}

#[celeriac::task]
async fn failures(results: Vec<Settled<i64>>) -> Vec<String> {
    let errors = results.into_iter().filter_map(|result| result.into_result().err());
    errors.map(|error| error.failure.message).collect()
}

#[celeriac::task]
async fn wait(n: i64, gate: State<Gate>) -> i64 {
    gate.pass().await;
    n
}

/// Fails until it was called often enough.
#[celeriac::task(retry = false)]
async fn stubborn(n: i64, calls: State<Counter>) -> Result<i64, std::io::Error> {
    if calls.add() == 0 { Err(std::io::Error::other("not yet")) } else { Ok(n) }
}

#[celeriac::task]
async fn note(error: StepError, notes: State<parking_lot::Mutex<Vec<String>>>) {
    notes.lock().push(error.place());
}

fn registered() -> App {
    app()
        .register(add)
        .register(sum)
        .register(total)
        .register(show)
        .register(pair)
        .register(range)
        .register(below)
        .register(failures)
        .register(wait)
        .register(stubborn)
        .register(note)
        .provide(Gate::default())
        .provide(Counter::default())
        .provide(parking_lot::Mutex::new(Vec::<String>::new()))
}

async fn get<Out: DeserializeOwned>(workflow: &WorkflowHandle<Out>) -> Out {
    within("a workflow", workflow.get()).await.unwrap()
}

#[tokio::test]
async fn every_composition_gives_what_its_type_says() {
    let app = registered();
    let worker = app.start_worker().await.unwrap();

    let chained = app.send(add::s(1, 2) | add::p(3) | show::p()).await.unwrap();
    assert_eq!(get(&chained).await, "<6>");

    let tuple = group((add::s(1, 2), show::s(4))).then(pair::p("!".into()));
    assert_eq!(get(&app.send(tuple).await.unwrap()).await, "3<4>!");

    let fed = chain(add::s(1, 1)).then(group([add::p(10), add::p(20)]));
    assert_eq!(get(&app.send(fed).await.unwrap()).await, [12, 22]);

    let mapped = chain(range::s(4)).then(map(add::p(1), input())).then(sum::p());
    assert_eq!(get(&app.send(mapped).await.unwrap()).await, 10);

    let chunked = chain(range::s(5)).then(chunks(add::p(1), input(), 2)).then(total::p());
    assert_eq!(get(&app.send(chunked).await.unwrap()).await, 15);

    let starred: Canvas<Nothing, _> = chain(starmap(add, [(1, 2), (3, 4)]));
    assert_eq!(get(&app.send(starred).await.unwrap()).await, [3, 7]);

    let forked = chain(add::s(1, 1)).then(fork([("a", add::p(1)), ("b", add::p(2))]));
    let expected = BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 4)]);
    assert_eq!(get(&app.send(forked).await.unwrap()).await, expected);

    let cases = switch().when(at("$").more_than(5), add::p(100)).otherwise(add::p(1000));
    let chosen =
        chain(add::s(3, 3)).then(cases).then(repeat_until(add::p(50), at("$").at_least(200), 9));
    assert_eq!(get(&app.send(chosen).await.unwrap()).await, 206);

    let settled = group([below::s(1, 5), below::s(7, 5)]).settle().then(failures::p());
    assert_eq!(get(&app.send(settled).await.unwrap()).await, ["7 is too large"]);

    let ignored = chain(range::s(3)).then(add::s(1, 2).immutable()).then(add::p(4));
    assert_eq!(get(&app.send(ignored).await.unwrap()).await, 7);

    let name = <add as celeriac::Task>::NAME;
    let dynamic = Dynamic::task(name, [1, 2]).then(show::p());
    assert_eq!(get(&app.send(dynamic).await.unwrap()).await, "<3>");
    worker.stop().await;
}

#[tokio::test]
async fn results_of_a_wide_group_stream_in_order() {
    let app = registered();
    let worker = app.start_worker().await.unwrap();
    let members = (0..2_500).map(|n| add::s(n, 0)).collect::<Vec<_>>();
    let wide = app.send(group(members)).await.unwrap();
    let all: Vec<i64> = within("results", wide.results().try_collect()).await.unwrap();
    assert_eq!(all, (0..2_500).collect::<Vec<_>>());
    assert_eq!(get(&wide).await, all);
    let settled = group([below::s(1, 5), below::s(7, 5)]).settle();
    let settled = app.send(settled).await.unwrap();
    let settled: Vec<_> = within("results", settled.results().try_collect()).await.unwrap();
    assert!(matches!(settled[0], Settled::Value(1)) && matches!(settled[1], Settled::Error(_)));
    worker.stop().await;
}

#[tokio::test]
async fn errors_tell_the_path_to_what_failed() {
    let app = registered();
    let worker = app.start_worker().await.unwrap();
    let members = [below::s(1, 5), below::s(7, 5)];
    let canvas = chain(group(members)).then(sum::p()).on_error(note::p());
    let failed = app.send(canvas).await.unwrap();
    let error = within("a failure", failed.get()).await.unwrap_err();
    let WorkflowResultError::Failed { error, .. } = error else { panic!("{error}") };
    assert_eq!(error.place(), "chain[0]/group[1]");
    let progress = failed.progress().await.unwrap();
    assert_eq!((progress.status, progress.failed), (Status::Failure, 1));
    assert_eq!(progress.nodes.last().unwrap().status, Status::Skipped);
    worker.stop().await;
}

#[tokio::test]
async fn progress_events_and_drawings_follow_a_workflow() {
    let gate = Gate::default();
    let app = registered().provide(gate.clone());
    let worker = app.start_worker().await.unwrap();
    let canvas = chain(add::s(1, 2)).then(wait::p()).then(group([add::p(1), add::p(2)]));
    let sent = app.send(canvas).await.unwrap();
    eventually("the first step", || async { sent.progress().await.unwrap().done == 1 }).await;
    let progress = sent.progress().await.unwrap();
    assert_eq!((progress.status, progress.total), (Status::Running, 4));
    let drawing = sent.graph().await.unwrap();
    assert!(drawing.mermaid().contains("wait\"]:::RUNNING"), "{}", drawing.mermaid());
    assert!(drawing.dot().contains("->") && drawing.svg().starts_with("<svg"));
    gate.open();
    let events: Vec<NodeProgress> = within("the end", sent.events().try_collect()).await.unwrap();
    let last = events.last().unwrap();
    assert_eq!((last.path.as_str(), last.status), ("/", Status::Success));
    assert_eq!((last.done, last.total), (4, 4));
    worker.stop().await;
}

#[tokio::test]
async fn a_cancelled_workflow_goes_no_further() {
    let app = registered();
    let worker = app.start_worker().await.unwrap();
    let sent = app.send(wait::s(1) | add::p(1)).await.unwrap();
    eventually("a start", || async {
        sent.progress().await.unwrap().nodes[1].status == Status::Running
    })
    .await;
    sent.cancel().await.unwrap();
    let error = within("the end", sent.get()).await.unwrap_err();
    assert!(matches!(error, WorkflowResultError::Cancelled(_)), "{error}");
    let progress = sent.progress().await.unwrap();
    assert_eq!((progress.status, progress.done), (Status::Cancelled, 2));
    assert!(sent.cancel().await.is_err());
    worker.stop().await;
}

#[tokio::test]
async fn a_failed_workflow_goes_on_after_a_retry() {
    let app = registered();
    let worker = app.start_worker().await.unwrap();
    let never = RetryPolicy::immediate(1);
    let sent = app.send(add::s(1, 2) | stubborn::p().retry(never) | add::p(3)).await.unwrap();
    assert!(within("a failure", sent.get()).await.is_err());
    let same: WorkflowHandle<i64> = app.workflow_handle(sent.id());
    same.retry().await.unwrap();
    assert_eq!(get(&same).await, 6);
    assert_eq!(sent.events().count().await, 4);
    worker.stop().await;
}

#[tokio::test]
async fn nothing_is_known_of_what_was_never_sent() {
    let app = registered();
    let unknown: WorkflowHandle<i64> = app.workflow_handle(celeriac::MessageId::new());
    assert_eq!(unknown.status().await.unwrap(), None);
    let error = unknown.progress().await.unwrap_err();
    assert!(matches!(error, WorkflowResultError::Unknown(_)), "{error}");
}
