//! Several brokers in one app, by its configuration.

use celeriac::config::{NamedBroker, Route};
use celeriac::{App, Config, Question, QueueName};

#[celeriac::task(name = "far.double")]
async fn double(number: i64) -> i64 {
    2 * number
}

#[celeriac::task(name = "near.half")]
async fn half(number: i64) -> i64 {
    number / 2
}

fn config(directory: &std::path::Path) -> Config {
    let mut config = Config { broker: "memory://".into(), ..Config::default() };
    let url = directory.join("b").display().to_string().as_str().into();
    config.brokers.insert("b".to_owned(), NamedBroker { url });
    config.routes.push(Route {
        task: Some("far.*".to_owned()),
        brokers: vec!["b".to_owned()],
        ..Route::default()
    });
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_takes_from_all_brokers_and_tells_of_each() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::from_config(config(directory.path())).unwrap();
    let app = app.register(double).register(half);
    let far = app.send(double::s(21)).await.unwrap();
    let near = app.send(half::s(14)).await.unwrap();
    let queues = app.queues().await.unwrap();
    assert_eq!((queues.len(), queues[0].ready), (1, 2), "those of both");

    let worker = app.start_worker().await.unwrap();
    assert_eq!((far.get().await.unwrap(), near.get().await.unwrap()), (42, 7));
    let circuits = app.inspect(Question::Circuits).await.unwrap();
    let circuits = circuits[0].1.as_ref().unwrap().as_array().unwrap().clone();
    let names = circuits.iter().filter_map(|circuit| circuit["name"].as_str());
    let brokers = Vec::from_iter(names.filter(|name| name.starts_with("broker.")));
    assert_eq!(brokers, ["broker.b", "broker.default"]);
    let reports = app.brokers().await.unwrap();
    assert!(reports.len() == 2 && reports.iter().all(|report| report.is_up), "{reports:?}");
    worker.stop().await;
    app.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_routes_is_told_before_anything_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.routes[0].brokers.push("c".to_owned());
    let error = App::from_config(config).unwrap_err();
    assert!(error.to_string().contains("no broker is named `c`; there are default, b"), "{error}");
}

#[tokio::test]
async fn a_queue_is_moved_between_brokers_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::from_config(config(directory.path())).unwrap().register(half);
    app.send_many((0..700).map(half::s)).await.unwrap();
    let mut told = Vec::new();
    let moved =
        app.move_queue(&QueueName::DEFAULT, "default", "b", |moved| told.push(moved.moved)).await;
    assert_eq!((moved.unwrap().moved, told), (700, vec![500, 700]));
    let unknown = app.move_queue(&QueueName::DEFAULT, "default", "c", drop).await.unwrap_err();
    assert!(unknown.to_string().contains("no broker is named `c`"), "{unknown}");
    app.shutdown().await;
}
