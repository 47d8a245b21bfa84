//! The function itself: what is said to a workflow, and what it wants done.

use std::sync::Arc;

use celeriac_core::store::{Join, Joined};
use celeriac_core::workflow::{
    Canvas, End, Member, NewWorkflow, Node, Parent, Reference, Signal, Status, StepError, StepId,
    StepMark, Value, Workflow,
};
use celeriac_core::{Failure, Message, MessageId, Timestamp};

use super::graph::Graph;
use super::outgoing;

/// Limits that keep messages and steps small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many results of a group travel in a message at the most; more are
    /// read from the join. Default 1,000.
    pub inline_members: u32,
    /// How many bytes they may have together. Default 64 KiB.
    pub inline_bytes: u64,
    /// How many members one step begins at the most. Default 1,000.
    pub batch: usize,
    /// How many bytes of bodies one step makes before it lets another go on.
    /// Default 4 MiB.
    pub batch_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { inline_members: 1000, inline_bytes: 64 << 10, batch: 1000, batch_bytes: 4 << 20 }
    }
}

/// What a step is decided on, beside what was said.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The workflow.
    pub workflow: &'a Workflow,
    /// The epoch of the message that this is about.
    pub epoch: u32,
    /// The pages of its graph that are at hand.
    pub graph: &'a Graph,
    /// Values of references that were needed.
    pub values: &'a [(Reference, Value)],
    /// Limits.
    pub limits: Limits,
    /// The present time: when messages are made.
    pub now: Timestamp,
}

/// What a workflow is told.
#[derive(Clone, Debug)]
pub enum Said {
    /// A signal came for this step.
    Signal(StepId, Signal),
    /// A step's task ended with a value.
    Completed(StepId, Value),
    /// A step's task failed for good, was revoked, has expired or was lost.
    Failed(StepId, Failure),
    /// A step's task put a canvas in its own place.
    Replaced(StepId, Box<Canvas>),
    /// A step's message is not run: these of its scopes were revoked.
    Cancelled(StepId, Vec<MessageId>),
    /// The store's answer to [`Act::Join`].
    Joined {
        /// The group.
        join: StepId,
        /// The member.
        index: u32,
        /// The answer.
        answer: Joined,
    },
    /// The store's answer to [`Act::Collect`].
    Collected {
        /// The group.
        join: StepId,
        /// Its members in order.
        members: Vec<Member>,
    },
}

/// What a workflow wants done; see [the order](super#how-the-router-calls-it).
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Add a member to a join, and tell the answer.
    Join(Box<Join>),
    /// Read members of a join, and tell them.
    Collect {
        /// The group.
        join: StepId,
        /// The first member.
        from: u32,
        /// How many.
        count: u32,
    },
    /// Keep a new workflow that is a part of this one.
    Create(Box<NewWorkflow>),
    /// Publish a message, or schedule it if it has an `eta`.
    Send(Arc<Message>),
    /// Revoke a scope, until the workflow expires.
    Cancel(MessageId),
    /// Note a status.
    Mark(StepMark),
    /// Note the end of the workflow.
    End(Box<End>),
}

/// What must be at hand before it can be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Need {
    /// The page that this step is on.
    #[error("the page of step {0} is not at hand")]
    Page(StepId),
    /// The value of a reference.
    #[error("the value of join {} of {} is not at hand", .0.join, .0.workflow)]
    Value(Reference),
}

/// What comes into a step: nothing, at the beginning of a workflow.
pub(super) type Input = Option<Value>;

/// What is still to be thought through, the latest first.
#[derive(Debug)]
pub(super) enum Move {
    Begin(StepId, Input),
    Fan {
        join: StepId,
        next: StepId,
        index: u32,
        input: Input,
    },
    Completed(StepId, Input),
    Failed(StepId, Box<StepError>),
    /// A stage will not run: what it needs has failed so.
    Skip(StepId, Box<StepError>),
}

/// One step under way.
pub(super) struct Stepper<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) acts: Vec<Act>,
    pub(super) moves: Vec<Move>,
    /// How many more members may begin.
    pub(super) members_left: usize,
    /// How many more bytes of bodies may be made.
    pub(super) bytes_left: usize,
    /// The scopes of what this step encloses: the latest that were asked for.
    pub(super) scopes: Option<(Option<StepId>, Vec<MessageId>)>,
}

/// Takes what is said, and answers with what has to be done. A pure function:
/// the same arguments give the same acts, with the same ids.
///
/// # Errors
/// [`Need`] if something must be at hand first; nothing was decided.
pub fn step(context: &Context<'_>, said: Said) -> Result<Vec<Act>, Need> {
    let mut stepper = Stepper {
        context,
        acts: Vec::new(),
        moves: Vec::new(),
        members_left: context.limits.batch.max(1),
        bytes_left: context.limits.batch_bytes.max(1),
        scopes: None,
    };
    stepper.take(said)?;
    while let Some(next) = stepper.moves.pop() {
        match next {
            Move::Begin(step, input) => stepper.begin(step, input)?,
            Move::Fan { join, next, index, input } => stepper.fan(join, next, index, input)?,
            Move::Completed(step, value) => stepper.completed(step, value)?,
            Move::Failed(step, error) => stepper.failed(step, error)?,
            Move::Skip(stage, error) => stepper.skip(stage, error)?,
        }
    }
    Ok(stepper.acts)
}

