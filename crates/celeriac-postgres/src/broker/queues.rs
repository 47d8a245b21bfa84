//! Looking at queues, and discarding what waits in one.

use std::collections::BTreeMap;

use celeriac_core::QueueName;
use celeriac_core::broker::QueueStats;
use celeriac_core::error::Result;

use crate::Postgres;

/// How many messages one statement of a purge deletes: it must end in time.
const PURGED_AT_ONCE: i64 = 50_000;

impl Postgres {
    pub(super) async fn count_queues(&self) -> Result<Vec<QueueStats>> {
        self.client.check_open("queues")?;
        // One statement: what moves from one table to the other counts once.
        let count = sqlx::query_as::<_, (String, i64, i64)>(
            "SELECT queue, count(*), 0::bigint FROM ready GROUP BY queue
             UNION ALL SELECT queue, 0::bigint, count(*) FROM leased GROUP BY queue",
        );
        let counts = count.fetch_all(&self.client.loose).await;
        let counts = counts.map_err(|error| self.client.failed("queues", error))?;
        let mut queues: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (queue, ready, in_flight) in counts {
            let stats = queues.entry(queue).or_default();
            stats.0 += ready.unsigned_abs();
            stats.1 += in_flight.unsigned_abs();
        }
        let stats = queues.into_iter().map(|(name, (ready, in_flight))| QueueStats {
            name: QueueName::from(name),
            ready,
            in_flight,
        });
        Ok(stats.collect())
    }

    pub(super) async fn purge_queue(&self, queue: &QueueName) -> Result<u64> {
        self.client.check_open("purge")?;
        let mut purged = 0;
        loop {
            let purge = "DELETE FROM ready WHERE ctid = ANY (ARRAY (
                 SELECT ctid FROM ready WHERE queue = $1 LIMIT $2))";
            let purge = sqlx::query(purge).bind(queue.as_str()).bind(PURGED_AT_ONCE);
            let part = purge.execute(&self.client.strict).await;
            let part = part.map_err(|error| self.client.failed("purge", error))?.rows_affected();
            purged += part;
            if part < PURGED_AT_ONCE.unsigned_abs() {
                break;
            }
        }
        self.estimates.forget(queue);
        self.signals.wake_room();
        Ok(purged)
    }
}
