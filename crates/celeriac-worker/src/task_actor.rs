//! One task type as an actor: its queue, its concurrency, its runs.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use celeriac_core::outcome::Mark;
use celeriac_core::platform::{Finished, Outcomes, Run, RunKey, RunResult};
use celeriac_core::{Message, State, Store};
use jumpstarter::{Address, Context, Reply, actor};

use crate::context::{Cancelled, Scope, States};
use crate::definition::{Body, Definition};
use crate::inputs;
use crate::limits::overran;
use crate::panics::Panics;
use crate::record::{Record, Standing};
use crate::threads::{Seat, Threads};

/// How often long runs are told of: that they started, and how far they are.
const TICK: Duration = Duration::from_millis(100);
/// How many ended runs are reported at once, at the most.
const REPORT: usize = 256;

/// Runs to start.
pub(crate) struct Runs(pub(crate) Vec<Run>);
/// Runs to cancel, if they are here.
pub(crate) struct Cancel(pub(crate) Arc<[RunKey]>);
/// A run that went its own way has ended.
pub(crate) struct Ended(pub(crate) RunKey, pub(crate) RunResult);
/// What a run needs first was read, or how it has ended without.
pub(crate) struct Prepared(pub(crate) RunKey, pub(crate) Result<Arc<Message>, RunResult>);
/// A sync run has begun on a thread.
pub(crate) struct Began(pub(crate) RunKey, pub(crate) Seat);
/// A sync run is over its hard limit.
pub(crate) struct Overran(pub(crate) RunKey, pub(crate) Duration);
/// Time to tell of long runs.
pub(crate) struct Tick;
/// Start nothing more; answered when nothing runs.
pub(crate) struct Drain;
/// Grace is over: end what runs.
pub(crate) struct EndAll;

/// What every task actor of a worker shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) outcomes: Arc<dyn Outcomes>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) states: Arc<States>,
    pub(crate) threads: Threads,
    pub(crate) panics: Panics,
    pub(crate) running: Arc<AtomicU64>,
    pub(crate) waiting: Arc<AtomicU64>,
}

/// One run that did not end at once.
pub(crate) struct Running {
    pub(crate) scope: Arc<Scope>,
    pub(crate) message: Arc<Message>,
    pub(crate) seat: Option<Seat>,
    pub(crate) ticks: u32,
}

pub(crate) struct TaskActor {
    pub(crate) definition: Arc<Definition>,
    pub(crate) shared: Shared,
    pub(crate) running: BTreeMap<RunKey, Running>,
    pub(crate) finished: Vec<Finished>,
    pub(crate) pace: crate::async_runs::Pace,
    record: Record,
    /// What the actor's state says of the record.
    standing: Standing,
    waiting: VecDeque<Run>,
    /// Runs whose input is being read.
    preparing: HashSet<RunKey>,
    limit: usize,
    /// How many of `waiting` the worker's gauge counts.
    gauged: u64,
    ticking: bool,
    draining: bool,
    drains: Vec<Reply<()>>,
}

#[actor]
impl TaskActor {
    pub(crate) fn new(definition: Arc<Definition>, shared: Shared, limit: usize) -> Self {
        Self {
            definition,
            shared,
            limit,
            running: BTreeMap::new(),
            finished: Vec::new(),
            pace: crate::async_runs::Pace::default(),
            record: Record::default(),
            standing: Standing::default(),
            waiting: VecDeque::new(),
            preparing: HashSet::new(),
            gauged: 0,
            ticking: false,
            draining: false,
            drains: Vec::new(),
        }
    }

    #[handler]
    fn runs(&mut self, Runs(runs): Runs, ctx: &mut Context<Self>) {
        for run in runs {
            if inputs::is_needed(&run.message) {
                self.prepare(run, ctx);
            } else {
                self.waiting.push_back(run);
            }
        }
        self.start_waiting(ctx);
    }

