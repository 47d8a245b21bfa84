//! Typed calls: arguments in, results out.

use std::collections::BTreeMap;

use celeriac::{App, ContentType, State, TaskContext};
use serde::{Deserialize, Serialize};

use crate::fixture::{Counter, app, app_with, empty, end, failure, get};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    items: Vec<(String, u32)>,
    prices: BTreeMap<String, f64>,
    note: Option<String>,
}

#[celeriac::task]
async fn total(order: Order, discount: Option<u32>) -> Result<(u32, Order), std::io::Error> {
    let count = order.items.iter().map(|(_, count)| count).sum::<u32>();
    Ok((count - discount.unwrap_or(0), order))
}

#[celeriac::task]
fn double(n: u32) -> u32 {
    n * 2
}

#[celeriac::task]
async fn nothing() {}

#[celeriac::task(queue = "mail", ignore_result)]
async fn forgetful(_text: String) -> u32 {
    7
}

#[celeriac::task]
async fn who(ctx: &TaskContext, calls: State<Counter>) -> (String, u32, String) {
    calls.add();
    (ctx.id().to_string(), ctx.attempt(), ctx.queue().to_string())
}

#[celeriac::task]
async fn append(n: u32, order: State<parking_lot::Mutex<Vec<u32>>>) {
    order.lock().push(n);
}

fn order() -> Order {
    Order {
        items: vec![("nail".to_owned(), 5), ("ærø".to_owned(), 2)],
        prices: BTreeMap::from([("nail".to_owned(), 0.25)]),
        note: None,
    }
}

fn registered() -> App {
    app().register(total).register(double).register(nothing).register(forgetful)
}

#[tokio::test]
async fn arguments_and_results_are_typed() {
    let app = registered();
    let worker = app.start_worker().await.unwrap();
    assert_eq!(get(&app.send(total::s(order(), Some(1))).await.unwrap()).await, (6, order()));
    assert_eq!(get(&app.send(double::s(21)).await.unwrap()).await, 42);
    get(&app.send(nothing::s()).await.unwrap()).await;
    worker.stop().await;
    app.shutdown().await;
}

#[tokio::test]
async fn message_pack_works_as_well_as_json() {
    let app = registered();
    let _worker = app.start_worker().await.unwrap();
    let call = total::s(order(), None).content_type(ContentType::MessagePack);
    let sent = app.send(call).await.unwrap();
    assert_eq!(get(&sent).await, (7, order()));
    let outcome = sent.entry().await.unwrap().unwrap().outcome.unwrap();
    assert_eq!(outcome.content_type, ContentType::MessagePack);
}

#[tokio::test]
async fn many_are_sent_in_order_and_answer_in_order() {
    let app = registered();
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send_many((0..100).map(double::s)).await.unwrap();
    for (n, result) in (0..100).zip(&sent) {
        assert_eq!(get(result).await, n * 2);
    }
    empty(&app).await;
}

#[tokio::test]
async fn a_result_that_is_ignored_is_not_kept() {
    let app = registered();
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(forgetful::s("x".to_owned())).await.unwrap();
    assert_eq!(end(&sent).await.as_str(), "IGNORED");
    assert!(failure(&sent).await.contains("keeps no value"));
    assert!(sent.entry().await.unwrap().unwrap().outcome.unwrap().value.is_empty());
}

#[tokio::test]
async fn a_task_is_given_its_context_and_states() {
    let calls = Counter::default();
    let app = app().register(who).provide(calls.clone());
    let _worker = app.start_worker().await.unwrap();
    let sent = app.send(who::s()).await.unwrap();
    assert_eq!(get(&sent).await, (sent.id().to_string(), 0, "default".to_owned()));
    assert_eq!(calls.get(), 1);
}

#[tokio::test]
async fn a_state_that_is_missing_is_told_when_the_worker_starts() {
    let app = app().register(who);
    let error = app.start_worker().await.unwrap_err().to_string();
    assert!(error.contains("who") && error.contains("Counter"), "{error}");
}

#[tokio::test]
async fn the_urgent_goes_first_and_equals_in_order() {
    let order = parking_lot::Mutex::new(Vec::<u32>::new());
    let app = app_with(|config| config.worker.concurrency = 1).register(append).provide(order);
    let sent = [(1, 0), (2, 5), (3, 9), (4, 5), (5, 9), (6, 0)];
    let mut results = Vec::new();
    for (n, priority) in sent {
        results.push(app.send(append::s(n).priority(priority)).await.unwrap());
    }
    let order = app.register(look);
    let _worker = order.start_worker().await.unwrap();
    for result in &results {
        get(result).await;
    }
    assert_eq!(get(&order.send(look::s()).await.unwrap()).await, [3, 5, 2, 4, 1, 6]);
}

#[celeriac::task]
async fn look(order: State<parking_lot::Mutex<Vec<u32>>>) -> Vec<u32> {
    order.lock().clone()
}

#[tokio::test]
async fn a_queue_of_the_call_comes_before_the_tasks() {
    let app = app_with(|config| config.worker.queues = vec!["special".to_owned()]).register(double);
    let _worker = app.start_worker().await.unwrap();
    let elsewhere = app.send(double::s(1)).await.unwrap();
    let served = app.send(double::s(1).queue("special")).await.unwrap();
    assert_eq!(get(&served).await, 2);
    assert_eq!(elsewhere.state().await.unwrap().as_str(), "PENDING");
}

#[tokio::test]
async fn inspect_asks_every_worker() {
    use celeriac::Question;
    let app = registered();
    let workers = [app.start_worker().await.unwrap(), app.start_worker().await.unwrap()];
    let answers = app.inspect(Question::Ping).await.unwrap();
    let names: Vec<_> = answers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(workers.iter().all(|worker| names.contains(&worker.name())), "{names:?}");
    assert!(answers.iter().all(|(_, answer)| answer.as_ref().is_some_and(|a| a == "pong")));
    let registered = app.inspect(Question::Registered).await.unwrap();
    assert_eq!(registered[0].1.as_ref().unwrap().as_array().unwrap().len(), 4);
    workers[0].stop().await;
    assert_eq!(app.inspect(Question::Stats).await.unwrap().len(), 1);
}
