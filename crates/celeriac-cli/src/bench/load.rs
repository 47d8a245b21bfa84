//! The load: tasks sent one by one for the latency, and by several senders in
//! batches for the throughput.

use std::sync::Arc;
use std::time::{Duration, Instant};

use celeriac::{App, MessageId, TaskState};
use futures_util::future::{join_all, try_join_all};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ledger::Ledger;
use super::process;
use super::report::percentile;
use super::task::{QUEUE, bench};
use crate::output::{Output, Reader};
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
    pub(super) elapsed: Duration,
    pub(super) cpu: Option<Duration>,
}

impl Load {
    /// How many tasks wait at a time at the most.
    pub(super) const fn window(&self) -> usize {
        self.senders * BATCH * BATCHES_AHEAD
    }

    /// Sends tasks one by one, and measures from the call of `send` until the
    /// task begins.
    pub(super) async fn latency(
        &self,
        app: &App,
        ledger: &Ledger,
        samples: usize,
    ) -> Result<Latency> {
        let payload = "x".repeat(self.payload);
        let mut nanos = Vec::with_capacity(samples);
        for index in self.tasks..self.tasks + samples {
            let signature = bench::s(index as u64, payload.clone());
            let sent = Instant::now();
            app.send(signature).await?.get().await?;
            nanos.push(ledger.began_after(sent));
            tokio::time::sleep(IDLE).await;
        }
        let mut micros = |percent| percentile(&mut nanos, percent) as f64 / 1000.0;
        Ok(Latency { p50_us: micros(50), p99_us: micros(99) })
    }

    /// Sends all tasks from several senders, and waits until all are settled.
    pub(super) async fn throughput(
        &self,
        app: &App,
        ledger: &Arc<Ledger>,
        output: &Output,
    ) -> Result<Found> {
        let goal = ledger.executions() + self.tasks as u64;
        let progress = progress(self.tasks, output);
        let (started, cpu_before) = (Instant::now(), process::cpu_time());
        let senders = (0..self.senders).map(|sender| self.sender(app, ledger, sender));
        let sending = try_join_all(senders);
        let watching = settled(app, ledger, goal, &progress);
        let (sent, elapsed) = tokio::try_join!(sending, watching)?;
        let cpu = process::cpu_time().zip(cpu_before).map(|(after, before)| after - before);
        progress.finish_and_clear();
        let elapsed = elapsed.duration_since(started);
        let ids: Vec<MessageId> = sent.into_iter().flatten().collect();
        let completed = completed(app, ledger, &ids).await?;
        Ok(Found { completed, elapsed, cpu })
    }

    /// Sends every task whose index this sender owns, in batches.
    async fn sender(&self, app: &App, ledger: &Ledger, sender: usize) -> Result<Vec<MessageId>> {
        let payload = "x".repeat(self.payload);
        let per_sender = self.tasks.div_ceil(self.senders);
        let (begin, end) = (sender * per_sender, ((sender + 1) * per_sender).min(self.tasks));
        let mut ids = Vec::with_capacity(end.saturating_sub(begin));
        for first in (begin..end).step_by(BATCH) {
            let batch = first..(first + BATCH).min(end);
            ledger.take_room(u32::try_from(batch.len()).unwrap_or(u32::MAX)).await;
            let signatures = batch.map(|index| bench::s(index as u64, payload.clone()));
            let sent = app.send_many(signatures).await?;
            ids.extend(sent.iter().map(|result| result.id()));
        }
        Ok(ids)
    }
}

/// Waits until as many tasks ran as were asked for and their queue is empty,
/// or until nothing happens any more; says since when.
async fn settled(app: &App, ledger: &Ledger, goal: u64, progress: &ProgressBar) -> Result<Instant> {
    let (mut seen, mut last_change) = (ledger.executions(), Instant::now());
    loop {
        let executions = ledger.executions();
        if executions >= goal && is_settled(app).await? {
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

async fn is_settled(app: &App) -> Result<bool> {
    let queues = app.queues().await?;
    let queue = queues.iter().find(|queue| queue.name.as_str() == QUEUE);
    Ok(queue.is_none_or(|queue| queue.ready + queue.in_flight == 0))
}

/// How many of these tasks ran and have a stored success. The ids are in the
/// order of their tasks' indices.
async fn completed(app: &App, ledger: &Ledger, ids: &[MessageId]) -> Result<usize> {
    let mut completed = 0;
    for (batch, ids) in ids.chunks(BATCH).enumerate() {
        let looked_up = ids.iter().map(async |id| app.result::<()>(*id).await?.entry().await);
        let entries = join_all(looked_up).await;
        for (offset, entry) in entries.into_iter().enumerate() {
            let ran = ledger.has_run(batch * BATCH + offset);
            let state = entry?.map(|entry| entry.state);
            completed += usize::from(ran && state == Some(TaskState::Success));
        }
    }
    Ok(completed)
}

fn progress(tasks: usize, output: &Output) -> ProgressBar {
    let target = match output.reader() {
        // Draws nothing unless stderr is a terminal.
        Reader::Person => ProgressDrawTarget::stderr_with_hz(10),
        Reader::Program => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(tasks as u64), target);
    match ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} tasks, {per_sec}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
