//! Publishing: messages of a batch by one statement, as far as their queues
//! have room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use celeriac_core::broker::Limit;
use celeriac_core::error::Result;
use celeriac_core::wire;
use celeriac_core::{Message, QueueName};
use parking_lot::Mutex;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::lane::{Lane, in_time};
use crate::signals::Signal;
use crate::{Postgres, column};

/// How long a count is trusted of a queue that was less than half full.
const TRUSTED: Duration = Duration::from_secs(10);
/// How many bytes of messages go into one statement, or one message.
const MAX_BYTES: usize = 32 << 20;
/// How often whoever waits for room counts without a signal: what other
/// processes acknowledge is not told.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(250);

/// What was counted of queues, and what this process has added since.
#[derive(Debug, Default)]
pub(crate) struct Estimates {
    queues: Mutex<HashMap<QueueName, Estimate>>,
}

#[derive(Debug)]
struct Estimate {
    counted_at: Instant,
    waiting: usize,
}

impl Estimates {
    /// Adds `more` if it is sure that they leave half of the limit free.
    fn add(&self, queue: &QueueName, more: usize, limit: usize) -> bool {
        let mut queues = self.queues.lock();
        let Some(estimate) = queues.get_mut(queue) else { return false };
        let waiting = estimate.waiting.saturating_add(more);
        let is_roomy = waiting <= limit / 2 && estimate.counted_at.elapsed() < TRUSTED;
        if is_roomy {
            estimate.waiting = waiting;
        }
        is_roomy
    }

    fn counted(&self, queue: &QueueName, waiting: usize) {
        let estimate = Estimate { counted_at: Instant::now(), waiting };
        self.queues.lock().insert(queue.clone(), estimate);
    }

    pub(super) fn forget(&self, queue: &QueueName) {
        self.queues.lock().remove(queue);
    }
}

/// Inserts messages in order, by as few statements as their size allows:
/// sequence numbers follow the order of the arrays.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    schema: &str,
    batch: &[&Message],
) -> sqlx::Result<()> {
    let statement = format!(
        "INSERT INTO {schema}.ready (queue, priority, body)
         SELECT queue, priority, body FROM unnest($1::text[], $2::smallint[], $3::bytea[])
             WITH ORDINALITY AS message (queue, priority, body, place) ORDER BY place"
    );
    let mut rest = batch;
    while !rest.is_empty() {
        let (mut bodies, mut bytes) = (Vec::with_capacity(rest.len()), 0);
        for message in rest {
            let mut body = Vec::with_capacity(128 + message.body.len());
            wire::encode(message, &mut body);
            bytes += body.len();
            if bytes > MAX_BYTES && !bodies.is_empty() {
                break;
            }
            bodies.push(body);
        }
        let (now, later) = rest.split_at(bodies.len());
        let queues = Vec::from_iter(now.iter().map(|message| message.queue.as_str()));
        let priorities = now.iter().map(|message| i16::from(message.priority.get()));
        let priorities = Vec::from_iter(priorities);
        let insert = sqlx::query(AssertSqlSafe(statement.clone()));
        let insert = insert.bind(queues).bind(priorities).bind(bodies);
        in_time(insert.execute(&mut *connection)).await?;
        rest = later;
    }
    Ok(())
}

/// How many wait in a queue, counted up to `most`.
async fn count(lane: &Lane, queue: &QueueName, most: usize) -> sqlx::Result<usize> {
    let count = "SELECT count(*) FROM (SELECT FROM ready WHERE queue = $1 LIMIT $2) AS waiting";
    let count = sqlx::query_scalar::<_, i64>(count).bind(queue.as_str()).bind(column::limit(most));
    Ok(usize::try_from(count.fetch_one(lane).await?).unwrap_or(usize::MAX))
}

