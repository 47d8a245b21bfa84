//! The source: rows of a table or query of the user's become documents, in the
//! order of a column that grows.
//!
//! What is between two values of the column may become visible later than what
//! is above: a transaction draws its number, and commits when it likes. So the
//! source decides how far it reads, waits for those that were writing at that
//! time, and reads then.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::source::{Document, Polled, id_of};
use celeriac_core::{Address, BoxFuture, Error, ErrorKind, Timestamp};
use sqlx::AssertSqlSafe;
use tokio::time::{Instant, sleep, sleep_until};

use crate::lane::{LIMIT, Lane, in_time};
use crate::name::{Table, is_name, quote};
use crate::{Config, error};

const OPERATION: &str = "read rows";
/// How many rows above those asked for may bear the value of the last one.
const MAX_TIES: usize = 10_000;
/// The first wait for those that write; it doubles, up to the period.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Transactions that were writing, when this is asked, to what this transaction
/// has read from. Of that only tables count: a VACUUM holds the same lock on a
/// table's indexes for as long as it runs, and writes no rows. And this reads
/// from catalogs itself.
const WRITERS: &str = "SELECT DISTINCT virtualtransaction FROM pg_catalog.pg_locks
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
        AND pid IS DISTINCT FROM pg_backend_pid()
        AND (database, relation) IN (
            SELECT database, relation FROM pg_catalog.pg_locks
            WHERE locktype = 'relation' AND mode = 'AccessShareLock' AND pid = pg_backend_pid())
        AND relation IN (
            SELECT oid FROM pg_catalog.pg_class
            WHERE relkind IN ('r', 'p', 'f') AND relnamespace <> 'pg_catalog'::regnamespace)";

/// Which of these transactions have not ended.
const STILL_WRITING: &str = "SELECT DISTINCT virtualtransaction FROM pg_catalog.pg_locks
    WHERE virtualtransaction = ANY ($1)";

/// A source that looks every so often for rows whose cursor column is above that
/// of the latest row: each is a document, an object of JSON with the row's
/// columns.
///
/// The column must grow: a row that comes later bears a larger value. An
/// identity or serial column does if the `INSERT` itself draws the number, as its
/// default (one from a `nextval()` before may be overtaken), and the sequence has
/// `CACHE 1`, which is the default (with more, each session draws from a stock of
/// its own). So does a time that rows are given when they are inserted
/// (`clock_timestamp()`); with the time when their transaction began (`now()`) a
/// transaction that first writes after another has committed may be left out. A
/// row that is updated comes again if its column grew. Rows where it is null
/// don't come. Where several rows bear one value, they must be committed
/// together, at most 10,000 of them. Give the column an index.
///
/// A row is given once every transaction has ended that was writing to its
/// table when it was found, so that none with a smaller number is left out: a
/// transaction that stays open holds the source up. One that is prepared
/// (`PREPARE TRANSACTION`) seems to have ended: rows that are committed so may be
/// left out. Ask the primary: a standby does not know who writes. The source only
/// reads, each statement for 15 s at most, and needs no right but `SELECT`.
///
/// ```
/// use celeriac_postgres::Source;
/// # fn main() -> Result<(), celeriac_core::Error> {
/// let database = "postgres://shop:hunter2@db/shop?sslmode=require";
/// let orders = Source::table(database, "orders", "number")?;
/// let large = Source::query(database, "SELECT * FROM orders WHERE total > 1000", "number")?;
/// # assert!(!format!("{orders:?} {large:?}").contains("hunter2"));
/// # Ok(())
/// # }
/// ```
pub struct Source {
    config: Config,
    /// What is read, as SQL has it after `FROM`, and as people are told.
    rows: String,
    shown: String,
    /// The cursor column, as SQL has it.
    column: String,
    every: Duration,
    lane: Lane,
    /// Rows that were read and not given yet, above `place`.
    found: VecDeque<Document>,
    place: Option<String>,
    after_found: String,
    /// When to look again, after nothing was found.
    look_at: Option<Instant>,
}

impl Source {
    /// A source over the rows of `table` in the database at `address`, which is
    /// `postgres://user:password@host:port/database` with libpq's parameters. The
    /// table (or view) is `name`, as the search path finds it, or `schema.name`;
    /// capitals count, also in `column`. Nothing is opened before a worker starts.
    ///
    /// # Errors
    /// `Config` for an address that can't be read or has parameters of the
    /// broker's (`schema`, `lease`, `pool`), and for what is no name.
    pub fn table(address: impl Into<Address>, table: &str, column: &str) -> Result<Self> {
        let table = Table::parse(OPERATION, table)?;
        Self::new(&address.into(), table.quoted(), format!("table {table}"), column)
    }

