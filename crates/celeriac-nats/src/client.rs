//! The connection: requests, many at once, and what the server answers.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{ConnectOptions, HeaderMap, Message, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use futures_util::StreamExt as _;
use futures_util::future::poll_immediate;
use serde_json::Value;
use tokio::time::timeout;

use crate::config::{Login, Target};
use crate::error::{Refusal, of_connecting, unreachable};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);

/// A connection that mends itself.
pub(crate) struct Client {
    link: async_nats::Client,
    shown: Arc<str>,
    patience: Duration,
}

/// A message to send.
pub(crate) struct Sending {
    pub(crate) subject: Subject,
    /// None: most messages say all in their payload.
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) payload: Bytes,
    /// Whether the server answers it.
    pub(crate) is_answered: bool,
}

/// What JetStream answered to a request.
pub(crate) enum Answer {
    Done(Value),
    Refused(Refusal),
}

impl Client {
    pub(crate) async fn connect(target: &Target) -> Result<Self> {
        let patience = target.options.patience();
        let options = ConnectOptions::new()
            .name("celeriac")
            .connection_timeout(CONNECT)
            // The server is asked for a sign when it says nothing for so long.
            // After the third without an answer the client connects anew: a
            // connection whose other end is gone without a word is found out in
            // a lease and a half, not in the client's own three minutes.
            .ping_interval(patience)
            .request_timeout(Some(patience))
            .require_tls(target.is_tls);
        let options = match target.login.clone() {
            Login::Nobody => options,
            Login::Token(token) => options.token(token),
            Login::User { name, password } => options.user_and_password(name, password),
        };
        let link = options.connect(target.servers.as_slice()).await;
        let link = link.map_err(|error| of_connecting(&target.shown, error))?;
        Ok(Self { link, shown: target.shown.as_str().into(), patience })
    }

    /// The address without its secrets.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Which run of which server this is.
    pub(crate) fn server(&self) -> String {
        self.link.server_info().server_id
    }

    /// How large a message may be.
    pub(crate) fn max_payload(&self) -> usize {
        self.link.max_payload()
    }

    /// What is sent without a connection would wait for one, for longer than
    /// it may be true.
    fn check_connected(&self, operation: &'static str) -> Result<()> {
        match self.link.connection_state() {
            State::Connected => Ok(()),
            State::Pending | State::Disconnected => Err(self.lost(operation)),
        }
    }

    fn lost(&self, operation: &'static str) -> Error {
        unreachable(operation, &self.shown)
    }

    /// Asks JetStream's own interface.
    pub(crate) async fn api(
        &self,
        operation: &'static str,
        verb: &str,
        request: &Value,
    ) -> Result<Answer> {
        let payload = Bytes::from(request.to_string());
        let answer = self.ask(operation, &format!("$JS.API.{verb}"), payload).await?;
        let Some(answer) = answer else {
            let context = format!("{}: there is no JetStream; start it with `-js`", self.shown);
            return Err(Error::new(ErrorKind::Config, operation, context));
        };
        self.read(operation, &answer)
    }

    /// The same, where a refusal is an error.
    pub(crate) async fn call(
        &self,
        operation: &'static str,
        verb: &str,
        request: &Value,
    ) -> Result<Value> {
        match self.api(operation, verb, request).await? {
            Answer::Done(value) => Ok(value),
            Answer::Refused(refusal) => Err(refusal.into_error(operation, &self.shown)),
        }
    }

    fn read(&self, operation: &'static str, answer: &[u8]) -> Result<Answer> {
        let corrupt = |error: serde_json::Error| {
            let context = format!("{}: an answer can't be read", self.shown);
            Error::new(ErrorKind::Corrupt, operation, context).caused_by(error)
        };
        let mut value: Value = serde_json::from_slice(answer).map_err(corrupt)?;
        match value.get_mut("error").map(Value::take) {
            Some(error) => Ok(Answer::Refused(serde_json::from_value(error).map_err(corrupt)?)),
            None => Ok(Answer::Done(value)),
        }
    }

    /// Asks; nothing if nobody is there to answer.
    pub(crate) async fn ask(
        &self,
        operation: &'static str,
        subject: &str,
        payload: Bytes,
    ) -> Result<Option<Bytes>> {
        self.check_connected(operation)?;
        // The client's own limit begins once the request is handed over.
        let asked = timeout(self.patience, self.link.request(subject.to_owned(), payload));
        match asked.await.map_err(|_| self.lost(operation))? {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == async_nats::RequestErrorKind::NoResponders => Ok(None),
            Err(error) => Err(self.lost(operation).caused_by(error)),
        }
    }

