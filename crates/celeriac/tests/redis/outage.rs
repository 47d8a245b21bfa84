//! Servers of this test's own that are down: the backlog, fail-over, and apps
//! that start without their server.

use std::time::Instant;

use celeriac::config::{NamedBroker, Route};
use celeriac::{App, Config};
use celeriac_testkit::server::{Kind, Server};

use crate::PATIENCE;
use crate::child::double;

async fn until(app: &App, broker: usize, is_up: bool) {
    let began = Instant::now();
    while app.brokers().await.unwrap()[broker].is_up != is_up {
        assert!(began.elapsed() < PATIENCE, "{:?}", app.brokers().await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_starts_and_sends_while_its_server_is_down() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    server.kill();
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config { broker: server.address().as_str().into(), ..Config::default() };
    config.security.folder = directory.path().join("keys").display().to_string();
    config.backlog.folder = directory.path().join("backlog").display().to_string();
    let app = App::from_config(config).unwrap().register(double);
    let results = app.send_many((0..500).map(double::s)).await.unwrap();
    let report = &app.brokers().await.unwrap()[0];
    assert!(!report.is_up && report.on_disk == 500, "{report:?}");

    server.restart();
    until(&app, 0, true).await;
    let worker = app.start_worker().await.unwrap();
    for (number, result) in (0..).zip(&results) {
        assert_eq!(result.get_timeout(PATIENCE).await.unwrap(), 2 * number);
    }
    // And once more, in the middle of its life.
    server.kill();
    let results = app.send_many((0..50).map(double::s)).await.unwrap();
    server.restart();
    for (number, result) in (0..).zip(&results) {
        assert_eq!(result.get_timeout(PATIENCE).await.unwrap(), 2 * number);
    }
    worker.stop().await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_stands_in_for_a_server_and_a_worker_takes_from_both() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    let mut config = Config {
        broker: server.address().as_str().into(),
        store: Some(path("state").as_str().into()),
        ..Config::default()
    };
    config.security.folder = path("keys");
    config.brokers.insert("here".to_owned(), NamedBroker { url: path("here").as_str().into() });
    config.routes.push(Route {
        task: Some("redis.*".to_owned()),
        brokers: vec!["default".to_owned(), "here".to_owned()],
        ..Route::default()
    });
    let app = App::from_config(config).unwrap().register(double);
    let worker = app.start_worker().await.unwrap();
    let send = |range: std::ops::Range<i64>| app.send_many(range.map(double::s));
    let mut results = send(0..200).await.unwrap();
    server.kill();
    results.extend(send(200..400).await.unwrap());
    until(&app, 0, false).await;
    results.extend(send(400..600).await.unwrap());
    // Those of the first batch that the server held come when it is back.
    for (number, result) in (200..).zip(&results[200..]) {
        assert_eq!(result.get_timeout(PATIENCE).await.unwrap(), 2 * number);
    }
    server.restart();
    until(&app, 0, true).await;
    results.extend(send(600..800).await.unwrap());
    for (number, result) in (0..).zip(&results) {
        assert_eq!(result.get_timeout(PATIENCE).await.unwrap(), 2 * number);
    }
    worker.stop().await;
    app.shutdown().await;
}
