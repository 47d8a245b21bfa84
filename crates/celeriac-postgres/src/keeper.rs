//! The actor that clears up: what was held under leases that have expired goes
//! back, and what nobody may want any more is forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use celeriac_core::{QueueName, Timestamp};
use jumpstarter::{Context, Flow, actor};

use crate::broker::lease_ms;
use crate::client::Client;
use crate::column;
use crate::lane::in_time;
use crate::signals::Signal;
use crate::store::forget_expired_workflows;
use crate::telling::Teller;

/// How often it looks for expired leases while one lasts.
const LOOKS: u32 = 4;
/// How often what has expired is forgotten.
const FORGET: Duration = Duration::from_secs(30);
/// How many rows of a table one statement deletes.
const MAX_ROWS: i64 = 5000;

/// Clears up.
pub(crate) struct Keeper {
    client: Arc<Client>,
    teller: Teller,
    lease: Duration,
    forgot_at: Instant,
}

#[actor]
impl Keeper {
    pub(crate) fn new(client: Arc<Client>, teller: Teller, lease: Duration) -> Self {
        Self { client, teller, lease, forgot_at: Instant::now() }
    }

    #[task]
    async fn clear_up(&mut self, ctx: &mut Context<Self>) -> Flow {
        tokio::time::sleep(self.lease / LOOKS).await;
        let mut cleared = reclaim(&self.client, &self.teller, self.lease).await;
        if cleared.is_ok() && self.forgot_at.elapsed() >= FORGET {
            self.forgot_at = Instant::now();
            cleared = in_time(forget(&self.client)).await;
        }
        match cleared {
            Ok(()) => drop(ctx.recover()),
            Err(_) if self.client.is_closed() => return Flow::Success,
            Err(error) => {
                tracing::warn!(%error, place = %self.client.place, "clearing up failed; tried again");
                let _ = ctx.report_warning();
            }
        }
        Flow::Continue
    }
}

/// Gives back what was held under expired leases. A server that has not been
/// up for as long as a lease has given nobody the time to renew it.
pub(crate) async fn reclaim(client: &Client, teller: &Teller, lease: Duration) -> sqlx::Result<()> {
    let end = sqlx::query(
        "DELETE FROM session WHERE expires_at < now() \
         AND now() > pg_postmaster_start_time() + $1 * interval '1 millisecond'",
    );
    let ended = end.bind(lease_ms(lease)).execute(&client.loose).await?;
    if ended.rows_affected() > 0 {
        let (sessions, place) = (ended.rows_affected(), &client.place);
        tracing::warn!(sessions, %place, "leases have expired: what they held is given back");
    }
    let back = sqlx::query_scalar::<_, String>(
        "WITH lost AS (
             DELETE FROM leased WHERE NOT EXISTS
                 (SELECT FROM session WHERE session.id = leased.session)
             RETURNING *
         ), forgotten AS (
             DELETE FROM begun WHERE NOT EXISTS
                 (SELECT FROM session WHERE session.id = begun.session)
         ), back AS (
             INSERT INTO ready (seq, queue, priority, deaths, redelivered, body)
             SELECT seq, queue, priority, deaths + (EXISTS (
                     SELECT FROM begun WHERE begun.session = lost.session
                         AND lost.receipt BETWEEN begun.first AND begun.last
                 ))::integer, true, body FROM lost
             RETURNING queue
         ) SELECT DISTINCT queue FROM back",
    );
    let queues = back.fetch_all(&client.loose).await?;
    let ready = queues.into_iter().map(|queue| Signal::Ready(QueueName::from(queue)));
    ready.for_each(|signal| teller.tell(signal));
    let unused = sqlx::query(
        "WITH unused AS (
             DELETE FROM transient_queue WHERE used_at < now() - $1 * interval '1 millisecond'
         ) DELETE FROM ready WHERE queue >= '~' AND queue < chr(127) AND NOT EXISTS (
             SELECT FROM transient_queue AS used WHERE used.queue = ready.queue
                 AND used_at >= now() - $1 * interval '1 millisecond')",
    );
    unused.bind(lease_ms(lease)).execute(&client.loose).await?;
    Ok(())
}

/// Forgets what has expired: one process at a time.
async fn forget(client: &Client) -> sqlx::Result<()> {
    let mut transaction = client.loose.begin().await?;
    let lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('celeriac forgets ' || $1, 0))";
    let locked = sqlx::query_scalar::<_, bool>(lock).bind(&client.schema);
    if !locked.fetch_one(&mut *transaction).await? {
        return transaction.commit().await;
    }
    // The index of outcomes can be read in no other way.
    sqlx::query("SET LOCAL enable_bitmapscan = on").execute(&mut *transaction).await?;
    let now = column::millis(Timestamp::now());
    for statement in [
        "DELETE FROM outcome WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM outcome WHERE expires_at <= $1 LIMIT $2))",
        "DELETE FROM mark WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM mark WHERE expires_at <= $1 LIMIT $2))",
        "DELETE FROM claim WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM claim WHERE until <= $1 LIMIT $2))",
        "DELETE FROM revocation WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM revocation WHERE until <= $1 LIMIT $2))",
        "DELETE FROM node WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM node WHERE expires_at <= $1 LIMIT $2))",
    ] {
        sqlx::query(statement).bind(now).bind(MAX_ROWS).execute(&mut *transaction).await?;
    }
    forget_expired_workflows(&mut transaction, now).await?;
    transaction.commit().await
}
