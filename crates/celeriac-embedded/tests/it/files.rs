//! What is found in the directory, and what happens when the disk is full.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::{Broker, Error, ErrorKind, Message, Name, QueueName};
use celeriac_embedded::{Durable, Options};
use jumpstarter::System;

const DATABASE: &str = "celeriac.db";

async fn open(directory: &Path) -> Result<Arc<Durable>, Error> {
    open_with(directory, Options::default()).await
}

async fn open_with(directory: &Path, options: Options) -> Result<Arc<Durable>, Error> {
    Durable::open(directory, options, &System::new("files")).await
}

fn messages(count: usize, bytes: usize) -> Vec<Arc<Message>> {
    let message = || Message::command(Name::from_static("t"), vec![b'x'; bytes]);
    std::iter::repeat_with(|| Arc::new(message())).take(count).collect()
}

fn subscription() -> Subscription {
    Subscription { queues: vec![QueueName::DEFAULT], consumer: "files".to_owned() }
}

/// Opening must fail in this way, and change nothing.
async fn assert_refused(directory: &Path, kind: ErrorKind, reason: &str) {
    let before = std::fs::read(directory.join(DATABASE)).unwrap();
    let error = open(directory).await.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(reason), "{error}");
    assert!(error.to_string().contains(DATABASE), "{error}");
    assert_eq!(std::fs::read(directory.join(DATABASE)).unwrap(), before);
}

#[tokio::test]
async fn a_text_file_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(DATABASE), "my shopping list ".repeat(20)).unwrap();
    assert_refused(directory.path(), ErrorKind::Corrupt, "no SQLite database").await;
    std::fs::write(directory.path().join(DATABASE), "short").unwrap();
    assert_refused(directory.path(), ErrorKind::Corrupt, "too short").await;
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE);
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE photos (id INTEGER)").unwrap();
    drop(foreign);
    assert_refused(directory.path(), ErrorKind::Corrupt, "another program's").await;
}

#[tokio::test]
async fn a_newer_version_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path()).await.unwrap().close().await;
    let path = directory.path().join(DATABASE);
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA user_version = 9; PRAGMA journal_mode = DELETE").unwrap();
    drop(newer);
    assert_refused(directory.path(), ErrorKind::Config, "version 9").await;
}

#[tokio::test]
async fn a_database_that_was_cut_off_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open(directory.path()).await.unwrap();
    broker.publish(&messages(500, 500), Limit::Respect).await.unwrap();
    broker.close().await;
    let path = directory.path().join(DATABASE);
    let whole = std::fs::metadata(&path).unwrap().len();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(whole / 2).unwrap();
    assert_refused(directory.path(), ErrorKind::Corrupt, "cut off").await;
}

#[tokio::test]
async fn a_file_is_no_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "text").unwrap();
    let error = open(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let below = open(&path.join("below")).await.unwrap_err();
    assert_eq!(below.kind(), ErrorKind::Config, "{below}");
}

#[tokio::test]
async fn a_closed_broker_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).await.unwrap();
    first.publish(&messages(3, 10), Limit::Respect).await.unwrap();
    first.close().await;
    let error = first.publish(&messages(1, 1), Limit::Respect).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let second = open(directory.path()).await.unwrap();
    assert_eq!(second.queues().await.unwrap()[0].ready, 3);
    second.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { max_bytes: Some(2 << 20), ..Options::default() };
    let broker = open_with(directory.path(), options.clone()).await.unwrap();
    let mut stored = 0;
    let full = loop {
        match broker.publish(&messages(100, 1000), Limit::Respect).await {
            Ok(_) => stored += 100,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::NoSpace, "{full}");
    assert!(full.is_retryable() && stored > 500);
    assert_eq!(broker.queues().await.unwrap()[0].ready, stored);

    let mut consumer = broker.consume(subscription()).await.unwrap();
    let mut left = stored;
    while left > stored / 2 {
        let deliveries = consumer.pull(100).await.unwrap();
        left -= deliveries.len() as u64;
        let settle = |receipt| Settlement { receipt, verdict: Verdict::Ack };
        let receipts = deliveries.iter().map(|delivery| delivery.receipt);
        broker.settle(receipts.map(settle).collect()).await.unwrap();
    }
    // An acknowledgement frees room a little later.
    let more = messages(100, 1000);
    let publish = async {
        while broker.publish(&more, Limit::Respect).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), publish).await.unwrap();
    broker.close().await;
    let broker = open_with(directory.path(), options).await.unwrap();
    assert_eq!(broker.queues().await.unwrap()[0].ready, left + 100);
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_message_is_delivered_as_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open(directory.path()).await.unwrap();
    broker.publish(&messages(3, 10), Limit::Respect).await.unwrap();
    broker.close().await;
    let database = rusqlite::Connection::open(directory.path().join(DATABASE)).unwrap();
    let pack = database.query_row("SELECT messages FROM pack", [], |row| row.get(0));
    let mut damaged: Vec<u8> = pack.unwrap();
    let length = damaged.len() / 3;
    // The second envelope no longer begins as one.
    damaged[length + 4] = 0xc1;
    database.execute("UPDATE pack SET messages = ?", [damaged]).unwrap();
    drop(database);

    let broker = open(directory.path()).await.unwrap();
    let mut consumer = broker.consume(subscription()).await.unwrap();
    let deliveries = consumer.pull(9).await.unwrap();
    let readable: Vec<_> = deliveries.iter().map(|one| one.payload.is_ok()).collect();
    assert_eq!(readable, [true, false, true]);
    let undecodable = deliveries[1].payload.as_ref().unwrap_err();
    assert_eq!(undecodable.raw.len(), length - 4);
    assert_eq!(undecodable.queue, QueueName::DEFAULT);
    let ack = |receipt| Settlement { receipt, verdict: Verdict::Ack };
    let acks = deliveries.iter().map(|delivery| ack(delivery.receipt)).collect();
    broker.settle(acks).await.unwrap();
    broker.close().await;
    let broker = open(directory.path()).await.unwrap();
    assert!(broker.queues().await.unwrap().is_empty());
    broker.close().await;
}

#[tokio::test]
async fn an_address_leads_to_a_driver() {
    let directory = tempfile::tempdir().unwrap();
    let system = System::new("files");
    let address = format!("file://{}", directory.path().join("new").display());
    for (address, durable) in [("memory://", false), (address.as_str(), true)] {
        let opened = celeriac_embedded::open(address, Options::default(), &system).await.unwrap();
        assert_eq!(opened.broker.capability().durable, durable);
        opened.broker.close().await;
    }
    let wrong = celeriac_embedded::open("redis://x", Options::default(), &system).await;
    assert_eq!(wrong.err().unwrap().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn what_runs_while_the_broker_closes_was_not_killed() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let broker = open(directory.path()).await.unwrap();
        if broker.queues().await.unwrap().is_empty() {
            broker.publish(&messages(1, 10), Limit::Respect).await.unwrap();
        }
        let mut consumer = broker.consume(subscription()).await.unwrap();
        let delivery = consumer.pull(1).await.unwrap().remove(0);
        assert_eq!(delivery.deaths, 0);
        broker.begin(&[delivery.receipt]).unwrap();
        broker.close().await;
    }
}
