//! What every actor has regardless of its type: identity, the state word,
//! counters, and the cold block with everything that most actors never need.
//!
//! The state word is written under the control lock and read relaxed anywhere.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use crate::actor::Actor;
use crate::cell::AnyCell;
use crate::chart::{Refinement, Refused};
use crate::configuration::ActiveState;
use crate::error::{Cause, Crash};
use crate::event::Event;
use crate::hooks::{Firing, Request};
use crate::injection::Injection;
use crate::lifecycle::{self, State, Trigger, restart, task};
use crate::path::Path;
use crate::publish::Streams;
use crate::spawner::TaskGroup;
use crate::strategy::{Siblings, Strategy};
use crate::supervision::{RestartPolicy, Rules};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
/// The state is not a running one, so that the loop looks at the word closely.
const NOT_RUNNING: u32 = 1 << 16;
/// Triggers wait for the loop of an actor with hooks.
pub(crate) const FIRE: u32 = 1 << 17;
/// An error was reported; the loop of an actor with hooks enters `crashed`.
pub(crate) const CRASHING: u32 = 1 << 18;
/// Stop, then wait for one's turn in the restart of a group.
pub(crate) const HOLD: u32 = 1 << 20;
/// Stopped, and waits for that turn.
pub(crate) const HELD: u32 = 1 << 21;
/// Never started again; told to the group at the spawning.
pub(crate) const TEMPORARY: u32 = 1 << 22;

/// Any request to end.
pub(crate) const ENDING: u32 = STOP | STOP_NOW | KILL | RESTART | STOP_SELF | HOLD;
/// A request from outside to end for good.
pub(crate) const ENDING_FOR_GOOD: u32 = STOP | STOP_NOW | KILL;

const STATE_MASK: u32 = 0xff;
/// The sub-state, if the actor's chart has any: counted from 1.
const SUB_MASK: u32 = 0xff << SUB_SHIFT;
const SUB_SHIFT: u32 = 24;

/// Whether there is nothing to see to: a running state, and no flag but those
/// that are mere facts.
pub(crate) const fn is_quiet(word: u32) -> bool {
    word & !(ONCE_STARTED | TEMPORARY | STATE_MASK | SUB_MASK) == 0
}

#[inline]
pub(crate) fn state_of(word: u32) -> State {
    State::ALL.get((word & STATE_MASK) as usize).copied().unwrap_or(State::Crashed)
}

/// The actor has crashed, or is about to enter that state.
pub(crate) fn has_crashed(word: u32) -> bool {
    word & CRASHING != 0 || state_of(word) == State::Crashed
}

/// The sub-state, counted from 1; 0 is none.
pub(crate) const fn sub_of(word: u32) -> u8 {
    (word >> SUB_SHIFT) as u8
}

/// Whether state and sub-state are the same.
pub(crate) const fn same_state(one: u32, other: u32) -> bool {
    (one ^ other) & (STATE_MASK | SUB_MASK) == 0
}

/// The same word with another state.
const fn with_state(word: u32, state: State, sub: u8) -> u32 {
    let flag = if state.is_running() { 0 } else { NOT_RUNNING };
    let rest = word & !(STATE_MASK | NOT_RUNNING | SUB_MASK);
    rest | flag | state as u32 | (sub as u32) << SUB_SHIFT
}

/// What is known of every actor of a type.
pub(crate) struct Kind {
    pub(crate) type_name: fn() -> &'static str,
    /// Whether it has hooks, so that its loop alone moves its state.
    pub(crate) hooked: bool,
    /// The sub-states of its own chart.
    pub(crate) refinement: Option<&'static Refinement>,
}

impl Kind {
    pub(crate) const fn of<A: Actor>() -> &'static Self {
        const {
            &Kind {
                type_name: std::any::type_name::<A>,
                hooked: A::HOOKS,
                refinement: A::REFINEMENT,
            }
        }
    }
}

/// In this order, so that what each message touches is in one place, next to the
/// mailbox.
#[repr(C)]
pub(crate) struct Core {
    pub(crate) id: u64,
    pub(crate) path: Path,
    kind: &'static Kind,
    pub(crate) system: System,
    pub(crate) parent: Option<Weak<dyn AnyCell>>,
    control: Mutex<Control>,
    /// Where the registry keeps the actor; written under the registry's lock.
    pub(crate) seat: AtomicU32,
    pub(crate) injection: Injection,
    /// The loop has another waker after all, which the cold block holds.
    runner_moved: AtomicBool,
    /// Whether there is a cold block, to spare most actors the lock.
    has_cold: AtomicBool,
    /// Wakes the actor's loop. Set at its first poll; a task keeps its waker.
    runner: OnceLock<Waker>,
    word: AtomicU32,
    pub(crate) in_hand: AtomicU32,
    pub(crate) processed: AtomicU64,
    pub(crate) busy_nanos: AtomicU64,
}

