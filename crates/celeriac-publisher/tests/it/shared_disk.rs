//! Two processes with their backlogs in one directory: the second uses it
//! through the first, and takes over when that ends.

use std::sync::Arc;

use celeriac_core::Broker;
use celeriac_core::broker::Limit;
use celeriac_embedded::Durable;
use celeriac_publisher::Courier;
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::sample::batch;
use jumpstarter::System;

use crate::outage::{Outage, Power, brisk};

/// What one of them has; each opens the directory for itself.
struct Process {
    courier: Courier,
    disk: Arc<Durable>,
    _system: System,
}

async fn process(directory: &std::path::Path, broker: &Arc<Outage>) -> Process {
    let system = System::new("process");
    let options = celeriac_embedded::Options::default();
    let disk = Durable::open(directory, options, &system).await.unwrap();
    let courier = Courier::start(&system, "b", broker.clone(), Some(disk.clone()), brisk());
    Process { courier, disk, _system: system }
}

impl Process {
    async fn send(&self, numbers: std::ops::Range<u64>) {
        let batch = batch("q", numbers);
        let sent = self.courier.publish(&batch, Limit::Respect);
        within("a send", sent).await.unwrap();
    }

    async fn until_up(&self) {
        let is_up = || std::future::ready(self.courier.report().is_up);
        eventually("the backlog to be empty", is_up).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_of_either_is_published_once_and_the_second_outlives_the_first() {
    let (directory, broker) = (tempfile::tempdir().unwrap(), Outage::new());
    let first = process(directory.path(), &broker).await;
    let second = process(directory.path(), &broker).await;
    assert!(first.disk.is_owner() && !second.disk.is_owner());
    first.until_up().await;
    second.until_up().await;
    broker.switch(Power::Off);
    first.send(0..100).await;
    second.send(100..200).await;
    broker.switch(Power::On);
    first.until_up().await;
    second.until_up().await;
    let mut published = broker.take("q", 200).await;
    published.sort_unstable();
    assert!(published.into_iter().eq(0..200), "each once");

    first.disk.close().await;
    broker.switch(Power::Off);
    second.send(200..300).await;
    assert!(second.disk.is_owner());
    broker.switch(Power::On);
    second.until_up().await;
    assert!(broker.take("q", 100).await.into_iter().eq(200..300), "in order");
}
