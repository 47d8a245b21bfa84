//! Kameo.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use kameo::error::Infallible;
use kameo::prelude::*;
use kameo::supervision::RestartPolicy;
use tokio::sync::oneshot;

use crate::framework::{Failure, Framework};

pub struct Kameo;

#[derive(kameo::Actor)]
pub struct Counter(u64);
struct Add(u64);
struct Get;

impl Message<Add> for Counter {
    type Reply = ();

    async fn handle(&mut self, message: Add, _: &mut Context<Self, ()>) {
        self.0 += message.0;
    }
}

impl Message<Get> for Counter {
    type Reply = u64;

    async fn handle(&mut self, _: Get, _: &mut Context<Self, u64>) -> u64 {
        self.0
    }
}

impl Framework for Kameo {
    type Counter = ActorRef<Counter>;

    async fn spawn() -> Result<ActorRef<Counter>> {
        Ok(Counter::spawn_with_mailbox(Counter(0), mailbox::unbounded()))
    }

    async fn tell(counter: &ActorRef<Counter>, more: u64) -> Result<()> {
        counter.tell(Add(more)).await.map_err(|_| anyhow!("closed"))
    }

    async fn ask(counter: &ActorRef<Counter>) -> Result<u64> {
        counter.ask(Get).await.map_err(|_| anyhow!("no reply"))
    }

    async fn stop(counter: ActorRef<Counter>) -> Result<()> {
        counter.stop_gracefully().await.map_err(|_| anyhow!("closed"))?;
        counter.wait_for_shutdown().await;
        Ok(())
    }

    async fn ring(nodes: u64, hops: u64) -> Result<Duration> {
        let (done, finished) = oneshot::channel();
        let spawn =
            |next| Node::spawn_with_mailbox(Node { next, done: None }, mailbox::unbounded());
        let first = spawn(None);
        let mut next = first.clone();
        for _ in 1..nodes {
            next = spawn(Some(next));
        }
        first.ask(Link { next, done }).await.map_err(|_| anyhow!("no reply"))?;
        let begun = Instant::now();
        first.tell(Hop(hops)).await.map_err(|_| anyhow!("closed"))?;
        finished.await?;
        Ok(begun.elapsed())
    }

    async fn skynet(leaves: u64) -> Result<u64> {
        let (done, sum) = oneshot::channel();
        Sky::spawn_with_mailbox((Above::Outside(done), 0, leaves), mailbox::unbounded());
        Ok(sum.await?)
    }

    async fn restart(how: Failure, times: u64) -> Result<Duration> {
        let (done, finished) = oneshot::channel();
        let plan =
            Arc::new(Plan { how, left: AtomicU64::new(times), done: Mutex::new(Some(done)) });
        let supervisor = Supervisor::spawn(Supervisor);
        let begun = Instant::now();
        let _worker = Worker::supervise(&supervisor, plan)
            .restart_policy(RestartPolicy::Permanent)
            .restart_limit(u32::MAX, Duration::from_secs(30))
            .spawn_with_mailbox(mailbox::unbounded())
            .await;
        finished.await?;
        Ok(begun.elapsed())
    }
}

#[derive(kameo::Actor)]
struct Node {
    next: Option<ActorRef<Node>>,
    done: Option<oneshot::Sender<()>>,
}

struct Link {
    next: ActorRef<Node>,
    done: oneshot::Sender<()>,
}

struct Hop(u64);

impl Message<Link> for Node {
    type Reply = ();

    async fn handle(&mut self, link: Link, _: &mut Context<Self, ()>) {
        self.next = Some(link.next);
        self.done = Some(link.done);
    }
}

impl Message<Hop> for Node {
    type Reply = ();

    async fn handle(&mut self, hop: Hop, _: &mut Context<Self, ()>) {
        if hop.0 == 0 {
            if let Some(done) = self.done.take() {
                let _ = done.send(());
            }
        } else if let Some(next) = &self.next {
            let _ = next.tell(Hop(hop.0 - 1)).await;
        }
    }
}

enum Above {
    Outside(oneshot::Sender<u64>),
    Parent(ActorRef<Sky>),
}

struct Sky {
    above: Option<Above>,
    sum: u64,
    missing: u32,
}

struct Part(u64);

impl Sky {
    async fn give(&mut self, sum: u64, own: &ActorRef<Self>) {
        match self.above.take() {
            Some(Above::Outside(done)) => drop(done.send(sum)),
            Some(Above::Parent(parent)) => drop(parent.tell(Part(sum)).await),
            None => {}
        }
        let _ = own.stop_gracefully().await;
    }
}

impl Actor for Sky {
    type Args = (Above, u64, u64);
    type Error = Infallible;

    async fn on_start(
        (above, from, leaves): Self::Args,
        own: ActorRef<Self>,
    ) -> Result<Self, Infallible> {
        let mut sky = Sky { above: Some(above), sum: 0, missing: 10 };
        if leaves == 1 {
            sky.give(from, &own).await;
            return Ok(sky);
        }
        let leaves = leaves / 10;
        for n in 0..10 {
            let arguments = (Above::Parent(own.clone()), from + n * leaves, leaves);
            Sky::spawn_with_mailbox(arguments, mailbox::unbounded());
        }
        Ok(sky)
    }
}

impl Message<Part> for Sky {
    type Reply = ();

    async fn handle(&mut self, part: Part, ctx: &mut Context<Self, ()>) {
        self.sum += part.0;
        self.missing -= 1;
        if self.missing == 0 {
            self.give(self.sum, ctx.actor_ref()).await;
        }
    }
}

#[derive(kameo::Actor)]
struct Supervisor;

struct Plan {
    how: Failure,
    left: AtomicU64,
    done: Mutex<Option<oneshot::Sender<()>>>,
}

struct Worker;
struct Crash(Failure);

/// Each incarnation sends itself the message that it crashes of: of many that
/// are queued, some get lost in the restarts.
impl Actor for Worker {
    type Args = Arc<Plan>;
    type Error = Infallible;

    async fn on_start(plan: Arc<Plan>, own: ActorRef<Self>) -> Result<Self, Infallible> {
        if plan.left.fetch_sub(1, Ordering::Relaxed) > 0 {
            let _ = own.tell(Crash(plan.how)).await;
        } else if let Some(done) = plan.done.lock().ok().and_then(|mut done| done.take()) {
            let _ = done.send(());
        }
        Ok(Worker)
    }
}

impl Message<Crash> for Worker {
    type Reply = Result<(), String>;

    async fn handle(&mut self, crash: Crash, _: &mut Context<Self, Self::Reply>) -> Self::Reply {
        match crash.0 {
            Failure::Error => Err("on purpose".to_owned()),
            Failure::Panic => panic!("on purpose"),
        }
    }
}
