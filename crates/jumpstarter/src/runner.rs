//! The life of one actor, from its first start to its end: incarnations, and
//! what supervision decides between them.
//!
//! One future per actor; a restart happens in place.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::actor::Actor;
use crate::cell::{AnyCell, Cell, dead_letter};
use crate::context::Context;
use crate::core::{ENDING_FOR_GOOD, FINISHED, HOLD, ONCE_STARTED, RESTART, STOP_SELF};
use crate::error::{BoxError, Cause, Crash};
use crate::event::{DeadLetterReason, Event};
use crate::guard::{Broken, Guarded, ending, ending_or_crashed, unless};
use crate::lifecycle::{State, Trigger};
use crate::options::Options;
use crate::restart::RestartRegion;
use crate::span::ActorSpan;
use crate::supervision::{ChildFailed, Ending, History, Verdict};
use crate::task::TaskState;
use crate::urgent::SystemMessage;
use crate::work::{Left, Worker};
use crate::{blocking, bring_up, dependents, publish, strategy, turns, watch, wind_down};

pub(crate) struct Runner<A: Actor, F> {
    cell: Arc<Cell<A>>,
    factory: F,
    options: Options,
    /// Taken from the mailbox, not yet worked on; outlives a restart.
    inbox: VecDeque<A::Message>,
    history: History,
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
    pub(crate) fn new(cell: Arc<Cell<A>>, factory: F, options: Options) -> Self {
        Runner { cell, factory, options, inbox: VecDeque::new(), history: History::default() }
    }

    /// The whole life. A future of this alone, with the runner beside it, is half
    /// as large as one that takes the runner in.
    pub(crate) async fn live(&mut self) {
        loop {
            let end = self.incarnation().await;
            let killed = matches!(end, End::Killed);
            let crash = match &end {
                End::Crashed(crash) => Some(crash.clone()),
                _ => None,
            };
            let by_policy = !matches!(end, End::Left(Left::Restart));
            match self.judge(end) {
                Verdict::Restart { after } if self.prepare_restart(after, by_policy).await => {}
                _ => return self.finish(crash, killed),
            }
        }
    }

    /// One value of the actor, from its factory to its drop.
    async fn incarnation(&mut self) -> End {
        let cell = Arc::clone(&self.cell);
        let mut actor = None;
        let mut ctx = Context::new(Arc::clone(&cell));
        let span = ActorSpan::of(&cell.core);
        let life = self.life(&mut actor, &mut ctx);
        let end = match Guarded::new(&cell.core, &span, life).await {
            Ok(Ok(Left::Crashed)) => End::Crashed(cell.core.last_crash()),
            Ok(Ok(left)) => End::Left(left),
            Ok(Err(crash)) => End::Crashed(crash),
            Err(Broken::Killed) => End::Killed,
            Err(Broken::Panicked(crash)) => End::Crashed(crash),
        };
        if let End::Crashed(crash) = &end {
            cell.core.crash(crash.clone());
            tracing::error!(path = %cell.core.path, error = %crash, "actor crashed");
            cell.core.system.bus().publish(|| Event::Crashed {
                path: cell.core.path.to_string(),
                crash: crash.clone(),
            });
        }
        let grace = self.options.grace;
        let late = wind_down::wind_down(&mut actor, &mut ctx, &span, grace, end.how()).await;
        wind_down::drop_quietly((actor, ctx));
        match late {
            Some(Broken::Killed) => End::Killed,
            Some(Broken::Panicked(crash)) => End::Crashed(crash),
            None => end,
        }
    }

