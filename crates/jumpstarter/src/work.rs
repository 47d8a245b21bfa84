//! The loop of a running actor: a batch of messages, a turn of each task that
//! is due, and everything else only when the state word asks for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use tokio::time::Instant;

use crate::actor::Actor;
use crate::busy::{Stopwatch, Tally};
use crate::cell::{AnyCell, Cell};
use crate::context::Context;
use crate::core::{
    Core, HOLD, KILL, RESTART, STOP, STOP_NOW, STOP_SELF, SYSTEM, is_quiet, state_of,
};
use crate::dependents;
use crate::guard::{ending_or_crashed, unless};
use crate::lifecycle::{State, Trigger};
use crate::supervision::{self, RestartPolicy};
use crate::task::Flow;
use crate::turns::Turns;
use crate::urgent::SystemMessage;

/// Messages and turns after which the actor lets others have the thread.
const YIELD_AFTER: u32 = 128;

/// Why the work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Requested,
    OfItself,
    Restart,
    Crashed,
    /// For a blocking turn, which needs the actor. The work goes on after it.
    Lend {
        position: usize,
        task: usize,
    },
}

impl Left {
    /// What interrupted the start.
    pub(crate) fn interrupted(core: &Core) -> Left {
        let word = core.word();
        if state_of(word) == State::Crashed {
            Left::Crashed
        } else if word & (STOP | STOP_NOW | KILL) != 0 {
            Left::Requested
        } else if word & STOP_SELF != 0 {
            Left::OfItself
        } else {
            Left::Restart
        }
    }
}

/// When the worker stops in the middle of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// For anything.
    Running,
    /// Only if what is accepted shall not be worked off after all.
    Draining,
}

impl Mode {
    #[inline]
    fn goes_on(self, word: u32) -> bool {
        is_quiet(word)
            || (self == Mode::Draining
                && state_of(word) == State::Stopping
                && word & (STOP_NOW | KILL) == 0)
    }
}

pub(crate) struct Worker<'a, A: Actor> {
    cell: &'a Arc<Cell<A>>,
    inbox: &'a mut VecDeque<A::Message>,
    batch: usize,
    policy: RestartPolicy,
    since_yield: u32,
    stopwatch: Stopwatch,
    /// Few actors have any.
    turns: Option<Box<Turns>>,
}

impl<'a, A: Actor> Worker<'a, A> {
    pub(crate) fn new(
        cell: &'a Arc<Cell<A>>,
        inbox: &'a mut VecDeque<A::Message>,
        batch: usize,
        policy: RestartPolicy,
    ) -> Self {
        let has_turns = !A::TASKS.is_empty();
        Worker {
            cell,
            inbox,
            batch,
            policy,
            since_yield: 0,
            stopwatch: Stopwatch::default(),
            turns: has_turns.then(|| Box::new(Turns::new(&cell.core, A::TASKS))),
        }
    }

    pub(crate) async fn work(&mut self, actor: &mut A, ctx: &mut Context<A>) -> Left {
        let mut mode = Mode::Running;
        loop {
            if !mode.goes_on(self.cell.core.word()) {
                match Box::pin(self.attend(actor, ctx)).await {
                    Attended::GoOn => {}
                    Attended::Drain => mode = Mode::Draining,
                    Attended::Leave(left) => return left,
                }
                continue;
            }
            self.work_off(actor, ctx, mode).await;
            if mode == Mode::Draining {
                self.cell.mailbox.take_now(self.inbox);
                if self.inbox.is_empty() {
                    return self.leave_drained();
                }
                continue;
            }
            if self.turns.is_some()
                && let Some(lend) = self.take_turns(actor, ctx).await
            {
                return lend;
            }
            if self.inbox.is_empty() {
                self.await_something().await;
            }
        }
    }

    /// Works on one batch of what is in the inbox.
    async fn work_off(&mut self, actor: &mut A, ctx: &mut Context<A>, mode: Mode) {
        if self.inbox.is_empty() {
            return;
        }
        let core = &self.cell.core;
        let mut tally = Tally::begin(core, &mut self.stopwatch, self.inbox.len());
        while let Some(message) = self.inbox.pop_front() {
            actor.dispatch(message, ctx).await;
            tally.done += 1;
            if tally.done as usize >= self.batch || !mode.goes_on(core.word()) {
                break;
            }
            self.since_yield += 1;
            if self.since_yield >= YIELD_AFTER {
                self.since_yield = 0;
                tokio::task::yield_now().await;
            }
        }
        let left = u32::try_from(self.inbox.len()).unwrap_or(u32::MAX);
        core.in_hand.store(left, Ordering::Relaxed);
        actor.on_batch(ctx).await;
    }

