//! The suite that every driver owes, for each variant of this one.

use std::sync::Arc;

use celeriac_core::{BoxFuture, Broker, Store};
use celeriac_embedded::{Memory, Options};
use celeriac_testkit::faulty::Plan;
use celeriac_testkit::{Driver, Faulty, Harness, Setup};

fn options(setup: Setup) -> Options {
    let defaults = Options::default();
    Options { queue_limit: setup.queue_limit.unwrap_or(defaults.queue_limit), ..defaults }
}

struct InMemory;

impl Harness for InMemory {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        let memory = Memory::new(options(setup));
        Box::pin(async {
            Driver {
                broker: Arc::clone(&memory) as Arc<dyn Broker>,
                store: memory as Arc<dyn Store>,
                keep: Box::new(()),
            }
        })
    }
}

mod memory {
    use super::*;
    celeriac_testkit::conformance!(InMemory);
}

/// Memory behind a decorator whose plan has no fault: it must change nothing.
struct Decorated;

impl Harness for Decorated {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let driver = InMemory.open(setup).await;
            let plan = Plan::new();
            Driver {
                broker: Faulty::broker(driver.broker, &plan),
                store: Faulty::store(driver.store, &plan),
                ..driver
            }
        })
    }
}

mod without_faults {
    use super::*;
    celeriac_testkit::conformance!(Decorated);
}
