//! The sink: documents become messages of a subject that a stream keeps, one
//! for an id.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use celeriac_core::error::Result;
use celeriac_core::{Address, BoxFuture, Error, ErrorKind, Message};
use serde_json::json;

use crate::client::{Client, Sending};
use crate::config::{self, Options, Target};
use crate::place::{create, nanos};

const OPERATION: &str = "write to a subject";
/// The longest subject that is taken for one on purpose.
const MAX_SUBJECT_BYTES: usize = 255;
/// How long a stream that the sink makes remembers ids.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);
/// What the headers of a document take at the most, beside its names and the
/// subject.
const HEADERS: usize = 512;

/// A sink that publishes each document to a subject of NATS, which a JetStream
/// stream keeps. One is made when the first document comes, unless a stream
/// takes the subject: with the subject's name and `-` for `.`, file storage and
/// no limits. The value's bytes are the payload, as they are; the headers are
///
/// | header | what |
/// |---|---|
/// | `Celeriac-Id` | the task's id |
/// | `Nats-Msg-Id` | the task's id, `/` and the subject: what JetStream tells repetitions by |
/// | `Celeriac-Name` | the task's name |
/// | `Celeriac-At` | when the document was made, such as `2024-02-29T12:34:56.789Z` |
/// | `Content-Type` | how the value is to be read, such as `application/json` |
///
/// Written is what the stream has confirmed. An id that was written to the
/// subject within the stream's `duplicate_window`, 1 h in a stream that the sink
/// made, is not stored again; later, who reads tells repetitions by the id.
/// Sinks over several subjects may share a stream: each gets its copy. A
/// document above the server's `max_payload` is refused for good. After all else
/// documents wait; those of a batch that the stream did refuse then come behind
/// the others.
///
/// ```
/// use celeriac_nats::Sink;
/// # fn main() -> Result<(), celeriac_core::Error> {
/// let feed = Sink::new("tls://shop:hunter2@nats", "shop.results")?;
/// # assert!(!format!("{feed:?}").contains("hunter2"));
/// # Ok(())
/// # }
/// ```
pub struct Sink {
    target: Target,
    subject: String,
    /// Made when the first document comes.
    client: Option<Client>,
    /// Whether a stream takes the subject.
    is_ready: bool,
}

impl Sink {
    /// A sink over a subject, on the server (or cluster, with hosts separated by
    /// commas) at `address`: `nats://user:password@host:port`,
    /// `nats://token@host`, or `tls://` for TLS. Nothing is opened before the
    /// first document comes.
    ///
    /// # Errors
    /// `Config` for an address that can't be read or has parameters of the
    /// broker's (`prefix`, `lease`), and for what is no subject, or one with
    /// wildcards.
    pub fn new(address: impl Into<Address>, subject: &str) -> Result<Self> {
        let target = target(&address.into())?;
        if !is_subject(subject) {
            let context = format!(
                "subject `{}`: write words with dots between them, such as `shop.results`, of \
                 {MAX_SUBJECT_BYTES} bytes at the most, without blanks and wildcards",
                subject.escape_debug()
            );
            return Err(Error::new(ErrorKind::Config, OPERATION, context));
        }
        Ok(Self { target, subject: subject.to_owned(), client: None, is_ready: false })
    }

    async fn publish(&mut self, batch: &[Arc<Message>]) -> Result<()> {
        let client = match &mut self.client {
            Some(client) => client,
            None => self.client.insert(Client::connect(&self.target).await?),
        };
        let sendings = batch.iter().map(|document| sending(client, &self.subject, document));
        let sendings = sendings.collect::<Result<Vec<Sending>>>()?;
        if !self.is_ready {
            make_ready(client, &self.subject).await?;
            self.is_ready = true;
        }
        for ack in client.send_all(OPERATION, sendings).await?.iter().flatten() {
            if !client.is_stored(OPERATION, ack)? {
                self.is_ready = false;
                let context = format!("{self}: no stream takes the subject any more; one is made");
                return Err(Error::new(ErrorKind::Busy, OPERATION, context));
            }
        }
        Ok(())
    }
}

