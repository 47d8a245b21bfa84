//! What a server that was killed believes to be in flight, although it is done
//! with.
//!
//! The server writes what a stream holds and what its JetStream consumers wait
//! for apart, and not at once. Killed in between, it may know of a message that
//! it is gone, and still wait for its acknowledgement: nobody can give it, for
//! the message can't be delivered again. Before 2.10.25 the server tries to
//! after each lease all the same, and what waits behind it waits for longer. So
//! whoever is promised something and gets nothing acknowledges what is not there.

use async_nats::{Message, StatusCode};
use celeriac_core::QueueName;
use celeriac_core::error::Result;
use serde_json::json;

use crate::broker::Shared;
use crate::client::Sending;
use crate::queues::number;

/// So far behind the last delivery ghosts are looked for: who is behind that
/// ended something that took very long, at the moment the server died.
const REACH: u64 = 1 << 20;
/// So many are looked at, or acknowledged, at once.
const PART: usize = 512;

/// Lays the ghosts of a priority. Says whether there may have been any.
pub(crate) async fn lay(shared: &Shared, queue: &QueueName, priority: usize) -> Result<bool> {
    let stream = shared.names.stream(queue);
    let verb = format!("CONSUMER.INFO.{stream}.{priority}");
    let info = shared.client.call("pull", &verb, &json!({})).await?;
    if number(&info, "/num_ack_pending") == 0 {
        return Ok(false);
    }
    let verb = format!("STREAM.INFO.{stream}");
    let there = shared.client.call("pull", &verb, &json!({})).await?;
    // A place after the last message may be that of one which is yet to come.
    let last = number(&info, "/delivered/stream_seq").min(number(&there, "/state/last_seq"));
    let floor = number(&info, "/ack_floor/stream_seq").max(last.saturating_sub(REACH));
    let verb = format!("$JS.API.DIRECT.GET.{stream}");
    let mut missing = Vec::new();
    for first in (floor + 1..=last).step_by(PART) {
        let places = Vec::from_iter(first..=last.min(first + PART as u64 - 1));
        let ask = |place: &u64| Sending {
            subject: verb.clone().into(),
            headers: None,
            payload: json!({ "seq": place }).to_string().into(),
            is_answered: true,
        };
        let answers = shared.client.send_all("pull", places.iter().map(ask).collect()).await?;
        let is_missing = |answer: &Option<Message>| {
            answer.as_ref().is_some_and(|answer| answer.status == Some(StatusCode::NOT_FOUND))
        };
        let found = places.into_iter().zip(&answers);
        missing.extend(found.filter(|(_, answer)| is_missing(answer)).map(|(place, _)| place));
    }
    for part in missing.chunks(PART) {
        let acks = part.iter().enumerate().map(|(at, place)| Sending {
            // Times delivered, place in the stream, place among the
            // deliveries, when, and how many more: only the place is read.
            subject: format!("$JS.ACK.{stream}.{priority}.1.{place}.0.0.0").into(),
            headers: None,
            payload: "+ACK".into(),
            is_answered: at + 1 == part.len(),
        });
        shared.client.send_all("pull", acks.collect()).await?;
    }
    if !missing.is_empty() {
        tracing::warn!(%queue, priority, "the server waited for acknowledgements it had");
    }
    Ok(!missing.is_empty())
}
