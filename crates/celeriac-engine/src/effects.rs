//! What the engine wants done.

use std::sync::Arc;

use celeriac_core::broker::{Receipt, Settlement, Verdict};
use celeriac_core::outcome::{Completion, Mark, Outcome};
use celeriac_core::platform::{Run, RunKey};
use celeriac_core::store::Quarantined;
use celeriac_core::workflow::{End, NewWorkflow, StepMark, Value, Workflow};
use celeriac_core::{Failure, Message, MessageId, State, Timestamp};

use crate::in_flight::Flight;

/// What the engine wants done after a step. Buffers are reused: the router
/// takes them, does what they say, and hands the value to the next step.
#[derive(Debug, Default)]
pub struct Effects {
    /// Deliveries that are about to run, or run already and were given again.
    pub begin: Vec<Receipt>,
    /// Runs to start.
    pub dispatch: Vec<Run>,
    /// Runs to cancel.
    pub cancel: Vec<RunKey>,
    /// What must be made durable, in its order.
    pub commit: Commit,
}

/// What became of a message that is a step of a workflow.
#[derive(Clone, Debug)]
pub struct Told {
    /// The message.
    pub message: Arc<Message>,
    /// Its delivery: settled when all that follows is durable.
    pub receipt: Receipt,
    /// What became of it.
    pub news: News,
}

/// What is to be told to a workflow.
#[derive(Clone, Debug)]
pub enum News {
    /// The step ended so. The first outcome of its id is recorded and told.
    Ended(Box<Completion>),
    /// The step has ended before, and is delivered again: its outcome is told
    /// again, for a dead router may not have come to the end of it.
    Again,
    /// The step is not run: these of its scopes are revoked.
    Cancelled(Vec<MessageId>),
}

/// A scope that is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The scope.
    pub scope: MessageId,
    /// The workflow whose it is, or that is in it: its parts are cancelled.
    pub workflow: MessageId,
    /// Until when it is revoked.
    pub until: Timestamp,
}

/// How a workflow ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// The workflow.
    pub workflow: Arc<Workflow>,
    /// In which epoch.
    pub epoch: u32,
    /// How.
    pub end: End,
    /// When.
    pub at: Timestamp,
}

impl Ending {
    /// The outcome under the workflow's own id, for whoever waits for it.
    #[must_use]
    pub fn completion(&self) -> Completion {
        let Self { workflow, epoch, end, at } = self;
        let outcome = match end {
            End::Success(value) => {
                let value = value.clone().unwrap_or_else(|| Value::json("null"));
                let (content_type, bytes) = value.into_outcome();
                Outcome::success(*epoch, *at, content_type, bytes)
            }
            End::Failure(error) => {
                let text =
                    format!("{} at {}: {}", error.task, error.place(), error.failure.message);
                let failure = Failure::new(error.failure.kind.clone(), text);
                Outcome::failed(State::Failure, *epoch, *at, failure)
            }
            End::Cancelled => {
                let failure = Failure::new("cancelled", "the workflow was cancelled");
                Outcome::failed(State::Revoked, *epoch, *at, failure)
            }
        };
        Completion { id: workflow.id, outcome, expires_at: workflow.expires_at }
    }
}

/// What must be made durable: publish, then write, then settle. This order is
/// the at-least-once guarantee; the router keeps it in one function.
#[derive(Debug, Default)]
pub struct Commit {
    /// Publish, before anything else: documents for sinks. The task that made
    /// them is run again as long as its outcome is not recorded.
    pub documents: Vec<Arc<Message>>,
    /// Tell: what became of steps of workflows. What follows from it comes
    /// into the other fields before anything below is done.
    pub told: Vec<Told>,
    /// Write, before what needs them is published: workflows that begin.
    pub create: Vec<NewWorkflow>,
    /// Publish: messages that may run at once.
    pub publish: Vec<Arc<Message>>,
    /// Publish: messages that wait for their time.
    pub schedule: Vec<Arc<Message>>,
    /// Write: messages for a person to look at.
    pub quarantine: Vec<Quarantined>,
    /// Write: ends.
    pub complete: Vec<Completion>,
    /// Write: changes that are not ends.
    pub mark: Vec<Mark>,
    /// Write: statuses of steps.
    pub mark_steps: Vec<StepMark>,
    /// Write: ends of workflows.
    pub end: Vec<Ending>,
    /// Write, last, for it may concern what is settled: scopes that are revoked.
    pub revoke: Vec<Revoked>,
    /// Settle.
    pub settle: Vec<Settlement>,
    /// Whether the suspect that ran is among what is settled: the engine is to
    /// be told ([`Input::SuspectSettled`](crate::Input::SuspectSettled)).
    pub settles_suspect: bool,
}

impl Commit {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.documents.is_empty()
            && self.told.is_empty()
            && self.create.is_empty()
            && self.publish.is_empty()
            && self.schedule.is_empty()
            && self.quarantine.is_empty()
            && self.complete.is_empty()
            && self.mark.is_empty()
            && self.mark_steps.is_empty()
            && self.end.is_empty()
            && self.revoke.is_empty()
            && self.settle.is_empty()
    }

    /// Adds what another commit wants, so that both are made durable at once.
    pub fn absorb(&mut self, mut later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        self.documents.append(&mut later.documents);
        self.told.append(&mut later.told);
        self.create.append(&mut later.create);
        self.publish.append(&mut later.publish);
        self.schedule.append(&mut later.schedule);
        self.quarantine.append(&mut later.quarantine);
        self.complete.append(&mut later.complete);
        self.mark.append(&mut later.mark);
        self.mark_steps.append(&mut later.mark_steps);
        self.end.append(&mut later.end);
        self.revoke.append(&mut later.revoke);
        self.settle.append(&mut later.settle);
        self.settles_suspect |= later.settles_suspect;
    }

    /// A message has ended. If it is a step, its workflow is told; else the
    /// outcome is recorded and the delivery settled.
    pub(crate) fn ended(
        &mut self,
        message: &Arc<Message>,
        receipt: Receipt,
        completion: Completion,
    ) {
        if message.rare().workflow.is_some() {
            let news = News::Ended(Box::new(completion));
            self.told.push(Told { message: message.clone(), receipt, news });
        } else {
            self.complete.push(completion);
            self.ack(receipt);
        }
    }

    pub(crate) fn ack(&mut self, receipt: Receipt) {
        self.settle.push(Settlement { receipt, verdict: Verdict::Ack });
    }

    /// Settles the earlier receipts of what is in flight no more.
    pub(crate) fn settle_copies(&mut self, flight: &mut Flight, verdict: Verdict) {
        let copies = flight.copies.drain(..);
        self.settle.extend(copies.map(|receipt| Settlement { receipt, verdict }));
    }

    pub(crate) fn requeue(&mut self, receipt: Receipt) {
        self.settle.push(Settlement { receipt, verdict: Verdict::Requeue });
    }
}
