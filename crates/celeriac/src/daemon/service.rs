//! What the daemon does, however it is asked: sends, looks up, tells its health.

use std::time::Duration;

use celeriac_core::message::InvalidMessage;
use celeriac_core::{ErrorKind, Failure, HealthStatus, MessageId, Priority, State};
use celeriac_publisher::Error as PublishError;
use celeriac_publisher::courier::Report;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::app::App;
use crate::connect::Error;
use crate::raw::RawSignature;
use crate::result::ResultError;
use crate::send::SendError;

/// How many tasks one request may send.
const MAX_CALLS: usize = 10_000;
/// How long a result is waited for at the most.
const MAX_WAIT: Duration = Duration::from_secs(60);

pub(crate) struct Service {
    app: App,
}

/// A task to send.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    task: String,
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    kwargs: Map<String, Value>,
    #[serde(default)]
    options: Options,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    queue: Option<String>,
    priority: Option<u8>,
    countdown: Option<String>,
    expires: Option<String>,
    id: Option<MessageId>,
}

/// What is known of a task.
#[derive(Debug, Serialize)]
pub(super) struct Known {
    id: MessageId,
    state: State,
    /// Which one it is in, or ended in; the first is 1.
    attempt: u32,
    has_ended: bool,
    result: Option<Value>,
    failure: Option<Failure>,
}

/// How the daemon is.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    pub(super) status: HealthStatus,
    brokers: Vec<Report>,
}

/// Why something was not done.
#[derive(Debug)]
pub(super) struct Refusal {
    /// As HTTP says it.
    pub(super) status: u16,
    /// The same as a word.
    pub(super) kind: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        let kind = match status {
            400 => "invalid",
            401 => "denied",
            404 => "not_found",
            405 => "method",
            408 => "timeout",
            413 => "too_large",
            429 => "full",
            503 => "unavailable",
            _ => "internal",
        };
        Self { status, kind, message: message.into() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::json!({ "kind": self.kind, "message": self.message })
    }
}

impl Service {
    pub(super) const fn new(app: App) -> Self {
        Self { app }
    }

    /// Sends tasks, in order; all of a request or, on an error, perhaps some.
    pub(super) async fn send(&self, calls: Vec<Call>) -> Result<Vec<MessageId>, Refusal> {
        if calls.len() > MAX_CALLS {
            let message = format!("{} tasks in one request; at most {MAX_CALLS}", calls.len());
            return Err(Refusal::new(413, message));
        }
        let calls = calls.into_iter().map(Call::into_signature);
        let calls = calls.collect::<Result<Vec<_>, _>>()?;
        let sent = self.app.send_raw_many(calls).await?;
        Ok(sent.iter().map(|result| result.id()).collect())
    }

    /// What is known of a task, once it has ended or `wait` is over.
    pub(super) async fn known(&self, id: &str, wait: Option<&str>) -> Result<Known, Refusal> {
        let id: MessageId = id
            .parse()
            .map_err(|_| Refusal::new(400, format!("`{id}` is no id of a task: a UUID")))?;
        let wait = wait.map(|wait| duration("wait", wait)).transpose()?.unwrap_or_default();
        let result = self.app.result::<Value>(id).await.map_err(of_connect)?;
        if !wait.is_zero() {
            // How it ended is read below.
            let _ = result.get_timeout(wait.min(MAX_WAIT)).await;
        }
        let Some(entry) = result.entry().await.map_err(of_connect)? else {
            let (state, attempt, has_ended) = (State::Pending, 1, false);
            return Ok(Known { id, state, attempt, has_ended, result: None, failure: None });
        };
        let value = match entry.state {
            State::Success => match result.get().await {
                Ok(value) => Some(value),
                Err(ResultError::Ignored(_)) => None,
                Err(error) => return Err(Refusal::new(500, error.to_string())),
            },
            _ => None,
        };
        let outcome = entry.outcome;
        let has_ended = outcome.is_some();
        let failure = outcome.and_then(|outcome| outcome.failure).or(entry.failure);
        let failure = failure.map(|failure| *failure);
        let (state, attempt) = (entry.state, entry.attempt + 1);
        Ok(Known { id, state, attempt, has_ended, result: value, failure })
    }

    /// How the brokers are; the worst of them, unless others stand in.
    pub(super) async fn health(&self) -> Result<Health, Refusal> {
        let brokers = self.app.brokers().await.map_err(of_connect)?;
        let status = brokers.iter().map(|broker| broker.health).max().unwrap_or_default();
        Ok(Health { status, brokers })
    }
}

impl Call {
    fn into_signature(self) -> Result<RawSignature, Refusal> {
        let Self { task, args, kwargs, options } = self;
        let priority = options.priority.map(Priority::new).transpose();
        let time =
            |name: &str, text: Option<String>| text.map(|text| duration(name, &text)).transpose();
        Ok(RawSignature {
            name: task,
            args,
            kwargs,
            queue: options.queue,
            priority: priority.map_err(|error| Refusal::new(400, error.to_string()))?,
            countdown: time("countdown", options.countdown)?,
            expires: time("expires", options.expires)?,
            id: options.id,
            sinks: Vec::new(),
        })
    }
}

fn duration(name: &str, text: &str) -> Result<Duration, Refusal> {
    humantime::parse_duration(text).map_err(|_| {
        let message = format!("{name}: `{text}` is no duration such as `250ms`, `30s` or `1h`");
        Refusal::new(400, message)
    })
}

fn of_connect(error: Error) -> Refusal {
    let status = match &error {
        Error::Driver(cause) if cause.is_retryable() => 503,
        _ => 500,
    };
    Refusal::new(status, error.to_string())
}

impl From<SendError> for Refusal {
    fn from(error: SendError) -> Self {
        let status = match &error {
            SendError::Encode(_) => 400,
            SendError::Publish(PublishError::Invalid(InvalidMessage::BodyTooLarge { .. })) => 413,
            SendError::Publish(PublishError::Invalid(_)) => 400,
            SendError::Publish(PublishError::Full { .. }) => 429,
            SendError::Publish(PublishError::Driver(cause)) => match cause.kind() {
                ErrorKind::Busy | ErrorKind::NoSpace => 429,
                ErrorKind::Invalid | ErrorKind::Unsupported => 400,
                kind if kind.is_retryable() => 503,
                _ => 500,
            },
            SendError::Publish(PublishError::Crashed | PublishError::Stopped) => 503,
            SendError::Connect(Error::Driver(cause)) if cause.is_retryable() => 503,
            _ => 500,
        };
        Self::new(status, error.to_string())
    }
}
