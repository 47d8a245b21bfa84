//! Where a test keeps its tables: a schema of its own in the machine's server,
//! which is dropped with them.

use std::sync::Arc;

use celeriac_postgres::{Config, Options, Postgres};
use jumpstarter::System;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The server that tests use, unless this variable names another.
const VARIABLE: &str = "CELERIAC_TEST_POSTGRES";
const ADDRESS: &str = "postgres://root@127.0.0.1:5432/test";

/// The address of the server that tests use.
pub(crate) fn address() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| ADDRESS.to_owned())
}

/// A schema that is dropped with this.
pub(crate) struct Place {
    server: String,
    pub(crate) schema: String,
}

impl Place {
    pub(crate) fn new() -> Arc<Self> {
        Self::at(&address())
    }

    /// One at a certain server.
    pub(crate) fn at(server: &str) -> Arc<Self> {
        let schema = format!("test_{:016x}", rand::random::<u64>());
        Arc::new(Self { server: server.to_owned(), schema })
    }

    /// The driver's address, with more parameters, such as `&pool=2`.
    pub(crate) fn config(&self, parameters: &str) -> Config {
        let Self { server, schema } = self;
        Config::parse(&format!("{server}?schema={schema}{parameters}")).unwrap()
    }

    /// A process of its own.
    pub(crate) async fn open(&self, system: &System) -> Arc<Postgres> {
        let opened = Postgres::connect(self.config(""), Options::default(), system).await;
        opened
            .unwrap_or_else(|error| panic!("{error}: the tests need a server; {VARIABLE} names it"))
    }

    /// A connection beside the driver's.
    pub(crate) async fn connection(&self) -> PgConnection {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        execute(&mut connection, &format!("SET search_path = {}", self.schema)).await;
        connection
    }

    /// Runs a statement.
    pub(crate) async fn execute(&self, statement: &str) -> u64 {
        execute(&mut self.connection().await, statement).await
    }

    /// One number.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(query.to_owned()));
        query.fetch_one(&mut self.connection().await).await.unwrap()
    }

    /// Lets every lease expire, and every transient queue fall out of use.
    pub(crate) async fn expire(&self) {
        self.execute("UPDATE session SET expires_at = now() - interval '1 s'").await;
        self.execute("UPDATE transient_queue SET used_at = '-infinity'").await;
    }
}

async fn execute(connection: &mut PgConnection, statement: &str) -> u64 {
    let query = sqlx::query(AssertSqlSafe(statement.to_owned()));
    query.execute(connection).await.unwrap().rows_affected()
}

impl Drop for Place {
    fn drop(&mut self) {
        let statement = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        let server = self.server.clone();
        let drop_schema = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                // A private server may be gone already.
                if let Ok(mut connection) = PgConnection::connect(&server).await {
                    let lock = "SET lock_timeout = '20s'";
                    let _ = sqlx::query(lock).execute(&mut connection).await;
                    let _ = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await;
                }
            });
        };
        let _ = std::thread::spawn(drop_schema).join();
    }
}
