//! What all processes share: the servers, the dice, the weather, the history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Delivery, Receipt};
use celeriac_core::store::{Join, Joined};
use celeriac_core::workflow::StepId;
use celeriac_core::{Broker, Message, MessageId, Store};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::deaths::Deaths;
use super::history::History;
use super::shelf::Shelf;
use super::weather::{Delay, Fate, Weather};
use crate::dice::Dice;
use crate::faulty::Operation;

/// The longest trace that is kept, in lines.
const MAX_TRACE: usize = 200_000;

/// What all processes share.
pub(super) struct Sky {
    pub(super) broker: Arc<dyn Broker>,
    pub(super) store: Arc<dyn Store>,
    state: Mutex<State>,
    began: Instant,
    shelves: Mutex<Vec<(String, Shelf)>>,
}

pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) weather: Weather,
    pub(super) history: History,
    /// How often what went wrong.
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) trace: Option<Vec<String>>,
    /// Short names for ids, so that a trace can be read.
    names: BTreeMap<MessageId, usize>,
    happened: u64,
    delivered: Vec<Delivery>,
    copies: u64,
    /// Whose task kills its process, and what has died of it.
    pub(super) deaths: Deaths,
    /// What the planted counter has counted, and who closed.
    counted: BTreeMap<(MessageId, StepId), (u32, Option<u32>)>,
}

impl Sky {
    pub(super) fn new(
        seed: u64,
        weather: Weather,
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        traced: bool,
    ) -> Arc<Self> {
        let state = State {
            dice: Dice::new(seed),
            weather,
            history: History::default(),
            faults: BTreeMap::new(),
            trace: traced.then(Vec::new),
            names: BTreeMap::new(),
            happened: 0,
            delivered: Vec::new(),
            copies: 0,
            deaths: Deaths::default(),
            counted: BTreeMap::new(),
        };
        Arc::new(Self {
            broker,
            store,
            state: Mutex::new(state),
            began: Instant::now(),
            shelves: Mutex::default(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// From now on what is for the sink must come to it.
    pub(super) fn put_up(&self, sink: &str, shelf: &Shelf) {
        self.shelves.lock().push((sink.to_owned(), shelf.clone()));
    }

    pub(super) fn shelves(&self) -> Vec<(String, Shelf)> {
        self.shelves.lock().clone()
    }

    /// Nothing goes wrong any more.
    pub(super) fn clear_up(&self) {
        let mut state = self.state.lock();
        state.weather =
            Weather { nodes: state.weather.nodes, apart: state.weather.apart, ..Weather::CALM };
    }

    /// Notes a line of the trace, if there is one.
    pub(super) fn note(&self, who: &str, what: impl FnOnce(&mut State) -> String) {
        let mut state = self.state.lock();
        if state.trace.as_ref().is_none_or(|trace| trace.len() >= MAX_TRACE) {
            return;
        }
        let what = what(&mut state);
        let line = format!("{:>10.3} {who:<9} {what}", self.began.elapsed().as_secs_f64());
        state.trace.get_or_insert_default().push(line);
    }

    /// What becomes of a call. One that waits for something to happen is never
    /// in doubt: nothing is done by it.
    pub(super) fn fate(&self, waits: bool) -> (Fate, Delay) {
        let mut state = self.state.lock();
        let weather = state.weather;
        let fate = if state.happens("crash", weather.crash) {
            match waits || state.dice.percent(50) {
                true => Fate::CrashBefore,
                false => Fate::CrashAfter,
            }
        } else if state.happens("refused", weather.refuse) {
            Fate::Refused
        } else if !waits && state.happens("in doubt", weather.doubt) {
            Fate::Doubted
        } else {
            Fate::Done
        };
        let there = state.delay();
        let back = if waits { Duration::ZERO } else { state.delay() };
        (fate, Delay { there, back })
    }
}

impl State {
    /// Whether it happens now, so many times per thousand.
    pub(super) fn happens(&mut self, what: &'static str, per_thousand: usize) -> bool {
        let happens = self.happened < self.weather.budget && self.dice.below(1000) < per_thousand;
        if happens {
            self.happened += 1;
            *self.faults.entry(what).or_default() += 1;
        }
        happens
    }

    /// How long something is on its way.
    pub(super) fn delay(&mut self) -> Duration {
        let slow = self.weather.slow;
        if self.happens("slow", slow) {
            return Duration::from_millis(self.dice.below(10_000) as u64);
        }
        // Most calls take no time, so that many things happen at one moment.
        match self.dice.below(4) {
            0 => Duration::from_micros(self.dice.below(20_000) as u64),
            _ => Duration::ZERO,
        }
    }

    /// Some time below `max`.
    pub(super) fn some_time(&mut self, max: Duration) -> Duration {
        max.mul_f64(self.dice.below(1000) as f64 / 1000.0)
    }

    /// Remembers what was delivered; sometimes gives one of the earlier ones
    /// again, under a receipt that ends nothing.
    pub(super) fn copy_of_another(&mut self, delivery: &Delivery) -> Option<Delivery> {
        let duplicate = self.weather.duplicate;
        self.delivered.push(delivery.clone());
        if !self.happens("duplicate", duplicate) {
            return None;
        }
        // A queue gives what was sent to it, and nothing else.
        let queue = |delivery: &Delivery| {
            delivery.payload.as_ref().ok().map(|message| message.queue.clone())
        };
        let same = self.delivered.iter().enumerate();
        let same = same.filter(|(_, other)| queue(other) == queue(delivery));
        let same = Vec::from_iter(same.map(|(at, _)| at));
        let at = self.dice.pick(&same);
        self.copies += 1;
        let receipt = Receipt(u64::MAX - self.copies);
        let copy = Delivery { receipt, redelivered: true, ..self.delivered[at].clone() };
        self.history.handed(std::slice::from_ref(&copy));
        Some(copy)
    }

    /// What a store that counted would answer.
    pub(super) fn count(&mut self, batch: &[Join], answer: &mut [Joined]) {
        for (join, joined) in batch.iter().zip(answer) {
            let (count, closed_by) = self.counted.entry((join.workflow, join.join)).or_default();
            *count += 1;
            let failed_fast = join.fail_fast && join.member.is_error();
            if *count >= join.width || failed_fast {
                closed_by.get_or_insert(join.index);
            }
            (joined.done, joined.closed_by) = (*count, *closed_by);
        }
    }

    /// A message as the trace names it.
    pub(super) fn name(&mut self, message: &Message) -> String {
        let mut id = self.id(message.id);
        if message.attempt > 0 {
            id = format!("{id}/{}", message.attempt);
        }
        match &message.rare().workflow {
            Some(place) => {
                let of = self.id(place.id);
                format!("{} {id} (step {} of {of})", message.name, place.step)
            }
            None => format!("{} {id}", message.name),
        }
    }

    /// An id as the trace names it.
    pub(super) fn id(&mut self, id: MessageId) -> String {
        let next = self.names.len() + 1;
        format!("#{}", self.names.entry(id).or_insert(next))
    }

    pub(super) fn all(&mut self, messages: &[Arc<Message>]) -> String {
        Vec::from_iter(messages.iter().map(|message| self.name(message))).join(", ")
    }

    pub(super) fn all_of(&mut self, deliveries: &[Delivery]) -> String {
        let messages = deliveries.iter().filter_map(|delivery| delivery.payload.as_ref().ok());
        let messages = Vec::from_iter(messages.cloned());
        self.all(&messages)
    }
}

/// An operation as the trace names it.
pub(super) fn name_of(operation: Operation) -> String {
    format!("{operation:?}").to_lowercase()
}
