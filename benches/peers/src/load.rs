//! The load that every system gets: tasks with a payload of 100 bytes that do
//! nothing, sent while nobody works, then worked off.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::figures::Figures;

/// How many tasks one caller sends one by one, to see what that costs.
pub const ONE_BY_ONE: usize = 500;
/// How many tasks are sent at once in bulk.
const BATCH: usize = 1000;
/// Without an end for so long, something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);
/// Linux tells CPU time in these, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a measurement gets.
pub struct Load {
    /// Of the server.
    pub address: String,
    /// Of the Redis that keeps outcomes, if the server can't.
    pub store: Option<String>,
    /// How many tasks are worked off, those sent one by one among them.
    pub tasks: usize,
    pub payload: String,
    pub celeriac: PathBuf,
}

/// Tasks that have run in this process.
static RAN: AtomicUsize = AtomicUsize::new(0);

/// What a task does.
pub fn ran() {
    RAN.fetch_add(1, Ordering::Relaxed);
}

/// Waits until so many tasks have run.
async fn all_ran(tasks: usize) -> Result<()> {
    let started = Instant::now();
    while RAN.load(Ordering::Relaxed) < tasks {
        if started.elapsed() > PATIENCE {
            bail!("only {} of {tasks} tasks ran", RAN.load(Ordering::Relaxed));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

impl Load {
    pub fn new(
        (address, store): (String, Option<String>),
        tasks: usize,
        celeriac: PathBuf,
    ) -> Self {
        Self { address, store, tasks, payload: "x".repeat(100), celeriac }
    }

    /// How many tasks are sent in bulk.
    fn bulk(&self) -> usize {
        self.tasks.saturating_sub(ONE_BY_ONE)
    }

    /// Sends all tasks by `send`, which is told how many: some one by one, the
    /// rest in batches.
    pub async fn fill(
        &self,
        figures: &mut Figures,
        mut send: impl AsyncFnMut(usize) -> Result<()>,
    ) -> Result<()> {
        let started = Instant::now();
        for _ in 0..ONE_BY_ONE {
            send(1).await?;
        }
        figures.one_by_one_per_s = per_second(ONE_BY_ONE, started);
        let started = Instant::now();
        let mut left = self.bulk();
        while left > 0 {
            let batch = left.min(BATCH);
            send(batch).await?;
            left -= batch;
        }
        figures.bulk_per_s = per_second(self.bulk(), started);
        Ok(())
    }

    /// Measures how long all tasks take; `server_cpu` tells the server's CPU
    /// seconds so far. The worker is already starting.
    pub async fn drained(&self, meter: Meter, figures: &mut Figures) -> Result<()> {
        all_ran(self.tasks).await?;
        meter.stop(self.tasks, figures).await
    }
}

/// A rate.
pub fn per_second(count: usize, since: Instant) -> Option<f64> {
    Some(count as f64 / since.elapsed().as_secs_f64())
}

/// Time and CPU time, here and at a Redis server.
pub struct Meter {
    started: Instant,
    cpu: f64,
    /// What a Redis that is the server had used.
    redis: Option<(f64, redis::aio::MultiplexedConnection)>,
}

impl Meter {
    pub async fn start(address: &str) -> Result<Self> {
        let client = redis::Client::open(address)?;
        let mut redis = client.get_multiplexed_async_connection().await?;
        let server_cpu = redis_cpu(&mut redis).await?;
        Ok(Self { started: Instant::now(), cpu: own_cpu()?, redis: Some((server_cpu, redis)) })
    }

    /// One that does not look at the server.
    pub fn here() -> Result<Self> {
        Ok(Self { started: Instant::now(), cpu: own_cpu()?, redis: None })
    }

    async fn stop(self, tasks: usize, figures: &mut Figures) -> Result<()> {
        let per_10k = 10_000.0 / tasks as f64;
        figures.drained_per_s = per_second(tasks, self.started);
        figures.cpu_s_per_10k = Some((own_cpu()? - self.cpu) * per_10k);
        if let Some((before, mut redis)) = self.redis {
            let server = redis_cpu(&mut redis).await? - before;
            figures.server_cpu_s_per_10k = Some(server * per_10k);
        }
        Ok(())
    }
}

/// The CPU seconds that a Redis server says it has used.
async fn redis_cpu(redis: &mut redis::aio::MultiplexedConnection) -> Result<f64> {
    let info: String = redis::cmd("INFO").arg("cpu").query_async(redis).await?;
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim_start_matches(':').trim().parse::<f64>().ok())
    };
    Ok(field("used_cpu_user:").unwrap_or(0.0) + field("used_cpu_sys:").unwrap_or(0.0))
}

/// The CPU seconds of this process: fields 14 and 15.
fn own_cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    Ok(ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND)
}

/// The sample below which so many hundredths are; sorts them.
pub fn percentile(samples: &mut [f64], percent: usize) -> Option<f64> {
    samples.sort_unstable_by(f64::total_cmp);
    let rank = (samples.len() * percent).div_ceil(100).max(1);
    samples.get(rank - 1).copied()
}
