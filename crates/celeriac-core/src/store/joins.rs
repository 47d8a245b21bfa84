//! Joins: where the results of a group's members meet.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::workflow::{Member, StepId};
use crate::{BoxFuture, MessageId};

/// A member of a group has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// The workflow.
    pub workflow: MessageId,
    /// The group in it.
    pub join: StepId,
    /// The member.
    pub index: u32,
    /// How many members there are.
    pub width: u32,
    /// Whether the first failure closes the join.
    pub fail_fast: bool,
    /// The epoch of the member's message.
    pub epoch: u32,
    /// How it ended.
    pub member: Member,
}

/// What is known of a join after a member has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The member that closed it: all are in, or the first failed in a join
    /// that fails fast.
    pub closed_by: Option<u32>,
    /// How many are in.
    pub done: u32,
    /// The first, in the order of indices, that failed.
    pub failed: Option<u32>,
    /// How large all are together ([`Member::weight`]).
    pub weight: u64,
}

/// A member that is to be tried again by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reopen {
    /// The workflow.
    pub workflow: MessageId,
    /// The group in it.
    pub join: StepId,
    /// The member.
    pub index: u32,
    /// The epoch that it is tried again in.
    pub epoch: u32,
}

/// Joins: sets of members, never counters.
pub trait Joins {
    /// Adds members, durably and atomically each. The first outcome of an
    /// index stays. The member that fulfils the closing condition closes the
    /// join; every later call, also a repeated one, says who did. What comes
    /// for a workflow that is not kept changes nothing.
    fn join(&self, batch: Vec<Join>) -> BoxFuture<'_, Result<Vec<Joined>>>;

    /// Members from index `from` on that have ended, in order: at most `max`,
    /// and fewer if they are large (4 MiB), but one if there is any.
    fn members(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<(u32, Member)>>>;

    /// Takes members out again, durably; what comes for them from an earlier
    /// epoch is not added any more. The join is open again.
    fn reopen(&self, batch: Vec<Reopen>) -> BoxFuture<'_, Result<()>>;
}
