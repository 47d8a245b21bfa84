//! The suite that every driver owes, each case in a schema of its own.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::BoxFuture;
use celeriac_postgres::Options;
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
}

fn options(setup: Setup) -> Options {
    let defaults = Options::default();
    Options { queue_limit: setup.queue_limit.unwrap_or(defaults.queue_limit), ..defaults }
}

async fn open(place: Arc<Place>, setup: Setup) -> Driver {
    let system = System::new("conformance");
    let postgres = place.open(&system, options(setup)).await;
    Driver { broker: postgres.clone(), store: postgres, keep: Box::new(Process { place, system }) }
}

fn process(driver: &Driver) -> &Process {
    driver.keep.downcast_ref().unwrap()
}

impl Harness for OnTheMachinesServer {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(open(Place::new(PARAMETERS), setup))
    }

    /// The actors end without giving anything back, and time passes.
    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let Process { place, system } = process(&crashed.driver);
            system.shutdown(GRACE).await;
            place.expire().await;
            open(place.clone(), crashed.setup).await
        })
    }
}

celeriac_testkit::conformance!(OnTheMachinesServer);
