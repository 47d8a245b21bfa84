//! What is remembered across a restart: revocations, dedup keys, timers, results.

use std::time::Duration;

use celeriac::workflow::{Canvas, Signature, Status, StepId};
use celeriac::{ResultError, TaskState};

use crate::child::{app, record};

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_task_is_not_run_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran.log");
    let before = app(dir.path(), 3);
    let revoked = before.send(record::s(1, ran.display().to_string())).await.unwrap();
    let kept = before.send(record::s(2, ran.display().to_string())).await.unwrap();
    revoked.revoke().await.unwrap();
    before.shutdown().await;

    let after = app(dir.path(), 3);
    let worker = after.start_worker().await.unwrap();
    let kept = after.result::<u64>(kept.id()).await.unwrap();
    assert_eq!(kept.get_timeout(LONG).await.unwrap(), 2);
    let revoked = after.result::<u64>(revoked.id()).await.unwrap();
    assert!(matches!(revoked.get().await, Err(ResultError::Revoked(_))));
    worker.stop().await;
    after.shutdown().await;
    assert_eq!(std::fs::read_to_string(ran).unwrap(), "2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dedup_key_holds_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran.log").display().to_string();
    let before = app(dir.path(), 3);
    let call = |number| record::s(number, ran.clone()).dedup_key("once", LONG);
    let first = before.send(call(1)).await.unwrap();
    before.shutdown().await;

    let after = app(dir.path(), 3);
    let second = after.send(call(2)).await.unwrap();
    assert_eq!(second.id(), first.id(), "the second send gets the first's handle");
    let worker = after.start_worker().await.unwrap();
    assert_eq!(second.get_timeout(LONG).await.unwrap(), 1);
    worker.stop().await;
    after.shutdown().await;
    assert_eq!(std::fs::read_to_string(ran).unwrap(), "1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_time_and_what_ended_are_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran.log").display().to_string();
    let before = app(dir.path(), 3);
    let worker = before.start_worker().await.unwrap();
    let ended = before.send(record::s(1, ran.clone())).await.unwrap();
    ended.get_timeout(LONG).await.unwrap();
    let soon = record::s(2, ran.clone()).countdown(Duration::from_millis(300));
    let soon = before.send(soon).await.unwrap();
    let later = before.send(record::s(3, ran.clone()).countdown(LONG)).await.unwrap();
    worker.stop().await;
    before.shutdown().await;

    let after = app(dir.path(), 3);
    let worker = after.start_worker().await.unwrap();
    let again = |id| after.result::<u64>(id);
    assert_eq!(again(ended.id()).await.unwrap().get_timeout(LONG).await.unwrap(), 1);
    assert_eq!(again(soon.id()).await.unwrap().get_timeout(LONG).await.unwrap(), 2);
    // One that came due is forgotten after it was published: it may have ended by then.
    let one_waits = async { while after.scheduled().await.unwrap() != 1 {} };
    tokio::time::timeout(LONG, one_waits).await.expect("only the one for later waits");
    let state = again(later.id()).await.unwrap().state().await.unwrap();
    assert!(!state.is_terminal() && state != TaskState::Started, "{state}");
    worker.stop().await;
    after.shutdown().await;
}

/// Cancelled while nobody works; whoever starts later runs nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_workflow_is_not_run_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran.log").display().to_string();
    let step = |number: i64| Signature::new("record").argument(number).argument(ran.as_str());
    let before = app(dir.path(), 3);
    let chain = |number| Canvas::chain(vec![step(number).into(), step(9).immutable().into()]);
    let cancelled = before.start(chain(1)).await.unwrap();
    before.cancel_workflow(cancelled).await.unwrap();
    let kept = before.start(step(2).into()).await.unwrap();
    before.shutdown().await;

    let after = app(dir.path(), 3);
    let record = after.workflow(cancelled).await.unwrap().unwrap();
    assert_eq!(record.status(), Status::Cancelled);
    let worker = after.start_worker().await.unwrap();
    let kept = after.result::<u64>(kept).await.unwrap();
    assert_eq!(kept.get_timeout(LONG).await.unwrap(), 2);
    let empty = async { while !after.queues().await.unwrap().is_empty() {} };
    tokio::time::timeout(LONG, empty).await.expect("nothing is left");
    let steps = after.workflow_steps(cancelled, StepId(0), 9).await.unwrap();
    assert_eq!(steps, [Status::Cancelled; 3]);
    let result = after.result::<u64>(cancelled).await.unwrap();
    assert!(matches!(result.get().await, Err(ResultError::Revoked(_))));
    worker.stop().await;
    after.shutdown().await;
    assert_eq!(std::fs::read_to_string(ran).unwrap(), "2\n");
}
