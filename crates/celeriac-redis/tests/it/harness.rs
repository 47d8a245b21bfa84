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

/// The keys of one case on these servers; removes them when it ends.
pub(crate) struct Place {
    servers: Vec<String>,
    prefix: String,
}

impl Place {
    fn new(servers: Vec<String>) -> Arc<Self> {
        Arc::new(Self { servers, prefix: format!("test:{}", MessageId::new()) })
    }

    /// Removes the keys of a pattern behind the prefix.
    fn remove(&self, pattern: &str) {
        for server in &self.servers {
            let client = redis::Client::open(server.as_str()).unwrap();
            let mut connection = client.get_connection().unwrap();
            let pattern = format!("{}{pattern}", self.prefix);
            let keys: Vec<Vec<u8>> =
                redis::cmd("KEYS").arg(pattern).query(&mut connection).unwrap();
            for key in keys {
                redis::cmd("UNLINK").arg(key).exec(&mut connection).unwrap();
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.remove(":*");
    }
}

/// On these servers: one, or the nodes of a cluster.
pub(crate) struct On(pub(crate) Vec<String>);

async fn open(place: &Arc<Place>, setup: Setup) -> Driver {
    let mut options = Options { prefix: place.prefix.clone(), ..Options::default() };
    if let Some(queue_limit) = setup.queue_limit {
        options.queue_limit = queue_limit;
    }
    let system = System::new("conformance");
    let address = Address::from(place.servers[0].as_str());
    let opened = celeriac_redis::open(&address, options, &system).await;
    let redis = opened.unwrap_or_else(|error| panic!("skipped: no Redis: {error}"));
    let keep = Box::new((redis.clone(), place.clone(), system));
    Driver { broker: redis.clone(), store: redis, keep }
}

type Keep = (Arc<Redis>, Arc<Place>, System);

impl Harness for On {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move { open(&Place::new(self.0.clone()), setup).await })
    }

    /// The process is gone, its leases have expired, and so have transient queues.
    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let (redis, place, _) = kept(&crashed.driver);
            redis.expire_leases().await.unwrap();
            place.remove(":q:{~*");
            let driver = open(place, crashed.setup).await;
            drop(crashed.consumers);
            driver
        })
    }

    fn join<'a>(&'a self, driver: &'a Driver, setup: Setup) -> BoxFuture<'a, Driver> {
        Box::pin(async move { open(&kept(driver).1, setup).await })
    }

    fn expire<'a>(&'a self, driver: &'a Driver) -> BoxFuture<'a, ()> {
        Box::pin(async move { kept(driver).0.expire_leases().await.unwrap() })
    }
}

fn kept(driver: &Driver) -> &Keep {
    driver.keep.downcast_ref().unwrap()
}
