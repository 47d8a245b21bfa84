//! Outcomes: what became of a task.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{ContentType, MessageId, Timestamp};

/// The state of a task, as its sender sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Nothing is known of it yet: it waits in its broker, or was never sent.
    #[default]
    Pending,
    /// It waits for its time.
    Scheduled,
    /// A router has taken it.
    Received,
    /// It runs.
    Started,
    /// It failed and waits to be tried again.
    Retry,
    /// It ended well.
    Success,
    /// It failed for good.
    Failure,
    /// It was revoked.
    Revoked,
    /// It ended and asked for no outcome to be kept.
    Ignored,
    /// It could not be run and waits for a person.
    Quarantined,
}

impl State {
    /// Whether nothing follows this state.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Success | Self::Failure | Self::Revoked | Self::Ignored | Self::Quarantined
        )
    }

    /// The name, in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Scheduled => "SCHEDULED",
            Self::Received => "RECEIVED",
            Self::Started => "STARTED",
            Self::Retry => "RETRY",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Revoked => "REVOKED",
            Self::Ignored => "IGNORED",
            Self::Quarantined => "QUARANTINED",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of error: a type's name, `panic`, `time_limit`, `expired` ….
    pub kind: String,
    /// What the error said.
    pub message: String,
}

impl Failure {
    /// A failure of that kind with that message.
    #[must_use]
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Failure {}

/// A task's end, recorded once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended; always terminal.
    pub state: State,
    /// The attempt that ended it; 0 is the first.
    pub attempt: u32,
    /// When, by the clock of the router.
    pub finished_at: Timestamp,
    /// How the value is to be read.
    pub content_type: ContentType,
    /// The value of a success; empty otherwise.
    pub value: Bytes,
    /// Why, unless it is a success.
    pub failure: Option<Box<Failure>>,
}

impl Outcome {
    /// A success with its value.
    #[must_use]
    pub const fn success(
        attempt: u32,
        finished_at: Timestamp,
        content_type: ContentType,
        value: Bytes,
    ) -> Self {
        Self { state: State::Success, attempt, finished_at, content_type, value, failure: None }
    }

    /// An end in any other state than success.
    #[must_use]
    pub fn failed(state: State, attempt: u32, finished_at: Timestamp, failure: Failure) -> Self {
        Self {
            state,
            attempt,
            finished_at,
            content_type: ContentType::Json,
            value: Bytes::new(),
            failure: Some(Box::new(failure)),
        }
    }
}

/// How far a running task says it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub done: u64,
    /// Steps in all, where known.
    pub total: Option<u64>,
    /// What it is doing.
    pub note: Option<String>,
}

/// What the store knows of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The task's state.
    pub state: State,
    /// The latest attempt that something is known of.
    pub attempt: u32,
    /// Grows with every change, so that a watcher sees each state once.
    pub version: u64,
    /// How far a running task says it is.
    pub progress: Option<Progress>,
    /// The latest failure of a task that waits for its next attempt.
    pub failure: Option<Box<Failure>>,
    /// The end, once there is one.
    pub outcome: Option<Outcome>,
}

/// An outcome to record: at most one is kept per id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The task.
    pub id: MessageId,
    /// Its end.
    pub outcome: Outcome,
    /// Until when it is kept.
    pub expires_at: Timestamp,
}

/// A change of state that is not the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The task.
    pub id: MessageId,
    /// Its new state; never terminal.
    pub state: State,
    /// The attempt.
    pub attempt: u32,
    /// How far it is, where it said so.
    pub progress: Option<Progress>,
    /// Why it will be tried again.
    pub failure: Option<Box<Failure>>,
}
