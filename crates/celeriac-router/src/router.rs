//! The router: owns the engine and gives it life.

use std::sync::Arc;

use celeriac_core::broker::Delivery;
use celeriac_core::health::{Board, Guarded, HealthStatus};
use celeriac_core::outcome::Mark;
use celeriac_core::platform::{Finished, Outcomes};
use celeriac_core::{Broker, ExecutionPlatform, MessageId, Name, Timestamp};
use celeriac_engine::breaker::{Change, Loudness};
use celeriac_engine::{Active, Commit, Effects, Engine, Facts, Input, Stats};
use jumpstarter::{Address, Reply, actor};

use crate::committer::Committer;
use crate::gate::Gate;

/// Deliveries, with what the store knows of them, for the router of an epoch.
pub(crate) struct Delivered(pub(crate) Vec<Delivery>, pub(crate) Facts, pub(crate) u32);
/// Runs that ended.
pub(crate) struct Ended(pub(crate) Vec<Finished>);
/// News of runs that go on.
pub(crate) struct Marked(pub(crate) Vec<Mark>);
/// What ran this task crashed.
pub(crate) struct Lost(pub(crate) Name);
/// A check of what these tasks need found this.
pub(crate) struct Observed(pub(crate) Vec<Name>, pub(crate) HealthStatus, pub(crate) String);
/// Ids that were revoked.
pub(crate) struct Revoked(pub(crate) Vec<MessageId>);
/// What followed from the suspect that ran is durable.
pub(crate) struct SuspectSettled;
/// Nothing more is to be started.
pub(crate) struct Stopping;
/// Answered when everything told before was passed on.
pub(crate) struct Flush;
/// Asks what is under way, and what has been seen.
pub(crate) struct Report;

pub(crate) struct Router {
    engine: Engine,
    broker: Arc<dyn Broker>,
    platform: Arc<dyn ExecutionPlatform>,
    committer: Address<Committer>,
    gate: Arc<Gate>,
    board: Board,
    effects: Effects,
    flushes: Vec<Reply<()>>,
    epoch: u32,
}

#[actor]
impl Router {
    /// A router of a new epoch: whatever an earlier one held goes back.
    pub(crate) fn new(
        engine: Engine,
        (broker, platform): (Arc<dyn Broker>, Arc<dyn ExecutionPlatform>),
        committer: Address<Committer>,
        (gate, board): (Arc<Gate>, Board),
    ) -> Self {
        let epoch = gate.begin_epoch();
        // The circuits of an earlier one are gone with it.
        let open = board.circuits().into_iter().filter(|it| it.guards == Guarded::Task);
        open.for_each(|circuit| board.remove_circuit(circuit.guards, &circuit.name));
        let engine = engine.in_epoch(epoch);
        let (effects, flushes) = (Effects::default(), Vec::new());
        Self { engine, broker, platform, committer, gate, board, effects, flushes, epoch }
    }

    #[handler]
    fn delivered(&mut self, Delivered(deliveries, facts, epoch): Delivered) {
        if epoch != self.epoch {
            // Meant for a router that crashed: they have gone back already.
            return;
        }
        self.step(Input::Delivered(deliveries, facts));
    }

    #[handler]
    fn ended(&mut self, Ended(batch): Ended) {
        self.step(Input::Finished(batch));
    }

    #[handler]
    fn marked(&mut self, Marked(marks): Marked) {
        self.effects.commit.mark.extend(marks);
    }

    #[handler]
    fn lost(&mut self, Lost(task): Lost) {
        self.step(Input::Lost(task));
    }

    #[handler]
    fn revoked(&mut self, Revoked(ids): Revoked) {
        self.step(Input::Revoked(ids));
    }

    #[handler]
    fn observed(&mut self, Observed(tasks, status, why): Observed) {
        self.step(Input::Observed(tasks, status, why));
    }

