//! What each stage costs: publishes, pulls, completes and settles batches, and
//! prints microseconds per task.
//!
//! `cargo run --release -p celeriac-embedded --example throughput -- [tasks]`

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::error::Result;
use celeriac_core::outcome::Completion;
use celeriac_core::{
    Broker, ContentType, Message, MessageId, Name, Outcome, QueueName, Store, Timestamp,
};
use celeriac_embedded::{Memory, Options};

const BATCH: usize = 256;
const BODY: &[u8; 200] = &[b'x'; 200];

/// Where the time went.
#[derive(Default)]
struct Spent {
    publish: Duration,
    pull: Duration,
    complete: Duration,
    settle: Duration,
}

impl Spent {
    fn print(&self, what: &str, tasks: usize) {
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
    let mut backlog = Spent::default();
    publish(&*memory, tasks, &mut backlog).await?;
    drain(&*memory, &*memory, tasks, &mut backlog).await?;
    backlog.print("memory, all queued first", tasks);

    let mut flow = Spent::default();
    for _ in 0..tasks / BATCH {
        publish(&*memory, BATCH, &mut flow).await?;
        drain(&*memory, &*memory, BATCH, &mut flow).await?;
    }
    flow.print("memory, as they come    ", tasks);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let tasks = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let tasks = tasks.unwrap_or(1_000_000) / BATCH * BATCH;
    memory(tasks).await
}
