//! Leases as time passes: renewed by the living, taken over from the dead.

use std::time::Duration;

use celeriac_core::broker::Limit;
use celeriac_core::{Address, Broker as _};
use celeriac_redis::Options;
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::sample;
use jumpstarter::System;

use crate::faults::{consume, open};
use celeriac_testkit::server::{Kind, Server};

/// When the lease of the only holder ends, in ms.
fn lease_end(server: &Server) -> Option<f64> {
    let client = redis::Client::open(server.address()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let holders: Vec<(String, f64)> = redis::cmd("ZRANGE")
        .arg("celeriac:holders")
        .arg(0)
        .arg(-1)
        .arg("WITHSCORES")
        .query(&mut connection)
        .unwrap();
    holders.first().map(|(_, end)| *end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_while_its_process_lives() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let _redis = open(&format!("{}?lease=300ms", server.address())).await;
    let first = lease_end(&server).unwrap();
    eventually("a renewal", async || lease_end(&server).is_some_and(|end| end > first)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_held_comes_again_by_itself() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let address = Address::from(format!("{}?lease=300ms", server.address()));
    let dying = System::new("dying");
    let dead = celeriac_redis::open(&address, Options::default(), &dying).await.unwrap();
    dead.publish(&sample::batch("q", 0..2), Limit::Respect).await.unwrap();
    let mut consumer = consume(&dead, "q").await;
    let taken = consumer.pull(2).await.unwrap();
    dead.begin(&[taken[0].receipt]).unwrap();
    // Its keeper is gone, as with the process: nothing is renewed or given back.
    dying.shutdown(Duration::from_secs(10)).await;

    let heir = open(address.expose()).await;
    let mut heirs = consume(&heir, "q").await;
    let again = within("the deliveries of the dead", heirs.pull(2)).await.unwrap();
    let deaths = Vec::from_iter(again.iter().map(|one| (one.redelivered, one.deaths)));
    assert_eq!(deaths, [(true, 1), (true, 0)]);
}