    /// A source over the rows of a query, a `SELECT` whose `column` must be one of
    /// those that it gives. It is read as a subquery: the order of its rows is the
    /// column's.
    ///
    /// # Errors
    /// As [`table`](Self::table); what is wrong with the query is told when it is
    /// first asked.
    pub fn query(address: impl Into<Address>, query: &str, column: &str) -> Result<Self> {
        let query = query.trim().trim_end_matches(';');
        // A comment at the end must not hide the parenthesis.
        Self::new(&address.into(), format!("(\n{query}\n)"), "a query".to_owned(), column)
    }

    fn new(address: &Address, rows: String, shown: String, column: &str) -> Result<Self> {
        if !is_name(column) {
            let context = format!(
                "column `{}`: write the name of a column, without quotes and dots",
                column.escape_debug()
            );
            return Err(Error::new(ErrorKind::Config, OPERATION, context));
        }
        let config = Config::beside(OPERATION, address)?;
        Ok(Self {
            lane: lane(&config),
            config,
            rows,
            shown,
            column: quote(column),
            every: Duration::from_secs(1),
            found: VecDeque::new(),
            place: None,
            after_found: String::new(),
            look_at: None,
        })
    }

    /// How long it waits after it found nothing. Default 1 s.
    #[must_use]
    pub const fn every(mut self, period: Duration) -> Self {
        self.every = period;
        self
    }

    async fn next(&mut self, cursor: Option<&Bytes>, max: usize) -> Result<Polled> {
        let place = match cursor {
            None => None,
            Some(cursor) => Some(self.read_cursor(cursor)?),
        };
        if self.place != place {
            // What was found is looked for again.
            self.found.clear();
            self.place = place;
            self.look_at = None;
        }
        while self.found.is_empty() {
            if let Some(at) = self.look_at {
                sleep_until(at).await;
            }
            self.look(max.max(1)).await?;
            self.look_at = self.found.is_empty().then(|| Instant::now() + self.every);
        }
        let documents = self.found.drain(..self.found.len().min(max)).collect();
        if !self.found.is_empty() {
            return Ok(Polled { documents, cursor: None });
        }
        let cursor = Bytes::from(self.after_found.clone());
        self.place = Some(std::mem::take(&mut self.after_found));
        Ok(Polled { documents, cursor: Some(cursor) })
    }

    fn read_cursor(&self, cursor: &Bytes) -> Result<String> {
        let text = str::from_utf8(cursor).ok().filter(|text| !text.contains('\0'));
        text.map(str::to_owned).ok_or_else(|| {
            let context = format!(
                "{self}: the cursor that was kept is of another kind; give the source another name"
            );
            Error::new(ErrorKind::Corrupt, OPERATION, context)
        })
    }

    /// Reads the next rows, if there are any.
    async fn look(&mut self, max: usize) -> Result<()> {
        let failed = |source: &Self, failure| source.failed(failure);
        let bound = in_time(self.bound(max)).await.map_err(|error| failed(self, error))?;
        let Some((bound, writers)) = bound else { return Ok(()) };
        self.wait_for(writers).await.map_err(|error| failed(self, error))?;
        let rows = self.read(&bound, max).await.map_err(|error| failed(self, error))?;
        if rows.len() > max + MAX_TIES {
            let context = format!(
                "{self}: more than {MAX_TIES} rows have {} in {}; choose a column whose values \
                 differ",
                rows.last().map_or("one value", |(cursor, _)| cursor),
                self.column
            );
            return Err(Error::new(ErrorKind::Config, OPERATION, context));
        }
        let (mut latest, mut position) = (String::new(), 0_u64);
        for (cursor, body) in rows {
            position = if cursor == latest { position + 1 } else { 0 };
            let id = id_of(Timestamp::from_millis(0), &format!("row/{cursor}/{position}"));
            self.found.push_back(Document::json(id, body));
            latest = cursor;
        }
        self.after_found = latest;
        Ok(())
    }

    /// How far to read, and which transactions were writing when that was found.
    async fn bound(&self, max: usize) -> sqlx::Result<Option<(String, Vec<String>)>> {
        let mut held = self.lane.begin().await?;
        let Self { rows, column, .. } = self;
        let above = self.above();
        // `found.place` is the value; `place` would be the text that it becomes.
        let bound = format!(
            "SELECT place::text FROM ( \
                 SELECT celeriac_row.{column} AS place FROM {rows} AS celeriac_row \
                 WHERE {above} ORDER BY 1 LIMIT {max}) AS found \
             ORDER BY found.place DESC LIMIT 1"
        );
        let bound = sqlx::query_scalar::<_, String>(AssertSqlSafe(bound)).persistent(false);
        let found = match bound.fetch_optional(&mut *held).await? {
            None => None,
            Some(bound) => Some((bound, sqlx::query_scalar(WRITERS).fetch_all(&mut *held).await?)),
        };
        held.commit().await?;
        Ok(found)
    }

