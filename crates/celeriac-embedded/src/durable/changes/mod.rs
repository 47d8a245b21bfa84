//! What is written to the journal, by domain. A change says how it is applied
//! to the tables, and what follows in the hub once it is durable.

mod advance;
mod dedup;
mod joins;
mod messages;
mod quarantine;
mod results;
mod revocations;
mod timers;
mod workflows;

use celeriac_core::error::Result;
use tokio::sync::oneshot;

use super::journal::fault::Fault;
use super::journal::{Op, Tables};
use crate::hub::Hub;

pub(crate) use advance::AdvanceAll;
pub(crate) use dedup::{ClaimKeys, ConfirmKeys};
pub(crate) use joins::{JoinMembers, ReopenMembers};
pub(crate) use messages::{CountDeaths, Enqueue, Nothing};
pub(crate) use quarantine::{PutAway, TakeOut};
pub(crate) use results::{Complete, Forget};
pub(crate) use revocations::Revoke;
pub(crate) use timers::{Schedule, Unschedule};
pub(crate) use workflows::{Create, ForgetWorkflows, MarkSteps, Transit};

/// Something to be written.
pub(crate) trait Change: Send + 'static {
    /// What the caller learns.
    type Answer: Send + 'static;

    /// What the caller was doing, such as `publish`.
    const OPERATION: &'static str;

    /// Whether it needs more room on disk than it frees.
    const GROWS: bool;

    /// Writes it. May be called again after a rollback.
    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<Self::Answer>;

    /// It is durable: what follows in the hub.
    fn committed(self, hub: &Hub, answer: &Self::Answer);
}

/// A change and who waits for it.
pub(crate) struct Pending<C: Change> {
    change: C,
    answer: Option<C::Answer>,
    reply: oneshot::Sender<Result<C::Answer>>,
    address: String,
}

impl<C: Change> Pending<C> {
    pub(crate) fn new(change: C, address: &str) -> (Self, oneshot::Receiver<Result<C::Answer>>) {
        let (reply, receiver) = oneshot::channel();
        let pending = Self { change, answer: None, reply, address: address.to_owned() };
        (pending, receiver)
    }
}

impl<C: Change> Op for Pending<C> {
    fn apply(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        self.answer = Some(self.change.apply(tables)?);
        Ok(())
    }

    fn committed(self: Box<Self>, hub: &Hub) {
        let Self { change, answer, reply, .. } = *self;
        if let Some(answer) = answer {
            change.committed(hub, &answer);
            // Who no longer waits needs no answer.
            drop(reply.send(Ok(answer)));
        }
    }

    fn failed(self: Box<Self>, fault: &Fault) {
        let error = fault.error(C::OPERATION, &self.address);
        drop(self.reply.send(Err(error)));
    }

    fn grows(&self) -> bool {
        C::GROWS
    }
}
