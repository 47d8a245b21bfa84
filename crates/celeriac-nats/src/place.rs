//! What has to be there on the server: a stream for each queue, with a
//! JetStream consumer for each priority.

use std::collections::HashSet;
use std::time::Duration;

use celeriac_core::QueueName;
use celeriac_core::error::Result;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::config::Options;
use crate::error::Refusal;
use crate::name::{Names, PRIORITIES};

/// How long an unused transient queue lives.
pub(crate) const TRANSIENT: Duration = Duration::from_secs(60);
/// So many queues are known to be there; with more, they are asked for again.
const MAX_KNOWN: usize = 10_000;

/// What is known to be there.
#[derive(Default)]
pub(crate) struct Place {
    streams: Mutex<HashSet<QueueName>>,
}

impl Place {
    /// Creates the stream of a queue, if it is not known to be there.
    pub(crate) async fn stream(
        &self,
        client: &Client,
        names: &Names,
        queue: &QueueName,
    ) -> Result<()> {
        if self.streams.lock().contains(queue) {
            return Ok(());
        }
        create(client, &names.stream(queue), &stream_config(names, queue)).await?;
        let mut streams = self.streams.lock();
        if streams.len() >= MAX_KNOWN {
            streams.clear();
        }
        streams.insert(queue.clone());
        Ok(())
    }

    /// It may be gone: next time it is created again.
    pub(crate) fn forget(&self, queue: &QueueName) {
        self.streams.lock().remove(queue);
    }

    /// Creates the stream and its consumers.
    pub(crate) async fn consumers(
        &self,
        client: &Client,
        names: &Names,
        queue: &QueueName,
        options: &Options,
    ) -> Result<()> {
        self.stream(client, names, queue).await?;
        let stream = names.stream(queue);
        let creating = (0..PRIORITIES).map(|priority| {
            let config = consumer_config(names, queue, priority, options);
            let request = json!({ "stream_name": stream, "config": config });
            let verb = format!("CONSUMER.DURABLE.CREATE.{stream}.{priority}");
            async move { client.call("consume", &verb, &request).await }
        });
        try_join_all(creating).await.map(drop)
    }
}

/// How often a stream is asked for whose store could not be made.
const TRIES: u32 = 10;
/// How long to wait between two of them.
const PAUSE: Duration = Duration::from_millis(50);

/// Creates a stream unless it is there.
pub(crate) async fn create(client: &Client, name: &str, config: &Value) -> Result<()> {
    let verb = format!("STREAM.CREATE.{name}");
    let mut tries = 0;
    loop {
        match client.api("create a stream", &verb, config).await? {
            Answer::Done(_) => return Ok(()),
            Answer::Refused(refusal) if refusal.err_code == Refusal::IN_USE => return Ok(()),
            // Two who create it at once: it is there in a moment.
            Answer::Refused(refusal) if refusal.err_code == Refusal::NO_STORE && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Answer::Refused(refusal) => {
                return Err(refusal.into_error("create a stream", client.shown()));
            }
        }
    }
}

fn stream_config(names: &Names, queue: &QueueName) -> Value {
    json!({
        "name": names.stream(queue),
        "subjects": [names.all(queue)],
        "retention": "workqueue",
        "storage": if queue.is_transient() { "memory" } else { "file" },
        "discard": "new",
        "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_msg_size": -1,
        "max_age": 0, "num_replicas": 1, "allow_direct": true,
    })
}

fn consumer_config(names: &Names, queue: &QueueName, priority: usize, options: &Options) -> Value {
    let unused = if queue.is_transient() { TRANSIENT.max(options.lease) } else { Duration::ZERO };
    json!({
        "durable_name": priority.to_string(),
        "filter_subject": names.messages(queue, priority),
        "deliver_policy": "all", "replay_policy": "instant",
        "ack_policy": "explicit",
        "ack_wait": nanos(options.lease),
        "max_deliver": -1, "max_ack_pending": -1,
        "inactive_threshold": nanos(unused),
    })
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
