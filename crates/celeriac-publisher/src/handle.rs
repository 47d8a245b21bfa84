//! The handle of the publisher: what senders hold.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::body::DEFAULT_MAX_BODY_BYTES;
use celeriac_core::message::InvalidMessage;
use celeriac_core::{Broker, Message, QueueName, Store};
use jumpstarter::{Address, AskError, Backoff, RestartPolicy, System};

use crate::actor::{Gatherer, Publish};

/// Crashes in this time are counted together: the pause grows with them.
const CRASH_WINDOW: Duration = Duration::from_secs(60);
/// The pause between a crash and the next start: senders wait for it.
const CRASH_PAUSE: Backoff =
    Backoff { first: Duration::from_millis(10), max: Duration::from_secs(1) };

/// How a publisher behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The largest body that is accepted, in bytes. Default 1 MiB.
    pub max_body_bytes: usize,
    /// How long a sender waits for room in a full queue. Default 30 s.
    pub room_timeout: Duration,
    /// How many sends may wait for the publisher; more wait for room there. Default 4096.
    pub mailbox: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            room_timeout: Duration::from_secs(30),
            mailbox: 4096,
        }
    }
}

/// Why messages were not published.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A message breaks a limit; none of the batch was sent.
    #[error("a message is not valid: {0}")]
    Invalid(#[from] InvalidMessage),
    /// The queue stayed full.
    #[error(
        "the queue `{queue}` stayed full for {}; start more workers, raise its limit, or send later",
        humantime(*.waited)
    )]
    Full {
        /// The queue.
        queue: QueueName,
        /// How long the sender waited.
        waited: Duration,
    },
    /// The broker or store failed; messages may have been published or not.
    #[error("failed to {0}")]
    Driver(#[source] Arc<celeriac_core::Error>),
    /// The publisher crashed while it sent; it has started again. The messages
    /// may have been published or not.
    #[error(
        "the publisher crashed while it sent, and has started again; the messages may have been \
         sent or not: send the same ones again"
    )]
    Crashed,
    /// The publisher has stopped.
    #[error("the publisher has stopped; the app was shut down")]
    Stopped,
}

fn humantime(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

impl From<celeriac_core::Error> for Error {
    fn from(error: celeriac_core::Error) -> Self {
        Self::Driver(Arc::new(error))
    }
}

/// Publishes messages. Cheap to clone; all clones feed the same batches.
#[derive(Clone)]
pub struct Publisher {
    address: Address<Gatherer>,
    broker: Arc<dyn Broker>,
    pub(crate) store: Arc<dyn Store>,
    options: Options,
}

impl Publisher {
    /// Starts the publisher's actor in `system`.
    #[must_use]
    pub fn start(
        system: &System,
        broker: Arc<dyn Broker>,
        store: Arc<dyn Store>,
        options: Options,
    ) -> Self {
        let (for_broker, for_store) = (broker.clone(), store.clone());
        // What waits in its mailbox outlives a crash. One that gave up would
        // halt every sender of the process.
        let actor_options = jumpstarter::Options::default()
            .mailbox(options.mailbox)
            .restart(RestartPolicy::Permanent)
            .intensity(u32::MAX, CRASH_WINDOW)
            .backoff(CRASH_PAUSE);
        let address = system.spawn("publisher", actor_options, move || {
            Gatherer::new(for_broker.clone(), for_store.clone())
        });
        Self { address, broker, store, options }
    }

    /// Publishes messages, in order, as durably as the broker promises; waits
    /// for room while a queue is full. Messages with an `eta` go to the timers.
    ///
    /// # Errors
    /// [`Error::Invalid`]: nothing was sent. [`Error::Full`]: what had room was
    /// sent. [`Error::Driver`], [`Error::Crashed`]: unknown what was sent; send
    /// the same messages again, with `may_repeat`.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, messages may have been published or not.
    pub async fn publish(&self, mut batch: Vec<Arc<Message>>) -> Result<(), Error> {
        for message in &batch {
            message.validate(self.options.max_body_bytes)?;
        }
        loop {
            let answer = self.address.ask(Publish(batch)).await.map_err(|e| self.unanswered(e))?;
            batch = answer.map_err(Error::Driver)?;
            let Some(refused) = batch.first() else { return Ok(()) };
            self.wait_for_room(&refused.queue).await?;
        }
    }

    fn unanswered(&self, error: AskError) -> Error {
        match error {
            AskError::NoReply if !self.address.is_closed() => Error::Crashed,
            _ => Error::Stopped,
        }
    }

    async fn wait_for_room(&self, queue: &QueueName) -> Result<(), Error> {
        let waited = self.options.room_timeout;
        match tokio::time::timeout(waited, self.broker.room(queue)).await {
            Ok(room) => Ok(room?),
            Err(_) => Err(Error::Full { queue: queue.clone(), waited }),
        }
    }

    /// Stops the publisher; what it accepted is published first.
    pub async fn stop(&self) {
        self.address.stop().await;
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("options", &self.options).finish_non_exhaustive()
    }
}
