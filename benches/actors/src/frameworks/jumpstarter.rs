//! Jumpstarter, as anyone would use it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use jumpstarter::{Address, Backoff, Context, Options, System, actor};
use tokio::sync::oneshot;

use crate::framework::{Failure, Framework};

pub struct Jumpstarter;

/// The one of this process.
fn system() -> &'static System {
    static SYSTEM: OnceLock<System> = OnceLock::new();
    SYSTEM.get_or_init(|| System::new("bench"))
}

pub struct Counter(u64);
struct Add(u64);
struct Get;

#[actor]
impl Counter {
    #[handler]
    fn add(&mut self, message: Add) {
        self.0 += message.0;
    }

    #[handler]
    fn get(&mut self, _message: Get) -> u64 {
        self.0
    }
}

impl Framework for Jumpstarter {
    type Counter = Address<Counter>;

    async fn spawn() -> Result<Address<Counter>> {
        Ok(system().spawn("counter", Options::default().unbounded(), || Counter(0)))
    }

    async fn tell(counter: &Address<Counter>, more: u64) -> Result<()> {
        Ok(counter.tell(Add(more)).await?)
    }

    async fn ask(counter: &Address<Counter>) -> Result<u64> {
        Ok(counter.ask(Get).await?)
    }

    async fn stop(counter: Address<Counter>) -> Result<()> {
        counter.stop().await;
        Ok(())
    }

    async fn ring(nodes: u64, hops: u64) -> Result<Duration> {
        let (done, finished) = oneshot::channel();
        let options = Options::default().unbounded();
        let spawn = || system().spawn("node", options.clone(), || Node { next: None, done: None });
        let first = spawn();
        let mut next = first.clone();
        for _ in 1..nodes {
            let node = spawn();
            node.tell(Link { next, done: None }).await?;
            next = node;
        }
        first.ask(Link { next, done: Some(done) }).await?;
        let begun = Instant::now();
        first.tell(Hop(hops)).await?;
        finished.await?;
        Ok(begun.elapsed())
    }

    async fn skynet(leaves: u64) -> Result<u64> {
        let (done, sum) = oneshot::channel();
        let mut above = Some(Above::Outside(done));
        let options = Options::default().unbounded();
        system().spawn("skynet", options, move || Sky::new(above.take(), 0, leaves));
        Ok(sum.await?)
    }

    async fn restart(how: Failure, times: u64) -> Result<Duration> {
        let options = Options::default()
            .unbounded()
            .intensity(u32::MAX, Duration::from_secs(30))
            .backoff(Backoff { first: Duration::ZERO, max: Duration::ZERO });
        let worker = system().spawn("worker", options, || Worker);
        worker.started().await?;
        let begun = Instant::now();
        for n in 1..=times {
            worker.tell(Crash(how)).await?;
            if n % 256 == 0 {
                tokio::task::yield_now().await;
            }
        }
        worker.ask(Get).await?;
        let elapsed = begun.elapsed();
        let restarts = worker.snapshot().restarts;
        ensure!(u64::from(restarts) == times, "{restarts} restarts");
        Ok(elapsed)
    }
}

struct Node {
    next: Option<Address<Node>>,
    done: Option<oneshot::Sender<()>>,
}

struct Link {
    next: Address<Node>,
    done: Option<oneshot::Sender<()>>,
}

struct Hop(u64);

#[actor]
impl Node {
    #[handler]
    fn link(&mut self, link: Link) {
        self.next = Some(link.next);
        self.done = link.done;
    }

    #[handler]
    fn hop(&mut self, hop: Hop) {
        if hop.0 == 0 {
            if let Some(done) = self.done.take() {
                let _ = done.send(());
            }
        } else if let Some(next) = &self.next {
            let _ = next.try_tell(Hop(hop.0 - 1));
        }
    }
}

enum Above {
    Outside(oneshot::Sender<u64>),
    Parent(Address<Sky>),
}

struct Sky {
    above: Option<Above>,
    from: u64,
    leaves: u64,
    sum: u64,
    missing: u32,
}

struct Part(u64);

impl Sky {
    fn new(above: Option<Above>, from: u64, leaves: u64) -> Self {
        Sky { above, from, leaves, sum: 0, missing: 10 }
    }

    fn give(&mut self, sum: u64, ctx: &Context<Self>) {
        match self.above.take() {
            Some(Above::Outside(done)) => drop(done.send(sum)),
            Some(Above::Parent(parent)) => drop(parent.try_tell(Part(sum))),
            None => {}
        }
        ctx.stop_self();
    }
}

#[actor]
impl Sky {
    #[started]
    fn begin(&mut self, ctx: &mut Context<Self>) {
        if self.leaves == 1 {
            return self.give(self.from, ctx);
        }
        let leaves = self.leaves / 10;
        for n in 0..10 {
            let from = self.from + n * leaves;
            let mut above = Some(Above::Parent(ctx.address()));
            let options = Options::default().unbounded();
            ctx.spawn_child("sky", options, move || Sky::new(above.take(), from, leaves));
        }
    }

    #[handler]
    fn part(&mut self, part: Part, ctx: &mut Context<Self>) {
        self.sum += part.0;
        self.missing -= 1;
        if self.missing == 0 {
            self.give(self.sum, ctx);
        }
    }
}

struct Worker;
struct Crash(Failure);

#[actor]
impl Worker {
    #[handler(crash_on_error)]
    fn crash(&mut self, crash: Crash) -> Result<(), String> {
        match crash.0 {
            Failure::Error => Err("on purpose".to_owned()),
            Failure::Panic => panic!("on purpose"),
        }
    }

    #[handler]
    fn get(&mut self, _get: Get) {}
}
