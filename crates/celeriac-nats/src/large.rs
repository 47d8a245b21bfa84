//! Messages larger than the server takes at once: their parts are stored
//! beside the queue first, and the message that is delivered says where.

use bytes::{Bytes, BytesMut};
use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind, MessageId, QueueName};
use serde_json::json;

use crate::broker::Shared;
use crate::client::{Client, Sending};

/// What a message in parts begins with; an envelope never does.
const MARK: &[u8] = b"\xC1parts ";
/// What the protocol adds to a message, at the most.
const FRAME: usize = 4096;

/// Stores what is too large in parts; gives what to publish instead.
pub(crate) async fn shrink(shared: &Shared, queue: &QueueName, bytes: Bytes) -> Result<Bytes> {
    let most = shared.client.max_payload().saturating_sub(FRAME).max(1);
    if bytes.len() <= most {
        return Ok(bytes);
    }
    let part = format!("{}.{}", shared.names.parts(queue), MessageId::new());
    let mut batch = Vec::new();
    for start in (0..bytes.len()).step_by(most) {
        let payload = bytes.slice(start..bytes.len().min(start + most));
        let subject = format!("{part}.{}", batch.len()).into();
        batch.push(Sending { subject, headers: None, payload, is_answered: true });
    }
    let count = batch.len();
    for ack in shared.client.send_all("publish", batch).await?.iter().flatten() {
        if !shared.client.is_stored("publish", ack)? {
            return Err(missing(shared, "publish"));
        }
    }
    Ok([MARK, format!("{count} {part}").as_bytes()].concat().into())
}

/// The whole message, and where its parts are.
pub(crate) async fn whole(
    shared: &Shared,
    queue: &QueueName,
    bytes: Bytes,
) -> Result<(Bytes, Option<String>)> {
    let Some((count, part)) = parts(&bytes) else { return Ok((bytes, None)) };
    let verb = format!("$JS.API.DIRECT.GET.{}", shared.names.stream(queue));
    let mut whole = BytesMut::new();
    for number in 0..count {
        let request = json!({ "last_by_subj": format!("{part}.{number}") });
        let mut replies =
            shared.client.ask_many("pull", verb.clone(), request.to_string().into()).await?;
        let reply = shared.client.next("pull", &mut replies).await?;
        let reply = reply.ok_or_else(|| missing(shared, "pull"))?;
        if Client::is_nobody(&reply) {
            return Err(missing(shared, "pull"));
        }
        if reply.status.is_some() {
            // A part is gone: what is left can't be read, and is shown as it is.
            return Ok((bytes, None));
        }
        whole.extend_from_slice(&reply.payload);
    }
    Ok((whole.freeze(), Some(part)))
}

fn parts(bytes: &[u8]) -> Option<(usize, String)> {
    let text = std::str::from_utf8(bytes.strip_prefix(MARK)?).ok()?;
    let (count, part) = text.split_once(' ')?;
    Some((count.parse().ok()?, part.to_owned()))
}

/// Discards the parts of a message.
pub(crate) async fn discard(shared: &Shared, queue: &QueueName, part: &str) -> Result<()> {
    let verb = format!("STREAM.PURGE.{}", shared.names.stream(queue));
    let request = json!({ "filter": format!("{part}.*") });
    shared.client.call("settle", &verb, &request).await.map(drop)
}

fn missing(shared: &Shared, operation: &'static str) -> Error {
    let context =
        format!("{}: the stream of the queue went away; try again", shared.client.shown());
    Error::new(ErrorKind::Unreachable, operation, context)
}
