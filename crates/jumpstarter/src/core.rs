//! What every actor has regardless of its type: identity, the state word,
//! counters, and the cold block with everything that most actors never need.
//!
//! The state word is one atomic, written without a lock: the 5 locks of a start and
//! a stop were 21 % of the instructions of both. Those who await a state, and the
//! cold block, are under the control lock; bits of the word say if there are any.

mod cold;
mod dozing;
mod family;
mod waking;
mod word;

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use crate::actor::Actor;
use crate::chart::{Refinement, Refused};
use crate::configuration::ActiveState;
use crate::error::{Cause, Crash};
use crate::event::Event;
use crate::hooks::Firing;
use crate::injection::Injection;
use crate::lifecycle::{self, State, Trigger, restart};
use crate::nursery::Nursling;
use crate::path::Path;
use crate::route::Route;
use crate::spawner::TaskGroup;
use crate::strategy::Strategy;
use crate::supervision::{ChildRestarts, RestartPolicy, Rules};
use crate::sync::SpinMutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::system::System;
use crate::urgent::SystemMessage;

pub(crate) use self::cold::Cold;
pub(crate) use self::word::*;

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
    control: SpinMutex<Control>,
    /// Where its parent, or the registry, keeps the actor; written under their lock.
    pub(crate) seat: AtomicU32,
    pub(crate) injection: Injection,
    /// The loop has another waker after all, which the cold block holds.
    runner_moved: AtomicBool,
    /// Wakes the actor's loop. Set when it first waits; a task keeps its waker.
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
    /// See [`Core::doze`].
    dozing: Option<Box<dyn Nursling>>,
}

