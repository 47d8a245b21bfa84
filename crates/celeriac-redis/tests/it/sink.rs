//! The sink: the suite on one server and on a cluster, and what becomes of
//! documents that come twice and of a server that is killed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::{
    BoxFuture, ContentType, ErrorKind, Message, MessageId, Name, Sink as _, Timestamp,
};
use celeriac_redis::Sink;
use celeriac_testkit::probe::within;
use celeriac_testkit::server::{Kind, Server, free_port};
use celeriac_testkit::sink::SinkHarness;
use redis::Connection;

use crate::harness::server;

/// A stream of its own, which is removed at the end.
pub(crate) struct Harness {
    address: String,
    stream: String,
}

impl Harness {
    fn new() -> Self {
        Self::at(server())
    }

    pub(crate) fn at(address: String) -> Self {
        Self { address, stream: format!("test:{}", MessageId::new()) }
    }

    fn connection(&self) -> Connection {
        redis::Client::open(self.address.as_str()).unwrap().get_connection().unwrap()
    }

    fn run(&self, command: &str, arguments: &[&str]) {
        redis::cmd(command).arg(arguments).exec(&mut self.connection()).unwrap();
    }

    fn made(&self) -> Sink {
        Sink::new(self.address.as_str(), &self.stream).unwrap()
    }

    /// What is in the stream, by field, in order.
    fn entries(&self) -> Vec<HashMap<String, Vec<u8>>> {
        let mut range = redis::cmd("XRANGE");
        range.arg(&self.stream).arg("-").arg("+");
        let entries: Vec<(String, _)> = range.query(&mut self.connection()).unwrap();
        entries.into_iter().map(|(_, fields)| fields).collect()
    }

    fn ids(&self) -> Vec<MessageId> {
        let id = |fields: &HashMap<_, Vec<u8>>| str::from_utf8(&fields["id"]).unwrap().parse();
        self.entries().iter().map(|fields| id(fields).unwrap()).collect()
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        let Self { address, stream } = self;
        // A private server may be gone already.
        let Ok(client) = redis::Client::open(address.as_str()) else { return };
        let Ok(mut connection) = client.get_connection() else { return };
        for key in [stream.clone(), format!("{{{stream}}}:ids"), format!("{{{stream}}}:away")] {
            let _ = redis::cmd("DEL").arg(key).exec(&mut connection);
        }
    }
}

impl SinkHarness for Harness {
    fn sink(&self) -> Box<dyn celeriac_core::Sink> {
        Box::new(self.made())
    }

    fn written(&self) -> BoxFuture<'_, Vec<MessageId>> {
        Box::pin(std::future::ready(self.ids()))
    }

    fn refused(&self) -> Option<Arc<Message>> {
        None
    }

    fn break_down(&self) {
        self.run("RENAME", &[&self.stream, &format!("{{{}}}:away", self.stream)]);
        self.run("SET", &[&self.stream, "something else"]);
    }

    fn mend(&self) {
        self.run("DEL", &[&self.stream]);
        self.run("RENAME", &[&format!("{{{}}}:away", self.stream), &self.stream]);
    }
}

mod conformance {
    use super::*;
    celeriac_testkit::sink_conformance!(Harness::new());
}

fn document(body: impl Into<bytes::Bytes>) -> Message {
    Message::document(Name::from_static("shop::bill"), ContentType::Json, body)
}

