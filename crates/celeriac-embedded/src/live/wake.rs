//! Whom to wake once the lock is released.

use std::sync::Arc;

use tokio::sync::Notify;

/// Collects waiters under a lock and wakes them when dropped, after it.
#[derive(Debug, Default)]
#[must_use = "dropping it wakes the waiters; keep it until the lock is released"]
pub(crate) struct Wake(Vec<Arc<Notify>>);

impl Wake {
    /// Takes over everyone in a list.
    pub(crate) fn all(&mut self, waiters: &mut Vec<Arc<Notify>>) {
        if !waiters.is_empty() {
            self.0.append(waiters);
        }
    }

    /// One waiter, who keeps its place in whatever list it stands in.
    pub(crate) fn one(&mut self, waiter: &Arc<Notify>) {
        self.0.push(waiter.clone());
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        for waiter in self.0.drain(..) {
            waiter.notify_one();
        }
    }
}

/// Adds a waiter to a list unless it is there.
pub(crate) fn join(waiters: &mut Vec<Arc<Notify>>, waiter: &Arc<Notify>) {
    if !waiters.iter().any(|other| Arc::ptr_eq(other, waiter)) {
        waiters.push(waiter.clone());
    }
}

/// Takes a waiter out of a list.
pub(crate) fn leave(waiters: &mut Vec<Arc<Notify>>, waiter: &Arc<Notify>) {
    waiters.retain(|other| !Arc::ptr_eq(other, waiter));
}
