//! BullMQ's own port to Rust.

use anyhow::Result;
use bullmq::options::RedisConnectionOptions;
use bullmq::worker::CancellationToken;
use bullmq::{Job, Queue, QueueOptions, Worker, WorkerOptions};
use serde_json::{Value, json};

use crate::figures::Figures;
use crate::load::{Load, Meter, ran};

const QUEUE: &str = "bench";
const CONCURRENCY: usize = 100;

pub async fn measure(load: &Load) -> Result<Figures> {
    let connection = RedisConnectionOptions::new().url(&load.address);
    let options = QueueOptions::new().connection(connection.clone());
    let queue = Queue::with_options(QUEUE, options).await?;
    let data = json!({ "payload": load.payload });
    let mut figures = Figures::default();
    let send = async |count| {
        match count {
            1 => queue.add("noop", data.clone()).await.map(drop)?,
            _ => {
                let jobs = (0..count).map(|_| bullmq::BulkJob::new("noop", data.clone())).collect();
                queue.add_bulk(jobs).await.map(drop)?;
            }
        }
        Ok(())
    };
    load.fill(&mut figures, send).await?;
    let meter = Meter::start(&load.address).await?;
    let options =
        WorkerOptions { connection, concurrency: CONCURRENCY, ..WorkerOptions::default() };
    let work = |_job: Job, _token: CancellationToken| async {
        ran();
        Ok(Value::Null)
    };
    let worker = Worker::with_options(QUEUE, work, options).await?;
    load.drained(meter, &mut figures).await?;
    worker.close(1000).await?;
    Ok(figures)
}
