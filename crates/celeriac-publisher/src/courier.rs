//! The courier: carries messages to one broker, and knows whether it is up.
//!
//! While the broker is up, a publish goes straight to it. While it is down,
//! slow, or its circuit is open, messages wait in the [`desk`]; the
//! [`keeper`], the actor `broker.<name>`, tries the broker and publishes them
//! in their order when it is back. Everything else passes as it is.

mod desk;
mod drain;
mod keeper;
mod options;
mod report;
mod ticket;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Limit, QueueStats, Receipt, Settlement, Subscription};
use celeriac_core::error::Result;
use celeriac_core::health::Board;
use celeriac_core::store::{Advance, Joined, StoreId};
use celeriac_core::{
    BoxFuture, Broker, Capability, Consumer, Error, ErrorKind, Message, QueueName,
};
use jumpstarter::{Backoff, RestartPolicy, System};

use self::desk::Entered;
pub(crate) use self::desk::{Desk, repeated};
use self::keeper::Keeper;
pub use self::options::{Options, WhenFull};
pub use self::report::Report;

/// One broker, with what waits for it. Cheap to clone.
///
/// ```
/// use celeriac_publisher::courier::{Courier, Options};
/// # fn example(system: &jumpstarter::System, broker: std::sync::Arc<dyn celeriac_core::Broker>) {
/// let courier = Courier::start(system, "eu", broker, None, Options::default());
/// assert!(courier.report().is_up);
/// # }
/// ```
#[derive(Clone)]
pub struct Courier {
    pub(crate) desk: Arc<Desk>,
}

/// Whether the broker may be back later, so that its messages shall wait.
pub(crate) const fn is_outage(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Busy)
}

impl Courier {
    /// A courier of the broker `name`, and its actor `broker.<name>` in
    /// `system`. With `disk`, a durable broker of its own, what waits is kept
    /// there and survives the process; what an earlier process left there is
    /// published first.
    #[must_use]
    pub fn start(
        system: &System,
        name: &str,
        broker: Arc<dyn Broker>,
        disk: Option<Arc<dyn Broker>>,
        options: Options,
    ) -> Self {
        let desk = Arc::new(Desk::new(name, broker, disk, options));
        let kept = desk.clone();
        let actor = jumpstarter::Options::default()
            .restart(RestartPolicy::Permanent)
            .intensity(u32::MAX, keeper::CRASH_WINDOW)
            .backoff(Backoff { first: keeper::CRASH_PAUSE, max: keeper::MAX_CRASH_PAUSE });
        // It lives as long as the system does.
        drop(system.spawn(&format!("broker.{name}"), actor, move || Keeper::new(kept.clone())));
        Self { desk }
    }

    /// The name of its broker.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.desk.name
    }

    /// How its broker is, and what waits for it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.desk.report()
    }

    /// Waits until it is known whether the broker is up, and what an earlier
    /// process left on disk is published: a message that is sent before goes
    /// behind that. For as long as `limit` at most.
    pub async fn settled(&self, limit: Duration) {
        // What takes longer goes on meanwhile.
        let _ = tokio::time::timeout(limit, self.desk.looked()).await;
    }

    /// Shows there how its broker is, from now on: its circuit, and as a check
    /// what waits.
    pub fn show_on(&self, board: &Board) {
        // A second board is not shown to.
        let _ = self.desk.board.set(board.clone());
        self.desk.show();
    }

    /// Publishes until it is done, or has waited for as long as the options
    /// say. A batch that was tried bears `may_repeat` from then on.
    async fn carry(&self, batch: &[Arc<Message>], limit: Limit) -> Result<Vec<usize>> {
        let mut tried: Option<Vec<Arc<Message>>> = None;
        loop {
            let messages = tried.as_deref().unwrap_or(batch);
            if !self.desk.is_clear() {
                match self.desk.enter(messages, limit).await {
                    Entered::Done(answer) => return answer,
                    Entered::Clear => continue,
                }
            }
            match self.desk.attempt(messages, limit).await {
                Err(error) if is_outage(error.kind()) => tried = Some(repeated(messages)),
                answer => return answer,
            }
        }
    }
}

impl Broker for Courier {
    fn capability(&self) -> Capability {
        self.desk.broker.capability()
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        Box::pin(self.carry(batch, limit))
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        self.desk.broker.room(queue)
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        self.desk.broker.consume(subscription)
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.desk.broker.begin(receipts)
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        self.desk.broker.settle(batch)
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        self.desk.broker.queues()
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        self.desk.broker.purge(queue)
    }

    /// Only while nothing waits: what follows would overtake it.
    fn store_id(&self) -> Option<StoreId> {
        self.desk.broker.store_id().filter(|_| self.desk.is_clear())
    }

    fn advance(&self, batch: Advance) -> BoxFuture<'_, Result<Option<Vec<Joined>>>> {
        Box::pin(self.desk.advance(batch))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.desk.close())
    }
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("name", &self.desk.name).finish_non_exhaustive()
    }
}

/// The error of who waited for a broker in vain.
fn down(name: &str, kind: ErrorKind, what: &str) -> Error {
    Error::new(kind, "publish", format!("the broker `{name}` is down, and {what}"))
}
