//! The versions of workflows, and who waits for a newer one.

use std::sync::Arc;

use celeriac_core::store::Watch;
use celeriac_core::{MessageId, Timestamp};
use tokio::sync::Notify;

use super::wake::Wake;
use super::watchers::Watchers;

/// So many versions are kept: workflows share them, and are told of each
/// other's changes now and then. So nothing grows with their number.
const SLOTS: usize = 1024;
/// Versions begin at the present time, so that those of the next opening are
/// higher: nobody makes a million changes in a millisecond.
const PER_MILLISECOND: u64 = 1 << 20;

/// The versions of workflows, and who waits for a newer one.
#[derive(Debug)]
pub(crate) struct Versions {
    latest: u64,
    slots: Box<[u64]>,
    watchers: Watchers,
}

impl Versions {
    pub(crate) fn new(now: Timestamp) -> Self {
        let latest = now.as_millis().saturating_mul(PER_MILLISECOND).max(1);
        let slots = vec![latest; SLOTS].into_boxed_slice();
        Self { latest, slots, watchers: Watchers::default() }
    }

    /// Something of these workflows has changed.
    pub(crate) fn grow(&mut self, ids: impl IntoIterator<Item = MessageId>, wake: &mut Wake) {
        let mut before = None;
        for id in ids {
            // Changes of the same workflow mostly come one after the other.
            if before.replace(id) != Some(id) {
                self.latest += 1;
                self.slots[slot(id)] = self.latest;
                self.watchers.tell(id, wake);
            }
        }
    }

    /// Those that are newer than their watchers have seen.
    pub(crate) fn newer(&self, watches: &[Watch]) -> Vec<(MessageId, u64)> {
        let versions = watches.iter().map(|watch| (watch, self.slots[slot(watch.id)]));
        let newer = versions.filter(|(watch, version)| *version > watch.seen);
        newer.map(|(watch, version)| (watch.id, version)).collect()
    }

    pub(crate) fn watch(&mut self, watches: &[Watch], waiter: &Arc<Notify>) {
        watches.iter().for_each(|watch| self.watchers.join(watch.id, waiter));
    }

    pub(crate) fn unwatch(&mut self, watches: &[Watch], waiter: &Arc<Notify>) {
        watches.iter().for_each(|watch| self.watchers.leave(watch.id, waiter));
    }

    /// Tells everybody.
    pub(crate) fn tell_all(&self, wake: &mut Wake) {
        self.watchers.tell_all(wake);
    }
}

/// Ids end in random bits.
fn slot(id: MessageId) -> usize {
    let [.., high, low] = *id.as_bytes();
    usize::from(u16::from_be_bytes([high, low])) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_newer_than_all_before() {
        let mut versions = Versions::new(Timestamp::from_millis(7));
        let id = |number| MessageId::from_parts(Timestamp::from_millis(1), number);
        let [a, b] = [1 << 64, 2 << 64].map(id);
        let watch = |seen| [Watch { id: a, seen }];
        let first = versions.newer(&watch(0))[0].1;
        assert!(versions.newer(&watch(first)).is_empty());
        versions.grow([b, a, a], &mut Wake::default());
        let second = versions.newer(&watch(first))[0].1;
        assert!(second > first);
        let later = Versions::new(Timestamp::from_millis(8));
        assert!(later.newer(&watch(second))[0].1 > second, "after an opening");
    }
}
