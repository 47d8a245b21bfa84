//! The actor of the properties: it does what its plan says.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use jumpstarter::{
    Address, BoxError, Context, Flow, Options, Reply, System, TaskContext, TryTellError, actor,
};
use tokio::time::sleep;

use crate::ledger::{Lease, Token, UnderWay, World};
use crate::plan::{Act, End, Fate, Start, Turn};

pub(crate) struct Node {
    world: Arc<World>,
    place: usize,
    start: Start,
    end: End,
    kept: Vec<Reply<u64>>,
}

pub(crate) struct Do {
    pub(crate) token: Token,
    pub(crate) act: Act,
}

pub(crate) struct Attempt {
    pub(crate) token: Token,
}

/// A resource that only costs a closure on the pool.
struct Cache;

impl Do {
    pub(crate) fn new(world: &Arc<World>, act: Act) -> Self {
        Do { token: Token::new(world), act }
    }
}

/// Panics without the noise of the panic hook.
fn fall() -> ! {
    resume_unwind(Box::new("as planned"))
}

fn millis(n: u8) -> Duration {
    Duration::from_millis(u64::from(n))
}

pub(crate) async fn go(fate: Fate) -> Result<(), &'static str> {
    match fate {
        Fate::Well => {}
        Fate::Slowly(n) => sleep(millis(n)).await,
        Fate::Error => return Err("as planned"),
        Fate::Panic => fall(),
        Fate::Never => pending().await,
    }
    Ok(())
}

/// Starts the actor of that place, which may be a child.
pub(crate) fn start(
    world: &Arc<World>,
    place: usize,
    spawn: impl FnOnce(String, Options, Box<dyn FnMut() -> Node + Send>) -> Address<Node>,
) {
    let plan = &world.plan.nodes[place];
    let mut options = Options::default()
        .restart(plan.policy)
        .intensity(plan.restarts, Duration::from_secs(1))
        .grace(Duration::from_millis(40))
        .strategy(plan.siblings)
        .batch(plan.batch);
    options = match plan.mailbox {
        0 => options.unbounded(),
        capacity => options.mailbox(capacity),
    };
    if plan.dedicated_thread {
        options = options.dedicated_thread();
    }
    let mut needs = Vec::new();
    for number in plan.depends_on.iter().filter(|_| place > 0) {
        if let Some(dependency) = world.node(usize::from(*number) % place) {
            options = options.depends_on(&dependency);
            needs.push(dependency.path().to_owned());
        }
    }
    let own = Arc::clone(world);
    let factory = Box::new(move || {
        let (start, end) = (own.next_start(place), own.next_end(place));
        if start.factory_panics {
            fall();
        }
        Node { world: Arc::clone(&own), place, start, end, kept: Vec::new() }
    });
    let address = spawn(format!("n{place}"), options, factory);
    if parent_of(world, place).is_none() {
        world.note_needs(address.path(), needs);
    }
    world.settle(place, address);
}

/// Starts those that have no parent.
pub(crate) fn start_roots(world: &Arc<World>, system: &System) {
    for place in 0..world.plan.nodes.len() {
        if parent_of(world, place).is_none() {
            start(world, place, |name, options, factory| system.spawn(&name, options, factory));
        }
    }
}

fn parent_of(world: &World, place: usize) -> Option<usize> {
    let number = world.plan.nodes[place].parent?;
    (place > 0).then(|| usize::from(number) % place)
}

