//! Looking at queues, and discarding what waits in them.

use celeriac_core::broker::{QueueStats, Settlement, Subscription, Verdict};
use celeriac_core::error::Result;
use celeriac_core::{Broker as _, QueueName};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::broker::{Nats, Shared};
use crate::holders;
use crate::name::PRIORITIES;

/// How many messages a purge takes at once.
const PURGE: usize = 4096;

/// The stream of a queue, as the server describes it.
pub(crate) struct Found {
    pub(crate) queue: QueueName,
    /// Messages, and parts of large ones, that are not acknowledged.
    messages: u64,
    pub(crate) last_sequence: u64,
    pub(crate) consumers: u64,
}

pub(crate) fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_default()
}

/// The streams of all queues.
pub(crate) async fn list(shared: &Shared) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut offset = 0;
    loop {
        let request = json!({ "offset": offset, "subject": shared.names.queues() });
        let page = shared.client.call("queues", "STREAM.LIST", &request).await?;
        let streams = page.get("streams").and_then(Value::as_array);
        let streams = streams.map(Vec::as_slice).unwrap_or_default();
        for stream in streams {
            let name = stream.pointer("/config/name").and_then(Value::as_str);
            let Some(queue) = name.and_then(|name| shared.names.queue(name)) else { continue };
            found.push(Found {
                queue,
                messages: number(stream, "/state/messages"),
                last_sequence: number(stream, "/state/last_seq"),
                consumers: number(stream, "/state/consumer_count"),
            });
        }
        offset += streams.len() as u64;
        if streams.is_empty() || offset >= number(&page, "/total") {
            return Ok(found);
        }
    }
}

/// Every queue that holds messages.
pub(crate) async fn stats(shared: &Shared) -> Result<Vec<QueueStats>> {
    let found = list(shared).await?;
    let counted = found
        .iter()
        .filter(|found| found.messages > 0)
        .map(|found| async move { Ok((found.queue.clone(), count(shared, found).await?)) });
    let counted = try_join_all(counted).await?;
    if counted.is_empty() {
        return Ok(Vec::new());
    }
    let held = holders::in_flight(shared).await?;
    let mut stats = Vec::new();
    for (name, count) in counted {
        let in_flight = held.get(&name).copied().unwrap_or_default().min(count);
        if count > 0 {
            stats.push(QueueStats { name, ready: count - in_flight, in_flight });
        }
    }
    stats.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(stats)
}

/// The messages of a queue. Its stream may have parts of large ones, and for a
/// moment what was acknowledged; the consumers know better, if they are there.
async fn count(shared: &Shared, found: &Found) -> Result<u64> {
    if found.consumers < PRIORITIES as u64 {
        return Ok(found.messages);
    }
    let verb = format!("CONSUMER.LIST.{}", shared.names.stream(&found.queue));
    let listed = shared.client.call("queues", &verb, &json!({ "offset": 0 })).await?;
    let consumers = listed.get("consumers").and_then(Value::as_array);
    let open = |consumer| number(consumer, "/num_pending") + number(consumer, "/num_ack_pending");
    Ok(consumers.into_iter().flatten().map(open).sum())
}

/// Takes what waits, and acknowledges it: JetStream's own purge would discard
/// what is in flight as well.
pub(crate) async fn purge(nats: &Nats, queue: &QueueName) -> Result<u64> {
    let queues = vec![queue.clone()];
    let consumer = "purge".to_owned();
    let waiting = async || -> Result<u64> {
        let found = nats.queues().await?;
        Ok(found.iter().find(|stats| stats.name == *queue).map_or(0, |stats| stats.ready))
    };
    let mut left = waiting().await?;
    if left == 0 {
        return Ok(0);
    }
    let mut taker = nats.consume(Subscription { queues, consumer }).await?;
    let mut purged = 0;
    while left > 0 {
        let credit = PURGE.min(usize::try_from(left).unwrap_or(PURGE));
        // If somebody else took it meanwhile, nothing comes.
        let pulled = tokio::time::timeout(nats.patience(), taker.pull(credit));
        let Ok(taken) = pulled.await else { break };
        let taken = taken?;
        purged += taken.len() as u64;
        left = left.saturating_sub(taken.len() as u64);
        let ack = |receipt| Settlement { receipt, verdict: Verdict::Ack };
        nats.settle(taken.iter().map(|taken| ack(taken.receipt)).collect()).await?;
    }
    Ok(purged)
}

/// Removes the stream of a queue.
pub(crate) async fn delete(shared: &Shared, queue: &QueueName) -> Result<()> {
    shared.place.forget(queue);
    let verb = format!("STREAM.DELETE.{}", shared.names.stream(queue));
    shared.client.call("remove a queue", &verb, &json!({})).await.map(drop)
}
