//! Looking at queues, and discarding what waits in one.

use std::collections::BTreeMap;

use celeriac_core::QueueName;
use celeriac_core::broker::QueueStats;
use celeriac_core::error::Result;

use crate::Postgres;

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
        let purge = sqlx::query("DELETE FROM ready WHERE queue = $1").bind(queue.as_str());
        let purged = purge.execute(&self.client.strict).await;
        let purged = purged.map_err(|error| self.client.failed("purge", error))?;
        self.estimates.forget(queue);
        self.signals.wake_room();
        Ok(purged.rows_affected())
    }
}
