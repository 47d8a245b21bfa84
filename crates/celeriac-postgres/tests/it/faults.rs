//! Connections that are cut, and a server that is killed: nothing acknowledged
//! is lost, and consumers go on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::error::Result;
use celeriac_core::{Broker, Consumer, Message, QueueName};
use celeriac_postgres::{Config, Options, Postgres};
use celeriac_testkit::probe::within;
use celeriac_testkit::proxy::Proxy;
use celeriac_testkit::sample;
use celeriac_testkit::server::Kind;
use jumpstarter::System;

use crate::place::Place;
use crate::server::Server;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// A sender that tries again until its messages are accepted.
async fn publish(broker: &dyn Broker, batch: &[Arc<Message>]) {
    while let Err(error) = broker.publish(batch, Limit::Respect).await {
        assert!(error.is_retryable(), "{error:?}");
        tokio::task::yield_now().await;
    }
}

async fn consume(broker: &dyn Broker) -> Result<Box<dyn Consumer>> {
    let (queues, consumer) = (vec![QueueName::from("q")], "faults".to_owned());
    broker.consume(Subscription { queues, consumer }).await
}

/// The other end of the connections goes away without a word.
#[tokio::test]
async fn connections_that_are_half_open_are_found_out() {
    let Some(server) = celeriac_testkit::server::Server::start(Kind::Postgres, &[]) else { return };
    let proxy = Proxy::start(server.port()).await;
    let config = Config::parse(&server.address_through(proxy.port())).unwrap();
    let system = System::new("faults");
    let postgres = Postgres::connect(config, Options::default(), &system).await.unwrap();
    publish(&*postgres, &sample::batch("q", 0..1)).await;
    proxy.mute();
    // No answer can come, so time passes at once.
    tokio::time::pause();
    let error = postgres.publish(&sample::batch("q", 1..2), Limit::Respect).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    tokio::time::resume();
    publish(&*postgres, &sample::batch("q", 2..3)).await;
    let mut seen = BTreeSet::new();
    let mut consumer = consume(&*postgres).await.unwrap();
    while !seen.is_superset(&BTreeSet::from([0, 2])) {
        let taken = within("what was published", consumer.pull(9)).await.unwrap_or_default();
        seen.extend(taken.iter().map(|it| sample::number(it.payload.as_ref().unwrap())));
    }
}

/// A worker that builds its consumer anew when it fails: takes and acknowledges
/// until it has seen so many different messages.
async fn work(broker: &dyn Broker, count: usize) -> (BTreeSet<u64>, usize) {
    let (mut seen, mut again) = (BTreeSet::new(), 0);
    let mut consumer = None;
    while seen.len() < count {
        let turn = async {
            let consumer = match &mut consumer {
                Some(consumer) => consumer,
                None => consumer.insert(consume(broker).await?),
            };
            let deliveries = consumer.pull(17).await?;
            for delivery in &deliveries {
                let is_new = seen.insert(sample::number(delivery.payload.as_ref().unwrap()));
                again += usize::from(!is_new);
            }
            let settled = deliveries
                .iter()
                .map(|delivery| Settlement { receipt: delivery.receipt, verdict: Verdict::Ack });
            broker.settle(settled.collect()).await
        };
        if let Err(error) = turn.await {
            assert!(error.is_retryable(), "{error:?}");
            consumer = None;
            tokio::task::yield_now().await;
        }
    }
    (seen, again)
}

/// Works on what came again when everything had been seen, until nothing is
/// left.
async fn drain(postgres: &Postgres) {
    let began = std::time::Instant::now();
    let work = work(postgres, usize::MAX);
    let empty = async || postgres.queues().await.is_ok_and(|queues| queues.is_empty());
    let watch = async {
        while !empty().await {
            assert!(began.elapsed() < PATIENCE, "{:?} are left", postgres.queues().await);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = work => {}
        () = watch => {}
    }
}

/// Sends and works while `fault` happens in between, `times` times.
async fn survive(postgres: &Postgres, mut fault: impl AsyncFnMut(), times: u64) {
    const EACH: u64 = 200;
    let send = async {
        for round in 0..times {
            for first in (round * EACH..(round + 1) * EACH).step_by(20) {
                publish(postgres, &sample::batch("q", first..first + 20)).await;
            }
            fault().await;
        }
    };
    let count = (times * EACH) as usize;
    let both = async { tokio::join!(send, work(postgres, count)).1 };
    let (seen, again) = tokio::time::timeout(PATIENCE, both).await.expect("everything to arrive");
    assert_eq!(seen.len(), count);
    println!("{count} messages, {times} faults, {again} came again");
}

#[tokio::test]
async fn cut_connections_lose_nothing() {
    let place = Place::new();
    let name = format!("cut_{:016x}", rand::random::<u64>());
    let config = place.config(&format!("&application_name={name}&lease=3s"));
    let options = Options::default();
    let postgres = Postgres::connect(config, options, &System::new("cut")).await.unwrap();
    let cut = async || {
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = '{name}'"
        );
        place.execute(&cut).await;
    };
    survive(&postgres, cut, 10).await;
    drain(&postgres).await;
    postgres.close().await;
}

/// The listening connection is made anew: a signal of another process comes.
#[tokio::test]
async fn a_cut_listener_hears_again() {
    let place = Place::new();
    let (here, there) = (System::new("here"), System::new("there"));
    let name = format!("deaf_{:016x}", rand::random::<u64>());
    let config = place.config(&format!("&application_name={name}"));
    let options = Options::default();
    let one = Postgres::connect(config, options, &here).await.unwrap();
    let two = place.open(&there).await;
    let mut consumer = consume(&*one).await.unwrap();
    for round in 0..3 {
        let mut pull = consumer.pull(1);
        assert!(celeriac_testkit::probe::poll_once(&mut pull).is_pending());
        publish(&*two, &sample::batch("q", round..round + 1)).await;
        let deliveries = within("what another process published", pull).await.unwrap();
        let settlement = Settlement { receipt: deliveries[0].receipt, verdict: Verdict::Ack };
        one.settle(vec![settlement]).await.unwrap();
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = '{name}' AND query LIKE 'LISTEN%'"
        );
        place.execute(&cut).await;
    }
    one.close().await;
    two.close().await;
}

/// Killed with -9 and started again, three times.
#[tokio::test]
async fn a_killed_server_loses_nothing_that_was_acknowledged() {
    let Some(mut server) = Server::start("", "").await else { return };
    let place = Place::at(&server.address("celeriac"));
    let config = place.config("&lease=2s");
    let options = Options::default();
    let postgres = Postgres::connect(config, options, &System::new("killed")).await.unwrap();
    let kill = async || {
        server.kill();
        server.start_again().await;
    };
    survive(&postgres, kill, 3).await;
    drain(&postgres).await;
    postgres.close().await;
}
