//! What workflows want done, gathered into a commit.

use std::collections::HashSet;
use std::time::Duration;

use celeriac_core::broker::{Settlement, Verdict};
use celeriac_core::store::{Content, Quarantined, Reason};
use celeriac_core::{MessageId, Timestamp};
use celeriac_engine::canvas::Act;
use celeriac_engine::{Commit, Ending, Revoked, Told};

use super::Of;
use super::fate::Fate;

/// So many messages are made at once at the most, but for what one step makes.
const MAX_MESSAGES: usize = 4096;
/// And so many bytes of bodies.
const MAX_BYTES: usize = 8 << 20;
/// How long a scope stays revoked at the least, so that messages that wait for
/// longer than their workflow is kept are not run either.
const REVOKED: Duration = Duration::from_secs(24 * 3600);

#[derive(Default)]
pub(super) struct Wanted {
    pub(super) commit: Commit,
    bytes: usize,
    /// Workflows that were told already that all of them is cancelled.
    cancelled: HashSet<MessageId>,
}

impl Wanted {
    /// Whether this is enough for once.
    pub(super) const fn is_full(&self) -> bool {
        self.commit.publish.len() + self.commit.schedule.len() >= MAX_MESSAGES
            || self.bytes >= MAX_BYTES
    }

    /// Whether this is the first word of a workflow's cancellation.
    pub(super) fn cancels(&mut self, workflow: MessageId) -> bool {
        self.cancelled.insert(workflow)
    }

    pub(super) fn add(&mut self, of: &Of, act: Act) {
        let (commit, workflow, now) = (&mut self.commit, &of.workflow, Timestamp::now());
        match act {
            Act::Create(new) => commit.create.push(*new),
            Act::Send(message) => {
                self.bytes += message.body.len();
                match message.rare().eta {
                    Some(eta) if eta > now => commit.schedule.push(message),
                    _ => commit.publish.push(message),
                }
            }
            Act::Mark(mark) => commit.mark_steps.push(mark),
            Act::End(end) => {
                let (workflow, epoch) = (workflow.clone(), of.epoch);
                commit.end.push(Ending { workflow, epoch, end: *end, at: now });
            }
            Act::Cancel(scope) => {
                let until = workflow.expires_at.max(now.after(REVOKED));
                commit.revoke.push(Revoked { scope, workflow: workflow.id, until });
            }
            // Questions were asked before.
            Act::Join(_) | Act::Collect { .. } => {}
        }
    }

    /// What was told is settled with what follows from it.
    pub(super) fn settle(&mut self, told: Told, fate: Fate) {
        let verdict = match fate {
            Fate::Forgotten => Verdict::Requeue,
            Fate::Told(None) => Verdict::Ack,
            Fate::Told(Some(_)) => {
                tracing::warn!(id = %told.message.id, "a step of a workflow that is not kept");
                Verdict::Ack
            }
            Fate::Unreadable(failure) => {
                let content = Content::Message(told.message);
                let (reason, at) = (Reason::Undecodable, Timestamp::now());
                let quarantined = Quarantined { content, reason, failure, at, deaths: 0 };
                self.commit.quarantine.push(quarantined);
                Verdict::Ack
            }
        };
        self.commit.settle.push(Settlement { receipt: told.receipt, verdict });
    }
}
