//! Two processes on one directory. Most of it runs in one process: the lock and
//! the socket make no difference between two opens and two processes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{
    Delivery, Limit, QueueStats, Receipt, Settlement, Subscription, Verdict,
};
use celeriac_core::error::Result;
use celeriac_core::store::{Results, Revocations, Watch};
use celeriac_core::{
    BoxFuture, Broker, Capability, Consumer, ErrorKind, Message, MessageId, Name, QueueName,
    Timestamp,
};
use celeriac_embedded::{Durable, Options};
use celeriac_testkit::probe::{eventually, within};
use celeriac_testkit::{Crashed, Driver, Harness, Setup};
use jumpstarter::System;

use crate::child;

async fn open(directory: &Path) -> Arc<Durable> {
    open_with(directory, Options::default()).await
}

async fn open_with(directory: &Path, options: Options) -> Arc<Durable> {
    let system = System::new("shared");
    Durable::open(directory, options, &system).await.unwrap()
}

fn message(number: u64) -> Arc<Message> {
    Message::command(Name::from_static("t"), number.to_be_bytes().to_vec()).into()
}

fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
    let number = |delivery: &Delivery| {
        let message = delivery.payload.as_ref().unwrap();
        u64::from_be_bytes(message.body[..].try_into().unwrap())
    };
    deliveries.iter().map(number).collect()
}

async fn consume(broker: &Durable) -> Box<dyn Consumer> {
    let subscription =
        Subscription { queues: vec![QueueName::DEFAULT], consumer: "shared".to_owned() };
    broker.consume(subscription).await.unwrap()
}

fn acks(deliveries: &[Delivery]) -> Vec<Settlement> {
    let ack = |delivery: &Delivery| Settlement { receipt: delivery.receipt, verdict: Verdict::Ack };
    deliveries.iter().map(ack).collect()
}

/// The suite, through the socket: another open owns the directory.
struct ThroughSocket;

/// A broker without deaths: those of a client are counted by its owner, which
/// a copied directory does not show. See the children below.
struct Undying(Arc<Durable>);

impl Broker for Undying {
    fn capability(&self) -> Capability {
        let ordered = Capability::NONE.durable().priorities();
        ordered.limits().transient_queues().shared()
    }

