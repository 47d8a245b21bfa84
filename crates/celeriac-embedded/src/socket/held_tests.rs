//! A client that takes due messages, and goes before it has got them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::store::Timers;
use celeriac_core::{Message, Name, Timestamp};
use celeriac_testkit::probe::eventually;
use jumpstarter::System;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::VERSION;
use super::frame::{self, FrameKind, Hello};
use super::path::SocketPath;
use super::request::Request;
use crate::Options;
use crate::durable::Durable;

const LEASE_MS: u64 = 30_000;
const DUE: Timestamp = Timestamp::from_millis(1_000);
const NOW: Timestamp = Timestamp::from_millis(2_000);

/// A directory with messages that are due, of this many bytes together.
async fn open(directory: &Path, system: &System, bytes: usize) -> Arc<Durable> {
    let durable = Durable::open(directory, Options::default(), system).await.unwrap();
    let message = |_| {
        let mut message = Message::command(Name::from_static("t"), vec![7_u8; bytes / 4]);
        message.rare_mut().eta = Some(DUE);
        Arc::new(message)
    };
    let batch: Vec<_> = (0..4).map(message).collect();
    durable.schedule(&batch).await.unwrap();
    assert_eq!(durable.next_due().await.unwrap(), Some(DUE));
    durable
}

/// Greets, and asks for what is due.
async fn ask(directory: &Path) -> UnixStream {
    let path = SocketPath::of(directory).unwrap();
    let mut client = UnixStream::connect(path.as_path()).await.unwrap();
    let hello = Hello { version: VERSION, pid: std::process::id() };
    let request = Request::TakeDue(NOW, 9, LEASE_MS);
    for frame in [
        frame::encode(0, FrameKind::Hello, &hello).unwrap(),
        frame::encode(1, FrameKind::Request, &request).unwrap(),
    ] {
        client.write_all(&frame).await.unwrap();
    }
    client
}

async fn taken(durable: &Durable) {
    let until = NOW.after(Duration::from_millis(LEASE_MS));
    eventually("what is due to be taken", || async {
        durable.next_due().await.unwrap() == Some(until)
    })
    .await;
}

#[tokio::test]
async fn what_was_not_written_is_due_again_at_once() {
    let (directory, system) = (tempfile::tempdir().unwrap(), System::new("test"));
    // More than a socket takes of somebody who does not read.
    let durable = open(directory.path(), &system, 16 << 20).await;
    let client = ask(directory.path()).await;
    taken(&durable).await;
    drop(client);
    durable.timers_changed().await.unwrap();
    assert_eq!(durable.next_due().await.unwrap(), Some(DUE));
    let again = durable.take_due(NOW, 9, Duration::from_secs(30)).await.unwrap();
    assert_eq!(again.len(), 4);
}

#[tokio::test]
async fn so_is_what_a_client_cancels() {
    let (directory, system) = (tempfile::tempdir().unwrap(), System::new("test"));
    let durable = open(directory.path(), &system, 16 << 20).await;
    let mut client = ask(directory.path()).await;
    taken(&durable).await;
    client.write_all(&frame::encode_empty(1, FrameKind::Cancel)).await.unwrap();
    durable.timers_changed().await.unwrap();
    assert_eq!(durable.next_due().await.unwrap(), Some(DUE));
}

#[tokio::test]
async fn what_was_written_keeps_its_lease() {
    let (directory, system) = (tempfile::tempdir().unwrap(), System::new("test"));
    let durable = open(directory.path(), &system, 64).await;
    let mut client = ask(directory.path()).await;
    // The owner's hello, and the answer.
    for _ in 0..2 {
        let length = client.read_u32_le().await.unwrap();
        let mut frame = vec![0; length as usize];
        client.read_exact(&mut frame).await.unwrap();
    }
    drop(client);
    // Its session has ended.
    eventually("the end of the session", || async {
        let actors = system.snapshot();
        actors.iter().any(|actor| actor.path == "embedded-server" && actor.spawned == 0)
    })
    .await;
    let until = NOW.after(Duration::from_millis(LEASE_MS));
    assert_eq!(durable.next_due().await.unwrap(), Some(until));
}
