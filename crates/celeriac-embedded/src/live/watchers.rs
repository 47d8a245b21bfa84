//! Who waits for which id.

use std::sync::Arc;

use celeriac_core::MessageId;
use tokio::sync::Notify;

use super::id_map::IdMap;
use super::wake::{Wake, join, leave};

/// Who waits for which id. Costs one comparison while nobody does.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    by_id: IdMap<Vec<Arc<Notify>>>,
}

impl Watchers {
    pub(crate) fn join(&mut self, id: MessageId, waiter: &Arc<Notify>) {
        join(self.by_id.entry(id).or_default(), waiter);
    }

    pub(crate) fn leave(&mut self, id: MessageId, waiter: &Arc<Notify>) {
        if let Some(waiters) = self.by_id.get_mut(&id) {
            leave(waiters, waiter);
            if waiters.is_empty() {
                self.by_id.remove(&id);
            }
        }
    }

    /// Something changed about `id`.
    pub(crate) fn tell(&self, id: MessageId, wake: &mut Wake) {
        if self.by_id.is_empty() {
            return;
        }
        for waiter in self.by_id.get(&id).into_iter().flatten() {
            wake.one(waiter);
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Tells everybody.
    pub(crate) fn tell_all(&self, wake: &mut Wake) {
        for waiter in self.by_id.values().flatten() {
            wake.one(waiter);
        }
    }
}
