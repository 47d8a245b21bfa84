//! How the suite opens the driver: each case has a prefix of its own, whose
//! queues are deleted at its end. The store beside it is the embedded one.

use std::sync::Arc;

use celeriac_amqp::{Amqp, Options};
use celeriac_core::{Address, BoxFuture, Broker as _, MessageId};
use celeriac_testkit::{Crashed, Driver, Harness, Setup};
use jumpstarter::System;

/// Where the tests' server is; `CELERIAC_TEST_AMQP` says otherwise.
pub(crate) fn server() -> String {
    let given = std::env::var("CELERIAC_TEST_AMQP");
    given.unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672".to_owned())
}

/// The queues of one case; deletes them when it ends.
pub(crate) struct Place {
    pub(crate) prefix: String,
    priorities: bool,
}

impl Place {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(true)
    }

    /// Whose queues have priorities, or not.
    pub(crate) fn with(priorities: bool) -> Arc<Self> {
        Arc::new(Self { prefix: format!("test.{}", MessageId::new()), priorities })
    }

    /// Opens the driver here, with the actor system that it lives in.
    pub(crate) async fn open(&self) -> (Arc<Amqp>, System) {
        let options = Options { prefix: self.prefix.clone(), priorities: self.priorities };
        let system = System::new("amqp-test");
        let address = Address::from(server());
        let opened = celeriac_amqp::open(&address, options, &system).await;
        let amqp = opened.unwrap_or_else(|error| panic!("skipped: no RabbitMQ: {error}"));
        (amqp, system)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let again = Self { prefix: std::mem::take(&mut self.prefix), priorities: self.priorities };
        if again.prefix.is_empty() {
            return;
        }
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let (amqp, _system) = again.open().await;
                amqp.delete_all().await.unwrap();
                amqp.close().await;
            });
            std::mem::forget(again);
        });
        let _ = cleaning.join();
    }
}

/// On the server of this machine.
pub(crate) struct OnServer {
    pub(crate) priorities: bool,
}

type Keep = (Arc<Amqp>, Arc<Place>, System);

async fn open(place: &Arc<Place>) -> Driver {
    let (amqp, system) = place.open().await;
    let memory = celeriac_embedded::Options::default();
    let store = celeriac_embedded::open("memory://", memory, &system).await.unwrap().store;
    let keep: Keep = (amqp.clone(), place.clone(), system);
    Driver { broker: amqp, store, keep: Box::new(keep) }
}

impl Harness for OnServer {
    fn open(&self, _setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move { open(&Place::with(self.priorities)).await })
    }

    /// The process is gone, and its connection with it; transient queues have
    /// expired.
    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let (amqp, place, _) = kept(&crashed.driver);
            amqp.disconnect().await;
            amqp.expire_transient().await.unwrap();
            amqp.disconnect().await;
            let driver = open(place).await;
            drop(crashed.consumers);
            driver
        })
    }

    fn join<'a>(&'a self, driver: &'a Driver, _setup: Setup) -> BoxFuture<'a, Driver> {
        Box::pin(async move { open(&kept(driver).1).await })
    }
}

fn kept(driver: &Driver) -> &Keep {
    driver.keep.downcast_ref().unwrap()
}
