//! The keeper: the actor `broker.<name>`. It sleeps while its broker is up;
//! else it tries the broker as the circuit allows, and publishes what waits.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Consumer, ErrorKind, Timestamp};
use celeriac_engine::breaker::Permit;
use jumpstarter::{Context, Flow, actor};
use tokio::time::timeout;

use super::desk::{Desk, Held, repeated};
use super::is_outage;

/// Crashes in this time are counted together: the pause grows with them.
pub(super) const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// The pause between a crash and the next start.
pub(super) const CRASH_PAUSE: Duration = Duration::from_millis(10);
pub(super) const MAX_CRASH_PAUSE: Duration = Duration::from_secs(1);
/// The pause after a failure for which the circuit stays closed.
const PAUSE: Duration = Duration::from_millis(50);
/// How many messages that waited are published at once, about.
pub(super) const BATCH: usize = 1024;

pub(crate) struct Keeper {
    pub(super) desk: Arc<Desk>,
    /// What takes from the disk; its queues are those that held messages when
    /// it was made.
    pub(super) draining: Option<Box<dyn Consumer>>,
}

/// What a round came to.
pub(super) enum Round {
    /// Something was published; there may be more.
    More,
    /// Nothing waits.
    Over,
}

#[actor]
impl Keeper {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        // After a crash there may be something left to do.
        desk.work.notify_one();
        Self { desk, draining: None }
    }

    #[task]
    async fn keep(&mut self, ctx: &mut Context<Self>) -> Flow {
        self.desk.work.notified().await;
        loop {
            if self.desk.state.lock().closed {
                return Flow::Success;
            }
            if self.desk.is_clear() && self.desk.state.lock().owed.is_empty() {
                // Refused where nothing was reported.
                let _ = ctx.recover();
                return Flow::Continue;
            }
            if let Err(pause) = self.turn().await {
                let _ = ctx.report_problem();
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// One try, if the circuit allows it; else how long to wait for the next.
    async fn turn(&mut self) -> std::result::Result<(), Duration> {
        let now = Timestamp::now();
        let permit = self.desk.state.lock().breaker.ask(now);
        if let Permit::Refuse { until } = permit {
            return Err(until.since(now).max(Duration::from_millis(1)));
        }
        let round = self.round().await;
        match round {
            Ok(_) => {
                self.desk.works();
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Closed => Err(PAUSE),
            Err(error) => {
                tracing::debug!(broker = self.desk.name, %error, "what waits goes on waiting");
                self.draining = None;
                self.desk.suspect(&error);
                self.desk.state.lock().line.retain(|held| !held.reply.is_closed());
                self.desk.show();
                Err(PAUSE)
            }
        }
    }

    /// Does one thing that waits: memory first, since what waits there is no
    /// safer anywhere else.
    async fn round(&mut self) -> Result<Round> {
        let owed = std::mem::take(&mut self.desk.state.lock().owed);
        if !owed.is_empty() {
            // Should this be cut short, they come again: marked as redelivered.
            match self.desk.in_time(self.desk.broker.settle(owed.clone())).await {
                Err(error) if is_outage(error.kind()) => {
                    self.desk.state.lock().owed.splice(0..0, owed);
                    return Err(error);
                }
                Err(error) => tracing::warn!(broker = self.desk.name, %error,
                    "ends of deliveries are refused: they come again"),
                Ok(()) => {}
            }
            return Ok(Round::More);
        }
        if let Some(line) = self.front() {
            publish(&self.desk, line).await?;
            return Ok(Round::More);
        }
        let writes = self.desk.state.lock().writes;
        if let Round::More = self.drain().await? {
            return Ok(Round::More);
        }
        // Nothing waits: is it there? One that may not tell is.
        match self.desk.in_time(self.desk.broker.queues()).await {
            Err(error) if is_outage(error.kind()) => return Err(error),
            Err(error) if error.kind() == ErrorKind::Closed => return Err(error),
            _ => {}
        }
        if self.desk.declare_clear(writes) {
            return Ok(Round::Over);
        }
        // Something is being written, or has come: whoever brings it says so.
        let _ = timeout(PAUSE, self.desk.work.notified()).await;
        Ok(Round::More)
    }

    /// The calls at the front of the line that can go as one batch.
    fn front(&self) -> Option<Vec<Held>> {
        let mut state = self.desk.state.lock();
        let mut line: Vec<Held> = Vec::new();
        let mut messages = 0;
        while let Some(held) = state.line.front() {
            let fits = messages + held.batch.len() <= BATCH;
            let alike = line.first().is_none_or(|first| first.limit == held.limit && fits);
            if !alike {
                break;
            }
            messages += held.batch.len();
            line.extend(state.line.pop_front());
        }
        line.retain(|held| !held.reply.is_closed());
        (!line.is_empty()).then_some(line)
    }
}

/// Publishes calls as one batch, and tells each what came of it.
async fn publish(desk: &Desk, line: Vec<Held>) -> Result<()> {
    let limit = line[0].limit;
    let batch: Vec<_> = line.iter().flat_map(|held| held.batch.iter().cloned()).collect();
    match desk.in_time(desk.broker.publish(&batch, limit)).await {
        Ok(refused) => {
            let mut start = 0;
            for held in line {
                let end = start + held.batch.len();
                let own = refused.iter().filter(|at| (start..end).contains(*at));
                // Who gave up waiting does not hear it.
                let _ = held.reply.send(Ok(own.map(|at| at - start).collect()));
                start = end;
            }
            Ok(())
        }
        Err(error) if is_outage(error.kind()) || error.kind() == ErrorKind::Closed => {
            let mut state = desk.state.lock();
            for mut held in line.into_iter().rev() {
                held.batch = repeated(&held.batch);
                state.line.push_front(held);
            }
            Err(error)
        }
        Err(_) => {
            // It concerns one of them: each learns of its own.
            for held in line {
                let answer = desk.in_time(desk.broker.publish(&held.batch, limit)).await;
                let _ = held.reply.send(answer);
            }
            Ok(())
        }
    }
}
