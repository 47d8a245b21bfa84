//! The table of the README is true.

use celeriac_core::Broker;
use jumpstarter::System;

use crate::place::Place;

#[tokio::test]
async fn the_readme_says_what_it_can() {
    let place = Place::new();
    let postgres = place.open(&System::new("capability")).await;
    let can = postgres.capability();
    let word = |can: bool| if can { "yes" } else { "no" };
    let line = format!(
        "| `postgres://host/database` | {} | {} | {} | {} | {} | {} | {} |",
        word(can.durable),
        word(can.priorities),
        word(can.deaths),
        word(can.limits),
        word(can.transient_queues),
        word(can.shared),
        word(can.leases),
    );
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&line), "the README lacks: {line}");
    postgres.close().await;
}
