//! The sink: the suite, and what becomes of documents that come twice, of
//! subjects that nobody takes, and of a server that is killed.

use std::sync::Arc;

use async_nats::Client;
use celeriac_core::{
    BoxFuture, ContentType, ErrorKind, Message, MessageId, Name, Sink as _, Timestamp,
};
use celeriac_nats::Sink;
use celeriac_testkit::probe::within;
use celeriac_testkit::server::{Kind, Server, free_port};
use celeriac_testkit::sink::SinkHarness;
use serde_json::{Value, json};

use crate::harness::server;

/// A subject of its own, whose stream is removed at the end.
struct Harness {
    address: String,
    stream: String,
}

/// Asks JetStream's own interface.
async fn ask(client: &Client, verb: &str, request: Value) -> Value {
    let request = client.request(format!("$JS.API.{verb}"), request.to_string().into());
    serde_json::from_slice(&request.await.unwrap().payload).unwrap()
}

impl Harness {
    fn new() -> Self {
        Self::at(server())
    }

    fn at(address: String) -> Self {
        Self { address, stream: format!("test-{}-results", MessageId::new()) }
    }

    fn subject(&self) -> String {
        self.stream.replace("-results", ".results")
    }

    async fn client(&self) -> Client {
        async_nats::connect(self.address.as_str()).await.unwrap()
    }

    fn made(&self) -> Sink {
        Sink::new(self.address.as_str(), &self.subject()).unwrap()
    }

    /// Changes the stream's configuration.
    fn change(&self, change: impl FnOnce(&mut Value) + Send) {
        let update = async {
            let client = self.client().await;
            let info = ask(&client, &format!("STREAM.INFO.{}", self.stream), json!({})).await;
            let mut config = info["config"].clone();
            config["max_msgs"] = info["state"]["messages"].clone();
            change(&mut config);
            let verb = format!("STREAM.UPDATE.{}", self.stream);
            let updated = ask(&client, &verb, config).await;
            assert!(updated["error"].is_null(), "{updated}");
        };
        // Where nothing may be awaited.
        std::thread::scope(|scope| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            scope.spawn(|| runtime.unwrap().block_on(update)).join().unwrap();
        });
    }

    async fn messages(&self) -> Vec<async_nats::Message> {
        let client = self.client().await;
        let mut messages = Vec::new();
        loop {
            let request = json!({ "seq": messages.len() + 1 }).to_string();
            let subject = format!("$JS.API.DIRECT.GET.{}", self.stream);
            match client.request(subject, request.into()).await {
                Ok(message) if message.status.is_none() => messages.push(message),
                // No more of them, or no stream.
                _ => return messages,
            }
        }
    }

    async fn ids(&self) -> Vec<MessageId> {
        let messages = self.messages().await;
        let id = |message: &async_nats::Message| header(message, "Celeriac-Id").parse().unwrap();
        messages.iter().map(id).collect()
    }
}

fn header(message: &async_nats::Message, name: &str) -> String {
    message.headers.as_ref().unwrap().get(name).unwrap().to_string()
}

impl Drop for Harness {
    fn drop(&mut self) {
        let remove = async {
            // A private server may be gone already.
            let Ok(client) = async_nats::connect(self.address.as_str()).await else { return };
            let subject = format!("$JS.API.STREAM.DELETE.{}", self.stream);
            let _ = client.request(subject, "".into()).await;
        };
        std::thread::scope(|scope| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _ = scope.spawn(|| runtime.unwrap().block_on(remove)).join();
        });
    }
}

impl SinkHarness for Harness {
    fn sink(&self) -> Box<dyn celeriac_core::Sink> {
        Box::new(self.made())
    }

