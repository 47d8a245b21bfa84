//! The names of the queues, which AMQP can't list: kept in a stream of the
//! server that every process follows and adds to.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::taking::Origin as _;
use celeriac_core::{MessageId, QueueName};
use futures_util::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Consumer};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::client::Live;
use crate::shared::Shared;

/// The stream's name behind the prefix; no queue's, since those have a dot there.
const STREAM: &str = ":names";
/// How many names the server sends ahead.
const AHEAD: u16 = 1000;
/// How long reading all of them may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The names that are known here.
pub(crate) struct Names {
    known: Mutex<BTreeSet<QueueName>>,
    /// The connection through which the stream is followed.
    followed: Mutex<Weak<Live>>,
    /// One begins to follow at a time.
    turn: Semaphore,
}

impl Default for Names {
    fn default() -> Self {
        Self { known: Mutex::default(), followed: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl Names {
    pub(crate) fn all(&self) -> Vec<QueueName> {
        self.known.lock().iter().cloned().collect()
    }

    pub(crate) fn knows(&self, queue: &QueueName) -> bool {
        self.known.lock().contains(queue)
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
        let begun =
            live.answer(begin(shared, live)).await.map_err(shared.client.failed("read names"))?;
        *shared.names.followed.lock() = Arc::downgrade(live);
        Ok(Some(begun))
    };
    let late = |_| shared.client.unreachable("read names", "it did not answer in time");
    let begun = tokio::time::timeout(PATIENCE, begun).await.map_err(late)??;
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

/// Adds a name for everybody. Those of transient queues stay here.
pub(crate) async fn note(
    shared: &Arc<Shared>,
    live: &Arc<Live>,
    operation: &'static str,
    queue: &QueueName,
) -> Result<()> {
    if shared.names.knows(queue) {
        return Ok(());
    }
    if !queue.is_transient() {
        follow(shared, live).await?;
        if shared.names.knows(queue) {
            return Ok(());
        }
        let added = append(shared, live, queue.as_str().as_bytes(), BasicProperties::default());
        live.answer(added).await.map_err(shared.client.failed(operation))?;
    }
    shared.names.known.lock().insert(queue.clone());
    Ok(())
}
