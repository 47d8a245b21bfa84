//! Messages: what travels through a broker.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::name::MAX_NAME_BYTES;
use crate::workflow::{Each, Reference, StepId};
use crate::{ContentType, HeaderValue, MessageId, Name, QueueName, RetryPolicy, Timestamp};

pub use crate::wire::RESERVED_HEADERS;

/// How many headers of the user's own a message may bear.
pub const MAX_HEADERS: usize = 64;

/// What a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Tells a worker to run a task.
    #[default]
    Command,
    /// Says that something happened; any number of tasks subscribe.
    Event,
    /// Carries data.
    Document,
}

/// How urgent a message is: 0 to 9, 9 first. Default 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Priority(u8);

/// A number that is no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no priority: a priority is 0 to 9, and 9 goes first")]
pub struct PriorityError(u8);

impl Priority {
    /// Last.
    pub const LOWEST: Self = Self(0);
    /// First.
    pub const HIGHEST: Self = Self(9);
    /// How many priorities there are.
    pub const COUNT: usize = 10;

    /// The priority of that number.
    ///
    /// # Errors
    /// [`PriorityError`] for a number above 9.
    pub const fn new(number: u8) -> Result<Self, PriorityError> {
        if number <= 9 { Ok(Self(number)) } else { Err(PriorityError(number)) }
    }

    /// The number, 0 to 9.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self(5)
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(deserializer)?;
        Self::new(number).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The headers that most messages lack, kept apart so that the others stay small.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rare {
    /// Not before this time (countdowns become one too).
    pub eta: Option<Timestamp>,
    /// Not after this time: an expired message goes to quarantine.
    pub expires_at: Option<Timestamp>,
    /// When the whole tree of tasks must be done; children inherit it.
    pub deadline: Option<Timestamp>,
    /// The first task of the tree that this one belongs to.
    pub root_id: Option<MessageId>,
    /// The task that sent this one.
    pub parent_id: Option<MessageId>,
    /// What a reply answers.
    pub correlation_id: Option<MessageId>,
    /// The queue that a reply is expected in.
    pub reply_to: Option<QueueName>,
    /// The workflow that this message is a step of.
    pub workflow: Option<WorkflowStep>,
    /// A second message with this key within its window is not sent.
    pub dedup_key: Option<String>,
    /// Messages with the same token share a concurrency limit.
    pub concurrency_token: Option<String>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// W3C trace context, the vendors' part.
    pub tracestate: Option<String>,
    /// The signature over the rest, in a queue that demands one.
    pub signature: Option<Bytes>,
    /// Where the result goes, beside the store.
    pub sinks: Vec<String>,
    /// A retry policy for this message alone.
    pub retry: Option<RetryPolicy>,
    /// The hard time limit for this message alone.
    pub time_limit: Option<Duration>,
    /// The soft time limit for this message alone.
    pub soft_time_limit: Option<Duration>,
    /// How long the outcome is kept, for this message alone.
    pub result_ttl: Option<Duration>,
    /// The user's own headers, and any that this version does not know. A
    /// name that Celeriac uses itself is refused (see [`RESERVED_HEADERS`]).
    pub headers: BTreeMap<String, HeaderValue>,
}

/// A message's place in a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowStep {
    /// The workflow in flight.
    pub id: MessageId,
    /// The step of it.
    pub step: StepId,
    /// How often the workflow had been retried by hand when this was sent.
    #[serde(default)]
    pub epoch: u32,
    /// Ids whose revocation cancels this message too: of workflows and groups
    /// that enclose it. None for a callback, which tells what has happened.
    #[serde(default)]
    pub scopes: Vec<MessageId>,
    /// The result of the step before, where it is too large for the body: it
    /// comes in front of the arguments.
    #[serde(default)]
    pub input: Option<Reference>,
    /// Whether the task is to run for each item of its first argument.
    #[serde(default)]
    pub each: Option<Each>,
}

impl WorkflowStep {
    /// The first sending of a step, in no scope.
    #[must_use]
    pub const fn new(id: MessageId, step: StepId) -> Self {
        Self { id, step, epoch: 0, scopes: Vec::new(), input: None, each: None }
    }
}

/// A record that travels through a broker: headers, content type, body.
///
/// ```
/// use celeriac_core::{Message, Name, Priority};
/// let mut message = Message::command(Name::from_static("mail::send"), r#"{"args":[1]}"#);
/// message.priority = Priority::HIGHEST;
/// assert!(message.validate(1024).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its identity, kept through every attempt.
    pub id: MessageId,
    /// Command, event or document.
    pub kind: Kind,
    /// The task, event or document it is about.
    pub name: Name,
    /// The queue it waits in.
    pub queue: QueueName,
    /// How urgent it is within its queue.
    pub priority: Priority,
    /// How the body is to be read.
    pub content_type: ContentType,
    /// When it was made, by its maker's clock.
    pub created_at: Timestamp,
    /// How often the task was tried before; 0 at first.
    pub attempt: u32,
    /// Whether a message of the same id may have been published before: its
    /// id was chosen by the user, or an earlier publish ended in doubt. The
    /// router looks for a stored outcome before it runs such a message.
    pub may_repeat: bool,
    /// The headers that most messages lack.
    pub rare: Option<Box<Rare>>,
    /// The content.
    pub body: Bytes,
}

