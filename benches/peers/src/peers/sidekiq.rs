//! rusty-sidekiq.

use std::time::Instant;

use anyhow::Result;
use async_trait::async_trait;
use bb8::Pool;
use serde::{Deserialize, Serialize};
use sidekiq::{Processor, ProcessorConfig, RedisConnectionManager, Worker};

use crate::figures::Figures;
use crate::load::{Load, Meter, ONE_BY_ONE, per_second, ran};

const QUEUE: &str = "bench";
const WORKERS: usize = 50;

#[derive(Clone)]
struct Noop;

#[derive(Debug, Deserialize, Serialize)]
struct Arguments {
    payload: String,
}

#[async_trait]
impl Worker<Arguments> for Noop {
    fn opts() -> sidekiq::WorkerOpts<Arguments, Self> {
        sidekiq::WorkerOpts::new().queue(QUEUE)
    }

    async fn perform(&self, _arguments: Arguments) -> sidekiq::Result<()> {
        ran();
        Ok(())
    }
}

pub async fn measure(load: &Load) -> Result<Figures> {
    let manager = RedisConnectionManager::new(load.address.as_str())?;
    let pool = Pool::builder().max_size(WORKERS as u32 + 10).build(manager).await?;
    let mut figures = Figures::default();
    // It has no way to send in bulk: all go one by one.
    let started = Instant::now();
    for sent in 0..load.tasks {
        Noop::perform_async(&pool, Arguments { payload: load.payload.clone() }).await?;
        if sent + 1 == ONE_BY_ONE {
            figures.one_by_one_per_s = per_second(ONE_BY_ONE, started);
        }
    }
    let meter = Meter::start(&load.address).await?;
    let config = ProcessorConfig::default().num_workers(WORKERS);
    let mut processor = Processor::new(pool, vec![QUEUE.to_owned()]).with_config(config);
    processor.register(Noop);
    let stop = processor.get_cancellation_token();
    let working = tokio::spawn(processor.run());
    load.drained(meter, &mut figures).await?;
    stop.cancel();
    working.abort();
    Ok(figures)
}