    /// Start and work.
    async fn life(&mut self, slot: &mut Option<A>, ctx: &mut Context<A>) -> Result<Left, Crash> {
        let core = &self.cell.core;
        let failed = |error: BoxError| Crash::new(Cause::Start, error);
        let _ = core.apply(Trigger::Start);
        *slot = Some((self.factory)().map_err(failed)?);
        if A::NEEDS || !self.options.depends_on.is_empty() {
            let needs = bring_up::bring_up(slot, ctx, &self.cell, &self.options.depends_on);
            match Box::pin(unless(core, ending_or_crashed, needs)).await {
                Some(brought) => brought.map_err(failed)?,
                None => return Ok(Left::interrupted(core)),
            }
        } else {
            let _ = core.apply_all(&[Trigger::DependenciesStart, Trigger::ResourcesAcquire]);
        }
        let Some(actor) = slot.as_mut() else {
            return Err(failed("the actor did not come back from the pool".into()));
        };
        bring_up::start_tasks(&self.cell);
        let _ = core.apply(Trigger::TasksStart);
        actor.on_started(ctx).await.map_err(failed)?;
        let _ = core.apply(Trigger::Run);
        if core.restart_region() != RestartRegion::Ignore {
            core.set_restart_region(RestartRegion::Restarted);
        }
        let policy = self.options.rules().policy;
        let mut worker = Worker::new(&self.cell, &mut self.inbox, self.options.batch, policy);
        let mut left = worker.work(actor, ctx).await;
        while let Left::Lend { position, task } = left {
            let began = Instant::now();
            let lending = blocking::lend(slot, &self.cell, task, self.options.grace);
            match Box::pin(lending).await {
                Some(Ok(flow)) => worker.record_lent(position, began, flow),
                Some(Err(crash)) => {
                    turns::set_state(core, task, TaskState::Crashed);
                    return Err(crash);
                }
                None => {}
            }
            let Some(actor) = slot.as_mut() else {
                return Ok(Left::interrupted(core));
            };
            left = worker.work(actor, ctx).await;
        }
        Ok(left)
    }

    fn judge(&mut self, end: End) -> Verdict {
        let core = &self.cell.core;
        let word = core.word();
        let ending = match end {
            _ if word & ENDING_FOR_GOOD != 0 => Ending::Requested,
            End::Killed | End::Left(Left::Requested | Left::Crashed | Left::Lend { .. }) => {
                Ending::Requested
            }
            End::Left(Left::OfItself) => Ending::OfItself,
            End::Left(Left::Restart) => Ending::RestartAsked,
            End::Crashed(crash) => Ending::Crashed(crash),
        };
        let once_started = word & ONCE_STARTED != 0;
        self.history.decide(&self.options.rules(), ending, once_started, Instant::now())
    }

    /// Waits out the backoff, or for its turn in the restart of its group, which
    /// it asks for if it is restarted by its policy. `false`: the actor was
    /// stopped meanwhile.
    async fn prepare_restart(&mut self, after: Duration, by_policy: bool) -> bool {
        let core = &self.cell.core;
        core.set_restart_region(RestartRegion::Stopping);
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
        core.lower(RESTART | STOP_SELF);
        core.forget_failures();
        let restarts = core.restarts.fetch_add(1, Ordering::Relaxed) + 1;
        core.with_cold(|cold| {
            cold.crash = None;
            cold.restart = RestartRegion::Starting;
        });
        tracing::info!(path = %core.path, restarts, "actor restarts");
        core.system.bus().publish(|| Event::Restarted { path: core.path.to_string(), restarts });
        true
    }

    /// The end for good.
    fn finish(&mut self, crash: Option<Crash>, killed: bool) {
        let core = &self.cell.core;
        self.cell.mailbox.close();
        self.cell.mailbox.take_now(&mut self.inbox);
        for message in self.inbox.drain(..) {
            dead_letter(core, A::message_name(&message), DeadLetterReason::LeftOver);
            wind_down::drop_quietly(message);
        }
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
            core.force(State::Stopped);
        }
        core.raise(FINISHED);
        self.cell.bury_urgent();
        publish::end_all(core);
        watch::announce(core);
        let own = Arc::clone(&self.cell) as Arc<dyn AnyCell>;
        dependents::follow(&own);
    }

    /// Tells the parent; without one, the event stream has to do.
    fn escalate(&self, crash: &Crash) {
        let core = &self.cell.core;
        let parent = core.parent.as_ref().and_then(|parent| parent.upgrade());
        let told_parent = parent.is_some();
        let history = self.history.crashes();
        if let Some(parent) = parent {
            let failure = ChildFailed {
                path: core.path.to_string(),
                type_name: core.type_name,
                crash: crash.clone(),
                restarts: core.restarts.load(Ordering::Relaxed),
                policy: self.options.rules().policy,
                history: history.clone(),
                was_stopped: core.word() & ENDING_FOR_GOOD != 0,
            };
            // A parent that has ended has heard of its own end.
            let _ = parent.core().push_system(SystemMessage::ChildFailed(failure));
        }
        tracing::error!(path = %core.path, crashes = history.len(), "actor gave up");
        core.system.bus().publish(|| Event::GaveUp {
            path: core.path.to_string(),
            history,
            told_parent,
        });
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
