//! Checks and circuits of an app, through its own interface.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use celeriac::health::{CircuitError, Finding, HealthCheck, HealthStatus};
use celeriac::{App, Config, Question, State};
use celeriac_testkit::probe::eventually;
use serde_json::Value;

use crate::fixture::{app, app_with, empty, get};

const SOON: Duration = Duration::from_millis(20);

#[derive(Clone, Default)]
struct Broken(Arc<AtomicBool>);

#[celeriac::task(queue = "fragile", retry(max = 50, backoff = "1ms..2ms"))]
async fn fragile(broken: State<Broken>) -> Result<u32, String> {
    if broken.0.load(SeqCst) { Err("no bank".to_owned()) } else { Ok(7) }
}

#[celeriac::task(queue = "tough", retry(max = 9, backoff = "1ms..2ms"), breaker = false)]
async fn tough(broken: State<Broken>) -> Result<u32, String> {
    if broken.0.load(SeqCst) { Err("no bank".to_owned()) } else { Ok(7) }
}

#[celeriac::task]
async fn ledger(broken: State<Broken>) -> Finding {
    match broken.0.load(SeqCst) {
        true => Finding::unhealthy("it does not balance"),
        false => Finding::healthy("balanced"),
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Order {
    total: f64,
}

async fn health(app: &App) -> Value {
    let answers = app.inspect(Question::Health).await.unwrap();
    answers.into_iter().next().and_then(|(_, answer)| answer).unwrap_or_default()
}

async fn check(app: &App, name: &str) -> Value {
    let health = health(app).await;
    let checks = health["checks"].as_array().cloned().unwrap_or_default();
    checks.into_iter().find(|check| check["report"]["name"] == name).unwrap_or_default()
}

async fn finds(app: &App, name: &str, status: HealthStatus) {
    let is_found =
        || async { check(app, name).await["report"]["finding"]["status"] == status.as_str() };
    eventually(&format!("that {name} is {status}"), is_found).await;
}

#[tokio::test]
async fn a_circuit_holds_back_what_fails_and_lets_it_go_on_later() {
    let broken = Broken::default();
    broken.0.store(true, SeqCst);
    let short = |config: &mut Config| config.breakers.open_for = Duration::from_millis(200);
    let app = app_with(short).register(fragile).provide(broken.clone());
    let worker = app.start_worker().await.unwrap();
    let sent = app.send_many((0..20).map(|_| fragile::s())).await.unwrap();
    let circuits = || async {
        let health = health(&app).await;
        health["status"] == "unhealthy" && health["circuits"].to_string().contains("no bank")
    };
    eventually("an open circuit", circuits).await;
    broken.0.store(false, SeqCst);
    for result in &sent {
        assert_eq!(get(result).await, 7);
    }
    empty(&app).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_breaker_can_be_turned_off() {
    let broken = Broken::default();
    broken.0.store(true, SeqCst);
    let app = app().register(tough).provide(broken);
    let worker = app.start_worker().await.unwrap();
    let sent = app.send_many((0..5).map(|_| tough::s())).await.unwrap();
    for result in &sent {
        crate::fixture::failure(result).await;
    }
    assert!(!health(&app).await["circuits"].to_string().contains("tough"));
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_looks_at_its_broker_and_store() {
    let app = app();
    let worker = app.start_worker().await.unwrap();
    finds(&app, "broker", HealthStatus::Healthy).await;
    finds(&app, "store", HealthStatus::Healthy).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_task_is_a_check() {
    let broken = Broken::default();
    let ledger_check = HealthCheck::task("ledger", ledger::s).every(SOON).global();
    let ledger_check = ledger_check.timeout(Duration::from_secs(10));
    let app = app().register(ledger).provide(broken.clone()).check(ledger_check);
    let worker = app.start_worker().await.unwrap();
    finds(&app, "ledger", HealthStatus::Healthy).await;
    broken.0.store(true, SeqCst);
    finds(&app, "ledger", HealthStatus::Unhealthy).await;
    worker.stop().await;
}

#[tokio::test]
async fn documents_are_looked_at() {
    let orders = HealthCheck::documents("orders", "orders", |order: Order| match order.total {
        total if total < 0.0 => Finding::unhealthy(format!("an order of {total}")),
        _ => Finding::healthy("fine"),
    });
    let app = app().check(orders.global());
    let worker = app.start_worker().await.unwrap();
    assert_eq!(check(&app, "orders").await["report"]["finding"], Value::Null);
    app.ingest("orders", &Order { total: 9.5 }).await.unwrap();
    finds(&app, "orders", HealthStatus::Healthy).await;
    app.ingest("orders", &Order { total: -1.0 }).await.unwrap();
    finds(&app, "orders", HealthStatus::Unhealthy).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_declared_check_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("celeriac.toml");
    let text = "broker = \"memory://\"\n[checks.port]\nkind = \"tcp\"\naddress = \"127.0.0.1:1\"\n";
    std::fs::write(&file, text).unwrap();
    let config = Config::load(Some(&file), []).unwrap();
    let app = App::from_config(config).unwrap();
    let worker = app.start_worker().await.unwrap();
    finds(&app, "port", HealthStatus::Unhealthy).await;
    worker.stop().await;
}

#[test]
fn a_check_that_can_not_be_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("celeriac.toml");
    for (text, expected) in [
        ("[checks.port]\nkind = \"tcp\"\n", "checks.port: a check of this kind needs `address`"),
        ("[checks.port]\nkind = \"udp\"\n", "unknown variant `udp`, expected one of"),
        ("[checks.port]\nkind = \"lag\"\nevry = \"1s\"\n", "unknown field `evry`"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = Config::load(Some(&file), []).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("celeriac.toml:"), "{error}");
    }
}

#[tokio::test]
async fn calls_through_an_open_circuit_are_refused() {
    let bank = App::memory().circuit("bank");
    for _ in 0..3 {
        let failed = bank.call(async { Err::<(), _>("down") }).await;
        assert_eq!(failed, Err(CircuitError::Failed("down")));
    }
    let refused = bank.call(async { Ok::<_, &str>(()) }).await;
    assert!(matches!(refused, Err(CircuitError::Open { .. })), "{refused:?}");
}
