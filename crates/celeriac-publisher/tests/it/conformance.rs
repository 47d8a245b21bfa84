//! A fleet owes what any broker owes, and so does a courier.

use std::sync::Arc;

use celeriac_core::{BoxFuture, Broker};
use celeriac_embedded::{Memory, Options};
use celeriac_engine::routing::{Route, Routes, Subject};
use celeriac_publisher::{Courier, Fleet, courier};
use celeriac_testkit::{Driver, Harness, Setup};
use jumpstarter::System;

fn memory(setup: Setup) -> Arc<Memory> {
    let mut options = Options::default();
    options.queue_limit = setup.queue_limit.unwrap_or(options.queue_limit);
    Memory::new(options)
}

fn courier(system: &System, name: &str, broker: Arc<dyn Broker>) -> Courier {
    Courier::start(system, name, broker, None, courier::Options::default())
}

/// Two memory brokers, among which the queues are divided.
struct TwoBrokers;

impl Harness for TwoBrokers {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let system = System::new("conformance");
            let (one, two) = (memory(setup), memory(setup));
            let couriers = vec![courier(&system, "one", one.clone()), courier(&system, "two", two)];
            let to_two =
                |queue: &str| Route { subject: Subject::Queue(queue.into()), brokers: vec![1, 0] };
            let routes = Routes::new(vec![to_two("q"), to_two("short"), to_two("roomy")], vec![0]);
            let fleet = Fleet::new(couriers, routes);
            Driver { broker: Arc::new(fleet), store: one, keep: Box::new(system) }
        })
    }
}

mod fleet {
    use super::*;
    celeriac_testkit::broker_conformance!(TwoBrokers);
}

/// A memory broker with a courier.
struct Carried;

impl Harness for Carried {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let system = System::new("conformance");
            let memory = memory(setup);
            let courier = courier(&system, "one", memory.clone());
            Driver { broker: Arc::new(courier), store: memory, keep: Box::new(system) }
        })
    }
}

mod courier_alone {
    use super::*;
    celeriac_testkit::broker_conformance!(Carried);
}
