//! Checks: one actor for each, which looks again and again, and tells what it
//! found to the board, to the check's own circuit and to those of the tasks
//! that it guards.
//!
//! A check that breaks (an error, a panic, no answer in time, a state that it
//! does not declare) is logged and changes nothing.

mod shared;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::health::{Board, Check, CheckReport, Finding, HealthStatus, Scope};
use celeriac_core::{Error, ErrorKind, Name, Store, Timestamp};
use futures_util::FutureExt as _;
use jumpstarter::{Address, Context, Flow, System, actor};

use crate::fuse::Fuse;
use crate::router::{Observed, Router};
use crate::service::{Service, tireless};
use shared::{Shared, Turn};

/// A finding counts for so many periods of its check.
const PERIODS: u32 = 3;

/// A check by its name, and how it is made, for an actor that crashed too.
#[derive(Clone)]
pub struct CheckOf {
    /// Its name.
    pub name: String,
    /// How it looks; without it, it is told what others find.
    pub make: Option<Arc<dyn Fn() -> Box<dyn Check> + Send + Sync>>,
    /// How often.
    pub every: Duration,
    /// How long it may take.
    pub timeout: Duration,
    /// For whom its findings hold.
    pub scope: Scope,
    /// The states that it declares, and how well each is.
    pub states: BTreeMap<String, HealthStatus>,
    /// The tasks whose circuits open by its findings.
    pub guards: Vec<Name>,
    /// Its own circuit.
    pub fuse: Fuse,
}

/// What somebody else found.
struct Told(Finding);

/// Running checks.
#[derive(Clone, Default)]
pub struct Checks {
    running: Vec<(String, Address<Checker>)>,
}

impl Checks {
    /// Starts checks beside a router. What they find shows on the board.
    #[must_use]
    pub fn start(
        system: &System,
        store: &Arc<dyn Store>,
        service: &Service,
        all: Vec<CheckOf>,
    ) -> Self {
        let (board, router) = (service.board(), service.router());
        let spawn = |check: CheckOf| {
            let name = check.name.clone();
            let shared = Shared::new(&name, check.every, store.clone());
            let (board, router) = (board.clone(), router.clone());
            let path = format!("check.{}", name.replace('/', "_"));
            let checker = system.spawn(&path, tireless(), move || {
                Checker::new(check.clone(), shared.clone(), board.clone(), router.clone())
            });
            (name, checker)
        };
        Self { running: all.into_iter().map(spawn).collect() }
    }

    /// Tells a check what somebody else found.
    pub fn tell(&self, name: &str, finding: Finding) {
        if let Some((_, checker)) = self.running.iter().find(|(known, _)| known == name) {
            // One that has stopped, or is told too much at once, needs no more.
            let _ = checker.try_tell(Told(finding));
        }
    }

    /// Stops them.
    pub async fn stop(&self) {
        for (_, checker) in &self.running {
            checker.stop().await;
        }
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.running.iter().map(|(name, _)| name)).finish()
    }
}

struct Checker {
    of: CheckOf,
    check: Option<Box<dyn Check>>,
    shared: Shared,
    board: Board,
    router: Address<Router>,
}

#[actor]
impl Checker {
    fn new(of: CheckOf, shared: Shared, board: Board, router: Address<Router>) -> Self {
        let check = of.make.as_ref().map(|make| make());
        let checker = Self { of, check, shared, board, router };
        if checker.board.check(&checker.of.name).is_none() {
            checker.board.show_check(checker.unknown());
        }
        checker
    }

    /// Looks, and waits for the next time.
    #[task]
    async fn look(&mut self, ctx: &mut Context<Self>) -> Flow {
        match self.turn().await {
            Ok(Some((finding, at))) => self.found(ctx, finding, at),
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::Closed => return Flow::Success,
            Err(error) => self.is_broken(&error.to_string()),
        }
        Flow::Retry { after: self.of.every }
    }

    /// Somebody else may look now.
    #[stopped]
    async fn give_up(&mut self) {
        if self.of.scope == Scope::Global {
            // Where that fails, the turn ends by itself.
            let _ = self.shared.turn_ends(Timestamp::now()).await;
        }
    }

    #[handler]
    async fn told(&mut self, Told(finding): Told, ctx: &mut Context<Self>) {
        let at = Timestamp::now();
        if self.of.scope == Scope::Global
            && let Err(error) = self.shared.keep(&finding, at).await
        {
            return self.is_broken(&error.to_string());
        }
        self.found(ctx, finding, at);
    }

