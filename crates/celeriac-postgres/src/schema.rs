//! The tables, in numbered steps that are applied when a driver opens.

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use sqlx::{Acquire, PgConnection};

use crate::client::{Client, run};
use crate::lane::in_time;

/// Every step so far, the first one first. A released step never changes.
const STEPS: &[&str] = &[include_str!("schema/0001.sql"), include_str!("schema/0002.sql")];
/// The version that this build knows.
pub(crate) const VERSION: i32 = STEPS.len() as i32;

/// Brings the schema to [`VERSION`]. Of processes that open at once, one does.
///
/// # Errors
/// `Config` if a newer build made it; `Denied` if the user may not.
pub(crate) async fn migrate(client: &Client) -> Result<()> {
    let failed = |error| client.failed("open", error);
    let mut connection = client.strict.acquire().await.map_err(failed)?;
    let found = in_time(version(&mut connection, &client.schema)).await;
    let mut found = found.map_err(failed)?;
    if found < VERSION {
        found = apply(&mut connection, &client.schema).await.map_err(failed)?;
    }
    connection.release();
    if found == VERSION {
        return Ok(());
    }
    let context = format!(
        "{}: its tables are of version {found}, this build knows {VERSION}; upgrade it, or name \
         another `schema`",
        client.place
    );
    Err(Error::new(ErrorKind::Config, "open", context))
}

/// The version that is there; 0 for none.
async fn version(connection: &mut PgConnection, schema: &str) -> sqlx::Result<i32> {
    // Looked up in the table of tables: what a name means may be remembered from
    // before the lock.
    let exists = "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables \
                  WHERE schemaname = $1 AND tablename = 'migration')";
    if !sqlx::query_scalar(exists).bind(schema).fetch_one(&mut *connection).await? {
        return Ok(0);
    }
    let version = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM migration");
    version.fetch_one(connection).await
}

/// Applies the steps that are missing; says which version is there then.
async fn apply(connection: &mut PgConnection, schema: &str) -> sqlx::Result<i32> {
    let mut transaction = connection.begin().await?;
    // Held to the end of the transaction: who comes second finds it done.
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('celeriac ' || $1, 0))";
    sqlx::query(lock).bind(schema).execute(&mut *transaction).await?;
    let found = version(&mut transaction, schema).await?;
    if found == 0 {
        let first = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE IF NOT EXISTS migration \
             (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        );
        run(&mut transaction, first).await?;
    }
    for (number, step) in (1..).zip(STEPS).filter(|(number, _)| *number > found) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        let note = sqlx::query("INSERT INTO migration (version) VALUES ($1)").bind(number);
        note.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(found.max(VERSION))
}
