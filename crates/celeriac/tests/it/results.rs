//! Handles: states, progress, waiting, forgetting.

use std::time::Duration;

use celeriac::{ResultError, State, TaskContext, TaskState};
use celeriac_testkit::probe::{eventually, within};
use futures_util::StreamExt as _;

use crate::fixture::{Gate, app, end, get, reaches};

#[celeriac::task]
async fn steps(ctx: &TaskContext, gate: State<Gate>) -> u64 {
    ctx.progress(3, Some(10));
    gate.pass().await;
    10
}

#[tokio::test]
async fn states_and_progress_are_seen_as_they_change() {
    let gate = Gate::default();
    let app = app().register(steps).provide(gate.clone());
    let sent = app.send(steps::s()).await.unwrap();
    assert_eq!(sent.state().await.unwrap(), TaskState::Pending);
    let _worker = app.start_worker().await.unwrap();
    let mut states = Box::pin(sent.states());
    let started = within("a state", states.next()).await.unwrap().unwrap();
    assert_eq!(started.state, TaskState::Started);
    eventually("progress", || async { sent.progress().await.unwrap().is_some() }).await;
    let progress = sent.progress().await.unwrap().unwrap();
    assert_eq!((progress.done, progress.total), (3, Some(10)));
    gate.open();
    let rest: Vec<_> = within("the end", states.map(|e| e.unwrap().state).collect()).await;
    assert_eq!(rest.last(), Some(&TaskState::Success));
}

#[tokio::test]
async fn waiting_has_a_limit_if_one_is_given() {
    let gate = Gate::default();
    let app = app().register(steps).provide(gate.clone());
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(steps::s()).await.unwrap();
    let error = sent.get_timeout(Duration::from_millis(1)).await.unwrap_err();
    assert!(matches!(error, ResultError::Timeout { .. }), "{error}");
    gate.open();
    assert_eq!(get(&sent).await, 10);
    assert_eq!(sent.get_timeout(Duration::ZERO).await.unwrap(), 10);
}

#[tokio::test]
async fn a_handle_is_found_again_by_its_id() {
    let gate = Gate::default();
    gate.open();
    let app = app().register(steps).provide(gate);
    let _worker = app.start_worker().await.unwrap();
    let id = app.send(steps::s()).await.unwrap().id();
    let again = app.result::<u64>(id).await.unwrap();
    assert_eq!(get(&again).await, 10);
    let wrong = app.result::<String>(id).await.unwrap();
    assert!(matches!(wrong.get().await, Err(ResultError::Decode { .. })));
}

#[tokio::test]
async fn what_is_forgotten_is_unknown() {
    let gate = Gate::default();
    gate.open();
    let app = app().register(steps).provide(gate);
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(steps::s()).await.unwrap();
    assert_eq!(end(&sent).await, TaskState::Success);
    sent.clone().forget().await.unwrap();
    assert!(sent.entry().await.unwrap().is_none());
    reaches(&sent, TaskState::Pending).await;
}
