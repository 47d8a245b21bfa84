//! Revoked ids, with a log that watchers follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use celeriac_core::store::Changes;
use celeriac_core::{MessageId, Timestamp};
use tokio::sync::Notify;

use super::id_map::IdMap;
use super::wake::{Wake, join};

#[derive(Debug)]
struct Revoked {
    sequence: u64,
    until: Timestamp,
}

/// Revoked ids.
#[derive(Debug)]
pub(crate) struct Revocations {
    by_id: IdMap<Revoked>,
    log: BTreeMap<u64, MessageId>,
    ends: BTreeSet<(Timestamp, MessageId)>,
    latest: u64,
    waiting: Vec<Arc<Notify>>,
}

impl Revocations {
    /// None yet. `since` begins the cursors: later than any cursor that a
    /// former owner of the same state gave out.
    pub(crate) fn new(since: Timestamp) -> Self {
        Self {
            by_id: IdMap::default(),
            log: BTreeMap::new(),
            ends: BTreeSet::new(),
            latest: (since.as_millis() << 16).max(1),
            waiting: Vec::new(),
        }
    }

    pub(crate) fn revoke(&mut self, id: MessageId, until: Timestamp, wake: &mut Wake) {
        let sequence = match self.by_id.get(&id) {
            Some(former) => {
                self.ends.remove(&(former.until, id));
                former.sequence
            }
            None => {
                self.latest += 1;
                self.log.insert(self.latest, id);
                wake.all(&mut self.waiting);
                self.latest
            }
        };
        self.ends.insert((until, id));
        self.by_id.insert(id, Revoked { sequence, until });
    }

    /// Those of `ids` that are revoked at `now`.
    pub(crate) fn revoked(&self, ids: &[MessageId], now: Timestamp) -> Vec<MessageId> {
        let is_revoked = |id: &&MessageId| {
            let revoked = self.by_id.get(id);
            revoked.is_some_and(|revoked| revoked.until > now)
        };
        ids.iter().filter(is_revoked).copied().collect()
    }

    /// Forgets what is over at `now`; says which.
    pub(crate) fn sweep(&mut self, now: Timestamp) -> Vec<MessageId> {
        let mut over = Vec::new();
        while self.ends.first().is_some_and(|(until, _)| *until <= now) {
            let Some((_, id)) = self.ends.pop_first() else {
                break;
            };
            if let Some(revoked) = self.by_id.remove(&id) {
                self.log.remove(&revoked.sequence);
            }
            over.push(id);
        }
        over
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// What was revoked after `cursor`; `None` if there is nothing to tell yet.
    pub(crate) fn since(&self, cursor: u64) -> Option<Changes> {
        if cursor >= self.latest {
            return None;
        }
        let ids = self.log.range(cursor + 1..).map(|(_, id)| *id).collect();
        Some(Changes { cursor: self.latest, ids })
    }

    pub(crate) fn wait(&mut self, waiter: &Arc<Notify>) {
        join(&mut self.waiting, waiter);
    }

    pub(crate) fn tell_all(&mut self, wake: &mut Wake) {
        wake.all(&mut self.waiting);
    }
}
