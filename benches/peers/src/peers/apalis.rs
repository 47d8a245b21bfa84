//! apalis on Redis.

use anyhow::{Result, bail};
use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use serde::{Deserialize, Serialize};

use crate::figures::Figures;
use crate::load::{Load, Meter, ran};

const FETCHED: usize = 100;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Noop {
    payload: String,
}

async fn noop(_task: Noop) -> Result<(), BoxDynError> {
    ran();
    Ok(())
}

pub async fn measure(load: &Load) -> Result<Figures> {
    let connection = apalis_redis::connect(load.address.as_str()).await?;
    let config = Config::default().queue("bench").batch_size(FETCHED);
    let mut storage = RedisStorage::new(connection).with_config(config);
    let mut figures = Figures::default();
    let task = || Noop { payload: load.payload.clone() };
    let send = async |count| {
        match count {
            1 => storage.push(task()).await.map(drop)?,
            _ => {
                storage.push_bulk((0..count).map(|_| task()).collect()).await.map(drop)?;
            }
        }
        Ok(())
    };
    load.fill(&mut figures, send).await?;
    let meter = Meter::start(&load.address).await?;
    let worker = WorkerBuilder::new("bench").backend(storage).parallelize(tokio::spawn).build(noop);
    tokio::select! {
        ended = worker.run() => bail!("the worker has ended: {ended:?}"),
        drained = load.drained(meter, &mut figures) => drained?,
    }
    Ok(figures)
}
