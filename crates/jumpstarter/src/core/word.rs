//! The state word: the state of the lifecycle, a sub-state, and the flags by which
//! the loop is told what to see to. Who writes it is not known here.
//!
//! It is written by read-modify-write only, so that none of its bits gets lost.

use crate::lifecycle::State;

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
pub(super) const NOT_RUNNING: u32 = 1 << 16;
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

/// It waits since its start and has no task yet: who wants it must
/// [rouse](super::Core::rouse) it.
pub(super) const DOZES: u32 = 1 << 19;

/// Someone awaits a change of the word.
pub(super) const WATCHED: u32 = 1 << 5;
/// Someone awaits the end.
pub(super) const AWAITED: u32 = 1 << 6;
/// There is a cold block.
pub(super) const COLD: u32 = 1 << 7;

/// Any request to end.
pub(crate) const ENDING: u32 = STOP | STOP_NOW | KILL | RESTART | STOP_SELF | HOLD;
/// A request from outside to end for good.
pub(crate) const ENDING_FOR_GOOD: u32 = STOP | STOP_NOW | KILL;

const STATE_MASK: u32 = 0x1f;
const _: () = assert!(State::ALL.len() <= STATE_MASK as usize + 1);
/// What is known of the actor, and asks for nothing.
const FACTS: u32 = ONCE_STARTED | TEMPORARY | WATCHED | AWAITED | COLD | DOZES;
/// The sub-state, if the actor's chart has any: counted from 1.
const SUB_MASK: u32 = 0xff << SUB_SHIFT;
const SUB_SHIFT: u32 = 24;

/// Whether there is nothing to see to: a running state, and no flag but those
/// that are mere facts.
pub(crate) const fn is_quiet(word: u32) -> bool {
    word & !(FACTS | STATE_MASK | SUB_MASK) == 0
}

/// Whether it was not started, and nothing is asked of it but to stop after that.
pub(super) const fn is_only_to_start(word: u32) -> bool {
    let rest = word & !(FACTS | SUB_MASK | NOT_RUNNING | STOP);
    rest == State::Initializing as u32
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

/// Whether the actor is the same for those who await a change.
pub(crate) const fn same_for_watchers(one: u32, other: u32) -> bool {
    (one ^ other) & !(WATCHED | AWAITED | COLD | DOZES) == 0
}

/// The same word with another state.
pub(super) const fn with_state(word: u32, state: State, sub: u8) -> u32 {
    let flag = if state.is_running() { 0 } else { NOT_RUNNING };
    let rest = word & !(STATE_MASK | NOT_RUNNING | SUB_MASK);
    rest | flag | state as u32 | (sub as u32) << SUB_SHIFT
}
