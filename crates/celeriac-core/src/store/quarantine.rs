//! Quarantine: what can't be worked on waits here for a person.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::broker::Undecodable;
use crate::error::Result;
use crate::outcome::Failure;
use crate::{BoxFuture, Message, MessageId, Name, QueueName, Timestamp};

/// Why a message is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It can't be read as a message, or its arguments not as the task's.
    Undecodable,
    /// No such task is registered here.
    UnknownTask,
    /// Its time was over before it ran.
    Expired,
    /// It failed as often as its retry policy allows.
    RetriesExhausted,
    /// It failed in a way that another attempt can't mend.
    Poisonous,
    /// Processes died while they ran it.
    KilledWorkers,
    /// It is a step of a workflow, and was revoked itself.
    Revoked,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Undecodable,
        Self::UnknownTask,
        Self::Expired,
        Self::RetriesExhausted,
        Self::Poisonous,
        Self::KilledWorkers,
        Self::Revoked,
    ];

    /// The name, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::UnknownTask => "unknown_task",
            Self::Expired => "expired",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Poisonous => "poisonous",
            Self::KilledWorkers => "killed_workers",
            Self::Revoked => "revoked",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is in quarantine.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A message.
    Message(Arc<Message>),
    /// Bytes that are no message.
    Undecodable(Box<Undecodable>),
}

impl Content {
    /// The id it is kept under.
    #[must_use]
    pub fn id(&self) -> MessageId {
        match self {
            Self::Message(message) => message.id,
            Self::Undecodable(undecodable) => undecodable.id,
        }
    }

    /// The queue it came from.
    #[must_use]
    pub fn queue(&self) -> &QueueName {
        match self {
            Self::Message(message) => &message.queue,
            Self::Undecodable(undecodable) => &undecodable.queue,
        }
    }

    /// The outermost workflow that it is a step of, if it is one.
    #[must_use]
    pub fn workflow(&self) -> Option<MessageId> {
        let Self::Message(message) = self else { return None };
        let rare = message.rare();
        rare.workflow.as_ref().and(rare.root_id)
    }

    /// The task's name, where it can be read.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Message(message) => Some(&message.name),
            Self::Undecodable(_) => None,
        }
    }
}

/// A message in quarantine.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    /// The message.
    pub content: Content,
    /// Why it is here.
    pub reason: Reason,
    /// The last failure.
    pub failure: Failure,
    /// Since when.
    pub at: Timestamp,
    /// How many processes died while they ran it.
    pub deaths: u32,
}

/// Which part of the quarantine is meant; an empty filter means all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Only these ids, if there are any.
    pub ids: Vec<MessageId>,
    /// Only this task.
    pub name: Option<Name>,
    /// Only this queue.
    pub queue: Option<QueueName>,
    /// Only this reason.
    pub reason: Option<Reason>,
    /// Only steps of this workflow, and of its parts.
    pub workflow: Option<MessageId>,
    /// Only ids after this one: where the page before ended.
    pub after: Option<MessageId>,
}

impl Filter {
    /// Whether something in quarantine is meant.
    #[must_use]
    pub fn matches(&self, quarantined: &Quarantined) -> bool {
        let content = &quarantined.content;
        (self.ids.is_empty() || self.ids.contains(&content.id()))
            && self.name.as_ref().is_none_or(|name| content.name() == Some(name))
            && self.queue.as_ref().is_none_or(|queue| content.queue() == queue)
            && self.reason.is_none_or(|reason| reason == quarantined.reason)
            && self.workflow.is_none_or(|workflow| content.workflow() == Some(workflow))
            && self.after.is_none_or(|after| content.id() > after)
    }
}

/// What can't be worked on waits here for a person.
pub trait Quarantine {
    /// Puts messages here, durably; one of the same id is replaced.
    fn quarantine(&self, batch: Vec<Quarantined>) -> BoxFuture<'_, Result<()>>;

    /// At most `max` that the filter means, in order of their ids.
    fn quarantined<'a>(
        &'a self,
        filter: &'a Filter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Quarantined>>>;

    /// Removes messages, durably; says how many were there.
    fn unquarantine<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>>;
}
