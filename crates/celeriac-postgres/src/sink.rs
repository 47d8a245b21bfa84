//! The sink: documents become rows of a table of the user's, one statement for
//! a batch, one row for an id.

use std::fmt;
use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::sink::json;
use celeriac_core::{Address, BoxFuture, Error, ErrorKind, Message};
use sqlx::AssertSqlSafe;
use sqlx::types::Uuid;

use crate::client::run;
use crate::lane::{LIMIT, Lane};
use crate::name::Table;
use crate::{Config, column, error};

const OPERATION: &str = "write to a table";

/// What a document's row must have, by type.
const COLUMNS: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("name", "text"),
    ("at", "timestamp with time zone"),
    ("content_type", "text"),
    ("value", "jsonb"),
];

/// The table is looked up by its quoted name, along the search path.
const FIND: &str = "SELECT attname::text AS name, format_type(atttypid, NULL) AS type,
        attnotnull AND NOT atthasdef AND attidentity = '' AS must_be_given,
        EXISTS (
            SELECT FROM pg_catalog.pg_index
            WHERE indrelid = attrelid AND indisunique AND indisvalid AND indimmediate
                AND indpred IS NULL AND indnkeyatts = 1 AND indkey[0] = attnum
        ) AS is_unique
    FROM pg_catalog.pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";

/// A sink that inserts a row for each document into a table of a PostgreSQL
/// database, which is made when the first document comes unless it is there:
///
/// ```sql
/// CREATE TABLE results (
///     number bigint GENERATED ALWAYS AS IDENTITY, -- the order of writing
///     id uuid PRIMARY KEY,                        -- the task's
///     name text NOT NULL,
///     at timestamptz NOT NULL,                    -- when the document was made
///     content_type text NOT NULL,
///     value jsonb NOT NULL
/// )
/// ```
///
/// A table of your own needs these columns but `number`, a unique index on `id`
/// alone, and no other column that must be given. A value that JSON can't say
/// is text where it is UTF-8, else a list of bytes.
///
/// Written is what is committed to the server's disk, a batch in one statement.
/// An id that is there already is left as it is: a document that comes again
/// makes no second row. A value that `jsonb` can't hold (`\u0000`), or that a
/// constraint of yours refuses, is refused for good; after all else documents
/// wait. While the server is away a write waits 5 s for it, and 15 s for an
/// answer.
///
/// ```
/// use celeriac_postgres::Sink;
/// # fn main() -> Result<(), celeriac_core::Error> {
/// let warehouse = Sink::new("postgres://shop:hunter2@db/shop?sslmode=require", "archive.results")?;
/// # assert!(!format!("{warehouse:?}").contains("hunter2"));
/// # Ok(())
/// # }
/// ```
pub struct Sink {
    config: Config,
    table: Table,
    lane: Lane,
    /// Whether the table was found, and fits.
    is_ready: bool,
}

/// A column as the catalogue has it.
struct Column {
    name: String,
    r#type: String,
    must_be_given: bool,
    is_unique: bool,
}

impl Sink {
    /// A sink over `table` of the database at `address`, which is
    /// `postgres://user:password@host:port/database` with libpq's parameters
    /// (`sslmode`, `sslrootcert`, `application_name` …). The table is `name`, as
    /// the search path finds it, or `schema.name`; capitals count. Nothing is
    /// opened before the first document comes.
    ///
    /// # Errors
    /// `Config` for an address that can't be read or has parameters of the
    /// broker's (`schema`, `lease`, `pool`), and for what is no table's name.
    pub fn new(address: impl Into<Address>, table: &str) -> Result<Self> {
        let config = Config::beside(OPERATION, &address.into())?;
        let table = Table::parse(OPERATION, table)?;
        Ok(Self { lane: lane(&config), config, table, is_ready: false })
    }

    async fn insert(&mut self, batch: &[Arc<Message>]) -> Result<()> {
        let values = batch.iter().map(|message| json::value(message));
        let values = values.collect::<Result<Vec<String>>>()?;
        if !self.is_ready {
            self.make_ready().await?;
        }
        // Sorted before the rows get their numbers.
        let insert = format!(
            "INSERT INTO {} (id, name, at, content_type, value) \
             SELECT id, name, timestamptz 'epoch' + at * interval '1 ms', content_type, \
                 value::jsonb \
             FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[]) \
                 WITH ORDINALITY AS document (id, name, at, content_type, value, place) \
             ORDER BY place ON CONFLICT (id) DO NOTHING",
            self.table.quoted()
        );
        let insert = sqlx::query(AssertSqlSafe(insert))
            .bind(Vec::<Uuid>::from_iter(batch.iter().map(|it| column::uuid(it.id))))
            .bind(Vec::<&str>::from_iter(batch.iter().map(|it| it.name.as_str())))
            .bind(Vec::from_iter(batch.iter().map(|it| column::millis(it.created_at))))
            .bind(Vec::<&str>::from_iter(batch.iter().map(|it| it.content_type.as_str())))
            .bind(values);
        let inserted = insert.execute(&self.lane).await;
        inserted.map(drop).map_err(|failure| {
            let error = self.failed(failure);
            // What is no document's fault may be the table's: it is looked at again.
            self.is_ready = error.kind() == ErrorKind::Invalid;
            error
        })
    }

