//! What the engine wants done.

use std::sync::Arc;

use celeriac_core::Message;
use celeriac_core::broker::{Receipt, Settlement, Verdict};
use celeriac_core::outcome::{Completion, Mark};
use celeriac_core::platform::{Run, RunKey};
use celeriac_core::store::Quarantined;

/// What the engine wants done after a step. Buffers are reused: the router
/// takes them, does what they say, and hands the value to the next step.
#[derive(Debug, Default)]
pub struct Effects {
    /// Deliveries that are about to run, in the order of `dispatch`.
    pub begin: Vec<Receipt>,
    /// Runs to start.
    pub dispatch: Vec<Run>,
    /// Runs to cancel.
    pub cancel: Vec<RunKey>,
    /// What must be made durable, in its order.
    pub commit: Commit,
}

/// What must be made durable: publish, then write, then settle. This order is
/// the at-least-once guarantee; the router keeps it in one function.
#[derive(Debug, Default)]
pub struct Commit {
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
        self.publish.is_empty()
            && self.schedule.is_empty()
            && self.quarantine.is_empty()
            && self.complete.is_empty()
            && self.mark.is_empty()
            && self.settle.is_empty()
    }

    /// Adds what another commit wants, so that both are made durable at once.
    pub fn absorb(&mut self, mut later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        self.publish.append(&mut later.publish);
        self.schedule.append(&mut later.schedule);
        self.quarantine.append(&mut later.quarantine);
        self.complete.append(&mut later.complete);
        self.mark.append(&mut later.mark);
        self.settle.append(&mut later.settle);
        self.settles_suspect |= later.settles_suspect;
    }

    pub(crate) fn ack(&mut self, receipt: Receipt) {
        self.settle.push(Settlement { receipt, verdict: Verdict::Ack });
    }

    pub(crate) fn requeue(&mut self, receipt: Receipt) {
        self.settle.push(Settlement { receipt, verdict: Verdict::Requeue });
    }
}
