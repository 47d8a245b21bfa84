//! The quarantine in memory, by id.

use std::collections::BTreeMap;
use std::ops::Bound;

use celeriac_core::MessageId;
use celeriac_core::store::{Filter, Quarantined};

/// The quarantine in memory.
#[derive(Debug)]
pub(crate) struct Quarantine {
    by_id: BTreeMap<MessageId, Quarantined>,
    limit: usize,
}

impl Quarantine {
    pub(crate) fn new(limit: usize) -> Self {
        Self { by_id: BTreeMap::new(), limit }
    }

    /// Puts a message here; above the limit the oldest goes.
    pub(crate) fn insert(&mut self, quarantined: Quarantined) {
        self.by_id.insert(quarantined.content.id(), quarantined);
        if self.by_id.len() > self.limit
            && let Some((id, _)) = self.by_id.pop_first()
        {
            let limit = self.limit;
            tracing::warn!(%id, limit, "the quarantine is full: its oldest message was dropped");
        }
    }

    pub(crate) fn page(&self, filter: &Filter, max: usize) -> Vec<Quarantined> {
        let after = filter.after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.by_id.range((after, Bound::Unbounded));
        let meant = rest.map(|(_, quarantined)| quarantined);
        let meant = meant.filter(|quarantined| filter.matches(quarantined));
        meant.take(max).cloned().collect()
    }

    /// Whether it was here.
    pub(crate) fn remove(&mut self, id: MessageId) -> bool {
        self.by_id.remove(&id).is_some()
    }
}