#[derive(Default)]
struct Control {
    /// Who awaits a state. If there are several, the cold block holds the others.
    watcher: Option<Waker>,
    cold: Option<Box<Cold>>,
}

/// Those who await a state.
type Watchers = (Option<Waker>, Vec<Waker>);

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
    pub(crate) restarts: u32,
    /// For the loop of an actor with hooks.
    pub(crate) requests: Vec<Request>,
    pub(crate) restart: restart::State,
    pub(crate) task_states: Vec<(&'static str, task::State)>,
    /// See [`Core::set_runner`].
    runner: Option<Waker>,
    watchers: Vec<Waker>,
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
        path: Path,
        kind: &'static Kind,
    ) -> Self {
        Core {
            id: system.next_id(),
            path,
            kind,
            system,
            parent,
            word: AtomicU32::new(with_state(0, State::Initializing, 0)),
            processed: AtomicU64::new(0),
            busy_nanos: AtomicU64::new(0),
            in_hand: AtomicU32::new(0),
            injection: Injection::default(),
            seat: AtomicU32::new(0),
            runner: OnceLock::new(),
            runner_moved: AtomicBool::new(false),
            has_cold: AtomicBool::new(false),
            control: Mutex::default(),
        }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        (self.kind.type_name)()
    }

    /// Whether the actor has hooks, so that its loop alone moves its state.
    pub(crate) fn is_hooked(&self) -> bool {
        self.kind.hooked
    }

    /// The sub-states of the actor's own chart.
    pub(crate) fn refinement(&self) -> Option<&'static Refinement> {
        self.kind.refinement
    }

    /// How often it was started again.
    pub(crate) fn restarts(&self) -> u32 {
        self.peek_cold(|cold| cold.restarts).unwrap_or(0)
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

    /// The state of the lifecycle with its sub-state.
    pub(crate) fn active(&self) -> ActiveState {
        self.active_in(self.word())
    }

    pub(crate) fn active_in(&self, word: u32) -> ActiveState {
        ActiveState::new(state_of(word), sub_of(word), self.refinement())
    }

    /// The word with the state entered, and its initial sub-state.
    fn entered(&self, word: u32, to: State) -> u32 {
        let sub = match state_of(word) == to {
            true => sub_of(word),
            false => self.refinement().map_or(0, |refinement| refinement.entered(to)),
        };
        with_state(word, to, sub)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.word() & FINISHED != 0
    }

    /// Fires a trigger of the lifecycle.
    pub(crate) fn apply(&self, trigger: Trigger) -> Result<(), Refused> {
        self.apply_all(&[trigger])
    }

    /// Fires triggers one after the other, up to the first that is refused.
    pub(crate) fn apply_all(&self, triggers: &[Trigger]) -> Result<(), Refused> {
        let concerns_runner = triggers.iter().any(|trigger| concerns_runner(*trigger));
        self.fire_all(triggers.iter().map(|trigger| Firing::Lifecycle(*trigger)), concerns_runner)
    }

    /// Fires a trigger of the lifecycle or of the actor's own chart.
    pub(crate) fn fire(&self, firing: Firing) -> Result<(), Refused> {
        let concerns_runner = match firing {
            Firing::Lifecycle(trigger) => concerns_runner(trigger),
            _ => true,
        };
        self.fire_all(std::iter::once(firing), concerns_runner)
    }

    #[inline]
    fn fire_all(
        &self,
        firings: impl Iterator<Item = Firing>,
        concerns_runner: bool,
    ) -> Result<(), Refused> {
        let mut outcome = Ok(());
        let heard = self.system.bus().is_heard();
        let watchers = {
            let mut control = self.control.lock();
            let mut word = self.word();
            let was_paused = state_of(word) == State::Paused;
            for firing in firings {
                let Some(after) = self.word_after(word, firing) else {
                    outcome = Err(self.refused(word, firing));
                    break;
                };
                if heard {
                    self.word.store(after, Ordering::Release);
                    self.publish_change(word, after);
                }
                word = after;
            }
            self.word.store(word, Ordering::Release);
            let awaited = was_paused || is_awaited(state_of(word));
            awaited.then(|| control.take_watchers())
        };
        if let Some(watchers) = watchers {
            wake_all(watchers);
        }
        if concerns_runner {
            self.wake_runner();
        }
        outcome
    }

    /// The word that a trigger leads to.
    pub(crate) fn next_word(&self, word: u32, firing: Firing) -> Result<u32, Refused> {
        self.word_after(word, firing).ok_or_else(|| self.refused(word, firing))
    }

    #[inline]
    fn word_after(&self, word: u32, firing: Firing) -> Option<u32> {
        if word & FINISHED != 0 {
            return None;
        }
        match firing {
            Firing::Lifecycle(trigger) => {
                let to = lifecycle::next(state_of(word), trigger).ok()?;
                let once = if to == State::Healthy { ONCE_STARTED } else { 0 };
                Some(self.entered(word, to) | once)
            }
            Firing::Own(trigger) => {
                let to = self.refinement()?.next(sub_of(word), trigger)?;
                Some(with_state(word, state_of(word), to))
            }
        }
    }

    #[cold]
    fn refused(&self, word: u32, firing: Firing) -> Refused {
        Refused::new(firing.name(self), self.active_in(word).path())
    }

    #[cold]
    fn publish_change(&self, before: u32, after: u32) {
        self.system.bus().publish(|| Event::StateChanged {
            path: self.path.to_string(),
            from: self.active_in(before),
            to: self.active_in(after),
        });
    }

    /// Sets flags and wakes the actor and the watchers.
    pub(crate) fn raise(&self, flags: u32) {
        let watchers = {
            let mut control = self.control.lock();
            if self.is_finished() {
                return;
            }
            self.word.fetch_or(flags, Ordering::Release);
            control.take_watchers()
        };
        wake_all(watchers);
        self.wake_runner();
    }

    /// The end for good; its loop needs no waking any more.
    pub(crate) fn end(&self) {
        let watchers = {
            let mut control = self.control.lock();
            self.word.fetch_or(FINISHED, Ordering::Release);
            control.take_watchers()
        };
        wake_all(watchers);
    }

    /// Takes flags back, and wakes the actor and the watchers.
    pub(crate) fn release(&self, flags: u32) {
        let watchers = {
            let mut control = self.control.lock();
            self.word.fetch_and(!flags, Ordering::Release);
            control.take_watchers()
        };
        wake_all(watchers);
        self.wake_runner();
    }

    pub(crate) fn lower(&self, flags: u32) {
        let _control = self.control.lock();
        self.word.fetch_and(!flags, Ordering::Release);
    }

    /// Passes the rest of the stop at once, for an actor that was killed.
    pub(crate) fn run_down(&self) {
        let steps = [
            Trigger::Stop,
            Trigger::TasksStop,
            Trigger::ResourcesRelease,
            Trigger::DependenciesStop,
            Trigger::Finish,
        ];
        for step in steps {
            // Refused if the stop had passed this step already.
            let _ = self.apply(step);
        }
    }

    /// Whose waker messages and control changes wake.
    #[inline]
    pub(crate) fn set_runner(&self, waker: &Waker) {
        let known = self.runner.get_or_init(|| waker.clone());
        if !known.will_wake(waker) || self.runner_moved.load(Ordering::Relaxed) {
            self.move_runner(waker);
        }
    }

    #[cold]
    fn move_runner(&self, waker: &Waker) {
        self.with_cold(|cold| cold.runner = Some(waker.clone()));
        self.runner_moved.store(true, Ordering::Release);
    }

    /// Polls the actor's loop, soon.
    #[inline]
    pub(crate) fn wake_runner(&self) {
        if self.runner_moved.load(Ordering::Acquire) {
            let runner = self.peek_cold(|cold| cold.runner.clone()).flatten();
            if let Some(runner) = runner {
                runner.wake();
            }
        } else if let Some(runner) = self.runner.get() {
            runner.wake_by_ref();
        }
    }

    /// Wakes `waker` at the next control change; looks at the word under the
    /// same lock, so that no change is missed.
    pub(crate) fn watch(&self, waker: &Waker, reached: impl FnOnce(u32) -> bool) -> bool {
        let mut control = self.control.lock();
        if reached(self.word()) {
            return true;
        }
        if control.adds_to_cold(waker) {
            self.has_cold.store(true, Ordering::Relaxed);
        }
        false
    }

    /// Works on the cold block, which is made if it is not there.
    pub(crate) fn with_cold<T>(&self, work: impl FnOnce(&mut Cold) -> T) -> T {
        let mut control = self.control.lock();
        self.has_cold.store(true, Ordering::Relaxed);
        work(control.cold.get_or_insert_default())
    }

    /// Looks at the cold block, if there is one.
    pub(crate) fn peek_cold<T>(&self, look: impl FnOnce(&mut Cold) -> T) -> Option<T> {
        if !self.has_cold() {
            return None;
        }
        self.control.lock().cold.as_deref_mut().map(look)
    }

    /// Whether there is a cold block.
    #[inline]
    pub(crate) fn has_cold(&self) -> bool {
        // Who has seen a word that was written after the block was made sees the
        // block as well.
        let _ = self.word.load(Ordering::Acquire);
        self.has_cold.load(Ordering::Relaxed)
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
        if self.is_hooked() {
            // The loop enters `crashed`, with the hooks.
            self.raise(CRASHING);
        } else {
            // Allowed in every state; refused only if the actor has ended meanwhile.
            let _ = self.apply(Trigger::ReportError);
        }
    }

    pub(crate) fn has_crashed(&self) -> bool {
        has_crashed(self.word())
    }

    /// Something for the actor's attention, ahead of its messages; given back if
    /// it has ended.
    pub(crate) fn push_system(&self, message: SystemMessage) -> Result<(), SystemMessage> {
        let watchers = {
            let mut control = self.control.lock();
            if self.is_finished() {
                return Err(message);
            }
            control.cold.get_or_insert_default().system_messages.push_back(message);
            self.word.fetch_or(SYSTEM, Ordering::Release);
            control.take_watchers()
        };
        wake_all(watchers);
        self.wake_runner();
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
            let fresh = || Arc::new(TaskGroup::new(self.system.clone(), &self.path));
            Arc::clone(cold.group.get_or_insert_with(fresh))
        })
    }

    /// Fires a trigger of the restart region.
    pub(crate) fn move_restart(&self, trigger: restart::Trigger) -> Result<(), Refused> {
        self.with_cold(|cold| {
            cold.restart = restart::next(cold.restart, trigger)?;
            Ok(())
        })
    }

    /// The state of the restart region.
    pub(crate) fn restart_region(&self) -> restart::State {
        self.peek_cold(|cold| cold.restart).unwrap_or_default()
    }
}