/// The message that begins a workflow.
#[must_use]
pub fn begin(workflow: &Workflow, epoch: u32, now: Timestamp) -> Message {
    let (step, signal) = (workflow.root, Signal::Begin(None));
    outgoing::signal(workflow, workflow.id, step, epoch, "begin", &signal, now)
}

/// What cancelling a workflow means. Its own id has to be revoked first.
#[must_use]
pub fn cancel(workflow: &Workflow, epoch: u32, now: Timestamp) -> Vec<Act> {
    let mut acts = vec![Act::Cancel(workflow.id), cancelled(workflow, epoch)];
    acts.extend(tell_parent(workflow, epoch, &End::Cancelled, now));
    acts.push(Act::End(Box::new(End::Cancelled)));
    acts
}

fn cancelled(workflow: &Workflow, epoch: u32) -> Act {
    Act::Mark(StepMark {
        workflow: workflow.id,
        first: workflow.root,
        count: workflow.end.0 - workflow.root.0,
        epoch,
        status: Status::Cancelled,
    })
}

/// Who waits for the workflow is told its end by a message.
fn tell_parent(workflow: &Workflow, epoch: u32, end: &End, now: Timestamp) -> Option<Act> {
    let Parent { workflow: parent, step, round } = *workflow.parent.as_ref()?;
    let signal = Signal::Ended { round, end: end.clone() };
    // What ended well or badly may be cancelled later, but is not the same news.
    let what = match end {
        End::Cancelled => format!("cancelled:{round}"),
        End::Success(_) | End::Failure(_) => format!("ended:{round}"),
    };
    let mut message = outgoing::signal(workflow, parent, step, epoch, &what, &signal, now);
    if let Some(place) = &mut message.rare_mut().workflow {
        // It is the parent that is told: this one's own scope is not its.
        place.scopes.pop();
    }
    Some(Act::Send(message.into()))
}

impl<'a> Stepper<'a> {
    fn take(&mut self, said: Said) -> Result<(), Need> {
        match said {
            Said::Signal(step, Signal::Begin(input)) => self.push(Move::Begin(step, input)),
            Said::Signal(join, Signal::Fan { next, index, input }) => {
                self.push(Move::Fan { join, next, index, input });
            }
            Said::Signal(step, Signal::Ended { round, end }) => {
                self.part_ended(step, round, end)?;
            }
            Said::Completed(step, value) => self.push(Move::Completed(step, Some(value))),
            Said::Failed(step, failure) => self.fail(step, failure)?,
            Said::Replaced(step, canvas) => self.replace(step, &canvas)?,
            Said::Cancelled(step, scopes) => self.cancelled(step, &scopes)?,
            Said::Joined { join, index, answer } => self.joined(join, index, answer)?,
            Said::Collected { join, members } => self.collected(join, members)?,
        }
        Ok(())
    }

    pub(super) fn push(&mut self, next: Move) {
        self.moves.push(next);
    }

    pub(super) fn node(&self, step: StepId) -> Result<&'a Node, Need> {
        self.context.graph.node(step).ok_or(Need::Page(step))
    }

    pub(super) fn mark(&mut self, first: u32, end: u32, status: Status) {
        if first < end {
            self.acts.push(Act::Mark(StepMark {
                workflow: self.context.workflow.id,
                first: StepId(first),
                count: end - first,
                epoch: self.context.epoch,
                status,
            }));
        }
    }

    pub(super) fn mark_one(&mut self, step: StepId, status: Status) {
        self.mark(step.0, step.0 + 1, status);
    }

    /// The workflow has ended.
    pub(super) fn end(&mut self, end: End) {
        let Context { workflow, epoch, now, .. } = *self.context;
        self.acts.extend(tell_parent(workflow, epoch, &end, now));
        self.acts.push(Act::End(Box::new(end)));
    }

    /// A message was not run. If what was revoked encloses the workflow, all
    /// of it is cancelled; else it is a group of its own, which has seen to it.
    fn cancelled(&mut self, step: StepId, revoked: &[MessageId]) -> Result<(), Need> {
        let Context { workflow, epoch, .. } = *self.context;
        if workflow.scopes.iter().any(|scope| revoked.contains(scope)) {
            self.acts.push(cancelled(workflow, epoch));
            self.end(End::Cancelled);
            return Ok(());
        }
        let end = self.node(step)?.end;
        self.mark(step.0, end.0, Status::Cancelled);
        Ok(())
    }
}
