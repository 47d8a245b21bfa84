//! Actix. Its actors belong to one thread, and so does everything here.

use std::future::Future;
use std::time::{Duration, Instant};

use actix::prelude::*;
use anyhow::{Result, bail};
use tokio::sync::oneshot;

use crate::framework::{Failure, Framework};

pub struct Actix;

#[derive(Default)]
pub struct Counter {
    sum: u64,
    stopped: Option<oneshot::Sender<()>>,
}

impl Actor for Counter {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(stopped) = self.stopped.take() {
            let _ = stopped.send(());
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Add(u64);

#[derive(Message)]
#[rtype(result = "u64")]
struct Get;

#[derive(Message)]
#[rtype(result = "()")]
struct Stop(oneshot::Sender<()>);

impl Handler<Add> for Counter {
    type Result = ();

    fn handle(&mut self, message: Add, _: &mut Self::Context) {
        self.sum += message.0;
    }
}

impl Handler<Get> for Counter {
    type Result = u64;

    fn handle(&mut self, _: Get, _: &mut Self::Context) -> u64 {
        self.sum
    }
}

impl Handler<Stop> for Counter {
    type Result = ();

    fn handle(&mut self, message: Stop, ctx: &mut Self::Context) {
        self.stopped = Some(message.0);
        ctx.stop();
    }
}

impl Framework for Actix {
    type Counter = Addr<Counter>;

    fn run<T, C>(case: C) -> Result<T>
    where
        T: Send + 'static,
        C: Future<Output = Result<T>> + Send + 'static,
    {
        System::new().block_on(case)
    }

    async fn spawn() -> Result<Addr<Counter>> {
        Ok(Counter::default().start())
    }

    async fn tell(counter: &Addr<Counter>, more: u64) -> Result<()> {
        counter.do_send(Add(more));
        Ok(())
    }

    async fn ask(counter: &Addr<Counter>) -> Result<u64> {
        Ok(counter.send(Get).await?)
    }

    async fn stop(counter: Addr<Counter>) -> Result<()> {
        let (stopped, end) = oneshot::channel();
        counter.do_send(Stop(stopped));
        Ok(end.await?)
    }

    async fn ring(nodes: u64, hops: u64) -> Result<Duration> {
        let (done, finished) = oneshot::channel();
        let first = Node { next: None, done: None }.start();
        let mut next = first.clone();
        for _ in 1..nodes {
            next = Node { next: Some(next), done: None }.start();
        }
        first.send(Link { next, done }).await?;
        let begun = Instant::now();
        first.do_send(Hop(hops));
        finished.await?;
        Ok(begun.elapsed())
    }

    async fn skynet(leaves: u64) -> Result<u64> {
        let (done, sum) = oneshot::channel();
        Sky::new(Above::Outside(done), 0, leaves).start();
        Ok(sum.await?)
    }

    async fn restart(how: Failure, times: u64) -> Result<Duration> {
        if how == Failure::Panic {
            bail!("a panic ends the thread of all actors");
        }
        let worker = actix::Supervisor::start(|_| Worker { restarts: 0 });
        let begun = Instant::now();
        for n in 1..=times {
            worker.do_send(Crash);
            if n % 256 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let restarts = worker.send(Get).await?;
        anyhow::ensure!(restarts == times, "{restarts} restarts");
        Ok(begun.elapsed())
    }
}

struct Node {
    next: Option<Addr<Node>>,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Node {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Link {
    next: Addr<Node>,
    done: oneshot::Sender<()>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Hop(u64);

impl Handler<Link> for Node {
    type Result = ();

    fn handle(&mut self, link: Link, _: &mut Self::Context) {
        self.next = Some(link.next);
        self.done = Some(link.done);
    }
}

impl Handler<Hop> for Node {
    type Result = ();

    fn handle(&mut self, hop: Hop, _: &mut Self::Context) {
        if hop.0 == 0 {
            if let Some(done) = self.done.take() {
                let _ = done.send(());
            }
        } else if let Some(next) = &self.next {
            next.do_send(Hop(hop.0 - 1));
        }
    }
}

enum Above {
    Outside(oneshot::Sender<u64>),
    Parent(Addr<Sky>),
}

struct Sky {
    above: Option<Above>,
    from: u64,
    leaves: u64,
    sum: u64,
    missing: u32,
}

impl Sky {
    fn new(above: Above, from: u64, leaves: u64) -> Self {
        Sky { above: Some(above), from, leaves, sum: 0, missing: 10 }
    }

    fn give(&mut self, sum: u64, ctx: &mut Context<Self>) {
        match self.above.take() {
            Some(Above::Outside(done)) => drop(done.send(sum)),
            Some(Above::Parent(parent)) => parent.do_send(Part(sum)),
            None => {}
        }
        ctx.stop();
    }
}

impl Actor for Sky {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.leaves == 1 {
            return self.give(self.from, ctx);
        }
        let leaves = self.leaves / 10;
        for n in 0..10 {
            Sky::new(Above::Parent(ctx.address()), self.from + n * leaves, leaves).start();
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Part(u64);

impl Handler<Part> for Sky {
    type Result = ();

    fn handle(&mut self, part: Part, ctx: &mut Self::Context) {
        self.sum += part.0;
        self.missing -= 1;
        if self.missing == 0 {
            self.give(self.sum, ctx);
        }
    }
}

struct Worker {
    restarts: u64,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

impl Supervised for Worker {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.restarts += 1;
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Crash;

impl Handler<Crash> for Worker {
    type Result = ();

    fn handle(&mut self, _: Crash, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Get> for Worker {
    type Result = u64;

    fn handle(&mut self, _: Get, _: &mut Self::Context) -> u64 {
        self.restarts
    }
}
