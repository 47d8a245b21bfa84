//! The life of one actor, from its first start to its end: incarnations, and
//! what supervision decides between them.
//!
//! One future per actor; a restart happens in place.

mod begin;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::actor::Actor;
use crate::cell::{AnyCell, Cell, dead_letter};
use crate::context::Context;
use crate::core::{
    CRASHING, Core, ENDING_FOR_GOOD, FIRE, HOLD, KILL, ONCE_STARTED, RESTART, STOP_SELF,
};
use crate::error::{BoxError, Cause, Crash};
use crate::event::{DeadLetterReason, Event};
use crate::guard::{Broken, Guarded, ending, ending_or_crashed, unless};
use crate::hooks::{drop_requests, enter_crashed, start_steps};
use crate::lifecycle::State;
use crate::lifecycle::restart::{State as RestartRegion, Trigger as RestartTrigger};
use crate::lifecycle::task::State as TaskState;
use crate::options::Manner;
use crate::route::{self, Route};
use crate::span::ActorSpan;
use crate::starting::Starting;
use crate::supervision::{ChildFailed, Ending, History, Verdict};
use crate::urgent::SystemMessage;
use crate::work::{Left, Worker};
use crate::{
    blocking, bring_up, busy, dependents, publish, strategy, supervision, turns, watch, wind_down,
};

pub(crate) struct Runner<A: Actor, F> {
    own: Own<A, F>,
    now: Incarnation<A>,
}

/// One value of the actor, and what it is given.
struct Incarnation<A: Actor> {
    actor: Option<A>,
    ctx: Context<A>,
    span: ActorSpan,
    /// The start was made, or failed, in the nursery.
    begun: bool,
}

/// What outlives an incarnation, and is lent to it.
struct Own<A: Actor, F> {
    factory: F,
    manner: Manner,
    /// Taken from the mailbox, not yet worked on; outlives a restart.
    inbox: VecDeque<A::Message>,
    /// Made at the first crash.
    history: Option<Box<History>>,
}

/// How an incarnation came to its end.
enum End {
    Left(Left),
    Crashed(Crash),
    Killed,
}