    /// Sends messages, in order, and waits for all the answers: those to the
    /// sendings that are answered, by position.
    pub(crate) async fn send_all(
        &self,
        operation: &'static str,
        batch: Vec<Sending>,
    ) -> Result<Vec<Option<Message>>> {
        self.check_connected(operation)?;
        let inbox = self.link.new_inbox();
        let mut answers: Vec<Option<Message>> = batch.iter().map(|_| None).collect();
        let mut missing = batch.iter().filter(|sending| sending.is_answered).count();
        let mut replies = self.subscribe(operation, format!("{inbox}.*")).await?;
        for (position, sending) in batch.into_iter().enumerate() {
            let reply = sending.is_answered.then(|| format!("{inbox}.{position}"));
            self.send(operation, sending, reply).await?;
        }
        while missing > 0 {
            let Some(reply) = self.next(operation, &mut replies).await? else {
                return Err(self.lost(operation));
            };
            let position = reply.subject.rsplit('.').next().and_then(|last| last.parse().ok());
            let Some(slot) = position.and_then(|at: usize| answers.get_mut(at)) else { continue };
            missing -= usize::from(slot.is_none());
            *slot = Some(reply);
        }
        Ok(answers)
    }

    /// Asks, and listens to more than one answer.
    pub(crate) async fn ask_many(
        &self,
        operation: &'static str,
        subject: String,
        payload: Bytes,
    ) -> Result<Subscriber> {
        self.check_connected(operation)?;
        let inbox = self.link.new_inbox();
        let replies = self.subscribe(operation, inbox.clone()).await?;
        let subject = subject.into();
        let sending = Sending { subject, headers: None, payload, is_answered: true };
        self.send(operation, sending, Some(inbox)).await?;
        Ok(replies)
    }

    /// Sends one message. A connection that takes nothing any more makes the
    /// client wait for room: that, too, has an end.
    async fn send(
        &self,
        operation: &'static str,
        sending: Sending,
        reply: Option<String>,
    ) -> Result<()> {
        self.in_time(operation, self.hand_over(operation, sending, reply)).await?
    }

    /// Waits, but not for ever. Nearly always there is room to send, and of a batch of
    /// answers most are there: then no clock need be asked.
    async fn in_time<T>(
        &self,
        operation: &'static str,
        awaited: impl Future<Output = T>,
    ) -> Result<T> {
        let mut awaited = pin!(awaited);
        if let Some(done) = poll_immediate(&mut awaited).await {
            return Ok(done);
        }
        timeout(self.patience, awaited).await.map_err(|_| self.lost(operation))
    }

    async fn hand_over(
        &self,
        operation: &'static str,
        Sending { subject, headers, payload, .. }: Sending,
        reply: Option<String>,
    ) -> Result<()> {
        let link = &self.link;
        let sent = match (reply, headers) {
            (Some(reply), Some(headers)) => {
                link.publish_with_reply_and_headers(subject, reply, headers, payload).await
            }
            (Some(reply), None) => link.publish_with_reply(subject, reply, payload).await,
            (None, Some(headers)) => link.publish_with_headers(subject, headers, payload).await,
            (None, None) => link.publish(subject, payload).await,
        };
        sent.map_err(|error| self.lost(operation).caused_by(error))
    }

    /// The next answer, if it comes in time.
    pub(crate) async fn next(
        &self,
        operation: &'static str,
        replies: &mut Subscriber,
    ) -> Result<Option<Message>> {
        self.in_time(operation, replies.next()).await
    }

    pub(crate) async fn subscribe(
        &self,
        operation: &'static str,
        subject: String,
    ) -> Result<Subscriber> {
        let subscribed = self.in_time(operation, self.link.subscribe(subject)).await?;
        subscribed.map_err(|error| self.lost(operation).caused_by(error))
    }

    /// Tells who listens now, without an answer; it may be lost.
    pub(crate) async fn tell(&self, subject: String, payload: Bytes) {
        // Who was not told looks by itself a while later.
        let subject = subject.into();
        let sending = Sending { subject, headers: None, payload, is_answered: false };
        let _ = self.send("tell", sending, None).await;
    }

    /// Writes everything that was sent.
    pub(crate) async fn flush(&self) {
        let _ = timeout(self.patience, self.link.flush()).await;
    }

    /// Whether the server said that nobody is there.
    pub(crate) fn is_nobody(message: &Message) -> bool {
        message.status == Some(StatusCode::NO_RESPONDERS)
    }

    /// Whether a stream took a message; `false` if there is no stream.
    pub(crate) fn is_stored(&self, operation: &'static str, ack: &Message) -> Result<bool> {
        if Self::is_nobody(ack) {
            return Ok(false);
        }
        match self.read(operation, &ack.payload)? {
            Answer::Done(_) => Ok(true),
            Answer::Refused(refusal) => Err(refusal.into_error(operation, &self.shown)),
        }
    }
}
