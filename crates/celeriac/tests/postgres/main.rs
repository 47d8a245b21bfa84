//! The whole path over PostgreSQL: tasks, a chord of a thousand, sending in a
//! transaction, and two processes of which one is killed.
//!
//! `CELERIAC_TEST_POSTGRES` names another server than this machine's.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use celeriac::workflow::{Canvas, Signature};
use celeriac::{App, Config};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Names the child's address; absent in the parent.
const CHILD: &str = "CELERIAC_POSTGRES_CHILD";
const PATIENCE: Duration = Duration::from_secs(60);

fn server() -> String {
    let named = std::env::var("CELERIAC_TEST_POSTGRES");
    named.unwrap_or_else(|_| "postgres://root@127.0.0.1:5432/test".to_owned())
}

/// A schema of its own, dropped when the test has passed.
struct Place(String);

impl Place {
    /// `None`, loudly, where there is no server.
    async fn new() -> Option<Self> {
        if let Err(error) = PgConnection::connect(&server()).await {
            println!("skipped: no PostgreSQL at {}: {error}", server());
            return None;
        }
        Some(Self(format!("test_app_{}", celeriac::MessageId::new().to_string().replace('-', ""))))
    }

    fn address(&self) -> String {
        format!("{}?schema={}&lease=3s", server(), self.0)
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(&server()).await.unwrap()
    }

    async fn remove(self) {
        let drop = format!("DROP SCHEMA {} CASCADE", self.0);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut self.connection().await).await.unwrap();
    }
}

#[celeriac::task(name = "double")]
async fn double(number: i64) -> i64 {
    2 * number
}

#[celeriac::task(name = "sum")]
async fn sum(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}

fn app(address: &str) -> App {
    let mut config = Config { broker: address.into(), ..Config::default() };
    config.security.folder = std::env::temp_dir().join("celeriac-test-keys").display().to_string();
    // Whoever is killed at random says nothing about a message.
    config.worker.max_deaths = u32::MAX;
    App::from_config(config).unwrap().register(double).register(sum)
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_and_a_chord_of_a_thousand() {
    let Some(place) = Place::new().await else { return };
    let app = app(&place.address());
    let worker = app.start_worker().await.unwrap();
    let sent = app.send_many((0..100).map(double::s)).await.unwrap();
    for (number, result) in (0..).zip(sent) {
        assert_eq!(result.get_timeout(PATIENCE).await.unwrap(), 2 * number);
    }
    let members = (0..1000_i64).map(|n| Signature::new("double").argument(n).into()).collect();
    let chord = Canvas::chain(vec![Canvas::group(members), Signature::new("sum").into()]);
    let began = Instant::now();
    let id = app.start(chord).await.unwrap();
    let sum = app.result::<i64>(id).await.unwrap().get_timeout(PATIENCE).await.unwrap();
    println!("a chord of 1,000 took {:?}", began.elapsed());
    assert_eq!(sum, 999_000);
    worker.stop().await;
    app.shutdown().await;
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_sent_with_the_transaction_or_not_at_all() {
    let Some(place) = Place::new().await else { return };
    let app = app(&place.address());
    let worker = app.start_worker().await.unwrap();
    let mut connection = place.connection().await;
    let mut transaction = connection.begin().await.unwrap();
    let never = app.send_in(&mut transaction, double::s(1)).await.unwrap();
    transaction.rollback().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let sent = app.send_in(&mut transaction, double::s(21)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(sent.get_timeout(PATIENCE).await.unwrap(), 42);
    assert!(never.entry().await.unwrap().is_none(), "it was rolled back");
    worker.stop().await;
    app.shutdown().await;
    place.remove().await;
}

/// The child's entry; without its address it has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(address) = std::env::var(CHILD) else { return };
    let app = app(&address);
    let _worker = app.start_worker().await.unwrap();
    println!("SAYS started");
    std::future::pending::<()>().await;
}

/// Two workers, of which one is killed while it works, three times.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_held_is_done_by_the_other() {
    let Some(place) = Place::new().await else { return };
    let app = app(&place.address());
    let worker = app.start_worker().await.unwrap();
    let mut sent = Vec::new();
    for round in 0..3_i64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(CHILD, place.address())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("SAYS started")));
        for first in (round * 2000..(round + 1) * 2000).step_by(500) {
            sent.extend(app.send_many((first..first + 500).map(double::s)).await.unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for (number, result) in (0..).zip(&sent) {
        assert_eq!(result.get_timeout(PATIENCE).await.unwrap(), 2 * number);
    }
    worker.stop().await;
    app.shutdown().await;
    place.remove().await;
}

#[celeriac::task(name = "bill", sinks = ["warehouse"])]
async fn bill(order: i64, net: i64) -> serde_json::Value {
    serde_json::json!({"order": order, "gross": net * 5 / 4})
}

#[derive(serde::Deserialize)]
struct Order {
    number: i64,
    net: i64,
}

/// From a table to a task to a table, over a broker in memory.
#[tokio::test(flavor = "multi_thread")]
async fn rows_become_documents_and_results_become_rows() {
    let Some(place) = Place::new().await else { return };
    let (mut connection, folder) = (place.connection().await, tempfile::tempdir().unwrap());
    let schema = place.0.clone();
    for statement in [
        format!("CREATE SCHEMA {schema}"),
        format!("CREATE TABLE {schema}.orders (number serial PRIMARY KEY, net integer)"),
        format!("INSERT INTO {schema}.orders (net) SELECT 4 * n FROM generate_series(1, 500) AS n"),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    let file = folder.path().join("edges.toml");
    let edges = format!(
        "[sinks.warehouse]\nkind = 'postgres'\nurl = '{0}'\ntable = '{schema}.bills'\n\
         [sources.orders]\nkind = 'postgres'\nurl = '{0}'\ntable = '{schema}.orders'\n\
         column = 'number'\nevery = '5ms'\n",
        server()
    );
    std::fs::write(&file, edges).unwrap();
    let order = |order: Order| (order.number, order.net);
    let app = App::memory().register(bill).load_edges(&file).unwrap();
    let app = app.subscribe_to("orders", bill::from_document(order));
    let worker = app.start_worker().await.unwrap();

    let more = format!("INSERT INTO {schema}.orders (net) VALUES (2004)");
    sqlx::query(AssertSqlSafe(more)).execute(&mut connection).await.unwrap();
    let bills = format!("{schema}.bills");
    let billed = format!(
        "SELECT count(*) FROM {bills} WHERE (value->>'gross')::int = 5 * (value->>'order')::int"
    );
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "not all bills are there");
        // The table is there once the first bill is.
        let billed = sqlx::query_scalar::<_, i64>(AssertSqlSafe(billed.clone()));
        if billed.fetch_one(&mut connection).await.unwrap_or_default() == 501 {
            break;
        }
        tokio::task::yield_now().await;
    }
    worker.stop().await;
    app.shutdown().await;
    let all = format!("SELECT count(*) FROM {bills}");
    let all = sqlx::query_scalar::<_, i64>(AssertSqlSafe(all)).fetch_one(&mut connection).await;
    assert_eq!(all.unwrap(), 501);
    place.remove().await;
}