impl Core {
    pub(crate) fn new(system: System, path: Path, kind: &'static Kind) -> Self {
        Core {
            id: system.next_id(),
            path,
            kind,
            system,
            word: AtomicU32::new(with_state(0, State::Initializing, 0)),
            processed: AtomicU64::new(0),
            busy_nanos: AtomicU64::new(0),
            in_hand: AtomicU32::new(0),
            injection: Injection::default(),
            seat: AtomicU32::new(0),
            runner: OnceLock::new(),
            runner_moved: AtomicBool::new(false),
            control: SpinMutex::default(),
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
        let grouped = rules.strategy != Strategy::OneForOne || rules.children.is_some();
        let escalates = rules.escalates || grouped;
        if escalates {
            self.with_cold(|cold| {
                cold.siblings.strategy = rules.strategy;
                let counted = |intensity| Box::new(ChildRestarts::new(intensity));
                cold.siblings.restarts = rules.children.map(counted);
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
        let once = if to == State::Healthy { ONCE_STARTED } else { 0 };
        with_state(word, to, sub) | once
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
        self.fire_all(triggers.iter().map(|trigger| Firing::Lifecycle(*trigger)))
    }

    /// Fires a trigger of the lifecycle or of the actor's own chart.
    pub(crate) fn fire(&self, firing: Firing) -> Result<(), Refused> {
        self.fire_all(std::iter::once(firing))
    }

    /// Fires the triggers of a route.
    #[inline]
    pub(crate) fn pass(&self, route: &Route) -> Result<(), Refused> {
        let word = self.word();
        if state_of(word) == route.from() && word & FINISHED == 0 && !self.system.bus().is_heard() {
            let after = self.entered(word, route.to());
            let swapped =
                self.word.compare_exchange(word, after, Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                self.tell_watchers(word, after);
                return Ok(());
            }
        }
        self.apply_all(route.triggers())
    }

    #[inline]
    fn fire_all(&self, firings: impl Iterator<Item = Firing> + Clone) -> Result<(), Refused> {
        // Also if one is refused: those before it took effect.
        let concerns_loop = firings.clone().any(Firing::concerns_loop);
        let outcome = match self.system.bus().is_heard() {
            false => self.fire_unheard(firings),
            true => self.fire_heard(firings),
        };
        if concerns_loop {
            self.wake_runner();
        }
        outcome
    }

    /// One change of the word for all, as nobody hears of those between.
    fn fire_unheard(&self, firings: impl Iterator<Item = Firing> + Clone) -> Result<(), Refused> {
        let mut refused = None;
        let mut after = 0;
        let before = self.change(|before| {
            (refused, after) = (None, before);
            for firing in firings.clone() {
                match self.word_after(after, firing) {
                    Some(next) => after = next,
                    None => {
                        refused = Some((after, firing));
                        break;
                    }
                }
            }
            (after != before).then_some(after)
        });
        if let Some(before) = before {
            self.tell_watchers(before, after);
        }
        refused.map_or(Ok(()), |(word, firing)| Err(self.refused(word, firing)))
    }

    /// One change after the other. Under the lock, so that listeners hear of them in
    /// their order.
    #[cold]
    fn fire_heard(&self, firings: impl Iterator<Item = Firing>) -> Result<(), Refused> {
        for firing in firings {
            let mut after = 0;
            let before = {
                let _control = self.control.lock();
                let before = self.change(|before| {
                    after = self.word_after(before, firing)?;
                    Some(after)
                });
                let Some(before) = before else { return Err(self.refused(self.word(), firing)) };
                self.publish_change(before, after);
                before
            };
            self.tell_watchers(before, after);
        }
        Ok(())
    }

    /// Replaces the word by what `next` makes of it, which may be asked again if
    /// others change it meanwhile; gives the word before. `None`: it stays.
    #[inline]
    fn change(&self, next: impl FnMut(u32) -> Option<u32>) -> Option<u32> {
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()
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
                Some(self.entered(word, to))
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
        let raised = self.change(|word| (word & FINISHED == 0).then_some(word | flags));
        if let Some(before) = raised {
            self.wake_watchers(before & WATCHED);
            self.wake_runner();
        }
    }

    /// The end for good; its loop needs no waking any more.
    pub(crate) fn end(&self) {
        let before = self.word.fetch_or(FINISHED, Ordering::AcqRel);
        self.wake_last(before & (WATCHED | AWAITED));
    }

    /// Takes flags back, and wakes the actor and the watchers.
    pub(crate) fn release(&self, flags: u32) {
        let before = self.word.fetch_and(!flags, Ordering::AcqRel);
        self.wake_watchers(before & WATCHED);
        self.wake_runner();
    }

    pub(crate) fn lower(&self, flags: u32) {
        self.word.fetch_and(!flags, Ordering::AcqRel);
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

    /// Works on the cold block, which is made if it is not there.
    pub(crate) fn with_cold<T>(&self, work: impl FnOnce(&mut Cold) -> T) -> T {
        let mut control = self.control.lock();
        if !self.has_cold() {
            self.word.fetch_or(COLD, Ordering::AcqRel);
        }
        work(control.cold.get_or_insert_default())
    }

    /// Looks at the cold block, if there is one.
    pub(crate) fn peek_cold<T>(&self, look: impl FnOnce(&mut Cold) -> T) -> Option<T> {
        if !self.has_cold() {
            return None;
        }
        self.control.lock().cold.as_deref_mut().map(look)
    }

    /// Whether there is a cold block. Who has seen a word that was written after the
    /// block was made sees the block as well.
    #[inline]
    pub(crate) fn has_cold(&self) -> bool {
        self.word() & COLD != 0
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
        let before = {
            let mut control = self.control.lock();
            let messages = &mut control.cold.get_or_insert_default().system_messages;
            messages.push_back(message);
            // From here on the end sees to the message, unless it was before.
            match self.change(|word| (word & FINISHED == 0).then_some(word | SYSTEM | COLD)) {
                Some(before) => before,
                None => return messages.pop_back().map_or(Ok(()), Err),
            }
        };
        self.wake_watchers(before & WATCHED);
        self.wake_runner();
        Ok(())
    }

    /// What calls for the actor's attention.
    pub(crate) fn take_system(&self) -> VecDeque<SystemMessage> {
        let mut control = self.control.lock();
        self.word.fetch_and(!SYSTEM, Ordering::AcqRel);
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
        self.word.fetch_and(!SYSTEM, Ordering::AcqRel);
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
        let to = self.with_cold(|cold| {
            let from = cold.restart;
            let to = restart::next(from, trigger)?;
            cold.restart = to;
            // Under the lock, so that the events keep the order of the changes.
            self.system.bus().publish(|| Event::RestartRegionChanged {
                path: self.path.to_string(),
                from,
                to,
            });
            Ok::<_, Refused>(to)
        })?;
        if to == restart::State::Restarted {
            self.wake_watchers(self.word() & WATCHED);
        }
        Ok(())
    }

    /// The state of the restart region.
    pub(crate) fn restart_region(&self) -> restart::State {
        self.peek_cold(|cold| cold.restart).unwrap_or_default()
    }
}
