//! The yardstick: actors by hand, of an unbounded tokio channel and a task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

use crate::framework::{Failure, Framework};

pub struct Channel;

pub struct Counter {
    tx: UnboundedSender<Message>,
    task: JoinHandle<()>,
}

enum Message {
    Add(u64),
    Get(oneshot::Sender<u64>),
}

async fn count(mut rx: UnboundedReceiver<Message>) {
    let mut sum = 0;
    while let Some(message) = rx.recv().await {
        match message {
            Message::Add(more) => sum += more,
            Message::Get(reply) => drop(reply.send(sum)),
        }
    }
}

impl Framework for Channel {
    type Counter = Counter;

    async fn spawn() -> Result<Counter> {
        let (tx, rx) = unbounded_channel();
        Ok(Counter { tx, task: tokio::spawn(count(rx)) })
    }

    async fn tell(counter: &Counter, more: u64) -> Result<()> {
        counter.tx.send(Message::Add(more)).map_err(|_| anyhow!("closed"))
    }

    async fn ask(counter: &Counter) -> Result<u64> {
        let (reply, answer) = oneshot::channel();
        counter.tx.send(Message::Get(reply)).map_err(|_| anyhow!("closed"))?;
        Ok(answer.await?)
    }

    async fn stop(counter: Counter) -> Result<()> {
        drop(counter.tx);
        Ok(counter.task.await?)
    }

    async fn ring(nodes: u64, hops: u64) -> Result<Duration> {
        let (done, finished) = oneshot::channel();
        let mut done = Some(done);
        let (first, first_rx) = unbounded_channel();
        let mut next = first.clone();
        for _ in 1..nodes {
            let (tx, rx) = unbounded_channel();
            tokio::spawn(node(rx, next, None));
            next = tx;
        }
        tokio::spawn(node(first_rx, next, done.take()));
        let begun = Instant::now();
        first.send(hops)?;
        finished.await?;
        Ok(begun.elapsed())
    }

    async fn skynet(leaves: u64) -> Result<u64> {
        let (tx, mut rx) = unbounded_channel();
        spawn_sky(tx, 0, leaves);
        rx.recv().await.context("no sum")
    }

    async fn restart(how: Failure, times: u64) -> Result<Duration> {
        let (tx, rx) = unbounded_channel();
        tokio::spawn(supervise(Arc::new(Mutex::new(rx))));
        let begun = Instant::now();
        for n in 1..=times {
            tx.send(Order::Crash(how)).map_err(|_| anyhow!("closed"))?;
            if n % 256 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let (reply, answer) = oneshot::channel();
        tx.send(Order::Get(reply)).map_err(|_| anyhow!("closed"))?;
        answer.await?;
        Ok(begun.elapsed())
    }
}

/// The token that counts down to 0 ends at the first node, as the number of nodes
/// divides that of the hops.
async fn node(
    mut rx: UnboundedReceiver<u64>,
    next: UnboundedSender<u64>,
    mut done: Option<oneshot::Sender<()>>,
) {
    while let Some(left) = rx.recv().await {
        if left > 0 {
            let _ = next.send(left - 1);
        } else if let Some(done) = done.take() {
            let _ = done.send(());
        }
    }
}

/// An actor as the others: it has a mailbox, even if it is a leaf.
fn spawn_sky(parent: UnboundedSender<u64>, from: u64, leaves: u64) {
    let (tx, rx) = unbounded_channel();
    tokio::spawn(sky(tx, rx, parent, from, leaves));
}

async fn sky(
    own: UnboundedSender<u64>,
    mut rx: UnboundedReceiver<u64>,
    parent: UnboundedSender<u64>,
    from: u64,
    leaves: u64,
) {
    let mut sum = from;
    if leaves > 1 {
        sum = 0;
        for n in 0..10 {
            spawn_sky(own.clone(), from + n * (leaves / 10), leaves / 10);
        }
        for _ in 0..10 {
            sum += rx.recv().await.unwrap_or_default();
        }
    }
    let _ = parent.send(sum);
}

enum Order {
    Crash(Failure),
    Get(oneshot::Sender<u64>),
}

/// The channel outlives the worker, as a mailbox outlives a restart.
async fn supervise(rx: Arc<Mutex<UnboundedReceiver<Order>>>) {
    while !matches!(tokio::spawn(work(Arc::clone(&rx))).await, Ok(Ok(()))) {}
}

async fn work(rx: Arc<Mutex<UnboundedReceiver<Order>>>) -> Result<(), String> {
    let mut rx = rx.lock().await;
    let mut worked = 0;
    while let Some(order) = rx.recv().await {
        worked += 1;
        match order {
            Order::Crash(Failure::Error) => return Err("on purpose".to_owned()),
            Order::Crash(Failure::Panic) => panic!("on purpose"),
            Order::Get(reply) => drop(reply.send(worked)),
        }
    }
    Ok(())
}
