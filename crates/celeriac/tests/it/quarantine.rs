//! What can't be worked on: kept with its reason, requeued, discarded; it never
//! stops a queue.

use celeriac::{App, Filter, MessageId, RawSignature, Reason, RequeueError, State, TaskState};
use serde_json::json;
use std::time::Duration;

use crate::fixture::{Counter, app, app_with, empty, end, failure, get};

#[celeriac::task(name = "count")]
async fn count(_n: u32, calls: State<Counter>) -> usize {
    calls.add()
}

fn raw(name: &str, args: serde_json::Value) -> RawSignature {
    let args = args.as_array().cloned().unwrap_or_default();
    RawSignature { name: name.to_owned(), args, ..RawSignature::default() }
}

async fn kept(app: &App, reason: Reason) -> Vec<MessageId> {
    let filter = Filter { reason: Some(reason), ..Filter::default() };
    let kept = app.quarantined(&filter, 100_000).await.unwrap();
    kept.iter().map(|quarantined| quarantined.content.id()).collect()
}

#[tokio::test]
async fn an_unknown_task_runs_once_it_is_known_and_requeued() {
    let app = app();
    let worker = app.start_worker().await.unwrap();
    let sent = app.send_raw(raw("count", json!([1]))).await.unwrap();
    assert_eq!(end(&sent).await, TaskState::Quarantined);
    assert!(failure(&sent).await.contains("no task `count` is registered here"));
    empty(&app).await;
    assert_eq!(kept(&app, Reason::UnknownTask).await, [sent.id()]);
    worker.stop().await;

    let app = app.register(count).provide(Counter::default());
    let _worker = app.start_worker().await.unwrap();
    app.requeue(sent.id()).await.unwrap();
    assert_eq!(get(&sent).await, 0);
    assert!(app.quarantined(&Filter::default(), 9).await.unwrap().is_empty());
    let again = app.requeue(sent.id()).await.unwrap_err();
    assert!(matches!(again, RequeueError::Unknown(_)), "{again}");
}

#[tokio::test]
async fn one_that_fails_again_is_kept_again() {
    let app = app();
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send_raw(raw("unknown", json!([]))).await.unwrap();
    for _ in 0..20 {
        assert_eq!(end(&sent).await, TaskState::Quarantined);
        empty(&app).await;
        assert_eq!(kept(&app, Reason::UnknownTask).await, [sent.id()]);
        app.requeue(sent.id()).await.unwrap();
    }
}

#[tokio::test]
async fn one_that_finds_no_room_stays_where_it_is() {
    let app = app_with(|config| {
        config.queues.limit = 1;
        config.queues.room_timeout = Duration::from_millis(1);
    });
    let worker = app.start_worker().await.unwrap();
    let sent = app.send_raw(raw("unknown", json!([]))).await.unwrap();
    assert_eq!(end(&sent).await, TaskState::Quarantined);
    empty(&app).await;
    worker.stop().await;
    app.send_raw(raw("unknown", json!([]))).await.unwrap();
    let error = app.requeue(sent.id()).await.unwrap_err().to_string();
    assert!(error.contains("stayed full"), "{error}");
    assert_eq!(kept(&app, Reason::UnknownTask).await, [sent.id()]);
    assert_eq!(app.scheduled().await.unwrap(), 0);
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_kept() {
    let app = app().register(count).provide(Counter::default());
    let _worker = app.start_worker().await.unwrap();
    for args in [json!(["one"]), json!([1, 2]), json!([])] {
        let sent = app.send_raw(raw("count", args)).await.unwrap();
        assert_eq!(end(&sent).await, TaskState::Quarantined);
        assert!(failure(&sent).await.contains("undecodable_arguments"));
    }
    empty(&app).await;
    let ids = kept(&app, Reason::Undecodable).await;
    assert_eq!(ids.len(), 3);
    assert_eq!(app.discard(&ids).await.unwrap(), 3);
    assert_eq!(app.discard(&ids).await.unwrap(), 0);
    let fits = app.send_raw(raw("count", json!([1]))).await.unwrap();
    assert_eq!(get(&fits).await, json!(0));
}

#[tokio::test]
async fn ten_thousand_bad_messages_do_not_stop_a_queue() {
    const BAD: usize = 10_000;
    let calls = Counter::default();
    let app = app().register(count).provide(calls.clone());
    let _worker = app.start_worker().await.unwrap();
    let bad = |n: usize| match n % 3 {
        0 => raw("unknown", json!([])),
        1 => raw("count", json!(["x"])),
        _ => RawSignature { expires: Some(Duration::ZERO), ..raw("count", json!([1])) },
    };
    let mut good = Vec::new();
    for chunk in 0..100 {
        let calls = (0..BAD / 100).map(|n| app.send_raw(bad(chunk * BAD / 100 + n)));
        for sent in futures_util::future::join_all(calls).await {
            sent.unwrap();
        }
        good.push(app.send(count::s(1)).await.unwrap());
    }
    for result in &good {
        get(result).await;
    }
    empty(&app).await;
    assert_eq!(calls.get(), good.len());
    assert_eq!(app.quarantined(&Filter::default(), 2 * BAD).await.unwrap().len(), BAD);
    assert_eq!(kept(&app, Reason::UnknownTask).await.len(), BAD.div_ceil(3));
}
