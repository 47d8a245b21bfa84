//! Leases as time passes: renewed by the living, taken over from the dead.

use std::time::Duration;

use celeriac_core::broker::{Limit, Settlement, Verdict};
use celeriac_core::{Address, Broker as _};
use celeriac_nats::Options;
use celeriac_testkit::probe::within;
use celeriac_testkit::sample;
use jumpstarter::System;

use crate::faults::{consume, open};
use celeriac_testkit::server::{Kind, Server};

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_while_its_process_lives() {
    let Some(server) = Server::start(Kind::Nats, &[]) else { return };
    let address = format!("{}?lease=1s", server.address());
    let (holder, other) = (open(&address).await, open(&address).await);
    holder.publish(&sample::batch("q", 0..1), Limit::Respect).await.unwrap();
    let mut consumer = consume(&holder, "q").await;
    let taken = consumer.pull(1).await.unwrap();
    let mut others = consume(&other, "q").await;
    // More than two leases: the test is of time that passes.
    let pulled = tokio::time::timeout(Duration::from_millis(2500), others.pull(1)).await;
    assert!(pulled.is_err(), "taken from a living holder: {pulled:?}");
    let receipt = taken[0].receipt;
    holder.settle(vec![Settlement { receipt, verdict: Verdict::Ack }]).await.unwrap();
    assert_eq!(other.queues().await.unwrap(), [], "what was renewed can't be settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_held_comes_again_by_itself() {
    let Some(server) = Server::start(Kind::Nats, &[]) else { return };
    let address = Address::from(format!("{}?lease=500ms", server.address()));
    let dying = System::new("dying");
    let dead = celeriac_nats::open(&address, Options::default(), &dying).await.unwrap();
    dead.publish(&sample::batch("q", 0..2), Limit::Respect).await.unwrap();
    let mut consumer = consume(&dead, "q").await;
    assert_eq!(consumer.pull(2).await.unwrap().len(), 2);
    // Its keeper is gone, as with the process: nothing is renewed or given back.
    dying.shutdown(Duration::from_secs(10)).await;

    let heir = open(address.expose()).await;
    let mut heirs = consume(&heir, "q").await;
    let mut again = Vec::new();
    while again.len() < 2 {
        again.extend(within("what the dead held", heirs.pull(2)).await.unwrap());
    }
    assert!(again.iter().all(|one| one.redelivered));
}
