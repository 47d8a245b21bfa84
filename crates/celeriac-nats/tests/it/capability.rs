//! The README's table is what the driver says of itself.

use celeriac_testkit::{Harness as _, Setup};

use crate::harness::OnServer;

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_says_what_the_driver_can() {
    let driver = OnServer.open(Setup::default()).await;
    let can = driver.broker.capability();
    let abilities = [
        can.durable,
        can.priorities,
        can.deaths,
        can.limits,
        can.transient_queues,
        can.shared,
        can.leases,
    ];
    let words = abilities.map(|can| if can { "yes" } else { "no" });
    let row = format!("| `nats://`, `tls://` | {} |", words.join(" | "));
    assert!(include_str!("../../README.md").contains(&row), "the README lacks: {row}");
}
