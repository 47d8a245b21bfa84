//! Later, never after, once: countdown, eta, expiry, deduplication.

use std::time::{Duration, SystemTime};

use celeriac::{App, Filter, Reason, State, TaskState};

use crate::fixture::{Counter, Gate, app, app_with, empty, end, failure, get, reaches};

const SOON: Duration = Duration::from_millis(30);
const HOUR: Duration = Duration::from_secs(3600);

#[celeriac::task]
async fn count(calls: State<Counter>) -> usize {
    calls.add()
}

#[celeriac::task]
async fn hold(gate: State<Gate>) {
    gate.pass().await;
}

#[celeriac::task(expires = "1ms")]
async fn hurried() {}

fn registered(calls: &Counter) -> App {
    app().register(count).provide(calls.clone())
}

#[tokio::test]
async fn a_countdown_and_an_eta_are_waited_for() {
    let calls = Counter::default();
    let app = registered(&calls);
    let _worker = app.start_worker().await.unwrap();
    let began = SystemTime::now();
    let counted = app.send(count::s().countdown(SOON)).await.unwrap();
    let timed = app.send(count::s().eta(SystemTime::now() + SOON)).await.unwrap();
    get(&counted).await;
    get(&timed).await;
    assert!(began.elapsed().unwrap() + Duration::from_millis(1) >= SOON, "never before");
    let past = app.send(count::s().eta(SystemTime::now() - HOUR)).await.unwrap();
    get(&past).await;
}

#[tokio::test]
async fn what_waits_for_its_time_is_scheduled() {
    let calls = Counter::default();
    let app = registered(&calls);
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(count::s().countdown(HOUR)).await.unwrap();
    assert_eq!(sent.state().await.unwrap(), TaskState::Scheduled);
    assert_eq!((app.scheduled().await.unwrap(), calls.get()), (1, 0));
    assert!(app.queues().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_begun_in_time_is_quarantined() {
    let calls = Counter::default();
    let app = registered(&calls).register(hurried);
    let expired = app.send(count::s().expires(Duration::ZERO)).await.unwrap();
    let overdue = app.send(count::s().deadline(Duration::ZERO)).await.unwrap();
    let _worker = app.start_worker().await.unwrap();
    for sent in [&expired, &overdue] {
        assert_eq!(end(sent).await, TaskState::Quarantined);
        assert!(failure(sent).await.contains("its time was over"));
    }
    let fresh = app.send(count::s().expires(HOUR)).await.unwrap();
    assert_eq!(get(&fresh).await, 0, "the others never ran");
    empty(&app).await;
    let filter = Filter { reason: Some(Reason::Expired), ..Filter::default() };
    assert_eq!(app.quarantined(&filter, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_tasks_own_expiry_counts() {
    let app = app().register(hurried);
    let sent = app.send(hurried::s()).await.unwrap();
    let until = SystemTime::now() + Duration::from_millis(3);
    while SystemTime::now() < until {
        tokio::task::yield_now().await;
    }
    let _worker = app.start_worker().await.unwrap();
    assert_eq!(end(&sent).await, TaskState::Quarantined);
}

#[tokio::test]
async fn a_second_send_of_a_key_gets_the_first_ones_handle() {
    let calls = Counter::default();
    let app = registered(&calls);
    let _worker = app.start_worker().await.unwrap();
    let keyed = |key: &str| count::s().dedup_key(key, HOUR);
    let first = app.send(keyed("a")).await.unwrap();
    let second = app.send(keyed("a")).await.unwrap();
    assert_eq!(first.id(), second.id());
    assert_eq!((get(&first).await, get(&second).await), (0, 0));
    let third = app.send(keyed("a")).await.unwrap();
    assert_eq!((third.id(), get(&third).await), (first.id(), 0), "also after its end");
    assert_eq!(get(&app.send(keyed("b")).await.unwrap()).await, 1);
    assert_eq!(calls.get(), 2);
}

#[tokio::test]
async fn an_id_of_the_senders_choice_runs_once() {
    let calls = Counter::default();
    let app = registered(&calls);
    let _worker = app.start_worker().await.unwrap();
    let id = celeriac::MessageId::new();
    let first = app.send(count::s().id(id)).await.unwrap();
    assert_eq!((first.id(), get(&first).await), (id, 0));
    empty(&app).await;
    let again = app.send(count::s().id(id)).await.unwrap();
    empty(&app).await;
    assert_eq!((get(&again).await, calls.get()), (0, 1));
}

#[tokio::test]
async fn a_full_queue_pushes_back_and_loses_nothing() {
    let (calls, gate) = (Counter::default(), Gate::default());
    let app = app_with(|config| {
        config.queues.limit = 10;
        config.worker.concurrency = 1;
    });
    let app = app.register(count).register(hold).provide(calls.clone()).provide(gate.clone());
    let _worker = app.start_worker().await.unwrap();
    let holding = app.send(hold::s()).await.unwrap();
    reaches(&holding, TaskState::Started).await;
    let send = futures_util::future::join_all((0..200).map(|_| app.send(count::s())));
    let (sent, ()) = futures_util::future::join(send, async { gate.open() }).await;
    for result in sent {
        get(&result.unwrap()).await;
    }
    assert_eq!(calls.get(), 200);
}

#[tokio::test]
async fn a_queue_that_stays_full_is_an_error() {
    let app = app_with(|config| {
        config.queues.limit = 2;
        config.queues.room_timeout = Duration::from_millis(1);
    });
    app.send_many([count::s(), count::s()]).await.unwrap();
    let error = app.send(count::s()).await.unwrap_err().to_string();
    assert!(error.contains("`default` stayed full"), "{error}");
    let countdown = app.send(count::s().countdown(HOUR)).await;
    assert!(countdown.is_ok(), "timers have room");
}