impl<A, F> Runner<A, F>
where
    A: Actor,
    F: FnMut() -> Result<A, BoxError> + Send + 'static,
{
    pub(crate) fn new(cell: Arc<Cell<A>>, factory: F, manner: Manner) -> Self {
        let own = Own { factory, manner, inbox: VecDeque::new(), history: None };
        let ctx = Context::new(cell);
        let now = Incarnation { actor: None, ctx, span: ActorSpan::default(), begun: false };
        Runner { own, now }
    }

    fn cell(&self) -> &Arc<Cell<A>> {
        self.now.ctx.cell()
    }

    /// Whether the start awaits nothing.
    pub(crate) fn starts_at_once(manner: &Manner) -> bool {
        !A::AWAITS_START && Own::<A, F>::has_no_steps(manner)
    }

    /// The whole life. In a box: the future is small, as the runtime moves it three times
    /// and aligns it to 128 bytes, and no type has a task of its own.
    pub(crate) fn live(mut self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            loop {
                let end = self.incarnation().await;
                if !self.goes_on(end).await {
                    return;
                }
            }
        })
    }

    /// Waits for the restart if there is one; otherwise this was the end.
    async fn goes_on(&mut self, end: End) -> bool {
        let killed = matches!(end, End::Killed);
        let crash = match &end {
            End::Crashed(crash) => Some(crash.clone()),
            _ => None,
        };
        let by_policy = !matches!(end, End::Left(Left::Restart));
        match self.judge(end) {
            Verdict::Restart { after } if self.prepare_restart(after, by_policy).await => true,
            _ => {
                self.finish(crash, killed);
                false
            }
        }
    }

    /// One value of the actor, from its factory to its drop.
    #[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
    fn incarnation(&mut self) -> impl Future<Output = End> + Send + use<'_, A, F> {
        async move {
            let Runner { own, now } = self;
            if !now.begun {
                now.span = ActorSpan::of(now.ctx.core());
            }
            let cell = &Arc::clone(now.ctx.cell());
            let Incarnation { actor, ctx, span, begun } = now;
            let life = own.life(cell, actor, ctx, *begun);
            let end = match Guarded::new(&cell.core, span, life).await {
                Ok(Ok(Left::Crashed)) => End::Crashed(cell.core.last_crash()),
                Ok(Ok(left)) => End::Left(left),
                Ok(Err(crash)) => End::Crashed(crash),
                Err(Broken::Killed) => End::Killed,
                Err(Broken::Panicked(crash)) => End::Crashed(crash),
            };
            if let End::Crashed(crash) = &end {
                cell.core.crash(crash.clone());
                if A::HOOKS {
                    let entered = Box::pin(enter_crashed(actor.as_mut(), ctx, span, crash));
                    if entered.await.is_some() {
                        cell.core.raise(KILL);
                    }
                }
                tracing::error!(path = %cell.core.path, error = %crash, "actor crashed");
                cell.core.system.bus().publish(|| Event::Crashed {
                    path: cell.core.path.to_string(),
                    crash: crash.clone(),
                });
            }
            if matches!(end, End::Left(Left::Restart)) {
                let _ = cell.core.move_restart(RestartTrigger::Restart);
            }
            ctx.unstash(&mut own.inbox);
            // Also after a panic in the middle of a batch.
            busy::note_in_hand(&cell.core, own.inbox.len());
            let mut late = None;
            if !wind_down::is_done_at_once(ctx, end.how()) {
                let grace = own.manner.grace();
                let wind_down = wind_down::wind_down(actor, ctx, span, grace, end.how());
                late = Box::pin(wind_down).await;
            }
            if A::HOOKS {
                late = Box::pin(crashed_late(actor, ctx, span, late, &end)).await;
                drop_requests(&cell.core);
            }
            now.end();
            match late {
                Some(Broken::Killed) => End::Killed,
                Some(Broken::Panicked(crash)) => End::Crashed(crash),
                None => end,
            }
        }
    }

    fn judge(&mut self, end: End) -> Verdict {
        let Runner { own, now } = self;
        let core = now.ctx.core();
        let word = core.word();
        let ending = match end {
            _ if word & ENDING_FOR_GOOD != 0 => return Verdict::End,
            End::Killed | End::Left(Left::Requested | Left::Crashed | Left::Lend { .. }) => {
                Ending::Requested
            }
            End::Left(Left::OfItself) => Ending::OfItself,
            End::Left(Left::Restart) => Ending::RestartAsked,
            End::Crashed(crash) => Ending::Crashed(crash),
        };
        let once_started = word & ONCE_STARTED != 0;
        let crashed = matches!(ending, Ending::Crashed(_));
        let mut nothing = History::default();
        let history = match ending {
            Ending::Crashed(_) => own.history.get_or_insert_default(),
            _ => &mut nothing,
        };
        let verdict = history.decide(&own.manner.rules(), ending, once_started, Instant::now);
        if crashed && matches!(verdict, Verdict::Restart { .. }) {
            history.exceeded = supervision::count_restart(core, Instant::now).err();
            if history.exceeded.is_some() {
                return Verdict::End;
            }
        }
        verdict
    }

    /// Waits out the backoff, or for its turn in the restart of its group, which
    /// it asks for if it is restarted by its policy. `false`: the actor was
    /// stopped meanwhile.
    async fn prepare_restart(&mut self, after: Duration, by_policy: bool) -> bool {
        let core = &self.cell().core;
        if core.restart_region() != RestartRegion::Stopping {
            let _ = core.move_restart(RestartTrigger::Restart);
        }
        let alone = !(by_policy && strategy::request(core, after));
        if alone && !after.is_zero() {
            let waited = Box::pin(unless(core, ending, tokio::time::sleep(after))).await;
            if waited.is_none() && core.word() & ENDING_FOR_GOOD != 0 {
                return false;
            }
        }
        if core.word() & HOLD != 0 && !Box::pin(strategy::wait_for_turn(core)).await {
            return false;
        }
        core.lower(RESTART | STOP_SELF | FIRE | CRASHING);
        core.forget_failures();
        let restarts = core.with_cold(|cold| {
            cold.crash = None;
            cold.restarts = cold.restarts.wrapping_add(1);
            cold.restarts
        });
        let _ = core.move_restart(RestartTrigger::Stop);
        tracing::info!(path = %core.path, restarts, "actor restarts");
        core.system.bus().publish(|| Event::Restarted { path: core.path.to_string(), restarts });
        true
    }

    /// The end for good.
    fn finish(&mut self, crash: Option<Crash>, killed: bool) {
        let Runner { own, now } = self;
        let core = now.ctx.core();
        now.ctx.cell().mailbox.close_and_take(&mut own.inbox);
        while let Some(message) = own.inbox.pop_front() {
            dead_letter(core, A::message_name(&message), DeadLetterReason::LeftOver);
            wind_down::drop_quietly(message);
        }
        busy::note_in_hand(core, 0);
        let core = &self.cell().core;
        // Before and after the end: one may be spawned in between.
        core.system.keep_orphans(core);
        core.system.forget(core);
        match crash {
            Some(crash) => {
                self.escalate(&crash);
                core.with_cold(|cold| cold.crash = Some(crash));
            }
            None => {
                core.peek_cold(|cold| cold.crash = None);
            }
        }
        if killed {
            core.run_down();
        }
        if matches!(core.restart_region(), RestartRegion::Stopping | RestartRegion::Starting) {
            let _ = core.move_restart(RestartTrigger::GiveUp);
        }
        if A::HOOKS {
            drop_requests(core);
        }
        core.end();
        if core.has_cold() {
            core.system.keep_orphans(core);
            self.cell().bury_urgent();
            publish::end_all(core);
            watch::announce(core);
            let own = Arc::clone(self.cell()) as Arc<dyn AnyCell>;
            dependents::follow(&own);
        }
    }

    /// Tells the parent; without one, the event stream has to do.
    fn escalate(&self, crash: &Crash) {
        let core = &self.cell().core;
        let history =
            self.own.history.as_ref().map(|history| history.crashes()).unwrap_or_default();
        let mut told_parent = false;
        if let Some(parent) = core.parent() {
            let failure = ChildFailed {
                path: core.path.to_string(),
                type_name: core.type_name(),
                crash: crash.clone(),
                restarts: core.restarts(),
                policy: self.own.manner.rules().policy,
                history: history.clone(),
                children_intensity: self.own.history.as_ref().and_then(|history| history.exceeded),
                was_stopped: core.word() & ENDING_FOR_GOOD != 0,
            };
            // A parent that has ended has heard of its own end.
            let message = SystemMessage::ChildFailed(failure);
            told_parent = parent.core().push_system(message).is_ok();
        }
        tracing::error!(path = %core.path, crashes = history.len(), "actor gave up");
        core.system.bus().publish(|| Event::GaveUp {
            path: core.path.to_string(),
            history,
            told_parent,
        });
    }
}

