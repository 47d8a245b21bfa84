//! The circuit breakers of tasks: whether a delivery is run now, and what its
//! end says about the task.
//!
//! What counts is in [`Verdict::of`]: a panic, a time limit and an error that
//! the task did not expect. Three *different* messages must fail so, one after
//! the other: one bad message that is tried again and again says nothing about
//! the others.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use celeriac_core::health::{CircuitReport, Guarded, HealthStatus};
use celeriac_core::platform::{RunKey, RunResult, TaskInfo};
use celeriac_core::{Failure, MessageId, Name, QueueName, Timestamp};

use crate::breaker::{self, Breaker, Change, Circuit, Permit};

/// How many messages are remembered that failed one after the other.
const REMEMBERED: usize = 64;
/// The distance in time of deliveries that are put off: they come back one
/// after the other, so that few of them meet a circuit that is half open.
const APART: Duration = Duration::from_millis(1);
/// The most that lies between the first and the last of them.
const SPREAD: Duration = Duration::from_secs(30);
/// For how long a delivery is put off while a probe is under way.
const PROBED: Duration = Duration::from_secs(1);

/// Which tasks have a breaker, and how it behaves.
#[derive(Clone, Debug, Default)]
pub struct Breakers {
    /// For tasks that are not named below; without it, they have none.
    pub default: Option<breaker::Options>,
    /// For single tasks; `None` for one that has none.
    pub tasks: BTreeMap<Name, Option<breaker::Options>>,
}

impl Breakers {
    fn of(&self, task: &Name) -> Option<Breaker> {
        let options = self.tasks.get(task).unwrap_or(&self.default);
        options.clone().map(Breaker::new)
    }
}

/// What has changed about circuits.
#[derive(Clone, Debug, Default)]
pub struct CircuitNews {
    /// What to tell people: the task, what happened, and why.
    pub changes: Vec<(Name, Change, Option<String>)>,
    /// Every circuit that ever tripped, as it stands now.
    pub reports: Vec<CircuitReport>,
    /// The queues of open circuits that belong to one task alone, all of them:
    /// they are not to be consumed until then, and one message may come after.
    pub shut: Vec<(QueueName, Timestamp)>,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It is run.
    Run,
    /// It is run, alone: what comes of it decides.
    Probe,
    /// It waits in its queue, which is not consumed.
    GoesBack,
    /// It waits until then.
    PutOff(Timestamp),
}

/// What the end of a run says about its task.
enum Verdict<'a> {
    /// The task works.
    Works,
    /// It failed in a way that nobody expected.
    Fails(&'a Failure),
    /// Nothing: it is about the message, or the run did not come to its end.
    Nothing,
}

impl<'a> Verdict<'a> {
    const fn of(result: &'a RunResult) -> Self {
        match result {
            RunResult::Success { .. } | RunResult::Replaced { .. } | RunResult::Ignored => {
                Self::Works
            }
            // The task itself says that this message can't succeed: it works.
            RunResult::Final { .. } => Self::Works,
            RunResult::Failed { failure, retry_after: None } => Self::Fails(failure),
            // It expected the failure: it says when to try again.
            RunResult::Failed { retry_after: Some(_), .. }
            | RunResult::Undecodable { .. }
            | RunResult::Poisonous { .. }
            | RunResult::Revoked
            | RunResult::Released => Self::Nothing,
        }
    }
}

/// The circuits of an engine's tasks, by their positions.
#[derive(Debug, Default)]
pub(crate) struct Circuits {
    tasks: Vec<Option<Task>>,
    /// Whether there is news.
    changed: bool,
    /// Whether one was open when it was told the last time.
    is_open: bool,
    changes: Vec<(Name, Change, Option<String>)>,
}

#[derive(Debug)]
struct Task {
    name: Name,
    /// Its queue, if nothing else waits there.
    own_queue: Option<QueueName>,
    breaker: Breaker,
    /// The messages whose failures count at the moment.
    failed: VecDeque<MessageId>,
    /// The run that decides, while the circuit is half open.
    probe: Option<RunKey>,
    /// When the circuit opens or opened half.
    opens: Timestamp,
    /// How many deliveries were put off since it tripped.
    put_off: u32,
}

impl Circuits {
    /// `shared` are queues that also hold what is no task's own.
    pub(crate) fn new(tasks: &[TaskInfo], breakers: &Breakers, shared: &[QueueName]) -> Self {
        let is_alone = |queue: &QueueName| {
            tasks.iter().filter(|task| task.queue == *queue).count() == 1 && !shared.contains(queue)
        };
        let task = |info: &TaskInfo| {
            let breaker = breakers.of(&info.name)?;
            Some(Task {
                name: info.name.clone(),
                own_queue: is_alone(&info.queue).then(|| info.queue.clone()),
                breaker,
                failed: VecDeque::new(),
                probe: None,
                opens: Timestamp::default(),
                put_off: 0,
            })
        };
        Self { tasks: tasks.iter().map(task).collect(), ..Self::default() }
    }

    /// Deliveries came. Who was let through to probe may be something else: then
    /// whoever shut the queue must hear that it is still to be probed.
    pub(crate) const fn delivered(&mut self) {
        self.changed |= self.is_open;
    }