impl Control {
    #[inline]
    fn take_watchers(&mut self) -> Watchers {
        let others = match self.cold.as_deref_mut() {
            Some(cold) => std::mem::take(&mut cold.watchers),
            None => Vec::new(),
        };
        (self.watcher.take(), others)
    }

    /// Adds one that awaits a state; tells whether that took the cold block.
    fn adds_to_cold(&mut self, waker: &Waker) -> bool {
        match &self.watcher {
            None => self.watcher = Some(waker.clone()),
            Some(known) if known.will_wake(waker) => {}
            Some(_) => {
                let others = &mut self.cold.get_or_insert_default().watchers;
                if !others.iter().any(|known| known.will_wake(waker)) {
                    others.push(waker.clone());
                }
                return true;
            }
        }
        false
    }
}

/// Whether anyone awaits this state; others await the end of a pause. Those on the
/// way are passed by the loop itself, and what they lead to is told.
fn is_awaited(state: State) -> bool {
    state.is_started() || state == State::Crashed
}

/// Whether the actor's loop has to notice; the other triggers are fired by the
/// loop itself, or change nothing for it.
const fn concerns_runner(trigger: Trigger) -> bool {
    matches!(trigger, Trigger::Pause | Trigger::Resume | Trigger::ReportError)
}

#[inline]
fn wake_all((watcher, others): Watchers) {
    if let Some(watcher) = watcher {
        watcher.wake();
    }
    if others.capacity() > 0 {
        wake_others(others);
    }
}

