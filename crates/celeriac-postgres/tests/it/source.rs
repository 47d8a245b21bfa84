//! The source: the suite over a table and over a query, writers that commit out
//! of order, rows that bear one value, and a server that is killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::source::Document;
use celeriac_core::{BoxFuture, ErrorKind, MessageId, Source as _};
use celeriac_postgres::Source;
use celeriac_testkit::probe::{eventually, poll_once, within};
use celeriac_testkit::server::Kind;
use celeriac_testkit::source::SourceHarness;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::place::{Place, address};

const EVERY: Duration = Duration::from_millis(1);

struct Harness {
    place: Arc<Place>,
    /// Whether it is read by a query.
    by: By,
}

#[derive(Clone, Copy)]
enum By {
    Table,
    Query,
}

impl Harness {
    fn new(by: By) -> Self {
        let place = Place::new();
        let made = place.clone();
        let make = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                made.execute(&format!("CREATE SCHEMA {}", made.schema)).await;
                let table = "CREATE TABLE orders (number bigint GENERATED ALWAYS AS IDENTITY \
                     PRIMARY KEY, item bigint NOT NULL, at timestamptz DEFAULT clock_timestamp())";
                made.execute(table).await;
            });
        };
        std::thread::spawn(make).join().unwrap();
        Self { place, by }
    }

    fn table(&self) -> String {
        format!("{}.orders", self.place.schema)
    }

    fn made(&self, parameters: &str) -> Source {
        let address = format!("{}{parameters}", address());
        let made = match self.by {
            By::Table => Source::table(address, &self.table(), "number"),
            By::Query => {
                let query = format!(
                    "SELECT at AS \"When It's\", item FROM {} WHERE item >= 0; -- all of them;",
                    self.table()
                );
                // One that ends with a comment, and one that ends with a semicolon.
                Source::query(address, query.trim_end_matches(" -- all of them;"), "When It's")
            }
        };
        made.unwrap().every(EVERY)
    }

    async fn insert(&self, items: std::ops::Range<u64>) {
        for item in items {
            self.place.execute(&format!("INSERT INTO orders (item) VALUES ({item})")).await;
        }
    }
}

impl SourceHarness for Harness {
    fn source(&self) -> Box<dyn celeriac_core::Source> {
        Box::new(self.made(""))
    }

    fn put(&self, number: u64) -> BoxFuture<'_, ()> {
        Box::pin(self.insert(number..number + 1))
    }

    fn number(&self, document: &Document) -> u64 {
        item(document)
    }
}

/// The number behind `"item":`.
fn item(document: &Document) -> u64 {
    let text = str::from_utf8(&document.body).unwrap();
    let (_, rest) = text.split_once("\"item\":").unwrap();
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap();
    rest[..end].parse().unwrap()
}

fn items(documents: &[Document]) -> Vec<u64> {
    documents.iter().map(item).collect()
}

mod table {
    use super::*;
    celeriac_testkit::source_conformance!(Harness::new(By::Table));
}

mod query {
    use super::*;
    celeriac_testkit::source_conformance!(Harness::new(By::Query));
}

/// Polls until there are so many documents, and each is there once.
async fn take(source: &mut Source, cursor: &mut Option<Bytes>, count: usize) -> Vec<Document> {
    let (mut taken, mut ids) = (Vec::new(), BTreeSet::<MessageId>::new());
    while taken.len() < count {
        let polled = match within("rows", source.poll(cursor.as_ref(), 100)).await {
            Ok(polled) => polled,
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                continue;
            }
        };
        for document in polled.documents {
            assert!(ids.insert(document.id), "twice: {document:?}");
            taken.push(document);
        }
        *cursor = polled.cursor.or(cursor.take());
        source.confirm().await;
    }
    taken
}

#[tokio::test]
async fn a_document_is_the_row() {
    let harness = Harness::new(By::Table);
    let columns = "ALTER TABLE orders ADD what jsonb, ADD price numeric, ADD photo bytea";
    harness.place.execute(columns).await;
    let row = "INSERT INTO orders (item, at, what, price, photo) VALUES \
         (7, '2024-02-29T12:34:56.789+01', '{\"tea\": [1, null]}', 12.50, '\\xff00')";
    harness.place.execute(row).await;
    let taken = take(&mut harness.made(""), &mut None, 1).await;
    let expected = "{\"number\":1,\"item\":7,\"at\":\"2024-02-29T11:34:56.789+00:00\",\
         \"what\":{\"tea\": [1, null]},\"price\":12.50,\"photo\":\"\\\\xff00\"}";
    assert_eq!(taken[0].body, expected);
    assert_eq!(taken[0].content_type.as_str(), "application/json");
}

