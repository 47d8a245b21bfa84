//! What a driver tells the suite: how to open it, and how to let it crash.

use std::any::Any;
use std::sync::Arc;

use celeriac_core::{BoxFuture, Broker, Consumer, Store};

/// What a case wants of the driver that it opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// How many messages a queue holds; `None` for more than the suite sends.
    pub queue_limit: Option<usize>,
}

/// An open driver.
pub struct Driver {
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// What must live as long, such as a temporary directory.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// A driver whose process is to be thought dead.
pub struct Crashed {
    /// The driver; it was closed only if the case closed it.
    pub driver: Driver,
    /// Consumers that were at work when the process died.
    pub consumers: Vec<Box<dyn Consumer>>,
    /// What it was opened with.
    pub setup: Setup,
}

/// A driver under test.
pub trait Harness: Send + Sync + 'static {
    /// Opens the driver on an empty place of its own.
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver>;

    /// Opens what a crash left, as another process would. Called only if the
    /// broker's capability says `durable`.
    ///
    /// # Panics
    /// Unless implemented.
    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        drop(crashed);
        Box::pin(async { panic!("a durable driver's harness implements `reopen`") })
    }
}
