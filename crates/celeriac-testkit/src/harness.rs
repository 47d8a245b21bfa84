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

    /// Opens the place of `driver` once more, as a second process would that
    /// works at the same time. Called only if the broker's capability says
    /// `shared`.
    ///
    /// # Panics
    /// Unless implemented.
    fn join<'a>(&'a self, driver: &'a Driver, setup: Setup) -> BoxFuture<'a, Driver> {
        let _ = (driver, setup);
        Box::pin(async { panic!("a shared driver's harness implements `join`") })
    }

    /// Lets the leases of everything that `driver` holds expire, as if its
    /// process had been stopped for longer than that, and had not noticed yet.
    /// Called only if the broker's capability says `leases`.
    ///
    /// # Panics
    /// Unless implemented.
    fn expire<'a>(&'a self, driver: &'a Driver) -> BoxFuture<'a, ()> {
        let _ = driver;
        Box::pin(async { panic!("a driver with leases has a harness that implements `expire`") })
    }
}
