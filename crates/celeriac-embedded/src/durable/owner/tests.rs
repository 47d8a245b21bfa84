//! The actors of the disk crash in the middle of what they do.

use std::sync::Arc;

use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::outcome::{Completion, Outcome};
use celeriac_core::store::Watch;
use celeriac_core::{
    Broker, ContentType, ErrorKind, Message, MessageId, Name, QueueName, Timestamp,
};
use celeriac_testkit::probe::poll_once;
use jumpstarter::System;

use super::Owner;
use crate::Options;
use crate::durable::Durable;
use crate::durable::changes::{Change, Complete, Nothing};
use crate::durable::journal::Tables;
use crate::hub::Hub;

/// More than an actor may have by default.
const CRASHES: u32 = 8;

/// Panics before the transaction, or after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Panics {
    Before,
    After,
}

impl Change for Panics {
    type Answer = ();
    const OPERATION: &'static str = "panic";
    const GROWS: bool = false;

    fn apply(&mut self, _tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        assert!(*self != Self::Before, "before the transaction");
        Ok(())
    }

    fn committed(self, _hub: &Hub, (): &()) {
        assert!(self != Self::After, "after the transaction");
    }
}

async fn owner(directory: &std::path::Path, system: &System) -> Owner {
    Owner::open(directory, &Options::default(), system).await.unwrap().unwrap()
}

fn message() -> Arc<Message> {
    Message::command(Name::from_static("t"), "x").into()
}

fn subscription() -> Subscription {
    Subscription { queues: vec![QueueName::DEFAULT], consumer: "test".to_owned() }
}

fn completion(id: MessageId) -> Completion {
    let outcome = Outcome::success(0, Timestamp::now(), ContentType::Json, "1".into());
    Completion { id, outcome, expires_at: Timestamp::NEVER }
}

#[tokio::test]
async fn who_shares_a_transaction_that_crashes_is_told_and_nothing_of_it_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new("test");
    let owner = owner(directory.path(), &system).await;
    let id = MessageId::new();
    for _ in 0..CRASHES {
        let (panic, complete) =
            tokio::join!(owner.write(Panics::Before), owner.complete(vec![completion(id)]));
        let error = panic.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains("done or not: try again"), "{error}");
        // In the same transaction it failed, too; in the next one it did not.
        if let Err(error) = complete {
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        }
    }
    owner.complete(vec![completion(id)]).await.unwrap();
    assert_eq!(owner.disk.writer.snapshot().restarts, CRASHES);
    assert!(owner.entries(&[id]).await.unwrap()[0].is_some());
    owner.close().await;
    system.shutdown(std::time::Duration::from_secs(10)).await;
}

#[tokio::test]
async fn what_was_acknowledged_before_a_crash_does_not_come_again() {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new("test");
    let broker = Durable::open(directory.path(), Options::default(), &system).await.unwrap();
    broker.publish(&[message(), message()], Limit::Respect).await.unwrap();
    let mut consumer = broker.consume(subscription()).await.unwrap();
    let taken = consumer.pull(2).await.unwrap();
    let ack = |at: usize| Settlement { receipt: taken[at].receipt, verdict: Verdict::Ack };
    broker.settle(vec![ack(0)]).await.unwrap();
    let crate::durable::place::Role::Owner(owning) = broker.place.role("test").await.unwrap()
    else {
        panic!("it is the owner")
    };
    // The transaction that would write the acknowledgement is rolled back.
    owning.owner.write(Panics::Before).await.unwrap_err();
    // Closed before it has started again, it could not write it.
    owning.owner.disk.write(Nothing).await.unwrap();
    drop((owning, consumer));
    broker.close().await;

    let broker = Durable::open(directory.path(), Options::default(), &system).await.unwrap();
    let mut consumer = broker.consume(subscription()).await.unwrap();
    let again = consumer.pull(2).await.unwrap();
    assert_eq!(again.len(), 1, "only what was not acknowledged");
    assert_eq!(again[0].payload.as_ref().unwrap().id, taken[1].payload.as_ref().unwrap().id);
    drop(consumer);
    broker.close().await;
}

#[tokio::test]
async fn who_waits_for_an_outcome_hears_of_it_also_if_its_writer_crashed() {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new("test");
    let owner = owner(directory.path(), &system).await;
    let id = MessageId::new();
    let watches = [Watch { id, seen: 0 }];
    let mut waiting = Box::pin(owner.changed(&watches));
    while !owner.hub.results.lock().is_watched() {
        assert!(poll_once(&mut waiting).is_pending());
        tokio::task::yield_now().await;
    }
    let complete = Complete::new(vec![completion(id)]);
    // The outcome is on disk, but its writer crashed before it could tell so.
    let both =
        [Box::new(silent(Panics::After, &owner)) as _, Box::new(silent(complete, &owner)) as _];
    for op in both {
        owner.disk.writer.tell(crate::durable::writer::Write(op)).await.unwrap();
    }
    let heard = tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await;
    assert_eq!(heard.unwrap().unwrap()[0].0, id);
    owner.close().await;
}

fn silent<C: Change>(change: C, owner: &Owner) -> crate::durable::changes::Pending<C> {
    crate::durable::changes::Pending::new(change, &owner.hub.address).0
}