    #[handler]
    fn prepared(&mut self, Prepared(key, message): Prepared, ctx: &mut Context<Self>) {
        if !self.preparing.remove(&key) {
            return;
        }
        match message {
            Ok(message) => self.waiting.push_back(Run { key, message }),
            Err(result) => self.finished.push(Finished { key, result }),
        }
        self.start_waiting(ctx);
    }

    #[handler]
    fn ended(&mut self, Ended(key, result): Ended, ctx: &mut Context<Self>) {
        // One that was reported before (over its limit) ends unheard.
        let Some(running) = self.running.remove(&key) else { return };
        let result = match (running.scope.why(), result) {
            // Also if it ended well: what was told to stop may have left half.
            (Some(Cancelled::Revoked), _) => RunResult::Revoked,
            (_, success @ (RunResult::Success { .. } | RunResult::Replaced { .. })) => success,
            (Some(Cancelled::Stopping), _) => RunResult::Released,
            (_, result) => result,
        };
        self.finished.push(Finished { key, result });
        self.start_waiting(ctx);
    }

    #[handler]
    fn cancel(&mut self, Cancel(keys): Cancel) {
        for key in keys.iter() {
            if let Some(running) = self.running.get(key) {
                running.scope.cancel(Cancelled::Revoked);
            } else if let Some(at) = self.waiting.iter().position(|run| run.key == *key) {
                self.waiting.remove(at);
                self.finished.push(Finished { key: *key, result: RunResult::Revoked });
            } else if self.preparing.remove(key) {
                self.finished.push(Finished { key: *key, result: RunResult::Revoked });
            }
        }
    }

    #[handler]
    fn began(&mut self, Began(key, seat): Began, ctx: &mut Context<Self>) {
        let Some(running) = self.running.get_mut(&key) else { return };
        running.seat = Some(seat);
        let limits = self.definition.limits.of(&running.message);
        if limits.is_none() {
            return;
        }
        let (scope, address) = (running.scope.clone(), ctx.address());
        ctx.spawn(async move {
            let soft = limits.soft.filter(|soft| limits.hard.is_none_or(|hard| *soft < hard));
            if let Some(soft) = soft {
                tokio::time::sleep(soft).await;
                scope.cancel(Cancelled::SoftLimit);
            }
            if let Some(hard) = limits.hard {
                tokio::time::sleep(hard - soft.unwrap_or_default()).await;
                // An actor that has stopped has no runs.
                let _ = address.try_tell(Overran(key, hard));
            }
        });
    }

    #[handler]
    fn overran(&mut self, Overran(key, limit): Overran, ctx: &mut Context<Self>) {
        let Some(running) = self.running.remove(&key) else { return };
        running.scope.cancel(Cancelled::HardLimit);
        if let Some(seat) = running.seat {
            tracing::error!(task = %running.message.name, id = %running.message.id,
                "a sync task overran its time limit; its thread is abandoned");
            seat.abandon();
        }
        self.finished.push(Finished { key, result: overran(limit) });
        self.start_waiting(ctx);
    }

    #[handler]
    fn tick(&mut self, _: Tick, ctx: &mut Context<Self>) {
        self.ticking = false;
        let marks: Vec<Mark> = self.running.values_mut().filter_map(Running::news).collect();
        if !marks.is_empty() {
            self.shared.outcomes.marked(marks);
        }
        self.keep_ticking(ctx);
    }

    #[handler]
    fn drain(&mut self, _: Drain, reply: Reply<()>) {
        self.draining = true;
        self.drains.push(reply);
        let released = |key: RunKey| Finished { key, result: RunResult::Released };
        self.finished.extend(self.waiting.drain(..).map(|run| released(run.key)));
        self.finished.extend(self.preparing.drain().map(released));
    }

    /// Async runs are dropped; sync ones are asked to stop, reported as
    /// released and their threads abandoned.
    #[handler]
    fn end_all(&mut self, _: EndAll) {
        for running in self.running.values() {
            running.scope.cancel(Cancelled::Stopping);
        }
        if matches!(self.definition.body, Body::Sync(_)) {
            for (key, running) in std::mem::take(&mut self.running) {
                if let Some(seat) = running.seat {
                    seat.abandon();
                }
                self.finished.push(Finished { key, result: RunResult::Released });
            }
        }
    }