impl<A, F> Own<A, F>
where
    A: Actor,
    F: FnMut() -> Result<A, BoxError> + Send + 'static,
{
    /// Start and work. One block, as in [`Worker::work`].
    #[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
    fn life<'a>(
        &'a mut self,
        cell: &'a Arc<Cell<A>>,
        slot: &'a mut Option<A>,
        ctx: &'a mut Context<A>,
        begun: bool,
    ) -> impl Future<Output = Result<Left, Crash>> + Send + use<'a, A, F> {
        async move {
            if begun {
                // What became of the start is seen next.
            } else if Runner::<A, F>::starts_at_once(&self.manner) {
                self.start_at_once(slot, ctx)?;
            } else {
                // In a box: the room would be kept as long as the actor lives.
                let start = Starting::new(&cell.core, self.start(cell, slot, ctx));
                if let Some(left) = Box::pin(start).await? {
                    return Ok(left);
                }
            }
            let policy = self.manner.rules().policy;
            let mut worker = Worker::new(cell, &mut self.inbox, self.manner.batch(), policy);
            loop {
                let Some(actor) = slot.as_mut() else {
                    return Ok(Left::interrupted(&cell.core));
                };
                let left = worker.work(actor, ctx).await;
                let Left::Lend { position, task } = left else { return Ok(left) };
                let grace = self.manner.grace();
                let lending = blocking::lend(slot, cell, task, grace);
                let began = Instant::now();
                match Box::pin(lending).await {
                    Some(Ok(flow)) => worker.record_lent(position, began, flow),
                    Some(Err(crash)) => {
                        turns::set_state(&cell.core, task, TaskState::Crashed);
                        return Err(crash);
                    }
                    None => {}
                }
            }
        }
    }

    /// Whether nothing is to be seen to on the way up but the value itself.
    fn has_no_steps(manner: &Manner) -> bool {
        !A::HOOKS && !Self::needs(manner) && A::TASKS.is_empty()
    }

    fn needs(manner: &Manner) -> bool {
        A::NEEDS || !manner.depends_on().is_empty()
    }

    fn start_at_once(&mut self, slot: &mut Option<A>, ctx: &mut Context<A>) -> Result<(), Crash> {
        let failed = |error: BoxError| Crash::new(Cause::Start, error);
        let actor = slot.insert((self.factory)().map_err(failed)?);
        // Refused only if it crashed meanwhile, which is seen next.
        if A::GREETS {
            let _ = ctx.core().pass(first_steps(ctx.core().state(), true));
            actor.greet(ctx).map_err(failed)?;
            let _ = ctx.core().pass(route::RUN);
        } else {
            let _ = ctx.core().pass(whole_start(ctx.core().state()));
        }
        has_started(ctx.core());
        Ok(())
    }

    /// The start; gives why it was left, if it was.
    #[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
    fn start<'a>(
        &'a mut self,
        cell: &'a Arc<Cell<A>>,
        slot: &'a mut Option<A>,
        ctx: &'a mut Context<A>,
    ) -> impl Future<Output = Result<Option<Left>, Crash>> + Send + use<'a, A, F> {
        async move {
            let core = &cell.core;
            let failed = |error: BoxError| Crash::new(Cause::Start, error);
            *slot = Some((self.factory)().map_err(failed)?);
            let (needs, at_once) = (Self::needs(&self.manner), Self::has_no_steps(&self.manner));
            let first = first_steps(core.state(), at_once);
            if let Some(hooks) = start_steps(slot.as_mut(), ctx, first) {
                hooks.await?;
            }
            if needs {
                let needs = bring_up::bring_up(slot, ctx, cell, self.manner.depends_on());
                match Box::pin(unless(core, ending_or_crashed, needs)).await {
                    Some(brought) => brought?,
                    None => return Ok(Some(Left::interrupted(core))),
                }
            } else if !at_once && let Some(hooks) = start_steps(slot.as_mut(), ctx, route::NO_NEEDS)
            {
                hooks.await?;
            }
            let Some(actor) = slot.as_mut() else {
                return Err(failed("the actor did not come back from the pool".into()));
            };
            if !at_once {
                bring_up::start_tasks(cell);
                if let Some(hooks) = start_steps(Some(&mut *actor), ctx, route::TASKS) {
                    hooks.await?;
                }
            }
            actor.greet(ctx).map_err(failed)?;
            actor.on_started(ctx).await.map_err(failed)?;
            if let Some(hooks) = start_steps(Some(&mut *actor), ctx, route::RUN) {
                hooks.await?;
            }
            has_started(core);
            Ok(None)
        }
    }
}