    /// What becomes of a delivery from `queue` for the task at that position.
    pub(crate) fn admit(&mut self, now: Timestamp, at: usize, queue: &QueueName) -> Admitted {
        let Some(Some(task)) = self.tasks.get_mut(at) else { return Admitted::Run };
        match task.breaker.ask(now) {
            Permit::Pass => Admitted::Run,
            Permit::Probe => {
                self.changed = true;
                Admitted::Probe
            }
            Permit::Refuse { .. } if task.own_queue.as_ref() == Some(queue) => {
                self.changed = true;
                Admitted::GoesBack
            }
            Permit::Refuse { .. } => Admitted::PutOff(task.next_turn(now)),
        }
    }

    /// The probe that was admitted runs as `key`.
    pub(crate) fn probe(&mut self, at: usize, key: RunKey) {
        if let Some(Some(task)) = self.tasks.get_mut(at) {
            task.probe = Some(key);
        }
    }

    /// A run of the task at that position ended.
    pub(crate) fn ended(
        &mut self,
        now: Timestamp,
        at: usize,
        (key, id): (RunKey, MessageId),
        result: &RunResult,
    ) {
        let Some(Some(task)) = self.tasks.get_mut(at) else { return };
        let verdict = Verdict::of(result);
        let change = match task.breaker.circuit() {
            Circuit::Closed => task.ended_closed(now, id, &verdict),
            // Begun before it tripped: no probe.
            Circuit::Open { .. } | Circuit::HalfOpen if task.probe != Some(key) => return,
            Circuit::Open { .. } | Circuit::HalfOpen => {
                self.changed = true;
                task.probed(now, &verdict)
            }
        };
        let failure = match verdict {
            Verdict::Fails(failure) => Some(failure.to_string()),
            Verdict::Works | Verdict::Nothing => None,
        };
        self.note(at, change, failure);
    }

    /// What ran the task crashed.
    pub(crate) fn lost(&mut self, now: Timestamp, at: usize) {
        let Some(Some(task)) = self.tasks.get_mut(at) else { return };
        if task.probe.take().is_some() {
            task.breaker.abandoned(now);
            self.changed = true;
        }
    }

    /// A check of what the task needs found something.
    pub(crate) fn observed(&mut self, now: Timestamp, at: usize, status: HealthStatus, why: &str) {
        let Some(Some(task)) = self.tasks.get_mut(at) else { return };
        let change = task.breaker.observed(now, status);
        if matches!(change, Some(Change::Recovered)) {
            task.probe = None;
        }
        self.note(at, change, Some(why.to_owned()));
    }

    /// What has changed since it was asked the last time.
    pub(crate) fn news(&mut self) -> Option<CircuitNews> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut news =
            CircuitNews { changes: std::mem::take(&mut self.changes), ..Default::default() };
        let mut is_open = false;
        for task in self.tasks.iter().flatten() {
            let report = task.breaker.report(Guarded::Task, task.name.as_str());
            if report.trips == 0 {
                continue;
            }
            if let (Some(queue), Some(until)) = (&task.own_queue, report.until) {
                news.shut.push((queue.clone(), until));
            }
            is_open |= report.until.is_some();
            news.reports.push(report);
        }
        self.is_open = is_open;
        Some(news)
    }

    fn note(&mut self, at: usize, change: Option<Change>, why: Option<String>) {
        let Some(Some(task)) = self.tasks.get_mut(at) else { return };
        let Some(change) = change else { return };
        task.failed.clear();
        task.put_off = 0;
        if let Change::Tripped { until, .. } = change {
            task.opens = until;
            task.breaker.blame(why.clone().unwrap_or_default());
        }
        self.changed = true;
        self.changes.push((task.name.clone(), change, why));
    }
}

impl Task {
    fn ended_closed(
        &mut self,
        now: Timestamp,
        id: MessageId,
        verdict: &Verdict<'_>,
    ) -> Option<Change> {
        match verdict {
            Verdict::Works if self.failed.is_empty() => None,
            Verdict::Works => {
                self.failed.clear();
                self.breaker.succeeded(now)
            }
            // The same message again says nothing new.
            Verdict::Fails(_) if self.failed.contains(&id) => None,
            Verdict::Fails(_) => {
                if self.failed.len() == REMEMBERED {
                    self.failed.pop_front();
                }
                self.failed.push_back(id);
                self.breaker.failed(now)
            }
            Verdict::Nothing => None,
        }
    }

    fn probed(&mut self, now: Timestamp, verdict: &Verdict<'_>) -> Option<Change> {
        self.probe = None;
        match verdict {
            Verdict::Works => self.breaker.succeeded(now),
            Verdict::Fails(_) => self.breaker.failed(now),
            Verdict::Nothing => {
                self.breaker.abandoned(now);
                None
            }
        }
    }

    /// When the next delivery that is put off comes back: in the order in which
    /// they were put off, the first as soon as a probe may pass.
    fn next_turn(&mut self, now: Timestamp) -> Timestamp {
        let behind = APART.saturating_mul(self.put_off).min(SPREAD);
        self.put_off = self.put_off.saturating_add(1);
        let turn = self.opens.after(behind);
        match self.breaker.circuit() {
            Circuit::Open { .. } => turn,
            Circuit::Closed | Circuit::HalfOpen => turn.max(now.after(PROBED)),
        }
    }
}
