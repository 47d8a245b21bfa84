//! The names of the queues, which AMQP can't list: kept in a stream of the
//! server that every process follows and adds to.
//!
//! They are for those who look at queues. While the stream can't be read or
//! written, work goes on, and what is to be added waits for the keeper.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::taking::Origin as _;
use celeriac_core::{Error, ErrorKind, MessageId, QueueName};
use futures_util::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Consumer};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::client::Live;
use crate::error::kind;
use crate::shared::Shared;

/// The stream's name behind the prefix; no queue's, since those have a dot there.
const STREAM: &str = ":names";
/// How many names the server sends ahead.
const AHEAD: u16 = 1000;
/// How long reading all of them may take, and adding to them.
const PATIENCE: Duration = Duration::from_secs(10);

/// The names that are known here.
pub(crate) struct Names {
    known: Mutex<BTreeSet<QueueName>>,
    /// Those of `known` that the stream does not have yet.
    unsaid: Mutex<BTreeSet<QueueName>>,
    /// The connection through which the stream is followed.
    followed: Mutex<Weak<Live>>,
    /// One begins to follow at a time.
    turn: Semaphore,
}

impl Default for Names {
    fn default() -> Self {
        let (known, unsaid, followed) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { known, unsaid, followed, turn: Semaphore::new(1) }
    }
}

impl Names {
    pub(crate) fn all(&self) -> Vec<QueueName> {
        self.known.lock().iter().cloned().collect()
    }

    pub(crate) fn forget(&self, queue: &QueueName) {
        self.known.lock().remove(queue);
    }

    fn is_following(&self, live: &Arc<Live>) -> bool {
        std::ptr::eq(self.followed.lock().as_ptr(), Arc::as_ptr(live))
    }
}

/// The stream's name on the server.
pub(crate) fn stream(shared: &Shared) -> ShortString {
    format!("{}{STREAM}", shared.client.prefix()).into()
}

/// Learns all names, and whatever is added as long as the connection lives.
pub(crate) async fn follow(shared: &Arc<Shared>, live: &Arc<Live>) -> Result<()> {
    if shared.names.is_following(live) {
        return Ok(());
    }
    let begun = async {
        let _turn = shared.names.turn.acquire().await;
        if shared.names.is_following(live) {
            return Ok(None);
        }
        let begun = live.answer(begin(shared, live)).await.map_err(failed(shared))?;
        *shared.names.followed.lock() = Arc::downgrade(live);
        Ok(Some(begun))
    };
    let begun = tokio::time::timeout(PATIENCE, begun).await.map_err(|_| late(shared))??;
    let Some(followed) = begun else { return Ok(()) };
    let follower = shared.clone();
    shared.spawn(Box::pin(async move {
        let mut stream = followed;
        while let Some(Ok(entry)) = stream.next().await {
            learn(&follower, entry).await;
        }
    }));
    Ok(())
}

/// Reads the stream up to a mark of our own at its end.
async fn begin(shared: &Shared, live: &Live) -> lapin::Result<Consumer> {
    let channel = live.connection.create_channel().await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("stream".into()));
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(stream(shared), durable, arguments).await?;
    channel.basic_qos(AHEAD, BasicQosOptions::default()).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-stream-offset".into(), AMQPValue::LongString("first".into()));
    let options = BasicConsumeOptions::default();
    let mut entries =
        channel.basic_consume(stream(shared), "names".into(), options, arguments).await?;
    let mark = MessageId::new().to_string();
    let properties = BasicProperties::default().with_message_id(mark.as_str().into());
    append(shared, live, &[], properties).await?;
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        let is_ours = entry.properties.message_id().as_ref().is_some_and(|id| id.as_str() == mark);
        learn(shared, entry).await;
        if is_ours {
            break;
        }
    }
    Ok(entries)
}

async fn learn(shared: &Shared, entry: lapin::message::Delivery) {
    if let Some(name) = std::str::from_utf8(&entry.data).ok().filter(|name| !name.is_empty()) {
        shared.names.known.lock().insert(name.into());
    }
    // Only tells the server to send more; it fails with the connection.
    let _ = entry.acker.ack(BasicAckOptions::default()).await;
}

async fn append(
    shared: &Shared,
    live: &Live,
    name: &[u8],
    properties: BasicProperties,
) -> lapin::Result<()> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let sending =
        live.publishing.basic_publish("".into(), stream(shared), options, name, properties);
    live.in_order(sending).await?.await.map(drop)
}

/// Adds a name for everybody; those of transient queues stay here.
pub(crate) async fn note(shared: &Shared, live: &Arc<Live>, queue: &QueueName) {
    if !shared.names.known.lock().insert(queue.clone()) || queue.is_transient() {
        return;
    }
    shared.names.unsaid.lock().insert(queue.clone());
    if shared.names.is_following(live)
        && let Err(error) = say(shared, live).await
    {
        tracing::warn!(%queue, %error, "others do not see this queue yet");
    }
}

/// Adds what is known here and was not added yet.
pub(crate) async fn say(shared: &Shared, live: &Live) -> Result<()> {
    let unsaid = Vec::from_iter(shared.names.unsaid.lock().iter().cloned());
    for queue in unsaid {
        let adding = append(shared, live, queue.as_str().as_bytes(), BasicProperties::default());
        let added = tokio::time::timeout(PATIENCE, live.answer(adding)).await;
        added.map_err(|_| late(shared))?.map_err(failed(shared))?;
        shared.names.unsaid.lock().remove(&queue);
    }
    Ok(())
}

fn failed(shared: &Shared) -> impl Fn(lapin::Error) -> Error {
    move |error| Error::new(kind(&error), "names", advice(shared, "failed")).caused_by(error)
}

fn late(shared: &Shared) -> Error {
    Error::new(ErrorKind::Unreachable, "names", advice(shared, "did not answer in time"))
}

/// A server that was killed right after its first stream was made may have lost
/// it for good (RabbitMQ 3.10).
fn advice(shared: &Shared, what: &str) -> String {
    let (place, stream) = (shared.client.shown(), stream(shared));
    format!(
        "{place}: the stream `{stream}`, which has the names of all queues, {what}; tasks are sent \
         and run without it. If that lasts, delete it, or choose another `prefix`"
    )
}
