//! Xtra.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use xtra::prelude::*;

use crate::framework::Framework;

pub struct Xtra;

#[derive(xtra::Actor)]
pub struct Counter(u64);
struct Add(u64);
struct Get;

impl Handler<Add> for Counter {
    type Return = ();

    async fn handle(&mut self, message: Add, _: &mut Context<Self>) {
        self.0 += message.0;
    }
}

impl Handler<Get> for Counter {
    type Return = u64;

    async fn handle(&mut self, _: Get, _: &mut Context<Self>) -> u64 {
        self.0
    }
}

impl Framework for Xtra {
    type Counter = (Address<Counter>, JoinHandle<()>);

    async fn spawn() -> Result<Self::Counter> {
        let (address, mailbox) = Mailbox::unbounded();
        Ok((address, tokio::spawn(xtra::run(mailbox, Counter(0)))))
    }

    async fn tell((counter, _): &Self::Counter, more: u64) -> Result<()> {
        // The second future is the receiver, which is not awaited.
        let _receiver = counter.send(Add(more)).detach().await?;
        Ok(())
    }

    async fn ask((counter, _): &Self::Counter) -> Result<u64> {
        Ok(counter.send(Get).await?)
    }

    async fn stop((counter, task): Self::Counter) -> Result<()> {
        drop(counter);
        Ok(task.await?)
    }

    async fn ring(nodes: u64, hops: u64) -> Result<Duration> {
        let (done, finished) = oneshot::channel();
        let spawn = |next| xtra::spawn_tokio(Node { next, done: None }, Mailbox::unbounded());
        let first = spawn(None);
        let mut next = first.clone();
        for _ in 1..nodes {
            next = spawn(Some(next));
        }
        first.send(Link { next, done }).await?;
        let begun = Instant::now();
        let _receiver = first.send(Hop(hops)).detach().await?;
        finished.await?;
        Ok(begun.elapsed())
    }

    async fn skynet(leaves: u64) -> Result<u64> {
        let (done, sum) = oneshot::channel();
        Sky::spawn(Above::Outside(done), 0, leaves);
        sum.await.context("no sum")
    }
}

#[derive(xtra::Actor)]
struct Node {
    next: Option<Address<Node>>,
    done: Option<oneshot::Sender<()>>,
}

struct Link {
    next: Address<Node>,
    done: oneshot::Sender<()>,
}

struct Hop(u64);

impl Handler<Link> for Node {
    type Return = ();

    async fn handle(&mut self, link: Link, _: &mut Context<Self>) {
        self.next = Some(link.next);
        self.done = Some(link.done);
    }
}

impl Handler<Hop> for Node {
    type Return = ();

    async fn handle(&mut self, hop: Hop, _: &mut Context<Self>) {
        if hop.0 == 0 {
            if let Some(done) = self.done.take() {
                let _ = done.send(());
            }
        } else if let Some(next) = &self.next {
            let _ = next.send(Hop(hop.0 - 1)).detach().await;
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
    fn spawn(above: Above, from: u64, leaves: u64) {
        let sky = Sky { above: Some(above), from, leaves, sum: 0, missing: 10 };
        let (address, mailbox) = Mailbox::unbounded();
        // Ended by itself; until then its own address keeps it.
        let own = address.clone();
        tokio::spawn(async move {
            xtra::run(mailbox, sky).await;
            drop(own);
        });
    }

    async fn give(&mut self, sum: u64) {
        match self.above.take() {
            Some(Above::Outside(done)) => drop(done.send(sum)),
            Some(Above::Parent(parent)) => drop(parent.send(Part(sum)).detach().await),
            None => {}
        }
    }
}

impl xtra::Actor for Sky {
    type Stop = ();

    async fn started(&mut self, mailbox: &Mailbox<Self>) -> Result<(), ()> {
        if self.leaves == 1 {
            self.give(self.from).await;
            return Err(());
        }
        let leaves = self.leaves / 10;
        let own = mailbox.address().try_upgrade().ok_or(())?;
        for n in 0..10 {
            Sky::spawn(Above::Parent(own.clone()), self.from + n * leaves, leaves);
        }
        Ok(())
    }

    async fn stopped(self) {}
}

impl Handler<Part> for Sky {
    type Return = ();

    async fn handle(&mut self, part: Part, ctx: &mut Context<Self>) {
        self.sum += part.0;
        self.missing -= 1;
        if self.missing == 0 {
            self.give(self.sum).await;
            ctx.stop_self();
        }
    }
}
