//! The connection to the server, made again when it breaks, and the queues
//! that were declared through it.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind, QueueName};
use lapin::options::{ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ConnectionProperties, ConnectionState};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::config::Target;
use crate::error::classify;

/// How long connecting may take, and closing.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an unused transient queue lives.
const TRANSIENT_MS: i32 = 60_000;
/// The highest priority of a queue: there are 0 to 9.
const MAX_PRIORITY: u8 = 9;

/// A connection that is made again when it is needed and broken.
pub(crate) struct Client {
    target: Target,
    current: Mutex<Option<Arc<Live>>>,
    /// One connects at a time.
    turn: Semaphore,
}

/// One connection, as long as it lives.
pub(crate) struct Live {
    pub(crate) connection: Connection,
    /// Its channel for publishing, with confirms.
    pub(crate) publishing: Channel,
    /// Held while messages are handed to the channel, so that it counts them
    /// in the order in which it sends them.
    order: Mutex<()>,
    declared: Mutex<HashSet<QueueName>>,
    /// Whether it is known that this connection has ended.
    is_lost: watch::Sender<bool>,
}

impl Client {
    pub(crate) fn new(target: Target) -> Self {
        // The first one wins; another library may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { target, current: Mutex::new(None), turn: Semaphore::new(1) }
    }

    /// Whether queues have priorities.
    pub(crate) const fn has_priorities(&self) -> bool {
        self.target.options.priorities
    }

    /// The address without its secrets.
    pub(crate) fn shown(&self) -> &str {
        &self.target.shown
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.target.options.prefix
    }

    pub(crate) fn failed(&self, operation: &'static str) -> impl Fn(lapin::Error) -> Error {
        move |error| classify(operation, self.shown(), error)
    }

    /// The connection, if there is one.
    pub(crate) fn current(&self) -> Option<Arc<Live>> {
        let current = self.current.lock().clone()?;
        if current.is_usable() {
            return Some(current);
        }
        current.is_lost.send_replace(true);
        None
    }

    /// The connection; a new one if it is broken.
    pub(crate) async fn live(&self, operation: &'static str) -> Result<Arc<Live>> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let mended = async {
            let _turn = self.turn.acquire().await;
            if let Some(live) = self.current() {
                return Ok(live);
            }
            let live = Arc::new(self.connect(operation).await?);
            *self.current.lock() = Some(live.clone());
            Ok(live)
        };
        let late = |_| self.unreachable(operation, "it did not answer in time");
        tokio::time::timeout(CONNECT, mended).await.map_err(late)?
    }

    async fn connect(&self, operation: &'static str) -> Result<Live> {
        let name = format!("celeriac {}", std::process::id());
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let uri = self.target.uri.clone();
        let connection = Connection::connect_uri(uri, properties).await;
        let connection = connection.map_err(self.failed(operation))?;
        let publishing = connection.create_channel().await.map_err(self.failed(operation))?;
        let confirms = publishing.confirm_select(ConfirmSelectOptions::default()).await;
        confirms.map_err(self.failed(operation))?;
        Ok(Live {
            connection,
            publishing,
            order: Mutex::default(),
            declared: Mutex::default(),
            is_lost: watch::Sender::new(false),
        })
    }

    pub(crate) fn unreachable(&self, operation: &'static str, why: &str) -> Error {
        let context = format!("{}: {why}", self.shown());
        Error::new(ErrorKind::Unreachable, operation, context)
    }

    /// The name that a queue has on the server.
    pub(crate) fn full_name(&self, queue: &str) -> Result<ShortString> {
        let name = format!("{}.{queue}", self.prefix());
        ShortString::try_new(name).map_err(|_| {
            let context = format!(
                "the queue `{queue}` with the prefix `{}` is longer than 255 bytes; RabbitMQ \
                 allows no more, choose a shorter name",
                self.prefix()
            );
            Error::new(ErrorKind::Invalid, "declare", context)
        })
    }

    /// Declares a queue, if this connection has not done so.
    pub(crate) async fn declare(
        &self,
        operation: &'static str,
        live: &Live,
        queue: &QueueName,
    ) -> Result<()> {
        if live.declared.lock().contains(queue) {
            return Ok(());
        }
        let mut arguments = FieldTable::default();
        if self.target.options.priorities {
            arguments.insert("x-max-priority".into(), AMQPValue::ShortShortUInt(MAX_PRIORITY));
        }
        if queue.is_transient() {
            arguments.insert("x-expires".into(), AMQPValue::LongInt(TRANSIENT_MS));
        }
        let options = QueueDeclareOptions { durable: !queue.is_transient(), ..Default::default() };
        let name = self.full_name(queue.as_str())?;
        // A refusal closes the channel: it is one of its own.
        let channel = live.channel().await.map_err(self.failed(operation))?;
        let declared = live.answer(channel.queue_declare(name, options, arguments)).await;
        live.done_with(channel).await;
        declared.map_err(self.failed(operation))?;
        live.declared.lock().insert(queue.clone());
        Ok(())
    }
}

impl Live {
    pub(crate) fn is_usable(&self) -> bool {
        self.connection.status().connected() && self.publishing.status().connected()
    }

    /// Waits for an answer of the server, until it is known that the connection
    /// has ended: what is asked while it ends may never get one.
    pub(crate) async fn answer<T>(
        &self,
        asking: impl Future<Output = lapin::Result<T>>,
    ) -> lapin::Result<T> {
        tokio::select! {
            biased;
            answer = asking => answer,
            error = self.lost() => Err(error),
        }
    }

    /// Waits until it is known that the connection has ended.
    pub(crate) async fn lost(&self) -> lapin::Error {
        let mut is_lost = self.is_lost.subscribe();
        // This holds the sender.
        let _ = is_lost.wait_for(|is_lost| *is_lost).await;
        lapin::ErrorKind::InvalidConnectionState(ConnectionState::Error).into()
    }

    /// A channel for a few questions.
    pub(crate) async fn channel(&self) -> lapin::Result<Channel> {
        self.answer(self.connection.create_channel()).await
    }

    /// Closes a channel. One that is merely dropped closes some time later, and
    /// fails the whole connection if that is closed meanwhile.
    pub(crate) async fn done_with(&self, channel: Channel) {
        if channel.status().connected() {
            let _ = self.answer(channel.close(200, "done".into())).await;
        }
    }

    /// Closes the connection; the server does all that it was told before.
    pub(crate) async fn hang_up(&self) {
        let closing = self.connection.close(200, "closed".into());
        // A connection that fails at this moment never answers.
        let closed = tokio::time::timeout(CONNECT, closing).await;
        self.is_lost.send_replace(true);
        if let Ok(Err(error)) = closed {
            tracing::warn!(%error, "what was acknowledged last may come again");
        }
    }

    /// Runs what publishes through the channel. All of it is handed over the
    /// first time that it is polled, with nobody else's in between.
    pub(crate) async fn in_order<F: Future>(&self, publishing: F) -> F::Output {
        let mut publishing = pin!(publishing);
        let mut is_first = true;
        poll_fn(|context| {
            let _order = std::mem::take(&mut is_first).then(|| self.order.lock());
            publishing.as_mut().poll(context)
        })
        .await
    }

    /// The queue may be gone: it is declared again before it is used.
    pub(crate) fn forget(&self, queue: &QueueName) {
        self.declared.lock().remove(queue);
    }
}
