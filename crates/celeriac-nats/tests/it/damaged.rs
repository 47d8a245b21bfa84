//! What is no message, and messages larger than the server takes.

use celeriac_core::Broker as _;
use celeriac_core::broker::{Limit, Settlement, Verdict};
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::sample;

use crate::faults::{consume, open};
use celeriac_testkit::server::{Kind, Server};

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_are_shown_and_settled() {
    let Some(server) = Server::start(Kind::Nats, &[]) else { return };
    let nats = open(&server.address()).await;
    let mut consumer = consume(&nats, "q").await;
    let client = async_nats::connect(server.address()).await.unwrap();
    // As anybody who may write there could; nobody is told of it.
    let stored = client.request("celeriac.q.q.5", "no message".into()).await.unwrap();
    assert!(!stored.payload.is_empty());
    let taken = within("what was stored", consumer.pull(1)).await.unwrap();
    let undecodable = taken[0].payload.as_ref().unwrap_err();
    assert_eq!(&undecodable.raw[..], b"no message");
    assert_eq!(undecodable.queue.as_str(), "q");
    let settlement = Settlement { receipt: taken[0].receipt, verdict: Verdict::Ack };
    nats.settle(vec![settlement]).await.unwrap();
    assert_eq!(nats.queues().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_larger_than_the_server_takes_comes_whole_and_leaves_nothing() {
    let Some(server) = Server::start(Kind::Nats, &[]) else { return };
    let nats = open(&server.address()).await;
    let mut large = sample::numbered("q", 0);
    large.body = vec![7; 3 << 20].into();
    nats.publish(&[large.clone().into()], Limit::Respect).await.unwrap();
    let mut consumer = consume(&nats, "q").await;
    let taken = within("the message", consumer.pull(1)).await.unwrap();
    assert!(**taken[0].payload.as_ref().unwrap() == large, "it has changed");
    let settlement = Settlement { receipt: taken[0].receipt, verdict: Verdict::Ack };
    nats.settle(vec![settlement]).await.unwrap();
    // The parts are no work queue's: they are gone only if they were removed.
    let client = async_nats::connect(server.address()).await.unwrap();
    eventually("an empty stream", async || {
        let info = client.request("$JS.API.STREAM.INFO.celeriac:q", "".into()).await.unwrap();
        let info: serde_json::Value = serde_json::from_slice(&info.payload).unwrap();
        info["state"]["bytes"] == 0
    })
    .await;
}