/// The first number is drawn first, and committed last.
#[tokio::test]
async fn a_row_that_is_committed_late_is_waited_for() {
    for by in [By::Table, By::Query] {
        let harness = Harness::new(by);
        let name = format!("late_{:016x}", rand::random::<u64>());
        let mut source = harness.made(&format!("?application_name={name}"));
        let mut late = harness.place.connection().await;
        let mut transaction = late.begin().await.unwrap();
        let insert = "INSERT INTO orders (item) VALUES (1)";
        sqlx::query(insert).execute(&mut *transaction).await.unwrap();
        harness.insert(2..3).await;
        let looked = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' \
             AND query LIKE '%virtualtransaction = ANY%'"
        );
        let mut poll = source.poll(None, 9);
        {
            let waits =
                eventually("the source to wait", async || harness.place.number(&looked).await == 1);
            tokio::select! {
                polled = &mut poll => panic!("it did not wait: {polled:?}"),
                () = waits => {}
            }
        }
        assert!(poll_once(&mut poll).is_pending());
        transaction.commit().await.unwrap();
        let polled = within("both rows", poll).await.unwrap();
        assert_eq!(items(&polled.documents), [1, 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_lose_no_row() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 60;
    let harness = Harness::new(By::Table);
    let write = |writer: u64| {
        let place = harness.place.clone();
        async move {
            let mut connection = place.connection().await;
            for round in 0..EACH {
                let mut transaction = connection.begin().await.unwrap();
                for half in 0..2 {
                    let item = 2 * (writer * EACH + round) + half;
                    let insert = format!("INSERT INTO orders (item) VALUES ({item})");
                    let insert = sqlx::query(AssertSqlSafe(insert));
                    insert.execute(&mut *transaction).await.unwrap();
                }
                match round % 5 {
                    // Numbers that nobody ever has.
                    4 => transaction.rollback().await.unwrap(),
                    _ => transaction.commit().await.unwrap(),
                }
            }
        }
    };
    let count = (2 * WRITERS * EACH * 4 / 5) as usize;
    let (mut source, mut cursor) = (harness.made(""), None);
    let writing = futures_util::future::join_all((0..WRITERS).map(write));
    let (taken, _) = tokio::join!(take(&mut source, &mut cursor, count), writing);
    assert_eq!(taken.len(), count);
    // Nothing else is left, and nothing comes again: next is what comes now.
    let marker = 2 * WRITERS * EACH;
    harness.insert(marker..marker + 1).await;
    assert_eq!(items(&take(&mut source, &mut cursor, 1).await), [marker]);
}

/// It holds the lock of a writer on the table's indexes for as long as it runs.
#[tokio::test]
async fn a_vacuum_holds_nothing_up() {
    let harness = Harness::new(By::Table);
    // So many pages that it would take minutes.
    let rows = "INSERT INTO orders (item) SELECT n FROM generate_series(0, 99999) AS n";
    harness.place.execute("ALTER TABLE orders SET (autovacuum_enabled = off)").await;
    harness.place.execute(rows).await;
    let mut connection = harness.place.connection().await;
    // Should this test fail, it ends by itself.
    let slowly = "SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1; \
         SET statement_timeout = '1min'";
    sqlx::raw_sql(slowly).execute(&mut connection).await.unwrap();
    let pid = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()");
    let pid = pid.fetch_one(&mut connection).await.unwrap();
    let vacuum = sqlx::raw_sql("VACUUM orders").execute(&mut connection);
    let holds = format!(
        "SELECT count(*) FROM pg_locks WHERE pid = {pid} AND mode = 'RowExclusiveLock' \
         AND relation = 'orders_pkey'::regclass"
    );
    let holds = async || harness.place.number(&holds).await == 1;
    let read = async {
        eventually("the vacuum", holds).await;
        let mut source = harness.made("");
        let polled = within("rows", source.poll(None, 3)).await.unwrap();
        assert_eq!(items(&polled.documents), [0, 1, 2]);
        assert!(holds().await, "it went on meanwhile");
        harness.place.number(&format!("SELECT pg_cancel_backend({pid})::int::bigint")).await;
    };
    let (vacuumed, ()) = tokio::join!(vacuum, read);
    assert!(vacuumed.is_err(), "it was stopped");
}

#[tokio::test]
async fn rows_that_bear_one_value_come_together() {
    let harness = Harness::new(By::Query);
    let same = "INSERT INTO orders (item, at) SELECT item, '2024-02-29 12:00' \
         FROM generate_series(0, 249) AS item";
    harness.place.execute(same).await;
    harness.place.execute("INSERT INTO orders (item, at) VALUES (250, NULL), (251, now())").await;
    let mut cursor = None;
    let taken = take(&mut harness.made(""), &mut cursor, 251).await;
    let found = BTreeSet::from_iter(items(&taken));
    assert_eq!(found, BTreeSet::from_iter((0..250).chain([251])), "all but the one without a time");
    let again = take(&mut harness.made(""), &mut None, 251).await;
    assert_eq!(taken, again);

    let flood = "INSERT INTO orders (item, at) SELECT 1, 'infinity' FROM generate_series(0, 10200)";
    harness.place.execute(flood).await;
    let error = harness.made("").poll(cursor.as_ref(), 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("choose a column whose values differ"), "{error}");
}

#[tokio::test]
async fn what_can_t_be_read_is_told() {
    let harness = Harness::new(By::Table);
    harness.insert(0..1).await;
    let table = harness.table();
    let query = |query: &str, column: &str| Source::query(address(), query, column).unwrap();
    for (mut source, part) in [
        (Source::table(address(), "no_such_table", "id").unwrap(), "\"no_such_table\" does not"),
        (Source::table(address(), &table, "Number").unwrap(), "celeriac_row.Number does not exist"),
        (query("SELEC 1", "n"), "syntax error"),
        (query("SELECT 1 / 0 AS n", "n"), "division by zero"),
        (query(&format!("DELETE FROM {table} RETURNING number"), "number"), "syntax error"),
        (query("SELECT set_config('x.y', 'z', false)::json AS n", "n"), "json"),
        (query("SELECT nextval('no_such') AS n", "n"), "does not exist"),
        (query(&format!("SELECT nextval('{table}_number_seq') AS n"), "n"), "a source only reads"),
    ] {
        let error = within("an error", source.poll(None, 9)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    // A cursor of another source's.
    for cursor in [&b"soon"[..], b"' OR true --"] {
        let mut source = harness.made("");
        let error = source.poll(Some(&Bytes::from_static(cursor)), 9).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("needs another name"), "{error}");
    }
    let mut source = harness.made("");
    let error = source.poll(Some(&Bytes::from_static(b"\xff")), 9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(harness.place.number("SELECT count(*) FROM orders").await, 1);
}

#[test]
fn what_is_no_address_or_name_is_told_and_no_password() {
    let address = "postgres://ann:hunter2@db/shop";
    for (made, part) in [
        (Source::table("file:///x", "t", "c"), "use postgres://user"),
        (Source::table(format!("{address}?lease=3s"), "t", "c"), "has `lease`"),
        (Source::table(address, "a.b.c", "c"), "table `a.b.c`"),
        (Source::table(address, "t", "c\"; --"), "column `c\\\"; --`"),
    ] {
        let error = made.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let source = Source::table(address, "orders", "id").unwrap();
    let shown = "Source(\"postgres://db:5432/shop, table orders by \\\"id\\\"\")";
    assert_eq!(format!("{source:?}"), shown);
}

/// A server that was started again may still be at its log.
async fn connected(address: &str) -> PgConnection {
    let connect = async {
        loop {
            if let Ok(connection) = PgConnection::connect(address).await {
                return connection;
            }
        }
    };
    within("a connection", connect).await
}

/// Killed with -9 while rows are read and written, three times.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_no_row() {
    let Some(mut server) = celeriac_testkit::server::Server::start(Kind::Postgres, &[]) else {
        return;
    };
    let address = server.address();
    let mut connection = connected(&address).await;
    let table = "CREATE TABLE orders (number bigint GENERATED ALWAYS AS IDENTITY, item bigint)";
    sqlx::query(table).execute(&mut connection).await.unwrap();
    let mut source = Source::table(address.as_str(), "orders", "number").unwrap().every(EVERY);
    let (mut cursor, mut all) = (None, Vec::new());
    for round in 0..3_i64 {
        let mut connection = connected(&address).await;
        let insert =
            "INSERT INTO orders (item) SELECT $1 * 500 + n FROM generate_series(0, 499) AS n";
        sqlx::query(insert).bind(round).execute(&mut connection).await.unwrap();
        all.extend(take(&mut source, &mut cursor, 200).await);
        server.kill();
        // A child of the server lives on until it notices, and may answer still.
        let error = loop {
            match within("an answer", source.poll(cursor.as_ref(), 100)).await {
                Ok(_) => source.reject().await,
                Err(error) => break error,
            }
        };
        assert!(error.is_retryable(), "{error}");
        server.restart();
        all.extend(take(&mut source, &mut cursor, 300).await);
    }
    assert_eq!(items(&all), Vec::from_iter(0..1500));
}
