//! The suite that every driver owes, each case in a schema of its own.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::BoxFuture;
use celeriac_postgres::{Options, Postgres};
use celeriac_testkit::{Crashed, Driver, Harness, Setup};
use jumpstarter::System;

use crate::place::Place;

/// So short that a case sees leases expire, so long that a busy machine renews.
const PARAMETERS: &str = "&lease=6s&pool=4";
/// What is told before the crash is worked off.
const GRACE: Duration = Duration::from_secs(10);

struct OnTheMachinesServer;

/// One process.
struct Process {
    place: Arc<Place>,
    system: System,
    /// What it is called in the table of sessions.
    name: String,
    postgres: Arc<Postgres>,
}

fn options(setup: Setup) -> Options {
    let defaults = Options::default();
    Options { queue_limit: setup.queue_limit.unwrap_or(defaults.queue_limit), ..defaults }
}

async fn open(place: Arc<Place>, setup: Setup) -> Driver {
    let system = System::new("conformance");
    let name = format!("process_{:016x}", rand::random::<u64>());
    let config = place.config(&format!("{PARAMETERS}&application_name={name}"));
    let postgres = Postgres::connect(config, options(setup), &system).await.unwrap();
    let keep = Box::new(Process { place, system, name, postgres: postgres.clone() });
    Driver { broker: postgres.clone(), store: postgres, keep }
}

fn process(driver: &Driver) -> &Process {
    driver.keep.downcast_ref().unwrap()
}

impl Harness for OnTheMachinesServer {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(open(Place::new(), setup))
    }

    /// The actors end without giving anything back, and time passes.
    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let Process { place, system, .. } = process(&crashed.driver);
            system.shutdown(GRACE).await;
            place.expire().await;
            let driver = open(place.clone(), crashed.setup).await;
            drop(crashed.consumers);
            driver
        })
    }

    fn join<'a>(&'a self, driver: &'a Driver, setup: Setup) -> BoxFuture<'a, Driver> {
        Box::pin(open(process(driver).place.clone(), setup))
    }

    /// Whoever opens next gives back what is held under expired leases.
    fn expire<'a>(&'a self, driver: &'a Driver) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Process { place, name, postgres, .. } = process(driver);
            postgres.begun().await;
            let expire = format!(
                "UPDATE session SET expires_at = now() - interval '1 s' WHERE process = '{name}'"
            );
            place.execute(&expire).await;
            open(place.clone(), Setup::default()).await.broker.close().await;
        })
    }
}

celeriac_testkit::conformance!(OnTheMachinesServer);
