//! A lane: connections that are used again, each by one operation at a time.
//!
//! A pool of sqlx would do, but for two things: it lets a statement wait for
//! ever on a connection whose other end is gone without a word, and it asks the
//! server after every use whether the connection still works. Here whatever
//! takes too long is given up, here and by the server, and a connection whose
//! use was cut short is closed; a transaction that was begun on it is taken back.

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use futures_util::{FutureExt as _, TryFutureExt as _};
use parking_lot::Mutex;
use sqlx::postgres::{
    PgConnectOptions, PgConnection, PgDatabaseError, PgQueryResult, PgRow, PgSeverity, PgStatement,
    PgTypeInfo,
};
use sqlx::{Connection as _, Either, Execute, Executor, Postgres, SqlStr};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::client::run;
use crate::nagle::Before;

/// How long an operation waits for a connection while the server is away.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is tried before it is used: it may
/// have been cut meanwhile.
const IDLE: Duration = Duration::from_secs(1);
/// How long that may take.
const TRIAL: Duration = Duration::from_secs(1);
/// How long an operation may take. The server ends transactions that are idle
/// for as long (see `client`), so that no lock is held by who is gone.
pub(crate) const LIMIT: Duration = Duration::from_secs(15);

/// The first wait after a server that is not there yet; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// Whether who connects may have come too early.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.is_transient_in_connect_phase(),
        _ => false,
    }
}

/// What an operation gives, if it ends in time.
pub(crate) async fn in_time<T>(
    operation: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    match timeout(LIMIT, operation).await {
        Ok(answer) => answer,
        Err(_) => {
            let text = format!("no answer within {LIMIT:?}");
            Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
        }
    }
}

/// Connections with the same settings. A statement that is executed on
/// `&Lane` has a connection of its own, and ends in time.
pub(crate) struct Lane {
    connect: PgConnectOptions,
    /// What is executed on each new connection.
    settings: String,
    free: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: PgConnection,
    since: Instant,
}

/// A connection in use. Unless that ends well ([`Held::release`],
/// [`Held::commit`]) it is closed.
pub(crate) struct Held<'a> {
    lane: &'a Lane,
    connection: PgConnection,
    permit: SemaphorePermit<'a>,
}

impl Lane {
    /// A lane of at most so many connections, which are made when first used.
    pub(crate) fn new(connect: PgConnectOptions, size: u32, settings: String) -> Self {
        let free = Semaphore::new(size as usize);
        Self { connect, settings, free, idle: Mutex::default() }
    }

    /// A connection, as soon as one is free. One that is new is made at once,
    /// or not at all.
    pub(crate) async fn acquire(&self) -> sqlx::Result<Held<'_>> {
        let acquired = async {
            let permit = self.free.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let connection = match self.idle().await {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            Ok(Held { lane: self, connection, permit })
        };
        timeout(PATIENCE, acquired).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// A new connection; one that a server which is starting refuses is tried again.
    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let mut pause = FIRST_PAUSE;
        let before = Before::now(&self.connect);
        let mut new = loop {
            match PgConnection::connect_with(&self.connect).await {
                Err(error) if may_pass(&error) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                connected => break connected?,
            }
        };
        if let Some(before) = before {
            before.turn_off_since(&self.connect);
        }
        run(&mut new, self.settings.clone()).await?;
        Ok(new)
    }

    /// A connection that was used before, and works.
    async fn idle(&self) -> Option<PgConnection> {
        let Idle { mut connection, since } = self.idle.lock().pop()?;
        if since.elapsed() <= IDLE {
            return Some(connection);
        }
        if matches!(timeout(TRIAL, connection.ping()).await, Ok(Ok(()))) {
            return Some(connection);
        }
        // Those that were idle for longer are no better.
        self.idle.lock().clear();
        None
    }

    /// A connection in a transaction, which ends with [`Held::commit`].
    pub(crate) async fn begin(&self) -> sqlx::Result<Held<'_>> {
        let mut held = self.acquire().await?;
        sqlx::raw_sql("BEGIN").execute(&mut *held).await?;
        Ok(held)
    }

    /// Closes what is idle; nothing more is acquired.
    pub(crate) async fn close(&self) {
        self.free.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for Idle { connection, .. } in idle {
            // One that can't say goodbye is gone already.
            let _ = connection.close().await;
        }
    }
}

impl Held<'_> {
    /// Its use has ended well.
    pub(crate) fn release(self) {
        let Self { lane, connection, permit } = self;
        if lane.free.is_closed() {
            return;
        }
        lane.idle.lock().push(Idle { connection, since: Instant::now() });
        drop(permit);
    }

    /// Ends its transaction, and its use.
    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::raw_sql("COMMIT").execute(&mut *self).await?;
        self.release();
        Ok(())
    }

    /// Its use has ended, with this: a statement that was refused leaves it whole.
    fn release_after<T>(self, answer: sqlx::Result<T>) -> sqlx::Result<T> {
        let is_whole = match &answer {
            Ok(_) => true,
            // After `FATAL` and `PANIC` the server hangs up.
            Err(sqlx::Error::Database(error)) => {
                let error = error.try_downcast_ref::<PgDatabaseError>();
                error.is_some_and(|error| error.severity() == PgSeverity::Error)
            }
            Err(_) => false,
        };
        if is_whole {
            self.release();
        }
        answer
    }
}

impl Deref for Held<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("free", &self.free).finish_non_exhaustive()
    }
}

impl<'l> Executor<'l> for &'l Lane {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'l: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let steps = async move {
            let mut held = self.acquire().await?;
            let steps = in_time(held.fetch_many(query).try_collect::<Vec<_>>()).await;
            held.release_after(steps)
        };
        steps.map_ok(|steps| stream::iter(steps).map(Ok)).try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'l: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let row = async move {
            let mut held = self.acquire().await?;
            let row = in_time(held.fetch_optional(query)).await;
            held.release_after(row)
        };
        row.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'l: 'e,
    {
        let prepared = async move {
            let mut held = self.acquire().await?;
            let prepared = in_time(held.prepare_with(sql, parameters)).await;
            held.release_after(prepared)
        };
        prepared.boxed()
    }
}
