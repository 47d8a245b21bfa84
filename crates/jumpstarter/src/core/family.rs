//! The actor above another, and those below it.

use std::sync::Arc;

use super::Core;
use crate::cell::AnyCell;

impl Core {
    /// The actor above it, which may have ended.
    pub(crate) fn parent(&self) -> Option<&Arc<dyn AnyCell>> {
        self.path.parent()
    }

    /// Takes a child in; gives it back if the actor has ended.
    pub(crate) fn adopt_child(&self, child: Arc<dyn AnyCell>) -> Option<Arc<dyn AnyCell>> {
        self.with_cold(|cold| {
            if self.is_finished() {
                return Some(child);
            }
            cold.children.add(child);
            None
        })
    }

    /// The living children. Under the lock in any case: who was taken in before a
    /// shutdown began is seen by it.
    pub(crate) fn children(&self) -> Vec<Arc<dyn AnyCell>> {
        let control = self.control.lock();
        control.cold.as_ref().map(|cold| cold.children.since(0)).unwrap_or_default()
    }

    /// Lets a child go; it is to be dropped outside of locks.
    pub(crate) fn let_go(&self, child: &Core) -> Option<Arc<dyn AnyCell>> {
        self.peek_cold(|cold| cold.children.take(child)).flatten()
    }
}