    /// Reads what the run needs first; it waits for its turn after that.
    fn prepare(&mut self, run: Run, ctx: &Context<Self>) {
        let Run { key, message } = run;
        self.preparing.insert(key);
        let (store, address) = (self.shared.store.clone(), ctx.address());
        ctx.spawn(async move {
            let message = inputs::complete(&*store, &message).await;
            // An actor that has stopped was drained: its runs were reported.
            let _ = address.try_tell(Prepared(key, message));
        });
    }

    fn start_waiting(&mut self, ctx: &mut Context<Self>) {
        self.pace.begin();
        while self.running.len() < self.limit {
            let Some(run) = self.waiting.pop_front() else { break };
            if self.draining {
                self.finished.push(Finished { key: run.key, result: RunResult::Released });
                continue;
            }
            match self.definition.body.clone() {
                Body::Async(body) => self.start_async(&body, run, ctx),
                Body::Sync(body) => self.start_sync(body, run, ctx),
            }
            if self.finished.len() >= REPORT {
                self.report();
            }
        }
        self.keep_ticking(ctx);
    }

    fn keep_ticking(&mut self, ctx: &Context<Self>) {
        if !self.ticking && !self.running.is_empty() {
            self.ticking = true;
            ctx.schedule(TICK, Tick);
        }
    }

    fn report(&mut self) {
        if !self.finished.is_empty() {
            self.finished.iter().for_each(|finished| self.record.note(&finished.result));
            self.shared.outcomes.finished(std::mem::take(&mut self.finished));
        }
    }

    /// Says in the actor's state how the task fares.
    fn show_standing(&mut self, ctx: &Context<Self>) {
        let standing = self.record.standing();
        if standing == self.standing {
            return;
        }
        self.standing = standing;
        let task = &self.definition.info.name;
        // Refused only while the actor stops or is paused.
        let _ = match standing {
            Standing::Healthy => ctx.recover(),
            Standing::Degraded => {
                tracing::warn!(%task, "at least every second run of this task failed of late");
                ctx.report_warning()
            }
            Standing::Unhealthy => {
                tracing::error!(%task, "every run of this task failed of late");
                ctx.report_problem()
            }
        };
    }

    #[after_batch]
    fn pass_on(&mut self, ctx: &mut Context<Self>) {
        self.report();
        self.show_standing(ctx);
        let waiting = self.waiting.len() as u64;
        if waiting != self.gauged {
            let change = waiting.wrapping_sub(self.gauged);
            self.shared.waiting.fetch_add(change, Ordering::Relaxed);
            self.gauged = waiting;
        }
        if self.draining && self.running.is_empty() {
            self.drains.drain(..).for_each(|reply| reply.send(()));
        }
    }
}

impl Drop for TaskActor {
    /// What waits in an actor that crashed is not waiting any more.
    fn drop(&mut self) {
        self.shared.waiting.fetch_sub(self.gauged, Ordering::Relaxed);
    }
}

impl Running {
    pub(crate) const fn new(scope: Arc<Scope>, message: Arc<Message>) -> Self {
        Self { scope, message, seat: None, ticks: 0 }
    }

    /// What there is to tell of a run at a tick: that it started, once, and
    /// its latest progress.
    fn news(&mut self) -> Option<Mark> {
        self.ticks = self.ticks.saturating_add(1);
        let progress = self.scope.take_progress();
        (self.ticks == 1 || progress.is_some()).then(|| Mark {
            id: self.message.id,
            state: State::Started,
            attempt: self.message.attempt,
            progress,
            failure: None,
        })
    }
}

/// The address that runs report their end to.
pub(crate) fn ended(address: &Address<TaskActor>, key: RunKey, result: RunResult) {
    // An actor that has stopped was drained: its runs were reported.
    let _ = address.try_tell(Ended(key, result));
}