/// A document as it is sent; refused if the server never takes it.
fn sending(client: &Client, subject: &str, document: &Message) -> Result<Sending> {
    // What is no printable ASCII would end the header, or not arrive.
    let name = document.name.as_str().escape_default().to_string();
    let content_type = document.content_type.as_str().escape_default().to_string();
    // A stream may take many subjects, and leaves out what repeats an id of any of
    // them: a copy for each subject needs an id for each.
    let copy = format!("{}/{}", document.id, subject.escape_default());
    let texts = name.len() + content_type.len() + copy.len();
    let bytes = document.body.len() + texts + HEADERS;
    if bytes > client.max_payload() {
        let context = format!(
            "{}: the value of {} ({}) has {} bytes, and with its headers more than the server's \
             `max_payload` of {}; raise that, or give a reference",
            client.shown(),
            document.name,
            document.id,
            document.body.len(),
            client.max_payload()
        );
        return Err(Error::new(ErrorKind::Invalid, OPERATION, context));
    }
    let mut headers = HeaderMap::new();
    headers.insert("Celeriac-Id", document.id.to_string());
    headers.insert("Nats-Msg-Id", copy);
    headers.insert("Celeriac-Name", name);
    headers.insert("Celeriac-At", document.created_at.to_string());
    headers.insert("Content-Type", content_type);
    let (subject, payload) = (subject.into(), document.body.clone());
    Ok(Sending { subject, headers: Some(headers), payload, is_answered: true })
}

/// Makes a stream for the subject, unless there is one.
async fn make_ready(client: &Client, subject: &str) -> Result<()> {
    if is_taken(client, subject).await? {
        return Ok(());
    }
    let stream = subject.replace(['.', '/', '\\'], "-");
    let config = json!({
        "name": stream, "subjects": [subject], "retention": "limits", "storage": "file",
        "discard": "old", "max_consumers": -1, "max_msgs": -1, "max_bytes": -1,
        "max_msg_size": -1, "max_age": 0, "num_replicas": 1, "allow_direct": true,
        "duplicate_window": nanos(REMEMBERED),
    });
    create(client, &stream, &config).await?;
    if is_taken(client, subject).await? {
        return Ok(());
    }
    let context = format!(
        "{}: there is a stream {stream} that does not take the subject {subject}; add the subject \
         to it or to another stream, or name another subject",
        client.shown()
    );
    Err(Error::new(ErrorKind::Config, OPERATION, context))
}

/// Whether a stream takes the subject.
async fn is_taken(client: &Client, subject: &str) -> Result<bool> {
    let names = client.call(OPERATION, "STREAM.NAMES", &json!({ "subject": subject })).await?;
    Ok(names["streams"].as_array().is_some_and(|streams| !streams.is_empty()))
}

/// The servers of an address that says nothing of the broker's.
fn target(address: &Address) -> Result<Target> {
    let wrong = |why: String| {
        Error::new(ErrorKind::Config, OPERATION, format!("the address `{address}` {why}"))
    };
    if !matches!(address.scheme().as_str(), "nats" | "tls") {
        return Err(wrong("is none: use nats://user:password@host:4222, or tls://".to_owned()));
    }
    if address.is_redacted() {
        let why = "has `***` in place of its password or token: write that";
        return Err(wrong(why.to_owned()));
    }
    let parameters = address.rest().split_once('?').map_or("", |(_, parameters)| parameters);
    let mut names = parameters.split('&').filter_map(|parameter| parameter.split('=').next());
    if let Some(ours) = names.find(|name| matches!(*name, "prefix" | "lease")) {
        return Err(wrong(format!("has `{ours}`, which is for brokers: leave it away")));
    }
    config::read(address, Options::default())
}

fn is_subject(text: &str) -> bool {
    let is_word = |word: &str| {
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
        !word.is_empty() && !word.contains(is_odd)
    };
    // What begins with `$` is the server's own.
    text.len() <= MAX_SUBJECT_BYTES && !text.starts_with('$') && text.split('.').all(is_word)
}

/// The clone has a connection of its own.
impl Clone for Sink {
    fn clone(&self) -> Self {
        let (target, subject) = (self.target.clone(), self.subject.clone());
        Self { target, subject, client: None, is_ready: false }
    }
}

impl celeriac_core::Sink for Sink {
    fn write<'a>(&'a mut self, batch: &'a [Arc<Message>]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match batch {
                [] => Ok(()),
                batch => self.publish(batch).await,
            }
        })
    }
}

impl fmt::Display for Sink {
    /// Where it writes, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, subject {}", self.target.shown, self.subject)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sink").field(&self.to_string()).finish()
    }
}
