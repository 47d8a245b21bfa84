//! Outcomes of bare loops, kept in Redis as those of a task queue are.

use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use redis::Pipeline;
use redis::aio::MultiplexedConnection;

/// How long an outcome is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);

pub struct Outcomes(MultiplexedConnection);

impl Outcomes {
    pub async fn open(address: &str) -> Result<Self> {
        Ok(Self(redis::Client::open(address)?.get_multiplexed_async_connection().await?))
    }

    /// Stores those of these tasks, in one round trip.
    pub async fn store(&mut self, tasks: Range<usize>) -> Result<()> {
        let mut outcomes = Pipeline::new();
        for task in tasks {
            let key = format!("bare:{task}");
            outcomes.set_ex(key, b"outcome".as_slice(), KEPT.as_secs()).ignore();
        }
        Ok(outcomes.exec_async(&mut self.0).await?)
    }
}
