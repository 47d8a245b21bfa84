//! One actor as the others see it: its core and its mailbox, with and without
//! its type.

use std::any::Any;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::coop;

use crate::actor::Actor;
use crate::core::{Core, FINISHED, ONCE_STARTED, RESTART, state_of};
use crate::error::{Crash, StartError};
use crate::event::{DeadLetterReason, Event};
use crate::lifecycle::State;
use crate::lifecycle::restart::State as RestartRegion;
use crate::mailbox::{Mailbox, Receiver};

/// The mailbox is next to what the core has for each message.
#[repr(C)]
pub(crate) struct Cell<A: Actor> {
    pub(crate) core: Core,
    pub(crate) mailbox: Mailbox<A::Message>,
}

impl<A: Actor> Cell<A> {
    /// After a message was put in.
    #[inline]
    pub(crate) fn rouse(&self, receiver: Receiver) {
        if receiver == Receiver::Waits {
            self.core.wake_runner();
        }
    }
}

/// A cell whose type is not known.
pub(crate) trait AnyCell: Send + Sync {
    fn core(&self) -> &Core;
    fn depth(&self) -> (usize, Option<usize>);
    fn close(&self);
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<A: Actor> AnyCell for Cell<A> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn depth(&self) -> (usize, Option<usize>) {
        self.mailbox.depth()
    }

    fn close(&self) {
        self.mailbox.close();
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// How an actor ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Exit {
    /// It was stopped, or stopped itself.
    Stopped,
    /// It crashed, and was not restarted.
    Crashed(Crash),
    /// It was killed because a deadline passed.
    Killed,
}

/// Waits until the actor is started, or will never be.
pub(crate) async fn started(core: &Core) -> Result<(), StartError> {
    let reached = |word: u32| word & FINISHED != 0 || state_of(word).is_started();
    poll_fn(|cx| {
        ready!(poll_begun(core, cx));
        match core.watch(cx.waker(), reached) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    let word = core.word();
    if word & FINISHED != 0 && word & ONCE_STARTED == 0 {
        let crash = core.peek_cold(|cold| cold.crash.clone()).flatten();
        return Err(StartError { path: core.path.to_string(), crash });
    }
    Ok(())
}

/// Begins the life of an actor, if whoever awaits something of it can do that. Others have
/// their turn among many of them.
fn poll_begun(core: &Core, cx: &mut Context<'_>) -> Poll<()> {
    if core.state() == State::Initializing {
        let turn = ready!(coop::poll_proceed(cx));
        if core.system.nursery().start_here(core.id) {
            turn.made_progress();
        }
    }
    Poll::Ready(())
}

/// Ready when a restart that was asked for is complete, or will never be.
pub(crate) fn poll_restarted(core: &Core, cx: &mut Context<'_>) -> Poll<()> {
    // Registered first: what is looked at is not all under one lock.
    let _ = core.watch(cx.waker(), |_| false);
    let word = core.word();
    let is_restarted = word & RESTART == 0
        && state_of(word).is_started()
        && core.restart_region() == RestartRegion::Restarted;
    match word & FINISHED != 0 || is_restarted {
        true => Poll::Ready(()),
        false => Poll::Pending,
    }
}

/// Waits until the actor has ended for good.
pub(crate) async fn ended(core: &Core) -> Exit {
    poll_fn(|cx| poll_ended(core, cx)).await
}

/// As [`ended`], by hand.
pub(crate) fn poll_ended(core: &Core, cx: &mut Context<'_>) -> Poll<Exit> {
    ready!(poll_begun(core, cx));
    match core.await_end(cx.waker()) {
        true => Poll::Ready(exit(core)),
        false => Poll::Pending,
    }
}

pub(crate) fn exit(core: &Core) -> Exit {
    if core.word() & crate::core::KILL != 0 {
        return Exit::Killed;
    }
    match core.peek_cold(|cold| cold.crash.clone()).flatten() {
        Some(crash) => Exit::Crashed(crash),
        None => Exit::Stopped,
    }
}

/// Counts and publishes a message that reached nobody.
pub(crate) fn dead_letter(core: &Core, message: &'static str, reason: DeadLetterReason) {
    core.system.count_dead_letter();
    core.system.bus().publish(|| Event::DeadLetter {
        path: core.path.to_string(),
        message,
        reason,
    });
}
