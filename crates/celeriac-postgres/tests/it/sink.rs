//! The sink: the suite, and what becomes of tables that don't fit, of documents
//! that come twice, and of a server that is killed.

use std::sync::Arc;

use celeriac_core::{
    BoxFuture, ContentType, ErrorKind, Message, MessageId, Name, Sink as _, Timestamp,
};
use celeriac_postgres::Sink;
use celeriac_testkit::probe::within;
use celeriac_testkit::server::Kind;
use celeriac_testkit::sink::SinkHarness;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::place::{Place, address};

struct Harness {
    place: Arc<Place>,
}

impl Harness {
    fn new() -> Self {
        Self { place: Place::new() }
    }

    fn table(&self) -> String {
        format!("{}.results", self.place.schema)
    }

    /// Runs statements from where nothing may be awaited.
    fn run(&self, statement: String) {
        let place = self.place.clone();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(place.execute(&statement));
        };
        std::thread::spawn(run).join().unwrap();
    }

    /// With the schema, which the sink does not make.
    async fn ready() -> Self {
        let harness = Self::new();
        harness.run(format!("CREATE SCHEMA {}", harness.place.schema));
        harness
    }

    fn made(&self) -> Sink {
        Sink::new(address(), &self.table()).unwrap()
    }

    async fn ids(&self) -> Vec<MessageId> {
        let ids = format!("SELECT id::text FROM {} ORDER BY number", self.table());
        let exists =
            format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{}'", self.place.schema);
        if self.place.number(&exists).await == 0 {
            return Vec::new();
        }
        let ids = sqlx::query_scalar::<_, String>(AssertSqlSafe(ids));
        let ids = ids.fetch_all(&mut self.place.connection().await).await.unwrap();
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }
}

impl SinkHarness for Harness {
    fn sink(&self) -> Box<dyn celeriac_core::Sink> {
        self.run(format!("CREATE SCHEMA IF NOT EXISTS {}", self.place.schema));
        Box::new(self.made())
    }

    fn written(&self) -> BoxFuture<'_, Vec<MessageId>> {
        Box::pin(self.ids())
    }

    /// What JSON can say and `jsonb` can't hold.
    fn refused(&self) -> Option<Arc<Message>> {
        Some(document("\"\\u0000\""))
    }

    fn break_down(&self) {
        let schema = &self.place.schema;
        self.run(format!("ALTER SCHEMA {schema} RENAME TO {schema}_away"));
    }

    fn mend(&self) {
        let schema = &self.place.schema;
        self.run(format!("ALTER SCHEMA {schema}_away RENAME TO {schema}"));
    }
}

mod conformance {
    use super::*;
    celeriac_testkit::sink_conformance!(Harness::new());
}

fn document(body: &'static str) -> Arc<Message> {
    Message::document(Name::from_static("shop::bill"), ContentType::Json, body).into()
}

fn numbered(numbers: std::ops::Range<u64>) -> Vec<Arc<Message>> {
    let document = |number: u64| {
        let body = number.to_string();
        Message::document(Name::from_static("t"), ContentType::Json, body).into()
    };
    numbers.map(document).collect()
}

#[tokio::test]
async fn a_row_says_what_the_document_said() {
    let harness = Harness::ready().await;
    let mut document = Message::clone(&document("{\"gross\": 12.50}"));
    document.created_at = Timestamp::from_millis(1_709_210_096_789);
    let (id, mut sink) = (document.id, harness.made());
    let csv = Message::document(Name::from_static("t"), ContentType::from("text/csv"), "a,b");
    sink.write(&[document.into(), csv.into()]).await.unwrap();
    let table = harness.table();
    let matching = format!(
        "SELECT count(*) FROM {table} WHERE (id = '{id}' AND name = 'shop::bill' \
         AND at = '2024-02-29T12:34:56.789Z' AND content_type = 'application/json' \
         AND value = '{{\"gross\": 12.50}}') OR (content_type = 'text/csv' AND value = '\"a,b\"')"
    );
    assert_eq!(harness.place.number(&matching).await, 2);
}

