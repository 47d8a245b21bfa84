//! The servers' clients by hand: in batches, without the ids by which Celeriac's sinks leave
//! out what they have.

use std::time::Instant;

use anyhow::{Result, ensure};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use crate::load::{BODY, Load, Rate};

/// The table of rows by hand, which the source reads as well.
pub const TABLE: &str = "bare";
pub const KEY: &str = "number";

pub async fn xadd(address: &str, load: &Load) -> Result<Rate> {
    let mut connection = redis::Client::open(address)?.get_multiplexed_async_connection().await?;
    let begun = Instant::now();
    for batch in load.batches() {
        let mut pipeline = redis::Pipeline::with_capacity(batch.len());
        for _ in batch {
            pipeline.cmd("XADD").arg(TABLE).arg("*").arg("value").arg(BODY).ignore();
        }
        pipeline.exec_async(&mut connection).await?;
    }
    Ok(load.rate(begun))
}

pub async fn publish(address: &str, load: &Load) -> Result<Rate> {
    let jetstream = async_nats::jetstream::new(async_nats::connect(address).await?);
    let stream = async_nats::jetstream::stream::Config {
        name: TABLE.to_owned(),
        subjects: vec![TABLE.to_owned()],
        ..Default::default()
    };
    jetstream.create_stream(stream).await?;
    let begun = Instant::now();
    for batch in load.batches() {
        let mut acks = Vec::with_capacity(batch.len());
        for _ in batch {
            acks.push(jetstream.publish(TABLE, BODY.into()).await?);
        }
        for ack in acks {
            ack.await?;
        }
    }
    Ok(load.rate(begun))
}

pub async fn insert(address: &str, load: &Load) -> Result<Rate> {
    let mut connection = PgConnection::connect(address).await?;
    let make = "CREATE TABLE bare (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
         value jsonb NOT NULL)";
    connection.execute(make).await?;
    let begun = Instant::now();
    for batch in load.batches() {
        let insert = "INSERT INTO bare (value) SELECT value::jsonb FROM unnest($1::text[]) value";
        let values = vec![BODY; batch.len()];
        sqlx::query(insert).bind(values).execute(&mut connection).await?;
    }
    Ok(load.rate(begun))
}

pub async fn select(address: &str, load: &Load) -> Result<Rate> {
    let mut connection = PgConnection::connect(address).await?;
    let (begun, mut last, mut read) = (Instant::now(), 0_i64, 0);
    loop {
        let select = "SELECT number, to_json(bare)::text FROM bare WHERE number > $1 \
             ORDER BY number LIMIT $2";
        let select = sqlx::query(select).bind(last).bind(load.batch as i64);
        let rows = select.fetch_all(&mut connection).await?;
        let Some(row) = rows.last() else { break };
        last = row.try_get(0)?;
        read += rows.len();
    }
    ensure!(read == load.documents, "{read} rows were read");
    Ok(load.rate(begun))
}
