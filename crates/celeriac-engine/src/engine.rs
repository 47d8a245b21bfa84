//! The engine: one state, one function `step(now, input) -> effects`.

use std::collections::{HashMap, HashSet, VecDeque};

use celeriac_core::broker::{Delivery, Receipt, Verdict};
use celeriac_core::health::HealthStatus;
use celeriac_core::platform::{Finished, Run, RunKey, TaskInfo};
use celeriac_core::{Message, MessageId, Name, QueueName, Timestamp};

use crate::circuits::{Breakers, CircuitNews, Circuits};
use crate::effects::Effects;
use crate::in_flight::{Flight, InFlight};
use crate::subscriptions::Subscriptions;

/// How many revoked ids the engine itself remembers; the store knows all.
const REMEMBERED_REVOCATIONS: usize = 100_000;

/// Limits that the engine keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many processes may die while they run a message before it is
    /// taken for the cause. Default 3.
    pub deaths: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { deaths: 3 }
    }
}

/// What the store knows of a batch of deliveries.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Ids that are revoked, of messages or of their scopes.
    pub revoked: Vec<MessageId>,
    /// Ids that have an outcome.
    pub ended: Vec<MessageId>,
}

/// What the engine is told.
#[derive(Debug)]
pub enum Input {
    /// Messages came from a broker.
    Delivered(Vec<Delivery>, Facts),
    /// Runs ended.
    Finished(Vec<Finished>),
    /// What ran this task crashed: its runs under way end unreported.
    Lost(Name),
    /// A check found this of something that the tasks need; why, for people.
    Observed(Vec<Name>, HealthStatus, String),
    /// Ids were revoked.
    Revoked(Vec<MessageId>),
    /// What followed from the suspect that ran is durable.
    SuspectSettled,
    /// The router stops: what was not begun goes back.
    Stopping,
}

/// What the engine has seen so far; every number only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages taken from brokers.
    pub received: u64,
    /// Runs that ended well.
    pub succeeded: u64,
    /// Tasks that failed for good.
    pub failed: u64,
    /// Attempts that will be followed by another.
    pub retried: u64,
    /// Tasks that were not run, or cancelled, because they were revoked.
    pub revoked: u64,
    /// Messages put into quarantine.
    pub quarantined: u64,
    /// Repetitions that were not run again.
    pub replayed: u64,
    /// Messages that went back to their broker.
    pub released: u64,
    /// Messages that wait until the circuit of their task is tried again.
    pub put_off: u64,
    /// Events and documents turned into commands, or heard by nobody.
    pub events: u64,
}

/// One run under way, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// The message.
    pub id: MessageId,
    /// Its task.
    pub name: Name,
    /// Its queue.
    pub queue: QueueName,
    /// The attempt; 0 is the first.
    pub attempt: u32,
    /// When it was dispatched.
    pub since: Timestamp,
}

/// The state of one router's decisions.
///
/// ```
/// use celeriac_core::Timestamp;
/// use celeriac_engine::{Effects, Engine, Facts, Input, Limits, Subscriptions};
/// let mut engine = Engine::new(&[], Subscriptions::default(), Limits::default());
/// let mut effects = Effects::default();
/// engine.step(Timestamp::now(), Input::Delivered(vec![], Facts::default()), &mut effects);
/// assert!(effects.commit.is_empty());
/// ```
#[derive(Debug)]
pub struct Engine {
    pub(crate) tasks: Vec<TaskInfo>,
    positions: HashMap<Name, usize>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) limits: Limits,
    pub(crate) in_flight: InFlight,
    pub(crate) circuits: Circuits,
    pub(crate) suspects: VecDeque<Flight>,
    pub(crate) suspect_runs: Option<RunKey>,
    pub(crate) stats: Stats,
    revoked: HashSet<MessageId>,
    revoked_in_order: VecDeque<MessageId>,
    pub(crate) stopping: bool,
}

impl Engine {
    /// An engine for these tasks and subscriptions.
    #[must_use]
    pub fn new(tasks: &[TaskInfo], subscriptions: Subscriptions, limits: Limits) -> Self {
        let positions = tasks.iter().enumerate().map(|(at, task)| (task.name.clone(), at));
        Self {
            positions: positions.collect(),
            tasks: tasks.to_vec(),
            subscriptions,
            limits,
            in_flight: InFlight::default(),
            circuits: Circuits::default(),
            suspects: VecDeque::new(),
            suspect_runs: None,
            stats: Stats::default(),
            revoked: HashSet::new(),
            revoked_in_order: VecDeque::new(),
            stopping: false,
        }
    }

    /// The same engine with circuit breakers for its tasks.
    #[must_use]
    pub fn guarded_by(mut self, breakers: &Breakers) -> Self {
        // Events and documents wait there too, whoever subscribes to them.
        let shared = [QueueName::DEFAULT];
        let shared = if self.subscriptions.is_empty() { &shared[..0] } else { &shared[..] };
        self.circuits = Circuits::new(&self.tasks, breakers, shared);
        self
    }