fn numbered(numbers: std::ops::Range<u64>) -> Vec<Arc<Message>> {
    numbers.map(|number| document(number.to_string()).into()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_what_the_document_said() {
    let harness = Harness::new();
    let mut document = document(&b"\xff\x00 any bytes"[..]);
    document.content_type = ContentType::Raw;
    document.created_at = Timestamp::from_millis(1_709_210_096_789);
    let id = document.id.to_string();
    harness.made().write(&[document.into()]).await.unwrap();
    let entry = harness.entries().remove(0);
    let field = |name| entry[name].clone();
    assert_eq!(field("id"), id.as_bytes());
    assert_eq!(field("name"), b"shop::bill");
    assert_eq!(field("at"), b"2024-02-29T12:34:56.789Z");
    assert_eq!(field("content_type"), b"application/octet-stream");
    assert_eq!(field("value"), b"\xff\x00 any bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_comes_twice_is_one_entry_while_its_id_is_remembered() {
    let harness = Harness::new();
    let (batch, mut sink) = (numbered(0..2), harness.made());
    let twice = [batch.clone(), batch.clone()].concat();
    sink.write(&twice).await.unwrap();
    harness.made().write(&batch).await.unwrap();
    assert_eq!(harness.ids(), [batch[0].id, batch[1].id]);

    let mut forgetful = sink.remember(Duration::ZERO);
    let forget = async {
        while harness.ids().len() < 3 {
            forgetful.write(&batch[..1]).await.unwrap();
        }
    };
    within("the id to be forgotten", forget).await;
    assert_eq!(harness.ids()[2], batch[0].id, "who reads can tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_as_many_as_it_is_told() {
    let harness = Harness::new();
    let mut sink = harness.made().max_len(100);
    let documents = numbered(0..1000);
    for batch in documents.chunks(100) {
        sink.write(batch).await.unwrap();
    }
    let ids = harness.ids();
    assert!((100..=300).contains(&ids.len()), "{}", ids.len());
    assert_eq!(ids.last(), documents.last().map(|document| &document.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_holds_something_else_is_told() {
    let harness = Harness::new();
    harness.run("SET", &[&harness.stream, "1"]);
    let error = harness.made().write(&numbered(0..1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let expected = format!("the key `{}` holds a string and no stream", harness.stream);
    assert!(error.to_string().contains(&expected), "{error}");
}

/// What was remembered before it was written would be taken for written.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_refused_is_written_when_it_comes_again() {
    let harness = Harness::new();
    // Room for one entry: its number is the last that there is.
    let last_but_one = format!("{}-{}", u64::MAX, u64::MAX - 1);
    harness.run("XADD", &[&harness.stream, &last_but_one, "id", "another"]);
    let (mut sink, batch) = (harness.made(), numbered(0..3));
    let error = sink.write(&batch).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(harness.entries()[1]["id"], batch[0].id.to_string().as_bytes());
    harness.run("RENAME", &[&harness.stream, &format!("{{{}}}:away", harness.stream)]);
    sink.write(&batch).await.unwrap();
    assert_eq!(harness.ids(), [batch[1].id, batch[2].id], "no more than was not written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_memory_takes_no_more_and_what_it_refused_later() {
    let limit = ["--maxmemory", "8mb", "--maxmemory-policy", "noeviction"];
    let Some(server) = Server::start(Kind::Redis, &limit) else { return };
    let harness = Harness::at(server.address());
    let mut sink = harness.made();
    // Twice what fits.
    let documents: Vec<Arc<Message>> =
        (0..256).map(|_| document(vec![b'1'; 1 << 16]).into()).collect();
    let (mut written, mut refused) = (0, None);
    for batch in documents.chunks(4) {
        match within("an answer", sink.write(batch)).await {
            Ok(()) => written += batch.len(),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let error = refused.expect("a limit");
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    let sent = Vec::from_iter(documents.iter().map(|document| document.id));
    assert_eq!(harness.ids(), sent[..written]);

    harness.run("CONFIG", &["SET", "maxmemory", "0"]);
    for batch in documents[written..].chunks(4) {
        sink.write(batch).await.unwrap();
    }
    assert_eq!(harness.ids(), sent);
}

#[test]
fn what_is_no_address_is_told_and_no_password() {
    for (address, part) in [
        ("postgres://a:hunter2@db", "use redis://user"),
        ("redis://a:hunter2@db:port", "invalid port"),
        ("redis://a:hunter2@db/0?prefix=x", "has parameters"),
        ("redis://a:***@db", "write the password"),
    ] {
        let error = Sink::new(address, "results").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let error = Sink::new("redis://cache", "a}b").unwrap_err();
    assert!(error.to_string().contains("stream `a}b`"), "{error}");
    let sink = Sink::new("redis://ann:hunter2@cache/1", "results").unwrap();
    assert_eq!(format!("{sink:?}"), "Sink(\"redis://ann:***@cache/1, stream results\")");
}

/// Killed with -9 while documents wait: each is there once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_no_document() {
    let Some(mut server) = Server::start(Kind::Redis, &[]) else { return };
    let harness = Harness::at(server.address());
    let mut sink = harness.made();
    let documents = numbered(0..600);
    for (round, batch) in documents.chunks(20).enumerate() {
        if round % 10 == 5 {
            server.kill();
            let error = within("an answer", sink.write(batch)).await.unwrap_err();
            assert!(error.is_retryable(), "{error}");
            server.restart();
        }
        while let Err(error) = within("an answer", sink.write(batch)).await {
            assert!(error.is_retryable(), "{error}");
        }
    }
    let sent = Vec::from_iter(documents.iter().map(|document| document.id));
    assert_eq!(harness.ids(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_waited_for() {
    let address = format!("redis://127.0.0.1:{}", free_port());
    let mut sink = Sink::new(address, "results").unwrap();
    let error = sink.write(&numbered(0..1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
}