#[cold]
fn wake_others(others: Vec<Waker>) {
    for watcher in others {
        watcher.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn bell() -> (Arc<Bell>, Waker) {
        let bell = Arc::new(Bell::default());
        (Arc::clone(&bell), Waker::from(bell))
    }

    fn rung(bell: &Bell) -> usize {
        bell.0.swap(0, Ordering::Relaxed)
    }

    static KIND: Kind = Kind { type_name: || "Actor", hooked: false, refinement: None };

    fn core() -> Core {
        Core::new(System::new("test"), None, Path::root("actor"), &KIND)
    }

    #[tokio::test]
    async fn the_loop_is_woken_by_its_last_waker() {
        let core = core();
        let ((first, first_waker), (second, second_waker)) = (bell(), bell());
        core.wake_runner();
        core.set_runner(&first_waker);
        core.wake_runner();
        assert_eq!((rung(&first), rung(&second)), (1, 0));
        core.set_runner(&second_waker);
        core.raise(STOP);
        assert_eq!((rung(&first), rung(&second)), (0, 1));
        core.set_runner(&first_waker);
        core.wake_runner();
        assert_eq!((rung(&first), rung(&second)), (1, 0));
    }

    #[tokio::test]
    async fn everyone_who_awaits_a_state_is_woken_once() {
        let core = core();
        let bells = [bell(), bell(), bell()];
        for (_, waker) in bells.iter().chain(&bells) {
            assert!(!core.watch(waker, |word| word & STOP != 0));
        }
        core.raise(STOP);
        core.raise(STOP);
        assert_eq!(bells.each_ref().map(|(bell, _)| rung(bell)), [1, 1, 1]);
        assert!(bells.iter().all(|(_, waker)| core.watch(waker, |word| word & STOP != 0)));
    }
}
