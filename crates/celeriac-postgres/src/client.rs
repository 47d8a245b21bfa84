//! The connections: a lane whose commits wait for the disk, and one whose
//! commits don't. What the driver's parts share is here too.

use std::future::Future;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use sqlx::postgres::PgConnection;
use tokio::sync::watch;

use crate::config::Config;
use crate::error;
use crate::lane::{LIMIT, Lane};

/// What claims, acknowledges and notifies: few at a time.
const LOOSE: u32 = 4;

/// Set on each connection. Plans are made for tables that nobody has analysed
/// yet, and a queue is read in the order of its index: never scanned, never
/// sorted. What runs for milliseconds is not worth compiling.
const SETTINGS: &str = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; \
     SET plan_cache_mode = force_generic_plan";

/// The connections of one driver.
pub(crate) struct Client {
    /// Without secrets, for people.
    pub(crate) place: String,
    pub(crate) schema: String,
    /// Commits when the disk has it: what is promised.
    pub(crate) strict: Lane,
    /// Commits at once; the disk has it within a second. For what may be lost
    /// when the server crashes: claims, acknowledgements, marks, notifications.
    pub(crate) loose: Lane,
    closed: watch::Sender<bool>,
}

impl Client {
    /// Makes lanes that connect when first used.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            place: config.to_string(),
            schema: config.schema().to_owned(),
            strict: lane(config, config.pool, "on"),
            loose: lane(config, LOOSE, "off"),
            closed: watch::Sender::new(false),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    pub(crate) fn check_open(&self, operation: &'static str) -> Result<()> {
        match self.is_closed() {
            true => Err(self.closed(operation)),
            false => Ok(()),
        }
    }

    pub(crate) fn closed(&self, operation: &'static str) -> Error {
        let context = format!("{} was closed; open it again", self.place);
        Error::new(ErrorKind::Closed, operation, context)
    }

    /// What failed, and where.
    pub(crate) fn failed(&self, operation: &'static str, failure: sqlx::Error) -> Error {
        match self.is_closed() {
            true => self.closed(operation),
            false => error::of_sqlx(operation, &self.place, failure),
        }
    }

    /// What `wait` gives, or `Closed` once this is.
    pub(crate) async fn while_open<T>(
        &self,
        operation: &'static str,
        wait: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => Err(self.closed(operation)),
            waited = wait => waited,
        }
    }

    /// Whoever waits is told; later calls are refused.
    pub(crate) fn shut(&self) {
        self.closed.send_replace(true);
    }
}

fn lane(config: &Config, size: u32, synchronous_commit: &str) -> Lane {
    // The server gives up what nobody here waits for any more.
    let limit = LIMIT.as_millis();
    let settings = format!(
        "{SETTINGS}; SET idle_in_transaction_session_timeout = {limit}; \
         SET statement_timeout = {limit}; SET search_path = {}; \
         SET synchronous_commit = {synchronous_commit}",
        config.schema()
    );
    Lane::new(config.connect.clone(), size, settings)
}

/// Runs statements that bear no value from outside but a checked schema name.
pub(crate) async fn run(
    connection: &mut PgConnection,
    statements: String,
) -> std::result::Result<(), sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(connection).await?;
    Ok(())
}