    /// Waits until these transactions have ended.
    async fn wait_for(&self, mut writers: Vec<String>) -> sqlx::Result<()> {
        let mut pause = FIRST_PAUSE;
        while !writers.is_empty() {
            writers = sqlx::query_scalar(STILL_WRITING).bind(writers).fetch_all(&self.lane).await?;
            if !writers.is_empty() {
                sleep(pause).await;
                pause = (pause * 2).min(self.every.max(FIRST_PAUSE));
            }
        }
        Ok(())
    }

    /// The rows up to a bound: so many, and those that bear the value of the last.
    async fn read(&self, bound: &str, max: usize) -> sqlx::Result<Vec<(String, String)>> {
        let Self { rows, column, .. } = self;
        let (above, bound, most) = (self.above(), literal(bound), max + MAX_TIES + 1);
        let read = format!(
            "SELECT place::text, body FROM ( \
                 SELECT celeriac_row.{column} AS place, \
                     row_to_json(celeriac_row.*)::text AS body \
                 FROM {rows} AS celeriac_row \
                 WHERE {above} AND celeriac_row.{column} <= {bound} \
                 ORDER BY 1 FETCH FIRST {max} ROWS WITH TIES) AS found \
             ORDER BY found.place, body LIMIT {most}"
        );
        let read = sqlx::query_as(AssertSqlSafe(read)).persistent(false);
        read.fetch_all(&self.lane).await
    }

    /// The condition of rows that were not given yet.
    fn above(&self) -> String {
        let column = &self.column;
        match &self.place {
            None => format!("celeriac_row.{column} IS NOT NULL"),
            Some(place) => format!("celeriac_row.{column} > {}", literal(place)),
        }
    }

    fn failed(&self, failure: sqlx::Error) -> Error {
        let code = failure.as_database_error().and_then(|error| error.code());
        let code = code.unwrap_or_default();
        let (kind, advice) = match (code.get(..2).unwrap_or_default(), &*code) {
            (_, "42501") => (ErrorKind::Denied, "grant the user SELECT"),
            (_, "25006") => (ErrorKind::Config, "a source only reads"),
            ("22", _) => (
                ErrorKind::Config,
                "look at the query; a source whose column has another type needs another name",
            ),
            ("42" | "3F", _) => (ErrorKind::Config, "look at table, query and column"),
            _ => return error::of_sqlx(OPERATION, &self.to_string(), failure),
        };
        Error::new(kind, OPERATION, format!("{self}: {failure}; {advice}")).caused_by(failure)
    }
}

/// A text as SQL has it, to be of whatever type it is compared with. The
/// connection's settings make it right for every text.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn lane(config: &Config) -> Lane {
    let limit = LIMIT.as_millis();
    // Cursors are text: it must say all of a value, and the same everywhere.
    let settings = format!(
        "SET default_transaction_read_only = on; SET standard_conforming_strings = on; \
         SET DateStyle = ISO; SET TimeZone = UTC; SET IntervalStyle = postgres; \
         SET extra_float_digits = 1; SET bytea_output = hex; SET statement_timeout = {limit}; \
         SET idle_in_transaction_session_timeout = {limit}"
    );
    Lane::new(config.connect.clone(), 1, settings)
}

/// The clone has connections of its own, and is at the start.
impl Clone for Source {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            rows: self.rows.clone(),
            shown: self.shown.clone(),
            column: self.column.clone(),
            every: self.every,
            lane: lane(&self.config),
            found: VecDeque::new(),
            place: None,
            after_found: String::new(),
            look_at: None,
        }
    }
}

impl celeriac_core::Source for Source {
    fn poll<'a>(
        &'a mut self,
        cursor: Option<&'a Bytes>,
        max: usize,
    ) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(self.next(cursor, max))
    }

    fn reject(&mut self) -> BoxFuture<'_, ()> {
        // Also what the latest poll left for the next.
        self.found.clear();
        Box::pin(std::future::ready(()))
    }
}

impl fmt::Display for Source {
    /// What it reads, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} by {}", self.config.server(), self.shown, self.column)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.to_string()).finish()
    }
}
