//! Actors with hooks on every transition, the children of one that restarts them
//! as a group: hooks that fail, hang and panic, conditions that do not hold.

use std::sync::Arc;
use std::time::Duration;

use jumpstarter::{Context, Options, System, Transition, actor};
use tokio::time::sleep;

use crate::ledger::{Token, World};
use crate::node::go;
use crate::plan::Act;

pub(crate) struct Hooked {
    world: Arc<World>,
}

pub(crate) struct Poke {
    token: Token,
    act: Act,
}

impl Poke {
    pub(crate) fn new(world: &Arc<World>, act: Act) -> Self {
        Poke { token: Token::new(world), act }
    }

    /// It came back, as the actor has stopped.
    pub(crate) fn refused(mut self) {
        self.token.account(|counts| counts.closed += 1);
    }
}

/// Has the children h0, h1 and h2.
struct Family {
    world: Arc<World>,
}

pub(crate) fn start(world: &Arc<World>, system: &System) {
    let options = Options::default().strategy(world.plan.hooked.siblings);
    let own = Arc::clone(world);
    drop(system.spawn("family", options, move || Family { world: Arc::clone(&own) }));
}

#[actor]
impl Family {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let plan = &self.world.plan.hooked;
        let options = Options::default()
            .restart(plan.policy)
            .intensity(plan.restarts, Duration::from_secs(1))
            .unbounded();
        for name in ["h0", "h1", "h2"] {
            let own = Arc::clone(&self.world);
            let make = move || Hooked { world: Arc::clone(&own) };
            self.world.settle_hooked(ctx.spawn_child(name, options.clone(), make));
        }
    }
}

#[actor]
impl Hooked {
    #[condition(pause, resume, report_warning, report_problem, recover)]
    fn may(&mut self) -> bool {
        self.world.next_condition()
    }

    #[before]
    async fn before(&mut self, _e: &Transition<'_>) -> Result<(), &'static str> {
        go(self.world.next_hook()).await
    }

    #[on_enter(started.{paused, running})]
    async fn enter(&mut self, e: &Transition<'_>) -> Result<(), &'static str> {
        assert!(e.to.is_in("started"), "{e:?}");
        go(self.world.next_hook()).await
    }

    #[on_exit(started)]
    async fn exit(&mut self, e: &Transition<'_>) -> Result<(), &'static str> {
        assert!(e.from.is_in("started"), "{e:?}");
        go(self.world.next_hook()).await
    }

    #[finalize]
    fn finalize(&mut self) {
        self.world.count(|counts| counts.transitions += 1);
    }

    #[handler]
    async fn poke(&mut self, m: Poke, ctx: &mut Context<Self>) {
        let Poke { mut token, act } = m;
        token.account(|counts| counts.begun += 1);
        match act {
            Act::Sleep(n) => sleep(Duration::from_millis(u64::from(n))).await,
            Act::Fate(fate) => drop(go(fate).await),
            Act::ReportError => ctx.report_error("as planned"),
            Act::ReportWarning => drop(ctx.report_warning()),
            Act::ReportProblem => drop(ctx.report_problem()),
            Act::Recover => drop(ctx.recover()),
            Act::StopSelf => ctx.stop_self(),
            Act::RestartSelf => ctx.restart_self(),
            _ => {}
        }
        self.world.count(|counts| counts.done += 1);
    }
}