    /// One turn of each task that is due. A blocking one needs the actor itself,
    /// and the work is left for it; the round goes on afterwards.
    async fn take_turns(&mut self, actor: &mut A, ctx: &mut Context<A>) -> Option<Left> {
        let core = &self.cell.core;
        let turns = self.turns.as_deref_mut()?;
        turns.begin_round();
        while is_quiet(core.word())
            && let Some((position, task)) = turns.next_of_round()
        {
            if A::TASKS[task].blocking {
                return Some(Left::Lend { position, task });
            }
            let began = Instant::now();
            let turn = unless(core, ending_or_crashed, actor.turn(task, ctx));
            let flow = turn.await?;
            if let Err(crash) = turns.record(core, position, began, flow) {
                core.crash(crash);
                return None;
            }
            self.since_yield += 1;
            if self.since_yield >= YIELD_AFTER {
                self.since_yield = 0;
                tokio::task::yield_now().await;
            }
        }
        None
    }

    /// Takes note of a turn that was taken with the actor on loan, and looks for
    /// messages, which such turns must not keep waiting forever.
    pub(crate) fn record_lent(&mut self, position: usize, began: Instant, flow: Flow) {
        let core = &self.cell.core;
        if let Some(turns) = self.turns.as_deref_mut()
            && let Err(crash) = turns.record(core, position, began, flow)
        {
            core.crash(crash);
        }
        if self.inbox.is_empty() {
            self.cell.mailbox.take_now(self.inbox);
        }
    }

    /// Waits for messages, a task that is due, or a control change.
    async fn await_something(&mut self) {
        let core = &self.cell.core;
        let turns = &mut self.turns;
        poll_fn(|cx| {
            let attention = || !is_quiet(core.word());
            match self.cell.mailbox.poll_take(cx, self.inbox, attention) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => {
                    turns.as_deref_mut().map_or(Poll::Pending, |turns| turns.poll_due(cx))
                }
            }
        })
        .await;
    }

    /// Sees to what the state word asks for.
    async fn attend(&mut self, actor: &mut A, ctx: &mut Context<A>) -> Attended {
        let core = &self.cell.core;
        let word = core.word();
        let state = state_of(word);
        if state == State::Crashed {
            return Attended::Leave(Left::Crashed);
        }
        if word & (STOP_NOW | KILL) != 0 || (word & STOP != 0 && state == State::Paused) {
            return Attended::Leave(Left::Requested);
        }
        if word & STOP_SELF != 0 && self.policy == RestartPolicy::Permanent && word & STOP == 0 {
            return Attended::Leave(Left::OfItself);
        }
        if word & SYSTEM != 0 {
            self.hear_system(actor, ctx).await;
            return Attended::GoOn;
        }
        if word & (STOP | STOP_SELF) != 0 {
            let any_cell = Arc::clone(self.cell) as Arc<dyn AnyCell>;
            if word & STOP == 0 && dependents::go_first(&any_cell) {
                core.lower(STOP_SELF);
                return Attended::GoOn;
            }
            self.cell.mailbox.close();
            self.cell.mailbox.take_now(self.inbox);
            // Refused only if it crashed at this moment, which is seen next.
            let _ = core.apply(Trigger::Stop);
            return Attended::Drain;
        }
        if word & (RESTART | HOLD) != 0 {
            return Attended::Leave(Left::Restart);
        }
        if state == State::Paused {
            await_control(core, word).await;
        }
        Attended::GoOn
    }

    /// What overtakes the messages.
    async fn hear_system(&mut self, actor: &mut A, ctx: &mut Context<A>) {
        let core = &self.cell.core;
        for message in core.take_system() {
            match message {
                SystemMessage::ChildFailed(failure) => {
                    let outcome = actor.on_child_failed(failure.clone(), ctx).await;
                    if let Some(crash) = supervision::escalation(core, failure, outcome) {
                        core.crash(crash);
                    }
                }
                SystemMessage::Urgent(urgent) => {
                    if let Ok(message) = urgent.downcast::<A::Message>() {
                        actor.dispatch(*message, ctx).await;
                        core.processed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    fn leave_drained(&self) -> Left {
        match self.cell.core.word() & STOP != 0 {
            true => Left::Requested,
            false => Left::OfItself,
        }
    }
}

/// Waits until the state word is another one.
async fn await_control(core: &Core, seen: u32) {
    poll_fn(|cx| match core.watch(cx.waker(), |word| word != seen) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

enum Attended {
    GoOn,
    Drain,
    Leave(Left),
}