    #[handler]
    fn suspect_settled(&mut self, _: SuspectSettled) {
        self.step(Input::SuspectSettled);
    }

    #[handler]
    fn stopping(&mut self, _: Stopping) {
        self.step(Input::Stopping);
    }

    #[handler]
    fn flush(&mut self, _: Flush, reply: Reply<()>) {
        self.flushes.push(reply);
    }

    #[handler]
    fn report(&mut self, _: Report) -> (Vec<Active>, Stats) {
        (self.engine.active(), self.engine.stats())
    }

    /// Before anything goes back to its queue, the intake hears that it is shut.
    fn show_circuits(&mut self) {
        let Some(news) = self.engine.circuit_news() else { return };
        for (task, change, why) in &news.changes {
            log_change(task, *change, why.as_deref());
        }
        news.reports.into_iter().for_each(|report| self.board.show_circuit(report));
        self.gate.shut(news.shut);
    }

    fn step(&mut self, input: Input) {
        self.engine.step(Timestamp::now(), input, &mut self.effects);
    }

    /// Does what the engine wants: first what must be noted before anything
    /// runs, then the runs, then what must be durable.
    #[after_batch]
    async fn perform(&mut self) {
        self.show_circuits();
        if !self.effects.begin.is_empty() {
            if let Err(error) = self.broker.begin(&self.effects.begin) {
                // Only the count of deaths suffers; the work need not wait.
                tracing::warn!(%error, "beginnings could not be noted");
            }
            self.effects.begin.clear();
        }
        if !self.effects.dispatch.is_empty() {
            self.platform.dispatch(std::mem::take(&mut self.effects.dispatch));
        }
        if !self.effects.cancel.is_empty() {
            self.platform.cancel(std::mem::take(&mut self.effects.cancel));
        }
        if !self.effects.commit.is_empty() {
            let commit: Commit = std::mem::take(&mut self.effects.commit);
            log_failures(&commit);
            // A committer that has stopped leaves deliveries unsettled: they come again.
            let _ = self.committer.tell(commit).await;
        }
        self.flushes.drain(..).for_each(|reply| reply.send(()));
    }
}

/// What a person who reads the log must learn of a circuit.
fn log_change(task: &Name, change: Change, why: Option<&str>) {
    const TRIPPED: &str = "the circuit of this task is open: it is not run for a while";
    match change {
        Change::Tripped { until, loudness: Loudness::Warning } => {
            tracing::warn!(%task, why, %until, "{TRIPPED}");
        }
        Change::Tripped { until, loudness: Loudness::Error } => {
            tracing::error!(%task, why, %until, "{TRIPPED}; it trips again and again");
        }
        Change::Recovered => tracing::info!(%task, "the circuit of this task is closed again"),
    }
}

/// What a person who reads the log must learn: each failed attempt, and each
/// message that waits for a person.
fn log_failures(commit: &Commit) {
    for mark in &commit.mark {
        if let Some(failure) = &mark.failure {
            tracing::warn!(id = %mark.id, attempt = mark.attempt, %failure, "failed; tried again later");
        }
    }
    for quarantined in &commit.quarantine {
        let task = quarantined.content.name().map(Name::as_str);
        tracing::warn!(id = %quarantined.content.id(), task, reason = %quarantined.reason,
            failure = %quarantined.failure, "put into quarantine");
    }
}

/// Where the platform reports to. Its mailbox has no limit of its own: the
/// credit bounds what is under way, and each run ends once.
pub(crate) struct Reports(pub(crate) Address<Router>);

impl Outcomes for Reports {
    fn finished(&self, batch: Vec<Finished>) {
        // A router that has stopped leaves deliveries unsettled: they come again.
        let _ = self.0.try_tell(Ended(batch));
    }

    fn marked(&self, batch: Vec<Mark>) {
        let _ = self.0.try_tell(Marked(batch));
    }

    fn lost(&self, task: Name) {
        let _ = self.0.try_tell(Lost(task));
    }
}
