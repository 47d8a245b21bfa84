//! [`Timers`]: one row for each message that waits for its time.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::store::Timers;
use celeriac_core::wire::{self, Decoder};
use celeriac_core::{BoxFuture, Message, Timestamp};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::lane::in_time;
use crate::signals::{SAFETY, Signal};
use crate::{Postgres, column};

/// What is taken is due again at the end of its lease.
const TAKE: &str = "WITH due AS (
         SELECT id, due, seq FROM timer WHERE due <= $1 ORDER BY due, seq LIMIT $2
         FOR UPDATE SKIP LOCKED
     ), taken AS (
         UPDATE timer SET due = $3 FROM due WHERE timer.id = due.id
         RETURNING due.due AS was_due, timer.seq, timer.body
     ) SELECT body FROM taken ORDER BY was_due, seq";

/// Writes messages that wait for their time, replacing those of the same id, but no
/// later attempts.
pub(crate) async fn schedule_rows(
    connection: &mut PgConnection,
    schema: &str,
    batch: &[&Message],
) -> sqlx::Result<()> {
    // Of an id the latest attempt counts, and of its repetitions the last; in order,
    // so that nobody waits in a circle.
    let mut rows = Vec::from_iter(batch.iter().enumerate());
    rows.sort_by_key(|(position, message)| (message.id, Reverse((message.attempt, *position))));
    rows.dedup_by_key(|(_, message)| message.id);
    let rows = Vec::from_iter(rows.into_iter().map(|(_, message)| *message));
    let body = |message: &&Message| {
        let mut body = Vec::new();
        wire::encode(message, &mut body);
        body
    };
    let due = |message: &&Message| column::millis(message.rare().eta.unwrap_or_default());
    let statement = format!(
        "INSERT INTO {schema}.timer (id, due, attempt, body)
         SELECT id, due, attempt, body
             FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[])
             AS message (id, due, attempt, body)
         ON CONFLICT (id) DO UPDATE SET
             due = excluded.due, attempt = excluded.attempt, body = excluded.body
             WHERE excluded.attempt >= timer.attempt"
    );
    let schedule = sqlx::query(AssertSqlSafe(statement))
        .bind(Vec::from_iter(rows.iter().map(|message| column::uuid(message.id))))
        .bind(Vec::from_iter(rows.iter().map(due)))
        .bind(Vec::from_iter(rows.iter().map(|message| i64::from(message.attempt))))
        .bind(Vec::from_iter(rows.iter().map(body)));
    schedule.execute(connection).await?;
    Ok(())
}

impl Postgres {
    async fn schedule_all(&self, batch: &[Arc<Message>]) -> Result<()> {
        self.client.check_open("schedule")?;
        let messages = Vec::from_iter(batch.iter().map(|message| &**message));
        let scheduled = in_time(async {
            let mut connection = self.client.strict.acquire().await?;
            schedule_rows(&mut connection, &self.client.schema, &messages).await?;
            connection.release();
            Ok(())
        });
        scheduled.await.map_err(|error| self.client.failed("schedule", error))?;
        let times = batch.iter().map(|message| message.rare().eta.unwrap_or_default());
        if let Some(first) = times.min() {
            self.tell(Signal::Scheduled(first));
        }
        Ok(())
    }

    async fn take_due_rows(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> Result<Vec<Arc<Message>>> {
        self.client.check_open("take_due")?;
        // A lease of no time would give the same one again and again.
        let until = now.after(lease.max(Duration::from_millis(1)));
        let take = sqlx::query_scalar::<_, Vec<u8>>(TAKE)
            .bind(column::millis(now))
            .bind(column::limit(max))
            .bind(column::millis(until));
        let bodies = take.fetch_all(&self.client.loose).await;
        let bodies = bodies.map_err(|error| self.client.failed("take_due", error))?;
        let mut decoder = Decoder::new();
        let messages = bodies.into_iter().map(|body| decoder.decode(&Bytes::from(body)));
        let messages = messages.map(|message| message.map(Arc::new)).collect();
        self.read("take_due", messages)
    }

    async fn next_due_time(&self) -> Result<Option<Timestamp>> {
        self.client.check_open("next_due")?;
        self.signals.look_at_timers();
        let next = "SELECT due FROM timer ORDER BY due LIMIT 1";
        let next = sqlx::query_scalar(next).fetch_optional(&self.client.strict).await;
        let next = next.map_err(|error| self.client.failed("next_due", error))?;
        let next = next.map(column::time);
        self.signals.seen_timers(next);
        Ok(next)
    }
}

impl Timers for Postgres {
    fn schedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match batch.is_empty() {
                true => Ok(()),
                false => self.schedule_all(batch).await,
            }
        })
    }

    fn take_due(
        &self,
        now: Timestamp,
        max: usize,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Vec<Arc<Message>>>> {
        Box::pin(self.take_due_rows(now, max, lease))
    }

    fn unschedule<'a>(&'a self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.client.check_open("unschedule")?;
            if batch.is_empty() {
                return Ok(());
            }
            let unschedule = sqlx::query(
                "DELETE FROM timer USING unnest($1::uuid[], $2::bigint[]) AS done (id, attempt) \
                 WHERE timer.id = done.id AND timer.attempt = done.attempt",
            );
            let unschedule = unschedule
                .bind(Vec::from_iter(batch.iter().map(|message| column::uuid(message.id))))
                .bind(Vec::from_iter(batch.iter().map(|message| i64::from(message.attempt))));
            let unscheduled = unschedule.execute(&self.client.strict).await;
            unscheduled.map(drop).map_err(|error| self.client.failed("unschedule", error))
        })
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(self.next_due_time())
    }

    fn timers_changed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.client.while_open("timers_changed", async {
            // May wake for nothing: what was scheduled elsewhere may not be told.
            let _ = tokio::time::timeout(SAFETY, self.signals.timers_nearer()).await;
            Ok(())
        }))
    }

    fn scheduled(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            self.client.check_open("scheduled")?;
            let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM timer");
            let count = count.fetch_one(&self.client.strict).await;
            let count = count.map_err(|error| self.client.failed("scheduled", error))?;
            Ok(count.unsigned_abs())
        })
    }
}
