//! The handle of the publisher: what senders hold.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::body::DEFAULT_MAX_BODY_BYTES;
use celeriac_core::message::InvalidMessage;
use celeriac_core::{Broker, Message, QueueName, Store};
use celeriac_engine::routing::Routes;
use futures_util::future::join_all;
use jumpstarter::{Address, AskError, Backoff, RestartPolicy, System};

use crate::actor::{Gatherer, Publish};
use crate::courier::{Courier, Desk};

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
    /// One for each broker, in their order.
    lanes: Arc<[Lane]>,
    routes: Arc<Routes>,
    broker: Arc<dyn Broker>,
    pub(crate) store: Arc<dyn Store>,
    options: Options,
}

/// The way to one broker: one that is down holds up none of the others.
struct Lane {
    address: Address<Gatherer>,
    /// What waits for the broker, if somebody looks after it.
    desk: Option<Arc<Desk>>,
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
        let (couriers, routes) = (&[], Routes::single());
        Self::start_over(system, (broker, store), (couriers, routes), options)
    }

    /// As [`Self::start`], over a broker that is made of these couriers, or of
    /// a fleet of them with these routes: each has an actor that gathers for it.
    #[must_use]
    pub fn start_over(
        system: &System,
        (broker, store): (Arc<dyn Broker>, Arc<dyn Store>),
        (couriers, routes): (&[Courier], Routes),
        options: Options,
    ) -> Self {
        let lane = |name: String, desk: Option<Arc<Desk>>| {
            let (for_broker, for_store) = (broker.clone(), store.clone());
            // What waits in its mailbox outlives a crash. One that gave up would
            // halt every sender of the process.
            let actor_options = jumpstarter::Options::default()
                .mailbox(options.mailbox)
                .restart(RestartPolicy::Permanent)
                .intensity(u32::MAX, CRASH_WINDOW)
                .backoff(CRASH_PAUSE);
            let address = system.spawn(&name, actor_options, move || {
                Gatherer::new(for_broker.clone(), for_store.clone())
            });
            Lane { address, desk }
        };
        let lanes: Arc<[Lane]> = match couriers {
            [] => [lane("publisher".to_owned(), None)].into(),
            [one] => [lane("publisher".to_owned(), Some(one.desk.clone()))].into(),
            many => {
                let name = |courier: &Courier| format!("publisher.{}", courier.name());
                many.iter().map(|one| lane(name(one), Some(one.desk.clone()))).collect()
            }
        };
        let routes = Arc::new(routes);
        Self { lanes, routes, broker, store, options }
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
    pub async fn publish(&self, batch: Vec<Arc<Message>>) -> Result<(), Error> {
        for message in &batch {
            message.validate(self.options.max_body_bytes)?;
        }
        if let [only] = &*self.lanes {
            return self.send(only, batch).await;
        }
        let mut parts: Vec<Vec<Arc<Message>>> = vec![Vec::new(); self.lanes.len()];
        for message in batch {
            let lane = self.routes.of(&message).first().copied().unwrap_or_default();
            parts[lane].push(message);
        }
        let parts = self.lanes.iter().zip(parts).filter(|(_, part)| !part.is_empty());
        let sending = join_all(parts.map(|(lane, part)| self.send(lane, part)));
        sending.await.into_iter().collect()
    }

    async fn send(&self, lane: &Lane, mut batch: Vec<Arc<Message>>) -> Result<(), Error> {
        let _ticket = match &lane.desk {
            Some(desk) => Some(desk.admit(batch.len()).await?),
            None => None,
        };
        loop {
            let asked = lane.address.ask(Publish(batch));
            let answer = match &lane.desk {
                // Whoever was before in the line may have waited long already.
                Some(desk) if !desk.is_clear() => desk.in_line(asked).await?,
                _ => asked.await,
            };
            let answer = answer.map_err(|error| unanswered(lane, error))?;
            batch = answer.map_err(Error::Driver)?;
            let Some(refused) = batch.first() else { return Ok(()) };
            self.wait_for_room(&refused.queue).await?;
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
        for lane in &*self.lanes {
            lane.address.stop().await;
        }
    }
}

fn unanswered(lane: &Lane, error: AskError) -> Error {
    match error {
        AskError::NoReply if !lane.address.is_closed() => Error::Crashed,
        _ => Error::Stopped,
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("options", &self.options).finish_non_exhaustive()
    }
}
