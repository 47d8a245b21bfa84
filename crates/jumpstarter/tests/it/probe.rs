//! A list that actors write to and tests read.

use std::sync::Arc;

use parking_lot::Mutex;

/// Notes what happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Probe(Arc<Mutex<Vec<String>>>);

impl Probe {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().push(what.into());
    }

    /// What was noted since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}
