//! Publishing: a batch is sent whole, then its confirms are waited for.

use std::sync::Arc;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind, Message, QueueName, wire};
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Confirmation, PublisherConfirm};

use crate::client::Live;
use crate::handover::hand_over;
use crate::names;
use crate::shared::Shared;

/// The most bytes of properties. RabbitMQ passes on a third less of messages that have
/// more: Erlang keeps larger binaries apart from the rest, and counts who refers to them.
const PROPERTIES: usize = 64;
/// What flags, delivery mode and priority take of them.
const MODE_AND_PRIORITY: usize = 4;
/// The bytes of an id as text.
const ID: usize = 36;
/// So many messages, and about so many bytes, are handed to the socket at once.
const PART_MESSAGES: usize = 1024;
const PART_BYTES: usize = 4 << 20;
const PERSISTENT: u8 = 2;
const TRANSIENT: u8 = 1;

/// Stores a batch; returns when the server has confirmed all of it.
pub(crate) async fn publish(shared: &Arc<Shared>, batch: &[Arc<Message>]) -> Result<()> {
    shared.check_open("publish")?;
    if batch.is_empty() {
        return Ok(());
    }
    let live = shared.client.live("publish").await?;
    let queues = declare(shared, &live, batch).await?;
    let failed = shared.client.failed("publish");
    let mut confirms = Vec::with_capacity(batch.len());
    let mut rest = batch;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(part_length(rest));
        confirms.extend(live.answer(send(&live, &queues, part)).await.map_err(&failed)?);
        rest = after;
    }
    let confirmed = live.answer(async {
        let mut confirmed = Vec::with_capacity(confirms.len());
        for confirm in confirms {
            confirmed.push(confirm.await?);
        }
        Ok(confirmed)
    });
    for (message, confirmation) in batch.iter().zip(confirmed.await.map_err(&failed)?) {
        match confirmation {
            Confirmation::Ack(None) | Confirmation::NotRequested => {}
            Confirmation::Ack(Some(_)) => {
                live.forget(&message.queue);
                let why = format!("the queue `{}` is gone; publish again", message.queue);
                return Err(shared.client.unreachable("publish", &why));
            }
            Confirmation::Nack(_) => {
                let why = format!("the server could not store it in `{}`", message.queue);
                let context = format!("{}: {why}", shared.client.shown());
                return Err(Error::new(ErrorKind::NoSpace, "publish", context));
            }
        }
    }
    Ok(())
}

/// The queues of a batch with their names on the server: few, so a list is
/// faster than a map.
type Queues<'a> = Vec<(&'a QueueName, ShortString)>;

async fn declare<'a>(
    shared: &Shared,
    live: &Arc<Live>,
    batch: &'a [Arc<Message>],
) -> Result<Queues<'a>> {
    let mut queues: Queues<'a> = Vec::new();
    for message in batch {
        if queues.iter().all(|(queue, _)| **queue != message.queue) {
            shared.client.declare("publish", live, &message.queue).await?;
            names::note(shared, live, &message.queue).await;
            queues.push((&message.queue, shared.client.full_name(message.queue.as_str())?));
        }
    }
    Ok(queues)
}

/// How many of these messages, at least one, are sent together.
fn part_length(messages: &[Arc<Message>]) -> usize {
    let mut bytes = 0;
    let fits = |message: &&Arc<Message>| {
        bytes += message.body.len();
        bytes <= PART_BYTES
    };
    messages.iter().take(PART_MESSAGES).take_while(fits).count().max(1)
}

async fn send(
    live: &Live,
    queues: &Queues<'_>,
    part: &[Arc<Message>],
) -> lapin::Result<Vec<PublisherConfirm>> {
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(part.len());
    for message in part {
        wire::encode(message, &mut bytes);
        ends.push(bytes.len());
    }
    let (mut start, mut sending) = (0, Vec::with_capacity(part.len()));
    for (message, end) in part.iter().zip(ends) {
        let found = queues.iter().find(|(queue, _)| **queue == message.queue);
        let Some((_, name)) = found else { continue };
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let body = &bytes[start..end];
        start = end;
        let (exchange, properties) = ("".into(), properties(message));
        sending.push(live.publishing.basic_publish(
            exchange,
            name.clone(),
            options,
            body,
            properties,
        ));
    }
    live.in_order(hand_over(sending)).await.into_iter().collect()
}

/// What others that look at the queue can read without reading the envelope: the name and
/// the id, as far as there is room.
fn properties(message: &Message) -> BasicProperties {
    let mode = if message.queue.is_transient() { TRANSIENT } else { PERSISTENT };
    let mut properties =
        BasicProperties::default().with_delivery_mode(mode).with_priority(message.priority.get());
    let mut room = PROPERTIES - MODE_AND_PRIORITY;
    let name = message.name.as_str();
    // A byte before each text tells its length.
    if name.len() < room
        && let Ok(text) = ShortString::try_new(name)
    {
        room -= 1 + name.len();
        properties = properties.with_type(text);
    }
    if ID < room {
        properties = properties.with_message_id(message.id.to_string().into());
    }
    properties
}

#[cfg(test)]
mod tests {
    use celeriac_core::{ContentType, Name};

    use super::*;

    /// The name and the id that are told beside an envelope whose name is so long.
    fn told(length: usize) -> (Option<usize>, bool) {
        let name = Name::from("n".repeat(length));
        let message = Message::document(name, ContentType::Json, "1");
        let properties = properties(&message);
        let name = properties.kind().as_ref().map(|name| name.as_str().len());
        let id = properties.message_id().as_ref().map(|id| id.as_str().to_owned());
        assert!(id.is_none() || id == Some(message.id.to_string()));
        (name, id.is_some())
    }

    #[test]
    fn properties_stay_where_the_server_is_fast() {
        // 2 bytes of flags, 1 each of mode and priority, 1 before each text, 36 of an id.
        assert_eq!(told(22), (Some(22), true));
        assert_eq!(told(23), (Some(23), false));
        assert_eq!(told(59), (Some(59), false));
        assert_eq!(told(60), (None, true));
    }
}
