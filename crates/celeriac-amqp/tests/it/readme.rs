//! That the table of the README is what the driver says.

use celeriac_core::{Broker as _, Capability};

use crate::harness::Place;

/// The row of an address, and whether it says yes in each column.
fn documented(row: &str) -> Vec<bool> {
    let page = include_str!("../../README.md");
    let line = page.lines().find(|line| line.starts_with(row)).unwrap();
    let cells = line.trim_matches('|').split('|').skip(1).map(str::trim);
    cells.map(|cell| cell == "yes").collect()
}

fn said(capability: Capability) -> Vec<bool> {
    let Capability { durable, priorities, deaths, limits, .. } = capability;
    let Capability { transient_queues, shared, leases, .. } = capability;
    vec![durable, priorities, deaths, limits, transient_queues, shared, leases]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_capabilities_is_true() {
    for (row, priorities) in [("| `amqp://`", true), ("| `amqp://…?priorities=false`", false)] {
        let place = Place::with(priorities);
        let (amqp, _system) = place.open().await;
        assert_eq!(documented(row), said(amqp.capability()), "{row}");
    }
}
