//! The load: tasks sent one by one for the latency, and by several senders in
//! batches for the throughput, while a worker runs them.

use std::ops::Range;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use indicatif::ProgressBar;

use super::Bench;
use super::kept::{Sent, completed};
use super::ledger::Ledger;
use super::meter::{Cost, Meter};
use super::report::percentile;
use super::task::{QUEUE, bench};
use crate::problem::Result;

/// How many tasks a sender sends at once.
const BATCH: usize = 256;
/// How many of a sender's batches wait at a time.
const BATCHES_AHEAD: usize = 16;
/// How often the end of the load is looked for.
const TICK: Duration = Duration::from_millis(1);
/// Without any progress for so long, the rest counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);
/// A pause, so that everything is idle again.
const IDLE: Duration = Duration::from_millis(1);

/// What is sent.
pub(super) struct Load {
    pub(super) tasks: usize,
    /// The bytes of a payload.
    pub(super) payload: usize,
    pub(super) senders: usize,
}

/// How long a task waits when nothing else is going on.
pub(super) struct Latency {
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
}

/// What was found.
pub(super) struct Found {
    /// Tasks that ran and whose outcome is a stored success.
    pub(super) completed: usize,
    pub(super) cost: Cost,
}

impl Load {
    /// How many tasks wait at a time at the most.
    pub(super) const fn window(&self) -> usize {
        self.senders * BATCH * BATCHES_AHEAD
    }

    /// The tasks of these indices.
    pub(super) fn signatures(
        &self,
        ledger: &Ledger,
        indices: Range<usize>,
    ) -> impl Iterator<Item = celeriac::Signature<bench>> {
        let (run, payload) = (ledger.run(), "x".repeat(self.payload));
        indices.map(move |index| bench::s(run, index as u64, payload.clone()))
    }

    /// Sends tasks one by one, and measures from the call of `send` until the
    /// task begins.
    pub(super) async fn latency(&self, on: &Bench, samples: Range<usize>) -> Result<Latency> {
        let mut nanos = Vec::with_capacity(samples.len());
        for signature in self.signatures(&on.ledger, samples) {
            let sent = Instant::now();
            let result = on.app.send(signature).await?;
            result.get().await?;
            nanos.push(on.ledger.began_after(sent));
            result.forget().await?;
            tokio::time::sleep(IDLE).await;
        }
        let mut micros = |percent| percentile(&mut nanos, percent) as f64 / 1000.0;
        Ok(Latency { p50_us: micros(50), p99_us: micros(99) })
    }

    /// Sends all tasks from several senders, and waits until all are settled.
    pub(super) async fn throughput(&self, on: &Bench, all: Range<usize>) -> Result<Found> {
        let goal = on.ledger.executions() + all.len() as u64;
        let progress = on.progress(all.len());
        let meter = Meter::start(&on.servers);
        let senders = (0..self.senders).map(|sender| self.sender(on, all.clone(), sender));
        let sending = try_join_all(senders);
        let watching = settled(on, goal, &progress);
        let (sent, end) = tokio::try_join!(sending, watching)?;
        let cost = meter.stop_at(end);
        progress.finish_and_clear();
        let completed = completed(&on.app, &on.ledger, &sent).await?;
        Ok(Found { completed, cost })
    }

    /// Sends every task whose index this sender owns, in batches.
    async fn sender(&self, on: &Bench, all: Range<usize>, sender: usize) -> Result<Sent> {
        let share = all.len().div_ceil(self.senders);
        let begin = (all.start + sender * share).min(all.end);
        let end = (begin + share).min(all.end);
        let mut ids = Vec::with_capacity(end - begin);
        for first in (begin..end).step_by(BATCH) {
            let batch = first..(first + BATCH).min(end);
            on.ledger.take_room(u32::try_from(batch.len()).unwrap_or(u32::MAX)).await;
            let sent = on.app.send_many(self.signatures(&on.ledger, batch)).await?;
            ids.extend(sent.iter().map(|result| result.id()));
        }
        Ok(Sent { first: begin, ids })
    }
}

/// Waits until as many tasks ran as were asked for and their queue is empty,
/// or until nothing happens any more; says since when.
pub(super) async fn settled(on: &Bench, goal: u64, progress: &ProgressBar) -> Result<Instant> {
    let (mut seen, mut last_change) = (on.ledger.executions(), Instant::now());
    loop {
        let executions = on.ledger.executions();
        if executions >= goal && is_settled(on).await? {
            return Ok(Instant::now());
        }
        if executions != seen {
            (seen, last_change) = (executions, Instant::now());
            progress.set_position(progress.length().unwrap_or(0) - goal.saturating_sub(seen));
        }
        if last_change.elapsed() > PATIENCE {
            return Ok(last_change);
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn is_settled(on: &Bench) -> Result<bool> {
    let queues = on.app.queues().await?;
    let queue = queues.iter().find(|queue| queue.name.as_str() == QUEUE);
    Ok(queue.is_none_or(|queue| queue.ready + queue.in_flight == 0))
}
