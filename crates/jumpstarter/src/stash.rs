//! Messages that no handler takes in the current state: kept until it changes, or
//! dead letters.

use std::collections::VecDeque;

use crate::actor::Actor;
use crate::cell::dead_letter;
use crate::chart::Within;
use crate::context::Context;
use crate::core::{same_state, state_of, sub_of};
use crate::event::DeadLetterReason;

/// What waits for another state.
pub(crate) struct Stash<M> {
    messages: VecDeque<M>,
    /// The state word when the last message came.
    word: u32,
}

/// Whether the actor is in that state.
pub fn is_in<A: Actor>(ctx: &Context<A>, place: impl Within) -> bool {
    let word = ctx.core().word();
    place.holds(state_of(word), sub_of(word))
}

/// No handler takes the message now, nor is it kept.
pub fn unhandled<A: Actor>(ctx: &Context<A>, message: &A::Message) {
    dead_letter(ctx.core(), A::message_name(message), DeadLetterReason::NotHandled);
}

/// No handler takes the message now; it waits for another state.
pub fn stash<A: Actor>(ctx: &mut Context<A>, message: A::Message) {
    let room = ctx.capacity().unwrap_or(usize::MAX);
    let word = ctx.core().word();
    let fresh = || Box::new(Stash { messages: VecDeque::new(), word });
    let stash = ctx.stash.get_or_insert_with(fresh);
    if stash.messages.len() >= room {
        dead_letter(ctx.core(), A::message_name(&message), DeadLetterReason::StashFull);
        return;
    }
    stash.word = word;
    stash.messages.push_back(message);
    let stashed = stash.messages.len();
    ctx.core().with_cold(|cold| cold.stashed = stashed);
}

impl<A: Actor> Context<A> {
    /// The word that was read when the last message was put aside.
    pub(crate) fn stashed_in(&self) -> Option<u32> {
        self.stash.as_ref().map(|stash| stash.word)
    }

    /// Whether the state is another one since then.
    pub(crate) fn stash_is_due(&self) -> bool {
        A::STASHES && self.stashed_in().is_some_and(|word| !same_state(word, self.core().word()))
    }

    /// Puts the stash in front of the other messages, in its order.
    pub(crate) fn unstash(&mut self, inbox: &mut VecDeque<A::Message>) {
        if let Some(stash) = self.stash.take() {
            for message in stash.messages.into_iter().rev() {
                inbox.push_front(message);
            }
            self.core().with_cold(|cold| cold.stashed = 0);
        }
    }
}
