//! What every actor has regardless of its type: identity, the state word,
//! counters, and the cold block with everything that most actors never need.
//!
//! The state word is written under the control lock and read relaxed anywhere.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;

use parking_lot::Mutex;

use crate::cell::AnyCell;
use crate::error::{Cause, Crash};
use crate::event::Event;
use crate::lifecycle::{self, Refused, State, Trigger};
use crate::publish::Streams;
use crate::restart::RestartRegion;
use crate::spawner::TaskGroup;
use crate::strategy::{Siblings, Strategy};
use crate::supervision::{RestartPolicy, Rules};
use crate::system::System;
use crate::urgent::SystemMessage;
use crate::watch::Watch;

/// Stop after the messages that were accepted.
pub(crate) const STOP: u32 = 1 << 8;
/// Stop after the message at work.
pub(crate) const STOP_NOW: u32 = 1 << 9;
/// Drop everything, even a handler at work.
pub(crate) const KILL: u32 = 1 << 10;
/// Stop, then start again.
pub(crate) const RESTART: u32 = 1 << 11;
/// The cold block holds system messages.
pub(crate) const SYSTEM: u32 = 1 << 12;
/// The actor asked for its own stop.
pub(crate) const STOP_SELF: u32 = 1 << 13;
/// The actor has ended for good.
pub(crate) const FINISHED: u32 = 1 << 14;
/// The start was complete at least once.
pub(crate) const ONCE_STARTED: u32 = 1 << 15;
/// Stop, then wait for one's turn in the restart of a group.
pub(crate) const HOLD: u32 = 1 << 16;
/// Stopped, and waits for that turn.
pub(crate) const HELD: u32 = 1 << 17;
/// Never started again; told to the group at the spawning.
pub(crate) const TEMPORARY: u32 = 1 << 18;

/// Any request to end.
pub(crate) const ENDING: u32 = STOP | STOP_NOW | KILL | RESTART | STOP_SELF | HOLD;
/// A request from outside to end for good.
pub(crate) const ENDING_FOR_GOOD: u32 = STOP | STOP_NOW | KILL;

const STATE_MASK: u32 = 0xff;

/// The highest word with which there is nothing to see to: a running state and
/// no flag but those that are mere facts.
pub(crate) const fn is_quiet(word: u32) -> bool {
    (word & !(ONCE_STARTED | TEMPORARY)) <= State::Unhealthy as u32
}

pub(crate) fn state_of(word: u32) -> State {
    State::from_byte((word & STATE_MASK) as u8)
}

pub(crate) struct Core {
    pub(crate) id: u64,
    pub(crate) path: Box<str>,
    pub(crate) type_name: &'static str,
    pub(crate) system: System,
    pub(crate) parent: Option<Weak<dyn AnyCell>>,
    word: AtomicU32,
    pub(crate) restarts: AtomicU32,
    pub(crate) processed: AtomicU64,
    pub(crate) busy_nanos: AtomicU64,
    pub(crate) in_hand: AtomicU32,
    control: Mutex<Control>,
}

#[derive(Default)]
struct Control {
    /// Wakes the actor's loop.
    runner: Option<Waker>,
    /// Those who await a state.
    watchers: Vec<Waker>,
    cold: Option<Box<Cold>>,
}

/// What few actors need.
#[derive(Default)]
pub(crate) struct Cold {
    pub(crate) group: Option<Arc<TaskGroup>>,
    pub(crate) children: BTreeMap<u64, Arc<dyn AnyCell>>,
    pub(crate) dependencies: Vec<Arc<dyn AnyCell>>,
    /// Named as dependencies, too, but one of `dependencies` needs them anyway.
    pub(crate) implied: Vec<Arc<dyn AnyCell>>,
    /// The ids of those dependencies that it can do without.
    pub(crate) optional: Vec<u64>,
    /// Those that named this one as a dependency they cannot do without.
    pub(crate) dependents: Vec<Weak<dyn AnyCell>>,
    pub(crate) system_messages: VecDeque<SystemMessage>,
    /// The restarts among the children.
    pub(crate) siblings: Siblings,
    /// Whether a child that gives up, and is not taken care of, ends this one.
    pub(crate) escalates: bool,
    /// Those who hear of the end.
    pub(crate) death_watch: Vec<Watch>,
    /// What it publishes, if anyone subscribed.
    pub(crate) streams: Streams,
    pub(crate) crash: Option<Crash>,
    pub(crate) restart: RestartRegion,
    pub(crate) task_states: Vec<(&'static str, crate::task::TaskState)>,
}

impl Cold {
    /// Every dependency that was named.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &Arc<dyn AnyCell>> {
        self.dependencies.iter().chain(&self.implied)
    }