    /// The same engine after its router has crashed for the `epoch`th time:
    /// keys of runs that an earlier one started mean nothing to it.
    #[must_use]
    pub fn in_epoch(mut self, epoch: u32) -> Self {
        self.in_flight = InFlight::in_epoch(epoch);
        self
    }

    /// Takes one input and adds what follows from it to `effects`.
    pub fn step(&mut self, now: Timestamp, input: Input, effects: &mut Effects) {
        match input {
            Input::Delivered(deliveries, facts) => {
                self.circuits.delivered();
                for delivery in deliveries {
                    self.admit(now, delivery, &facts, effects);
                }
            }
            Input::Finished(batch) => {
                for finished in batch {
                    self.finish(now, finished, effects);
                }
            }
            Input::Revoked(ids) => self.revoke(ids, effects),
            Input::Lost(task) => self.lose(now, &task, effects),
            Input::Observed(tasks, status, why) => {
                for at in tasks.iter().filter_map(|task| self.positions.get(task)) {
                    self.circuits.observed(now, *at, status, &why);
                }
            }
            Input::SuspectSettled => self.suspect_runs = None,
            Input::Stopping => self.stop(effects),
        }
        self.start_next_suspect(now, effects);
    }

    /// How many deliveries are held, waiting suspects aside: they take no
    /// other message's place.
    #[must_use]
    pub fn held(&self) -> usize {
        self.in_flight.len()
    }

    /// What has changed about circuits, if anything has.
    pub fn circuit_news(&mut self) -> Option<CircuitNews> {
        self.circuits.news()
    }

    /// What has been seen so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Every run under way.
    #[must_use]
    pub fn active(&self) -> Vec<Active> {
        let active = self.in_flight.iter().map(|flight| Active {
            id: flight.message.id,
            name: flight.message.name.clone(),
            queue: flight.message.queue.clone(),
            attempt: flight.message.attempt,
            since: flight.since,
        });
        active.collect()
    }

    pub(crate) fn position(&self, name: &Name) -> Option<usize> {
        self.positions.get(name).copied()
    }

    pub(crate) fn is_revoked(&self, id: MessageId) -> bool {
        !self.revoked.is_empty() && self.revoked.contains(&id)
    }

    pub(crate) fn dispatch(&mut self, flight: Flight, effects: &mut Effects) -> RunKey {
        let (receipt, message) = (flight.receipt, flight.message.clone());
        let key = self.in_flight.insert(flight);
        effects.begin.push(receipt);
        effects.dispatch.push(Run { key, message });
        key
    }

    fn revoke(&mut self, ids: Vec<MessageId>, effects: &mut Effects) {
        let mut new = HashSet::new();
        for id in ids {
            if !self.revoked.insert(id) {
                continue;
            }
            new.insert(id);
            self.revoked_in_order.push_back(id);
            if self.revoked_in_order.len() > REMEMBERED_REVOCATIONS
                && let Some(oldest) = self.revoked_in_order.pop_front()
            {
                self.revoked.remove(&oldest);
            }
            effects.cancel.extend(self.in_flight.key_of(id));
        }
        effects.cancel.extend(self.in_flight.keys_within(&new));
    }

    /// Those of a message's scopes that are revoked.
    pub(crate) fn revoked_scopes(&self, message: &Message) -> Vec<MessageId> {
        let Some(place) = &message.rare().workflow else { return Vec::new() };
        place.scopes.iter().copied().filter(|scope| self.is_revoked(*scope)).collect()
    }

    /// Gives back what a crashed part of the platform was running.
    fn lose(&mut self, now: Timestamp, task: &Name, effects: &mut Effects) {
        if let Some(at) = self.position(task) {
            self.circuits.lost(now, at);
        }
        for (key, mut flight) in self.in_flight.remove_task(self.position(task)) {
            if self.suspect_runs == Some(key) {
                effects.commit.settles_suspect = true;
            }
            effects.commit.settle_copies(&mut flight, Verdict::Requeue);
            self.release(flight.receipt, effects);
        }
    }

    /// What was not begun goes back; what runs is for the platform to drain.
    fn stop(&mut self, effects: &mut Effects) {
        self.stopping = true;
        for mut flight in self.suspects.drain(..) {
            self.stats.released += 1;
            effects.commit.settle_copies(&mut flight, Verdict::Requeue);
            effects.commit.requeue(flight.receipt);
        }
    }

    /// Suspects run one at a time, each settled before the next begins, so
    /// that the next death names the culprit.
    fn start_next_suspect(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.suspect_runs.is_some() {
            return;
        }
        while let Some(mut suspect) = self.suspects.pop_front() {
            let scopes = self.revoked_scopes(&suspect.message);
            if self.is_revoked(suspect.message.id) || !scopes.is_empty() {
                self.stats.revoked += 1;
                effects.commit.settle_copies(&mut suspect, Verdict::Ack);
                let Flight { message, receipt, .. } = suspect;
                effects.commit.revoked(now, &message, receipt, scopes);
                continue;
            }
            suspect.since = now;
            self.suspect_runs = Some(self.dispatch(suspect, effects));
            return;
        }
    }

    pub(crate) fn release(&mut self, receipt: Receipt, effects: &mut Effects) {
        self.stats.released += 1;
        effects.commit.requeue(receipt);
    }
}