/// A message that breaks a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// The body is too large.
    #[error(
        "the body of {name} has {bytes} bytes, above the limit of {limit}; \
         pass a reference (a path, a key) instead of the data, or raise `max_body_bytes`"
    )]
    BodyTooLarge {
        /// The message's name.
        name: Name,
        /// The size of its body.
        bytes: usize,
        /// The configured limit.
        limit: usize,
    },
    /// A name is empty or too long.
    #[error("the {what} `{name}` has {bytes} bytes; a name has 1 to {MAX_NAME_BYTES}")]
    Name {
        /// Whose name: `task name`, `queue`.
        what: &'static str,
        /// Its first characters.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// Too many headers.
    #[error("{0} headers of the user's own; at most {MAX_HEADERS} travel with a message")]
    TooManyHeaders(usize),
    /// A header of the user's own has a name that Celeriac uses.
    #[error("the header name `{0}` is Celeriac's own; choose another")]
    ReservedHeader(String),
}

static NO_RARE: Rare = Rare {
    eta: None,
    expires_at: None,
    deadline: None,
    root_id: None,
    parent_id: None,
    correlation_id: None,
    reply_to: None,
    workflow: None,
    dedup_key: None,
    concurrency_token: None,
    traceparent: None,
    tracestate: None,
    signature: None,
    sinks: Vec::new(),
    retry: None,
    time_limit: None,
    soft_time_limit: None,
    result_ttl: None,
    headers: BTreeMap::new(),
};

impl Message {
    /// A command with a fresh id, for the default queue, body in JSON.
    #[must_use]
    pub fn command(name: Name, body: impl Into<Bytes>) -> Self {
        let created_at = Timestamp::now();
        Self {
            id: MessageId::at(created_at),
            kind: Kind::Command,
            name,
            queue: QueueName::DEFAULT,
            priority: Priority::default(),
            content_type: ContentType::Json,
            created_at,
            attempt: 0,
            may_repeat: false,
            rare: None,
            body: body.into(),
        }
    }

    /// An event with a fresh id, for the default queue, body in JSON.
    #[must_use]
    pub fn event(name: Name, body: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Event, ..Self::command(name, body) }
    }

    /// A document with a fresh id, for the default queue.
    #[must_use]
    pub fn document(name: Name, content_type: ContentType, body: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Document, content_type, ..Self::command(name, body) }
    }

    /// The headers that most messages lack, to read.
    #[must_use]
    pub fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NO_RARE)
    }

    /// The headers that most messages lack, to write.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether the message may no longer be run at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        let rare = self.rare();
        [rare.expires_at, rare.deadline].into_iter().flatten().any(|end| end <= now)
    }

    /// Checks every limit that a message must keep.
    ///
    /// # Errors
    /// The first limit that it breaks.
    pub fn validate(&self, max_body_bytes: usize) -> Result<(), InvalidMessage> {
        check_name("name", self.name.as_str())?;
        check_name("queue", self.queue.as_str())?;
        if self.body.len() > max_body_bytes {
            let (bytes, limit) = (self.body.len(), max_body_bytes);
            return Err(InvalidMessage::BodyTooLarge { name: self.name.clone(), bytes, limit });
        }
        let headers = self.rare().headers.len();
        if headers > MAX_HEADERS {
            return Err(InvalidMessage::TooManyHeaders(headers));
        }
        let mut names = self.rare().headers.keys();
        match names.find(|name| RESERVED_HEADERS.contains(&name.as_str())) {
            Some(name) => Err(InvalidMessage::ReservedHeader(name.clone())),
            None => Ok(()),
        }
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), InvalidMessage> {
    if (1..=MAX_NAME_BYTES).contains(&name.len()) {
        return Ok(());
    }
    let shown = name.chars().take(40).collect();
    Err(InvalidMessage::Name { what, name: shown, bytes: name.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_named_with_their_values() {
        let name = Name::from_static("t");
        let large = Message::command(name.clone(), vec![0; 11]);
        assert!(
            large.validate(10).unwrap_err().to_string().contains("11 bytes, above the limit of 10")
        );

        let nameless = Message::command(Name::from_static(""), "");
        assert!(matches!(nameless.validate(10), Err(InvalidMessage::Name { bytes: 0, .. })));

        let mut loaded = Message::command(name, "");
        for n in 0..=MAX_HEADERS {
            loaded.rare_mut().headers.insert(n.to_string(), HeaderValue::Null);
        }
        assert_eq!(loaded.validate(10), Err(InvalidMessage::TooManyHeaders(65)));
    }

    #[test]
    fn expiry_and_deadline_both_end_a_message() {
        let mut message = Message::command(Name::from_static("t"), "");
        let now = Timestamp::from_millis(100);
        assert!(!message.is_expired(now));
        message.rare_mut().deadline = Some(now);
        assert!(message.is_expired(now));
        assert!(!message.is_expired(Timestamp::from_millis(99)));
    }

    #[test]
    fn a_message_stays_small() {
        assert!(size_of::<Message>() <= 184, "{}", size_of::<Message>());
    }
}