/// The queues of a batch, and how many messages each gets.
fn queues(batch: &[Arc<Message>]) -> Vec<(&QueueName, usize)> {
    let mut queues: Vec<(&QueueName, usize)> = Vec::new();
    for message in batch {
        match queues.iter_mut().rev().find(|(queue, _)| **queue == message.queue) {
            Some((_, messages)) => *messages += 1,
            None => queues.push((&message.queue, 1)),
        }
    }
    queues
}

impl Postgres {
    pub(super) async fn publish_batch(
        &self,
        batch: &[Arc<Message>],
        limit: Limit,
    ) -> Result<Vec<usize>> {
        self.client.check_open("publish")?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |error| self.client.failed("publish", error);
        let queues = queues(batch);
        let refused = match limit {
            Limit::Exceed => Vec::new(),
            Limit::Respect => self.without_room(batch, &queues).await.map_err(failed)?,
        };
        let mut refused_positions = refused.iter().copied().peekable();
        let accepted = batch
            .iter()
            .enumerate()
            .filter(|(position, _)| refused_positions.next_if_eq(position).is_none());
        let accepted = Vec::from_iter(accepted.map(|(_, message)| &**message));
        self.touch_transient(queues.iter().map(|(queue, _)| *queue)).await.map_err(failed)?;
        if !accepted.is_empty() {
            let inserted = async {
                let mut connection = self.client.strict.acquire().await?;
                insert(&mut connection, &self.client.schema, &accepted).await?;
                connection.release();
                Ok(())
            };
            inserted.await.map_err(failed)?;
        }
        queues.into_iter().for_each(|(queue, _)| self.tell(Signal::Ready(queue.clone())));
        Ok(refused)
    }

    /// The positions of messages that have no room.
    async fn without_room(
        &self,
        batch: &[Arc<Message>],
        queues: &[(&QueueName, usize)],
    ) -> sqlx::Result<Vec<usize>> {
        let limit = self.options.queue_limit;
        let mut refused = Vec::new();
        for (queue, messages) in queues {
            if self.estimates.add(queue, *messages, limit) {
                continue;
            }
            let waiting = count(&self.client.loose, queue, limit).await?;
            let room = limit.saturating_sub(waiting);
            self.estimates.counted(queue, waiting + room.min(*messages));
            let positions =
                batch.iter().enumerate().filter(|(_, message)| message.queue == **queue);
            refused.extend(positions.skip(room).map(|(position, _)| position));
        }
        refused.sort_unstable();
        Ok(refused)
    }

    /// Notes that transient queues are used, so that they live on.
    async fn touch_transient<'a>(
        &self,
        queues: impl Iterator<Item = &'a QueueName>,
    ) -> sqlx::Result<()> {
        let transient = queues.filter(|queue| queue.is_transient()).map(QueueName::as_str);
        let mut transient = Vec::from_iter(transient);
        if transient.is_empty() {
            return Ok(());
        }
        transient.sort_unstable();
        touch(&self.client.loose, &transient).await
    }

    pub(super) async fn wait_for_room(&self, queue: &QueueName) -> Result<()> {
        let limit = self.options.queue_limit;
        loop {
            let mut room = self.signals.room();
            let waiting = count(&self.client.loose, queue, limit).await;
            if waiting.map_err(|error| self.client.failed("room", error))? < limit {
                return Ok(());
            }
            // Over time, it is as if there had been a signal.
            let _ = tokio::time::timeout(LOOK_FOR_ROOM, room.changed()).await;
        }
    }
}

/// Notes that these transient queues are used; they are in order, so that two
/// who do so don't wait for each other.
pub(super) async fn touch(lane: &Lane, queues: &[&str]) -> sqlx::Result<()> {
    let touch = sqlx::query(
        "INSERT INTO transient_queue (queue, used_at) SELECT queue, now() FROM unnest($1::text[]) \
         AS queue ON CONFLICT (queue) DO UPDATE SET used_at = now()",
    );
    touch.bind(queues).execute(lane).await?;
    Ok(())
}
