//! How the suite opens the driver: each case has a prefix of its own, whose
//! streams are removed at its end.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{Address, BoxFuture, MessageId};
use celeriac_nats::{Nats, Options};
use celeriac_testkit::{Crashed, Driver, Harness, Setup};
use jumpstarter::System;

/// Where the tests' server is; `CELERIAC_TEST_NATS` says otherwise.
pub(crate) fn server() -> String {
    std::env::var("CELERIAC_TEST_NATS").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned())
}

/// The streams of one case; removes them when it ends, also when it fails.
struct Place {
    prefix: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let prefix = self.prefix.clone();
        // The case's runtime is at its end, or fails.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let (nats, _system) = connect(&prefix).await;
                nats.discard(|_| true).await.unwrap();
                nats.discard_holders().await.unwrap();
            });
        });
        drop(removing.join());
    }
}

async fn connect(prefix: &str) -> (Arc<Nats>, System) {
    let options = Options { prefix: prefix.to_owned(), lease: Duration::from_secs(20) };
    let system = System::new("conformance");
    let opened = celeriac_nats::open(&Address::from(server()), options, &system).await;
    (opened.unwrap_or_else(|error| panic!("skipped: no NATS: {error}")), system)
}

/// On the server of this machine.
pub(crate) struct OnServer;

type Keep = (Arc<Nats>, Arc<Place>, System);

async fn open(place: &Arc<Place>) -> Driver {
    let (nats, system) = connect(&place.prefix).await;
    let store =
        celeriac_embedded::open("memory://", celeriac_embedded::Options::default(), &system);
    let store = store.await.unwrap().store;
    let keep: Keep = (nats.clone(), place.clone(), system);
    Driver { broker: nats, store, keep: Box::new(keep) }
}

fn keep(driver: &Driver) -> &Keep {
    driver.keep.downcast_ref().unwrap()
}

impl Harness for OnServer {
    fn open(&self, _setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let prefix = format!("test-{}", MessageId::new());
            open(&Arc::new(Place { prefix })).await
        })
    }

    /// The process is gone, its leases have expired, and so have transient queues.
    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let (nats, place, _) = keep(&crashed.driver);
            nats.expire_leases().await.unwrap();
            let driver = open(place).await;
            let (heir, _, _) = keep(&driver);
            heir.discard(celeriac_core::QueueName::is_transient).await.unwrap();
            drop(crashed.consumers);
            driver
        })
    }

    fn join<'a>(&'a self, driver: &'a Driver, _setup: Setup) -> BoxFuture<'a, Driver> {
        Box::pin(async move { open(&keep(driver).1).await })
    }

    fn expire<'a>(&'a self, driver: &'a Driver) -> BoxFuture<'a, ()> {
        Box::pin(async move { keep(driver).0.expire_leases().await.unwrap() })
    }
}
