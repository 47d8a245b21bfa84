//! What happened at the servers, as a checker must know it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use celeriac_core::broker::{Delivery, Receipt, Settlement, Verdict};
use celeriac_core::outcome::Completion;
use celeriac_core::store::{Claim, Claimed, Join, Joined, Reopen};
use celeriac_core::workflow::{SIGNAL, StepId};
use celeriac_core::{Kind, Message, MessageId, Name, QueueName, Timestamp};

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
    /// The documents that were sent to each sink's queue, in order.
    pub(super) documents: BTreeMap<QueueName, Vec<MessageId>>,
    /// Who was granted each dedup key, until when.
    grants: BTreeMap<String, BTreeMap<MessageId, Timestamp>>,
    /// What broke a promise while it ran.
    pub violations: Vec<String>,
    revoked: BTreeSet<MessageId>,
    /// What runs in which process.
    running: BTreeSet<(String, MessageId)>,
    handed: HashMap<Receipt, Handed>,
}

impl History {
    pub(super) fn published(&mut self, batch: &[Arc<Message>]) {
        for message in batch {
            if message.queue.as_str().starts_with("sink.") {
                self.documents.entry(message.queue.clone()).or_default().push(message.id);
                // It bears the id of its task.
                continue;
            }
            let first = self.published.entry(message.id).or_insert_with(|| message.clone());
            // A step's argument list may name an epoch's or an attempt's state,
            // but never another task.
            if first.name != message.name {
                let (first, name) = (&first.name, &message.name);
                self.violations.push(format!("{} was sent as {first} and as {name}", message.id));
            }
            if let Some(key) = &message.rare().dedup_key
                && !self.grants.get(key).is_some_and(|grants| grants.contains_key(&message.id))
            {
                self.violations.push(format!("{} was sent without its key {key}", message.id));
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

    /// These are about to run in a process, or run there already and were given
    /// to it again.
    pub(super) fn begun(&mut self, host: &str, receipts: &[Receipt]) {
        for receipt in receipts {
            let Some(handed) = self.handed.get(receipt) else { continue };
            let (id, name) = (handed.message.id, &handed.message.name);
            if !self.running.insert((host.to_owned(), id)) {
                continue;
            }
            *self.begun.entry(id).or_default() += 1;
            if handed.ended {
                self.violations.push(format!("{name} {id} runs though its outcome was stored"));
            }
            if handed.revoked {
                self.violations.push(format!("{name} {id} runs though it was revoked"));
            }
        }
    }

    /// A process ends deliveries.
    pub(super) fn settled(&mut self, host: &str, batch: &[Settlement]) {
        for settlement in batch.iter().filter(|settlement| settlement.verdict == Verdict::Ack) {
            if let Some(handed) = self.handed.get(&settlement.receipt) {
                self.running.remove(&(host.to_owned(), handed.message.id));
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

    /// Of one key, one message at a time.
    pub(super) fn claimed(&mut self, batch: &[Claim], answer: &[Claimed]) {
        for (claim, _) in batch.iter().zip(answer).filter(|(_, claimed)| **claimed == Claimed::Ours)
        {
            let grants = self.grants.entry(claim.key.clone()).or_default();
            for (other, until) in grants.iter().filter(|(id, _)| **id != claim.id) {
                if *until > claim.now {
                    let (key, id) = (&claim.key, claim.id);
                    self.violations
                        .push(format!("{id} was given the key {key}, which {other} has"));
                }
            }
            grants.insert(claim.id, claim.until);
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

    /// The message of a delivery.
    pub(super) fn message_of(&self, receipt: Receipt) -> Option<&Arc<Message>> {
        self.handed.get(&receipt).map(|handed| &handed.message)
    }

    /// What each event and document became: its name, and the tasks of its
    /// commands, one for each id.
    pub fn heard(&self) -> BTreeMap<MessageId, (Name, Vec<Name>)> {
        let is_heard = |message: &&Arc<Message>| message.kind != Kind::Command;
        let mut heard: BTreeMap<MessageId, (Name, Vec<Name>)> = BTreeMap::new();
        for event in self.published.values().filter(is_heard) {
            heard.insert(event.id, (event.name.clone(), Vec::new()));
        }
        for message in self.published.values().filter(|message| message.kind == Kind::Command) {
            let parent = message.rare().parent_id;
            if let Some((_, tasks)) = parent.and_then(|parent| heard.get_mut(&parent)) {
                tasks.push(message.name.clone());
            }
        }
        heard.values_mut().for_each(|(_, tasks)| tasks.sort_unstable());
        heard
    }

    /// Commands that are no step of a workflow: each owes an outcome.
    pub fn lone_commands(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.published.values().filter(|message| {
            let is_step = message.rare().workflow.is_some() || message.name == SIGNAL;
            message.kind == Kind::Command && !is_step && !message.queue.as_str().starts_with('~')
        })
    }
}
