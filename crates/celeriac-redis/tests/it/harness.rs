//! How the suite opens the driver: each case has a prefix of its own, which
//! is removed at its end.

use std::sync::Arc;

use celeriac_core::{Address, BoxFuture, MessageId};
use celeriac_redis::{Options, Redis};
use celeriac_testkit::{Crashed, Driver, Harness, Setup};
use jumpstarter::System;

/// Where the tests' server is; `CELERIAC_TEST_REDIS` says otherwise.
pub(crate) fn server() -> String {
    std::env::var("CELERIAC_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned())
}

/// The keys of one case; removes them when it ends.
pub(crate) struct Place {
    pub(crate) prefix: String,
}

impl Place {
    fn new() -> Arc<Self> {
        Arc::new(Self { prefix: format!("test:{}", MessageId::new()) })
    }
}

/// Runs a command on all keys of a prefix.
fn each_key(prefix: &str, pattern: &str, command: &str) {
    let client = redis::Client::open(server()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let keys: Vec<Vec<u8>> = redis::Commands::scan_match(&mut connection, format!("{prefix}{pattern}"))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for key in keys {
        redis::cmd(command).arg(key).exec(&mut connection).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        each_key(&self.prefix, ":*", "UNLINK");
    }
}

/// On the server of this machine.
pub(crate) struct OnServer;

async fn open(place: &Arc<Place>, setup: Setup) -> Driver {
    let mut options = Options { prefix: place.prefix.clone(), ..Options::default() };
    if let Some(queue_limit) = setup.queue_limit {
        options.queue_limit = queue_limit;
    }
    let system = System::new("conformance");
    let opened = celeriac_redis::open(&Address::from(server()), options, &system).await;
    let redis = opened.unwrap_or_else(|error| panic!("skipped: no Redis: {error}"));
    let keep = Box::new((redis.clone(), place.clone(), system));
    Driver { broker: redis.clone(), store: redis, keep }
}

type Keep = (Arc<Redis>, Arc<Place>, System);

impl Harness for OnServer {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move { open(&Place::new(), setup).await })
    }

    /// The process is gone, its leases have expired, and so have transient queues.
    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let (redis, place, _): &Keep = crashed.driver.keep.downcast_ref().unwrap();
            redis.expire_leases().await.unwrap();
            each_key(&place.prefix, ":q:{~*", "UNLINK");
            let driver = open(place, crashed.setup).await;
            drop(crashed.consumers);
            driver
        })
    }

    fn join<'a>(&'a self, driver: &'a Driver, setup: Setup) -> BoxFuture<'a, Driver> {
        Box::pin(async move {
            let (_, place, _): &Keep = driver.keep.downcast_ref().unwrap();
            open(place, setup).await
        })
    }

    fn expire<'a>(&'a self, driver: &'a Driver) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let (redis, _, _): &Keep = driver.keep.downcast_ref().unwrap();
            redis.expire_leases().await.unwrap();
        })
    }
}
