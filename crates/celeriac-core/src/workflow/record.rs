//! What is known of a workflow in flight, and of its steps.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Page, StepError, StepId, Value};
use crate::{MessageId, Name, QueueName, Timestamp};

/// The status of a workflow, or of one of its steps.
///
/// A step's status only rises, in this order: what ended well or badly stays
/// so, whatever is noted later; a step that was cancelled while it ran may
/// still turn out to have ended.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Its turn has not come.
    #[default]
    Pending,
    /// It was sent, or is under way.
    Running,
    /// It will never run: a step before it failed, or a switch chose another.
    Skipped,
    /// It will not run any more: it, or what encloses it, was cancelled.
    Cancelled,
    /// It failed for good.
    Failure,
    /// It ended well.
    Success,
}

impl Status {
    /// Every status, in order.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Skipped,
        Self::Cancelled,
        Self::Failure,
        Self::Success,
    ];

    /// Whether nothing follows, but a retry by hand.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    /// The status after `noted` was noted.
    #[must_use]
    pub fn after(self, noted: Self) -> Self {
        if matches!(self, Self::Failure | Self::Success) { self } else { self.max(noted) }
    }

    /// The name, in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Skipped => "SKIPPED",
            Self::Cancelled => "CANCELLED",
            Self::Failure => "FAILURE",
            Self::Success => "SUCCESS",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something to note of steps that follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepMark {
    /// The workflow.
    pub workflow: MessageId,
    /// The first step.
    pub first: StepId,
    /// How many steps.
    pub count: u32,
    /// The epoch that it is noted in. A later epoch replaces what an earlier
    /// one noted, and is not touched by it.
    pub epoch: u32,
    /// The status that they rise to.
    pub status: Status,
}

/// Whose part a workflow is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The workflow that waits for this one.
    pub workflow: MessageId,
    /// The step of it that this one is.
    pub step: StepId,
    /// Which round of a loop this is; 0 otherwise.
    pub round: u32,
}

/// What never changes about a workflow in flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its id.
    pub id: MessageId,
    /// What it is called, for people.
    pub name: Name,
    /// The version of its declaration; 0 without one.
    pub version: u32,
    /// The workflow whose graph it runs: its own id, or that of the workflow
    /// with the loop that it is a round of.
    pub graph: MessageId,
    /// Its first step in that graph.
    pub root: StepId,
    /// Where its steps end in that graph.
    pub end: StepId,
    /// Whose part it is.
    pub parent: Option<Parent>,
    /// Ids whose revocation cancels it, from the outside in; the last is its own.
    pub scopes: Vec<MessageId>,
    /// Its place in the outermost workflow.
    pub path: Vec<String>,
    /// Where the messages wait that it sends itself.
    pub queue: QueueName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is kept, unless it is still running then.
    pub expires_at: Timestamp,
}

/// A workflow to be kept, with its graph if that is its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewWorkflow {
    /// What never changes about it.
    pub workflow: Workflow,
    /// The epoch that it begins in: that of what it is a part of, or 0.
    pub epoch: u32,
    /// Its graph; none if it runs another's.
    pub pages: Vec<Page>,
}

/// How a workflow ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Well, with this result; `None` if nothing in it had one.
    Success(Option<Value>),
    /// With an error.
    Failure(Box<StepError>),
    /// It was cancelled.
    Cancelled,
}

impl End {
    /// The status that it means.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Success(_) => Status::Success,
            Self::Failure(_) => Status::Failure,
            Self::Cancelled => Status::Cancelled,
        }
    }
}

/// What a workflow tells itself, or another, by a message of its own: what
/// can't be done at once, or has to be done by whoever comes to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The step is to begin, with this.
    Begin(Option<Value>),
    /// The members of a group from here on are to begin.
    Fan {
        /// The next member's step.
        next: StepId,
        /// Its index.
        index: u32,
        /// What each member gets.
        input: Option<Value>,
    },
    /// A workflow that is a part of this step has ended.
    Ended {
        /// Which round of a loop it was.
        round: u32,
        /// How.
        end: End,
    },
}

/// What is known of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What never changes.
    pub workflow: Workflow,
    /// How often it was retried by hand. Its steps' messages bear the number.
    pub epoch: u32,
    /// Its end, unless it runs.
    pub end: Option<End>,
    /// When it ended last.
    pub ended_at: Option<Timestamp>,
}

impl Record {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.end.as_ref().map_or(Status::Running, End::status)
    }
}
