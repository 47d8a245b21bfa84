//! Publishing inside a transaction of the user's own.

use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind, Message, Timestamp};
use sqlx::PgConnection;

use crate::broker::insert;
use crate::signals::{NOBODY, Signal};
use crate::store::schedule_rows;
use crate::{Config, error};

/// Publishes messages, in order, with whatever else the transaction does: they
/// are there, and wake workers, when it commits, and a rollback sends nothing.
/// Those with an `eta` that is to come wait for it, as others do.
///
/// `config` says in which schema the tables are; the connection must be one to
/// the same database, and its user may insert there. A queue's limit is not
/// looked at.
///
/// ```no_run
/// # async fn example(pool: sqlx::PgPool, message: std::sync::Arc<celeriac_core::Message>)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let config = celeriac_postgres::Config::parse("postgres://localhost/shop")?;
/// let mut transaction = pool.begin().await?;
/// sqlx::query("INSERT INTO orders (item) VALUES ('tea')").execute(&mut *transaction).await?;
/// celeriac_postgres::enqueue(&mut transaction, &config, &[message]).await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of the server; the transaction is then of no more use. `Unsupported`
/// for a transient queue: nobody in the transaction keeps it alive.
///
/// # Cancel safety
/// A dropped future may have written; roll the transaction back.
pub async fn enqueue(
    connection: &mut PgConnection,
    config: &Config,
    batch: &[Arc<Message>],
) -> Result<()> {
    if let Some(message) = batch.iter().find(|message| message.queue.is_transient()) {
        let context = format!("queue {}: a transaction can't use a transient queue", message.queue);
        return Err(Error::new(ErrorKind::Unsupported, "enqueue", context));
    }
    let failed = |failure| error::of_sqlx("enqueue", &config.to_string(), failure);
    let now = Timestamp::now();
    let waits = |message: &&Message| message.rare().eta.is_some_and(|eta| eta > now);
    let (scheduled, ready): (Vec<_>, Vec<_>) =
        batch.iter().map(|message| &**message).partition(waits);
    let mut signals = Vec::new();
    if !ready.is_empty() {
        insert(connection, config.schema(), &ready).await.map_err(failed)?;
        let mut queues = Vec::from_iter(ready.iter().map(|message| message.queue.clone()));
        queues.sort_unstable();
        queues.dedup();
        signals.extend(queues.into_iter().map(Signal::Ready));
    }
    if let Some(first) = scheduled.iter().filter_map(|message| message.rare().eta).min() {
        schedule_rows(connection, config.schema(), &scheduled).await.map_err(failed)?;
        signals.push(Signal::Scheduled(first));
    }
    let payloads = signals.iter().flat_map(|signal| signal.payloads(NOBODY));
    let notify = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload";
    let notify = sqlx::query(notify).bind(config.schema()).bind(Vec::from_iter(payloads));
    notify.execute(connection).await.map_err(failed)?;
    Ok(())
}
