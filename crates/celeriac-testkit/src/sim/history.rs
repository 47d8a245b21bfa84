//! What happened at the servers, as a checker must know it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use celeriac_core::broker::{Delivery, Receipt};
use celeriac_core::outcome::Completion;
use celeriac_core::store::{Join, Joined, Reopen};
use celeriac_core::workflow::{SIGNAL, StepId};
use celeriac_core::{Kind, Message, MessageId};

/// What is known of a join.
#[derive(Clone, Debug, Default)]
pub struct JoinSeen {
    /// The member that closed it.
    pub closed_by: Option<u32>,
    /// Whether the first failure closes it.
    pub fail_fast: bool,
    /// The members that came with a failure.
    pub failed: BTreeSet<u32>,
    /// The epoch that each member came in.
    epochs: BTreeMap<u32, u32>,
}

/// A delivery in somebody's hands.
#[derive(Clone, Debug)]
struct Handed {
    message: Arc<Message>,
    /// Its outcome was there already.
    ended: bool,
    /// It or one of its scopes was revoked already.
    revoked: bool,
}

/// What happened at the servers.
#[derive(Debug, Default)]
pub struct History {
    /// Every message that was published or scheduled.
    pub published: BTreeMap<MessageId, Arc<Message>>,
    /// Every join, by workflow and step.
    pub joins: BTreeMap<(MessageId, StepId), JoinSeen>,
    /// How often the outcome of an id was recorded since it was last forgotten.
    pub recorded: BTreeMap<MessageId, u32>,
    /// How often each id began to run.
    pub begun: BTreeMap<MessageId, u32>,
    /// What broke a promise while it ran.
    pub violations: Vec<String>,
    revoked: BTreeSet<MessageId>,
    handed: HashMap<Receipt, Handed>,
}

impl History {
    pub(super) fn published(&mut self, batch: &[Arc<Message>]) {
        for message in batch {
            let first = self.published.entry(message.id).or_insert_with(|| message.clone());
            // A step's argument list may name an epoch's or an attempt's state,
            // but never another task.
            if first.name != message.name {
                let (first, name) = (&first.name, &message.name);
                self.violations.push(format!("{} was sent as {first} and as {name}", message.id));
            }
        }
    }

    pub(super) fn handed(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let Ok(message) = &delivery.payload else { continue };
            let scopes = message.rare().workflow.iter().flat_map(|place| &place.scopes);
            let revoked = scopes.chain([&message.id]).any(|id| self.revoked.contains(id));
            let ended = self.recorded.contains_key(&message.id);
            let handed = Handed { message: message.clone(), ended, revoked };
            self.handed.insert(delivery.receipt, handed);
        }
    }

    pub(super) fn begun(&mut self, receipts: &[Receipt]) {
        for receipt in receipts {
            let Some(handed) = self.handed.get(receipt) else { continue };
            let (id, name) = (handed.message.id, &handed.message.name);
            *self.begun.entry(id).or_default() += 1;
            if handed.ended {
                self.violations.push(format!("{name} {id} runs though its outcome was stored"));
            }
            if handed.revoked {
                self.violations.push(format!("{name} {id} runs though it was revoked"));
            }
        }
    }

    pub(super) fn completed(&mut self, batch: &[Completion], answer: &[bool]) {
        for (completion, first) in batch.iter().zip(answer) {
            if *first {
                let count = self.recorded.entry(completion.id).or_default();
                *count += 1;
                if *count > 1 {
                    let id = completion.id;
                    self.violations.push(format!("the outcome of {id} was recorded {count} times"));
                }
            }
        }
    }

    pub(super) fn forgotten(&mut self, ids: &[MessageId]) {
        for id in ids {
            self.recorded.remove(id);
        }
    }

    pub(super) fn revoked(&mut self, ids: &[MessageId]) {
        self.revoked.extend(ids);
    }

    pub(super) fn joined(&mut self, batch: &[Join], answer: &[Joined]) {
        for (join, joined) in batch.iter().zip(answer) {
            let seen = self.joins.entry((join.workflow, join.join)).or_default();
            seen.fail_fast = join.fail_fast;
            seen.epochs.entry(join.index).or_insert(join.epoch);
            if join.member.is_error() {
                seen.failed.insert(join.index);
            }
            if let (Some(before), Some(now)) = (seen.closed_by, joined.closed_by)
                && before != now
            {
                let (step, workflow) = (join.join, join.workflow);
                self.violations.push(format!(
                    "the join {step} of {workflow} was closed by {before} and by {now}"
                ));
            }
            seen.closed_by = joined.closed_by.or(seen.closed_by);
        }
    }

    pub(super) fn reopened(&mut self, batch: &[Reopen]) {
        for reopen in batch {
            let seen = self.joins.entry((reopen.workflow, reopen.join)).or_default();
            if seen.epochs.get(&reopen.index).is_some_and(|epoch| *epoch >= reopen.epoch) {
                // Its next epoch has come in already.
                continue;
            }
            seen.epochs.remove(&reopen.index);
            seen.closed_by = None;
            seen.failed.remove(&reopen.index);
        }
    }

    /// Commands that are no step of a workflow: each owes an outcome.
    pub fn lone_commands(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.published.values().filter(|message| {
            let is_step = message.rare().workflow.is_some() || message.name == SIGNAL;
            message.kind == Kind::Command && !is_step && !message.queue.as_str().starts_with('~')
        })
    }
}
