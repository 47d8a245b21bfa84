//! The limits of the server and its client: lists without any queue around
//! them. What is taken is gone; nothing is stored of its end.

use std::time::Instant;

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use redis::{Direction, Pipeline};

use crate::figures::Figures;
use crate::load::{Load, Meter, ONE_BY_ONE, percentile, ran};

const KEY: &str = "bare";

/// One message in each round trip.
pub async fn brpop(load: &Load) -> Result<Figures> {
    let (mut figures, mut connection) = fill(load).await?;
    let meter = Meter::start(&load.address).await?;
    for _ in 0..load.tasks {
        let _: (String, Vec<u8>) =
            redis::cmd("BRPOP").arg(KEY).arg(0).query_async(&mut connection).await?;
        ran();
    }
    load.drained(meter, &mut figures).await?;
    latency(load, &mut figures).await?;
    Ok(figures)
}

/// Up to a hundred messages in each round trip.
pub async fn blmpop(load: &Load) -> Result<Figures> {
    let (mut figures, mut connection) = fill(load).await?;
    let meter = Meter::start(&load.address).await?;
    let mut taken = 0;
    while taken < load.tasks {
        let options = redis::cmd("BLMPOP")
            .arg(0)
            .arg(1)
            .arg(KEY)
            .arg(Direction::Right)
            .arg("COUNT")
            .arg(100)
            .query_async(&mut connection)
            .await?;
        let (_, messages): (String, Vec<Vec<u8>>) = options;
        taken += messages.len();
        messages.iter().for_each(|_| ran());
    }
    load.drained(meter, &mut figures).await?;
    Ok(figures)
}

async fn connect(load: &Load) -> Result<MultiplexedConnection> {
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(load.address.as_str())?;
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}

async fn fill(load: &Load) -> Result<(Figures, MultiplexedConnection)> {
    let mut connection = connect(load).await?;
    let mut figures = Figures::default();
    let send = async |count| {
        let mut pipeline = Pipeline::with_capacity(count);
        for _ in 0..count {
            pipeline.cmd("LPUSH").arg(KEY).arg(&load.payload).ignore();
        }
        Ok(pipeline.exec_async(&mut connection).await?)
    };
    load.fill(&mut figures, send).await?;
    Ok((figures, connection))
}

/// From pushing until another connection has it.
async fn latency(load: &Load, figures: &mut Figures) -> Result<()> {
    let (mut taker, mut pusher) = (connect(load).await?, connect(load).await?);
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let taking = tokio::spawn(async move {
        loop {
            let taken = redis::cmd("BRPOP").arg(KEY).arg(0).exec_async(&mut taker).await;
            if taken.is_err() || tell.send(Instant::now()).await.is_err() {
                return;
            }
        }
    });
    let mut samples = Vec::with_capacity(ONE_BY_ONE);
    for _ in 0..ONE_BY_ONE {
        let sent = Instant::now();
        redis::cmd("LPUSH").arg(KEY).arg(&load.payload).exec_async(&mut pusher).await?;
        let Some(taken) = told.recv().await else { break };
        samples.push((taken - sent).as_secs_f64() * 1e6);
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    taking.abort();
    figures.latency_p50_us = percentile(&mut samples, 50);
    figures.latency_p99_us = percentile(&mut samples, 99);
    Ok(())
}
