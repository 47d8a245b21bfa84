//! The limit of JetStream and its client: confirmed publishing, pulls, and
//! acknowledgements, of which the last of each batch is answered. Nothing is
//! decoded, routed or run; outcomes are stored if there is a Redis for them.

use anyhow::{Context, Result, anyhow};
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{self, Context as JetStream, stream};
use bytes::Bytes;
use futures_util::StreamExt as _;

use crate::figures::Figures;
use crate::load::{Load, Meter, ran};
use crate::outcomes::Outcomes;

const SUBJECT: &str = "bare.tasks";
/// How many are pulled at once.
const PULL: usize = 500;

pub async fn measure(load: &Load, store: Option<&str>) -> Result<Figures> {
    let jetstream = jetstream::new(async_nats::connect(&load.address).await?);
    let config = stream::Config {
        name: "bare".to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        retention: stream::RetentionPolicy::WorkQueue,
        ..stream::Config::default()
    };
    let stream = jetstream.create_stream(config).await?;
    let config = pull::Config {
        durable_name: Some("bare".to_owned()),
        max_ack_pending: -1,
        ..pull::Config::default()
    };
    let consumer: PullConsumer = stream.create_consumer(config).await?;

    let mut figures = Figures::default();
    let payload = Bytes::from(load.payload.clone());
    load.fill(&mut figures, async |count| publish(&jetstream, &payload, count).await).await?;
    let meter = Meter::here()?;
    drain(&consumer, load, store).await?;
    load.drained(meter, &mut figures).await?;
    Ok(figures)
}

async fn publish(jetstream: &JetStream, payload: &Bytes, count: usize) -> Result<()> {
    let mut acks = Vec::with_capacity(count);
    for _ in 0..count {
        acks.push(jetstream.publish(SUBJECT, payload.clone()).await?);
    }
    for ack in acks {
        ack.await?;
    }
    Ok(())
}

async fn drain(consumer: &PullConsumer, load: &Load, store: Option<&str>) -> Result<()> {
    let mut outcomes = match store {
        Some(store) => Some(Outcomes::open(store).await?),
        None => None,
    };
    let mut done = 0;
    while done < load.tasks {
        let mut batch = consumer.fetch().max_messages(PULL).messages().await?;
        let mut taken = Vec::with_capacity(PULL);
        while let Some(message) = batch.next().await {
            taken.push(message.map_err(|error| anyhow!(error))?);
            ran();
        }
        let Some((last, others)) = taken.split_last() else { continue };
        if let Some(outcomes) = &mut outcomes {
            outcomes.store(done..done + taken.len()).await?;
        }
        for message in others {
            message.ack().await.map_err(|error| anyhow!(error))?;
        }
        last.double_ack().await.map_err(|error| anyhow!(error)).context("the last of a batch")?;
        done += taken.len();
    }
    Ok(())
}