/// The start is complete; a restart is, if it was one.
fn has_started(core: &Core) {
    if core.restart_region() == RestartRegion::Starting {
        let _ = core.move_restart(RestartTrigger::Start);
    }
}

/// All steps of a start that waits for nothing.
fn whole_start(state: State) -> &'static Route {
    match state {
        State::Initializing => route::START_AND_RUN,
        State::Crashed => route::START_AND_RUN_AGAIN,
        _ => route::START_AND_RUN_ANEW,
    }
}

/// The steps of the start that wait for nothing: all but the last one (`all`), or
/// those before the dependencies.
fn first_steps(state: State, all: bool) -> &'static Route {
    match (state, all) {
        (State::Initializing, true) => route::START,
        (State::Initializing, false) => route::BEGIN,
        (State::Crashed, true) => route::START_AGAIN,
        (State::Crashed, false) => route::BEGIN_AGAIN,
        (_, true) => route::START_ANEW,
        (_, false) => route::BEGIN_ANEW,
    }
}

/// An error or a panic while an actor with hooks was wound down: it enters
/// `crashed` after all.
async fn crashed_late<A: Actor>(
    actor: &mut Option<A>,
    ctx: &mut Context<A>,
    span: &ActorSpan,
    late: Option<Broken>,
    end: &End,
) -> Option<Broken> {
    let crash = match late {
        Some(Broken::Panicked(crash)) => crash,
        None if ctx.core().word() & CRASHING != 0 && !matches!(end, End::Crashed(_)) => {
            ctx.core().last_crash()
        }
        other => return other,
    };
    let killed = enter_crashed(actor.as_mut(), ctx, span, &crash).await;
    killed.or(Some(Broken::Panicked(crash)))
}

impl<A: Actor> Incarnation<A> {
    /// Drops all but what the next one can use.
    fn end(&mut self) {
        self.begun = false;
        wind_down::drop_quietly((self.actor.take(), self.ctx.renew()));
        self.span = ActorSpan::default();
    }
}

impl End {
    fn how(&self) -> wind_down::How {
        match self {
            End::Left(_) => wind_down::How::Orderly,
            End::Crashed(_) => wind_down::How::AfterCrash,
            End::Killed => wind_down::How::AtOnce,
        }
    }
}