#[actor]
impl Node {
    #[resource(timeout = "100ms")]
    async fn lease(&self) -> Result<Lease, &'static str> {
        if matches!(self.start.lease, Fate::Slowly(n) if n % 2 == 0) {
            // Held already while it takes its time.
            let lease = Lease::new(&self.world);
            go(self.start.lease).await?;
            return Ok(lease);
        }
        go(self.start.lease).await?;
        Ok(Lease::new(&self.world))
    }

    #[resource(optional)]
    fn cache(&self) -> Result<Cache, &'static str> {
        match self.start.cache {
            Fate::Error => Err("as planned"),
            Fate::Panic => fall(),
            Fate::Well | Fate::Slowly(_) | Fate::Never => Ok(Cache),
        }
    }

    #[release(lease)]
    async fn give_back(&mut self, lease: Lease) {
        let mut lease = lease;
        lease.release();
        // A release cannot say that it failed.
        let _ = go(self.end.release).await;
    }

    #[started]
    async fn begin(&mut self, ctx: &mut Context<Self>) -> Result<(), &'static str> {
        for place in self.place + 1..self.world.plan.nodes.len() {
            if parent_of(&self.world, place) == Some(self.place) {
                start(&self.world, place, |name, options, factory| {
                    ctx.spawn_child(&name, options, factory)
                });
            }
        }
        go(self.start.hook).await
    }

    #[stopped]
    async fn goodbye(&mut self) -> Result<(), &'static str> {
        go(self.end.goodbye).await
    }

    #[task(retries = 2, backoff = "5ms")]
    async fn pull(&mut self) -> Result<Flow, BoxError> {
        let turn = self.world.next_turn(self.place);
        if let Some(Turn::Continue(n)) = turn {
            sleep(millis(n)).await;
        }
        let idle = Flow::Retry { after: Duration::from_secs(3600) };
        turn.map_or(Ok(idle), take_turn)
    }

    #[task(every = "50ms", jitter = "10ms")]
    fn audit(&mut self) -> Result<Flow, BoxError> {
        self.world.next_turn(self.place).map_or(Ok(Flow::Continue), take_turn)
    }

    #[task(concurrent, every = "30ms", retries = 1, backoff = "5ms")]
    async fn beside(ctx: TaskContext<Self>) -> Result<Flow, BoxError> {
        // Seldom, as the listener must not fall behind.
        if ctx.address().snapshot().processed % 4 == 1 {
            let _ = ctx.report_warning();
            sleep(millis(3)).await;
            let _ = ctx.recover();
            return Ok(Flow::Retry { after: millis(200) });
        }
        sleep(millis(3)).await;
        Ok(Flow::Continue)
    }

    #[handler]
    async fn act(&mut self, m: Do, ctx: &mut Context<Self>, reply: Reply<u64>) {
        let mut token = m.token;
        token.account(|counts| counts.begun += 1);
        let unanswered = self.carry_out(m.act, ctx, reply).await;
        if let Some(reply) = unanswered {
            reply.send(7);
        }
        self.world.count(|counts| counts.done += 1);
    }

    #[handler(crash_on_error)]
    async fn attempt(&mut self, m: Attempt) -> Result<u64, &'static str> {
        let mut token = m.token;
        token.account(|counts| counts.begun += 1);
        self.world.count(|counts| counts.done += 1);
        Err("as planned")
    }

    /// Gives the reply back if it is still to be sent.
    async fn carry_out(
        &mut self,
        act: Act,
        ctx: &mut Context<Self>,
        reply: Reply<u64>,
    ) -> Option<Reply<u64>> {
        match act {
            Act::Answer => {}
            Act::Sleep(n) => sleep(millis(n)).await,
            Act::Fate(fate) => drop(go(fate).await),
            Act::ReportError => ctx.report_error("as planned"),
            Act::ReportWarning => drop(ctx.report_warning()),
            Act::ReportProblem => drop(ctx.report_problem()),
            Act::Recover => drop(ctx.recover()),
            Act::StopSelf => ctx.stop_self(),
            Act::RestartSelf => ctx.restart_self(),
            Act::SpawnSleep(n) => drop(ctx.spawn(sleep(millis(n)))),
            Act::SpawnPanic => drop(ctx.spawn(async { fall() })),
            Act::SpawnForever => drop(ctx.spawn(pending())),
            Act::KeepReply => {
                self.kept.push(reply);
                return None;
            }
            Act::AnswerKept => self.kept.drain(..).for_each(|kept| kept.send(9)),
            Act::Forward(number) => return self.forward(number, reply).await,
            Act::Tell(number) | Act::TryTell(number) | Act::Ask(number) => {
                self.send(act, number).await;
            }
            Act::Schedule(n) => {
                self.world.count(|counts| counts.uncertain += 1);
                let message = Do::new(&self.world, Act::Answer);
                drop(ctx.schedule(millis(n), message));
            }
            Act::Blocking => assert!(ctx.blocking(|| 1).await.is_ok()),
            Act::BlockingPanic => assert!(ctx.blocking(|| fall()).await.is_err()),
            Act::CrashOnError => {
                let message = Attempt { token: Token::new(&self.world) };
                send_attempt(&ctx.address(), message);
            }
        }
        Some(reply)
    }

    async fn forward(&self, number: u8, reply: Reply<u64>) -> Option<Reply<u64>> {
        let Some(other) = self.world.named(number) else { return Some(reply) };
        let under_way = UnderWay::new(&self.world);
        let message = Do::new(&self.world, Act::Answer);
        if let Err(mut back) = other.forward(message, reply).await {
            back.0.token.account(|counts| counts.closed += 1);
        }
        under_way.end();
        None
    }

    async fn send(&self, act: Act, number: u8) {
        let Some(other) = self.world.named(number) else { return };
        let message = Do::new(&self.world, Act::Answer);
        let under_way = UnderWay::new(&self.world);
        match act {
            Act::Tell(_) => crate::script::tell(&other, message).await,
            Act::TryTell(_) => crate::script::try_tell(&other, message),
            _ => crate::script::ask_timeout(&self.world, &other, message, millis(20)).await,
        }
        under_way.end();
    }
}

fn take_turn(turn: Turn) -> Result<Flow, BoxError> {
    match turn {
        Turn::Continue(_) => Ok(Flow::Continue),
        Turn::Success => Ok(Flow::Success),
        Turn::Failure => Err("as planned".into()),
        Turn::Retry(n) => Ok(Flow::Retry { after: millis(n) }),
        Turn::Panic => fall(),
    }
}

fn send_attempt(to: &Address<Node>, message: Attempt) {
    match to.try_tell(message) {
        Ok(()) => {}
        Err(TryTellError::Closed(mut back)) => back.token.account(|counts| counts.closed += 1),
        Err(TryTellError::Full(mut back)) => back.token.account(|counts| counts.full += 1),
    }
}
