//! The limit of RabbitMQ and its client with the promises of a task queue: what
//! is sent is persistent and confirmed, each outcome is stored before its
//! message is acknowledged. Nothing is decoded, routed or run.

use anyhow::{Context, Result};
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

use crate::figures::Figures;
use crate::load::{Load, Meter, ran};
use crate::outcomes::Outcomes;

/// How many may be under way.
const PREFETCH: u16 = 1000;

/// With a queue that has priorities, or a plain one.
pub async fn measure(load: &Load, has_priorities: bool) -> Result<Figures> {
    let queue = format!("bare.{}", std::process::id());
    let connection = Connection::connect(&load.address, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    if has_priorities {
        arguments.insert("x-max-priority".into(), AMQPValue::ShortShortUInt(9));
    }
    channel.queue_declare(queue.as_str().into(), durable, arguments).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;

    let mut figures = Figures::default();
    load.fill(&mut figures, async |count| publish(&channel, &queue, load, count).await).await?;
    let meter = Meter::here()?;
    drain(&channel, &queue, load).await?;
    load.drained(meter, &mut figures).await?;
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
    Ok(figures)
}

async fn publish(channel: &Channel, queue: &str, load: &Load, count: usize) -> Result<()> {
    let mut confirms = Vec::with_capacity(count);
    for _ in 0..count {
        let properties = BasicProperties::default().with_delivery_mode(2);
        let (options, body) = (BasicPublishOptions::default(), load.payload.as_bytes());
        let sent = channel.basic_publish("".into(), queue.into(), options, body, properties);
        confirms.push(sent.await?);
    }
    for confirm in confirms {
        confirm.await?;
    }
    Ok(())
}

async fn drain(channel: &Channel, queue: &str, load: &Load) -> Result<()> {
    let store = load.store.as_deref().context("there is no store")?;
    let mut outcomes = Outcomes::open(store).await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer =
        channel.basic_consume(queue.into(), "bare".into(), options, arguments).await?;
    let mut done = 0;
    while done < load.tasks {
        let first = consumer.next().await.context("the consumer ended")??;
        let mut last = first.delivery_tag;
        let mut taken = 0;
        let mut next = Some(first);
        while let Some(delivery) = next {
            last = delivery.delivery_tag;
            ran();
            taken += 1;
            next = match taken < usize::from(PREFETCH) / 2 {
                true => consumer.next().now_or_never().flatten().transpose()?,
                false => None,
            };
        }
        outcomes.store(done..done + taken).await?;
        channel.basic_ack(last, BasicAckOptions { multiple: true }).await?;
        done += taken;
    }
    Ok(())
}