    fn publish<'a>(
        &'a self,
        batch: &'a [Arc<Message>],
        limit: Limit,
    ) -> BoxFuture<'a, Result<Vec<usize>>> {
        self.0.publish(batch, limit)
    }

    fn room<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<()>> {
        self.0.room(queue)
    }

    fn consume(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        self.0.consume(subscription)
    }

    fn begin(&self, receipts: &[Receipt]) -> Result<()> {
        self.0.begin(receipts)
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<()>> {
        self.0.settle(batch)
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueStats>>> {
        self.0.queues()
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64>> {
        self.0.purge(queue)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}

/// What must live as long as the client.
struct Kept {
    owner: Arc<Durable>,
    directory: tempfile::TempDir,
}

async fn through_socket(directory: tempfile::TempDir, setup: Setup) -> Driver {
    let defaults = Options::default();
    let options =
        Options { queue_limit: setup.queue_limit.unwrap_or(defaults.queue_limit), ..defaults };
    let owner = open_with(directory.path(), options.clone()).await;
    let client = open_with(directory.path(), options).await;
    assert!(owner.is_owner() && !client.is_owner());
    let keep = Box::new(Arc::new(Kept { owner, directory }));
    Driver { broker: Arc::new(Undying(client.clone())), store: client, keep }
}

impl Harness for ThroughSocket {
    fn open(&self, setup: Setup) -> BoxFuture<'_, Driver> {
        Box::pin(through_socket(tempfile::tempdir().unwrap(), setup))
    }

    /// The client's process dies with the owner's.
    fn reopen(&self, crashed: Crashed) -> BoxFuture<'_, Driver> {
        Box::pin(async move {
            let kept: &Arc<Kept> = crashed.driver.keep.downcast_ref().unwrap();
            let found = tempfile::tempdir().unwrap();
            let owner = kept.owner.clone();
            // Whoever closed the client has all of it on disk.
            if crashed.driver.broker.queues().await.is_err() {
                owner.close().await;
            }
            crate::conformance::copy(kept.directory.path(), found.path());
            through_socket(found, crashed.setup).await
        })
    }

    /// One more client of the same owner.
    fn join<'a>(&'a self, driver: &'a Driver, _setup: Setup) -> BoxFuture<'a, Driver> {
        Box::pin(async move {
            let kept: &Arc<Kept> = driver.keep.downcast_ref().unwrap();
            let client = open(kept.directory.path()).await;
            let broker = Arc::new(Undying(client.clone()));
            Driver { broker, store: client, keep: Box::new(kept.clone()) }
        })
    }
}

mod socket {
    use super::*;
    celeriac_testkit::conformance!(ThroughSocket);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_queues_and_results() {
    let directory = tempfile::tempdir().unwrap();
    let (owner, client) = (open(directory.path()).await, open(directory.path()).await);
    assert!(owner.is_owner() && !client.is_owner());
    client.publish(&[message(1), message(2)], Limit::Respect).await.unwrap();
    let mut consumer = consume(&owner).await;
    let deliveries = consumer.pull(9).await.unwrap();
    assert_eq!(numbers(&deliveries), [1, 2]);
    owner.settle(acks(&deliveries)).await.unwrap();

    let id = MessageId::new();
    let until = Timestamp::now().after(Duration::from_secs(60));
    let begin = client.revocations(0).await.unwrap();
    let ids = [id];
    let (changes, revoked) =
        tokio::join!(client.revocations(begin.cursor), owner.revoke(&ids, until));
    revoked.unwrap();
    assert_eq!(changes.unwrap().ids, [id]);
    client.close().await;
    assert_eq!(client.queues().await.unwrap_err().kind(), ErrorKind::Closed);
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_owner_goes_a_client_takes_over() {
    let directory = tempfile::tempdir().unwrap();
    let (owner, client) = (open(directory.path()).await, open(directory.path()).await);
    client.publish(&[message(1)], Limit::Respect).await.unwrap();
    let mut consumer = consume(&client).await;
    let deliveries = consumer.pull(9).await.unwrap();
    let watch = [Watch { id: MessageId::new(), seen: 0 }];
    let (pulled, changed, ()) =
        tokio::join!(consumer.pull(1), client.changed(&watch), owner.close());
    for error in [pulled.unwrap_err(), changed.unwrap_err()] {
        assert!(error.is_retryable(), "{error}");
    }
    // The delivery was the former owner's: it comes again.
    let settled = async || client.settle(acks(&deliveries)).await.is_ok();
    eventually("the client to take over", settled).await;
    assert!(client.is_owner());
    let mut again = Vec::new();
    while again.is_empty() {
        again = within("the delivery", consumer.pull(9)).await.unwrap_or_default();
    }
    assert_eq!((numbers(&again), again[0].redelivered), (vec![1], true));
    let third = open(directory.path()).await;
    assert!(!third.is_owner());
    assert_eq!(third.queues().await.unwrap()[0].in_flight, 1);
    third.close().await;
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_is_too_long_for_a_socket_works_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("x".repeat(100)).join("y".repeat(100));
    let (owner, client) = (open(&long).await, open(&long).await);
    assert!(owner.is_owner() && !client.is_owner());
    client.publish(&[message(1)], Limit::Respect).await.unwrap();
    assert_eq!(owner.queues().await.unwrap()[0].ready, 1);
    client.close().await;
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_pass_in_parts() {
    let directory = tempfile::tempdir().unwrap();
    let (owner, client) = (open(directory.path()).await, open(directory.path()).await);
    let large = || Arc::new(Message::command(Name::from_static("t"), vec![b'x'; 1 << 20]));
    let batch: Vec<_> = std::iter::repeat_with(large).take(80).collect();
    client.publish(&batch, Limit::Respect).await.unwrap();
    let mut consumer = consume(&client).await;
    let mut taken = Vec::new();
    while taken.len() < batch.len() {
        taken.extend(consumer.pull(100).await.unwrap());
    }
    let bodies = taken.iter().map(|delivery| delivery.payload.as_ref().unwrap().body.len());
    assert!(bodies.into_iter().all(|length| length == 1 << 20));
    drop(consumer);
    client.close().await;
    owner.close().await;
}

/// Takes three, begins two, settles one, and waits to be killed.
async fn work_and_wait(directory: &Path) {
    let client = open(directory).await;
    assert!(!client.is_owner());
    let mut consumer = consume(&client).await;
    let deliveries = consumer.pull(3).await.unwrap();
    let receipts: Vec<_> = deliveries.iter().map(|delivery| delivery.receipt).collect();
    client.begin(&receipts[..2]).unwrap();
    client.settle(acks(&deliveries[..1])).await.unwrap();
    child::say(child::READY);
    std::future::pending().await
}

#[test]
fn a_killed_client_gives_back_and_pays_with_a_life() {
    if let Some(directory) = child::directory() {
        return child::runtime().block_on(work_and_wait(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    child::runtime().block_on(async {
        let owner = open(directory.path()).await;
        let batch = [message(0), message(1), message(2)];
        owner.publish(&batch, Limit::Respect).await.unwrap();
        let this = "shared::a_killed_client_gives_back_and_pays_with_a_life";
        let mut child = child::Child::start(this, directory.path());
        tokio::task::block_in_place(|| {
            child.wait_for(child::READY);
            child.kill();
        });
        let mut consumer = consume(&owner).await;
        let mut deliveries = Vec::new();
        while deliveries.len() < 2 {
            let pull = within("what the child held", consumer.pull(9));
            deliveries.extend(pull.await.unwrap());
        }
        assert_eq!(numbers(&deliveries), [1, 2]);
        let deaths: Vec<_> = deliveries.iter().map(|one| (one.deaths, one.redelivered)).collect();
        assert_eq!(deaths, [(1, true), (0, true)]);
        owner.close().await;
    });
}

/// Owns the directory until it is killed.
async fn own_and_wait(directory: &Path) {
    let owner = open(directory).await;
    assert!(owner.is_owner());
    child::say(child::READY);
    std::future::pending().await
}

#[test]
fn a_killed_owner_is_replaced_by_its_client() {
    if let Some(directory) = child::directory() {
        return child::runtime().block_on(own_and_wait(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    child::runtime().block_on(async {
        let this = "shared::a_killed_owner_is_replaced_by_its_client";
        let mut child = child::Child::start(this, directory.path());
        tokio::task::block_in_place(|| child.wait_for(child::READY));
        let client = open(directory.path()).await;
        assert!(!client.is_owner());
        client.publish(&[message(7)], Limit::Respect).await.unwrap();
        tokio::task::block_in_place(|| child.kill());
        let published = async || client.publish(&[message(8)], Limit::Respect).await.is_ok();
        eventually("the client to take over", published).await;
        assert!(client.is_owner());
        let mut consumer = consume(&client).await;
        let first = consumer.pull(1).await.unwrap();
        assert_eq!((numbers(&first), first[0].redelivered), (vec![7], true));
        client.close().await;
    });
}
