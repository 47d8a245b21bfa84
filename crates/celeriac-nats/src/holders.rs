//! How much is in flight: JetStream counts what was given back as in flight
//! until it is delivered again, so who holds deliveries is asked. And since when
//! the server counts deliveries: the stream of who is alive is in its memory.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use celeriac_core::QueueName;
use celeriac_core::error::Result;
use futures_util::future::join_all;
use serde_json::json;

use crate::broker::Shared;
use crate::place;

/// Since when a server counts deliveries.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    server: String,
    since: u64,
}

impl Counting {
    /// What was stored before may have been delivered by a run of the server
    /// that was killed, and forgot the deliveries of its last moments. In ns.
    pub(crate) fn since(&self, server: &str) -> u64 {
        if self.server == server { self.since } else { u64::MAX }
    }
}

/// Shows that this process is alive, so that others ask it.
pub(crate) async fn show(shared: &Shared) -> Result<()> {
    show_life(shared).await?;
    let server = shared.client.server();
    if shared.counting.lock().server != server {
        let since = created(shared).await?;
        *shared.counting.lock() = Counting { server, since };
    }
    Ok(())
}

/// When the stream of who is alive was made, by the server's clock, in ns.
async fn created(shared: &Shared) -> Result<u64> {
    let verb = format!("STREAM.INFO.{}", shared.names.holders());
    let info = shared.client.call("show a sign of life", &verb, &json!({})).await?;
    let text = info.get("created").and_then(serde_json::Value::as_str).unwrap_or_default();
    let since = humantime::parse_rfc3339(text).ok();
    let since = since.and_then(|since| since.duration_since(UNIX_EPOCH).ok());
    Ok(since.map_or(u64::MAX, place::nanos))
}

async fn show_life(shared: &Shared) -> Result<()> {
    let subject = shared.names.holder(&shared.holder);
    for _ in 0..2 {
        let answer = shared.client.ask("show a sign of life", &subject, Bytes::new()).await?;
        if answer.is_some() {
            return Ok(());
        }
        let life = u64::try_from((shared.options.lease * 2).as_nanos()).unwrap_or(u64::MAX);
        let name = shared.names.holders();
        let config = json!({
            "name": name, "subjects": [shared.names.holder("*")],
            "retention": "limits", "storage": "memory", "discard": "old",
            "max_msgs_per_subject": 1, "max_age": life, "duplicate_window": life.min(100_000_000),
            "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_msg_size": -1,
            "num_replicas": 1,
        });
        place::create(&shared.client, &name, &config).await?;
    }
    Ok(())
}

/// What this process answers.
pub(crate) fn answer(shared: &Shared) -> Bytes {
    let counts = shared.held.lock().counts();
    serde_json::to_vec(&counts).unwrap_or_default().into()
}

/// How much of each queue all processes hold.
pub(crate) async fn in_flight(shared: &Shared) -> Result<BTreeMap<QueueName, u64>> {
    let verb = format!("STREAM.INFO.{}", shared.names.holders());
    let request = json!({ "subjects_filter": shared.names.holder("*") });
    let info = shared.client.call("queues", &verb, &request).await?;
    let subjects = info.pointer("/state/subjects").and_then(serde_json::Value::as_object);
    let ids = subjects.into_iter().flatten().filter_map(|(subject, _)| subject.rsplit('.').next());
    let asked = ids.filter(|id| *id != shared.holder).map(|id| async move {
        // Who does not answer is dead, and holds nothing for long.
        let answer = shared.client.ask("queues", &shared.names.ask(id), Bytes::new()).await;
        let answer = answer.ok().flatten().unwrap_or_default();
        serde_json::from_slice::<BTreeMap<QueueName, u64>>(&answer).unwrap_or_default()
    });
    let mut counts = shared.held.lock().counts();
    for theirs in join_all(asked).await {
        for (queue, count) in theirs {
            *counts.entry(queue).or_default() += count;
        }
    }
    Ok(counts)
}

/// Removes the stream of who is alive.
pub(crate) async fn discard(shared: &Shared) -> Result<()> {
    let verb = format!("STREAM.DELETE.{}", shared.names.holders());
    shared.client.call("discard", &verb, &json!({})).await.map(drop)
}