    /// Whether there is anything to wind down.
    pub(crate) fn is_idle(&self) -> bool {
        self.group.is_none() && self.children.is_empty() && self.dependencies.is_empty()
    }
}

impl Core {
    pub(crate) fn new(
        system: System,
        parent: Option<Weak<dyn AnyCell>>,
        path: Box<str>,
        type_name: &'static str,
    ) -> Self {
        Core {
            id: system.next_id(),
            path,
            type_name,
            system,
            parent,
            word: AtomicU32::new(State::Initialized as u32),
            restarts: AtomicU32::new(0),
            processed: AtomicU64::new(0),
            busy_nanos: AtomicU64::new(0),
            in_hand: AtomicU32::new(0),
            control: Mutex::default(),
        }
    }

    /// Notes what others need to know of the rules it lives by.
    pub(crate) fn adopt(&self, rules: &Rules) {
        let escalates = rules.escalates || rules.strategy != Strategy::OneForOne;
        if escalates {
            self.with_cold(|cold| {
                cold.siblings.strategy = rules.strategy;
                cold.escalates = true;
            });
        }
        if rules.policy == RestartPolicy::Temporary {
            self.raise(TEMPORARY);
        }
    }

    #[inline]
    pub(crate) fn word(&self) -> u32 {
        self.word.load(Ordering::Relaxed)
    }

    pub(crate) fn state(&self) -> State {
        state_of(self.word())
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.word() & FINISHED != 0
    }

    /// Fires a trigger.
    pub(crate) fn apply(&self, trigger: Trigger) -> Result<State, Refused> {
        self.apply_all(&[trigger])
    }

    /// Fires triggers one after the other, up to the first that is refused.
    pub(crate) fn apply_all(&self, triggers: &[Trigger]) -> Result<State, Refused> {
        let mut watchers = Vec::new();
        let mut outcome = Ok(self.state());
        {
            let mut control = self.control.lock();
            for &trigger in triggers {
                let word = self.word();
                let from = state_of(word);
                if word & FINISHED != 0 {
                    outcome = Err(Refused { trigger, state: from });
                    break;
                }
                match lifecycle::next(from, trigger) {
                    Ok(to) => {
                        let once = if to == State::Healthy { ONCE_STARTED } else { 0 };
                        let kept = word & !STATE_MASK;
                        self.word.store(kept | once | to as u32, Ordering::Release);
                        self.publish_change(from, to);
                        outcome = Ok(to);
                    }
                    Err(refused) => {
                        outcome = Err(refused);
                        break;
                    }
                }
            }
            control.hand_over(&mut watchers);
        }
        wake_all(watchers);
        outcome
    }

    fn publish_change(&self, from: State, to: State) {
        self.system.bus().publish(|| Event::StateChanged { path: self.path.to_string(), from, to });
    }

    /// Sets flags and wakes the actor and the watchers.
    pub(crate) fn raise(&self, flags: u32) {
        let mut watchers = Vec::new();
        {
            let mut control = self.control.lock();
            if self.is_finished() {
                return;
            }
            self.word.fetch_or(flags, Ordering::Release);
            control.hand_over(&mut watchers);
        }
        wake_all(watchers);
    }

    /// Takes flags back, and wakes the actor and the watchers.
    pub(crate) fn release(&self, flags: u32) {
        let mut watchers = Vec::new();
        {
            let mut control = self.control.lock();
            self.word.fetch_and(!flags, Ordering::Release);
            control.hand_over(&mut watchers);
        }
        wake_all(watchers);
    }

    pub(crate) fn lower(&self, flags: u32) {
        let _control = self.control.lock();
        self.word.fetch_and(!flags, Ordering::Release);
    }

    /// Sets the state regardless of the chart's order, for the end of an actor
    /// that was killed.
    pub(crate) fn force(&self, to: State) {
        let mut watchers = Vec::new();
        {
            let mut control = self.control.lock();
            let word = self.word();
            self.word.store((word & !STATE_MASK) | to as u32, Ordering::Release);
            if state_of(word) != to {
                self.publish_change(state_of(word), to);
            }
            control.hand_over(&mut watchers);
        }
        wake_all(watchers);
    }