#[tokio::test]
async fn a_document_that_comes_twice_is_one_row_and_the_first() {
    let harness = Harness::ready().await;
    let (first, mut sink) = (document("1"), harness.made());
    let mut again = Message::clone(&first);
    again.body = "2".into();
    sink.write(&[first.clone(), first.clone()]).await.unwrap();
    sink.write(&[again.into(), document("3")]).await.unwrap();
    harness.made().write(std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(harness.ids().await.len(), 2);
    let ones = format!("SELECT count(*) FROM {} WHERE value = '1'", harness.table());
    assert_eq!(harness.place.number(&ones).await, 1);
}

#[tokio::test]
async fn sinks_that_start_at_once_make_one_table() {
    let harness = Harness::ready().await;
    let mut sinks = Vec::from_iter((0..8).map(|_| harness.made()));
    let documents = numbered(0..8);
    let writes = sinks.iter_mut().zip(documents.chunks(1)).map(|(sink, batch)| sink.write(batch));
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    assert_eq!(harness.ids().await.len(), 8);
}

#[tokio::test]
async fn a_table_of_the_user_s_own_is_used_as_it_is() {
    let harness = Harness::ready().await;
    let name = format!("{}.Best \"Of\"", harness.place.schema);
    assert_eq!(Sink::new(address(), &name).unwrap_err().kind(), ErrorKind::Config, "quotes");
    let schema = &harness.place.schema;
    let make = format!(
        "CREATE TABLE {schema}.\"The Results; --\" (value jsonb, at timestamptz, id uuid UNIQUE, \
         name text, content_type text, seen boolean NOT NULL DEFAULT false)"
    );
    harness.place.execute(&make).await;
    let mut sink = Sink::new(address(), &format!("{schema}.The Results; --")).unwrap();
    sink.write(&numbered(0..3)).await.unwrap();
    let rows = format!("SELECT count(*) FROM {schema}.\"The Results; --\" WHERE NOT seen");
    assert_eq!(harness.place.number(&rows).await, 3);
}

#[tokio::test]
async fn a_table_that_does_not_fit_is_told_and_blames_no_document() {
    let harness = Harness::ready().await;
    let table = harness.table();
    let fits = "id uuid PRIMARY KEY, name text, at timestamptz, content_type text";
    for (columns, part) in [
        ("id uuid PRIMARY KEY, name text".to_owned(), "the column `at` is missing; add it as"),
        (format!("{fits}, value integer"), "the column `value` is integer; make it jsonb"),
        (fits.replace("PRIMARY KEY", "") + ", value jsonb", "`id` has no unique index"),
        (format!("{fits}, value jsonb, shop text NOT NULL"), "the column `shop` must be given"),
    ] {
        harness.place.execute(&format!("CREATE TABLE {table} ({columns})")).await;
        let error = harness.made().write(&numbered(0..1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        let told = error.to_string();
        assert!(told.contains(part) && told.contains(&format!("table {table}")), "{told}");
        harness.place.execute(&format!("DROP TABLE {table}")).await;
    }
    harness.place.execute(&format!("CREATE VIEW {table} AS SELECT 1 AS id")).await;
    let error = harness.made().write(&numbered(0..1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let mut nowhere = Sink::new(address(), "no_such_schema.results").unwrap();
    let error = nowhere.write(&numbered(0..1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("make the schema"), "{error}");
}

#[tokio::test]
async fn a_table_that_is_dropped_meanwhile_is_made_anew() {
    let harness = Harness::ready().await;
    let mut sink = harness.made();
    sink.write(&numbered(0..1)).await.unwrap();
    harness.place.execute(&format!("DROP TABLE {}", harness.table())).await;
    let batch = numbered(1..2);
    let error = sink.write(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    sink.write(&batch).await.unwrap();
    assert_eq!(harness.ids().await, [batch[0].id]);
}

#[test]
fn what_is_no_address_is_told_and_no_password() {
    for (address, part) in [
        ("redis://a:hunter2@db/shop", "use postgres://user"),
        ("postgres://a:hunter2@db:port/", "can't be read"),
        ("postgres://a:hunter2@db/shop?schema=x", "has `schema`, which is for brokers"),
        ("postgres://a:***@db/shop", "write the password"),
    ] {
        let error = Sink::new(address, "results").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let sink = Sink::new("postgres://ann:hunter2@db/shop", "results").unwrap();
    assert_eq!(format!("{sink:?}"), "Sink(\"postgres://db:5432/shop, table results\")");
}

/// Killed with -9 while documents wait, three times: each is there once, in order.
#[tokio::test]
async fn a_killed_server_loses_no_document() {
    let Some(mut server) = celeriac_testkit::server::Server::start(Kind::Postgres, &[]) else {
        return;
    };
    let mut sink = Sink::new(server.address(), "public.results").unwrap();
    let documents = numbered(0..600);
    for (round, batch) in documents.chunks(20).enumerate() {
        if round % 10 == 5 {
            server.kill();
            // A child of the server lives on until it notices, and may take it still.
            let error = loop {
                match within("an answer", sink.write(batch)).await {
                    Ok(()) => tokio::task::yield_now().await,
                    Err(error) => break error,
                }
            };
            assert!(error.is_retryable(), "{error}");
            server.restart();
        }
        while let Err(error) = within("an answer", sink.write(batch)).await {
            assert!(error.is_retryable(), "{error}");
        }
    }
    let ids = "SELECT id::text FROM results ORDER BY number";
    let mut connection = sqlx::PgConnection::connect(&server.address()).await.unwrap();
    let ids = sqlx::query_scalar::<_, String>(ids).fetch_all(&mut connection).await.unwrap();
    let sent = Vec::from_iter(documents.iter().map(|document| document.id.to_string()));
    assert_eq!(ids, sent);
}

/// The user may write to the table, and not look into it, or not at all.
#[tokio::test]
async fn who_may_not_write_is_told() {
    let Some(server) = celeriac_testkit::server::Server::start(Kind::Postgres, &[]) else { return };
    let place = Place::at(&server.address());
    let mut owner = Sink::new(server.address(), "public.results").unwrap();
    owner.write(&numbered(0..1)).await.unwrap();
    place.execute("CREATE ROLE guest LOGIN").await;
    let guest = server.address().replace("celeriac@", "guest@");
    let error = Sink::new(guest, "public.results").unwrap().write(&numbered(1..2)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("grant the user INSERT"), "{error}");
}