    fn written(&self) -> BoxFuture<'_, Vec<MessageId>> {
        Box::pin(self.ids())
    }

    /// More than the server's default.
    fn refused(&self) -> Option<Arc<Message>> {
        Some(document("x".repeat(1 << 20)).into())
    }

    /// The stream takes no more than it has.
    fn break_down(&self) {
        self.change(|config| config["discard"] = "new".into());
    }

    fn mend(&self) {
        self.change(|config| config["max_msgs"] = (-1).into());
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
async fn a_message_says_what_the_document_said() {
    let harness = Harness::new();
    let mut document = document(&b"\xff\x00 any bytes"[..]);
    document.name = Name::from("shop::bill\r\nö".to_owned());
    document.content_type = ContentType::Raw;
    document.created_at = Timestamp::from_millis(1_709_210_096_789);
    let id = document.id.to_string();
    harness.made().write(&[document.into()]).await.unwrap();
    let message = harness.messages().await.remove(0);
    assert_eq!(message.payload, &b"\xff\x00 any bytes"[..]);
    assert_eq!(header(&message, "Celeriac-Id"), id);
    assert_eq!(header(&message, "Nats-Msg-Id"), format!("{id}/{}", harness.subject()));
    assert_eq!(header(&message, "Celeriac-Name"), "shop::bill\\r\\n\\u{f6}");
    assert_eq!(header(&message, "Celeriac-At"), "2024-02-29T12:34:56.789Z");
    assert_eq!(header(&message, "Content-Type"), "application/octet-stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_comes_twice_is_one_message() {
    let harness = Harness::new();
    let (batch, mut sink) = (numbered(0..2), harness.made());
    sink.write(&[batch.clone(), batch.clone()].concat()).await.unwrap();
    harness.made().write(&batch).await.unwrap();
    assert_eq!(harness.ids().await, [batch[0].id, batch[1].id]);
}

/// JetStream leaves out what repeats an id anywhere in a stream.
#[tokio::test(flavor = "multi_thread")]
async fn each_subject_of_a_stream_gets_its_copy() {
    let harness = Harness::new();
    let client = harness.client().await;
    let subjects = [harness.subject(), format!("{}.\u{f6}-copies", harness.subject())];
    let config = json!({ "name": harness.stream, "subjects": subjects, "allow_direct": true });
    let made = ask(&client, &format!("STREAM.CREATE.{}", harness.stream), config).await;
    assert!(made["error"].is_null(), "{made}");
    let batch = numbered(0..2);
    for _ in 0..2 {
        for subject in &subjects {
            let mut sink = Sink::new(harness.address.as_str(), subject).unwrap();
            sink.write(&batch).await.unwrap();
        }
    }
    let ids = [batch[0].id, batch[1].id];
    assert_eq!(harness.ids().await, [ids, ids].concat(), "each once in each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_takes_the_subject_is_used_and_one_that_is_gone_made() {
    let harness = Harness::new();
    let client = harness.client().await;
    let own = format!("{}-own", harness.stream);
    let config = json!({ "name": own, "subjects": [harness.subject()] });
    ask(&client, &format!("STREAM.CREATE.{own}"), config).await;
    let (mut sink, batch) = (harness.made(), numbered(0..1));
    sink.write(&batch).await.unwrap();
    let info = ask(&client, &format!("STREAM.INFO.{own}"), json!({})).await;
    assert_eq!(info["state"]["messages"], 1);
    assert!(harness.ids().await.is_empty(), "no other stream was made");

    ask(&client, &format!("STREAM.DELETE.{own}"), json!({})).await;
    let error = sink.write(&batch).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    sink.write(&batch).await.unwrap();
    assert_eq!(harness.ids().await, [batch[0].id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_that_name_for_something_else_is_told() {
    let harness = Harness::new();
    let client = harness.client().await;
    let config = json!({ "name": harness.stream, "subjects": [format!("{}x", harness.subject())] });
    ask(&client, &format!("STREAM.CREATE.{}", harness.stream), config).await;
    let error = harness.made().write(&numbered(0..1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("does not take the subject"), "{error}");
}

#[test]
fn what_is_no_address_or_subject_is_told_and_no_password() {
    for (address, part) in [
        ("redis://a:hunter2@db", "use nats://user"),
        ("nats://a:hunter2@db?lease=3s", "has `lease`"),
        ("nats://a:hunter2@db?tls=maybe", "`tls` is `true` or `false`"),
        ("nats://a:***@db", "write that"),
    ] {
        let error = Sink::new(address, "results").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let long = "x".repeat(256);
    for subject in ["", ".", "a..b", "a b", "a.*", ">", "$JS.API", &long] {
        let error = Sink::new("nats://cache", subject).unwrap_err();
        assert!(error.to_string().contains("write words with dots"), "{error}");
    }
    let sink = Sink::new("nats://ann:hunter2@one,two?tls=true", "a.b").unwrap();
    assert_eq!(format!("{sink:?}"), "Sink(\"nats://ann:***@one,two?tls=true, subject a.b\")");
}

/// Killed with -9 while documents wait: each is there once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_no_document() {
    let Some(mut server) = Server::start(Kind::Nats, &[]) else { return };
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
            tokio::task::yield_now().await;
        }
    }
    let sent = Vec::from_iter(documents.iter().map(|document| document.id));
    assert_eq!(harness.ids().await, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_waited_for() {
    let mut sink = Sink::new(format!("nats://127.0.0.1:{}", free_port()), "results").unwrap();
    let error = sink.write(&numbered(0..1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
}