    /// What there is to know now, and when it was found: by this worker, or, of
    /// a check whose findings hold for all, by the one whose turn it is.
    async fn turn(&mut self) -> Result<Option<(Finding, Timestamp)>> {
        let (now, timeout) = (Timestamp::now(), self.of.timeout);
        let is_ours = match (self.of.scope, &self.check) {
            (Scope::Local, Some(_)) => true,
            (Scope::Local, None) => return Ok(None),
            (Scope::Global, Some(_)) => self.shared.turn(now).await? == Turn::Ours,
            (Scope::Global, None) => false,
        };
        let Some(check) = self.check.as_mut().filter(|_| is_ours) else {
            return self.shared.read().await;
        };
        let finding = looked(&mut **check, timeout).await?;
        let at = Timestamp::now();
        if self.of.scope == Scope::Global {
            self.shared.keep(&finding, at).await?;
        }
        Ok(Some((finding, at)))
    }

    /// Tells what was found to all whom it concerns.
    fn found(&mut self, ctx: &mut Context<Self>, mut finding: Finding, at: Timestamp) {
        let of = &self.of;
        if let Some(state) = &finding.state {
            let Some(status) = of.states.get(state) else {
                return self.is_broken(&format!(
                    "it found the state `{state}`, which it does not declare"
                ));
            };
            finding.status = *status;
        }
        let before = self.board.check(&of.name).unwrap_or_else(|| self.unknown());
        // The same finding of another worker. Another one may come in the same
        // millisecond.
        if before.at == Some(at) && before.finding.as_ref() == Some(&finding) {
            return;
        }
        let status = finding.status;
        let same = before.finding.as_ref().is_some_and(|before| before.status == status);
        if !same {
            self.status_changed(ctx, &finding);
        }
        let why = format!("check {}: {}", of.name, finding.note);
        of.fuse.observed(at, status, &why);
        if !of.guards.is_empty() {
            // A router that has stopped runs no tasks.
            let _ = self.router.try_tell(Observed(of.guards.clone(), status, why));
        }
        self.board.show_check(CheckReport {
            finding: Some(finding),
            at: Some(at),
            expires_at: Some(at.after(of.every.saturating_mul(PERIODS))),
            since: before.since.filter(|_| same).or(Some(at)),
            broken: None,
            ..before
        });
    }

    /// Says it in the log, and in the actor's state.
    fn status_changed(&self, ctx: &Context<Self>, Finding { status, state, note }: &Finding) {
        let check = &self.of.name;
        let state = state.as_deref();
        // Refused where it is so already.
        let _ = match status {
            HealthStatus::Healthy => {
                tracing::info!(check, state, note, "found well");
                ctx.recover()
            }
            HealthStatus::Degraded => {
                tracing::warn!(check, state, note, "found degraded");
                ctx.report_warning()
            }
            HealthStatus::Unhealthy
            | HealthStatus::Insecure
            | HealthStatus::PermanentlyUnavailable => {
                tracing::warn!(check, state, note, %status, "found not well");
                ctx.report_problem()
            }
        };
    }

    /// The check itself does not work: what was found before stays, until it is
    /// out of date.
    fn is_broken(&self, why: &str) {
        let check = &self.of.name;
        tracing::warn!(check, why, "the check is broken, and ignored");
        let known = self.board.check(check).unwrap_or_else(|| self.unknown());
        self.board.show_check(CheckReport { broken: Some(why.to_owned()), ..known });
    }

    fn unknown(&self) -> CheckReport {
        CheckReport {
            name: self.of.name.clone(),
            scope: self.of.scope,
            finding: None,
            at: None,
            expires_at: None,
            since: None,
            broken: None,
        }
    }
}

/// Looks once. A check that panics or takes too long could not look.
async fn looked(check: &mut dyn Check, timeout: Duration) -> Result<Finding> {
    let broken = |kind, context: String| Err(Error::new(kind, "look", context));
    let look = async { check.check().await };
    match tokio::time::timeout(timeout, AssertUnwindSafe(look).catch_unwind()).await {
        Ok(Ok(found)) => found,
        Ok(Err(_panic)) => broken(ErrorKind::Internal, "the check panicked".to_owned()),
        Err(_) => broken(ErrorKind::Timeout, format!("it did not answer in {timeout:?}")),
    }
}

impl fmt::Debug for CheckOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckOf").field("name", &self.name).finish_non_exhaustive()
    }
}
