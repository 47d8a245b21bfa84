//! The loop of a running actor: a batch of messages, a turn of each task that
//! is due, and everything else only when the state word asks for it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};

use tokio::time::Instant;

use crate::actor::Actor;
use crate::busy::Tally;
use crate::cell::{AnyCell, Cell};
use crate::context::Context;
use crate::core::{
    CRASHING, Core, FIRE, HOLD, KILL, RESTART, STOP, STOP_NOW, STOP_SELF, SYSTEM, has_crashed,
    is_quiet, same_for_watchers, same_state, state_of,
};
use crate::dependents;
use crate::error::Crash;
use crate::guard::{ending_or_crashed, unless};
use crate::hooks;
use crate::lifecycle::State;
use crate::route;
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
        if has_crashed(word) {
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
                && word & (STOP_NOW | KILL | CRASHING) == 0)
    }
}

pub(crate) struct Worker<'a, A: Actor> {
    cell: &'a Arc<Cell<A>>,
    inbox: &'a mut VecDeque<A::Message>,
    batch: usize,
    policy: RestartPolicy,
    mode: Mode,
    /// The handler of the first message in the inbox awaits something.
    awaits: bool,
    since_yield: u32,
    tally: Tally<'a>,
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
        let turns = (!A::TASKS.is_empty()).then(|| Box::new(Turns::new(&cell.core, A::TASKS)));
        let tally = Tally::new(&cell.core);
        let (mode, awaits, since_yield) = (Mode::Running, false, 0);
        Worker { cell, inbox, batch, policy, mode, awaits, since_yield, tally, turns }
    }

    /// Nothing is to be seen to after messages but other messages.
    const AT_ONCE: bool = A::AT_ONCE && !A::STASHES && !A::SEES_BATCHES && A::TASKS.is_empty();

    /// What is in the inbox can be worked on by [`Messages`].
    #[inline]
    fn is_at_once(&self) -> bool {
        Self::AT_ONCE && self.mode == Mode::Running && !self.awaits
    }

    /// One block for the whole loop, as every actor has it in memory: an async
    /// function keeps its arguments twice, and so does each that it calls.
    #[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
    pub(crate) fn work<'b>(
        &'b mut self,
        actor: &'b mut A,
        ctx: &'b mut Context<A>,
    ) -> impl Future<Output = Left> + Send + use<'a, 'b, A> {
        async move {
            loop {
                if !self.mode.goes_on(self.cell.core.word()) {
                    match self.attend() {
                        Attended::GoOn => {}
                        Attended::Leave(left) => return left,
                        Attended::Hear => Box::pin(self.hear_system(actor, ctx)).await,
                        Attended::Fire => {
                            Box::pin(hooks::carry_out_requests(actor, ctx)).await;
                        }
                        Attended::Drain => {
                            // Refused only if it crashed at this moment, seen next.
                            let hooks = hooks::stop_steps(Some(&mut *actor), ctx, route::STOP);
                            if let Some(hooks) = hooks {
                                hooks.await;
                            }
                        }
                        Attended::Pause(word) => {
                            Box::pin(await_control(&self.cell.core, word)).await;
                        }
                    }
                    continue;
                }
                if ctx.stash_is_due() {
                    ctx.unstash(self.inbox);
                }
                if !self.inbox.is_empty() && !self.is_at_once() {
                    self.awaits = false;
                    self.tally.begin(self.inbox.len());
                    loop {
                        let Some(message) = self.inbox.pop_front() else { break };
                        actor.dispatch(message, ctx).await;
                        if self.ends_batch() || ctx.stash_is_due() {
                            break;
                        }
                        if self.is_due_to_yield() {
                            tokio::task::yield_now().await;
                        }
                    }
                    self.tally.end(self.inbox.len());
                    actor.on_batch(ctx).await;
                }
                if self.mode == Mode::Draining {
                    // The mailbox is closed; what it held is in the inbox.
                    if self.inbox.is_empty() && !ctx.stash_is_due() {
                        return self.leave_drained();
                    }
                    continue;
                }
                if self.turns.is_some()
                    && let Some(lend) = Box::pin(self.take_turns(actor, ctx)).await
                {
                    return lend;
                }
                if self.inbox.is_empty() || self.is_at_once() {
                    let stashed_in = if A::STASHES { ctx.stashed_in() } else { None };
                    Messages { worker: self, actor, ctx, stashed_in }.await;
                }
            }
        }
    }

    /// Works on what is in the inbox, up to a message whose handler awaits something.
    #[inline]
    fn work_now(&mut self, actor: &mut A, ctx: &mut Context<A>) -> Now {
        self.tally.begin(self.inbox.len());
        let now = loop {
            let Some(message) = self.inbox.pop_front() else { break Now::Done };
            if let Some(message) = actor.dispatch_now(message, ctx) {
                self.inbox.push_front(message);
                self.awaits = true;
                break Now::Left;
            }
            self.tally.count();
            if !is_quiet(self.cell.core.word()) {
                break Now::Left;
            }
            if self.is_due_to_yield() {
                break Now::Yield;
            }
        };
        self.tally.end(self.inbox.len());
        now
    }

    /// Counts a message, and tells whether others than messages have their turn.
    #[inline]
    fn ends_batch(&mut self) -> bool {
        let done = self.tally.count();
        done as usize >= self.batch || !self.mode.goes_on(self.cell.core.word())
    }

    #[inline]
    fn is_due_to_yield(&mut self) -> bool {
        self.since_yield += 1;
        let due = self.since_yield >= YIELD_AFTER;
        if due {
            self.since_yield = 0;
        }
        due
    }

    /// One turn of each task that is due. A blocking one needs the actor itself,
    /// and the work is left for it; the round goes on afterwards.
    async fn take_turns(&mut self, actor: &mut A, ctx: &mut Context<A>) -> Option<Left> {
        let core = &self.cell.core;
        self.turns.as_deref_mut()?.begin_round();
        while is_quiet(core.word())
            && let Some((position, task)) = self.turns.as_deref_mut()?.next_of_round()
        {
            if A::TASKS[task].blocking {
                return Some(Left::Lend { position, task });
            }
            let began = Instant::now();
            let turn = unless(core, ending_or_crashed, actor.turn(task, ctx));
            let flow = turn.await?;
            let turns = self.turns.as_deref_mut()?;
            if let Err(crash) = turns.record(core, position, began, flow) {
                core.crash(crash);
                return None;
            }
            if self.is_due_to_yield() {
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

    /// Sees to what the state word asks for.
    pub(crate) fn attend(&mut self) -> Attended {
        let core = &self.cell.core;
        let word = core.word();
        let state = state_of(word);
        if has_crashed(word) {
            return Attended::Leave(Left::Crashed);
        }
        if word & FIRE != 0 {
            return Attended::Fire;
        }
        if word & (STOP_NOW | KILL) != 0 || (word & STOP != 0 && state == State::Paused) {
            return Attended::Leave(Left::Requested);
        }
        if word & STOP_SELF != 0 && self.policy == RestartPolicy::Permanent && word & STOP == 0 {
            return Attended::Leave(Left::OfItself);
        }
        if word & SYSTEM != 0 {
            return Attended::Hear;
        }
        if word & (STOP | STOP_SELF) != 0 {
            if word & STOP == 0 && self.goes_last() {
                core.lower(STOP_SELF);
                return Attended::GoOn;
            }
            self.cell.mailbox.close_and_take(self.inbox);
            if !A::HOOKS && !A::STASHES && self.inbox.is_empty() {
                return Attended::Leave(self.leave_drained());
            }
            self.mode = Mode::Draining;
            return Attended::Drain;
        }
        if word & (RESTART | HOLD) != 0 {
            return Attended::Leave(Left::Restart);
        }
        match state == State::Paused {
            true => Attended::Pause(word),
            false => Attended::GoOn,
        }
    }

    /// Whether others have to stop before it.
    fn goes_last(&self) -> bool {
        if !dependents::has_any(&self.cell.core) {
            return false;
        }
        let any_cell = Arc::clone(self.cell) as Arc<dyn AnyCell>;
        dependents::go_first(&any_cell)
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

/// How [`Worker::work_now`] came to its end.
enum Now {
    /// The inbox is empty.
    Done,
    /// It is not, or the state word asks for something.
    Left,
    /// Others have their turn.
    Yield,
}

/// Waits for messages, a task that is due, or a control change. With a stash also for
/// another state than the given one.
///
/// What can be worked on without awaiting anything is worked on in here: thus a hop
/// passes through no state machine of the loop, and a batch keeps its counters in
/// registers. It was 80 of 240 instructions of a hop.
struct Messages<'b, 'a, A: Actor> {
    worker: &'b mut Worker<'a, A>,
    actor: &'b mut A,
    ctx: &'b mut Context<A>,
    stashed_in: Option<u32>,
}

impl<A: Actor> Future for Messages<'_, '_, A> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        match Worker::<A>::AT_ONCE {
            true => this.poll_guarded(cx),
            false => this.await_any(cx),
        }
    }
}

impl<A: Actor> Messages<'_, '_, A> {
    /// Panics are caught here as well, and not in the loop: a restart after a panic is
    /// mostly the search of the tables of the functions that are unwound, and these are
    /// few and small.
    #[inline(never)]
    fn poll_guarded(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        match catch_unwind(AssertUnwindSafe(|| self.work_on(cx))) {
            Ok(polled) => polled,
            Err(payload) => {
                self.worker.cell.core.crash(Crash::from_panic(payload.as_ref()));
                Poll::Ready(())
            }
        }
    }

    /// Ready when there is a message, or anything else.
    #[inline]
    fn await_any(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        let Messages { worker, stashed_in, .. } = self;
        let core = &worker.cell.core;
        core.set_runner(cx.waker());
        let due = || stashed_in.is_some_and(|word| !same_state(word, core.word()));
        // What changes from here on wakes the actor again.
        if !is_quiet(core.word()) || due() || worker.cell.mailbox.poll_take(worker.inbox).is_ready()
        {
            return Poll::Ready(());
        }
        worker.turns.as_deref_mut().map_or(Poll::Pending, |turns| turns.poll_due(cx))
    }

    /// Ready when there is anything else than messages that can be worked on at once.
    #[inline]
    fn work_on(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        let Messages { worker, actor, ctx, .. } = self;
        let core = &worker.cell.core;
        core.set_runner(cx.waker());
        loop {
            // What changes from here on wakes the actor again.
            if !is_quiet(core.word()) {
                return Poll::Ready(());
            }
            if worker.inbox.is_empty() && worker.cell.mailbox.poll_take(worker.inbox).is_pending() {
                return Poll::Pending;
            }
            match worker.work_now(actor, ctx) {
                Now::Done => {}
                Now::Left => return Poll::Ready(()),
                Now::Yield => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Waits until the state word is another one.
async fn await_control(core: &Core, seen: u32) {
    poll_fn(|cx| match core.watch(cx.waker(), |word| !same_for_watchers(word, seen)) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// What comes next.
pub(crate) enum Attended {
    GoOn,
    Leave(Left),
    /// Messages of the system.
    Hear,
    /// Triggers with hooks.
    Fire,
    /// The stop begins; what was accepted is worked off.
    Drain,
    /// Nothing, until the word is another one.
    Pause(u32),
}
