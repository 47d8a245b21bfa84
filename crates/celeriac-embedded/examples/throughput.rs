//! What each stage costs: publishes, pulls, completes and settles batches, and
//! prints microseconds per task.
//!
//! `cargo run --release -p celeriac-embedded --example throughput -- [tasks [directory [socket]]]`

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::error::Result;
use celeriac_core::outcome::Completion;
use celeriac_core::{
    Broker, ContentType, Message, MessageId, Name, Outcome, QueueName, Store, Timestamp,
};
use celeriac_embedded::{Durable, Memory, Options};
use jumpstarter::System;

const BATCH: usize = 256;
const BODY: &[u8; 200] = &[b'x'; 200];

/// Where the time went.
#[derive(Default)]
struct Spent {
    publish: Duration,
    pull: Duration,
    complete: Duration,
    settle: Duration,
    /// How long each publish took.
    publishes: Vec<Duration>,
}

impl Spent {
    fn print(&mut self, what: &str, tasks: usize) {
        let per_task = |spent: Duration| spent.as_secs_f64() * 1e6 / tasks as f64;
        let all = self.publish + self.pull + self.complete + self.settle;
        println!(
            "{what}: publish {:.3}  pull+begin {:.3}  complete {:.3}  settle {:.3}  sum {:.3} us/task",
            per_task(self.publish),
            per_task(self.pull),
            per_task(self.complete),
            per_task(self.settle),
            per_task(all),
        );
        self.publishes.sort_unstable();
        let at = |part: f64| self.publishes[(self.publishes.len() as f64 * part) as usize];
        println!(
            "  a publish of {BATCH}: half in {:?}, 99% in {:?}, 99.9% in {:?}",
            at(0.5),
            at(0.99),
            at(0.999)
        );
    }
}

fn batch() -> Vec<Arc<Message>> {
    let now = Timestamp::now();
    let message = || {
        let mut message = Message::command(Name::from_static("bench"), BODY.as_slice());
        message.id = MessageId::at(now);
        Arc::new(message)
    };
    std::iter::repeat_with(message).take(BATCH).collect()
}

async fn publish(broker: &dyn Broker, tasks: usize, spent: &mut Spent) -> Result<()> {
    for _ in 0..tasks / BATCH {
        let batch = batch();
        let start = Instant::now();
        broker.publish(&batch, Limit::Exceed).await?;
        spent.publishes.push(start.elapsed());
        spent.publish += start.elapsed();
    }
    Ok(())
}

async fn drain(
    broker: &dyn Broker,
    store: &dyn Store,
    tasks: usize,
    spent: &mut Spent,
) -> Result<()> {
    let queues = vec![QueueName::DEFAULT];
    let consumer = "bench".to_owned();
    let mut consumer = broker.consume(Subscription { queues, consumer }).await?;
    let mut done = 0;
    while done < tasks {
        let start = Instant::now();
        let deliveries = consumer.pull(BATCH).await?;
        let receipts: Vec<_> = deliveries.iter().map(|one| one.receipt).collect();
        broker.begin(&receipts)?;
        spent.pull += start.elapsed();

        let now = Timestamp::now();
        let completions: Vec<_> = deliveries
            .iter()
            .filter_map(|delivery| delivery.payload.as_ref().ok())
            .map(|message| Completion {
                id: message.id,
                outcome: Outcome::success(0, now, ContentType::Json, "null".into()),
                expires_at: now.after(Duration::from_secs(3600)),
            })
            .collect();
        done += deliveries.len();
        drop(deliveries);
        let start = Instant::now();
        store.complete(completions).await?;
        spent.complete += start.elapsed();

        let settlement = |receipt| Settlement { receipt, verdict: Verdict::Ack };
        let settlements = receipts.into_iter().map(settlement).collect();
        let start = Instant::now();
        broker.settle(settlements).await?;
        spent.settle += start.elapsed();
    }
    Ok(())
}

async fn memory(tasks: usize) -> Result<()> {
    let memory = Memory::new(Options::default());
    run("memory", &*memory, &*memory, tasks).await
}

async fn durable(tasks: usize, directory: &str, through_socket: bool) -> Result<()> {
    let system = System::new("throughput");
    let durable = Durable::open(directory, Options::default(), &system).await?;
    let before = cpu();
    if through_socket {
        let client = Durable::open(directory, Options::default(), &system).await?;
        run("durable, through its socket", &*client, &*client, tasks).await?;
        client.close().await;
    } else {
        run("durable", &*durable, &*durable, tasks).await?;
    }
    let per_task = (cpu() - before) / (3 * tasks) as f64 * 1e6;
    println!("durable: {per_task:.2} us/task of CPU in all");
    durable.close().await;
    Ok(())
}

/// Seconds of CPU that this process has used.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.split(' ').skip(13).take(2);
    let ticks: u64 = ticks.filter_map(|text| text.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

async fn run(what: &str, broker: &dyn Broker, store: &dyn Store, tasks: usize) -> Result<()> {
    let mut backlog = Spent::default();
    publish(broker, tasks, &mut backlog).await?;
    drain(broker, store, tasks, &mut backlog).await?;
    backlog.print(&format!("{what}, all queued first"), tasks);

    let mut flow = Spent::default();
    for _ in 0..tasks / BATCH {
        publish(broker, BATCH, &mut flow).await?;
        drain(broker, store, BATCH, &mut flow).await?;
    }
    flow.print(&format!("{what}, as they come    "), tasks);

    let (mut sent, mut drained) = (Spent::default(), Spent::default());
    let start = Instant::now();
    let (published, done) =
        tokio::join!(publish(broker, tasks, &mut sent), drain(broker, store, tasks, &mut drained));
    published.and(done)?;
    let rate = tasks as f64 / start.elapsed().as_secs_f64();
    println!("{what}, at the same time: {rate:.0} tasks/s");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let tasks = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let tasks = tasks.unwrap_or(1_000_000) / BATCH * BATCH;
    match std::env::args().nth(2) {
        None => memory(tasks).await,
        Some(directory) => durable(tasks, &directory, std::env::args().nth(3).is_some()).await,
    }
}
