//! Async runs: polled once where they are, and given a task of their own only
//! if they do not end at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use celeriac_core::BoxFuture;
use celeriac_core::platform::{Finished, Run, RunResult};
use futures_util::FutureExt;
use jumpstarter::Context;
use tokio::time::Instant;
use tracing::Instrument;

use crate::context::{Cancelled, RunContext, Scope};
use crate::definition::{AsyncBody, TimeLimits};
use crate::limits::overran;
use crate::panics::Panics;
use crate::sweep;
use crate::task_actor::{Running, TaskActor, ended};

/// Tasks whose first poll takes longer get a tokio task each, so that they can
/// run on all cores.
const QUICK: Duration = Duration::from_micros(20);
/// How many polls are measured together.
const SAMPLE: u32 = 16;
/// How many slow polls in a row make a task slow; one alone may only have
/// shared its core with somebody.
const CONVINCED: u32 = 3;
/// After how many runs a slow task is tried in place again.
const PROBATION: u32 = 256;

/// Measures how long first polls take.
#[derive(Debug)]
pub(crate) struct Pace {
    since: Instant,
    polls: u32,
    sample: u32,
    slow_polls: u32,
    slow_for: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { since: Instant::now(), polls: 0, sample: 1, slow_polls: 0, slow_for: 0 }
    }
}

impl Pace {
    /// A row of polls begins.
    pub(crate) fn begin(&mut self) {
        if self.slow_for == 0 {
            self.since = Instant::now();
            self.polls = 0;
        }
    }

    fn is_quick(&mut self) -> bool {
        self.slow_for = self.slow_for.saturating_sub(1);
        self.slow_for == 0
    }

    fn polled(&mut self) {
        self.polls += 1;
        if self.polls < self.sample {
            return;
        }
        let now = Instant::now();
        if now.duration_since(self.since) > QUICK * self.polls {
            self.sample = 1;
            self.slow_polls += u32::from(self.polls == 1);
            if self.slow_polls >= CONVINCED {
                self.slow_for = PROBATION;
                self.slow_polls = 0;
            }
        } else {
            self.slow_polls = 0;
            self.sample = (self.sample * 2).min(SAMPLE);
        }
        (self.since, self.polls) = (now, 0);
    }
}

impl TaskActor {
    pub(crate) fn start_async(&mut self, body: &Arc<AsyncBody>, run: Run, ctx: &Context<Self>) {
        let Run { key, message } = run;
        let span = tracing::info_span!("task", task = %message.name, id = %message.id);
        let (context, scope) = RunContext::new(message.clone(), self.shared.states.clone());
        let mut future = match catch_unwind(AssertUnwindSafe(|| sweep::start(body, context))) {
            Ok(future) => future,
            Err(payload) => {
                let result = self.shared.panics.caught(payload);
                return self.finished.push(Finished { key, result });
            }
        };
        if self.pace.is_quick() {
            let polled = span.in_scope(|| poll_once(&mut future, &self.shared.panics));
            self.pace.polled();
            if let Poll::Ready(result) = polled {
                return self.finished.push(Finished { key, result });
            }
        }
        let limits = self.definition.limits.of(&message);
        let (panics, address) = (self.shared.panics.clone(), ctx.address());
        self.running.insert(key, Running::new(scope.clone(), message));
        let counted = Counted::new(self.shared.running.clone());
        let goes_on = async move {
            let end = to_its_end(future, scope, limits, panics.clone());
            // A future that is ended may also panic when it is dropped.
            let end = AssertUnwindSafe(end).catch_unwind().await;
            let result = end.unwrap_or_else(|payload| panics.caught(payload));
            drop(counted);
            ended(&address, key, result);
        };
        ctx.spawn(goes_on.instrument(span));
    }
}

/// Polls for the first time. The waker does nothing: a future that is not
/// ready is polled again at once by the task that it is moved to.
fn poll_once(future: &mut BoxFuture<'static, RunResult>, panics: &Panics) -> Poll<RunResult> {
    let mut context = std::task::Context::from_waker(Waker::noop());
    let polled = catch_unwind(AssertUnwindSafe(|| future.poll_unpin(&mut context)));
    polled.unwrap_or_else(|payload| Poll::Ready(panics.caught(payload)))
}

/// Runs to the end, to the hard limit, or until it is ended from outside.
async fn to_its_end(
    future: BoxFuture<'static, RunResult>,
    scope: Arc<Scope>,
    limits: TimeLimits,
    panics: Panics,
) -> RunResult {
    let caught = AssertUnwindSafe(future).catch_unwind();
    let run = async { caught.await.unwrap_or_else(|payload| panics.caught(payload)) };
    if limits.is_none() {
        return tokio::select! {
            biased;
            result = run => result,
            () = scope.ended() => RunResult::Released,
        };
    }
    let soft_limit = async {
        if let Some(soft) = limits.soft {
            tokio::time::sleep(soft).await;
            scope.cancel(Cancelled::SoftLimit);
        }
        std::future::pending::<()>().await;
    };
    let hard_limit = async {
        match limits.hard {
            Some(hard) => {
                tokio::time::sleep(hard).await;
                hard
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = run => result,
        () = scope.ended() => RunResult::Released,
        () = soft_limit => RunResult::Released,
        hard = hard_limit => overran(hard),
    }
}

/// Counts a run as under way, as long as it lives.
pub(crate) struct Counted(Arc<std::sync::atomic::AtomicU64>);

impl Counted {
    pub(crate) fn new(counter: Arc<std::sync::atomic::AtomicU64>) -> Self {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}