    /// Whose waker control changes wake.
    pub(crate) fn set_runner(&self, waker: &Waker) {
        self.control.lock().runner = Some(waker.clone());
    }

    /// Wakes `waker` at the next control change; looks at the word under the
    /// same lock, so that no change is missed.
    pub(crate) fn watch(&self, waker: &Waker, reached: impl FnOnce(u32) -> bool) -> bool {
        let mut control = self.control.lock();
        if reached(self.word()) {
            return true;
        }
        if !control.watchers.iter().any(|known| known.will_wake(waker)) {
            control.watchers.push(waker.clone());
        }
        false
    }

    /// Works on the cold block, which is made if it is not there.
    pub(crate) fn with_cold<T>(&self, work: impl FnOnce(&mut Cold) -> T) -> T {
        work(self.control.lock().cold.get_or_insert_default())
    }

    /// Looks at the cold block, if there is one.
    pub(crate) fn peek_cold<T>(&self, look: impl FnOnce(&mut Cold) -> T) -> Option<T> {
        self.control.lock().cold.as_deref_mut().map(look)
    }

    pub(crate) fn has_nothing_to_wind_down(&self) -> bool {
        self.peek_cold(|cold| cold.is_idle()).unwrap_or(true)
    }

    /// Reports an error that ends this incarnation. The first one counts.
    pub(crate) fn crash(&self, crash: Crash) {
        if self.is_finished() {
            return;
        }
        self.with_cold(|cold| {
            cold.crash.get_or_insert(crash);
        });
        // Allowed in every state; refused only if the actor has ended meanwhile.
        let _ = self.apply(Trigger::ReportError);
    }

    /// Something for the actor's attention, ahead of its messages; given back if
    /// it has ended.
    pub(crate) fn push_system(&self, message: SystemMessage) -> Result<(), SystemMessage> {
        let mut watchers = Vec::new();
        {
            let mut control = self.control.lock();
            if self.is_finished() {
                return Err(message);
            }
            control.cold.get_or_insert_default().system_messages.push_back(message);
            self.word.fetch_or(SYSTEM, Ordering::Release);
            control.hand_over(&mut watchers);
        }
        wake_all(watchers);
        Ok(())
    }

    /// What calls for the actor's attention.
    pub(crate) fn take_system(&self) -> VecDeque<SystemMessage> {
        let mut control = self.control.lock();
        self.word.fetch_and(!SYSTEM, Ordering::Release);
        let cold = control.cold.as_deref_mut();
        cold.map(|cold| std::mem::take(&mut cold.system_messages)).unwrap_or_default()
    }

    /// Forgets what concerns the last incarnation only.
    pub(crate) fn forget_failures(&self) {
        let mut control = self.control.lock();
        if let Some(cold) = control.cold.as_deref_mut() {
            cold.system_messages.retain(|it| matches!(it, SystemMessage::Urgent(_)));
            if !cold.system_messages.is_empty() {
                return;
            }
        }
        self.word.fetch_and(!SYSTEM, Ordering::Release);
    }

    /// The error that was reported.
    pub(crate) fn last_crash(&self) -> Crash {
        let reported = self.peek_cold(|cold| cold.crash.clone()).flatten();
        reported.unwrap_or_else(|| Crash::new(Cause::Error, "no error was reported"))
    }

    /// The spawned futures of this incarnation.
    pub(crate) fn group(&self) -> Arc<TaskGroup> {
        self.with_cold(|cold| {
            let fresh = || Arc::new(TaskGroup::new(self.system.clone(), self.path.as_ref()));
            Arc::clone(cold.group.get_or_insert_with(fresh))
        })
    }

    pub(crate) fn restart_region(&self) -> RestartRegion {
        self.peek_cold(|cold| cold.restart).unwrap_or_default()
    }

    pub(crate) fn set_restart_region(&self, region: RestartRegion) {
        self.with_cold(|cold| cold.restart = region);
    }
}

impl Control {
    fn hand_over(&mut self, woken: &mut Vec<Waker>) {
        woken.append(&mut self.watchers);
        if let Some(runner) = &self.runner {
            woken.push(runner.clone());
        }
    }
}

fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