    /// Makes the table unless it is there, and checks that it fits.
    async fn make_ready(&mut self) -> Result<()> {
        let mut columns = self.columns().await.map_err(|error| self.failed(error))?;
        if columns.is_empty() {
            self.make().await.map_err(|error| self.failed(error))?;
            columns = self.columns().await.map_err(|error| self.failed(error))?;
        }
        if let Some(misfit) = misfit(&columns) {
            let context = format!("{self}: {misfit}, or name another table");
            return Err(Error::new(ErrorKind::Config, OPERATION, context));
        }
        self.is_ready = true;
        Ok(())
    }

    async fn columns(&self) -> sqlx::Result<Vec<Column>> {
        let find = sqlx::query_as::<_, (String, String, bool, bool)>(FIND);
        let found = find.bind(self.table.quoted()).fetch_all(&self.lane).await?;
        let column = |(name, r#type, must_be_given, is_unique)| Column {
            name,
            r#type,
            must_be_given,
            is_unique,
        };
        Ok(found.into_iter().map(column).collect())
    }

    /// Makes the table. Of sinks that do at once, one makes it: without the lock
    /// `IF NOT EXISTS` may fail.
    async fn make(&self) -> sqlx::Result<()> {
        let mut held = self.lane.begin().await?;
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('celeriac sink ' || $1, 0))";
        sqlx::query(lock).bind(self.table.quoted()).execute(&mut *held).await?;
        let make = format!(
            "CREATE TABLE IF NOT EXISTS {} (number bigint GENERATED ALWAYS AS IDENTITY, \
             id uuid PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL, \
             content_type text NOT NULL, value jsonb NOT NULL)",
            self.table.quoted()
        );
        run(&mut held, make).await?;
        held.commit().await
    }

    fn failed(&self, failure: sqlx::Error) -> Error {
        let code = failure.as_database_error().and_then(|error| error.code());
        let code = code.unwrap_or_default();
        let (kind, advice) = match (code.get(..2).unwrap_or_default(), &*code) {
            // Data, constraints, and the server's limits: the document's fault.
            ("22" | "23" | "54", _) => (ErrorKind::Invalid, "the document is refused"),
            (_, "42501") => (
                ErrorKind::Denied,
                "grant the user INSERT and SELECT on the table, and CREATE on its schema if it is \
                 to be made",
            ),
            ("3F", _) => (ErrorKind::Config, "make the schema, or name another"),
            ("42", _) => {
                (ErrorKind::Config, "the table was changed or removed: it is looked at again")
            }
            _ => return error::of_sqlx(OPERATION, &self.to_string(), failure),
        };
        Error::new(kind, OPERATION, format!("{self}: {failure}; {advice}")).caused_by(failure)
    }
}

/// What is wrong with a table, and what to do.
fn misfit(columns: &[Column]) -> Option<String> {
    for (name, wanted) in COLUMNS {
        let Some(column) = columns.iter().find(|column| column.name == *name) else {
            return Some(format!("the column `{name}` is missing; add it as {wanted}"));
        };
        if column.r#type != *wanted {
            let found = &column.r#type;
            return Some(format!("the column `{name}` is {found}; make it {wanted}"));
        }
        if *name == "id" && !column.is_unique {
            return Some("`id` has no unique index of its own; make one".to_owned());
        }
    }
    let is_ours = |column: &Column| COLUMNS.iter().any(|(name, _)| column.name == *name);
    let missed = columns.iter().find(|column| column.must_be_given && !is_ours(column))?;
    Some(format!("the column `{}` must be given; give it a default", missed.name))
}

fn lane(config: &Config) -> Lane {
    let limit = LIMIT.as_millis();
    let settings = format!(
        "SET synchronous_commit = on; SET statement_timeout = {limit}; \
         SET idle_in_transaction_session_timeout = {limit}"
    );
    Lane::new(config.connect.clone(), 1, settings)
}

/// The clone has connections of its own.
impl Clone for Sink {
    fn clone(&self) -> Self {
        let (config, table) = (self.config.clone(), self.table.clone());
        Self { lane: lane(&config), config, table, is_ready: false }
    }
}

impl celeriac_core::Sink for Sink {
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match batch {
                [] => Ok(()),
                batch => self.insert(batch).await,
            }
        })
    }
}

impl fmt::Display for Sink {
    /// Where it writes, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, table {}", self.config.server(), self.table)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sink").field(&self.to_string()).finish()
    }
}
